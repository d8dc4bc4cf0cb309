//! A migration as a person drives it: submitted, looked at, approved phase by phase.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use async_nats::jetstream;
use protocol::names;
use tests::document::Document;
use tests::truth::{Compared, compare_documents, read};

use crate::rig::Rig;
use crate::source::cluster;

fn quickstart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart").canonicalize().unwrap()
}

#[test]
fn every_gate_waits_for_its_approval_and_every_document_arrives() {
    let mut rig = Rig::new("by-hand", &quickstart().join("repository"), "snap-1", "");
    rig.start_coordinator().unwrap();
    rig.start_worker("a").unwrap();
    rig.start_worker("b").unwrap();
    rig.does(&["submit"]);
    for phase in ["metadata", "load", "cleanup"] {
        let (code, view) = rig.await_phase(phase, "waiting");
        assert_eq!(code, Some(3), "{view:#}");
        let said = rig.migctl(&["status"]);
        assert!(said.output.contains(&format!("waits for: migctl approve {phase}")), "{}", said.output);
        rig.does(&["approve", phase]);
    }
    rig.await_end();

    let truth = BufReader::new(File::open(quickstart().join("truth.ndjson")).unwrap());
    let truth: Vec<Document> = read(truth, "truth").collect::<Result<_, _>>().unwrap();
    let indices: BTreeSet<&str> = truth.iter().map(|document| document.index.as_str()).collect();
    let http = cluster().http().unwrap();
    let arrived = indices.iter().flat_map(|index| http.documents(index).unwrap());
    let report = compare_documents(arrived.map(Ok), truth.iter().cloned().map(Ok), Compared::Content).unwrap();
    assert!(report.is_equal() && report.equal == truth.len(), "{report}");
    let carts = truth.iter().filter(|document| document.id == "cart").count();
    assert!(carts > 1, "{carts} documents have one id and different routings");
    rig.note(&format!("{} documents of {} indices, {carts} of one id", report.equal, indices.len()));
    await_empty_queue(&mut rig);
}

/// The work queue holds nothing at the end, neither waiting nor in anybody's hands.
fn await_empty_queue(rig: &mut Rig) {
    let url = rig.nats.url.clone();
    let stream = rig.wait_for(async {
        let client = async_nats::connect(url).await.unwrap();
        jetstream::new(client).get_stream(names::STREAM_TASKS).await.unwrap()
    });
    rig.eventually("an empty queue", |rig| {
        let info = rig.wait_for(stream.get_info()).unwrap();
        (info.state.messages == 0).then_some(())
    });
}
