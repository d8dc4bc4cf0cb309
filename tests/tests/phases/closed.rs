//! Indices that are closed are open for the load, and closed at the end.

use protocol::phase::Phase;
use serde_json::{Value, json};
use tests::fixtures;
use tests::servers::{self, Product};

use crate::rig::{Rig, spec};

#[test]
fn an_index_that_was_closed_in_the_source_or_on_the_target_is_closed_at_the_end() {
    let fixture = fixtures::unpack("elasticsearch-7.10.2").unwrap();
    let server = servers::shared(Product::OpenSearch2).unwrap();
    let http = server.http().unwrap();
    let of = |index: &str| http.get(&format!("/{index}")).unwrap()[index].clone();
    let is_closed = |index: &str| of(index)["settings"]["index"]["verified_before_close"] == "true";
    let count = |index: &str| http.get(&format!("/{index}/_count")).unwrap()["count"].as_u64().unwrap();

    http.put("/new-in-2", json!({"mappings": {"_meta": {"own": 1}}})).unwrap();
    http.put("/new-in-2/_doc/others?refresh=true", json!({"of": "others"})).unwrap();
    http.post("/new-in-2/_close", "").unwrap();

    let further = json!({
        "indices": ["closed-idx", "new-in-2"],
        "gates": {"metadata": "auto", "load": "manual", "verify": "manual", "cleanup": "manual"},
    });
    let rig = Rig::running(spec(fixture.repository("main"), "snap-2", &server.url(), further));
    let notes = rig.done(Phase::Metadata);
    for (index, said) in [
        ("new-in-2: ", "; it is closed: opened for the load, closed again at cleanup"),
        ("closed-idx: ", "; closed at cleanup, as it is in the source"),
    ] {
        assert!(notes.iter().any(|note| note.starts_with(index) && note.contains(said)), "{notes:#?}");
    }
    let (source, target) = (rig.destination("closed-idx"), rig.destination("new-in-2"));
    assert!(source.close && source.created && target.close && !target.created);
    assert_eq!((source.count_before, target.count_before), (0, 1));
    assert!(!is_closed("closed-idx") && !is_closed("new-in-2"));
    // What a new submission knows where the bus is lost.
    let meta = |index: &str| of(index)["mappings"]["_meta"].clone();
    assert_eq!(meta("closed-idx")["migctl"]["close"], json!(true));
    assert_eq!(meta("new-in-2"), json!({"own": 1, "migctl": {"migration": rig.name.as_str(), "opened": true}}));

    rig.approve(Phase::Load);
    rig.done(Phase::Load);
    // Somebody closes one in between.
    rig.waits(Phase::Verify);
    http.post("/new-in-2/_close", "").unwrap();
    rig.approve(Phase::Verify);
    rig.done(Phase::Verify);
    assert_eq!(
        (rig.destination("closed-idx").count_after, rig.destination("new-in-2").count_after),
        (Some(25), Some(21))
    );
    assert!(!is_closed("closed-idx") && !is_closed("new-in-2"));

    rig.approve(Phase::Cleanup);
    let notes = rig.done(Phase::Cleanup).join("\n");
    assert!(notes.contains("closed-idx: closed") && notes.contains("new-in-2: closed"), "{notes}");
    assert!(is_closed("closed-idx") && is_closed("new-in-2"));
    assert_eq!(meta("new-in-2"), json!({"own": 1}));
    assert_eq!(meta("closed-idx").get("migctl"), None::<&Value>);
    for (index, documents) in [("closed-idx", 25), ("new-in-2", 21)] {
        http.post(&format!("/{index}/_open"), "").unwrap();
        assert_eq!(count(index), documents, "{index}");
        http.delete(&format!("/{index}")).unwrap();
    }
}
