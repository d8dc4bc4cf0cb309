//! For the large fixtures of Elasticsearch 1 to 6.

use serde_json::{Value, json};
use tests::answers::Query;

use super::{Set, analyze, filter, search};

/// All that a server of this version can answer.
pub fn set(fixture: &str) -> Set {
    let major: u32 =
        fixture.trim_start_matches("elasticsearch-").chars().take(1).collect::<String>().parse().unwrap_or(0);
    let mut queries = products(major);
    for part in [logs(), family(major), alerts(major), aliases(major), others(major)] {
        queries.extend(part);
    }
    Set {
        repository: "main",
        snapshot: "second",
        without_files: if major == 5 {
            &["logs-2015.06.14", "blobs.raw"]
        } else {
            &["logs-2015.06.14", "blobs.raw", "blobs.best"]
        },
        closed: None,
        asks_for_fields: major == 1,
        queries,
        lacking: Vec::new(),
    }
}

fn products(major: u32) -> Vec<Query> {
    let kind = (major < 6).then(|| "product".to_owned());
    let place = |lat: f64, lon: f64| json!({"lat": lat, "lon": lon});
    let corner = json!({"top_left": place(60.0, -40.0), "bottom_right": place(10.0, 90.0)});
    let review = json!({"nested": {"path": "reviews", "query": {"bool": {"must": [
        {"term": {"reviews.stars": 5}}, {"match": {"reviews.text": "community"}}]}}}});
    let reply = json!({"nested": {"path": "reviews.replies", "query": {"bool": {"must": [
        {"term": {"reviews.replies.user": "staff"}}, {"match": {"reviews.replies.text": "moment"}}]}}}});
    let stars = json!({"reviews": {"nested": {"path": "reviews"}, "aggs": {"stars": {"terms": {"field": "reviews.stars", "size": 10},
        "aggs": {"replies": {"nested": {"path": "reviews.replies"}}}}}}});
    let facets = json!({"vendors": {"terms": {"field": "vendor_id", "size": 20}, "aggs": {"dearest": {"max": {"field": "price"}}}}});
    let text = |field: &str, text: &str| json!({"query": {"match": {field: text}}});
    let ask = |name: &str, body: Value| Query { kind: kind.clone(), ..search("products", name, body) };
    let mut queries = vec![
        ask("a folded text", text("name", "UNICODE")),
        ask(
            "a folded text, both words",
            json!({"query": {"match": {"name": {"query": "the Naive", "operator": "and"}}}}),
        ),
        ask("the raw form of a text", filter(json!({"prefix": {"name.raw": "T"}}))),
        ask("a stemmed text", text("description", "communities")),
        ask(
            "a keyword, exactly",
            filter(json!({"terms": {"sku": ["SKU-000007", "SKU-000008", "SKU-000010", "SKU-000011", "sku-000012"]}})),
        ),
        ask(
            "no keyword in other letters",
            json!({"query": {"bool": {"must": [{"prefix": {"sku": "odd-1"}}], "must_not": [{"prefix": {"sku": "ODD"}}]}}}),
        ),
        ask("a keyword by a dynamic template", filter(json!({"term": {"vendor_id": "V7"}}))),
        ask("a range of fractions", filter(json!({"range": {"price": {"gte": 10, "lt": 40.5}}}))),
        ask("a range of numbers", filter(json!({"range": {"stock": {"gte": 9, "lt": 30}}}))),
        ask("a boolean", filter(json!({"term": {"active": false}}))),
        ask(
            "a range of days",
            filter(json!({"range": {"added": {"gte": "2015-06-14T02:00:00Z", "lt": "2015-06-14T06:00:00Z"}}})),
        ),
        ask("a range of addresses", filter(json!({"range": {"ip": {"gte": "10.5.0.0", "lt": "10.12.0.0"}}}))),
        ask("a box of places", filter(json!({"geo_bounding_box": {"location": corner}}))),
        ask(
            "a distance of places",
            filter(json!({"geo_distance": {"distance": "3000km", "location": place(0.0, 0.0)}})),
        ),
        ask("both in one child", filter(review)),
        ask("both in one grandchild", filter(reply)),
        ask("children counted", json!({"size": 0, "aggs": stars})),
        ask("facets", json!({"size": 0, "aggs": facets})),
        ask("the order of keywords", json!({"query": {"range": {"price": {"lt": 100}}}, "sort": [{"sku": "desc"}]})),
        ask("an id under several routings", filter(json!({"ids": {"values": ["twin", "é", "a/b/c", "007"]}}))),
        ask("all of a routing", filter(json!({"term": {"_routing": "日本"}}))),
        ask(
            "what is absent",
            json!({"query": {"bool": {"must": [{"match_all": {}}], "must_not": [{"constant_score": {"filter": {"exists": {"field": "price"}}}}]}}}),
        ),
    ];
    if major >= 2 {
        let text = "The Ünïcödé of a Café";
        let by = |name: &str, body: Value| Query { kind: kind.clone(), ..analyze("products", name, body) };
        queries.push(by("an analyzer with a filter of its own", json!({"analyzer": "folded", "text": text})));
        queries.push(by("the analyzer of a field", json!({"field": "description", "text": "running communities"})));
    }
    if major < 6 {
        let log =
            |name: &str, body: Value| Query { kind: Some("review_log".to_owned()), ..search("products", name, body) };
        queries.push(log("an id of another type", filter(json!({"term": {"product": "p-1"}}))));
        queries.push(log("a text of another type", text("note", "community")));
    }
    queries
}

