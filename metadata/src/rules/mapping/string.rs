//! `string` becomes `text` or `keyword`.
//!
//! After: Elasticsearch 5.6 `StringFieldMapper.TypeParser`, which did the same as long as there were indices of 2.x.

use serde_json::Value;

use super::from_before_6;
use super::walk::{self, Field, Place};
use super::words::is_true;
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};

const STRING: &str = "string-to-text-or-keyword";
const MULTI_FIELD: &str = "multi-field-type";

const MAPPING_CHANGES: &str =
    "https://www.elastic.co/guide/en/elasticsearch/reference/5.0/breaking_50_mapping_changes.html";

/// What a `keyword` has no use for: nothing is left of it but whole values.
const NOT_OF_KEYWORDS: [&str; 8] = [
    "analyzer",
    "index_analyzer",
    "search_analyzer",
    "search_quote_analyzer",
    "position_offset_gap",
    "position_increment_gap",
    "term_vector",
    "fielddata",
];

/// The rules for strings.
pub const RULES: &[Rule] = &[
    Rule {
        id: MULTI_FIELD,
        what: "A field of type `multi_field` becomes the one of its `fields` that has its name, with the others in `fields`.",
        why: "Since Elasticsearch 1.0 every field can have `fields`; 2.0 took the type away.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/1.7/_multi_fields.html",
        applies: |versions| versions.source.is_elasticsearch_before(2, 0),
        apply: multi_field,
        examples: &[Example {
            source: "Elasticsearch 1.7.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"properties": {"title": {"type": "multi_field", "path": "full", "fields": {
                "title": {"type": "string"}, "raw": {"type": "string", "index": "not_analyzed"}}}}}}"#,
            after: r#"{"mappings": {"properties": {"title": {"type": "string", "fields": {
                "raw": {"type": "string", "index": "not_analyzed"}}}}}}"#,
            notes: &["changed mappings.properties.title: `string` with `fields`"],
        }],
    },
    Rule {
        id: STRING,
        what: "`string` becomes `keyword` where it was `not_analyzed`, else `text`; its parameters get the words of today.",
        why: "Since Elasticsearch 5.0 there are two types. `text` can be sorted and aggregated by only with `fielddata`, \
              which takes heap and is switched on only where the mapping itself asked for it.",
        source: MAPPING_CHANGES,
        applies: from_before_6,
        apply: string,
        examples: &[
            Example {
                source: "Elasticsearch 2.4.6",
                target: "OpenSearch 2.19.4",
                before: r#"{"mappings": {"properties": {
                    "title": {"type": "string", "index": "analyzed", "norms": {"enabled": false}, "fields": {
                        "raw": {"type": "string", "index": "not_analyzed", "ignore_above": 256}}},
                    "payload": {"type": "string", "index": "no", "store": true}}}}"#,
                after: r#"{"mappings": {"properties": {
                    "title": {"type": "text", "norms": false, "fields": {
                        "raw": {"type": "keyword", "ignore_above": 256}}},
                    "payload": {"type": "text", "index": false, "store": true}}}}"#,
                notes: &[
                    "changed mappings.properties.title: text",
                    "changed mappings.properties.title.fields.raw: keyword",
                    "changed mappings.properties.payload: text that isn't searched",
                ],
            },
            Example {
                source: "Elasticsearch 1.7.6",
                target: "OpenSearch 2.19.4",
                before: r#"{"mappings": {"properties": {
                    "a": {"type": "string", "index_analyzer": "folded", "omit_norms": true, "position_offset_gap": 100,
                        "null_value": "none", "ignore_above": 1000},
                    "b": {"type": "string", "fielddata": {"filter": {"frequency": {"min": 0.001}}}},
                    "c": {"type": "string", "fielddata": {"format": "disabled"}},
                    "d": {"type": "string", "index": "not_analyzed", "doc_values": "false", "norms": {"enabled": true},
                        "index_options": "positions", "analyzer": "simple"}}}}"#,
                after: r#"{"mappings": {"properties": {
                    "a": {"type": "text", "analyzer": "folded", "norms": false, "position_increment_gap": 100},
                    "b": {"type": "text", "fielddata": true, "fielddata_frequency_filter": {"min": 0.001}},
                    "c": {"type": "text"},
                    "d": {"type": "keyword", "doc_values": "false", "norms": true}}}}"#,
                notes: &[
                    "dropped mappings.properties.a.null_value: a text has none",
                    "dropped mappings.properties.a.ignore_above: a text has none",
                    "changed mappings.properties.a: text",
                    "changed mappings.properties.b: text",
                    "changed mappings.properties.c: text",
                    "changed mappings.properties.d: keyword, which can't be sorted or aggregated by",
                ],
            },
            Example {
                source: "Elasticsearch 1.7.6",
                target: "OpenSearch 3.8.0",
                before: r#"{"mappings": {"dynamic_templates": [{"ids": {"match": "*_id", "mapping": {
                    "type": "string", "index": "not_analyzed"}}}]}}"#,
                after: r#"{"mappings": {"dynamic_templates": [{"ids": {"match": "*_id", "mapping": {"type": "keyword"}}}]}}"#,
                notes: &["changed mappings.dynamic_templates.ids: keyword"],
            },
        ],
    },
];

