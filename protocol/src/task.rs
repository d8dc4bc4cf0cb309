//! What a worker is asked to do. Small: a task names what to do, the plan in KV says the rest.

use serde::{Deserialize, Serialize};

use crate::ids::{MigrationName, ShardId, SliceId};
use crate::phase::Phase;

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

/// One piece of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Execute a phase command and store its [`crate::state::PhaseResult`].
    Phase(Phase),
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
            Self::Phase(_) => TaskClass::Phase,
            Self::Plan(_) | Self::Load(..) => TaskClass::Shard,
        }
    }

    /// The kind's token in subjects.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Phase(_) => "phase",
            Self::Plan(_) => "plan",
            Self::Load(..) => "load",
        }
    }

    /// What tells it from every other task of its kind and migration; one subject token.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Phase(phase) => phase.to_string(),
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
