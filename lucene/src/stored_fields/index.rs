//! `.fdm` and `.fdx`: where each chunk begins, in documents and in bytes of `.fdt`.
//!
//! In: `.fdm` whole, `.fdx` by blocks of 1024 chunks. Out: the bounds of a chunk, or the chunk of a document. Holds:
//! chunks follow each other without a gap, from the header of `.fdt` to its footer and from document 0 to the last.
//! After: Lucene `FieldsIndexReader`, `FieldsIndexWriter`.

use std::ops::Range;
use std::sync::Arc;

use crate::direct_monotonic::{self, Cursor, Monotonic};
use crate::error::Result;
use crate::file::{File, Whole};
use crate::header;
use crate::input::{Input, Order};
use crate::version::READ;

use super::format::{Format, IndexFormat};

/// The chunks of a segment.
pub(crate) struct ChunkIndex {
    file: File,
    chunks: u64,
    max_doc: u32,
    docs: Monotonic,
    pointers: Monotonic,
    /// Where chunks begin and end in `.fdt`.
    body: Range<u64>,
    /// Into pieces of so many bytes large chunks are sliced.
    pub(crate) slice_bytes: u32,
}

/// What the index says of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChunkBounds {
    pub(crate) docs: Range<u32>,
    pub(crate) bytes: Range<u64>,
}

/// The files of the index and what other files say of it.
pub(crate) struct Sources<'a> {
    pub(crate) meta: &'a File,
    pub(crate) data: File,
    pub(crate) id: Option<&'a [u8; 16]>,
    pub(crate) max_doc: u32,
    /// Where chunks begin and end in `.fdt`.
    pub(crate) body: Range<u64>,
}

impl ChunkIndex {
    pub(crate) fn open(format: &Format, sources: Sources<'_>) -> Result<Self> {
        let whole = Whole::read(sources.meta)?;
        let mut input = whole.body();
        let codec = header::read(&mut input, sources.id, "")?;
        if (codec.name, codec.version) != format.index.meta {
            return Err(codec.unsupported(sources.meta.label(), READ));
        }
        input.set_order(format.order);
        let data_body = check_data(&sources, &format.index)?;
        parse(&mut input, format, sources, data_body)
    }

    pub(crate) fn chunks(&self) -> u64 {
        self.chunks
    }

    pub(crate) fn max_doc(&self) -> u32 {
        self.max_doc
    }
}

/// Gives what in `.fdx` is neither header nor footer.
fn check_data(sources: &Sources<'_>, format: &IndexFormat) -> Result<Range<u64>> {
    let file = &sources.data;
    let check = |codec: header::Codec<'_>| match (codec.name, codec.version) == format.data {
        true => Ok(()),
        false => Err(codec.unsupported(file.label(), READ)),
    };
    file.header(sources.id, "", check).map(|((), body)| body)
}

fn parse(input: &mut Input<'_>, format: &Format, sources: Sources<'_>, data_body: Range<u64>) -> Result<ChunkIndex> {
    let slice_bytes = input.vint()?;
    if format.index.packed_version {
        input.vint()?;
    }
    let max_doc = input.u32()?;
    let shift = input.u32()?;
    let entries = u64::from(input.u32()?);
    let docs_start = input.u64()?;
    let docs = direct_monotonic::read_meta(input, entries, shift)?;
    let docs_end = input.u64()?;
    let pointers = direct_monotonic::read_meta(input, entries, shift)?;
    let pointers_end = input.u64()?;
    let chunks_end = input.u64()?;
    let chunks = entries.checked_sub(1).ok_or_else(|| input.corrupt("not even the end of the chunks is there"))?;
    if format.index.counts_chunks && input.vlong()? != chunks {
        return Err(input.corrupt(format!("it counts other chunks than the {chunks} of its index")));
    }
    let ordered = data_body.start <= docs_start && docs_start <= docs_end && docs_end <= pointers_end;
    if !ordered || pointers_end > data_body.end {
        return Err(input.corrupt(format!("{} is divided otherwise", sources.data.label())));
    }
    if max_doc != sources.max_doc || chunks_end != sources.body.end || slice_bytes == 0 {
        return Err(input.corrupt("it describes other stored fields"));
    }
    let in_data = |meta: direct_monotonic::Meta, range: Range<u64>, order: Order| {
        meta.in_file(sources.data.clone(), order, range)
    };
    Ok(ChunkIndex {
        chunks,
        max_doc,
        docs: in_data(docs, docs_start..docs_end, format.order),
        pointers: in_data(pointers, docs_end..pointers_end, format.order),
        body: sources.body,
        slice_bytes,
        file: sources.data,
    })
}

/// Reads a [`ChunkIndex`], mostly forwards; keeps one block of each of its two sequences.
pub(crate) struct IndexCursor {
    index: Arc<ChunkIndex>,
    docs: Cursor,
    pointers: Cursor,
}

impl IndexCursor {
    pub(crate) fn new(index: Arc<ChunkIndex>) -> Self {
        Self { index, docs: Cursor::default(), pointers: Cursor::default() }
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
            return Err(self.index.file.corrupt(0, what));
        }
        Ok(ChunkBounds { docs, bytes })
    }

    /// The first document of chunk number `chunk`; one past the last chunk: of the segment's end.
    pub(crate) fn first_doc(&mut self, chunk: u64) -> Result<u32> {
        let index = &*self.index;
        let found = index.docs.get(&mut self.docs, chunk)?;
        match u32::try_from(found).ok().filter(|doc| *doc <= index.max_doc) {
            Some(doc) if (doc == 0) == (chunk == 0) && (doc == index.max_doc) == (chunk == index.chunks) => Ok(doc),
            _ => Err(index.file.corrupt(0, format!("chunk {chunk} begins at document {found} of {}", index.max_doc))),
        }
    }

    /// Where in `.fdt` chunk number `chunk` begins; one past the last chunk: where the chunks end.
    pub(crate) fn start(&mut self, chunk: u64) -> Result<u64> {
        let index = &*self.index;
        let found = index.pointers.get(&mut self.pointers, chunk)?;
        match u64::try_from(found).ok().filter(|start| index.body.start <= *start && *start <= index.body.end) {
            Some(start)
                if (start == index.body.start) == (chunk == 0)
                    && (start == index.body.end) == (chunk == index.chunks) =>
            {
                Ok(start)
            }
            _ => Err(index.file.corrupt(0, format!("chunk {chunk} begins at byte {found} of the stored fields"))),
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
