//! What is created and what is loaded are two lists.

use protocol::phase::Phase;
use serde_json::json;
use tests::servers::{self, Product};

use crate::rig::{Rig, quickstart, spec};

#[test]
fn what_is_created_only_stays_empty_and_what_is_loaded_only_must_be_there() {
    let server = servers::shared(Product::OpenSearch2).unwrap();
    let http = server.http().unwrap();
    let lists = json!({"metadata": {"indices": ["books", "orders"]}, "load": {"indices": ["orders", "products"]}});
    let mut rig = Rig::running(spec(quickstart(), "snap-1", &server.url(), lists));
    let reason = rig.failed(Phase::Metadata);
    assert!(reason.contains("products: it is loaded and not created, and the target doesn't have it"), "{reason}");

    let settings = json!({"index.number_of_replicas": 0});
    http.put("/products", json!({"settings": settings, "mappings": {"enabled": false}})).unwrap();
    rig.submit_again(json!({}));
    let notes = rig.done(Phase::Verify);
    assert_eq!(notes, ["every account adds up; the target counts the 143 documents written"]);
    assert_eq!(["orders", "products"].map(|index| rig.counts(index).written), [108, 35]);
    rig.done(Phase::Cleanup);
    let count = |index: &str| {
        http.refresh(index).unwrap();
        http.get(&format!("/{index}/_count")).unwrap()["count"].as_u64().unwrap()
    };
    assert_eq!((count("books"), count("orders"), count("products")), (0, 108, 35));
    assert!(!http.get("/_all").unwrap().as_object().unwrap().contains_key("weblogs-2024.05"), "it is on neither list");
    let indices = http.get("/books,orders,products/_mapping").unwrap();
    assert!(!indices.to_string().contains("migctl"), "cleanup leaves no word of ours: {indices}");
    assert!(indices["books"]["mappings"]["properties"].as_object().unwrap().len() > 1);
    for index in ["books", "orders", "products"] {
        http.delete(&format!("/{index}")).unwrap();
    }
}
