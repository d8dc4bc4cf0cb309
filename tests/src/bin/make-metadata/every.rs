//! What every server can have: what gets in the way of a load, and settings that decide where documents are.

use anyhow::Result;
use serde_json::{Value, json};
use tests::http::Http;
use tests::servers::Product;

use crate::index;

/// Fills an empty server.
pub fn fill(http: &Http, product: Product) -> Result<()> {
    pipelines(http, product)?;
    blocks(http)?;
    routing(http)?;
    tuned(http)?;
    types(http)
}

/// Pipelines that are settings of an index: run again over documents they would change them a second time.
fn pipelines(http: &Http, product: Product) -> Result<()> {
    // Elasticsearch 8 has its processors in modules that the tests don't have.
    let step = |field: &str| match product {
        Product::Elasticsearch8 => json!([]),
        _ => json!([{"set": {"field": field, "value": "{{_index}}"}}]),
    };
    http.put(
        "/_ingest/pipeline/on-arrival",
        json!({"description": "notes the index", "processors": step("arrived_in")}),
    )?;
    http.put("/_ingest/pipeline/at-last", json!({"processors": step("last_in"), "version": 3}))?;
    let documents: Vec<Value> = (0..8).map(|n| json!({"n": n, "word": format!("w{}", n % 3)})).collect();
    index(http, "piped", json!({"mappings": {"properties": {"word": {"type": "keyword"}}}}), &documents)?;
    let settings = json!({"index.default_pipeline": "on-arrival", "index.final_pipeline": "at-last"});
    http.put("/piped/_settings", settings)?;
    Ok(())
}

fn blocks(http: &Http) -> Result<()> {
    for block in ["write", "read_only"] {
        let name = format!("blocked-{}", block.replace('_', "-"));
        let documents: Vec<Value> = (0..5).map(|n| json!({"n": n})).collect();
        index(http, &name, json!({"aliases": {"blocked": {}}}), &documents)?;
        http.put(&format!("/{name}/_settings"), json!({format!("index.blocks.{block}"): true}))?;
    }
    Ok(())
}

/// A routing means two of six shards.
fn routing(http: &Http) -> Result<()> {
    let settings = json!({"number_of_shards": 6, "routing_partition_size": 2});
    let mappings = json!({"_routing": {"required": true}, "properties": {"of": {"type": "keyword"}}});
    let aliases = json!({"of-anna": {"routing": "anna"}});
    index(http, "partitioned", json!({"settings": settings, "mappings": mappings, "aliases": aliases}), &[])?;
    for n in 0..60 {
        let of = ["anna", "bruno", "chen", "dmitri", "esin"][n % 5];
        http.put(&format!("/partitioned/_doc/p{n}?routing={of}"), json!({"of": of, "n": n}))?;
    }
    http.flush("partitioned")
}

/// Settings of every kind: kept, private, and of no use elsewhere.
fn tuned(http: &Http) -> Result<()> {
    let settings = json!({
        "codec": "best_compression", "refresh_interval": "7s", "max_result_window": 2000, "max_terms_count": 5000,
        "mapping": {"total_fields": {"limit": 1500}, "depth": {"limit": 15}, "ignore_malformed": true, "coerce": false},
        "query": {"default_field": ["title"]}, "priority": 9, "gc_deletes": "90s",
        "translog": {"durability": "async", "sync_interval": "9s", "flush_threshold_size": "100mb"},
        "search": {"slowlog": {"threshold": {"query": {"warn": "10s"}}}},
        "indexing": {"slowlog": {"source": "500"}}, "merge": {"scheduler": {"max_thread_count": 1}},
        "similarity": {"flat": {"type": "BM25", "b": 0.0, "k1": 1.1}, "default": {"type": "boolean"}},
        "sort": {"field": ["year", "title.raw"], "order": ["desc", "asc"], "missing": ["_last", "_first"]},
        "routing": {"allocation": {"total_shards_per_node": 100}},
    });
    let mappings = json!({
        "dynamic": "strict", "date_detection": false, "_meta": {"owner": "books", "n": [1, null, {"é": true}]},
        "properties": {
            "title": {"type": "text", "similarity": "flat", "norms": false, "index_options": "freqs",
                      "fields": {"raw": {"type": "keyword", "ignore_above": 20, "eager_global_ordinals": true}}},
            "year": {"type": "short", "ignore_malformed": true, "coerce": true},
            "note": {"type": "text", "index_prefixes": {"min_chars": 2, "max_chars": 6}, "index_phrases": true,
                     "position_increment_gap": 7},
            "price": {"type": "float", "null_value": 9.5},
            "internal": {"type": "object", "enabled": false},
        },
    });
    let book = |n: usize| {
        json!({"title": if n < 8 { format!("Book {n} series") } else { format!("Book {n} of the long, long series") }, "year": if n == 3 { json!("soon") } else { json!(1990 + n % 7) },
               "note": format!("winter tide number {n}"), "price": if n.is_multiple_of(4) { Value::Null } else { json!(n) },
               "internal": {"any": [n, {"deep": true}]}})
    };
    index(http, "tuned", json!({"settings": settings, "mappings": mappings}), &(0..20).map(book).collect::<Vec<_>>())
}

/// Dates in words of their own, and what is noticed in documents that nobody mapped.
fn types(http: &Http) -> Result<()> {
    let mappings = json!({
        "numeric_detection": true, "dynamic_date_formats": ["yyyy/MM/dd", "dd.MM.yyyy"],
        "dynamic_templates": [
            {"codes": {"match": "*_code", "unmatch": "x_*", "match_mapping_type": "string", "mapping": {"type": "keyword"}}},
            {"numbers": {"path_match": "measured.*", "match_mapping_type": "long", "mapping": {"type": "double"}}},
            {"words": {"match_mapping_type": "string", "mapping": {"type": "text", "fields": {"exact": {"type": "keyword", "ignore_above": 99}}}}},
        ],
        "properties": {
            "day": {"type": "date", "format": "yyyy-MM-dd||epoch_second"},
            "plain": {"type": "date", "format": "basic_date"},
            "span": {"type": "date_range", "format": "dd.MM.yyyy"},
            "at": {"type": "date", "format": "yyyy-MM-dd'T'HH:mm:ssXXX", "null_value": "2000-01-01T00:00:00+01:00"},
            "words": {"type": "keyword", "split_queries_on_whitespace": true},
            "place": {"type": "geo_point", "ignore_malformed": true, "null_value": "1,2"},
            "people": {"type": "nested", "include_in_parent": true, "properties": {"name": {"type": "keyword"}}},
        },
    });
    let document = |n: usize| {
        json!({
            "day": if n.is_multiple_of(2) { json!(format!("2024-02-{:02}", n + 1)) } else { json!(1_706_745_600 + n * 86_400) },
            "plain": format!("202407{:02}", n + 1),
            "span": {"gte": format!("{:02}.03.2024", n + 1), "lt": format!("{:02}.03.2024", n + 4)},
            "at": format!("2024-04-{:02}T00:30:00+02:00", n + 1), "words": format!("red blue{n}"), "place": format!("{n},{n}"),
            "people": [{"name": format!("p{n}")}, {"name": "all"}], "zip_code": format!("0{n}"), "x_code": "some words",
            "measured": {"height": n}, "seen": format!("2024/05/{:02}", n + 1), "also": format!("{:02}.06.2024", n + 1), "count": format!("{n}"),
        })
    };
    index(http, "typed", json!({"mappings": mappings}), &(0..12).map(document).collect::<Vec<_>>())
}
