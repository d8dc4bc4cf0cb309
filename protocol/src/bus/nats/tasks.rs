//! The queue: a work queue stream, and a durable pull consumer per migration and class.
//!
//! In: tasks, pulls, and what workers say of the tasks they hold. Out: one task per pull, never more, because what a
//! client took ahead waits a full ack deadline when that client dies.
//! Holds: a message that can't be read reaches no worker: a newer build's is left for newer workers, garbage goes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::Context;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{AckKind, Message};
use async_trait::async_trait;
use futures::StreamExt;
use tokio::time::Instant;

use super::TIMEOUT;
use super::connection::Connection;
use super::error::{failed, is_no_consumer, is_one_per_subject, write_failed};
use crate::bus::{BusError, Delivery, Published, Receipt};
use crate::ids::MigrationName;
use crate::names;
use crate::task::{TaskClass, TaskMessage};
use crate::wire::{self, WireError};

/// Pulls that may wait at the server at once, per migration and class: one per idle slot.
const WAITING_MAX: i64 = 8_192;

/// The shortest pull: the server takes no zero.
const PULL_MIN: Duration = Duration::from_millis(20);

/// How often a pull looks whether there are tasks, before the first ones.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// After how long a message of a newer build is offered again, to whoever is there then.
const NEWER_DELAY: Duration = Duration::from_secs(10);

/// The queue.
pub(super) struct Tasks {
    connection: Connection,
    jetstream: Context,
    ack_wait: Duration,
    consumers: Mutex<HashMap<(MigrationName, TaskClass), Arc<PullConsumer>>>,
}

impl Tasks {
    pub(super) fn new(connection: Connection, jetstream: Context, ack_wait: Duration) -> Self {
        Self { connection, jetstream, ack_wait, consumers: Mutex::default() }
    }

    /// Puts a task into its queue.
    pub(super) async fn publish(&self, message: &TaskMessage) -> Result<Published, BusError> {
        let subject = names::task_subject(&message.migration, &message.task);
        let payload = crate::bus::bytes(&subject, message)?;
        let (len, max) = (payload.len(), self.connection.client.server_info().max_payload);
        let id = format!("{subject}#{}", message.attempt);
        let publish = PublishMessage::build().payload(payload.into()).message_id(id);
        let publish = publish.expected_stream(names::STREAM_TASKS);
        let acknowledged = match self.jetstream.send_publish(subject.clone(), publish).await {
            Ok(sent) => sent.await,
            Err(error) => Err(error),
        };
        match acknowledged {
            Ok(ack) if ack.duplicate => Ok(Published::Already),
            Ok(_) => Ok(Published::New),
            Err(error) if is_one_per_subject(&error) => Ok(Published::Already),
            Err(error) => Err(write_failed(&subject, len, max, error)),
        }
    }

    /// Takes one task, waiting up to `wait` for it.
    pub(super) async fn pull(
        &self,
        migration: &MigrationName,
        class: TaskClass,
        wait: Duration,
    ) -> Result<Option<Delivery>, BusError> {
        let give_up_at = Instant::now() + wait;
        loop {
            let left = give_up_at.saturating_duration_since(Instant::now());
            if let Some(message) = self.next(migration, class, left.max(PULL_MIN)).await?
                && let Some(delivery) = self.readable(message).await?
            {
                return Ok(Some(delivery));
            }
            if Instant::now() >= give_up_at {
                return Ok(None);
            }
        }
    }

    async fn next(
        &self,
        migration: &MigrationName,
        class: TaskClass,
        wait: Duration,
    ) -> Result<Option<Message>, BusError> {
        let what = || format!("pull {} tasks of {migration}", class.as_str());
        let lost = self.connection.loss();
        if !self.connection.is_up() {
            return Err(failed(what(), "the connection is lost"));
        }
        let take = async {
            let Some(consumer) = self.consumer(migration, class).await? else {
                tokio::time::sleep(wait.min(LOOK_AGAIN)).await;
                return Ok(None);
            };
            let batch = consumer.batch().max_messages(1).expires(wait).messages().await;
            let message = batch.map_err(|error| failed(what(), error))?.next().await.transpose();
            message.map_err(|error| failed(what(), error))
        };
        let taken = tokio::select! {
            taken = take => taken,
            () = lost => Err(failed(what(), "the connection is lost")),
        };
        if taken.is_err() {
            // The server may have lost it as well.
            self.forget(migration, class);
        }
        taken
    }

