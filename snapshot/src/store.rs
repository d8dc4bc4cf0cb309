//! Where the blobs of a repository come from: one trait, and the file system behind it.
//!
//! In: a blob's name relative to the root of the repository, `/` between folders. Out: its bytes, whole or by range.
//! Holds: a read never gives fewer bytes than were asked for, and never allocates more than the blob has.
//! Not here: what the blobs mean, and retries, which wrap a store.

mod fs;

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

pub use fs::FsStore;

use crate::error::Verdict;

/// The blobs of one repository, read only.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// The blobs directly in the folder part of `prefix` (up to its last `/`, or the root) whose names begin with the
    /// rest; nothing of the folders below. Names are relative to the root, in no particular order. A folder without such
    /// blobs is an empty list, as in an object store, where folders don't exist.
    ///
    /// # Errors
    /// `NotFound` where not even the root is there, `TooMany` above [`crate::limits::LISTED_MAX`] blobs.
    async fn list(&self, prefix: &str) -> Result<Vec<BlobMeta>, StoreError>;

    /// A whole small blob.
    ///
    /// # Errors
    /// `NotFound`, and `TooLarge` where it has more than `len_max` bytes.
    async fn read(&self, blob: &str, len_max: u64) -> Result<Bytes, StoreError>;

    /// Exactly the bytes of `range`.
    ///
    /// # Errors
    /// `NotFound`, and `Truncated` where the blob ends before the range does.
    async fn read_range(&self, blob: &str, range: Range<u64>) -> Result<Bytes, StoreError>;

    /// The repository's place as a person knows it, e.g. an absolute path or `s3://bucket/base/path`. No secrets.
    fn location(&self) -> String;

    /// What lies around the repository, and the repository's folder in it with `/` at its end: the bucket of a base path.
    /// `None` where the repository is all there is, and where nothing beside it is read, as beside a directory.
    fn around(&self) -> Option<(Arc<dyn BlobStore>, String)> {
        None
    }
}

/// Whether `name` is the relative name of a blob, or a prefix of such names, that can't mean one outside of the root: no
/// part of it is empty (but the last of a prefix), `.` or `..`. Anything else a server may have written.
#[must_use]
pub fn is_inside(name: &str) -> bool {
    let mut parts = name.split('/').rev();
    let last = parts.next().unwrap_or_default();
    let goes_up = |part: &str| matches!(part, "." | "..");
    !goes_up(last) && parts.all(|part| !part.is_empty() && !goes_up(part))
}

/// A listed blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobMeta {
    /// Its name, relative to the root.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
}

/// Why a store gave no bytes. Its text is complete without its source.
#[derive(Debug)]
pub struct StoreError {
    /// What happened.
    pub kind: StoreErrorKind,
    /// The blob, or the prefix of a listing; empty for the root.
    pub blob: String,
    /// The store's [`BlobStore::location`].
    pub location: String,
    /// What the operating system or the object store said.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of [`StoreError`] that callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// There is no such blob.
    NotFound,
    /// The blob ends early.
    Truncated {
        /// Its length in bytes.
        len: u64,
        /// The bytes it had to have.
        wanted: u64,
    },
    /// The blob has more bytes than may be held in memory.
    TooLarge {
        /// Its length in bytes.
        len: u64,
        /// The bound it broke.
        len_max: u64,
    },
    /// A listing without end.
    TooMany {
        /// The bound it broke.
        max: usize,
    },
    /// The store does not let us.
    Denied,
    /// The store as a whole can't be read as it is asked: who we are is not known there, or it is elsewhere.
    Unusable,
    /// The name could leave the repository.
    BadName,
    /// Anything else: the disk, the network.
    Io,
}

impl StoreError {
    /// An error without a deeper cause.
    #[must_use]
    pub fn new(kind: StoreErrorKind, blob: impl Into<String>, location: impl Into<String>) -> Self {
        Self { kind, blob: blob.into(), location: location.into(), source: None }
    }

    /// The error that the operating system's `source` amounts to.
    #[must_use]
    pub fn from_io(source: io::Error, blob: impl Into<String>, location: impl Into<String>) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StoreErrorKind::NotFound,
            io::ErrorKind::PermissionDenied => StoreErrorKind::Denied,
            _ => StoreErrorKind::Io,
        };
        Self { source: Some(Box::new(source)), ..Self::new(kind, blob, location) }
    }

    /// Whether trying again can help.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.kind {
            StoreErrorKind::Io => Verdict::Retry,
            StoreErrorKind::Unusable => Verdict::Stop,
            StoreErrorKind::NotFound
            | StoreErrorKind::Truncated { .. }
            | StoreErrorKind::TooLarge { .. }
            | StoreErrorKind::TooMany { .. }
            | StoreErrorKind::Denied
            | StoreErrorKind::BadName => Verdict::Fail,
        }
    }

    /// The kind as the standard library names it.
    #[must_use]
    pub fn io_kind(&self) -> io::ErrorKind {
        match self.kind {
            StoreErrorKind::NotFound => io::ErrorKind::NotFound,
            StoreErrorKind::Truncated { .. } => io::ErrorKind::UnexpectedEof,
            StoreErrorKind::Denied | StoreErrorKind::Unusable => io::ErrorKind::PermissionDenied,
            StoreErrorKind::BadName => io::ErrorKind::InvalidInput,
            StoreErrorKind::TooLarge { .. } | StoreErrorKind::TooMany { .. } => io::ErrorKind::InvalidData,
            StoreErrorKind::Io => {
                let source = self.source.as_ref().and_then(|source| source.downcast_ref::<io::Error>());
                source.map_or(io::ErrorKind::Other, io::Error::kind)
            }
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.blob.as_str() {
            // Which blob was asked for says nothing then.
            _ if self.kind == StoreErrorKind::Unusable => write!(f, "{} ", self.location)?,
            "" => write!(f, "{} ", self.location)?,
            blob => write!(f, "blob {blob} of {} ", self.location)?,
        }
        match self.kind {
            StoreErrorKind::NotFound => match &self.source {
                // The operating system would say the same again.
                Some(source) if !source.is::<io::Error>() => write!(f, "is not there: {source}"),
                _ => write!(f, "is not there"),
            },
            StoreErrorKind::Truncated { len, wanted } => write!(f, "is {len} bytes, {wanted} were expected"),
            StoreErrorKind::TooLarge { len, len_max } => {
                write!(f, "is {len} bytes, more than the {len_max} that are read at once")
            }
            StoreErrorKind::TooMany { max } => write!(f, "names more than {max} blobs"),
            StoreErrorKind::Denied => match &self.source {
                Some(source) => write!(f, "may not be read: {source}"),
                None => write!(f, "may not be read"),
            },
            StoreErrorKind::Unusable => match &self.source {
                Some(source) => write!(f, "can't be used: {source}"),
                None => write!(f, "can't be used"),
            },
            StoreErrorKind::BadName => write!(f, "is not asked for: the name could leave the repository"),
            StoreErrorKind::Io => match &self.source {
                Some(source) => write!(f, "could not be read: {source}"),
                None => write!(f, "could not be read"),
            },
        }
    }
}

/// The source stands in the text already where it says more than the kind: a directory hands the error on as an
/// [`io::Error`], and who prints only that must see the cause.
impl std::error::Error for StoreError {}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        io::Error::new(error.io_kind(), error)
    }
}
