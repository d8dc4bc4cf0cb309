//! A migration as it stands on the bus: what `status`, the progress of `run` and its final table show.

use protocol::bus::{self, Bus, BusError};
use protocol::checkpoint::{Counts, ShardRecord, SliceCheckpoint};
use protocol::ids::{MigrationName, ShardId};
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::plan::{InventoryIndex, InventoryPage};
use protocol::spec::Submission;
use protocol::state::{MigrationState, PhaseStatus, WorkerStatus};
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything that people ask about.
#[derive(Debug, Clone, Serialize)]
pub struct View {
    /// The migration.
    pub migration: MigrationName,
    /// How often it was submitted.
    pub submission: u32,
    /// Its phases, in order.
    pub phases: Vec<PhaseView>,
    /// Its indices, in the order of the inventory.
    pub indices: Vec<IndexView>,
    /// Live workers.
    pub workers: Vec<WorkerStatus>,
    /// Dead letters stored.
    pub dead_letters: u64,
}

/// One phase.
#[derive(Debug, Clone, Serialize)]
pub struct PhaseView {
    /// Which.
    pub phase: Phase,
    /// Where it is: one word.
    pub status: &'static str,
    /// Why it failed or was skipped.
    pub reason: Option<String>,
    /// When it began, in milliseconds since 1970.
    pub started_ms: Option<u64>,
    /// When it ended.
    pub ended_ms: Option<u64>,
    /// What it found or did.
    pub notes: Vec<String>,
}

/// One index.
#[derive(Debug, Clone, Serialize)]
pub struct IndexView {
    /// Its name in the source.
    pub name: String,
    /// Its shards.
    pub shards: usize,
    /// Shards that are loaded.
    pub shards_done: usize,
    /// Shards that failed in this submission.
    pub shards_failed: usize,
    /// Live Lucene documents, by the segments' own metadata.
    pub live_docs: u64,
    /// What became of them.
    pub counts: Counts,
    /// Whether every live document is accounted for.
    pub adds_up: bool,
}

impl View {
    /// Reads it; `None` where there is no such migration.
    ///
    /// # Errors
    /// The bus's.
    pub async fn read(bus: &dyn Bus, migration: &MigrationName) -> Result<Option<Self>, BusError> {
        let submission = bus::read::<Submission>(bus, Bucket::Migrations, &names::spec(migration)).await?;
        let Some((submission, _)) = submission else { return Ok(None) };
        let state = bus::read::<MigrationState>(bus, Bucket::Migrations, &names::state(migration)).await?;
        let mut state = state.map(|(state, _)| state).unwrap_or_default();
        // Until the coordinator has seen a new submission the state is that of the one before: its failure is history.
        state.take_up(submission.number, submission.redo.as_ref());
        let mut indices = BTreeMap::new();
        for index in inventory(bus, migration).await? {
            indices.insert(index.no.0, IndexView::new(&index));
        }
        let prefix = names::migration_prefix(migration);
        // A shard's record counts in place of its slices, whose keys go a moment later.
        let mut records: BTreeMap<ShardId, ShardRecord> = BTreeMap::new();
        let mut slices: Vec<(ShardId, SliceCheckpoint)> = Vec::new();
        for key in bus.keys(Bucket::Checkpoints, &prefix).await? {
            match names::parse_checkpoint(migration, &key) {
                Some((shard, None)) => {
                    if let Some((record, _)) = bus::read(bus, Bucket::Checkpoints, &key).await? {
                        records.insert(shard, record);
                    }
                }
                Some((shard, Some(_))) => {
                    if let Some((slice, _)) = bus::read(bus, Bucket::Checkpoints, &key).await? {
                        slices.push((shard, slice));
                    }
                }
                None => {}
            }
        }
        let attempts_max = submission.spec.sizing.max_attempts.get();
        for (shard, record) in &records {
            if let Some(index) = indices.get_mut(&shard.index.0) {
                index.add_record(record, submission.number, attempts_max);
            }
        }
        for (shard, slice) in &slices {
            let done = records.get(shard).is_some_and(|record| record.done);
            if let Some(index) = indices.get_mut(&shard.index.0).filter(|_| !done) {
                index.counts.add(&slice.counts());
            }
        }
        let mut indices: Vec<IndexView> = indices.into_values().collect();
        for index in &mut indices {
            index.adds_up = index.counts.accounted() == index.live_docs;
        }
        let mut workers = Vec::new();
        for key in bus.keys(Bucket::Workers, "").await? {
            if let Some((worker, _)) = bus::read(bus, Bucket::Workers, &key).await? {
                workers.push(worker);
            }
        }
        let (dead_letters, _) = bus.dead_letters(migration, 0).await?;
        let phases = Phase::ALL.into_iter().map(|phase| PhaseView::new(phase, &state)).collect();
        Ok(Some(Self {
            migration: migration.clone(),
            submission: submission.number,
            phases,
            indices,
            workers,
            dead_letters,
        }))
    }

    /// The phase that is on, waits or failed; `None` when all are through.
    #[must_use]
    pub fn current(&self) -> Option<&PhaseView> {
        self.phases.iter().find(|phase| !matches!(phase.status, "done" | "skipped"))
    }

    /// Counts over all indices.
    #[must_use]
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        for index in &self.indices {
            total.add(&index.counts);
        }
        total
    }
}

async fn inventory(bus: &dyn Bus, migration: &MigrationName) -> Result<Vec<InventoryIndex>, BusError> {
    let mut indices = Vec::new();
    let mut page = 0;
    loop {
        let key = names::inventory(migration, page);
        let Some((found, _)) = bus::read::<InventoryPage>(bus, Bucket::Migrations, &key).await? else {
            return Ok(indices);
        };
        indices.extend(found.indices);
        page += 1;
        if page >= found.pages {
            return Ok(indices);
        }
    }
}

impl PhaseView {
    fn new(phase: Phase, state: &MigrationState) -> Self {
        let state = state.phase(phase);
        let status = state.status.word();
        let reason = match state.status {
            PhaseStatus::Failed(why) | PhaseStatus::Skipped(why) | PhaseStatus::Rejected(why) => Some(why),
            _ => None,
        };
        Self { phase, status, reason, started_ms: state.started_ms, ended_ms: state.ended_ms, notes: state.notes }
    }
}

impl IndexView {
    fn new(index: &InventoryIndex) -> Self {
        Self {
            name: index.name.clone(),
            shards: index.shards.len(),
            shards_done: 0,
            shards_failed: 0,
            live_docs: index.shards.iter().map(|shard| shard.lucene_docs).sum(),
            counts: Counts::default(),
            adds_up: false,
        }
    }

    fn add_record(&mut self, record: &ShardRecord, submission: u32, attempts_max: u32) {
        if record.done {
            self.shards_done += 1;
            self.counts.add(&record.counts());
        } else if record.failure.as_ref().is_some_and(|failure| failure.gives_up(submission, attempts_max)) {
            self.shards_failed += 1;
        }
    }
}
