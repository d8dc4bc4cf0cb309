//! LZF, in which Elasticsearch 1.x compresses its metadata and, where a mapping asks for it, `_source`.
//!
//! In: a stream of chunks to the end of the bytes. Out: what was compressed. The format has no checksum.
//!
//! ```text
//! `ZV` | 0: u8 | len: u16 | len bytes as they are                                   (integers big endian)
//! `ZV` | 1: u8 | len: u16 | len unpacked: u16 | commands
//! command c < 32: c + 1 literal bytes follow
//! command else:   n = c >> 5, and if that is 7, n += next byte; d = (c & 31) << 8 | next byte;
//!                 n + 2 bytes again from d + 1 bytes back, which may run into what they write
//! ```
//!
//! Holds: never panics on any input; never holds more than it was allowed and one chunk, which is below 64 KiB.
//! Not here: what the bytes mean.
//! After: compress-lzf `ChunkDecoder`, Elasticsearch 1.x `LZFCompressor`.

const MAGIC: &[u8] = b"ZV";
const STORED: u8 = 0;
const PACKED: u8 = 1;
/// Commands below this are literals.
const LITERALS_END: u8 = 32;
/// The length from which on another byte is added.
const LENGTH_LONG: usize = 7;

/// Bytes that are no LZF, or unpack to more than is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("LZF data is wrong at byte {offset}: {what}")]
pub struct LzfError {
    /// The byte of the input at which it makes no sense.
    pub offset: usize,
    /// What is wrong.
    pub what: String,
}

/// Whether `bytes` say of themselves that they are a stream of LZF chunks.
#[must_use]
pub fn is_compressed(bytes: &[u8]) -> bool {
    matches!(bytes.strip_prefix(MAGIC), Some([STORED | PACKED, ..]))
}

/// Unpacks a stream of chunks, which ends where `bytes` do, to at most `len_max` bytes.
///
/// # Errors
/// Where the stream is cut, points before a chunk's begin, a chunk is not as long as it says, or `len_max` is passed.
pub fn decompress(bytes: &[u8], len_max: usize) -> Result<Vec<u8>, LzfError> {
    let mut input = Input { bytes, at: 0 };
    let mut out = Vec::new();
    loop {
        chunk(&mut input, &mut out, len_max)?;
        if input.at == bytes.len() {
            return Ok(out);
        }
    }
}

fn chunk(input: &mut Input<'_>, out: &mut Vec<u8>, len_max: usize) -> Result<(), LzfError> {
    let start = input.at;
    if input.take(MAGIC.len())? != MAGIC {
        return Err(wrong(start, "a chunk begins with ZV"));
    }
    let kind = input.byte()?;
    let len = input.u16()?;
    let unpacked_len = match kind {
        STORED => len,
        PACKED => input.u16()?,
        other => return Err(wrong(start, format!("a chunk is of type 0 or 1, not {other}"))),
    };
    let end = out.len().saturating_add(unpacked_len);
    if len_max < end {
        return Err(wrong(start, format!("it unpacks to more than {len_max} bytes")));
    }
    let at = input.at;
    let data = input.take(len)?;
    if kind == STORED {
        out.extend_from_slice(data);
        return Ok(());
    }
    let mut commands = Input { bytes: data, at: 0 };
    unpack(&mut commands, out, end).map_err(|error| LzfError { offset: error.offset.saturating_add(at), ..error })
}

