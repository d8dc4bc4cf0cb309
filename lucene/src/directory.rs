//! Where the files of a shard come from: named, immutable, read by range.
//!
//! In: a file name and a byte range. Out: exactly those bytes, or an error. Whether they come from a disk, an object
//! store or a compound file is the business of whoever implements [`Directory`].
//! Not here: what the bytes mean.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use bytes::Bytes;

/// The files of one shard, as Lucene's `Directory` names them (`segments_3`, `_0.cfs`, `_0_1.liv`, …).
pub trait Directory: Send + Sync {
    /// Every file name, in no particular order.
    fn names(&self) -> Vec<String>;

    /// Length in bytes, or `None` where there is no such file.
    fn len(&self, name: &str) -> Option<u64>;

    /// Reads exactly `range` of `name`; the caller keeps ranges small (a chunk, a block of doc values).
    ///
    /// # Errors
    /// `NotFound` where there is no such file, `UnexpectedEof` where the range reaches past its end, and whatever the
    /// store says.
    fn read(&self, name: &str, range: Range<u64>) -> io::Result<Bytes>;

    /// Reads `range` of `name` front to back; an implementation may fetch ahead of the reader. What its buffer holds is
    /// decoded there: a buffer of several chunks saves a copy of most.
    ///
    /// # Errors
    /// As [`Directory::read`]; the reader itself returns an error or all bytes, never a silent short read.
    fn stream(&self, name: &str, range: Range<u64>) -> io::Result<Box<dyn io::BufRead + Send>>;
}

/// Files that are in memory already, by name: for tests, fuzzing and measuring.
#[derive(Debug, Clone, Default)]
pub struct MemoryDirectory(pub BTreeMap<String, Bytes>);

impl MemoryDirectory {
    /// The directory of one file.
    #[must_use]
    pub fn of(name: &str, bytes: impl Into<Bytes>) -> Self {
        Self::default().and(name, bytes)
    }

    /// The same directory, with `name` added or replaced.
    #[must_use]
    pub fn and(mut self, name: &str, bytes: impl Into<Bytes>) -> Self {
        self.0.insert(name.to_owned(), bytes.into());
        self
    }
}

impl Directory for MemoryDirectory {
    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn len(&self, name: &str) -> Option<u64> {
        self.0.get(name).map(|bytes| bytes.len() as u64)
    }

    fn read(&self, name: &str, range: Range<u64>) -> io::Result<Bytes> {
        let bytes = self.0.get(name).ok_or(io::ErrorKind::NotFound)?;
        if range.start > range.end || range.end > bytes.len() as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes.slice(range.start as usize..range.end as usize))
    }

    fn stream(&self, name: &str, range: Range<u64>) -> io::Result<Box<dyn io::BufRead + Send>> {
        Ok(Box::new(io::Cursor::new(self.read(name, range)?)))
    }
}
