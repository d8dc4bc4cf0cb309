//! The load phase: which shards to plan, which slices to hand out, when a shard and when the phase is through.
//!
//! Tasks are published at most [`TASKS_PER_SLOT`] ahead of every slot. Slices interleave shards (the first slice of
//! every planned shard before the second of any), so that no one target shard is hammered; shards are planned only as
//! slices are about to run out, so that a hundred thousand shards don't all have live keys at once.

use std::collections::{BTreeMap, BTreeSet};

use protocol::checkpoint::{Counts, Failure, SegmentAccount, ShardRecord, SliceCheckpoint, Verdict};
use protocol::ids::{ShardId, SliceId};
use protocol::phase::Phase;
use protocol::plan::{InventoryIndex, ShardPlan};
use protocol::spec::Submission;
use protocol::task::Task;

use super::{Action, REPUBLISH_AFTER_MS, TASKS_PER_SLOT};

/// Failed shards that the phase's reason names: it is kept in one key, however many there are.
const FAILURES_NAMED: usize = 50;

/// How the load phase ended.
pub(super) struct Outcome {
    /// Why it failed, where it did.
    pub failure: Option<String>,
    /// What people should know.
    pub notes: Vec<String>,
}

/// What is known of the load.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// Tasks the live workers can do at once.
    pub slots: usize,
    names: BTreeMap<u32, String>,
    shards: BTreeMap<ShardId, Shard>,
    /// Shards in the order they are planned in: the first shard of every index, then the second, …
    order: Vec<ShardId>,
    /// Checkpoints of finished shards: whoever finished them died before it deleted these.
    leftovers: BTreeMap<ShardId, Vec<SliceId>>,
}

#[derive(Debug, Default)]
struct Shard {
    record: ShardRecord,
    /// `None`: not planned yet. Dropped when the shard is through.
    plan: Option<ShardPlan>,
    slices: BTreeMap<SliceId, SliceCheckpoint>,
    /// When each of its tasks was published last.
    published_ms: BTreeMap<Option<SliceId>, u64>,
}

impl Load {
    pub(super) fn know_shards(&mut self, inventory: &[InventoryIndex]) {
        for index in inventory {
            self.names.insert(index.no.0, index.name.clone());
            for shard in 0..index.shards.len() {
                let shard = u32::try_from(shard).unwrap_or(u32::MAX);
                self.shards.entry(ShardId { index: index.no, shard }).or_default();
            }
        }
        self.order = self.shards.keys().copied().collect();
        self.order.sort_by_key(|id| (id.shard, id.index));
    }

    pub(super) fn know_plan(&mut self, id: ShardId, plan: ShardPlan) {
        let shard = self.shards.entry(id).or_default();
        if !shard.record.done {
            shard.plan = Some(plan);
        }
    }

    pub(super) fn know_record(&mut self, id: ShardId, record: ShardRecord) {
        let shard = self.shards.entry(id).or_default();
        // Done stays done: a late word of an earlier failure doesn't undo it.
        if shard.record.done {
            return;
        }
        if record.done {
            shard.plan = None;
            shard.published_ms.clear();
            let slices = std::mem::take(&mut shard.slices);
            if !slices.is_empty() {
                self.leftovers.entry(id).or_default().extend(slices.into_keys());
            }
        }
        shard.record = record;
    }

    pub(super) fn know_slice(&mut self, id: ShardId, slice: SliceId, checkpoint: SliceCheckpoint) {
        let shard = self.shards.entry(id).or_default();
        if shard.record.done {
            self.leftovers.entry(id).or_default().push(slice);
        } else {
            shard.slices.insert(slice, checkpoint);
        }
    }

    /// Deletes what an earlier coordinator left.
    pub(super) fn drop_leftovers(&mut self, actions: &mut Vec<Action>) {
        let leftovers = std::mem::take(&mut self.leftovers);
        actions.extend(leftovers.into_iter().map(|(shard, slices)| Action::DeleteSlices(shard, slices)));
    }

    /// After a new submission everything that isn't done is published anew.
    pub(super) fn forget_published(&mut self) {
        for shard in self.shards.values_mut() {
            shard.published_ms.clear();
        }
    }

    /// Looks at everything and says what is to be done; the outcome once the phase is through.
    pub(super) fn drive(&mut self, submission: &Submission, now_ms: u64, actions: &mut Vec<Action>) -> Option<Outcome> {
        if let Some(reason) = self.reason_to_stop(submission) {
            return Some(Outcome { failure: Some(reason), notes: Vec::new() });
        }
        let (number, attempts_max) = (submission.number, submission.spec.sizing.max_attempts.get());
        for (id, shard) in &mut self.shards {
            let name = self.names.get(&id.index.0).map_or("?", String::as_str);
            shard.settle(*id, name, number, attempts_max, actions);
        }
        let open = |shard: &Shard| !shard.is_through(number, attempts_max);
        if self.shards.values().any(open) {
            self.publish(number, attempts_max, now_ms, actions);
            return None;
        }
        Some(self.outcome(number, attempts_max))
    }

