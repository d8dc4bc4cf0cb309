//! Repositories of Elasticsearch 1.x to 6.x, and of several versions one after the other, against what these servers
//! answered over HTTP.

// The helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use snapshot::{Error, FsStore, IndexMetadata, Repository, Snapshot, SnapshotState, SourceMode};
use support::{MemoryStore, OLDER, chain, check_files, fixture_path, flat, truth};

async fn open(server: &str, repository: &str) -> Repository {
    let store = FsStore::open(fixture_path(server, repository)).unwrap();
    Repository::open(Arc::new(store)).await.unwrap()
}

/// Every snapshot of every fixture, with what is true of it.
async fn snapshots() -> Vec<(String, Snapshot, Value)> {
    let mut all = Vec::new();
    for (server, name) in OLDER {
        let repository = open(server, name).await;
        for (snapshot, expected) in truth(server, name).as_object().unwrap() {
            let at = format!("{server} {name} {snapshot}");
            all.push((at, repository.snapshot(snapshot).await.unwrap(), expected.clone()));
        }
    }
    assert_eq!(all.len(), 24);
    all
}

fn texts(value: &Value) -> BTreeSet<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[tokio::test]
async fn snapshots_are_listed_however_the_repository_lists_them() {
    for (server, name) in OLDER {
        let repository = open(server, name).await;
        let truth = truth(server, name);
        let listed: BTreeSet<_> = repository.snapshots().iter().map(|listed| listed.name.as_str()).collect();
        assert_eq!(listed, truth.as_object().unwrap().keys().map(String::as_str).collect(), "{server} {name}");
        for listed in repository.snapshots() {
            let at = format!("{server} {name} {}", listed.name);
            let (described, expected) = (repository.described(listed).await.unwrap(), &truth[&listed.name]);
            assert_eq!(described.uuid, expected["uuid"].as_str().unwrap(), "{at}");
            assert_eq!(described.state.to_string(), expected["state"].as_str().unwrap(), "{at}");
            assert_eq!(described.start_millis, expected["start_millis"].as_u64(), "{at}");
            // What 8.19.21 calls itself is not what it leaves.
            let version = match listed.name.as_str() {
                "by-8" => "8.11 or later (index version 8537000)",
                _ => expected["version"].as_str().unwrap(),
            };
            assert_eq!(described.version.as_deref(), Some(version), "{at}");
            assert!(listed.version.is_none() || listed.version == described.version, "{at}: {listed:?}");
        }
    }
}

#[tokio::test]
async fn snapshots_hold_what_the_server_says() {
    for (at, snapshot, expected) in snapshots().await {
        let indices: BTreeSet<_> = snapshot.indices.iter().map(|index| index.name.as_str()).collect();
        assert_eq!(indices, texts(&expected["indices"]), "{at}");
        assert_eq!(snapshot.start_millis, expected["start_millis"].as_u64(), "{at}");
        let failures: Vec<_> =
            snapshot.failures.iter().map(|failure| json!([failure.index, failure.shard, failure.reason])).collect();
        assert_eq!(failures, *expected["failures"].as_array().unwrap_or(&Vec::new()), "{at}");
        let is_partial = snapshot.state == SnapshotState::Partial;
        assert_eq!(is_partial, !failures.is_empty(), "{at}");
    }
}

async fn metadata(snapshot: &Snapshot, index: &str) -> IndexMetadata {
    snapshot.index_metadata(snapshot.index(index).unwrap()).await.unwrap()
}

#[tokio::test]
async fn index_metadata_is_what_the_server_says() {
    let (mut seen, mut types_seen) = (0, 0);
    for (at, snapshot, expected) in snapshots().await {
        for (name, expected) in expected["kept"].as_object().unwrap() {
            let at = format!("{at} {name}");
            let metadata = metadata(&snapshot, name).await;
            // Only the catalogue's view of `some` was kept.
            if expected["settings"].is_null() {
                continue;
            }
            let mut settings = Map::new();
            flat("", &expected["settings"], &mut settings);
            assert_eq!(metadata.settings, settings, "{at}");
            assert_eq!(metadata.number_of_shards.to_string(), settings["index.number_of_shards"], "{at}");
            let types: Map<String, Value> = metadata.mappings.iter().cloned().collect();
            assert_eq!(Value::Object(types), expected["types"], "{at}");
            types_seen += metadata.mapping_types().count();
            let aliases = expected["aliases"].as_object().unwrap();
            assert_eq!(metadata.aliases, *aliases, "{at}");
            assert!(!metadata.closed && metadata.refusal.is_none(), "{at}");
            seen += 1;
        }
    }
    assert_eq!((seen, types_seen), (68, 85));
}

