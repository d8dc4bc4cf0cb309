//! What every Lucene file begins with: codec name, version, id of the segment, suffix.
//!
//! In: the first bytes of a file and what others say of it. Out: codec name and version, once id and suffix agree.
//! Holds: always big-endian, in every version. Not here: which codecs are read (each format's own table).
//! After: Lucene `CodecUtil#checkIndexHeader`.

use crate::error::{Error, Result};
use crate::input::Input;

const MAGIC: u32 = 0x3FD7_6C17;

/// No header is longer: the codec name has at most 127 bytes, the suffix at most 255.
pub(crate) const LEN_MAX: u64 = 4 + 1 + 127 + 4 + 16 + 1 + 255;

/// Codec name and version: what a format is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Codec<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: u32,
}

impl Codec<'_> {
    /// The error for a codec that is not read.
    #[cold]
    pub(crate) fn unsupported(&self, file: &str, read: &'static str) -> Error {
        Error::Unsupported { file: file.to_owned(), found: format!("{} version {}", self.name, self.version), read }
    }
}

/// Reads codec name and version: all that files of Lucene 4 have.
pub(crate) fn read_codec<'a>(input: &mut Input<'a>) -> Result<Codec<'a>> {
    if input.u32_big()? != MAGIC {
        return Err(input.corrupt("it does not begin as a Lucene file"));
    }
    let name = input.str()?;
    let version = input.u32_big()?;
    Ok(Codec { name, version })
}

/// Reads the id of segment or commit, and the suffix: what follows the codec since Lucene 5.
pub(crate) fn read_id<'a>(input: &mut Input<'a>) -> Result<([u8; 16], &'a [u8])> {
    let id = input.take(16)?;
    let id = id.first_chunk::<16>().copied().ok_or_else(|| input.corrupt("no id"))?;
    let suffix_len = usize::from(input.u8()?);
    Ok((id, input.take(suffix_len)?))
}

/// Reads a whole header and checks that the file belongs to segment `id` and generation or format `suffix`.
///
/// A segment of Lucene 4 has no id, and its files neither id nor suffix: of those the codec is all.
pub(crate) fn read<'a>(input: &mut Input<'a>, id: Option<&[u8; 16]>, suffix: &str) -> Result<Codec<'a>> {
    let codec = read_codec(input)?;
    let Some(id) = id else {
        return Ok(codec);
    };
    let (found_id, found_suffix) = read_id(input)?;
    if found_id != *id {
        return Err(input.corrupt("it belongs to another segment: the id differs"));
    }
    if found_suffix != suffix.as_bytes() {
        let found = String::from_utf8_lossy(found_suffix);
        return Err(input.corrupt(format!("its suffix is {found:?} where {suffix:?} is expected")));
    }
    Ok(codec)
}
