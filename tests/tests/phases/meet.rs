//! Two documents of the source meet under one id: the first stays, the other one is a dead letter that says where.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::time::{Duration, Instant};

use protocol::checkpoint::Counts;
use protocol::destination::Destination;
use protocol::phase::Phase;
use protocol::state::DeadLetter;
use serde_json::{Value, json};
use tests::document::Document;
use tests::fixtures::{self, Fixture};
use tests::http::Http;
use tests::servers::{self, Product, Server};
use tests::truth;

use crate::place::{self, Name, arrived, by_name, type_of};
use crate::rig::{Rig, spec};

const DEADLINE: Duration = Duration::from_secs(120);

fn target() -> (&'static Server, Http) {
    let server = servers::shared(Product::OpenSearch2).unwrap();
    (server, server.http().unwrap())
}

/// A migration that waits before metadata and before verify, and sends a document at a time.
fn rig(fixture: &Fixture, snapshot: &str, index: &str, endpoint: &str, on_conflict: &str) -> Rig {
    let further = json!({
        "indices": [index],
        "onConflict": on_conflict,
        "gates": {"metadata": "manual", "load": "auto", "verify": "manual", "cleanup": "auto"},
        "sizing": {"bulkDocs": 1, "connections": 1},
    });
    Rig::running(spec(fixture.repository("main"), snapshot, endpoint, further))
}

fn told(counts: &Counts) -> (u64, u64, u64) {
    (counts.written, counts.already_there, counts.rejected)
}

/// Dead letters by the place of their document.
fn letters(rig: &Rig) -> BTreeMap<(u32, String, u32), DeadLetter> {
    let letters = rig.dead_letters().into_iter();
    letters.map(|letter| ((letter.shard, letter.segment.clone(), letter.doc), letter)).collect()
}

/// Every document of `truth` is on the target, or a dead letter whose id is on the target with another document.
fn nothing_is_lost(truth: &[Document], found: &BTreeMap<Name, Value>, letters: &[DeadLetter]) {
    let mut missing: Vec<Name> = Vec::new();
    for document in truth {
        let name = (document.id.clone(), document.routing.clone());
        let source: Value = serde_json::from_str(document.source.as_ref().unwrap().get()).unwrap();
        if found.get(&name) != Some(&source) {
            missing.push(name);
        }
    }
    let ids: BTreeSet<&String> = found.keys().map(|(id, _)| id).collect();
    let mut rejected: Vec<Name> = letters.iter().map(|letter| (letter.id.clone(), letter.routing.clone())).collect();
    missing.sort();
    rejected.sort();
    assert_eq!(missing, rejected);
    assert!(rejected.iter().all(|(id, _)| ids.contains(id)), "{rejected:?}");
}

#[test]
fn two_types_in_one_index_killed_and_done_again() {
    let fixture = fixtures::unpack("elasticsearch-2.4.6").unwrap();
    let (server, http) = target();
    let mut rig = rig(&fixture, "second", "products", &server.url(), "overwrite");
    rig.decide(|_| {
        let to = place::index(&http, "union", 1, &[], &json!({"dynamic": false}));
        vec![Destination { ids_may_meet: true, ..to }]
    });
    // Killed somewhere between the first document and the last; what no checkpoint covers is sent again.
    let begun = Instant::now();
    while http.get("/union/_stats/indexing").unwrap()["_all"]["primaries"]["indexing"]["index_total"] == 0 {
        assert!(begun.elapsed() < DEADLINE, "nothing arrives");
    }
    rig.halt();
    rig.resume();
    rig.waits(Phase::Verify);

    let truth = place::truth(&fixture, "products");
    assert_eq!(truth.len(), 347);
    let found = arrived(&http, "union");
    // Of `0` two and of `1` three, in two types; of `twin` two, by two routings.
    assert_eq!(found.len(), 343);
    let first = letters(&rig);
    assert_eq!(first.len(), 4);
    nothing_is_lost(&truth, &found, &first.values().cloned().collect::<Vec<_>>());
    for letter in first.values() {
        assert_eq!((letter.status, letter.kind.as_str()), (409, "id_collision"));
        let reason = &letter.reason;
        assert!(
            reason.starts_with("id collision: union of the target has another document under this id ("),
            "{reason}"
        );
        assert!(["of type product, ", "of type review_log, "].iter().any(|of| reason.contains(of)), "{reason}");
        assert!(letter.id != "twin" || reason.contains("routing f") && reason.contains("routing zz"), "{reason}");
    }
    let counts = rig.counts("products");
    assert_eq!((counts.written + counts.already_there, counts.rejected), (343, 4));

    rig.load_again();
    rig.waits(Phase::Verify);
    assert_eq!(told(&rig.counts("products")), (0, 343, 4));
    assert_eq!(arrived(&http, "union"), found, "nothing doubles, nothing changes");
    assert_eq!(letters(&rig), first);

    rig.approve(Phase::Verify);
    let notes = rig.done(Phase::Verify).join("\n");
    assert!(notes.contains("4 documents rejected"), "{notes}");
    rig.done(Phase::Cleanup);
    http.delete("/union").unwrap();
}

