//! A watch of keys: what is there, that this is all, and what happens then.
//!
//! In: the messages of a bucket, the last of every key first. Out: changes.
//! Holds: [`Change::Ready`] comes, also where there is nothing and where something goes while it is read. A value
//! that dies of its age is told although the server says nothing of it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, push};
use async_nats::jetstream::kv::{Operation, Store};
use async_nats::jetstream::message::Message;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::error::failed;
use super::keys::current;
use crate::bus::{BusError, Change, Entry};
use crate::clock;

/// How long the first values may pause before it is asked whether there are more; and how soon a value that should be
/// dead is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Header of a mark that says what happened to the key.
const OPERATION: &str = "KV-Operation";

/// Header of a mark that the server made by itself.
const MARK_REASON: &str = "Nats-Marker-Reason";

/// A message of a bucket.
pub(super) struct Seen {
    pub(super) key: String,
    pub(super) operation: Operation,
    entry: Entry,
    /// How many follow that were there already.
    pending: u64,
    /// Since when it is there, by the server's clock, in milliseconds since 1970.
    written_ms: u64,
}

impl Seen {
    fn of(message: &Message, store: &Store) -> Result<Self, BusError> {
        let what = || format!("read the message {}", message.subject);
        let key = message.subject.strip_prefix(&*store.prefix).ok_or_else(|| failed(what(), "it is no key's"))?;
        let info = message.info().map_err(|error| failed(what(), error))?;
        let header = |name: &str| message.headers.as_ref().and_then(|headers| headers.get(name));
        let operation = match header(OPERATION) {
            Some(operation) => operation.as_str().parse().unwrap_or(Operation::Put),
            None if header(MARK_REASON).is_some() => Operation::Purge,
            None => Operation::Put,
        };
        let written_ms = info.published.unix_timestamp_nanos() / 1_000_000;
        Ok(Self {
            key: key.to_owned(),
            operation,
            entry: Entry { revision: info.stream_sequence, value: message.payload.to_vec() },
            pending: info.pending,
            written_ms: u64::try_from(written_ms).unwrap_or_default(),
        })
    }
}

/// The last message of every key that begins with a prefix, then what follows.
pub(super) struct LastOfEach {
    store: Store,
    messages: push::Ordered,
    /// The consumer's name at the server.
    consumer: String,
    received: u64,
    /// Messages still to come of those that were there.
    pending: u64,
}

impl LastOfEach {
    /// Begins to read, by way of the subject `inbox`; `prefix` ends with a dot or is empty.
    pub(super) async fn read(store: &Store, inbox: String, prefix: &str, headers_only: bool) -> Result<Self, BusError> {
        let what = || format!("read the keys {prefix}* of {}", store.name);
        let config = push::OrderedConfig {
            deliver_subject: inbox,
            filter_subject: format!("{}{prefix}>", store.prefix),
            deliver_policy: DeliverPolicy::LastPerSubject,
            headers_only,
            ..push::OrderedConfig::default()
        };
        let consumer = store.stream.create_consumer(config).await.map_err(|error| failed(what(), error))?;
        let info = consumer.cached_info();
        let (name, pending) = (info.name.clone(), info.num_pending);
        let messages = consumer.messages().await.map_err(|error| failed(what(), error))?;
        Ok(Self { store: store.clone(), messages, consumer: name, received: 0, pending })
    }

    /// The next message of those that were there; `None` after the last.
    pub(super) async fn next_initial(&mut self) -> Result<Option<Seen>, BusError> {
        while self.pending > 0 {
            match tokio::time::timeout(LOOK_AGAIN, self.next()).await {
                Ok(seen) => return seen.map(Some),
                Err(_) => self.count_pending().await?,
            }
        }
        Ok(None)
    }

    /// The next message, whenever it comes.
    async fn next(&mut self) -> Result<Seen, BusError> {
        let what = || format!("follow the keys of {}", self.store.name);
        let message = self.messages.next().await.ok_or_else(|| failed(what(), "the server ended it"))?;
        let message = message.map_err(|error| failed(what(), error))?;
        let seen = Seen::of(&message, &self.store)?;
        self.received += 1;
        self.pending = seen.pending;
        Ok(seen)
    }

    /// What died of its age before its turn came is never sent, and the last count that was sent stays too high.
    async fn count_pending(&mut self) -> Result<(), BusError> {
        let what = || format!("follow the keys of {}", self.store.name);
        let info = self.store.stream.consumer_info(&self.consumer).await.map_err(|error| failed(what(), error))?;
        if info.num_pending == 0 && info.delivered.consumer_sequence == self.received {
            self.pending = 0;
        }
        Ok(())
    }
}

/// A watch at work.
pub(super) struct Following {
    last: LastOfEach,
    ttl: Option<Duration>,
    changes: mpsc::Sender<Change>,
    /// When values die, by key, where they do.
    deaths: BTreeMap<String, Instant>,
}

impl Following {
    pub(super) fn new(last: LastOfEach, ttl: Option<Duration>, changes: mpsc::Sender<Change>) -> Self {
        Self { last, ttl, changes, deaths: BTreeMap::new() }
    }

    /// Hands on changes until nobody takes them or something is wrong.
    pub(super) async fn run(mut self) -> Result<(), BusError> {
        while let Some(seen) = self.last.next_initial().await? {
            // A mark that was there before the watch is nothing that happened.
            if seen.operation == Operation::Put {
                let put = self.put(seen);
                self.tell(put).await?;
            }
        }
        self.tell(Change::Ready).await?;
        loop {
            if let Some(change) = self.next().await? {
                self.tell(change).await?;
            }
        }
    }

    /// The next thing that happens; `None` where it was nothing.
    async fn next(&mut self) -> Result<Option<Change>, BusError> {
        let death = self.deaths.iter().min_by_key(|(_, at)| **at).map(|(key, at)| (key.clone(), *at));
        let death = async {
            match death {
                Some((key, at)) => {
                    tokio::time::sleep_until(at).await;
                    key
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            seen = self.last.next() => {
                let seen = seen?;
                if seen.operation == Operation::Put {
                    return Ok(Some(self.put(seen)));
                }
                let untold = self.deaths.remove(&seen.key).is_some() || self.ttl.is_none();
                Ok(untold.then_some(Change::Deleted(seen.key)))
            }
            key = death => self.look_after(key).await,
            () = self.changes.closed() => Err(unwatched()),
        }
    }

    fn put(&mut self, seen: Seen) -> Change {
        if let Some(ttl) = self.ttl {
            let age = Duration::from_millis(clock::now_ms().saturating_sub(seen.written_ms));
            self.deaths.insert(seen.key.clone(), Instant::now() + ttl.saturating_sub(age));
        }
        Change::Put(seen.key, seen.entry)
    }

    /// Tells of a value's death, if it is dead: our clock and the server's may differ.
    async fn look_after(&mut self, key: String) -> Result<Option<Change>, BusError> {
        if current(&self.last.store, &key).await?.is_some() {
            self.deaths.insert(key, Instant::now() + LOOK_AGAIN);
            return Ok(None);
        }
        self.deaths.remove(&key);
        Ok(Some(Change::Deleted(key)))
    }

    async fn tell(&mut self, change: Change) -> Result<(), BusError> {
        self.changes.send(change).await.map_err(|_| unwatched())
    }
}

/// Ends a watch that nobody reads.
fn unwatched() -> BusError {
    BusError::Unusable { what: "nobody watches any more".to_owned(), source: None }
}
