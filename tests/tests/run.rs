//! `migctl run` into a directory: from a real snapshot to files that hold exactly the truth, whatever happens on the way.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tests::fixtures;
use tests::processes::Program;
use tests::workplace::{Config, NO_GATES, Workplace};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
const KILLS: usize = 20;
const SIGKILL: i32 = 9;

/// A slice per chunk, a batch per document, a checkpoint per batch: as many moments to be killed at as there can be.
const SMALL_STEPS: &str = "sizing: {sliceBytes: 1, bulkBytes: 1, bulkDocs: 1, checkpointIntervalMs: 1}\n";

fn quickstart() -> (std::path::PathBuf, std::path::PathBuf) {
    let folder = Path::new(EXAMPLES).join("quickstart").canonicalize().unwrap();
    (folder.join("repository"), folder.join("truth.ndjson"))
}

fn sum(view: &Value, count: &str) -> u64 {
    view["indices"].as_array().unwrap().iter().map(|index| index["counts"][count].as_u64().unwrap()).sum()
}

fn phase<'a>(view: &'a Value, name: &str) -> &'a Value {
    view["phases"].as_array().unwrap().iter().find(|phase| phase["phase"] == name).unwrap()
}

#[test]
fn the_quickstart_does_what_it_says() {
    let workplace = Workplace::new().unwrap();
    std::os::unix::fs::symlink(Path::new(EXAMPLES).canonicalize().unwrap(), workplace.path().join("examples")).unwrap();
    let arguments = ["run", "-c", "examples/quickstart.yaml"];
    let first = workplace.migctl(&arguments).unwrap();
    assert_eq!(first.code, Some(0), "{first}");
    assert!(first.errors.contains("quickstart is complete"), "{first}");
    let total: Vec<&str> = first.output.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(total, ["total", "669", "477", "0", "0", "0", "192", "yes"], "{first}");

    let (_, truth) = quickstart();
    let report = workplace.compare(&truth, |_| true).unwrap();
    assert!(report.is_equal() && report.equal == 477, "{report}");
    assert!(workplace.out(".part").unwrap().is_empty());
    for index in ["books", "orders", "products", "weblogs-2024.05"] {
        let text = fs::read(workplace.path().join("out").join(index).join("index.json")).unwrap();
        let metadata: Value = serde_json::from_slice(&text).unwrap();
        assert!(metadata["mappings"].is_object() && metadata["settings"].is_object(), "{index}: {metadata}");
    }

    // Nothing is left of it but what it wrote; the next one begins anew.
    assert!(!workplace.path().join(".migctl").try_exists().unwrap());
    let again = workplace.migctl(&[&arguments[..], &["--output", "json"]].concat()).unwrap();
    assert_eq!(again.code, Some(0), "{again}");
    assert!(again.errors.contains("quickstart: begins"), "{again}");
    let view = again.json().unwrap();
    assert!(view["phases"].as_array().unwrap().iter().all(|phase| phase["ended_ms"].is_u64()), "{again}");
    for index in view["indices"].as_array().unwrap() {
        let count = |name: &str| index["counts"][name].as_u64().unwrap();
        let accounted = count("written") + count("already_there") + count("rejected") + count("nested");
        assert_eq!(index["live_docs"], accounted, "{index:#}");
        assert_eq!((&index["adds_up"], &index["shards"]), (&Value::Bool(true), &index["shards_done"]), "{index:#}");
    }
    assert_eq!((sum(&view, "written"), sum(&view, "nested"), &view["dead_letters"]), (477, 192, &Value::from(0)));
}

/// When a run is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So long after its start.
    AfterStart(Duration),
    /// So long after it wrote its first document.
    Loading(Duration),
}