#[tokio::test]
async fn sources_that_are_not_whole_are_known_beforehand() {
    for (server, _) in OLDER.iter().filter(|(_, name)| *name == "main") {
        let snapshot = open(server, "main").await.snapshot("second").await.unwrap();
        assert_eq!(metadata(&snapshot, "nosource").await.source_mode(), SourceMode::Disabled, "{server}");
        let mode = metadata(&snapshot, "partialsource").await.source_mode();
        assert!(matches!(&mode, SourceMode::Filtered { excludes, .. } if !excludes.is_empty()), "{server}: {mode:?}");
        assert_eq!(metadata(&snapshot, "products").await.source_mode(), SourceMode::Stored, "{server}");
    }
}

#[tokio::test]
async fn every_file_of_every_shard_is_whole() {
    let (mut shards, mut failed, mut files, mut inline, mut parted) = (0, 0, 0, 0, 0);
    for (at, snapshot, expected) in snapshots().await {
        let mut of_snapshot = 0;
        for (name, expected) in expected["kept"].as_object().unwrap() {
            let index = snapshot.index(name).unwrap();
            for number in 0..metadata(&snapshot, name).await.number_of_shards {
                let at = format!("{at} {name} {number}");
                of_snapshot += 1;
                let shard = match snapshot.shard(index, number).await {
                    Err(Error::ShardFailed { reason, .. }) => {
                        assert_eq!(reason, "primary shard is not allocated", "{at}");
                        failed += 1;
                        continue;
                    }
                    shard => shard.unwrap(),
                };
                let commits = shard.files.iter().filter(|file| file.physical_name.starts_with("segments_"));
                assert_eq!(commits.count(), 1, "{at}");
                shards += 1;
                files += shard.files.len();
                inline += shard.files.iter().filter(|file| file.inline.is_some()).count();
                parted += shard.files.iter().filter(|file| file.part_size.is_some()).count();
                if expected["has_data"] == true {
                    let directory = shard.directory(tokio::runtime::Handle::current());
                    tokio::task::spawn_blocking(move || check_files(&at, &shard, &directory)).await.unwrap();
                }
            }
        }
        let is_all_kept = expected["kept"].as_object().unwrap().len() == snapshot.indices.len();
        assert!(!is_all_kept || expected["shards"] == of_snapshot, "{at}: {of_snapshot}");
    }
    assert_eq!((shards, failed, files, inline, parted), (148, 9, 1709, 566, 1));
}

#[tokio::test]
async fn global_metadata_has_the_templates_of_the_cluster() {
    let mut seen = 0;
    for (at, snapshot, expected) in snapshots().await {
        let metadata = snapshot.global_metadata().await.unwrap();
        let templates = metadata["templates"].as_object().unwrap();
        let Some(expected) = expected["templates"].as_object() else { continue };
        assert_eq!(templates.keys().collect::<BTreeSet<_>>(), expected.keys().collect::<BTreeSet<_>>(), "{at}");
        for (name, template) in templates {
            let mut types = Map::new();
            let mappings = template["mappings"].as_array().unwrap();
            mappings.iter().for_each(|mapping| types.extend(mapping.as_object().unwrap().clone()));
            assert_eq!(Value::Object(types), expected[name]["mappings"], "{at} {name}");
            assert_eq!(template["order"], expected[name]["order"], "{at} {name}");
            seen += 1;
        }
    }
    assert_eq!(seen, 20);
}

#[tokio::test]
async fn global_metadata_that_is_not_there_is_empty_where_a_snapshot_need_not_have_it() {
    let mut store = MemoryStore::fixture("elasticsearch-2.4.6", "main");
    store.blobs.remove("meta-second.dat").unwrap();
    let snapshot = store.open().await.unwrap().snapshot("second").await.unwrap();
    assert_eq!(snapshot.global_metadata().await.unwrap(), json!({}));
    let mut store = MemoryStore::fixture("elasticsearch-6.8.23", "main");
    let snapshot = store.open().await.unwrap().snapshot("second").await.unwrap();
    assert!(snapshot.include_global_state);
    store.blobs.remove(&format!("meta-{}.dat", snapshot.uuid)).unwrap();
    let snapshot = store.open().await.unwrap().snapshot("second").await.unwrap();
    assert!(chain(&snapshot.global_metadata().await.unwrap_err()).ends_with("is not there"));
}

/// The names that a repository lists.
async fn names(store: &MemoryStore) -> Vec<String> {
    store.open().await.unwrap().snapshots().iter().map(|listed| listed.name.clone()).collect()
}

