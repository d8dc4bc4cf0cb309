//! The target between two migrations.

use anyhow::Result;
use serde_json::json;
use tests::answers::{ITEMS, names};
use tests::http::{Http, encoded};

const STREAMS: (&str, Option<&str>) = ("_data_stream", Some("data_streams"));

/// Removes everything that a migration may have left.
pub fn wipe(http: &Http) -> Result<()> {
    remove(http, STREAMS.0, STREAMS.1)?;
    // A block keeps an index from being deleted too, and goes only by a request for nothing else.
    if http.get("/_all/_settings?expand_wildcards=all")? != json!({}) {
        http.put("/_all/_settings?expand_wildcards=all", json!({"index.blocks.read_only": false}))?;
    }
    http.delete("/_all?expand_wildcards=all")?;
    // A template must not lose a component that it is made of.
    ITEMS.iter().rev().try_for_each(|(api, list)| remove(http, api, *list))
}

/// What is there: indices, data streams, templates, pipelines.
pub fn left(http: &Http) -> Vec<String> {
    let indices = http.get("/_all/_settings?expand_wildcards=all").unwrap();
    let mut left: Vec<String> = indices.as_object().unwrap().keys().cloned().collect();
    for (api, list) in ITEMS.into_iter().chain([STREAMS]) {
        left.extend(names(http, api, list).iter().map(|name| format!("{api}/{name}")));
    }
    left
}

fn remove(http: &Http, api: &str, list: Option<&str>) -> Result<()> {
    names(http, api, list).iter().try_for_each(|name| http.delete(&format!("/{api}/{}", encoded(name))).map(drop))
}
