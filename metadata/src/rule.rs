//! What a rule is, and how all of them are applied.

use crate::item::{Item, Refusal};
use crate::rules;
use crate::server::Server;

/// From where to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// Who wrote the item: the version that created the index, or that took the snapshot.
    pub source: Server,
    /// Who is to have it.
    pub target: Server,
}

/// One thing that is another on the target than in the source.
pub struct Rule {
    /// What reports call it: words with `-` between them. It stays.
    pub id: &'static str,
    /// What it does, in a sentence.
    pub what: &'static str,
    /// Why that is right.
    pub why: &'static str,
    /// Where the fact stands: a page of the product's documentation, or a class of its code.
    pub source: &'static str,
    /// Between which versions there is something to do.
    pub applies: fn(Versions) -> bool,
    /// Does it, with a note for each change; leaves alone what it doesn't know.
    pub apply: fn(&mut Item, Versions) -> Result<(), Refusal>,
    /// What it does to what: its tests, and what the documentation shows.
    pub examples: &'static [Example],
}

/// An item before and after one rule.
pub struct Example {
    /// From which server, e.g. `Elasticsearch 5.6.16`.
    pub source: &'static str,
    /// To which server.
    pub target: &'static str,
    /// The item, as [`Example::item`] reads it.
    pub before: &'static str,
    /// The same after the rule; or `"refused: …"`, a part of the refusal's text.
    pub after: &'static str,
    /// The notes, as `effect at: text`; each a part of the note's line, in order, and as many as there are.
    pub notes: &'static [&'static str],
}

/// Applies every rule between these versions, in the table's order.
///
/// # Errors
/// The first rule that says that the target can't have it.
pub fn translate(mut item: Item, versions: Versions) -> Result<Item, Refusal> {
    for rule in rules::all().filter(|rule| (rule.applies)(versions)) {
        (rule.apply)(&mut item, versions)?;
    }
    Ok(item)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, Value};

    use super::*;
    use crate::item::Kind;

    /// `{"kind"?: "index template", "settings"?, "mappings"?, "aliases"?, …}`: what has no name of its own is the rest.
    fn item(text: &str) -> Item {
        let Value::Object(mut fields) = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
        else {
            panic!("{text}")
        };
        let kind = fields.shift_remove("kind");
        let kind = kind.map_or(Kind::Index, |word| {
            Kind::ALL.into_iter().find(|kind| word == kind.as_str()).unwrap_or_else(|| panic!("{word} is no kind"))
        });
        let mut part = |name: &str| match fields.shift_remove(name) {
            Some(Value::Object(part)) => part,
            None => Map::new(),
            Some(other) => panic!("{name} is {other}"),
        };
        let (settings, mapping, aliases) = (part("settings"), part("mappings"), part("aliases"));
        Item {
            kind,
            name: "example".to_owned(),
            types: Vec::new(),
            settings,
            mapping,
            aliases,
            join: None,
            withheld: part("withheld").into_iter().collect(),
            rest: fields,
            notes: Vec::new(),
        }
    }

    #[test]
    fn every_rule_does_what_its_examples_say() {
        for rule in rules::all() {
            assert!(!rule.examples.is_empty(), "{} has no example", rule.id);
            for example in rule.examples {
                let versions =
                    Versions { source: example.source.parse().unwrap(), target: example.target.parse().unwrap() };
                assert!((rule.applies)(versions), "{}: not from {} to {}", rule.id, example.source, example.target);
                let mut found = item(example.before);
                match ((rule.apply)(&mut found, versions), example.after.strip_prefix("refused: ")) {
                    (Ok(()), None) => {}
                    (Err(refusal), Some(expected)) => {
                        assert!(refusal.to_string().contains(expected), "{}: {refusal}", rule.id);
                        assert_eq!(refusal.rule, rule.id);
                        continue;
                    }
                    (found, _) => panic!("{}: {found:?} of {}", rule.id, example.before),
                }
                let notes = std::mem::take(&mut found.notes);
                assert_eq!(found, item(example.after), "{}", rule.id);
                assert!(notes.iter().all(|note| note.rule == rule.id), "{}: {notes:?}", rule.id);
                let lines: Vec<String> =
                    notes.iter().map(|note| format!("{} {}: {}", note.effect.as_str(), note.at, note.text)).collect();
                assert_eq!(lines.len(), example.notes.len(), "{}: {lines:#?}", rule.id);
                for (line, part) in lines.iter().zip(example.notes) {
                    assert!(line.contains(part), "{}: {line:?} lacks {part:?}", rule.id);
                }
            }
        }
    }

    #[test]
    fn ids_are_words_and_each_stands_once() {
        let ids: Vec<&str> = rules::all().map(|rule| rule.id).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
        for id in ids {
            assert!(id.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-'));
        }
    }
}
