//! The six phases of a migration, and the state of each.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A step of a migration; each is finished before the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The source is asked for a point-in-time snapshot.
    Snapshot,
    /// The repository is opened, every index and shard inventoried.
    Register,
    /// Indices are created on the target.
    Metadata,
    /// The documents move.
    Load,
    /// Counts are compared.
    Verify,
    /// What was withheld is put on, what was temporary goes.
    Cleanup,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; 6] =
        [Self::Snapshot, Self::Register, Self::Metadata, Self::Load, Self::Verify, Self::Cleanup];

    /// The name that people type.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Register => "register",
            Self::Metadata => "metadata",
            Self::Load => "load",
            Self::Verify => "verify",
            Self::Cleanup => "cleanup",
        }
    }

    /// The phase after this one.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| *phase > self)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no phase; the phases are snapshot, register, metadata, load, verify, cleanup")]
pub struct UnknownPhase(pub String);

impl FromStr for Phase {
    type Err = UnknownPhase;

    fn from_str(text: &str) -> Result<Self, UnknownPhase> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == text).ok_or_else(|| UnknownPhase(text.to_owned()))
    }
}
