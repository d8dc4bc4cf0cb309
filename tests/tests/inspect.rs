//! `migctl snapshot inspect` of what a real server wrote: what it says is there is there, and what is damaged is named.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use serde_json::Value;
use snapshot::{FsStore, Repository};
use tests::binaries;
use tests::fixtures::{self, Fixture};
use tests::truth;

fn inspect(repository: &Path, more: &[&str]) -> Output {
    let repository = repository.display().to_string();
    let arguments = [&["snapshot", "inspect", "--repo", &repository, "--snapshot", "snap-2"], more].concat();
    binaries::command("migctl", Path::new("."), &arguments).unwrap().output().unwrap()
}

fn indices(output: &Output) -> Vec<Value> {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["indices"].as_array().unwrap().clone()
}

/// Documents with a source, by index.
fn documents(fixture: &Fixture) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for document in truth::read(BufReader::new(File::open(fixture.truth("main-snap-2")).unwrap()), "truth") {
        let document = document.unwrap();
        *counts.entry(document.index).or_default() += u64::from(document.source.is_some());
    }
    counts
}

#[test]
fn a_deep_look_counts_what_the_server_counted() {
    let fixture = fixtures::unpack("elasticsearch-7.10.2").unwrap();
    // `big-docs` was left out of the fixture's blobs.
    let output =
        inspect(&fixture.repository("main"), &["--index", "regex:(?!big-docs).*", "--deep", "--output", "json"]);
    assert_eq!(output.status.code(), Some(2), "no look-around: {}", String::from_utf8_lossy(&output.stderr));

    let expected = documents(&fixture);
    let names: Vec<String> = expected.keys().flat_map(|name| ["--index".to_owned(), name.clone()]).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).chain(["--deep", "--output", "json"]).collect();
    let output = inspect(&fixture.repository("main"), &names);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = indices(&output);
    assert_eq!(found.len(), expected.len());
    for index in &found {
        let name = index["name"].as_str().unwrap();
        assert_eq!(index["deep"]["documents"], expected[name], "{index:#}");
        let (read, size) = (index["bytes_to_read"].as_u64().unwrap(), index["bytes"].as_u64().unwrap());
        assert!(read < size && (read > 0 || index["live_lucene_docs"] == 0), "{index:#}");
    }
    let by_name = |name: &str| found.iter().find(|index| index["name"] == name).unwrap();
    assert_eq!(by_name("src-disabled")["deep"]["skipped"]["no-source"], 30);
    assert_eq!(by_name("odd-json")["deep"]["converted"]["cbor"], 1);
    assert!(by_name("nested-catalog")["deep"]["nested"].as_u64().unwrap() > 100);
    assert_eq!(by_name("orders")["lucene_versions"][0], "8.7.0");
    assert_eq!(by_name("orders")["codecs"][0], "Lucene87");
}

#[test]
fn only_a_deep_look_finds_a_flipped_bit_in_a_document_and_names_its_segment() {
    let fixture = fixtures::unpack("elasticsearch-7.10.2").unwrap();
    let repository = fixture.repository("main");
    let blob = repository.join(stored_fields_blob(&repository, "orders"));
    let mut bytes = std::fs::read(&blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(blob, bytes).unwrap();

    let shallow = inspect(&repository, &["--index", "orders", "--output", "json"]);
    assert!(shallow.status.success(), "{}", String::from_utf8_lossy(&shallow.stderr));
    let deep = inspect(&repository, &["--index", "orders", "--deep"]);
    assert_eq!(deep.status.code(), Some(1));
    let told = String::from_utf8(deep.stderr).unwrap();
    assert!(told.starts_with("error: orders: shard 0: ") && told.contains("_8"), "{told}");
    assert!(String::from_utf8(deep.stdout).unwrap().contains("what a load would meet"), "the rest is told");
}

/// The blob of the largest `.fdt` of shard 0.
fn stored_fields_blob(repository: &Path, index: &str) -> String {
    let found = async {
        let repository = Repository::open(Arc::new(FsStore::open(repository).unwrap())).await.unwrap();
        let snapshot = repository.snapshot("snap-2").await.unwrap();
        let files = snapshot.shard(snapshot.index(index).unwrap(), 0).await.unwrap().files;
        let stored_fields = files.into_iter().filter(|file| file.physical_name.ends_with(".fdt"));
        stored_fields.max_by_key(|file| file.len).unwrap().blob
    };
    tokio::runtime::Runtime::new().unwrap().block_on(found)
}
