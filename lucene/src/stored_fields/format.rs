//! Which stored fields are read: a line per codec that a `.fdt` can name.
//!
//! Adding a format is a line here, and a variant where it differs. After: Lucene `Lucene41StoredFieldsFormat`,
//! `Lucene50StoredFieldsFormat`, `Lucene87StoredFieldsFormat`, `Lucene90StoredFieldsFormat`, Elasticsearch
//! `Zstd814StoredFieldsFormat`, OpenSearch custom-codecs `Lucene912CustomStoredFieldsFormat`.

use std::num::NonZeroU32;

use crate::error::Result;
use crate::file::File;
use crate::header::Codec;
use crate::input::{Input, Order};

/// What is read, for people.
const READ: &str = "the stored fields of Lucene 4.1 to 10 (LZ4 and DEFLATE), of Elasticsearch's Zstd814 and of \
    OpenSearch's ZSTD and ZSTD_NO_DICT";

/// Bytes that a trailer can have: two variable-length longs.
const TRAILER_BYTES_MAX: u64 = 2 * 9;

/// How a `.fdt` is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) order: Order,
    pub(crate) compression: Compression,
    pub(crate) ints: Ints,
    pub(crate) numbers: Numbers,
    /// How many flags stand below the number of documents in a chunk's token; the lowest says "sliced". Without flags
    /// what is at least two slices long is sliced.
    pub(crate) token_flags: u32,
    /// What stands before the first chunk.
    pub(crate) noted: Noted,
    pub(crate) index: IndexFormat,
    /// Whether numbers of chunks stand between the last chunk and the footer.
    trailer: bool,
}

/// How the bytes of a chunk, or of a slice of one, are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// One LZ4 block.
    Lz4Whole,
    /// LZ4 blocks behind a common dictionary.
    Lz4Dict,
    /// One DEFLATE block.
    DeflateWhole,
    /// DEFLATE blocks behind a common dictionary.
    DeflateDict,
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
    /// `PackedInts` of Lucene 4.0 to 4.3, which end with the word of 8 bytes that they began.
    PackedWords,
    /// `StoredFieldsInts`.
    Grouped,
}

/// How stored numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// In 4 or 8 bytes.
    Fixed,
    /// In as many bytes as it takes.
    Variable,
}

/// Where chunks begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexFormat {
    /// In `.fdx`, by blocks of chunks.
    Blocks(BlockFormat),
    /// In `.fdx`, as two sequences that `.fdm` describes.
    Sequences(SequenceFormat),
}

/// An index by blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockFormat {
    pub(crate) codec: (&'static str, u32),
    /// Whether it ends with where the chunks end.
    pub(crate) says_end: bool,
}

/// An index in two sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SequenceFormat {
    pub(crate) meta: (&'static str, u32),
    pub(crate) data: (&'static str, u32),
    pub(crate) order: Order,
    pub(crate) noted: Noted,
    /// Since `Lucene87` version 4 the number of chunks is repeated at the end of `.fdm`.
    pub(crate) counts_chunks: bool,
}

/// What a file notes about how chunks are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noted {
    slice_bytes: bool,
    packed_version: bool,
}

impl Noted {
    const NOTHING: Self = Self { slice_bytes: false, packed_version: false };
    const SLICES: Self = Self { slice_bytes: true, packed_version: false };
    const ALL: Self = Self { slice_bytes: true, packed_version: true };
}

/// How chunks are written, beyond their format: what one or another file noted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunking {
    /// Into pieces of so many bytes large chunks are sliced; `None`: they never are.
    pub(crate) slice_bytes: Option<NonZeroU32>,
    pub(crate) ints: Ints,
}

impl Chunking {
    /// Reads what is `noted` here.
    pub(crate) fn note(&mut self, noted: Noted, input: &mut Input<'_>) -> Result<()> {
        if noted.slice_bytes {
            let bytes = NonZeroU32::new(input.vint()?);
            self.slice_bytes = Some(bytes.ok_or_else(|| input.corrupt("slices of no bytes"))?);
        }
        if noted.packed_version {
            self.ints = Ints::packed(input)?;
        }
        Ok(())
    }
}

impl Ints {
    /// Reads the version of `PackedInts`.
    pub(crate) fn packed(input: &mut Input<'_>) -> Result<Self> {
        match input.vint()? {
            0 => Ok(Self::PackedWords),
            1 | 2 => Ok(Self::Packed),
            other => Err(input.corrupt(format!("packed integers of version {other}"))),
        }
    }
}

impl Format {
    /// The format of `file`, which names `codec`.
    pub(crate) fn of(codec: &Codec<'_>, file: &File) -> Result<Self> {
        let format = match (codec.name, codec.version) {
            ("Lucene41StoredFieldsData", version @ 0..=2) => lucene41(version),
            ("Lucene50StoredFieldsFastData", version @ 0..=2) => {
                lucene50("Lucene50StoredFieldsFastIndex", version, Compression::Lz4Whole)
            }
            ("Lucene50StoredFieldsHighData", version @ 0..=2) => {
                lucene50("Lucene50StoredFieldsHighIndex", version, Compression::DeflateWhole)
            }
            ("Lucene87StoredFieldsFastData", version @ (3 | 4)) => lucene87(version, Compression::Lz4Dict),
            ("Lucene87StoredFieldsHighData", version @ (3 | 4)) => lucene87(version, Compression::DeflateDict),
            ("Lucene90StoredFieldsFastData", 1) => lucene90(Compression::Lz4Dict),
            ("Lucene90StoredFieldsHighData", 1) => lucene90(Compression::DeflateDict),
            ("ZstdStoredFields814", 1) => lucene90(Compression::ZstdWhole),
            ("CustomStoredFieldsZstd", 1) => lucene90(Compression::ZstdDict),
            ("CustomStoredFieldsZstdNoDict", 1) => lucene90(Compression::ZstdBlocks),
            _ => return Err(codec.unsupported(file.label(), READ)),
        };
        Ok(format)
    }

