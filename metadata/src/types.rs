//! Mapping types: what was one index with several types becomes several indices, or one index with one mapping.
//!
//! In: an item as the source kept it. Out: one or several with one mapping each, and which types go where.
//! Holds: every type of the source is in exactly one of them; no mapping is nested deeper than [`DEPTH_MAX`], so that
//! whoever comes after may walk it by calling itself. Not here: what a field's mapping means (`rules::mapping`).
//! After: Elasticsearch 7.0 "Removal of mapping types", 6.0 "Parent-join and its performance".

mod about;
mod family;
mod merge;
mod names;
mod percolator;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

use crate::item::{Effect, Item, Kind, Note, Refusal, SourceItem};

pub use about::{ABOUT, About};
pub use family::{Join, Parent};

/// The mapping type that only says what others begin with.
pub const DEFAULT_TYPE: &str = "_default_";

/// The one type of an index that has no types.
pub const NO_TYPE: &str = "_doc";

/// How deep a mapping's JSON may be nested; servers stop at 20 objects in each other, which is 40 here.
pub const DEPTH_MAX: usize = 200;

/// What becomes of types, of what linked them, and of names.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What becomes of an index with several types.
    pub multi_type: MultiType,
    /// What becomes of `_parent`.
    pub parent: Parent,
    /// Other names. Of an index the first one counts that matches its name; of a type in an index with several the first
    /// that matches `INDEX/TYPE`, and its parents' where it stays with them. Types of one name are united.
    pub names: Vec<Naming>,
}

/// What becomes of an index with several mapping types, where no name is given to a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MultiType {
    /// An index for each type, named `INDEX-TYPE`; types that are parent and child stay together.
    #[default]
    Split,
    /// One index whose mapping has the fields of all types.
    Union,
}

/// Another name on the target.
#[derive(Debug, Clone)]
pub struct Naming {
    /// Matches the whole of a name of the source.
    pattern: Regex,
    /// The name on the target; `$1` and `${name}` stand for what the pattern's groups matched.
    name: String,
}

/// A type and its mapping.
struct Type {
    name: String,
    mapping: Map<String, Value>,
}

/// The item without types, or as many items as there are to be.
///
/// # Errors
/// A mapping that is no object or too deep, types whose mappings contradict each other, names that meet.
pub fn resolve(source: SourceItem, options: &Options) -> Result<Vec<Item>, Refusal> {
    let SourceItem { kind, name, settings, mappings, aliases, rest } = source;
    let mut notes = Vec::new();
    let types = types(kind, mappings, &mut notes)?;
    let groups = names::groups(kind, name, types, options)?;
    let several = groups.len() > 1;
    let mut items = Vec::with_capacity(groups.len());
    for (to, group) in groups {
        let mut item = Item {
            kind,
            types: if several { group.iter().map(|each| each.name.clone()).collect() } else { Vec::new() },
            settings: settings.clone(),
            mapping: Map::new(),
            aliases: aliases.clone(),
            rest: rest.clone(),
            join: None,
            withheld: BTreeMap::new(),
            notes: notes.clone(),
            name: to,
        };
        if several {
            names::note_split(&mut item);
        }
        merge::into(&mut item, group, options)?;
        items.push(item);
    }
    Ok(items)
}

/// The types that documents can have, each with a mapping that isn't too deep.
fn types(kind: Kind, mappings: Vec<(String, Value)>, notes: &mut Vec<Note>) -> Result<Vec<Type>, Refusal> {
    let mut types = Vec::new();
    let mut default = None;
    for (name, mapping) in mappings {
        let refused = |text: String| Refusal { rule: "type-removal", at: format!("mappings.{name}"), text };
        if is_deeper(&mapping, DEPTH_MAX) {
            return Err(refused(format!("the mapping is nested deeper than {DEPTH_MAX}; leave the item out")));
        }
        let Value::Object(mapping) = mapping else {
            return Err(refused(format!("the mapping is no object but {mapping}")));
        };
        if name == DEFAULT_TYPE { default = Some(mapping) } else { types.push(Type { name, mapping }) }
    }
    if let Some(default) = default {
        merge::default_type(kind, default, &mut types, notes);
    }
    percolator::convert(&mut types, notes);
    Ok(types)
}

/// Whether there are more than `max` objects and lists in each other.
fn is_deeper(value: &Value, max: usize) -> bool {
    let mut level = vec![value];
    for _ in 0..=max {
        let inside = level.into_iter().flat_map(|value| match value {
            Value::Object(fields) => fields.values().collect(),
            Value::Array(elements) => elements.iter().collect(),
            _ => Vec::new(),
        });
        level = inside.collect();
        if level.is_empty() {
            return false;
        }
    }
    true
}

/// The note of a decision made here.
fn note(rule: &'static str, effect: Effect, at: impl Into<String>, text: impl Into<String>) -> Note {
    Note { rule, effect, at: at.into(), text: text.into() }
}
