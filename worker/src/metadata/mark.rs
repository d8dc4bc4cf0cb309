//! What an index or template on the target says of a migration: `_meta.migctl` in its mapping, or in the template.
//!
//! It is there before it is true, and taken out by cleanup: a redo that knows nothing else reads it.

use std::collections::BTreeMap;

use metadata::{Item, Kind};
use serde_json::{Map, Value, json};
use target::IndexState;

/// The key under `_meta` that says that we made it.
pub const META_KEY: &str = "migctl";

/// Settings that say who an index is rather than what.
const OF_THE_INDEX: [&str; 4] = ["index.uuid", "index.creation_date", "index.provided_name", "index.version."];

/// What an index on the target says of this migration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// The migration created it; else it opened it.
    pub created: bool,
    /// Settings to put on at cleanup.
    pub withheld: BTreeMap<String, String>,
    /// Aliases to put on at cleanup.
    pub aliases: Map<String, Value>,
    /// It is to be closed at cleanup.
    pub close: bool,
}

/// Puts the mark into an index, or into a template that can carry one.
pub fn put(item: &mut Item, migration: &str, made: &Made) {
    let Made { created: _, withheld, aliases, close } = made;
    let mark = json!({ "migration": migration, "withheld": withheld, "aliases": aliases, "close": close });
    let meta = match item.kind {
        Kind::Index => &mut item.mapping,
        _ => &mut item.rest,
    };
    if let Value::Object(meta) = meta.entry("_meta").or_insert_with(|| json!({})) {
        meta.insert(META_KEY.to_owned(), mark);
    }
}

/// What an index on the target says of this migration; `None`: it has nothing to do with it.
#[must_use]
pub fn made_by(mappings: &Value, migration: &str) -> Option<Made> {
    let made = mappings.get("_meta")?.get(META_KEY)?;
    if made.get("migration")? != migration {
        return None;
    }
    let Some(withheld) = made.get("withheld").and_then(Value::as_object) else {
        return Some(Made { close: true, ..Made::default() });
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let withheld = withheld.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let aliases = made.get("aliases").and_then(Value::as_object).cloned().unwrap_or_default();
    let close = made.get("close").and_then(Value::as_bool).unwrap_or_default();
    Some(Made { created: true, withheld, aliases, close })
}

/// The `_meta` of an index of others that `migration` opens for the load: what it has, and that it is to be closed.
#[must_use]
pub fn meta_of_opened(mappings: &Value, migration: &str) -> Map<String, Value> {
    let mut meta = mappings.get("_meta").and_then(Value::as_object).cloned().unwrap_or_default();
    meta.insert(META_KEY.to_owned(), json!({ "migration": migration, "opened": true }));
    meta
}

/// The `_meta` of an index without what [`made_by`] reads; `None`: there is nothing of ours.
#[must_use]
pub fn meta_without_us(mappings: &Value, migration: &str) -> Option<Map<String, Value>> {
    made_by(mappings, migration)?;
    let mut meta = mappings.get("_meta")?.as_object()?.clone();
    meta.remove(META_KEY);
    Some(meta)
}

/// An index as it could be created again: without what is its own, and without our mark.
#[must_use]
pub fn body(state: &IndexState) -> Value {
    let is_own = |name: &str| OF_THE_INDEX.iter().any(|begin| name.starts_with(begin));
    let settings: Map<String, Value> = state
        .settings
        .iter()
        .filter(|(name, _)| !is_own(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    json!({ "settings": settings, "mappings": without(&state.mappings), "aliases": state.aliases })
}

/// A mapping or a template without our mark.
#[must_use]
pub fn without(marked: &Value) -> Value {
    let mut plain = marked.clone();
    if let Some(meta) = plain.get_mut("_meta").and_then(Value::as_object_mut) {
        meta.shift_remove(META_KEY);
        if meta.is_empty() {
            plain.as_object_mut().and_then(|plain| plain.shift_remove("_meta"));
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_made_an_index_is_read_back() {
        let made = json!({"migration": "m", "withheld": {"index.blocks.write": "true"}, "close": true});
        let mappings = json!({"_meta": {"own": 1, "migctl": made}});
        let made = made_by(&mappings, "m").unwrap();
        assert!(made.created && made.close);
        assert_eq!(made.withheld.get("index.blocks.write").map(String::as_str), Some("true"));
        assert_eq!(made_by(&mappings, "other"), None);
        assert_eq!(made_by(&json!({}), "m"), None);
        assert_eq!(Value::from(meta_without_us(&mappings, "m").unwrap()), json!({"own": 1}));
        assert_eq!(meta_without_us(&mappings, "other"), None);
    }

    #[test]
    fn an_index_that_was_opened_keeps_what_it_said_and_is_not_taken_for_ours() {
        let meta = meta_of_opened(&json!({"_meta": {"own": 1}}), "m");
        let mappings = json!({"_meta": meta});
        assert_eq!(made_by(&mappings, "m"), Some(Made { close: true, ..Made::default() }));
        assert_eq!(Value::from(meta_without_us(&mappings, "m").unwrap()), json!({"own": 1}));
        assert!(meta_of_opened(&json!({}), "m").contains_key(META_KEY));
    }

    #[test]
    fn a_body_is_without_what_is_an_index_s_own() {
        let state = json!({
            "settings": {"index.uuid": "u", "index.version.created": "1", "index.codec": "default"},
            "mappings": {"_meta": {"migctl": {}}, "properties": {}}, "aliases": {},
        });
        let state: IndexState = serde_json::from_value(state).unwrap();
        assert_eq!(
            body(&state),
            json!({"settings": {"index.codec": "default"}, "mappings": {"properties": {}}, "aliases": {}})
        );
    }
}