    /// A target that takes nothing, or more rejected documents than a person allowed.
    fn reason_to_stop(&self, submission: &Submission) -> Option<String> {
        let current =
            |failure: &&Failure| failure.submission == submission.number && failure.verdict == Verdict::StopLoad;
        for shard in self.shards.values() {
            let slices = shard.slices.values().filter_map(|slice| slice.failure.as_ref());
            if let Some(failure) = slices.chain(shard.record.failure.as_ref()).find(current) {
                return Some(failure.reason.clone());
            }
        }
        let rejected: u64 = self.shards.values().map(|shard| shard.counts().rejected).sum();
        let allowed = submission.spec.max_rejected;
        (rejected > allowed).then(|| {
            format!(
                "the target rejected {rejected} documents and maxRejected is {allowed}: look at the dead letters, \
                 then mend the target or raise maxRejected, and submit again"
            )
        })
    }

    fn publish(&mut self, submission: u32, attempts_max: u32, now_ms: u64, actions: &mut Vec<Action>) {
        let window = self.slots.max(1) * TASKS_PER_SLOT;
        let mut outstanding = 0;
        // Slices by how many of their shard come before them, then by shard.
        let mut ready: BTreeSet<(usize, u32, ShardId, SliceId)> = BTreeSet::new();
        let mut unplanned = Vec::new();
        for id in &self.order {
            let Some(shard) = self.shards.get_mut(id) else { continue };
            if shard.is_through(submission, attempts_max) {
                continue;
            }
            let Some(plan) = &shard.plan else {
                match shard.published_ms.get(&None) {
                    Some(at) if now_ms.saturating_sub(*at) < REPUBLISH_AFTER_MS => outstanding += 1,
                    _ => unplanned.push(*id),
                }
                continue;
            };
            for (ordinal, slice) in plan.slices.iter().enumerate() {
                if shard.slices.get(&slice.id).is_some_and(|checkpoint| checkpoint.done) {
                    continue;
                }
                match shard.published_ms.get(&Some(slice.id.clone())) {
                    Some(at) if now_ms.saturating_sub(*at) < REPUBLISH_AFTER_MS => outstanding += 1,
                    _ => {
                        ready.insert((ordinal, id.shard, *id, slice.id.clone()));
                        if ready.len() > window {
                            ready.pop_last();
                        }
                    }
                }
            }
        }
        let mut room = window.saturating_sub(outstanding);
        for (_, _, id, slice) in ready {
            if room == 0 {
                return;
            }
            self.mark(id, Some(slice.clone()), now_ms);
            actions.push(Action::Publish(Task::Load(id, slice)));
            room -= 1;
        }
        for id in unplanned.into_iter().take(room) {
            self.mark(id, None, now_ms);
            actions.push(Action::Publish(Task::Plan(id)));
        }
    }

    fn mark(&mut self, id: ShardId, task: Option<SliceId>, now_ms: u64) {
        if let Some(shard) = self.shards.get_mut(&id) {
            shard.published_ms.insert(task, now_ms);
        }
    }

    fn outcome(&self, submission: u32, attempts_max: u32) -> Outcome {
        let mut failed = Vec::new();
        let mut total = Counts::default();
        for (id, shard) in &self.shards {
            total.add(&shard.counts());
            let gives_up = |failure: &&Failure| failure.gives_up(submission, attempts_max);
            if let Some(failure) = shard.record.failure.as_ref().filter(gives_up).filter(|_| !shard.record.done) {
                let name = self.names.get(&id.index.0).map_or("?", String::as_str);
                failed.push(format!("{name} shard {}: {}", id.shard, failure.reason));
            }
        }
        let notes = vec![format!(
            "{} written, {} already there, {} rejected, {} skipped, {} nested",
            total.written,
            total.already_there,
            total.rejected,
            total.skipped_total(),
            total.nested
        )];
        let shards = self.shards.len();
        let failure = (!failed.is_empty()).then(|| {
            let (count, more) = (failed.len(), failed.len().saturating_sub(FAILURES_NAMED));
            failed.truncate(FAILURES_NAMED);
            if more > 0 {
                failed.push(format!("and {more} more; their events name them"));
            }
            format!("{count} of {shards} shards failed; the others are loaded\n{}", failed.join("\n"))
        });
        Outcome { failure, notes }
    }
}

