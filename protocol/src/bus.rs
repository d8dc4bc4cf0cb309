//! What carries tasks, checkpoints and approvals: one trait, two implementations, one conformance suite.
//!
//! Correctness doesn't rest on the bus. Every task is idempotent, a task is done when its checkpoint says so, and
//! publishing again is always safe; a bus that loses its queue costs time, never documents. What a bus *must* give is
//! compare-and-set on keys, and that a value it said was stored is there after a crash.

pub mod embedded;
pub mod nats;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::event::Event;
use crate::forward::EVENT;
use crate::ids::{MigrationName, ShardId};
use crate::names::Bucket;
use crate::state::DeadLetter;
use crate::task::{TaskClass, TaskMessage};
use crate::wire::WireError;

/// How long a delivered task stays with its worker without a heartbeat.
pub const ACK_WAIT: Duration = Duration::from_secs(30);

/// A bus, shared.
pub type SharedBus = Arc<dyn Bus>;

/// Why the bus did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BusError {
    /// `create` found a value.
    #[error("{key} exists already")]
    Exists {
        /// The key.
        key: String,
    },
    /// `update` or `delete` named a revision that isn't the current one: somebody else wrote.
    #[error("{key} was written by somebody else in between")]
    Conflict {
        /// The key.
        key: String,
    },
    /// A value or message above what the bus takes.
    #[error("{what} is {len} bytes; the bus takes {max}")]
    TooLarge {
        /// The key or subject.
        what: String,
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// No answer, or not in time: whether it was done is unknown. Trying again is safe.
    #[error("the bus does not answer: {what}")]
    Unavailable {
        /// What was tried.
        what: String,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The bus can't be used as it is: too old a server, a store that another process holds, a full disk.
    #[error("{what}")]
    Unusable {
        /// What, where, and what to do.
        what: String,
        /// What went wrong, where there is more to say.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Bytes on the bus that are no message of ours.
    #[error("read {key}")]
    Wire {
        /// The key or subject.
        key: String,
        /// What is wrong.
        #[source]
        source: WireError,
    },
}

impl BusError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Exists { .. }
            | Self::Conflict { .. }
            | Self::TooLarge { .. }
            | Self::Unusable { .. }
            | Self::Wire { .. } => false,
        }
    }
}

/// What came of publishing a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It waits in the queue now.
    New,
    /// It waited there already, or a worker holds it: nothing changed.
    Already,
}

/// A value and the revision it was written at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Grows with every write of the bucket; what compare-and-set compares.
    pub revision: u64,
    /// The value.
    pub value: Vec<u8>,
}

/// What a watch reports: first every current value, then [`Change::Ready`], then changes as they happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Written.
    Put(String, Entry),
    /// Deleted, or died of its age.
    Deleted(String),
    /// Everything that was there when the watch began has been reported.
    Ready,
}

/// A watch; it ends (`None`) when the connection is lost, and is then made again.
pub type Watch = mpsc::Receiver<Change>;

/// What following the events of a migration brings: first what is there, then [`Happened::Ready`], then what happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// An event or a log line, and its place in the order of all of its migration's.
    Event(u64, Event),
    /// Everything that was there when following began has been told.
    Ready,
}

/// Events as they happen; it ends (`None`) when the connection is lost, or when nobody is left whom anything could
/// happen to, and is then made again from the place after the last.
pub type Happenings = mpsc::Receiver<Happened>;

/// A task in a worker's hands.
pub struct Delivery {
    /// The task.
    pub message: TaskMessage,
    /// 1 at the first delivery.
    pub delivered: u64,
    /// Says what becomes of it.
    pub receipt: Box<dyn Receipt>,
}

/// Says to the bus what becomes of a delivered task.
#[async_trait]
pub trait Receipt: Send + Sync {
    /// Done: the task leaves the queue. A late ack of an earlier delivery is accepted too, so this proves nothing.
    async fn ack(&self) -> Result<(), BusError>;
    /// Still at it: the ack deadline starts anew.
    async fn progress(&self) -> Result<(), BusError>;
    /// Given back: delivered again after `delay`. A late one takes the task from the worker that has it by now: only for
    /// a lease that holds.
    async fn nak(&self, delay: Duration) -> Result<(), BusError>;
}

/// Some of the dead letters of a migration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LetterPage {
    /// How many there are from where the page begins.
    pub count: u64,
    /// The first of these.
    pub letters: Vec<DeadLetter>,
    /// Where the next page begins; `None`: nowhere.
    pub next: Option<u64>,
}

