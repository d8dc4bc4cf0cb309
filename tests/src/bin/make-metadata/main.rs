//! `make-metadata [SERVER …]`: fixtures whose point is their metadata: what the others lack.
//!
//! In: servers that the tests can start; all that are listed, where none is named. Out:
//! `tests/fixtures/metadata/<SERVER>.tar.zst`: `repo-main` with the snapshot `snap`, a few documents in each index.
//! `record-answers metadata/<SERVER>` records what it answers.

#![allow(clippy::indexing_slicing, reason = "to assign to a member of a JSON object is to add it")]

mod elasticsearch_7;
mod elasticsearch_8;
mod every;
mod opensearch_2;

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tests::fixtures;
use tests::http::{Http, encoded};
use tests::servers::{Product, Server};

/// Writes to an empty server.
type Fill = fn(&Http) -> Result<()>;

/// The servers, and what each has besides what all have.
const SERVERS: [(Product, Fill); 3] = [
    (Product::Elasticsearch7, elasticsearch_7::fill),
    (Product::Elasticsearch8, elasticsearch_8::fill),
    (Product::OpenSearch2, opensearch_2::fill),
];

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let known = |name: &String| SERVERS.iter().any(|(product, _)| product.to_string() == *name);
    if let Some(unknown) = wanted.iter().find(|name| !known(name)) {
        bail!("{unknown} is none of {:?}", SERVERS.map(|(product, _)| product.to_string()));
    }
    for (product, fill) in SERVERS {
        if wanted.is_empty() || wanted.contains(&product.to_string()) {
            make(product, fill).with_context(|| product.to_string())?;
        }
    }
    Ok(())
}

fn make(product: Product, fill: Fill) -> Result<()> {
    let server = Server::start(product)?;
    let http = server.http()?;
    every::fill(&http, product)?;
    fill(&http)?;
    let directory = tempfile::tempdir()?;
    let location = directory.path().join("repo-main");
    http.put("/_snapshot/main", json!({"type": "fs", "settings": {"location": location}}))?;
    let wanted = json!({"indices": "*", "include_global_state": true});
    let answer = http.put("/_snapshot/main/snap?wait_for_completion=true", wanted)?;
    ensure!(answer["snapshot"]["state"] == "SUCCESS", "the snapshot ended as {answer}");
    fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/metadata"))?;
    fixtures::pack(directory.path(), &format!("metadata/{product}"))
}

/// Creates `index`, in one shard unless its settings say otherwise, and writes `documents` as `0`, `1`, ….
fn index(http: &Http, index: &str, mut body: Value, documents: &[Value]) -> Result<()> {
    if body["settings"]["number_of_shards"].is_null() {
        body["settings"]["number_of_shards"] = 1.into();
    }
    body["settings"]["number_of_replicas"] = 0.into();
    http.put(&format!("/{}", encoded(index)), body).with_context(|| format!("create {index}"))?;
    for (id, document) in documents.iter().enumerate() {
        http.put(&format!("/{}/_doc/{id}", encoded(index)), document).with_context(|| format!("write to {index}"))?;
    }
    http.flush(index)
}