#[test]
fn twenty_kills_lose_nothing_and_write_nothing_twice() {
    let seed = rand::random();
    eprintln!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let fixture = fixtures::unpack("opensearch-2.19.4").unwrap();
    // All that the fixture has: the blobs of `big-docs` are not in it.
    let further = format!("{NO_GATES}{SMALL_STEPS}indices: ['regex:[^.b].*', 'regex:\\.ds-.*']\n");
    let repository = fixture.repository("main");
    let workplace = Workplace::with(Config { further: &further, ..Config::new(&repository, "snap-2") }).unwrap();
    let check = || {
        let report = workplace.compare(&fixture.truth("main-snap-2"), |index| index != "big-docs").unwrap();
        assert!(report.is_equal() && report.equal > 1_500, "seed {seed}: {report}");
        assert!(workplace.out(".part").unwrap().is_empty(), "seed {seed}");
    };

    let began = Instant::now();
    let ended = workplace.migctl(&["run", "--output", "json"]).unwrap();
    assert_eq!(ended.code, Some(0), "{ended}");
    let whole = began.elapsed();
    check();
    let view = ended.json().unwrap();
    let load = phase(&view, "load");
    let load = Duration::from_millis(load["ended_ms"].as_u64().unwrap() - load["started_ms"].as_u64().unwrap());
    workplace.wipe().unwrap();

    let quarter = whole / 4;
    let mut moments = vec![Moment::AfterStart(Duration::ZERO), Moment::AfterStart(whole / 50)];
    moments.extend((0..3).map(|_| Moment::AfterStart(rng.random_range(quarter..3 * quarter))));
    // Together about as long as the load takes.
    let mut loading = || Moment::Loading(rng.random_range(Duration::ZERO..load / 12));
    moments.extend((moments.len()..KILLS).map(|_| loading()));
    let (mut killed_loading, mut through_before) = (0, 0);
    moments.shuffle(&mut StdRng::seed_from_u64(seed));
    while let Some(moment) = moments.pop() {
        let mut program = workplace.start(&["run"]).unwrap();
        wait_for(moment, &mut program, &workplace);
        let ended = program.kill9().unwrap();
        if ended.signal() == Some(SIGKILL) {
            killed_loading += usize::from(!workplace.out(".ndjson.part").unwrap().is_empty());
        } else {
            // It was faster: the kills that are left hit another migration.
            assert_eq!(ended.code(), Some(0), "seed {seed}: {}", program.log_tail());
            through_before += 1;
            check();
            workplace.wipe().unwrap();
            moments.push(loading());
        }
    }
    let end = workplace.migctl(&["run"]).unwrap();
    assert_eq!(end.code, Some(0), "seed {seed}: {end}");
    check();

    let said = format!("{}{}", fs::read_to_string(workplace.path().join("migctl.log")).unwrap(), end.errors);
    let restarts_in_load = said.matches("test: continues at load: ").count();
    let slices_continued = said.matches(" continues at document ").count();
    eprintln!(
        "{killed_loading} of {KILLS} kills hit an unfinished slice; {restarts_in_load} restarts continued the load, \
         {slices_continued} slices within; {through_before} runs were faster than their kill; whole {whole:?} load {load:?}"
    );
    assert!(killed_loading >= KILLS / 4, "seed {seed}: the kills prove little");
    assert!(restarts_in_load >= KILLS / 4 && slices_continued > 0, "seed {seed}:\n{said}");
}

/// Returns at the moment, or when the program has ended.
fn wait_for(moment: Moment, program: &mut Program, workplace: &Workplace) {
    let bytes = || -> u64 {
        let files = [".ndjson", ".ndjson.part"].map(|end| workplace.out(end).unwrap());
        // A part may get its final name between the two.
        files.iter().flatten().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
    };
    let delay = match moment {
        Moment::AfterStart(delay) => delay,
        Moment::Loading(delay) => {
            let before = bytes();
            while bytes() == before && program.is_running().unwrap() {
                std::thread::yield_now();
            }
            delay
        }
    };
    // There is no state to wait for: a moment is what is wanted.
    std::thread::sleep(delay);
}

