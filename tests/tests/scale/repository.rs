//! A repository of many shards: each of them is one that a real server wrote.
//!
//! In: the quickstart's repository. Out: another one, whose indices have names, folders and metadata of their own, and
//! whose shards are links to the same folder. Names of files are ids, so what lies in that folder says nothing of the
//! index that it is of.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use snapshot::{FsStore, Repository};

/// The snapshot, which is called as the real one.
pub const SNAPSHOT: &str = "snap-1";
/// The index whose first shard all shards are.
const INDEX: &str = "products";
/// Magic and version of the wrapping.
const MAGIC: [u8; 4] = [0x3f, 0xd7, 0x6c, 0x17];
const FOOTER: [u8; 8] = [0xc0, 0x28, 0x93, 0xe8, 0, 0, 0, 0];

/// Writes it.
pub struct Many<'a> {
    pub indices: usize,
    pub shards_each: usize,
    pub root: &'a Path,
}

impl Many<'_> {
    /// The name of an index, and of its folder.
    fn name(number: usize) -> String {
        format!("index-{number:05}")
    }

    /// Writes catalogue, snapshot and metadata, and links shards.
    pub fn write(&self) {
        let real =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart/repository").canonicalize().unwrap();
        let (uuid, folder, metadata) = of_real(&real);
        let names: Vec<String> = (0..self.indices).map(Self::name).collect();
        for name in &names {
            let place = self.root.join("indices").join(name);
            fs::create_dir_all(&place).unwrap();
            let mut metadata = metadata.clone();
            metadata["settings"]["index.number_of_shards"] = json!(self.shards_each.to_string());
            fs::write(place.join("meta-M.dat"), wrapped("index-metadata", &json!({name: metadata}))).unwrap();
            for shard in 0..self.shards_each {
                symlink(folder.join("0"), place.join(shard.to_string())).unwrap();
            }
        }
        let snapshot = json!({"snapshot": {"name": SNAPSHOT, "uuid": uuid, "version_id": 7_100_299, "indices": names,
            "state": "SUCCESS", "start_time": 1, "end_time": 2, "total_shards": self.indices * self.shards_each,
            "failures": []}});
        let state = wrapped("metadata", &json!({"meta-data": {"version": 1}}));
        fs::write(self.root.join(format!("meta-{uuid}.dat")), state).unwrap();
        fs::write(self.root.join(format!("snap-{uuid}.dat")), wrapped("snapshot", &snapshot)).unwrap();
        fs::write(self.root.join("index-0"), self.catalogue(&names, &uuid).to_string()).unwrap();
    }

    fn catalogue(&self, names: &[String], uuid: &str) -> Value {
        let indices: Map<String, Value> = names
            .iter()
            .map(|name| {
                let generations = vec!["g"; self.shards_each];
                (name.clone(), json!({"id": name, "snapshots": [uuid], "shard_generations": generations}))
            })
            .collect();
        let lookup: Map<String, Value> = names.iter().map(|name| (name.clone(), json!("m"))).collect();
        json!({"min_version": "7.9.0", "indices": indices, "index_metadata_identifiers": {"m": "M"},
            "snapshots": [{"name": SNAPSHOT, "uuid": uuid, "state": 1, "version": "7.10.2",
                "index_metadata_lookup": lookup}]})
    }
}

/// Uuid of the snapshot, folder of the index, its metadata as a server keeps it.
fn of_real(real: &Path) -> (String, PathBuf, Value) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let repository = Repository::open(Arc::new(FsStore::open(real).unwrap())).await.unwrap();
        let snapshot = repository.snapshot(SNAPSHOT).await.unwrap();
        let index = snapshot.index(INDEX).unwrap();
        let metadata = snapshot.index_metadata(index).await.unwrap();
        let mappings: Vec<Value> = metadata.mappings.iter().map(|(name, mapping)| json!({name: mapping})).collect();
        let document = json!({"state": "open", "settings": metadata.settings, "mappings": mappings,
            "aliases": metadata.aliases});
        (snapshot.uuid.clone(), real.join("indices").join(&index.id), document)
    })
}

/// A document with header, checksum and footer around it.
fn wrapped(codec: &str, document: &Value) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(u8::try_from(codec.len()).unwrap());
    bytes.extend(codec.as_bytes());
    bytes.extend(1_u32.to_be_bytes());
    bytes.extend(document.to_string().as_bytes());
    bytes.extend(FOOTER);
    let checksum = u64::from(crc32fast::hash(&bytes));
    bytes.extend(checksum.to_be_bytes());
    bytes
}
