//! A snapshot: `snap-<uuid>.dat` says what it holds, `meta-<uuid>.dat` the state of the cluster.
//!
//! In: an entry of the catalogue. Out: [`Snapshot`], which reads the rest when it is asked for. What can't be read as a
//! whole (unfinished, too old, no segment files) is refused here.
//! Not here: one index (`index_metadata`), one shard (`shard_files`).
//! After: Elasticsearch `SnapshotInfo`, OpenSearch `SnapshotInfo`.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value as Json;
use serde_smile::value::Value as Smile;

use crate::blob::Blobs;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::index_metadata::{self, IndexMetadata};
use crate::repository::{CatalogSnapshot, SnapshotState, load_catalog};
use crate::shard_files::{self, ShardFiles};
use crate::version::ProductVersion;
use crate::xcontent;

/// A snapshot that can be read.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// The id in the names of its blobs.
    pub uuid: String,
    /// Who wrote it.
    pub version: ProductVersion,
    /// Success or partial.
    pub state: SnapshotState,
    /// Its indices, by name.
    pub indices: Vec<SnapshotIndex>,
    /// The names of its data streams, as far as the server lists them.
    pub data_streams: Vec<String>,
    /// The shards that are not in it.
    pub failures: Vec<ShardFailure>,
    /// Whether it holds the state of the cluster; where not, [`Snapshot::global_metadata`] is nearly empty.
    pub include_global_state: bool,
    /// When it began, in milliseconds since 1970.
    pub start_millis: Option<u64>,
    /// When it ended, in milliseconds since 1970.
    pub end_millis: Option<u64>,

    /// Whether indices that keep their segments in a remote store have none here.
    pub(crate) is_shallow_copy: bool,
    pub(crate) blobs: Blobs,
}

/// An index of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotIndex {
    /// Its name in the cluster.
    pub name: String,
    /// Its folder below `indices/`; not the index's own uuid.
    pub id: String,

    /// The X of its `meta-X.dat`.
    pub(crate) metadata_name: String,
    pub(crate) shard_path_type: u32,
}

/// A shard that the server could not snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardFailure {
    /// The index's name.
    pub index: String,
    /// The shard's number.
    pub shard: u32,
    /// The server's words.
    pub reason: String,
}

#[derive(Deserialize)]
struct Document {
    snapshot: Info,
}

#[derive(Deserialize)]
struct Info {
    name: String,
    uuid: String,
    version_id: u32,
    indices: Vec<String>,
    state: String,
    reason: Option<String>,
    data_streams: Option<Vec<String>>,
    include_global_state: Option<bool>,
    start_time: Option<u64>,
    end_time: Option<u64>,
    failures: Option<Vec<FailureInfo>>,
    /// OpenSearch 2.9 and later: indices of a remote store were not copied.
    remote_store_index_shallow_copy: Option<bool>,
    /// OpenSearch 2.17 and later: where not 0, nothing was copied at all.
    pinned_timestamp: Option<i64>,
}

#[derive(Deserialize)]
struct FailureInfo {
    index: String,
    shard_id: u32,
    reason: Option<String>,
}

/// Opens the snapshot that the catalogue lists as `entry`.
pub(crate) async fn open(blobs: &Blobs, catalog: &Arc<Catalog>, entry: &CatalogSnapshot) -> Result<Snapshot, Error> {
    let name = &entry.name;
    if matches!(entry.state, SnapshotState::InProgress | SnapshotState::Failed | SnapshotState::Incompatible) {
        return Err(not_usable(name, entry.state, None));
    }
    let blob = format!("snap-{}.dat", entry.uuid);
    let document = blobs.document(&blob, "snapshot", format!("what snapshot {name:?} holds")).await;
    let Document { snapshot: info } = match document {
        Ok(document) => document,
        Err(error) => return Err(or_deleted(blobs, error, name, &entry.uuid).await),
    };
    if (&info.name, &info.uuid) != (name, &entry.uuid) {
        let what = format!("it is of snapshot {:?} ({}), the catalogue says {name:?}", info.name, info.uuid);
        return Err(blobs.nonsense(&blob, what));
    }
    // First of all, because what a version that is not read means by the rest is not known.
    let version = ProductVersion::from_id(info.version_id);
    if !version.is_read() {
        return Err(Error::UnsupportedVersion { snapshot: name.clone(), found: version });
    }
    let state = SnapshotState::from_text(&info.state);
    if !matches!(state, SnapshotState::Success | SnapshotState::Partial) {
        return Err(not_usable(name, state, info.reason));
    }
    if info.pinned_timestamp.is_some_and(|timestamp| timestamp != 0) {
        return Err(Error::Shallow { what: format!("snapshot {name:?}") });
    }
    let indices = indices(catalog, &info).map_err(|what| blobs.nonsense(&blob, what))?;
    Ok(Snapshot {
        version,
        state,
        indices,
        failures: info.failures.unwrap_or_default().into_iter().map(ShardFailure::from).collect(),
        data_streams: info.data_streams.unwrap_or_default(),
        include_global_state: info.include_global_state.unwrap_or(true),
        start_millis: info.start_time,
        end_millis: info.end_time,
        is_shallow_copy: info.remote_store_index_shallow_copy.unwrap_or(false),
        blobs: blobs.clone(),
        name: info.name,
        uuid: info.uuid,
    })
}

