//! The catalogue: which snapshots there are, and where their indices lie.
//!
//! In: the JSON of `index-N`, since Elasticsearch 5.0; before it, the names of the snapshots. Out: [`Catalog`]. Keys that
//! are not known are ignored, as the servers do.
//! Not here: which N is the newest (`lookup`), the snapshots themselves (`snapshot_info`).
//! After: Elasticsearch `RepositoryData`, OpenSearch `RepositoryData` and `IndexId`.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use crate::repository::{CatalogSnapshot, SnapshotState};
use crate::version::ProductVersion;

/// What the catalogue says.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// By the time they began, then by name.
    pub snapshots: Vec<CatalogSnapshot>,
    /// By the snapshot's uuid: identifier of the metadata, by index id.
    metadata_lookups: HashMap<String, HashMap<String, String>>,
    /// Blob names `meta-<this>.dat` by identifier.
    metadata_names: HashMap<String, String>,
    /// By name.
    indices: HashMap<String, CatalogIndex>,
}

/// Where an index lies.
#[derive(Debug, Deserialize)]
pub(crate) struct CatalogIndex {
    /// The folder below `indices/`.
    pub id: String,
    /// OpenSearch 2.17 and later: how folders of shards are named; see `shard_path`.
    #[serde(default)]
    pub shard_path_type: u32,
    /// The uuids of the snapshots that hold it; objects with a `uuid` in the oldest catalogues.
    #[serde(default)]
    snapshots: Vec<Json>,
    /// Since Elasticsearch 7.6: one for each shard.
    #[serde(default)]
    shard_generations: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct CatalogJson {
    // Required: without it, this is some other JSON.
    snapshots: Vec<Json>,
    #[serde(default)]
    indices: HashMap<String, CatalogIndex>,
    #[serde(default)]
    index_metadata_identifiers: HashMap<String, String>,
}

#[derive(Deserialize)]
struct SnapshotJson {
    name: String,
    uuid: String,
    state: Option<u8>,
    version: Option<String>,
    /// Since Elasticsearch 8.11, which has one `version` for all that come after.
    index_version: Option<u32>,
    #[serde(default)]
    index_metadata_lookup: HashMap<String, String>,
    start_time_millis: Option<u64>,
    end_time_millis: Option<u64>,
}

impl Catalog {
    /// Parses the blob.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let catalog: CatalogJson = serde_json::from_slice(bytes)?;
        let mut snapshots = Vec::new();
        let mut metadata_lookups = HashMap::new();
        for entry in catalog.snapshots {
            // Elasticsearch 5 may list a snapshot of an older server by its bare name.
            if let Json::String(name) = entry {
                snapshots.push(CatalogSnapshot::named(name));
                continue;
            }
            let entry: SnapshotJson = serde_json::from_value(entry)?;
            metadata_lookups.insert(entry.uuid.clone(), entry.index_metadata_lookup);
            snapshots.push(CatalogSnapshot {
                name: entry.name,
                uuid: entry.uuid,
                state: entry.state.map_or(SnapshotState::Unknown, SnapshotState::from_number),
                version: entry.index_version.map(|id| ProductVersion::from_id(id).number()).or(entry.version),
                start_millis: entry.start_time_millis,
                end_millis: entry.end_time_millis,
            });
        }
        let (indices, metadata_names) = (catalog.indices, catalog.index_metadata_identifiers);
        let mut catalog = Self { snapshots, metadata_lookups, metadata_names, indices };
        catalog.sort();
        Ok(catalog)
    }

    /// Adds snapshots from before the catalogue, of which only the names are known; not those that it lists already.
    pub(crate) fn add_named(&mut self, names: impl IntoIterator<Item = String>) {
        let mut known: HashSet<String> = self.snapshots.iter().map(|snapshot| snapshot.name.clone()).collect();
        let new = names.into_iter().filter(|name| known.insert(name.clone()));
        self.snapshots.extend(new.map(CatalogSnapshot::named));
        self.sort();
    }

