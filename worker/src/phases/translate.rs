//! An index's metadata in the snapshot → the body that creates it on the target. Pure.
//!
//! What decides where and how documents are stored goes along: shards, routing, analysis, similarity, sorting, limits,
//! mappings, aliases. What would process or refuse documents during the load (pipelines, blocks, lifecycles) is
//! withheld until cleanup. What only the source can know (uuids, versions, allocation) stays behind.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use snapshot::IndexMetadata;

/// The key under a mapping's `_meta` that says that we made the index.
pub const META_KEY: &str = "migctl";

/// What creates an index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Creation {
    /// `settings`, `mappings`, `aliases`.
    pub body: Value,
    /// Settings to put on at cleanup.
    pub withheld: BTreeMap<String, String>,
    /// Settings that stay behind and that somebody may miss.
    pub dropped: Vec<String>,
}

impl Creation {
    /// The settings it is created with, by their full names.
    #[must_use]
    pub fn settings(&self) -> Option<&Map<String, Value>> {
        self.body.get("settings")?.as_object()
    }
}

/// What an index on the target says of this migration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// The migration created it; else it opened it.
    pub created: bool,
    /// Settings to put on at cleanup.
    pub withheld: BTreeMap<String, String>,
    /// It is to be closed at cleanup.
    pub close: bool,
}

/// What happens to a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Withheld,
    /// Of no meaning outside the source.
    Private,
    Dropped,
}

/// Settings by prefix, in the flat form; the first match counts. A prefix that ends without `.` is a whole name or the
/// beginning of one.
const FATES: &[(&str, Fate)] = &[
    ("index.number_of_shards", Fate::Kept),
    ("index.number_of_replicas", Fate::Kept),
    ("index.routing_partition_size", Fate::Kept),
    ("index.refresh_interval", Fate::Kept),
    ("index.analysis.", Fate::Kept),
    ("index.similarity.", Fate::Kept),
    ("index.sort.", Fate::Kept),
    ("index.max_", Fate::Kept),
    ("index.mapping.total_fields.limit", Fate::Kept),
    ("index.mapping.depth.limit", Fate::Kept),
    ("index.mapping.nested_fields.limit", Fate::Kept),
    ("index.mapping.nested_objects.limit", Fate::Kept),
    ("index.mapping.field_name_length.limit", Fate::Kept),
    ("index.mapping.coerce", Fate::Kept),
    ("index.mapping.ignore_malformed", Fate::Kept),
    ("index.query.default_field", Fate::Kept),
    ("index.hidden", Fate::Kept),
    ("index.default_pipeline", Fate::Withheld),
    ("index.final_pipeline", Fate::Withheld),
    ("index.blocks.", Fate::Withheld),
    ("index.uuid", Fate::Private),
    ("index.creation_date", Fate::Private),
    ("index.provided_name", Fate::Private),
    ("index.version.", Fate::Private),
    ("index.history.", Fate::Private),
    ("index.resize.", Fate::Private),
    ("index.routing.allocation.", Fate::Private),
    ("index.soft_deletes.", Fate::Private),
    ("index.verified_before_close", Fate::Private),
    ("index.replication.type", Fate::Private),
];

/// Codecs that every target has.
const CODECS: &[&str] = &["default", "best_compression"];

/// The mapping types of an index. `_default_` is none: it is what other types begin with.
fn types(mappings: &[(String, Value)]) -> impl Iterator<Item = &(String, Value)> {
    mappings.iter().filter(|(name, _)| name != "_default_")
}

/// Why an index with these mappings can't become one index of a cluster; `None`: it can.
///
/// Every type has ids of its own, and what is left of two documents of one id would be the one that came last.
#[must_use]
pub fn too_many_types(mappings: &[(String, Value)]) -> Option<String> {
    let names: Vec<&str> = types(mappings).map(|(name, _)| name.as_str()).collect();
    (names.len() > 1).then(|| {
        format!(
            "it has {} mapping types, {}, and clusters have one now: documents of the same id in two of them would \
             overwrite each other. Select indices without it, or load it into a `file:` target, which keeps the types \
             apart",
            names.len(),
            names.join(", ")
        )
    })
}

