//! How many fields a mapping may have, and how deep.

use serde_json::{Map, Value};

use crate::item::{Effect, Item, Kind, Refusal};
use crate::rule::{Example, Rule, Versions};

const ID: &str = "mapping-limits";

/// The limits, and what they are where nothing is said.
const LIMITS: [(&str, u64); 3] = [
    ("index.mapping.total_fields.limit", 1000),
    ("index.mapping.depth.limit", 20),
    ("index.mapping.nested_fields.limit", 50),
];

/// The rule for limits.
pub const RULES: &[Rule] = &[Rule {
    id: ID,
    what: "Limits of a mapping are raised to what it has; that of fields so that as many more can come as in a new index.",
    why: "Before Elasticsearch 5.0 there were none, and an index with more than 1000 fields is refused today.",
    source: "https://www.elastic.co/guide/en/elasticsearch/reference/5.0/breaking_50_mapping_changes.html",
    applies: |_| true,
    apply,
    examples: &[Example {
        source: "Elasticsearch 2.4.6",
        target: "OpenSearch 2.19.4",
        before: r#"{"settings": {"index.mapping.total_fields.limit": "3"}, "mappings": {"properties": {
            "a": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "o": {"properties": {"b": {"type": "long"}}}}}}"#,
        after: r#"{"settings": {"index.mapping.total_fields.limit": "1004"}, "mappings": {"properties": {
            "a": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "o": {"properties": {"b": {"type": "long"}}}}}}"#,
        notes: &["changed index.mapping.total_fields.limit: 1004; the mapping has 4"],
    }],
}];

/// What a mapping has.
#[derive(Default)]
struct Counts {
    fields: u64,
    depth: u64,
    nested: u64,
}

impl Counts {
    fn add(&mut self, fields: &Map<String, Value>, depth: u64) {
        for definition in fields.values().filter_map(Value::as_object) {
            self.fields += 1;
            self.depth = self.depth.max(depth);
            if definition.get("type").is_some_and(|kind| kind == "nested") {
                self.nested += 1;
            }
            if let Some(Value::Object(inner)) = definition.get("properties") {
                self.add(inner, depth + 1);
            }
            self.fields += definition.get("fields").and_then(Value::as_object).map_or(0, |fields| fields.len() as u64);
        }
    }
}

fn apply(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    // What a template's mapping becomes a part of isn't known here.
    let (Kind::Index, Some(Value::Object(fields))) = (item.kind, item.mapping.get("properties")) else { return Ok(()) };
    let mut has = Counts::default();
    has.add(fields, 1);
    let has = [has.fields, has.depth, has.nested];
    for ((key, default), has) in LIMITS.into_iter().zip(has) {
        let limit = match item.settings.get(key) {
            Some(Value::String(limit)) => limit.parse().unwrap_or(default),
            Some(limit) => limit.as_u64().unwrap_or(default),
            None => default,
        };
        if has <= limit {
            continue;
        }
        let new = if key.contains("total") { has + default } else { has };
        item.settings.insert(key.to_owned(), new.to_string().into());
        item.note(ID, Effect::Changed, key, format!("{new}; the mapping has {has}"));
    }
    Ok(())
}