#[test]
fn gates_hold_until_somebody_opens_them() {
    let (repository, truth) = quickstart();
    let config = Config { further: "", ..Config::new(&repository, "snap-1") };
    let workplace = Workplace::with(config).unwrap();
    let run = |arguments: &[&str]| workplace.migctl(&[&["run"], arguments].concat()).unwrap();

    let waits = run(&[]);
    assert_eq!(waits.code, Some(3), "{waits}");
    let advice = "metadata waits for approval and there is no terminal to ask on: run again with --approve-all, or \
                  `migctl approve metadata -c migration.yaml` and run again";
    assert!(waits.errors.contains(advice), "{waits}");
    assert!(workplace.out("").unwrap().is_empty(), "nothing is made before metadata");
    let status = workplace.migctl(&["status"]).unwrap();
    assert_eq!(status.code, Some(3), "{status}");
    assert!(status.output.contains("waits for: migctl approve metadata"), "{status}");

    let approved = workplace.migctl(&["approve", "metadata", "--note", "as agreed"]).unwrap();
    assert_eq!((approved.code, approved.output.as_str()), (Some(0), "test: metadata is approved\n"), "{approved}");
    let waits = run(&[]);
    assert_eq!(waits.code, Some(3), "{waits}");
    assert!(waits.errors.contains("test: continues at metadata") && waits.errors.contains("load waits"), "{waits}");
    assert_eq!(workplace.out("").unwrap(), workplace.out("index.json").unwrap(), "no document before load");

    // What was approved is this configuration and no other.
    assert_eq!(workplace.migctl(&["approve", "load"]).unwrap().code, Some(0));
    workplace.configure(Config { further: "maxRejected: 5\n", ..config }).unwrap();
    let waits = run(&[]);
    assert_eq!(waits.code, Some(3), "{waits}");
    assert!(waits.errors.contains("load waits"), "{waits}");
    assert!(workplace.out(".ndjson").unwrap().is_empty());

    let through = run(&["--approve-all"]);
    assert_eq!(through.code, Some(0), "{through}");
    assert!(workplace.compare(&truth, |_| true).unwrap().is_equal());
}

#[test]
fn a_run_is_seen_and_approved_from_another_process_and_keeps_a_second_run_out() {
    let (repository, truth) = quickstart();
    let further = format!("{NO_GATES}sizing: {{maxAttempts: 1000}}\n");
    let workplace = Workplace::with(Config { further: &further, ..Config::new(&repository, "snap-1") }).unwrap();
    assert_eq!(workplace.migctl(&["run"]).unwrap().code, Some(0));
    let slice = workplace.out(".ndjson").unwrap().remove(0);
    workplace.wipe().unwrap();

    // A slice whose file somebody else writes is tried again: the run lasts as long as this test wants.
    fs::create_dir_all(slice.parent().unwrap()).unwrap();
    let held = File::create(slice.with_extension("ndjson.part")).unwrap();
    held.lock().unwrap();
    let mut run = workplace.start(&["run"]).unwrap();
    let view = loop {
        assert!(run.is_running().unwrap(), "{}", run.log_tail());
        let status = workplace.migctl(&["status", "--output", "json"]).unwrap();
        // Before it has begun there is nothing to see.
        let Ok(view) = status.json() else { continue };
        assert_eq!(status.code, Some(0), "{status}");
        let shards = |what: &str| -> u64 {
            view["indices"].as_array().unwrap().iter().map(|index| index[what].as_u64().unwrap()).sum()
        };
        if phase(&view, "load")["status"] == "running" && shards("shards_done") + 1 == shards("shards") {
            break view;
        }
    };
    // The worker's own key lives in the run's memory: this came through its socket.
    assert_eq!(view["workers"].as_array().unwrap().len(), 1, "{view:#}");
    assert!((1..477).contains(&sum(&view, "written")), "{view:#}");

    let second = workplace.migctl(&["run"]).unwrap();
    assert_eq!(second.code, Some(1), "{second}");
    let who = format!("is in use by another migctl run (process {})", run.pid());
    assert!(second.errors.contains(&who) && second.errors.contains("migctl status"), "{second}");
    let approved = workplace.migctl(&["approve", "cleanup"]).unwrap();
    assert_eq!(approved.code, Some(0), "{approved}");
    assert!(run.is_running().unwrap(), "{}", run.log_tail());

    drop(held);
    let watched = workplace.migctl(&["status", "--watch"]).unwrap();
    assert_eq!(watched.code, Some(0), "{watched}");
    let end = format!("{}{}", watched.output, watched.errors);
    assert!(end.contains("test is complete") || end.contains("complete; its state was removed"), "{watched}");
    while run.is_running().unwrap() {
        std::thread::yield_now();
    }
    assert!(run.kill9().unwrap().success(), "{}", run.log_tail());
    assert!(workplace.compare(&truth, |_| true).unwrap().is_equal());
}
