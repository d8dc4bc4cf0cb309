//! The bus inside one process: `migctl run` needs no server.
//!
//! ```text
//! state.redb   keys, events, dead letters: written and synced before a call returns      (store, events)
//! in memory    the queue (a lost queue costs time) and buckets whose values die of age   (queue, volatile)
//! bus.sock     lets `migctl status` and `migctl approve` in while the run is alive       (server, remote)
//! run.pid      who holds the folder                                                      (files)
//! ```
//! In: the folder of a migration. Out: [`EmbeddedBus`] for the run, [`attach`] for everybody else.
//! Holds: one run per folder; what a call said was stored is there after `kill -9`; semantics are those of NATS, and
//! one conformance suite proves both.

mod changes;
mod events;
mod files;
mod frame;
mod queue;
mod remote;
mod server;
mod store;
mod volatile;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use self::changes::{Changes, Initial, Listener};
use self::events::Follower;
use self::queue::Queue;
pub use self::remote::RemoteBus;
use self::store::{Store, Write};
use self::volatile::{Expect, Volatile};
use super::{ACK_WAIT, Bus, BusError, Delivery, Entry, Happenings, LetterPage, Published, SharedBus, Watch};
use crate::event::Event;
use crate::ids::{MigrationName, ShardId};
use crate::names::{self, Bucket};
use crate::state::DeadLetter;
use crate::task::{TaskClass, TaskMessage};
use crate::wire;

/// The longest value, in bytes: what NATS takes by default, so that both buses refuse the same.
const VALUE_BYTES_MAX: usize = 1 << 20;

/// Writes in one transaction, and writes that wait for one: all slices of a busy run at once.
const BATCH_MAX: usize = 256;

/// How long a step of a request over the local socket may take.
const REMOTE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the folder may be held by a `status` that reads it after a run, before it counts as in use.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);

/// How the bus behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long a delivered task stays with its worker without a heartbeat.
    pub ack_wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { ack_wait: ACK_WAIT }
    }
}

/// The bus of this process.
pub struct EmbeddedBus {
    // In this order: files of a run go before its lock does.
    _files: Option<files::RunFiles>,
    cancel: CancellationToken,
    _cancel_on_drop: DropGuard,
    tasks: TaskTracker,
    writes: mpsc::Sender<Job>,
    changes: Changes,
    /// Changes with every event.
    news: watch::Sender<u64>,
    volatile: Arc<Volatile>,
    /// `None` where this is no run: nobody would work on the tasks.
    queue: Option<Arc<Queue>>,
    store: Arc<Store>,
}

/// A write, and who waits for it.
struct Job {
    write: Write,
    done: oneshot::Sender<Result<u64, BusError>>,
}

impl EmbeddedBus {
    /// Opens the folder `dir` for a run, or makes it.
    ///
    /// # Errors
    /// [`BusError::Unusable`] where another run has it, or it can't be written.
    pub async fn open(dir: &Path) -> Result<Arc<Self>, BusError> {
        Self::open_with(dir, Options::default()).await
    }

    /// Opens the folder `dir` for a run, or makes it, with `options`.
    ///
    /// # Errors
    /// As [`EmbeddedBus::open`].
    pub async fn open_with(dir: &Path, options: Options) -> Result<Arc<Self>, BusError> {
        files::prepare(dir)?;
        let store = open_unlocked(dir, true).await?;
        let (files, listener) = files::RunFiles::claim(dir)?;
        let queue = Queue::new(options.ack_wait);
        let bus = Self::start(store, Some(files), Some(queue));
        bus.tasks.spawn(server::serve(listener, Arc::downgrade(&bus), bus.cancel.clone()));
        Ok(bus)
    }

    fn start(store: Store, files: Option<files::RunFiles>, queue: Option<Queue>) -> Arc<Self> {
        let (store, changes, cancel) = (Arc::new(store), Changes::new(), CancellationToken::new());
        let (writes, jobs) = mpsc::channel(BATCH_MAX);
        let news = watch::Sender::new(0);
        let volatile = Arc::new(Volatile::new(Arc::clone(&store), changes.clone()));
        let tasks = TaskTracker::new();
        tasks.spawn(write_all(Arc::clone(&store), jobs, changes.clone(), news.clone(), cancel.clone()));
        tasks.spawn(Arc::clone(&volatile).run(cancel.clone()));
        let _cancel_on_drop = cancel.clone().drop_guard();
        let queue = queue.map(Arc::new);
        Arc::new(Self { _files: files, cancel, _cancel_on_drop, tasks, writes, changes, news, volatile, queue, store })
    }

