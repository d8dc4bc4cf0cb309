//! The thin shell around the machine: reads the bus, steps, stores, publishes.
//!
//! In: the keys of one migration, watched. Out: what the machine says, carried out in its order. Watches only bring
//! news; when one ends, or somebody else wrote the state, everything is read again from the start.
//!
//! Not here: what becomes of a migration that is complete (`serve`, and `migctl run`).

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::bus::{self, Bus, BusError, Change, Entry, SharedBus, Watch};
use protocol::event::Event as News;
use protocol::ids::{MigrationName, ShardId};
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::spec::Submission;
use protocol::state::{MigrationState, WorkerStatus};
use protocol::task::{Command, TaskMessage};
use protocol::{clock, wire};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::machine::{Action, Event, Machine};

/// How often the machine is told the time.
const TICK: Duration = Duration::from_secs(1);
/// How long after an error of the bus everything is read again.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// News taken at once before a decision: bounds the memory of a burst.
const NEWS_AT_ONCE: usize = 1_000;

/// How driving ended.
#[derive(Debug)]
pub enum Ended {
    /// Cancelled.
    Cancelled,
    /// Every phase is through.
    Complete(Box<Complete>),
    /// The migration was removed from the bus.
    Removed,
}

/// A migration that is through.
#[derive(Debug)]
pub struct Complete {
    /// The submission that came to its end.
    pub submission: Submission,
    /// Its state, as it is stored.
    pub state: MigrationState,
}

/// Why a round of following ended.
enum End {
    /// There is nothing more to drive.
    Over(Ended),
    /// The machine asks for a new one.
    StartOver,
    /// Everything is to be read again.
    Again(BusError),
}

impl From<BusError> for End {
    fn from(error: BusError) -> Self {
        Self::Again(error)
    }
}

/// Drives one migration until it is complete, removed, or this is cancelled; errors of the bus are waited out. What
/// happens is told in the name of `identity`.
///
/// # Errors
/// What no waiting mends: bytes on the bus that are no message of ours, a bus that can't be used.
pub async fn drive(
    bus: SharedBus,
    migration: MigrationName,
    identity: &str,
    cancel: CancellationToken,
) -> Result<Ended, BusError> {
    loop {
        match Shell::open(&*bus, &migration, identity).await {
            Ok(mut shell) => match shell.run(&cancel).await {
                End::Over(ended) => return Ok(ended),
                End::StartOver => continue,
                End::Again(error) => recoverable(error, &migration)?,
            },
            Err(error) => recoverable(error, &migration)?,
        }
        if cancel.run_until_cancelled(tokio::time::sleep(RETRY_AFTER)).await.is_none() {
            return Ok(Ended::Cancelled);
        }
    }
}

fn recoverable(error: BusError, migration: &MigrationName) -> Result<(), BusError> {
    let lost_race = matches!(error, BusError::Conflict { .. } | BusError::Exists { .. });
    if !error.is_transient() && !lost_race {
        return Err(error);
    }
    tracing::warn!(%migration, error = &error as &dyn std::error::Error, "read everything again");
    Ok(())
}

struct Shell<'a> {
    bus: &'a dyn Bus,
    migration: &'a MigrationName,
    identity: &'a str,
    machine: Machine,
    state_revision: Option<u64>,
    workers: BTreeMap<String, u32>,
    /// How many watches bring news.
    watches: usize,
    /// `None`: a watch ended.
    news: mpsc::Receiver<Option<(Bucket, Change)>>,
    // Owns the forwarders: they end with it.
    _forwarders: tokio::task::JoinSet<()>,
}

impl<'a> Shell<'a> {
    async fn open(bus: &'a dyn Bus, migration: &'a MigrationName, identity: &'a str) -> Result<Self, BusError> {
        let prefix = names::migration_prefix(migration);
        let (sender, news) = mpsc::channel(NEWS_AT_ONCE);
        let mut forwarders = tokio::task::JoinSet::new();
        for (bucket, prefix) in [
            (Bucket::Checkpoints, prefix.as_str()),
            (Bucket::Migrations, &prefix),
            (Bucket::Gates, &prefix),
            (Bucket::Control, &prefix),
            (Bucket::Workers, ""),
        ] {
            forwarders.spawn(forward(bucket, bus.watch(bucket, prefix).await?, sender.clone()));
        }
        Ok(Self {
            bus,
            migration,
            identity,
            machine: Machine::default(),
            state_revision: None,
            workers: BTreeMap::new(),
            watches: forwarders.len(),
            news,
            _forwarders: forwarders,
        })
    }

