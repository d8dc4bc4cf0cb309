//! Thousands of seeded schedules of the machine, with fake workers, a fake bus and fake time.
//!
//! The fake bus keeps what a real one keeps: one task per subject, keys with revisions. Everything else goes wrong at
//! random: workers die with a task in hand, two hold the same slice, the queue is lost, the coordinator dies, also among
//! the actions of one step, and is shown everything again, news come in bunches and late, shards can't be read, persons
//! take their time. At the end everything must be where it belongs. A failing seed is printed; put it into [`SEEDS_THAT_FAILED`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use coordinator::machine::{Action, Event, Machine};
use protocol::checkpoint::{Counts, Failure, RangeCrc, RangeProgress, ShardRecord, SliceCheckpoint, Verdict};
use protocol::gate::Decision;
use protocol::ids::{IndexNo, ShardId, SliceId, WorkerId};
use protocol::phase::Phase;
use protocol::plan::{InventoryIndex, InventoryShard, PlannedSegment, PlannedSlice, SegmentRange, ShardPlan};
use protocol::spec::{Spec, Submission};
use protocol::state::{CommandResult, Control, MigrationState, PhaseStatus};
use protocol::task::{Command, Task, TaskClass};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

/// Seeds that once found something.
const SEEDS_THAT_FAILED: &[u64] = &[];
const SEEDS: u64 = 2_000;
/// Steps with faults; afterwards everything goes well, and must come to an end.
const STORMY_STEPS: usize = 400;
const CALM_STEPS: usize = 20_000;
const DOCS_PER_SLICE: u32 = 10;

fn spec() -> Spec {
    let configured = json!({
        "name": "sim",
        "snapshot": { "repository": { "path": "/repo" }, "externallyManagedSnapshot": "snap" },
        "target": { "endpoint": "file:/out" },
    });
    serde_json::from_value(configured).unwrap()
}

struct FakeWorker {
    task: Task,
    /// Revision of the slice's checkpoint when it was taken or last written.
    revision: u64,
    checkpoint: SliceCheckpoint,
}

