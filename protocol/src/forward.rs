//! Log lines of this process that belong to a migration, handed on to its bus for `migctl output`.
//!
//! In: what is logged at INFO and above by our own crates, where the line or a span around it has the field
//! `migration`; `phase`, `index` and `shard` become labels too. Out: events of the kind `log`.
//! Holds: logging never waits and never fails. While the bus is away, lines wait in a bounded queue; what has no room
//! there is counted, and the count is a line of its own. What the forwarder does is logged outside of every migration,
//! so no line makes another. Of a migration that was removed nothing is said any more.
//! Not here: events proper, which are logged under [`EVENT`] and stand on the bus already (`bus::tell`).

mod layer;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use layer::ForwardLayer;

use crate::bus::{BusError, SharedBus};
use crate::clock;
use crate::event::{Event, LOG, Level};
use crate::ids::MigrationName;
use crate::names::{self, Bucket};

/// Under this name (tracing's target) events are logged.
pub const EVENT: &str = "event";

/// Lines that wait for the bus: a burst, or a minute of a quiet process without a bus; a megabyte at most.
const WAITING_MAX: usize = 1_000;
/// Lines handed on together.
const BATCH_MAX: usize = 100;
/// After a failure of the bus.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long the last lines may take when the process ends.
const LAST_LINES: Duration = Duration::from_secs(2);

/// A layer for the process's log, and what comes out of it.
#[must_use]
pub fn layer() -> (ForwardLayer, Lines) {
    let (sender, lines) = mpsc::channel(WAITING_MAX);
    let dropped = Arc::new(Dropped::default());
    (ForwardLayer::new(sender, Arc::clone(&dropped)), Lines { lines, dropped })
}

/// A line and the migration that it is of.
type Line = (MigrationName, Event);

/// Lines that wait to be handed on. Where they are dropped, nothing is kept.
#[derive(Debug)]
pub struct Lines {
    lines: mpsc::Receiver<Line>,
    dropped: Arc<Dropped>,
}

impl Lines {
    /// Hands them on to `bus` as those of the process `worker`.
    #[must_use]
    pub fn forward(self, bus: SharedBus, worker: &str) -> Forwarder {
        let stop = CancellationToken::new();
        let task = Task { bus, worker: worker.to_owned(), dropped: self.dropped, stop: stop.clone() };
        let mut tasks = JoinSet::new();
        tasks.spawn(task.run(self.lines));
        Forwarder { tasks, stop }
    }
}

/// Lines on their way; they end with it.
#[derive(Debug)]
pub struct Forwarder {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Forwarder {
    /// Hands on what waits still, if the bus takes it soon, and lets go of the bus.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // What can't be said in time is not missed.
        let _ = tokio::time::timeout(LAST_LINES, self.tasks.join_next()).await;
        self.tasks.shutdown().await;
    }
}

/// How many lines of a migration were dropped and not yet told of.
#[derive(Debug, Default)]
struct Dropped(Mutex<BTreeMap<MigrationName, u64>>);

impl Dropped {
    fn count(&self, migration: &MigrationName, lines: u64) {
        // Nothing in here can panic in between.
        let mut dropped = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = dropped.entry(migration.clone()).or_default();
        *count = count.saturating_add(lines);
    }

    fn take(&self, migration: &MigrationName) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(migration).unwrap_or_default()
    }
}

struct Task {
    bus: SharedBus,
    worker: String,
    dropped: Arc<Dropped>,
    stop: CancellationToken,
}

impl Task {
    async fn run(self, mut lines: mpsc::Receiver<Line>) {
        loop {
            let mut batch = Vec::with_capacity(BATCH_MAX);
            tokio::select! {
                biased;
                count = lines.recv_many(&mut batch, BATCH_MAX) => if count == 0 { return },
                // What waits already is still handed on: then there is nothing more, and the loop ends.
                () = self.stop.cancelled(), if !lines.is_closed() => lines.close(),
            }
            let mut by_migration: BTreeMap<MigrationName, Vec<Event>> = BTreeMap::new();
            for (migration, event) in batch {
                by_migration.entry(migration).or_default().push(event);
            }
            for (migration, events) in by_migration {
                self.hand_on(&migration, events).await;
            }
        }
    }

    async fn hand_on(&self, migration: &MigrationName, events: Vec<Event>) {
        match self.is_there(migration).await {
            Some(true) => {}
            // It was removed: whatever were written now, nobody would remove.
            Some(false) => {
                self.dropped.take(migration);
                return;
            }
            None => return self.dropped.count(migration, events.len() as u64),
        }
        // Together, and begun in their order: one by one each would wait for the disk under the bus.
        join_all(events.into_iter().map(|event| self.emit(migration, event.by(&self.worker)))).await;
        let dropped = self.dropped.take(migration);
        if dropped > 0 {
            let text = format!("{dropped} log lines are missing here: the bus was away, or they came too fast");
            self.emit(migration, self.line(text)).await;
        }
    }

    async fn is_there(&self, migration: &MigrationName) -> Option<bool> {
        let spec = names::spec(migration);
        loop {
            match self.bus.get(Bucket::Migrations, &spec).await {
                Ok(found) => return Some(found.is_some()),
                Err(error) => self.wait_after(&error).await?,
            }
        }
    }

    async fn emit(&self, migration: &MigrationName, event: Event) {
        while let Err(error) = self.bus.emit(migration, &event).await {
            if self.wait_after(&error).await.is_none() {
                return self.dropped.count(migration, 1);
            }
        }
    }

    fn line(&self, text: String) -> Event {
        let line = Event { at_ms: clock::now_ms(), kind: LOG.to_owned(), text, level: Level::Warn, ..Event::default() };
        line.by(&self.worker)
    }

    /// Waits until the bus may take it; `None`: it never will, or the process ends.
    async fn wait_after(&self, error: &BusError) -> Option<()> {
        if error.is_transient() {
            return self.stop.run_until_cancelled(tokio::time::sleep(RETRY_AFTER)).await;
        }
        tracing::debug!(%error, "a log line was not taken by the bus");
        None
    }
}
