//! Every stream, subject, bucket and key name. No other file spells one.

use crate::event::Event;
use crate::ids::{IndexNo, MigrationName, ShardId, SliceId};
use crate::phase::Phase;
use crate::task::{Command, Task, TaskClass};

/// The stream of tasks: a work queue.
pub const STREAM_TASKS: &str = "MIG_TASKS";
/// The stream of events.
pub const STREAM_EVENTS: &str = "MIG_EVENTS";
/// The stream of dead letters: one message per subject.
pub const STREAM_DEAD: &str = "MIG_DEAD";

/// What [`STREAM_TASKS`] takes.
pub const SUBJECTS_TASKS: &str = "mig.*.task.>";
/// What [`STREAM_EVENTS`] takes.
pub const SUBJECTS_EVENTS: &str = "mig.*.event.>";
/// What [`STREAM_DEAD`] takes.
pub const SUBJECTS_DEAD: &str = "mig.*.dead.>";

/// The KV buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// Specifications, states, inventories, plans, results.
    Migrations,
    /// Decisions of people.
    Gates,
    /// What people did, and when.
    Audit,
    /// Slices and shards.
    Checkpoints,
    /// Live workers, with a time to live.
    Workers,
    /// Stop and go, watched by workers.
    Control,
    /// Which coordinator leads, with a time to live.
    Leader,
}

impl Bucket {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Migrations, Self::Gates, Self::Audit, Self::Checkpoints, Self::Workers, Self::Control, Self::Leader];

    /// The bucket's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Migrations => "mig_migrations",
            Self::Gates => "mig_gates",
            Self::Audit => "mig_audit",
            Self::Checkpoints => "mig_checkpoints",
            Self::Workers => "mig_workers",
            Self::Control => "mig_control",
            Self::Leader => "mig_leader",
        }
    }

    /// How long a value lives after it was written, where values die.
    #[must_use]
    pub fn ttl(self) -> Option<std::time::Duration> {
        match self {
            Self::Workers => Some(std::time::Duration::from_secs(30)),
            Self::Leader => Some(std::time::Duration::from_secs(15)),
            Self::Migrations | Self::Gates | Self::Audit | Self::Checkpoints | Self::Control => None,
        }
    }
}

/// Subject of a task: `mig.<migration>.task.<kind>.<task-id>`.
#[must_use]
pub fn task_subject(migration: &MigrationName, task: &Task) -> String {
    format!("mig.{migration}.task.{}.{}", task.kind(), task.id())
}

/// The subjects that a consumer of a class filters by.
#[must_use]
pub fn task_filters(migration: &MigrationName, class: TaskClass) -> Vec<String> {
    let kinds: &[&str] = match class {
        TaskClass::Phase => &["command", "curl"],
        TaskClass::Shard => &["inventory", "plan", "load"],
    };
    kinds.iter().map(|kind| format!("mig.{migration}.task.{kind}.*")).collect()
}

/// Every task of a migration.
#[must_use]
pub fn task_filter(migration: &MigrationName) -> String {
    format!("mig.{migration}.task.>")
}

/// The durable consumer of a class.
#[must_use]
pub fn consumer(migration: &MigrationName, class: TaskClass) -> String {
    format!("{migration}-{}", class.as_str())
}

/// Subject of an event: `mig.<migration>.event.<phase>.<kind>`, or of a log line: `mig.<migration>.event.log`.
#[must_use]
pub fn event_subject(migration: &MigrationName, event: &Event) -> String {
    if event.is_log() {
        return format!("mig.{migration}.event.{}", event.kind);
    }
    let phase = event.phase.map_or("none", Phase::as_str);
    format!("mig.{migration}.event.{phase}.{}", event.kind)
}

/// Every event of a migration, log lines too.
#[must_use]
pub fn event_filter(migration: &MigrationName) -> String {
    format!("mig.{migration}.event.>")
}

/// Every event of a migration that is no log line.
#[must_use]
pub fn proper_event_filter(migration: &MigrationName) -> String {
    format!("mig.{migration}.event.*.*")
}

/// Subject of a dead letter: one document, so that a redo replaces it.
#[must_use]
pub fn dead_subject(migration: &MigrationName, shard: ShardId, segment: &str, doc: u32) -> String {
    format!("mig.{migration}.dead.{}.{}.{segment}.{doc}", shard.index, shard.shard)
}

/// Every dead letter of a migration.
#[must_use]
pub fn dead_filter(migration: &MigrationName) -> String {
    format!("mig.{migration}.dead.>")
}

/// Prefix of every key of a migration, in every bucket.
#[must_use]
pub fn migration_prefix(migration: &MigrationName) -> String {
    format!("{migration}.")
}

/// The keys of a migration that others watch, in the order in which its removal deletes them: one by one, after
/// everything else, so that every watch is told.
#[must_use]
pub fn told_of_removal(migration: &MigrationName) -> [(Bucket, String); 4] {
    [
        (Bucket::Control, wish(migration)),
        (Bucket::Control, control(migration)),
        (Bucket::Migrations, spec(migration)),
        (Bucket::Migrations, state(migration)),
    ]
}

/// The specification ([`Bucket::Migrations`]).
#[must_use]
pub fn spec(migration: &MigrationName) -> String {
    format!("{migration}.spec")
}

/// The coordinator's state ([`Bucket::Migrations`]).
#[must_use]
pub fn state(migration: &MigrationName) -> String {
    format!("{migration}.state")
}

