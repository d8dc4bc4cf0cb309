//! `migctl snapshot export` of what real servers wrote equals what these servers said of it, document by document.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tests::binaries;
use tests::document::Document;
use tests::fixtures::{self, Fixture};
use tests::truth::{self, Compared, Folder, Report};
use tests::workplace::{Config, NO_GATES, Workplace};

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

/// Exports the indices of a truth before Elasticsearch 7 that `wanted` accepts, and compares; everything is as it should
/// be, and what was skipped and nested is told.
fn older(fixture: &Fixture, repository: &str, snapshot: &str, state: &str, wanted: impl Fn(&str) -> bool) -> Report {
    let Folder { mut indices, documents } = Folder::read(&fixture.truth_folder(state)).unwrap();
    indices.retain(|index| wanted(index));
    let arguments: Vec<&str> = indices.iter().flat_map(|index| ["--index", index]).collect();
    let output = export(&fixture.repository(repository), snapshot, &arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{repository} {snapshot}: {}\n{told}", output.status);
    let expected = documents.into_iter().filter(|document| wanted(&document.index)).map(Ok);
    let report = truth::compare_documents(truth::read(&*output.stdout, "export"), expected, Compared::Everything);
    let report = report.unwrap();
    assert!(report.is_equal(), "{repository} {snapshot}\n{report}");
    let row = |index: &str| -> Vec<&str> {
        let words = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        words.into_iter().find(|words| words.first() == Some(&index)).unwrap_or_default()
    };
    if indices.contains("nosource") {
        assert_eq!(row("nosource"), ["nosource", "0", "0", "0", "57", "no-source", "0"]);
        assert_eq!(report.without_source.len(), 57);
    }
    assert_ne!(row("products").last(), Some(&"0"), "products has nested children");
    report
}

/// Every snapshot of every repository of an older server; how many documents are equal in `first-2015.06.14`, in `second`
/// and in `some`.
fn every_older_document_of(server: &str, equal: [usize; 3]) -> Fixture {
    let fixture = fixtures::unpack(server).unwrap();
    let first = older(&fixture, "main", "first-2015.06.14", "first-2015.06.14", |_| true);
    let second = older(&fixture, "main", "second", "second", |_| true);
    let some = older(&fixture, "main", "some", "second", |index| ["products", "empty-index"].contains(&index));
    assert_eq!([first.equal, second.equal, some.equal], equal, "{server}");
    for repository in ["plain", "chunk"] {
        assert_eq!(older(&fixture, repository, "second", "second", |_| true), second, "{server} {repository}");
    }
    fixture
}

/// The documents that `index` of the snapshot has, by id; and how they stand in the export.
fn exported(
    fixture: &Fixture,
    repository: &str,
    snapshot: &str,
    index: &str,
    more: &[&str],
) -> BTreeMap<String, Value> {
    let output = export(&fixture.repository(repository), snapshot, &[&["--index", index], more].concat());
    assert!(output.status.success());
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let documents = lines.map(|line| serde_json::from_slice::<Value>(line).unwrap());
    documents.map(|document| (document["_id"].as_str().unwrap().to_owned(), document)).collect()
}

#[test]
fn elasticsearch_1_7() {
    let fixture = every_older_document_of("elasticsearch-1.7.6", [835, 865, 353]);
    let folder = Folder::read(&fixture.truth_folder("second")).unwrap();
    // The comparison says something of all this only if it is there.
    let has = |wanted: fn(&Document) -> bool| folder.documents.iter().filter(|document| wanted(document)).count();
    assert_eq!(has(|document| document.parent.is_some()), 97);
    assert_eq!(has(|document| document.timestamp.is_some() && document.ttl.is_some()), 20);
    assert_eq!(has(|document| document.mapping_type.as_deref() == Some(".percolator")), 1);
    assert_eq!(has(|document| document.index == "lzf-source"), 30);
    let products = exported(&fixture, "main", "second", "products", &[]);
    let formats: Vec<_> = ["smile-1", "cbor-1", "yaml-1"].iter().map(|id| &products[*id]["_source_format"]).collect();
    assert_eq!(formats, ["smile", "cbor", "yaml"]);
}

#[test]
fn elasticsearch_2_4() {
    every_older_document_of("elasticsearch-2.4.6", [803, 828, 347]);
}

#[test]
fn elasticsearch_5_6() {
    every_older_document_of("elasticsearch-5.6.16", [1_045, 1_062, 347]);
}

#[test]
fn elasticsearch_6_8() {
    every_older_document_of("elasticsearch-6.8.23", [849, 874, 306]);
}

#[test]
fn segments_of_two_servers_in_one_shard() {
    for (server, equal) in [("elasticsearch-1.7.6-in-2.4.6", 932), ("elasticsearch-5.6.16-in-6.8.23", 955)] {
        let fixture = fixtures::unpack(server).unwrap();
        let report = older(&fixture, "upgraded", "upgraded", "upgraded", |_| true);
        assert_eq!(report.equal, equal, "{server}");
    }
}

#[test]
fn sources_that_were_filtered_or_not_kept_are_recovered_if_asked() {
    for server in ["elasticsearch-7.10.2", "opensearch-3.8.0"] {
        let fixture = fixtures::unpack(server).unwrap();
        let of = |index: &str, more: &[&str]| exported(&fixture, "main", "snap-2", index, more);
        assert!(of("src-disabled", &[]).is_empty());
        let recovered = of("src-disabled", &["--recover-source"]);
        assert_eq!(recovered.len(), 30, "{server}");
        // What the mapping stored on its own says what was in the sources.
        for line in std::fs::read_to_string(fixture.truth("main-snap-2")).unwrap().lines() {
            let truth: Value = serde_json::from_str(line).unwrap();
            if truth["_index"] == "src-disabled" {
                let found = &recovered[truth["_id"].as_str().unwrap()];
                assert_eq!(found["_source"]["s"], truth["stored_fields"]["s"][0], "{server}: {found}");
            }
        }
        for (index, dropped, documents) in
            [("src-excludes", "/_source/secret/pw", 30), ("src-includes", "/_source/drop", 15)]
        {
            let (filtered, full) = (of(index, &[]), of(index, &["--recover-source"]));
            assert_eq!((filtered.len(), full.len()), (documents, documents), "{server} {index}");
            assert!(filtered.values().all(|document| document.pointer(dropped).is_none()), "{server} {index}");
            assert!(full.values().all(|document| document.pointer(dropped).is_some()), "{server} {index}");
        }
        let repository = fixture.repository("main");
        let indices = format!("{NO_GATES}recoverSource: true\nindices: ['regex:src-.*']\n");
        let config = Config { further: &indices, ..Config::new(&repository, "snap-2") };
        let ended = Workplace::with(config).unwrap().migctl(&["run", "--output", "json"]).unwrap();
        assert_eq!(ended.code, Some(0), "{ended}");
        let counts = ended.json().unwrap()["indices"]
            .as_array()
            .unwrap()
            .iter()
            .map(|index| index["counts"].clone())
            .collect::<Vec<_>>();
        let sum = |name: &str| counts.iter().map(|counts| counts[name].as_u64().unwrap()).sum::<u64>();
        assert_eq!((sum("written"), sum("recovered")), (75, 75), "{ended}");
    }
}

#[test]
fn a_directory_takes_indices_of_several_types() {
    let fixture = fixtures::unpack("elasticsearch-2.4.6").unwrap();
    let repository = fixture.repository("main");
    let indices = format!("{NO_GATES}indices: [family, products, alerts]\n");
    let config = Config { further: &indices, ..Config::new(&repository, "second") };
    let workplace = Workplace::with(config).unwrap();
    let ended = workplace.migctl(&["run", "--output", "json"]).unwrap();
    assert_eq!(ended.code, Some(0), "{ended}");
    let wanted = |index: &str| ["family", "products", "alerts"].contains(&index);
    let report = workplace.compare(&fixture.truth_folder("second"), wanted).unwrap();
    assert!(report.is_equal() && report.equal == 147 + 347 + 2, "{report}");
    let metadata = std::fs::read(workplace.path().join("out/family/index.json")).unwrap();
    let metadata: Value = serde_json::from_slice(&metadata).unwrap();
    let types: BTreeSet<&str> = metadata["mappings"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(types, BTreeSet::from(["child", "grandchild", "parent"]));
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
