//! Which queries each fixture is asked: such as have another answer where a mapping arrives wrong.
//!
//! What is in the fixtures is told in `tests/fixtures/README.md`.

mod before_7;
mod metadata;
mod since_7;
mod small;

use anyhow::{Result, bail};
use serde_json::Value;
use tests::answers::{Answer, Query};

/// What is restored and asked.
pub struct Set {
    /// The repository in the fixture.
    pub repository: &'static str,
    /// The snapshot in it.
    pub snapshot: &'static str,
    /// Indices that the snapshot names and the fixture has no files of.
    pub without_files: &'static [&'static str],
    /// The index that was closed when the snapshot was taken.
    pub closed: Option<&'static str>,
    /// Whether routing must be asked for as a field.
    pub asks_for_fields: bool,
    /// The queries.
    pub queries: Vec<Query>,
    /// What the server can't: an index, or the label of a query, and the reason.
    pub lacking: Vec<(&'static str, &'static str)>,
}

impl Set {
    /// Why the server can't answer `query`, if it can't.
    pub fn lacks(&self, query: &Query) -> Option<&'static str> {
        let label = query.label();
        let is_of = |(what, _): &&(&str, &str)| *what == label || *what == query.index;
        self.lacking.iter().find(is_of).map(|(_, reason)| *reason)
    }
}

/// The queries for a fixture.
pub fn of(fixture: &str) -> Result<Set> {
    match fixture {
        "elasticsearch-7.10.2"
        | "elasticsearch-8.19.21"
        | "opensearch-1.3.20"
        | "opensearch-2.19.4"
        | "opensearch-3.8.0" => Ok(since_7::set(fixture)),
        "elasticsearch-1.7.6" | "elasticsearch-2.4.6" | "elasticsearch-5.6.16" | "elasticsearch-6.8.23" => {
            Ok(before_7::set(fixture))
        }
        "metadata/elasticsearch-7.10.2" | "metadata/elasticsearch-8.19.21" | "metadata/opensearch-2.19.4" => {
            Ok(metadata::set(fixture))
        }
        "versions/elasticsearch-7.17.29" => Ok(small::set()),
        _ => bail!("no queries are written for {fixture}"),
    }
}

/// A search of `index`.
fn search(index: &str, name: &str, body: Value) -> Query {
    Query {
        name: name.to_owned(),
        index: index.to_owned(),
        kind: None,
        api: "_search".to_owned(),
        body,
        target: None,
        answer: Answer::default(),
    }
}

/// What an analyzer of `index` makes of a text.
fn analyze(index: &str, name: &str, body: Value) -> Query {
    Query { api: "_analyze".to_owned(), ..search(index, name, body) }
}

/// A query without scores, in the form that all versions know.
fn filter(query: Value) -> Value {
    serde_json::json!({"query": {"constant_score": {"filter": query}}})
}
