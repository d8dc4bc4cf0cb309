//! Where each chunk begins, in documents and in bytes of `.fdt`.
//!
//! In: `.fdx`, and `.fdm` where there is one. Out: the bounds of a chunk, or the chunk of a document. Holds: chunks
//! follow each other without a gap, from the header of `.fdt` to where it ends and from document 0 to the last.
//! Not here: how the two kinds of index are read (`block_index`, `sequence_index`).

use std::ops::Range;
use std::sync::Arc;

use crate::compound::SegmentFiles;
use crate::error::{Error, Result};

use super::block_index::{Block, BlockIndex};
use super::format::{Chunking, Format, IndexFormat};
use super::sequence_index::{Places, SequenceIndex};

/// The chunks of a segment.
pub(crate) struct ChunkIndex {
    /// `.fdx`, for people.
    file: Arc<str>,
    chunks: u64,
    max_doc: u32,
    /// Where chunks begin and end in `.fdt`.
    body: Range<u64>,
    kind: Kind,
}

enum Kind {
    Blocks(BlockIndex),
    Sequences(Box<SequenceIndex>),
}

/// What the index says of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChunkBounds {
    pub(crate) docs: Range<u32>,
    pub(crate) bytes: Range<u64>,
}

/// What other files say of the chunks.
pub(crate) struct Segment<'a> {
    pub(crate) files: &'a SegmentFiles,
    pub(crate) max_doc: u32,
    /// What is neither header nor footer of `.fdt`.
    pub(crate) body: Range<u64>,
}

impl ChunkIndex {
    /// Opens the index; puts down in `chunking` what it notes.
    pub(crate) fn open(format: &Format, segment: &Segment<'_>, chunking: &mut Chunking) -> Result<Self> {
        let data = segment.files.inside(".fdx")?;
        let file = Arc::clone(data.label());
        let (kind, chunks, chunks_end) = match format.index {
            IndexFormat::Blocks(blocks) => {
                let index = BlockIndex::open(&data, &blocks, segment)?;
                let (chunks, end) = (index.chunks(), index.chunks_end().unwrap_or(segment.body.end));
                (Kind::Blocks(index), chunks, end)
            }
            IndexFormat::Sequences(sequences) => {
                let index = SequenceIndex::open(data, &sequences, segment, chunking)?;
                let (chunks, end) = (index.chunks, index.chunks_end);
                (Kind::Sequences(Box::new(index)), chunks, end)
            }
        };
        let index = Self { file, chunks, max_doc: segment.max_doc, body: segment.body.start..chunks_end, kind };
        index.check(format, segment)?;
        Ok(index)
    }

    /// Checks that the chunks can be all of `.fdt`, and all documents.
    fn check(&self, format: &Format, segment: &Segment<'_>) -> Result<()> {
        let behind = segment.body.end.checked_sub(self.body.end);
        let ends = self.body.start <= self.body.end && behind.is_some_and(|bytes| format.ends_with(bytes));
        if !ends {
            let what = format!("its chunks are the bytes {:?} of stored fields in {:?}", self.body, segment.body);
            return Err(self.corrupt(what));
        }
        if self.chunks > u64::from(self.max_doc) || (self.chunks == 0) != (self.max_doc == 0) {
            return Err(self.corrupt(format!("it has {} chunks for {} documents", self.chunks, self.max_doc)));
        }
        Ok(())
    }

    pub(crate) fn chunks(&self) -> u64 {
        self.chunks
    }

    pub(crate) fn max_doc(&self) -> u32 {
        self.max_doc
    }

    #[cold]
    fn corrupt(&self, what: String) -> Error {
        Error::Corrupt { file: self.file.to_string(), offset: 0, what }
    }
}

/// Reads a [`ChunkIndex`], mostly forwards; keeps what is around the chunk that was asked for last.
pub(crate) struct IndexCursor {
    index: Arc<ChunkIndex>,
    block: Block,
    places: Places,
}

impl IndexCursor {
    pub(crate) fn new(index: Arc<ChunkIndex>) -> Self {
        Self { index, block: Block::default(), places: Places::default() }
    }

    pub(crate) fn index(&self) -> &ChunkIndex {
        &self.index
    }

    /// The bounds of chunk number `chunk`.
    pub(crate) fn bounds(&mut self, chunk: u64) -> Result<ChunkBounds> {
        let docs = self.first_doc(chunk)?..self.first_doc(chunk + 1)?;
        let bytes = self.start(chunk)?..self.start(chunk + 1)?;
        if docs.is_empty() || bytes.is_empty() {
            let what = format!("chunk {chunk} has the documents {docs:?} and the bytes {bytes:?}");
            return Err(self.index.corrupt(what));
        }
        Ok(ChunkBounds { docs, bytes })
    }

    /// The first document of chunk number `chunk`; one past the last chunk: of the segment's end.
    pub(crate) fn first_doc(&mut self, chunk: u64) -> Result<u32> {
        let index = &*self.index;
        let found = match &index.kind {
            _ if chunk == index.chunks => return Ok(index.max_doc),
            Kind::Blocks(blocks) => blocks.place(&mut self.block, chunk)?.doc,
            Kind::Sequences(sequences) => sequences.first_doc(&mut self.places, chunk)?,
        };
        match u32::try_from(found).ok().filter(|doc| *doc < index.max_doc) {
            Some(doc) if (doc == 0) == (chunk == 0) => Ok(doc),
            _ => Err(index.corrupt(format!("chunk {chunk} begins at document {found} of {}", index.max_doc))),
        }
    }

    /// Where in `.fdt` chunk number `chunk` begins; one past the last chunk: where the chunks end.
    pub(crate) fn start(&mut self, chunk: u64) -> Result<u64> {
        let index = &*self.index;
        let found = match &index.kind {
            _ if chunk == index.chunks => return Ok(index.body.end),
            Kind::Blocks(blocks) => blocks.place(&mut self.block, chunk)?.byte,
            Kind::Sequences(sequences) => sequences.start(&mut self.places, chunk)?,
        };
        match u64::try_from(found).ok().filter(|start| index.body.contains(start)) {
            Some(start) if (start == index.body.start) == (chunk == 0) => Ok(start),
            _ => Err(index.corrupt(format!("chunk {chunk} begins at byte {found} of the stored fields"))),
        }
    }

    /// The chunk that holds `doc`, which must be below the segment's number of documents.
    pub(crate) fn find(&mut self, doc: u32) -> Result<u64> {
        let (mut low, mut high) = (0, self.index.chunks);
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if self.first_doc(middle)? <= doc {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}
