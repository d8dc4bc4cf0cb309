//! Chunk after chunk of a range, with the checksum of what was read.
//!
//! In: a range of `.fdt` and where to start in it. Out: one [`Chunk`] at a time, in buffers of the reader. Holds: every
//! byte of the range is read once, in order, and counted into the CRC-32: also what stands before the first chunk
//! and after the last.

use std::io::{self, BufRead};
use std::ops::Range;

use crate::DocId;
use crate::error::{Error, Result};
use crate::file::File;
use crate::input::Input;

use super::document::StoredDoc;
use super::format::Format;
use super::index::{ChunkBounds, IndexCursor};
use super::output::Output;
use super::unpack::Unpacked;
use super::{Inner, RangeCrc};

/// No compressed chunk is larger: unpacked it has 31 bits at most, and what cannot be compressed grows by a hundredth.
const PACKED_BYTES_MAX: u64 = 1 << 32;

/// Reads the chunks of a range; made by [`StoredFields::read`](super::StoredFields::read).
pub struct ChunkReader {
    file: File,
    source: Box<dyn BufRead + Send>,
    index: IndexCursor,
    /// The next chunk, and the first that is outside the range.
    next: u64,
    end: u64,
    /// Where in the file the range ends and where the source stands.
    bytes_end: u64,
    at: u64,
    crc: crc32fast::Hasher,
    /// The source failed: where it stands is unknown.
    lost: bool,
    packed: Output,
    unpacked: Unpacked,
    format: Format,
}

impl ChunkReader {
    /// Reads the chunks `chunks`; `crc` is the state at the byte where reading starts.
    pub(super) fn new(
        inner: &Inner,
        index: IndexCursor,
        chunks: Range<u64>,
        crc: RangeCrc,
        bytes_end: u64,
    ) -> Result<Self> {
        let source = inner.data.stream(crc.to..bytes_end)?;
        Ok(Self {
            file: inner.data.clone(),
            source,
            next: chunks.start,
            end: chunks.end,
            bytes_end,
            at: crc.to,
            crc: crc32fast::Hasher::new_with_initial(crc.value),
            lost: false,
            packed: Output::default(),
            unpacked: Unpacked::new(inner.format, inner.chunking),
            format: inner.format,
            index,
        })
    }

    /// The next chunk; `None` once the whole range was read, after which [`ChunkReader::crc`] covers all of it.
    ///
    /// # Errors
    /// `Read` where the source fails, after which this reader is of no more use; `Corrupt` for a chunk that is not
    /// what it should be.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk<'_>>> {
        self.next_chunk_if(|_| Ok(true))
    }

    /// The next chunk that is wanted: `wanted` is asked with the documents of each chunk. The others are read, because
    /// the checksum covers them, but not unpacked.
    ///
    /// # Errors
    /// As [`ChunkReader::next_chunk`], and what `wanted` says.
    pub fn next_chunk_if(&mut self, mut wanted: impl FnMut(Range<DocId>) -> Result<bool>) -> Result<Option<Chunk<'_>>> {
        if self.lost {
            let what = "an earlier read failed".to_owned();
            return Err(Error::Position { file: self.file.label().to_string(), what });
        }
        while self.next < self.end {
            let bounds = self.index.bounds(self.next)?;
            let is_wanted = wanted(bounds.docs.clone())?;
            self.next += 1;
            if is_wanted {
                return self.unpack(bounds).map(Some);
            }
        }
        self.skip_to(self.bytes_end)?;
        Ok(None)
    }

    fn unpack(&mut self, bounds: ChunkBounds) -> Result<Chunk<'_>> {
        self.skip_to(bounds.bytes.start)?;
        let crc_before = self.crc();
        let len = bounds.bytes.end - bounds.bytes.start;
        if len > PACKED_BYTES_MAX {
            return Err(self.file.corrupt(bounds.bytes.start, format!("a chunk of {len} compressed bytes")));
        }
        let mut unpack = |packed: &[u8]| {
            self.crc.update(packed);
            self.at = bounds.bytes.end;
            let input = Input::new(self.file.label(), packed, bounds.bytes.start, self.format.order);
            self.unpacked.unpack(&bounds, input).map_err(|error| error.at(bounds.bytes.start))
        };
        // What the source has in its buffer is unpacked where it is; what it hasn't is put together here first.
        let read = match self.source.fill_buf() {
            Ok(buffer) => match buffer.get(..len as usize) {
                Some(packed) => {
                    let unpacked = unpack(packed);
                    self.source.consume(len as usize);
                    Ok(unpacked)
                }
                None => self.packed.read(&mut self.source, len as usize).map(unpack),
            },
            Err(source) => Err(source),
        };
        match read {
            Ok(unpacked) => unpacked?,
            Err(source) => return Err(self.lose(len, source)),
        }
        Ok(Chunk { file: self.file.label(), unpacked: &self.unpacked, bounds, crc_before, format: self.format })
    }

    /// The checksum from the start of the range to the end of the chunk that was returned last.
    #[must_use]
    pub fn crc(&self) -> RangeCrc {
        RangeCrc { value: self.crc.clone().finalize(), to: self.at }
    }

    /// Reads up to `offset` for the checksum only.
    fn skip_to(&mut self, offset: u64) -> Result<()> {
        while self.at < offset {
            let left = offset - self.at;
            let skipped = self.source.fill_buf().and_then(|buffer| {
                let skipped = buffer.get(..left as usize).unwrap_or(buffer);
                self.crc.update(skipped);
                if skipped.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(skipped.len()) }
            });
            match skipped {
                Ok(len) => {
                    self.source.consume(len);
                    self.at += len as u64;
                }
                Err(source) => return Err(self.lose(left, source)),
            }
        }
        Ok(())
    }

    /// The error for `len` bytes that the source did not give.
    #[cold]
    fn lose(&mut self, len: u64, source: io::Error) -> Error {
        self.lost = true;
        self.file.read_error(self.at, len, source)
    }
}

