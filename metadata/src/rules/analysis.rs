//! Analysis: analyzers, tokenizers and filters that are gone or go by another name.
//!
//! In: flat settings `index.analysis.KIND.NAME.PARAMETER`. Out: the same, as the target knows them. A part is of one of
//! the kinds `analyzer`, `normalizer`, `tokenizer`, `filter`, `char_filter`; it has a `type`, and analyzers refer to
//! other parts by their names: those that are defined beside them, or those that every server has.
//! Not here: which analyzer a field has (`mapping`).

pub mod limits;
pub mod names;
pub mod parts;
pub mod removed;

use serde_json::{Map, Value};

use crate::settings::text;

const PREFIX: &str = "index.analysis.";

/// A setting of analysis, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parameter<'a> {
    /// `analyzer`, `filter`, ….
    kind: &'a str,
    /// The part's name; servers end it at the first dot.
    part: &'a str,
    /// What is set.
    name: &'a str,
}

impl<'a> Parameter<'a> {
    fn of(setting: &'a str) -> Option<Self> {
        let (kind, rest) = setting.strip_prefix(PREFIX)?.split_once('.')?;
        let (part, name) = rest.split_once('.')?;
        Some(Self { kind, part, name })
    }

    /// The kind of the parts that its value names.
    fn refers_to(&self) -> Option<&'static str> {
        match (self.kind, self.name) {
            ("analyzer" | "normalizer" | "filter", "filter") | ("filter", "filters") => Some("filter"),
            ("analyzer" | "normalizer", "char_filter") => Some("char_filter"),
            ("analyzer" | "filter", "tokenizer") => Some("tokenizer"),
            _ => None,
        }
    }
}

/// The name of the setting.
fn setting(kind: &str, part: &str, parameter: &str) -> String {
    format!("{PREFIX}{kind}.{part}.{parameter}")
}

/// The words of a list, which may be a text with commas.
fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value => chain(&text(value)),
    }
}

/// The words of a text with commas.
fn chain(text: &str) -> Vec<String> {
    text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

/// What a reference to another part becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reference {
    Stays,
    Renamed(String),
    Gone,
}

/// Goes through the names of other parts that a setting lists. A filter `multiplexer` has chains of them in its list.
fn edit(parameter: Parameter<'_>, value: &mut Value, mut by: impl FnMut(&str, &str) -> Reference) {
    let Some(kind) = parameter.refers_to() else { return };
    let mut is_changed = false;
    let mut kept = |names: Vec<String>| -> Vec<String> {
        let edited = names.into_iter().filter_map(|name| match by(kind, &name) {
            Reference::Stays => Some(name),
            Reference::Renamed(new) => {
                is_changed = true;
                Some(new)
            }
            Reference::Gone => {
                is_changed = true;
                None
            }
        });
        edited.collect()
    };
    let edited: Value = match (&*value, parameter.name) {
        (Value::Array(chains), "filters") => {
            let chains = chains.iter().map(|names| kept(chain(&text(names))).join(", "));
            chains.filter(|names| !names.is_empty()).collect()
        }
        (_, "tokenizer") => kept(vec![text(value)]).concat().into(),
        (list, _) => kept(words(list)).into(),
    };
    if is_changed {
        *value = edited;
    }
}

/// Whether the settings define a part of that kind and name.
fn defines(settings: &Map<String, Value>, kind: &str, part: &str) -> bool {
    let beginning = setting(kind, part, "");
    settings.keys().any(|name| name.starts_with(&beginning))
}

/// The names of the parts of a kind, with their types.
fn types(settings: &Map<String, Value>, kind: &str) -> Vec<(String, String)> {
    let of_kind = settings.iter().filter_map(|(name, value)| Some((Parameter::of(name)?, value)));
    let types = of_kind.filter(|(parameter, _)| parameter.kind == kind && parameter.name == "type");
    types.map(|(parameter, value)| (parameter.part.to_owned(), text(value))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_taken_apart() {
        let parameter = Parameter::of("index.analysis.filter.mine.words.more").unwrap();
        assert_eq!(parameter, Parameter { kind: "filter", part: "mine", name: "words.more" });
        assert_eq!(Parameter::of("index.analysis.filter.mine"), None);
        assert_eq!(Parameter::of("index.number_of_shards"), None);
        assert_eq!(words(&json!("a, b,,c")), ["a", "b", "c"]);
        assert_eq!(words(&json!(["a, b", 1])), ["a, b", "1"]);
    }
}
