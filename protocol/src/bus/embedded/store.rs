//! The file: keys, events and dead letters in one `redb` database.
//!
//! In: batches of writes, in the order they were asked for. Out: for each, its revision or why it was refused, once
//! the whole batch is on the disk: a batch is one transaction and one `fsync`.
//! Holds: revisions only grow, over restarts too; what was answered survives `kill -9`.
//! Not here: how events are kept (`events`), buckets whose values die (`volatile`), who is told of a change
//! (`changes`).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};

use super::changes::Changed;
use super::events;
use crate::bus::{BusError, Change, Entry};
use crate::names::Bucket;

/// `(bucket, key)` to `(revision, value)`.
const KV: TableDefinition<'_, (&str, &str), (u64, &[u8])> = TableDefinition::new("kv");
/// Subject to a dead letter.
const DEAD: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("dead");
/// Numbers that outlive a run.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// The row of [`META`] with the last revision given.
const REVISION: &str = "revision";

/// Pages kept in memory. The values are small and read rarely; `redb`'s default of 1 GiB would be more than the
/// whole load may use.
const CACHE_BYTES: usize = 16 << 20;

/// Keys and values a watch reads at once.
const PAGE: usize = 64;

/// One thing to write.
#[derive(Debug)]
pub(super) enum Write {
    Create {
        bucket: Bucket,
        key: String,
        value: Vec<u8>,
    },
    Update {
        bucket: Bucket,
        key: String,
        value: Vec<u8>,
        revision: u64,
    },
    Put {
        bucket: Bucket,
        key: String,
        value: Vec<u8>,
    },
    Delete {
        bucket: Bucket,
        key: String,
    },
    Event {
        migration: String,
        event: Vec<u8>,
        is_log: bool,
    },
    DeadLetter {
        subject: String,
        letter: Vec<u8>,
    },
    PurgeDeadLetters {
        prefix: String,
    },
    /// The events and dead letters of a migration, and every key of it but those to `keep`. No watch is told.
    Remove {
        migration: String,
        prefix: String,
        dead_prefix: String,
        keep: Vec<(Bucket, String)>,
    },
}

/// What became of one write: the revision (0 where there is none), and the change to tell of.
pub(super) struct Written {
    pub(super) revision: u64,
    pub(super) changed: Option<Changed>,
}

impl Written {
    const UNSEEN: Self = Self { revision: 0, changed: None };
}

/// The open database.
pub(super) struct Store {
    db: Database,
    path: PathBuf,
    revision: AtomicU64,
}

