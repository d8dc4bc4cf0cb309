//! What Elasticsearch 7 has and later versions call by another name, or no longer know.

use anyhow::Result;
use serde_json::json;
use tests::http::Http;

use crate::index;

/// Analysis in names that are deprecated, n-grams that need a limit raised, parameters that went.
pub fn fill(http: &Http) -> Result<()> {
    let analysis = json!({
        "tokenizer": {
            "pieces": {"type": "nGram", "min_gram": 2, "max_gram": 5, "token_chars": ["letter"]},
            "starts": {"type": "edgeNGram", "min_gram": 2, "max_gram": 5, "token_chars": ["letter"]},
            "path": {"type": "PathHierarchy", "delimiter": "/"},
        },
        "filter": {
            "bits": {"type": "nGram", "min_gram": 3, "max_gram": 5},
            "heads": {"type": "edgeNGram", "min_gram": 1, "max_gram": 4},
            "pairs": {"type": "shingle", "min_shingle_size": 2, "max_shingle_size": 6},
        },
        "analyzer": {
            "pieces": {"tokenizer": "pieces", "filter": ["lowercase"]},
            "starts": {"tokenizer": "starts", "filter": ["lowercase"]},
            "path": {"tokenizer": "path"},
            "bits": {"tokenizer": "standard", "char_filter": ["html_strip"], "filter": ["lowercase", "bits"]},
            "heads": {"tokenizer": "standard", "filter": ["lowercase", "heads"]},
            "pairs": {"tokenizer": "standard", "filter": ["lowercase", "pairs"]},
        },
    });
    let settings = json!({"analysis": analysis, "max_ngram_diff": 3, "max_shingle_diff": 5});
    let field = |analyzer: &str| json!({"type": "text", "analyzer": analyzer, "search_analyzer": "standard"});
    let properties = json!({
        "pieces": field("pieces"), "starts": field("starts"), "path": field("path"), "bits": field("bits"),
        "heads": field("heads"), "pairs": field("pairs"), "boosted": {"type": "text", "boost": 2.0},
    });
    let text = |words: &str| {
        json!({"pieces": words, "starts": words, "path": "/var/log/www", "bits": format!("<b>{words}</b>"), "heads": words,
               "pairs": words, "boosted": words})
    };
    let documents = ["Harbour lamp", "Winter garden", "Stone harbour", "Night letters"].map(text);
    index(http, "grams", json!({"settings": settings, "mappings": {"properties": properties}}), &documents)?;
    let old = json!({"index_patterns": ["older-*", "old-*"], "order": 7, "version": 2,
        "settings": {"analysis": {"filter": {"f": {"type": "edgeNGram", "max_gram": 3}}, "analyzer": {"a": {"tokenizer": "standard", "filter": ["f"]}}}},
        "mappings": {"properties": {"t": {"type": "text", "analyzer": "a"}}}, "aliases": {"older": {"is_write_index": false}}});
    http.put("/_template/grams", old)?;
    Ok(())
}
