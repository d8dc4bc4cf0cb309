//! What is written down for people: events and dead letters.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::context::Context;
use futures::StreamExt;
use serde::de::DeserializeOwned;

use super::connection::Connection;
use super::error::{failed, write_failed};
use crate::bus::{BusError, LetterPage};
use crate::event::Event;
use crate::ids::{MigrationName, ShardId};
use crate::names;
use crate::state::DeadLetter;
use crate::wire;

/// Messages asked for at once: dead letters may hold 64 KiB each.
const BATCH: usize = 100;

/// How long the server may take to send the next message of a batch that it has.
const BATCH_EXPIRES: Duration = Duration::from_secs(5);

/// Consumers that were not deleted after a read go by themselves.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// The streams of records.
pub(super) struct Records {
    connection: Connection,
    jetstream: Context,
}

impl Records {
    pub(super) fn new(connection: Connection, jetstream: Context) -> Self {
        Self { connection, jetstream }
    }

    pub(super) async fn emit(&self, migration: &MigrationName, event: &Event) -> Result<(), BusError> {
        let subject = names::event_subject(migration, event);
        let bytes = crate::bus::bytes(&subject, event)?;
        self.append(subject, bytes).await
    }

    pub(super) async fn store_dead_letter(
        &self,
        migration: &MigrationName,
        shard: ShardId,
        letter: &DeadLetter,
    ) -> Result<(), BusError> {
        let subject = names::dead_subject(migration, shard, &letter.segment, letter.doc);
        let bytes = crate::bus::bytes(&subject, letter)?;
        self.append(subject, bytes).await
    }

    async fn append(&self, subject: String, bytes: Vec<u8>) -> Result<(), BusError> {
        let (len, max) = (bytes.len(), self.connection.client.server_info().max_payload);
        let stored = match self.jetstream.publish(subject.clone(), bytes.into()).await {
            Ok(sent) => sent.await,
            Err(error) => Err(error),
        };
        stored.map(|_| ()).map_err(|error| write_failed(&subject, len, max, error))
    }

    pub(super) async fn events(&self, migration: &MigrationName, limit: usize) -> Result<Vec<Event>, BusError> {
        let what = format!("read the events of {migration}");
        let stream = self.jetstream.get_stream(names::STREAM_EVENTS).await.map_err(|error| failed(&*what, error))?;
        let (first, last) = (stream.cached_info().state.first_sequence, stream.cached_info().state.last_sequence);
        let filter = names::proper_event_filter(migration);
        // The stream holds all migrations: from how far back the newest ones of this one must be read is found by
        // going back in growing steps.
        let mut back = limit as u64;
        loop {
            let start = last.saturating_add(1).saturating_sub(back).max(first).max(1);
            let policy = DeliverPolicy::ByStartSequence { start_sequence: start };
            let (consumer, count) = self.reader(names::STREAM_EVENTS, filter.clone(), policy, &what).await?;
            let enough = start <= first.max(1) || count >= limit as u64;
            let events = if enough { self.read(&consumer, count, &what).await } else { Ok(Vec::new()) };
            self.discard(names::STREAM_EVENTS, &consumer).await;
            let mut events: Vec<Event> = events?;
            if enough {
                events.drain(..events.len().saturating_sub(limit));
                return Ok(events);
            }
            back = back.saturating_mul(16);
        }
    }

    pub(super) async fn dead_letters(
        &self,
        migration: &MigrationName,
        from: u64,
        limit: usize,
    ) -> Result<LetterPage, BusError> {
        let what = format!("read the dead letters of {migration}");
        let filter = names::dead_filter(migration);
        let policy = match from {
            0 => DeliverPolicy::All,
            start_sequence => DeliverPolicy::ByStartSequence { start_sequence },
        };
        let (consumer, count) = self.reader(names::STREAM_DEAD, filter, policy, &what).await?;
        let read = self.read_numbered(&consumer, count.min(limit as u64), &what).await;
        self.discard(names::STREAM_DEAD, &consumer).await;
        let read = read?;
        let last = read.last().map(|(sequence, _)| *sequence).filter(|_| count > read.len() as u64);
        let letters = read.into_iter().map(|(_, letter)| letter).collect();
        Ok(LetterPage { count, letters, next: last.map(|last| last.saturating_add(1)) })
    }

    pub(super) async fn purge_dead_letters(&self, migration: &MigrationName) -> Result<(), BusError> {
        let what = format!("delete the dead letters of {migration}");
        self.purge(names::STREAM_DEAD, names::dead_filter(migration), &what).await
    }

    pub(super) async fn purge_events(&self, migration: &MigrationName) -> Result<(), BusError> {
        let what = format!("delete the events of {migration}");
        self.purge(names::STREAM_EVENTS, names::event_filter(migration), &what).await
    }

    async fn purge(&self, stream: &str, filter: String, what: &str) -> Result<(), BusError> {
        let stream = self.jetstream.get_stream_no_info(stream).await.map_err(|error| failed(what, error))?;
        stream.purge().filter(filter).await.map_err(|error| failed(what, error))?;
        Ok(())
    }

    /// A consumer for one read, and how many messages it has.
    async fn reader(
        &self,
        stream: &str,
        filter_subject: String,
        deliver_policy: DeliverPolicy,
        what: &str,
    ) -> Result<(PullConsumer, u64), BusError> {
        let config = pull::Config {
            deliver_policy,
            filter_subject,
            ack_policy: AckPolicy::None,
            inactive_threshold: IDLE_MAX,
            memory_storage: true,
            ..pull::Config::default()
        };
        let consumer = self.jetstream.create_consumer_on_stream(config, stream).await;
        let consumer: PullConsumer = consumer.map_err(|error| failed(what, error))?;
        let count = consumer.cached_info().num_pending;
        Ok((consumer, count))
    }

    /// The first `count` messages, or fewer where some went meanwhile.
    async fn read<T: DeserializeOwned>(
        &self,
        consumer: &PullConsumer,
        count: u64,
        what: &str,
    ) -> Result<Vec<T>, BusError> {
        let read = self.read_numbered(consumer, count, what).await?;
        Ok(read.into_iter().map(|(_, record)| record).collect())
    }

    /// The same with the sequence of each in the stream.
    async fn read_numbered<T: DeserializeOwned>(
        &self,
        consumer: &PullConsumer,
        count: u64,
        what: &str,
    ) -> Result<Vec<(u64, T)>, BusError> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let mut records = Vec::new();
        while records.len() < count {
            let wanted = (count - records.len()).min(BATCH);
            let batch = consumer.fetch().max_messages(wanted).expires(BATCH_EXPIRES).messages().await;
            let mut batch = batch.map_err(|error| failed(what, error))?;
            let before = records.len();
            while let Some(message) = batch.next().await {
                let message = message.map_err(|error| failed(what, error))?;
                let sequence = message.info().map_err(|error| failed(what, error))?.stream_sequence;
                let decoded = wire::decode(&message.payload);
                let record = decoded.map_err(|source| BusError::Wire { key: message.subject.to_string(), source })?;
                records.push((sequence, record));
            }
            if records.len() == before {
                break;
            }
        }
        Ok(records)
    }

    async fn discard(&self, stream: &str, consumer: &PullConsumer) {
        // It would go by itself; this only keeps a board that reads every second from piling them up.
        let _ = self.jetstream.delete_consumer_from_stream(&consumer.cached_info().name, stream).await;
    }
}
