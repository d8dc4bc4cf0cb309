//! `pause`, `resume`, `stop`, in the middle of a load.

use crate::desk::{ALL_AUTO, DONE, Desk, ERROR, FAILED, PATIENT, await_end};

#[test]
fn a_load_is_paused_resumed_stopped_and_taken_up_again() {
    let mut desk = Desk::staffed();
    let held = desk.hold_books();
    desk.configure("held", &format!("{ALL_AUTO}{PATIENT}"));
    desk.says(&["submit", "-c", "held.yaml"], DONE, &[]);
    desk.await_phase("held", "load", "running");
    desk.says(&["resume", "-m", "held"], ERROR, &["held is neither paused nor stopped: load is running"]);
    desk.says(&["forget", "-m", "held", "--yes"], ERROR, &["has not ended: load is running", "migctl stop -m held"]);

    desk.says(&["pause", "-m", "held", "--note", "backup runs"], DONE, &["held: paused; `migctl resume -m held`"]);
    let status = desk.says(&["status", "-m", "held"], DONE, &["held is paused by", ": backup runs"]);
    assert!(status.output.contains("goes on after: migctl resume -m held"), "{status}");
    desk.says(&["pause", "-m", "held"], DONE, &["held is paused by", "already"]);
    desk.eventually("the worker gives everything back", |desk| {
        let view = desk.view("held")?;
        let workers = view["workers"].as_array().unwrap();
        workers.iter().all(|worker| worker["doing"].as_array().unwrap().is_empty()).then_some(())
    });
    desk.says(&["resume", "-m", "held"], DONE, &["held: goes on"]);
    let view = desk.view("held").unwrap();
    assert!(view["paused"].is_null(), "{view:#}");

    let mut watch = desk.types(&["status", "-m", "held", "--watch"]);
    desk.says(&["stop", "-m", "held", "--note", "wrong day"], DONE, &["held: stopped; `migctl resume -m held`"]);
    desk.says(&["status", "-m", "held"], FAILED, &["error: load failed: stopped by", ": wrong day"]);
    assert_eq!(await_end(&mut watch), Some(FAILED), "{}", watch.log_tail());
    desk.says(&["stop", "-m", "held"], ERROR, &["held is not running: stopped by"]);

    drop(held);
    desk.says(&["resume", "-m", "held"], DONE, &["what stopped or failed is taken up (submission 2)"]);
    desk.await_removal("held");
    desk.assert_arrived(|_| true);
}

#[test]
fn who_watches_sees_the_end_and_the_removal() {
    let mut desk = Desk::staffed();
    let held = desk.hold_books();
    desk.configure("seen", &format!("{ALL_AUTO}{PATIENT}"));
    desk.says(&["submit", "-c", "seen.yaml"], DONE, &[]);
    desk.await_phase("seen", "load", "running");
    let mut watch = desk.types(&["status", "-m", "seen", "--watch"]);
    desk.eventually("a first look", |_| watch.log().unwrap().contains("seen, submission 1").then_some(()));
    drop(held);
    assert_eq!(await_end(&mut watch), Some(DONE), "{}", watch.log_tail());
    let said = watch.log().unwrap();
    assert!(said.contains("complete; its state was removed at cleanup") || said.contains("seen is complete"), "{said}");
    desk.await_removal("seen");
    desk.says(&["status", "-m", "seen"], ERROR, &["there is no migration seen", "what is complete was removed"]);
}