impl Store {
    /// Opens the file, or makes it where `create` says so; it is locked until it is dropped.
    pub(super) fn open(path: &Path, create: bool) -> Result<Self, redb::Error> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        let db = if create { builder.create(path)? } else { builder.open(path)? };
        let txn = db.begin_write()?;
        let revision = {
            // Opening makes the tables, so that readers need not ask whether they are there.
            txn.open_table(KV)?;
            events::prepare(&txn)?;
            txn.open_table(DEAD)?;
            txn.open_table(META)?.get(REVISION)?.map_or(0, |row| row.value())
        };
        txn.commit()?;
        Ok(Self { db, path: path.to_owned(), revision: AtomicU64::new(revision) })
    }

    /// A revision above all given before.
    pub(super) fn next_revision(&self) -> u64 {
        self.revision.fetch_add(1, Ordering::SeqCst).saturating_add(1)
    }

    /// Writes a batch as one transaction; on an error nothing of it is written.
    pub(super) fn apply(&self, writes: Vec<Write>) -> Result<Vec<Result<Written, BusError>>, redb::Error> {
        let txn = self.db.begin_write()?;
        let mut outcomes = Vec::with_capacity(writes.len());
        for write in writes {
            outcomes.push(self.apply_one(&txn, write)?);
        }
        let last = outcomes.iter().flatten().map(|written| written.revision).max().unwrap_or(0);
        if last > 0 {
            txn.open_table(META)?.insert(REVISION, last)?;
        }
        txn.commit()?;
        Ok(outcomes)
    }

    fn apply_one(&self, txn: &WriteTransaction, write: Write) -> Result<Result<Written, BusError>, redb::Error> {
        match write {
            Write::Create { bucket, key, value } => {
                let mut table = txn.open_table(KV)?;
                if table.get((bucket.as_str(), key.as_str()))?.is_some() {
                    return Ok(Err(BusError::Exists { key }));
                }
                self.insert(&mut table, bucket, key, value).map(Ok)
            }
            Write::Update { bucket, key, value, revision } => {
                let mut table = txn.open_table(KV)?;
                let current = table.get((bucket.as_str(), key.as_str()))?.map(|row| row.value().0);
                if current != Some(revision) {
                    return Ok(Err(BusError::Conflict { key }));
                }
                self.insert(&mut table, bucket, key, value).map(Ok)
            }
            Write::Put { bucket, key, value } => self.insert(&mut txn.open_table(KV)?, bucket, key, value).map(Ok),
            Write::Delete { bucket, key } => {
                if txn.open_table(KV)?.remove((bucket.as_str(), key.as_str()))?.is_none() {
                    return Ok(Ok(Written::UNSEEN));
                }
                let revision = self.next_revision();
                let changed = Some(Changed { bucket, revision, change: Change::Deleted(key) });
                Ok(Ok(Written { revision, changed }))
            }
            Write::Event { migration, event, is_log } => {
                events::append(txn, &migration, &event, is_log)?;
                Ok(Ok(Written::UNSEEN))
            }
            Write::DeadLetter { subject, letter } => {
                txn.open_table(DEAD)?.insert(subject.as_str(), letter.as_slice())?;
                Ok(Ok(Written::UNSEEN))
            }
            Write::PurgeDeadLetters { prefix } => {
                txn.open_table(DEAD)?.retain(|subject, _| !subject.starts_with(&prefix))?;
                Ok(Ok(Written::UNSEEN))
            }
            Write::Remove { migration, prefix, dead_prefix, keep } => {
                events::remove(txn, &migration)?;
                txn.open_table(DEAD)?.retain(|subject, _| !subject.starts_with(&dead_prefix))?;
                let kept = |bucket: &str, key: &str| keep.iter().any(|(b, k)| b.as_str() == bucket && k == key);
                txn.open_table(KV)?.retain(|(bucket, key), _| !key.starts_with(&prefix) || kept(bucket, key))?;
                Ok(Ok(Written::UNSEEN))
            }
        }
    }

    fn insert(
        &self,
        table: &mut Table<'_, (&'static str, &'static str), (u64, &'static [u8])>,
        bucket: Bucket,
        key: String,
        value: Vec<u8>,
    ) -> Result<Written, redb::Error> {
        let revision = self.next_revision();
        table.insert((bucket.as_str(), key.as_str()), (revision, value.as_slice()))?;
        let change = Change::Put(key, Entry { revision, value });
        Ok(Written { revision, changed: Some(Changed { bucket, revision, change }) })
    }

    /// The current value of a key.
    pub(super) fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, redb::Error> {
        let table = self.db.begin_read()?.open_table(KV)?;
        Ok(table.get((bucket.as_str(), key))?.map(|row| {
            let (revision, value) = row.value();
            Entry { revision, value: value.to_vec() }
        }))
    }

    /// Every key that begins with `prefix`.
    pub(super) fn keys(&self, bucket: Bucket, prefix: &str) -> Result<Vec<String>, redb::Error> {
        let table = self.db.begin_read()?.open_table(KV)?;
        let mut keys = Vec::new();
        for row in table.range((bucket.as_str(), prefix)..)? {
            let row = row?;
            let (of, key) = row.0.value();
            if of != bucket.as_str() || !key.starts_with(prefix) {
                break;
            }
            keys.push(key.to_owned());
        }
        Ok(keys)
    }

    /// What is there now, to be read in pages while others write.
    pub(super) fn snapshot(&self, bucket: Bucket, prefix: &str) -> Result<Snapshot, redb::Error> {
        let txn = self.db.begin_read()?;
        let revision = txn.open_table(META)?.get(REVISION)?.map_or(0, |row| row.value());
        Ok(Snapshot { txn, revision, bucket, prefix: prefix.to_owned(), next: Some(prefix.to_owned()) })
    }

    /// The newest `limit` events, oldest first.
    pub(super) fn events(&self, migration: &str, limit: usize) -> Result<Vec<Vec<u8>>, redb::Error> {
        events::newest(&self.db.begin_read()?, migration, limit)
    }

    /// Events and log lines from a place on, a page of them.
    pub(super) fn events_from(&self, migration: &str, from: u64) -> Result<Vec<(u64, Vec<u8>)>, redb::Error> {
        events::page(&self.db.begin_read()?, migration, from)
    }

    /// How many dead letters there are whose subject begins with `prefix`, and the first `limit` of them.
    /// How many dead letters there are behind the first `skip`, and the first `limit` of these.
    pub(super) fn dead_letters(
        &self,
        prefix: &str,
        skip: u64,
        limit: usize,
    ) -> Result<(u64, Vec<Vec<u8>>), redb::Error> {
        let table = self.db.begin_read()?.open_table(DEAD)?;
        let (mut count, mut letters) = (0, Vec::new());
        for row in table.range(prefix..)? {
            let row = row?;
            if !row.0.value().starts_with(prefix) {
                break;
            }
            count += 1;
            if count > skip && letters.len() < limit {
                letters.push(row.1.value().to_vec());
            }
        }
        Ok((count.saturating_sub(skip), letters))
    }

    /// What a person must know of a failure.
    pub(super) fn unusable(&self, error: &redb::Error, source: Box<dyn std::error::Error + Send + Sync>) -> BusError {
        unusable(&self.path, error, source)
    }
}

