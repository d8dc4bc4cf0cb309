//! The 16 bytes that Lucene files end with: magic, algorithm, CRC-32 of all that stands before the CRC.
//!
//! In: a whole file, or its last 16 bytes. Out: the body without the footer once the CRC holds, or the CRC that a
//! stream must come to. Holds: always big-endian. Files before Lucene 4.8 have none; their codec tells.
//! After: Lucene `CodecUtil#checkFooter`.

use crate::error::{Error, Result};
use crate::header::Codec;
use crate::input::{Input, Order};

const MAGIC: u32 = !0x3FD7_6C17;

/// Length of the footer in bytes.
pub(crate) const LEN: u64 = 16;

/// How many bytes at the end the CRC does not cover: itself.
pub(crate) const CRC_LEN: u64 = 8;

/// Whether a file of `codec` ends with a footer. Each format of Lucene 4 got it with a version of its own.
pub(crate) fn is_written(codec: &Codec<'_>) -> bool {
    let since = match codec.name {
        "Lucene40SegmentInfo" | "Lucene40FieldInfos" | "Lucene42FieldInfos" => return false,
        "Lucene46SegmentInfo" | "Lucene46FieldInfos" => 1,
        "CompoundFileWriterEntries" | "CompoundFileWriterData" => 1,
        "Lucene41StoredFieldsData" | "Lucene41StoredFieldsIndex" => 2,
        "Lucene45ValuesMetadata" | "Lucene45DocValuesData" => 2,
        "segments" | "BitVector" => 2,
        _ => return true,
    };
    codec.version >= since
}

/// Whether these are the bytes of a footer: where none is expected, a version was damaged or told a lie.
pub(crate) fn is_there(footer: &[u8]) -> bool {
    footer.starts_with(&MAGIC.to_be_bytes()) && footer.get(4..8) == Some(&[0; 4])
}

/// Reads the 16 bytes at `offset` of `file`: the CRC-32 that the rest of the file must have.
pub(crate) fn read(file: &str, footer: &[u8], offset: u64) -> Result<u32> {
    let mut input = Input::new(file, footer, offset, Order::Big);
    if input.u32_big()? != MAGIC || input.u32_big()? != 0 {
        return Err(input.corrupt("it does not end as a Lucene file: cut off?"));
    }
    let crc = input.u64_big()?;
    u32::try_from(crc).map_err(|_| input.corrupt("a checksum of more than 32 bits"))
}

/// Splits the footer off a whole file whose CRC holds.
pub(crate) fn verified_body<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a [u8]> {
    let whole = Input::new(file, bytes, 0, Order::Big);
    let (body, footer) = bytes
        .len()
        .checked_sub(LEN as usize)
        .and_then(|body_len| bytes.split_at_checked(body_len))
        .ok_or_else(|| whole.corrupt("it is too short to be a Lucene file"))?;
    let expected = read(file, footer, body.len() as u64)?;
    let covered = bytes.get(..bytes.len() - CRC_LEN as usize).unwrap_or_default();
    compare(file, crc32fast::hash(covered), expected)?;
    Ok(body)
}

/// Whether the checksum `found` of `file` is the one that its footer says.
pub(crate) fn compare(file: &str, found: u32, expected: u32) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let what = format!("its CRC-32 is {found:08x} where its footer says {expected:08x}");
    Err(Error::Corrupt { file: file.to_owned(), offset: 0, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_flipped_bit_or_one_missing_byte_is_found() {
        let mut file = b"a body".to_vec();
        file.extend(MAGIC.to_be_bytes());
        file.extend([0; 4]);
        file.extend(u64::from(crc32fast::hash(&file)).to_be_bytes());
        assert_eq!(verified_body("f", &file).unwrap(), b"a body");
        for at in 0..file.len() {
            let mut spoiled = file.clone();
            spoiled[at] ^= 1;
            assert!(verified_body("f", &spoiled).is_err(), "byte {at}");
            assert!(verified_body("f", &file[..at]).is_err(), "cut at {at}");
        }
    }
}
