//! Targets that take nothing, or not everything.

use serde_json::json;
use tests::servers::{self, Product};

use crate::{config, fails, nobody, shows, snapshot, stub};

pub const ROWS: &[&str] = &[UNREACHABLE, OVERLOADED, VERSION, BLOCKED, FLOOD_STAGE, REJECTED];

const UNREACHABLE: &str = "the target does not answer";
const OVERLOADED: &str = "accepts a connection, and no answer came in 15s";
const VERSION: &str = "this target is not written to";
const BLOCKED: &str = "it has a write block on the target";
const FLOOD_STAGE: &str = "it is read-only because a disk was full";
const REJECTED: &str = "and maxRejected is";

fn into(endpoint: &str, further: &str) -> String {
    fails(&config(&snapshot(), &format!("endpoint: '{endpoint}'"), further), &[])
}

#[test]
fn a_target_that_is_not_there_or_is_another() {
    shows(&into(&nobody(), ""), UNREACHABLE);
    shows(&into(&stub::silent(), ""), OVERLOADED);
    let old = r#"{"cluster_name":"c","version":{"number":"6.8.23"},"tagline":"You Know, for Search"}"#;
    shows(&into(&stub::answering("200 OK", old), ""), VERSION);
}

#[test]
fn a_target_that_takes_no_documents() {
    let server = servers::shared(Product::OpenSearch2).unwrap();
    let http = server.http().unwrap();
    for (index, block, row) in
        [("orders", "index.blocks.write", BLOCKED), ("books", "index.blocks.read_only_allow_delete", FLOOD_STAGE)]
    {
        http.put(&format!("/{index}"), json!({"settings": {block: true, "number_of_replicas": 0}})).unwrap();
        shows(&into(&server.url(), &format!("indices: [{index}]\n")), row);
    }
}

#[test]
fn a_target_that_rejects_documents() {
    let server = servers::shared(Product::OpenSearch2).unwrap();
    let mappings = json!({"dynamic": "strict", "properties": {"a": {"type": "keyword"}}});
    server.http().unwrap().put("/products", json!({"mappings": mappings})).unwrap();
    shows(&into(&server.url(), "indices: [products]\nmaxRejected: 0\n"), REJECTED);
}