/// Follows all of `commands`, which must bring `out` to the length `end`. Offsets count from the first command.
fn unpack(commands: &mut Input<'_>, out: &mut Vec<u8>, end: usize) -> Result<(), LzfError> {
    let chunk_start = out.len();
    out.reserve(end.saturating_sub(chunk_start));
    while commands.at < commands.bytes.len() {
        let start = commands.at;
        let command = commands.byte()?;
        let room = end.saturating_sub(out.len());
        let too_long = || wrong(start, "a chunk unpacks to more than it says");
        if command < LITERALS_END {
            let literals = commands.take(usize::from(command).saturating_add(1))?;
            if room < literals.len() {
                return Err(too_long());
            }
            out.extend_from_slice(literals);
            continue;
        }
        let mut len = usize::from(command >> 5);
        if len == LENGTH_LONG {
            len = len.saturating_add(usize::from(commands.byte()?));
        }
        len = len.saturating_add(2);
        let back = (usize::from(command & 31) << 8 | usize::from(commands.byte()?)).saturating_add(1);
        if room < len {
            return Err(too_long());
        }
        let from = out.len().checked_sub(back).filter(|from| chunk_start <= *from);
        copy(out, from.ok_or_else(|| wrong(start, "a copy from before the chunk"))?, len);
    }
    if out.len() != end {
        return Err(wrong(commands.at, "a chunk unpacks to less than it says"));
    }
    Ok(())
}

/// Appends `len` bytes of `out` from `from` on, which lies within it. The copy may run into what it writes, and then it
/// repeats what lies between `from` and the end.
fn copy(out: &mut Vec<u8>, from: usize, len: usize) {
    let end = out.len().saturating_add(len);
    while out.len() < end {
        let whole = out.len().saturating_sub(from).min(end.saturating_sub(out.len()));
        out.extend_from_within(from..from.saturating_add(whole));
    }
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], LzfError> {
        let end = self.at.saturating_add(len);
        let taken = self.bytes.get(self.at..end).ok_or_else(|| wrong(self.bytes.len(), "it is cut"))?;
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, LzfError> {
        self.take(1).map(|bytes| bytes.first().copied().unwrap_or_default())
    }

    fn u16(&mut self) -> Result<usize, LzfError> {
        let bytes = self.take(2)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }
}

fn wrong(offset: usize, what: impl Into<String>) -> LzfError {
    LzfError { offset, what: what.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_of_both_types_follow_each_other() {
        let mut bytes = b"ZV\x00\x00\x03abc".to_vec();
        // Literals `xy`, 3 bytes from 2 back, 7 + 1 + 2 bytes from 1 back.
        bytes.extend(b"ZV\x01\x00\x08\x00\x0f\x01xy\x20\x01\xe0\x01\x00");
        assert!(is_compressed(&bytes));
        assert_eq!(decompress(&bytes, 18).unwrap(), b"abcxyxyxxxxxxxxxxx");
        assert_eq!(decompress(&bytes, 17).unwrap_err(), wrong(8, "it unpacks to more than 17 bytes"));
        assert_eq!(decompress(b"ZV\x00\x00\x00", 0).unwrap(), b"");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (bytes, offset, what) in [
            (&b""[..], 0, "cut"),
            (b"ZV", 2, "cut"),
            (b"{\"a\":1}", 0, "begins with ZV"),
            (b"ZV\x02\x00\x00", 0, "not 2"),
            (b"ZV\x00\x00\x03ab", 7, "cut"),
            (b"ZV\x00\x00\x01aZ", 7, "cut"),
            (b"ZV\x01\x00\x02\x00\x02\x00a", 9, "less than it says"),
            (b"ZV\x01\x00\x02\x00\x00\x00a", 7, "more than it says"),
            (b"ZV\x01\x00\x02\x00\x02\x01a", 9, "cut"),
            (b"ZV\x01\x00\x01\x00\x02\xff", 8, "cut"),
            (b"ZV\x01\x00\x04\x00\x04\x00a\x20\x01", 9, "before the chunk"),
            (b"ZV\x00\x00\x02abZV\x01\x00\x04\x00\x04\x00a\x20\x02", 16, "before the chunk"),
            (b"ZV\x01\x00\x04\x00\x03\x00a\x20\x00", 9, "more than it says"),
        ] {
            let error = decompress(bytes, 100).unwrap_err();
            assert!(error.offset == offset && error.what.contains(what), "{bytes:02x?}: {error}");
        }
    }
}
