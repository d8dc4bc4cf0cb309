//! Mapping types: what was one index with several types becomes several indices, or one index with one mapping.
//!
//! In: an item as the source kept it. Out: one or several with one mapping each.
//! After: Elasticsearch 7.0 "Removal of mapping types".

use serde_json::{Map, Value};

use crate::item::{Effect, Item, Refusal, SourceItem};

/// The mapping type that only says what others begin with.
pub const DEFAULT_TYPE: &str = "_default_";

/// What becomes of an index with several mapping types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MultiType {
    /// An index for each type, named `INDEX-TYPE`; types that are parent and child stay together.
    #[default]
    Split,
    /// One index whose mapping has the fields of all types.
    Union,
}

/// The item without types, or as many items as there are to be.
///
/// # Errors
/// A mapping that is no object.
pub fn resolve(source: SourceItem, multi_type: MultiType) -> Result<Vec<Item>, Refusal> {
    let SourceItem { kind, name, settings, mappings, aliases, rest } = source;
    let whole = |name: String, types: Vec<String>, mapping: Map<String, Value>| Item {
        kind,
        name,
        types,
        settings: settings.clone(),
        mapping,
        aliases: aliases.clone(),
        rest: rest.clone(),
        withheld: std::collections::BTreeMap::new(),
        notes: Vec::new(),
    };
    let mut types: Vec<(String, Map<String, Value>)> = Vec::new();
    for (of, mapping) in mappings {
        match mapping {
            Value::Object(mapping) if of != DEFAULT_TYPE => types.push((of, mapping)),
            Value::Object(_) => {}
            other => {
                let text = format!("the mapping is no object but {other}");
                return Err(Refusal { rule: "type-removal", at: format!("mappings.{of}"), text });
            }
        }
    }
    if types.len() < 2 {
        let (_, mapping) = types.pop().unwrap_or_default();
        return Ok(vec![whole(name, Vec::new(), mapping)]);
    }
    let MultiType::Split = multi_type else {
        let text = "not yet".to_owned();
        return Err(Refusal { rule: "multi-type-union", at: "mappings".to_owned(), text });
    };
    let items = types.into_iter().map(|(of, mapping)| {
        let mut item = whole(format!("{name}-{}", of.to_lowercase()), vec![of.clone()], mapping);
        item.note("multi-type-split", Effect::Changed, format!("mappings.{of}"), "an index of its own");
        item
    });
    Ok(items.collect())
}
