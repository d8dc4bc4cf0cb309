//! `retry`: a phase or a shard again, although it was done.

use std::fs;
use std::path::Path;

use crate::desk::{DONE, Desk, ERROR, LAST_MANUAL, USAGE, phase_of};

#[test]
fn a_shard_is_loaded_again_and_a_phase_done_again() {
    let mut desk = Desk::staffed();
    desk.configure("again", LAST_MANUAL);
    desk.says(&["submit", "-c", "again.yaml"], DONE, &[]);
    let view = desk.await_phase("again", "cleanup", "waiting");
    desk.assert_arrived(|_| true);

    desk.says(&["retry", "-m", "again"], USAGE, &["--shard"]);
    desk.says(&["retry", "--shard", "boks/0", "-m", "again"], ERROR, &["loads no index boks; did you mean books?"]);
    desk.says(&["retry", "--shard", "books/77", "-m", "again"], ERROR, &["there is no shard 77"]);
    desk.says(&["retry", "--shard", "books", "-m", "again"], ERROR, &["INDEX/N is expected"]);

    let shards = view["indices"][0]["shards"].as_u64().unwrap();
    for shard in 0..shards {
        // Its lines are gone, and come back.
        let of_shard = |file: &Path| {
            let name = file.file_name().unwrap().to_str().unwrap();
            file.parent().unwrap().ends_with("books") && name.starts_with(&format!("{shard}-"))
        };
        let files: Vec<_> = desk.place.out(".ndjson").unwrap().into_iter().filter(|file| of_shard(file)).collect();
        assert!(!files.is_empty());
        files.iter().for_each(|file| fs::remove_file(file).unwrap());
        let shard = format!("books/{shard}");
        desk.says(&["retry", "--shard", &shard, "-m", "again"], DONE, &[&format!("--shard {shard} is done again")]);
        let number = desk.view("again").unwrap()["submission"].clone();
        desk.eventually("it is taken up and loaded", |desk| {
            let view = desk.view("again")?;
            let waits = phase_of(&view, "cleanup")["status"] == "waiting";
            (view["submission"] == number && waits).then_some(())
        });
    }
    desk.assert_arrived(|_| true);

    let verified = |desk: &mut Desk| {
        let view = desk.await_phase("again", "cleanup", "waiting");
        phase_of(&view, "verify")["ended_ms"].as_u64().unwrap()
    };
    let before = verified(&mut desk);
    desk.says(&["retry", "verify", "-m", "again", "--note", "counted by hand"], DONE, &["verify is done again"]);
    desk.eventually("verify is done anew", |desk| {
        let view = desk.view("again")?;
        let verify = phase_of(&view, "verify");
        (verify["status"] == "done" && verify["ended_ms"].as_u64()? > before).then_some(())
    });
    desk.says(&["audit", "-m", "again"], DONE, &["retry --shard books/0", "retry verify", "note: counted by hand"]);
    desk.says(&["approve", "cleanup", "-m", "again"], DONE, &[]);
    desk.await_removal("again");
    desk.assert_arrived(|_| true);
}

#[test]
fn what_lies_ahead_is_not_done_again() {
    let mut desk = Desk::staffed();
    desk.configure("ahead", "");
    desk.says(&["submit", "-c", "ahead.yaml"], DONE, &[]);
    desk.await_phase("ahead", "metadata", "waiting");
    desk.says(&["retry", "load", "-m", "ahead"], ERROR, &["load hasn't begun yet: metadata comes first"]);
    desk.says(&["retry", "--shard", "books/0", "-m", "ahead"], ERROR, &["load hasn't begun yet"]);
    // The gate's own phase can be looked at anew.
    desk.says(&["retry", "metadata", "-m", "ahead"], DONE, &["metadata is done again"]);
    desk.await_phase("ahead", "metadata", "waiting");
}