fn multi_field(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    walk::fields(item, MULTI_FIELD, |field| {
        if field.kind() != "multi_field" {
            return Ok(());
        }
        let mut fields = match field.definition.shift_remove("fields") {
            Some(Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        // In a dynamic template, the name is that of whatever field comes up.
        let own = if field.place == Place::Template { "{name}" } else { field.name };
        let main = match fields.shift_remove(own) {
            Some(Value::Object(main)) => main,
            _ => serde_json::Map::from_iter([("type".to_owned(), "string".into()), ("index".to_owned(), "no".into())]),
        };
        *field.definition = main;
        if !fields.is_empty() {
            field.definition.insert("fields".to_owned(), fields.into());
        }
        let text = format!("`{}` with `fields`", field.kind());
        field.note(Effect::Changed, text);
        Ok(())
    })
}

fn string(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    walk::fields(item, STRING, |field| {
        if field.kind() == "string" {
            let index = field.definition.shift_remove("index");
            match index.as_ref().and_then(Value::as_str) {
                Some("not_analyzed") => keyword(field),
                Some("no") => text(field, false),
                _ if index == Some(Value::Bool(false)) => text(field, false),
                _ => text(field, true),
            }
        }
        Ok(())
    })
}

fn keyword(field: &mut Field<'_>) {
    field.set_kind("keyword");
    for key in NOT_OF_KEYWORDS {
        field.definition.shift_remove(key);
    }
    if field.definition.get("index_options").is_some_and(|value| value == "positions" || value == "offsets") {
        field.definition.shift_remove("index_options");
    }
    let norms = norms(field);
    if norms == Some(true) {
        field.definition.insert("norms".to_owned(), true.into());
    }
    let text = match field.definition.get("doc_values") {
        Some(value) if !is_true(value) => "keyword, which can't be sorted or aggregated by without `doc_values`",
        _ => "keyword",
    };
    field.note(Effect::Changed, text);
}

fn text(field: &mut Field<'_>, searched: bool) {
    field.set_kind("text");
    field.definition.shift_remove("doc_values");
    let analyzer = field.definition.shift_remove("index_analyzer");
    if let Some(index_analyzer) = analyzer {
        // `analyzer` was for both, and `index_analyzer` only for what is indexed.
        if let Some(both) = field.definition.insert("analyzer".to_owned(), index_analyzer) {
            field.definition.entry("search_analyzer").or_insert(both);
        }
    }
    if norms(field) == Some(false) {
        field.definition.insert("norms".to_owned(), false.into());
    }
    if let Some(gap) = field.definition.shift_remove("position_offset_gap") {
        field.definition.insert("position_increment_gap".to_owned(), gap);
    }
    if let Some(fielddata) = field.definition.shift_remove("fielddata")
        && searched
    {
        self::fielddata(field, &fielddata);
    }
    field.drop_parameter("null_value", "a text has none: documents that lack the field aren't found by it");
    field.drop_parameter("ignore_above", "a text has none: longer values are searched too");
    if searched {
        field.note(Effect::Changed, "text");
    } else {
        field.definition.insert("index".to_owned(), false.into());
        field.note(Effect::Changed, "text that isn't searched");
    }
}

/// Takes away what a field says about norms: `norms: {enabled, loading}`, `omit_norms`, or true and false.
fn norms(field: &mut Field<'_>) -> Option<bool> {
    let omitted = field.definition.shift_remove("omit_norms").map(|value| !is_true(&value));
    let said = match field.definition.shift_remove("norms") {
        Some(Value::Object(norms)) => norms.get("enabled").map(is_true),
        Some(value) => Some(is_true(&value)),
        None => None,
    };
    said.or(omitted)
}

/// Keeps fielddata where the mapping asked for it: it says how, and not that there is none.
fn fielddata(field: &mut Field<'_>, fielddata: &Value) {
    let wanted = match fielddata {
        Value::Object(how) => how.get("format").is_none_or(|format| format != "disabled" && format != "doc_values"),
        value => is_true(value),
    };
    if !wanted {
        return;
    }
    field.definition.insert("fielddata".to_owned(), true.into());
    let filter = fielddata.get("filter").and_then(|filter| filter.get("frequency")).cloned();
    if let Some(filter) = filter {
        field.definition.insert("fielddata_frequency_filter".to_owned(), filter);
    }
}
