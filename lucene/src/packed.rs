//! Integers of a fixed number of bits, back to back.
//!
//! In: bytes and an index. Out: one value, or nothing where the bytes end before it.
//! After: Lucene `PackedInts` (format PACKED) and `DirectReader`, both of which before Lucene 9 begin at the highest
//! bit of the first byte, and `DirectReader` of Lucene 9, which begins at the lowest.

use crate::input::Order;

/// Bits per value that `DirectWriter` uses; 0 stands for "all are zero" and has no bytes.
const DIRECT_BITS: [u32; 14] = [1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64];

/// Whether `DirectWriter` writes values of `bits` bits.
pub(crate) fn is_direct(bits: u32) -> bool {
    DIRECT_BITS.contains(&bits)
}

/// How many bytes `count` values of `bits` bits take, without padding; `None` above 64 bits of length.
pub(crate) fn bytes(count: u64, bits: u32) -> Option<u64> {
    count.checked_mul(u64::from(bits)).map(|bits| bits.div_ceil(8))
}

/// Value number `index` of the stream of `bits`-bit values that begins at `stream[0]`.
///
/// `bits` must be 1 to 64.
#[inline]
pub(crate) fn get(stream: &[u8], order: Order, bits: u32, index: usize) -> Option<u64> {
    let first_bit = index.checked_mul(bits as usize)?;
    let rest = stream.get(first_bit / 8..)?;
    let shift = (first_bit % 8) as u32;
    if shift + bits > 64 {
        return nine_bytes(rest, order, bits, shift);
    }
    let word = match rest.first_chunk::<8>() {
        Some(chunk) => *chunk,
        None => {
            if rest.len() < (shift + bits).div_ceil(8) as usize {
                return None;
            }
            let mut padded = [0; 8];
            padded.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            padded
        }
    };
    Some(match order {
        Order::Big => (u64::from_be_bytes(word) << shift) >> (64 - bits),
        Order::Little => (u64::from_le_bytes(word) >> shift) & (u64::MAX >> (64 - bits)),
    })
}

/// A value that begins `shift` bits into `stream` and ends in its ninth byte.
fn nine_bytes(stream: &[u8], order: Order, bits: u32, shift: u32) -> Option<u64> {
    let mut wide = [0; 16];
    wide.iter_mut().zip(stream.first_chunk::<9>()?).for_each(|(to, from)| *to = *from);
    Some(match order {
        Order::Big => ((u128::from_be_bytes(wide) << shift) >> (128 - bits)) as u64,
        Order::Little => (u128::from_le_bytes(wide) >> shift) as u64 & (u64::MAX >> (64 - bits)),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Packs `values`, the inverse of [`get`], bit by bit.
    pub(crate) fn pack(values: &[u64], order: Order, bits: u32) -> Vec<u8> {
        let mut packed = vec![0u8; bytes(values.len() as u64, bits).unwrap() as usize];
        for (index, value) in values.iter().enumerate() {
            for bit in 0..bits as usize {
                let at = index * bits as usize + bit;
                match order {
                    Order::Big if value >> (bits as usize - 1 - bit) & 1 == 1 => packed[at / 8] |= 0x80 >> (at % 8),
                    Order::Little if value >> bit & 1 == 1 => packed[at / 8] |= 1 << (at % 8),
                    _ => {}
                }
            }
        }
        packed
    }

    proptest! {
        #[test]
        fn what_is_packed_is_read_back(
            values in prop::collection::vec(any::<u64>(), 1..50),
            bits in prop::sample::select([&DIRECT_BITS[..], &[3, 5, 7, 9, 17, 31, 58, 61, 63]].concat()),
            big: bool,
        ) {
            let order = if big { Order::Big } else { Order::Little };
            let values: Vec<u64> = values.iter().map(|value| value & (u64::MAX >> (64 - bits))).collect();
            let packed = pack(&values, order, bits);
            for (index, value) in values.iter().enumerate() {
                prop_assert_eq!(get(&packed, order, bits, index), Some(*value));
            }
            let cut = &packed[..packed.len() - 1];
            prop_assert_eq!(get(cut, order, bits, values.len() - 1), None);
        }
    }
}
