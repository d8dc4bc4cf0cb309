//! The request that creates an item on a target.

use serde_json::{Map, Value, json};

use crate::item::{Item, Kind};
use crate::server::Server;

/// A request without its host.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// From the first `/` on; names are not percent-encoded in it.
    pub path: String,
    /// What is sent by `PUT`.
    pub body: Value,
}

/// What creates `item` on `target` under `name`.
#[must_use]
pub fn create(item: &Item, name: &str, target: Server) -> Request {
    let policies = if target.is_opensearch() { "_plugins/_ism/policies" } else { "_ilm/policy" };
    let path = match item.kind {
        Kind::Index => format!("/{name}"),
        Kind::LegacyTemplate => format!("/_template/{name}"),
        Kind::ComponentTemplate => format!("/_component_template/{name}"),
        Kind::IndexTemplate => format!("/_index_template/{name}"),
        Kind::DataStream => format!("/_data_stream/{name}"),
        Kind::Pipeline => format!("/_ingest/pipeline/{name}"),
        Kind::Policy => format!("/{policies}/{name}"),
    };
    Request { path, body: body(item) }
}

/// The item as the target's API takes it.
#[must_use]
pub fn body(item: &Item) -> Value {
    let mut body = item.rest.clone();
    let parts = [("settings", &item.settings), ("mappings", &item.mapping), ("aliases", &item.aliases)];
    let parts = parts.into_iter().filter(|(_, part)| !part.is_empty());
    let parts: Map<String, Value> = parts.map(|(name, part)| (name.to_owned(), part.clone().into())).collect();
    match item.kind {
        Kind::IndexTemplate | Kind::ComponentTemplate => {
            // What a template has beside the three is in `rest`, e.g. `lifecycle`.
            let mut template = match body.shift_remove("template") {
                Some(Value::Object(template)) => template,
                _ => Map::new(),
            };
            template.extend(parts);
            if !template.is_empty() || item.kind == Kind::ComponentTemplate {
                body.insert("template".to_owned(), template.into());
            }
        }
        Kind::DataStream => return json!({}),
        _ => body.extend(parts),
    }
    body.into()
}
