//! `migctl run`, with somebody at another terminal.

use crate::desk::{ALL_AUTO, DONE, Desk, ERROR, FAILED, PATIENT, WAITING, await_end, phase_of};

#[test]
fn a_run_waits_for_decisions_from_another_terminal_and_leaves_no_state() {
    let mut desk = Desk::new();
    desk.configure("here", "");
    let mut run = desk.types(&["run", "-c", "here.yaml", "--wait"]);
    for phase in ["metadata", "load", "cleanup"] {
        desk.await_phase("here", phase, "waiting");
        // It looks every now and then, and may be late.
        let asks = format!("waits for: migctl approve {phase} -m here");
        desk.eventually("the run asks", |_| run.log().unwrap().contains(&asks).then_some(()));
        desk.says(&["list"], DONE, &["here", phase, "waiting"]);
        desk.says(&["evidence", "-m", "here"], DONE, &[&format!("{phase} is waiting")]);
        if phase == "cleanup" {
            desk.says(&["retry", "verify", "-m", "here"], DONE, &["verify is done again"]);
            desk.eventually("verify is done anew", |desk| {
                let view = desk.view("here")?;
                (view["submission"] == 2 && phase_of(&view, "cleanup")["status"] == "waiting").then_some(())
            });
        }
        desk.says(&["audit", "-m", "here"], DONE, &["submit (submission 1)"]);
        desk.says(&["approve", phase, "-m", "here"], DONE, &[&format!("here: {phase} is approved")]);
    }
    assert_eq!(await_end(&mut run), Some(DONE), "{}", run.log_tail());
    let said = run.log().unwrap();
    let words = ["preflight is done", "here is complete", "ADDS UP"];
    for word in words {
        assert!(said.contains(word), "{word}: {}", run.log_tail());
    }
    assert!(!desk.place.path().join(".migctl").try_exists().unwrap());
    desk.assert_arrived(|_| true);
    let gone = ["find the state of a `migctl run` of here here", "holds no migration"];
    desk.says(&["status", "-m", "here"], ERROR, &gone);

    // The next one begins anew.
    desk.says(&["run", "-c", "here.yaml", "--approve-all"], DONE, &["here: begins", "here is complete"]);
    desk.assert_arrived(|_| true);
}

#[test]
fn a_run_is_paused_stopped_and_forgotten_from_another_terminal() {
    let mut desk = Desk::new();
    let held = desk.hold_books();
    desk.configure("held", &format!("{ALL_AUTO}{PATIENT}"));
    let mut run = desk.types(&["run", "-c", "held.yaml"]);
    desk.await_phase("held", "load", "running");
    desk.says(&["status", "-m", "hedl"], ERROR, &["did you mean held?"]);
    desk.says(&["pause", "-m", "held", "--note", "lunch"], DONE, &["held: paused; "]);
    desk.eventually("the run says so", |_| run.log().unwrap().contains(": lunch; goes on after").then_some(()));
    desk.says(&["resume", "-m", "held"], DONE, &["held: goes on"]);
    desk.says(&["forget", "-m", "held", "--yes"], ERROR, &["is in use by another migctl run"]);
    desk.says(&["stop", "-m", "held", "--note", "enough"], DONE, &["held: stopped"]);
    assert_eq!(await_end(&mut run), Some(FAILED), "{}", run.log_tail());
    assert!(run.log().unwrap().contains("error: load failed: stopped by"), "{}", run.log_tail());
    // Nobody runs: what is wanted counts when somebody does.
    desk.says(&["resume", "-m", "held"], DONE, &["what stopped or failed is taken up (submission 2)"]);
    desk.says(&["pause", "-m", "held"], DONE, &["held: paused (nobody is there to hear it"]);
    desk.says(&["resume", "-m", "held"], DONE, &["held: goes on"]);
    drop(held);
    desk.says(&["run", "-c", "held.yaml"], DONE, &["held: continues at load", "held is complete"]);
    desk.assert_arrived(|_| true);
}

#[test]
fn a_rejected_gate_ends_the_run_and_an_approval_opens_it() {
    let mut desk = Desk::new();
    desk.configure("no", "");
    let mut run = desk.types(&["run", "-c", "no.yaml", "--wait"]);
    desk.await_phase("no", "metadata", "waiting");
    desk.says(&["reject", "metadata", "-m", "no", "--note", "not yet"], DONE, &["no: metadata is rejected"]);
    assert_eq!(await_end(&mut run), Some(FAILED), "{}", run.log_tail());
    assert!(run.log().unwrap().contains(": not yet"), "{}", run.log_tail());
    desk.says(&["status", "-m", "no"], FAILED, &["metadata was rejected by", ": not yet"]);
    desk.says(&["approve", "metadata", "-m", "no"], DONE, &["books"]);
    desk.says(&["run", "-c", "no.yaml"], WAITING, &["load waits for approval and there is no terminal to ask on"]);
    // It failed nowhere: what is left over from it can be thrown away only after somebody ended it.
    desk.says(&["forget", "-m", "no", "--yes"], ERROR, &["has not ended: load is waiting"]);
    desk.says(&["reject", "load", "-m", "no"], DONE, &[]);
    desk.says(&["run", "-c", "no.yaml"], FAILED, &["load was rejected by"]);
    desk.says(&["forget", "-m", "no", "--yes"], DONE, &["no: its state is removed"]);
    assert!(!desk.place.path().join(".migctl").try_exists().unwrap());
}
