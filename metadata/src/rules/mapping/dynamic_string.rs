//! Dynamic templates whose type is that of the value, from when a string was a `string`.

use serde_json::{Map, Value};

use super::{dynamic, from_before_5};
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};

const ID: &str = "dynamic-template-strings";

/// What only a `string` could say.
const OF_STRINGS: [&str; 11] = [
    "analyzer",
    "index_analyzer",
    "search_analyzer",
    "norms",
    "omit_norms",
    "fielddata",
    "ignore_above",
    "term_vector",
    "index_options",
    "position_offset_gap",
    "position_increment_gap",
];

/// The rule for such templates.
pub const RULES: &[Rule] = &[Rule {
    id: ID,
    what: "A dynamic template of type `{dynamic_type}` gets one of its own for strings, where it says something about strings.",
    why: "`{dynamic_type}` was `string` for them, which `not_analyzed` made what is now `keyword`; it is `text` now, which knows no such word.",
    source: "https://www.elastic.co/guide/en/elasticsearch/reference/5.0/breaking_50_mapping_changes.html",
    applies: from_before_5,
    apply,
    examples: &[
        Example {
            source: "Elasticsearch 2.4.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"dynamic_templates": [{"raw": {"match": "*", "mapping": {
                "type": "{dynamic_type}", "index": "not_analyzed", "doc_values": true}}}]}}"#,
            after: r#"{"mappings": {"dynamic_templates": [
                {"raw-string": {"match": "*", "mapping": {"type": "string", "index": "not_analyzed", "doc_values": true},
                    "match_mapping_type": "string"}},
                {"raw": {"match": "*", "mapping": {"type": "{dynamic_type}", "doc_values": true}}}]}}"#,
            notes: &["changed mappings.dynamic_templates.raw: with one more for strings"],
        },
        Example {
            source: "Elasticsearch 1.7.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"dynamic_templates": [{"strings": {"match": "*", "match_mapping_type": "string",
                "mapping": {"type": "{dynamic_type}", "index": "not_analyzed"}}}]}}"#,
            after: r#"{"mappings": {"dynamic_templates": [{"strings": {"match": "*", "match_mapping_type": "string",
                "mapping": {"type": "string", "index": "not_analyzed"}}}]}}"#,
            notes: &["changed mappings.dynamic_templates.strings: of type `string`"],
        },
    ],
}];

fn apply(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    dynamic::each(item, |item, name, body| {
        let Some(Value::Object(mapping)) = body.get("mapping") else { return None };
        let of = body.get("match_mapping_type").and_then(Value::as_str);
        if !is_dynamic(mapping) || !says_of_strings(mapping) || !matches!(of, None | Some("*" | "string")) {
            return None;
        }
        let mut strings = body.clone();
        if let Some(Value::Object(mapping)) = strings.get_mut("mapping") {
            mapping.insert("type".to_owned(), "string".into());
        }
        if of == Some("string") {
            item.note(ID, Effect::Changed, dynamic::at(name), "of type `string`");
            return Some(vec![(name.to_owned(), strings)]);
        }
        strings.insert("match_mapping_type".to_owned(), "string".into());
        let mut others = body.clone();
        if let Some(Value::Object(mapping)) = others.get_mut("mapping") {
            mapping.retain(|key, value| !OF_STRINGS.contains(&key.as_str()) && !is_of_strings(key, value));
        }
        item.note(ID, Effect::Changed, dynamic::at(name), "with one more for strings");
        Some(vec![(format!("{name}-string"), strings), (name.to_owned(), others)])
    });
    Ok(())
}

/// Its type is that of the value.
fn is_dynamic(mapping: &Map<String, Value>) -> bool {
    match mapping.get("type") {
        Some(of) => of.as_str().is_some_and(|of| matches!(of, "{dynamic_type}" | "{dynamicType}")),
        None => !mapping.contains_key("properties") && !mapping.contains_key("enabled"),
    }
}

fn says_of_strings(mapping: &Map<String, Value>) -> bool {
    OF_STRINGS.iter().any(|key| mapping.contains_key(*key))
        || mapping.iter().any(|(key, value)| is_of_strings(key, value))
}

/// `index` with a word that only strings needed.
fn is_of_strings(key: &str, value: &Value) -> bool {
    key == "index" && value.as_str().is_some_and(|value| matches!(value, "analyzed" | "not_analyzed"))
}
