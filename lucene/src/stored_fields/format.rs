//! Which stored fields are read: a line per codec that a `.fdt` can name.
//!
//! Adding a format is a line here, and a variant where it differs. After: Lucene `Lucene87StoredFieldsFormat`,
//! `Lucene90StoredFieldsFormat`, Elasticsearch `Zstd814StoredFieldsFormat`, OpenSearch custom-codecs
//! `Lucene912CustomStoredFieldsFormat`.

use crate::error::Result;
use crate::file::File;
use crate::header::Codec;
use crate::input::Order;

/// What is read, for people.
const READ: &str = "the stored fields of Lucene 8.7 to 10, of Elasticsearch's Zstd814 and of OpenSearch's Zstd";

/// How a `.fdt` is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) order: Order,
    pub(crate) compression: Compression,
    pub(crate) ints: Ints,
    /// How many flags stand below the number of documents in a chunk's token; the lowest says "sliced".
    pub(crate) token_flags: u32,
    pub(crate) index: IndexFormat,
}

/// How the bytes of a chunk, or of a slice of one, are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// LZ4 blocks behind a common dictionary.
    Lz4,
    /// DEFLATE blocks behind a common dictionary.
    Deflate,
    /// One zstd frame.
    ZstdWhole,
    /// zstd frames behind a common dictionary.
    ZstdDict,
    /// zstd frames, each on its own.
    ZstdBlocks,
}

/// How the two arrays of integers at the beginning of a chunk are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ints {
    /// `PackedInts`.
    Packed,
    /// `StoredFieldsInts`.
    Grouped,
}

/// The codecs of `.fdm` and `.fdx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexFormat {
    pub(crate) meta: (&'static str, u32),
    pub(crate) data: (&'static str, u32),
    /// Since `Lucene87` version 4 the number of chunks is repeated at the end of `.fdm`.
    pub(crate) counts_chunks: bool,
    /// `Lucene87` notes the version of the packed integers.
    pub(crate) packed_version: bool,
}

impl Format {
    /// The format of `file`, which names `codec`.
    pub(crate) fn of(codec: &Codec<'_>, file: &File) -> Result<Self> {
        let format = match (codec.name, codec.version) {
            ("Lucene87StoredFieldsFastData", version @ (3 | 4)) => lucene87(version, Compression::Lz4),
            ("Lucene87StoredFieldsHighData", version @ (3 | 4)) => lucene87(version, Compression::Deflate),
            ("Lucene90StoredFieldsFastData", 1) => lucene90(Compression::Lz4),
            ("Lucene90StoredFieldsHighData", 1) => lucene90(Compression::Deflate),
            ("ZstdStoredFields814", 1) => lucene90(Compression::ZstdWhole),
            ("CustomStoredFieldsZstd", 1) => lucene90(Compression::ZstdDict),
            ("CustomStoredFieldsZstdNoDict", 1) => lucene90(Compression::ZstdBlocks),
            _ => return Err(codec.unsupported(file.label(), READ)),
        };
        Ok(format)
    }
}

/// Lucene 8.7 and 8.8 (version 3), 8.9 to 8.11 (version 4).
fn lucene87(version: u32, compression: Compression) -> Format {
    let index = IndexFormat {
        meta: ("Lucene85FieldsIndexMeta", version),
        data: ("Lucene85FieldsIndexIdx", 0),
        counts_chunks: version >= 4,
        packed_version: true,
    };
    let token_flags = if version >= 4 { 2 } else { 1 };
    Format { order: Order::Big, compression, ints: Ints::Packed, token_flags, index }
}

/// Lucene 9.0 and later, and what is derived from it.
fn lucene90(compression: Compression) -> Format {
    let index = IndexFormat {
        meta: ("Lucene90FieldsIndexMeta", 1),
        data: ("Lucene90FieldsIndexIdx", 0),
        counts_chunks: true,
        packed_version: false,
    };
    Format { order: Order::Little, compression, ints: Ints::Grouped, token_flags: 2, index }
}

impl Compression {
    /// How many bytes one compressed byte can become: what claims more is corrupt and is not allocated.
    pub(crate) fn expansion_max(self) -> u64 {
        match self {
            Self::Lz4 => 255,
            Self::Deflate => 1032,
            // A block of one repeated byte: 4 bytes for 128 KiB.
            Self::ZstdWhole | Self::ZstdDict | Self::ZstdBlocks => 32_768,
        }
    }
}
