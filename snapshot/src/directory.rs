//! The files of a shard as [`lucene::Directory`].
//!
//! In: a file name and a byte range. Out: the bytes, from the snapshot's metadata or from the blobs and their parts by
//! range reads. Nothing touches the local disk.
//!
//! Holds: a file whose blob is missing, shorter than the snapshot says or not readable gives an error that names the
//! blob and the place; no read goes past the range that was asked for.
//! Not here: what the bytes mean, and whether they are right (`lucene` checks checksums).

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use lucene::directory::Directory;
use tokio::runtime::Handle;

use crate::read_ahead::ReadAhead;
use crate::shard_files::ShardFile;
use crate::store::{BlobStore, StoreError, StoreErrorKind};

/// The files of one shard; cheap to clone.
///
/// [`Directory`] is synchronous and the store is not: each read waits on the calling thread for work on the runtime.
/// Call it from a thread that may wait, as inside `tokio::task::spawn_blocking` or on one outside of the runtime. On an
/// async thread tokio panics, because the wait could hold up the very task that it waits for.
#[derive(Clone)]
pub struct ShardDirectory {
    files: Arc<HashMap<String, Arc<ShardFile>>>,
    store: Arc<dyn BlobStore>,
    runtime: Handle,
}

impl fmt::Debug for ShardDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.store.location();
        f.debug_struct("ShardDirectory").field("location", &location).field("files", &self.files.len()).finish()
    }
}

impl ShardDirectory {
    pub(crate) fn new(files: &[ShardFile], store: Arc<dyn BlobStore>, runtime: Handle) -> Self {
        let by_name = files.iter().map(|file| (file.physical_name.clone(), Arc::new(file.clone())));
        Self { files: Arc::new(by_name.collect()), store, runtime }
    }

    /// The file `name`, if it has all of `range`.
    fn file(&self, name: &str, range: &Range<u64>) -> io::Result<&Arc<ShardFile>> {
        let file = self.files.get(name).ok_or_else(|| {
            let what = format!("the snapshot of this shard has no file {name:?} ({})", self.store.location());
            io::Error::new(io::ErrorKind::NotFound, what)
        })?;
        if range.end < range.start {
            let what = format!("bytes {}..{} of {name:?} are no range", range.start, range.end);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        if file.len < range.end {
            let Range { start, end } = range;
            let what = format!(
                "bytes {start}..{end} of {name:?} are wanted, it has {} (blob {} of {})",
                file.len,
                file.blob,
                self.store.location()
            );
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        Ok(file)
    }
}

impl Directory for ShardDirectory {
    fn names(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    fn len(&self, name: &str) -> Option<u64> {
        self.files.get(name).map(|file| file.len)
    }

    fn read(&self, name: &str, range: Range<u64>) -> io::Result<Bytes> {
        let file = self.file(name, &range)?;
        match inline(file, &range) {
            Some(bytes) => Ok(bytes),
            None => self.runtime.block_on(read_range(self.store.as_ref(), file, range)),
        }
    }

    fn stream(&self, name: &str, range: Range<u64>) -> io::Result<Box<dyn io::BufRead + Send>> {
        let file = self.file(name, &range)?;
        Ok(match inline(file, &range) {
            Some(bytes) => Box::new(io::Cursor::new(bytes)),
            None => Box::new(ReadAhead::new(self.store.clone(), file.clone(), range, self.runtime.clone())),
        })
    }
}

/// The bytes of a range that lies within the file, where the snapshot's metadata holds them.
fn inline(file: &ShardFile, range: &Range<u64>) -> Option<Bytes> {
    let whole = file.inline.as_ref()?;
    let (start, end) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
    (start <= end && end <= whole.len()).then(|| whole.slice(start..end))
}

/// Reads `range`, which lies within `file`, part by part.
pub(crate) async fn read_range(store: &dyn BlobStore, file: &ShardFile, range: Range<u64>) -> io::Result<Bytes> {
    if range.is_empty() {
        return Ok(Bytes::new());
    }
    let Some(part_size) = file.part_size else {
        return read_blob(store, &file.blob, range, file.len).await;
    };
    let mut stitched = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let part = part_at(file, part_size, at);
        let end = range.end.min(part.start.saturating_add(part.len));
        let within = at.saturating_sub(part.start)..end.saturating_sub(part.start);
        let bytes = read_blob(store, &part.blob, within, part.len).await?;
        if at == range.start && end == range.end {
            return Ok(bytes);
        }
        stitched.extend_from_slice(&bytes);
        at = end;
    }
    Ok(Bytes::from(stitched))
}

/// A part of a file.
struct Part {
    blob: String,
    /// Where in the file it begins.
    start: u64,
    /// Its length in bytes.
    len: u64,
}

/// The part that holds the byte at `at`, which lies within the file.
fn part_at(file: &ShardFile, part_size: u64, at: u64) -> Part {
    let number = at.checked_div(part_size).unwrap_or_default();
    let start = number.saturating_mul(part_size);
    let len = part_size.min(file.len.saturating_sub(start));
    Part { blob: format!("{}.part{number}", file.blob), start, len }
}

/// Reads `range` of a blob that the snapshot says is `len` bytes long.
async fn read_blob(store: &dyn BlobStore, blob: &str, range: Range<u64>, len: u64) -> io::Result<Bytes> {
    let wanted = range.end.saturating_sub(range.start);
    let start = range.start;
    let result = store.read_range(blob, range).await;
    let shorter = |found| {
        let (blob, location) = (blob.to_owned(), store.location());
        io::Error::new(io::ErrorKind::UnexpectedEof, ShorterThanListed { blob, location, found, listed: len })
    };
    match result {
        Ok(bytes) if bytes.len() as u64 == wanted => Ok(bytes),
        // A store that breaks its word must not shift the bytes behind.
        Ok(bytes) => Err(shorter(start.saturating_add(bytes.len() as u64))),
        Err(StoreError { kind: StoreErrorKind::Truncated { len: found, .. }, .. }) => Err(shorter(found)),
        Err(error) => Err(error.into()),
    }
}

/// A blob that lost its end.
#[derive(Debug, thiserror::Error)]
#[error("blob {blob} of {location} is {found} bytes, the snapshot says {listed}")]
struct ShorterThanListed {
    blob: String,
    location: String,
    found: u64,
    listed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_of_a_file_is_in_one_part() {
        let file = ShardFile {
            physical_name: "_0.fdt".to_owned(),
            blob: "f/__x".to_owned(),
            len: 25,
            part_size: Some(10),
            checksum: None,
            inline: None,
        };
        for (at, blob, start, len) in [
            (0, "f/__x.part0", 0, 10),
            (9, "f/__x.part0", 0, 10),
            (10, "f/__x.part1", 10, 10),
            (24, "f/__x.part2", 20, 5),
        ] {
            let part = part_at(&file, 10, at);
            assert_eq!((part.blob.as_str(), part.start, part.len), (blob, start, len), "{at}");
        }
    }
}