    fn sort(&mut self) {
        self.snapshots.sort_by(|a, b| (a.start_millis, &a.name).cmp(&(b.start_millis, &b.name)));
    }

    /// The index `name`, if snapshot `uuid` holds it.
    pub(crate) fn index(&self, name: &str, uuid: &str) -> Option<&CatalogIndex> {
        self.indices.get(name).filter(|index| index.is_in(uuid))
    }

    /// The X of `meta-X.dat` of an index in a snapshot: since Elasticsearch 7.9 snapshots share metadata that did not
    /// change, before that, and for snapshots of that time, it is the snapshot's uuid. `None` where the catalogue
    /// contradicts itself.
    pub(crate) fn metadata_name<'a>(&'a self, index_id: &str, uuid: &'a str) -> Option<&'a str> {
        match self.metadata_lookups.get(uuid).and_then(|lookup| lookup.get(index_id)) {
            Some(identifier) => self.metadata_names.get(identifier).map(String::as_str),
            None => Some(uuid),
        }
    }
}

impl CatalogIndex {
    /// How many shards it has, as far as the catalogue says.
    pub(crate) fn shards(&self) -> Option<u32> {
        u32::try_from(self.shard_generations.len()).ok().filter(|shards| *shards > 0)
    }

    fn is_in(&self, uuid: &str) -> bool {
        let uuids = self.snapshots.iter().map(|snapshot| snapshot.get("uuid").unwrap_or(snapshot));
        uuids.filter_map(Json::as_str).any(|found| found == uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_name_metadata_and_all_ways_to_list_snapshots() {
        let json = br#"{"min_version":"7.9.0","unknown":[1.5],"snapshots":["from-2.x",
            {"name":"new","uuid":"u2","state":3,"version":"7.10.2","index_metadata_lookup":{"i1":"h1","i2":"h2"},
             "start_time_millis":7,"slm_policy":""},
            {"name":"old","uuid":"u1"}],
          "indices":{"a":{"id":"i1","shard_path_type":2,"snapshots":["u1","u2"],"shard_generations":["g",null]},
                     "b":{"id":"i2","snapshots":[{"name":"new","uuid":"u2"}]}},
          "index_metadata_identifiers":{"h1":"X1"}}"#;
        let catalog = Catalog::parse(json).unwrap();
        let names: Vec<_> = catalog.snapshots.iter().map(|snapshot| (snapshot.name.as_str(), snapshot.state)).collect();
        let (unknown, partial) = (SnapshotState::Unknown, SnapshotState::Partial);
        assert_eq!(names, [("from-2.x", unknown), ("old", unknown), ("new", partial)]);
        assert_eq!(catalog.metadata_name("i1", "u1"), Some("u1"));
        assert_eq!(catalog.metadata_name("i1", "u2"), Some("X1"));
        assert_eq!(catalog.metadata_name("i2", "u2"), None, "an identifier without a name");
        assert_eq!(catalog.index("a", "u1").unwrap().shard_path_type, 2);
        assert_eq!(catalog.index("a", "u1").unwrap().shards(), Some(2));
        assert_eq!(catalog.index("b", "u2").unwrap().shards(), None);
        assert!(catalog.index("b", "u2").is_some() && catalog.index("b", "u1").is_none());

        let mut catalog = catalog;
        catalog.add_named(["new", "older", "older", "from-2.x"].map(str::to_owned));
        let names: Vec<_> = catalog.snapshots.iter().map(|snapshot| snapshot.name.as_str()).collect();
        assert_eq!(names, ["from-2.x", "old", "older", "new"]);
        assert_eq!(catalog.snapshots[2].uuid, "older");
    }

    #[test]
    fn other_json_is_no_catalogue() {
        for json in ["{}", "[]", "{\"snapshots\":{}}", "{\"snapshots\":[{\"name\":\"a\"}]}", ""] {
            assert!(Catalog::parse(json.as_bytes()).is_err(), "{json}");
        }
    }
}
