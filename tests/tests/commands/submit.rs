//! `submit`: who is missing, what the pre-flight says, what a changed configuration means.

use std::path::Path;

use crate::desk::{ALL_AUTO, DONE, Desk, FAILED, USAGE, await_end, phase_of, quickstart};

#[test]
fn submit_says_who_is_missing_and_waits_for_the_preflight() {
    let mut desk = Desk::with_nats();
    desk.configure("early", ALL_AUTO);
    let mut submit = desk.types(&["submit", "-c", "early.yaml"]);
    let missing = [
        format!("no coordinator is there; start one: coordinator start --nats {}", desk.url()),
        format!("no worker is there; start one: worker start --nats {}", desk.url()),
    ];
    desk.eventually("a word on who is missing", |_| {
        let said = submit.log().unwrap();
        missing.iter().all(|line| said.contains(line)).then_some(())
    });
    assert!(submit.is_running().unwrap(), "{}", submit.log_tail());
    desk.start_coordinator();
    desk.start_worker();
    assert_eq!(await_end(&mut submit), Some(DONE), "{}", submit.log_tail());
    let said = submit.log().unwrap();
    assert!(said.contains("early: submitted") && said.contains("pre-flight is through"), "{said}");
    desk.await_removal("early");
    desk.assert_arrived(|_| true);
}

#[test]
fn nobody_waits_who_does_not_want_to() {
    let desk = Desk::with_nats();
    desk.configure("hurried", ALL_AUTO);
    desk.says(&["submit", "-c", "hurried.yaml", "--no-wait"], DONE, &["hurried: submitted"]);
    // Nobody has taken it up: the same again has nothing to add.
    let same = ["submission 1 is under way with this very configuration: nothing to take up"];
    desk.says(&["submit", "-c", "hurried.yaml", "--no-wait"], DONE, &same);
}

#[test]
fn a_failed_preflight_is_told_and_anything_may_be_mended_before_register() {
    let mut desk = Desk::staffed();
    desk.configure_from("wrong", &quickstart().0, "snap-9", ALL_AUTO);
    desk.says(&["submit", "-c", "wrong.yaml"], FAILED, &["pre-flight failed, nothing was begun", "snap-9"]);
    let status = desk.says(&["status", "-m", "wrong"], FAILED, &["error: preflight failed", "snap-9"]);
    assert!(status.output.contains("pre-flight  failed"), "{status}");
    let view = desk.view("wrong").unwrap();
    assert_eq!(phase_of(&view, "register")["status"], "pending", "{view:#}");
    desk.configure_from("wrong", Path::new("/nowhere"), "snap-1", ALL_AUTO);
    desk.says(&["submit", "-c", "wrong.yaml"], FAILED, &["/nowhere"]);
    desk.configure("wrong", ALL_AUTO);
    desk.says(
        &["submit", "-c", "wrong.yaml"],
        DONE,
        &["submission 3", "snapshot.repository: applies at once", "pre-flight is through"],
    );
    desk.await_removal("wrong");
    desk.assert_arrived(|_| true);
}

#[test]
fn a_changed_configuration_is_compared_with_what_was_done() {
    let mut desk = Desk::staffed();
    let submit = ["submit", "-c", "changed.yaml"];
    desk.configure("changed", "");
    desk.says(&submit, DONE, &[]);
    desk.await_phase("changed", "metadata", "waiting");
    desk.says(&submit, DONE, &["submission 1 is under way with this very configuration"]);

    desk.configure("changed", "sizing: {bulkBytes: 1MiB}\nchecksum: before\n");
    let words = [
        "sizing.bulkBytes: applies at once\n",
        "checksum: applies at once; for shards that are not planned yet",
        "submission 2",
    ];
    desk.says(&submit, DONE, &words);
    desk.await_phase("changed", "metadata", "waiting");

    // Other documents: that costs something, and has to be wanted.
    let other = "sizing: {bulkBytes: 1MiB}\nchecksum: before\nindices: [books]\n";
    desk.configure("changed", other);
    let words = ["indices: register must be done again (and what follows)", "--redo"];
    desk.says(&submit, USAGE, &words);
    assert_eq!(desk.view("changed").unwrap()["submission"], 2);
    desk.says(&["submit", "-c", "changed.yaml", "--redo"], DONE, &["submission 3"]);
    let view = desk.await_phase("changed", "metadata", "waiting");
    let names: Vec<&str> = view["indices"].as_array().unwrap().iter().map(|i| i["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["books"], "{view:#}");

    // Another snapshot is another migration, and so is another target once there are indices on it.
    desk.configure_from("changed", &quickstart().0, "snap-9", other);
    desk.says(&submit, USAGE, &["`snapshot.externallyManagedSnapshot`", "another `name`"]);
    desk.configure("changed", other);
    desk.says(&["approve", "metadata", "-m", "changed"], DONE, &[]);
    desk.await_phase("changed", "load", "waiting");
    let text = std::fs::read_to_string(desk.place.path().join("changed.yaml")).unwrap();
    std::fs::write(desk.place.path().join("changed.yaml"), text.replace("file:./out", "file:./elsewhere")).unwrap();
    desk.says(&submit, USAGE, &["`target.endpoint`", "another `name`"]);

    let audit = desk.says(&["audit", "-m", "changed"], DONE, &["submit (submission 3)", "approve metadata"]);
    let words = ["sizing.bulkBytes: applies at once", "register is done again, and what follows", "evidence "];
    assert!(words.iter().all(|word| audit.output.contains(word)), "{audit}");
}
