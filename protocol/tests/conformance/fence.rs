//! The design's claim: a worker that was thought dead does no harm when it comes back, although its ack counts.

use protocol::bus::{self, BusError, Delivery, SharedBus};
use protocol::checkpoint::{RangeProgress, SliceCheckpoint};
use protocol::ids::{SliceId, WorkerId};
use protocol::names::{self, Bucket};
use protocol::task::{Task, TaskClass};

use crate::rig::{LONG, Rig, load, migration, on_both_buses};

on_both_buses!(a_worker_that_lost_its_slice_writes_nothing);

/// A worker that has a slice, as far as it knows.
struct Worker {
    id: WorkerId,
    bus: SharedBus,
    delivery: Delivery,
    key: String,
    /// The revision of its last write: what its next one must name.
    epoch: u64,
    checkpoint: SliceCheckpoint,
}

impl Worker {
    /// Takes the next task and writes its name into the slice's checkpoint.
    async fn take(bus: SharedBus, id: &str) -> Self {
        let pulled = bus.pull(&migration("m"), TaskClass::Shard, LONG).await.unwrap();
        let delivery = pulled.expect("a task");
        let Task::Load(shard, slice) = &delivery.message.task else { panic!("another task") };
        let key = names::slice(&migration("m"), *shard, slice);
        let id = WorkerId::new(id);
        let found = bus::read::<SliceCheckpoint>(&*bus, Bucket::Checkpoints, &key).await.unwrap();
        let (mut checkpoint, revision) = found.map_or((SliceCheckpoint::default(), None), |(of, at)| (of, Some(at)));
        checkpoint.owner = Some(id.clone());
        let bytes = bus::bytes(&key, &checkpoint).unwrap();
        let epoch = match revision {
            Some(revision) => bus.update(Bucket::Checkpoints, &key, bytes, revision).await.unwrap(),
            None => bus.create(Bucket::Checkpoints, &key, bytes).await.unwrap(),
        };
        Self { id, bus, delivery, key, epoch, checkpoint }
    }

    /// Says how far it is.
    async fn reach(&mut self, next_doc: u32, done: bool) -> Result<(), BusError> {
        self.checkpoint.ranges = vec![RangeProgress { next_doc, ..RangeProgress::default() }];
        self.checkpoint.done = done;
        let bytes = bus::bytes(&self.key, &self.checkpoint).unwrap();
        self.epoch = self.bus.update(Bucket::Checkpoints, &self.key, bytes, self.epoch).await?;
        Ok(())
    }
}

async fn a_worker_that_lost_its_slice_writes_nothing(rig: Rig) {
    rig.bus().publish(&load("m", 3, 1)).await.unwrap();
    let mut paused = Worker::take(rig.bus(), "paused").await;
    paused.reach(10, false).await.unwrap();

    // It says nothing for longer than its deadline; another worker gets the task and goes on from the checkpoint.
    let mut second = Worker::take(rig.bus(), "second").await;
    assert_eq!(second.delivery.delivered, 2);
    assert_eq!(second.key, names::slice(&migration("m"), crate::rig::shard_id(3), &SliceId::new("_0", 0, 100)));
    assert_eq!(second.checkpoint.ranges[0].next_doc, 10);
    second.reach(20, false).await.unwrap();

    // The first one wakes and believes that it is through: its ack counts, its checkpoint doesn't.
    paused.delivery.receipt.ack().await.unwrap();
    let refused = paused.reach(100, true).await.unwrap_err();
    assert!(matches!(&refused, BusError::Conflict { key } if *key == paused.key), "{refused}");

    // The task left the queue with that ack, and the slice is done all the same: by who has it.
    second.reach(100, true).await.unwrap();
    second.delivery.receipt.ack().await.unwrap();
    let bus = rig.bus();
    let (last, revision) =
        bus::read::<SliceCheckpoint>(&*bus, Bucket::Checkpoints, &second.key).await.unwrap().expect("written");
    assert_eq!(revision, second.epoch);
    assert_eq!(last.owner, Some(second.id.clone()));
    assert_ne!(last.owner, Some(paused.id.clone()));
    assert!(last.done);
}
