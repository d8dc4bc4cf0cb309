//! A whole migration from a real snapshot into a real cluster of another version, every document compared.

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

use serde_json::{Value, json};
use tests::binaries;
use tests::document::Document;
use tests::fixtures::{self, Fixture};
use tests::servers::{self, Product, Server};
use tests::truth::{self, Compared};

/// What a test migrates: a fixture's `snap-2`, without some indices.
struct Migration {
    fixture: Fixture,
    left_out: &'static [&'static str],
}

impl Migration {
    fn truth(&self) -> Vec<Document> {
        let file = BufReader::new(File::open(self.fixture.truth("main-snap-2")).unwrap());
        let documents: Vec<Document> = truth::read(file, "truth").collect::<Result<_, _>>().unwrap();
        documents.into_iter().filter(|document| !self.left_out.contains(&document.index.as_str())).collect()
    }

    /// Runs `migctl run` into `target`; the final JSON.
    fn run(&self, name: &str, target: &Server, directory: &Path) -> Value {
        let indices: BTreeSet<String> = self.truth().into_iter().map(|document| document.index).collect();
        let mut config = format!(
            "name: {name}\nsnapshot:\n  repository: {{path: {}}}\n  externallyManagedSnapshot: snap-2\n\
             target: {{endpoint: '{}'}}\nindices:\n",
            self.fixture.repository("main").display(),
            target.url()
        );
        for index in indices {
            config.push_str(&format!("  - '{index}'\n"));
        }
        std::fs::write(directory.join("migration.yaml"), config).unwrap();
        let arguments = ["run", "--approve-all", "--output", "json"];
        let output = binaries::command("migctl", directory, &arguments).unwrap().output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}\n{errors}\n{}", output.status, String::from_utf8_lossy(&output.stdout));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn migrates(name: &str, from: &str, to: Product, left_out: &'static [&'static str]) {
    let migration = Migration { fixture: fixtures::unpack(from).unwrap(), left_out };
    let arrived = arrives(name, &migration, servers::shared(to).unwrap());
    assert!(arrived > 1_000, "only {arrived} documents");
    assert_routings_arrived(&migration.truth());
}

/// Runs `migration` into `target` and compares every document; how many there are.
fn arrives(name: &str, migration: &Migration, target: &Server) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let view = migration.run(name, target, directory.path());

    let mut expected = migration.truth();
    let sources: BTreeSet<String> = expected.iter().map(|document| document.index.clone()).collect();
    // Documents of a data stream are asked for by its name.
    let under_streams = |documents: &mut Vec<Document>| {
        for document in documents {
            document.index = stream_of(&document.index).unwrap_or(&document.index).to_owned();
        }
    };
    under_streams(&mut expected);
    let indices: BTreeSet<&str> = expected.iter().map(|document| document.index.as_str()).collect();
    let http = target.http().unwrap();
    // What is closed in the source was closed again at the end.
    for index in indices.iter().filter(|index| sources.contains(**index)) {
        http.post(&format!("/{index}/_open?wait_for_active_shards=1"), "").unwrap();
    }
    let mut arrived: Vec<Document> = indices.iter().flat_map(|index| http.documents(index).unwrap()).collect();
    under_streams(&mut arrived);
    for document in arrived.iter_mut().filter(|document| SPELT_ANEW.contains(&document.index.as_str())) {
        document.source_format = Some("filtered by the target".to_owned());
    }
    let report =
        truth::compare_documents(arrived.into_iter().map(Ok), expected.iter().cloned().map(Ok), Compared::Content);
    let report = report.unwrap();
    assert!(report.is_equal(), "{name}: {report}");

    let views = view["indices"].as_array().unwrap();
    assert_eq!(views.len(), sources.len());
    assert!(views.iter().all(|index| index["adds_up"] == true), "{views:#?}");
    let written: u64 = views.iter().map(|index| index["counts"]["written"].as_u64().unwrap()).sum();
    assert_eq!(written, report.equal as u64, "what was written is what is there");
    assert_eq!(view["dead_letters"], 0);
    report.equal
}

