//! A shard's files, read for a task: every read is a sign of life, and none is begun once the task is not ours.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use lucene::Directory;
use snapshot::ShardDirectory;
use tokio_util::sync::CancellationToken;

use crate::lease::Pulse;

/// The files of a shard, and whose task reads them.
pub struct Watched {
    files: ShardDirectory,
    pulse: Pulse,
    cancel: CancellationToken,
}

impl Watched {
    /// Reads `files` until `cancel`, as a lost lease does; each read is told to `pulse`.
    #[must_use]
    pub fn new(files: ShardDirectory, pulse: Pulse, cancel: CancellationToken) -> Self {
        Self { files, pulse, cancel }
    }

    fn may_read(&self) -> io::Result<()> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("the task was given up"));
        }
        self.pulse.beat();
        Ok(())
    }
}

impl Directory for Watched {
    fn names(&self) -> Vec<String> {
        self.files.names()
    }

    fn len(&self, name: &str) -> Option<u64> {
        self.files.len(name)
    }

    fn read(&self, name: &str, range: Range<u64>) -> io::Result<Bytes> {
        self.may_read()?;
        self.files.read(name, range)
    }

    fn stream(&self, name: &str, range: Range<u64>) -> io::Result<Box<dyn io::BufRead + Send>> {
        let stream = self.files.stream(name, range)?;
        let watched = Self { files: self.files.clone(), pulse: self.pulse.clone(), cancel: self.cancel.clone() };
        Ok(Box::new(WatchedStream { stream, watched }))
    }
}

struct WatchedStream {
    stream: Box<dyn io::BufRead + Send>,
    watched: Watched,
}

impl io::Read for WatchedStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.watched.may_read()?;
        self.stream.read(buffer)
    }
}

impl io::BufRead for WatchedStream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.watched.may_read()?;
        self.stream.fill_buf()
    }

    fn consume(&mut self, len: usize) {
        self.stream.consume(len);
    }
}
