//! Several mappings become one.
//!
//! Holds: a field of the result says what it said in every type that has it; where types say different things about
//! the same field, there is no result.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{NO_TYPE, Options, Type, family, note};
use crate::item::{Effect, Item, Kind, Note, Refusal};

const UNION: &str = "multi-type-union";
const DEFAULT: &str = "default-mapping";

/// What the rules for meta fields drop anyway, or what is of no consequence: the first type's is kept.
const OF_ANY: [&str; 11] =
    ["_all", "_timestamp", "_ttl", "_size", "_analyzer", "_boost", "_id", "_index", "_type", "_uid", "_field_names"];

/// What a target does with fields it doesn't know, from the one that takes most documents to the one that takes least.
const DYNAMIC: [&str; 4] = ["true", "runtime", "false", "strict"];

/// Puts the mappings of `types` into `item`, as one.
pub(super) fn into(item: &mut Item, mut types: Vec<Type>, options: &Options) -> Result<(), Refusal> {
    family::link(item, &mut types, options.parent);
    if let [Type { name, .. }] = types.as_slice()
        && name != NO_TYPE
        && item.types.is_empty()
    {
        let text = "the mapping of the index itself; types are gone";
        item.note("type-removal", Effect::Changed, format!("mappings.{name}"), text);
    }
    if let [_, .., last] = types.as_slice() {
        let names: Vec<String> = types.iter().map(|each| format!("`{}`", each.name)).collect();
        let text = format!("one mapping with the fields of {}", names.join(", "));
        item.note(UNION, Effect::Changed, format!("mappings.{}", last.name), text);
    }
    roots(item, &mut types);
    let mut union = Union { rule: UNION, of: BTreeMap::new(), now: String::new() };
    for Type { name, mut mapping } in types {
        union.now = name;
        if let Some(Value::Object(fields)) = mapping.shift_remove("properties")
            && let Value::Object(into) = item.mapping.entry("properties").or_insert_with(|| Map::new().into())
        {
            union.fields("mappings.properties", into, fields)?;
        }
        if let Some(Value::Array(templates)) = mapping.shift_remove("dynamic_templates") {
            let into = item.mapping.entry("dynamic_templates").or_insert_with(|| Value::Array(Vec::new()));
            let Value::Array(into) = into else { continue };
            union.dynamic_templates(into, templates)?;
        }
    }
    Ok(())
}

/// What mappings say beside their fields.
fn roots(item: &mut Item, types: &mut [Type]) {
    let mut keys: Vec<String> = Vec::new();
    for key in types.iter().flat_map(|each| each.mapping.keys()) {
        let is_merged = matches!(key.as_str(), "properties" | "dynamic_templates");
        if !is_merged && !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    for key in keys {
        let of: Vec<Option<Value>> = types.iter_mut().map(|each| each.mapping.shift_remove(&key)).collect();
        let all_same = of.windows(2).all(|pair| matches!(pair, [one, other] if one == other));
        let first = of.iter().flatten().next().cloned();
        let (value, text) = match key.as_str() {
            _ if all_same => (first, None),
            key if OF_ANY.contains(&key) => (first, None),
            "_meta" => (meta(of.into_iter().flatten()), None),
            "_routing" => (None, Some("not required: not all of the types required it".to_owned())),
            "_source" => (None, Some("kept whole: not all of the types kept a part of it only".to_owned())),
            "dynamic" => {
                let dynamic = most_open(of.iter().map(Option::as_ref));
                let text = format!("{dynamic}, which takes the documents of all types; they differed");
                (Some(dynamic.into()), Some(text))
            }
            _ => (first, Some("what the first type says; the types differ".to_owned())),
        };
        if let Some(text) = text {
            item.note(UNION, Effect::Warning, format!("mappings.{key}"), text);
        }
        if let Some(value) = value {
            item.mapping.insert(key, value);
        }
    }
}

/// All that types say about themselves; the first one's word where two have the same.
fn meta(of: impl Iterator<Item = Value>) -> Option<Value> {
    let mut all = Map::new();
    for each in of {
        let Value::Object(each) = each else { continue };
        for (key, value) in each {
            all.entry(key).or_insert(value);
        }
    }
    Some(all.into())
}

/// The `dynamic` under which every document of these types would be taken.
fn most_open<'a>(of: impl Iterator<Item = Option<&'a Value>>) -> &'static str {
    let rank = |value: Option<&Value>| {
        let word = value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_lowercase));
        word.and_then(|word| DYNAMIC.iter().position(|known| *known == word)).unwrap_or(0)
    };
    let most = of.map(rank).min().unwrap_or(0);
    DYNAMIC.get(most).copied().unwrap_or("true")
}

/// Types being united.
struct Union {
    rule: &'static str,
    /// Which type had a field first, by the field's path.
    of: BTreeMap<String, String>,
    /// The type whose fields are being added.
    now: String,
}

