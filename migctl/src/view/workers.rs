//! Who works, and at what.

use std::collections::BTreeMap;

use protocol::bus::{Bus, BusError};
use protocol::ids::{IndexNo, MigrationName};
use protocol::names::Bucket;
use protocol::state::{Doing, WorkerStatus};
use protocol::task::Task;
use serde::Serialize;

use super::{decode, read_all};

/// A live worker.
#[derive(Debug, Clone, Serialize)]
pub struct WorkerView {
    /// Its id.
    pub id: String,
    /// The build's version.
    pub version: String,
    /// Tasks it works on at once.
    pub slots: u32,
    /// Bytes of documents that it may have in flight.
    pub memory_bytes: u64,
    /// What it does now.
    pub doing: Vec<DoingView>,
}

/// One of its tasks.
#[derive(Debug, Clone, Serialize)]
pub struct DoingView {
    /// Of which migration.
    pub migration: MigrationName,
    /// What: `load orders/3 _a-0-5012`, `plan orders/3`, `inventory page 4`, `verify`.
    pub task: String,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
}

/// The live workers; `names` are those of the indices of `migration`.
pub(super) async fn read(
    bus: &dyn Bus,
    migration: &MigrationName,
    names: &BTreeMap<IndexNo, String>,
) -> Result<Vec<WorkerView>, BusError> {
    let mut workers = Vec::new();
    for (key, entry) in read_all(bus, Bucket::Workers, "").await? {
        let WorkerStatus { id, version, slots, memory_bytes, doing } = decode(&key, &entry)?;
        let doing = doing.into_iter().map(|doing| view(doing, migration, names)).collect();
        workers.push(WorkerView { id: id.to_string(), version, slots, memory_bytes, doing });
    }
    Ok(workers)
}

fn view(doing: Doing, of: &MigrationName, names: &BTreeMap<IndexNo, String>) -> DoingView {
    let Doing { migration, task, since_ms } = doing;
    // Numbers of another migration mean other indices.
    let name = |no: IndexNo| match names.get(&no).filter(|_| migration == *of) {
        Some(name) => name.clone(),
        None => format!("index {no}"),
    };
    let task = match task {
        Task::Command(command) => command.to_string(),
        Task::Curl(_) => "a request of a person".to_owned(),
        Task::Inventory(page) => format!("inventory page {page}"),
        Task::Plan(shard) => format!("plan {}/{}", name(shard.index), shard.shard),
        Task::Load(shard, slice) => format!("load {}/{} {slice}", name(shard.index), shard.shard),
    };
    DoingView { migration, task, since_ms }
}
