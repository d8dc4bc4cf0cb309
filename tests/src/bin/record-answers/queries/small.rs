//! For the small fixture of Elasticsearch 7.17.

use serde_json::{Value, json};

use super::{Set, filter, search};

/// All of them.
pub fn set() -> Set {
    let toys = |query: Value| json!({"nested": {"path": "children.toys", "query": query}});
    let children = json!({"children": {"nested": {"path": "children"}, "aggs": {"names": {"terms": {"field": "children.name", "size": 5}}}}});
    let queries = vec![
        search("ids", "a keyword, exactly", filter(json!({"term": {"name": "straße"}}))),
        search("ids", "all of an id", filter(json!({"ids": {"values": ["same"]}}))),
        search("history", "a range of numbers", filter(json!({"range": {"n": {"gte": 40, "lt": 50}}}))),
        search(
            "history",
            "the order of numbers",
            json!({"query": {"range": {"n": {"lt": 120}}}, "sort": [{"n": "desc"}]}),
        ),
        search(
            "history-hard",
            "keywords counted",
            json!({"size": 0, "aggs": {"names": {"terms": {"field": "name", "size": 20}}}}),
        ),
        search("best-compression", "a keyword's beginning", filter(json!({"prefix": {"name": "st"}}))),
        search("closed", "a keyword, exactly", filter(json!({"term": {"name": "tide"}}))),
        search("nested", "a grandchild", filter(toys(json!({"term": {"children.toys.toy": "kite"}})))),
        search("nested", "children counted", json!({"size": 0, "aggs": children})),
    ];
    Set {
        repository: "main",
        snapshot: "snap-2",
        without_files: &[],
        closed: Some("closed"),
        asks_for_fields: false,
        queries,
        lacking: Vec::new(),
    }
}
