//! Types of fields that one product has, or that it has since a version.
//!
//! What has no like is kept in the documents and not searched: an `object` with `enabled: false` takes any value.
//! After: what OpenSearch 1.3.20, 2.19.4 and 3.8.0 answered when asked for each type, and their documentation for the
//! versions between.

use serde_json::{Map, Value};

use super::vectors::unsearched;
use super::walk::{self, Field, Place};
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::server::{Product, Server};

const FLATTENED: &str = "flattened-to-flat-object";
const KINDS: &str = "types-of-one-product";

/// What a `keyword` takes of another type's parameters.
const OF_KEYWORDS: [&str; 9] =
    ["ignore_above", "null_value", "normalizer", "doc_values", "index", "store", "copy_to", "fields", "meta"];

/// The longest text that is one term: 32,766 bytes, of four bytes at most for each letter.
const KEYWORD_LETTERS_MAX: u64 = 8191;

/// The rules for types.
pub const RULES: &[Rule] = &[
    Rule {
        id: FLATTENED,
        what: "`flattened` becomes `flat_object`, without its parameters; before OpenSearch 2.7 it is kept and not searched.",
        why: "Both take an object with any keys as one field. `flat_object` has no parameters.",
        source: "https://docs.opensearch.org/latest/mappings/supported-field-types/flat-object/",
        applies: |versions| versions.target.is_opensearch(),
        apply: flattened,
        examples: &[
            Example {
                source: "Elasticsearch 7.10.2",
                target: "OpenSearch 2.19.4",
                before: r#"{"mappings": {"properties": {"labels": {"type": "flattened", "ignore_above": 100}, "o": {"type": "flattened"}}}}"#,
                after: r#"{"mappings": {"properties": {"labels": {"type": "flat_object"}, "o": {"type": "flat_object"}}}}"#,
                notes: &[
                    "dropped mappings.properties.labels: flat_object, without `ignore_above`",
                    "changed mappings.properties.o: flat_object",
                ],
            },
            Example {
                source: "Elasticsearch 7.10.2",
                target: "OpenSearch 1.3.20",
                before: r#"{"mappings": {"properties": {"labels": {"type": "flattened"}}}}"#,
                after: r#"{"mappings": {"properties": {"labels": {"type": "object", "enabled": false}}}}"#,
                notes: &[
                    "dropped mappings.properties.labels: kept and not searched; OpenSearch has flat_object since 2.7",
                ],
            },
        ],
    },
    Rule {
        id: KINDS,
        what: "A type that the target doesn't have becomes the nearest one that takes the same values, or is kept and not searched.",
        why: "`version` sorts as a text, `wildcard` and `counted_keyword` are whole values, `match_only_text` is a text that \
              takes more room; `point` and `shape` have other names, `feature` was renamed; of what is left nothing can be asked.",
        source: "https://docs.opensearch.org/latest/mappings/supported-field-types/index/",
        applies: |versions| versions.target.is_opensearch(),
        apply: kinds,
        examples: &[
            Example {
                source: "Elasticsearch 8.19.21",
                target: "OpenSearch 1.3.20",
                before: r#"{"mappings": {"properties": {
                    "v": {"type": "version"}, "w": {"type": "wildcard", "null_value": "none"},
                    "c": {"type": "constant_keyword", "value": "web"}, "u": {"type": "unsigned_long"},
                    "m": {"type": "match_only_text", "fields": {"k": {"type": "keyword"}}}, "p": {"type": "point"}}}}"#,
                after: r#"{"mappings": {"properties": {
                    "v": {"type": "keyword"}, "w": {"type": "keyword", "null_value": "none", "ignore_above": 8191},
                    "c": {"type": "keyword"}, "u": {"type": "double"},
                    "m": {"type": "text", "fields": {"k": {"type": "keyword"}}}, "p": {"type": "object", "enabled": false}}}}"#,
                notes: &[
                    "dropped mappings.properties.v: keyword, which sorts 1.10 before 1.9",
                    "changed mappings.properties.w: keyword",
                    "dropped mappings.properties.c: keyword; documents that don't say the value aren't found by it",
                    "dropped mappings.properties.u: double, which rounds what is over 2^53",
                    "changed mappings.properties.m: text",
                    "dropped mappings.properties.p: kept and not searched",
                ],
            },
            Example {
                source: "Elasticsearch 8.19.21",
                target: "OpenSearch 3.8.0",
                before: r#"{"mappings": {"properties": {
                    "v": {"type": "version"}, "w": {"type": "wildcard"}, "p": {"type": "shape"},
                    "c": {"type": "constant_keyword", "value": "web", "meta": {"a": "b"}}, "d": {"type": "constant_keyword"},
                    "a": {"type": "aggregate_metric_double", "metrics": ["min", "value_count"], "default_metric": "min"},
                    "h": {"type": "histogram"}, "s": {"type": "sparse_vector"}, "t": {"type": "semantic_text", "inference_id": "e5"},
                    "l": {"type": "passthrough", "priority": 10, "properties": {"x": {"type": "keyword"}}}}}}"#,
                after: r#"{"mappings": {"properties": {
                    "v": {"type": "keyword"}, "w": {"type": "wildcard", "ignore_above": 8191}, "p": {"type": "xy_shape"},
                    "c": {"type": "constant_keyword", "value": "web"}, "d": {"type": "keyword"},
                    "a": {"type": "object", "properties": {"min": {"type": "double"}, "value_count": {"type": "long"}}},
                    "h": {"type": "object", "enabled": false}, "s": {"type": "rank_features"}, "t": {"type": "text"},
                    "l": {"type": "object", "properties": {"x": {"type": "keyword"}}}}}}"#,
                notes: &[
                    "dropped mappings.properties.v: keyword",
                    "dropped mappings.properties.w.ignore_above: longer values aren't found",
                    "changed mappings.properties.p: xy_shape",
                    "changed mappings.properties.c.meta: gone",
                    "changed mappings.properties.d: keyword",
                    "dropped mappings.properties.a: an object with `min`, `value_count`",
                    "dropped mappings.properties.h: kept and not searched",
                    "changed mappings.properties.s: rank_features",
                    "dropped mappings.properties.t: text, found by its words",
                    "dropped mappings.properties.l: an object, whose fields are found by their full names only",
                ],
            },
            Example {
                source: "Elasticsearch 2.4.6",
                target: "OpenSearch 2.19.4",
                before: r#"{"mappings": {"properties": {"file": {"type": "attachment", "fields": {"content": {"type": "text"}}}}}}"#,
                after: r#"{"mappings": {"properties": {"file": {"type": "object", "enabled": false}}}}"#,
                notes: &["dropped mappings.properties.file: kept and not searched"],
            },
        ],
    },
];

