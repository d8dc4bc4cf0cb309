//! A coordinator that dies in the middle of a load.

use crate::rig::Rig;
use crate::source::Source;

#[test]
fn a_killed_coordinator_continues_where_it_was() {
    let source = Source::make("coordinator-killed");
    let mut rig = Rig::loading("coordinator-killed", &source);
    rig.await_progress();
    rig.program("coordinator").kill9().unwrap();
    // The workers go on with what was published; that isn't all.
    let there = source.on_target().len();
    rig.note(&format!("killed; {there} of {} documents are there", source.len()));
    assert!(there < source.len());
    rig.start_coordinator().unwrap();
    rig.await_end();
    let sent_twice = source.assert_arrived();
    rig.note(&format!("{} documents, sent twice {}", source.len(), sent_twice.len()));
    assert!(sent_twice.is_empty(), "the workers lost nothing: {sent_twice:?}");
}
