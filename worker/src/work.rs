//! Takes tasks, one per free slot, and does them.
//!
//! A slot pulls one task at a time: a task that waits in a busy worker would wait for its lease to run out if that
//! worker died. Phase commands have a slot of their own, so that neither class starves the other.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::bus::{self, BusError, Change, Delivery, SharedBus};
use protocol::checkpoint::{Failure, ShardRecord, Verdict};
use protocol::event::Event;
use protocol::ids::{MigrationName, ShardId, WorkerId};
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::state::{Control, Doing, WorkerStatus};
use protocol::task::{Task, TaskClass};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::context::{Context, Migration};
use crate::failure::TaskError;
use crate::lease::{Asked, Lease};
use crate::{curl, inventory, load, phases, plan};

/// How long a pull waits for a task where only one migration is there.
const PULL_WAIT: Duration = Duration::from_secs(5);
/// … and where several take turns.
const PULL_TURN: Duration = Duration::from_millis(300);
/// After a failure of the bus, or while there is no migration.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the worker says that it lives: a third of the key's time to live.
const STATUS_EVERY: Duration = Duration::from_secs(10);
/// … and how long it says nothing new between.
const STATUS_PAUSE: Duration = Duration::from_secs(1);
/// A task that failed, or is of a stopped migration, waits this long for its next try. Short, because it may be submitted
/// again any moment; and while it is stopped, each slot takes one such task at most.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// How a worker works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who it is.
    pub id: WorkerId,
    /// Shard tasks done at once.
    pub slots: u32,
    /// Bytes of documents in flight over all slots.
    pub memory_bytes: usize,
}

impl Options {
    /// A worker named after its process.
    #[must_use]
    pub fn new(slots: u32, memory_bytes: usize) -> Self {
        let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "worker".to_owned());
        let id = WorkerId::new(&format!("{host}-{}-{:04x}", std::process::id(), rand::random::<u16>()));
        Self { id, slots, memory_bytes }
    }
}

/// What the slots share besides the context.
struct Floor {
    context: Context,
    slots: u32,
    migrations: Mutex<BTreeSet<MigrationName>>,
    stopped: Mutex<BTreeSet<MigrationName>>,
    doing: Mutex<Vec<Doing>>,
    /// `doing` changed.
    busy: Notify,
    /// Replaced when a migration is stopped, so that what runs for it ends.
    stop_load: Mutex<std::collections::BTreeMap<MigrationName, CancellationToken>>,
}

/// Works until cancelled; errors of the bus are waited out.
pub async fn work(bus: SharedBus, options: Options, cancel: CancellationToken) {
    let floor = Arc::new(Floor {
        context: Context::new(bus, options.id, options.memory_bytes),
        slots: options.slots,
        migrations: Mutex::default(),
        stopped: Mutex::default(),
        doing: Mutex::default(),
        busy: Notify::new(),
        stop_load: Mutex::default(),
    });
    let mut tasks = JoinSet::new();
    tasks.spawn(status_loop(floor.clone(), cancel.clone()));
    tasks.spawn(watch_loop(floor.clone(), Bucket::Migrations, cancel.clone()));
    tasks.spawn(watch_loop(floor.clone(), Bucket::Control, cancel.clone()));
    tasks.spawn(slot_loop(floor.clone(), TaskClass::Phase, cancel.clone()));
    for _ in 0..options.slots {
        tasks.spawn(slot_loop(floor.clone(), TaskClass::Shard, cancel.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(error = &error as &dyn std::error::Error, "a part of the worker died");
            cancel.cancel();
        }
    }
    let key = floor.context.worker.to_string();
    if let Err(error) = floor.context.bus.delete(Bucket::Workers, &key).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "the worker's key dies by itself");
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // What is behind these locks is never left half-changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pause(cancel: &CancellationToken, time: Duration) {
    cancel.run_until_cancelled(tokio::time::sleep(time)).await;
}

async fn status_loop(floor: Arc<Floor>, cancel: CancellationToken) {
    while !cancel.is_cancelled() {
        let doing = locked(&floor.doing).clone();
        let id = floor.context.worker.clone();
        let key = id.to_string();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let memory_bytes = floor.context.memory.bytes() as u64;
        let status = WorkerStatus { id, version, slots: floor.slots, memory_bytes, doing };
        let told = match bus::bytes(&key, &status) {
            Ok(value) => floor.context.bus.put(Bucket::Workers, &key, value).await.map(|_| ()),
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            tracing::warn!(error = &error as &dyn std::error::Error, "tell that this worker lives");
        }
        // What it does is told when that changes, but not more often than people look.
        pause(&cancel, STATUS_PAUSE).await;
        let rest = STATUS_EVERY.saturating_sub(STATUS_PAUSE);
        cancel.run_until_cancelled(tokio::time::timeout(rest, floor.busy.notified())).await;
    }
}

