//! For the large fixtures of Elasticsearch 7 and 8 and of OpenSearch.

use serde_json::{Value, json};
use tests::answers::Query;

use super::{Set, analyze, filter, search};

/// All of them; what a server lacks is listed here.
pub fn set(fixture: &str) -> Set {
    let mut queries = orders();
    for part in [relations(), texts(), zoo(), aliases(), kept()] {
        queries.extend(part);
    }
    Set {
        repository: "main",
        snapshot: "snap-2",
        without_files: &["big-docs"],
        closed: Some("closed-idx"),
        asks_for_fields: false,
        queries,
        lacking: lacking(fixture),
    }
}

/// What a server, or its fixture, doesn't have: an index, or the label of a query.
fn lacking(fixture: &str) -> Vec<(&'static str, &'static str)> {
    const NO_ANALYSIS: &str = "the server has no analysis of its own";
    const NO_MODULE: &str = "the server has no module for the type";
    const NOT_YET: &str = "the server has no such type yet";
    let of_elasticsearch_8 = [
        ("join-qa", NO_MODULE),
        ("typed-idx", "mapping types are gone"),
        ("hard-deletes", "soft deletes can't be switched off"),
        ("analysis: synonyms and stemming at index time", NO_ANALYSIS),
        ("analysis: a normalizer of a keyword", NO_ANALYSIS),
        ("analysis: character filter, synonyms, stemmer", NO_ANALYSIS),
        ("analysis: edge n-grams", NO_ANALYSIS),
        ("analysis: a pattern", NO_ANALYSIS),
        ("fields-zoo: geo_shape", NO_MODULE),
        ("fields-zoo: token_count", NO_MODULE),
        ("fields-zoo: rank_feature", NO_MODULE),
        ("fields-zoo: search_as_you_type", NO_MODULE),
        ("fields-zoo: percolator", NO_MODULE),
        ("fields-zoo: flat_object", "only OpenSearch has the type"),
    ];
    let of_7_and_opensearch_1 = [
        ("fields-zoo: geo_shape", NO_MODULE),
        ("fields-zoo: unsigned_long", NOT_YET),
        ("fields-zoo: flat_object", NOT_YET),
    ];
    let of_opensearch_2 =
        [("typed-idx", "mapping types are gone"), ("hard-deletes", "soft deletes can't be switched off")];
    match fixture {
        "elasticsearch-7.10.2" => {
            let streams = [("ds-metrics-app", "the server has no module for data streams")];
            [&of_7_and_opensearch_1[..], &streams].concat()
        }
        "elasticsearch-8.19.21" => of_elasticsearch_8.to_vec(),
        "opensearch-1.3.20" => of_7_and_opensearch_1.to_vec(),
        _ => of_opensearch_2.to_vec(),
    }
}

fn orders() -> Vec<Query> {
    let at = |lat: f64, lon: f64| json!({"lat": lat, "lon": lon});
    let corner = json!({"top_left": at(60.0, -20.0), "bottom_right": at(20.0, 60.0)});
    let near = json!({"distance": "2000km", "loc": at(48.0, 11.0)});
    let month = json!({"field": "when", "calendar_interval": "month"});
    let steps = json!({"field": "price", "ranges": [{"to": 100}, {"from": 100, "to": 300}, {"from": 300}]});
    let facets = json!({
        "flags": {"terms": {"field": "flag"}, "aggs": {"mean": {"min": {"field": "n"}}}},
        "tags": {"terms": {"field": "tags", "size": 100}},
        "months": {"date_histogram": month},
        "prices": {"range": steps},
    });
    let name = |query: Value| json!({"query": {"match": {"cust.name": query}}});
    vec![
        search("orders", "a range of numbers", filter(json!({"range": {"n": {"gte": 100, "lt": 150}}}))),
        search("orders", "a range of fractions", filter(json!({"range": {"price": {"gte": 100, "lte": 120.5}}}))),
        search(
            "orders",
            "a range of days",
            filter(json!({"range": {"when": {"gte": "2024-03-05", "lt": "2024-03-20"}}})),
        ),
        search(
            "orders",
            "a month, rounded",
            filter(json!({"range": {"when": {"gte": "2024-05-17||/M", "lte": "2024-05-17||/M"}}})),
        ),
        search("orders", "both words of a text", name(json!({"query": "Romeo HOTEL", "operator": "and"}))),
        search("orders", "one word of a text", name(json!("данные"))),
        search("orders", "the raw form of a text", filter(json!({"prefix": {"cust.name.raw": "alpha "}}))),
        search("orders", "a network of addresses", filter(json!({"term": {"cust.ip": "10.0.0.0/10"}}))),
        search("orders", "a box of places", filter(json!({"geo_bounding_box": {"loc": corner}}))),
        search("orders", "a distance of places", filter(json!({"geo_distance": near}))),
        search("orders", "a keyword, exactly", filter(json!({"term": {"tags": "São"}}))),
        search("orders", "a keyword's pattern", filter(json!({"wildcard": {"tags": "*stra?e"}}))),
        search("orders", "a boolean", filter(json!({"term": {"flag": true}}))),
        search("orders", "a keyword by a dynamic template", filter(json!({"prefix": {"k_note": "golf "}}))),
        search("orders", "a field that nobody mapped", filter(json!({"term": {"free.deep.li.z.keyword": "alpha"}}))),
        search(
            "orders",
            "the order of numbers",
            json!({"query": {"range": {"n": {"gte": 0, "lt": 120}}}, "sort": [{"n": "desc"}]}),
        ),
        search("orders", "facets", json!({"size": 0, "aggs": facets})),
        search("dup-routing", "the raw form of a text", filter(json!({"term": {"r.keyword": "5"}}))),
        search("dup-routing", "all of an id", filter(json!({"ids": {"values": ["same"]}}))),
    ]
}

