//! One slice, from its last checkpoint to its end: the pipeline on one screen.
//!
//! ```text
//! read (own thread) ──batch, 1 queued──▶ send (up to `connections` in flight) ──answers, in order──▶ progress ──▶ checkpoint
//! ```
//! A batch holds its memory permit until the target has answered, so a slow target slows the reader and nothing else.
//! Batches may overlap, but their answers are taken in order: a checkpoint covers only what the target answered for,
//! without holes. The end of the slice drains; a lost lease, a stop or a failure drops what is in flight, which no
//! checkpoint covers, so it is read and written again.

mod route;
mod splice;

mod batch;
mod pack;

mod meet;
mod place;
mod sink;

mod progress;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use lucene::{Commit, Segment};
use protocol::bus;
use protocol::checkpoint::{Failure, ShardRecord, SliceCheckpoint, Verdict};
use protocol::destination::TargetIndex;
use protocol::event::Event;
use protocol::ids::{ShardId, SliceId};
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::plan::{InventoryIndex, PlannedSlice, ShardPlan};
use protocol::spec::OnConflict;
use snapshot::{ShardDirectory, ShardFiles};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::context::{Context, Migration, TargetHandle, Types};
use crate::failure::{TaskError, with_blob};
use crate::lease::Lease;
use crate::line::LineWriter;
use crate::read::{RangeReader, ReadError, ReadOptions, VersionsWanted};

use batch::Batch;
use pack::{Format, Limits, Packer, Stop};
use progress::Progress;
use route::Router;
use sink::{Answered, Sink};

/// Batches that wait between reader and sender: one, so that the sender never waits for the reader to begin.
const BATCHES_QUEUED: usize = 1;

/// Loads a slice to its end, or as far as it gets.
///
/// # Errors
/// A failure, stored in the slice's checkpoint; given up; the bus's.
pub async fn load_slice(
    context: &Context,
    migration: &Migration,
    shard: ShardId,
    slice: &SliceId,
    lease: &Lease,
) -> Result<(), TaskError> {
    let record_key = names::shard(&migration.name, shard);
    let record = bus::read::<ShardRecord>(&*context.bus, Bucket::Checkpoints, &record_key).await?;
    let attempts_max = migration.spec.sizing.max_attempts.get();
    if let Some((record, _)) = record {
        let given_up = record.failure.is_some_and(|failure| failure.gives_up(migration.submission, attempts_max));
        if record.done || given_up {
            return Ok(());
        }
    }
    let plan_key = names::plan(&migration.name, shard);
    let Some((plan, _)) = bus::read::<ShardPlan>(&*context.bus, Bucket::Migrations, &plan_key).await? else {
        return Err(TaskError::GivenUp);
    };
    let Some(planned) = plan.slice(slice) else {
        return Err(TaskError::say(Verdict::FailShard, format!("the plan has no slice {slice}")));
    };
    let taken = Progress::take(context, &migration.name, shard, planned, lease).await?;
    let Some(mut progress) = taken else {
        return Ok(());
    };
    let result = match Job::open(context, migration, shard, &plan, planned).await {
        Ok(job) => job.run(&mut progress, lease).await,
        Err(error) => Err(error),
    };
    if let Err(TaskError::Failed { verdict, reason }) = &result {
        let before = progress.checkpoint().failure.clone();
        let failure = Failure::after(before.as_ref(), migration.submission, *verdict, reason.clone());
        progress.fail(context, failure).await?;
    }
    result
}

/// A slice and everything that its stages share.
struct Job<'a> {
    context: &'a Context,
    migration: &'a Migration,
    shard: ShardId,
    plan: &'a ShardPlan,
    planned: &'a PlannedSlice,
    index: InventoryIndex,
    to: TargetIndex,
    files: Arc<ShardFiles>,
    reading: ReadOptions,
}

impl<'a> Job<'a> {
    async fn open(
        context: &'a Context,
        migration: &'a Migration,
        shard: ShardId,
        plan: &'a ShardPlan,
        planned: &'a PlannedSlice,
    ) -> Result<Self, TaskError> {
        let inventory = migration.inventory(&*context.bus).await?;
        let (index, page) = inventory.index(shard.index)?;
        let files = Arc::new(migration.shard_files(index, shard).await?);
        let to_lines = matches!(migration.target()?, TargetHandle::Directory(_));
        // Lines keep the names, ids and types of the source.
        let to = if to_lines {
            TargetIndex::default()
        } else {
            migration.target_index(&*context.bus, index.no, page).await?
        };
        let reading = reading(migration, &*migration.types(index).await?, &to, to_lines);
        Ok(Self { context, migration, shard, plan, planned, index: index.clone(), to, files, reading })
    }

