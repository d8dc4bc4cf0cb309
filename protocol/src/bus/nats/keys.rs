//! Keys and values: buckets of NATS, history 1.
//!
//! Holds: a revision is the bucket's stream sequence, so compare-and-set is the server's own.

use std::collections::{BTreeMap, BTreeSet};

use async_nats::jetstream::kv::{CreateErrorKind, Operation, Store, UpdateErrorKind};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use super::error::{failed, write_failed};
use super::streams::MARK_TTL;
use super::watch::{Following, LastOfEach};
use crate::bus::{BusError, Entry, Watch};
use crate::ids::MigrationName;
use crate::names::{self, Bucket};

/// Changes handed to a watch that it has not taken yet. What comes while it is full waits in the client's own queue.
const HANDED_MAX: usize = 64;

/// The buckets.
pub(super) struct Keys {
    connection: Connection,
    stores: BTreeMap<Bucket, Store>,
}

impl Keys {
    pub(super) fn new(connection: Connection, stores: BTreeMap<Bucket, Store>) -> Self {
        Self { connection, stores }
    }

    fn store(&self, bucket: Bucket) -> Result<&Store, BusError> {
        let absent = || BusError::Unusable { what: format!("no bucket {}", bucket.as_str()), source: None };
        self.stores.get(&bucket).ok_or_else(absent)
    }

    fn write_failed(
        &self,
        key: &str,
        len: usize,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> BusError {
        write_failed(key, len, self.connection.client.server_info().max_payload, error)
    }

    pub(super) async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, BusError> {
        current(self.store(bucket)?, key).await
    }

    pub(super) async fn create(&self, bucket: Bucket, key: &str, value: Vec<u8>) -> Result<u64, BusError> {
        let len = value.len();
        self.store(bucket)?.create(key, value.into()).await.map_err(|error| match error.kind() {
            CreateErrorKind::AlreadyExists => BusError::Exists { key: key.to_owned() },
            _ => self.write_failed(key, len, error),
        })
    }

    pub(super) async fn update(
        &self,
        bucket: Bucket,
        key: &str,
        value: Vec<u8>,
        revision: u64,
    ) -> Result<u64, BusError> {
        let len = value.len();
        self.store(bucket)?.update(key, value.into(), revision).await.map_err(|error| match error.kind() {
            UpdateErrorKind::WrongLastRevision => BusError::Conflict { key: key.to_owned() },
            _ => self.write_failed(key, len, error),
        })
    }

    pub(super) async fn put(&self, bucket: Bucket, key: &str, value: Vec<u8>) -> Result<u64, BusError> {
        let len = value.len();
        self.store(bucket)?.put(key, value.into()).await.map_err(|error| self.write_failed(key, len, error))
    }

    pub(super) async fn delete(&self, bucket: Bucket, key: &str) -> Result<(), BusError> {
        let store = self.store(bucket)?;
        if current(store, key).await?.is_none() {
            return Ok(());
        }
        let deleted = if store.stream.cached_info().config.allow_message_ttl {
            store.purge_with_ttl(key, MARK_TTL).await
        } else {
            store.delete(key).await
        };
        deleted.map_err(|error| failed(format!("delete {key}"), error))
    }

    /// Deletes every key of a migration but `kept`, without the marks that tell watches of it.
    pub(super) async fn remove_all_but(
        &self,
        migration: &MigrationName,
        kept: &[(Bucket, String)],
    ) -> Result<(), BusError> {
        let prefix = names::migration_prefix(migration);
        for bucket in Bucket::ALL.into_iter().filter(|bucket| bucket.ttl().is_none()) {
            let store = self.store(bucket)?;
            let stays = |key: &str| kept.iter().any(|(of, stays)| *of == bucket && stays == key);
            // A few families of many keys each: `m.plan.0.0`, `m.plan.0.1`, …
            let families: BTreeSet<String> = self
                .keys(bucket, &prefix)
                .await?
                .into_iter()
                .filter(|key| !stays(key))
                .map(|key| key.split('.').take(2).collect::<Vec<_>>().join("."))
                .collect();
            for family in families {
                for filter in [format!("{}{family}", store.prefix), format!("{}{family}.>", store.prefix)] {
                    let purged = store.stream.purge().filter(filter).await;
                    purged.map_err(|error| failed(format!("remove the keys {family}"), error))?;
                }
            }
        }
        Ok(())
    }

    pub(super) async fn keys(&self, bucket: Bucket, prefix: &str) -> Result<Vec<String>, BusError> {
        // A filter ends at a dot; what follows it in the prefix is compared here.
        let to_dot = prefix.rfind('.').map_or("", |dot| prefix.get(..=dot).unwrap_or_default());
        let mut last = LastOfEach::read(self.store(bucket)?, self.connection.client.new_inbox(), to_dot, true).await?;
        let mut keys = Vec::new();
        while let Some(seen) = last.next_initial().await? {
            if seen.operation == Operation::Put && seen.key.starts_with(prefix) {
                keys.push(seen.key);
            }
        }
        Ok(keys)
    }

    pub(super) async fn watch(
        &self,
        bucket: Bucket,
        prefix: &str,
        tasks: &TaskTracker,
        cancel: CancellationToken,
    ) -> Result<Watch, BusError> {
        let lost = self.connection.loss();
        let last = LastOfEach::read(self.store(bucket)?, self.connection.client.new_inbox(), prefix, false).await?;
        let (changes, watch) = mpsc::channel(HANDED_MAX);
        let following = Following::new(last, bucket.ttl(), changes);
        tasks.spawn(async move {
            tokio::select! {
                ended = following.run() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a watch ended");
                    }
                }
                // The client would go on by itself, but what died of its age meanwhile would go unseen.
                () = lost => {}
                () = cancel.cancelled() => {}
            }
        });
        Ok(watch)
    }
}

/// The current value of a key.
pub(super) async fn current(store: &Store, key: &str) -> Result<Option<Entry>, BusError> {
    let entry = store.entry(key).await.map_err(|error| failed(format!("read {key}"), error))?;
    let alive = entry.filter(|entry| entry.operation == Operation::Put);
    Ok(alive.map(|entry| Entry { revision: entry.revision, value: entry.value.to_vec() }))
}
