//! What the server that wrote a fixture answered about it: `tests/fixtures/answers/<fixture>.json`.
//!
//! In: the file, written by the program `record-answers`. Out: the indices, aliases and templates of a snapshot, and
//! queries with their answers. A migration is right where its target answers the same.
//!
//! Holds: no query is answered with nothing, on the source. Not here: which queries there are (`record-answers`), what
//! may differ on a target (the test `matrix`).

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::http::{Http, encoded};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/answers");
/// More than any answer has, and no more than any index allows.
const SIZE: u64 = 2_000;

/// Settings, without `index.`, that decide what an index answers and how it is written to.
pub const SETTINGS: [&str; 18] = [
    "analysis",
    "blocks",
    "codec",
    "default_pipeline",
    "final_pipeline",
    "hidden",
    "mapping",
    "max_ngram_diff",
    "max_result_window",
    "max_shingle_diff",
    "max_terms_count",
    "number_of_replicas",
    "number_of_shards",
    "query",
    "refresh_interval",
    "routing_partition_size",
    "similarity",
    "sort",
];

/// The APIs of what is no index, and where their answers list it; the others answer by name.
pub const ITEMS: [(&str, Option<&str>); 4] = [
    ("_template", None),
    ("_component_template", Some("component_templates")),
    ("_index_template", Some("index_templates")),
    ("_ingest/pipeline", None),
];

/// What a server said about a snapshot that was restored into it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answers {
    /// The server's name for its version.
    pub version: String,
    /// The repository in the fixture, as [`Fixture::repository`](crate::fixtures::Fixture::repository) names it.
    pub repository: String,
    /// The snapshot in it.
    pub snapshot: String,
    /// What was restored, by name; backing indices of data streams too.
    pub indices: BTreeMap<String, Index>,
    /// The names of what is no index, by the name of its API: `_template`, `_ingest/pipeline`, ….
    pub items: BTreeMap<String, Vec<String>>,
    /// The backing indices of each data stream.
    pub data_streams: BTreeMap<String, Vec<String>>,
    /// Queries that this server can't answer, each with the reason.
    pub lacking: BTreeMap<String, String>,
    /// What was asked.
    pub queries: Vec<Query>,
}

/// An index as the source has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Index {
    /// How many documents, by mapping type; `_doc` where there are no types any more.
    pub documents: BTreeMap<String, u64>,
    /// The parent of each type that has one (`_parent`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parents: BTreeMap<String, String>,
    /// Its aliases: `filter`, `index_routing`, `search_routing`, `is_write_index`, `is_hidden`.
    pub aliases: Map<String, Value>,
    /// Its settings of [`SETTINGS`], as far as it has them.
    pub settings: Map<String, Value>,
    /// Whether it is closed.
    pub closed: bool,
}

/// One query, in words that source and target both understand, or in two wordings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Query {
    /// What the answer depends on; with `index` its name.
    pub name: String,
    /// The index, alias or data stream that is asked.
    pub index: String,
    /// The mapping type that is asked or, of an analysis, that has the analyzer, where the index has several.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `_search`, or `_analyze`.
    pub api: String,
    /// What the source is asked.
    pub body: Value,
    /// What the target is asked, where that must be put in another way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Value>,
    /// What the source answered.
    pub answer: Answer,
}

/// An answer, without what differs from one run to the next.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// `_id`, and routing where there is one, of every hit: in their order where the query sorts, else sorted. Of an
    /// analysis the terms.
    pub hits: Vec<Vec<String>>,
    /// Buckets as `[key, count, {further}]`, single values as they are.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub aggregations: Map<String, Value>,
}

impl Answers {
    /// Where the answers about `fixture` are.
    pub fn path(fixture: &str) -> PathBuf {
        PathBuf::from(DIRECTORY).join(format!("{}.json", fixture.replace('/', "-")))
    }

    /// The answers about `fixture`.
    ///
    /// # Errors
    /// There are none, or not in this form.
    pub fn read(fixture: &str) -> Result<Self> {
        let path = Self::path(fixture);
        let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("understand {}", path.display()))
    }
}

