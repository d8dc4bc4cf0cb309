//! What the server has after the restore: indices with their aliases, templates, data streams.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;
use tests::answers::{Index, SETTINGS};
use tests::http::{Http, encoded};

/// The server's version, `elasticsearch 7.10.2`.
pub fn version(http: &Http) -> Result<String> {
    // Elasticsearch 8 has its root in a module that the tests don't have.
    let number = match http.get("/") {
        Ok(root) => return Ok(format!("{} {}", family(&root), text(&root["version"]["number"]))),
        Err(_) => http.get("/_nodes/_local/jvm").context("ask for the version")?,
    };
    let node = number["nodes"].as_object().and_then(|nodes| nodes.values().next()).context("no node")?;
    Ok(format!("elasticsearch {}", text(&node["version"])))
}

fn family(root: &Value) -> &str {
    root["version"]["distribution"].as_str().unwrap_or("elasticsearch")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The strings of a list; none where there is no list.
pub fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Every one of these indices, as it was restored. A restore opens what was `closed`.
pub fn indices(http: &Http, names: &[String], closed: Option<&str>) -> Result<BTreeMap<String, Index>> {
    let tell = |name: &String| {
        let index = index(http, name).with_context(|| format!("ask about {name}"))?;
        Ok((name.clone(), Index { closed: closed == Some(name), ..index }))
    };
    names.iter().map(tell).collect()
}

fn index(http: &Http, name: &str) -> Result<Index> {
    let path = format!("/{}", encoded(name));
    let settings = http.get(&format!("{path}/_settings"))?[name]["settings"]["index"].clone();
    // Some answer that there are no aliases with an error.
    let aliases = http.get(&format!("{path}/_alias")).map(|told| told[name]["aliases"].clone()).unwrap_or_default();
    let aliases = aliases.as_object().cloned().unwrap_or_default();
    let mappings = http.get(&format!("{path}/_mapping"))?[name]["mappings"].clone();
    let parent = |(name, mapping): (&String, &Value)| {
        Some((name.clone(), mapping.get("_parent")?.get("type")?.as_str()?.to_owned()))
    };
    Ok(Index {
        documents: documents(http, name, &mappings)?,
        parents: mappings.as_object().into_iter().flatten().filter_map(parent).collect(),
        aliases,
        settings: SETTINGS.iter().filter_map(|name| Some(((*name).to_owned(), settings.get(*name)?.clone()))).collect(),
        closed: false,
    })
}

/// How many documents it has, by type.
fn documents(http: &Http, name: &str, mappings: &Value) -> Result<BTreeMap<String, u64>> {
    let path = format!("/{}", encoded(name));
    http.post(&format!("{path}/_refresh"), "")?;
    let count = |path: &str| -> Result<u64> { http.get(path)?["count"].as_u64().context("no count") };
    if !has_types(&version(http)?) {
        return Ok(BTreeMap::from([("_doc".to_owned(), count(&format!("{path}/_count"))?)]));
    }
    let types = mappings.as_object().into_iter().flatten().map(|(name, _)| name);
    let count_of = |name: &String| Ok((name.clone(), count(&format!("{path}/{}/_count", encoded(name)))?));
    types.filter(|name| *name != "_default_").map(count_of).collect()
}

fn has_types(version: &str) -> bool {
    ["elasticsearch 1.", "elasticsearch 2.", "elasticsearch 5.", "elasticsearch 6."]
        .iter()
        .any(|old| version.starts_with(old))
}

/// The backing indices of each of these data streams, by their names: not every server tells of streams.
pub fn data_streams(streams: Vec<String>, indices: &[String]) -> BTreeMap<String, Vec<String>> {
    let backing = |stream: &String| {
        let start = format!(".ds-{stream}-");
        let mut backing: Vec<String> = indices.iter().filter(|index| index.starts_with(&start)).cloned().collect();
        backing.sort();
        backing
    };
    streams.into_iter().map(|stream| (stream.clone(), backing(&stream))).collect()
}
