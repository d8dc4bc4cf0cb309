//! Metadata of one version becomes that of another: pure, no I/O.
//!
//! ```text
//! the snapshot's metadata ─▶ SourceItem ─ types::resolve ─▶ Item(s), one mapping each ─ translate ─▶ Item with notes ─ request ─▶ what creates it
//!                            mappings by type                                            RULES, in order
//! ```
//! In: what the source kept of an index, a template, a data stream, a pipeline, a policy. Out: what creates it on the
//! target, with a note for everything that is another than before, by the id of the rule that did it; or a refusal.
//!
//! Holds: nothing is changed or left out without a note, but what a server writes for itself (rule `settings-private`).
//! Not here: asking a target, and what it answers with.

pub mod server;

pub mod pattern;
pub mod settings;

pub mod item;
pub mod state;
pub mod types;

pub mod rule;
pub mod rules;

pub mod builtin;
pub mod repair;
pub mod request;

pub use item::{Effect, Item, Kind, Note, Refusal, SourceItem};
pub use repair::repair;
pub use rule::{Rule, Versions, translate};
pub use server::{Product, Server};
pub use state::{DataStream, State, StateError};
