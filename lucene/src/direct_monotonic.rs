//! Long ascending sequences, in blocks: a straight line per block and packed deviations from it.
//!
//! In: the description in a meta file, the deviations in a data file. Out: the value at an index. Holds: of the data
//! only the block asked for last is in memory. Not here: whether the values ascend, which only their user can judge.
//! After: Lucene `DirectMonotonicReader`.

use std::ops::Range;

use crate::error::Result;
use crate::file::File;
use crate::input::{Input, Order};
use crate::packed;

/// Bytes of the description of a block.
const META_BLOCK_BYTES: u64 = 21;

/// What the meta file says of a sequence.
pub(crate) struct Monotonic {
    file: File,
    order: Order,
    data: Range<u64>,
    values: u64,
    shift: u32,
    blocks: Vec<Block>,
}

struct Block {
    min: i64,
    slope: f32,
    offset: u64,
    bits: u32,
}

/// Where in a [`Monotonic`] its user reads: the values of one block.
#[derive(Default)]
pub(crate) struct Cursor {
    block: Option<usize>,
    values: Vec<i64>,
}

/// A description as it stands in a meta file, before the place of the data is known.
pub(crate) struct Meta {
    values: u64,
    shift: u32,
    blocks: Vec<Block>,
}

fn meta_blocks(input: &Input<'_>, values: u64, shift: u32) -> Result<u64> {
    // Lucene allows 2 to 22 and writes 10 (stored fields) or 16 (doc values).
    if !(2..=22).contains(&shift) {
        return Err(input.corrupt(format!("blocks of 2^{shift} values")));
    }
    let blocks = values.div_ceil(1 << shift);
    match blocks.checked_mul(META_BLOCK_BYTES) {
        Some(bytes) if bytes <= input.left() as u64 => Ok(blocks),
        _ => Err(input.corrupt(format!("{values} values cannot be described in {} bytes", input.left()))),
    }
}

/// Steps over the description of a sequence that is not wanted.
pub(crate) fn skip_meta(input: &mut Input<'_>, values: u64, shift: u32) -> Result<()> {
    let blocks = meta_blocks(input, values, shift)?;
    input.skip((blocks * META_BLOCK_BYTES) as usize)
}

/// Reads the description of a sequence.
pub(crate) fn read_meta(input: &mut Input<'_>, values: u64, shift: u32) -> Result<Meta> {
    let count = meta_blocks(input, values, shift)?;
    let mut blocks = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let min = input.i64()?;
        let slope = f32::from_bits(input.u32()?);
        let offset = input.u64()?;
        let bits = u32::from(input.u8()?);
        if bits != 0 && !packed::is_direct(bits) {
            return Err(input.corrupt(format!("{bits} bits per value")));
        }
        blocks.push(Block { min, slope, offset, bits });
    }
    Ok(Meta { values, shift, blocks })
}

impl Block {
    fn line(&self, k: u64) -> i64 {
        line(self.min, self.slope, k)
    }
}

/// Where the line of a block is at its value `k`: in 32-bit floats and truncated, because that is how the deviations
/// were taken.
pub(crate) fn line(min: i64, slope: f32, k: u64) -> i64 {
    min.wrapping_add((slope * k as f32) as i64)
}

impl Meta {
    /// The sequence whose deviations stand in `data` of `file`.
    pub(crate) fn in_file(self, file: File, order: Order, data: Range<u64>) -> Monotonic {
        Monotonic { file, order, data, values: self.values, shift: self.shift, blocks: self.blocks }
    }
}

impl Monotonic {
    /// How many values there are.
    pub(crate) fn len(&self) -> u64 {
        self.values
    }

    /// The error for values that their user cannot accept.
    #[cold]
    pub(crate) fn corrupt(&self, what: &str) -> crate::Error {
        self.file.corrupt(self.data.start, what)
    }

    /// The value at `index`.
    pub(crate) fn get(&self, cursor: &mut Cursor, index: u64) -> Result<i64> {
        let block = (index >> self.shift) as usize;
        if cursor.block != Some(block) {
            cursor.block = None;
            self.load(block, &mut cursor.values)?;
            cursor.block = Some(block);
        }
        let within = (index & ((1 << self.shift) - 1)) as usize;
        cursor.values.get(within).copied().ok_or_else(|| self.outside(index))
    }

