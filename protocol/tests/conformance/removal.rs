//! A migration leaves nothing behind, and others are left alone.

use std::time::Duration;

use protocol::bus::{Change, Published, SharedBus};
use protocol::event::Event;
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::state::DeadLetter;
use protocol::task::{Command, TaskClass};

use crate::rig::{LONG, Rig, SHORT, command, load, migration, next, on_both_buses, plan, shard_id, until_ready};

on_both_buses!(
    nothing_of_a_migration_is_left_and_all_of_its_neighbour,
    removal_tells_those_who_watch_and_ends_with_the_state,
    removal_of_half_a_migration_or_none_is_no_error,
    a_migration_of_the_same_name_begins_anew,
);

const KEYS: &[(Bucket, &str)] = &[
    (Bucket::Migrations, "spec"),
    (Bucket::Migrations, "state"),
    (Bucket::Migrations, "snapshot"),
    (Bucket::Migrations, "inventory.0"),
    (Bucket::Migrations, "inventory.1"),
    (Bucket::Migrations, "plan.0.0"),
    (Bucket::Migrations, "plan.0.1"),
    (Bucket::Migrations, "result.register"),
    (Bucket::Gates, "load"),
    (Bucket::Audit, "0000000000001-0001"),
    (Bucket::Checkpoints, "0.0"),
    (Bucket::Checkpoints, "0.0._0-0-100"),
    (Bucket::Checkpoints, "10.0"),
    (Bucket::Control, "control"),
    (Bucket::Control, "wish"),
];

const NAMES: [&str; 3] = ["m", "m-2", "other"];

fn key(name: &str, rest: &str) -> String {
    format!("{}{rest}", names::migration_prefix(&migration(name)))
}

async fn fill(bus: &SharedBus, name: &str) {
    for (bucket, rest) in KEYS {
        bus.put(*bucket, &key(name, rest), rest.as_bytes().to_vec()).await.unwrap();
    }
    for message in [plan(name, 0, 1), load(name, 0, 1), command(name, Command::Verify, 1)] {
        assert_eq!(bus.publish(&message).await.unwrap(), Published::New);
    }
    for class in TaskClass::ALL {
        assert!(bus.pull(&migration(name), class, LONG).await.unwrap().is_some());
    }
    let event = Event::new(1, Phase::Load, "done", "all");
    bus.emit(&migration(name), &event).await.unwrap();
    let letter = DeadLetter {
        index: "i".to_owned(),
        id: "1".to_owned(),
        routing: None,
        status: 400,
        kind: "mapper_parsing_exception".to_owned(),
        reason: "no".to_owned(),
        shard: 0,
        segment: "_0".to_owned(),
        doc: 1,
        source: None,
    };
    bus.store_dead_letter(&migration(name), shard_id(0), &letter).await.unwrap();
}

/// Everything that can be seen of a migration.
async fn left(bus: &SharedBus, name: &str) -> (Vec<String>, usize, u64) {
    let mut keys = Vec::new();
    for bucket in Bucket::ALL {
        keys.extend(bus.keys(bucket, &key(name, "")).await.unwrap());
    }
    let events = bus.events(&migration(name), 10).await.unwrap().len();
    (keys, events, bus.dead_letters(&migration(name), 0, 0).await.unwrap().count)
}

async fn nothing_of_a_migration_is_left_and_all_of_its_neighbour(rig: Rig) {
    let bus = rig.bus();
    for name in NAMES {
        fill(&bus, name).await;
    }
    let workers = bus.put(Bucket::Workers, "w", b"alive".to_vec()).await.unwrap();
    bus.remove_migration(&migration("m")).await.unwrap();
    assert_eq!(left(&bus, "m").await, (Vec::new(), 0, 0));
    for class in TaskClass::ALL {
        assert!(bus.pull(&migration("m"), class, SHORT).await.unwrap().is_none());
    }
    for name in ["m-2", "other"] {
        let (keys, events, letters) = left(&bus, name).await;
        assert_eq!((keys.len(), events, letters), (KEYS.len(), 1, 1), "{name}: {keys:?}");
        // The task that nobody took.
        assert!(bus.pull(&migration(name), TaskClass::Shard, LONG).await.unwrap().is_some());
    }
    assert_eq!(bus.get(Bucket::Workers, "w").await.unwrap().unwrap().revision, workers);
}

async fn removal_tells_those_who_watch_and_ends_with_the_state(rig: Rig) {
    let bus = rig.bus();
    fill(&bus, "m").await;
    let mut control = bus.watch(Bucket::Control, "").await.unwrap();
    let mut migrations = bus.watch(Bucket::Migrations, "").await.unwrap();
    until_ready(&mut control).await;
    until_ready(&mut migrations).await;
    bus.remove_migration(&migration("m")).await.unwrap();
    let told = async |watch: &mut protocol::bus::Watch, last: String| {
        let mut deleted = Vec::new();
        while deleted.last() != Some(&last) {
            let Change::Deleted(key) = next(watch).await else { panic!("nothing is written") };
            deleted.push(key);
        }
        deleted
    };
    let deleted = told(&mut control, names::control(&migration("m"))).await;
    assert!(deleted.contains(&names::wish(&migration("m"))), "{deleted:?}");
    let deleted = told(&mut migrations, names::state(&migration("m"))).await;
    assert_eq!(deleted.iter().rev().nth(1), Some(&names::spec(&migration("m"))), "{deleted:?}");
}

async fn removal_of_half_a_migration_or_none_is_no_error(rig: Rig) {
    let bus = rig.bus();
    bus.remove_migration(&migration("m")).await.unwrap();
    fill(&bus, "m").await;
    // Whoever removed it died before the last key.
    bus.delete(Bucket::Migrations, &key("m", "spec")).await.unwrap();
    bus.remove_migration(&migration("m")).await.unwrap();
    bus.remove_migration(&migration("m")).await.unwrap();
    assert_eq!(left(&bus, "m").await, (Vec::new(), 0, 0));
}

async fn a_migration_of_the_same_name_begins_anew(rig: Rig) {
    let bus = rig.bus();
    fill(&bus, "m").await;
    bus.remove_migration(&migration("m")).await.unwrap();
    let waiting = bus.clone();
    let pulls = async move { waiting.pull(&migration("m"), TaskClass::Shard, LONG).await.unwrap() };
    let begins = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        bus.create(Bucket::Migrations, &key("m", "spec"), b"new".to_vec()).await.unwrap();
        assert_eq!(bus.publish(&plan("m", 0, 2)).await.unwrap(), Published::New);
    };
    let (taken, ()) = tokio::join!(pulls, begins);
    assert_eq!(taken.expect("the new task").message, plan("m", 0, 2));
}
