//! Names of things, each a type of its own, so that one can't stand where another belongs.
//!
//! Holds: whatever `Display` prints of an id is made of `[-_=a-zA-Z0-9]` and so fits a NATS subject token or key.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {found:?} is not allowed: {rule}")]
pub struct IdError {
    /// Which kind of id was expected.
    pub what: &'static str,
    /// What was given.
    pub found: String,
    /// What is allowed.
    pub rule: &'static str,
}

/// The name of a migration: `[a-z0-9-]{1,40}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MigrationName(String);

impl MigrationName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MigrationName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || text.len() > 40 || !text.bytes().all(legal) {
            return Err(IdError {
                what: "migration name",
                found: text.to_owned(),
                rule: "1 to 40 of a-z, 0-9 and '-'",
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl JsonSchema for MigrationName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MigrationName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "migration-name", "pattern": "^[a-z0-9-]{1,40}$"})
    }
}

impl TryFrom<String> for MigrationName {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<MigrationName> for String {
    fn from(name: MigrationName) -> Self {
        name.0
    }
}

impl fmt::Display for MigrationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An index by its number in the inventory: index names hold characters that no key may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct IndexNo(pub u32);

impl fmt::Display for IndexNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One shard of one index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShardId {
    /// The index it belongs to.
    pub index: IndexNo,
    /// Its number in the index, from 0.
    pub shard: u32,
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.index, self.shard)
    }
}

/// A slice of a shard: `<segment>-<first doc>-<end doc>` of its first range, unique in the shard because ranges never
/// overlap.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SliceId(String);

impl SliceId {
    /// The id of the slice whose first range is docs `[from, to)` of `segment`.
    #[must_use]
    pub fn new(segment: &str, from: u32, to: u32) -> Self {
        Self(format!("{segment}-{from}-{to}"))
    }

    /// An id as it stands in a key.
    ///
    /// # Errors
    /// A character that no key may hold.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.is_empty() || !text.bytes().all(legal) {
            return Err(IdError { what: "slice id", found: text.to_owned(), rule: "a-z, A-Z, 0-9, '-' and '_'" });
        }
        Ok(Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SliceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A worker process: `<host>-<pid>-<random>`, made once when it starts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkerId(String);

impl WorkerId {
    /// An id from a text; characters that no key may hold become `-`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let clean = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
        Self(text.chars().map(clean).collect())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
