//! A file read front to back, with the next pieces already on their way.
//!
//! In: a range of a file. Out: its bytes, in order. At most [`PIECES_AHEAD`] pieces are asked for before they are
//! wanted, so that the store's latency passes while the pieces before are decoded, and memory stays bounded.
//!
//! Holds: never reads outside of the range; gives all bytes or an error, and after an error only errors.
//! Not here: where the bytes of a range lie (`directory`).

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::directory::read_range;
use crate::limits::{PIECE_BYTES, PIECES_AHEAD};
use crate::shard_files::ShardFile;
use crate::store::BlobStore;

/// Reads a range in pieces.
pub(crate) struct ReadAhead {
    store: Arc<dyn BlobStore>,
    file: Arc<ShardFile>,
    /// What no piece has been asked for yet.
    left: Range<u64>,
    /// Pieces on their way, in order.
    coming: VecDeque<oneshot::Receiver<io::Result<Bytes>>>,
    /// What is left of the piece that is being read.
    current: Bytes,
    has_failed: bool,
    /// Owns the reads on their way: they end with the reader.
    reads: JoinSet<()>,
    runtime: Handle,
}

impl ReadAhead {
    /// Asks for the first pieces of `range`, which lies within `file`.
    pub(crate) fn new(store: Arc<dyn BlobStore>, file: Arc<ShardFile>, range: Range<u64>, runtime: Handle) -> Self {
        let mut reader = Self {
            store,
            file,
            left: range,
            coming: VecDeque::new(),
            current: Bytes::new(),
            has_failed: false,
            reads: JoinSet::new(),
            runtime,
        };
        reader.ask();
        reader
    }

    /// Asks for pieces until enough are on their way.
    fn ask(&mut self) {
        // Forgets the reads that are done; their answers are in `coming`.
        while self.reads.try_join_next().is_some() {}
        while self.coming.len() < PIECES_AHEAD && !self.left.is_empty() {
            let end = self.left.end.min(self.left.start.saturating_add(PIECE_BYTES));
            let piece = self.left.start..end;
            self.left.start = end;
            let (store, file) = (self.store.clone(), self.file.clone());
            let (answer, coming) = oneshot::channel();
            let read = async move {
                // Nobody listens any more: the reader was dropped in between.
                let _ = answer.send(read_range(store.as_ref(), &file, piece).await);
            };
            self.reads.spawn_on(read, &self.runtime);
            self.coming.push_back(coming);
        }
    }

    /// The next piece; `None` at the end of the range.
    fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        if self.has_failed {
            return Err(self.error("an earlier read failed"));
        }
        let Some(piece) = self.coming.pop_front() else { return Ok(None) };
        let piece =
            piece.blocking_recv().unwrap_or_else(|_| Err(self.error("the runtime that reads it has shut down")));
        match piece {
            Ok(piece) => {
                self.ask();
                Ok(Some(piece))
            }
            Err(error) => {
                self.has_failed = true;
                self.coming.clear();
                self.reads.abort_all();
                Err(error)
            }
        }
    }

    fn error(&self, what: &str) -> io::Error {
        io::Error::other(format!("{what} (blob {} of {})", self.file.blob, self.store.location()))
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let len = buffer.len().min(self.fill_buf()?.len());
        if let Some(filled) = buffer.get_mut(..len) {
            self.current.copy_to_slice(filled);
        }
        Ok(len)
    }
}

impl BufRead for ReadAhead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.is_empty() {
            match self.next_piece()? {
                Some(piece) => self.current = piece,
                None => break,
            }
        }
        Ok(&self.current)
    }

    fn consume(&mut self, len: usize) {
        self.current.advance(len.min(self.current.len()));
    }
}
