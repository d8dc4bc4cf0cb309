//! Repositories that are not there, are none, or are of a version that is not read.

use std::fs;
use std::path::Path;

use tests::workplace::{Config, Workplace};

use crate::{DONE, ERROR, FAILED, USAGE, WAITING, index, phase, quickstart, says, status};

const VERSIONS: &str = "versions read: Elasticsearch 1.x to 9.x, OpenSearch 1.x to 3.x";

#[test]
fn a_repository_that_cannot_be_opened_is_told_and_the_corrected_configuration_goes_on() {
    let repository = quickstart().join("repository");
    let workplace = Workplace::new().unwrap();
    let missing = workplace.path().join("backups/nowhere");
    let empty = workplace.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let indices = repository.join("indices");
    for (config, place, phrases) in [
        (
            Config::new(&missing, "snap-1"),
            &missing,
            &["there is no repository at", "check the path or bucket and base path, and that it is mounted here"][..],
        ),
        (
            Config::new(&empty, "snap-1"),
            &empty,
            &[
                "is no snapshot repository: it has no blob index-N, the catalogue",
                "give the folder that holds index-N and indices/",
            ],
        ),
        (
            Config::new(&indices, "snap-1"),
            &indices,
            &["is no snapshot repository: it has no blob index-N, the catalogue"],
        ),
        (Config::new(&repository, "snap-2"), &repository, &["has no snapshot \"snap-2\"; it has \"snap-1\""]),
    ] {
        workplace.configure(config).unwrap();
        let place = place.display().to_string();
        let expected = [&["error: preflight failed: ", &place, "mend it and run"], phrases].concat();
        let ended = says(&workplace, &["run"], FAILED, &expected);
        assert!(ended.output.is_empty(), "there is nothing to make a table of");
        assert!(workplace.out("").unwrap().is_empty());
        assert_eq!(phase(&status(&workplace), "register"), "pending");
        let asked = ["snapshot", "export", "--repo", &place, "--snapshot", config.snapshot];
        let ended = says(&workplace, &asked, ERROR, phrases);
        assert!(ended.output.is_empty());
    }
    workplace.configure(Config::new(&repository, "snap-1")).unwrap();
    says(&workplace, &["run"], DONE, &["test is complete"]);
    let report = workplace.compare(&quickstart().join("truth.ndjson"), |_| true).unwrap();
    assert!(report.is_equal() && report.equal == 477, "{report}");
}

#[test]
fn a_migration_that_has_begun_keeps_its_snapshot_and_target() {
    let repository = quickstart().join("repository");
    let config = Config { further: "", ..Config::new(&repository, "snap-1") };
    let workplace = Workplace::with(config).unwrap();
    assert_eq!(workplace.migctl(&["run"]).unwrap().code, Some(3), "it waits before metadata");
    let begun = |field: &str| format!("migration test was begun with another `{field}`");
    let another = "give the new migration another `name`";
    workplace.configure(Config { snapshot: "snap-2", ..config }).unwrap();
    says(&workplace, &["run"], USAGE, &[&begun("snapshot.externallyManagedSnapshot"), another]);
    workplace.configure(Config { further: "indices: [orders]\n", ..config }).unwrap();
    says(&workplace, &["run"], USAGE, &["indices: register must be done again (and what follows)", "--redo"]);

    // Before anything is on it the target may be another one.
    workplace.configure(Config { endpoint: "file:./elsewhere", ..config }).unwrap();
    says(&workplace, &["run"], WAITING, &["target.endpoint: applies at once"]);
    assert_eq!(workplace.migctl(&["approve", "metadata"]).unwrap().code, DONE);
    says(&workplace, &["run"], WAITING, &["load waits for approval"]);
    workplace.configure(config).unwrap();
    says(&workplace, &["run"], USAGE, &[&begun("target.endpoint"), another]);
}

#[test]
fn a_version_that_is_not_read_is_refused_by_name() {
    // What a later version would leave is not known: the JSON of the first ones stands in for it.
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().to_owned();
    fs::write(repository.join("index"), r#"{"snapshots":["second"]}"#).unwrap();
    let info = r#"{"snapshot":{"name":"second","version_id":10000099,"indices":[],"state":"SUCCESS"}}"#;
    fs::write(repository.join("snapshot-second"), info).unwrap();
    let workplace = Workplace::with(Config::new(&repository, "second")).unwrap();
    let place = repository.display().to_string();
    let expected = ["snapshot \"second\" was written by Elasticsearch 10.0 or later", VERSIONS];
    says(&workplace, &["run"], FAILED, &expected);
    assert!(workplace.out("").unwrap().is_empty());
    for command in ["inspect", "export"] {
        let ended =
            says(&workplace, &["snapshot", command, "--repo", &place, "--snapshot", "second"], ERROR, &expected);
        assert!(ended.output.is_empty());
    }
}

#[test]
fn an_index_pattern_that_selects_nothing_is_an_error_with_the_names_there_are() {
    let repository = quickstart().join("repository");
    for pattern in ["order", "regex:order"] {
        let further = format!("indices: [books, '{pattern}']\n");
        let workplace = Workplace::with(Config { further: &further, ..Config::new(&repository, "snap-1") }).unwrap();
        let known = "it has books, orders, products, weblogs-2024.05";
        let expected = format!("indices: {pattern} matches no index of snapshot snap-1; {known}");
        says(&workplace, &["run"], FAILED, &["error: preflight failed: ", &expected]);
        assert!(workplace.out("").unwrap().is_empty());
        let place = repository.display().to_string();
        let export = ["snapshot", "export", "--repo", &place, "--snapshot", "snap-1", "--index", pattern];
        let expected =
            format!("--index {pattern} matches no index of snapshot snap-1; `migctl snapshot inspect --repo {place} ");
        let ended = says(&workplace, &export, USAGE, &[&expected]);
        assert!(ended.output.is_empty());
    }
}

#[test]
fn a_shard_that_a_partial_snapshot_lacks_is_refused_until_it_is_allowed_to_be_missing() {
    // Shard 1 of `three-p` found no node when OpenSearch took the snapshot.
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../snapshot/tests/fixtures/opensearch-2.19.4/hashed-infix")
        .canonicalize()
        .unwrap();
    let workplace = Workplace::with(Config::new(&repository, "s1")).unwrap();
    let lacks = "three-p shard 1: shard 1 of index \"three-p\" is not in snapshot \"s1\"";
    let refused =
        ["error: preflight failed: ", "snapshot s1: it is partial: 1 shards", "`snapshot.allowPartial: true`"];
    says(&workplace, &["run"], FAILED, &refused);
    assert!(workplace.out("").unwrap().is_empty());

    workplace.configure(Config::new(&repository, "s1\n  allowPartial: true")).unwrap();
    let told = ["left out, not in the snapshot: ", lacks];
    let ended = says(&workplace, &["run", "--output", "json"], DONE, &told);
    assert!(
        ended.errors.contains("1 shards are not in the snapshot: their documents are not on the target"),
        "{ended}"
    );
    let view = ended.json().unwrap();
    let written = |name| index(&view, name)["counts"]["written"].as_u64().unwrap();
    assert_eq!((written("three"), written("three-p")), (7, 3));
}
