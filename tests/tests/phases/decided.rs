//! What metadata decides of indices with several types is what the load follows, and every document is accounted for.

use std::collections::{BTreeMap, BTreeSet};

use protocol::phase::Phase;
use serde_json::{Value, json};
use tests::fixtures;
use tests::servers::{self, Product};

use crate::place::{Name, arrived, by_name, truth, type_of};
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

/// The documents of `index` whose type `is_meant`.
fn expected(source: &str, index: &str, is_meant: impl Fn(&str) -> bool) -> BTreeMap<Name, Value> {
    let fixture = fixtures::unpack(source).unwrap();
    let mut documents = truth(&fixture, index);
    documents.retain(|document| is_meant(type_of(document)));
    by_name(documents)
}

/// One after the other: their indices have the same names.
#[test]
fn each_type_goes_where_the_configuration_says() {
    an_index_for_each_type_and_one_for_parents_and_children();
    all_types_in_one_index_where_what_meets_is_told();
}

fn an_index_for_each_type_and_one_for_parents_and_children() {
    let source = "elasticsearch-2.4.6";
    let (rig, found) = migrate(source, json!({}), &["products-product", "products-review_log", "family"]);
    assert_eq!(found[0], expected(source, "products", |of| of == "product"));
    assert_eq!(found[1], expected(source, "products", |of| of == "review_log"));
    assert_eq!(found[2], expected(source, "family", |_| true));
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
    assert_eq!(found[1], expected(source, "family", |_| true));
}
