//! What the coordinator writes down, and what a phase command answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{IndexNo, WorkerId};
use crate::phase::Phase;

/// The state of a migration: one KV value, written by the coordinator alone, by compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationState {
    /// How often it was submitted; a new submission takes up what stopped or failed.
    pub submission: u32,
    /// Every phase.
    pub phases: BTreeMap<Phase, PhaseState>,
}

impl Default for MigrationState {
    fn default() -> Self {
        let phases = Phase::ALL.into_iter().map(|phase| (phase, PhaseState::default())).collect();
        Self { submission: 0, phases }
    }
}

impl MigrationState {
    /// The state of one phase.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> PhaseState {
        self.phases.get(&phase).cloned().unwrap_or_default()
    }

    /// Takes a new submission up: what failed or waits is pending again. Nothing happens where it was taken up before.
    pub fn take_up(&mut self, submission: u32) {
        if submission <= self.submission {
            return;
        }
        self.submission = submission;
        for phase in self.phases.values_mut() {
            if matches!(phase.status, PhaseStatus::Failed(_) | PhaseStatus::Waiting) {
                *phase = PhaseState::default();
            }
        }
    }

    /// The first phase that is not through, or `None` when the migration is.
    #[must_use]
    pub fn current(&self) -> Option<Phase> {
        Phase::ALL.into_iter().find(|phase| !self.phase(*phase).status.is_through())
    }
}

/// The state of one phase.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PhaseState {
    /// Where it is.
    pub status: PhaseStatus,
    /// When it began, in milliseconds since 1970.
    pub started_ms: Option<u64>,
    /// When it ended.
    pub ended_ms: Option<u64>,
    /// What it found, did, or waits for, a line each.
    pub notes: Vec<String>,
}

/// Where a phase is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is", content = "why")]
pub enum PhaseStatus {
    /// Its turn hasn't come.
    #[default]
    Pending,
    /// Its gate waits for a person.
    Waiting,
    /// Under way.
    Running,
    /// Through.
    Done,
    /// Not needed, for the reason given.
    Skipped(String),
    /// Ended without success; a new submission tries again what is left.
    Failed(String),
}

impl PhaseStatus {
    /// Whether the next phase may begin.
    #[must_use]
    pub fn is_through(&self) -> bool {
        matches!(self, Self::Done | Self::Skipped(_))
    }

    /// One word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Skipped(_) => "skipped",
            Self::Failed(_) => "failed",
        }
    }
}

/// What a phase command answers: one KV value per phase, written by the worker that executed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseResult {
    /// Which submission asked; an older one's answer is void.
    pub submission: u32,
    /// Notes for people, or why it failed.
    pub outcome: Result<Vec<String>, String>,
    /// Who did it.
    pub worker: WorkerId,
}

/// What metadata did with one index, and what verify found: one KV value per page of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TargetPage {
    /// By index number.
    pub indices: BTreeMap<IndexNo, TargetIndex>,
}

/// One index on the target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TargetIndex {
    /// Its name there.
    pub name: String,
    /// Its uuid; another uuid during the load means that it was deleted and made again.
    pub uuid: String,
    /// Whether this migration created it.
    pub created: bool,
    /// Documents in it before the load.
    pub count_before: u64,
    /// Documents in it at verify.
    pub count_after: Option<u64>,
    /// Settings withheld at creation, put on at cleanup.
    pub withheld: BTreeMap<String, String>,
}

/// A live worker: a KV value with a time to live, renewed by a timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// Its id.
    pub id: WorkerId,
    /// The build's version.
    pub version: String,
    /// Tasks it works on at once.
    pub slots: u32,
    /// What it does now, a line per busy slot.
    pub doing: Vec<String>,
}

/// What runs through `mig_control`: watched by every worker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Control {
    /// The load is stopped, for this reason: finish no more batches, give tasks back.
    pub stopped: Option<String>,
}

/// A person's approval of a phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub who: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Why, in their words; may be empty.
    #[serde(default)]
    pub note: String,
    /// The configuration that was approved: its digest, so that a change voids it.
    pub spec_digest: u32,
}

/// Something that happened, for `migctl output` and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// In which phase.
    pub phase: Phase,
    /// One word: `started`, `done`, `failed`, `shard-done`, `shard-failed`, `resumed`, …
    pub kind: String,
    /// For people.
    pub text: String,
}

/// A document that the target refuses, with everything needed to find it again. The snapshot can't change, so the
/// document itself is kept only where it is small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Name of the index in the source.
    pub index: String,
    /// `_id`.
    pub id: String,
    /// `_routing`, where there is one.
    pub routing: Option<String>,
    /// HTTP status of the item.
    pub status: u16,
    /// The target's error type, `mapper_parsing_exception`.
    pub kind: String,
    /// The target's reason.
    pub reason: String,
    /// Shard in the snapshot.
    pub shard: u32,
    /// Segment in the shard.
    pub segment: String,
    /// Lucene document in the segment.
    pub doc: u32,
    /// `_source`, where it is at most 64 KiB.
    #[serde(with = "serde_bytes")]
    pub source: Option<Vec<u8>>,
}
