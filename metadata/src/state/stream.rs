//! Data streams, with the template that made them and the aliases that name them.

use serde_json::{Map, Value, json};

use super::{State, StateError, empty, start};
use crate::item::{Kind, SourceItem};
use crate::pattern;

/// What is behind the name of a data stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataStream {
    /// The field with the time of a document; every document has one.
    pub timestamp_field: String,
    /// Its indices, the oldest first: new documents go to the last.
    pub indices: Vec<String>,
    /// How many indices it ever had.
    pub generation: u64,
    /// The index template that it gets its mapping from; none: no template of the snapshot is for this name.
    pub template: Option<String>,
}

impl DataStream {
    /// What is behind `item`; none: it is another kind.
    #[must_use]
    pub fn of(item: &SourceItem) -> Option<Self> {
        if item.kind != Kind::DataStream {
            return None;
        }
        let indices = item.rest.get("indices")?.as_array()?;
        Some(Self {
            timestamp_field: item.rest.get("timestamp_field")?.as_str()?.to_owned(),
            indices: indices.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            generation: item.rest.get("generation").and_then(Value::as_u64).unwrap_or_default(),
            template: item.rest.get("template").and_then(Value::as_str).map(str::to_owned),
        })
    }
}

/// `{"name", "timestamp_field": {"name"}, "indices": [{"index_name", "index_uuid"}], "generation", "hidden"?, …}`.
pub fn understand(name: &str, body: Map<String, Value>) -> Result<SourceItem, String> {
    let field = body.get("timestamp_field").and_then(|field| field.get("name")).and_then(Value::as_str);
    let field = field.ok_or("it has no `timestamp_field`")?;
    let Some(Value::Array(indices)) = body.get("indices") else { return Err("it has no `indices`".to_owned()) };
    let index = |index: &Value| {
        let name = index.get("index_name").and_then(Value::as_str);
        name.map(Value::from).ok_or_else(|| format!("an index of it has no name: {}", start(index)))
    };
    let indices: Vec<Value> = indices.iter().map(index).collect::<Result<_, _>>()?;
    let mut item = empty(Kind::DataStream, name);
    item.rest.insert("timestamp_field".to_owned(), field.into());
    item.rest.insert("indices".to_owned(), indices.into());
    for key in ["generation", "hidden"] {
        if let Some(value) = body.get(key) {
            item.rest.insert(key.to_owned(), value.clone());
        }
    }
    Ok(item)
}

/// Adds to each stream the template that is for it and the aliases that name it.
pub fn complete(state: &mut State, aliases: Option<Value>) {
    let templates: Vec<(String, SourceItem)> =
        state.items.iter().filter(|item| makes_streams(item)).map(|item| (item.name.clone(), item.clone())).collect();
    let streams = || |item: &&mut SourceItem| item.kind == Kind::DataStream;
    for stream in state.items.iter_mut().filter(streams()) {
        let fitting = templates.iter().filter(|(_, template)| is_for(template, &stream.name));
        if let Some((name, _)) = fitting.max_by_key(|(_, template)| priority(template)) {
            stream.rest.insert("template".to_owned(), name.clone().into());
        }
    }
    let aliases = match aliases {
        None | Some(Value::Null) => return,
        Some(Value::Object(aliases)) => aliases,
        Some(other) => {
            let text = format!("their aliases are no object but {}", start(&other));
            state.errors.push(StateError { kind: Kind::DataStream, name: None, text });
            return;
        }
    };
    for (alias, body) in aliases {
        for stream in state.items.iter_mut().filter(streams()) {
            if names(&body, &stream.name) {
                let details = details(&body, &stream.name);
                stream.aliases.insert(alias.clone(), details);
            }
        }
    }
}

fn makes_streams(item: &SourceItem) -> bool {
    item.kind == Kind::IndexTemplate && item.rest.get("data_stream").is_some_and(Value::is_object)
}

fn priority(template: &SourceItem) -> u64 {
    template.rest.get("priority").and_then(Value::as_u64).unwrap_or_default()
}

fn is_for(template: &SourceItem, stream: &str) -> bool {
    let patterns = template.rest.get("index_patterns").and_then(Value::as_array);
    let mut patterns = patterns.into_iter().flatten().filter_map(Value::as_str);
    patterns.any(|pattern| pattern::matches(pattern, stream))
}

fn names(alias: &Value, stream: &str) -> bool {
    let streams = alias.get("data_streams").and_then(Value::as_array);
    streams.into_iter().flatten().any(|name| name == stream)
}

/// `{"data_streams": […], "write_data_stream"?, "filters"?: {stream: filter}}` as an index's alias says it.
fn details(alias: &Value, stream: &str) -> Value {
    let mut details = Map::new();
    if let Some(filter) = alias.get("filters").and_then(|filters| filters.get(stream)) {
        details.insert("filter".to_owned(), filter.clone());
    }
    if alias.get("write_data_stream").is_some_and(|write| write == stream) {
        details.insert("is_write_index".to_owned(), json!(true));
    }
    details.into()
}