    async fn run(&mut self, cancel: &CancellationToken) -> End {
        match cancel.run_until_cancelled(self.follow()).await {
            None => End::Over(Ended::Cancelled),
            Some(end) => end,
        }
    }

    /// Follows the news until there is nothing more to follow, or the bus fails.
    async fn follow(&mut self) -> End {
        let mut not_ready = self.watches;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                count = self.news.recv_many(&mut batch, NEWS_AT_ONCE) => {
                    if count == 0 {
                        return lost_watch(self.migration).into();
                    }
                }
                _ = tick.tick() => {}
            }
            let mut events = vec![Event::Tick];
            for news in batch.drain(..) {
                let Some((bucket, change)) = news else { return lost_watch(self.migration).into() };
                match change {
                    Change::Ready => {
                        not_ready = not_ready.saturating_sub(1);
                        if not_ready == 0 {
                            events.push(Event::Ready);
                        }
                    }
                    Change::Put(key, entry) => match self.read(bucket, &key, Some(&entry)) {
                        Ok(event) => events.extend(event),
                        Err(error) => return error.into(),
                    },
                    Change::Deleted(key) if key == names::spec(self.migration) => return End::Over(Ended::Removed),
                    Change::Deleted(key) => match self.read(bucket, &key, None) {
                        Ok(event) => events.extend(event),
                        Err(error) => return error.into(),
                    },
                }
            }
            for action in self.machine.step(events, clock::now_ms()) {
                if action == Action::StartOver {
                    return End::StartOver;
                }
                if let Err(error) = self.act(action).await {
                    return error.into();
                }
            }
            if let Some(submission) = self.machine.complete() {
                let (submission, state) = (submission.clone(), self.machine.state().clone());
                return End::Over(Ended::Complete(Box::new(Complete { submission, state })));
            }
        }
    }

    /// What a key's new value means to the machine.
    fn read(&mut self, bucket: Bucket, key: &str, entry: Option<&Entry>) -> Result<Option<Event>, BusError> {
        let migration = self.migration;
        match (bucket, entry) {
            (Bucket::Workers, entry) => {
                match entry {
                    Some(entry) => self.workers.insert(key.to_owned(), decode::<WorkerStatus>(key, entry)?.slots),
                    None => self.workers.remove(key),
                };
                Ok(Some(Event::Slots(self.workers.values().sum())))
            }
            (Bucket::Gates, entry) => {
                let phase = key.rsplit('.').next().and_then(|token| token.parse::<Phase>().ok());
                let decision = entry.map(|entry| decode(key, entry)).transpose()?;
                Ok(phase.map(|phase| Event::Decision(phase, decision)))
            }
            (Bucket::Checkpoints, Some(entry)) => Ok(match names::parse_checkpoint(migration, key) {
                Some((shard, Some(slice))) => Some(Event::Slice(shard, slice, decode(key, entry)?)),
                Some((shard, None)) => Some(Event::Shard(shard, decode(key, entry)?)),
                None => None,
            }),
            (Bucket::Migrations, Some(entry)) => self.read_migration_key(key, entry),
            (Bucket::Control, Some(entry)) if key == names::control(migration) => {
                Ok(Some(Event::Control(decode(key, entry)?)))
            }
            (Bucket::Control, Some(entry)) if key == names::wish(migration) => {
                Ok(Some(Event::Wish(decode(key, entry)?)))
            }
            // A deleted checkpoint is one of a finished shard; nothing else is ever deleted under a running migration.
            (_, None) | (Bucket::Control | Bucket::Leader | Bucket::Audit, Some(_)) => Ok(None),
        }
    }

    fn read_migration_key(&mut self, key: &str, entry: &Entry) -> Result<Option<Event>, BusError> {
        let migration = self.migration;
        if key == names::spec(migration) {
            return Ok(Some(Event::Submission(Box::new(decode(key, entry)?))));
        }
        if key == names::state(migration) {
            return match self.state_revision {
                None => {
                    self.state_revision = Some(entry.revision);
                    Ok(Some(Event::State(decode(key, entry)?)))
                }
                Some(own) if own >= entry.revision => Ok(None),
                // Another coordinator leads: what this one thinks is out of date.
                Some(_) => Err(BusError::Conflict { key: key.to_owned() }),
            };
        }
        if let Some(shard) = names::parse_plan(migration, key) {
            return Ok(Some(Event::Plan(shard, decode(key, entry)?)));
        }
        for command in Command::ALL {
            if key == names::result(migration, command) {
                return Ok(Some(Event::Result(command, decode(key, entry)?)));
            }
        }
        for phase in Phase::ALL {
            if key == names::evidence(migration, phase) {
                return Ok(Some(Event::Evidence(phase, decode(key, entry)?)));
            }
        }
        if let Some(page) = names::parse_catalogue(migration, key) {
            return Ok(Some(Event::Catalogue(page, decode(key, entry)?)));
        }
        if let Some(page) = names::parse_inventory(migration, key) {
            return Ok(Some(Event::Inventory(page, decode(key, entry)?)));
        }
        Ok(None)
    }

    async fn act(&mut self, action: Action) -> Result<(), BusError> {
        let (bus, migration) = (self.bus, self.migration);
        match action {
            Action::StoreState(state) => {
                let key = names::state(migration);
                let value = bus::bytes(&key, &state)?;
                let revision = match self.state_revision {
                    Some(revision) => bus.update(Bucket::Migrations, &key, value, revision).await?,
                    None => bus.create(Bucket::Migrations, &key, value).await?,
                };
                self.state_revision = Some(revision);
            }
            Action::ForgetShard(shard) => self.forget(shard).await?,
            Action::StoreEvidence(phase, evidence) => {
                let key = names::evidence(migration, phase);
                bus.put(Bucket::Migrations, &key, bus::bytes(&key, &evidence)?).await?;
            }
            Action::StoreShard(shard, record) => {
                let key = names::shard(migration, shard);
                bus.put(Bucket::Checkpoints, &key, bus::bytes(&key, &record)?).await?;
            }
            Action::DeleteSlices(shard, slices) => {
                for slice in slices {
                    bus.delete(Bucket::Checkpoints, &names::slice(migration, shard, &slice)).await?;
                }
            }
            Action::Publish(task) => {
                // Milliseconds, which begin anew every seven weeks: no two publications of the minutes for which the bus
                // remembers them are the same.
                let attempt = u32::try_from(clock::now_ms() & u64::from(u32::MAX)).unwrap_or(u32::MAX);
                bus.publish(&TaskMessage { migration: migration.clone(), attempt, task }).await?;
            }
            Action::StoreLoadProgress(progress) => {
                let key = names::load_progress(migration);
                bus.put(Bucket::Migrations, &key, bus::bytes(&key, &progress)?).await?;
            }
            Action::SetControl(control) => {
                let key = names::control(migration);
                bus.put(Bucket::Control, &key, bus::bytes(&key, &control)?).await?;
            }
            Action::Emit { phase, kind, text, shard } => {
                let event = News::new(clock::now_ms(), phase, kind, text).by(self.identity);
                let event = match shard {
                    Some((index, shard)) => event.of_shard(&index, shard),
                    None => event,
                };
                bus::tell(bus, migration, &event).await?;
            }
            // Whoever carries actions out ends here.
            Action::StartOver => {}
        }
        Ok(())
    }

    async fn forget(&self, shard: ShardId) -> Result<(), BusError> {
        let record = names::shard(self.migration, shard);
        for slice in self.bus.keys(Bucket::Checkpoints, &format!("{record}.")).await? {
            self.bus.delete(Bucket::Checkpoints, &slice).await?;
        }
        self.bus.delete(Bucket::Checkpoints, &record).await
    }
}

fn decode<T: serde::de::DeserializeOwned>(key: &str, entry: &Entry) -> Result<T, BusError> {
    wire::decode(&entry.value).map_err(|source| BusError::Wire { key: key.to_owned(), source })
}

async fn forward(bucket: Bucket, mut watch: Watch, sender: mpsc::Sender<Option<(Bucket, Change)>>) {
    while let Some(change) = watch.recv().await {
        if sender.send(Some((bucket, change))).await.is_err() {
            return;
        }
    }
    if sender.send(None).await.is_err() {
        tracing::debug!("the shell ended before its watch");
    }
}

fn lost_watch(migration: &MigrationName) -> BusError {
    BusError::Unavailable {
        what: format!("the watch of {migration} ended"),
        source: "the connection was lost or the watcher was too slow".into(),
    }
}