/// The documents of one chunk.
pub struct Chunk<'a> {
    file: &'a str,
    unpacked: &'a Unpacked,
    bounds: ChunkBounds,
    crc_before: RangeCrc,
    format: Format,
}

impl<'a> Chunk<'a> {
    /// Its first document.
    #[must_use]
    pub fn doc_base(&self) -> DocId {
        self.bounds.docs.start
    }

    /// How many documents it has.
    #[must_use]
    pub fn doc_count(&self) -> u32 {
        self.bounds.docs.end - self.bounds.docs.start
    }

    /// Length of all its documents together, unpacked, in bytes.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        self.unpacked.bytes().len()
    }

    /// The checksum from the start of the range to where this chunk begins: with it, [`super::StoredFields::read`] can
    /// start again at any document of this chunk.
    #[must_use]
    pub fn crc_before(&self) -> RangeCrc {
        self.crc_before
    }

    /// Document number `at` of this chunk, from 0; `None` behind the last.
    ///
    /// # Errors
    /// `Corrupt` where there are fields without bytes, or bytes without fields.
    #[must_use]
    #[inline]
    pub fn doc(&self, at: u32) -> Option<Result<StoredDoc<'a>>> {
        let at = at as usize;
        let fields = *self.unpacked.fields.get(at)?;
        let end = *self.unpacked.ends.get(at)? as usize;
        let start = match at.checked_sub(1) {
            Some(before) => *self.unpacked.ends.get(before)? as usize,
            None => 0,
        };
        let bytes = self.unpacked.bytes().get(start..end)?;
        let doc = self.bounds.docs.start + at as u32;
        if bytes.is_empty() != (fields == 0) {
            return Some(Err(self.corrupt(doc, fields, bytes.len())));
        }
        let (order, numbers) = (self.format.order, self.format.numbers);
        Some(Ok(StoredDoc { doc, fields, bytes, order, numbers, file: self.file, chunk: self.bounds.bytes.start }))
    }

    #[cold]
    fn corrupt(&self, doc: DocId, fields: u32, bytes: usize) -> Error {
        let what = format!("document {doc}: {fields} fields in {bytes} bytes");
        Error::Corrupt { file: self.file.to_owned(), offset: self.bounds.bytes.start, what }
    }

    /// All documents, in order.
    #[inline]
    pub fn docs(&self) -> impl Iterator<Item = Result<StoredDoc<'a>>> {
        (0..self.doc_count()).map_while(|at| self.doc(at))
    }
}
