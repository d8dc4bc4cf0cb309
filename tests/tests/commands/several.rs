//! `list`, `forget`, `-m`: several migrations side by side.

use crate::desk::{ALL_AUTO, DONE, Desk, ERROR, FAILED, USAGE};

#[test]
fn two_migrations_run_side_by_side_and_are_told_apart_by_name() {
    let mut desk = Desk::staffed();
    desk.says(&["list"], DONE, &["no migration is here"]);
    desk.configure("shop", "indices: [books]\n");
    desk.configure("logs", "indices: [weblogs-2024.05]\n");
    desk.says(&["submit", "-c", "shop.yaml"], DONE, &[]);
    desk.says(&["submit", "-c", "logs.yaml"], DONE, &[]);
    desk.await_phase("shop", "metadata", "waiting");
    desk.await_phase("logs", "metadata", "waiting");
    desk.says(&["approve", "metadata", "-m", "logs"], DONE, &[]);
    desk.await_phase("logs", "load", "waiting");
    let rows = desk.says(&["list", "--output", "json"], DONE, &[]).json().unwrap();
    let rows: Vec<[&str; 3]> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| ["name", "phase", "status"].map(|of| row[of].as_str().unwrap()))
        .collect();
    assert_eq!(rows, [["logs", "load", "waiting"], ["shop", "metadata", "waiting"]]);
    desk.says(&["list"], DONE, &["logs", "0 of 199", "shop", "0 of 327"]);

    desk.says(&["status", "-m", "shpo"], ERROR, &["there is no migration shpo", "did you mean shop?", "migctl list"]);
    desk.says(&["forget", "-m", "lgos", "--yes"], ERROR, &["did you mean logs?"]);
    desk.says(&["forget", "-m", "shop", "--yes"], ERROR, &["has not ended: metadata is waiting"]);
    desk.says(&["stop", "-m", "shop"], DONE, &["shop: stopped"]);
    desk.says(&["status", "-m", "shop"], FAILED, &["stopped by"]);
    desk.says(&["forget", "-m", "shop"], USAGE, &["no terminal to ask on", "--yes"]);
    desk.says(&["forget", "-m", "shop", "--yes"], DONE, &["shop: its state is removed"]);
    desk.says(&["status", "-m", "shop"], ERROR, &["there is no migration shop"]);
    desk.says(&["audit", "-m", "shop"], ERROR, &["there is no migration shop"]);
    let rows = desk.says(&["list", "--output", "json"], DONE, &[]).json().unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows:#}");

    // What was forgotten begins anew.
    desk.says(&["submit", "-c", "shop.yaml"], DONE, &["shop: submitted\n"]);
    for name in ["shop", "logs"] {
        for phase in ["metadata", "load", "cleanup"] {
            desk.says(&["approve", phase, "-m", name], DONE, &[]);
        }
        desk.await_removal(name);
    }
    desk.assert_arrived(|index| ["books", "weblogs-2024.05"].contains(&index));
}

#[test]
fn programs_that_start_before_nats_wait_for_it() {
    let mut desk = Desk::with_nats();
    desk.nats().kill9();
    desk.start_coordinator();
    desk.start_worker();
    desk.eventually("both wait", |desk| desk.logs().iter().all(|log| log.contains("waits for NATS")).then_some(()));
    desk.nats().restart().unwrap();
    desk.configure("early", ALL_AUTO);
    desk.says(&["submit", "-c", "early.yaml"], DONE, &[]);
    desk.await_removal("early");
    desk.assert_arrived(|_| true);
}
