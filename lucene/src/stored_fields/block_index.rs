//! The index of Lucene 4.1 to 8.4: `.fdx` holds blocks of up to 1024 chunks, each a straight line and what departs from
//! it.
//!
//! ```text
//! version of packed integers: vint | block… | 0: vint | where the chunks end: vlong (since 4.8)
//! block: chunks, first document, documents per chunk, bits: vint | departures: packed
//!        first byte, bytes per chunk: vlong | bits: vint | departures: packed
//! ```
//! In: `.fdx` whole. Out: document and byte of a chunk, unchecked. Holds: `.fdx` with a table of its blocks, and one
//! block unpacked. Memory: some 3 bytes per chunk of 16 KB, 1 MB for 5 GB of stored fields; the table is never larger
//! than the file, which is refused above 64 MB, the index of 300 GB; the block is 16 KB.
//! After: Lucene `CompressingStoredFieldsIndexReader`, `LegacyFieldsIndexReader`.

use crate::error::Result;
use crate::file::{File, Whole};
use crate::header;
use crate::input::{Input, Order, zigzag};
use crate::packed;
use crate::version::READ;

use super::format::{BlockFormat, Ints};
use super::index::Segment;
use super::ints;

/// Chunks of a block.
const BLOCK_CHUNKS_MAX: u32 = 1024;

/// More bits are refused: with them a chunk would be 2^56 bytes off.
const BITS_MAX: u32 = 57;

/// Chunk starts by blocks.
pub(super) struct BlockIndex {
    whole: Whole,
    ints: Ints,
    blocks: Vec<BlockStart>,
    chunks: u32,
    end: Option<u64>,
}

/// Where a block stands, and its first chunk.
struct BlockStart {
    at: u32,
    chunk: u32,
}

/// Where a chunk begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) doc: i64,
    pub(super) byte: i64,
}

/// The block that was read last, and the first chunk of the next.
#[derive(Default)]
pub(super) struct Block {
    chunk: u64,
    places: Vec<Place>,
}

/// What a block begins with, in front of the departures.
struct Line {
    first: i64,
    step: i64,
    bits: u32,
}

impl BlockIndex {
    /// Reads `file`, which is `.fdx`.
    pub(super) fn open(file: &File, format: &BlockFormat, segment: &Segment<'_>) -> Result<Self> {
        let whole = Whole::read(file)?;
        let mut input = whole.body();
        let codec = header::read(&mut input, segment.files.id(), "")?;
        if (codec.name, codec.version) != format.codec {
            return Err(codec.unsupported(file.label(), READ));
        }
        let ints = Ints::packed(&mut input)?;
        let (mut blocks, mut chunks) = (Vec::new(), 0u32);
        loop {
            let at = input.offset() as u32; // no file that is read whole is so large
            let count = input.vint()?;
            if count == 0 {
                break;
            }
            if count > BLOCK_CHUNKS_MAX || count > segment.max_doc - chunks {
                let what = format!("{count} chunks behind {chunks} for {} documents", segment.max_doc);
                return Err(input.corrupt(what));
            }
            blocks.push(BlockStart { at, chunk: chunks });
            chunks += count;
            for line in [Line::of_docs, Line::of_bytes] {
                let bits = line(&mut input)?.bits;
                ints::packed_stream(ints, &mut input, count as usize, bits)?;
            }
        }
        let end = if format.says_end { Some(input.vlong()?) } else { None };
        if input.left() != 0 {
            return Err(input.corrupt(format!("{} bytes follow its last block", input.left())));
        }
        blocks.shrink_to_fit();
        Ok(Self { whole, ints, blocks, chunks, end })
    }

    pub(super) fn chunks(&self) -> u64 {
        u64::from(self.chunks)
    }

    /// Where in `.fdt` the last chunk ends, since Lucene 4.8.
    pub(super) fn chunks_end(&self) -> Option<u64> {
        self.end
    }

    /// Where chunk number `chunk` begins, which must be one of [`BlockIndex::chunks`].
    pub(super) fn place(&self, block: &mut Block, chunk: u64) -> Result<Place> {
        let within = |block: &Block| {
            let at = chunk.checked_sub(block.chunk)?;
            block.places.get(at as usize).copied()
        };
        if let Some(place) = within(block) {
            return Ok(place);
        }
        block.places.clear();
        let after = self.blocks.partition_point(|start| u64::from(start.chunk) <= chunk);
        let number = after.saturating_sub(1);
        if let Some(start) = self.blocks.get(number) {
            self.unpack(start, BLOCK_CHUNKS_MAX, &mut block.places)?;
            block.chunk = u64::from(start.chunk);
        }
        if let Some(next) = self.blocks.get(after) {
            self.unpack(next, 1, &mut block.places)?;
        }
        within(block).ok_or_else(|| self.whole.body().corrupt(format!("chunk {chunk} of {} is wanted", self.chunks)))
    }

    /// Unpacks the first `most` chunks of a block.
    fn unpack(&self, start: &BlockStart, most: u32, places: &mut Vec<Place>) -> Result<()> {
        let mut input = self.whole.body();
        input.skip(start.at as usize)?;
        let count = input.vint()? as usize;
        let docs = Line::of_docs(&mut input)?;
        let docs_stream = ints::packed_stream(self.ints, &mut input, count, docs.bits)?;
        let bytes = Line::of_bytes(&mut input)?;
        let bytes_stream = ints::packed_stream(self.ints, &mut input, count, bytes.bits)?;
        places.extend(
            (0..count.min(most as usize))
                .map(|k| Place { doc: docs.at(docs_stream, k), byte: bytes.at(bytes_stream, k) }),
        );
        Ok(())
    }
}

impl Line {
    fn of_docs(input: &mut Input<'_>) -> Result<Self> {
        let (first, step) = (i64::from(input.vint()?), i64::from(input.vint()?));
        Ok(Self { first, step, bits: Self::bits(input)? })
    }

    fn of_bytes(input: &mut Input<'_>) -> Result<Self> {
        let (first, step) = (input.vlong()? as i64, input.vlong()? as i64);
        Ok(Self { first, step, bits: Self::bits(input)? })
    }

    fn bits(input: &mut Input<'_>) -> Result<u32> {
        match input.vint()? {
            bits @ 1..=BITS_MAX => Ok(bits),
            bits => Err(input.corrupt(format!("{bits} bits per value"))),
        }
    }

    /// The value at `k`, of which `stream` has what departs from the line. A corrupt one may be anything.
    fn at(&self, stream: &[u8], k: usize) -> i64 {
        let departure = packed::get(stream, Order::Big, self.bits, k).unwrap_or_default();
        self.first.wrapping_add(self.step.wrapping_mul(k as i64)).wrapping_add(zigzag(departure))
    }
}
