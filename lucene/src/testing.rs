//! A directory in memory, for the tests in this crate's files.

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

    fn stream(&self, name: &str, range: Range<u64>) -> io::Result<Box<dyn io::Read + Send>> {
        Ok(Box::new(io::Cursor::new(self.read(name, range)?)))
    }
}
