//! Where terms, or blocks of them, begin.
//!
//! In: a description in `.dvm` or the head of each block in `.dvd`. Out: the place of number `index`, in any order.
//! Holds: of the addresses themselves at most [`HELD_BYTES_MAX`] are in memory, read in one request; above it each is
//! read where it is. After: Lucene `DirectMonotonicReader`, `MonotonicBlockPackedReader`.

use std::ops::{Range, RangeInclusive};

use crate::direct_monotonic::{Meta, Monotonic, line};
use crate::error::Result;
use crate::file::File;
use crate::input::{Input, Order, zigzag};
use crate::packed;

/// Terms are asked for in the order of documents, which for them is none: a request for each would take days. So up to
/// this much of them, and of their addresses, is held.
pub(super) const HELD_BYTES_MAX: u64 = 16 << 20;

/// Blocks have so many addresses; Lucene writes 2^14.
const BLOCK_LENS: RangeInclusive<u32> = 64..=1 << 27;

/// Since this version of packed integers the least value of a block may be negative.
const VERSION_SIGNED: u32 = 2;
const VERSION_MAX: u32 = 2;

/// No head of a block has more bytes: least value, slope, bits.
const HEAD_BYTES: u64 = 10 + 4 + 5;

/// Addresses that `.dvm` describes.
pub(crate) struct Addresses {
    pub(super) meta: Meta,
    pub(super) data: Range<u64>,
}

impl Addresses {
    pub(super) fn open(self, file: &File) -> Result<Monotonic> {
        let part = file.part("addresses", self.data).held_unverified(HELD_BYTES_MAX)?;
        let whole = 0..part.len();
        Ok(self.meta.in_file(part, Order::Big, whole))
    }
}

/// Addresses in blocks that begin with their own description.
pub(super) struct PackedAddresses {
    file: File,
    count: u64,
    shift: u32,
    blocks: Vec<Block>,
}

struct Block {
    min: i64,
    slope: f32,
    bits: u32,
    /// Where its deviations begin.
    start: u64,
}

impl PackedAddresses {
    /// Reads the heads of all blocks of the `count` addresses that stand in `data`.
    pub(super) fn open(file: &File, data: Range<u64>, count: u64, version: u32, block_len: u32) -> Result<Self> {
        if !BLOCK_LENS.contains(&block_len) || !block_len.is_power_of_two() || version > VERSION_MAX {
            let what = format!("blocks of {block_len} addresses in version {version} of packed integers");
            return Err(file.corrupt(data.start, what));
        }
        let file = file.part("addresses", data).held_unverified(HELD_BYTES_MAX)?;
        let (mut first, mut at, mut blocks) = (0, 0, Vec::new());
        while first < count {
            let len = u64::from(block_len).min(count - first);
            let (block, end) = head(&file, at, len, version)?;
            blocks.push(block);
            (first, at) = (first + len, end);
        }
        Ok(Self { file, count, shift: block_len.trailing_zeros(), blocks })
    }

    pub(super) fn at(&self, index: u64) -> Result<i64> {
        let block = self.blocks.get((index >> self.shift) as usize).filter(|_| index < self.count);
        let Some(block) = block else { return Err(self.outside(index)) };
        let k = index & ((1 << self.shift) - 1);
        let deviation = match block.bits {
            0 => 0,
            bits => {
                let group = k & !7; // eight values are whole bytes
                let len = 8.min(self.count - (index - k) - group);
                let start = block.start + group / 8 * u64::from(bits);
                let bytes = self.file.read(start..start + (len * u64::from(bits)).div_ceil(8))?;
                packed::get(&bytes, Order::Big, bits, (k - group) as usize).ok_or_else(|| self.outside(index))?
            }
        };
        Ok(line(block.min, block.slope, k).wrapping_add(deviation as i64))
    }

    #[cold]
    fn outside(&self, index: u64) -> crate::Error {
        self.file.corrupt(0, format!("address {index} of {} is wanted", self.count))
    }
}

/// Reads the head of the block of `len` addresses at `at`, and where the block ends: within the file.
fn head(file: &File, at: u64, len: u64, version: u32) -> Result<(Block, u64)> {
    let bytes = file.read(at..at.saturating_add(HEAD_BYTES).min(file.len()))?;
    let mut input = Input::new(file.label(), &bytes, at, Order::Big);
    let min = input.vlong()?;
    let min = if version < VERSION_SIGNED { min as i64 } else { zigzag(min) };
    let slope = f32::from_bits(input.u32()?);
    let bits = input.vint()?;
    let start = input.offset();
    let packed = if bits > 64 { None } else { packed::bytes(len, bits) };
    match packed.and_then(|bytes| start.checked_add(bytes)).filter(|end| *end <= file.len()) {
        Some(end) => Ok((Block { min, slope, bits, start }, end)),
        None => Err(input.corrupt(format!("a block of {len} addresses of {bits} bits in {} bytes", file.len()))),
    }
}
