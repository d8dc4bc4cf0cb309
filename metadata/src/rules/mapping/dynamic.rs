//! What fields that come up later are to be.
//!
//! OpenSearch doesn't look into a dynamic template before a document needs it, so what is wrong in one doesn't show when
//! the index is created: it rejects documents.

use serde_json::{Map, Value};

use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule};

const TYPES: &str = "dynamic-template-types";
const LISTS: &str = "dynamic-template-lists";
const RUNTIME: &str = "dynamic-template-runtime";

/// What JSON values can be taken for, and any of it.
const ANY: &str = "*";
const KNOWN: [&str; 8] = [ANY, "object", "string", "long", "double", "boolean", "date", "binary"];

/// The parameters that are patterns for names.
const PATTERNS: [&str; 4] = ["match", "unmatch", "path_match", "path_unmatch"];

/// The rules for dynamic templates.
pub const RULES: &[Rule] = &[
    Rule {
        id: RUNTIME,
        what: "A dynamic template that makes runtime fields is dropped.",
        why: "OpenSearch has no runtime fields; a new field gets the type that its first value suggests.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.17/runtime-mapping-fields.html",
        applies: |versions| versions.source.is_elasticsearch_from(7, 11) && versions.target.is_opensearch(),
        apply: runtime,
        examples: &[Example {
            source: "Elasticsearch 8.19.21",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"dynamic_templates": [
                {"as_runtime": {"match_mapping_type": "string", "runtime": {}}},
                {"ids": {"match": "*_id", "mapping": {"type": "keyword"}}}]}}"#,
            after: r#"{"mappings": {"dynamic_templates": [{"ids": {"match": "*_id", "mapping": {"type": "keyword"}}}]}}"#,
            notes: &["dropped mappings.dynamic_templates.as_runtime: OpenSearch has no runtime fields"],
        }],
    },
    Rule {
        id: LISTS,
        what: "A dynamic template with lists of names gets regular expressions, and one for each type where types are a list.",
        why: "Lists came with Elasticsearch 8.9; OpenSearch takes `[\"a*\", \"b*\"]` for the one pattern `[a*, b*]`, which nothing matches.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/8.9/dynamic-templates.html",
        applies: |versions| versions.source.is_elasticsearch_from(8, 0) && versions.target.is_opensearch(),
        apply: lists,
        examples: &[
            Example {
                source: "Elasticsearch 8.19.21",
                target: "OpenSearch 3.8.0",
                before: r#"{"mappings": {"dynamic_templates": [{"ids": {
                    "match": ["*_id", "key.*"], "unmatch": "no_*", "mapping": {"type": "keyword"}}}]}}"#,
                after: r#"{"mappings": {"dynamic_templates": [{"ids": {
                    "match": ".*_id|key\\..*", "unmatch": "no_.*", "mapping": {"type": "keyword"},
                    "match_pattern": "regex"}}]}}"#,
                notes: &["changed mappings.dynamic_templates.ids: regular expressions"],
            },
            Example {
                source: "Elasticsearch 8.19.21",
                target: "OpenSearch 2.19.4",
                before: r#"{"mappings": {"dynamic_templates": [
                    {"numbers": {"match_mapping_type": ["long", "double"], "mapping": {"type": "float"}}}]}}"#,
                after: r#"{"mappings": {"dynamic_templates": [
                    {"numbers-long": {"match_mapping_type": "long", "mapping": {"type": "float"}}},
                    {"numbers-double": {"match_mapping_type": "double", "mapping": {"type": "float"}}}]}}"#,
                notes: &["changed mappings.dynamic_templates.numbers: one for each of long, double"],
            },
            Example {
                source: "Elasticsearch 8.19.21",
                target: "OpenSearch 2.19.4",
                before: r#"{"mappings": {"dynamic_templates": [{"rest": {"match": "*",
                    "unmatch_mapping_type": ["object", "string", "boolean", "date", "binary"],
                    "mapping": {"type": "float"}}}]}}"#,
                after: r#"{"mappings": {"dynamic_templates": [
                    {"rest-long": {"match": "*", "mapping": {"type": "float"}, "match_mapping_type": "long"}},
                    {"rest-double": {"match": "*", "mapping": {"type": "float"}, "match_mapping_type": "double"}}]}}"#,
                notes: &["changed mappings.dynamic_templates.rest: one for each of long, double"],
            },
        ],
    },
    Rule {
        id: TYPES,
        what: "A dynamic template for a type that no JSON value is taken for is dropped.",
        why: "Before Elasticsearch 6.0 `match_mapping_type` could be anything, and one such as `float` never matched; now it is refused.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/5.0/breaking_50_mapping_changes.html",
        applies: |versions| versions.source.is_elasticsearch_before(6, 0),
        apply: types,
        examples: &[Example {
            source: "Elasticsearch 1.7.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"kind": "legacy template", "mappings": {"dynamic_templates": [
                {"float_fields": {"match": "*", "match_mapping_type": "float", "mapping": {"type": "float", "doc_values": true}}},
                {"double_fields": {"match": "*", "match_mapping_type": "double", "mapping": {"type": "double"}}}]}}"#,
            after: r#"{"kind": "legacy template", "mappings": {"dynamic_templates": [
                {"double_fields": {"match": "*", "match_mapping_type": "double", "mapping": {"type": "double"}}}]}}"#,
            notes: &["changed mappings.dynamic_templates.float_fields: gone; it never matched"],
        }],
    },
];

