//! Says how far a command is, for people only: what can't be said is not missed.

use std::sync::atomic::{AtomicU64, Ordering};

use protocol::bus;
use protocol::clock;
use protocol::event::Event;
use protocol::names::{self, Bucket};
use protocol::state::Progress;
use protocol::task::Command;

use crate::context::{Context, Migration};

/// Between two events of the same command that only say how far it is.
const EVENT_EVERY_MS: u64 = 60_000;

/// The voice of one command under way.
pub struct Reporter<'a> {
    context: &'a Context,
    migration: &'a Migration,
    command: Command,
    started_ms: u64,
    event_ms: AtomicU64,
}

impl<'a> Reporter<'a> {
    /// Begins now.
    #[must_use]
    pub fn new(context: &'a Context, migration: &'a Migration, command: Command) -> Self {
        let started_ms = clock::now_ms();
        Self { context, migration, command, started_ms, event_ms: AtomicU64::new(started_ms) }
    }

    /// How far it is: kept for whoever asks, and once a minute also an event.
    pub async fn tell(&self, text: &str, done_bytes: u64, total_bytes: u64) {
        let at_ms = clock::now_ms();
        let progress = Progress {
            submission: self.migration.submission,
            at_ms,
            started_ms: self.started_ms,
            text: text.to_owned(),
            done_bytes,
            total_bytes,
        };
        let key = names::progress(&self.migration.name, self.command);
        let stored = match bus::bytes(&key, &progress) {
            Ok(value) => self.context.bus.put(Bucket::Migrations, &key, value).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            tracing::debug!(error = &error as &dyn std::error::Error, "say how far a command is");
        }
        if at_ms.saturating_sub(self.event_ms.load(Ordering::Relaxed)) >= EVENT_EVERY_MS {
            self.event("progress", text).await;
        }
    }

    /// Something happened.
    pub async fn event(&self, kind: &str, text: &str) {
        let at_ms = clock::now_ms();
        self.event_ms.store(at_ms, Ordering::Relaxed);
        let Some(phase) = self.command.phase() else { return };
        let event = Event::new(at_ms, phase, kind, text).by(self.context.worker.as_str());
        if let Err(error) = bus::tell(&*self.context.bus, &self.migration.name, &event).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "say that something happened");
        }
    }
}
