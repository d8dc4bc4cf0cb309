//! Watches: what is there, that this is all, then what happens, each once.

use protocol::bus::{BusError, Change, Entry};
use protocol::names::Bucket;

use crate::rig::{Rig, next, on_both_buses, until_ready};

on_both_buses!(
    a_watch_tells_what_is_there_and_then_what_happens,
    a_watch_of_nothing_is_ready_and_tells_what_comes,
    a_watch_of_many_keys_misses_none,
    a_watch_that_is_not_read_stops_nobody,
    a_value_dies_of_its_age_and_is_told,
);

fn put(key: &str, revision: u64, value: &[u8]) -> Change {
    Change::Put(key.to_owned(), Entry { revision, value: value.to_vec() })
}

async fn a_watch_tells_what_is_there_and_then_what_happens(rig: Rig) {
    let (bus, bucket) = (rig.bus(), Bucket::Gates);
    bus.put(bucket, "m.gone", b"x".to_vec()).await.unwrap();
    bus.delete(bucket, "m.gone").await.unwrap();
    let load = bus.put(bucket, "m.load", b"1".to_vec()).await.unwrap();
    bus.put(bucket, "m-2.load", b"another migration".to_vec()).await.unwrap();
    let mut watch = bus.watch(bucket, "m.").await.unwrap();
    assert_eq!(until_ready(&mut watch).await, [put("m.load", load, b"1")]);

    let cleanup = bus.create(bucket, "m.cleanup", b"2".to_vec()).await.unwrap();
    assert_eq!(next(&mut watch).await, put("m.cleanup", cleanup, b"2"));
    bus.put(bucket, "m-2.cleanup", b"another migration".to_vec()).await.unwrap();
    let cleanup = bus.update(bucket, "m.cleanup", b"3".to_vec(), cleanup).await.unwrap();
    assert_eq!(next(&mut watch).await, put("m.cleanup", cleanup, b"3"));
    bus.delete(bucket, "m.load").await.unwrap();
    assert_eq!(next(&mut watch).await, Change::Deleted("m.load".to_owned()));
    bus.delete(bucket, "m.load").await.unwrap();
    let load = bus.create(bucket, "m.load", b"4".to_vec()).await.unwrap();
    assert_eq!(next(&mut watch).await, put("m.load", load, b"4"), "the second delete deleted nothing");

    let mut all = bus.watch(bucket, "").await.unwrap();
    assert_eq!(until_ready(&mut all).await.len(), 4);
}

async fn a_watch_of_nothing_is_ready_and_tells_what_comes(rig: Rig) {
    let bus = rig.bus();
    let mut watch = bus.watch(Bucket::Control, "m.").await.unwrap();
    assert!(until_ready(&mut watch).await.is_empty());
    let revision = bus.put(Bucket::Control, "m.control", b"stop".to_vec()).await.unwrap();
    assert_eq!(next(&mut watch).await, put("m.control", revision, b"stop"));
}

async fn a_watch_of_many_keys_misses_none(rig: Rig) {
    let (bus, bucket) = (rig.bus(), Bucket::Checkpoints);
    for n in 0..500 {
        bus.put(bucket, &format!("m.{n}.0"), b"before".to_vec()).await.unwrap();
    }
    let mut watch = bus.watch(bucket, "m.").await.unwrap();
    // Written while the watch reads what is there: each is told, before it is ready or after.
    for n in 500..600 {
        bus.put(bucket, &format!("m.{n}.0"), b"during".to_vec()).await.unwrap();
    }
    let mut told = until_ready(&mut watch).await;
    while told.len() < 600 {
        told.push(next(&mut watch).await);
    }
    let mut keys: Vec<usize> = told
        .iter()
        .map(|change| match change {
            Change::Put(key, _) => key.split('.').nth(1).expect("a number").parse().expect("a number"),
            other => panic!("{other:?}"),
        })
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, (0..600).collect::<Vec<_>>(), "none twice, none missing");
}

async fn a_watch_that_is_not_read_stops_nobody(rig: Rig) {
    let (bus, bucket) = (rig.bus(), Bucket::Checkpoints);
    let mut lazy = bus.watch(bucket, "m.").await.unwrap();
    let mut last = 0;
    for n in 0..2_000_u32 {
        last = bus.put(bucket, &format!("m.{}.0", n % 10), n.to_be_bytes().to_vec()).await.unwrap();
    }
    // It may have ended meanwhile, or tell everything late; what it tells is in order, whichever.
    let mut before = 0;
    while before < last {
        match tokio::time::timeout(crate::rig::LONG, lazy.recv()).await.expect("a change, or the end") {
            Some(Change::Put(_, entry)) => {
                assert!(entry.revision > before);
                before = entry.revision;
            }
            Some(Change::Ready) => {}
            Some(Change::Deleted(key)) => panic!("{key} was not deleted"),
            None => break,
        }
    }
    let mut again = bus.watch(bucket, "m.").await.unwrap();
    let told = until_ready(&mut again).await;
    assert_eq!(told.len(), 10);
    assert!(told.contains(&put("m.9.0", last, &1_999_u32.to_be_bytes())));
}

async fn a_value_dies_of_its_age_and_is_told(rig: Rig) {
    let (bus, bucket) = (rig.bus(), Bucket::Leader);
    let mut watch = bus.watch(bucket, "m.").await.unwrap();
    assert!(until_ready(&mut watch).await.is_empty());
    let first = bus.create(bucket, "m.control", b"me".to_vec()).await.unwrap();
    assert_eq!(next(&mut watch).await, put("m.control", first, b"me"));
    let taken = bus.create(bucket, "m.control", b"you".to_vec()).await.unwrap_err();
    assert!(matches!(taken, BusError::Exists { .. }), "{taken}");
    // One that begins later hears of its death as well.
    let mut late = bus.watch(bucket, "m.").await.unwrap();
    assert_eq!(until_ready(&mut late).await, [put("m.control", first, b"me")]);

    assert_eq!(next(&mut watch).await, Change::Deleted("m.control".to_owned()));
    assert_eq!(next(&mut late).await, Change::Deleted("m.control".to_owned()));
    assert_eq!(bus.get(bucket, "m.control").await.unwrap(), None);
    assert!(bus.keys(bucket, "").await.unwrap().is_empty());
    let renewal = bus.update(bucket, "m.control", b"me".to_vec(), first).await.unwrap_err();
    assert!(matches!(renewal, BusError::Conflict { .. }), "{renewal}");
    let second = bus.create(bucket, "m.control", b"you".to_vec()).await.unwrap();
    assert_eq!(next(&mut watch).await, put("m.control", second, b"you"));
    bus.delete(bucket, "m.control").await.unwrap();
    assert_eq!(next(&mut watch).await, Change::Deleted("m.control".to_owned()));
}
