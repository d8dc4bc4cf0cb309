//! What metadata decides of indices with several types is what the load follows, and every document is accounted for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;

use protocol::phase::Phase;
use serde_json::{Value, json};
use tests::document::Document;
use tests::fixtures;
use tests::servers::{self, Product};
use tests::truth;

use crate::place::{self, Name, arrived, by_name, type_of};
use crate::rig::{Rig, spec};

/// Migrates `products` and `family` as `metadata` says; what arrives in `indices`, without join fields.
fn migrate(source: &str, metadata: Value, indices: &[&str]) -> (Rig, Vec<BTreeMap<Name, Value>>) {
    let fixture = fixtures::unpack(source).unwrap();
    let server = servers::shared(Product::OpenSearch2).unwrap();
    let http = server.http().unwrap();
    let further = json!({
        "indices": ["products", "family"],
        "metadata": metadata,
        "gates": {"metadata": "auto", "load": "auto", "verify": "auto", "cleanup": "auto"},
    });
    let rig = Rig::running(spec(fixture.repository("main"), "second", &server.url(), further));
    rig.done(Phase::Verify);
    rig.done(Phase::Cleanup);
    let found = indices.iter().map(|index| {
        let mut found = arrived(&http, index);
        http.delete(&format!("/{index}")).unwrap();
        for source in found.values_mut() {
            source.as_object_mut().unwrap().remove("parent_join");
        }
        found
    });
    let found = found.collect();
    (rig, found)
}

/// The documents of `index` that `is_meant` says, by the names that `name` gives them.
fn expected(source: &str, index: &str, is_meant: impl Fn(&str) -> bool, prefixed: bool) -> BTreeMap<Name, Value> {
    let fixture = fixtures::unpack(source).unwrap();
    let mut documents = place::truth(&fixture, index);
    documents.retain(|document| is_meant(type_of(document)));
    if prefixed {
        documents.iter_mut().for_each(|document| document.id = format!("{}#{}", type_of(document), document.id));
    }
    by_name(documents)
}

/// One after the other: their indices have the same names.
#[test]
fn each_type_goes_where_the_configuration_says() {
    an_index_for_each_type_and_one_for_parents_and_children();
    all_types_in_one_index_where_what_meets_is_told();
    types_before_ids_in_one_index();
}

#[test]
fn two_indices_become_one_and_each_id_stays_what_it_was_first() {
    let fixture = fixtures::unpack("elasticsearch-5.6.16").unwrap();
    let server = servers::shared(Product::OpenSearch2).unwrap();
    let http = server.http().unwrap();
    let further = json!({
        "indices": ["merged", "recreated"],
        "metadata": {"rename": [{"pattern": "merged|recreated", "name": "together"}]},
        "gates": {"metadata": "auto", "load": "auto", "verify": "manual", "cleanup": "auto"},
    });
    let mut rig = Rig::running(spec(fixture.repository("main"), "second", &server.url(), further));
    rig.waits(Phase::Verify);
    let [one, other] = ["merged", "recreated"].map(|index| by_name(place::truth(&fixture, index)));
    let shared: BTreeSet<&Name> = one.keys().filter(|name| other.contains_key(name)).collect();
    assert_eq!((one.len(), other.len(), shared.len()), (102, 40, 34));
    let found = arrived(&http, "together");
    assert_eq!(found.len(), one.len() + other.len() - shared.len());
    assert!(found.iter().all(|(name, source)| [one.get(name), other.get(name)].contains(&Some(source))));
    let letters = |rig: &Rig| -> BTreeSet<(String, Name)> {
        let letters = rig.dead_letters().into_iter();
        letters.map(|letter| (letter.index, (letter.id, letter.routing))).collect()
    };
    let first = letters(&rig);
    assert_eq!(first.iter().map(|(_, name)| name).collect::<BTreeSet<_>>(), shared);

    rig.load_again();
    rig.waits(Phase::Verify);
    assert_eq!(letters(&rig), first);
    assert_eq!(arrived(&http, "together"), found);
    rig.approve(Phase::Verify);
    rig.done(Phase::Verify);
    rig.done(Phase::Cleanup);
    http.delete("/together").unwrap();
}

#[test]
fn the_generations_of_a_data_stream_go_into_one() {
    let fixture = fixtures::unpack("opensearch-2.19.4").unwrap();
    let server = servers::shared(Product::OpenSearch2).unwrap();
    let http = server.http().unwrap();
    let further = json!({
        "indices": ["ds-metrics-app"],
        "gates": {"metadata": "auto", "load": "auto", "verify": "auto", "cleanup": "auto"},
    });
    let rig = Rig::running(spec(fixture.repository("main"), "snap-2", &server.url(), further));
    rig.done(Phase::Verify);
    rig.done(Phase::Cleanup);
    let file = BufReader::new(File::open(fixture.truth("main-snap-2")).unwrap());
    let all: Vec<Document> = truth::read(file, "truth").collect::<Result<_, _>>().unwrap();
    let expected = by_name(all.into_iter().filter(|document| document.index.starts_with(".ds-ds-metrics-app-")));
    assert_eq!(arrived(&http, ".ds-ds-metrics-app-000001"), expected);
    assert_eq!(rig.destination("ds-metrics-app").count_after, Some(120));
    http.delete("/_data_stream/ds-metrics-app").unwrap();
}

fn an_index_for_each_type_and_one_for_parents_and_children() {
    let source = "elasticsearch-2.4.6";
    let (rig, found) = migrate(source, json!({}), &["products-product", "products-review_log", "family"]);
    assert_eq!(found[0], expected(source, "products", |of| of == "product", false));
    assert_eq!(found[1], expected(source, "products", |of| of == "review_log", false));
    assert_eq!(found[2], expected(source, "family", |_| true, false));
    assert!(rig.dead_letters().is_empty(), "{:?}", rig.dead_letters());
}

fn all_types_in_one_index_where_what_meets_is_told() {
    let source = "elasticsearch-5.6.16";
    let (rig, found) = migrate(source, json!({"multiType": "union"}), &["products", "family"]);
    let letters = rig.dead_letters();
    let rejected: BTreeSet<&str> = letters.iter().map(|letter| letter.id.as_str()).collect();
    assert_eq!(rejected, BTreeSet::from(["0", "1"]), "ids that both types have");
    assert!(letters.iter().all(|letter| letter.kind == "id_collision"), "{letters:?}");
    assert_eq!(found[0].len() + letters.len(), 347);
    assert_eq!(found[1], expected(source, "family", |_| true, false));
}

fn types_before_ids_in_one_index() {
    let source = "elasticsearch-2.4.6";
    let metadata = json!({"multiType": "union", "unionIds": "typePrefixed"});
    let (rig, found) = migrate(source, metadata, &["products", "family"]);
    let expected_products = expected(source, "products", |_| true, true);
    assert!(found[0].iter().all(|(name, source)| expected_products.get(name) == Some(source)));
    assert_eq!(found[0].len() + rig.dead_letters().len(), 347);
    // Parents have a routing now: their children's, which was their id.
    let family =
        |all: &BTreeMap<Name, Value>| all.iter().map(|((id, _), source)| (id.clone(), source.clone())).collect();
    let (found, expected): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (family(&found[1]), family(&expected(source, "family", |_| true, true)));
    assert_eq!(found, expected);
}