impl Shard {
    fn is_through(&self, submission: u32, attempts_max: u32) -> bool {
        let given_up = self.record.failure.as_ref().is_some_and(|failure| failure.gives_up(submission, attempts_max));
        self.record.done || given_up
    }

    fn counts(&self) -> Counts {
        if self.record.done {
            return self.record.counts();
        }
        let mut total = Counts::default();
        for slice in self.slices.values() {
            total.add(&slice.counts());
        }
        total
    }

    /// Closes the shard's record once its slices are through, or one of them is given up.
    fn settle(&mut self, id: ShardId, name: &str, submission: u32, attempts_max: u32, actions: &mut Vec<Action>) {
        if self.is_through(submission, attempts_max) {
            return;
        }
        let Some(plan) = &self.plan else { return };
        let given_up = self
            .slices
            .values()
            .filter_map(|slice| slice.failure.as_ref().filter(|_| !slice.done))
            .find(|failure| failure.gives_up(submission, attempts_max));
        let mut start_over = false;
        let record = if let Some(failure) = given_up {
            ShardRecord { failure: Some(failure.clone()), ..ShardRecord::default() }
        } else {
            let done = |id: &SliceId| self.slices.get(id).is_some_and(|checkpoint| checkpoint.done);
            if !plan.slices.iter().all(|slice| done(&slice.id)) {
                return;
            }
            match account(plan, &self.slices) {
                Ok(segments) => ShardRecord { done: true, segments, failure: None },
                Err(reason) => {
                    start_over = true;
                    let failure = Failure::after(None, submission, Verdict::FailShard, reason);
                    ShardRecord { failure: Some(failure), ..ShardRecord::default() }
                }
            }
        };
        let (kind, text) = match &record.failure {
            None => ("shard-done", format!("{name} shard {} is loaded", id.shard)),
            Some(failure) => ("shard-failed", format!("{name} shard {}: {}", id.shard, failure.reason)),
        };
        let slices: Vec<SliceId> = plan.slices.iter().map(|slice| slice.id.clone()).collect();
        if start_over {
            // Before the record: what was read from damaged bytes must not count for the next submission.
            actions.push(Action::DeleteSlices(id, slices.clone()));
            self.slices.clear();
        }
        actions.push(Action::StoreShard(id, record.clone()));
        actions.push(Action::Emit { phase: Phase::Load, kind, text });
        if record.done {
            actions.push(Action::DeleteSlices(id, slices));
            self.plan = None;
            self.slices.clear();
            self.published_ms.clear();
        }
        self.record = record;
    }
}

/// Adds up what became of every segment, and checks it against the segment's own metadata and checksum.
///
/// # Errors
/// A sentence that names the segment whose account or checksum is off.
fn account(plan: &ShardPlan, slices: &BTreeMap<SliceId, SliceCheckpoint>) -> Result<Vec<SegmentAccount>, String> {
    let mut accounts: Vec<SegmentAccount> = plan
        .segments
        .iter()
        .map(|segment| SegmentAccount {
            name: segment.name.clone(),
            live_docs: segment.live_docs(),
            counts: Counts::default(),
        })
        .collect();
    let mut checksums: Vec<crc32fast::Hasher> = plan.segments.iter().map(|_| crc32fast::Hasher::new()).collect();
    for slice in &plan.slices {
        let Some(checkpoint) = slices.get(&slice.id) else { continue };
        for (range, progress) in slice.ranges.iter().zip(&checkpoint.ranges) {
            let segment = range.segment as usize;
            let (Some(account), Some(checksum)) = (accounts.get_mut(segment), checksums.get_mut(segment)) else {
                return Err(format!("slice {} names segment {segment}, which the plan doesn't have", slice.id));
            };
            account.counts.add(&progress.counts);
            let len = range.to_byte.saturating_sub(range.from_byte);
            checksum.combine(&crc32fast::Hasher::new_with_initial_len(progress.crc.value, len));
        }
    }
    for ((account, checksum), segment) in accounts.iter().zip(checksums).zip(&plan.segments) {
        if !account.adds_up() {
            return Err(format!(
                "the account of segment {} does not add up: {} live documents by its metadata, {} accounted for \
                 ({} written, {} already there, {} rejected, {} skipped, {} nested)",
                account.name,
                account.live_docs,
                account.counts.accounted(),
                account.counts.written,
                account.counts.already_there,
                account.counts.rejected,
                account.counts.skipped_total(),
                account.counts.nested
            ));
        }
        let found = checksum.finalize();
        if let Some(footer) = segment.fdt_crc.filter(|footer| *footer != found) {
            return Err(format!(
                "the stored fields of segment {} are damaged: CRC-32 is {found:08x}, its footer says {footer:08x}; {} \
                 documents were written from it",
                account.name, account.counts.written
            ));
        }
    }
    Ok(accounts)
}
