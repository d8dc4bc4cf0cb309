//! What a target doesn't know is taken out of an item, because the target says so.
//!
//! In: the error that it answered, and the item. Out: the item without what the error names, and a note: whatever it is,
//! it is lost, and a person reads so.
//! Holds: by the error's type and the name in it, never by other words; what isn't in the item is left alone, so that the
//! same answer can't be repaired twice.
//! Not here: how often a target is asked. What needs more than leaving something out (a field of an unknown type, an
//! analyzer that isn't there, a processor) is not repaired but refused.
//! After: `AbstractScopedSettings#validate`, `Setting#parse`, `FieldMapper.Builder#parse`, `MapperParsingException`,
//! `ObjectParser`, `TransportPutIndexTemplateAction`; the answers of real servers are in `tests/errors`.

mod field;
mod pattern;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::item::{Effect, Item, Kind};
use crate::types::About;
use pattern::Named;

/// What this does, for the documentation; notes bear its id.
pub const ABOUT: About = About {
    id: "target-refuses",
    what: "What the target names as unknown, private or out of range is left out: a setting, a parameter of a field, a \
           part of a template or pipeline, a component template that isn't there.",
    why: "The target judges last. Only what it names by a known type of error is left out, at most a few times, and each \
          is reported as lost; everything else is refused with its words.",
    source: "answers of Elasticsearch 7.10, 8.19 and OpenSearch 1.3, 2.19, 3.8, in metadata/tests/errors",
};

/// The name under which notes say that the target's answer made it necessary.
pub const RULE: &str = ABOUT.id;

/// Errors within errors that are looked at.
const CAUSES_MAX: usize = 16;

/// Takes out of `item` what the target's `error` (`{"type", "reason", "caused_by"}`) names; `false`: nothing is to be
/// done.
pub fn repair(item: &mut Item, error: &Value) -> bool {
    let causes = std::iter::successors(Some(error), |error| error.get("caused_by")).take(CAUSES_MAX);
    let causes: Vec<&Value> = causes.collect();
    // The innermost says it most exactly.
    causes.into_iter().rev().any(|cause| {
        let of = |key: &str| cause.get(key).and_then(Value::as_str).unwrap_or_default();
        let named = pattern::named(of("type"), of("reason"));
        // Each of them, not only the first that is there.
        named.into_iter().filter(|named| take_out(item, named)).count() > 0
    })
}

/// Takes out what is named, with a note; `false`: it isn't there.
fn take_out(item: &mut Item, named: &Named) -> bool {
    let gone = match named {
        Named::Setting(name) => {
            // What is withheld is tried by itself, and refused in the same words.
            let value = item.settings.shift_remove(name).or_else(|| item.withheld.remove(name));
            value.map(|value| vec![(name.clone(), value)])
        }
        Named::Parameter { field, parameter } => Some(field::take_parameter(&mut item.mapping, field, parameter)),
        Named::RootParameter(name) => {
            item.mapping.shift_remove(name).map(|value| vec![(format!("mappings.{name}"), value)])
        }
        Named::Components(names) => composed_of(item, names),
        Named::Part { of, part } => part_of(item, of, part),
    };
    let gone = gone.unwrap_or_default();
    for (at, value) in &gone {
        item.note(RULE, Effect::Dropped, at.as_str(), format!("{value}: the target doesn't take it"));
    }
    !gone.is_empty()
}

/// Component templates that came with the source, or that were never made.
fn composed_of(item: &mut Item, names: &[String]) -> Option<Vec<(String, Value)>> {
    let components = item.rest.get_mut("composed_of")?.as_array_mut()?;
    let is_gone = |component: &Value| component.as_str().is_some_and(|name| names.iter().any(|gone| gone == name));
    let (gone, kept): (Vec<Value>, Vec<Value>) = std::mem::take(components).into_iter().partition(is_gone);
    *components = kept;
    Some(gone.into_iter().map(|component| ("composed_of".to_owned(), component)).collect())
}

/// A part of the frame of a template or pipeline; what the item can't be without stays.
fn part_of(item: &mut Item, of: &str, part: &str) -> Option<Vec<(String, Value)>> {
    let (path, value) = match of {
        "template" => (format!("template.{part}"), item.rest.get_mut("template")?.as_object_mut()?.shift_remove(part)?),
        "data_stream_template" => {
            (format!("data_stream.{part}"), item.rest.get_mut("data_stream")?.as_object_mut()?.shift_remove(part)?)
        }
        // A stream is made by it.
        _ if part == "data_stream" || part == "index_patterns" || item.kind == Kind::Policy => return None,
        _ => (part.to_owned(), item.rest.shift_remove(part)?),
    };
    Some(vec![(path, value)])
}
