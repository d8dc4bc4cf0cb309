//! A shard becomes slices: a few range reads of its metadata, stored once and never computed again; with
//! `checksum: before` all of it is read, and a damaged segment found before anything of the shard is sent.
//!
//! A segment larger than a slice is cut at stored-fields chunks; neighbours that are smaller share one. A segment whose
//! documents are all deleted is in no slice: none of its stored fields is read.

use std::sync::Arc;

use lucene::{Commit, Directory, Segment};
use protocol::bus::{self, BusError};
use protocol::ids::{ShardId, SliceId};
use protocol::names::{self, Bucket};
use protocol::plan::{PlannedSegment, PlannedSlice, SegmentRange, ShardPlan};
use protocol::spec::{Checksum, OnConflict};

use crate::context::{Context, Migration, TargetHandle};
use crate::failure::{TaskError, with_blob};
use crate::lease::Lease;
use crate::read::VERSION_FIELDS;
use crate::watched::Watched;

/// A shard has at most this many slices, whatever their size: their checkpoints are live keys.
pub const SLICES_MAX: u64 = 256;

/// A slice shares at most this many segments: its checkpoint is one small value.
const RANGES_MAX: usize = 64;

/// Plans `shard` and stores the plan, unless somebody did before.
///
/// # Errors
/// The shard can't be read; the bus failed.
pub async fn plan_shard(
    context: &Context,
    migration: &Migration,
    shard: ShardId,
    lease: &Lease,
) -> Result<(), TaskError> {
    let key = names::plan(&migration.name, shard);
    if context.bus.get(Bucket::Migrations, &key).await?.is_some() {
        return Ok(());
    }
    let inventory = migration.inventory(&*context.bus).await?;
    let (index, _) = inventory.index(shard.index)?;
    let is_missing = index.shards.get(shard.shard as usize).is_some_and(|shard| shard.missing.is_some());
    let plan = if is_missing {
        // Register said so, and a person let it pass: nothing to load is a plan like any other.
        ShardPlan { segments: Vec::new(), slices: Vec::new() }
    } else {
        let files = Arc::new(migration.shard_files(index, shard).await?);
        let directory = files.directory(tokio::runtime::Handle::current());
        let directory = Watched::new(directory, lease.pulse(), lease.cancel.clone());
        let slice_bytes = migration.spec.sizing.slice_bytes.as_u64().max(1);
        let (verified, named) = (verified(migration)?, files.clone());
        let cut = move || cut(directory, slice_bytes, verified).map_err(|error| with_blob(&named, &error));
        match blocking(cut).await {
            Err(_) if lease.cancel.is_cancelled() => return Err(TaskError::GivenUp),
            result => result?,
        }
    };
    match context.bus.create(Bucket::Migrations, &key, bus::bytes(&key, &plan)?).await {
        // Whoever was first is right.
        Ok(_) | Err(BusError::Exists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Runs `work`, which reads the shard, off the async threads.
///
/// # Errors
/// What `work` says; its thread's panic as a failure.
pub async fn blocking<T: Send + 'static, E: Into<TaskError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, TaskError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(Into::into),
        Err(error) => Err(TaskError::new(protocol::checkpoint::Verdict::FailShard, &error)),
    }
}

/// Whether files are verified now, and the fields whose numbers will be read: those of lines, and what is compared.
/// Parents of Elasticsearch 5 stand in the same file as these.
fn verified(migration: &Migration) -> Result<Option<&'static [&'static str]>, TaskError> {
    Ok(match (migration.spec.checksum, migration.target()?) {
        (Checksum::During, _) => None,
        (Checksum::Before, TargetHandle::Directory(_)) => Some(&VERSION_FIELDS),
        (Checksum::Before, TargetHandle::Cluster(_)) if migration.spec.on_conflict == OnConflict::Newer => {
            VERSION_FIELDS.get(..1)
        }
        (Checksum::Before, TargetHandle::Cluster(_)) => Some(&[]),
    })
}

fn cut(directory: Watched, slice_bytes: u64, verified: Option<&[&str]>) -> Result<ShardPlan, lucene::Error> {
    let directory: Arc<dyn Directory> = Arc::new(directory);
    let commit = Commit::read(&*directory)?;
    let mut plan = ShardPlan { segments: Vec::new(), slices: Vec::new() };
    let mut sized = Vec::new();
    for segment_commit in &commit.segments {
        let segment = Segment::open(directory.clone(), segment_commit)?;
        let mut planned = PlannedSegment {
            name: segment.name().to_owned(),
            max_doc: segment.max_doc(),
            del_count: segment.del_count(),
            soft_del_count: segment.soft_del_count(),
            fdt_len: 0,
            fdt_crc: None,
        };
        if planned.live_docs() > 0 {
            if let Some(numbers) = verified {
                segment.verify(numbers)?;
            }
            let stored_fields = segment.stored_fields()?;
            planned.fdt_len = stored_fields.data_len();
            planned.fdt_crc = stored_fields.footer_crc()?;
            sized.push((plan.segments.len(), stored_fields));
        }
        plan.segments.push(planned);
    }
    let total: u64 = plan.segments.iter().map(|segment| segment.fdt_len).sum();
    // A shard so large that its slices would be too many gets larger ones.
    let slice_bytes = slice_bytes.max(total.div_ceil(SLICES_MAX));
    let mut open: Vec<SegmentRange> = Vec::new();
    for (at, stored_fields) in sized {
        for part in stored_fields.cuts(slice_bytes)? {
            let range = SegmentRange {
                segment: u32::try_from(at).unwrap_or(u32::MAX),
                from_doc: part.docs.start,
                to_doc: part.docs.end,
                from_byte: part.bytes.start,
                to_byte: part.bytes.end,
            };
            let bytes = |ranges: &[SegmentRange]| -> u64 { ranges.iter().map(|r| r.to_byte - r.from_byte).sum() };
            let fits = bytes(&open) + bytes(std::slice::from_ref(&range)) <= slice_bytes;
            if !fits || open.len() == RANGES_MAX {
                close(&mut open, &mut plan);
            }
            open.push(range);
        }
    }
    close(&mut open, &mut plan);
    Ok(plan)
}

fn close(open: &mut Vec<SegmentRange>, plan: &mut ShardPlan) {
    let Some(first) = open.first() else { return };
    let name = plan.segments.get(first.segment as usize).map_or("_", |segment| segment.name.as_str());
    let id = SliceId::new(name, first.from_doc, first.to_doc);
    plan.slices.push(PlannedSlice { id, ranges: std::mem::take(open) });
}
