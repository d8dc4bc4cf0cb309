//! The values themselves, by number.
//!
//! In: an entry of `.dvm` and the number of a value. Out: the value. Holds: a window of packed values and, where values
//! are in blocks, the place of one block. After: Lucene `Lucene90DocValuesProducer#getNumeric`, `BlockPackedReader`.

use std::ops::Range;

use bytes::Bytes;

use crate::error::Result;
use crate::file::File;
use crate::input::{Input, Order, zigzag};
use crate::packed;

use super::meta::{Encoding, NumericEntry};

/// So much of the values is read and held at a time; four fields of a segment are read beside its documents.
const WINDOW_BYTES: u64 = 256 << 10;

/// No header of a block has more bytes: bits, least value, length.
const BLOCK_HEADER_BYTES: u64 = 1 + 8 + 4;

/// Values of a field.
pub(super) struct Values {
    file: File,
    order: Order,
    encoding: Encoding,
    count: u64,
    min: i64,
    gcd: i64,
    data: Range<u64>,
    jump_table: Option<u64>,
    block: Block,
    window: Window,
}

/// A run of values of the same number of bits: all there are, or those of one block.
struct Block {
    number: u64,
    min: i64,
    bits: u32,
    values: u64,
    data: Range<u64>,
}

/// Packed values that are in memory, by their number in the run.
#[derive(Default)]
struct Window {
    values: Range<u64>,
    bytes: Bytes,
}

impl Values {
    pub(super) fn new(file: File, entry: NumericEntry) -> Result<Self> {
        let (bits, number) = match &entry.encoding {
            Encoding::Linear { bits } | Encoding::Table { bits, .. } => (*bits, 0),
            Encoding::Blocks { .. } | Encoding::PackedBlocks { .. } => (0, u64::MAX), // none is there yet
        };
        let block = Block { number, min: entry.min, bits, values: entry.values, data: entry.data.clone() };
        let needed = packed::bytes(entry.values, bits).unwrap_or(u64::MAX);
        if needed > entry.data.end - entry.data.start {
            let what = format!("{} values of {bits} bits are more than their bytes", entry.values);
            return Err(file.corrupt(entry.data.start, what));
        }
        Ok(Self {
            file,
            order: entry.order,
            encoding: entry.encoding,
            count: entry.values,
            min: entry.min,
            gcd: entry.gcd,
            data: entry.data,
            jump_table: entry.jump_table,
            block,
            window: Window::default(),
        })
    }

    /// Value number `ordinal`.
    #[inline]
    pub(super) fn get(&mut self, ordinal: u64) -> Result<i64> {
        if ordinal >= self.count {
            return Err(self.outside(ordinal));
        }
        match &self.encoding {
            Encoding::Linear { bits: 0 } => Ok(self.min),
            Encoding::Linear { .. } => Ok(self.min.wrapping_add(self.gcd.wrapping_mul(self.packed(ordinal)? as i64))),
            Encoding::Table { .. } => self.of_table(ordinal),
            Encoding::Blocks { shift } | Encoding::PackedBlocks { shift } => {
                let shift = *shift;
                self.of_block(ordinal >> shift, ordinal & ((1 << shift) - 1), shift)
            }
        }
    }

    #[cold]
    fn outside(&self, ordinal: u64) -> crate::Error {
        self.file.corrupt(self.data.start, format!("value {ordinal} of {} is wanted", self.count))
    }

    fn of_table(&mut self, ordinal: u64) -> Result<i64> {
        let at = self.packed(ordinal)?;
        let value = match &self.encoding {
            Encoding::Table { table, .. } => table.get(at as usize).copied(),
            Encoding::Linear { .. } | Encoding::Blocks { .. } | Encoding::PackedBlocks { .. } => None,
        };
        value.ok_or_else(|| self.file.corrupt(self.data.start, format!("value {at} is not in the table")))
    }

