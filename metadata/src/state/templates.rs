//! Templates of all three kinds.

use serde_json::{Map, Value};

use super::{document, empty, start};
use crate::item::{Kind, SourceItem};
use crate::settings;

/// The type of a mapping in a cluster without types.
const DOC: &str = "_doc";

/// `{"order", "index_patterns" or "template", "version"?, "settings", "mappings", "aliases"}`.
pub fn legacy(name: &str, mut body: Map<String, Value>) -> Result<SourceItem, String> {
    let mut item = empty(Kind::LegacyTemplate, name);
    item.settings = settings::flat(body.shift_remove("settings"))?;
    item.mappings = by_type(body.shift_remove("mappings"))?;
    item.aliases = aliases(body.shift_remove("aliases"))?;
    let is_text = |value: &Value| value.as_str().is_some_and(|pattern| !pattern.is_empty());
    let has_patterns = match (body.get("index_patterns"), body.get("template")) {
        (Some(Value::Array(patterns)), _) => !patterns.is_empty() && patterns.iter().all(is_text),
        (None, Some(pattern)) => is_text(pattern),
        _ => false,
    };
    if !has_patterns {
        return Err("it says no index patterns".to_owned());
    }
    item.rest = body;
    Ok(item)
}

/// `{"template": {"settings", "mappings", "aliases"}, "version"?, "_meta"?}`.
pub fn component(name: &str, body: Map<String, Value>) -> Result<SourceItem, String> {
    composable(Kind::ComponentTemplate, name, body)
}

/// The same, with `index_patterns`, `composed_of`, `priority`, `data_stream`.
pub fn index(name: &str, body: Map<String, Value>) -> Result<SourceItem, String> {
    match body.get("index_patterns") {
        Some(Value::Array(patterns)) if !patterns.is_empty() => composable(Kind::IndexTemplate, name, body),
        _ => Err("it says no index patterns".to_owned()),
    }
}

fn composable(kind: Kind, name: &str, mut body: Map<String, Value>) -> Result<SourceItem, String> {
    let mut item = empty(kind, name);
    let mut template = match body.shift_remove("template") {
        None | Some(Value::Null) => Map::new(),
        Some(template) => document(template).map_err(|text| format!("`template`: {text}"))?,
    };
    item.settings = settings::flat(template.shift_remove("settings"))?;
    item.mappings = without_type(template.shift_remove("mappings"))?;
    item.aliases = aliases(template.shift_remove("aliases"))?;
    item.rest = body;
    if !template.is_empty() {
        item.rest.insert("template".to_owned(), template.into());
    }
    Ok(item)
}

/// An element for each type as `{type: mapping}`, or all of them in one object; texts where they were compressed.
fn by_type(value: Option<Value>) -> Result<Vec<(String, Value)>, String> {
    let elements = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(elements)) => elements,
        Some(single) => vec![single],
    };
    let mut types = Vec::new();
    for element in elements {
        types.extend(document(element).map_err(|text| format!("a mapping: {text}"))?);
    }
    Ok(types)
}

/// A mapping that may be in `_doc`.
fn without_type(value: Option<Value>) -> Result<Vec<(String, Value)>, String> {
    let mapping = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(value) => document(value).map_err(|text| format!("the mapping: {text}"))?,
    };
    let is_typed = mapping.len() == 1 && mapping.get(DOC).is_some_and(Value::is_object);
    if is_typed {
        return Ok(mapping.into_iter().collect());
    }
    Ok(vec![(DOC.to_owned(), mapping.into())])
}

/// Aliases by name, or a list of such objects, or of names.
pub(super) fn aliases(value: Option<Value>) -> Result<Map<String, Value>, String> {
    let elements = match value {
        None | Some(Value::Null) => return Ok(Map::new()),
        Some(Value::Object(aliases)) => return Ok(aliases),
        Some(Value::Array(elements)) => elements,
        Some(other) => return Err(format!("the aliases are no object but {}", start(&other))),
    };
    let mut aliases = Map::new();
    for element in elements {
        match element {
            Value::Object(some) => aliases.extend(some),
            Value::String(name) => drop(aliases.insert(name, Map::new().into())),
            other => return Err(format!("an alias is no object but {}", start(&other))),
        }
    }
    Ok(aliases)
}