/// Replaces each template by those that `make` makes of it; `None` leaves it.
pub(super) fn each(
    item: &mut Item,
    mut make: impl FnMut(&mut Item, &str, &Map<String, Value>) -> Option<Vec<(String, Map<String, Value>)>>,
) {
    let Some(Value::Array(templates)) = item.mapping.get_mut("dynamic_templates") else { return };
    let templates = std::mem::take(templates);
    let had_some = !templates.is_empty();
    let mut all = Vec::with_capacity(templates.len());
    for template in templates {
        let one = template.as_object().and_then(|template| template.iter().next());
        let new = match one {
            Some((name, Value::Object(body))) => make(item, name, body),
            _ => None,
        };
        match new {
            Some(new) => {
                all.extend(new.into_iter().map(|(name, body)| Value::from(Map::from_iter([(name, body.into())]))))
            }
            None => all.push(template),
        }
    }
    if all.is_empty() && had_some {
        item.mapping.shift_remove("dynamic_templates");
    } else {
        item.mapping.insert("dynamic_templates".to_owned(), all.into());
    }
}

pub(super) fn at(name: &str) -> String {
    format!("mappings.dynamic_templates.{name}")
}

fn runtime(item: &mut Item, _: crate::Versions) -> Result<(), Refusal> {
    each(item, |item, name, body| {
        body.get("runtime")?;
        item.note(
            RUNTIME,
            Effect::Dropped,
            at(name),
            "OpenSearch has no runtime fields; new fields get a type of their own",
        );
        Some(Vec::new())
    });
    Ok(())
}

fn types(item: &mut Item, _: crate::Versions) -> Result<(), Refusal> {
    each(item, |item, name, body| {
        let of = body.get("match_mapping_type")?.as_str()?;
        if KNOWN.contains(&of) {
            return None;
        }
        item.note(TYPES, Effect::Changed, at(name), format!("gone; it never matched, as no value is taken for {of}"));
        Some(Vec::new())
    });
    Ok(())
}

fn lists(item: &mut Item, _: crate::Versions) -> Result<(), Refusal> {
    each(item, |item, name, body| {
        let mut body = body.clone();
        let has_lists = PATTERNS.iter().any(|key| body.get(*key).is_some_and(Value::is_array));
        if has_lists {
            as_regex(&mut body);
            item.note(LISTS, Effect::Changed, at(name), "regular expressions, as names can't be lists");
        }
        let not = words(body.get("unmatch_mapping_type"));
        if not.is_empty() && !body.get("match_mapping_type").is_some_and(Value::is_array) {
            return has_lists.then(|| vec![(name.to_owned(), body)]);
        }
        let mut of = words(body.get("match_mapping_type"));
        if of.is_empty() || of.iter().any(|of| of == ANY) {
            of = KNOWN.iter().filter(|of| **of != ANY).map(|of| (*of).to_owned()).collect();
        }
        of.retain(|of| !not.contains(of));
        body.shift_remove("unmatch_mapping_type");
        item.note(LISTS, Effect::Changed, at(name), format!("one for each of {}", of.join(", ")));
        let of_each = of.into_iter().map(|of| {
            let mut body = body.clone();
            body.insert("match_mapping_type".to_owned(), of.clone().into());
            (format!("{name}-{of}"), body)
        });
        Some(of_each.collect())
    });
    Ok(())
}

/// The words of a list, or the only word.
fn words(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(word)) => vec![word.clone()],
        _ => Vec::new(),
    }
}

/// Makes every pattern a regular expression that matches the same names.
fn as_regex(body: &mut Map<String, Value>) {
    let is_regex = body.get("match_pattern").is_some_and(|kind| kind == "regex");
    let one = |pattern: &str| {
        if is_regex { pattern.to_owned() } else { pattern.split('*').map(regex::escape).collect::<Vec<_>>().join(".*") }
    };
    for key in PATTERNS {
        let Some(value) = body.get_mut(key) else { continue };
        let patterns = match &*value {
            Value::Array(patterns) => patterns.iter().filter_map(Value::as_str).map(one).collect(),
            Value::String(pattern) => vec![one(pattern)],
            _ => continue,
        };
        *value = patterns.join("|").into();
    }
    body.insert("match_pattern".to_owned(), "regex".into());
}
