//! What differs in mappings, by subject. The order matters: dynamic templates first get one type each, then `string`
//! becomes a type of today, then come the parameters of old, then what only one product has.

mod joda;
mod walk;

pub mod dynamic;
pub mod dynamic_string;
pub mod meta;
pub mod source;
pub mod string;
pub mod words;

pub mod completion;
pub mod dates;
pub mod removed;
pub mod similarity;

pub mod kinds;
pub mod parameters;
pub mod subobjects;
pub mod to_elasticsearch;
pub mod vectors;

pub mod knn;

pub mod limits;

use crate::rule::Versions;

/// Written by a server that had `string`.
fn from_before_5(versions: Versions) -> bool {
    versions.source.is_elasticsearch_before(5, 0)
}

/// Written by a server whose mappings may hold what those before 5.0 wrote.
fn from_before_6(versions: Versions) -> bool {
    versions.source.is_elasticsearch_before(6, 0)
}

/// The same of what was there until 7.
fn from_before_8(versions: Versions) -> bool {
    versions.source.is_elasticsearch_before(8, 0)
}
