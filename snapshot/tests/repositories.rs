//! What real servers wrote is read as they meant it: against what the same servers answered over HTTP.

// The helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::Arc;

use lucene::directory::Directory;
use serde_json::{Map, Value};
use snapshot::{FsStore, IndexMetadata, Repository, Snapshot, SnapshotState};
use support::{FIXTURES, MemoryStore, check_files, fixture_path, flat, truth};

async fn open(server: &str, repository: &str) -> Repository {
    let store = FsStore::open(fixture_path(server, repository)).unwrap();
    Repository::open(Arc::new(store)).await.unwrap()
}

/// Every snapshot of every fixture, with what is true of it.
async fn snapshots() -> Vec<(&'static str, Snapshot, Value)> {
    let mut all = Vec::new();
    for (server, name) in FIXTURES {
        let repository = open(server, name).await;
        let Value::Object(truth) = truth(server, name) else { panic!("an object") };
        assert_eq!(repository.snapshots().len(), truth.len(), "{server} {name}");
        for (snapshot, expected) in truth {
            all.push((server, repository.snapshot(&snapshot).await.unwrap(), expected));
        }
    }
    assert_eq!(all.len(), 7);
    all
}

#[tokio::test]
async fn catalogue_and_snapshots_are_what_the_server_lists() {
    for (server, snapshot, expected) in snapshots().await {
        let at = format!("{server} {}", snapshot.name);
        let version = match server {
            "elasticsearch-7.10.2" => "Elasticsearch 7.10.2",
            "elasticsearch-8.19.21" => "Elasticsearch 8.11 or later (index version 8537000)",
            _ => "OpenSearch 2.19.4",
        };
        assert_eq!(snapshot.version.to_string(), version, "{at}");
        assert_eq!(snapshot.state, SnapshotState::Success, "{at}");
        assert!(snapshot.failures.is_empty(), "{at}");
        assert_eq!(snapshot.include_global_state, snapshot.name != "snap-ch", "{at}");
        assert_eq!(snapshot.uuid, expected["uuid"].as_str().unwrap(), "{at}");
        assert_eq!(snapshot.start_millis, expected["start_millis"].as_u64(), "{at}");
        let names: Vec<&str> = snapshot.indices.iter().map(|index| index.name.as_str()).collect();
        let mut names_expected: Vec<&str> =
            expected["indices"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        names_expected.sort_unstable();
        assert_eq!(names, names_expected, "{at}");
    }
}

#[tokio::test]
async fn index_metadata_is_what_the_server_says() {
    let mut seen = 0;
    for (server, snapshot, expected) in snapshots().await {
        for (name, expected) in expected["kept"].as_object().unwrap() {
            let at = format!("{server} {} {name}", snapshot.name);
            let metadata: IndexMetadata = snapshot.index_metadata(snapshot.index(name).unwrap()).await.unwrap();
            let mut settings = Map::new();
            flat("", &expected["settings"], &mut settings);
            let shards: u32 = settings["index.number_of_shards"].as_str().unwrap().parse().unwrap();
            assert_eq!(metadata.number_of_shards, shards, "{at}");
            assert_eq!(metadata.settings, settings, "{at}");
            assert_eq!(metadata.aliases.len(), expected["aliases"].as_object().unwrap().len(), "{at}");
            for (alias, properties) in expected["aliases"].as_object().unwrap() {
                assert_eq!(&metadata.aliases[alias], properties, "{at} {alias}");
            }
            let mapping = metadata.mappings.first().map_or(Value::Object(Map::new()), |(_, mapping)| mapping.clone());
            assert_eq!(mapping, expected["mappings"], "{at}");
            assert_eq!(metadata.version_created, snapshot.version, "{at}");
            assert!(!metadata.closed && metadata.refusal.is_none() && metadata.name == *name, "{at}");
            seen += 1;
        }
    }
    assert_eq!(seen, 20);
}

#[tokio::test]
async fn global_metadata_has_the_templates_of_the_cluster() {
    let mut seen = 0;
    for (server, snapshot, expected) in snapshots().await {
        let metadata = snapshot.global_metadata().await.unwrap();
        if !snapshot.include_global_state {
            assert_eq!(metadata["templates"], Value::Object(Map::new()), "{server}: a stub");
            continue;
        }
        for (name, expected) in expected["templates"].as_object().unwrap() {
            let at = format!("{server} {} {name}", snapshot.name);
            let template = &metadata["templates"][name];
            assert_eq!(template["index_patterns"], expected["index_patterns"], "{at}");
            let mut mappings = Map::new();
            match &template["mappings"] {
                Value::Array(types) => {
                    types.iter().for_each(|mapping| mappings.extend(mapping.as_object().unwrap().clone()));
                }
                Value::Object(types) => mappings = types.clone(),
                other => panic!("{at}: {other}"),
            }
            assert_eq!(Value::Object(mappings), expected["mappings"], "{at}");
            seen += 1;
        }
        assert!(metadata["index_template"]["index_template"].is_object(), "{server}: {metadata}");
    }
    assert_eq!(seen, 9);
}

#[tokio::test]
async fn every_file_of_every_shard_is_whole() {
    let (mut shards, mut files, mut inline, mut parted) = (0, 0, 0, 0);
    for (server, snapshot, expected) in snapshots().await {
        for name in expected["kept"].as_object().unwrap().keys() {
            let index = snapshot.index(name).unwrap();
            for number in 0..snapshot.index_metadata(index).await.unwrap().number_of_shards {
                let shard = snapshot.shard(index, number).await.unwrap();
                assert_eq!((shard.index.as_str(), shard.shard), (name.as_str(), number));
                assert_eq!(shard.total_len(), shard.files.iter().map(|file| file.len).sum::<u64>());
                let commits = shard.files.iter().filter(|file| file.physical_name.starts_with("segments_"));
                assert_eq!(commits.count(), 1);
                shards += 1;
                files += shard.files.len();
                inline += shard.files.iter().filter(|file| file.inline.is_some()).count();
                parted += shard.files.iter().filter(|file| file.part_size.is_some()).count();
                let at = format!("{server} {} {name} {number}", snapshot.name);
                let directory = shard.directory(tokio::runtime::Handle::current());
                tokio::task::spawn_blocking(move || check_files(&at, &shard, &directory)).await.unwrap();
            }
        }
    }
    assert_eq!((shards, files, inline, parted), (28, 100, 52, 2));
}

#[tokio::test]
async fn files_in_the_metadata_need_no_blob() {
    let mut store = MemoryStore::fixture("opensearch-2.19.4", "main");
    for data in store.names(|name| name.contains("/__")) {
        store.blobs.remove(&data);
    }
    let snapshot = store.open().await.unwrap().snapshot("snap-2").await.unwrap();
    let shard = snapshot.shard(snapshot.index("app-one").unwrap(), 0).await.unwrap();
    let directory = shard.directory(tokio::runtime::Handle::current());
    tokio::task::spawn_blocking(move || {
        for file in &shard.files {
            let is_small = file.physical_name.starts_with("segments_") || file.physical_name.ends_with(".si");
            assert_eq!(file.inline.is_some(), is_small, "{file:?}");
            let read = directory.read(&file.physical_name, 0..file.len);
            assert_eq!(read.is_ok(), is_small, "{file:?}");
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn closed_indices_are_read_like_others() {
    let snapshot = open("elasticsearch-7.10.2", "main").await.snapshot("snap-2").await.unwrap();
    let index = snapshot.index("closed-idx").unwrap();
    let metadata = snapshot.index_metadata(index).await.unwrap();
    assert!(metadata.closed && metadata.refusal.is_none());
    assert_eq!(metadata.number_of_shards, 2);
    for number in 0..2 {
        let shard = snapshot.shard(index, number).await.unwrap();
        let directory = shard.directory(tokio::runtime::Handle::current());
        let at = format!("closed-idx {number}");
        tokio::task::spawn_blocking(move || check_files(&at, &shard, &directory)).await.unwrap();
    }
}
