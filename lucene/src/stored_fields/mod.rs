//! Stored fields: `.fdt` holds them in compressed chunks, `.fdx` says where each chunk begins, since Lucene 8.5 with
//! `.fdm`.
//!
//! A *chunk* is some hundred documents, compressed together; a huge one is *sliced* into pieces that are compressed on
//! their own. [`StoredFields::cuts`] divides a segment at chunk starts, [`StoredFields::read`] reads such a part, from
//! any document on. The way of a byte: `reader` reads a chunk, `index` knows how long it is, `unpack` reads its header
//! and arrays (`ints`) and has it unpacked (`lz4`, `deflate`, `zstd`) into `output`; `document` reads the fields.
//! What differs from one Lucene version to the next is put down in `format`.
//! Memory: one chunk compressed and unpacked, two blocks of the index; up to Lucene 8.4 the whole `.fdx`, 1 MB for 5 GB
//! of stored fields. After: Lucene `compressing` stored fields.

mod format;

mod block_index;
mod index;
mod sequence_index;

mod reader;
mod unpack;

mod deflate;
mod dict_blocks;
mod ints;
mod lz4;
mod output;
mod zstd;

mod document;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod writer;

use std::ops::Range;
use std::sync::Arc;

pub use document::{Fields, StoredDoc, StoredValue};
pub use reader::{Chunk, ChunkReader};

use crate::DocId;
use crate::compound::SegmentFiles;
use crate::error::{Error, Result};
use crate::file::File;
use crate::footer;
use crate::header;
use crate::input::{Input, Order};
use format::{Chunking, Format};
use index::{ChunkIndex, IndexCursor, Segment};

/// A part of a segment's stored fields that begins and ends where a chunk does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkRange {
    /// The documents in it.
    pub docs: Range<DocId>,
    /// The bytes of `.fdt` in it. The first part begins at 0 with the header, the last ends before the CRC of the
    /// footer: so the checksums of all parts combine to the footer's. Without a footer it ends with the file.
    pub bytes: Range<u64>,
}

/// A checksum of the beginning of a [`ChunkRange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeCrc {
    /// CRC-32 of the bytes from the start of the range up to `to`.
    pub value: u32,
    /// Where in `.fdt` it ends.
    pub to: u64,
}

/// The stored fields of a segment.
#[derive(Clone)]
pub struct StoredFields {
    inner: Arc<Inner>,
}

struct Inner {
    data: File,
    format: Format,
    chunking: Chunking,
    /// Where the footer of `data` begins; its end where there is none.
    body_end: u64,
    index: Arc<ChunkIndex>,
}

impl StoredFields {
    pub(crate) fn open(files: &SegmentFiles, max_doc: u32) -> Result<Self> {
        let data = files.inside(".fdt")?;
        let head = data.read_head()?;
        let mut input = Input::new(data.label(), &head, 0, Order::Big);
        let codec = header::read(&mut input, files.id(), "")?;
        let format = Format::of(&codec, &data)?;
        let mut chunking = format.chunking();
        chunking.note(format.noted, &mut input)?;
        let body = input.offset()..data.body_end(&codec)?;
        let segment = Segment { files, max_doc, body: body.clone() };
        let index = Arc::new(ChunkIndex::open(&format, &segment, &mut chunking)?);
        Ok(Self { inner: Arc::new(Inner { data, format, chunking, body_end: body.end, index }) })
    }

    /// Length of `.fdt` in bytes.
    #[must_use]
    pub fn data_len(&self) -> u64 {
        self.inner.data.len()
    }

    /// The CRC-32 that `.fdt` must have, without its last 8 bytes; `None` where it has no footer, as Lucene 4.0 to 4.7
    /// wrote it.
    ///
    /// # Errors
    /// `Corrupt` where the file does not end as a Lucene file, `Read`.
    pub fn footer_crc(&self) -> Result<Option<u32>> {
        let data = &self.inner.data;
        let start = self.inner.body_end;
        if start == data.len() {
            return Ok(None);
        }
        footer::read(data.label(), &data.read(start..data.len())?, start).map(Some)
    }