/// The data stream of a backing index `.ds-NAME-000001`.
fn stream_of(index: &str) -> Option<&str> {
    index.strip_prefix(".ds-")?.rsplit_once('-').map(|(name, _)| name)
}

/// The comparison by key means something only if the fixture has routings, and one id under several of them.
fn assert_routings_arrived(expected: &[Document]) {
    let routed = expected.iter().filter(|document| document.routing.is_some());
    let mut ids = BTreeSet::new();
    let repeated = routed.filter(|document| !ids.insert((document.index.clone(), document.id.clone()))).count();
    assert!(ids.len() > 10 && repeated > 0, "{} routed documents, {repeated} ids under several routings", ids.len());
}

/// Its field types need modules that the tests' OpenSearch is started without (`geo_shape`), or a translation that is
/// not there yet (`flattened`).
const NOT_FOR_OPENSEARCH: &[&str] = &["fields-zoo"];

/// Their mappings filter `_source`, so the target writes it anew, in its own spelling: compared as JSON values.
const SPELT_ANEW: &[&str] = &["src-excludes", "src-includes"];

#[test]
fn elasticsearch_7_into_opensearch_2() {
    migrates("es7-os2", "elasticsearch-7.10.2", Product::OpenSearch2, NOT_FOR_OPENSEARCH);
}

#[test]
fn opensearch_2_into_opensearch_3() {
    migrates("os2-os3", "opensearch-2.19.4", Product::OpenSearch3, NOT_FOR_OPENSEARCH);
}

/// Several types, which one index of the target can't hold; and an index of the same name as one of another test, which
/// has the same target at the same time.
const NOT_FROM_BEFORE_7: &[&str] = &["types", "merged"];

/// Into indices that are there already, since mappings with types, and of fields that are no more, are not translated
/// yet. `ids` has two shards, of which `routing_shards` says how they are chosen; the others have one.
fn migrates_into_indices_that_are_there(name: &str, from: &str, routing_shards: Option<u32>, equal: usize) {
    let migration = Migration { fixture: fixtures::unpack(from).unwrap(), left_out: NOT_FROM_BEFORE_7 };
    let target = servers::shared(Product::OpenSearch2).unwrap();
    let http = target.http().unwrap();
    let expected = migration.truth();
    let indices: BTreeSet<&str> = expected.iter().map(|document| document.index.as_str()).collect();
    for index in &indices {
        let settings = match *index {
            "ids" => json!({"number_of_shards": 2, "number_of_routing_shards": routing_shards}),
            _ => json!({"number_of_shards": 1}),
        };
        http.put(&format!("/{index}"), json!({"settings": settings, "mappings": {"dynamic": false}})).unwrap();
    }
    assert_eq!(arrives(name, &migration, target), equal, "{name}");
    let same = expected.iter().filter(|document| document.id == "same" && document.routing.is_some()).count();
    assert_eq!(same, 2, "{name}: one id under two routings");
    // The next version has indices of the same names.
    for index in &indices {
        http.delete(&format!("/{index}")).unwrap();
    }
}

#[test]
fn elasticsearch_1_to_6_into_opensearch_2() {
    // 2 to 6 choose the shard by `hash % shards`. Other ways bring routings together that were apart, and documents of
    // one id under them overwrite each other, which the phase verify finds. 1 hashes in its own way, which no target
    // has; those routings happen to stay apart.
    migrates_into_indices_that_are_there("es1-os2", "versions/elasticsearch-1.7.6", None, 239);
    migrates_into_indices_that_are_there("es2-os2", "versions/elasticsearch-2.4.6", Some(2), 295);
    migrates_into_indices_that_are_there("es5-os2", "versions/elasticsearch-5.6.16", Some(2), 318);
    migrates_into_indices_that_are_there("es6-os2", "versions/elasticsearch-6.8.23", Some(2), 416);
}
