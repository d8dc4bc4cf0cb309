//! The bytes of one chunk become its documents, in buffers that are used again.
//!
//! In: a chunk and what the index says of it. Out: fields and bytes of each document. Holds: the chunk's own header
//! agrees with the index; every byte of the chunk is accounted for; nothing is allocated before the claimed size is
//! possible for so many compressed bytes.
//! After: Lucene `CompressingStoredFieldsReader.BlockState`, `Lucene90CompressingStoredFieldsReader.BlockState`.

use crate::error::Result;
use crate::input::Input;

use super::deflate::Inflater;
use super::format::{Compression, Format};
use super::index::ChunkBounds;
use super::output::Output;
use super::zstd::Unzstd;
use super::{ints, lz4};

/// Writers close a chunk at 4096 documents at the latest.
const CHUNK_DOCS_MAX: u32 = 65_536;

/// No chunk unpacks to more: Lucene adds the lengths up in 31 bits.
const CHUNK_BYTES_MAX: u64 = i32::MAX as u64;

/// The documents of the chunk that was unpacked last.
pub(crate) struct Unpacked {
    format: Format,
    slice_bytes: u32,
    /// Fields of each document.
    pub(crate) fields: Vec<u32>,
    /// Where in the output each document ends.
    pub(crate) ends: Vec<u32>,
    output: Output,
    inflater: Option<Inflater>,
    unzstd: Option<Unzstd>,
}

impl Unpacked {
    pub(crate) fn new(format: Format, slice_bytes: u32) -> Self {
        Self {
            format,
            slice_bytes,
            fields: Vec::new(),
            ends: Vec::new(),
            output: Output::default(),
            inflater: None,
            unzstd: None,
        }
    }

    /// The bytes of all documents.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.output.as_slice()
    }

    /// Forgets the chunk, so that none is there if the next one cannot be read.
    pub(crate) fn clear(&mut self) {
        self.fields.clear();
        self.ends.clear();
        self.output.clear();
    }

    /// Unpacks the chunk that `input` holds from its first byte to its last.
    pub(crate) fn unpack(&mut self, bounds: &ChunkBounds, mut input: Input<'_>) -> Result<()> {
        self.clear();
        input.set_order(self.format.order);
        let sliced = self.header(bounds, &mut input)?;
        let total = u64::from(self.ends.last().copied().unwrap_or_default());
        if total == 0 {
            return Ok(()); // compressors write a few bytes that say "nothing"; the index knows where the next begins
        }
        let possible = (input.left() as u64).saturating_mul(self.format.compression.expansion_max());
        if total > possible {
            return Err(input.corrupt(format!("{} bytes cannot become {total}", input.left())));
        }
        let unit_bytes = if sliced { u64::from(self.slice_bytes) } else { total };
        let mut left = total;
        while left > 0 {
            let unit = unit_bytes.min(left);
            self.unit(&mut input, unit as usize)?;
            left -= unit;
        }
        match input.left() {
            0 => Ok(()),
            left => Err(input.corrupt(format!("{left} bytes are left over at the end of a chunk"))),
        }
    }

    /// Reads everything before the compressed bytes; gives whether these are sliced.
    fn header(&mut self, bounds: &ChunkBounds, input: &mut Input<'_>) -> Result<bool> {
        let doc_base = input.vint()?;
        let token = input.vint()?;
        let doc_count = token >> self.format.token_flags;
        if doc_base != bounds.docs.start || doc_count != bounds.docs.end - bounds.docs.start {
            let what =
                format!("a chunk of {doc_count} documents from {doc_base} where the index has {:?}", bounds.docs);
            return Err(input.corrupt(what));
        }
        if doc_count > CHUNK_DOCS_MAX {
            return Err(input.corrupt(format!("{doc_count} documents in one chunk")));
        }
        ints::read(self.format.ints, input, doc_count as usize, &mut self.fields)?;
        ints::read(self.format.ints, input, doc_count as usize, &mut self.ends)?;
        let mut end = 0u64;
        for slot in &mut self.ends {
            end += u64::from(*slot);
            *slot = end as u32; // checked below, before anyone uses it
        }
        if end > CHUNK_BYTES_MAX {
            return Err(input.corrupt(format!("a chunk of {end} bytes")));
        }
        Ok(token & 1 == 1)
    }

    /// Unpacks what was compressed in one go: a slice, or the whole chunk.
    fn unit(&mut self, input: &mut Input<'_>, len: usize) -> Result<()> {
        let output = &mut self.output;
        let unzstd = match self.format.compression {
            Compression::Lz4 => return lz4::unpack(input, len, output),
            Compression::Deflate => {
                return self.inflater.get_or_insert_with(Inflater::new).unpack(input, len, output);
            }
            _ => match &mut self.unzstd {
                Some(unzstd) => unzstd,
                None => {
                    let unzstd = Unzstd::new().map_err(|error| input.corrupt(format!("zstd: {error}")))?;
                    self.unzstd.insert(unzstd)
                }
            },
        };
        match self.format.compression {
            Compression::ZstdDict => unzstd.unpack_dict(input, len, output),
            Compression::ZstdBlocks => unzstd.unpack_blocks(input, len, output),
            _ => unzstd.unpack_whole(input, len, output),
        }
    }
}
