//! Aliases: filters in words that are gone, and aliases of data streams.

mod dsl;

use serde_json::{Map, Value, json};

use crate::item::{Effect, Item, Kind, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::settings::text;

/// The rules for aliases.
pub const RULES: &[Rule] = &[
    Rule {
        id: "alias-type-filter",
        what: "A filter by mapping type becomes `match_all` where the index has that one type, and `match_none` where it \
               has others. Where types were united it stays, with a warning.",
        why: "There is no `_type` to ask for: such a filter finds nothing or is refused. What it kept apart are now \
              different indices.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.17/removal-of-types.html; the query `type` is \
                 refused by OpenSearch 2.19, 3.8, Elasticsearch 8.19",
        applies: |versions| versions.source.is_elasticsearch_before(7, 0),
        apply: type_filter,
        examples: &[
            Example {
                source: "Elasticsearch 5.6.16",
                target: "OpenSearch 2.19.4",
                before: r#"{"aliases": {"tweets": {"filter": {"bool": {"must": [{"term": {"_type": "tweet"}}]}}}}}"#,
                after: r#"{"aliases": {"tweets": {"filter": {"bool": {"must": [{"match_all": {}}]}}}}}"#,
                notes: &["changed aliases.tweets.filter: the type tweet is all of the index"],
            },
            Example {
                source: "Elasticsearch 5.6.16",
                target: "OpenSearch 2.19.4",
                before: r#"{"kind": "legacy template", "aliases": {"tweets": {"filter": {"type": {"value": "tweet"}}}}}"#,
                after: r#"{"kind": "legacy template", "aliases": {"tweets": {"filter": {"type": {"value": "tweet"}}}}}"#,
                notes: &["warning aliases.tweets.filter: it asks for the type tweet"],
            },
        ],
    },
    Rule {
        id: "alias-filter-words",
        what: "Filters of aliases in the words of Elasticsearch 1.x and 2.x are written as queries: `and`, `or`, `not`, \
               `missing`, `filtered`, `query`, `fquery`, `in`, `numeric_range`, and without `_cache`, `_cache_key`, \
               `execution`.",
        why: "They mean the same; the old words are refused since Elasticsearch 5.0.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/5.0/breaking_50_search_changes.html; refused by \
                 Elasticsearch 7.10, 8.19, OpenSearch 1.3, 2.19, 3.8",
        applies: |versions| versions.source.is_elasticsearch_before(5, 0),
        apply: filter_words,
        examples: &[Example {
            source: "Elasticsearch 1.7.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"aliases": {"open": {"filter": {"and": [{"not": {"term": {"closed": true, "_cache": true}}},
                {"missing": {"field": "deleted"}}, {"in": {"kind": [1, 2]}}]}}}}"#,
            after: r#"{"aliases": {"open": {"filter": {"bool": {"filter": [
                {"bool": {"must_not": [{"term": {"closed": true}}]}},
                {"bool": {"must_not": [{"exists": {"field": "deleted"}}]}},
                {"terms": {"kind": [1, 2]}}]}}}}}"#,
            notes: &["changed aliases.open.filter: {\"bool\""],
        }],
    },
    Rule {
        id: "data-stream-alias",
        what: "Aliases of data streams stay behind where the target has none.",
        why: "OpenSearch has no aliases of data streams, Elasticsearch since 7.14.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.17/release-highlights.html; refused by \
                 OpenSearch 1.3, 2.19, 3.8",
        applies: |versions| !versions.target.is_elasticsearch_from(7, 14),
        apply: |item, versions| {
            if item.kind == Kind::DataStream {
                for (alias, _) in std::mem::take(&mut item.aliases) {
                    let text = format!("{} has no aliases of data streams", versions.target);
                    item.note("data-stream-alias", Effect::Dropped, format!("aliases.{alias}"), text);
                }
            }
            Ok(())
        },
        examples: &[Example {
            source: "Elasticsearch 8.19.21",
            target: "OpenSearch 2.19.4",
            before: r#"{"kind": "data stream", "timestamp_field": "@timestamp", "aliases": {"all": {}}}"#,
            after: r#"{"kind": "data stream", "timestamp_field": "@timestamp"}"#,
            notes: &["dropped aliases.all: OpenSearch 2.19.4 has no aliases of data streams"],
        }],
    },
];

/// What a filter by type is on the target.
enum ByType {
    All,
    Nothing,
    Unknown,
}

fn type_filter(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let (types, is_index) = (item.types.clone(), item.kind == Kind::Index);
    let judge = |wanted: &[String]| match types.as_slice() {
        [] if is_index => ByType::All,
        [only] if wanted.contains(only) => ByType::All,
        several if is_index && !several.iter().any(|of| wanted.contains(of)) => ByType::Nothing,
        _ => ByType::Unknown,
    };
    let mut notes = Vec::new();
    for (alias, body) in &mut item.aliases {
        let Some(filter) = body.get_mut("filter") else { continue };
        replace_types(filter, &mut |wanted| {
            let (query, effect, what) = match judge(wanted) {
                ByType::All => (Some(json!({"match_all": {}})), Effect::Changed, "is all of the index"),
                ByType::Nothing => (Some(json!({"match_none": {}})), Effect::Changed, "is in another index"),
                ByType::Unknown => (None, Effect::Warning, "and finds nothing, as there are no types"),
            };
            let words = wanted.join(", ");
            let text = match effect {
                Effect::Warning => format!("it asks for the type {words}, {what}"),
                _ => format!("the type {words} {what}"),
            };
            notes.push((effect, format!("aliases.{alias}.filter"), text));
            query
        });
    }
    for (effect, at, text) in notes {
        item.note("alias-type-filter", effect, at, text);
    }
    Ok(())
}

/// Replaces every query by type with what `by` makes of its types.
fn replace_types(query: &mut Value, by: &mut impl FnMut(&[String]) -> Option<Value>) {
    if let Some(wanted) = wanted_types(query) {
        if let Some(new) = by(&wanted) {
            *query = new;
        }
        return;
    }
    match query {
        Value::Object(fields) => fields.values_mut().for_each(|value| replace_types(value, by)),
        Value::Array(values) => values.iter_mut().for_each(|value| replace_types(value, by)),
        _ => {}
    }
}

/// The types that a query asks for, where that is all that it does.
fn wanted_types(query: &Value) -> Option<Vec<String>> {
    let (name, body) = only_member(query.as_object()?)?;
    let wanted = match name {
        "type" => body.get("value")?,
        "term" | "terms" | "match" | "in" => body.get("_type")?,
        _ => return None,
    };
    let wanted = wanted.get("value").unwrap_or(wanted);
    Some(wanted.as_array().map_or_else(|| vec![text(wanted)], |types| types.iter().map(text).collect()))
}

/// The name and value of the only member.
fn only_member(fields: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut members = fields.iter();
    let (name, value) = members.next()?;
    members.next().is_none().then_some((name.as_str(), value))
}

fn filter_words(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let mut notes = Vec::new();
    for (alias, body) in &mut item.aliases {
        let Some(filter) = body.get_mut("filter") else { continue };
        let query = dsl::query(filter.clone());
        if *filter != query {
            notes.push((format!("aliases.{alias}.filter"), query.to_string()));
            *filter = query;
        }
    }
    for (at, text) in notes {
        item.note("alias-filter-words", Effect::Changed, at, text);
    }
    Ok(())
}