/// A page of the inventory ([`Bucket::Migrations`]).
#[must_use]
pub fn inventory(migration: &MigrationName, page: u32) -> String {
    format!("{migration}.inventory.{page}")
}

/// What a page of the inventory is to hold ([`Bucket::Migrations`]).
#[must_use]
pub fn catalogue(migration: &MigrationName, page: u32) -> String {
    format!("{migration}.catalogue.{page}")
}

/// A page of what is on the target ([`Bucket::Migrations`]).
#[must_use]
pub fn target(migration: &MigrationName, page: u32) -> String {
    format!("{migration}.target.{page}")
}

/// The plan of a shard ([`Bucket::Migrations`]).
#[must_use]
pub fn plan(migration: &MigrationName, shard: ShardId) -> String {
    format!("{migration}.plan.{}.{}", shard.index, shard.shard)
}

/// What a command answered ([`Bucket::Migrations`]).
#[must_use]
pub fn result(migration: &MigrationName, command: Command) -> String {
    format!("{migration}.result.{command}")
}

/// How far a command under way is ([`Bucket::Migrations`]).
#[must_use]
pub fn progress(migration: &MigrationName, command: Command) -> String {
    format!("{migration}.progress.{command}")
}

/// How far the load is ([`Bucket::Migrations`]).
#[must_use]
pub fn load_progress(migration: &MigrationName) -> String {
    format!("{migration}.progress.load")
}

/// A request of a person, for a worker to send ([`Bucket::Migrations`]).
#[must_use]
pub fn curl(migration: &MigrationName, nonce: u32) -> String {
    format!("{migration}.curl.{nonce}")
}

/// What came of it ([`Bucket::Migrations`]).
#[must_use]
pub fn curl_answer(migration: &MigrationName, nonce: u32) -> String {
    format!("{migration}.curl.{nonce}.answer")
}

/// The snapshot that is taken or was found ([`Bucket::Migrations`]).
#[must_use]
pub fn snapshot(migration: &MigrationName) -> String {
    format!("{migration}.snapshot")
}

/// What the gate of a phase lets through ([`Bucket::Migrations`]).
#[must_use]
pub fn evidence(migration: &MigrationName, phase: Phase) -> String {
    format!("{migration}.evidence.{phase}")
}

/// A person's decision on a gate ([`Bucket::Gates`]).
#[must_use]
pub fn gate(migration: &MigrationName, phase: Phase) -> String {
    format!("{migration}.{phase}")
}

/// The record of a shard ([`Bucket::Checkpoints`]).
#[must_use]
pub fn shard(migration: &MigrationName, shard: ShardId) -> String {
    format!("{migration}.{}.{}", shard.index, shard.shard)
}

/// The checkpoint of a slice ([`Bucket::Checkpoints`]).
#[must_use]
pub fn slice(migration: &MigrationName, shard: ShardId, slice: &SliceId) -> String {
    format!("{migration}.{}.{}.{slice}", shard.index, shard.shard)
}

/// What a person wants of a running migration ([`Bucket::Control`]).
#[must_use]
pub fn wish(migration: &MigrationName) -> String {
    format!("{migration}.wish")
}

/// Something that a person did: sorts by time ([`Bucket::Audit`]).
#[must_use]
pub fn audit(migration: &MigrationName, at_ms: u64, nonce: u16) -> String {
    format!("{migration}.{at_ms:013}-{nonce:04x}")
}

/// Stop and go of a migration, as the coordinator tells the workers ([`Bucket::Control`]).
#[must_use]
pub fn control(migration: &MigrationName) -> String {
    format!("{migration}.control")
}

/// What a key of [`Bucket::Checkpoints`] is of: a shard, or a slice of it. `None`: another migration's, or no key of
/// ours.
#[must_use]
pub fn parse_checkpoint(migration: &MigrationName, key: &str) -> Option<(ShardId, Option<SliceId>)> {
    let rest = key.strip_prefix(&migration_prefix(migration))?;
    let mut tokens = rest.split('.');
    let index = IndexNo(tokens.next()?.parse().ok()?);
    let shard = tokens.next()?.parse().ok()?;
    let slice = tokens.next().map(SliceId::parse).transpose().ok()?;
    tokens.next().is_none().then_some((ShardId { index, shard }, slice))
}

/// What a key of [`Bucket::Migrations`] is the plan of, if it is one.
#[must_use]
pub fn parse_plan(migration: &MigrationName, key: &str) -> Option<ShardId> {
    let rest = key.strip_prefix(&migration_prefix(migration))?.strip_prefix("plan.")?;
    let (index, shard) = rest.split_once('.')?;
    Some(ShardId { index: IndexNo(index.parse().ok()?), shard: shard.parse().ok()? })
}

/// The migration whose specification a key of [`Bucket::Migrations`] is, if it is one.
#[must_use]
pub fn parse_spec(key: &str) -> Option<MigrationName> {
    let migration: MigrationName = key.split('.').next()?.parse().ok()?;
    (*key == spec(&migration)).then_some(migration)
}

/// What page of the catalogue a key of [`Bucket::Migrations`] is, if it is one.
#[must_use]
pub fn parse_catalogue(migration: &MigrationName, key: &str) -> Option<u32> {
    key.strip_prefix(&migration_prefix(migration))?.strip_prefix("catalogue.")?.parse().ok()
}

/// What page of the inventory a key of [`Bucket::Migrations`] is, if it is one.
#[must_use]
pub fn parse_inventory(migration: &MigrationName, key: &str) -> Option<u32> {
    key.strip_prefix(&migration_prefix(migration))?.strip_prefix("inventory.")?.parse().ok()
}
