//! What only OpenSearch does: folders of shards by a hash, zstd around metadata. Written by 2.19.4.

// The helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::Arc;

use serde_json::Value;
use snapshot::{Error, FsStore, Repository, ShardFiles, Snapshot, SnapshotState, Verdict};
use support::{MemoryStore, chain, check_files, fixture_path};

const SERVER: &str = "opensearch-2.19.4";
const INDICES: [(&str, u32); 2] = [("three", 3), ("three-p", 2)];

async fn open(repository: &str) -> Snapshot {
    let store = FsStore::open(fixture_path(SERVER, repository)).unwrap();
    Repository::open(Arc::new(store)).await.unwrap().snapshot("s1").await.unwrap()
}

/// The files of every shard of both indices, of which one shard could not be snapshotted.
async fn shards(snapshot: &Snapshot) -> Vec<Result<ShardFiles, Error>> {
    let mut shards = Vec::new();
    for (name, count) in INDICES {
        let index = snapshot.index(name).unwrap();
        assert_eq!(snapshot.index_metadata(index).await.unwrap().number_of_shards, count, "{name}");
        for number in 0..count {
            match snapshot.shard(index, number).await {
                Err(Error::ShardFailed { index, shard: 1, reason, .. }) => {
                    assert_eq!((index.as_str(), reason.as_str()), ("three-p", "primary shard is not allocated"));
                }
                shard => shards.push(shard),
            }
        }
    }
    assert_eq!((shards.len(), snapshot.state), (4, SnapshotState::Partial));
    shards
}

#[tokio::test]
async fn shards_in_hashed_folders_are_found() {
    for shard in shards(&open("hashed-infix").await).await {
        let shard = shard.unwrap();
        let at = format!("{} {}", shard.index, shard.shard);
        let directory = shard.directory(tokio::runtime::Handle::current());
        tokio::task::spawn_blocking(move || check_files(&at, &shard, &directory)).await.unwrap();
    }
    for shard in shards(&open("hashed-prefix").await).await {
        assert!(shard.unwrap().files.iter().all(|file| !file.blob.starts_with("indices/")));
    }
}

#[tokio::test]
async fn a_folder_that_the_cluster_named_otherwise_is_found_where_it_was_noted() {
    let mut store = MemoryStore::fixture(SERVER, "hashed-prefix");
    // As with `cluster.snapshot.shard.path.prefix: p`, which comes before the hash in folders and notes.
    for name in store.names(|name| name.contains("/indices/")) {
        let bytes = store.blobs.remove(&name).unwrap();
        store.put(&format!("p{name}"), bytes);
    }
    for name in store.names(|name| name.starts_with("snapshot_shard_paths/")) {
        let mut notes: Value = serde_json::from_slice(&store.blobs[&name]).unwrap();
        for path in notes["paths"].as_array_mut().unwrap() {
            *path = format!("p{}", path.as_str().unwrap()).into();
        }
        store.put(&name, notes.to_string());
    }
    let snapshot = store.open().await.unwrap().snapshot("s1").await.unwrap();
    for shard in shards(&snapshot).await {
        assert!(shard.unwrap().files.iter().all(|file| file.blob.starts_with('p')));
    }
}

#[tokio::test]
async fn shards_outside_of_the_repository_are_said_to_be() {
    let snapshot = open("hashed-outside/some/base").await;
    for shard in shards(&snapshot).await {
        let error = shard.unwrap_err();
        assert_eq!(error.verdict(), Verdict::Fail);
        let text = chain(&error);
        assert!(text.contains("/some/base/indices/") && text.contains("copy or link that folder to "), "{text}");
    }
    // And where a person did as told, they are read.
    let mut store = MemoryStore::fixture(SERVER, "hashed-outside/some/base");
    let whole = MemoryStore::fixture(SERVER, "hashed-outside");
    for name in whole.names(|name| name.contains("/some/base/indices/")) {
        store.put(&name.replace("/some/base/", "/"), whole.blobs[&name].clone());
    }
    let snapshot = store.open().await.unwrap().snapshot("s1").await.unwrap();
    for shard in shards(&snapshot).await {
        shard.unwrap();
    }
}

#[tokio::test]
async fn metadata_in_zstd_is_read() {
    let snapshot = open("zstd").await;
    assert_eq!(snapshot.version.to_string(), "OpenSearch 2.19.4");
    assert!(snapshot.global_metadata().await.unwrap()["templates"].is_object());
    let index = snapshot.index("three").unwrap();
    assert_eq!(snapshot.index_metadata(index).await.unwrap().number_of_shards, 3);
    for number in 0..3 {
        assert!(!snapshot.shard(index, number).await.unwrap().files.is_empty());
    }
}

#[tokio::test]
async fn indices_whose_segments_lie_elsewhere_are_refused_with_what_to_do_instead() {
    let mounted = open("mounted").await;
    let index = mounted.index("mounted-orders").unwrap();
    let refusal = mounted.index_metadata(index).await.unwrap().refusal.unwrap();
    assert!(
        refusal.contains("the index of the folder indices/iUDGq76TTIiZgQQr2DmzyQ of snapshot \"daily\""),
        "{refusal}"
    );
    assert!(refusal.ends_with("in repository \"cold\"; migrate it from there"), "{refusal}");
    assert!(mounted.shard(index, 0).await.unwrap().files.is_empty());
    assert!(mounted.index_metadata(mounted.index("orders").unwrap()).await.unwrap().refusal.is_none());

    let shallow = open("remote").await;
    let index = shallow.index("orders").unwrap();
    let refusal = shallow.index_metadata(index).await.unwrap().refusal.unwrap();
    assert!(refusal.contains("remote store \"segs\"") && refusal.contains("shallow_copy: false"), "{refusal}");
    let text = chain(&shallow.shard(index, 0).await.unwrap_err());
    assert!(text.starts_with("shard 0 of index \"orders\" is a shallow copy of a remote store"), "{text}");
}
