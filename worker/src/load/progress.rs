//! Answers → the checkpoint of the slice, stored under the owner's epoch.
//!
//! Holds: the checkpoint covers only answered batches, in order; a dead letter is stored before the checkpoint that
//! covers it; a write that isn't based on our own last one is refused by the bus, and ends our work.

use std::time::{Duration, Instant};

use protocol::bus::{self, BusError};
use protocol::checkpoint::{Failure, RangeProgress, SliceCheckpoint};
use protocol::ids::{MigrationName, ShardId};
use protocol::names::{self, Bucket};
use protocol::plan::PlannedSlice;
use protocol::state::DeadLetter;
use target::ItemOutcome;
use tokio_util::sync::CancellationToken;

use super::batch::{Body, Step};
use super::sink::Answered;
use crate::context::{Context, Migration};
use crate::failure::TaskError;
use crate::lease::{Lease, Pulse};
use crate::read::uid::split_uid;

/// A document is kept in its dead letter only up to this size: the snapshot can't change and has it.
const DEAD_LETTER_SOURCE_MAX: usize = 64 * 1024;

/// Dead letters of a slice that are logged one by one: a target may refuse every document, and they are on the bus.
const LETTERS_LOGGED_MAX: u32 = 10;

/// Bytes of source between two checkpoints at most, whatever the time.
const CHECKPOINT_BYTES: u64 = 64 << 20;

/// A checkpoint that the bus did not take is offered again after this long.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The checkpoint of a slice in its owner's hands.
pub struct Progress {
    key: String,
    shard: ShardId,
    /// Revision of our last write; that of the first one is our epoch.
    revision: u64,
    checkpoint: SliceCheckpoint,
    stored_at: Instant,
    bytes_since: u64,
    letters_logged: u32,
    pulse: Pulse,
    cancel: CancellationToken,
}

impl Progress {
    /// Takes the slice: our name in its checkpoint fences whoever had it before. `None`: it is done already.
    ///
    /// # Errors
    /// Somebody else took it at the same moment; the bus's.
    pub async fn take(
        context: &Context,
        migration: &MigrationName,
        shard: ShardId,
        planned: &PlannedSlice,
        lease: &Lease,
    ) -> Result<Option<Self>, TaskError> {
        let key = names::slice(migration, shard, &planned.id);
        let found = bus::read::<SliceCheckpoint>(&*context.bus, Bucket::Checkpoints, &key).await?;
        let (mut checkpoint, before) = match found {
            Some((checkpoint, _)) if checkpoint.done => return Ok(None),
            Some((checkpoint, revision)) => (checkpoint, Some(revision)),
            None => (SliceCheckpoint::default(), None),
        };
        if checkpoint.ranges.len() != planned.ranges.len() {
            let begin = |range: &protocol::plan::SegmentRange| RangeProgress {
                next_doc: range.from_doc,
                ..RangeProgress::default()
            };
            checkpoint.ranges = planned.ranges.iter().map(begin).collect();
        }
        checkpoint.owner = Some(context.worker.clone());
        let value = bus::bytes(&key, &checkpoint)?;
        let written = match before {
            Some(revision) => context.bus.update(Bucket::Checkpoints, &key, value, revision).await,
            None => context.bus.create(Bucket::Checkpoints, &key, value).await,
        };
        let revision = written.map_err(lost)?;
        let (pulse, cancel) = (lease.pulse(), lease.cancel.clone());
        Ok(Some(Self {
            key,
            shard,
            revision,
            checkpoint,
            stored_at: Instant::now(),
            bytes_since: 0,
            letters_logged: 0,
            pulse,
            cancel,
        }))
    }

    /// What is known so far, stored or not.
    #[must_use]
    pub fn checkpoint(&self) -> &SliceCheckpoint {
        &self.checkpoint
    }

