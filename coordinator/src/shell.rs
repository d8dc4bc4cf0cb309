//! The thin shell around the machine: reads the bus, steps, stores, publishes.
//!
//! In: the keys of one migration, watched. Out: what the machine says, carried out in its order. Watches only bring
//! news; when one ends, or somebody else wrote the state, everything is read again from the start.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::bus::{self, Bus, BusError, Change, Entry, SharedBus, Watch};
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::plan::{InventoryIndex, InventoryPage};
use protocol::state::{Event as News, WorkerStatus};
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

/// Why a round of driving ended.
enum End {
    /// Cancelled.
    Cancelled,
    /// Everything is to be read again.
    Again(BusError),
}

/// Drives one migration until cancelled; errors of the bus are waited out.
///
/// # Errors
/// What no waiting mends: bytes on the bus that are no message of ours, a bus that can't be used.
pub async fn drive(bus: SharedBus, migration: MigrationName, cancel: CancellationToken) -> Result<(), BusError> {
    loop {
        match Shell::open(&*bus, &migration).await {
            Ok(mut shell) => match shell.run(&cancel).await {
                End::Cancelled => return Ok(()),
                End::Again(error) => recoverable(error, &migration)?,
            },
            Err(error) => recoverable(error, &migration)?,
        }
        if cancel.run_until_cancelled(tokio::time::sleep(RETRY_AFTER)).await.is_none() {
            return Ok(());
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
    machine: Machine,
    state_revision: Option<u64>,
    inventory: BTreeMap<u32, InventoryPage>,
    workers: BTreeMap<String, u32>,
    /// How many watches bring news.
    watches: usize,
    /// `None`: a watch ended.
    news: mpsc::Receiver<Option<(Bucket, Change)>>,
    // Owns the forwarders: they end with it.
    _forwarders: tokio::task::JoinSet<()>,
}

impl<'a> Shell<'a> {
    async fn open(bus: &'a dyn Bus, migration: &'a MigrationName) -> Result<Self, BusError> {
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
            machine: Machine::default(),
            state_revision: None,
            inventory: BTreeMap::new(),
            workers: BTreeMap::new(),
            watches: forwarders.len(),
            news,
            _forwarders: forwarders,
        })
    }

    async fn run(&mut self, cancel: &CancellationToken) -> End {
        match cancel.run_until_cancelled(self.follow()).await {
            None => End::Cancelled,
            Some(error) => End::Again(error),
        }
    }

    /// Follows the news until the bus fails.
    async fn follow(&mut self) -> BusError {
        let mut not_ready = self.watches;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                count = self.news.recv_many(&mut batch, NEWS_AT_ONCE) => {
                    if count == 0 {
                        return lost_watch(self.migration);
                    }
                }
                _ = tick.tick() => {}
            }
            let mut events = vec![Event::Tick];
            for news in batch.drain(..) {
                let Some((bucket, change)) = news else { return lost_watch(self.migration) };
                match change {
                    Change::Ready => {
                        not_ready = not_ready.saturating_sub(1);
                        if not_ready == 0 {
                            events.push(Event::Ready);
                        }
                    }
                    Change::Put(key, entry) => match self.read(bucket, &key, Some(&entry)) {
                        Ok(event) => events.extend(event),
                        Err(error) => return error,
                    },
                    Change::Deleted(key) => match self.read(bucket, &key, None) {
                        Ok(event) => events.extend(event),
                        Err(error) => return error,
                    },
                }
            }
            for action in self.machine.step(events, clock::now_ms()) {
                if let Err(error) = self.act(action).await {
                    return error;
                }
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
                let approval = entry.map(|entry| decode(key, entry)).transpose()?;
                Ok(phase.map(|phase| Event::Decision(phase, approval)))
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
            // A deleted checkpoint is one of a finished shard; nothing else is ever deleted under a running migration.
            (_, None) | (Bucket::Control | Bucket::Leader | Bucket::Audit, Some(_)) => Ok(None),
        }
    }

    fn read_migration_key(&mut self, key: &str, entry: &Entry) -> Result<Option<Event>, BusError> {
        let migration = self.migration;
        if key == names::spec(migration) {
            return Ok(Some(Event::Submission(decode(key, entry)?)));
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
        if let Some(page) = names::parse_inventory(migration, key) {
            self.inventory.insert(page, decode(key, entry)?);
            return Ok(whole_inventory(&self.inventory).map(Event::Inventory));
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
                // Seconds since 1970: grows with every publication, and is the same when one publication is retried.
                let attempt = u32::try_from(clock::now_ms() / 1_000).unwrap_or(u32::MAX);
                bus.publish(&TaskMessage { migration: migration.clone(), attempt, task }).await?;
            }
            Action::SetControl(control) => {
                let key = names::control(migration);
                bus.put(Bucket::Control, &key, bus::bytes(&key, &control)?).await?;
            }
            Action::Emit { phase, kind, text } => {
                tracing::info!(%migration, %phase, kind, "{text}");
                let event = News { at_ms: clock::now_ms(), phase, kind: kind.to_owned(), text };
                bus.emit(migration, &event).await?;
            }
        }
        Ok(())
    }
}

/// The inventory, once every page of it is there.
fn whole_inventory(pages: &BTreeMap<u32, InventoryPage>) -> Option<Vec<InventoryIndex>> {
    let expected = pages.values().next()?.pages;
    let all = u32::try_from(pages.len()).ok()? == expected;
    all.then(|| pages.values().flat_map(|page| page.indices.iter().cloned()).collect())
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
