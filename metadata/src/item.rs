//! What is translated: an index, a template, a data stream, a pipeline, a policy.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::types::Join;

/// What kind of thing an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An index: settings, one mapping, aliases.
    Index,
    /// A legacy template (`_template`): the same, with patterns and an order.
    LegacyTemplate,
    /// A component template.
    ComponentTemplate,
    /// A composable index template.
    IndexTemplate,
    /// A data stream; its documents are in the indices behind it.
    DataStream,
    /// An ingest pipeline.
    Pipeline,
    /// A lifecycle policy: ILM of Elasticsearch, ISM of OpenSearch.
    Policy,
}

impl Kind {
    /// All of them, in the order in which they are created.
    pub const ALL: [Self; 7] = [
        Self::Pipeline,
        Self::Policy,
        Self::Index,
        Self::LegacyTemplate,
        Self::ComponentTemplate,
        Self::IndexTemplate,
        Self::DataStream,
    ];

    /// Its word in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::LegacyTemplate => "legacy template",
            Self::ComponentTemplate => "component template",
            Self::IndexTemplate => "index template",
            Self::DataStream => "data stream",
            Self::Pipeline => "pipeline",
            Self::Policy => "policy",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An item as the source kept it: with a mapping for each type.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceItem {
    /// What it is.
    pub kind: Kind,
    /// Its name in the source.
    pub name: String,
    /// Its settings, flat, with `index.` before each.
    pub settings: Map<String, Value>,
    /// Its mapping by type, `_default_` among them; one of them, `_doc`, where the source has no types.
    pub mappings: Vec<(String, Value)>,
    /// Its aliases by name.
    pub aliases: Map<String, Value>,
    /// Everything else: `order`, `index_patterns`, `composed_of`, `version`, `_meta`, … of a template; the whole body of
    /// a pipeline or policy.
    pub rest: Map<String, Value>,
}

impl SourceItem {
    /// An index of a snapshot, whose settings are flat. `routing_shards` is how many shards it could be split into, which
    /// its metadata says beside the settings: which shard a document is in depends on it.
    #[must_use]
    pub fn index(
        name: &str,
        mut settings: Map<String, Value>,
        mappings: Vec<(String, Value)>,
        aliases: Map<String, Value>,
        routing_shards: u32,
    ) -> Self {
        settings.insert("index.number_of_routing_shards".to_owned(), routing_shards.to_string().into());
        Self { kind: Kind::Index, name: name.to_owned(), settings, mappings, aliases, rest: Map::new() }
    }
}

/// An item on its way to the target, and what happened to it so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// Its name on the target.
    pub name: String,
    /// Types of the source whose mapping and documents it takes; empty: all.
    pub types: Vec<String>,
    /// As in [`SourceItem`].
    pub settings: Map<String, Value>,
    /// The mapping: `{"properties": …, …}`; empty where nothing is mapped.
    pub mapping: Map<String, Value>,
    /// As in [`SourceItem`].
    pub aliases: Map<String, Value>,
    /// As in [`SourceItem`].
    pub rest: Map<String, Value>,
    /// The field that links parents and children where the source had `_parent`; the load adds it to the documents.
    pub join: Option<Join>,
    /// Settings that would get in the way of the load, put on at cleanup.
    pub withheld: BTreeMap<String, Value>,
    /// What is another than in the source.
    pub notes: Vec<Note>,
}

impl Item {
    /// Notes what a rule did at `at`, the path of a field or setting as a person would write it.
    pub fn note(&mut self, rule: &'static str, effect: Effect, at: impl Into<String>, text: impl Into<String>) {
        self.notes.push(Note { rule, effect, at: at.into(), text: text.into() });
    }
}

/// What a rule did to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It says the same in other words.
    Changed,
    /// It is gone, and something that it did is no more.
    Dropped,
    /// It is put on at cleanup.
    Withheld,
    /// It is as it was, and a person should know something.
    Warning,
}

impl Effect {
    /// Its word in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Dropped => "dropped",
            Self::Withheld => "withheld",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is another than in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The id of the rule.
    pub rule: &'static str,
    /// What it did.
    pub effect: Effect,
    /// Where: `mappings.properties.title`, `index.analysis.filter.f`, `aliases.a`.
    pub at: String,
    /// What it is now, or why it isn't.
    pub text: String,
}

/// An item can't be on the target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {text}")]
pub struct Refusal {
    /// The id of the rule.
    pub rule: &'static str,
    /// Where.
    pub at: String,
    /// Why, and what to do.
    pub text: String,
}