fn flattened(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    let has = versions.target.is_opensearch_from(2, 7);
    walk::fields(item, FLATTENED, |field| {
        match field.kind() {
            "flattened" => {}
            "flat_object" if !has => {}
            _ => return Ok(()),
        }
        if !has {
            *field.definition = unsearched();
            field.note(Effect::Dropped, "kept and not searched; OpenSearch has flat_object since 2.7");
            return Ok(());
        }
        let old = std::mem::take(field.definition);
        field.set_kind("flat_object");
        let without: Vec<String> = old.keys().filter(|key| *key != "type").map(|key| format!("`{key}`")).collect();
        if without.is_empty() {
            field.note(Effect::Changed, "flat_object");
        } else {
            field.note(Effect::Dropped, format!("flat_object, without {}", without.join(", ")));
        }
        Ok(())
    })
}

fn kinds(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    let target = versions.target;
    // How Elasticsearch keeps a `semantic_text`: as an object with what was computed of it, until 8.17.
    let said = item.settings.get("index.mapping.semantic_text.use_legacy_format").and_then(Value::as_str);
    let text_is_object = said.map_or(versions.source.is_elasticsearch_before(8, 18), |said| said == "true");
    walk::fields(item, KINDS, |field| {
        let kind = field.kind().to_owned();
        match kind.as_str() {
            // That of OpenSearch rejects what is no semantic version, and that of Elasticsearch takes any text.
            "version" if !(versions.source.is_opensearch() && target.is_opensearch_from(3, 2)) => {
                keyword(field, Effect::Dropped, "keyword, which sorts 1.10 before 1.9");
            }
            "wildcard" if !target.is_opensearch_from(2, 15) => {
                keyword(field, Effect::Changed, "keyword; patterns take longer, and long values aren't found");
                field.definition.entry("ignore_above").or_insert_with(|| KEYWORD_LETTERS_MAX.into());
            }
            // Its doc values are kept as one term is, since 3.0.
            "wildcard"
                if versions.source.product == Product::Elasticsearch
                    && target.is_opensearch_from(3, 0)
                    && !field.definition.contains_key("ignore_above") =>
            {
                field.definition.insert("ignore_above".to_owned(), KEYWORD_LETTERS_MAX.into());
                let text = "longer values aren't found; without it they are rejected";
                field.note_parameter("ignore_above", Effect::Dropped, text);
            }
            "constant_keyword" => constant(field, target),
            "counted_keyword" => keyword(field, Effect::Dropped, "keyword, which counts documents and not values"),
            "unsigned_long" if !target.is_opensearch_from(2, 8) => {
                field.set_kind("double");
                field.note(Effect::Dropped, "double, which rounds what is over 2^53 in searches");
            }
            "match_only_text" | "patterned_text" => only_text(field, &kind, target),
            "semantic_text" if !text_is_object || field.place == Place::MultiField => {
                field.definition.retain(|key, _| matches!(key.as_str(), "fields" | "meta" | "copy_to"));
                field.set_kind("text");
                field.note(Effect::Dropped, "text, found by its words and not by its meaning");
            }
            "aggregate_metric_double" => metrics(field),
            "passthrough" => {
                field.definition.retain(|key, _| matches!(key.as_str(), "properties" | "dynamic" | "enabled"));
                field.set_kind("object");
                field.note(Effect::Dropped, "an object, whose fields are found by their full names only");
            }
            "point" | "shape" if target.is_opensearch_from(2, 4) => {
                field.set_kind(&format!("xy_{kind}"));
                field.note(Effect::Changed, format!("xy_{kind}, of the geospatial plugin"));
            }
            "feature" => renamed(field, "rank_feature"),
            "feature_vector" | "sparse_vector" => renamed(field, "rank_features"),
            "semantic_text"
            | "point"
            | "shape"
            | "histogram"
            | "exponential_histogram"
            | "rank_vectors"
            | "attachment" => {
                *field.definition = unsearched();
                field.note(Effect::Dropped, format!("kept and not searched; the target has nothing like {kind}"));
            }
            _ => {}
        }
        Ok(())
    })
}