    /// Cuts the whole segment into parts of about `bytes` bytes of `.fdt`: at least `bytes` but in the last, and at
    /// least one chunk. Reads all of `.fdx`, a block at a time.
    ///
    /// # Errors
    /// `Corrupt` where chunks do not ascend, `Read`.
    pub fn cuts(&self, bytes: u64) -> Result<Vec<ChunkRange>> {
        let mut index = self.cursor();
        let chunks = index.index().chunks();
        let mut cuts = Vec::new();
        let (mut doc, mut byte) = (0, 0);
        for chunk in 0..chunks {
            let bounds = index.bounds(chunk)?;
            let last = chunk + 1 == chunks;
            if last || bounds.bytes.end - byte >= bytes {
                let end = if last { self.covered_end() } else { bounds.bytes.end };
                cuts.push(ChunkRange { docs: doc..bounds.docs.end, bytes: byte..end });
                (doc, byte) = (bounds.docs.end, end);
            }
        }
        if chunks == 0 {
            cuts.push(ChunkRange { docs: 0..0, bytes: 0..self.covered_end() });
        }
        Ok(cuts)
    }

    /// Reads the chunks of `range`, from the one that holds `from_doc` (the end of the range: no chunk).
    ///
    /// `crc` is the checksum of the range up to that chunk, from [`Chunk::crc_before`]. Where it ends earlier, or is
    /// `None`, what is between is read again for the checksum only.
    ///
    /// # Errors
    /// `Position` where `range` does not begin and end with chunks of this segment, `from_doc` is outside it, or `crc`
    /// ends behind the chunk; `Corrupt`, `Read`.
    pub fn read(&self, range: &ChunkRange, from_doc: DocId, crc: Option<RangeCrc>) -> Result<ChunkReader> {
        let mut index = self.cursor();
        self.boundary(&mut index, range.docs.start, range.bytes.start)?;
        let end = self.boundary(&mut index, range.docs.end, range.bytes.end)?;
        if from_doc < range.docs.start || range.docs.end < from_doc {
            return Err(self.position(format!("document {from_doc} is not in {:?}", range.docs)));
        }
        let (chunk, start) = if from_doc == range.docs.end {
            (end, range.bytes.end)
        } else {
            let chunk = index.find(from_doc)?;
            (chunk, index.start(chunk)?)
        };
        let crc = crc.unwrap_or(RangeCrc { value: 0, to: range.bytes.start });
        if crc.to < range.bytes.start || start < crc.to {
            return Err(self.position(format!("the checksum ends at byte {}, the chunk begins at {start}", crc.to)));
        }
        ChunkReader::new(&self.inner, index, chunk..end, crc, range.bytes.end)
    }

    fn cursor(&self) -> IndexCursor {
        IndexCursor::new(Arc::clone(&self.inner.index))
    }

    /// Where what a checksum covers ends.
    fn covered_end(&self) -> u64 {
        let has_footer = self.inner.body_end < self.data_len();
        self.data_len() - if has_footer { footer::CRC_LEN } else { 0 }
    }

    /// The chunk that begins at `doc` and `byte`, as [`StoredFields::cuts`] gives them.
    fn boundary(&self, index: &mut IndexCursor, doc: DocId, byte: u64) -> Result<u64> {
        let (chunks, max_doc) = (index.index().chunks(), index.index().max_doc());
        let chunk = if doc >= max_doc { chunks } else { index.find(doc)? };
        let byte_fits = (chunk == 0 && byte == 0)
            || (chunk == chunks && byte == self.covered_end())
            || (0 < chunk && chunk < chunks && byte == index.start(chunk)?);
        if !byte_fits || index.first_doc(chunk)? != doc {
            return Err(self.position(format!("no chunk begins at document {doc} and byte {byte}")));
        }
        Ok(chunk)
    }

    #[cold]
    fn position(&self, what: String) -> Error {
        Error::Position { file: self.inner.data.label().to_string(), what }
    }
}
