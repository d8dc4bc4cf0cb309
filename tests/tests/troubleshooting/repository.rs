//! Repositories in a directory that can't be read as they should be.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tests::binaries;
use tests::nats::NatsServer;
use tests::processes::Program;
use tests::workplace::Workplace;

use crate::{OUT, config, fails, quickstart, shows};

pub const ROWS: &[&str] = &[NO_PLACE, NO_REPOSITORY, NO_SNAPSHOT, DELETED, PARTIAL];

const NO_PLACE: &str = "there is no repository at";
const NO_REPOSITORY: &str = "is no snapshot repository";
const NO_SNAPSHOT: &str = "has no snapshot";
const DELETED: &str = "has been deleted from";
const PARTIAL: &str = "it is partial";

/// How long a step of a migration may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

fn reading(repository: &Path, snapshot: &str) -> String {
    let snapshot = format!("repository: {{path: '{}'}}, externallyManagedSnapshot: {snapshot}", repository.display());
    config(&snapshot, OUT, "")
}

#[test]
fn a_path_or_a_name_that_is_wrong() {
    let repository = quickstart().join("repository");
    shows(&fails(&reading(&repository.join("nowhere"), "snap-1"), &[]), NO_PLACE);
    shows(&fails(&reading(&repository.join("indices"), "snap-1"), &[]), NO_REPOSITORY);
    shows(&fails(&reading(&repository, "snap-2"), &[]), NO_SNAPSHOT);
}

#[test]
fn a_snapshot_that_lacks_shards() {
    let partial = "../snapshot/tests/fixtures/opensearch-2.19.4/hashed-infix";
    let partial = Path::new(env!("CARGO_MANIFEST_DIR")).join(partial).canonicalize().unwrap();
    shows(&fails(&reading(&partial, "s1"), &[]), PARTIAL);
}

/// A worker that has the snapshot open when somebody deletes it.
#[test]
fn a_snapshot_that_is_deleted_before_it_is_loaded() {
    let copy = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-r").arg(quickstart().join("repository")).arg(copy.path()).status().unwrap();
    assert!(copied.success());
    let repository = copy.path().join("repository");
    let waiting = reading(&repository, "snap-1").replace("load: auto", "load: manual");
    let workplace = Workplace::with(waiting).unwrap();
    let nats = NatsServer::start().unwrap();
    let start = |program: &str| {
        let command = binaries::command(program, workplace.path(), &["start", "--nats", &nats.url]).unwrap();
        Program::start(program, command, workplace.path()).unwrap()
    };
    let _programs = [start("coordinator"), start("worker")];
    let submitted = workplace.migctl(&["submit", "--nats", &nats.url]).unwrap();
    assert_eq!(submitted.code, Some(0), "{submitted}");
    await_load(&workplace, &nats, "waiting");

    // As a server does: first the next catalogue, then the snapshot's blobs.
    std::fs::write(repository.join("index-99"), r#"{"snapshots":[],"indices":{}}"#).unwrap();
    remove(&repository, &|name| name.starts_with("snap-"));
    let approved = workplace.migctl(&["approve", "load", "--nats", &nats.url]).unwrap();
    assert_eq!(approved.code, Some(0), "{approved}");
    shows(&await_load(&workplace, &nats, "failed"), DELETED);
}

/// Waits until the load is `wanted`; what `migctl status` prints then.
fn await_load(workplace: &Workplace, nats: &NatsServer, wanted: &str) -> String {
    let begun = Instant::now();
    loop {
        let json = workplace.migctl(&["status", "--output", "json", "--nats", &nats.url]).unwrap();
        let view: serde_json::Value = serde_json::from_str(&json.output).unwrap_or_default();
        let phases = view["phases"].as_array().cloned().unwrap_or_default();
        if phases.iter().any(|phase| phase["phase"] == "load" && phase["status"] == wanted) {
            return workplace.migctl(&["status", "--nats", &nats.url]).unwrap().to_string();
        }
        assert!(begun.elapsed() < DEADLINE, "the load is not {wanted}: {json}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Removes the files below `folder` whose names are like that.
fn remove(folder: &Path, unwanted: &dyn Fn(&str) -> bool) {
    for entry in folder.read_dir().unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            remove(&entry.path(), unwanted);
        } else if unwanted(&entry.file_name().into_string().unwrap()) {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
}
