//! The load phase: which shards to plan, which slices to hand out, when a shard and when the phase is through.
//!
//! Tasks are published at most [`super::TASKS_PER_SLOT`] ahead of every slot. Slices interleave shards (the first slice of
//! every planned shard before the second of any), so that no one target shard is hammered; shards are planned only as
//! slices are about to run out, so that a hundred thousand shards don't all have live keys at once.
//!
//! A decision looks at the shards that news came of and at those that are in hand, never at all: what it takes does not
//! grow with the number of shards.

use std::collections::{BTreeMap, BTreeSet};

use protocol::checkpoint::{Counts, Failure, ShardRecord, SliceCheckpoint, Verdict};
use protocol::ids::{IndexNo, ShardId, SliceId};
use protocol::phase::Phase;
use protocol::plan::{SegmentRange, ShardPlan};
use protocol::spec::Submission;
use protocol::task::Task;

use super::account::{account, notes};
use super::pace::{Far, Meter};
use super::register::Index;
use super::{Action, REPUBLISH_AFTER_MS};

/// Failed shards that the phase's reason names: it is kept in one key, however many there are.
const FAILURES_NAMED: usize = 50;

/// How the load phase ended.
pub(super) struct Outcome {
    /// Why it failed, where it did.
    pub failure: Option<String>,
    /// What people should know.
    pub notes: Vec<String>,
    /// Bytes of stored fields a second, where it took long enough to tell.
    pub rate: Option<u64>,
}

/// What is known of the load.
#[derive(Debug, Default)]
pub(super) struct Load {
    names: BTreeMap<u32, String>,
    /// Those to load, and others that were.
    shards: BTreeMap<ShardId, Shard>,
    /// Shards to load.
    wanted: BTreeSet<Turn>,
    /// Of these, the ones that nothing was done about yet.
    waiting: BTreeSet<Turn>,
    /// Of these, the ones in hand, and those given up.
    in_hand: BTreeSet<Turn>,
    /// Shards that changed since the last decision.
    changed: BTreeSet<ShardId>,
    /// What became of the documents of all shards to load.
    sums: Sums,
    meter: Meter,
    /// All there is to load.
    total: Far,
    /// Checkpoints of finished shards: whoever finished them died before it deleted these.
    leftovers: BTreeMap<ShardId, Vec<SliceId>>,
}

impl Sums {
    fn replace(&mut self, before: Self, now: Self) {
        let other = |sum: u64, before: u64, now: u64| sum.saturating_sub(before).saturating_add(now);
        self.far.docs = other(self.far.docs, before.far.docs, now.far.docs);
        self.far.bytes = other(self.far.bytes, before.far.bytes, now.far.bytes);
        self.rejected = other(self.rejected, before.rejected, now.rejected);
    }
}

/// The order in which shards are planned: the first shard of every index, then the second, …
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    shard: u32,
    index: IndexNo,
}

impl Turn {
    fn of(id: ShardId) -> Self {
        Self { shard: id.shard, index: id.index }
    }

    fn id(self) -> ShardId {
        ShardId { index: self.index, shard: self.shard }
    }
}

/// Documents.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    far: Far,
    rejected: u64,
}

#[derive(Debug, Default)]
struct Shard {
    /// What it adds to the sums over all shards.
    summed: Sums,
    done: bool,
    /// Of a finished shard: the sum of its record.
    finished: Counts,
    /// Of a finished shard: bytes of stored fields that were read.
    finished_bytes: u64,
    /// The last failure of the shard as a whole.
    failure: Option<Failure>,
    /// `None`: not planned yet. Dropped when the shard is through.
    plan: Option<Box<ShardPlan>>,
    slices: BTreeMap<SliceId, SliceCheckpoint>,
    /// When each of its tasks was published last.
    published_ms: BTreeMap<Option<SliceId>, u64>,
}

impl Load {
    /// What is to be loaded, all of it.
    pub(super) fn know_indices(&mut self, indices: Vec<Index>) {
        self.wanted.clear();
        self.total = Far::default();
        for index in indices {
            self.total.docs = self.total.docs.saturating_add(index.docs);
            self.total.bytes = self.total.bytes.saturating_add(index.read_bytes);
            self.wanted.extend((0..index.shards).map(|shard| Turn { shard, index: index.no }));
            self.names.insert(index.no.0, index.name);
        }
        self.waiting.clear();
        self.in_hand.clear();
        self.sums = Sums::default();
        self.shards.values_mut().for_each(|shard| shard.summed = Sums::default());
        self.changed.extend(self.wanted.iter().map(|turn| turn.id()));
    }

    /// A shard that news came of.
    fn changed(&mut self, id: ShardId) -> &mut Shard {
        self.changed.insert(id);
        self.shards.entry(id).or_default()
    }

