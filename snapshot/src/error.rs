//! What can go wrong between a repository and the files of a shard, and whether trying again can help.

use crate::repository::SnapshotState;
use crate::store::{StoreError, StoreErrorKind};
use crate::version::{ProductVersion, VERSIONS_READ};

/// Whether doing the same again can end differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The cause may pass by itself.
    Retry,
    /// The same would come out again until a person changes something.
    Fail,
    /// And so would everything else that is read from there.
    Stop,
}

/// Why a repository, a snapshot, an index or a shard can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store would not give a blob.
    #[error("read {what}")]
    Read {
        /// What the blob is, in words.
        what: String,
        /// Which blob, where, and why.
        #[source]
        source: StoreError,
    },

    /// There is no such place.
    #[error(
        "there is no repository at {location}; check the path or bucket and base path, and that it is mounted here"
    )]
    NoSuchPlace {
        /// The place.
        location: String,
        /// What the store said.
        #[source]
        source: StoreError,
    },

    /// The place is there and holds no catalogue of any version.
    #[error(
        "{location} is no snapshot repository: it has no blob index-N, the catalogue, nor index, which Elasticsearch \
         before 5.0 has in its place ({found}); give the folder that holds index-N and indices/, which is the \
         repository's `location` or the bucket with its `base_path`"
    )]
    NotARepository {
        /// The place.
        location: String,
        /// What lies there instead, or that nothing does.
        found: String,
    },

    /// No snapshot of that name.
    #[error("the repository at {location} has no snapshot {name:?}; it has {known}")]
    NoSuchSnapshot {
        /// The place.
        location: String,
        /// The name that was asked for.
        name: String,
        /// The names there are; cut when they are many.
        known: String,
    },

    /// A snapshot that nobody finished, or that failed.
    #[error("snapshot {snapshot:?} is {state}{reason}; only a snapshot that is SUCCESS or PARTIAL can be read")]
    NotUsable {
        /// The snapshot's name.
        snapshot: String,
        /// Its state.
        state: SnapshotState,
        /// The server's reason with a leading `: `, or nothing.
        reason: String,
    },

    /// A snapshot of a version that is not read.
    #[error("snapshot {snapshot:?} was written by {found}; versions read: {VERSIONS_READ}")]
    UnsupportedVersion {
        /// The snapshot's name.
        snapshot: String,
        /// Who wrote it.
        found: ProductVersion,
    },

    /// A remote-store snapshot, which holds no segment files.
    #[error(
        "{what} is a shallow copy of a remote store: the segment files are not in this repository; take a snapshot into \
         a repository whose `remote_store_index_shallow_copy` and `shallow_snapshot_v2` are false"
    )]
    Shallow {
        /// The snapshot or shard, in words.
        what: String,
    },

    /// A shard that the server could not snapshot.
    #[error("shard {shard} of index {index:?} is not in snapshot {snapshot:?}, the server says: {reason}")]
    ShardFailed {
        /// The snapshot's name.
        snapshot: String,
        /// The index's name.
        index: String,
        /// The shard's number.
        shard: u32,
        /// The server's words.
        reason: String,
    },

    /// A shard in a folder that is not below the repository's root.
    #[error(
        "{what} is not below {location}: the repository has a base_path and `shard_path_type: hashed_prefix`, which put \
         it in {place} of the bucket or file system around; copy or link that folder to {folder} of {location}, or take \
         a snapshot into a repository with `shard_path_type: fixed`"
    )]
    OutsideRepository {
        /// The shard, in words.
        what: String,
        /// Where it lies, from the bucket on.
        place: String,
        /// Where it is looked for, from the repository's root on.
        folder: String,
        /// The repository's root.
        location: String,
    },

    /// A snapshot that was there when it was opened.
    #[error("snapshot {snapshot:?} has been deleted from {location} since it was opened")]
    Deleted {
        /// The snapshot's name.
        snapshot: String,
        /// The place.
        location: String,
    },

    /// Bytes that no server wrote.
    #[error("blob {blob} of {location} is corrupt at byte {offset}: {what}")]
    Corrupt {
        /// The blob.
        blob: String,
        /// The store it came from.
        location: String,
        /// The byte of the stored blob from which on it makes no sense.
        offset: u64,
        /// What is wrong.
        what: String,
    },

    /// Bytes that some server wrote and that are not read here.
    #[error("blob {blob} of {location} can't be read: {what}")]
    Unsupported {
        /// The blob.
        blob: String,
        /// The store it came from.
        location: String,
        /// What it is.
        what: String,
    },
}

impl Error {
    /// Whether trying again can help. Exhaustive on purpose: a new variant does not compile until its verdict is chosen.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Read { source, .. } | Self::NoSuchPlace { source, .. } => source.verdict(),
            Self::NotARepository { .. }
            | Self::NoSuchSnapshot { .. }
            | Self::NotUsable { .. }
            | Self::UnsupportedVersion { .. }
            | Self::Shallow { .. }
            | Self::ShardFailed { .. }
            | Self::OutsideRepository { .. }
            | Self::Deleted { .. }
            | Self::Corrupt { .. }
            | Self::Unsupported { .. } => Verdict::Fail,
        }
    }

    /// Whether the cause is a blob that is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind == StoreErrorKind::NotFound)
    }
}
