//! What servers of every version wrote is read, and equals what they said of it: all of `tests/fixtures/versions/`.
//!
//! `cargo test --test versions -- --nocapture` prints the table.

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
use tests::truth::{self, Report};

/// Fixture, the Lucene versions that wrote its segments, their codecs.
const VERSIONS: [(&str, &str, &str); 24] = [
    ("elasticsearch-1.0.3", "4.6.0", "Lucene46"),
    ("elasticsearch-1.2.4", "4.8.0", "Lucene46"),
    ("elasticsearch-1.3.9", "4.9.0", "Lucene49"),
    ("elasticsearch-1.7.6", "4.10.4", "Lucene410"),
    ("elasticsearch-2.4.6", "5.5.4", "Lucene54 Lucene54:best_compression"),
    ("elasticsearch-5.1.2", "6.3.0", "Lucene62 Lucene62:best_compression"),
    ("elasticsearch-5.6.16", "6.6.1", "Lucene62 Lucene62:best_compression"),
    ("elasticsearch-6.1.4", "7.1.0", "Lucene70 Lucene70:best_compression"),
    ("elasticsearch-6.8.23", "7.7.3", "Lucene70 Lucene70:best_compression"),
    ("elasticsearch-7.17.29", "8.11.3", "Lucene87 Lucene87:best_compression"),
    ("elasticsearch-7.4.2", "8.2.0", "Lucene80 Lucene80:best_compression"),
    ("elasticsearch-7.8.1", "8.5.1", "Lucene84 Lucene84:best_compression"),
    ("elasticsearch-8.11.4", "9.8.0", "Lucene95 Lucene95:best_compression"),
    ("elasticsearch-8.14.3", "9.10.0", "Lucene99 Lucene99:best_compression"),
    ("elasticsearch-8.19.21", "9.12.2", "Elasticsearch816:best_compression Lucene912 Lucene912:best_compression"),
    ("elasticsearch-8.4.3", "9.3.0", "Lucene92 Lucene92:best_compression"),
    (
        "elasticsearch-9.0.4",
        "10.1.0",
        "Elasticsearch900Lucene101:best_compression Lucene101 Lucene101:best_compression",
    ),
    ("opensearch-2.11.1", "9.7.0", "Lucene95 Lucene95:best_compression ZSTD:zstd ZSTDNODICT:zstd_no_dict"),
    ("opensearch-2.19.4", "9.12.3", "Lucene912 Lucene912:best_compression ZSTD912:zstd ZSTDNODICT912:zstd_no_dict"),
    ("opensearch-2.4.1", "9.4.2", "Lucene94 Lucene94:best_compression"),
    (
        "opensearch-2.9.0",
        "9.7.0",
        "Lucene95 Lucene95:best_compression Lucene95CustomCodec:zstd Lucene95CustomCodec:zstd_no_dict",
    ),
    ("opensearch-3.8.0", "10.5.0", "Lucene104 Lucene104:best_compression ZSTD104:zstd ZSTDNODICT104:zstd_no_dict"),
    ("upgraded-elasticsearch-9.0.4", "10.1.0 9.10.0", "Lucene101 Lucene99 Lucene99:best_compression"),
    ("upgraded-opensearch-1.3.20", "7.7.3 8.10.1 8.7.0", "Lucene70 Lucene70:best_compression Lucene87"),
];

/// Documents of the index `unsourced`, whose mapping keeps no source.
const WITHOUT_SOURCE: usize = 20;

fn snapshot_command(command: &str, repository: &Path, snapshot: &str, more: &[&str]) -> Output {
    let repository = repository.display().to_string();
    let arguments = [&["snapshot", command, "--repo", &repository, "--snapshot", snapshot], more].concat();
    let output = binaries::command("migctl", Path::new("."), &arguments).unwrap().output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command} {snapshot}: {}\n{told}", output.status);
    output
}

/// Exports everything and compares it with the truth of the same snapshot.
fn compared(fixture: &Fixture, repository: &str, snapshot: &str) -> Report {
    let output = snapshot_command("export", &fixture.repository(repository), snapshot, &[]);
    let truth = File::open(fixture.truth(&format!("{repository}-{snapshot}"))).unwrap();
    truth::compare(&*output.stdout, BufReader::new(truth), |_| true).unwrap()
}

/// All that the indices of an inspection have under `name`, sorted.
fn of_all_indices(inspection: &Value, name: &str) -> String {
    let lists = inspection["indices"].as_array().unwrap().iter().map(|index| index[name].as_array().unwrap());
    let all: BTreeSet<&str> = lists.flatten().map(|value| value.as_str().unwrap()).collect();
    all.into_iter().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_fixture_is_listed_here() {
    let names = fixtures::names().unwrap();
    let listed: Vec<String> = VERSIONS.iter().map(|(name, ..)| format!("versions/{name}")).collect();
    let there: Vec<&String> = names.iter().filter(|name| name.starts_with("versions/")).collect();
    assert_eq!(there, listed.iter().collect::<Vec<_>>());
}

#[test]
fn an_export_of_every_version_equals_what_its_server_said() {
    println!("| server | repository, snapshot | Lucene | codecs | equal | without source |\n|---|---|---|---|---|---|");
    for (name, lucene, codecs) in VERSIONS {
        let fixture = fixtures::unpack(&format!("versions/{name}")).unwrap();
        let inspection =
            snapshot_command("inspect", &fixture.repository("main"), "snap-2", &["--output", "json"]).stdout;
        let inspection: Value = serde_json::from_slice(&inspection).unwrap();
        assert_eq!(of_all_indices(&inspection, "lucene_versions"), lucene, "{name}");
        assert_eq!(of_all_indices(&inspection, "codecs"), codecs, "{name}");

        let upgraded = name.starts_with("upgraded-");
        let snapshots = [("main", "snap-1"), ("main", "snap-2"), ("chunked", "snap-ch")];
        for (repository, snapshot) in snapshots.into_iter().filter(|(_, snapshot)| !upgraded || *snapshot == "snap-2") {
            let report = compared(&fixture, repository, snapshot);
            assert!(report.is_equal(), "{name} {repository} {snapshot}: {report}");
            assert!(report.equal > 300, "{name} {repository} {snapshot}: {report}");
            assert_eq!(report.without_source.len(), WITHOUT_SOURCE, "{name} {snapshot}: {report}");
            println!(
                "| {name} | {repository}, {snapshot} | {lucene} | {codecs} | {} | {WITHOUT_SOURCE} |",
                report.equal
            );
        }
    }
}