/// What the bus and the repository hold.
struct World {
    rng: StdRng,
    now_ms: u64,
    submission: Submission,
    machine: Machine,
    news: VecDeque<Event>,
    state: Option<MigrationState>,
    approvals: BTreeMap<Phase, Decision>,
    results: BTreeMap<Command, CommandResult>,
    inventory: Option<Vec<InventoryIndex>>,
    plans: BTreeMap<ShardId, ShardPlan>,
    records: BTreeMap<ShardId, ShardRecord>,
    slices: BTreeMap<(ShardId, SliceId), (SliceCheckpoint, u64)>,
    control: Control,
    revision: u64,
    queue: BTreeMap<(String, String), Task>,
    workers: Vec<FakeWorker>,
    unreadable: BTreeSet<ShardId>,
    refuses_writes: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut world = Self {
            now_ms: 1,
            submission: Submission { number: 1, spec: spec(), redo: None },
            machine: Machine::default(),
            news: VecDeque::new(),
            state: None,
            approvals: BTreeMap::new(),
            results: BTreeMap::new(),
            inventory: None,
            plans: BTreeMap::new(),
            records: BTreeMap::new(),
            slices: BTreeMap::new(),
            control: Control::default(),
            revision: 0,
            queue: BTreeMap::new(),
            workers: Vec::new(),
            unreadable: BTreeSet::new(),
            refuses_writes: rng.random_bool(0.1),
            rng,
        };
        if world.rng.random_bool(0.3) {
            world.unreadable.insert(ShardId { index: IndexNo(0), shard: 0 });
        }
        world.restart_coordinator();
        world
    }

    fn shards(&self) -> Vec<ShardId> {
        let indices = self.inventory.as_deref().unwrap_or_default();
        let shards = indices.iter().flat_map(|index| (0..index.shards.len()).map(|s| (index.no, s as u32)));
        shards.map(|(index, shard)| ShardId { index, shard }).collect()
    }

    /// A new coordinator is shown everything that is stored, in any order, and then told that this was all.
    fn restart_coordinator(&mut self) {
        self.machine = Machine::default();
        self.news.clear();
        let mut all = vec![Event::Submission(self.submission.clone()), Event::Slots(2)];
        all.extend(self.state.clone().map(Event::State));
        all.push(Event::Control(self.control.clone()));
        all.extend(self.inventory.clone().map(Event::Inventory));
        all.extend(self.plans.iter().map(|(id, plan)| Event::Plan(*id, plan.clone())));
        all.extend(self.records.iter().map(|(id, record)| Event::Shard(*id, record.clone())));
        all.extend(self.slices.iter().map(|((id, slice), (at, _))| Event::Slice(*id, slice.clone(), at.clone())));
        all.extend(self.approvals.iter().map(|(phase, approval)| Event::Decision(*phase, Some(approval.clone()))));
        all.extend(self.results.iter().map(|(phase, result)| Event::Result(*phase, result.clone())));
        for at in (1..all.len()).rev() {
            let other = self.rng.random_range(0..=at);
            all.swap(at, other);
        }
        self.news.extend(all);
        self.news.push_back(Event::Ready);
    }

    /// The coordinator takes some of the news, decides and acts.
    fn coordinate(&mut self) {
        for action in self.decide() {
            self.act(action);
        }
    }

    /// The same, but it dies among its actions.
    fn coordinate_and_die(&mut self) {
        let actions = self.decide();
        let done = self.rng.random_range(0..=actions.len());
        for action in actions.into_iter().take(done) {
            self.act(action);
        }
        self.restart_coordinator();
    }

    fn decide(&mut self) -> Vec<Action> {
        let count = self.rng.random_range(0..=self.news.len());
        let mut events: Vec<Event> = self.news.drain(..count).collect();
        events.push(Event::Tick);
        self.machine.step(events, self.now_ms)
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::StoreState(state) => {
                if let Some(before) = &self.state {
                    for phase in Phase::ALL.into_iter().filter(|phase| before.phase(*phase).status.is_through()) {
                        assert!(state.phase(phase).status.is_through(), "{phase} was through");
                    }
                }
                self.check_order(&state);
                self.state = Some(state);
            }
            Action::StoreShard(shard, record) => {
                assert!(!self.records.get(&shard).is_some_and(|before| before.done), "{shard} was done");
                if record.done {
                    let plan = &self.plans[&shard];
                    for slice in &plan.slices {
                        assert!(self.slices[&(shard, slice.id.clone())].0.done, "{shard} {} is not done", slice.id);
                    }
                    assert!(record.segments.iter().all(protocol::checkpoint::SegmentAccount::adds_up));
                }
                self.records.insert(shard, record.clone());
                self.news.push_back(Event::Shard(shard, record));
            }
            Action::DeleteSlices(shard, slices) => {
                assert!(self.records[&shard].done, "checkpoints of {shard} go before its record stands");
                for slice in slices {
                    self.slices.remove(&(shard, slice));
                }
            }
            Action::Publish(task) => {
                let state = self.state.as_ref().expect("a state is stored before anything is published");
                let phase = match &task {
                    Task::Command(command) => command.phase().unwrap_or(Phase::Snapshot),
                    Task::Inventory(_) => Phase::Register,
                    Task::Plan(shard) | Task::Load(shard, _) => {
                        assert!(!self.records.get(shard).is_some_and(|record| record.done), "{shard} is done");
                        Phase::Load
                    }
                };
                // A publication may precede the news that its phase failed, never the phase.
                assert!(state.phase(phase).status != PhaseStatus::Pending, "{phase} has not begun");
                self.queue.entry((task.kind().to_owned(), task.id())).or_insert(task);
            }
            Action::SetControl(control) => {
                self.control = control.clone();
                self.news.push_back(Event::Control(control));
            }
            Action::Emit { text, .. } => assert!(!text.is_empty()),
        }
    }

    /// A phase that has begun stands on phases that are through, and on its approval; a load that is through on records.
    fn check_order(&self, state: &MigrationState) {
        if state.phase(Phase::Load).status.is_through() {
            for shard in self.shards() {
                assert!(self.records.get(&shard).is_some_and(|record| record.done), "load is through, {shard} is not");
            }
        }
        for phase in Phase::ALL {
            let status = state.phase(phase).status;
            if matches!(status, PhaseStatus::Running | PhaseStatus::Done | PhaseStatus::Failed(_)) {
                let before = Phase::ALL.into_iter().filter(|earlier| *earlier < phase);
                before
                    .for_each(|earlier| assert!(state.phase(earlier).status.is_through(), "{earlier} before {phase}"));
                if matches!(phase, Phase::Metadata | Phase::Load | Phase::Cleanup) {
                    assert!(self.approvals.contains_key(&phase), "{phase} began without approval");
                }
            }
        }
    }

    fn take_task(&mut self) {
        if self.queue.is_empty() || self.workers.len() >= 4 {
            return;
        }
        let at = self.rng.random_range(0..self.queue.len());
        let task = self.queue.values().nth(at).unwrap().clone();
        if self.control.stopped.is_some() && task.class() == TaskClass::Shard {
            return;
        }
        let mut worker = FakeWorker { task, revision: 0, checkpoint: SliceCheckpoint::default() };
        if let Task::Load(shard, slice) = &worker.task {
            let Some(planned) = self.plans.get(shard).and_then(|plan| plan.slice(slice)).cloned() else { return };
            let given_up = self.records.get(shard).and_then(|record| record.failure.as_ref());
            let given_up = given_up.is_some_and(|failure| failure.gives_up(self.submission.number, 3));
            if given_up || self.records.get(shard).is_some_and(|record| record.done) {
                self.drop_task(&worker.task.clone());
                return;
            }
            let key = (*shard, slice.clone());
            let mut checkpoint = self.slices.get(&key).map(|(at, _)| at.clone()).unwrap_or_default();
            if checkpoint.done {
                self.drop_task(&worker.task.clone());
                return;
            }
            if checkpoint.ranges.is_empty() {
                let from = planned.ranges[0].from_doc;
                checkpoint.ranges = vec![RangeProgress { next_doc: from, ..RangeProgress::default() }];
            }
            checkpoint.owner = Some(WorkerId::new("w"));
            worker.revision = self.store_slice(*shard, slice.clone(), checkpoint.clone());
            worker.checkpoint = checkpoint;
        }
        self.workers.push(worker);
    }

    fn drop_task(&mut self, task: &Task) {
        self.queue.remove(&(task.kind().to_owned(), task.id()));
    }

    fn store_slice(&mut self, shard: ShardId, slice: SliceId, checkpoint: SliceCheckpoint) -> u64 {
        self.revision += 1;
        self.slices.insert((shard, slice.clone()), (checkpoint.clone(), self.revision));
        self.news.push_back(Event::Slice(shard, slice, checkpoint));
        self.revision
    }

    fn work(&mut self) {
        if self.workers.is_empty() {
            return;
        }
        let at = self.rng.random_range(0..self.workers.len());
        let task = self.workers[at].task.clone();
        let ended = match &task {
            Task::Command(command) => {
                self.answer(*command);
                true
            }
            Task::Inventory(_) => true,
            Task::Plan(shard) => {
                self.plan(*shard);
                true
            }
            Task::Load(shard, slice) => self.load(at, *shard, slice),
        };
        if ended {
            self.workers.remove(at);
            // Sometimes the acknowledgement is lost, and the task comes again.
            if self.rng.random_bool(0.9) {
                self.drop_task(&task);
            }
        }
    }

    fn answer(&mut self, command: Command) {
        if command == Command::Register && self.inventory.is_none() {
            let indices = self.rng.random_range(1..=3);
            let inventory: Vec<InventoryIndex> = (0..indices)
                .map(|no| InventoryIndex {
                    no: IndexNo(no),
                    name: format!("index-{no}"),
                    repository_id: String::new(),
                    create: true,
                    load: true,
                    replicas: 0,
                    shards: vec![InventoryShard::default(); self.rng.random_range(1..=3)],
                    version_created: String::new(),
                    closed: false,
                    warnings: Vec::new(),
                })
                .collect();
            self.inventory = Some(inventory.clone());
            self.news.push_back(Event::Inventory(inventory));
        }
        let result = CommandResult {
            submission: self.submission.number,
            outcome: Ok(vec!["fine".into()]),
            worker: WorkerId::new("w"),
        };
        self.results.insert(command, result.clone());
        self.news.push_back(Event::Result(command, result));
    }

    fn plan(&mut self, shard: ShardId) {
        if self.unreadable.contains(&shard) {
            let before = self.records.get(&shard).and_then(|record| record.failure.clone());
            let number = self.submission.number;
            let failure = Failure::after(before.as_ref(), number, Verdict::FailShard, "a blob is missing".into());
            let record = ShardRecord { failure: Some(failure), ..ShardRecord::default() };
            self.records.insert(shard, record.clone());
            self.news.push_back(Event::Shard(shard, record));
            return;
        }
        if self.plans.contains_key(&shard) {
            return;
        }
        let slices = self.rng.random_range(0..=3_u32);
        let segment = PlannedSegment {
            name: "_0".into(),
            max_doc: slices * DOCS_PER_SLICE,
            del_count: 0,
            soft_del_count: 0,
            fdt_len: 0,
            fdt_crc: None,
        };
        let slice = |at: u32| PlannedSlice {
            id: SliceId::new("_0", at * DOCS_PER_SLICE, (at + 1) * DOCS_PER_SLICE),
            ranges: vec![SegmentRange {
                segment: 0,
                from_doc: at * DOCS_PER_SLICE,
                to_doc: (at + 1) * DOCS_PER_SLICE,
                from_byte: 0,
                to_byte: 0,
            }],
        };
        let plan = ShardPlan { segments: vec![segment], slices: (0..slices).map(slice).collect() };
        self.plans.insert(shard, plan.clone());
        self.news.push_back(Event::Plan(shard, plan));
    }

    /// Some documents further; whether the worker is through with the slice.
    fn load(&mut self, at: usize, shard: ShardId, slice: &SliceId) -> bool {
        let key = (shard, slice.clone());
        let worker = &mut self.workers[at];
        if self.slices.get(&key).is_none_or(|(_, revision)| *revision != worker.revision) {
            return true; // Fenced: somebody else took it, or the shard is done.
        }
        let mut checkpoint = worker.checkpoint.clone();
        if self.refuses_writes || self.rng.random_bool(0.02) {
            let verdict = if self.refuses_writes { Verdict::StopLoad } else { Verdict::Retry };
            let number = self.submission.number;
            checkpoint.failure =
                Some(Failure::after(checkpoint.failure.as_ref(), number, verdict, "it went wrong".into()));
            self.store_slice(shard, slice.clone(), checkpoint);
            return true;
        }
        let to = self.plans[&shard].slice(slice).unwrap().ranges[0].to_doc;
        let range = &mut checkpoint.ranges[0];
        let step = self.rng.random_range(1..=4).min(to - range.next_doc);
        range.next_doc += step;
        range.counts.add(&Counts { written: u64::from(step), ..Counts::default() });
        range.crc = RangeCrc::default();
        checkpoint.done = range.next_doc == to;
        let done = checkpoint.done;
        let revision = self.store_slice(shard, slice.clone(), checkpoint.clone());
        self.workers[at].revision = revision;
        self.workers[at].checkpoint = checkpoint;
        done
    }

    fn approve(&mut self) {
        let phases = [Phase::Metadata, Phase::Load, Phase::Cleanup];
        let phase = phases[self.rng.random_range(0..phases.len())];
        let spec_digest = self.submission.spec.digest();
        let approval = Decision {
            approved: true,
            who: "p".into(),
            at_ms: self.now_ms,
            note: String::new(),
            submission: 1,
            spec_digest,
            evidence_digest: None,
        };
        self.approvals.insert(phase, approval.clone());
        self.news.push_back(Event::Decision(phase, Some(approval)));
    }

    fn storm(&mut self) {
        match self.rng.random_range(0..100) {
            0..35 => self.work(),
            35..60 => self.take_task(),
            60..80 => self.coordinate(),
            80..86 => self.now_ms += self.rng.random_range(100..70_000),
            86..90 => self.approve(),
            90..94 if !self.workers.is_empty() => {
                let at = self.rng.random_range(0..self.workers.len());
                self.workers.remove(at);
            }
            94..95 => self.restart_coordinator(),
            95..96 => self.coordinate_and_die(),
            96..97 => self.queue.clear(),
            97..98 => self.resubmit(),
            _ => {}
        }
    }

    fn resubmit(&mut self) {
        self.submission.number += 1;
        self.news.push_back(Event::Submission(self.submission.clone()));
    }

    fn status(&self) -> Option<(Phase, PhaseStatus)> {
        let state = self.state.as_ref()?;
        state.current().map(|phase| (phase, state.phase(phase).status))
    }

    fn calm(&mut self) {
        self.work();
        self.take_task();
        self.coordinate();
        if matches!(self.status(), Some((_, PhaseStatus::Waiting))) {
            self.approve();
        }
        self.now_ms += 1_000;
    }

    /// Runs without faults until the migration is through or has failed.
    fn settle(&mut self) {
        for _ in 0..CALM_STEPS {
            let failed = matches!(self.status(), Some((_, PhaseStatus::Failed(_))));
            let through = self.state.as_ref().is_some_and(|state| state.current().is_none());
            if (failed || through) && self.news.is_empty() {
                return;
            }
            self.calm();
        }
        panic!("it does not come to an end: {:?}, queue {:?}", self.status(), self.queue);
    }
}

