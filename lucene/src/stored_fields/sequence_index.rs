//! The index of Lucene 8.5 and later: `.fdx` holds two ascending sequences, which `.fdm` describes.
//!
//! In: `.fdm` whole, `.fdx` by blocks of 1024 chunks. Out: a document or a byte per chunk, unchecked. Memory: a block of
//! each sequence. After: Lucene `FieldsIndexReader`, `FieldsIndexWriter`.

use std::ops::Range;

use crate::direct_monotonic::{self, Cursor, Monotonic};
use crate::error::Result;
use crate::file::{File, Whole};
use crate::header;
use crate::input::{Input, Order};
use crate::version::READ;

use super::format::{Chunking, SequenceFormat};
use super::index::Segment;

/// First documents and first bytes of all chunks.
pub(super) struct SequenceIndex {
    pub(super) chunks: u64,
    /// Where in `.fdt` the last chunk ends.
    pub(super) chunks_end: u64,
    docs: Monotonic,
    bytes: Monotonic,
}

/// What was read last of each sequence.
#[derive(Default)]
pub(super) struct Places {
    docs: Cursor,
    bytes: Cursor,
}

impl SequenceIndex {
    /// Reads `.fdm` and the header of `.fdx`, which is `data`; puts down in `chunking` what `.fdm` notes.
    pub(super) fn open(
        data: File,
        format: &SequenceFormat,
        segment: &Segment<'_>,
        chunking: &mut Chunking,
    ) -> Result<Self> {
        let file = segment.files.inside(".fdm")?;
        let whole = Whole::read(&file)?;
        let mut input = whole.body();
        let codec = header::read(&mut input, segment.files.id(), "")?;
        if (codec.name, codec.version) != format.meta {
            return Err(codec.unsupported(file.label(), READ));
        }
        input.set_order(format.order);
        chunking.note(format.noted, &mut input)?;
        let data = data.held_if_small()?;
        let data_body = check_data(&data, segment, format.data)?;
        let index = parse(&mut input, format.order, segment, data, data_body)?;
        if format.counts_chunks && input.vlong()? != index.chunks {
            return Err(input.corrupt(format!("it counts other chunks than the {} of its index", index.chunks)));
        }
        Ok(index)
    }

    pub(super) fn first_doc(&self, places: &mut Places, chunk: u64) -> Result<i64> {
        self.docs.get(&mut places.docs, chunk)
    }

    pub(super) fn start(&self, places: &mut Places, chunk: u64) -> Result<i64> {
        self.bytes.get(&mut places.bytes, chunk)
    }
}

/// Gives what in `.fdx` is neither header nor footer.
fn check_data(file: &File, segment: &Segment<'_>, wanted: (&'static str, u32)) -> Result<Range<u64>> {
    let check = |codec: header::Codec<'_>| match (codec.name, codec.version) == wanted {
        true => Ok(()),
        false => Err(codec.unsupported(file.label(), READ)),
    };
    file.header(segment.files.id(), "", check).map(|((), body)| body)
}

fn parse(
    input: &mut Input<'_>,
    order: Order,
    segment: &Segment<'_>,
    data: File,
    data_body: Range<u64>,
) -> Result<SequenceIndex> {
    let max_doc = input.u32()?;
    let shift = input.u32()?;
    let entries = u64::from(input.u32()?);
    let docs_start = input.u64()?;
    let docs = direct_monotonic::read_meta(input, entries, shift)?;
    let docs_end = input.u64()?;
    let bytes = direct_monotonic::read_meta(input, entries, shift)?;
    let bytes_end = input.u64()?;
    let chunks_end = input.u64()?;
    let chunks = entries.checked_sub(1).ok_or_else(|| input.corrupt("not even the end of the chunks is there"))?;
    let ordered = data_body.start <= docs_start && docs_start <= docs_end && docs_end <= bytes_end;
    if !ordered || bytes_end > data_body.end {
        return Err(input.corrupt(format!("{} is divided otherwise", data.label())));
    }
    if max_doc != segment.max_doc {
        return Err(input.corrupt(format!("it is for {max_doc} documents where there are {}", segment.max_doc)));
    }
    let in_data = |meta: direct_monotonic::Meta, range: Range<u64>| meta.in_file(data.clone(), order, range);
    Ok(SequenceIndex {
        chunks,
        chunks_end,
        docs: in_data(docs, docs_start..docs_end),
        bytes: in_data(bytes, docs_end..bytes_end),
    })
}
