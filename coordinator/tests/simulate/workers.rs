//! Workers: they take tasks, do a little, die, and lose what they held.

use coordinator::machine::Event;
use protocol::checkpoint::{Counts, Failure, RangeCrc, RangeProgress, ShardRecord, SliceCheckpoint, Verdict};
use protocol::ids::{IndexNo, ShardId, SliceId, WorkerId};
use protocol::plan::{
    CatalogueIndex, CataloguePage, InventoryIndex, InventoryPage, InventoryShard, PlannedSegment, PlannedSlice,
    SegmentRange, ShardPlan,
};
use protocol::state::CommandResult;
use protocol::task::{Command, Task, TaskClass};
use rand::Rng;

use crate::world::World;

const DOCS_PER_SLICE: u32 = 10;
/// Slices of a shard at most.
const SLICES_MAX: u32 = 3;
const INDICES_PER_PAGE: usize = 2;

pub struct FakeWorker {
    task: Task,
    /// The submission it took the task in.
    submission: u32,
    /// Revision of the slice's checkpoint when it was taken or last written.
    revision: u64,
    checkpoint: SliceCheckpoint,
}

impl World {
    pub fn lose_a_worker(&mut self) {
        if !self.workers.is_empty() {
            let at = self.rng.random_range(0..self.workers.len());
            self.workers.remove(at);
        }
    }

    pub fn take_task(&mut self) {
        if self.queue.is_empty() || self.workers.len() >= 4 {
            return;
        }
        let at = self.rng.random_range(0..self.queue.len());
        let task = self.queue.values().nth(at).unwrap().clone();
        if self.control.stopped.is_some() && task.class() == TaskClass::Shard {
            return;
        }
        let mut worker = FakeWorker {
            task,
            submission: self.submission.number,
            revision: 0,
            checkpoint: SliceCheckpoint::default(),
        };
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

    pub fn work(&mut self) {
        if self.workers.is_empty() {
            return;
        }
        let at = self.rng.random_range(0..self.workers.len());
        let (task, submission) = (self.workers[at].task.clone(), self.workers[at].submission);
        let ended = match &task {
            Task::Command(command) => {
                self.answer(*command, submission);
                true
            }
            Task::Curl(_) => panic!("only a person asks for that"),
            Task::Inventory(page) => {
                self.take_inventory(*page);
                true
            }
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

    fn answer(&mut self, command: Command, submission: u32) {
        let fails = self.failing.contains(&command);
        if command == Command::Register && !fails {
            self.catalogue(submission);
        }
        let fine = format!("fine, as the tide is at {}", self.tide);
        let outcome = if fails { Err(format!("{command} went wrong")) } else { Ok(vec![fine]) };
        let result = CommandResult { submission, outcome, worker: WorkerId::new("w") };
        self.results.insert(command, result.clone());
        self.news.push_back(Event::Result(command, result));
    }

    fn catalogue(&mut self, submission: u32) {
        let indices: Vec<CatalogueIndex> = (0..)
            .zip(&self.indices)
            .map(|(no, (_, load))| CatalogueIndex {
                no: IndexNo(no),
                name: format!("index-{no}"),
                create: true,
                load: *load,
            })
            .collect();
        let pages = indices.len().div_ceil(INDICES_PER_PAGE) as u32;
        for (no, indices) in (0..).zip(indices.chunks(INDICES_PER_PAGE)) {
            let page = CataloguePage { submission, pages, indices: indices.to_vec() };
            self.catalogue.insert(no, page.clone());
            self.news.push_back(Event::Catalogue(no, page));
        }
    }

    fn take_inventory(&mut self, no: u32) {
        let wanted = self.catalogue[&no].clone();
        // At most as many as a plan comes to.
        let lucene_docs = u64::from(SLICES_MAX * DOCS_PER_SLICE);
        let shard = InventoryShard { lucene_docs, ..InventoryShard::default() };
        let index = |index: &CatalogueIndex| InventoryIndex {
            no: index.no,
            name: index.name.clone(),
            create: index.create,
            load: index.load,
            shards: vec![shard.clone(); self.indices[index.no.0 as usize].0 as usize],
            version_created: "7.10.2".into(),
            ..InventoryIndex::default()
        };
        let indices = wanted.indices.iter().map(index).collect();
        let page = InventoryPage { submission: wanted.submission, indices, pages: wanted.pages };
        self.pages.insert(no, page.clone());
        self.news.push_back(Event::Inventory(no, page));
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
        let slices = self.rng.random_range(0..=SLICES_MAX);
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
}
