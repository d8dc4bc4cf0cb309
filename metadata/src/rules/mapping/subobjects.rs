//! Names with dots that aren't objects in objects.

use serde_json::Value;

use super::vectors::unsearched;
use super::walk;
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};

const SUBOBJECTS: &str = "subobjects";

/// The rule for them.
pub const RULES: &[Rule] = &[Rule {
    id: SUBOBJECTS,
    what: "`subobjects: false` becomes `disable_objects: true`, or is dropped before OpenSearch 3.6; then of the fields `a` \
               and `a.b` nothing is searched.",
    why: "Both keep `a` and `a.b` apart as two fields. To any other target `a` is either a value or an object; an object with \
              `enabled: false` takes both, and rejects no document.",
    source: "https://docs.opensearch.org/latest/mappings/mapping-parameters/disable-objects/",
    applies: |versions| versions.source.is_elasticsearch_from(8, 3) && versions.target.is_opensearch(),
    apply: subobjects,
    examples: &[
        Example {
            source: "Elasticsearch 8.19.21",
            target: "OpenSearch 3.8.0",
            before: r#"{"mappings": {"subobjects": false, "properties": {"o": {"type": "object", "subobjects": true}}}}"#,
            after: r#"{"mappings": {"properties": {"o": {"type": "object"}}, "disable_objects": true}}"#,
            notes: &[
                "changed mappings.subobjects: `disable_objects: true`",
                "changed mappings.properties.o.subobjects: gone",
            ],
        },
        Example {
            source: "Elasticsearch 8.19.21",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"properties": {"m": {"type": "object", "subobjects": false, "properties": {
                    "cpu": {"type": "float"}, "cpu.max": {"type": "float"}, "mem.max": {"type": "long"}}}}}}"#,
            after: r#"{"mappings": {"properties": {"m": {"type": "object", "properties": {
                    "cpu": {"type": "object", "enabled": false}, "mem.max": {"type": "long"}}}}}}"#,
            notes: &[
                "dropped mappings.properties.m.subobjects: a document with `a` and `a.b` is rejected",
                "dropped mappings.properties.m.properties.cpu: kept and not searched, with `cpu.max`",
            ],
        },
    ],
}];

/// What becomes of `subobjects` where it says this: whether objects are off, and a note.
fn instead(said: &Value, versions: Versions) -> (bool, Effect, &'static str) {
    match said {
        Value::Bool(true) => (false, Effect::Changed, "gone; it is so anyway"),
        _ if versions.target.is_opensearch_from(3, 6) => (true, Effect::Changed, "`disable_objects: true`"),
        _ => (false, Effect::Dropped, "a document with `a` and `a.b` is rejected, where `a` has a value of its own"),
    }
}

fn subobjects(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    if let Some(said) = item.mapping.shift_remove("subobjects") {
        let (is_disabled, effect, text) = instead(&said, versions);
        item.note(SUBOBJECTS, effect, "mappings.subobjects", text);
        if is_disabled {
            item.mapping.insert("disable_objects".to_owned(), true.into());
        } else {
            for (name, text) in unite(item.mapping.get_mut("properties")) {
                item.note(SUBOBJECTS, Effect::Dropped, format!("mappings.properties.{name}"), text);
            }
        }
    }
    walk::fields(item, SUBOBJECTS, |field| {
        let Some(said) = field.definition.shift_remove("subobjects") else { return Ok(()) };
        let (is_disabled, effect, text) = instead(&said, versions);
        field.note_parameter("subobjects", effect, text);
        if is_disabled {
            field.definition.insert("disable_objects".to_owned(), true.into());
        } else {
            for (name, text) in unite(field.definition.get_mut("properties")) {
                field.note_parameter(&format!("properties.{name}"), Effect::Dropped, text);
            }
        }
        Ok(())
    })
}

/// Of `a`, which has a value, and `a.b`, only an `a` is left that takes both; with a note for each.
fn unite(fields: Option<&mut Value>) -> Vec<(String, String)> {
    let Some(Value::Object(fields)) = fields else { return Vec::new() };
    let is_object = |definition: &Value| definition.get("type").is_none_or(|kind| kind == "object" || kind == "nested");
    let values: Vec<String> =
        fields.iter().filter(|(_, definition)| !is_object(definition)).map(|(name, _)| name.clone()).collect();
    let mut notes = Vec::new();
    for name in values {
        let below = |other: &String| other.strip_prefix(&name).is_some_and(|rest| rest.starts_with('.'));
        let within: Vec<String> =
            fields.keys().filter(|other| below(other)).map(|other| format!("`{other}`")).collect();
        // One that stood below another is gone with it.
        if within.is_empty() || !fields.contains_key(&name) {
            continue;
        }
        fields.retain(|other, _| !below(other));
        fields.insert(name.clone(), unsearched().into());
        notes
            .push((name, format!("kept and not searched, with {}: a name is a value or an object", within.join(", "))));
    }
    notes
}