    /// The value at `index`, for which its own bytes and no block are read: in any order, where the file is held.
    pub(crate) fn at(&self, index: u64) -> Result<i64> {
        let block = self.blocks.get((index >> self.shift) as usize).filter(|_| index < self.values);
        let Some(block) = block else { return Err(self.outside(index)) };
        let k = index & ((1 << self.shift) - 1);
        let deviation = match block.bits {
            0 => 0,
            bits => {
                let group = k & !7; // eight values are whole bytes
                let len = packed::bytes(8.min(self.values - (index - k) - group), bits).unwrap_or(u64::MAX);
                let start = self.data.start.checked_add(block.offset);
                let start = start.and_then(|start| start.checked_add(group / 8 * u64::from(bits)));
                let range = start.and_then(|start| Some(start..start.checked_add(len)?));
                let range = range.filter(|range| range.end <= self.data.end).ok_or_else(|| self.outside(index))?;
                packed::get(&self.file.read(range)?, self.order, bits, (k - group) as usize)
                    .ok_or_else(|| self.outside(index))?
            }
        };
        Ok(block.line(k).wrapping_add(deviation as i64))
    }

    #[cold]
    fn outside(&self, index: u64) -> crate::Error {
        self.file.corrupt(self.data.start, format!("value {index} of {} is wanted", self.values))
    }

    fn load(&self, number: usize, values: &mut Vec<i64>) -> Result<()> {
        let first = (number as u64) << self.shift;
        let block = self.blocks.get(number).ok_or_else(|| self.outside(first))?;
        let count = (self.values - first).min(1 << self.shift);
        let len = packed::bytes(count, block.bits).unwrap_or(u64::MAX);
        let start = self.data.start.checked_add(block.offset);
        let packed = match start.and_then(|start| Some(start..start.checked_add(len)?)) {
            Some(range) if range.end <= self.data.end => self.file.read(range)?,
            _ => return Err(self.file.corrupt(self.data.start, "a block reaches past the end of its sequence")),
        };
        values.clear();
        for k in 0..count as usize {
            let deviation = match block.bits {
                0 => 0,
                bits => packed::get(&packed, self.order, bits, k).unwrap_or_default(),
            };
            values.push(block.line(k as u64).wrapping_add(deviation as i64));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::Memory;

    /// Writes as `DirectMonotonicWriter` does: the deviations of a block are taken from its line and then from their
    /// least one.
    pub(crate) fn encode(values: &[i64], order: Order, shift: u32) -> (Vec<u8>, Vec<u8>) {
        let (mut meta, mut data) = (Vec::new(), Vec::new());
        for block in values.chunks(1 << shift) {
            let span = (block.len() as i64 - 1).max(1);
            let slope = (block[block.len() - 1] - block[0]) as f32 / span as f32;
            let line = |k: usize| (slope * k as f32) as i64;
            let deviations: Vec<i64> = block.iter().enumerate().map(|(k, value)| value - line(k)).collect();
            let min = *deviations.iter().min().unwrap();
            let above: Vec<u64> = deviations.iter().map(|value| (value - min) as u64).collect();
            let most = *above.iter().max().unwrap();
            let bits = match most {
                0 => 0,
                _ => (1..=64).find(|&bits| packed::is_direct(bits) && most >> (bits - 1) <= 1).unwrap(),
            };
            let put = |to: &mut Vec<u8>, bytes: &[u8]| match order {
                Order::Big => to.extend(bytes.iter().rev()),
                Order::Little => to.extend(bytes),
            };
            put(&mut meta, &min.to_le_bytes());
            put(&mut meta, &slope.to_bits().to_le_bytes());
            put(&mut meta, &(data.len() as u64).to_le_bytes());
            meta.push(bits as u8);
            if bits != 0 {
                data.extend(packed::tests::pack(&above, order, bits));
            }
        }
        (meta, data)
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back_in_any_order(
            steps in prop::collection::vec(0..1i64 << 34, 1..40),
            order in prop::sample::select(vec![Order::Big, Order::Little]),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 8),
        ) {
            let values: Vec<i64> = steps.iter().scan(0, |sum, step| { *sum += step; Some(*sum) }).collect();
            let (meta, data) = encode(&values, order, 3);
            let len = data.len() as u64;
            let dir: Arc<dyn crate::Directory> = Arc::new(Memory::of("f", data));
            let file = File::open(&dir, "f".into(), "the test").unwrap();
            let mut input = Input::new("meta", &meta, 0, order);
            let read = read_meta(&mut input, values.len() as u64, 3).unwrap();
            prop_assert_eq!(input.left(), 0);
            let sequence = read.in_file(file, order, 0..len);
            let mut cursor = Cursor::default();
            for index in picks.iter().map(|pick| pick.index(values.len())) {
                prop_assert_eq!(sequence.get(&mut cursor, index as u64).unwrap(), values[index]);
                prop_assert_eq!(sequence.at(index as u64).unwrap(), values[index]);
            }
            prop_assert!(sequence.get(&mut cursor, values.len() as u64).is_err());
            prop_assert!(sequence.at(values.len() as u64).is_err());
        }
    }

    #[test]
    fn more_values_than_the_meta_can_hold_are_refused() {
        let mut input = Input::new("meta", &[0; 20], 0, Order::Big);
        assert!(read_meta(&mut input, 1 << 60, 10).is_err());
        assert!(skip_meta(&mut input, 1, 63).is_err());
    }
}
