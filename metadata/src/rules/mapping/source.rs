//! What a mapping says about the source, and what it says of all its fields at once.

use serde_json::Value;

use super::from_before_6;
use super::walk;
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};

const SOURCE: &str = "source-parameters";
const ANALYZERS: &str = "type-analyzers";
const TRANSFORM: &str = "mapping-transform";

const META_20: &str = "https://www.elastic.co/guide/en/elasticsearch/reference/2.0/breaking_20_mapping_changes.html";

/// The rules for the source, and for types.
pub const RULES: &[Rule] = &[
    Rule {
        id: SOURCE,
        what: "`compress`, `format` and `mode` of `_source` are dropped; `include` and `exclude` become lists of today's names.",
        why: "Since Elasticsearch 2.0 the source is always stored in one form, and OpenSearch has no other way of keeping it.",
        source: META_20,
        applies: |_| true,
        apply: source,
        examples: &[
            Example {
                source: "Elasticsearch 1.7.6",
                target: "OpenSearch 2.19.4",
                before: r#"{"mappings": {"_source": {"compress": true, "compress_threshold": "200b", "exclude": "secret.*"}}}"#,
                after: r#"{"mappings": {"_source": {"excludes": ["secret.*"]}}}"#,
                notes: &[
                    "changed mappings._source.compress: gone",
                    "changed mappings._source.compress_threshold: gone",
                    "changed mappings._source.exclude: `excludes`",
                    "changed mappings._source.excludes: a list",
                ],
            },
            Example {
                source: "Elasticsearch 8.19.21",
                target: "OpenSearch 2.19.4",
                before: r#"{"mappings": {"_source": {"mode": "stored"}}}"#,
                after: r#"{"mappings": {}}"#,
                notes: &["changed mappings._source.mode: gone"],
            },
            Example {
                source: "Elasticsearch 8.19.21",
                target: "OpenSearch 3.8.0",
                before: r#"{"kind": "component template", "mappings": {"_source": {"mode": "synthetic"}}}"#,
                after: r#"{"kind": "component template", "mappings": {}}"#,
                notes: &["dropped mappings._source.mode: sources are stored, and take their space"],
            },
        ],
    },
    Rule {
        id: ANALYZERS,
        what: "`analyzer`, `index_analyzer` and `search_analyzer` of a type go to each of its strings that has none.",
        why: "Until Elasticsearch 1.7 a type could say what its fields are analysed by; since 2.0 each field does.",
        source: META_20,
        applies: |versions| versions.source.is_elasticsearch_before(2, 0),
        apply: analyzers,
        examples: &[Example {
            source: "Elasticsearch 1.7.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"index_analyzer": "folded", "properties": {
                "a": {"type": "string"}, "b": {"type": "string", "analyzer": "english"}, "c": {"type": "long"},
                "d": {"type": "string", "index": "not_analyzed"}}}}"#,
            after: r#"{"mappings": {"properties": {
                "a": {"type": "string", "index_analyzer": "folded"}, "b": {"type": "string", "analyzer": "english"},
                "c": {"type": "long"}, "d": {"type": "string", "index": "not_analyzed"}}}}"#,
            notes: &[
                "changed mappings.index_analyzer: said of each string that had none",
                "changed mappings.properties.a: analysed as the type said",
            ],
        }],
    },
    Rule {
        id: TRANSFORM,
        what: "`transform` of a type is dropped.",
        why: "Elasticsearch 2.0 took it away. The source is what it was before the script changed it, so what only the \
              script added is not in the documents.",
        source: META_20,
        applies: from_before_6,
        apply: transform,
        examples: &[Example {
            source: "Elasticsearch 1.7.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"transform": {"script": "ctx._source.s = ctx._source.title"}}}"#,
            after: r#"{"mappings": {}}"#,
            notes: &["dropped mappings.transform: what the script added isn't in the documents"],
        }],
    },
];

fn source(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    let Some(Value::Object(said)) = item.mapping.get_mut("_source") else { return Ok(()) };
    let mut said = std::mem::take(said);
    let noted = item.notes.len();
    let at = |key: &str| format!("mappings._source.{key}");
    for key in ["compress", "compress_threshold", "format", "store"] {
        if said.shift_remove(key).is_some() {
            item.note(SOURCE, Effect::Changed, at(key), "gone; sources are always stored, and compressed");
        }
    }
    for (old, new) in [("include", "includes"), ("exclude", "excludes")] {
        if let Some(paths) = said.shift_remove(old) {
            item.note(SOURCE, Effect::Changed, at(old), format!("`{new}`"));
            said.entry(new).or_insert(paths);
        }
        if let Some(paths @ Value::String(_)) = said.get_mut(new) {
            *paths = Value::Array(vec![paths.take()]);
            item.note(SOURCE, Effect::Changed, at(new), "a list");
        }
    }
    if versions.target.is_opensearch()
        && let Some(mode) = said.shift_remove("mode")
    {
        match mode.as_str() {
            Some("disabled") => {
                said.insert("enabled".to_owned(), false.into());
                item.note(SOURCE, Effect::Changed, at("mode"), "`enabled: false`");
            }
            Some("synthetic") => {
                item.note(SOURCE, Effect::Dropped, at("mode"), "sources are stored, and take their space")
            }
            _ => item.note(SOURCE, Effect::Changed, at("mode"), "gone; sources are always stored"),
        }
    }
    if said.is_empty() && item.notes.len() > noted {
        item.mapping.shift_remove("_source");
    } else {
        item.mapping.insert("_source".to_owned(), said.into());
    }
    Ok(())
}

fn analyzers(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let keys = ["analyzer", "index_analyzer", "search_analyzer"];
    let of_type: Vec<(&str, Value)> =
        keys.into_iter().filter_map(|key| Some((key, item.mapping.shift_remove(key)?))).collect();
    for (key, _) in &of_type {
        item.note(ANALYZERS, Effect::Changed, format!("mappings.{key}"), "said of each string that had none");
    }
    if of_type.is_empty() {
        return Ok(());
    }
    walk::fields(item, ANALYZERS, |field| {
        let has_own = keys.iter().any(|key| field.definition.contains_key(*key));
        let is_whole = field.definition.get("index").is_some_and(|index| index == "not_analyzed" || index == "no");
        if field.kind() == "string" && !has_own && !is_whole {
            field.definition.extend(of_type.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
            field.note(Effect::Changed, "analysed as the type said");
        }
        Ok(())
    })
}

fn transform(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    if item.mapping.shift_remove("transform").is_some() {
        item.note(TRANSFORM, Effect::Dropped, "mappings.transform", "what the script added isn't in the documents");
    }
    Ok(())
}
