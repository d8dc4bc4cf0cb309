//! What is left after a restart. (The embedded bus killed in the middle of writes: `tests/embedded.rs`, which needs a
//! process of its own to kill.)

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use protocol::names::Bucket;
use protocol::task::TaskClass;
use tokio::task::JoinSet;

use crate::rig::{LONG, Rig, eventually, load, migration, next, on_both_buses, until_ready};

on_both_buses!(what_was_stored_is_there_after_a_restart, a_watch_ends_with_the_connection_and_is_made_again);

async fn what_was_stored_is_there_after_a_restart(mut rig: Rig) {
    let bus = rig.bus();
    let mut revisions = Vec::new();
    for n in 0..50 {
        revisions.push(bus.create(Bucket::Checkpoints, &format!("m.{n}.0"), vec![n]).await.unwrap());
    }
    bus.delete(Bucket::Checkpoints, "m.49.0").await.unwrap();
    bus.publish(&load("m", 1, 1)).await.unwrap();
    drop(bus);
    rig.restart().await;

    let bus = rig.bus();
    for (n, revision) in revisions.iter().enumerate().take(49) {
        let key = format!("m.{n}.0");
        let entry = eventually(|| bus.get(Bucket::Checkpoints, &key)).await.expect("it was stored");
        assert_eq!((entry.revision, entry.value), (*revision, vec![n as u8]));
    }
    assert_eq!(bus.get(Bucket::Checkpoints, "m.49.0").await.unwrap(), None);
    // Compare-and-set goes on where it was.
    let next = bus.update(Bucket::Checkpoints, "m.3.0", b"next".to_vec(), revisions[3]).await.unwrap();
    assert!(revisions.iter().all(|before| next > *before));
    // A queue may be lost; then publishing again brings the task back. Either way it is there, once.
    let (name, again) = (migration("m"), load("m", 1, 2));
    eventually(|| bus.publish(&again)).await;
    let delivery = eventually(|| bus.pull(&name, TaskClass::Shard, LONG)).await.expect("a task");
    assert_eq!(delivery.message.task, load("m", 1, 1).task);
    delivery.receipt.ack().await.unwrap();
    assert!(bus.pull(&name, TaskClass::Shard, crate::rig::SHORT).await.unwrap().is_none());
}

async fn a_watch_ends_with_the_connection_and_is_made_again(mut rig: Rig) {
    let bus = rig.bus();
    let revision = bus.put(Bucket::Control, "m.control", b"1".to_vec()).await.unwrap();
    let mut watch = bus.watch(Bucket::Control, "m.").await.unwrap();
    assert_eq!(until_ready(&mut watch).await.len(), 1);
    drop(bus);
    rig.restart().await;
    let end = tokio::time::timeout(LONG, watch.recv()).await.expect("it ends");
    assert_eq!(end, None);

    let bus = rig.bus();
    let mut watch = eventually(|| bus.watch(Bucket::Control, "m.")).await;
    assert_eq!(until_ready(&mut watch).await.len(), 1);
    let after = eventually(|| bus.update(Bucket::Control, "m.control", b"2".to_vec(), revision)).await;
    assert!(after > revision);
    next(&mut watch).await;
}

/// Writers in full swing while the server is killed: each value that was acknowledged is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nats_server_killed_in_the_middle_of_writes_keeps_what_it_acknowledged() {
    let mut rig = Rig::nats().await;
    let acknowledged = Arc::new(AtomicU32::new(0));
    let mut writers = JoinSet::new();
    for writer in 0..8_u32 {
        let (bus, acknowledged) = (rig.bus(), Arc::clone(&acknowledged));
        writers.spawn(async move {
            let mut kept = Vec::new();
            for n in 0..200_u32 {
                let key = format!("m.{writer}.{n}");
                // A failure says that it is not known whether it was written; only what succeeded counts.
                if let Ok(revision) = bus.put(Bucket::Checkpoints, &key, n.to_be_bytes().to_vec()).await {
                    kept.push((key, revision));
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            }
            kept
        });
    }
    while acknowledged.load(Ordering::SeqCst) < 200 {
        tokio::task::yield_now().await;
    }
    assert!(acknowledged.load(Ordering::SeqCst) < 8 * 200, "the writers were through before the crash");
    rig.restart().await;
    let kept = writers.join_all().await.concat();
    let bus = rig.bus();
    assert!(kept.len() >= 200);
    for (key, revision) in kept {
        let entry = eventually(|| bus.get(Bucket::Checkpoints, &key)).await;
        assert_eq!(entry.unwrap_or_else(|| panic!("{key} is lost")).revision, revision);
    }
}
