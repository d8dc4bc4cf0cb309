//! What the coordinator writes down, and what a phase command answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{MigrationName, WorkerId};
use crate::phase::Phase;
use crate::spec::Redo;
use crate::task::Task;

/// The state of a migration: one KV value, written by the coordinator alone, by compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationState {
    /// How often it was submitted; a new submission takes up what stopped or failed.
    pub submission: u32,
    /// The look at everything that each submission begins with.
    #[serde(default)]
    pub preflight: PhaseState,
    /// Every phase.
    pub phases: BTreeMap<Phase, PhaseState>,
    /// Nothing new begins until a person lets it: who paused it, and why.
    #[serde(default)]
    pub paused: Option<String>,
    /// Bytes of stored fields a second that the last load read, where it went on for long enough to tell.
    #[serde(default)]
    pub load_rate: Option<u64>,
}

impl Default for MigrationState {
    fn default() -> Self {
        let phases = Phase::ALL.into_iter().map(|phase| (phase, PhaseState::default())).collect();
        Self { submission: 0, preflight: PhaseState::default(), phases, paused: None, load_rate: None }
    }
}

impl MigrationState {
    /// The state of one phase.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> PhaseState {
        self.phases.get(&phase).cloned().unwrap_or_default()
    }

    /// Takes a new submission up: what failed, waits or is to be done again is pending, and everything is looked at anew.
    /// Nothing happens where it was taken up before.
    pub fn take_up(&mut self, submission: u32, redo: Option<&Redo>) {
        if submission <= self.submission {
            return;
        }
        self.submission = submission;
        self.preflight = PhaseState::default();
        let again = redo.map(|redo| match redo {
            Redo::Phase(phase) => *phase,
            Redo::Shard(_) => Phase::Load,
        });
        for (phase, state) in &mut self.phases {
            let ended =
                matches!(state.status, PhaseStatus::Failed(_) | PhaseStatus::Rejected(_) | PhaseStatus::Waiting);
            if ended || again.is_some_and(|again| *phase >= again) {
                *state = PhaseState::default();
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
    /// A person said no at its gate: who, and why. An approval lets it begin all the same.
    Rejected(String),
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
            Self::Rejected(_) => "rejected",
        }
    }
}

/// What a command answers: one KV value per command, written by the worker that executed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandResult {
    /// Which submission asked; an older one's answer is void.
    pub submission: u32,
    /// Notes for people, or why it failed.
    pub outcome: Result<Vec<String>, String>,
    /// Who did it.
    pub worker: WorkerId,
}

/// How far a command under way is: written by its worker every few seconds, for people only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Which submission.
    pub submission: u32,
    /// When this was written, in milliseconds since 1970.
    pub at_ms: u64,
    /// Since when it is under way.
    pub started_ms: u64,
    /// A sentence.
    pub text: String,
    /// Done so far, in bytes; 0 where it is not known.
    pub done_bytes: u64,
    /// Of so many; 0 where it is not known.
    pub total_bytes: u64,
}

/// How far the load is: written by the coordinator every few seconds while it goes on, for people only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LoadProgress {
    /// Which submission.
    pub submission: u32,
    /// When this was written, in milliseconds since 1970.
    pub at_ms: u64,
    /// Lucene documents accounted for.
    pub docs: u64,
    /// Of so many.
    pub total_docs: u64,
    /// Bytes of stored fields whose documents are accounted for.
    pub read_bytes: u64,
    /// Of so many, as register found.
    pub total_read_bytes: u64,
    /// Lucene documents a second over the last minute; `None` while too little was seen.
    pub docs_per_second: Option<u64>,
    /// Bytes of stored fields a second over the last minute.
    pub bytes_per_second: Option<u64>,
    /// Milliseconds that the rest takes at the rate, in bytes, of the last ten minutes; `None` while nothing moves.
    pub left_ms: Option<u64>,
}

/// One of the two clusters of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Where documents come from.
    Source,
    /// Where they go.
    Target,
}

impl Side {
    /// Its name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

/// A request of a person to one of the clusters, for a worker to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurlRequest {
    /// To which.
    pub side: Side,
    /// `GET`, `POST`, …
    pub method: String,
    /// Begins with `/`; with its query.
    pub path: String,
    /// As it is sent.
    pub body: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurlAnswer {
    /// Who sent it.
    pub worker: WorkerId,
    /// HTTP status and body, or why there was no answer.
    pub outcome: Result<(u16, Vec<u8>), String>,
    /// Bytes of the body that are left out.
    pub left_out: usize,
}

/// The snapshot of a migration: written before the source is asked for it, so that whoever continues asks for the same
/// one. What we made is noted before it is made, and confirmed after.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SnapshotRecord {
    /// The registration of the repository on the source; empty where nothing was asked of the source.
    pub repository: String,
    /// Whether this migration made the registration.
    pub made_repository: bool,
    /// The snapshot's name.
    pub snapshot: String,
    /// Whether this migration took it.
    pub made_snapshot: bool,
    /// How many indices it was asked to hold.
    pub indices: u64,
    /// The submission that asked for it. A later one that wants the phase done again takes another.
    pub submission: u32,
    /// It is complete.
    pub done: bool,
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
    /// Bytes of documents that it may have in flight (`--memory`).
    #[serde(default)]
    pub memory_bytes: u64,
    /// What it does now, one for each busy slot.
    pub doing: Vec<Doing>,
}

/// A task in a worker's hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doing {
    /// Of which migration.
    pub migration: MigrationName,
    /// What.
    pub task: Task,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
}

/// What runs through `mig_control`: watched by every worker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Control {
    /// The load is stopped, for this reason: finish no more batches, give tasks back.
    pub stopped: Option<String>,
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