fn keyword(field: &mut Field<'_>, effect: Effect, text: &str) {
    field.definition.retain(|key, _| OF_KEYWORDS.contains(&key.as_str()));
    field.definition.shift_insert(0, "type".to_owned(), "keyword".into());
    field.note(effect, text);
}

fn constant(field: &mut Field<'_>, target: Server) {
    if !field.definition.contains_key("value") {
        keyword(field, Effect::Changed, "keyword; no document has had a value so far");
    } else if !target.is_opensearch_from(2, 14) {
        keyword(field, Effect::Dropped, "keyword; documents that don't say the value aren't found by it");
    } else if field.definition.shift_remove("meta").is_some() {
        field.note_parameter("meta", Effect::Changed, "gone; no search asks for it");
    }
}

fn only_text(field: &mut Field<'_>, kind: &str, target: Server) {
    let new = if target.is_opensearch_from(2, 12) { "match_only_text" } else { "text" };
    if new == kind {
        return;
    }
    field.definition.retain(|key, _| matches!(key.as_str(), "fields" | "meta" | "copy_to" | "analyzer"));
    field.set_kind(new);
    field.note(Effect::Changed, new.to_owned());
}

/// A field for each metric that documents have.
fn metrics(field: &mut Field<'_>) {
    let metrics = match field.definition.get("metrics") {
        Some(Value::Array(metrics)) => metrics.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let of = |name: &str| if name == "value_count" { "long" } else { "double" };
    let fields =
        metrics.iter().map(|name| (name.clone(), Map::from_iter([("type".to_owned(), of(name).into())]).into()));
    let fields: Map<String, Value> = fields.collect();
    *field.definition =
        Map::from_iter([("type".to_owned(), "object".into()), ("properties".to_owned(), fields.into())]);
    field.note(Effect::Dropped, format!("an object with `{}`; ask for these", metrics.join("`, `")));
}

fn renamed(field: &mut Field<'_>, new: &str) {
    field.set_kind(new);
    field.note(Effect::Changed, new.to_owned());
}
