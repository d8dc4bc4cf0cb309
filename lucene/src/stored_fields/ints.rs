//! The two arrays that begin a chunk: fields per document and bytes per document.
//!
//! In: the chunk's bytes. Out: the array, in a vector that is used again. Holds: nothing is allocated beyond the number
//! of documents that the index gave. After: Lucene `CompressingStoredFieldsReader#readState` (8.x), `StoredFieldsInts`.

use crate::error::Result;
use crate::input::{Input, Order};
use crate::packed;

use super::format::Ints;

/// Values that stand interleaved in one group, as long as there are so many.
const GROUP: usize = 128;

/// Reads `count` values into `values`.
pub(crate) fn read(format: Ints, input: &mut Input<'_>, count: usize, values: &mut Vec<u32>) -> Result<()> {
    values.clear();
    if count == 1 {
        values.push(input.vint()?);
        return Ok(());
    }
    match format {
        Ints::Packed | Ints::PackedWords => read_packed(format, input, count, values),
        Ints::Grouped => read_grouped(input, count, values),
    }
}

/// Takes the bytes of `count` values of `bits` bits.
pub(crate) fn packed_stream<'a>(format: Ints, input: &mut Input<'a>, count: usize, bits: u32) -> Result<&'a [u8]> {
    let len = (count * bits as usize).div_ceil(8); // at most 65,536 values of 64 bits
    input.take(match format {
        Ints::PackedWords => len.next_multiple_of(8),
        Ints::Packed | Ints::Grouped => len,
    })
}

fn read_packed(format: Ints, input: &mut Input<'_>, count: usize, values: &mut Vec<u32>) -> Result<()> {
    let bits = input.vint()?;
    if bits == 0 {
        return read_equal(input, count, values);
    }
    if bits > 31 {
        return Err(input.corrupt(format!("{bits} bits per value")));
    }
    let stream = packed_stream(format, input, count, bits)?;
    // As `packed::get`, but going on from value to value, as long as 8 bytes are left.
    let fast = stream.len().saturating_sub(7) * 8 / bits as usize;
    let mut bit = 0;
    values.extend((0..count.min(fast)).map(|_| {
        let word = stream.get(bit / 8..).and_then(<[u8]>::first_chunk::<8>).copied().unwrap_or_default();
        let value = (u64::from_be_bytes(word) << (bit % 8)) >> (64 - bits);
        bit += bits as usize;
        value as u32
    }));
    let value = |index| packed::get(stream, Order::Big, bits, index).unwrap_or_default() as u32;
    values.extend((count.min(fast)..count).map(value));
    Ok(())
}

fn read_equal(input: &mut Input<'_>, count: usize, values: &mut Vec<u32>) -> Result<()> {
    let value = input.vint()?;
    values.resize(count, value);
    Ok(())
}

fn read_grouped(input: &mut Input<'_>, count: usize, values: &mut Vec<u32>) -> Result<()> {
    let bits = usize::from(input.u8()?);
    match bits {
        0 => return read_equal(input, count, values),
        8 | 16 | 32 => {}
        _ => return Err(input.corrupt(format!("{bits} bits per value"))),
    }
    let value_bytes = bits / 8;
    let stream = input.take(count * value_bytes)?;
    let (groups, tail) = stream.split_at(count / GROUP * GROUP * value_bytes);
    for group in groups.chunks_exact(GROUP * value_bytes) {
        read_group(group, value_bytes, values);
    }
    values.extend(tail.chunks_exact(value_bytes).map(little_endian));
    Ok(())
}

/// A group is a table of longs: value 0 is at the top of the first long, value 1 at the top of the second, and when the
/// longs are through, the next value goes below the first.
fn read_group(group: &[u8], value_bytes: usize, values: &mut Vec<u32>) {
    for below_top in 1..=8 / value_bytes {
        let at = 8 - below_top * value_bytes;
        let of_long = |long: &[u8]| long.get(at..at + value_bytes).map(little_endian).unwrap_or_default();
        values.extend(group.chunks_exact(8).map(of_long));
    }
}

fn little_endian(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vint(mut value: u32, bytes: &mut Vec<u8>) {
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
    }

    /// As `StoredFieldsInts` writes, long by long.
    fn grouped(values: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let most = *values.iter().max().unwrap();
        if values.len() > 1 && values.iter().all(|value| *value == values[0]) {
            bytes.push(0);
            vint(values[0], &mut bytes);
            return bytes;
        }
        let bits = if most <= 0xFF {
            8
        } else if most <= 0xFFFF {
            16
        } else {
            32
        };
        bytes.push(bits);
        let groups = values.chunks_exact(GROUP);
        let tail = groups.remainder();
        for group in groups {
            let longs = GROUP * usize::from(bits) / 64;
            for i in 0..longs {
                let long = (0..64 / usize::from(bits))
                    .fold(0u64, |long, j| (long << (bits - 1) << 1) | u64::from(group[j * longs + i]));
                bytes.extend(long.to_le_bytes());
            }
        }
        for value in tail {
            bytes.extend(&value.to_le_bytes()[..usize::from(bits) / 8]);
        }
        bytes
    }

    fn packed_ints(values: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        if values.iter().all(|value| *value == values[0]) {
            bytes.push(0);
            vint(values[0], &mut bytes);
            return bytes;
        }
        let bits = 32 - values.iter().max().unwrap().leading_zeros();
        vint(bits, &mut bytes);
        let longs: Vec<u64> = values.iter().map(|value| u64::from(*value)).collect();
        bytes.extend(packed::tests::pack(&longs, Order::Big, bits));
        bytes
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(
            values in prop::collection::vec(any::<u32>(), 2..300),
            shift in 1u32..32,
        ) {
            let values: Vec<u32> = values.iter().map(|value| value >> shift).collect();
            for (format, bytes) in [(Ints::Grouped, grouped(&values)), (Ints::Packed, packed_ints(&values))] {
                let mut input = Input::new("test", &bytes, 0, Order::Little);
                let mut found = Vec::new();
                read(format, &mut input, values.len(), &mut found).unwrap();
                prop_assert_eq!(&found, &values);
                prop_assert_eq!(input.left(), 0);
                let mut cut = Input::new("test", &bytes[..bytes.len() - 1], 0, Order::Little);
                prop_assert!(read(format, &mut cut, values.len(), &mut found).is_err());
            }
        }
    }
}