/// Learns which migrations there are, and which of them are stopped.
async fn watch_loop(floor: Arc<Floor>, bucket: Bucket, cancel: CancellationToken) {
    while !cancel.is_cancelled() {
        match floor.context.bus.watch(bucket, "").await {
            Ok(mut watch) => {
                while let Some(Some(change)) = cancel.run_until_cancelled(watch.recv()).await {
                    floor.learn(bucket, change);
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "watch {}", bucket.as_str());
                pause(&cancel, PAUSE).await;
            }
        }
    }
}

impl Floor {
    fn learn(&self, bucket: Bucket, change: Change) {
        let (key, entry) = match change {
            Change::Put(key, entry) => (key, Some(entry)),
            Change::Deleted(key) => (key, None),
            Change::Ready => return,
        };
        let Some(migration) = key.split('.').next().and_then(|name| name.parse::<MigrationName>().ok()) else {
            return;
        };
        let Some(entry) = entry else { return self.forget(bucket, &key, &migration) };
        if bucket == Bucket::Migrations && key == names::spec(&migration) {
            locked(&self.migrations).insert(migration);
        } else if bucket == Bucket::Control && key == names::control(&migration) {
            match protocol::wire::decode::<Control>(&entry.value) {
                Ok(Control { stopped: Some(reason) }) => {
                    tracing::info!(%migration, reason, "stopped");
                    locked(&self.stopped).insert(migration.clone());
                    if let Some(token) = locked(&self.stop_load).remove(&migration) {
                        token.cancel();
                    }
                }
                Ok(Control { stopped: None }) => {
                    locked(&self.stopped).remove(&migration);
                }
                Err(error) => {
                    tracing::warn!(%migration, error = &error as &dyn std::error::Error, "read the control key");
                }
            }
        }
    }

    /// A migration that was removed.
    fn forget(&self, bucket: Bucket, key: &str, migration: &MigrationName) {
        if bucket == Bucket::Migrations && key == names::spec(migration) {
            locked(&self.migrations).remove(migration);
            if let Some(token) = locked(&self.stop_load).remove(migration) {
                token.cancel();
            }
        } else if bucket == Bucket::Control && key == names::control(migration) {
            locked(&self.stopped).remove(migration);
        }
    }

    /// The token that ends shard tasks of a migration, and with the worker.
    fn stop_token(&self, migration: &MigrationName, cancel: &CancellationToken) -> CancellationToken {
        locked(&self.stop_load).entry(migration.clone()).or_insert_with(|| cancel.child_token()).clone()
    }
}

async fn slot_loop(floor: Arc<Floor>, class: TaskClass, cancel: CancellationToken) {
    while !cancel.is_cancelled() {
        let migrations: Vec<MigrationName> = {
            let stopped = locked(&floor.stopped);
            let all = locked(&floor.migrations);
            let open = |name: &&MigrationName| class == TaskClass::Phase || !stopped.contains(*name);
            all.iter().filter(open).cloned().collect()
        };
        if migrations.is_empty() {
            pause(&cancel, PAUSE / 5).await;
            continue;
        }
        let wait = if migrations.len() == 1 { PULL_WAIT } else { PULL_TURN };
        for migration in migrations {
            let asked = Asked::now();
            let pulled = cancel.run_until_cancelled(floor.context.bus.pull(&migration, class, wait)).await;
            match pulled {
                None => return,
                Some(Ok(None)) => {}
                Some(Ok(Some(delivery))) => {
                    let span = span_of(&migration, &delivery.message.task);
                    handle(&floor, delivery, asked, &cancel).instrument(span).await;
                }
                // Its consumer went while this pull waited for it.
                Some(Err(_)) if !locked(&floor.migrations).contains(&migration) => {}
                Some(Err(error)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "pull a task");
                    pause(&cancel, PAUSE).await;
                }
            }
        }
    }
}

/// What everything that is logged of a task says of it. The index's name is known when the inventory is.
fn span_of(migration: &MigrationName, task: &Task) -> tracing::Span {
    let (phase, shard) = match task {
        Task::Command(command) => (command.phase(), None),
        Task::Curl(_) => (None, None),
        Task::Inventory(_) => (Some(Phase::Register), None),
        Task::Plan(shard) | Task::Load(shard, _) => (Some(Phase::Load), Some(shard.shard)),
    };
    let phase = phase.map(tracing::field::display);
    tracing::info_span!("task", %migration, id = task.id(), phase, index = tracing::field::Empty, shard)
}