/// What a person must know of a failure of the file at `path`.
pub(super) fn unusable(path: &Path, error: &redb::Error, source: Box<dyn std::error::Error + Send + Sync>) -> BusError {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let path = path.display();
    let what = match error {
        redb::Error::Io(io) if matches!(io.kind(), StorageFull | QuotaExceeded | FileTooLarge) => {
            format!("no room on the disk for {path}: make room, then start migctl again; nothing it reported is lost")
        }
        redb::Error::PreviousIo => {
            format!("{path} is not written any more since a write failed: see to the disk, then start migctl again")
        }
        _ => format!("{path} can't be used"),
    };
    BusError::Unusable { what, source: Some(source) }
}

/// The keys and values of one moment.
pub(super) struct Snapshot {
    txn: ReadTransaction,
    /// Every change up to this revision is in it, none above.
    pub(super) revision: u64,
    bucket: Bucket,
    prefix: String,
    /// Where the next page begins; `None` after the last.
    next: Option<String>,
}

impl Snapshot {
    /// The next page; empty at the end.
    pub(super) fn page(&mut self) -> Result<Vec<(String, Entry)>, redb::Error> {
        let Some(from) = self.next.take() else { return Ok(Vec::new()) };
        let table = self.txn.open_table(KV)?;
        let mut page = Vec::new();
        for row in table.range((self.bucket.as_str(), from.as_str())..)? {
            let row = row?;
            let (bucket, key) = row.0.value();
            if bucket != self.bucket.as_str() || !key.starts_with(&self.prefix) {
                break;
            }
            if page.len() == PAGE {
                self.next = Some(key.to_owned());
                break;
            }
            let (revision, value) = row.1.value();
            page.push((key.to_owned(), Entry { revision, value: value.to_vec() }));
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, value: &[u8]) -> Write {
        Write::Put { bucket: Bucket::Migrations, key: key.to_owned(), value: value.to_vec() }
    }

    #[test]
    fn a_refused_write_leaves_the_rest_of_its_batch_alone() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("state"), true).unwrap();
        let create = || Write::Create { bucket: Bucket::Gates, key: "a".to_owned(), value: vec![1] };
        let outcomes = store.apply(vec![create(), create(), put("b", b"2")]).unwrap();
        assert!(outcomes[0].is_ok());
        assert!(matches!(&outcomes[1], Err(BusError::Exists { key }) if key == "a"));
        assert!(outcomes[2].is_ok());
        assert_eq!(store.get(Bucket::Migrations, "b").unwrap().unwrap().value, b"2");
    }

    #[test]
    fn revisions_grow_over_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let before = Store::open(&path, true).unwrap().apply(vec![put("a", b"1")]).unwrap().remove(0).unwrap().revision;
        let store = Store::open(&path, false).unwrap();
        assert_eq!(store.get(Bucket::Migrations, "a").unwrap().unwrap().revision, before);
        assert!(store.apply(vec![put("a", b"2")]).unwrap().remove(0).unwrap().revision > before);
    }

    #[test]
    fn a_snapshot_is_of_one_moment_and_comes_in_pages() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("state"), true).unwrap();
        let all: Vec<String> = (0..PAGE * 2 + 1).map(|n| format!("m.{n:04}")).collect();
        store.apply(all.iter().map(|key| put(key, b"old")).chain([put("n.0", b"no")]).collect()).unwrap();
        let mut snapshot = store.snapshot(Bucket::Migrations, "m.").unwrap();
        let later = store.apply(vec![put("m.0001", b"new"), put("m.9999", b"new")]).unwrap();
        assert!(later.iter().flatten().all(|written| written.revision > snapshot.revision));
        let mut seen = Vec::new();
        loop {
            let page = snapshot.page().unwrap();
            if page.is_empty() {
                break;
            }
            assert!(page.iter().all(|(_, entry)| entry.value == b"old" && entry.revision <= snapshot.revision));
            seen.extend(page.into_iter().map(|(key, _)| key));
        }
        assert_eq!(seen, all);
    }
}
