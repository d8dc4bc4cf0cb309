//! `approve`, `reject`, `evidence`: what a gate shows, and what is decided.

use crate::desk::{DONE, Desk, ERROR, FAILED, USAGE, WAITING};

#[test]
fn a_gate_shows_its_evidence_and_keeps_who_decided_what() {
    let mut desk = Desk::staffed();
    desk.configure("gated", "");
    desk.says(&["submit", "-c", "gated.yaml"], DONE, &[]);
    desk.await_phase("gated", "metadata", "waiting");
    let status = desk.says(&["status", "-m", "gated"], WAITING, &["waits for: migctl approve metadata -m gated"]);
    assert!(status.output.contains("books"), "the gate's evidence is shown: {status}");

    let shown = desk.says(&["evidence", "-m", "gated", "--output", "json"], DONE, &[]).json().unwrap();
    assert_eq!((&shown["phase"], &shown["status"]), (&"metadata".into(), &"waiting".into()), "{shown:#}");
    let digest = shown["digest"].as_str().unwrap().to_owned();
    assert!(!shown["evidence"]["sections"].as_array().unwrap().is_empty() && shown["decision"].is_null(), "{shown:#}");
    desk.says(&["evidence", "-m", "gated"], DONE, &["books", &format!("this evidence is {digest}")]);
    desk.says(&["evidence", "verify", "-m", "gated"], ERROR, &["verify has gathered no evidence"]);

    // A no holds until somebody says yes.
    let words = ["books", "gated: metadata is rejected", "migctl approve metadata -m gated"];
    desk.says(&["reject", "metadata", "-m", "gated", "--note", "too many"], DONE, &words);
    desk.await_phase("gated", "metadata", "rejected");
    desk.says(&["status", "-m", "gated"], FAILED, &["metadata was rejected by", ": too many"]);
    desk.says(&["approve", "metadata", "-m", "gated", "--note", "as agreed"], DONE, &["books"]);
    desk.await_phase("gated", "load", "waiting");

    // What was decided about a phase that is through, and about one whose turn hasn't come.
    desk.says(&["approve", "metadata", "-m", "gated"], DONE, &["metadata is through already"]);
    desk.says(&["reject", "metadata", "-m", "gated"], ERROR, &["metadata is through already"]);
    desk.says(&["reject", "verify", "-m", "gated"], ERROR, &["verify begins by itself"]);
    let early = ["cleanup is not waiting yet: whatever it finds is approved"];
    desk.says(&["approve", "cleanup", "-m", "gated", "--note", "early"], DONE, &early);
    desk.says(&["approve", "lod", "-m", "gated"], USAGE, &["the phases are snapshot, register, metadata, load"]);

    let audit = desk.says(&["audit", "-m", "gated", "--output", "json"], DONE, &[]).json().unwrap();
    let entries = audit.as_array().unwrap();
    let what: Vec<&str> = entries.iter().map(|entry| entry["what"].as_str().unwrap()).collect();
    let expected =
        ["submit (submission 1)", "reject metadata", "approve metadata", "approve metadata", "approve cleanup"];
    assert_eq!(what, expected, "{audit:#}");
    assert!(entries.iter().all(|entry| entry["who"].as_str().unwrap().contains('@')), "{audit:#}");
    let detail = |at: usize| entries[at]["detail"].to_string();
    assert!(detail(1).contains(&format!("evidence {digest}")) && detail(1).contains("note: too many"), "{audit:#}");
    assert!(detail(2).contains(&digest) && detail(2).contains("note: as agreed"), "{audit:#}");
    assert!(detail(4).contains("before there was evidence"), "{audit:#}");

    desk.says(&["approve", "load", "-m", "gated"], DONE, &[]);
    desk.await_removal("gated");
    desk.assert_arrived(|_| true);
}

#[test]
fn a_changed_configuration_voids_an_approval() {
    let mut desk = Desk::staffed();
    desk.configure("void", "");
    desk.says(&["submit", "-c", "void.yaml"], DONE, &[]);
    desk.await_phase("void", "metadata", "waiting");
    desk.says(&["approve", "load", "-m", "void"], DONE, &["load is not waiting yet"]);
    desk.configure("void", "maxRejected: 5\n");
    desk.says(&["submit", "-c", "void.yaml"], DONE, &["maxRejected: applies at once"]);
    desk.await_phase("void", "metadata", "waiting");
    desk.says(&["approve", "metadata", "-m", "void"], DONE, &[]);
    let view = desk.await_phase("void", "load", "waiting");
    assert!(desk.place.out(".ndjson").unwrap().is_empty(), "{view:#}");
    let notes = desk.says(&["status", "-m", "void"], WAITING, &["is void"]);
    assert!(notes.output.contains("waits for: migctl approve load -m void"), "{notes}");
}