    /// Ends what runs in the background, after the writes that wait are done; the folder is free when the bus is
    /// dropped then.
    pub async fn close(&self) {
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn write(&self, write: Write) -> Result<u64, BusError> {
        let (done, answer) = oneshot::channel();
        let closed = |_| BusError::Unusable { what: "the bus is closed".to_owned(), source: None };
        self.writes.send(Job { write, done }).await.map_err(|_| closed(()))?;
        answer.await.map_err(|_| closed(()))?
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, BusError> {
        let store = Arc::clone(&self.store);
        let work = move || read(&store).map_err(|error| failed(&store, &Arc::new(error)));
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|panicked| Err(broken(panicked)))
    }

    fn queue(&self) -> Result<&Arc<Queue>, BusError> {
        let what = || "no run is alive that could work on tasks: start one with migctl run".to_owned();
        self.queue.as_ref().ok_or_else(|| BusError::Unusable { what: what(), source: None })
    }
}

/// The bus of the migration in `dir`, whether its run is alive (over its socket) or has ended (its file).
///
/// # Errors
/// [`BusError::Unusable`] where `dir` holds no migration, or its file can't be used.
pub async fn attach(dir: &Path) -> Result<SharedBus, BusError> {
    let database = files::database(dir);
    match database.try_exists() {
        Ok(true) => {}
        Ok(false) => {
            let what = format!(
                "{} holds no migration: nothing was run from this folder, or it is complete and its state removed",
                dir.display()
            );
            return Err(BusError::Unusable { what, source: None });
        }
        Err(source) => {
            let what = format!("{} can't be read", database.display());
            return Err(BusError::Unusable { what, source: Some(Box::new(source)) });
        }
    }
    match RemoteBus::connect(dir).await {
        Ok(remote) => Ok(Arc::new(remote)),
        Err(error) if !error.is_transient() => Err(error),
        Err(_) => match open_unlocked(dir, false).await {
            Ok(store) => Ok(EmbeddedBus::start(store, None, None)),
            // A run has begun in between.
            Err(locked) => match RemoteBus::connect(dir).await {
                Ok(remote) => Ok(Arc::new(remote)),
                Err(_) => Err(locked),
            },
        },
    }
}

/// Whether a run is alive that has `dir` in use.
pub async fn is_alive(dir: &Path) -> bool {
    files::connect(dir).await.is_ok()
}

/// Opens the database, waiting a little for one who only reads it.
async fn open_unlocked(dir: &Path, create: bool) -> Result<Store, BusError> {
    let path = files::database(dir);
    let give_up_at = tokio::time::Instant::now() + LOCK_PATIENCE;
    loop {
        let file = path.clone();
        let opened = tokio::task::spawn_blocking(move || Store::open(&file, create)).await.map_err(broken)?;
        match opened {
            Ok(store) => return Ok(store),
            Err(redb::Error::DatabaseAlreadyOpen) => {}
            Err(error) => {
                let error = Arc::new(error);
                return Err(store::unusable(&path, &error, Box::new(Arc::clone(&error))));
            }
        }
        // A run says at once that it is one; a reader is gone soon.
        if files::connect(dir).await.is_ok() {
            let pid = files::owner(dir).map(|pid| format!(" (process {pid})")).unwrap_or_default();
            let advice = "see it with: migctl status -c <its configuration>";
            return Err(in_use(dir, &format!("by another migctl run{pid}; {advice}")));
        }
        if tokio::time::Instant::now() >= give_up_at {
            return Err(in_use(dir, "by another migctl process: end it first"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn in_use(dir: &Path, by: &str) -> BusError {
    BusError::Unusable { what: format!("{} is in use {by}", dir.display()), source: None }
}

/// Writes what comes in batches: while one is synced, the next gathers.
async fn write_all(
    store: Arc<Store>,
    mut jobs: mpsc::Receiver<Job>,
    changes: Changes,
    news: watch::Sender<u64>,
    cancel: CancellationToken,
) {
    loop {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        tokio::select! {
            biased;
            count = jobs.recv_many(&mut batch, BATCH_MAX) => if count == 0 { return },
            // What waits already is still written: then there is nothing more, and the loop ends.
            () = cancel.cancelled(), if !jobs.is_closed() => jobs.close(),
        }
        let (writes, waiting): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.write, job.done)).unzip();
        if writes.is_empty() {
            continue;
        }
        let tells = writes.iter().any(|write| matches!(write, Write::Event { .. }));
        let file = Arc::clone(&store);
        let work = move || file.apply(writes).map_err(Arc::new);
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(outcomes)) => {
                if tells {
                    news.send_modify(|count| *count = count.wrapping_add(1));
                }
                for (done, outcome) in waiting.into_iter().zip(outcomes) {
                    let answer = outcome.map(|written| {
                        let _: Option<()> = written.changed.map(|changed| changes.tell(changed));
                        written.revision
                    });
                    // Whoever asked may be gone.
                    let _ = done.send(answer);
                }
            }
            Ok(Err(error)) => {
                for done in waiting {
                    let _ = done.send(Err(failed(&store, &error)));
                }
            }
            // The senders are dropped, which says so.
            Err(panicked) => tracing::error!(%panicked, "a write to the state file panicked"),
        }
    }
}

fn failed(store: &Store, error: &Arc<redb::Error>) -> BusError {
    store.unusable(error, Box::new(Arc::clone(error)))
}

fn broken(panicked: tokio::task::JoinError) -> BusError {
    BusError::Unusable { what: "the state file can't be used".to_owned(), source: Some(Box::new(panicked)) }
}

fn check_len(what: &str, value: &[u8]) -> Result<(), BusError> {
    if value.len() > VALUE_BYTES_MAX {
        return Err(BusError::TooLarge { what: what.to_owned(), len: value.len(), max: VALUE_BYTES_MAX });
    }
    Ok(())
}

fn encode<T: Serialize>(what: &str, value: &T) -> Result<Vec<u8>, BusError> {
    let bytes = super::bytes(what, value)?;
    check_len(what, &bytes)?;
    Ok(bytes)
}

fn decode_all<T: DeserializeOwned>(what: &str, all: &[Vec<u8>]) -> Result<Vec<T>, BusError> {
    let one = |bytes: &Vec<u8>| wire::decode(bytes).map_err(|source| BusError::Wire { key: what.to_owned(), source });
    all.iter().map(one).collect()
}

#[async_trait]
impl Bus for EmbeddedBus {
    async fn publish(&self, message: &TaskMessage) -> Result<Published, BusError> {
        Ok(self.queue()?.publish(message))
    }

    async fn pull(
        &self,
        migration: &MigrationName,
        class: TaskClass,
        wait: Duration,
    ) -> Result<Option<Delivery>, BusError> {
        Ok(self.queue()?.pull(migration, class, wait).await)
    }

    async fn purge_tasks(&self, migration: &MigrationName) -> Result<(), BusError> {
        self.queue()?.purge(migration);
        Ok(())
    }

    async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, BusError> {
        if bucket.ttl().is_some() {
            return Ok(self.volatile.get(bucket, key));
        }
        let key = key.to_owned();
        self.read(move |store| store.get(bucket, &key)).await
    }

    async fn create(&self, bucket: Bucket, key: &str, value: Vec<u8>) -> Result<u64, BusError> {
        check_len(key, &value)?;
        match bucket.ttl() {
            Some(ttl) => self.volatile.write(bucket, key, value, ttl, Expect::Absent),
            None => self.write(Write::Create { bucket, key: key.to_owned(), value }).await,
        }
    }

    async fn update(&self, bucket: Bucket, key: &str, value: Vec<u8>, revision: u64) -> Result<u64, BusError> {
        check_len(key, &value)?;
        match bucket.ttl() {
            Some(ttl) => self.volatile.write(bucket, key, value, ttl, Expect::Revision(revision)),
            None => self.write(Write::Update { bucket, key: key.to_owned(), value, revision }).await,
        }
    }

    async fn put(&self, bucket: Bucket, key: &str, value: Vec<u8>) -> Result<u64, BusError> {
        check_len(key, &value)?;
        match bucket.ttl() {
            Some(ttl) => self.volatile.write(bucket, key, value, ttl, Expect::Any),
            None => self.write(Write::Put { bucket, key: key.to_owned(), value }).await,
        }
    }

    async fn delete(&self, bucket: Bucket, key: &str) -> Result<(), BusError> {
        if bucket.ttl().is_some() {
            self.volatile.delete(bucket, key);
            return Ok(());
        }
        self.write(Write::Delete { bucket, key: key.to_owned() }).await.map(|_| ())
    }

    async fn keys(&self, bucket: Bucket, prefix: &str) -> Result<Vec<String>, BusError> {
        if bucket.ttl().is_some() {
            return Ok(self.volatile.keys(bucket, prefix));
        }
        let prefix = prefix.to_owned();
        self.read(move |store| store.keys(bucket, &prefix)).await
    }

    async fn watch(&self, bucket: Bucket, prefix: &str) -> Result<Watch, BusError> {
        let listener = self.changes.listen(bucket, prefix);
        let initial = if bucket.ttl().is_some() {
            self.volatile.initial(bucket, prefix)
        } else {
            let prefix = prefix.to_owned();
            Initial::Stored(self.read(move |store| store.snapshot(bucket, &prefix)).await?)
        };
        let (changes, watch) = Listener::channel();
        self.tasks.spawn(listener.run(initial, changes, self.cancel.clone()));
        Ok(watch)
    }

    async fn emit(&self, migration: &MigrationName, event: &Event) -> Result<(), BusError> {
        let is_log = event.is_log();
        let event = encode(&names::event_subject(migration, event), event)?;
        self.write(Write::Event { migration: migration.to_string(), event, is_log }).await.map(|_| ())
    }

    async fn events(&self, migration: &MigrationName, limit: usize) -> Result<Vec<Event>, BusError> {
        let of = migration.to_string();
        let events = self.read(move |store| store.events(&of, limit)).await?;
        decode_all(&format!("the events of {migration}"), &events)
    }

    async fn follow(&self, migration: &MigrationName, from: u64) -> Result<Happenings, BusError> {
        let (told, happenings) = events::channel();
        let news = self.queue.is_some().then(|| self.news.subscribe());
        let follower = Follower { store: Arc::clone(&self.store), migration: migration.to_string(), from, news };
        self.tasks.spawn(follower.run(told, self.cancel.clone()));
        Ok(happenings)
    }

    async fn store_dead_letter(
        &self,
        migration: &MigrationName,
        shard: ShardId,
        letter: &DeadLetter,
    ) -> Result<(), BusError> {
        let subject = names::dead_subject(migration, shard, &letter.segment, letter.doc);
        let letter = encode(&subject, letter)?;
        self.write(Write::DeadLetter { subject, letter }).await.map(|_| ())
    }

    async fn dead_letters(&self, migration: &MigrationName, from: u64, limit: usize) -> Result<LetterPage, BusError> {
        let prefix = dead_prefix(migration);
        let (count, letters) = self.read(move |store| store.dead_letters(&prefix, from, limit)).await?;
        let letters: Vec<DeadLetter> = decode_all(&format!("the dead letters of {migration}"), &letters)?;
        let taken = letters.len() as u64;
        Ok(LetterPage { count, letters, next: (count > taken).then(|| from.saturating_add(taken)) })
    }

    async fn purge_dead_letters(&self, migration: &MigrationName) -> Result<(), BusError> {
        self.write(Write::PurgeDeadLetters { prefix: dead_prefix(migration) }).await.map(|_| ())
    }

    async fn remove_migration(&self, migration: &MigrationName) -> Result<(), BusError> {
        if let Some(queue) = &self.queue {
            queue.purge(migration);
        }
        let last = names::told_of_removal(migration);
        let remove = Write::Remove {
            migration: migration.to_string(),
            prefix: names::migration_prefix(migration),
            dead_prefix: dead_prefix(migration),
            keep: last.to_vec(),
        };
        self.write(remove).await?;
        for (bucket, key) in &last {
            self.delete(*bucket, key).await?;
        }
        Ok(())
    }
}

fn dead_prefix(migration: &MigrationName) -> String {
    names::dead_filter(migration).trim_end_matches('>').to_owned()
}
