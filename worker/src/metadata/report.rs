//! What becomes of each item, for people and programs.

use std::collections::BTreeMap;

use metadata::{Effect, Kind, Note};
use serde::Serialize;
use serde_json::Value;

use super::compare::Difference;

/// Places named of one effect in a line before it is cut.
const PLACES_SHOWN: usize = 5;

/// Kinds of items that documents are loaded into.
pub const HOLD_DOCUMENTS: [Kind; 2] = [Kind::Index, Kind::DataStream];

/// What becomes of every item.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Indices first, then everything else in the order in which it is created.
    pub items: Vec<ItemReport>,
    /// What stays behind, and why: what is built in, what is in no list.
    pub left_out: Vec<LeftOut>,
    /// What people should know besides.
    pub notes: Vec<String>,
}

/// What becomes of one item.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemReport {
    /// `index`, `index template`, ….
    pub kind: &'static str,
    /// Its name in the source.
    pub source: String,
    /// Its name on the target.
    pub name: String,
    /// What happens, or happened.
    pub outcome: Outcome,
    /// The same in words; the reason where it is refused.
    pub what: String,
    /// What is another than in the source, by rule.
    pub notes: Vec<NoteReport>,
    /// What is another on the target, where there is one of its name.
    pub differences: Vec<Difference>,
    /// What the source has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What the target gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// What happens to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is created.
    Create,
    /// It was created just now.
    Created,
    /// The target has the same.
    Same,
    /// The target has another one, which stays.
    Kept,
    /// The target has another one, which becomes this one.
    Update,
    /// It can't be.
    Refused,
}

impl Outcome {
    /// In a word or two.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Created => "created",
            Self::Same => "is there",
            Self::Kept => "is there, differs",
            Self::Update => "update",
            Self::Refused => "refused",
        }
    }
}

/// One thing that is another than in the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoteReport {
    /// The rule, as docs/metadata-rules.md names it.
    pub rule: &'static str,
    /// `changed`, `dropped`, `withheld` or `warning`.
    pub effect: &'static str,
    /// Where.
    pub at: String,
    /// What it is now, or why it isn't.
    pub text: String,
}

impl From<&Note> for NoteReport {
    fn from(note: &Note) -> Self {
        Self { rule: note.rule, effect: note.effect.as_str(), at: note.at.clone(), text: note.text.clone() }
    }
}

/// An item that stays behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// What it is.
    pub kind: &'static str,
    /// Its name in the source.
    pub name: String,
    /// Why.
    pub why: String,
}

impl Report {
    /// Those whose documents have no place to go, each in a line.
    #[must_use]
    pub fn refused_indices(&self) -> Vec<String> {
        let holds = |item: &&ItemReport| HOLD_DOCUMENTS.iter().any(|kind| kind.as_str() == item.kind);
        let refused = self.items.iter().filter(|item| item.outcome == Outcome::Refused).filter(holds);
        refused.map(|item| format!("{}: {}", titled(item), item.what)).collect()
    }

    /// For a gate: how many of each, then a line for each item that there is something to say of.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.counts()];
        // What can't be comes first: a person must not miss it.
        let (refused, others): (Vec<_>, Vec<_>) = self.items.iter().partition(|item| item.outcome == Outcome::Refused);
        lines.extend(refused.iter().map(|item| format!("refused: {}: {}", titled(item), item.what)));
        lines.extend(others.iter().map(|item| format!("{}: {}", titled(item), item.what)));
        if !self.left_out.is_empty() {
            let mut by_why: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            self.left_out.iter().for_each(|left| by_why.entry(&left.why).or_default().push(&left.name));
            lines.extend(by_why.into_iter().map(|(why, names)| format!("left out, {why}: {}", first(&names))));
        }
        lines.extend(self.notes.iter().cloned());
        lines
    }

    fn counts(&self) -> String {
        let mut words = Vec::new();
        for (outcomes, text) in [
            (&[Outcome::Create][..], "to create"),
            (&[Outcome::Created], "created"),
            (&[Outcome::Same, Outcome::Kept], "already there"),
            (&[Outcome::Update], "updated"),
            (&[Outcome::Refused], "refused"),
        ] {
            let of = |kind: bool| {
                let wanted = |item: &&ItemReport| outcomes.contains(&item.outcome);
                let items = self.items.iter().filter(wanted);
                items.filter(|item| (item.kind == Kind::Index.as_str()) == kind).count()
            };
            let (indices, others) = (of(true), of(false));
            if indices > 0 || text == "already there" {
                words.push(format!("{indices} {} {text}", if indices == 1 { "index" } else { "indices" }));
            }
            if others > 0 {
                words.push(format!("{others} other {} {text}", if others == 1 { "item" } else { "items" }));
            }
        }
        words.join(", ")
    }
}