fn logs() -> Vec<Query> {
    let hosts =
        json!({"hosts": {"terms": {"field": "host", "size": 20}, "aggs": {"sum": {"sum": {"field": "bytes"}}}}});
    vec![
        search("logs-2015.06.15", "a keyword of a template", filter(json!({"term": {"host": "web-03.example.com"}}))),
        search("logs-2015.06.15", "a number of a template", filter(json!({"range": {"bytes": {"gte": 9, "lt": 12}}}))),
        search("logs-2015.06.15", "a text of a template", json!({"query": {"match": {"message": "mother"}}})),
        search(
            "logs-2015.06.15",
            "a date of a template",
            filter(json!({"range": {"@timestamp": {"gte": "2015-06-17T20:30:00Z", "lt": "2015-06-18"}}})),
        ),
        search("logs-2015.06.15", "a boolean that nobody mapped", filter(json!({"term": {"late": true}}))),
        search("logs-2015.06.15", "keywords counted", json!({"size": 0, "aggs": hosts})),
        search(
            "logs-2015.06.16",
            "a text of a template",
            json!({"query": {"match": {"message": "mother night people"}}}),
        ),
    ]
}

fn family(major: u32) -> Vec<Query> {
    let child = |kind: &str, query: Value| filter(json!({"has_child": {"type": kind, "query": query}}));
    let parent = |kind: &str, query: Value| filter(json!({"has_parent": {"parent_type": kind, "query": query}}));
    let name = json!({"match": {"name": "mother night people water study"}});
    let mut queries = Vec::new();
    if major < 6 {
        let of =
            |kind: &str, name: &str, body: Value| Query { kind: Some(kind.to_owned()), ..search("family", name, body) };
        queries.extend([
            of("parent", "a text", json!({"query": {"match": {"name": "mother"}}})),
            of("child", "a number", filter(json!({"range": {"age": {"gte": 10}}}))),
            of("grandchild", "all with their routing", json!({"query": {"match_all": {}}})),
            of("parent", "parents of children", child("child", json!({"range": {"age": {"gte": 15}}}))),
            of("child", "children of parents", parent("parent", name.clone())),
            of("child", "parents of grandchildren", child("grandchild", json!({"match_all": {}}))),
        ]);
    }
    if major >= 5 {
        queries.extend([
            search("family-join", "parents of children", child("child", json!({"match_all": {}}))),
            search("family-join", "children of parents", parent("parent", name)),
            search(
                "family-join",
                "children of one parent",
                filter(json!({"parent_id": {"type": "child", "id": "f7"}})),
            ),
            search(
                "family-join",
                "parents of grandchildren",
                child("child", json!({"has_child": {"type": "grandchild", "query": {"match_all": {}}}})),
            ),
        ]);
    }
    queries
}