    /// Takes the answers of the next batch in order, and stores a dead letter for each rejected document.
    ///
    /// # Errors
    /// The bus's.
    pub async fn answered(
        &mut self,
        context: &Context,
        migration: &Migration,
        index: &str,
        answered: Answered,
    ) -> Result<(), TaskError> {
        let Answered { batch, outcomes } = answered;
        for (at, (item, outcome)) in batch.items.iter().zip(outcomes).enumerate() {
            let Some(range) = self.checkpoint.ranges.get_mut(item.range) else { continue };
            if item.recovered && !matches!(outcome, ItemOutcome::Rejected { .. }) {
                range.counts.recovered += 1;
            }
            match outcome {
                ItemOutcome::Written => {
                    range.counts.written += 1;
                    range.counts.source_bytes += item.source_len;
                    self.bytes_since += item.source_len;
                }
                ItemOutcome::AlreadyThere => range.counts.already_there += 1,
                ItemOutcome::Rejected { status, kind, reason } => {
                    range.counts.rejected += 1;
                    let mut letter = blank_letter(index, self.shard, &batch.steps, item.range, item.doc);
                    (letter.status, letter.kind, letter.reason) = (status, kind, reason);
                    if let Body::Bulk(body) = &batch.body {
                        (letter.id, letter.routing) = body.key(at).unwrap_or_default();
                        if let (true, Ok((_, id))) = (item.type_in_id, split_uid(&letter.id)) {
                            letter.id = id.to_owned();
                        }
                        let small = body.source(at).filter(|source| source.len() <= DEAD_LETTER_SOURCE_MAX);
                        letter.source = small.map(<[u8]>::to_vec);
                    }
                    self.store_letter(context, migration, &letter).await?;
                }
            }
        }
        for unreadable in batch.unreadable {
            let Some(range) = self.checkpoint.ranges.get_mut(unreadable.range) else { continue };
            range.counts.rejected += 1;
            let mut letter = blank_letter(index, self.shard, &batch.steps, unreadable.range, unreadable.doc);
            (letter.id, letter.routing) = (unreadable.id, unreadable.routing);
            (letter.kind, letter.reason) = (unreadable.kind.to_owned(), unreadable.reason);
            self.store_letter(context, migration, &letter).await?;
        }
        for step in batch.steps {
            let Some(range) = self.checkpoint.ranges.get_mut(step.range) else { continue };
            range.next_doc = step.next_doc;
            range.crc = step.crc;
            range.counts.nested += step.nested;
            for reason in step.skipped {
                *range.counts.skipped.entry(reason).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Stores a dead letter; the first ones are logged too.
    async fn store_letter(
        &mut self,
        context: &Context,
        migration: &Migration,
        letter: &DeadLetter,
    ) -> Result<(), TaskError> {
        if self.letters_logged < LETTERS_LOGGED_MAX {
            self.letters_logged += 1;
            tracing::warn!(index = letter.index, id = letter.id, kind = letter.kind, "rejected: {}", letter.reason);
            if self.letters_logged == LETTERS_LOGGED_MAX {
                tracing::warn!("what else is rejected of this slice is in the dead letters only");
            }
        }
        Ok(context.bus.store_dead_letter(&migration.name, self.shard, letter).await?)
    }

    /// Whether it is time to store.
    #[must_use]
    pub fn is_due(&self, interval: Duration) -> bool {
        self.stored_at.elapsed() >= interval || self.bytes_since >= CHECKPOINT_BYTES
    }

    /// Stores the checkpoint; `file_len` is what the target's file vouches for.
    ///
    /// # Errors
    /// Taken over, when somebody else owns the slice now; the bus's.
    pub async fn store(&mut self, context: &Context, file_len: u64) -> Result<(), TaskError> {
        self.checkpoint.file_len = file_len;
        let value = bus::bytes(&self.key, &self.checkpoint)?;
        self.write(context, value).await?;
        self.stored_at = Instant::now();
        self.bytes_since = 0;
        Ok(())
    }

    /// Stores the end of the slice.
    ///
    /// # Errors
    /// As [`Progress::store`].
    pub async fn finish(&mut self, context: &Context, file_len: u64) -> Result<(), TaskError> {
        self.checkpoint.done = true;
        self.checkpoint.failure = None;
        self.store(context, file_len).await
    }

    /// Stores a failure beside the progress that was stored last: what came after it isn't vouched for.
    ///
    /// # Errors
    /// As [`Progress::store`].
    pub async fn fail(&mut self, context: &Context, failure: Failure) -> Result<(), TaskError> {
        let stored = bus::read::<SliceCheckpoint>(&*context.bus, Bucket::Checkpoints, &self.key).await?;
        let Some((mut checkpoint, _)) = stored else { return Err(TaskError::TakenOver) };
        checkpoint.failure = Some(failure);
        let value = bus::bytes(&self.key, &checkpoint)?;
        self.write(context, value).await
    }

    /// Writes over our own last write; while the bus doesn't answer it is tried again, as long as the lease holds.
    async fn write(&mut self, context: &Context, value: Vec<u8>) -> Result<(), TaskError> {
        loop {
            match context.bus.update(Bucket::Checkpoints, &self.key, value.clone(), self.revision).await {
                Ok(revision) => {
                    self.revision = revision;
                    return Ok(());
                }
                Err(BusError::Conflict { .. }) => {
                    // Perhaps only the answer was lost: nobody else writes the same with our name in it.
                    let found = context.bus.get(Bucket::Checkpoints, &self.key).await?;
                    let own = found.filter(|found| found.value == value).ok_or(TaskError::TakenOver)?;
                    self.revision = own.revision;
                    return Ok(());
                }
                Err(error) if error.is_transient() && self.pulse.holds() => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "store a checkpoint; trying again");
                    let pause = tokio::time::sleep(RETRY_AFTER);
                    self.cancel.run_until_cancelled(pause).await.ok_or(TaskError::GivenUp)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A refused write means that somebody else owns the slice.
fn lost(error: BusError) -> TaskError {
    match error {
        BusError::Conflict { .. } | BusError::Exists { .. } => TaskError::TakenOver,
        error => TaskError::Bus(error),
    }
}

fn blank_letter(index: &str, shard: ShardId, steps: &[Step], range: usize, doc: u32) -> DeadLetter {
    let segment = steps.iter().find(|step| step.range == range).map_or("", |step| step.segment.as_str());
    DeadLetter {
        index: index.to_owned(),
        id: String::new(),
        routing: None,
        status: 0,
        kind: String::new(),
        reason: String::new(),
        shard: shard.shard,
        segment: segment.to_owned(),
        doc,
        source: None,
    }
}