fn relations() -> Vec<Query> {
    let child = |kind: &str, query: Value| filter(json!({"has_child": {"type": kind, "query": query}}));
    let parent = |kind: &str, query: Value| filter(json!({"has_parent": {"parent_type": kind, "query": query}}));
    let alpha = json!({"match": {"body": "alpha"}});
    let children = json!({"answers": {"children": {"type": "answer"}}});
    let optional = json!({"nested": {"path": "items.opts", "query": {"bool": {"must": [
        {"term": {"items.opts.k": "a"}}, {"range": {"items.opts.v": {"gte": 128}}}]}}}});
    let deep = json!({"items": {"nested": {"path": "items"}, "aggs": {"opts": {
        "nested": {"path": "items.opts"},
        "aggs": {"k": {"terms": {"field": "items.opts.k"}, "aggs": {"most": {"max": {"field": "items.opts.v"}}}}},
    }}}});
    vec![
        search("join-qa", "parents of children", child("answer", alpha.clone())),
        search("join-qa", "children of parents", parent("question", alpha)),
        search(
            "join-qa",
            "parents of grandchildren",
            child("answer", json!({"has_child": {"type": "vote", "query": {"match_all": {}}}})),
        ),
        search("join-qa", "children of one parent", filter(json!({"parent_id": {"type": "answer", "id": "q7"}}))),
        search("join-qa", "children counted", json!({"size": 0, "aggs": children})),
        search("nested-catalog", "both in one child", filter(optional)),
        search("nested-catalog", "children counted", json!({"size": 0, "aggs": deep})),
    ]
}

fn texts() -> Vec<Query> {
    let matches = |query: Value| json!({"query": {"match": {"t": query}}});
    let text = "<b>The big</b> TV & eine Straße :) von der Häuser";
    let by = |analyzer: &str| json!({"analyzer": analyzer, "text": text});
    vec![
        search(
            "analysis",
            "synonyms and stemming at index time",
            matches(json!({"query": "television & romeo", "analyzer": "full", "operator": "and"})),
        ),
        search("analysis", "edge n-grams at search time", matches(json!({"query": "emoji", "operator": "or"}))),
        search("analysis", "a normalizer of a keyword", filter(json!({"term": {"k": "STRASSE"}}))),
        search(
            "analysis",
            "the order of the index",
            json!({"query": {"range": {"rank": {"gte": 90}}}, "sort": [{"rank": "desc"}, {"k": "asc"}]}),
        ),
        analyze("analysis", "character filter, synonyms, stemmer", by("full")),
        analyze("analysis", "edge n-grams", by("ng")),
        analyze("analysis", "a pattern", by("pat")),
        search("legacy-logs-1", "an analyzer of a template", filter(json!({"term": {"msg": "err"}}))),
        search(
            "legacy-logs-1",
            "a date of a template",
            filter(json!({"range": {"@timestamp": {"gte": "2024-03-01", "lt": "2024-06-01"}}})),
        ),
        analyze("legacy-logs-1", "an analyzer of a template", json!({"field": "msg", "text": "ERR Straße"})),
        search("app-one", "a keyword of a component template", filter(json!({"term": {"level": "info"}}))),
        search("logs-bc", "a text that nobody mapped", json!({"query": {"match": {"msg": "naïve"}}})),
        search("logs-bc", "its raw form", filter(json!({"term": {"lvl.keyword": "error"}}))),
        search(
            "logs-bc",
            "a date that was noticed",
            filter(json!({"range": {"@timestamp": {"gte": "2024-02-01", "lt": "2024-02-15"}}})),
        ),
        search(
            "logs-bc",
            "levels and codes",
            json!({"size": 0, "aggs": {"levels": {"terms": {"field": "lvl.keyword"}, "aggs": {"sum": {"sum": {"field": "code"}}}}}}),
        ),
    ]
}

