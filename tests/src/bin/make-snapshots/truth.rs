//! What the server answers about its documents.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tests::document::Document;

use crate::cluster::Cluster;

/// More than any index here has.
const SIZE: usize = 5_000;

/// Writes every document as a line, sorted; how many there are.
pub fn write(cluster: &Cluster, file: &Path) -> Result<usize> {
    let mut documents = cluster.closed.clone();
    for index in cluster.indices() {
        if !cluster.closed.iter().any(|document| document.index == *index) {
            documents.extend(self::documents(cluster, index).with_context(|| format!("search {index}"))?);
        }
    }
    documents.sort_by_key(Document::key);
    let lines = documents.iter().map(|document| Ok(document.to_line()? + "\n")).collect::<Result<String>>()?;
    fs::write(file, lines)?;
    Ok(documents.len())
}

/// Every document of `index`.
pub fn documents(cluster: &Cluster, index: &str) -> Result<Vec<Document>> {
    cluster.http.refresh(index)?;
    let mut query = cluster.dialect.search(index == "times");
    query["size"] = json!(SIZE);
    let path = format!("/{index}/_search");
    let answer = cluster.http.send(Method::POST, &path, "application/json", query.to_string())?;
    let told = answer.json()?;
    ensure!(told.pointer("/_shards/failed") == Some(&json!(0)), "shards failed: {told}");
    // Once more from the text: a source must not pass through a `Value`.
    let page: Page<'_> = serde_json::from_slice(&answer.body).context("read the answer of a search")?;
    let documents = page.hits.hits.into_iter().map(document).collect::<Result<Vec<_>>>()?;
    let count = cluster.http.get(&format!("/{index}/_count"))?;
    ensure!(count.get("count") == Some(&json!(documents.len())), "{} documents, but {count}", documents.len());
    Ok(documents)
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    hits: Hits<'a>,
}

#[derive(Deserialize)]
struct Hits<'a> {
    #[serde(borrow)]
    hits: Vec<&'a RawValue>,
}

/// Elasticsearch 1 answers metadata only if asked, and among the fields.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    fields: Value,
}

fn document(hit: &RawValue) -> Result<Document> {
    let mut document: Document = serde_json::from_str(hit.get()).context("read a hit")?;
    let asked: Asked = serde_json::from_str(hit.get()).context("read a hit's fields")?;
    let field = |name: &str| asked.fields.get(name).and_then(Value::as_str).map(str::to_owned);
    document.routing = document.routing.or_else(|| field("_routing"));
    document.parent = document.parent.or_else(|| field("_parent"));
    let number = |name: &str| asked.fields.get(name).and_then(Value::as_i64);
    document.timestamp = document.timestamp.or_else(|| number("_timestamp"));
    document.ttl = document.ttl.or_else(|| number("_ttl"));
    Ok(document)
}