#[test]
fn types_before_ids_keep_two_types_apart() {
    let fixture = fixtures::unpack("elasticsearch-5.6.16").unwrap();
    let (server, http) = target();
    let mut rig = rig(&fixture, "second", "products", &server.url(), "overwrite");
    rig.decide(|_| {
        let to = place::index(&http, "prefixed", 1, &[], &json!({"dynamic": false}));
        vec![Destination { type_in_id: true, ..to }]
    });
    rig.waits(Phase::Verify);
    let mut expected = place::truth(&fixture, "products");
    for document in &mut expected {
        document.id = format!("{}#{}", type_of(document), document.id);
    }
    let found = arrived(&http, "prefixed");
    // One type has `twin`, the other `1`, under two routings each.
    let letters: Vec<DeadLetter> = letters(&rig).into_values().collect();
    let ids: BTreeSet<&str> = letters.iter().map(|letter| letter.id.as_str()).collect();
    assert_eq!((letters.len(), ids), (2, BTreeSet::from(["1", "twin"])), "as the source calls them");
    assert_eq!(found.len(), 345);
    let expected = by_name(expected);
    assert!(found.iter().all(|(name, source)| expected.get(name) == Some(source)));
    rig.approve(Phase::Verify);
    rig.done(Phase::Verify);
    http.delete("/prefixed").unwrap();
}

#[test]
fn one_id_under_several_routings_meets_where_there_are_fewer_shards() {
    let fixture = fixtures::unpack("elasticsearch-7.10.2").unwrap();
    let (server, http) = target();
    let file = BufReader::new(File::open(fixture.truth("main-snap-2")).unwrap());
    let all: Vec<Document> = truth::read(file, "truth").collect::<Result<_, _>>().unwrap();
    let truth: Vec<Document> = all.into_iter().filter(|document| document.index == "dup-routing").collect();
    assert_eq!(truth.iter().filter(|document| document.id == "same").count(), 3);
    for on_conflict in ["overwrite", "newer", "keep"] {
        let mut rig = rig(&fixture, "snap-2", "dup-routing", &server.url(), on_conflict);
        rig.decide(|_| {
            let to = place::index(&http, "shrunk", 1, &[], &json!({}));
            vec![Destination { ids_may_meet: true, ..to }]
        });
        rig.waits(Phase::Verify);
        let found = arrived(&http, "shrunk");
        assert_eq!(found.len(), truth.len() - 2, "{on_conflict}");
        let letters: Vec<DeadLetter> = letters(&rig).into_values().collect();
        nothing_is_lost(&truth, &found, &letters);
        assert!(
            letters.iter().all(|letter| letter.id == "same" && letter.reason.contains("which stays")),
            "{letters:?}"
        );
        rig.approve(Phase::Verify);
        rig.done(Phase::Verify);
        http.delete("/shrunk").unwrap();
    }
}
