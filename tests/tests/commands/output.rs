//! `migctl output` of a `migctl run`, from another terminal.

use tests::binaries;
use tests::processes::Program;

use crate::desk::{DONE, Desk, ERROR, PATIENT, WAITING, await_end};

#[test]
fn a_run_is_followed_from_another_terminal_until_its_state_goes() {
    let mut desk = Desk::new();
    let held = desk.hold_books();
    desk.configure("told", &format!("gates: {{metadata: auto, cleanup: auto}}\n{PATIENT}"));
    // A run that ends at a gate, and somebody who follows although nobody runs.
    desk.says(&["run", "-c", "told.yaml"], WAITING, &["load waits for approval"]);
    let told = desk.says(&["output", "-m", "told", "-l", "kind=waiting"], DONE, &["load waits for approval"]);
    assert_eq!(told.output.lines().count(), 1, "{told}");
    let mut follow = follower(&desk, &["output", "--follow", "-m", "told", "-l", "phase=load"]);
    desk.eventually("what there is", |_| follow.log().unwrap().contains("load waits for approval").then_some(()));

    // The file is free for whoever wants it, and the next run is followed too.
    desk.says(&["approve", "load", "-m", "told", "--note", "now"], DONE, &["load is approved"]);
    let mut run = desk.types(&["run", "-c", "told.yaml"]);
    desk.eventually("the load is told", |_| follow.log().unwrap().contains("load begins").then_some(()));
    drop(held);
    assert_eq!(await_end(&mut run), Some(DONE), "{}", run.log_tail());
    assert_eq!(await_end(&mut follow), Some(DONE), "{}", follow.log_tail());
    let said = follow.log().unwrap();
    assert_eq!(said.lines().last(), Some("told: its state was removed; there is nothing more to follow"), "{said}");
    let records: Vec<&str> = said.lines().filter(|line| line.starts_with("20")).collect();
    assert!(records.iter().all(|line| line.contains("load")), "{said}");
    let approved = records.iter().filter(|line| line.contains("approve load (") && line.contains("note: now)"));
    assert_eq!(approved.count(), 1, "{said}");
    let gone = ["holds no migration"];
    desk.says(&["output", "-m", "told"], ERROR, &gone);
}

/// A command of a log of its own: both are called `migctl` otherwise.
fn follower(desk: &Desk, arguments: &[&str]) -> Program {
    let command = binaries::command("migctl", desk.place.path(), arguments).unwrap();
    Program::start("follower", command, desk.place.path()).unwrap()
}