/// The body that creates the index for `migration`. Where there are several mapping types, `mappings` has one member for
/// each.
///
/// # Errors
/// A sentence: a mapping that is no object.
pub fn creation(metadata: &IndexMetadata, migration: &str) -> Result<Creation, String> {
    let (mut settings, mut withheld, mut dropped) = (Map::new(), BTreeMap::new(), Vec::new());
    for (name, value) in &metadata.settings {
        match fate(name, value) {
            Fate::Kept => {
                settings.insert(name.clone(), value.clone());
            }
            Fate::Withheld => {
                withheld.insert(name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            }
            Fate::Private => {}
            Fate::Dropped => dropped.push(name.clone()),
        }
    }
    // Routing depends on it, and targets guess it differently for shard counts that aren't powers of two.
    let routing_shards = metadata.routing_num_shards.to_string();
    settings.insert("index.number_of_routing_shards".to_owned(), routing_shards.into());
    let mappings = mappings(metadata, migration, &withheld)?;
    let body = json!({ "settings": settings, "mappings": mappings, "aliases": metadata.aliases });
    Ok(Creation { body, withheld, dropped })
}

fn fate(name: &str, value: &Value) -> Fate {
    if name == "index.codec" {
        return if CODECS.iter().any(|codec| value == codec) { Fate::Kept } else { Fate::Dropped };
    }
    FATES.iter().find(|(prefix, _)| name.starts_with(prefix)).map_or(Fate::Dropped, |(_, fate)| *fate)
}

fn mappings(metadata: &IndexMetadata, migration: &str, withheld: &BTreeMap<String, String>) -> Result<Value, String> {
    let mapping = match types(&metadata.mappings).collect::<Vec<_>>().as_slice() {
        [] => json!({}),
        [(_, mapping)] => mapping.clone(),
        several => return Ok(several.iter().map(|(name, mapping)| (name.clone(), mapping.clone())).collect()),
    };
    let Value::Object(mut mapping) = mapping else {
        return Err("its mapping is no JSON object".to_owned());
    };
    let meta = mapping.entry("_meta").or_insert_with(|| json!({}));
    if let Value::Object(meta) = meta {
        let made = json!({ "migration": migration, "withheld": withheld, "close": metadata.closed });
        meta.insert(META_KEY.to_owned(), made);
    }
    Ok(Value::Object(mapping))
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
    let close = made.get("close").and_then(Value::as_bool).unwrap_or_default();
    Some(Made { created: true, withheld, close })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_its_fate() {
        let fate = |name: &str| super::fate(name, &json!("x"));
        assert_eq!(fate("index.number_of_shards"), Fate::Kept);
        assert_eq!(fate("index.analysis.analyzer.a.type"), Fate::Kept);
        assert_eq!(fate("index.final_pipeline"), Fate::Withheld);
        assert_eq!(fate("index.blocks.write"), Fate::Withheld);
        assert_eq!(fate("index.uuid"), Fate::Private);
        assert_eq!(fate("index.lifecycle.name"), Fate::Dropped);
        assert_eq!(super::fate("index.codec", &json!("best_compression")), Fate::Kept);
        assert_eq!(super::fate("index.codec", &json!("zstd")), Fate::Dropped);
    }

    #[test]
    fn several_types_are_too_many_for_one_index_of_a_cluster() {
        let mappings = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), json!({}))).collect::<Vec<_>>();
        for few in [&[][..], &["_doc"], &["tweet"], &["_default_", "tweet"], &["tweet", "_default_"], &["_default_"]] {
            assert_eq!(too_many_types(&mappings(few)), None, "{few:?}");
        }
        let reason = too_many_types(&mappings(&["tweet", "_default_", "user", ".percolator"])).unwrap();
        assert!(reason.starts_with("it has 3 mapping types, tweet, user, .percolator, and"), "{reason}");
        assert!(reason.contains("Select indices without it") && reason.contains("`file:` target"), "{reason}");
    }

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
}
