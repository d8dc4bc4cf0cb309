//! The embedded bus among processes: crashes, a full disk, and other terminals.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use protocol::bus::embedded::{EmbeddedBus, RemoteBus, attach};
use protocol::bus::{Bus, BusError, Change, Watch};
use protocol::event::Event;
use protocol::ids::{IndexNo, MigrationName, ShardId};
use protocol::names::Bucket;
use protocol::phase::Phase;
use protocol::state::DeadLetter;
use protocol::task::{self, Task, TaskClass, TaskMessage};
use tokio::task::JoinSet;

/// For what must come: long, because it ends as soon as it comes.
const LONG: Duration = Duration::from_secs(60);

/// Names the folder to a test that is run again, as the process that is to crash.
const CHILD: &str = "MIGCTL_TEST_CHILD";

fn migration() -> MigrationName {
    "m".parse().unwrap()
}

fn shard() -> ShardId {
    ShardId { index: IndexNo(1), shard: 2 }
}

fn event(n: u64) -> Event {
    Event::new(n, Phase::Load, "shard-done", format!("shard {n}"))
}

fn letter(doc: u32) -> DeadLetter {
    DeadLetter {
        index: "i".to_owned(),
        id: doc.to_string(),
        routing: None,
        status: 400,
        kind: "mapper_parsing_exception".to_owned(),
        reason: "no".to_owned(),
        shard: 2,
        segment: "_0".to_owned(),
        doc,
        source: Some(vec![1; 60 << 10]),
    }
}

async fn next(watch: &mut Watch) -> Option<Change> {
    tokio::time::timeout(LONG, watch.recv()).await.expect("a change in time")
}

/// This test binary, to run the test `name` alone in a process that may be killed.
fn again(name: &str) -> Vec<String> {
    let this = std::env::current_exe().unwrap();
    [this.to_str().unwrap(), name, "--exact", "--nocapture"].map(ToOwned::to_owned).to_vec()
}

