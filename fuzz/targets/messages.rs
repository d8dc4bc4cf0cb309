//! Messages and values of the bus: what is read can be written, and is the same when it is read again.
#![no_main]

use std::fmt::Debug;

use protocol::checkpoint::{Counts, Failure, RangeProgress, SegmentAccount, ShardRecord, SliceCheckpoint, Verdict};
use protocol::destination::{Destination, Join, Relation, TargetIndex, TargetPage};
use protocol::event::Event;
use protocol::gate::{AuditEntry, Decision, Evidence, Wish};
use protocol::ids::{IndexNo, ShardId, SliceId, WorkerId};
use protocol::plan::{CataloguePage, InventoryPage, ShardPlan};
use protocol::spec::Submission;
use protocol::state::{
    CommandResult, Control, CurlAnswer, CurlRequest, DeadLetter, LoadProgress, MigrationState, Progress,
    SnapshotRecord, WorkerStatus,
};
use protocol::task::{Command, Task, TaskMessage};
use protocol::wire;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a message as one of these types; the first byte of an input says which.
const READERS: &[(&str, fn(&[u8]))] = &[
    ("Submission", check::<Submission>),
    ("TaskMessage", check::<TaskMessage>),
    ("CataloguePage", check::<CataloguePage>),
    ("InventoryPage", check::<InventoryPage>),
    ("ShardPlan", check::<ShardPlan>),
    ("SliceCheckpoint", check::<SliceCheckpoint>),
    ("ShardRecord", check::<ShardRecord>),
    ("MigrationState", check::<MigrationState>),
    ("CommandResult", check::<CommandResult>),
    ("Progress", check::<Progress>),
    ("LoadProgress", check::<LoadProgress>),
    ("SnapshotRecord", check::<SnapshotRecord>),
    ("TargetPage", check::<TargetPage>),
    ("WorkerStatus", check::<WorkerStatus>),
    ("Control", check::<Control>),
    ("Decision", check::<Decision>),
    ("Evidence", check::<Evidence>),
    ("Wish", check::<Wish>),
    ("AuditEntry", check::<AuditEntry>),
    ("Event", check::<Event>),
    ("DeadLetter", check::<DeadLetter>),
    ("CurlRequest", check::<CurlRequest>),
    ("CurlAnswer", check::<CurlAnswer>),
];

libfuzzer_sys::fuzz_target!(init: fuzz::seed(seeds), |input: &[u8]| {
    if let Some((number, message)) = input.split_first() {
        let (_, read) = READERS[usize::from(*number) % READERS.len()];
        read(message);
    }
});

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(message: &[u8]) {
    if let Ok(value) = wire::decode::<T>(message) {
        let written = wire::encode(&value).expect("what was read can be written");
        assert_eq!(wire::decode::<T>(&written).expect("what was written can be read"), value);
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let seed = |of: &str, message: Result<Vec<u8>, wire::WireError>| {
        let number = READERS.iter().position(|(name, _)| *name == of).expect("a type that is read");
        [vec![number as u8], message.expect("a message")].concat()
    };
    let counts = Counts { written: 7, ..Counts::default() };
    let range = RangeProgress { next_doc: 9, counts: counts.clone(), ..RangeProgress::default() };
    let failure = Failure::after(None, 1, Verdict::FailShard, "_0.fdt is corrupt".into());
    let (shard, slice) = (ShardId { index: IndexNo(3), shard: 1 }, SliceId::new("_0", 0, 9));
    let task = |task| TaskMessage { migration: "a-migration".parse().expect("a name"), attempt: 2, task };
    let record = ShardRecord {
        done: true,
        segments: vec![SegmentAccount { name: "_0".into(), live_docs: 7, counts }],
        read_bytes: 900,
        failure: Some(failure.clone()),
    };
    let checkpoint = SliceCheckpoint {
        owner: Some(WorkerId::new("w-1")),
        ranges: vec![range],
        failure: Some(failure),
        ..SliceCheckpoint::default()
    };
    let child = Relation { name: "answer".into(), parent: Some("question".into()) };
    let join = Join { field: "relation".into(), types: [("answer".into(), child)].into() };
    let (name, types, join) = ("logs".into(), vec!["answer".into()], Some(join));
    let index = TargetIndex::one(Destination { name, uuid: "u".into(), types, join, ..Destination::default() });
    let mut seeds = vec![
        seed("TaskMessage", wire::encode(&task(Task::Command(Command::Register)))),
        seed("TaskMessage", wire::encode(&task(Task::Plan(shard)))),
        seed("TaskMessage", wire::encode(&task(Task::Load(shard, slice)))),
        seed("SliceCheckpoint", wire::encode(&checkpoint)),
        seed("ShardRecord", wire::encode(&record)),
        seed("MigrationState", wire::encode(&MigrationState::default())),
        seed("TargetPage", wire::encode(&TargetPage { indices: [(IndexNo(3), index)].into() })),
        seed("Control", wire::encode(&Control { stopped: Some("why".into()) })),
    ];
    // Types of which a value is long are spelt as JSON; the field names are those of MessagePack.
    for (of, json) in JSON {
        let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
        let message = wire::encode(&value);
        seeds.push(seed(of, message));
    }
    seeds
}

const JSON: &[(&str, &str)] = &[
    (
        "Submission",
        r#"{"number":1,"spec":{"name":"m","snapshot":{"repository":{"path":"/r"},"externallyManagedSnapshot":"s"},
        "target":{"endpoint":"http://t","auth":{"basic":{"username":"u","password":{"env":"P"}}}},
        "indices":["a","regex:b.*"],"gates":{"load":"manual"},"sizing":{},"maxRejected":10}}"#,
    ),
    (
        "InventoryPage",
        r#"{"indices":[{"no":0,"name":"a","repository_id":"x","shards":[{"d":3,"s":1,"b":100,"r":50,
        "refused":"why"}],"lucene_versions":["9.12.0"],"version_created":"7.10.2","closed":false,"warnings":["w"]}],
        "pages":1}"#,
    ),
    (
        "ShardPlan",
        r#"{"segments":[{"name":"_0","max_doc":9,"del_count":1,"soft_del_count":1,"fdt_len":900,"fdt_crc":77}],
        "slices":[{"id":"_0-0-9","ranges":[{"segment":0,"from_doc":0,"to_doc":9,"from_byte":0,"to_byte":892}]}]}"#,
    ),
    ("CommandResult", r#"{"submission":1,"outcome":{"Ok":["a note"]},"worker":"w-1"}"#),
    (
        "WorkerStatus",
        r#"{"id":"w-1","version":"0.1.0","slots":2,"memory_bytes":9,
        "doing":[{"migration":"m","task":{"command":"verify"},"since_ms":1}]}"#,
    ),
    ("AuditEntry", r#"{"at_ms":1,"who":"me","what":"approve load","detail":["note: n"]}"#),
    ("Event", r#"{"at_ms":1,"phase":"load","kind":"done","text":"t"}"#),
    (
        "DeadLetter",
        r#"{"index":"a","id":"1","routing":"r","status":400,"kind":"mapper_parsing_exception","reason":"r","shard":0,
        "segment":"_0","doc":4,"source":[123,125]}"#,
    ),
    ("CurlRequest", r#"{"side":"target","method":"GET","path":"/","body":null}"#),
];