    /// The consumer of a class. It is made where there are tasks and it isn't: one who asks a moment longer for the tasks
    /// of a migration that was removed doesn't bring its consumer back.
    async fn consumer(
        &self,
        migration: &MigrationName,
        class: TaskClass,
    ) -> Result<Option<Arc<PullConsumer>>, BusError> {
        let key = (migration.clone(), class);
        if let Some(consumer) = self.consumers.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Some(Arc::clone(consumer)));
        }
        if !self.has_tasks(migration).await? {
            return Ok(None);
        }
        let name = names::consumer(migration, class);
        let config = pull::Config {
            durable_name: Some(name.clone()),
            filter_subjects: names::task_filters(migration, class),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            // Attempts are counted where they can be seen: in the checkpoint.
            max_deliver: -1,
            // As many as there are slots.
            max_ack_pending: -1,
            max_waiting: WAITING_MAX,
            ..pull::Config::default()
        };
        let made = self.jetstream.create_consumer_on_stream(config, names::STREAM_TASKS).await;
        let made = Arc::new(made.map_err(|error| failed(format!("make the consumer {name}"), error))?);
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&made));
        Ok(Some(made))
    }

    async fn has_tasks(&self, migration: &MigrationName) -> Result<bool, BusError> {
        let what = || format!("look for tasks of {migration}");
        let stream = self.jetstream.get_stream_no_info(names::STREAM_TASKS).await;
        let stream = stream.map_err(|error| failed(what(), error))?;
        let info = stream.info_with_subjects(names::task_filter(migration)).await;
        let mut subjects = info.map_err(|error| failed(what(), error))?;
        let first = subjects.next().await.transpose();
        Ok(first.map_err(|error| failed(what(), error))?.is_some())
    }

    /// Removes the consumers of a migration.
    pub(super) async fn remove_consumers(&self, migration: &MigrationName) -> Result<(), BusError> {
        for class in TaskClass::ALL {
            self.forget(migration, class);
            let name = names::consumer(migration, class);
            match self.jetstream.delete_consumer_from_stream(&name, names::STREAM_TASKS).await {
                Ok(_) => {}
                Err(error) if is_no_consumer(&error) => {}
                Err(error) => return Err(failed(format!("remove the consumer {name}"), error)),
            }
        }
        Ok(())
    }

    fn forget(&self, migration: &MigrationName, class: TaskClass) {
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner).remove(&(migration.clone(), class));
    }

    /// The delivery of a message that this build reads.
    async fn readable(&self, message: Message) -> Result<Option<Delivery>, BusError> {
        let subject = message.subject.to_string();
        let info = message.info().map_err(|error| failed(format!("read the delivery of {subject}"), error))?;
        let delivered = u64::try_from(info.delivered).unwrap_or(1);
        let reply = message.reply.as_ref().map(ToString::to_string).unwrap_or_default();
        let receipt = Held { client: self.connection.client.clone(), reply, subject: subject.clone() };
        match wire::decode::<TaskMessage>(&message.payload) {
            Ok(task) if names::task_subject(&task.migration, &task.task) == subject => {
                Ok(Some(Delivery { message: task, delivered, receipt: Box::new(receipt) }))
            }
            Err(WireError::Newer { found }) => {
                tracing::warn!(subject, found, "left a task of a newer migctl for a newer worker");
                receipt.say(AckKind::Nak(Some(NEWER_DELAY)), "give back").await?;
                Ok(None)
            }
            Ok(_) => {
                tracing::error!(subject, "removed a task that belongs under another subject");
                receipt.say(AckKind::Term, "remove").await?;
                Ok(None)
            }
            Err(error) => {
                tracing::error!(subject, %error, "removed a message that is no task");
                receipt.say(AckKind::Term, "remove").await?;
                Ok(None)
            }
        }
    }

    /// Drops every task of a migration.
    pub(super) async fn purge(&self, migration: &MigrationName) -> Result<(), BusError> {
        let what = || format!("drop the tasks of {migration}");
        let stream = self.jetstream.get_stream_no_info(names::STREAM_TASKS).await;
        let stream = stream.map_err(|error| failed(what(), error))?;
        for filter in TaskClass::ALL.into_iter().flat_map(|class| names::task_filters(migration, class)) {
            stream.purge().filter(filter).await.map_err(|error| failed(what(), error))?;
        }
        Ok(())
    }
}

/// One delivery of a task.
struct Held {
    client: Client,
    reply: String,
    subject: String,
}

impl Held {
    /// Says it as a request: a server that is not there, or has lost the consumer, is noticed.
    async fn say(&self, kind: AckKind, verb: &str) -> Result<(), BusError> {
        let request = async_nats::Request::new().payload(kind.into()).timeout(Some(TIMEOUT));
        let answered = self.client.send_request(self.reply.clone(), request).await;
        answered.map(|_| ()).map_err(|error| failed(format!("{verb} {}", self.subject), error))
    }
}

#[async_trait]
impl Receipt for Held {
    async fn ack(&self) -> Result<(), BusError> {
        self.say(AckKind::Ack, "acknowledge").await
    }

    async fn progress(&self) -> Result<(), BusError> {
        self.say(AckKind::Progress, "keep").await
    }

    async fn nak(&self, delay: Duration) -> Result<(), BusError> {
        self.say(AckKind::Nak(Some(delay)), "give back").await
    }
}