/// As this, where it is that process.
fn child() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// The number after `word` in a line of the child's.
fn number_after(line: &str, word: &str) -> Option<u32> {
    line.split_once(word)?.1.trim().parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_killed_in_the_middle_of_writes_keeps_what_it_acknowledged() {
    if let Some(dir) = child() {
        return write_until_killed(&dir).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let again = again("a_run_killed_in_the_middle_of_writes_keeps_what_it_acknowledged");
    let mut run = Command::new(&again[0]);
    let mut run = run.args(&again[1..]).env(CHILD, dir.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut acknowledged: Vec<u32> = Vec::new();
    while acknowledged.len() < 300 {
        let line = lines.next().expect("it writes until it is killed");
        acknowledged.extend(number_after(&line, "acknowledged "));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    // What it had said before it died, and nobody had read yet.
    acknowledged.extend(lines.filter_map(|line| number_after(&line, "acknowledged ")));

    // Its socket and process id are still lying there.
    assert!(dir.path().join("bus.sock").try_exists().unwrap());
    let bus = EmbeddedBus::open(dir.path()).await.expect("a killed run's folder opens");
    for n in acknowledged {
        let entry = bus.get(Bucket::Checkpoints, &format!("m.{n}.0")).await.unwrap();
        assert_eq!(entry.unwrap_or_else(|| panic!("{n} is lost")).value, n.to_be_bytes());
    }
    RemoteBus::connect(dir.path()).await.expect("the socket is this run's now");
}

async fn write_until_killed(dir: &Path) {
    let bus = EmbeddedBus::open(dir).await.unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..8_u32 {
        let bus = Arc::clone(&bus);
        writers.spawn(async move {
            for n in (writer..).step_by(8) {
                bus.create(Bucket::Checkpoints, &format!("m.{n}.0"), n.to_be_bytes().to_vec()).await.unwrap();
                println!("\nacknowledged {n}");
            }
        });
    }
    writers.join_all().await;
}

/// A limit on the length of files stands in for a full disk: the same error reaches the same place.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_the_run_by_name_and_loses_nothing() {
    if let Some(dir) = child() {
        return write_until_full(&dir).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let run = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -f 8192; exec "$@""#, "sh"])
        .args(again("a_full_disk_stops_the_run_by_name_and_loses_nothing"))
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    let refusal = said.lines().find_map(|line| line.split_once("refused ")).expect("it stops").1;
    assert!(refusal.contains("no room on the disk for") && refusal.contains("state.redb"), "{refusal}");

    // Room is made: it goes on where it was.
    let bus = EmbeddedBus::open(dir.path()).await.expect("opens again");
    let acknowledged: Vec<u32> = said.lines().filter_map(|line| number_after(line, "acknowledged ")).collect();
    assert!(!acknowledged.is_empty());
    for n in acknowledged {
        let entry = bus.get(Bucket::Migrations, &format!("m.{n}")).await.unwrap();
        assert_eq!(entry.unwrap_or_else(|| panic!("{n} is lost")).value, vec![n as u8; 100_000]);
    }
    bus.put(Bucket::Migrations, "m.more", vec![0; 1 << 20]).await.unwrap();
}

async fn write_until_full(dir: &Path) {
    let bus = EmbeddedBus::open(dir).await.unwrap();
    for n in 0..1_000_u32 {
        match bus.create(Bucket::Migrations, &format!("m.{n}"), vec![n as u8; 100_000]).await {
            Ok(_) => println!("\nacknowledged {n}"),
            Err(error) => {
                assert!(matches!(error, BusError::Unusable { .. }), "{error:?}");
                println!("\nrefused {error}");
                // And stays refused, with words of its own.
                let after = bus.create(Bucket::Migrations, "m.after", vec![1]).await.unwrap_err();
                assert!(matches!(after, BusError::Unusable { .. }), "{after:?}");
                return;
            }
        }
    }
    panic!("the disk never filled");
}

#[tokio::test]
async fn a_second_run_is_refused_and_told_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let first = EmbeddedBus::open(dir.path()).await.unwrap();
    let second = EmbeddedBus::open(dir.path()).await.err().expect("it is in use");
    let expected = format!(
        "{} is in use by another migctl run (process {}); see it with: migctl status -c <its configuration>",
        dir.path().display(),
        std::process::id()
    );
    assert_eq!(second.to_string(), expected);
    assert!(!second.is_transient());
    first.put(Bucket::Control, "m.control", b"fine".to_vec()).await.unwrap();
    first.close().await;
    drop(first);
    EmbeddedBus::open(dir.path()).await.expect("it is free");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_terminal_sees_everything_and_its_approval_wakes_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let run = EmbeddedBus::open(dir.path()).await.unwrap();
    let spec = run.create(Bucket::Migrations, "m.spec", vec![7; 1 << 20]).await.unwrap();
    run.put(Bucket::Workers, "w-1", b"alive".to_vec()).await.unwrap();
    for n in 0..30 {
        run.emit(&migration(), &event(n.into())).await.unwrap();
        run.store_dead_letter(&migration(), shard(), &letter(n)).await.unwrap();
    }

    let remote = attach(dir.path()).await.unwrap();
    let entry = remote.get(Bucket::Migrations, "m.spec").await.unwrap().expect("written");
    assert_eq!((entry.revision, entry.value.len()), (spec, 1 << 20));
    assert_eq!(remote.get(Bucket::Migrations, "m.none").await.unwrap(), None);
    assert_eq!(remote.get(Bucket::Workers, "w-1").await.unwrap().expect("alive").value, b"alive");
    assert_eq!(remote.keys(Bucket::Migrations, "m.").await.unwrap(), ["m.spec"]);
    assert_eq!(remote.events(&migration(), 2).await.unwrap(), [event(28), event(29)]);
    let page = remote.dead_letters(&migration(), 0, 20).await.unwrap();
    assert_eq!((page.count, page.letters.len(), page.letters[0].clone()), (30, 20, letter(0)));

    // An approval wakes the run; what the run does then wakes the terminal.
    let mut gates = run.watch(Bucket::Gates, "m.").await.unwrap();
    assert_eq!(next(&mut gates).await, Some(Change::Ready));
    let mut seen = remote.watch(Bucket::Control, "m.").await.unwrap();
    assert_eq!(next(&mut seen).await, Some(Change::Ready));
    let approved = remote.create(Bucket::Gates, "m.load", b"yes".to_vec()).await.unwrap();
    let Some(Change::Put(key, entry)) = next(&mut gates).await else { panic!("another change") };
    assert_eq!((key.as_str(), entry.revision, entry.value.as_slice()), ("m.load", approved, &b"yes"[..]));
    run.put(Bucket::Control, "m.control", b"go".to_vec()).await.unwrap();
    assert!(matches!(next(&mut seen).await, Some(Change::Put(key, _)) if key == "m.control"));
    run.delete(Bucket::Control, "m.control").await.unwrap();
    assert_eq!(next(&mut seen).await, Some(Change::Deleted("m.control".to_owned())));

    // The same refusals as in the run itself.
    let exists = remote.create(Bucket::Gates, "m.load", b"again".to_vec()).await.unwrap_err();
    assert!(matches!(&exists, BusError::Exists { key } if key == "m.load"), "{exists}");
    let conflict = remote.update(Bucket::Gates, "m.load", b"late".to_vec(), approved - 1).await.unwrap_err();
    assert!(matches!(&conflict, BusError::Conflict { key } if key == "m.load"), "{conflict}");
    remote.update(Bucket::Gates, "m.load", b"later".to_vec(), approved).await.unwrap();
    remote.delete(Bucket::Gates, "m.load").await.unwrap();
    remote.emit(&migration(), &event(99)).await.unwrap();
    assert_eq!(run.events(&migration(), 1).await.unwrap(), [event(99)]);
    let too_large = remote.put(Bucket::Gates, "m.load", vec![0; (1 << 20) + 1]).await.unwrap_err();
    assert!(matches!(too_large, BusError::TooLarge { max, .. } if max == 1 << 20), "{too_large}");

    // Tasks are the run's own business.
    let task = TaskMessage { migration: migration(), attempt: 1, task: Task::Command(task::Command::Verify) };
    assert!(matches!(remote.publish(&task).await, Err(BusError::Unusable { .. })));
    assert!(remote.pull(&migration(), TaskClass::Phase, Duration::ZERO).await.is_err_and(|e| !e.is_transient()));

    // The run ends.
    run.close().await;
    drop((run, gates));
    assert_eq!(next(&mut seen).await, None);
    assert!(remote.get(Bucket::Gates, "m.load").await.unwrap_err().is_transient());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_has_ended_is_read_from_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let nothing = attach(dir.path()).await.err().expect("nothing is there");
    assert!(nothing.to_string().contains("holds no migration"), "{nothing}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "looking makes nothing");

    let run = EmbeddedBus::open(dir.path()).await.unwrap();
    run.put(Bucket::Migrations, "m.state", b"waiting".to_vec()).await.unwrap();
    run.put(Bucket::Workers, "w-1", b"alive".to_vec()).await.unwrap();
    run.close().await;
    drop(run);

    let ended = attach(dir.path()).await.unwrap();
    assert_eq!(ended.get(Bucket::Migrations, "m.state").await.unwrap().expect("written").value, b"waiting");
    assert_eq!(ended.get(Bucket::Workers, "w-1").await.unwrap(), None, "nobody is alive");
    ended.create(Bucket::Gates, "m.load", b"yes".to_vec()).await.unwrap();
    let task = TaskMessage { migration: migration(), attempt: 1, task: Task::Command(task::Command::Verify) };
    let refused = ended.publish(&task).await.unwrap_err();
    assert!(refused.to_string().contains("migctl run"), "{refused}");

    // A run that begins meanwhile waits for who only looks, for a while.
    let path = dir.path().to_owned();
    let mut begins = JoinSet::new();
    begins.spawn(async move { EmbeddedBus::open(&path).await });
    drop(ended);
    let run = begins.join_next().await.unwrap().unwrap().expect("the file is free");
    assert_eq!(run.get(Bucket::Gates, "m.load").await.unwrap().expect("approved meanwhile").value, b"yes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_the_socket_ends_only_its_own_connection() {
    let dir = tempfile::tempdir().unwrap();
    let run = EmbeddedBus::open(dir.path()).await.unwrap();
    let socket = dir.path().join("bus.sock");
    let frame = |body: &[u8]| [&(body.len() as u32).to_be_bytes()[..], body].concat();
    let mut garbage: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0],
        vec![0xff; 64],
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        // Claims more than it brings; is longer than allowed; is empty; is of a newer build; is no request.
        [&1_000_000_u32.to_be_bytes()[..], b"short"].concat(),
        frame(&vec![1; 3 << 20]),
        frame(&[]),
        frame(&[0xfe, 0x80]),
        frame(&[1, 0xc1]),
        // MessagePack that claims four billion elements.
        frame(&[1, 0xdd, 0xff, 0xff, 0xff, 0xff]),
        frame(&[1, 0xdf, 0xff, 0xff, 0xff, 0xff]),
    ];
    garbage.extend((0..=255_u8).map(|seed| frame(&[1, seed, seed.wrapping_mul(31), seed ^ 0x5a, 0x81, 0xa3])));
    let mut silent = Vec::new();
    for bytes in garbage {
        let mut stream = UnixStream::connect(&socket).unwrap();
        // The other side may hang up before it has read all.
        let _ = stream.write_all(&bytes);
        if silent.len() < 8 {
            // Some just stay connected and say nothing more.
            silent.push(stream);
        }
    }
    let remote = RemoteBus::connect(dir.path()).await.expect("others are served");
    run.put(Bucket::Control, "m.control", b"fine".to_vec()).await.unwrap();
    assert_eq!(remote.get(Bucket::Control, "m.control").await.unwrap().expect("written").value, b"fine");
}