    fn of_block(&mut self, number: u64, within: u64, shift: u32) -> Result<i64> {
        if self.block.number != number {
            self.find_block(number, shift)?;
        }
        let value = if self.block.bits == 0 { 0 } else { self.packed(within)? as i64 };
        Ok(self.block.min.wrapping_add(self.gcd.wrapping_mul(value)))
    }

    /// Value number `at` of the current run.
    #[inline]
    fn packed(&mut self, at: u64) -> Result<u64> {
        if !self.window.values.contains(&at) {
            self.fill_window(at)?;
        }
        let within = (at - self.window.values.start) as usize;
        packed::get(&self.window.bytes, self.order, self.block.bits, within).ok_or_else(|| self.outside(at))
    }

    /// Reads from value `at` on, rounded down to a whole byte.
    fn fill_window(&mut self, at: u64) -> Result<()> {
        let bits = u64::from(self.block.bits).max(1);
        let first = at & !7;
        let values = (WINDOW_BYTES * 8 / bits).min(self.block.values.saturating_sub(first));
        let start = self.block.data.start + first / 8 * bits;
        let end = start + (values * bits).div_ceil(8);
        if end > self.block.data.end {
            return Err(self.outside(at));
        }
        self.window = Window { values: 0..0, bytes: self.file.read(start..end)? };
        self.window.values = first..first + values;
        Ok(())
    }

    /// Goes to block `number`: the next one, one that the jump table knows, or step by step.
    fn find_block(&mut self, number: u64, shift: u32) -> Result<()> {
        self.window = Window::default();
        let is_next = self.block.number.checked_add(1) == Some(number);
        let (mut current, mut at) = match self.jump_table {
            _ if is_next => (number, self.block.data.end),
            Some(table) => (number, self.jump(table, number)?),
            None if self.block.number < number => (self.block.number + 1, self.block.data.end),
            None => (0, self.data.start),
        };
        self.block.number = u64::MAX; // in case of an error
        loop {
            self.read_block(current, at, shift)?;
            if current == number {
                return Ok(());
            }
            (current, at) = (current + 1, self.block.data.end);
            self.block.number = u64::MAX;
        }
    }

    fn jump(&self, table: u64, number: u64) -> Result<u64> {
        let start = number.checked_mul(8).and_then(|offset| table.checked_add(offset));
        let end = start.and_then(|start| start.checked_add(8));
        let (Some(start), Some(end)) = (start, end) else {
            return Err(self.outside(number));
        };
        let bytes = self.file.read(start..end)?;
        Input::new(self.file.label(), &bytes, start, self.order).u64()
    }

    fn read_block(&mut self, number: u64, at: u64, shift: u32) -> Result<()> {
        let header_end = at.saturating_add(BLOCK_HEADER_BYTES).min(self.data.end);
        if at < self.data.start || header_end < at {
            return Err(self.outside(number << shift));
        }
        let header = self.file.read(at..header_end)?;
        let mut input = Input::new(self.file.label(), &header, at, self.order);
        let values = self.count.saturating_sub(number << shift).min(1 << shift);
        let (bits, min, len) = match &self.encoding {
            Encoding::PackedBlocks { .. } => {
                let (bits, min) = packed_header(&mut input)?;
                let min = self.min.wrapping_add(self.gcd.wrapping_mul(min));
                (bits, min, packed::bytes(values, bits).unwrap_or(u64::MAX))
            }
            _ => direct_header(&mut input)?,
        };
        let start = input.offset();
        let fits = bits <= 64 && packed::bytes(values, bits).is_some_and(|need| need <= len);
        match start.checked_add(len).filter(|end| fits && *end <= self.data.end) {
            Some(end) => self.block = Block { number, min, bits, values, data: start..end },
            None => return Err(input.corrupt(format!("a block of {values} values of {bits} bits in {len} bytes"))),
        }
        Ok(())
    }
}

