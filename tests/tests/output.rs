//! `migctl output` of a migration with a shard that fails, documents that the target rejects and a gate that waits:
//! what two workers, the coordinator and a person say, by label, also over a NATS server that was killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use snapshot::{FsStore, Repository};
use tests::binaries;
use tests::rig::Rig;
use tests::servers::{Product, Server};
use tests::workplace::Config;

/// The load waits for a person.
const LOAD_MANUAL: &str = "gates: {metadata: auto, cleanup: auto}\n";

/// A copy of the quickstart's repository, where the stored fields of shard 0 of `books` are cut; and how to mend it.
struct Spoilt {
    directory: tempfile::TempDir,
    cut: Vec<(PathBuf, Vec<u8>)>,
}

impl Spoilt {
    fn make() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let quickstart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart/repository");
        copy(&quickstart, directory.path());
        let blobs = tokio::runtime::Runtime::new().unwrap().block_on(books_data(directory.path()));
        let cut = blobs.into_iter().map(|blob| directory.path().join(blob));
        let cut: Vec<_> = cut.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        assert!(!cut.is_empty());
        for (path, whole) in &cut {
            fs::write(path, &whole[..whole.len() / 2]).unwrap();
        }
        Self { directory, cut }
    }

    fn mend(&self) {
        for (path, whole) in &self.cut {
            fs::write(path, whole).unwrap();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// The blobs with the stored fields of shard 0 of `books`.
async fn books_data(repository: &Path) -> Vec<String> {
    let repository = Repository::open(Arc::new(FsStore::open(repository).unwrap())).await.unwrap();
    let snapshot = repository.snapshot("snap-1").await.unwrap();
    let books = snapshot.indices.iter().find(|index| index.name == "books").unwrap();
    let mut files = snapshot.shard(books, 0).await.unwrap().files;
    files.retain(|file| file.inline.is_none() && [".fdt", ".cfs"].iter().any(|end| file.physical_name.ends_with(end)));
    files.into_iter().map(|file| file.blob).collect()
}

/// Two of the orders have a field that the target's mapping doesn't allow.
fn make_orders(server: &Server) {
    let fields = json!({"customer": {"type": "keyword"}, "total": {"type": "double"}, "paid": {"type": "boolean"}});
    let settings = json!({"number_of_shards": 2, "number_of_replicas": 0});
    let body = json!({"settings": settings, "mappings": {"dynamic": "strict", "properties": fields}});
    server.http().unwrap().put("/orders", body).unwrap();
}

/// Each line of JSON in what a command printed.
fn records(text: &str) -> Vec<Value> {
    text.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a command with these labels prints now.
fn now(rig: &Rig, labels: &[&str]) -> Vec<Value> {
    let labels = labels.iter().flat_map(|label| ["-l", label]);
    let arguments: Vec<&str> = ["output", "--output", "json"].into_iter().chain(labels).collect();
    records(&rig.does(&arguments).output)
}

fn following(rig: &mut Rig, label: &str) -> Vec<Value> {
    records(&rig.program(label).log().unwrap())
}

fn has(records: &[Value], kind: &str, text: &str) -> bool {
    records.iter().any(|record| record["kind"] == kind && record["text"].as_str().unwrap().contains(text))
}

#[test]
fn output_shows_what_everybody_says_by_label_and_follows_over_a_lost_connection() {
    let spoilt = Spoilt::make();
    let server = tests::servers::shared(Product::OpenSearch2).unwrap();
    make_orders(server);
    let (endpoint, repository) = (server.url(), spoilt.directory.path());
    let config = Config { endpoint: &endpoint, further: LOAD_MANUAL, ..Config::new(repository, "snap-1") };
    let mut rig = Rig::new("test", &config.to_string()).unwrap();
    rig.start_coordinator().unwrap();
    rig.start_worker("worker-1").unwrap();
    rig.start_worker("worker-2").unwrap();
    rig.does(&["submit"]);
    rig.await_phase("load", "waiting");
    let follow = ["output", "--follow", "--output", "json"];
    rig.types("books", &[&follow[..], &["-l", "index=books", "-l", "shard=0"]].concat()).unwrap();
    rig.types("warnings", &[&follow[..], &["-l", "level=warn", "-l", "level=error", "-l", "phase=load"]].concat())
        .unwrap();
    let mut closed = closed_after_a_line(&rig);
    rig.does(&["approve", "load", "--note", "as agreed"]);
    rig.await_phase("load", "failed");

    // The failing shard: each attempt's line from a worker's log, and the event that it was given up.
    let given_up = |rig: &mut Rig, who: &str| has(&following(rig, who), "shard-failed", "books shard 0: ");
    rig.eventually("the failure is told", |rig| given_up(rig, "books").then_some(()));
    rig.eventually("the failure is told as one", |rig| given_up(rig, "warnings").then_some(()));
    let books = following(&mut rig, "books");
    assert!(has(&books, "log", "failed: "), "{books:#?}");
    for record in &books {
        assert_eq!(
            (&record["phase"], &record["index"], &record["shard"]),
            (&json!("load"), &json!("books"), &json!(0))
        );
        assert!(record["worker"].as_str().is_some_and(|worker| !worker.is_empty()), "{record}");
    }
    let orders = rig.eventually("the rejected are told", |rig| {
        let mut warnings = following(rig, "warnings");
        warnings.retain(|record| record["index"] == "orders");
        (warnings.len() == 2).then_some(warnings)
    });
    for order in orders {
        assert!(order["kind"] == "log" && order["level"] == "warn", "{order}");
        assert!(order["text"].as_str().unwrap().contains("id=cart"), "{order}");
    }
    let warnings = following(&mut rig, "warnings");
    assert!(warnings.iter().all(|it| it["level"] != "info" && it["phase"] == "load"), "{warnings:#?}");
    assert_closed_quietly(&mut closed);

    by_label(&rig);
    the_audit_log(&rig);

    // A server that dies and comes back: nothing is missed, and nothing is said twice.
    rig.nats.restart().unwrap();
    spoilt.mend();
    rig.eventually("it is submitted again", |rig| (rig.migctl(&["submit"]).code == Some(0)).then_some(()));
    rig.eventually("the shard is loaded", |rig| {
        has(&following(rig, "books"), "shard-done", "books shard 0 is loaded").then_some(())
    });
    let books = following(&mut rig, "books");
    let different: BTreeSet<String> = books.iter().map(Value::to_string).collect();
    assert_eq!(different.len(), books.len(), "{books:#?}");
    assert_eq!(books, now(&rig, &["index=books", "shard=books/0"]), "what was followed is what there is");

    // Dead letters keep the state until somebody removes it: then there is nothing more to follow.
    rig.eventually("it is complete", |rig| {
        let view = rig.view()?;
        view["phases"]
            .as_array()?
            .iter()
            .all(|phase| ["done", "skipped"].contains(&phase["status"].as_str().unwrap()))
            .then_some(())
    });
    rig.does(&["forget", "--yes"]);
    for who in ["books", "warnings"] {
        rig.eventually("it ends", |rig| (!rig.program(who).is_running().unwrap()).then_some(()));
        assert!(
            rig.program(who).log().unwrap().contains("test: its state was removed"),
            "{}",
            rig.program(who).log_tail()
        );
    }
    let gone = rig.migctl(&["output"]);
    assert!(gone.code == Some(1) && gone.errors.contains("there is no migration test"), "{gone}");
}

/// Only what is asked for, and all of it.
fn by_label(rig: &Rig) {
    let all = now(rig, &[]);
    let mut workers = 0;
    for worker in ["coordinator", "worker-1", "worker-2"] {
        let said = now(rig, &[&format!("worker={worker}")]);
        let whole = format!("{worker}-");
        assert!(said.iter().all(|it| it["worker"].as_str().unwrap().starts_with(&whole)), "{said:#?}");
        workers += said.len();
    }
    let audited = all.iter().filter(|it| it["kind"] == "audit").count();
    assert_eq!(workers + audited, all.len(), "{all:#?}");
    assert!(has(&now(rig, &["worker=coordinator"]), "started", "load begins"));
    let phases = now(rig, &["phase=register", "phase=metadata", "kind=done"]);
    let texts: Vec<&str> = phases.iter().map(|it| it["text"].as_str().unwrap().lines().next().unwrap()).collect();
    assert_eq!(texts, ["register is done", "metadata is done"]);
    assert!(now(rig, &["index=products"]).iter().all(|it| it["index"] == "products"));

    let nothing = rig.does(&["output", "-l", "index=nowhere"]);
    assert!(
        nothing.output.is_empty() && nothing.errors.contains("nothing fits; index is here: books, orders"),
        "{nothing}"
    );
    let later = rig.does(&["output", "--since", "2999-01-01"]);
    assert!(later.output.is_empty(), "{later}");
    for (arguments, said) in [
        (["-l", "indx=books"], "did you mean index?"),
        (["-l", "phase"], "a label is KEY=VALUE"),
        (["--since", "yesterday"], "give how long ago"),
    ] {
        let refused = rig.migctl(&[&["output"][..], &arguments].concat());
        assert!(refused.code == Some(2) && refused.errors.contains(said), "{refused}");
    }
}

fn the_audit_log(rig: &Rig) {
    let audit = now(rig, &["kind=audit"]);
    let texts: Vec<&str> = audit.iter().map(|it| it["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["submit (submission 1)", "approve load"], "{audit:#?}");
    assert!(
        audit[1]["who"].as_str().unwrap().contains('@') && audit[1]["detail"].to_string().contains("note: as agreed")
    );
    let text = rig.does(&["output", "-l", "kind=audit", "-l", "phase=load"]).output;
    assert!(
        text.lines().count() == 1 && text.contains("  audit         ") && text.contains("note: as agreed)"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "colours are for terminals");
    // By time with everything else: the approval stands before what it let begin.
    let all = now(rig, &[]);
    let at = |kind: &str, text: &str| all.iter().position(|it| it["kind"] == kind && it["text"] == text).unwrap();
    assert!(at("audit", "approve load") < at("started", "load begins"));
}

/// Somebody who follows, reads a line, and closes the pipe.
fn closed_after_a_line(rig: &Rig) -> Child {
    let mut command =
        binaries::command("migctl", rig.path(), &["output", "--follow", "--nats", &rig.nats.url]).unwrap();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("audit") && line.contains("submit (submission 1)"), "{line}");
    child
}

/// It ends with the next line that it can't print, and says nothing of it.
fn assert_closed_quietly(child: &mut Child) {
    let code = child.wait().unwrap().code();
    let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert_eq!((code, &*said), (Some(0), ""));
}