    pub(super) fn know_plan(&mut self, id: ShardId, plan: ShardPlan) {
        let shard = self.changed(id);
        if !shard.done {
            shard.plan = Some(Box::new(plan));
        }
    }

    pub(super) fn know_record(&mut self, id: ShardId, record: ShardRecord) {
        let shard = self.changed(id);
        // Done stays done: a late word of an earlier failure doesn't undo it.
        if shard.done {
            return;
        }
        let slices = shard.keep(record);
        if !slices.is_empty() {
            self.leftovers.entry(id).or_default().extend(slices.into_keys());
        }
    }

    pub(super) fn know_slice(&mut self, id: ShardId, slice: SliceId, checkpoint: SliceCheckpoint) {
        let shard = self.changed(id);
        if shard.done {
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
        self.meter.pause();
        for shard in self.shards.values_mut() {
            shard.published_ms.clear();
        }
        // What was given up counts again.
        self.changed.extend(self.shards.keys());
    }

    /// Says what is to be done; the outcome once the phase is through. At most `window` tasks are published and not done;
    /// `None`: a person holds the migration, and nothing is published.
    pub(super) fn drive(
        &mut self,
        submission: &Submission,
        window: Option<usize>,
        now_ms: u64,
        actions: &mut Vec<Action>,
    ) -> Option<Outcome> {
        let (number, attempts_max) = (submission.number, submission.spec.sizing.max_attempts.get());
        let changed = std::mem::take(&mut self.changed);
        changed.iter().for_each(|id| self.sort_in(*id));
        self.measure(window.is_some(), number, now_ms, actions);
        let rate = self.meter.measured(now_ms, self.sums.far);
        if let Some(reason) = self.reason_to_stop(submission) {
            // Shards that are through by this news are closed once it goes on.
            self.changed.extend(changed);
            return Some(Outcome { failure: Some(reason), notes: Vec::new(), rate });
        }
        for id in changed {
            let Some(shard) = self.shards.get_mut(&id).filter(|_| self.wanted.contains(&Turn::of(id))) else {
                continue;
            };
            let name = self.names.get(&id.index.0).map_or("?", String::as_str);
            shard.settle(id, name, number, attempts_max, actions);
            self.sort_in(id);
        }
        let mut in_hand = self.in_hand.iter().filter_map(|turn| self.shards.get(&turn.id()));
        if !self.waiting.is_empty() || in_hand.any(|shard| !shard.is_through(number, attempts_max)) {
            if let Some(window) = window {
                self.publish(number, attempts_max, window, now_ms, actions);
            }
            return None;
        }
        Some(self.outcome(number, attempts_max, rate))
    }

    /// Where a shard belongs after a change, and what it adds to the sums.
    fn sort_in(&mut self, id: ShardId) {
        let turn = Turn::of(id);
        if !self.wanted.contains(&turn) {
            return;
        }
        let shard = self.shards.entry(id).or_default();
        let now = shard.sums();
        let before = std::mem::replace(&mut shard.summed, now);
        self.sums.replace(before, now);
        self.waiting.remove(&turn);
        self.in_hand.remove(&turn);
        if shard.is_untouched() {
            self.waiting.insert(turn);
        } else if !shard.done {
            self.in_hand.insert(turn);
        }
    }

    /// How far it is and how fast it goes.
    fn measure(&mut self, goes_on: bool, submission: u32, now_ms: u64, actions: &mut Vec<Action>) {
        if goes_on {
            self.meter.take(now_ms, self.sums.far);
        } else {
            self.meter.pause();
        }
        let told = self.meter.tell(submission, now_ms, self.sums.far, self.total);
        actions.extend(told.map(Action::StoreLoadProgress));
    }

    /// A target that takes nothing, or more rejected documents than a person allowed.
    fn reason_to_stop(&self, submission: &Submission) -> Option<String> {
        let current =
            |failure: &&Failure| failure.submission == submission.number && failure.verdict == Verdict::StopLoad;
        for shard in self.in_hand.iter().filter_map(|turn| self.shards.get(&turn.id())) {
            let slices = shard.slices.values().filter_map(|slice| slice.failure.as_ref());
            if let Some(failure) = slices.chain(shard.failure.as_ref()).find(current) {
                return Some(failure.reason.clone());
            }
        }
        let (rejected, allowed) = (self.sums.rejected, submission.spec.max_rejected);
        (rejected > allowed).then(|| {
            format!(
                "the target rejected {rejected} documents and maxRejected is {allowed}: look at the dead letters, \
                 then mend the target or raise maxRejected, and submit again"
            )
        })
    }

    fn publish(&mut self, submission: u32, attempts_max: u32, window: usize, now_ms: u64, actions: &mut Vec<Action>) {
        let mut outstanding = 0;
        // Slices by how many of their shard come before them, then by shard.
        let mut ready: BTreeSet<(usize, u32, ShardId, SliceId)> = BTreeSet::new();
        let mut unplanned = Vec::new();
        for id in self.in_hand.iter().map(|turn| turn.id()) {
            let Some(shard) = self.shards.get(&id) else { continue };
            if shard.is_through(submission, attempts_max) {
                continue;
            }
            let Some(plan) = &shard.plan else {
                match shard.published_ms.get(&None) {
                    Some(at) if now_ms.saturating_sub(*at) < REPUBLISH_AFTER_MS => outstanding += 1,
                    _ => unplanned.push(id),
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
                        ready.insert((ordinal, id.shard, id, slice.id.clone()));
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
        unplanned.extend(self.waiting.iter().take(room).map(|turn| turn.id()));
        for id in unplanned.into_iter().take(room) {
            self.mark(id, None, now_ms);
            actions.push(Action::Publish(Task::Plan(id)));
        }
    }

    fn mark(&mut self, id: ShardId, task: Option<SliceId>, now_ms: u64) {
        self.changed(id).published_ms.insert(task, now_ms);
    }

    fn outcome(&self, submission: u32, attempts_max: u32, rate: Option<u64>) -> Outcome {
        let mut failed = Vec::new();
        let mut total = Counts::default();
        for id in self.wanted.iter().map(|turn| turn.id()) {
            let Some(shard) = self.shards.get(&id) else { continue };
            shard.parts().for_each(|part| total.add(part));
            let gives_up = |failure: &&Failure| failure.gives_up(submission, attempts_max);
            if let Some(failure) = shard.failure.as_ref().filter(gives_up).filter(|_| !shard.done) {
                let name = self.names.get(&id.index.0).map_or("?", String::as_str);
                failed.push(format!("{name} shard {}: {}", id.shard, failure.reason));
            }
        }
        debug_assert_eq!(total.accounted(), self.sums.far.docs, "the sums that are kept are those of all shards");
        let shards = self.wanted.len();
        let failure = (!failed.is_empty()).then(|| {
            let (count, more) = (failed.len(), failed.len().saturating_sub(FAILURES_NAMED));
            failed.truncate(FAILURES_NAMED);
            if more > 0 {
                failed.push(format!("and {more} more; their events name them"));
            }
            format!("{count} of {shards} shards failed; the others are loaded\n{}", failed.join("\n"))
        });
        Outcome { failure, notes: notes(&total), rate }
    }
}

impl Shard {
    fn is_through(&self, submission: u32, attempts_max: u32) -> bool {
        let given_up = self.failure.as_ref().is_some_and(|failure| failure.gives_up(submission, attempts_max));
        self.done || given_up
    }

    fn is_untouched(&self) -> bool {
        let nothing_is_there = self.plan.is_none() && self.slices.is_empty() && self.failure.is_none();
        !self.done && nothing_is_there && self.published_ms.is_empty()
    }

    fn sums(&self) -> Sums {
        let under_way =
            || self.plan.iter().flat_map(|plan| &plan.slices).map(|slice| (slice, self.slices.get(&slice.id)));
        let read = under_way().filter_map(|(slice, checkpoint)| Some(slice.read_bytes(checkpoint?)));
        let mut sums =
            Sums { far: Far { docs: 0, bytes: read.fold(self.finished_bytes, u64::saturating_add) }, rejected: 0 };
        for part in self.parts() {
            sums.far.docs = sums.far.docs.saturating_add(part.accounted());
            sums.rejected = sums.rejected.saturating_add(part.rejected);
        }
        sums
    }

    /// What became of its documents, as far as it is: a finished shard has no slices, another nothing finished.
    fn parts(&self) -> impl Iterator<Item = &Counts> {
        let slices = self.slices.values().flat_map(|slice| &slice.ranges);
        slices.map(|range| &range.counts).chain([&self.finished])
    }

    /// Keeps what counts of the record; the checkpoints that a finished shard needs no more.
    fn keep(&mut self, record: ShardRecord) -> BTreeMap<SliceId, SliceCheckpoint> {
        self.finished = record.counts();
        self.finished_bytes = record.read_bytes;
        self.done = record.done;
        self.failure = record.failure;
        if !record.done {
            return BTreeMap::new();
        }
        self.plan = None;
        self.published_ms.clear();
        std::mem::take(&mut self.slices)
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
                Ok(segments) => {
                    let ranges = plan.slices.iter().flat_map(|slice| &slice.ranges);
                    let read_bytes = ranges.map(SegmentRange::bytes).fold(0, u64::saturating_add);
                    ShardRecord { done: true, segments, read_bytes, failure: None }
                }
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
        let shard = Some((name.to_owned(), id.shard));
        actions.push(Action::Emit { phase: Phase::Load, kind, text, shard });
        if record.done {
            actions.push(Action::DeleteSlices(id, slices));
        }
        self.keep(record);
    }
}