    async fn run(&self, progress: &mut Progress, lease: &Lease) -> Result<(), TaskError> {
        self.tell_where_from(progress.checkpoint()).await?;
        let file_len = progress.checkpoint().file_len;
        let sink = Sink::open(self.migration, &self.to, self.shard, self.planned, &self.index, file_len).await?;
        let sink = Arc::new(sink);

        let cancel = lease.cancel.child_token();
        let _stop_sends = cancel.clone().drop_guard();
        let (sender, batches) = mpsc::channel(BATCHES_QUEUED);
        let packer = Packer::new(Limits::new(self.migration), self.format()?, sender, lease.pulse());
        let reader = tokio::task::spawn_blocking({
            let (plan, planned, checkpoint) = (self.plan.clone(), self.planned.clone(), progress.checkpoint().clone());
            let (files, reading, runtime) =
                (self.files.clone(), self.reading.clone(), tokio::runtime::Handle::current());
            move || {
                let directory = Arc::new(files.directory(runtime));
                read_slice(directory, &reading, &plan, &planned, &checkpoint, packer)
                    .map_err(|error| failure(&files, error))
            }
        });
        let sent = self.send_all(batches, &sink, progress, lease, &cancel).await;
        // The reader ends by itself: at the end of the slice, at its failure, or because nobody takes its batches.
        let read = match reader.await {
            Ok(result) => result,
            Err(error) => Err(TaskError::new(Verdict::FailShard, &error)),
        };
        sent?;
        read?;
        sink.check().await?;
        let file_len = sink.finish().await?;
        progress.finish(self.context, file_len).await
    }

    fn format(&self) -> Result<Format, TaskError> {
        Ok(match self.migration.target()? {
            TargetHandle::Cluster(_) => Format::Bulk(Router::new(self.to.clone(), self.migration.spec.on_conflict)),
            TargetHandle::Directory(_) => Format::Lines(LineWriter::new(&self.index.name)),
        })
    }

    /// A slice that was begun before says from where it goes on.
    async fn tell_where_from(&self, checkpoint: &SliceCheckpoint) -> Result<(), TaskError> {
        let ranges = || self.planned.ranges.iter().zip(&checkpoint.ranges);
        if ranges().all(|(range, progress)| progress.next_doc == range.from_doc) {
            return Ok(());
        }
        let open = ranges().find(|(range, progress)| progress.next_doc < range.to_doc);
        let place = open.map_or_else(
            || "at its end".to_owned(),
            |(range, progress)| {
                let segment = self.plan.segments.get(range.segment as usize);
                let segment = segment.map_or("?", |segment| segment.name.as_str());
                format!("at document {} of segment {segment}", progress.next_doc)
            },
        );
        let text = format!(
            "{} shard {} slice {} continues {place}; {} documents are accounted for",
            self.index.name,
            self.shard.shard,
            self.planned.id,
            checkpoint.counts().accounted()
        );
        let event = Event::new(protocol::clock::now_ms(), Phase::Load, "resumed", text);
        let event = event.of_shard(&self.index.name, self.shard.shard).by(self.context.worker.as_str());
        Ok(bus::tell(&*self.context.bus, &self.migration.name, &event).await?)
    }