/// The bus.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Puts a task into its queue; where one of the same subject waits or is held, nothing changes.
    async fn publish(&self, message: &TaskMessage) -> Result<Published, BusError>;

    /// Takes one task of the class, waiting up to `wait` for it.
    ///
    /// A message that this build can't read stays for a newer worker, and is reported in the log.
    async fn pull(
        &self,
        migration: &MigrationName,
        class: TaskClass,
        wait: Duration,
    ) -> Result<Option<Delivery>, BusError>;

    /// Drops every waiting task of the migration.
    async fn purge_tasks(&self, migration: &MigrationName) -> Result<(), BusError>;

    /// The current value of a key.
    async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, BusError>;

    /// Writes a key that must not exist; its revision. Fails with [`BusError::Exists`].
    async fn create(&self, bucket: Bucket, key: &str, value: Vec<u8>) -> Result<u64, BusError>;

    /// Writes a key whose revision must be `revision`; the new one. Fails with [`BusError::Conflict`].
    async fn update(&self, bucket: Bucket, key: &str, value: Vec<u8>, revision: u64) -> Result<u64, BusError>;

    /// Writes a key, whatever is there; the new revision.
    async fn put(&self, bucket: Bucket, key: &str, value: Vec<u8>) -> Result<u64, BusError>;

    /// Deletes a key; nothing to delete is no error.
    async fn delete(&self, bucket: Bucket, key: &str) -> Result<(), BusError>;

    /// Every key that begins with `prefix`, in no particular order.
    async fn keys(&self, bucket: Bucket, prefix: &str) -> Result<Vec<String>, BusError>;

    /// Follows every key that begins with `prefix`, which ends with `.` or is empty.
    async fn watch(&self, bucket: Bucket, prefix: &str) -> Result<Watch, BusError>;

    /// Appends an event or a log line. Of each a migration has room of its own, in which the newest push out the oldest.
    async fn emit(&self, migration: &MigrationName, event: &Event) -> Result<(), BusError>;

    /// The newest `limit` events, oldest first; no log lines.
    async fn events(&self, migration: &MigrationName, limit: usize) -> Result<Vec<Event>, BusError>;

    /// Follows events and log lines, from the place `from` on; 0 is before the first.
    async fn follow(&self, migration: &MigrationName, from: u64) -> Result<Happenings, BusError>;

    /// Stores a dead letter before it returns; one of the same document is replaced.
    async fn store_dead_letter(
        &self,
        migration: &MigrationName,
        shard: ShardId,
        letter: &DeadLetter,
    ) -> Result<(), BusError>;

    /// A page of at most `limit` dead letters; `from` is 0, or where the page before says that this one begins.
    async fn dead_letters(&self, migration: &MigrationName, from: u64, limit: usize) -> Result<LetterPage, BusError>;

    /// Deletes all dead letters of the migration.
    async fn purge_dead_letters(&self, migration: &MigrationName) -> Result<(), BusError>;

    /// Removes everything that the bus holds of the migration: its tasks and their consumers, events, dead letters, and
    /// every key, the specification last but one and the state last, so that whoever dies in between is followed by one
    /// who sees what to finish. Nothing to remove is no error.
    async fn remove_migration(&self, migration: &MigrationName) -> Result<(), BusError>;
}

/// Reads a value of type `T`, with its revision.
///
/// # Errors
/// The bus's, or [`BusError::Wire`] where the bytes are no `T`.
pub async fn read<T: serde::de::DeserializeOwned>(
    bus: &dyn Bus,
    bucket: Bucket,
    key: &str,
) -> Result<Option<(T, u64)>, BusError> {
    let Some(entry) = bus.get(bucket, key).await? else { return Ok(None) };
    let value = crate::wire::decode(&entry.value).map_err(|source| BusError::Wire { key: key.to_owned(), source })?;
    Ok(Some((value, entry.revision)))
}

/// The bytes of a value, for `create`, `update` and `put`.
///
/// # Errors
/// [`BusError::Wire`] where it can't be written as MessagePack.
pub fn bytes<T: serde::Serialize>(key: &str, value: &T) -> Result<Vec<u8>, BusError> {
    crate::wire::encode(value).map_err(|source| BusError::Wire { key: key.to_owned(), source })
}

/// Says that something happened: in the log, and on the bus.
///
/// # Errors
/// The bus's.
pub async fn tell(bus: &dyn Bus, migration: &MigrationName, event: &Event) -> Result<(), BusError> {
    let phase = event.phase.map(tracing::field::display);
    let Event { kind, text, .. } = event;
    // A failure too: whoever decides says it where it must be seen, and `migctl run` shows errors of the log.
    tracing::info!(target: EVENT, %migration, phase, kind, "{text}");
    bus.emit(migration, event).await
}
