//! Numbers, strings and maps as Lucene writes them, read from bytes that are already there.
//!
//! In: a slice of a named file. Out: values, each checked against the end of the slice; an error says the file and the
//! offset in it. Holds: nothing is allocated for a length that the slice can't hold.
//! Not here: packed integers (`packed`), where the bytes came from (`file`).
//! After: Lucene `DataInput`, and `EndiannessReverserUtil` for the byte order.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// Byte order of fixed-width numbers: Lucene 9 turned it from big to little, format by format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Formats that begin with Lucene 8 or earlier.
    Big,
    /// Formats that begin with Lucene 9 or later.
    Little,
}

/// How the number of entries of a set or a map is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// In four bytes: Lucene 4 and 5.0.
    Fixed,
    /// In as many bytes as it takes: since Lucene 5.1.
    Variable,
}

/// A place in a slice of a file.
#[derive(Debug, Clone)]
pub(crate) struct Input<'a> {
    file: &'a str,
    bytes: &'a [u8],
    base: u64,
    at: usize,
    order: Order,
}

macro_rules! fixed {
    ($name:ident, $type:ty) => {
        pub(crate) fn $name(&mut self) -> Result<$type> {
            let bytes = self.array()?;
            Ok(match self.order {
                Order::Big => <$type>::from_be_bytes(bytes),
                Order::Little => <$type>::from_le_bytes(bytes),
            })
        }
    };
}

impl<'a> Input<'a> {
    /// Reads `bytes`, which stand at `base` of `file`.
    pub(crate) fn new(file: &'a str, bytes: &'a [u8], base: u64, order: Order) -> Self {
        Self { file, bytes, base, at: 0, order }
    }

    /// The file, for errors.
    pub(crate) fn file(&self) -> &'a str {
        self.file
    }

    /// Bytes not read yet.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Where in the file the next byte stands.
    pub(crate) fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// From here on in this byte order.
    pub(crate) fn set_order(&mut self, order: Order) {
        self.order = order;
    }

    /// The error for what was just read.
    #[cold]
    pub(crate) fn corrupt(&self, what: impl Into<String>) -> Error {
        Error::Corrupt { file: self.file.to_owned(), offset: self.offset(), what: what.into() }
    }

    #[cold]
    fn short(&self, wanted: usize) -> Error {
        self.corrupt(format!("{wanted} bytes are wanted where {} are left", self.left()))
    }

    /// The next `len` bytes.
    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        match self.bytes.get(self.at..).and_then(|rest| rest.get(..len)) {
            Some(taken) => {
                self.at += len;
                Ok(taken)
            }
            None => Err(self.short(len)),
        }
    }

    pub(crate) fn skip(&mut self, len: usize) -> Result<()> {
        self.take(len).map(drop)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<N>) {
            Some(taken) => {
                self.at += N;
                Ok(*taken)
            }
            None => Err(self.short(N)),
        }
    }

    /// The next byte, left where it is.
    pub(crate) fn peek(&self) -> Result<u8> {
        self.bytes.get(self.at).copied().ok_or_else(|| self.short(1))
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    fixed!(u16, u16);
    fixed!(u32, u32);
    fixed!(i16, i16);
    fixed!(i32, i32);
    fixed!(i64, i64);
    fixed!(u64, u64);

    /// Four bytes whatever the order of the file: headers, footers.
    pub(crate) fn u32_big(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// As [`Input::u32_big`].
    pub(crate) fn u64_big(&mut self) -> Result<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// One or two bytes of 7 bits, the lowest first, as keys and lengths of most fields are.
    #[inline]
    fn short_vint(&mut self) -> Option<u32> {
        let [first, rest @ ..] = self.bytes.get(self.at..)? else { return None };
        if *first < 0x80 {
            self.at += 1;
            return Some(u32::from(*first));
        }
        let second = rest.first().filter(|second| **second < 0x80)?;
        self.at += 2;
        Some(u32::from(*first & 0x7F) | u32::from(*second) << 7)
    }

    /// Up to 5 bytes of 7 bits, the lowest first.
    #[inline]
    pub(crate) fn vint(&mut self) -> Result<u32> {
        match self.short_vint() {
            Some(value) => Ok(value),
            None => self.long_vint(),
        }
    }

    fn long_vint(&mut self) -> Result<u32> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.u8()?;
            if shift == 28 && byte > 0x0F {
                break;
            }
            value |= u32::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.corrupt("a variable-length int of more than 32 bits"))
    }

    /// Up to 10 bytes of 7 bits, the lowest first; Lucene writes the tenth only below zig-zag.
    #[inline]
    pub(crate) fn vlong(&mut self) -> Result<u64> {
        match self.short_vint() {
            Some(value) => Ok(u64::from(value)),
            None => self.long_vlong(),
        }
    }

    fn long_vlong(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.corrupt("a variable-length long of more than 64 bits"))
    }

    /// Up to 9 bytes of 7 bits, the lowest first, of which the ninth has all 8: what blocks of packed integers have
    /// (`BlockPackedReaderIterator#readVLong`).
    pub(crate) fn vlong_of_nine(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..56).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Ok(value | u64::from(self.u8()?) << 56)
    }

    /// A number of things of at least `bytes_each` bytes, which must still follow here.
    pub(crate) fn count(&mut self, bytes_each: usize) -> Result<usize> {
        let count = self.vint()? as usize;
        self.believe(count, bytes_each)
    }

    fn entries(&mut self, counts: Counts, bytes_each: usize) -> Result<usize> {
        let count = match counts {
            Counts::Fixed => self.u32()?,
            Counts::Variable => self.vint()?,
        };
        self.believe(count as usize, bytes_each)
    }

    fn believe(&self, count: usize, bytes_each: usize) -> Result<usize> {
        if count.saturating_mul(bytes_each) > self.left() {
            return Err(self.corrupt(format!("{count} entries cannot stand in {} bytes", self.left())));
        }
        Ok(count)
    }

    /// Bytes after their length.
    #[inline]
    pub(crate) fn prefixed(&mut self) -> Result<&'a [u8]> {
        let len = self.vint()? as usize;
        self.take(len)
    }

    pub(crate) fn str(&mut self) -> Result<&'a str> {
        let bytes = self.prefixed()?;
        std::str::from_utf8(bytes).map_err(|_| self.corrupt("a name that is not UTF-8"))
    }

    pub(crate) fn map(&mut self, counts: Counts) -> Result<BTreeMap<String, String>> {
        let mut map = BTreeMap::new();
        for _ in 0..self.entries(counts, 2)? {
            let key = self.str()?.to_owned();
            map.insert(key, self.str()?.to_owned());
        }
        Ok(map)
    }

    pub(crate) fn skip_set(&mut self, counts: Counts) -> Result<()> {
        for _ in 0..self.entries(counts, 1)? {
            self.prefixed()?;
        }
        Ok(())
    }
}

