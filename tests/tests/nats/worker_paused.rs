//! A worker that sleeps past its lease and wakes up: a machine that was suspended, a virtual one that was moved.

use std::collections::BTreeSet;

use tests::document::Key;

use crate::rig::{BULK_DOCS, CONNECTIONS, Rig};
use crate::slices::{is_owner, keys_in};
use crate::source::Source;

#[test]
fn a_worker_that_slept_past_its_lease_gives_up_and_does_no_harm() {
    let source = Source::make("worker-paused");
    let mut rig = Rig::loading("worker-paused", &source);
    let held = rig.pause_in_the_middle("a");
    rig.note(&format!("paused at {} documents of slice {}", held.checkpoint.counts().written, held.slice));
    let (_, rest) = rig.split(&source, &held);
    let arrived_late = keys_in(&source.on_target(), &rest);

    let key = (held.shard, held.slice.clone());
    rig.eventually("b takes a's slice", |rig| {
        let taken = rig.checkpoints()?.get(&key).is_none_or(|checkpoint| is_owner(checkpoint, "b"));
        taken.then_some(())
    });
    rig.note("b has it; a wakes up");
    rig.program("a").resume().unwrap();
    rig.eventually("a gives up", |rig| {
        let log = rig.program("a").log().unwrap();
        let said = ["the lease ran out", "another worker has taken the slice over"];
        said.iter().any(|said| log.contains(said)).then_some(())
    });

    rig.await_end();
    let sent_twice: BTreeSet<Key> = source.assert_arrived().into_iter().collect();
    let beyond = sent_twice.difference(&arrived_late).count();
    rig.note(&format!("sent twice {}, sent after the last checkpoint {}", sent_twice.len(), arrived_late.len()));
    // Requests that were handed to the operating system before the pause leave it after; nothing else does.
    if beyond > BULK_DOCS * CONNECTIONS {
        rig.fail(&format!("{beyond} documents were sent by a worker without a lease"));
    }
}