    /// What is known of chunks before any file noted something.
    pub(crate) fn chunking(&self) -> Chunking {
        Chunking { slice_bytes: None, ints: self.ints }
    }

    /// Whether `.fdt` can have so many bytes between its last chunk and its footer.
    pub(crate) fn ends_with(&self, bytes: u64) -> bool {
        match self.trailer {
            true => (2..=TRAILER_BYTES_MAX).contains(&bytes),
            false => bytes == 0,
        }
    }
}

/// Lucene 4.1 to 4.10: version 1 slices chunks, version 2 (4.8) has footers, and an index with an end.
fn lucene41(version: u32) -> Format {
    Format {
        order: Order::Big,
        compression: Compression::Lz4Whole,
        ints: Ints::Packed,
        numbers: Numbers::Fixed,
        token_flags: 0,
        noted: Noted { slice_bytes: version >= 1, packed_version: true },
        index: IndexFormat::Blocks(BlockFormat {
            codec: ("Lucene41StoredFieldsIndex", version),
            says_end: version >= 2,
        }),
        trailer: false,
    }
}

/// Lucene 5.0 and 5.1 (version 0), 5.2 to 8.4 (version 1), 8.5 and 8.6 (version 2).
fn lucene50(index_codec: &'static str, version: u32, compression: Compression) -> Format {
    let by_blocks = BlockFormat { codec: (index_codec, version), says_end: true };
    let by_sequences = SequenceFormat {
        meta: ("Lucene85FieldsIndexMeta", 0),
        data: ("Lucene85FieldsIndexIdx", 0),
        order: Order::Big,
        noted: Noted::NOTHING,
        counts_chunks: false,
    };
    Format {
        order: Order::Big,
        compression,
        ints: Ints::Packed,
        numbers: Numbers::Variable,
        token_flags: 1,
        noted: Noted::ALL,
        index: match version {
            0 | 1 => IndexFormat::Blocks(by_blocks),
            _ => IndexFormat::Sequences(by_sequences),
        },
        trailer: version >= 1,
    }
}

/// Lucene 8.7 and 8.8 (version 3), 8.9 to 8.11 (version 4).
fn lucene87(version: u32, compression: Compression) -> Format {
    let index = SequenceFormat {
        meta: ("Lucene85FieldsIndexMeta", version),
        data: ("Lucene85FieldsIndexIdx", 0),
        order: Order::Big,
        noted: Noted::ALL,
        counts_chunks: version >= 4,
    };
    Format {
        order: Order::Big,
        compression,
        ints: Ints::Packed,
        numbers: Numbers::Variable,
        token_flags: if version >= 4 { 2 } else { 1 },
        noted: Noted::NOTHING,
        index: IndexFormat::Sequences(index),
        trailer: false,
    }
}

/// Lucene 9.0 and later, and what is derived from it.
fn lucene90(compression: Compression) -> Format {
    let index = SequenceFormat {
        meta: ("Lucene90FieldsIndexMeta", 1),
        data: ("Lucene90FieldsIndexIdx", 0),
        order: Order::Little,
        noted: Noted::SLICES,
        counts_chunks: true,
    };
    Format {
        order: Order::Little,
        compression,
        ints: Ints::Grouped,
        numbers: Numbers::Variable,
        token_flags: 2,
        noted: Noted::NOTHING,
        index: IndexFormat::Sequences(index),
        trailer: false,
    }
}

impl Compression {
    /// How many bytes one compressed byte can become: what claims more is corrupt and is not allocated.
    pub(crate) fn expansion_max(self) -> u64 {
        match self {
            Self::Lz4Whole | Self::Lz4Dict => 255,
            Self::DeflateWhole | Self::DeflateDict => 1032,
            // A block of one repeated byte: 4 bytes for 128 KiB.
            Self::ZstdWhole | Self::ZstdDict | Self::ZstdBlocks => 32_768,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::directory::Directory;
    use crate::testing::Memory;

    #[test]
    fn what_is_not_read_is_refused_by_name_and_with_what_is_read() {
        let dir: Arc<dyn Directory> = Arc::new(Memory::of("_0.fdt", vec![]));
        let file = File::open(&dir, "_0.fdt".into(), "the test").unwrap();
        let refusal = |name, version| Format::of(&Codec { name, version }, &file).unwrap_err().to_string();
        assert_eq!(
            refusal("QatStoredFieldsLz4", 1),
            "_0.fdt was written by QatStoredFieldsLz4 version 1; the stored fields of Lucene 4.1 to 10 (LZ4 and \
             DEFLATE), of Elasticsearch's Zstd814 and of OpenSearch's ZSTD and ZSTD_NO_DICT are read"
        );
        for (name, version) in [
            ("QatStoredFieldsDeflate", 1),
            ("QatStoredFieldsZstd", 1),
            ("Lucene40StoredFieldsData", 0),
            ("Lucene41StoredFieldsData", 3),
            ("Lucene50StoredFieldsFastData", 3),
            ("Lucene87StoredFieldsHighData", 2),
            ("Lucene90StoredFieldsFastData", 2),
        ] {
            assert!(refusal(name, version).contains(&format!("{name} version {version};")));
        }
    }
}
