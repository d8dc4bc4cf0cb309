//! Tasks: each to one worker at a time, again when that worker is silent, and published again without harm.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use protocol::bus::{Delivery, Published, SharedBus};
use protocol::task::{Command, TaskClass};
use tokio::task::JoinSet;

use crate::rig::{ACK_WAIT, LONG, Rig, SHORT, command, load, migration, on_both_buses, plan};

on_both_buses!(
    publishing_again_changes_nothing_while_it_waits_or_is_held,
    a_pull_waits_for_a_task_that_comes_later,
    a_silent_worker_loses_its_task,
    a_worker_that_says_so_keeps_its_task,
    a_task_given_back_comes_after_its_delay,
    a_late_ack_of_an_earlier_delivery_counts,
    every_task_goes_to_one_worker,
    a_flood_of_shard_tasks_does_not_starve_a_phase,
    purging_a_migration_leaves_the_others,
);

async fn pull(bus: &SharedBus, wait: Duration) -> Option<Delivery> {
    bus.pull(&migration("m"), TaskClass::Shard, wait).await.expect("pulls")
}

async fn publishing_again_changes_nothing_while_it_waits_or_is_held(mut rig: Rig) {
    let bus = rig.with_ack_wait(LONG).await;
    assert_eq!(bus.publish(&plan("m", 0, 1)).await.unwrap(), Published::New);
    assert_eq!(bus.publish(&plan("m", 0, 1)).await.unwrap(), Published::Already, "the same publication");
    assert_eq!(bus.publish(&plan("m", 0, 2)).await.unwrap(), Published::Already, "another while it waits");
    let first = pull(&bus, LONG).await.expect("it is there");
    assert_eq!((first.message, first.delivered), (plan("m", 0, 1), 1));
    assert_eq!(bus.publish(&plan("m", 0, 2)).await.unwrap(), Published::Already, "another while it is held");
    assert!(pull(&bus, SHORT).await.is_none(), "it is there once");
    first.receipt.ack().await.unwrap();

    assert_eq!(bus.publish(&plan("m", 0, 1)).await.unwrap(), Published::Already, "a repetition, though it is done");
    assert!(pull(&bus, SHORT).await.is_none());
    assert_eq!(bus.publish(&plan("m", 0, 2)).await.unwrap(), Published::New, "the next attempt");
    let second = pull(&bus, LONG).await.expect("it is there again");
    assert_eq!((second.message, second.delivered), (plan("m", 0, 2), 1));
    second.receipt.ack().await.unwrap();
    assert!(pull(&bus, SHORT).await.is_none());
}

async fn a_pull_waits_for_a_task_that_comes_later(rig: Rig) {
    let (bus, waiting) = (rig.bus(), rig.bus());
    let mut pulls = JoinSet::new();
    pulls.spawn(async move { pull(&waiting, LONG).await.map(|delivery| delivery.message) });
    assert!(pulls.try_join_next().is_none());
    bus.publish(&load("m", 1, 1)).await.unwrap();
    assert_eq!(pulls.join_next().await.unwrap().unwrap(), Some(load("m", 1, 1)));
}

async fn a_silent_worker_loses_its_task(rig: Rig) {
    let bus = rig.bus();
    bus.publish(&load("m", 1, 1)).await.unwrap();
    let silent = pull(&bus, LONG).await.expect("it is there");
    let next = pull(&bus, LONG).await.expect("it comes again");
    assert_eq!((silent.delivered, next.delivered), (1, 2));
    assert_eq!(next.message, silent.message);
    next.receipt.ack().await.unwrap();
}

async fn a_worker_that_says_so_keeps_its_task(rig: Rig) {
    let (bus, other) = (rig.bus(), rig.bus());
    bus.publish(&load("m", 1, 1)).await.unwrap();
    let kept = pull(&bus, LONG).await.expect("it is there");
    let work = async {
        for _ in 0..12 {
            kept.receipt.progress().await.unwrap();
            tokio::time::sleep(ACK_WAIT / 5).await;
        }
    };
    // Longer than the deadline, so that it would come if the heartbeats did nothing.
    let (taken, ()) = tokio::join!(pull(&other, ACK_WAIT * 2), work);
    assert!(taken.is_none(), "it was taken from a worker that is alive");
    assert_eq!(pull(&other, LONG).await.expect("it comes when the heartbeats end").delivered, 2);
}

