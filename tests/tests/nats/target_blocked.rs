//! A target that takes nothing any more, as one does whose disk is full.

use serde_json::{Value, json};

use crate::rig::Rig;
use crate::source::{Source, cluster};

#[test]
fn a_blocked_index_stops_the_load_with_its_reason_and_a_new_submission_goes_on() {
    let source = Source::make("target-blocked");
    let mut rig = Rig::loading("target-blocked", &source);
    rig.await_progress();
    let http = cluster().http().unwrap();
    let block = |value: Value| {
        for index in &source.indices {
            http.put(&format!("/{}/_settings", index.name), json!({"index.blocks.write": value})).unwrap();
        }
    };
    block(json!(true));
    let (code, view) = rig.await_phase("load", "failed");
    rig.note("stopped");
    assert_eq!(code, Some(4));
    assert_eq!(view["dead_letters"], 0, "{view:#}");
    let load = view["phases"].as_array().unwrap().iter().find(|phase| phase["phase"] == "load").unwrap();
    let reason = load["reason"].as_str().unwrap();
    assert!(reason.contains("target-blocked-") && reason.contains("index write (api)"), "{reason}");
    let stopped = source.on_target().len();
    assert!(stopped < source.len(), "the load was through already");

    block(json!(null));
    rig.does(&["submit"]);
    rig.await_end();
    let sent_twice = source.assert_arrived();
    rig.note(&format!("{} documents, {stopped} before the block, sent twice {}", source.len(), sent_twice.len()));
}