fn zoo() -> Vec<Query> {
    let zoo = |name: &str, query: Value| search("fields-zoo", name, filter(query));
    let shape = json!({"type": "envelope", "coordinates": [[0.5, 0.9], [2.0, 0.1]]});
    let percolate = json!({"field": "perc", "document": {"cp": "x and y"}});
    vec![
        zoo("byte", json!({"range": {"b": {"gte": 3, "lt": 7}}})),
        zoo("short", json!({"range": {"sh": {"lte": -37}}})),
        zoo("half_float", json!({"term": {"hf": 1.5}})),
        zoo("float", json!({"range": {"fl": {"gt": 3.25, "lte": 9.75}}})),
        zoo("double", json!({"range": {"db": {"gt": 3e-7, "lte": 6.5e-7}}})),
        zoo(
            "date_nanos",
            json!({"range": {"dn": {"gt": "2024-01-01T00:00:00.000005005Z", "lte": "2024-01-01T00:00:00.000009009Z"}}}),
        ),
        zoo("date with a format", json!({"range": {"df": {"gte": "03/02/2024", "lte": "05/02/2024"}}})),
        zoo("integer_range", json!({"term": {"ir": 7}})),
        zoo("ip_range", json!({"term": {"ipr": "10.0.16.1"}})),
        zoo(
            "date_range",
            json!({"range": {"dr": {"gte": "2023-12-01", "lte": "2024-01-15", "relation": "intersects"}}}),
        ),
        zoo("geo_shape", json!({"geo_shape": {"gs": {"shape": shape, "relation": "intersects"}}})),
        zoo("geo_point", json!({"geo_bounding_box": {"gp": {"top_left": "9.5,-1", "bottom_right": "2.5,20"}}})),
        zoo("token_count", json!({"term": {"tc": 3}})),
        search(
            "fields-zoo",
            "rank_feature",
            json!({"query": {"rank_feature": {"field": "rf", "saturation": {"pivot": 8}}}, "sort": ["_score"], "size": 5}),
        ),
        search(
            "fields-zoo",
            "search_as_you_type",
            json!({"query": {"multi_match": {"query": "alpha br", "type": "bool_prefix", "fields": ["sayt", "sayt._2gram", "sayt._3gram"]}}}),
        ),
        zoo("percolator", json!({"percolate": percolate})),
        zoo("alias of a field", json!({"range": {"ali": {"gte": 3, "lt": 7}}})),
        zoo("null_value", json!({"term": {"nul": "NULL"}})),
        zoo("copy_to", json!({"match": {"all": "sierra"}})),
        zoo("unsigned_long", json!({"range": {"ul": {"gt": "18446744073709551610"}}})),
        zoo("flat_object", json!({"term": {"fo.x.z.w": "v7"}})),
    ]
}

fn aliases() -> Vec<Query> {
    let all = || json!({"query": {"match_all": {}}});
    let few = |field: &str| filter(json!({"range": {field: {"lt": 20}}}));
    vec![
        search("orders-eu", "an alias with filter and routing", all()),
        search("orders-sr", "an alias with two routings", filter(json!({"term": {"tags": "alpha"}}))),
        search("заказы", "an alias", few("n")),
        search(
            "both",
            "an alias of two indices",
            filter(json!({"bool": {"should": [{"range": {"i": {"lt": 20}}}, {"range": {"code": {"lt": 50}}}]}})),
        ),
        search("hidden-alias", "a hidden alias", few("i")),
        search("roll", "an alias with a write index", few("i")),
        search("legacy-err", "an alias with filter of a template", all()),
        search("app-all", "an alias with filter of a composable template", all()),
        search("ds-metrics-app", "a keyword in a data stream", filter(json!({"term": {"host": "h3"}}))),
        search("ds-metrics-app", "a range in a data stream", filter(json!({"range": {"v": {"gte": 0.25, "lt": 0.5}}}))),
    ]
}

fn kept() -> Vec<Query> {
    vec![
        search("src-excludes", "a field that its source leaves out", filter(json!({"term": {"secret.pw": "p7"}}))),
        search("src-includes", "a field that its source keeps", filter(json!({"range": {"keep1": {"lt": 5}}}))),
        search("typed-idx", "a number under a type of its own", filter(json!({"range": {"a": {"lt": 5}}}))),
        search("hard-deletes", "a text", json!({"query": {"match": {"t": "mike"}}})),
        search("deletes-heavy", "a number", filter(json!({"range": {"i": {"lt": 40}}}))),
        search("merged", "a text", json!({"query": {"match": {"t": "emoji"}}})),
        search("ext-version", "a number", filter(json!({"term": {"u": 1}}))),
        search("lifecycle-left", "a number", filter(json!({"term": {"i": 4}}))),
        search("logs-2024.01.01+a~b", "an odd name", filter(json!({"term": {"i": 4}}))),
        search("closed-idx", "a number", filter(json!({"range": {"i": {"lt": 5}}}))),
        search("new-in-2", "a number", filter(json!({"term": {"i": 4}}))),
    ]
}
