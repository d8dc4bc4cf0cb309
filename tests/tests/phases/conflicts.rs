//! `onConflict`: what becomes of documents that others wrote before and during the migration.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;

use protocol::phase::Phase;
use serde_json::{Value, json};
use tests::document::Document;
use tests::fixtures;
use tests::http::Http;
use tests::servers::{self, Product};
use tests::truth;

use crate::rig::{Rig, spec};

const INDEX: &str = "ext-version";
/// Above every version of the snapshot.
const NEWER: u64 = 9_100_000_000_000_000;
/// Below all of them.
const OLDER: u64 = 5;

fn write(http: &Http, id: &str, version: u64) {
    let path = format!("/{INDEX}/_doc/{id}?version={version}&version_type=external&refresh=true");
    http.put(&path, json!({"of": "others", "version": version})).unwrap();
}

fn documents(http: &Http) -> BTreeMap<String, (Value, i64)> {
    http.refresh(INDEX).unwrap();
    let found = http.documents(INDEX).unwrap().into_iter();
    found
        .map(|document| {
            let source = serde_json::from_str(document.source.as_ref().unwrap().get()).unwrap();
            (document.id, (source, document.version.unwrap()))
        })
        .collect()
}

/// Others wrote `v1` (newer), `v2` (older) and `other` before the migration, `v4` (newer) and `v5` (older) during it.
/// `theirs` are those that stay as they were written; `counts` are written and already there.
fn conflict(on_conflict: &str, theirs: &[&str], counts: (u64, u64)) {
    let fixture = fixtures::unpack("elasticsearch-7.10.2").unwrap();
    let server = servers::shared(Product::OpenSearch2).unwrap();
    let http = server.http().unwrap();
    let file = BufReader::new(File::open(fixture.truth("main-snap-2")).unwrap());
    let all: Vec<Document> = truth::read(file, "truth").collect::<Result<_, _>>().unwrap();
    let expected: Vec<Document> = all.into_iter().filter(|document| document.index == INDEX).collect();
    assert_eq!(expected.len(), 40);

    http.put(&format!("/{INDEX}"), json!({"settings": {"index.number_of_replicas": 0}})).unwrap();
    write(&http, "v1", NEWER);
    write(&http, "v2", OLDER);
    write(&http, "other", OLDER);
    let further = json!({
        "indices": [INDEX],
        "onConflict": on_conflict,
        "gates": {"metadata": "auto", "load": "manual", "verify": "manual", "cleanup": "auto"},
        "sizing": {"bulkDocs": 7},
    });
    let mut rig = Rig::running(spec(fixture.repository("main"), "snap-2", &server.url(), further));
    rig.waits(Phase::Load);
    write(&http, "v4", NEWER);
    write(&http, "v5", OLDER);
    rig.approve(Phase::Load);
    rig.waits(Phase::Verify);

    let found = documents(&http);
    assert_eq!(found.len(), 41);
    for document in &expected {
        let source: Value = serde_json::from_str(document.source.as_ref().unwrap().get()).unwrap();
        let (is, version) = &found[&document.id];
        if theirs.contains(&document.id.as_str()) {
            assert_eq!(is["of"], "others", "{on_conflict}: {}", document.id);
        } else {
            assert_eq!(*is, source, "{on_conflict}: {}", document.id);
            assert!(on_conflict != "newer" || Some(*version) == document.version, "{}: {version}", document.id);
        }
    }
    let told = rig.counts(INDEX);
    assert_eq!((told.written, told.already_there, told.rejected), (counts.0, counts.1, 0), "{on_conflict}");
    assert_eq!(rig.destination(INDEX).count_before, 3);

    // More than anybody of us brought: judged, unless it is said that others write.
    for number in 0..9 {
        write(&http, &format!("more-{number}"), OLDER);
    }
    rig.approve(Phase::Verify);
    let reason = rig.failed(Phase::Verify);
    assert!(
        reason.contains("ext-version: the target counts 50 documents, expected 40 to 43 (3 before, 40"),
        "{reason}"
    );
    rig.submit_again(json!({"verify": {"liveWrites": true}}));
    rig.approve(Phase::Verify);
    let notes = rig.done(Phase::Verify).join("\n");
    assert!(notes.contains("not judged, since others write (verify.liveWrites)"), "{notes}");
    rig.done(Phase::Cleanup);
    http.delete(&format!("/{INDEX}")).unwrap();
}

#[test]
fn each_way_leaves_what_it_says() {
    conflict("overwrite", &[], (40, 0));
    conflict("keep", &["v1", "v2", "v4", "v5"], (36, 4));
    conflict("newer", &["v1", "v4"], (38, 2));
}
