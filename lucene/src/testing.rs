//! Headers and footers, for the tests in this crate's files.

pub(crate) use crate::directory::MemoryDirectory as Memory;

/// The header of a file of Lucene 4.
pub(crate) fn header(codec: &str, version: u32) -> Vec<u8> {
    let mut bytes = vec![0x3F, 0xD7, 0x6C, 0x17, codec.len() as u8];
    bytes.extend(codec.as_bytes());
    bytes.extend(version.to_be_bytes());
    bytes
}

/// The header of a file since Lucene 5.
pub(crate) fn index_header(codec: &str, version: u32, id: [u8; 16], suffix: &str) -> Vec<u8> {
    let mut bytes = header(codec, version);
    bytes.extend(id);
    bytes.push(suffix.len() as u8);
    bytes.extend(suffix.as_bytes());
    bytes
}

/// The file with its footer.
pub(crate) fn with_footer(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend([0xC0, 0x28, 0x93, 0xE8, 0, 0, 0, 0]);
    bytes.extend(u64::from(crc32fast::hash(&bytes)).to_be_bytes());
    bytes
}
