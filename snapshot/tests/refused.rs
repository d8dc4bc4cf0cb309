//! What can't be read is recognised and refused in words that a person can act on.

// The helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use snapshot::{BlobMeta, BlobStore, Error, FsStore, Repository, Snapshot, SnapshotState, StoreError, Verdict};
use support::{MemoryStore, chain, wrapped};

const SERVER: (&str, &str) = ("elasticsearch-7.10.2", "main");

fn fixture() -> MemoryStore {
    MemoryStore::fixture(SERVER.0, SERVER.1)
}

async fn refusal(store: &MemoryStore) -> String {
    let error = store.open().await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Fail);
    chain(&error)
}

#[tokio::test]
async fn a_folder_that_is_no_repository() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path| async move { Repository::open(Arc::new(FsStore::open(path).unwrap())).await.unwrap_err() };
    let error = open(folder.path().join("nowhere")).await;
    assert!(matches!(error, Error::NoSuchPlace { .. }) && error.verdict() == Verdict::Fail);
    assert!(chain(&error).contains("nowhere; check the path"), "{}", chain(&error));
    assert!(chain(&error).ends_with("nowhere is not there"), "{}", chain(&error));
    let error = open(folder.path().to_owned()).await;
    assert!(chain(&error).contains("no files lie there at all"), "{}", chain(&error));
    std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
    std::fs::write(folder.path().join("index-one"), "x").unwrap();
    let text = chain(&open(folder.path().to_owned()).await);
    assert!(text.contains(r#"what lies there is "index-one", "notes.txt""#), "{text}");
    assert!(text.contains("is no snapshot repository") && text.contains("base_path"), "{text}");
    let error = open(folder.path().join("notes.txt")).await;
    assert!(chain(&error).contains("there is no repository at"), "{}", chain(&error));
}

#[tokio::test]
async fn what_is_left_of_a_repository_without_its_catalogue() {
    let mut store = fixture();
    store.blobs.remove("index-3");
    let text = refusal(&store).await;
    assert!(text.contains("it has no blob index-N") && text.contains("\"index.latest\""), "{text}");
    store.put("index-3", [0x9d, 0x01, 0x02].as_slice());
    let text = refusal(&store).await;
    assert!(text.contains("index-3 of memory is corrupt at byte 0") && text.contains("encrypted?"), "{text}");
}

#[tokio::test]
async fn a_snapshot_that_is_not_there_names_those_that_are() {
    let error = fixture().open().await.unwrap().snapshot("snap-3").await.unwrap_err();
    assert_eq!(chain(&error), r#"the repository at memory has no snapshot "snap-3"; it has "snap-1", "snap-2""#);
    let mut empty = MemoryStore::default();
    empty.put("index-0", r#"{"snapshots":[],"indices":{}}"#);
    let error = empty.open().await.unwrap().snapshot("snap-3").await.unwrap_err();
    assert!(chain(&error).ends_with("it has none at all"), "{}", chain(&error));
}

#[tokio::test]
async fn the_newest_catalogue_counts_and_the_hint_where_listing_is_denied() {
    let mut store = fixture();
    store.put("index-10", r#"{"snapshots":[]}"#);
    store.put("index-9", "stale");
    assert!(store.open().await.unwrap().snapshots().is_empty());
    store.denied.insert("index-".to_owned());
    let repository = store.open().await.unwrap();
    assert_eq!(repository.snapshots().len(), 2, "index.latest still says 3");
    store.put("index.latest", "xyz");
    assert!(refusal(&store).await.contains("blob index.latest of memory is corrupt"));
    store.blobs.remove("index.latest");
    assert!(refusal(&store).await.contains("blob index- of memory may not be read"));
}

/// What `snap-*.dat` says; not as JSON values, whose numbers would not be SMILE's.
#[derive(Serialize)]
struct Info {
    name: String,
    uuid: String,
    version_id: u32,
    indices: Vec<String>,
    state: &'static str,
    reason: Option<&'static str>,
    failures: Vec<Failure>,
    remote_store_index_shallow_copy: bool,
    pinned_timestamp: i64,
}

#[derive(Serialize)]
struct Failure {
    index: &'static str,
    index_uuid: &'static str,
    shard_id: u32,
    reason: &'static str,
    status: &'static str,
}

/// The fixture with `snap-1` as `change` makes it, in `snap-*.dat`.
async fn with_info(change: impl FnOnce(&mut Info)) -> Result<Snapshot, Error> {
    let mut store = fixture();
    let Snapshot { name, uuid, indices, .. } = store.open().await.unwrap().snapshot("snap-1").await.unwrap();
    let blob = format!("snap-{uuid}.dat");
    let mut info = Info {
        name,
        uuid,
        version_id: 7_100_299,
        indices: indices.into_iter().map(|index| index.name).collect(),
        state: "SUCCESS",
        reason: None,
        failures: Vec::new(),
        remote_store_index_shallow_copy: false,
        pinned_timestamp: 0,
    };
    change(&mut info);
    store.put(&blob, wrapped("snapshot", &BTreeMap::from([("snapshot", info)])));
    store.open().await.unwrap().snapshot("snap-1").await
}

async fn info_refusal(change: impl FnOnce(&mut Info)) -> String {
    let error = with_info(change).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Fail);
    chain(&error)
}

#[tokio::test]
async fn snapshots_that_are_refused_as_a_whole() {
    let text = info_refusal(|info| info.version_id = 10_000_099).await;
    assert_eq!(
        text,
        "snapshot \"snap-1\" was written by Elasticsearch 10.0 or later (index version 10000099); \
         versions read: Elasticsearch 1.x to 9.x, OpenSearch 1.x to 3.x"
    );
    for (state, words) in [("FAILED", "is FAILED: disk"), ("IN_PROGRESS", "is IN_PROGRESS: disk"), ("?", "is UNKNOWN")]
    {
        let change = |info: &mut Info| (info.state, info.reason) = (state, Some("disk"));
        let text = info_refusal(change).await;
        assert!(text.contains(words) && text.contains("only a snapshot that is SUCCESS or PARTIAL"), "{text}");
    }
    let text = info_refusal(|info| info.pinned_timestamp = 1_700_000_000_000).await;
    assert!(text.contains("snapshot \"snap-1\" is a shallow copy of a remote store"), "{text}");
    let text = info_refusal(|info| info.indices.push("ghost".to_owned())).await;
    assert!(text.contains("corrupt") && text.contains("\"ghost\""), "{text}");
    let text = info_refusal(|info| info.uuid = "other".to_owned()).await;
    assert!(text.contains("it is of snapshot \"snap-1\" (other)"), "{text}");
    for (number, state) in [(0, "IN_PROGRESS"), (2, "FAILED"), (4, "INCOMPATIBLE")] {
        let mut store = MemoryStore::default();
        store.put("index-0", format!(r#"{{"snapshots":[{{"name":"s","uuid":"u","state":{number}}}]}}"#));
        let error = store.open().await.unwrap().snapshot("s").await.unwrap_err();
        assert!(chain(&error).contains(state), "{}", chain(&error));
    }
}

#[tokio::test]
async fn a_partial_snapshot_gives_what_it_has() {
    let (index, index_uuid) = ("typed-idx", "typed-idx");
    let failure = Failure { index, index_uuid, shard_id: 1, reason: "node left", status: "INTERNAL_SERVER_ERROR" };
    let snapshot = with_info(|info| (info.state, info.failures) = ("PARTIAL", vec![failure])).await.unwrap();
    assert_eq!(snapshot.state, SnapshotState::Partial);
    let [failure] = snapshot.failures.as_slice() else { panic!("{:?}", snapshot.failures) };
    assert_eq!((failure.index.as_str(), failure.shard, failure.reason.as_str()), ("typed-idx", 1, "node left"));
    let index = snapshot.index("typed-idx").unwrap();
    snapshot.shard(index, 0).await.unwrap();
    let error = snapshot.shard(index, 1).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Fail);
    let text = chain(&error);
    let expected = r#"shard 1 of index "typed-idx" is not in snapshot "snap-1", the server says: node left"#;
    assert_eq!(text, expected);
}

/// The shard list of `typed-idx` shard 0 in `snap-1`, and its folder.
async fn shard_list(store: &MemoryStore) -> (String, String) {
    let snapshot = store.open().await.unwrap().snapshot("snap-1").await.unwrap();
    let folder = format!("indices/{}/0/", snapshot.index("typed-idx").unwrap().id);
    (format!("{folder}snap-{}.dat", snapshot.uuid), folder)
}

async fn shard_error(store: &MemoryStore) -> Error {
    let snapshot = store.open().await.unwrap().snapshot("snap-1").await.unwrap();
    snapshot.shard(snapshot.index("typed-idx").unwrap(), 0).await.unwrap_err()
}

#[tokio::test]
async fn shards_without_files_say_why() {
    let mut store = fixture();
    let (list, folder) = shard_list(&store).await;
    let bytes = store.blobs.remove(&list).unwrap();
    let error = shard_error(&store).await;
    let expected = format!("read the files of shard 0 of index \"typed-idx\": blob {list} of memory is not there");
    assert_eq!((chain(&error), error.verdict()), (expected, Verdict::Fail));

    let name = list.strip_prefix(&folder).unwrap();
    store.put(&format!("{folder}shallow-{name}"), bytes);
    let text = chain(&shard_error(&store).await);
    assert!(text.starts_with("shard 0 of index \"typed-idx\" is a shallow copy of a remote store"), "{text}");
}

#[tokio::test]
async fn shards_at_hashed_paths() {
    let mut store = fixture();
    let (list, _) = shard_list(&store).await;
    let bytes = store.blobs.remove(&list).unwrap();
    let catalog = String::from_utf8(store.blobs["index-3"].to_vec()).unwrap();
    let id = list.split('/').nth(1).unwrap();
    let typed = |path_type: u32| {
        catalog.replace(&format!("\"{id}\",\"snap"), &format!("\"{id}\",\"shard_path_type\":{path_type},\"snap"))
    };
    assert_ne!(typed(2), catalog);
    store.put("index-3", typed(7));
    assert!(chain(&shard_error(&store).await).contains("shard_path_type 7"));
    store.put("index-3", typed(1));
    assert!(chain(&shard_error(&store).await).contains("`shard_path_type: hashed_prefix`"));
    store.put("index-3", typed(2));
    let text = chain(&shard_error(&store).await);
    let hashed = text.split("blob ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    assert!(hashed.ends_with(&list) && hashed.len() == list.len() + 16, "{text}");
    store.put(&hashed, bytes);
    let snapshot = store.open().await.unwrap().snapshot("snap-1").await.unwrap();
    assert!(!snapshot.shard(snapshot.index("typed-idx").unwrap(), 0).await.unwrap().files.is_empty());
}

#[tokio::test]
async fn a_snapshot_deleted_meanwhile_is_told_from_a_lost_blob() {
    let inner = Arc::new(Mutex::new(fixture()));
    let snapshot = Repository::open(Arc::new(Shared(inner.clone()))).await.unwrap().snapshot("snap-1").await.unwrap();
    let index = snapshot.index("typed-idx").unwrap();
    let of_snapshot = |name: &str| name.contains(&snapshot.uuid);
    {
        let mut store = inner.lock().unwrap();
        for name in store.names(of_snapshot) {
            store.blobs.remove(&name);
        }
    }
    assert!(matches!(snapshot.shard(index, 0).await.unwrap_err(), Error::Read { .. }));
    inner.lock().unwrap().put("index-4", r#"{"snapshots":[]}"#);
    for error in [snapshot.shard(index, 0).await.unwrap_err(), snapshot.global_metadata().await.unwrap_err()] {
        assert_eq!(error.to_string(), "snapshot \"snap-1\" has been deleted from memory since it was opened");
    }
}

/// A repository that changes while it is open.
struct Shared(Arc<Mutex<MemoryStore>>);

impl Shared {
    fn now(&self) -> MemoryStore {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl BlobStore for Shared {
    async fn list(&self, prefix: &str) -> Result<Vec<BlobMeta>, StoreError> {
        self.now().list(prefix).await
    }

    async fn read(&self, blob: &str, len_max: u64) -> Result<Bytes, StoreError> {
        self.now().read(blob, len_max).await
    }

    async fn read_range(&self, blob: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.now().read_range(blob, range).await
    }

    fn location(&self) -> String {
        self.now().location()
    }
}