#[tokio::test]
async fn the_listing_counts_and_the_list_where_listing_is_denied() {
    let mut store = MemoryStore::fixture("mixed", "1.7-2.4");
    store.put("index", r#"{"snapshots":["by-2","gone"]}"#);
    assert_eq!(names(&store).await, ["by-1", "by-2"]);
    // Root folders grow: each snapshot leaves two, and what verifies a repository may be left too.
    for number in 0..20_000 {
        store.put(&format!("tests-{number}"), "");
        store.put(&format!("metadata-x{number}"), "");
    }
    assert_eq!(names(&store).await, ["by-1", "by-2"]);
    store.denied.insert("index-".to_owned());
    assert_eq!(names(&store).await, ["by-2", "gone"]);
    store.open().await.unwrap().snapshot("by-2").await.unwrap();
    store.denied.insert("index".to_owned());
    assert!(chain(&store.open().await.unwrap_err()).contains("blob index- of memory may not be read"));
}

#[tokio::test]
async fn snapshots_that_the_newest_server_could_not_read_are_listed_all_the_same() {
    let mut store = MemoryStore::fixture("mixed", "1.7-8.19");
    let all = ["by-1", "by-2", "by-6", "by-7", "by-8"];
    assert_eq!(names(&store).await.iter().collect::<BTreeSet<_>>(), all.map(str::to_owned).iter().collect());
    store.put("incompatible-snapshots", r#"{"incompatible-snapshots":["by-1",{"name":"by-2","uuid":"by-2"}]}"#);
    assert_eq!(names(&store).await.len(), all.len(), "none is listed twice");
    store.put("incompatible-snapshots", "{");
    assert!(chain(&store.open().await.unwrap_err()).contains("blob incompatible-snapshots of memory is corrupt"));
    store.blobs.remove("incompatible-snapshots");
    assert_eq!(names(&store).await.len(), all.len() - 1);
}

#[tokio::test]
async fn a_name_that_leaves_the_repository_is_not_asked_for() {
    let mut store = MemoryStore::fixture("elasticsearch-1.7.6", "plain");
    let info = r#"{"snapshot":{"name":"second","version_id":1070699,"indices":["../../x"],"state":"SUCCESS"}}"#;
    store.put("snapshot-second", info);
    let snapshot = store.open().await.unwrap().snapshot("second").await.unwrap();
    let error = snapshot.index_metadata(&snapshot.indices[0]).await.unwrap_err();
    assert!(chain(&error).ends_with("is not asked for: the name could leave the repository"), "{}", chain(&error));
    let error = snapshot.shard(&snapshot.indices[0], 0).await.unwrap_err();
    assert!(chain(&error).ends_with("is not asked for: the name could leave the repository"), "{}", chain(&error));
}

#[tokio::test]
async fn shards_do_not_vanish_where_no_checksum_covers_their_number() {
    let mut store = MemoryStore::fixture("elasticsearch-1.7.6", "plain");
    let whole = store.open().await.unwrap().snapshot("second").await.unwrap();
    let mut told = 0;
    for index in &whole.indices {
        // The fixture leaves some indices out.
        let Ok(metadata) = whole.index_metadata(index).await else { continue };
        let count = metadata.number_of_shards;
        let blob = format!("indices/{}/snapshot-second", index.name);
        let text = String::from_utf8(store.blobs[&blob].to_vec()).unwrap();
        for fewer in 1..count {
            let (of, to) = (format!("\"index.number_of_shards\":\"{count}\""), format!("\"{fewer}\""));
            assert_eq!(text.matches(&of).count(), 1, "{text}");
            store.put(&blob, text.replace(&of, &format!("\"index.number_of_shards\":{to}")));
            let snapshot = store.open().await.unwrap().snapshot("second").await.unwrap();
            let error = chain(&snapshot.index_metadata(index).await.unwrap_err());
            let expected = format!("it counts {fewer} shards, and there is a shard {fewer} (shards count from 0)");
            assert!(error.contains(&blob) && error.contains(&expected), "{error}");
            told += 1;
        }
        store.put(&blob, text);
    }
    assert!(told > 0, "{told}");
}

#[tokio::test]
async fn an_index_that_is_listed_twice_hides_none() {
    let mut store = MemoryStore::fixture("elasticsearch-1.7.6", "plain");
    let text = String::from_utf8(store.blobs["snapshot-second"].to_vec()).unwrap();
    assert_eq!(text.matches("\"bigint\"").count(), 1, "{text}");
    store.put("snapshot-second", text.replace("\"bigint\"", "\"empty-index\""));
    let error = chain(&store.open().await.unwrap().snapshot("second").await.unwrap_err());
    assert!(error.contains("snapshot-second") && error.contains("it lists the index \"empty-index\" twice"), "{error}");
}
