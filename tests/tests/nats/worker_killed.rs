//! A worker that dies in the middle of a slice.

use std::collections::BTreeSet;

use tests::document::Key;

use crate::rig::Rig;
use crate::slices::keys_in;
use crate::source::Source;

#[test]
fn a_killed_workers_slice_is_continued_from_its_last_checkpoint() {
    let source = Source::make("worker-killed");
    let mut rig = Rig::loading("worker-killed", &source);
    let held = rig.pause_in_the_middle("a");
    rig.program("a").kill9().unwrap();
    rig.note(&format!("killed at {} documents of slice {}", held.checkpoint.counts().written, held.slice));
    let (covered, rest) = rig.split(&source, &held);

    // What was in flight may still arrive; nobody else writes any of it before the lease has run out.
    let mut before = None;
    let arrived_late = rig.eventually("the last requests of a", |_| {
        let on_target = source.on_target();
        let there = keys_in(&on_target, &covered);
        let lost: Vec<&Key> = covered.difference(&there).collect();
        assert!(lost.is_empty(), "the checkpoint covers documents that are not on the target: {lost:?}");
        let arrived_late = keys_in(&on_target, &rest);
        let settled = before.replace(arrived_late.len()) == Some(arrived_late.len());
        settled.then_some(arrived_late)
    });

    let slices = rig.slices_planned();
    rig.await_end();
    assert!(slices >= 8, "{slices} slices");
    let sent_twice: BTreeSet<Key> = source.assert_arrived().into_iter().collect();
    rig.note(&format!(
        "{} documents, {slices} slices; sent twice {}, sent after the last checkpoint {}",
        source.len(),
        sent_twice.len(),
        arrived_late.len()
    ));
    let beyond: Vec<&Key> = sent_twice.difference(&arrived_late).collect();
    assert!(beyond.is_empty(), "sent twice, though not after the last checkpoint: {beyond:?}");
    let log = rig.program("b").log().unwrap();
    assert!(log.contains(&format!("slice {} continues at document", held.slice)), "{log}");
}
