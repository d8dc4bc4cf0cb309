//! A directory in memory, headers and footers, for the tests in this crate's files.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use bytes::Bytes;

use crate::Directory;

#[derive(Default)]
pub(crate) struct Memory(BTreeMap<String, Bytes>);

impl Memory {
    pub(crate) fn of(name: &str, bytes: Vec<u8>) -> Self {
        Self::default().and(name, bytes)
    }

    pub(crate) fn and(mut self, name: &str, bytes: Vec<u8>) -> Self {
        self.0.insert(name.to_owned(), Bytes::from(bytes));
        self
    }
}

impl Directory for Memory {
    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn len(&self, name: &str) -> Option<u64> {
        self.0.get(name).map(|bytes| bytes.len() as u64)
    }

    fn read(&self, name: &str, range: Range<u64>) -> io::Result<Bytes> {
        let bytes = self.0.get(name).ok_or(io::ErrorKind::NotFound)?;
        if range.end > bytes.len() as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes.slice(range.start as usize..range.end as usize))
    }

    fn stream(&self, name: &str, range: Range<u64>) -> io::Result<Box<dyn io::BufRead + Send>> {
        Ok(Box::new(io::Cursor::new(self.read(name, range)?)))
    }
}

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
