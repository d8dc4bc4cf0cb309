//! A repository: found by its newest catalogue, or recognised as what it is instead.
//!
//! In: a store. Out: the snapshots there are. Old repositories, empty folders and folders of something else are told
//! apart here, because the first thing that a new user gets wrong is the path.
//! Not here: the JSON of the catalogue (`catalog`), a snapshot (`snapshot_info`).
//! After: Elasticsearch `BlobStoreRepository#getRepositoryData`.

use std::fmt;
use std::sync::Arc;

use crate::blob::{Blobs, Fault};
use crate::catalog::Catalog;
use crate::error::Error;
use crate::limits::CATALOG_BYTES_MAX;
use crate::snapshot_info::{self, Snapshot};
use crate::store::{BlobMeta, BlobStore, StoreError, StoreErrorKind};

/// Times the newest catalogue is looked for: a server that writes the next one deletes it under our hands.
const CATALOG_ATTEMPTS: usize = 5;
/// Names that an error lists before it counts the rest.
const NAMES_SHOWN: usize = 20;

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
    /// The id in the names of its blobs.
    pub uuid: String,
    /// How it ended.
    pub state: SnapshotState,
    /// The version that wrote it, as the catalogue spells it; Elasticsearch 8.11 and later write `8.11.0`.
    pub version: Option<String>,
    /// When it began, in milliseconds since 1970; since Elasticsearch 7.14.
    pub start_millis: Option<u64>,
    /// When it ended, in milliseconds since 1970; since Elasticsearch 7.14.
    pub end_millis: Option<u64>,
}

impl CatalogSnapshot {
    /// A snapshot of which the catalogue knows only that it can't read it.
    pub(crate) fn incompatible(name: String) -> Self {
        let state = SnapshotState::Incompatible;
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
    /// A server too old for the catalogue took it.
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
    /// Opens the repository in `store` by its newest catalogue.
    ///
    /// # Errors
    /// Says what lies at the place instead, where it is no repository or an older one than is read.
    pub async fn open(store: Arc<dyn BlobStore>) -> Result<Self, Error> {
        let blobs = Blobs(store);
        let catalog = Arc::new(load_catalog(&blobs).await?);
        tracing::debug!(location = blobs.0.location(), snapshots = catalog.snapshots.len(), "repository opened");
        Ok(Self { blobs, catalog })
    }

    /// The snapshots, oldest first as far as the catalogue says when they were taken.
    #[must_use]
    pub fn snapshots(&self) -> &[CatalogSnapshot] {
        &self.catalog.snapshots
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
                all => shown(all.iter().map(|snapshot| snapshot.name.as_str())),
            },
        })?;
        snapshot_info::open(&self.blobs, &self.catalog, entry).await
    }
}

/// Reads the newest catalogue.
pub(crate) async fn load_catalog(blobs: &Blobs) -> Result<Catalog, Error> {
    let what = || "the repository's catalogue".to_owned();
    let mut attempt = 1;
    let (name, bytes) = loop {
        let name = newest_catalog(blobs).await?;
        match blobs.0.read(&name, CATALOG_BYTES_MAX).await {
            Ok(bytes) => break (name, bytes),
            Err(error) if error.kind == StoreErrorKind::NotFound && attempt < CATALOG_ATTEMPTS => attempt += 1,
            Err(source) => return Err(Error::Read { what: what(), source }),
        }
    };
    Catalog::parse(&bytes).map_err(|error| {
        let offset = offset_of(&bytes, &error);
        blobs.fault(&name, Fault::corrupt(offset, format!("the catalogue is not the JSON it should be: {error}")))
    })
}

/// The name of the newest catalogue. Listing is authoritative; who may not list believes `index.latest`.
async fn newest_catalog(blobs: &Blobs) -> Result<String, Error> {
    let listed = match blobs.0.list("index-").await {
        Ok(listed) => listed,
        Err(error) if error.kind == StoreErrorKind::Denied => return latest_hint(blobs, error).await,
        Err(source) if source.kind == StoreErrorKind::NotFound => {
            return Err(Error::NoSuchPlace { location: blobs.0.location(), source });
        }
        Err(source) => return Err(Error::Read { what: "the list of catalogues".to_owned(), source }),
    };
    match listed.iter().filter_map(|blob| generation(&blob.name)).max() {
        Some(generation) => Ok(format!("index-{generation}")),
        None => Err(what_it_is_instead(blobs).await),
    }
}

fn generation(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("index-")?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// `index.latest` is the generation as 8 bytes.
async fn latest_hint(blobs: &Blobs, list_denied: StoreError) -> Result<String, Error> {
    let read = |source| Error::Read { what: "the list of catalogues, or index.latest in its place".to_owned(), source };
    let bytes = blobs.0.read("index.latest", 8).await.map_err(|_| read(list_denied))?;
    let generation = <[u8; 8]>::try_from(bytes.as_ref()).map(u64::from_be_bytes);
    generation
        .map(|generation| format!("index-{generation}"))
        .map_err(|_| blobs.nonsense("index.latest", format!("it is {} bytes, not 8", bytes.len())))
}

/// The error for a place without a catalogue.
async fn what_it_is_instead(blobs: &Blobs) -> Error {
    let location = blobs.0.location();
    let listed = match blobs.0.list("").await {
        Ok(listed) => listed,
        Err(source) => return Error::Read { what: "what lies in the place of a repository".to_owned(), source },
    };
    let has = |test: fn(&str) -> bool| listed.iter().any(|blob| test(&blob.name));
    let has_list = has(|name| name == "index");
    if has_list && has(|name| name.starts_with("snap-") && name.ends_with(".dat")) {
        return Error::OldRepository { location, found: "Elasticsearch 2.x" };
    }
    if has_list && has(|name| name.starts_with("snapshot-")) {
        return Error::OldRepository { location, found: "Elasticsearch 1.x" };
    }
    let found = found_text(&listed);
    Error::NotARepository { location, found }
}

fn found_text(listed: &[BlobMeta]) -> String {
    let mut names: Vec<&str> = listed.iter().map(|blob| blob.name.as_str()).collect();
    names.sort_unstable();
    match names.as_slice() {
        [] => "no files lie there at all".to_owned(),
        _ => format!("what lies there is {}", shown(names.into_iter())),
    }
}

/// Some names, and how many more there are.
fn shown<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(NAMES_SHOWN);
    let mut text = names.take(NAMES_SHOWN).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    if 0 < more {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// The byte at which a JSON error happened; the parser counts lines and columns.
fn offset_of(bytes: &[u8], error: &serde_json::Error) -> usize {
    let lines_before = error.line().saturating_sub(1);
    let skipped: usize = bytes.split_inclusive(|byte| *byte == b'\n').take(lines_before).map(<[u8]>::len).sum();
    skipped.saturating_add(error.column()).min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_are_generations() {
        assert_eq!(generation("index-0"), Some(0));
        assert_eq!(generation("index-12"), Some(12));
        for name in ["index-", "index-+1", "index-1a", "index-99999999999999999999", "pending-index-1", "index.latest"]
        {
            assert_eq!(generation(name), None, "{name}");
        }
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..25).map(|n| format!("s{n}")).collect();
        let text = shown(names.iter().map(String::as_str));
        assert!(text.starts_with("\"s0\", \"s1\"") && text.ends_with("\"s19\" and 5 more"), "{text}");
    }
}
