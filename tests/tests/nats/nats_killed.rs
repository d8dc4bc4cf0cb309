//! A NATS server that dies in the middle of a load, and comes back with its store.

use std::collections::BTreeSet;

use tests::document::Key;

use crate::rig::Rig;
use crate::slices::Held;
use crate::source::Source;

#[test]
fn everyone_waits_for_a_killed_server_and_goes_on() {
    let source = Source::make("nats-killed");
    let mut rig = Rig::loading("nats-killed", &source);
    // So that at least one worker has something to store while nobody is there to take it.
    rig.pause_in_the_middle("a");
    let checkpoints = rig.checkpoints().unwrap();
    rig.nats.kill9();
    rig.note("killed");
    rig.program("a").resume().unwrap();
    rig.eventually("a cannot store its checkpoint", |rig| {
        rig.program("a").log().unwrap().contains("store a checkpoint; trying again").then_some(())
    });
    rig.nats.restart().unwrap();
    rig.note("restarted");
    let mut covered = BTreeSet::new();
    for ((shard, slice), checkpoint) in checkpoints {
        let held = Held { shard, slice, checkpoint };
        covered.extend(rig.split(&source, &held).0);
    }

    rig.await_end();
    for label in ["a", "b", "coordinator"] {
        assert!(rig.program(label).is_running().unwrap(), "{}", rig.program(label).log_tail());
    }
    let sent_twice: BTreeSet<Key> = source.assert_arrived().into_iter().collect();
    rig.note(&format!("{} documents, sent twice {}", source.len(), sent_twice.len()));
    let lost: Vec<&Key> = sent_twice.intersection(&covered).collect();
    assert!(lost.is_empty(), "a stored checkpoint covered them, and they were sent again: {lost:?}");
}
