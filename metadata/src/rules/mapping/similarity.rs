//! How well a text matches.

use serde_json::Value;

use super::walk;
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};

const ID: &str = "similarity-classic";

/// What TF/IDF was called.
const CLASSIC: [&str; 4] = ["classic", "default", "TF/IDF", "TFIDF"];

/// The rule for TF/IDF.
pub const RULES: &[Rule] = &[Rule {
    id: ID,
    what: "The similarity `classic`, which was `default` before 5.0, becomes BM25.",
    why: "Elasticsearch 7.0 took it away; BM25 is what texts have that say nothing. Scores are others, and so may be their order.",
    source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.0/breaking-changes-7.0.html#breaking_70_similarity_changes",
    applies: |versions| versions.source.is_elasticsearch_before(7, 0),
    apply,
    examples: &[
        Example {
            source: "Elasticsearch 2.4.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.similarity.mine.type": "default", "index.similarity.mine.discount_overlaps": "false",
                "index.similarity.other.type": "DFR"},
                "mappings": {"properties": {"a": {"type": "text", "similarity": "default"}, "b": {"type": "text", "similarity": "mine"}}}}"#,
            after: r#"{"settings": {"index.similarity.mine.type": "BM25", "index.similarity.mine.discount_overlaps": "false",
                "index.similarity.other.type": "DFR"},
                "mappings": {"properties": {"a": {"type": "text"}, "b": {"type": "text", "similarity": "mine"}}}}"#,
            notes: &[
                "changed index.similarity.mine.type: BM25; scores are others",
                "changed mappings.properties.a.similarity: BM25; scores are others",
            ],
        },
        Example {
            source: "Elasticsearch 5.6.16",
            target: "OpenSearch 3.8.0",
            before: r#"{"settings": {"index.similarity.default.type": "classic"}}"#,
            after: r#"{"settings": {"index.similarity.default.type": "BM25"}}"#,
            notes: &["changed index.similarity.default.type: BM25"],
        },
    ],
}];

fn is_classic(value: &Value) -> bool {
    value.as_str().is_some_and(|value| CLASSIC.iter().any(|classic| classic.eq_ignore_ascii_case(value)))
}

fn apply(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let text = "BM25; scores are others";
    let mut changed = Vec::new();
    for (key, value) in &mut item.settings {
        let is_type = key.strip_prefix("index.similarity.").is_some_and(|rest| rest.ends_with(".type"));
        if is_type && is_classic(value) {
            *value = "BM25".into();
            changed.push(key.clone());
        }
    }
    for key in changed {
        item.note(ID, Effect::Changed, key, text);
    }
    walk::fields(item, ID, |field| {
        if field.definition.get("similarity").is_some_and(is_classic) {
            field.definition.shift_remove("similarity");
            field.note_parameter("similarity", Effect::Changed, text);
        }
        Ok(())
    })
}
