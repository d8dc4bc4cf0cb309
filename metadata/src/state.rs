//! The state of a cluster in a snapshot → items.
//!
//! ```text
//! templates.NAME                            legacy templates
//! component_template.component_template.…   component templates
//! index_template.index_template.…           index templates
//! data_stream.{data_stream, …_aliases}.…    data streams
//! ingest.pipeline[]                         pipelines: {id, config}
//! index_lifecycle.policies.…                ILM policies
//! ```
//! In: the value of `meta-data` of a snapshot. Out: its items by kind and name; what is in the way of one is an error by
//! its name, the others go on. Parts of the state that no item is made from are named, so that nothing is lost silently.
//!
//! Holds: never panics on any input. Not here: indices, which snapshots keep one by one ([`SourceItem::index`]); ISM
//! policies of OpenSearch, which are documents of the system index `.opendistro-ism-config`, not part of the state.
//! After: Elasticsearch `Metadata#toXContent`, `IndexTemplateMetadata`, `ComposableIndexTemplate`, `DataStream`,
//! `IngestMetadata`, `IndexLifecycleMetadata`.

mod needs;
mod stream;
mod templates;

use serde_json::{Map, Value};

use crate::item::{Kind, SourceItem};

pub use stream::DataStream;

/// Parts of the state that hold nothing that anybody wrote, or nothing of use elsewhere.
const OF_NO_USE: [&str; 11] = [
    "version",
    "cluster_uuid",
    "uuid",
    "cluster_uuid_committed",
    "cluster_coordination",
    "index-graveyard",
    "persistent_tasks",
    "registered_snapshots",
    "reserved_state",
    "licenses",
    "cluster_state_manifest",
];

/// What the state of a cluster holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// In the order of the state.
    pub items: Vec<SourceItem>,
    /// What makes no sense.
    pub errors: Vec<StateError>,
    /// Parts that hold something and that no item is made from: `stored_scripts`, `settings` of the cluster, ….
    pub others: Vec<String>,
}

/// An item, or all of a kind, that can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {}: {text}", name.as_deref().unwrap_or("(all)"))]
pub struct StateError {
    /// What it should be.
    pub kind: Kind,
    /// Its name; none where it is about all of the kind.
    pub name: Option<String>,
    /// What is wrong.
    pub text: String,
}

/// Reads the state of a cluster.
#[must_use]
pub fn read(metadata: Value) -> State {
    let mut state = State::default();
    let Value::Object(mut parts) = metadata else {
        let text = "the state of the cluster is no object".to_owned();
        state.errors.push(StateError { kind: Kind::LegacyTemplate, name: None, text });
        return state;
    };
    let pipelines = inner(&mut parts, "ingest", "pipeline");
    state.listed(pipelines, Kind::Pipeline);
    let policies = inner(&mut parts, "index_lifecycle", "policies");
    state.named(policies, Kind::Policy, policy);
    let templates = parts.shift_remove("templates");
    state.named(templates, Kind::LegacyTemplate, templates::legacy);
    let components = inner(&mut parts, "component_template", "component_template");
    state.named(components, Kind::ComponentTemplate, templates::component);
    let composable = inner(&mut parts, "index_template", "index_template");
    state.named(composable, Kind::IndexTemplate, templates::index);
    let aliases = parts.get_mut("data_stream").and_then(|part| part.get_mut("data_stream_aliases")).map(Value::take);
    let streams = inner(&mut parts, "data_stream", "data_stream");
    state.named(streams, Kind::DataStream, stream::understand);
    stream::complete(&mut state, aliases);
    let others = parts.into_iter().filter(|(name, part)| !OF_NO_USE.contains(&name.as_str()) && holds_something(part));
    state.others.extend(others.map(|(name, _)| name));
    state
}

/// An item's name, to be filled by those who understand its body.
fn empty(kind: Kind, name: &str) -> SourceItem {
    SourceItem {
        kind,
        name: name.to_owned(),
        settings: Map::new(),
        mappings: Vec::new(),
        aliases: Map::new(),
        rest: Map::new(),
    }
}

/// Takes `parts.outer.inner`; null or missing is none.
fn inner(parts: &mut Map<String, Value>, outer: &str, inner: &str) -> Option<Value> {
    match parts.shift_remove(outer)? {
        Value::Object(mut part) => part.shift_remove(inner),
        Value::Null => None,
        other => Some(other),
    }
}

fn holds_something(part: &Value) -> bool {
    match part {
        Value::Null => false,
        Value::Object(fields) => fields.values().any(holds_something),
        Value::Array(values) => !values.is_empty(),
        _ => true,
    }
}

impl State {
    /// Items that are members of an object, by their names.
    fn named(
        &mut self,
        members: Option<Value>,
        kind: Kind,
        understand: fn(&str, Map<String, Value>) -> Result<SourceItem, String>,
    ) {
        let members = match members {
            None | Some(Value::Null) => return,
            Some(Value::Object(members)) => members,
            Some(other) => return self.nonsense(kind, None, format!("they are no object but {}", start(&other))),
        };
        for (name, body) in members {
            let item = match body {
                Value::Object(body) => understand(&name, body),
                other => Err(format!("it is no object but {}", start(&other))),
            };
            match item {
                Ok(item) => self.items.push(item),
                Err(text) => self.nonsense(kind, Some(name), text),
            }
        }
    }

    /// Items that are elements of a list: `{"id", "config"}`.
    fn listed(&mut self, elements: Option<Value>, kind: Kind) {
        let elements = match elements {
            None | Some(Value::Null) => return,
            Some(Value::Array(elements)) => elements,
            Some(other) => return self.nonsense(kind, None, format!("they are no list but {}", start(&other))),
        };
        for mut element in elements {
            let name = element.get("id").and_then(Value::as_str).map(str::to_owned);
            let Some(name) = name else {
                self.nonsense(kind, None, format!("one has no `id`: {}", start(&element)));
                continue;
            };
            match element.get_mut("config").map(Value::take).map(document) {
                Some(Ok(rest)) => self.items.push(SourceItem { rest, ..empty(kind, &name) }),
                Some(Err(text)) => self.nonsense(kind, Some(name), text),
                None => self.nonsense(kind, Some(name), "it has no `config`".to_owned()),
            }
        }
    }

    fn nonsense(&mut self, kind: Kind, name: Option<String>, text: String) {
        self.errors.push(StateError { kind, name, text });
    }
}

/// An object, or the text of one.
fn document(value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(fields) => Ok(fields),
        Value::String(text) => {
            serde_json::from_str(&text).map_err(|_| "it is a text that is no JSON object".to_owned())
        }
        other => Err(format!("it is no object but {}", start(&other))),
    }
}

/// What a value begins with: enough to find it by.
fn start(value: &Value) -> String {
    let text = value.to_string();
    let cut = text.char_indices().nth(60).map_or(text.len(), |(at, _)| at);
    text.get(..cut).unwrap_or_default().to_owned()
}

/// `{"policy": {"phases"}, "headers", "version", "modified_date"}`: the headers are the credentials of who wrote it.
fn policy(name: &str, mut body: Map<String, Value>) -> Result<SourceItem, String> {
    let Some(Value::Object(policy)) = body.shift_remove("policy") else { return Err("it has no `policy`".to_owned()) };
    let mut item = empty(Kind::Policy, name);
    item.rest.insert("policy".to_owned(), policy.into());
    Ok(item)
}

#[cfg(test)]
mod tests;
