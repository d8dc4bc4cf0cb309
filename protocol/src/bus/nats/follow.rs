//! Events and log lines as they happen.
//!
//! In: the messages of a migration's events, from a sequence on. Out: what happened, in the order of the stream.
//! Holds: [`Happened::Ready`] comes, also where something is pushed out while it is read. What this build can't read is
//! left out: one message of a newer build must not hide all that follow.

use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, push};
use async_nats::jetstream::context::Context;
use async_nats::jetstream::message::Message;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use super::error::failed;
use crate::bus::{BusError, Happened, Happenings};
use crate::event::Event;
use crate::ids::MigrationName;
use crate::{names, wire};

/// Events handed on that nobody has taken yet.
const HANDED_MAX: usize = 64;

/// How long what is there may pause before it is asked whether there is more.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Follows until nobody reads, the connection is lost, or `cancel`.
pub(super) async fn follow(
    connection: &Connection,
    jetstream: &Context,
    migration: &MigrationName,
    from: u64,
    tasks: &TaskTracker,
    cancel: CancellationToken,
) -> Result<Happenings, BusError> {
    let what = format!("follow the events of {migration}");
    let lost = connection.loss();
    let config = push::OrderedConfig {
        deliver_subject: connection.client.new_inbox(),
        filter_subject: names::event_filter(migration),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from.max(1) },
        ..push::OrderedConfig::default()
    };
    let consumer = jetstream.create_consumer_on_stream(config, names::STREAM_EVENTS).await;
    let consumer = consumer.map_err(|error| failed(&*what, error))?;
    let info = consumer.cached_info();
    let (name, pending) = (info.name.clone(), info.num_pending);
    let messages = consumer.messages().await.map_err(|error| failed(&*what, error))?;
    let (told, happenings) = mpsc::channel(HANDED_MAX);
    let following = Following { jetstream: jetstream.clone(), messages, name, received: 0, pending, told, what };
    tasks.spawn(async move {
        tokio::select! {
            ended = following.run() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "following events ended");
                }
            }
            // Whoever follows goes on from the last one, and so knows that nothing is missing.
            () = lost => {}
            () = cancel.cancelled() => {}
        }
    });
    Ok(happenings)
}

/// Following at work.
struct Following {
    jetstream: Context,
    messages: push::Ordered,
    /// The consumer's name at the server.
    name: String,
    received: u64,
    /// Messages still to come of those that were there.
    pending: u64,
    told: mpsc::Sender<Happened>,
    what: String,
}

impl Following {
    async fn run(mut self) -> Result<(), BusError> {
        while self.pending > 0 {
            match tokio::time::timeout(LOOK_AGAIN, self.next()).await {
                Ok(message) => self.tell(&message?).await?,
                Err(_) => self.count_pending().await?,
            }
        }
        self.hand_on(Happened::Ready).await?;
        loop {
            let told = self.told.clone();
            let message = tokio::select! {
                message = self.next() => message?,
                () = told.closed() => return Ok(()),
            };
            self.tell(&message).await?;
        }
    }

    async fn next(&mut self) -> Result<Message, BusError> {
        let message = self.messages.next().await.ok_or_else(|| failed(&*self.what, "the server ended it"))?;
        message.map_err(|error| failed(&*self.what, error))
    }

    async fn tell(&mut self, message: &Message) -> Result<(), BusError> {
        let info = message.info().map_err(|error| failed(&*self.what, error))?;
        self.received += 1;
        self.pending = info.pending;
        match wire::decode::<Event>(&message.payload) {
            Ok(event) => self.hand_on(Happened::Event(info.stream_sequence, event)).await,
            Err(error) => {
                tracing::warn!(subject = %message.subject, %error, "left out an event that can't be read");
                Ok(())
            }
        }
    }

    async fn hand_on(&mut self, happened: Happened) -> Result<(), BusError> {
        let unread = |_| BusError::Unusable { what: "nobody follows any more".to_owned(), source: None };
        self.told.send(happened).await.map_err(unread)
    }

    /// What was pushed out before its turn came is never sent, and the last count that was sent stays too high.
    async fn count_pending(&mut self) -> Result<(), BusError> {
        let stream = self.jetstream.get_stream_no_info(names::STREAM_EVENTS).await;
        let stream = stream.map_err(|error| failed(&*self.what, error))?;
        let info = stream.consumer_info(&self.name).await.map_err(|error| failed(&*self.what, error))?;
        if info.num_pending == 0 && info.delivered.consumer_sequence == self.received {
            self.pending = 0;
        }
        Ok(())
    }
}
