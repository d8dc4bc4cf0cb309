//! Values that were words, and are `true` or `false` now.

use serde_json::Value;

use super::from_before_6;
use super::walk::{self, Field};
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};

const BOOLEANS: &str = "yes-and-no";
const INDEX: &str = "index-words";

/// The parameters that are true or false; `norms` and `fielddata` were more than that, and have rules of their own.
const PARAMETERS: [&str; 14] = [
    "store",
    "doc_values",
    "coerce",
    "ignore_malformed",
    "enabled",
    "include_in_parent",
    "include_in_root",
    "eager_global_ordinals",
    "preserve_separators",
    "preserve_position_increments",
    "points_only",
    "ignore_z_value",
    "index_phrases",
    "index",
];

/// The same of the whole mapping.
const OF_ROOT: [&str; 3] = ["date_detection", "numeric_detection", "enabled"];

/// The rules for words.
pub const RULES: &[Rule] = &[
    Rule {
        id: INDEX,
        what: "`index` of anything but a string becomes `false`, or is left out: it was `no`, `analyzed` or `not_analyzed`.",
        why: "Since Elasticsearch 5.0 a field is searched or not; in what form, its type says.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/5.0/breaking_50_mapping_changes.html",
        applies: from_before_6,
        apply: index,
        examples: &[Example {
            source: "Elasticsearch 2.4.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"properties": {
                "sent": {"type": "date", "index": "not_analyzed"}, "raw": {"type": "long", "index": "no"}}}}"#,
            after: r#"{"mappings": {"properties": {"sent": {"type": "date"}, "raw": {"type": "long", "index": false}}}}"#,
            notes: &[
                "changed mappings.properties.sent.index: left out",
                "changed mappings.properties.raw.index: false",
            ],
        }],
    },
    Rule {
        id: BOOLEANS,
        what: "`yes`, `no`, `on`, `off`, 0 and 1 become `true` and `false`.",
        why: "Since Elasticsearch 6.0 nothing else is a boolean.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/6.0/breaking_60_mappings_changes.html",
        applies: from_before_6,
        apply: booleans,
        examples: &[Example {
            source: "Elasticsearch 1.7.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"date_detection": 0, "_routing": {"required": "yes"}, "properties": {
                "name": {"type": "string", "store": "yes", "doc_values": "false"},
                "done": {"type": "boolean", "null_value": "no"}}}}"#,
            after: r#"{"mappings": {"date_detection": false, "_routing": {"required": true}, "properties": {
                "name": {"type": "string", "store": true, "doc_values": "false"},
                "done": {"type": "boolean", "null_value": false}}}}"#,
            notes: &[
                "changed mappings.date_detection: false",
                "changed mappings._routing.required: true",
                "changed mappings.properties.name.store: true",
                "changed mappings.properties.done.null_value: false",
            ],
        }],
    },
];

/// What a value means that is to be true or false, where that isn't clear to a server of today.
///
/// After: Elasticsearch 2.4 `XContentMapValues#nodeBooleanValue`, by which everything is true that isn't one of the words
/// for false.
fn unclear(value: &Value) -> Option<bool> {
    match value {
        Value::String(word) if matches!(word.as_str(), "true" | "false") => None,
        Value::String(word) => Some(!matches!(word.as_str(), "no" | "off" | "0" | "")),
        Value::Number(number) => Some(number.as_f64() != Some(0.0)),
        _ => None,
    }
}

/// The meaning of a value that is to be true or false, in any of its forms.
pub(super) fn is_true(value: &Value) -> bool {
    unclear(value).unwrap_or(matches!(value, Value::Bool(true)) || value == "true")
}

fn index(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    walk::fields(item, INDEX, |field| {
        let word = field.definition.get("index").and_then(Value::as_str);
        match (field.kind(), word) {
            // What kind of field it becomes depends on it.
            ("string", _) | (_, None) => {}
            (_, Some("no")) => {
                field.definition.insert("index".to_owned(), false.into());
                field.note_parameter("index", Effect::Changed, "false");
            }
            (_, Some("analyzed" | "not_analyzed")) => {
                field.definition.shift_remove("index");
                field.note_parameter("index", Effect::Changed, "left out, as it is searched anyway");
            }
            (_, Some(_)) => {}
        }
        Ok(())
    })
}

fn booleans(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    for key in OF_ROOT {
        if let Some(clear) = item.mapping.get(key).and_then(unclear) {
            item.mapping.insert(key.to_owned(), clear.into());
            item.note(BOOLEANS, Effect::Changed, format!("mappings.{key}"), clear.to_string());
        }
    }
    for (of, key) in [("_routing", "required"), ("_source", "enabled"), ("_all", "enabled")] {
        let Some(Value::Object(inside)) = item.mapping.get_mut(of) else { continue };
        if let Some(clear) = inside.get(key).and_then(unclear) {
            inside.insert(key.to_owned(), clear.into());
            item.note(BOOLEANS, Effect::Changed, format!("mappings.{of}.{key}"), clear.to_string());
        }
    }
    walk::fields(item, BOOLEANS, |field| {
        for key in PARAMETERS {
            if key != "index" || field.kind() != "string" {
                clear_up(field, key);
            }
        }
        if field.kind() == "boolean" {
            clear_up(field, "null_value");
        }
        Ok(())
    })
}

fn clear_up(field: &mut Field<'_>, key: &str) {
    if let Some(clear) = field.definition.get(key).and_then(unclear) {
        field.definition.insert(key.to_owned(), clear.into());
        field.note_parameter(key, Effect::Changed, clear.to_string());
    }
}
