//! What only OpenSearch 2 and later know.

use anyhow::{Context, Result};
use serde_json::json;
use tests::http::Http;

use crate::index;

/// Young field types, derived fields, a stream under a template.
pub fn fill(http: &Http) -> Result<()> {
    let mappings = json!({
        "derived": {"double_n": {"type": "long", "script": {"source": "emit(doc['n'].value * 2)"}}},
        "properties": {
            "labels": {"type": "flat_object"}, "pattern": {"type": "wildcard"}, "same": {"type": "constant_keyword", "value": "always"},
            "message": {"type": "match_only_text"}, "n": {"type": "long"}, "big": {"type": "unsigned_long"},
            "link": {"type": "alias", "path": "n"},
        },
    });
    let document = |n: usize| {
        json!({"labels": {"os": format!("os{}", n % 3), "deep": {"rack": format!("r{n}")}}, "pattern": format!("/var/log/{n}.log"),
               "message": format!("winter tide number {n}"), "n": n, "big": 18_446_744_073_709_551_000_u64 + n as u64})
    };
    index(http, "young", json!({"mappings": mappings}), &(0..12).map(document).collect::<Vec<_>>())?;
    let replicated = json!({"settings": {"replication.type": "DOCUMENT", "search.idle.after": "40s", "merge.policy": "log_byte_size"}});
    index(http, "set-up", replicated, &[json!({"n": 1})])?;
    let template = json!({"index_patterns": ["clicks-*"], "priority": 500, "data_stream": {"timestamp_field": {"name": "when"}},
        "template": {"settings": {"number_of_replicas": 0}, "mappings": {"properties": {"when": {"type": "date"}, "host": {"type": "keyword"}}}}});
    http.put("/_index_template/clicks", template)?;
    for n in 0..9 {
        let click = json!({"when": format!("2024-01-0{}T00:00:00Z", n + 1), "host": format!("h{}", n % 3)});
        http.post("/clicks-web/_doc?op_type=create", click).context("write to a data stream")?;
    }
    Ok(())
}
