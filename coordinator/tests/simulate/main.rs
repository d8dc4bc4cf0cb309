//! Thousands of seeded schedules of the machine, with fake workers, a fake bus, fake people and fake time.
//!
//! The fake bus keeps what a real one keeps: one task per subject, keys with revisions. Everything else goes wrong at
//! random: workers die with a task in hand, two hold the same slice, the queue is lost, the coordinator dies, also among
//! the actions of one step, and is shown everything again, news come in bunches and late, commands fail, shards can't be
//! read, persons take their time, hold, stop, reject, change the configuration and want things done again. At the end
//! everything must be where it belongs. A failing seed is printed; put it into [`SEEDS_THAT_FAILED`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

mod world;

mod check;
mod people;
mod workers;

use protocol::gate::WishKind;
use protocol::phase::Phase;
use protocol::plan::PlannedSegment;
use protocol::state::PhaseStatus;
use rand::Rng;

use world::World;

/// Seeds that once found something.
const SEEDS_THAT_FAILED: &[u64] = &[];
const SEEDS: u64 = 2_000;
/// Steps with faults; afterwards everything goes well, and must come to an end.
const STORMY_STEPS: usize = 600;
const CALM_STEPS: usize = 20_000;

fn storm(world: &mut World) {
    match world.rng.random_range(0..1_000) {
        0..320 => world.work(),
        320..560 => world.take_task(),
        560..760 => world.coordinate(),
        760..820 => world.now_ms += world.rng.random_range(100..70_000),
        820..870 => world.decide_on_a_gate(),
        870..910 => world.lose_a_worker(),
        910..920 => world.restart_coordinator(),
        920..930 => world.coordinate_and_die(),
        930..940 => world.queue.clear(),
        940..950 => world.resubmit(true),
        950..970 => world.wish_something(),
        _ => {}
    }
}

fn calm(world: &mut World) {
    world.work();
    world.take_task();
    world.coordinate();
    if world.state.as_ref().is_some_and(|state| state.paused.is_some()) {
        world.wish(WishKind::Go);
    }
    if let Some((phase, PhaseStatus::Waiting | PhaseStatus::Rejected(_))) = world.status() {
        world.approve(phase);
    }
    world.now_ms += 1_000;
}

/// Runs without faults until the migration is through or has failed.
fn settle(world: &mut World) {
    for _ in 0..CALM_STEPS {
        let taken_up = world.state.as_ref().is_some_and(|state| state.submission == world.submission.number);
        let ended = taken_up && (world.failure().is_some() || world.status().is_none());
        if ended && world.news.is_empty() {
            return;
        }
        calm(world);
    }
    panic!("it does not come to an end: {:?}, queue {:?}, state {:?}", world.status(), world.queue, world.state);
}

/// What a person reads when the load has failed.
fn look_at_failed_load(world: &World, reason: &str) {
    assert!(world.control.stopped.is_some(), "a failed load stops the workers");
    if world.refuses_writes || reason.starts_with("stopped by") {
        return;
    }
    for shard in world.shards() {
        let failed = world.records.get(&shard).is_some_and(|record| record.failure.is_some() && !record.done);
        let named = reason.contains(&format!("index-{} shard {}:", shard.index, shard.shard));
        assert!(!failed || named, "{shard} failed and is not named: {reason}");
        let done = world.records.get(&shard).is_some_and(|record| record.done);
        assert!(done || failed, "the others are loaded, but {shard} is not");
    }
}

fn simulate(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..STORMY_STEPS {
        storm(&mut world);
    }
    settle(&mut world);
    for _ in 0..20 {
        let Some(reason) = world.failure() else { break };
        if let Some((Phase::Load, PhaseStatus::Failed(reason))) = world.status() {
            look_at_failed_load(&world, &reason);
        }
        assert!(!reason.is_empty());
        // What a person would do: look why, mend it, submit again.
        world.mend();
        world.resubmit(false);
        settle(&mut world);
    }
    assert_eq!(world.status(), None, "mended and submitted again, it comes through");
    assert!(world.machine.complete().is_some(), "its state can be removed");
    assert_eq!(world.control.stopped, None);
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