/// Before 5 a percolator was a type, which no query asks.
fn alerts(major: u32) -> Vec<Query> {
    let percolate = |kind: Option<&str>| {
        let mut query = json!({"field": "q", "document": {"message": "an ERROR again"}});
        if let (Some(kind), Some(query)) = (kind, query.as_object_mut()) {
            query.insert("document_type".to_owned(), kind.into());
        }
        filter(json!({"percolate": query}))
    };
    let plain = Query {
        kind: (major < 5).then(|| "doc".to_owned()),
        ..search("alerts", "a text", json!({"query": {"match": {"message": "PLAIN"}}}))
    };
    let mut queries = vec![plain];
    if major == 5 {
        queries
            .push(Query { target: Some(percolate(None)), ..search("alerts", "a percolator", percolate(Some("doc"))) });
    } else if major > 5 {
        queries.push(search("alerts", "a percolator", percolate(None)));
    }
    queries
}

fn aliases(major: u32) -> Vec<Query> {
    let all = || json!({"query": {"match_all": {}}});
    let mut queries = vec![
        search("shop", "an alias", filter(json!({"term": {"vendor_id": "V3"}}))),
        search("cheap", "an alias with filter", all()),
        search("europe", "an alias with routing", filter(json!({"term": {"_routing": "eu"}}))),
        search("logs-write", "an alias with a write index", filter(json!({"range": {"bytes": {"lt": 3}}}))),
        search("all-logs", "an alias of a template", filter(json!({"term": {"host": "web-07.example.com"}}))),
        search("logs-2015.06.15-view", "an alias with filter of a template", all()),
    ];
    if major > 1 {
        // Elasticsearch 1 hashes in its own way, which no target has.
        queries.push(search("europe", "all of one shard", filter(json!({"prefix": {"sku": "SKU-0010"}}))));
    }
    queries
}

fn others(major: u32) -> Vec<Query> {
    let everywhere = |words: &str| json!({"query": {"query_string": {"query": words}}});
    let mut queries = vec![
        search("merged", "a text", json!({"query": {"match": {"w": "mother"}}})),
        search("merged", "a word in any field", everywhere("mother")),
        search(
            "merged",
            "a number",
            filter(json!({"bool": {"must": [{"term": {"part": 2}}, {"term": {"w": "night"}}]}})),
        ),
        search("versions", "a number as a text", json!({"query": {"match": {"v": "127"}}})),
        search("versions", "a number", filter(json!({"term": {"round": 4}}))),
        search("recreated", "a number", filter(json!({"term": {"life": 2}}))),
        search("partialsource", "a field that its source keeps", filter(json!({"range": {"keep2": {"lt": 5}}}))),
        search("partialsource", "a field that its source leaves out", json!({"query": {"match": {"drop": "mother"}}})),
    ];
    if major < 6 {
        queries.push(search("legacy-meta", "a number", filter(json!({"range": {"i": {"lt": 5}}}))));
        queries.push(search("legacy-meta", "all of a routing", filter(json!({"term": {"_routing": "k2"}}))));
    }
    if major < 5 {
        let when = json!({"range": {"_timestamp": {"gte": 1_434_240_000_000_u64, "lt": 1_434_240_001_000_u64}}});
        queries.push(search("legacy-meta", "the time of a document", filter(when)));
    }
    match major {
        1 => queries.push(search("lzf-source", "a text", json!({"query": {"match": {"w": "mother"}}}))),
        5 => queries.push(search("blobs.best", "a number", filter(json!({"range": {"a": {"lt": 30}}})))),
        6 => {
            let both = json!({"nested": {"path": "n", "query": {"term": {"n.a": 3}}}});
            queries.push(search("softdel", "a nested number", filter(both)));
            queries.push(search("sorted", "a number", filter(json!({"range": {"rank": {"gte": 900}}}))));
        }
        _ => {}
    }
    queries
}