/// The snapshot's indices with what the catalogue knows of them.
fn indices(catalog: &Catalog, info: &Info) -> Result<Vec<SnapshotIndex>, String> {
    let find = |name: &String| {
        let index = catalog.index(name, &info.uuid);
        let index = index.ok_or_else(|| format!("it lists the index {name:?}, the catalogue does not"))?;
        let metadata_name = catalog.metadata_name(&index.id, &info.uuid);
        let metadata_name =
            metadata_name.ok_or_else(|| format!("the catalogue does not say where the metadata of {name:?} is"))?;
        Ok(SnapshotIndex {
            name: name.clone(),
            id: index.id.clone(),
            metadata_name: metadata_name.to_owned(),
            shard_path_type: index.shard_path_type,
        })
    };
    let mut indices = info.indices.iter().map(find).collect::<Result<Vec<_>, String>>()?;
    indices.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(indices)
}

fn not_usable(name: &str, state: SnapshotState, reason: Option<String>) -> Error {
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    Error::NotUsable { snapshot: name.to_owned(), state, reason }
}

/// `error`, unless its cause is that the snapshot has been deleted since the catalogue was read.
async fn or_deleted(blobs: &Blobs, error: Error, name: &str, uuid: &str) -> Error {
    if !error.is_not_found() {
        return error;
    }
    match load_catalog(blobs).await {
        Ok(catalog) if catalog.snapshots.iter().all(|snapshot| snapshot.uuid != uuid) => {
            Error::Deleted { snapshot: name.to_owned(), location: blobs.0.location() }
        }
        Ok(_) | Err(_) => error,
    }
}

impl From<FailureInfo> for ShardFailure {
    fn from(info: FailureInfo) -> Self {
        let reason = info.reason.unwrap_or_else(|| "no reason given".to_owned());
        Self { index: info.index, shard: info.shard_id, reason }
    }
}

impl Snapshot {
    /// The index `name`, if it is in the snapshot.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<&SnapshotIndex> {
        let at = self.indices.binary_search_by(|index| index.name.as_str().cmp(name)).ok()?;
        self.indices.get(at)
    }

    /// The state of the cluster that the snapshot holds: the value of `meta-data` with `templates`, `index_template`,
    /// `component_template`, `data_stream`, `ingest` and other parts as far as there are any.
    ///
    /// # Errors
    /// Where the blob is missing or damaged.
    pub async fn global_metadata(&self) -> Result<Json, Error> {
        let blob = format!("meta-{}.dat", self.uuid);
        let what = format!("the cluster metadata of snapshot {:?}", self.name);
        let document = self.explained(self.blobs.document(&blob, "metadata", what).await).await;
        let mut document: HashMap<String, Smile> = document?;
        let metadata = document.remove("meta-data");
        let metadata = metadata.ok_or_else(|| self.blobs.nonsense(&blob, "it has no `meta-data`"))?;
        xcontent::to_json(metadata).map_err(|fault| self.blobs.fault(&blob, fault))
    }

    /// Settings, mappings and aliases of `index`, one of [`Snapshot::indices`].
    ///
    /// # Errors
    /// Where the blob is missing or damaged.
    pub async fn index_metadata(&self, index: &SnapshotIndex) -> Result<IndexMetadata, Error> {
        self.explained(index_metadata::read(self, index).await).await
    }

    /// The files of one shard of `index`, one of [`Snapshot::indices`].
    ///
    /// # Errors
    /// Where the server could not snapshot the shard, its files are not in the repository, or their list is missing or
    /// damaged.
    pub async fn shard(&self, index: &SnapshotIndex, shard: u32) -> Result<ShardFiles, Error> {
        self.explained(shard_files::read(self, index, shard).await).await
    }

    async fn explained<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        match result {
            Ok(value) => Ok(value),
            Err(error) => Err(or_deleted(&self.blobs, error, &self.name, &self.uuid).await),
        }
    }
}
