//! Buckets whose values die of their age: in memory only, because they say who is alive now.
//!
//! In: writes with a time to live. Out: the same answers as from the file, and [`Change::Deleted`] when a value dies.
//! Holds: a value past its time is never read, whether or not the timer came around to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::changes::{Changed, Changes, Initial};
use super::store::Store;
use crate::bus::{BusError, Change, Entry};
use crate::names::Bucket;

/// What must be there for a write to happen.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expect {
    /// Anything or nothing.
    Any,
    /// Nothing.
    Absent,
    /// A value of this revision.
    Revision(u64),
}

/// The values.
pub(super) struct Volatile {
    store: Arc<Store>,
    changes: Changes,
    inner: Mutex<Inner>,
    /// There is a new value to wait for.
    woken: Notify,
}

#[derive(Default)]
struct Inner {
    entries: BTreeMap<(Bucket, String), Mortal>,
    /// The revision of the last change.
    revision: u64,
}

struct Mortal {
    entry: Entry,
    dies_at: Instant,
}

impl Volatile {
    pub(super) fn new(store: Arc<Store>, changes: Changes) -> Self {
        Self { store, changes, inner: Mutex::default(), woken: Notify::new() }
    }

    /// Writes a value that lives for `ttl`; its revision.
    pub(super) fn write(
        &self,
        bucket: Bucket,
        key: &str,
        value: Vec<u8>,
        ttl: Duration,
        expect: Expect,
    ) -> Result<u64, BusError> {
        let mut inner = self.living();
        let id = (bucket, key.to_owned());
        let current = inner.entries.get(&id).map(|mortal| mortal.entry.revision);
        match expect {
            Expect::Absent if current.is_some() => return Err(BusError::Exists { key: key.to_owned() }),
            Expect::Revision(revision) if current != Some(revision) => {
                return Err(BusError::Conflict { key: key.to_owned() });
            }
            Expect::Any | Expect::Absent | Expect::Revision(_) => {}
        }
        let revision = self.store.next_revision();
        let entry = Entry { revision, value };
        inner.revision = revision;
        inner.entries.insert(id, Mortal { entry: entry.clone(), dies_at: Instant::now() + ttl });
        self.changes.tell(Changed { bucket, revision, change: Change::Put(key.to_owned(), entry) });
        drop(inner);
        self.woken.notify_one();
        Ok(revision)
    }

    /// Deletes a value, if there is one.
    pub(super) fn delete(&self, bucket: Bucket, key: &str) {
        let mut inner = self.living();
        if inner.entries.remove(&(bucket, key.to_owned())).is_some() {
            self.tell_deleted(&mut inner, bucket, key.to_owned());
        }
    }

    /// The current value of a key.
    pub(super) fn get(&self, bucket: Bucket, key: &str) -> Option<Entry> {
        self.living().entries.get(&(bucket, key.to_owned())).map(|mortal| mortal.entry.clone())
    }

    /// Every key that begins with `prefix`.
    pub(super) fn keys(&self, bucket: Bucket, prefix: &str) -> Vec<String> {
        let inner = self.living();
        let of = inner.entries.keys().filter(|(of, key)| *of == bucket && key.starts_with(prefix));
        of.map(|(_, key)| key.clone()).collect()
    }

    /// What is there now, for a watch.
    pub(super) fn initial(&self, bucket: Bucket, prefix: &str) -> Initial {
        let inner = self.living();
        let of = inner.entries.iter().filter(|((of, key), _)| *of == bucket && key.starts_with(prefix));
        let entries = of.map(|((_, key), mortal)| (key.clone(), mortal.entry.clone())).collect();
        Initial::Volatile(inner.revision, entries)
    }

    /// Tells of values when they die, until the bus is closed.
    pub(super) async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let watch_over = async {
            loop {
                let woken = self.woken.notified();
                let next = self.living().entries.values().map(|mortal| mortal.dies_at).min();
                let Some(next) = next else {
                    woken.await;
                    continue;
                };
                tokio::select! {
                    () = tokio::time::sleep_until(next) => {}
                    // Its bucket's values may live shorter than those already waited for.
                    () = woken => {}
                }
            }
        };
        let _: Option<()> = cancel.run_until_cancelled(watch_over).await;
    }

    /// The values, those past their time taken out.
    fn living(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here can panic between two changes that belong together.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let dead: Vec<(Bucket, String)> =
            inner.entries.iter().filter(|(_, mortal)| mortal.dies_at <= now).map(|(id, _)| id.clone()).collect();
        for id in dead {
            inner.entries.remove(&id);
            self.tell_deleted(&mut inner, id.0, id.1);
        }
        inner
    }

    fn tell_deleted(&self, inner: &mut Inner, bucket: Bucket, key: String) {
        let revision = self.store.next_revision();
        inner.revision = revision;
        self.changes.tell(Changed { bucket, revision, change: Change::Deleted(key) });
    }
}