async fn a_task_given_back_comes_after_its_delay(mut rig: Rig) {
    // No deadline passes here: what comes again comes because it was given back.
    let bus = rig.with_ack_wait(LONG * 10).await;
    bus.publish(&load("m", 1, 1)).await.unwrap();
    let first = pull(&bus, LONG).await.expect("it is there");
    first.receipt.nak(Duration::ZERO).await.unwrap();
    let second = pull(&bus, LONG).await.expect("it comes at once");
    second.receipt.nak(Duration::from_secs(4)).await.unwrap();
    assert!(pull(&bus, SHORT).await.is_none(), "its delay is not over");
    assert_eq!(pull(&bus, LONG).await.expect("it comes").delivered, 3);
}

/// So an ack proves nothing, and what a worker may write is decided by its epoch: see `fence`.
async fn a_late_ack_of_an_earlier_delivery_counts(rig: Rig) {
    let bus = rig.bus();
    bus.publish(&load("m", 1, 1)).await.unwrap();
    let stale = pull(&bus, LONG).await.expect("it is there");
    let holder = pull(&bus, LONG).await.expect("it comes again");
    assert_eq!(holder.delivered, 2);
    stale.receipt.ack().await.unwrap();
    assert_eq!(bus.publish(&load("m", 1, 2)).await.unwrap(), Published::New, "the task was in nobody's hands");
    holder.receipt.ack().await.unwrap();
    let next = pull(&bus, LONG).await.expect("the holder's ack was of the old publication");
    assert_eq!(next.message.attempt, 2);
}

async fn every_task_goes_to_one_worker(mut rig: Rig) {
    let bus = rig.with_ack_wait(LONG).await;
    let (tasks, taken) = (40, Arc::new(AtomicUsize::new(0)));
    let mut workers = JoinSet::new();
    for _ in 0..4 {
        let (bus, taken) = (rig.bus(), Arc::clone(&taken));
        workers.spawn(async move {
            let mut done = Vec::new();
            while taken.load(Ordering::SeqCst) < tasks {
                let Some(delivery) = pull(&bus, SHORT).await else { continue };
                taken.fetch_add(1, Ordering::SeqCst);
                delivery.receipt.ack().await.unwrap();
                assert_eq!(delivery.delivered, 1);
                done.push(delivery.message.task.id());
            }
            done
        });
    }
    for shard in 0..40 {
        assert_eq!(bus.publish(&plan("m", shard, 1)).await.unwrap(), Published::New);
    }
    let done: BTreeSet<String> = workers.join_all().await.concat().into_iter().collect();
    assert_eq!(done.len(), tasks, "a task went to two workers");
    assert!(pull(&bus, SHORT).await.is_none());
}

async fn a_flood_of_shard_tasks_does_not_starve_a_phase(mut rig: Rig) {
    let bus = rig.with_ack_wait(LONG).await;
    for shard in 0..200 {
        bus.publish(&plan("m", shard, 1)).await.unwrap();
        bus.publish(&load("m", shard, 1)).await.unwrap();
    }
    bus.publish(&command("m", Command::Verify, 1)).await.unwrap();
    let delivery = bus.pull(&migration("m"), TaskClass::Phase, LONG).await.unwrap().expect("it is there");
    assert_eq!(delivery.message, command("m", Command::Verify, 1));
    let none = bus.pull(&migration("m"), TaskClass::Phase, SHORT).await.unwrap();
    assert!(none.is_none(), "a shard task in the phase queue");
    assert!(pull(&bus, LONG).await.is_some());
}

async fn purging_a_migration_leaves_the_others(mut rig: Rig) {
    let bus = rig.with_ack_wait(LONG).await;
    for shard in 0..3 {
        bus.publish(&plan("m", shard, 1)).await.unwrap();
        bus.publish(&plan("m-2", shard, 1)).await.unwrap();
    }
    bus.publish(&command("m", Command::Cleanup, 1)).await.unwrap();
    let held = pull(&bus, LONG).await.expect("it is there");
    bus.purge_tasks(&migration("m")).await.unwrap();
    assert!(pull(&bus, SHORT).await.is_none());
    assert!(bus.pull(&migration("m"), TaskClass::Phase, SHORT).await.unwrap().is_none());
    held.receipt.ack().await.unwrap();
    let other = bus.pull(&migration("m-2"), TaskClass::Shard, LONG).await.unwrap();
    assert_eq!(other.expect("it was left").message, plan("m-2", 0, 1));
    assert_eq!(bus.publish(&plan("m", 0, 2)).await.unwrap(), Published::New);
    assert_eq!(pull(&bus, LONG).await.expect("it is there").message, plan("m", 0, 2));
}
