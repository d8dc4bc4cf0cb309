//! A repository, which is where all reading begins.
//!
//! In: a store. Out: the snapshots there are, and any of them opened.
//! Not here: how they are found (`lookup`), a snapshot (`snapshot_info`).

use std::fmt;
use std::sync::Arc;

use crate::blob::Blobs;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::lookup;
use crate::snapshot_info::{self, Snapshot};
use crate::store::BlobStore;

/// A snapshot repository and its catalogue at the time it was opened.
#[derive(Debug, Clone)]
pub struct Repository {
    blobs: Blobs,
    catalog: Arc<Catalog>,
}

/// A snapshot as the catalogue lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogSnapshot {
    /// Its name; unique in the repository.
    pub name: String,
    /// The id in the names of its blobs; before Elasticsearch 5.0, its name.
    pub uuid: String,
    /// How it ended; unknown before Elasticsearch 5.2.
    pub state: SnapshotState,
    /// The version that wrote it, which catalogues say since Elasticsearch 7.6: `7.10.2`, or where it leaves an index
    /// version, `8.11 or later (index version 8537000)`.
    pub version: Option<String>,
    /// When it began, in milliseconds since 1970; since Elasticsearch 7.14.
    pub start_millis: Option<u64>,
    /// When it ended, in milliseconds since 1970; since Elasticsearch 7.14.
    pub end_millis: Option<u64>,
}

impl CatalogSnapshot {
    /// A snapshot of Elasticsearch 1.x or 2.x, of which only the name is known.
    pub(crate) fn named(name: String) -> Self {
        let state = SnapshotState::Unknown;
        Self { uuid: name.clone(), name, state, version: None, start_millis: None, end_millis: None }
    }
}

/// How a snapshot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotState {
    /// It is being taken.
    InProgress,
    /// Every shard is in it.
    Success,
    /// It can't be used.
    Failed,
    /// Some shards are not in it; the others are good.
    Partial,
    /// The server that wrote the catalogue could not read it.
    Incompatible,
    /// The catalogue does not say.
    Unknown,
}

impl SnapshotState {
    pub(crate) fn from_number(number: u8) -> Self {
        match number {
            0 => Self::InProgress,
            1 => Self::Success,
            2 => Self::Failed,
            3 => Self::Partial,
            4 => Self::Incompatible,
            _ => Self::Unknown,
        }
    }

    pub(crate) fn from_text(text: &str) -> Self {
        match text {
            "IN_PROGRESS" => Self::InProgress,
            "SUCCESS" => Self::Success,
            "FAILED" => Self::Failed,
            "PARTIAL" => Self::Partial,
            "INCOMPATIBLE" => Self::Incompatible,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for SnapshotState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Partial => "PARTIAL",
            Self::Incompatible => "INCOMPATIBLE",
            Self::Unknown => "UNKNOWN",
        })
    }
}

impl Repository {
    /// Opens the repository in `store` by its newest catalogue, or where it is from before that, by its snapshots.
    ///
    /// # Errors
    /// Says what lies at the place instead, where it is no repository.
    pub async fn open(store: Arc<dyn BlobStore>) -> Result<Self, Error> {
        let blobs = Blobs(store);
        let catalog = Arc::new(lookup::catalog(&blobs).await?);
        tracing::debug!(location = blobs.0.location(), snapshots = catalog.snapshots.len(), "repository opened");
        Ok(Self { blobs, catalog })
    }

    /// The snapshots, oldest first as far as the catalogue says when they were taken.
    #[must_use]
    pub fn snapshots(&self) -> &[CatalogSnapshot] {
        &self.catalog.snapshots
    }

    /// `listed` with what the catalogue does not say of it, as older ones do, out of the snapshot's own blob.
    ///
    /// # Errors
    /// Where that blob is missing or damaged.
    pub async fn described(&self, listed: &CatalogSnapshot) -> Result<CatalogSnapshot, Error> {
        snapshot_info::describe(&self.blobs, listed).await
    }

    /// Opens the snapshot `name`.
    ///
    /// # Errors
    /// Where there is none (with the names there are), it is not finished, of a version that is not read, or a shallow
    /// copy of a remote store.
    pub async fn snapshot(&self, name: &str) -> Result<Snapshot, Error> {
        let entry = self.snapshots().iter().find(|snapshot| snapshot.name == name);
        let entry = entry.ok_or_else(|| Error::NoSuchSnapshot {
            location: self.blobs.0.location(),
            name: name.to_owned(),
            known: match self.snapshots() {
                [] => "none at all".to_owned(),
                all => lookup::shown(all.iter().map(|snapshot| snapshot.name.as_str())),
            },
        })?;
        snapshot_info::open(&self.blobs, &self.catalog, entry).await
    }
}
