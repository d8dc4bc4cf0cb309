//! A snapshot: one blob says what it holds, another the state of the cluster.
//!
//! In: an entry of the catalogue. Out: [`Snapshot`], which reads the rest when it is asked for. What can't be read as a
//! whole (unfinished, of an unknown version, no segment files) is refused here.
//! Not here: names of blobs (`layout`), one index (`index_metadata`), one shard (`shard_files`).
//! After: Elasticsearch `SnapshotInfo`, OpenSearch `SnapshotInfo`, Elasticsearch 1.7 `Snapshot`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::blob::Blobs;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::index_metadata::{self, IndexMetadata};
use crate::layout::{DocumentBlob, Layout};
use crate::lookup;
use crate::repository::{CatalogSnapshot, SnapshotState};
use crate::shard_files::{self, ShardFiles};
use crate::version::ProductVersion;

/// A snapshot that can be read.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// The id in the names of its blobs; before Elasticsearch 5.0, its name.
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
    /// Whether it holds the state of the cluster; where not, [`Snapshot::global_metadata`] is nearly empty. Before
    /// Elasticsearch 6.2 a snapshot does not say, and this is true.
    pub include_global_state: bool,
    /// When it began, in milliseconds since 1970.
    pub start_millis: Option<u64>,
    /// When it ended, in milliseconds since 1970.
    pub end_millis: Option<u64>,

    /// Whether indices that keep their segments in a remote store have none here.
    pub(crate) is_shallow_copy: bool,
    pub(crate) layout: Layout,
    pub(crate) blobs: Blobs,
}

/// An index of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotIndex {
    /// Its name in the cluster.
    pub name: String,
    /// Its folder below `indices/`; not the index's own uuid. Before Elasticsearch 5.0, its name.
    pub id: String,
    /// How many shards it has, which catalogues list since Elasticsearch 7.6. A hint: its metadata is what counts.
    pub shards_listed: Option<u32>,

    /// The X of its `meta-X.dat`, or of its `snapshot-X`.
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
    /// Since Elasticsearch 5.0.
    uuid: Option<String>,
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
    let (layout, blob, info) = match find(blobs, entry).await {
        Ok(found) => found,
        Err(error) => return Err(or_deleted(blobs, error, name, &entry.uuid).await),
    };
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
    let indices = indices(catalog, &info, &entry.uuid).map_err(|what| blobs.nonsense(&blob.name, what))?;
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
        layout,
        blobs: blobs.clone(),
        name: info.name,
        uuid: entry.uuid.clone(),
    })
}

/// What the snapshot itself says beyond its entry in the catalogue.
pub(crate) async fn describe(blobs: &Blobs, entry: &CatalogSnapshot) -> Result<CatalogSnapshot, Error> {
    let (_, _, info) = find(blobs, entry).await?;
    Ok(CatalogSnapshot {
        state: SnapshotState::from_text(&info.state),
        version: Some(ProductVersion::from_id(info.version_id).number()),
        start_millis: entry.start_millis.or(info.start_time),
        end_millis: entry.end_millis.or(info.end_time),
        ..entry.clone()
    })
}

/// Finds what the snapshot holds, in the layout that it has.
async fn find(blobs: &Blobs, entry: &CatalogSnapshot) -> Result<(Layout, DocumentBlob, Info), Error> {
    let CatalogSnapshot { name, uuid, .. } = entry;
    let mut missing = None;
    for layout in Layout::candidates(name, uuid) {
        let blob = layout.info(uuid);
        match blobs.document(&blob, format!("what snapshot {name:?} holds")).await {
            Ok(Document { snapshot: info }) => {
                let found = info.uuid.as_ref().unwrap_or(&info.name);
                if (&info.name, found) == (name, uuid) {
                    return Ok((*layout, blob, info));
                }
                let what = format!("it is of snapshot {:?} ({found}), not of {name:?} ({uuid})", info.name);
                return Err(blobs.nonsense(&blob.name, what));
            }
            Err(error) if error.is_not_found() => drop(missing.get_or_insert(error)),
            Err(error) => return Err(error),
        }
    }
    Err(missing.unwrap_or_else(|| blobs.nonsense(name, "a snapshot without a layout")))
}

/// The snapshot's indices with what the catalogue knows of them.
fn indices(catalog: &Catalog, info: &Info, uuid: &str) -> Result<Vec<SnapshotIndex>, String> {
    let is_by_name = info.name == uuid;
    let find = |name: &String| {
        let Some(index) = catalog.index(name, uuid) else {
            return match is_by_name {
                true => Ok(SnapshotIndex::by_name(name, uuid)),
                false => Err(format!("it lists the index {name:?}, the catalogue does not")),
            };
        };
        let metadata_name = catalog.metadata_name(&index.id, uuid);
        let metadata_name =
            metadata_name.ok_or_else(|| format!("the catalogue does not say where the metadata of {name:?} is"))?;
        Ok(SnapshotIndex {
            name: name.clone(),
            id: index.id.clone(),
            shards_listed: index.shards(),
            metadata_name: metadata_name.to_owned(),
            shard_path_type: index.shard_path_type,
        })
    };
    let mut indices = info.indices.iter().map(find).collect::<Result<Vec<_>, String>>()?;
    indices.sort_by(|a, b| a.name.cmp(&b.name));
    // A flipped bit of a name may make it that of the next index.
    match indices.windows(2).find_map(|pair| match pair {
        [one, next] if one.name == next.name => Some(&one.name),
        _ => None,
    }) {
        Some(twice) => Err(format!("it lists the index {twice:?} twice")),
        None => Ok(indices),
    }
}

impl SnapshotIndex {
    /// An index from before the catalogue.
    fn by_name(name: &str, snapshot: &str) -> Self {
        let (id, metadata_name) = (name.to_owned(), snapshot.to_owned());
        Self { name: name.to_owned(), id, shards_listed: None, metadata_name, shard_path_type: 0 }
    }
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
    match lookup::catalog(blobs).await {
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
    /// `component_template`, `data_stream`, `ingest` and other parts as far as there are any. Empty where the blob is not
    /// there and the snapshot does not claim to hold that state.
    ///
    /// # Errors
    /// Where the blob is damaged, or missing from a snapshot that holds the state.
    pub async fn global_metadata(&self) -> Result<Json, Error> {
        let blob = self.layout.global(&self.uuid);
        let what = format!("the cluster metadata of snapshot {:?}", self.name);
        let document = self.explained(self.blobs.any_document(&blob, what).await).await;
        // Before Elasticsearch 5.0 a snapshot does not say whether it holds the state.
        let may_be_missing = !self.include_global_state || self.uuid == self.name;
        let mut document = match document {
            Err(error) if error.is_not_found() && may_be_missing => {
                tracing::warn!(snapshot = self.name, blob = blob.name, "no cluster metadata: read as empty");
                return Ok(Json::Object(Map::new()));
            }
            document => document?,
        };
        let metadata = document.get_mut("meta-data").map(Json::take);
        metadata.ok_or_else(|| self.blobs.nonsense(&blob.name, "it has no `meta-data`"))
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