impl Union {
    fn fields(&mut self, at: &str, into: &mut Map<String, Value>, more: Map<String, Value>) -> Result<(), Refusal> {
        for (name, definition) in more {
            let at = format!("{at}.{name}");
            match (into.get_mut(&name), definition) {
                (Some(Value::Object(there)), Value::Object(definition)) => self.field(&at, there, definition)?,
                (Some(_), _) => return Err(self.refusal(at, "is no object in one of them".to_owned())),
                (None, definition) => {
                    self.of.insert(at, self.now.clone());
                    into.insert(name, definition);
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, at: &str, there: &mut Map<String, Value>, mut more: Map<String, Value>) -> Result<(), Refusal> {
        for inner in ["properties", "fields"] {
            let Some(Value::Object(fields)) = more.shift_remove(inner) else { continue };
            if let Value::Object(into) = there.entry(inner).or_insert_with(|| Map::new().into()) {
                self.fields(&format!("{at}.{inner}"), into, fields)?;
            }
        }
        if there.get("dynamic") != more.get("dynamic") {
            let open = most_open([there.get("dynamic"), more.get("dynamic")].into_iter());
            there.insert("dynamic".to_owned(), open.into());
        }
        let (one, other) = (meaning(there), meaning(&more));
        if one == other {
            return Ok(());
        }
        let text = format!("is {} in one, {} in the other", Value::from(one), Value::from(other));
        Err(self.refusal(at.to_owned(), text))
    }

    fn dynamic_templates(&mut self, into: &mut Vec<Value>, more: Vec<Value>) -> Result<(), Refusal> {
        for template in more {
            let name = template.as_object().and_then(|template| template.keys().next()).cloned().unwrap_or_default();
            if into.contains(&template) {
                continue;
            }
            let at = format!("mappings.dynamic_templates.{name}");
            if into.iter().any(|other| other.get(&name).is_some()) {
                return Err(self.refusal(at, "is another template in each of them".to_owned()));
            }
            self.of.insert(at, self.now.clone());
            into.push(template);
        }
        Ok(())
    }

    fn refusal(&self, at: String, what: String) -> Refusal {
        // Where an object came from a type as a whole, so did the fields in it.
        let mut above = Some(at.as_str());
        let mut first = "another";
        while let Some(path) = above {
            match self.of.get(path) {
                Some(of) => {
                    first = of;
                    break;
                }
                None => above = path.rsplit_once('.').map(|(above, _)| above),
            }
        }
        let text = format!("the types `{first}` and `{}` can't be one: it {what}; split them", self.now);
        Refusal { rule: self.rule, at, text }
    }
}

/// What a field says about itself, without what is the same as saying nothing.
fn meaning(definition: &Map<String, Value>) -> Map<String, Value> {
    let mut meaning = definition.clone();
    for inner in ["properties", "fields", "dynamic", "include_in_all"] {
        meaning.shift_remove(inner);
    }
    meaning.entry("type").or_insert_with(|| "object".into());
    for (key, default) in [("index", "analyzed"), ("format", "dateOptionalTime")] {
        if meaning.get(key).is_some_and(|value| value == default) {
            meaning.shift_remove(key);
        }
    }
    meaning
}

/// Takes in what new types begin with.
pub(super) fn default_type(kind: Kind, default: Map<String, Value>, types: &mut Vec<Type>, notes: &mut Vec<Note>) {
    let at = "mappings._default_";
    let said = |effect, text: &str| note(DEFAULT, effect, at, text);
    if types.is_empty() {
        notes.push(said(Effect::Changed, "the mapping of the index itself; there is no other"));
        types.push(Type { name: NO_TYPE.to_owned(), mapping: default });
    } else if kind == Kind::Index {
        notes.push(said(Effect::Dropped, "the types that exist have taken it in, and new ones can't come"));
    } else {
        notes.push(said(Effect::Changed, "what the template's types begin with"));
        for each in types {
            beneath(&mut each.mapping, &default);
        }
    }
}

/// Adds what `defaults` has and `mapping` lacks, as a server did that made a type.
fn beneath(mapping: &mut Map<String, Value>, defaults: &Map<String, Value>) {
    for (key, default) in defaults {
        match (mapping.get_mut(key), default) {
            (None, default) => {
                mapping.insert(key.clone(), default.clone());
            }
            (Some(Value::Object(there)), Value::Object(default)) => beneath(there, default),
            (Some(Value::Array(there)), Value::Array(default)) => {
                let names: Vec<&String> = there.iter().filter_map(|each| each.as_object()?.keys().next()).collect();
                let is_new =
                    |each: &&Value| each.as_object().is_none_or(|each| !each.keys().any(|key| names.contains(&key)));
                let more: Vec<Value> = default.iter().filter(is_new).cloned().collect();
                there.extend(more);
            }
            (Some(_), _) => {}
        }
    }
}
