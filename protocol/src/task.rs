//! What a worker is asked to do. Small: a task names what to do, the plan in KV says the rest.

use serde::{Deserialize, Serialize};

use crate::ids::{MigrationName, ShardId, SliceId};
use crate::phase::Phase;
use std::fmt;
use std::str::FromStr;

/// Which queue a task waits in, so that neither kind starves the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskClass {
    /// Phase commands: few and short.
    Phase,
    /// Plans and loads of shards: many and long.
    Shard,
}

impl TaskClass {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Phase, Self::Shard];

    /// The token of the class in consumer names and subjects.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phase => "phase",
            Self::Shard => "shard",
        }
    }
}

/// What one worker does for a whole migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Command {
    /// Look at source, repository and target before anything begins.
    Preflight,
    /// Take the snapshot, or follow it.
    Snapshot,
    /// Open the repository and write down what the inventory is to hold: the pages, which others fill.
    Register,
    /// Say what metadata would do, and do nothing.
    Evaluate,
    /// Create indices.
    Metadata,
    /// Compare counts.
    Verify,
    /// Put on what was withheld; remove what only the migration needed.
    Cleanup,
}

impl Command {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Preflight, Self::Snapshot, Self::Register, Self::Evaluate, Self::Metadata, Self::Verify, Self::Cleanup];

    /// Its token in subjects and keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Snapshot => "snapshot",
            Self::Register => "register",
            Self::Evaluate => "evaluate",
            Self::Metadata => "metadata",
            Self::Verify => "verify",
            Self::Cleanup => "cleanup",
        }
    }

    /// The phase that it is part of; `None`: it comes before all of them.
    #[must_use]
    pub fn phase(self) -> Option<Phase> {
        match self {
            Self::Preflight => None,
            Self::Snapshot => Some(Phase::Snapshot),
            Self::Register => Some(Phase::Register),
            Self::Evaluate | Self::Metadata => Some(Phase::Metadata),
            Self::Verify => Some(Phase::Verify),
            Self::Cleanup => Some(Phase::Cleanup),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no command")]
pub struct UnknownCommand(pub String);

impl FromStr for Command {
    type Err = UnknownCommand;

    fn from_str(text: &str) -> Result<Self, UnknownCommand> {
        Self::ALL.into_iter().find(|command| command.as_str() == text).ok_or_else(|| UnknownCommand(text.to_owned()))
    }
}

/// One piece of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Execute a command and store its [`crate::state::CommandResult`].
    Command(Command),
    /// Send the request of a person that has this number, and store what came of it.
    Curl(u32),
    /// Take one page of the inventory.
    Inventory(u32),
    /// Plan a shard into slices and store the plan, once.
    Plan(ShardId),
    /// Load one slice of a planned shard.
    Load(ShardId, SliceId),
}

impl Task {
    /// The queue it waits in.
    #[must_use]
    pub fn class(&self) -> TaskClass {
        match self {
            Self::Command(_) | Self::Curl(_) => TaskClass::Phase,
            Self::Inventory(_) | Self::Plan(_) | Self::Load(..) => TaskClass::Shard,
        }
    }

    /// The kind's token in subjects.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Command(_) => "command",
            Self::Curl(_) => "curl",
            Self::Inventory(_) => "inventory",
            Self::Plan(_) => "plan",
            Self::Load(..) => "load",
        }
    }

    /// What tells it from every other task of its kind and migration; one subject token.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Command(command) => command.to_string(),
            Self::Curl(number) | Self::Inventory(number) => number.to_string(),
            Self::Plan(shard) => shard.to_string(),
            Self::Load(shard, slice) => format!("{shard}-{slice}"),
        }
    }
}

/// A task as it travels: which migration, and the how manieth time it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskMessage {
    /// The migration it belongs to.
    pub migration: MigrationName,
    /// Counts publications, so that a wanted repeat is not taken for a duplicate.
    pub attempt: u32,
    /// What to do.
    pub task: Task,
}
