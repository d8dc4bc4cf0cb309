//! The bus over NATS JetStream.
//!
//! ```text
//! MIG_TASKS    work queue, one message per subject, new ones discarded     (tasks)
//! MIG_EVENTS   the newest events and log lines of each migration           (records, follow)
//! MIG_DEAD     one message per document                                    (records)
//! mig_*        buckets, history 1, some with a time to live                (keys, watch)
//! ```
//! In: the URL of a server, 2.10 or newer, that runs with JetStream; nothing is started. Out: [`NatsBus`].
//! Holds: streams and buckets are made where they are absent and never deleted. A connection that is lost comes back
//! by itself; what fails meanwhile is [`BusError::Unavailable`], and to be tried again. That includes a cluster's "no
//! stream found" while it recovers. A server that lost its data needs a new `connect`.

mod connection;
mod error;
mod follow;
mod keys;
mod login;
mod records;
mod streams;
mod tasks;
mod tls;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::{Context, ContextBuilder};
use async_trait::async_trait;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use self::connection::Connection;
use self::keys::Keys;
pub use self::login::{Login, SecretPlace};
use self::records::Records;
use self::tasks::Tasks;
pub use self::tls::Tls;
use super::{ACK_WAIT, Bus, BusError, Delivery, Entry, Happenings, LetterPage, Published, Watch};
use crate::event::Event;
use crate::ids::{MigrationName, ShardId};
use crate::names::{self, Bucket};
use crate::state::DeadLetter;
use crate::task::{TaskClass, TaskMessage};

/// How long an answer may take; the client's own 5 s are too short for a server that syncs each write.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where the server is, and how the bus behaves.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsOptions {
    /// `nats://[user:password@|token@]host:port` or `tls://…`; several separated by commas.
    pub url: String,
    /// As whom.
    pub login: Login,
    /// Whom we believe, and what we show.
    pub tls: Tls,
    /// How long a delivered task stays with its worker without a heartbeat.
    pub ack_wait: Duration,
}

impl NatsOptions {
    /// The usual options for the server at `url`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), login: Login::default(), tls: Tls::default(), ack_wait: ACK_WAIT }
    }
}

/// URLs without user, password or token, as they may be shown.
#[must_use]
pub fn masked(urls: &str) -> String {
    let one = |url: &str| {
        let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
        // A password may hold any character; the host can't hold an @.
        let Some((_, host)) = rest.rsplit_once('@') else { return url.to_owned() };
        let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
        format!("{scheme}***@{host}")
    };
    urls.split(',').map(|url| one(url.trim())).collect::<Vec<_>>().join(",")
}

/// The bus over a NATS server.
pub struct NatsBus {
    connection: Connection,
    jetstream: Context,
    tasks: Tasks,
    keys: Keys,
    records: Records,
    watches: TaskTracker,
    cancel: CancellationToken,
    _cancel_on_drop: DropGuard,
}

impl std::fmt::Debug for NatsBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsBus").field("url", &self.connection.shown).finish_non_exhaustive()
    }
}

impl NatsBus {
    /// Connects, and makes the streams and buckets that are absent.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] where no server answers; [`BusError::Unusable`] where it refuses the credentials, is
    /// too old, runs without JetStream, or holds streams of the same names that are something else.
    pub async fn connect(options: NatsOptions) -> Result<Arc<Self>, BusError> {
        let connection = Connection::open(&options).await?;
        let jetstream = ContextBuilder::new().timeout(TIMEOUT).build(connection.client.clone());
        let stores = streams::provide(&jetstream, connection.marks_die).await?;
        let cancel = CancellationToken::new();
        Ok(Arc::new(Self {
            tasks: Tasks::new(connection.clone(), jetstream.clone(), options.ack_wait),
            keys: Keys::new(connection.clone(), stores),
            records: Records::new(connection.clone(), jetstream.clone()),
            connection,
            jetstream,
            watches: TaskTracker::new(),
            _cancel_on_drop: cancel.clone().drop_guard(),
            cancel,
        }))
    }
}

#[async_trait]
impl Bus for NatsBus {
    async fn publish(&self, message: &TaskMessage) -> Result<Published, BusError> {
        self.tasks.publish(message).await
    }

    async fn pull(
        &self,
        migration: &MigrationName,
        class: TaskClass,
        wait: Duration,
    ) -> Result<Option<Delivery>, BusError> {
        self.tasks.pull(migration, class, wait).await
    }

    async fn purge_tasks(&self, migration: &MigrationName) -> Result<(), BusError> {
        self.tasks.purge(migration).await
    }

    async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, BusError> {
        self.keys.get(bucket, key).await
    }

    async fn create(&self, bucket: Bucket, key: &str, value: Vec<u8>) -> Result<u64, BusError> {
        self.keys.create(bucket, key, value).await
    }

    async fn update(&self, bucket: Bucket, key: &str, value: Vec<u8>, revision: u64) -> Result<u64, BusError> {
        self.keys.update(bucket, key, value, revision).await
    }

    async fn put(&self, bucket: Bucket, key: &str, value: Vec<u8>) -> Result<u64, BusError> {
        self.keys.put(bucket, key, value).await
    }

    async fn delete(&self, bucket: Bucket, key: &str) -> Result<(), BusError> {
        self.keys.delete(bucket, key).await
    }

    async fn keys(&self, bucket: Bucket, prefix: &str) -> Result<Vec<String>, BusError> {
        self.keys.keys(bucket, prefix).await
    }

    async fn watch(&self, bucket: Bucket, prefix: &str) -> Result<Watch, BusError> {
        self.keys.watch(bucket, prefix, &self.watches, self.cancel.clone()).await
    }

    async fn emit(&self, migration: &MigrationName, event: &Event) -> Result<(), BusError> {
        self.records.emit(migration, event).await
    }

    async fn events(&self, migration: &MigrationName, limit: usize) -> Result<Vec<Event>, BusError> {
        self.records.events(migration, limit).await
    }

    async fn follow(&self, migration: &MigrationName, from: u64) -> Result<Happenings, BusError> {
        follow::follow(&self.connection, &self.jetstream, migration, from, &self.watches, self.cancel.clone()).await
    }

    async fn store_dead_letter(
        &self,
        migration: &MigrationName,
        shard: ShardId,
        letter: &DeadLetter,
    ) -> Result<(), BusError> {
        self.records.store_dead_letter(migration, shard, letter).await
    }

    async fn dead_letters(&self, migration: &MigrationName, from: u64, limit: usize) -> Result<LetterPage, BusError> {
        self.records.dead_letters(migration, from, limit).await
    }

    async fn purge_dead_letters(&self, migration: &MigrationName) -> Result<(), BusError> {
        self.records.purge_dead_letters(migration).await
    }

    async fn remove_migration(&self, migration: &MigrationName) -> Result<(), BusError> {
        self.tasks.purge(migration).await?;
        self.records.purge_events(migration).await?;
        self.records.purge_dead_letters(migration).await?;
        let last = names::told_of_removal(migration);
        self.keys.remove_all_but(migration, &last).await?;
        for (bucket, key) in &last {
            // When the specification is gone no worker asks for tasks any more: then the consumers stay away.
            if *key == names::state(migration) {
                self.tasks.remove_consumers(migration).await?;
            }
            self.keys.delete(*bucket, key).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked() {
        assert_eq!(masked("nats://host:4222"), "nats://host:4222");
        assert_eq!(masked("nats://me:p@ss@host:4222, tls://token@other"), "nats://***@host:4222,tls://***@other");
        assert_eq!(masked("me:secret@host"), "***@host");
    }
}