/// The names of what the server has of one of [`ITEMS`]; none where it doesn't know such, or has none.
pub fn names(http: &Http, api: &str, list: Option<&str>) -> Vec<String> {
    let said = http.get(&format!("/{api}")).unwrap_or_default();
    let mut names: Vec<String> = match list.map(|list| said.get(list)) {
        None => said.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect(),
        Some(list) => {
            let items = list.and_then(Value::as_array).into_iter().flatten();
            items.filter_map(|item| item.get("name")?.as_str().map(str::to_owned)).collect()
        }
    };
    names.sort();
    names
}

impl Query {
    /// `<index>: <name>`.
    pub fn label(&self) -> String {
        let kind = self.kind.iter().map(|kind| format!("/{kind}")).collect::<String>();
        format!("{}{kind}: {}", self.index, self.name)
    }

    /// Asks `place`, an index or `index/type`, with that body.
    ///
    /// # Errors
    /// The server can't answer, or not of every shard.
    pub fn ask(&self, http: &Http, place: &str, body: &Value) -> Result<Answer> {
        let place = place.split('/').map(encoded).collect::<Vec<_>>().join("/");
        let mut body = body.clone();
        if let Some(body) = body.as_object_mut().filter(|_| self.api == "_search") {
            body.entry("size").or_insert(SIZE.into());
            body.entry("_source").or_insert(false.into());
        }
        let said = http.post(&format!("/{place}/{}", self.api), body)?;
        if self.api == "_search" { searched(&said) } else { analyzed(&said) }
    }
}

fn searched(said: &Value) -> Result<Answer> {
    if said.pointer("/_shards/failed").and_then(Value::as_u64) != Some(0) {
        bail!("shards failed: {said}");
    }
    let hits = said.pointer("/hits/hits").and_then(Value::as_array).context("an answer without hits")?;
    let mut found: Vec<Vec<String>> = hits.iter().map(hit).collect();
    // A sorted query tells the values it sorted by.
    if hits.iter().all(|hit| hit.get("sort").is_none()) {
        found.sort();
    }
    Ok(Answer { hits: found, aggregations: said.get("aggregations").map(aggregations).unwrap_or_default() })
}

/// The id of a hit, and its routing; a child's is its parent, unless it has one of its own. Elasticsearch 1 tells them
/// among the fields.
fn hit(hit: &Value) -> Vec<String> {
    let told = |name: &str| hit.get(name).or_else(|| hit.get("fields")?.get(name)).and_then(Value::as_str);
    let routing = told("_routing").or_else(|| told("_parent"));
    told("_id").into_iter().chain(routing).map(str::to_owned).collect()
}

fn analyzed(said: &Value) -> Result<Answer> {
    let tokens = said.get("tokens").and_then(Value::as_array).context("an answer without tokens")?;
    let term = |token: &Value| {
        let text = |name: &str| token.get(name).map_or_else(String::new, |value| value.to_string());
        vec![text("token"), text("position"), text("start_offset"), text("end_offset")]
    };
    Ok(Answer { hits: tokens.iter().map(term).collect(), aggregations: Map::new() })
}

fn aggregations(said: &Value) -> Map<String, Value> {
    let members = said.as_object().into_iter().flatten();
    members.filter(|(_, value)| value.is_object()).map(|(name, value)| (name.clone(), aggregation(value))).collect()
}

fn aggregation(said: &Value) -> Value {
    let counted = |said: &Value| {
        let count = said.get("doc_count").cloned().unwrap_or_default();
        let key = said.get("key").cloned();
        let further = Some(Value::Object(aggregations(said))).filter(|further| *further != Value::Object(Map::new()));
        Value::Array(key.into_iter().chain([count]).chain(further).collect())
    };
    match (said.get("buckets"), said.get("value")) {
        (Some(Value::Array(buckets)), _) => buckets.iter().map(counted).collect(),
        (None, Some(value)) => value.clone(),
        _ => counted(said),
    }
}