/// Does one task, and says to the bus what became of it.
async fn handle(floor: &Floor, delivery: Delivery, asked: Asked, cancel: &CancellationToken) {
    let Delivery { message, receipt, delivered } = delivery;
    let stop = match message.task.class() {
        TaskClass::Phase => cancel.clone(),
        TaskClass::Shard => floor.stop_token(&message.migration, cancel),
    };
    let lease = Lease::new(receipt, asked, &stop);
    if !lease.pulse().holds() {
        return tracing::warn!("the lease ran out before the task was begun: it is left to whoever has it now");
    }
    if message.task.class() == TaskClass::Shard && locked(&floor.stopped).contains(&message.migration) {
        tracing::debug!("stopped: the task goes back");
        return lease.give_back(RETRY_AFTER).await;
    }
    tracing::debug!(delivered, "begins");
    let (migration, task) = (message.migration.clone(), message.task.clone());
    let doing = Doing { migration, task, since_ms: protocol::clock::now_ms() };
    locked(&floor.doing).push(doing.clone());
    floor.busy.notify_one();
    let result = lease.keep(execute(floor, &message.migration, &message.task, &lease)).await;
    locked(&floor.doing).retain(|other| *other != doing);
    floor.busy.notify_one();
    tracing::debug!(ended = ?result.as_ref().err(), "ends");
    match result {
        Ok(()) => lease.ack().await,
        Err(TaskError::GivenUp) => lease.give_back(Duration::ZERO).await,
        Err(TaskError::TakenOver) => tracing::warn!("another worker has taken the slice over: it is left to that one"),
        Err(TaskError::Failed { verdict, reason }) => {
            tracing::warn!(?verdict, "failed: {reason}");
            match verdict {
                // The failure is stored and the coordinator decides; what it wants done again it publishes again.
                Verdict::FailShard => lease.ack().await,
                // Who submits again must find it in the queue: an ack that comes later than the new publication, which
                // the bus discards while we hold the task, would lose it for a while.
                Verdict::StopLoad | Verdict::Retry => lease.give_back(RETRY_AFTER).await,
            }
        }
        Err(TaskError::Bus(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the bus failed during a task");
            lease.give_back(RETRY_AFTER).await;
        }
    }
}

async fn execute(floor: &Floor, migration: &MigrationName, task: &Task, lease: &Lease) -> Result<(), TaskError> {
    let context = &floor.context;
    let migration = context.migration(migration).await?;
    if let Task::Plan(shard) | Task::Load(shard, _) = task
        && let Ok(inventory) = migration.inventory(&*context.bus).await
        && let Ok((index, _)) = inventory.index(shard.index)
    {
        tracing::Span::current().record("index", &*index.name);
    }
    match task {
        Task::Command(command) => {
            // A phase command is one long wait for answers: it lives as long as its I/O has time limits.
            let beat = lease.pulse();
            let mut tick = tokio::time::interval(STATUS_EVERY);
            let work = phases::execute(context, &migration, *command);
            tokio::pin!(work);
            loop {
                tokio::select! {
                    result = &mut work => return result,
                    () = lease.cancel.cancelled() => return Err(TaskError::GivenUp),
                    _ = tick.tick() => beat.beat(),
                }
            }
        }
        Task::Curl(nonce) => curl::run(context, &migration, *nonce).await,
        Task::Inventory(page) => {
            inventory::take_page(context, &migration, *page, lease.pulse(), lease.cancel.clone()).await
        }
        Task::Plan(shard) => {
            let planned = plan::plan_shard(context, &migration, *shard, lease).await;
            if let Err(TaskError::Failed { verdict, reason }) = &planned {
                note_failure(context, &migration, *shard, *verdict, reason).await?;
            }
            planned
        }
        Task::Load(shard, slice) => load::load_slice(context, &migration, *shard, slice, lease).await,
    }
}

/// A shard that can't be planned: the failure goes into its record, and people hear of it when that is the end.
async fn note_failure(
    context: &Context,
    migration: &Migration,
    shard: ShardId,
    verdict: Verdict,
    reason: &str,
) -> Result<(), TaskError> {
    let (bus, submission) = (&*context.bus, migration.submission);
    let key = names::shard(&migration.name, shard);
    let found = bus::read::<ShardRecord>(bus, Bucket::Checkpoints, &key).await?;
    let (record, revision) = found.map_or((ShardRecord::default(), None), |(record, at)| (record, Some(at)));
    let failure = Failure::after(record.failure.as_ref(), submission, verdict, reason.to_owned());
    let gives_up = failure.gives_up(submission, migration.spec.sizing.max_attempts.get());
    let value = bus::bytes(&key, &ShardRecord { failure: Some(failure), ..record })?;
    let stored = match revision {
        Some(revision) => bus.update(Bucket::Checkpoints, &key, value, revision).await,
        None => bus.create(Bucket::Checkpoints, &key, value).await,
    };
    match stored {
        Ok(_) if gives_up => {
            let inventory = migration.inventory(bus).await?;
            let (index, _) = inventory.index(shard.index)?;
            let text = format!("{} shard {}: {reason}", index.name, shard.shard);
            let event = Event::new(protocol::clock::now_ms(), Phase::Load, "shard-failed", text);
            let event = event.of_shard(&index.name, shard.shard).by(context.worker.as_str());
            Ok(bus::tell(bus, &migration.name, &event).await?)
        }
        // Somebody else wrote the record at the same moment: theirs counts.
        Ok(_) | Err(BusError::Conflict { .. } | BusError::Exists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
