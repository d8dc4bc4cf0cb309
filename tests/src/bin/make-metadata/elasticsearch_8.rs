//! What only Elasticsearch 8 knows.

use anyhow::{Context, Result};
use serde_json::json;
use tests::http::Http;

use crate::index;

/// Flattened objects, vectors, runtime fields, kinds of indices, streams with a lifecycle.
pub fn fill(http: &Http) -> Result<()> {
    let labels =
        |n: usize| json!({"labels": {"os": format!("os{}", n % 3), "deep": {"rack": n, "tags": ["a", "b"]}}, "n": n});
    let flattened = json!({"properties": {
        "labels": {"type": "flattened", "depth_limit": 9, "ignore_above": 300, "eager_global_ordinals": true},
        "n": {"type": "integer"},
    }});
    index(http, "flattened", json!({"mappings": flattened}), &(0..12).map(labels).collect::<Vec<_>>())?;
    vectors(http)?;
    runtime(http)?;
    kinds(http)?;
    streams(http)
}

fn vectors(http: &Http) -> Result<()> {
    let hnsw = json!({"type": "hnsw", "m": 12, "ef_construction": 80});
    let properties = json!({
        "near": {"type": "dense_vector", "dims": 4, "index": true, "similarity": "l2_norm", "index_options": hnsw},
        "alike": {"type": "dense_vector", "dims": 3, "similarity": "cosine"},
        "kept": {"type": "dense_vector", "dims": 2, "index": false},
        "bytes": {"type": "dense_vector", "dims": 4, "element_type": "byte", "similarity": "dot_product"},
        "word": {"type": "keyword"},
    });
    let document = |n: usize| {
        let x = n as f64;
        json!({"near": [x, 1.0, 0.5, -x], "alike": [1.0, x, 2.0], "kept": [x, x], "bytes": [1, 2, 3, n + 1], "word": format!("v{n}")})
    };
    index(http, "vectors", json!({"mappings": {"properties": properties}}), &(0..10).map(document).collect::<Vec<_>>())
}

fn runtime(http: &Http) -> Result<()> {
    let mappings = json!({
        "runtime": {"late": {"type": "long"}, "said": {"type": "keyword"}},
        "properties": {
            "metrics": {"type": "object", "subobjects": false, "properties": {"cpu": {"type": "float"}, "cpu.max": {"type": "float"}}},
            "size": {"type": "integer", "meta": {"unit": "byte"}}, "big": {"type": "long", "time_series_metric": "gauge"},
        },
    });
    let document = |n: usize| json!({"late": n, "said": format!("s{n}"), "metrics": {"cpu": n, "cpu.max": n + 1}, "size": n, "big": n});
    index(http, "at-runtime", json!({"mappings": mappings}), &(0..6).map(document).collect::<Vec<_>>())
}

/// Their documents are kept as they were sent: where they are not, there is nothing to read.
fn kinds(http: &Http) -> Result<()> {
    let at = |n: usize| format!("2024-01-01T00:{n:02}:00Z");
    let properties = json!({"@timestamp": {"type": "date"}, "host": {"type": "keyword"}, "msg": {"type": "text"}});
    let logs = json!({"settings": {"mode": "logsdb", "mapping.source.mode": "stored"}, "mappings": {"properties": properties}});
    let line =
        |n: usize| json!({"@timestamp": at(n), "host": format!("h{}", n % 2), "msg": format!("line number {n}")});
    index(http, "logs-kind", logs, &(0..10).map(line).collect::<Vec<_>>())
}

fn streams(http: &Http) -> Result<()> {
    let component = json!({"template": {"settings": {"index.codec": "best_compression"},
        "mappings": {"properties": {"@timestamp": {"type": "date"}, "host": {"type": "keyword"}}}}, "deprecated": true, "version": 2});
    http.put("/_component_template/clicks-parts", component)?;
    let template = json!({"index_patterns": ["clicks-*"], "priority": 500, "data_stream": {"hidden": false},
        "composed_of": ["clicks-parts", "clicks-later"], "ignore_missing_component_templates": ["clicks-later"], "allow_auto_create": true,
        "template": {"lifecycle": {"data_retention": "30d"}, "settings": {"number_of_replicas": 0}}});
    http.put("/_index_template/clicks", template)?;
    for n in 0..9 {
        let click = json!({"@timestamp": format!("2024-01-0{}T00:00:00Z", n + 1), "host": format!("h{}", n % 3)});
        http.post("/clicks-web/_doc?op_type=create", click).context("write to a data stream")?;
    }
    Ok(())
}
