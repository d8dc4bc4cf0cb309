//! Filters of Elasticsearch 1.x and 2.x as the queries of today.
//!
//! Holds: what isn't known stays as it is, for the target to judge. JSON of a snapshot is at most 128 deep, so this may
//! call itself.
//! After: Elasticsearch 2.0 "Query DSL changes", 5.0 "Search and Query DSL changes".

use serde_json::{Map, Value, json};

use super::only_member;

/// What said how a filter was to be cached or run, beside the field that it is about.
const HINTS: [&str; 4] = ["_cache", "_cache_key", "_name", "execution"];

/// The filter as a query.
pub fn query(filter: Value) -> Value {
    let Value::Object(fields) = filter else { return filter };
    let Some((name, body)) = only_member(&fields) else { return fields.into() };
    let body = body.clone();
    match name {
        "and" => json!({"bool": {"filter": several(body)}}),
        "or" => json!({"bool": {"should": several(body)}}),
        "not" => json!({"bool": {"must_not": [query(inner(body))]}}),
        "missing" => match body.get("field") {
            Some(field) => json!({"bool": {"must_not": [{"exists": {"field": field}}]}}),
            None => fields.into(),
        },
        "filtered" => filtered(body),
        "query" => query(body),
        "fquery" => query(inner(body)),
        "constant_score" => json!({"constant_score": {"filter": query(inner(body))}}),
        "in" | "terms" => json!({"terms": without_hints(body)}),
        "range" | "numeric_range" => json!({"range": without_hints(body)}),
        "bool" => json!({"bool": clauses(body)}),
        "nested" | "has_child" | "has_parent" => named(name, body),
        "ids" => json!({"ids": without(body, &["type", "_type", "_cache", "_cache_key", "_name"])}),
        "term" | "prefix" | "exists" | "regexp" | "geo_bounding_box" | "geo_distance" | "geo_polygon" | "geo_shape" => {
            Map::from_iter([(name.to_owned(), without_hints(body))]).into()
        }
        _ => fields.into(),
    }
}

/// The filters of `and` and `or`: a list, or in `filters`.
fn several(body: Value) -> Value {
    let list = match body {
        Value::Object(mut fields) => fields.shift_remove("filters").unwrap_or_default(),
        list => list,
    };
    each(list)
}

fn each(list: Value) -> Value {
    match list {
        Value::Array(filters) => filters.into_iter().map(query).collect(),
        Value::Null => Value::Array(Vec::new()),
        single => query(single),
    }
}

/// The filter in `filter` or `query`, or the body itself.
fn inner(body: Value) -> Value {
    match without_hints(body) {
        Value::Object(mut fields) => match ["filter", "query"].iter().find_map(|name| fields.shift_remove(*name)) {
            Some(filter) => filter,
            None => fields.into(),
        },
        other => other,
    }
}

fn filtered(body: Value) -> Value {
    let mut clauses = Map::new();
    for (from, to) in [("query", "must"), ("filter", "filter")] {
        if let Some(part) = body.get(from) {
            clauses.insert(to.to_owned(), json!([query(part.clone())]));
        }
    }
    json!({"bool": clauses})
}

fn clauses(body: Value) -> Value {
    let Value::Object(fields) = without_hints(body) else { return json!({}) };
    let clause = |(name, value): (String, Value)| match name.as_str() {
        "must" | "should" | "must_not" | "filter" => (name, each(value)),
        "minimum_number_should_match" => ("minimum_should_match".to_owned(), value),
        _ => (name, value),
    };
    fields.into_iter().map(clause).collect::<Map<_, _>>().into()
}

/// `nested` and the like: their filter is a query.
fn named(name: &str, body: Value) -> Value {
    let Value::Object(mut fields) = without_hints(body) else { return json!({name: {}}) };
    if let Some(part) = ["query", "filter"].iter().find_map(|name| fields.shift_remove(*name)) {
        fields.insert("query".to_owned(), query(part));
    }
    json!({name: fields})
}

fn without_hints(body: Value) -> Value {
    without(body, &HINTS)
}

fn without(body: Value, names: &[&str]) -> Value {
    match body {
        Value::Object(mut fields) => {
            fields.retain(|name, _| !names.contains(&name.as_str()));
            fields.into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_filters_are_queries() {
        let a = || json!({"term": {"a": 1}});
        for (filter, expected) in [
            (json!({"and": {"filters": [a()], "_cache": true}}), json!({"bool": {"filter": [a()]}})),
            (
                json!({"or": [a(), {"not": {"filter": a()}}]}),
                json!({"bool": {"should": [a(), {"bool": {"must_not": [a()]}}]}}),
            ),
            (
                json!({"filtered": {"filter": {"query": {"match": {"a": "b"}}}}}),
                json!({"bool": {"filter": [{"match": {"a": "b"}}]}}),
            ),
            (json!({"fquery": {"query": {"match_all": {}}, "_cache": true}}), json!({"match_all": {}})),
            (json!({"terms": {"a": [1], "execution": "bool", "_cache": false}}), json!({"terms": {"a": [1]}})),
            (json!({"numeric_range": {"a": {"gte": 1}}}), json!({"range": {"a": {"gte": 1}}})),
            (
                json!({"bool": {"must": {"in": {"a": [1]}}, "minimum_number_should_match": 1, "_cache": true}}),
                json!({"bool": {"must": {"terms": {"a": [1]}}, "minimum_should_match": 1}}),
            ),
            (
                json!({"nested": {"path": "p", "filter": {"missing": {"field": "x"}}}}),
                json!({"nested": {"path": "p", "query": {"bool": {"must_not": [{"exists": {"field": "x"}}]}}}}),
            ),
            (json!({"ids": {"type": "t", "values": ["1"]}}), json!({"ids": {"values": ["1"]}})),
            (json!({"constant_score": {"query": a()}}), json!({"constant_score": {"filter": a()}})),
        ] {
            assert_eq!(query(filter.clone()), expected, "{filter}");
        }
    }

    #[test]
    fn what_is_not_known_or_no_query_stays() {
        for filter in [
            json!({"limit": {"value": 3}}),
            json!([1]),
            json!(null),
            json!({}),
            json!({"a": 1, "b": 2}),
            json!({"missing": {}}),
            json!({"term": {"a": {"value": 1}}}),
            json!({"match_all": {}}),
        ] {
            assert_eq!(query(filter.clone()), filter);
        }
    }
}
