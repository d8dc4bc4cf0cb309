//! What a migration of many shards costs: time, memory, keys and bytes on the bus, requests to the store.
//!
//! Coordinator and two workers are processes at a real NATS server. How long it takes is told and not judged; counts
//! are. `MIGCTL_SCALE_SHARDS=20000 cargo test --release -p tests --test scale -- --nocapture` is what
//! `docs/architecture.md` tells of.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

mod repository;
mod rig;

use repository::{Many, SNAPSHOT};
use rig::Rig;

/// Shards, unless the environment says otherwise.
const SHARDS: usize = 2_000;
const SHARDS_EACH: usize = 10;
/// Requests of a plan and a load of a shard.
const LOAD_REQUESTS: usize = 18;

#[test]
fn many_shards_are_registered_planned_and_loaded_at_a_bounded_price() {
    let shards = std::env::var("MIGCTL_SCALE_SHARDS").map_or(SHARDS, |number| number.parse().unwrap());
    let indices = shards / SHARDS_EACH;
    let folder = tempfile::tempdir().unwrap();
    Many { indices, shards_each: SHARDS_EACH, root: folder.path() }.write();
    let mut rig = Rig::new(folder.path(), SNAPSHOT);

    let registered = rig.run_to("metadata", None);
    println!("{shards} shards, register: {registered}");
    // A list of files for each shard, metadata of each index for the inventory and for the evaluation.
    assert!(registered.requests <= shards + 2 * indices + 50, "{registered}");
    // Of the catalogue and of the inventory a page for fifty indices each.
    assert!(registered.keys_max <= (20 + 2 * indices.div_ceil(50)) as u64, "{registered}");
    assert!(registered.bytes_max <= 20_000 + 80 * shards as u64, "{registered}");

    let created = rig.run_to("load", Some("metadata"));
    println!("{shards} shards, metadata: {created}");
    assert!(created.requests <= indices + 50, "{created}");

    let loaded = rig.run_to("cleanup", Some("load"));
    println!("{shards} shards, load and verify: {loaded}");
    // A plan, a record, and the mark of a slice's checkpoint that was deleted.
    assert!(loaded.keys_max <= (3 * shards + 200) as u64, "{loaded}");
    assert!(loaded.bytes_max <= 200_000 + 1_000 * shards as u64, "{loaded}");
    // Of each index every slot of every worker reads the metadata once, at most.
    assert!(loaded.requests <= LOAD_REQUESTS * shards + 4 * indices + 50, "{loaded}");
    assert!(loaded.coordinator_mib <= 50 + shards as u64 / 200, "{loaded}");
    assert!(loaded.worker_mib <= 150 + shards as u64 / 200, "{loaded}");
}