/// An index by its name alone, everything else with its kind; and where it goes.
fn titled(item: &ItemReport) -> String {
    let kind = if item.kind == Kind::Index.as_str() { String::new() } else { format!("{} ", item.kind) };
    if item.name == item.source {
        return format!("{kind}{}", item.source);
    }
    format!("{kind}{} → {}", item.source, item.name)
}

/// Notes in a few words: what is lost and what waits by its place, what is only said in other words by its rule.
#[must_use]
pub fn words(notes: &[Note]) -> Vec<String> {
    let mut words = Vec::new();
    let places = |effect: Effect| -> Vec<&str> {
        notes.iter().filter(|note| note.effect == effect).map(|note| note.at.as_str()).collect()
    };
    for (effect, text) in [(Effect::Withheld, "withheld until cleanup"), (Effect::Dropped, "dropped")] {
        let places = places(effect);
        if !places.is_empty() {
            words.push(format!("{text}: {}", first(&places)));
        }
    }
    let mut changed: BTreeMap<&str, usize> = BTreeMap::new();
    notes
        .iter()
        .filter(|note| note.effect == Effect::Changed)
        .for_each(|note| *changed.entry(note.rule).or_default() += 1);
    if !changed.is_empty() {
        let rules: Vec<String> = changed
            .iter()
            .map(|(rule, count)| if *count > 1 { format!("{rule} ({count})") } else { (*rule).to_owned() })
            .collect();
        words.push(format!("changed by {}", rules.join(", ")));
    }
    words.extend(
        notes.iter().filter(|note| note.effect == Effect::Warning).map(|note| format!("{}: {}", note.at, note.text)),
    );
    words
}

/// A list that fits a line or two.
#[must_use]
pub fn first(names: &[&str]) -> String {
    let shown = names.iter().take(PLACES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(PLACES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(rule: &'static str, effect: Effect, at: &str) -> Note {
        Note { rule, effect, at: at.to_owned(), text: "so".to_owned() }
    }

    #[test]
    fn losses_are_named_by_their_place_and_other_words_by_their_rule() {
        let notes = [
            note("string-to-text", Effect::Changed, "mappings.properties.a"),
            note("string-to-text", Effect::Changed, "mappings.properties.b"),
            note("all-field", Effect::Dropped, "mappings._all"),
            note("pipelines", Effect::Withheld, "index.default_pipeline"),
            note("age", Effect::Warning, "index.lifecycle.name"),
        ];
        assert_eq!(
            words(&notes),
            [
                "withheld until cleanup: index.default_pipeline",
                "dropped: mappings._all",
                "changed by string-to-text (2)",
                "index.lifecycle.name: so",
            ]
        );
    }

    #[test]
    fn a_gate_counts_and_names() {
        let item = |kind: Kind, name: &str, outcome| ItemReport {
            kind: kind.as_str(),
            source: "a".to_owned(),
            name: name.to_owned(),
            outcome,
            what: "so".to_owned(),
            notes: Vec::new(),
            differences: Vec::new(),
            before: None,
            after: None,
        };
        let left = |name: &str| LeftOut { kind: "pipeline", name: name.to_owned(), why: "built in".to_owned() };
        let report = Report {
            items: vec![
                item(Kind::Index, "a", Outcome::Create),
                item(Kind::Index, "b", Outcome::Refused),
                item(Kind::Pipeline, "a", Outcome::Create),
            ],
            left_out: ["1", "2", "3", "4", "5", "6"].map(left).to_vec(),
            notes: Vec::new(),
        };
        assert_eq!(
            report.lines(),
            [
                "1 index to create, 1 other item to create, 0 indices already there, 1 index refused",
                "refused: a → b: so",
                "a: so",
                "pipeline a: so",
                "left out, built in: 1, 2, 3, 4, 5 and 1 more",
            ]
        );
        assert_eq!(report.refused_indices(), ["a → b: so"]);
    }
}
