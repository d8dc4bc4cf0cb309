//! Types that were linked by `_parent`.
//!
//! In: the types of an item. Out: who belongs together, and the field that links them from now on.
//! After: Elasticsearch 6.0 "`_parent` field" and "join datatype".

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Type;
use crate::item::{Effect, Item, Refusal};

const TO_JOIN: &str = "parent-to-join";
const ROUTING_ONLY: &str = "parent-to-routing";

/// What becomes of `_parent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parent {
    /// A field of type `join`, added to the documents: `has_child` and `has_parent` go on working.
    #[default]
    Join,
    /// Nothing but the routing, which the documents have anyway: no field is added, the link can't be queried.
    Routing,
}

/// The field that the documents of types with `_parent` get, and their parents too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Its name; no mapping of the item had it before.
    pub field: String,
    /// The types that are linked, which are the names of the relations too, and the parent type of each that is a
    /// child. Documents of other types don't get the field.
    pub types: BTreeMap<String, Option<String>>,
}

/// The type that `mapping` names as its parent.
fn parent(mapping: &Map<String, Value>) -> Option<&str> {
    mapping.get("_parent")?.get("type")?.as_str()
}

/// Child and parent of each link.
fn links(types: &[Type]) -> BTreeMap<String, String> {
    let links = types.iter().filter_map(|each| Some((each.name.clone(), parent(&each.mapping)?.to_owned())));
    links.collect()
}

/// The topmost parent of each type, which is the type itself where it has none.
pub(super) fn roots(types: &[Type]) -> Result<BTreeMap<String, String>, Refusal> {
    let links = links(types);
    let root = |name: &str| {
        let mut root = name;
        // As many steps as there are links lead to the top, or round in a circle.
        for _ in 0..=links.len() {
            match links.get(root) {
                Some(above) => root = above,
                None => return Ok((name.to_owned(), root.to_owned())),
            }
        }
        let text = "the parents of this type lead back to it; leave the index out".to_owned();
        Err(Refusal { rule: TO_JOIN, at: format!("mappings.{name}._parent"), text })
    };
    types.iter().map(|each| root(&each.name)).collect()
}

/// Takes `_parent` out of the types' mappings, and makes the join field of `item` where there is to be one.
pub(super) fn link(item: &mut Item, types: &mut [Type], to: Parent) {
    let links = links(types);
    for each in types.iter_mut() {
        let Some(old) = each.mapping.shift_remove("_parent") else { continue };
        // Before 6.0, `_parent` alone made routing required; where nothing says so any more, it must be said.
        let at = format!("mappings.{}._parent", each.name);
        let parent = old.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        if to == Parent::Routing {
            each.mapping.insert("_routing".to_owned(), json!({"required": true}));
            let text =
                format!("no link to `{parent}` any more; the documents keep their routing, which was the parent");
            item.note(ROUTING_ONLY, Effect::Dropped, at, text);
        }
    }
    if to == Parent::Routing || links.is_empty() {
        return;
    }
    let field = free_name(types);
    let mut relations: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (child, parent) in &links {
        relations.entry(parent).or_default().push(child);
        let text =
            format!("`{field}`, a join field whose relation `{child}` has the parent `{parent}`; added to documents");
        item.note(TO_JOIN, Effect::Changed, format!("mappings.{child}._parent"), text);
    }
    let names: BTreeSet<&String> = links.keys().chain(links.values()).collect();
    let types = names.into_iter().map(|name| (name.clone(), links.get(name).cloned())).collect();
    item.mapping.insert("properties".to_owned(), json!({ &field: {"type": "join", "relations": relations} }));
    item.join = Some(Join { field, types });
}

/// A name for the join field that no type has as a field.
fn free_name(types: &[Type]) -> String {
    let mut name = "parent_join".to_owned();
    while types.iter().any(|each| each.mapping.get("properties").is_some_and(|fields| fields.get(&name).is_some())) {
        name.push('_');
    }
    name
}
