//! What a target doesn't know is taken out of an item, because the target says so.
//!
//! In: the error that it answered, and the item. Out: the item without what the error names, and a note.
//! Holds: by the error's type and the name in it, never by other words; what isn't in the item is left alone, so that the
//! same answer can't be repaired twice.
//! After: `AbstractScopedSettings#validate`, `IndexScopedSettings`, `Mapper.TypeParser`, `RootObjectMapper`.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use crate::item::{Effect, Item};

/// The name under which notes say that the target's answer made it necessary.
pub const RULE: &str = "target-refuses";

/// Errors within errors that are looked at.
const CAUSES_MAX: usize = 16;

/// What an error names.
enum Named {
    Setting,
    /// A parameter of the field in the second group.
    Parameter,
}

struct Pattern {
    kind: &'static str,
    reason: LazyLock<Regex>,
    named: Named,
}

macro_rules! pattern {
    ($kind:literal, $reason:literal, $named:expr) => {
        Pattern {
            kind: $kind,
            // A literal that a test compiles.
            #[allow(clippy::unwrap_used, reason = "each is compiled by a test")]
            reason: LazyLock::new(|| Regex::new($reason).unwrap()),
            named: $named,
        }
    };
}

static PATTERNS: [Pattern; 4] = [
    pattern!("illegal_argument_exception", r"unknown setting \[([^\]]+)\]", Named::Setting),
    pattern!("invalid_index_template_exception", r"unknown setting \[([^\]]+)\]", Named::Setting),
    pattern!("validation_exception", r"private index setting \[([^\]]+)\] can not be set explicitly", Named::Setting),
    pattern!(
        "mapper_parsing_exception",
        r"unknown parameter \[([^\]]+)\] on mapper \[([^\]]+)\] of type \[[^\]]+\]",
        Named::Parameter
    ),
];

/// Takes out of `item` what the target's `error` (`{"type", "reason", "caused_by"}`) names; `false`: nothing is to be
/// done.
pub fn repair(item: &mut Item, error: &Value) -> bool {
    let causes = std::iter::successors(Some(error), |error| error.get("caused_by")).take(CAUSES_MAX);
    for error in causes.collect::<Vec<_>>().into_iter().rev() {
        let of = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
        for pattern in PATTERNS.iter().filter(|pattern| pattern.kind == of("type")) {
            let Some(found) = pattern.reason.captures(of("reason")) else { continue };
            let group = |number: usize| found.get(number).map(|group| group.as_str()).unwrap_or_default();
            let done = match pattern.named {
                Named::Setting => without_setting(item, group(1)),
                Named::Parameter => without_parameter(item, group(1), group(2)),
            };
            if done {
                return true;
            }
        }
    }
    false
}

fn without_setting(item: &mut Item, name: &str) -> bool {
    let Some(value) = item.settings.shift_remove(name).or_else(|| item.withheld.remove(name)) else { return false };
    item.note(RULE, Effect::Dropped, name, format!("{value}: the target doesn't take it"));
    true
}

/// From every field of that name, however deep: the error doesn't say where it is.
fn without_parameter(item: &mut Item, parameter: &str, field: &str) -> bool {
    let mut places = Vec::new();
    for part in ["properties", "runtime"] {
        if let Some(Value::Object(fields)) = item.mapping.get_mut(part) {
            take_out(fields, parameter, field, &format!("mappings.{part}"), &mut places);
        }
    }
    for (place, value) in &places {
        item.note(RULE, Effect::Dropped, place.as_str(), format!("{value}: the target doesn't take it"));
    }
    !places.is_empty()
}

/// Fields and their properties and multi-fields; `types::resolve` has refused what is nested too deep.
fn take_out(
    fields: &mut Map<String, Value>,
    parameter: &str,
    field: &str,
    path: &str,
    places: &mut Vec<(String, Value)>,
) {
    // An error may name the whole path of a field, or its last step.
    let last = field.rsplit('.').next().unwrap_or(field);
    for (name, body) in fields {
        let Value::Object(body) = body else { continue };
        let path = format!("{path}.{name}");
        if (name == last || name == field)
            && let Some(value) = body.shift_remove(parameter)
        {
            places.push((format!("{path}.{parameter}"), value));
        }
        for inner in ["properties", "fields"] {
            if let Some(Value::Object(fields)) = body.get_mut(inner) {
                take_out(fields, parameter, field, &format!("{path}.{inner}"), places);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::item::{Kind, SourceItem};
    use crate::types::{Options, resolve};

    fn item(settings: &Value, mapping: &Value) -> Item {
        let source = SourceItem {
            kind: Kind::Index,
            name: "i".to_owned(),
            settings: settings.as_object().cloned().unwrap(),
            mappings: vec![("_doc".to_owned(), mapping.clone())],
            aliases: Map::new(),
            rest: Map::new(),
        };
        resolve(source, &Options::default()).unwrap().remove(0)
    }

    /// As OpenSearch 2.19.4 answers.
    #[test]
    fn what_the_target_names_is_taken_out_once() {
        let mut item = item(
            &json!({"index.foo": "1", "index.codec": "default"}),
            &json!({"properties": {"a": {"type": "object", "properties": {"b": {"type": "keyword", "foo": 1}}}}}),
        );
        let setting =
            json!({"type": "illegal_argument_exception", "reason": "unknown setting [index.foo] please check"});
        assert!(repair(&mut item, &setting));
        assert!(!repair(&mut item, &setting), "it isn't there any more");
        let reason = "unknown parameter [foo] on mapper [b] of type [keyword]";
        let cause = json!({"type": "mapper_parsing_exception", "reason": reason});
        let parameter = json!({"type": "mapper_parsing_exception", "reason": "Failed to parse", "caused_by": cause});
        assert!(repair(&mut item, &parameter));
        assert!(!repair(&mut item, &parameter));
        let places: Vec<&str> = item.notes.iter().map(|note| note.at.as_str()).collect();
        assert_eq!(places, ["index.foo", "mappings.properties.a.properties.b.foo"]);
        assert_eq!(item.settings.keys().collect::<Vec<_>>(), ["index.codec"]);
    }

    #[test]
    fn other_errors_are_not_repaired() {
        let mut item = item(&json!({"index.foo": "1"}), &json!({}));
        for error in [
            json!({"type": "mapper_parsing_exception", "reason": "unknown setting [index.foo]"}),
            json!({"type": "illegal_argument_exception", "reason": "setting [index.foo] is odd"}),
            json!("text"),
            json!(null),
        ] {
            assert!(!repair(&mut item, &error), "{error}");
        }
        assert!(PATTERNS.iter().all(|pattern| pattern.reason.captures_len() > 1));
    }
}
