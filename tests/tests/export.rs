//! `migctl snapshot export` of what real servers wrote equals what these servers said of it, document by document.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tests::binaries;
use tests::fixtures::{self, Fixture};
use tests::truth;

/// Indices of `repo-chunked`.
const CHUNKED: [&str; 4] = ["join-qa", "logs-bc", "nested-catalog", "orders"];

fn export(repository: &Path, snapshot: &str, more: &[&str]) -> Output {
    let repository = repository.display().to_string();
    let arguments = [&["snapshot", "export", "--repo", &repository, "--snapshot", snapshot], more].concat();
    binaries::command("migctl", Path::new("."), &arguments).unwrap().output().unwrap()
}

fn truth_of(fixture: &Fixture, name: &str) -> BufReader<File> {
    BufReader::new(File::open(fixture.truth(name)).unwrap())
}

/// The names of the truth's indices that `wanted` accepts.
fn indices(fixture: &Fixture, name: &str, wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let documents = truth::read(truth_of(fixture, name), "truth").map(|document| document.unwrap().index);
    documents.filter(|index| wanted(index)).collect()
}

/// Exports those indices and compares; how many documents are equal.
fn equal(fixture: &Fixture, repository: &str, snapshot: &str, name: &str, wanted: impl Fn(&str) -> bool) -> usize {
    let indices = indices(fixture, name, &wanted);
    let arguments: Vec<&str> = indices.iter().flat_map(|index| ["--index", index]).collect();
    let output = export(&fixture.repository(repository), snapshot, &arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{snapshot}: {}\n{told}", output.status);
    let report = truth::compare(&*output.stdout, truth_of(fixture, name), wanted).unwrap();
    assert!(report.is_equal(), "{repository} {snapshot}\n{report}");
    let skipped = told.lines().find(|line| line.trim_start().starts_with("src-disabled "));
    match skipped {
        Some(line) => {
            assert!(line.contains(&format!("{} no-source", report.without_source.len())), "{line}");
        }
        None => assert!(report.without_source.is_empty(), "{report}"),
    }
    report.equal
}

fn every_document_of(server: &str) {
    let fixture = fixtures::unpack(server).unwrap();
    for snapshot in ["snap-1", "snap-2"] {
        let documents = equal(&fixture, "main", snapshot, &format!("main-{snapshot}"), |_| true);
        assert!(documents > 1_400, "{server} {snapshot}: only {documents}");
    }
    let documents = equal(&fixture, "chunked", "snap-ch", "main-snap-2", |index| CHUNKED.contains(&index));
    assert!(documents > 700, "{server} snap-ch: only {documents}");
}

#[test]
fn elasticsearch_7_10() {
    every_document_of("elasticsearch-7.10.2");
}

#[test]
fn elasticsearch_8_19() {
    every_document_of("elasticsearch-8.19.21");
}

#[test]
fn opensearch_1_3() {
    every_document_of("opensearch-1.3.20");
}

#[test]
fn opensearch_2_19() {
    every_document_of("opensearch-2.19.4");
}

#[test]
fn opensearch_3_8() {
    every_document_of("opensearch-3.8.0");
}

#[test]
fn documents_of_a_megabyte_in_sliced_chunks_and_blobs_in_parts() {
    let fixture = fixtures::unpack("elasticsearch-7.10.2-big").unwrap();
    assert_eq!(equal(&fixture, "chunked", "snap-ch", "main-snap-2", |index| index == "big-docs"), 23);
}

#[test]
fn metadata_stands_before_the_documents_of_its_index() {
    let fixture = fixtures::unpack("elasticsearch-7.10.2").unwrap();
    let arguments = ["--with-metadata", "--index", "typed-idx", "--index", "orders"];
    let output = export(&fixture.repository("main"), "snap-2", &arguments);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut metadata = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if line.get("_metadata").is_some() {
            metadata.push(line);
        } else {
            assert_eq!(line["_index"], metadata.last().unwrap()["_index"], "its metadata comes first");
        }
    }
    assert_eq!(metadata.len(), 2);
    assert_eq!(metadata[0]["_metadata"]["settings"]["index.number_of_shards"], "3");
    assert!(metadata[1]["_metadata"]["mappings"].get("_doc").is_none(), "typed-idx has a type of its own");
}
