//! The way through a mapping: every field's definition, whatever it stands in.
//!
//! ```text
//! properties ─ NAME ─ properties ─ NAME …      objects in objects
//!                   └ fields ─ NAME            a field's other ways of being indexed
//! dynamic_templates ─ [ NAME ─ mapping ]       what fields that come up later are to be
//! ```
//! Holds: a definition is visited before what stands in it; no call is nested deeper than `types::DEPTH_MAX`.

use serde_json::{Map, Value};

use crate::item::{Effect, Item, Note, Refusal};
use crate::types::DEPTH_MAX;

/// What a definition stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `properties`.
    Property,
    /// `fields` of another field.
    MultiField,
    /// `mapping` of a dynamic template.
    Template,
}

/// A field's definition, and where it stands.
pub struct Field<'a> {
    /// Its path: `mappings.properties.title.fields.raw`.
    pub at: &'a str,
    /// Its own name, or the template's.
    pub name: &'a str,
    /// What it stands in.
    pub place: Place,
    /// What it says.
    pub definition: &'a mut Map<String, Value>,
    rule: &'static str,
    notes: &'a mut Vec<Note>,
}

impl Field<'_> {
    /// Its type; an object where it says none.
    pub fn kind(&self) -> &str {
        self.definition.get("type").and_then(Value::as_str).unwrap_or("object")
    }

    /// Sets its type.
    pub fn set_kind(&mut self, kind: &str) {
        self.definition.insert("type".to_owned(), kind.into());
    }

    /// Notes what happened to it.
    pub fn note(&mut self, effect: Effect, text: impl Into<String>) {
        let note = Note { rule: self.rule, effect, at: self.at.to_owned(), text: text.into() };
        self.notes.push(note);
    }

    /// Notes what happened to its `parameter`.
    pub fn note_parameter(&mut self, parameter: &str, effect: Effect, text: impl Into<String>) {
        let at = format!("{}.{parameter}", self.at);
        self.notes.push(Note { rule: self.rule, effect, at, text: text.into() });
    }

    /// Takes `parameter` away, and says what is no more where it was there.
    pub fn drop_parameter(&mut self, parameter: &str, text: impl Into<String>) -> Option<Value> {
        let value = self.definition.shift_remove(parameter)?;
        self.note_parameter(parameter, Effect::Dropped, text);
        Some(value)
    }

    /// It can't be on the target.
    pub fn refusal(&self, text: impl Into<String>) -> Refusal {
        Refusal { rule: self.rule, at: self.at.to_owned(), text: text.into() }
    }
}

/// What is done with each field.
type Visit<'a> = dyn FnMut(&mut Field<'_>) -> Result<(), Refusal> + 'a;

/// Shows `visit` every field of `item`; its notes are those of `rule`.
pub fn fields(
    item: &mut Item,
    rule: &'static str,
    mut visit: impl FnMut(&mut Field<'_>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut walk = Walk { rule, at: "mappings".to_owned(), notes: &mut item.notes, visit: &mut visit };
    if let Some(Value::Object(fields)) = item.mapping.get_mut("properties") {
        walk.each("properties", Place::Property, fields, 0)?;
    }
    let Some(Value::Array(templates)) = item.mapping.get_mut("dynamic_templates") else { return Ok(()) };
    walk.at.push_str(".dynamic_templates");
    for template in templates.iter_mut().filter_map(Value::as_object_mut) {
        for (name, template) in template.iter_mut() {
            if let Some(Value::Object(definition)) = template.get_mut("mapping") {
                walk.field(name, Place::Template, definition, 0)?;
            }
        }
    }
    Ok(())
}

struct Walk<'a> {
    rule: &'static str,
    /// Where the walk is; one text for all fields, as only a few of many have something to note.
    at: String,
    notes: &'a mut Vec<Note>,
    visit: &'a mut Visit<'a>,
}

impl Walk<'_> {
    /// The fields under `inner` of where the walk is.
    fn each(
        &mut self,
        inner: &str,
        place: Place,
        fields: &mut Map<String, Value>,
        depth: usize,
    ) -> Result<(), Refusal> {
        let here = self.enter(inner);
        for (name, definition) in fields.iter_mut() {
            if let Value::Object(definition) = definition {
                self.field(name, place, definition, depth)?;
            }
        }
        self.at.truncate(here);
        Ok(())
    }

    fn field(
        &mut self,
        name: &str,
        place: Place,
        definition: &mut Map<String, Value>,
        depth: usize,
    ) -> Result<(), Refusal> {
        let here = self.enter(name);
        let mut field = Field { at: &self.at, name, place, definition, rule: self.rule, notes: self.notes };
        if depth > DEPTH_MAX {
            return Err(field.refusal(format!("the mapping is nested deeper than {DEPTH_MAX}; leave the item out")));
        }
        (self.visit)(&mut field)?;
        for (inner, place) in [("properties", Place::Property), ("fields", Place::MultiField)] {
            if let Some(Value::Object(fields)) = definition.get_mut(inner) {
                self.each(inner, place, fields, depth + 1)?;
            }
        }
        self.at.truncate(here);
        Ok(())
    }

    /// Goes one step deeper; how long the way was before.
    fn enter(&mut self, name: &str) -> usize {
        let here = self.at.len();
        self.at.push('.');
        self.at.push_str(name);
        here
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::item::Kind;

    fn item(mapping: Value) -> Item {
        let Value::Object(mapping) = mapping else { panic!("{mapping}") };
        Item {
            kind: Kind::Index,
            name: "i".to_owned(),
            types: Vec::new(),
            settings: Map::new(),
            mapping,
            aliases: Map::new(),
            rest: Map::new(),
            join: None,
            withheld: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn every_field_is_met_wherever_it_stands() {
        let mut item = item(json!({
            "properties": {
                "a": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
                "o": {"properties": {"b": {"type": "long"}}},
                "nonsense": 1,
            },
            "dynamic_templates": [{"t": {"match": "*", "mapping": {"type": "text", "fields": {"k": {}}}}}, "nonsense"],
        }));
        let mut seen = Vec::new();
        let look = |field: &mut Field<'_>| {
            seen.push(format!("{} {} {:?}", field.at, field.kind(), field.place));
            Ok(())
        };
        fields(&mut item, "test", look).unwrap();
        assert_eq!(
            seen,
            [
                "mappings.properties.a text Property",
                "mappings.properties.a.fields.raw keyword MultiField",
                "mappings.properties.o object Property",
                "mappings.properties.o.properties.b long Property",
                "mappings.dynamic_templates.t text Template",
                "mappings.dynamic_templates.t.fields.k object MultiField",
            ]
        );
    }

    #[test]
    fn what_is_too_deep_is_refused() {
        let mut deep = json!({});
        for _ in 0..=DEPTH_MAX + 1 {
            deep = json!({"properties": {"o": deep}});
        }
        let refusal = fields(&mut item(deep), "test", |_| Ok(())).unwrap_err();
        assert!(refusal.text.contains("deeper than 200"), "{refusal}");
    }
}