/// Undoes zig-zag, which folds the sign into the lowest bit.
pub(crate) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn input(bytes: &[u8]) -> Input<'_> {
        Input::new("test", bytes, 0, Order::Big)
    }

    fn encode(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back_and_no_prefix_of_it_is(value: u64, small: u32) {
            let bytes = encode(value);
            prop_assert_eq!(input(&bytes).vlong().unwrap(), value);
            prop_assert!(input(&bytes[..bytes.len() - 1]).vlong().is_err());
            let bytes = encode(u64::from(small));
            prop_assert_eq!(input(&bytes).vint().unwrap(), small);
            prop_assert!(input(&bytes[..bytes.len() - 1]).vint().is_err());
        }

        #[test]
        fn zigzag_is_undone(value: i64) {
            prop_assert_eq!(zigzag(((value << 1) ^ (value >> 63)) as u64), value);
        }

        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            for counts in [Counts::Fixed, Counts::Variable] {
                let _ = input(&bytes).map(counts);
                let _ = input(&bytes).skip_set(counts);
            }
            let _ = input(&bytes).str();
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert!(input(&[0xFF; 5]).vint().is_err());
        assert_eq!(input(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F]).vint().unwrap(), u32::MAX);
        assert!(input(&[0xFF; 10]).vlong().is_err());
        assert!(input(&[0xFF, 0xFF, 0xFF, 0xFF, 0x07]).count(1).is_err(), "2^31 entries in no bytes");
    }

    #[test]
    fn both_orders_are_read() {
        assert_eq!(input(&[1, 2]).u16().unwrap(), 0x0102);
        assert_eq!(Input::new("test", &[1, 2], 0, Order::Little).u16().unwrap(), 0x0201);
    }

    #[test]
    fn an_error_says_where() {
        let mut input = Input::new("_0.si", &[1, 2, 3], 40, Order::Big);
        input.u8().unwrap();
        assert_eq!(
            input.i32().unwrap_err().to_string(),
            "_0.si is corrupt at byte 41: 4 bytes are wanted where 2 are left"
        );
    }
}