    /// Sends batches as they come, several at once, and takes their answers in order.
    async fn send_all(
        &self,
        mut batches: mpsc::Receiver<Batch>,
        sink: &Arc<Sink>,
        progress: &mut Progress,
        lease: &Lease,
        cancel: &CancellationToken,
    ) -> Result<(), TaskError> {
        let sizing = &self.migration.spec.sizing;
        let in_flight_max = sink.in_flight_max(sizing.connections.get() as usize);
        let interval = Duration::from_millis(sizing.checkpoint_interval_ms.get());
        let mut in_flight: FuturesOrdered<BoxFuture<'static, Result<Answered, TaskError>>> = FuturesOrdered::new();
        let mut open = true;
        while open || !in_flight.is_empty() {
            tokio::select! {
                () = cancel.cancelled() => return Err(TaskError::GivenUp),
                batch = batches.recv(), if open && in_flight.len() < in_flight_max => match batch {
                    Some(_) if !lease.pulse().holds() => return Err(TaskError::GivenUp),
                    Some(batch) => {
                        in_flight.push_back(Box::pin(sink.clone().send(batch, lease.pulse(), cancel.clone())));
                    }
                    None => open = false,
                },
                Some(answered) = in_flight.next(), if !in_flight.is_empty() => {
                    progress.answered(self.context, self.migration, &self.index.name, answered?).await?;
                    if progress.is_due(interval) {
                        let file_len = sink.sync().await?;
                        progress.store(self.context, file_len).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// What of the documents is wanted.
fn reading(migration: &Migration, types: &Types, to: &TargetIndex, to_lines: bool) -> ReadOptions {
    let joined = to.destinations.iter().any(|destination| destination.join.is_some());
    let compared = migration.spec.on_conflict == OnConflict::Newer
        && to.destinations.iter().any(|destination| !destination.only_creates());
    ReadOptions {
        doc_type: types.doc.clone(),
        // Lines hold parents, and join fields; else a bulk body has no place for them.
        parent_types: if to_lines || joined { types.parents.clone() } else { BTreeMap::new() },
        versions: match (to_lines, compared) {
            (true, _) => VersionsWanted::All,
            (false, true) => VersionsWanted::Version,
            (false, false) => VersionsWanted::Nothing,
        },
        recover_source: migration.spec.recover_source,
    }
}

/// The reader's thread: every range from its checkpoint on, into batches.
fn read_slice(
    directory: Arc<ShardDirectory>,
    reading: &ReadOptions,
    plan: &ShardPlan,
    planned: &PlannedSlice,
    checkpoint: &SliceCheckpoint,
    mut packer: Packer,
) -> Result<(), ReadError<Stop>> {
    let commit = Commit::read(&*directory)?;
    for (at, (range, progress)) in planned.ranges.iter().zip(&checkpoint.ranges).enumerate() {
        if progress.next_doc >= range.to_doc {
            continue;
        }
        let name = plan.segments.get(range.segment as usize).map_or("", |segment| segment.name.as_str());
        let Some(segment_commit) = commit.segments.iter().find(|segment| segment.name == name) else {
            let (file, wanted_by) = (format!("segment {name}"), "the plan of the shard".to_owned());
            return Err(lucene::Error::Missing { file, wanted_by }.into());
        };
        let segment = Segment::open(directory.clone(), segment_commit)?;
        let part = lucene::ChunkRange { docs: range.from_doc..range.to_doc, bytes: range.from_byte..range.to_byte };
        let crc = (progress.crc.to > 0).then_some(lucene::RangeCrc { value: progress.crc.value, to: progress.crc.to });
        packer.begin_range(at, name);
        let mut reader = RangeReader::open(&segment, reading.clone())?;
        let crc = reader.read(&part, progress.next_doc, crc, &mut packer)?;
        packer.end_range(range.to_doc, crc).map_err(ReadError::Stopped)?;
    }
    packer.flush().map_err(ReadError::Stopped)
}

/// Why the reader ended; bytes that make no sense are named with their blob, which is what a person can put back.
fn failure(files: &ShardFiles, error: ReadError<Stop>) -> TaskError {
    let error = match error {
        ReadError::Lucene(error) => error,
        ReadError::Document { segment, doc, what } => {
            let reason = format!("document {doc} of segment {segment} makes no sense: {what}");
            return TaskError::say(Verdict::FailShard, reason);
        }
        ReadError::Unversioned { segment, doc } => {
            let reason = format!(
                "document {doc} of segment {segment} keeps no _version of 1 or more that `onConflict: newer` could \
                 compare: migrate its index with `onConflict: overwrite` or `keep`"
            );
            return TaskError::say(Verdict::FailShard, reason);
        }
        ReadError::Stopped(Stop::Closed) => return TaskError::GivenUp,
        ReadError::Stopped(Stop::NoDestination { segment, doc, doc_type }) => {
            let reason = format!(
                "document {doc} of segment {segment} is of mapping type {doc_type}, which metadata gave no destination: \
                 run `migctl retry metadata`"
            );
            return TaskError::say(Verdict::FailShard, reason);
        }
    };
    with_blob(files, &error)
}