/// Bits, least value, and length of a block since Lucene 7.
fn direct_header(input: &mut Input<'_>) -> Result<(u32, i64, u64)> {
    let bits = u32::from(input.u8()?);
    let min = input.i64()?;
    if bits == 0 {
        return Ok((0, min, 0));
    }
    if !packed::is_direct(bits) {
        return Err(input.corrupt(format!("a block of {bits} bits per value")));
    }
    Ok((bits, min, u64::from(input.u32()?)))
}

/// Bits and least value of a block of `BlockPackedWriter`.
fn packed_header(input: &mut Input<'_>) -> Result<(u32, i64)> {
    let token = input.u8()?;
    let min = match token & 1 {
        0 => zigzag(input.vlong_of_nine()?.wrapping_add(1)),
        _ => 0,
    };
    Ok((u32::from(token >> 1), min))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::meta::DocsEntry;
    use super::*;
    use crate::testing::Memory;

    const SHIFT: u32 = 4;

    fn put(bytes: &mut Vec<u8>, order: Order, value: &[u8]) {
        match order {
            Order::Big => bytes.extend(value.iter().rev()),
            Order::Little => bytes.extend(value),
        }
    }

    /// Blocks of 16 values as `writeValuesMultipleBlocks` writes them, and where their offsets are.
    fn blocks(values: &[i64], gcd: i64, order: Order) -> (Vec<u8>, u64) {
        let (mut bytes, mut offsets) = (Vec::new(), Vec::new());
        for block in values.chunks(1 << SHIFT) {
            offsets.push(bytes.len() as u64);
            let min = *block.iter().min().unwrap();
            let above: Vec<u64> = block.iter().map(|value| ((value - min) / gcd) as u64).collect();
            let bits = bits_for(*above.iter().max().unwrap());
            bytes.push(bits as u8);
            put(&mut bytes, order, &min.to_le_bytes());
            if bits != 0 {
                let mut packed = packed::tests::pack(&above, order, bits);
                packed.extend([0; 3]);
                put(&mut bytes, order, &(packed.len() as u32).to_le_bytes());
                bytes.extend(packed);
            }
        }
        let table = bytes.len() as u64;
        offsets.iter().for_each(|offset| put(&mut bytes, order, &offset.to_le_bytes()));
        (bytes, table)
    }

    fn bits_for(most: u64) -> u32 {
        (0..=64).find(|&bits| bits == 64 || most >> bits == 0 && (bits == 0 || packed::is_direct(bits))).unwrap()
    }

    fn open(bytes: Vec<u8>, entry: NumericEntry) -> Result<Values> {
        let dir: Arc<dyn crate::Directory> = Arc::new(Memory::of("f", bytes));
        Values::new(File::open(&dir, "f".into(), "the test")?, entry)
    }

    fn entry(count: usize, order: Order, encoding: Encoding, data: Range<u64>) -> NumericEntry {
        let docs = DocsEntry::All;
        let values = count as u64;
        NumericEntry { order, docs, values, single: true, encoding, min: 0, gcd: 1, data, jump_table: None }
    }

    proptest! {
        #[test]
        fn values_in_blocks_are_read_in_order_and_by_jumps(
            raw in prop::collection::vec(-1000i64..1000, 1..200),
            constant_until in 0usize..60,
            gcd in 1i64..5,
            order in prop::sample::select(vec![Order::Big, Order::Little]),
            with_jumps: bool,
            picks in prop::collection::vec(any::<prop::sample::Index>(), 10),
        ) {
            let values: Vec<i64> =
                raw.iter().enumerate().map(|(at, value)| if at < constant_until { 7 } else { value * gcd }).collect();
            // One divisor for all: differences within a block must be multiples of it.
            let values: Vec<i64> = values.iter().map(|value| value / gcd * gcd).collect();
            let (bytes, table) = blocks(&values, gcd, order);
            let entry = NumericEntry {
                gcd,
                jump_table: with_jumps.then_some(table),
                ..entry(values.len(), order, Encoding::Blocks { shift: SHIFT }, 0..table)
            };
            let mut found = open(bytes, entry).unwrap();
            let in_order = 0..values.len();
            for at in in_order.chain(picks.iter().map(|pick| pick.index(values.len()))) {
                prop_assert_eq!(found.get(at as u64).unwrap(), values[at], "value {}", at);
            }
            prop_assert!(found.get(values.len() as u64).is_err());
        }
    }

    /// Blocks of 64 values as `BlockPackedWriter` writes them.
    fn packed_blocks(values: &[i64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for block in values.chunks(64) {
            let least = *block.iter().min().unwrap();
            let span = block.iter().map(|value| value.wrapping_sub(least) as u64).max().unwrap();
            let bits = 64 - span.leading_zeros();
            // With all bits there is no least value, nor where it is 0.
            let least = if bits == 64 { 0 } else { least };
            bytes.push((bits << 1 | u32::from(least == 0)) as u8);
            if least != 0 {
                let mut folded = ((least << 1 ^ least >> 63) as u64).wrapping_sub(1);
                for _ in 0..8 {
                    if folded < 0x80 {
                        break;
                    }
                    bytes.push(folded as u8 | 0x80);
                    folded >>= 7;
                }
                bytes.push(folded as u8);
            }
            let above: Vec<u64> = block.iter().map(|value| value.wrapping_sub(least) as u64).collect();
            bytes.extend(packed::tests::pack(&above, Order::Big, bits));
        }
        bytes
    }

    proptest! {
        #[test]
        fn blocks_of_lucene_4_are_read_in_any_order(
            values in prop_oneof![
                prop::collection::vec(any::<i64>(), 1..300),
                prop::collection::vec(-5i64..5, 1..300),
                prop::collection::vec(i64::MIN..i64::MIN + 9, 1..300),
                prop::collection::vec(1i64 << 60..(1 << 60) + (1 << 59), 1..300),
            ],
            (min, gcd) in (-1000i64..1000, 1i64..9),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 10),
        ) {
            let bytes = packed_blocks(&values);
            let data = 0..bytes.len() as u64;
            let entry =
                NumericEntry { min, gcd, ..entry(values.len(), Order::Big, Encoding::PackedBlocks { shift: 6 }, data) };
            let mut found = open(bytes, entry).unwrap();
            for at in (0..values.len()).chain(picks.iter().map(|pick| pick.index(values.len()))) {
                let expected = min.wrapping_add(gcd.wrapping_mul(values[at]));
                prop_assert_eq!(found.get(at as u64).unwrap(), expected, "value {}", at);
            }
        }
    }

    #[test]
    fn lines_and_tables_are_read() {
        for order in [Order::Big, Order::Little] {
            let raw: Vec<u64> = (0..600_000).map(|at| at % 16).collect();
            let bytes = packed::tests::pack(&raw, order, 4);
            let data = 0..bytes.len() as u64;
            let line = NumericEntry {
                min: -5,
                gcd: 10,
                ..entry(raw.len(), order, Encoding::Linear { bits: 4 }, data.clone())
            };
            let table = Encoding::Table { bits: 4, table: (100..110).collect() };
            let (mut line, mut table) =
                (open(bytes.clone(), line).unwrap(), open(bytes, entry(raw.len(), order, table, data)).unwrap());
            for at in [0, 1, 9, 524_287, 524_288, 599_996, 3] {
                assert_eq!(line.get(at).unwrap(), (at % 16) as i64 * 10 - 5, "value {at}");
                assert_eq!(table.get(at).ok(), Some(100 + (at % 16) as i64).filter(|value| *value < 110));
            }
        }
        let all_the_same = NumericEntry { min: 42, ..entry(9, Order::Big, Encoding::Linear { bits: 0 }, 0..0) };
        assert_eq!(open(Vec::new(), all_the_same).unwrap().get(8).unwrap(), 42);
        let too_many = entry(9, Order::Big, Encoding::Linear { bits: 8 }, 0..8);
        assert!(open(vec![0; 8], too_many).is_err());
    }
}
