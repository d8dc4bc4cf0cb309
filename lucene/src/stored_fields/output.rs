//! The buffer that chunks are read or unpacked into, used again for every chunk.

use std::io::{self, Read};

/// A buffer that became larger for a huge document is given back before the next chunk.
const KEPT_BYTES_MAX: usize = 16 << 20;

/// Bytes of a chunk.
#[derive(Default)]
pub(crate) struct Output {
    /// Its length only grows, so that bytes are zeroed once and not for every chunk.
    bytes: Vec<u8>,
    used: usize,
}

impl Output {
    pub(crate) fn clear(&mut self) {
        self.used = 0;
        if self.bytes.len() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.used
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or_default()
    }

    /// Holds the next `len` bytes of `source` and nothing else.
    pub(crate) fn read(&mut self, source: &mut impl Read, len: usize) -> io::Result<&[u8]> {
        self.clear();
        let (_, room) = self.room(len);
        source.read_exact(room)?;
        Ok(room)
    }

    /// Room for `len` more bytes, which count as used from now on; before it what was used so far.
    pub(crate) fn room(&mut self, len: usize) -> (&[u8], &mut [u8]) {
        let end = self.used + len;
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        let start = std::mem::replace(&mut self.used, end);
        let (before, rest) = self.bytes.split_at_mut(start);
        (before, rest.get_mut(..len).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_follows_what_is_there_and_a_huge_buffer_is_given_back() {
        let mut output = Output::default();
        output.room(2).1.copy_from_slice(b"ab");
        let (before, room) = output.room(3);
        assert_eq!((before, room.len()), (&b"ab"[..], 3));
        room.copy_from_slice(b"cde");
        assert_eq!(output.as_slice(), b"abcde");
        output.clear();
        assert!(output.as_slice().is_empty());
        output.room(KEPT_BYTES_MAX + 1);
        output.clear();
        assert_eq!(output.bytes.capacity(), 0);
    }
}
