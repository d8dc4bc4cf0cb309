//! `_parent` becomes a join field: the target answers `has_child` and `has_parent` as the source did.

use std::collections::{BTreeMap, BTreeSet};

use protocol::destination::{Destination, Join, Relation};
use protocol::phase::Phase;
use serde_json::{Value, json};
use tests::document::Document;
use tests::fixtures;
use tests::http::Http;
use tests::servers::{self, Product};

use crate::place::{self, truth, type_of};
use crate::rig::{Rig, spec};

/// Of each type its parent's.
const FAMILY: [(&str, Option<&str>); 3] = [("parent", None), ("child", Some("parent")), ("grandchild", Some("child"))];

fn join() -> Join {
    let relation = |(name, parent): (&str, Option<&str>)| {
        let relation = Relation { name: name.to_owned(), parent: parent.map(str::to_owned) };
        (name.to_owned(), relation)
    };
    Join { field: "family".into(), types: FAMILY.map(relation).into() }
}

/// Ids of the documents that a query finds.
fn ids(http: &Http, index: &str, query: &Value) -> BTreeSet<String> {
    let answer = http.post(&format!("/{index}/_search?size=1000"), json!({"query": query, "_source": false})).unwrap();
    let hits = answer["hits"]["hits"].as_array().unwrap();
    hits.iter().map(|hit| hit["_id"].as_str().unwrap().to_owned()).collect()
}

fn families(fixture: &str, index: &str, type_in_id: bool) {
    let fixture = fixtures::unpack(fixture).unwrap();
    let server = servers::shared(Product::OpenSearch2).unwrap();
    let http = server.http().unwrap();
    let further = json!({
        "indices": ["family"],
        "gates": {"metadata": "manual", "load": "auto", "verify": "auto", "cleanup": "manual"},
    });
    let mut rig = Rig::running(spec(fixture.repository("main"), "second", &server.url(), further));
    let relations = json!({"parent": "child", "child": "grandchild"});
    let mapping = json!({"dynamic": false, "properties": {"family": {"type": "join", "relations": relations}}});
    rig.decide(|_| {
        let to = place::index(&http, index, 3, &[], &mapping);
        vec![Destination { ids_may_meet: true, type_in_id, join: Some(join()), ..to }]
    });
    rig.waits(Phase::Cleanup);
    let truth = truth(&fixture, "family");
    let counts = rig.counts("family");
    assert_eq!((counts.written, counts.rejected), (truth.len() as u64, 0), "{:?}", rig.dead_letters());

    let name = |of: &str, id: &str| if type_in_id { format!("{of}#{id}") } else { id.to_owned() };
    let known: BTreeMap<(&str, &str), &Document> =
        truth.iter().map(|document| ((type_of(document), document.id.as_str()), document)).collect();
    for (child, parent) in FAMILY.into_iter().filter_map(|(child, parent)| Some((child, parent?))) {
        let linked = truth.iter().filter(|document| type_of(document) == child);
        let linked = linked.filter_map(|document| {
            let parent_id = document.parent.as_deref()?;
            known.contains_key(&(parent, parent_id)).then(|| (name(child, &document.id), name(parent, parent_id)))
        });
        let (children, parents): (BTreeSet<String>, BTreeSet<String>) = linked.unzip();
        assert!(children.len() > 20 && parents.len() > 20);
        let all = json!({"match_all": {}});
        assert_eq!(ids(&http, index, &json!({"has_child": {"type": child, "query": all}})), parents);
        assert_eq!(ids(&http, index, &json!({"has_parent": {"parent_type": parent, "query": all}})), children);
    }

    // What was there is what is sent, join field and all.
    rig.load_again();
    rig.waits(Phase::Cleanup);
    let counts = rig.counts("family");
    assert_eq!((counts.already_there, counts.rejected), (truth.len() as u64, 0));
    http.delete(&format!("/{index}")).unwrap();
}

#[test]
fn parents_that_are_stored_and_ids_as_they_were() {
    families("elasticsearch-2.4.6", "family-2", false);
}

#[test]
fn parents_in_doc_values_and_types_before_ids() {
    families("elasticsearch-5.6.16", "family-5", true);
}
