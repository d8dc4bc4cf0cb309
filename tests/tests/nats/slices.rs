//! What the bus knows of the slices of a rig's migration.

use std::collections::{BTreeMap, BTreeSet};

use protocol::bus::{self, BusError};
use protocol::checkpoint::SliceCheckpoint;
use protocol::ids::{ShardId, SliceId};
use protocol::names::{self, Bucket};
use protocol::plan::ShardPlan;
use tests::document::{Document, Key};

use crate::rig::Rig;
use crate::source::Source;

/// The checkpoints of the slices that are not closed yet.
pub type Checkpoints = BTreeMap<(ShardId, SliceId), SliceCheckpoint>;

/// A slice in the middle of its load.
pub struct Held {
    /// Its shard.
    pub shard: ShardId,
    /// Its id.
    pub slice: SliceId,
    /// Its checkpoint.
    pub checkpoint: SliceCheckpoint,
}

impl Rig {
    /// Every checkpoint there is now; `None` while the bus is away.
    pub fn checkpoints(&mut self) -> Option<Checkpoints> {
        let (bus, migration) = (self.bus(), self.name());
        let read = async {
            let mut all = Checkpoints::new();
            for key in bus::Bus::keys(&*bus, Bucket::Checkpoints, &names::migration_prefix(&migration)).await? {
                let Some((shard, Some(slice))) = names::parse_checkpoint(&migration, &key) else { continue };
                if let Some((checkpoint, _)) = bus::read(&*bus, Bucket::Checkpoints, &key).await? {
                    all.insert((shard, slice), checkpoint);
                }
            }
            Ok::<_, BusError>(all)
        };
        self.wait_for(read).map_err(|error| assert!(error.is_transient(), "{error}")).ok()
    }

    /// The plan of a shard.
    pub fn plan(&mut self, shard: ShardId) -> ShardPlan {
        self.find_plan(shard).unwrap()
    }

    fn find_plan(&mut self, shard: ShardId) -> Option<ShardPlan> {
        let (bus, key) = (self.bus(), names::plan(&self.name(), shard));
        self.wait_for(bus::read(&*bus, Bucket::Migrations, &key)).unwrap().map(|(plan, _)| plan)
    }

    /// How many slices both shards have, once they are planned. The plans go at the end.
    pub fn slices_planned(&mut self) -> usize {
        self.eventually("both shards planned", |rig| {
            let shards = [0, 1].map(|index| ShardId { index: protocol::ids::IndexNo(index), shard: 0 });
            let plans = shards.into_iter().map(|shard| rig.find_plan(shard));
            plans.map(|plan| plan.map(|plan| plan.slices.len())).sum()
        })
    }

    /// Waits until a worker is in the middle of some slice.
    pub fn await_progress(&mut self) {
        self.eventually("a slice under way", |rig| rig.checkpoints()?.values().any(in_the_middle).then_some(()));
    }

    /// Waits until `worker` is in the middle of a slice, and stops its clock there.
    pub fn pause_in_the_middle(&mut self, worker: &'static str) -> Held {
        self.eventually(&format!("{worker} in the middle of a slice"), |rig| {
            let held = |all: Checkpoints| {
                all.into_iter().find_map(|((shard, slice), checkpoint)| {
                    let held = is_owner(&checkpoint, worker) && in_the_middle(&checkpoint);
                    held.then_some(Held { shard, slice, checkpoint })
                })
            };
            held(rig.checkpoints()?)?;
            rig.program(worker).pause().unwrap();
            // Meanwhile it went on; what counts is where it stands now.
            let now = held(rig.checkpoints()?);
            if now.is_none() {
                rig.program(worker).resume().unwrap();
            }
            now
        })
    }

    /// The documents of the slice that its checkpoint covers, and the rest of them.
    pub fn split(&mut self, source: &Source, held: &Held) -> (BTreeSet<Key>, BTreeSet<Key>) {
        let plan = self.plan(held.shard);
        let index = &source.indices[held.shard.index.0 as usize];
        let slice = plan.slice(&held.slice).unwrap();
        let (mut covered, mut rest) = (BTreeSet::new(), BTreeSet::new());
        for (range, progress) in slice.ranges.iter().zip(&held.checkpoint.ranges) {
            let before = &plan.segments[..range.segment as usize];
            let base: u32 = before.iter().map(|segment| segment.max_doc).sum();
            for doc in range.from_doc..range.to_doc {
                let key = index.documents[(base + doc) as usize].key();
                if doc < progress.next_doc {
                    covered.insert(key)
                } else {
                    rest.insert(key)
                };
            }
        }
        assert_eq!(covered.len() as u64, held.checkpoint.counts().written);
        (covered, rest)
    }
}

/// Whether something is checkpointed and something is left.
fn in_the_middle(checkpoint: &SliceCheckpoint) -> bool {
    !checkpoint.done && checkpoint.counts().written > 0
}

/// Whether `worker` wrote it last.
pub fn is_owner(checkpoint: &SliceCheckpoint, worker: &str) -> bool {
    checkpoint.owner.as_ref().is_some_and(|owner| owner.as_str().starts_with(&format!("{worker}-")))
}

/// The keys of `documents` that are in `wanted` too.
pub fn keys_in(documents: &[Document], wanted: &BTreeSet<Key>) -> BTreeSet<Key> {
    documents.iter().map(Document::key).filter(|key| wanted.contains(key)).collect()
}