fn simulate(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..STORMY_STEPS {
        world.storm();
    }
    world.settle();
    if let Some((phase, PhaseStatus::Failed(reason))) = world.status() {
        assert_eq!(phase, Phase::Load, "{reason}");
        // What a person would do: look why, mend it, submit again.
        assert!(world.control.stopped.is_some(), "a failed load stops the workers");
        if !world.refuses_writes {
            for shard in world.shards() {
                let failed = world.records.get(&shard).is_some_and(|record| record.failure.is_some() && !record.done);
                let named = reason.contains(&format!("index-{} shard {}:", shard.index, shard.shard));
                assert!(!failed || named, "{shard} failed and is not named: {reason}");
                let done = world.records.get(&shard).is_some_and(|record| record.done);
                assert!(done || failed, "the others are loaded, but {shard} is not");
            }
        }
        world.unreadable.clear();
        world.refuses_writes = false;
        for _ in 0..20 {
            world.resubmit();
            world.settle();
            if world.status().is_none() {
                break;
            }
        }
    }
    assert_eq!(world.status(), None, "mended and submitted again, it comes through");
    for shard in world.shards() {
        let record = &world.records[&shard];
        let written: u64 = record.segments.iter().map(|segment| segment.counts.written).sum();
        let expected: u64 = world.plans[&shard].segments.iter().map(PlannedSegment::live_docs).sum();
        assert!(record.done && written == expected, "{shard}: {written} of {expected}");
    }
    assert!(world.slices.is_empty(), "finished shards leave no checkpoints of slices");
}

#[test]
fn every_schedule_ends_with_everything_in_its_place() {
    for seed in SEEDS_THAT_FAILED.iter().copied().chain(0..SEEDS) {
        let run = std::panic::catch_unwind(|| simulate(seed));
        assert!(run.is_ok(), "seed {seed}");
    }
}
