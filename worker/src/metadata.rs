//! Metadata on its way: what the snapshot has, as the configuration wants it on the target, judged by the target itself.
//!
//! ```text
//! snapshot ─▶ [`translation`] ─▶ items ─▶ [`judge`]: under a throw-away name ─▶ an item that the target takes, or why not
//! ```
//! Evaluate and metadata go the same way; only the name differs under which an item is created in the end. Pure rules
//! are in the crate `metadata`; here is what talks to a target.

pub mod report;
pub mod settle;

pub mod ledger;
pub mod mark;
pub mod translation;

mod existing;
pub mod others;
pub mod streams;
pub mod survey;

pub mod compare;
pub mod judge;
pub mod obstacle;
pub mod there;

use serde_json::Value;

/// A setting's value as a text, without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
