//! A run's bus, seen from another process over its local socket.
//!
//! In: the folder of a migration whose run is alive. Out: its keys, events and dead letters.
//! Holds: every call is a connection of its own, so nothing is left half said when the run ends: the call fails as
//! [`BusError::Unavailable`], a watch ends.
//! Not here: tasks. Only the run itself works on them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::frame::{self, Call, FrameError, Refusal, Reply, Request};
use super::{REMOTE_TIMEOUT, changes, events, files};
use crate::bus::{Bus, BusError, Change, Delivery, Entry, Happened, Happenings, LetterPage, Published, Watch};
use crate::event::Event;
use crate::ids::{MigrationName, ShardId};
use crate::names::Bucket;
use crate::state::DeadLetter;
use crate::task::{TaskClass, TaskMessage};

/// The bus of a run in another process.
#[derive(Debug)]
pub struct RemoteBus {
    dir: PathBuf,
    watches: TaskTracker,
}

impl RemoteBus {
    /// Connects to the run that has `dir` in use.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] where there is none.
    pub async fn connect(dir: &Path) -> Result<Self, BusError> {
        let remote = Self { dir: dir.to_owned(), watches: TaskTracker::new() };
        remote.call(Call::Hello).await?;
        Ok(remote)
    }

    /// All replies to a call.
    async fn call(&self, call: Call) -> Result<Vec<Reply>, BusError> {
        let mut stream = self.ask(&Request::Call(call)).await?;
        let mut replies = Vec::new();
        while let Some(reply) = self.reply(&mut stream).await? {
            replies.push(reply);
        }
        Ok(replies)
    }

    async fn ask(&self, request: &Request) -> Result<UnixStream, BusError> {
        let ask = async {
            let mut stream = files::connect(&self.dir).await?;
            frame::send(&mut stream, request).await?;
            Ok(stream)
        };
        self.in_time(ask).await
    }

    /// The next reply; `None` after the last.
    async fn reply(&self, stream: &mut UnixStream) -> Result<Option<Reply>, BusError> {
        match self.in_time(frame::receive(stream)).await? {
            Reply::Done => Ok(None),
            Reply::Refused(refusal) => Err(refusal.into()),
            reply => Ok(Some(reply)),
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, FrameError>>) -> Result<T, BusError> {
        let failed = |source| BusError::Unavailable { what: format!("the run in {}", self.dir.display()), source };
        match tokio::time::timeout(REMOTE_TIMEOUT, work).await {
            Ok(done) => done.map_err(|error| failed(error.into())),
            Err(elapsed) => Err(failed(elapsed.into())),
        }
    }

    async fn revision(&self, call: Call) -> Result<u64, BusError> {
        match self.call(call).await?.as_slice() {
            [Reply::Revision(revision)] => Ok(*revision),
            _ => Err(unexpected()),
        }
    }

    fn only_the_run<T>(&self, what: &str) -> Result<T, BusError> {
        let what = format!("only the run in {} itself {what}", self.dir.display());
        Err(BusError::Unusable { what, source: None })
    }
}

fn unexpected() -> BusError {
    let what = "the run answers something else than was asked: is it another version of migctl?".to_owned();
    BusError::Unusable { what, source: None }
}

fn name(bucket: Bucket) -> String {
    bucket.as_str().to_owned()
}

#[async_trait]
impl Bus for RemoteBus {
    async fn publish(&self, _message: &TaskMessage) -> Result<Published, BusError> {
        self.only_the_run("publishes tasks")
    }

    async fn pull(
        &self,
        _migration: &MigrationName,
        _class: TaskClass,
        _wait: Duration,
    ) -> Result<Option<Delivery>, BusError> {
        self.only_the_run("works on tasks")
    }

    async fn purge_tasks(&self, _migration: &MigrationName) -> Result<(), BusError> {
        self.only_the_run("drops tasks")
    }

    async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, BusError> {
        let replies = self.call(Call::Get { bucket: name(bucket), key: key.to_owned() }).await?;
        match replies.into_iter().next() {
            None => Ok(None),
            Some(Reply::Value { revision, value, .. }) => Ok(Some(Entry { revision, value })),
            Some(_) => Err(unexpected()),
        }
    }

    async fn create(&self, bucket: Bucket, key: &str, value: Vec<u8>) -> Result<u64, BusError> {
        self.revision(Call::Create { bucket: name(bucket), key: key.to_owned(), value }).await
    }

    async fn update(&self, bucket: Bucket, key: &str, value: Vec<u8>, revision: u64) -> Result<u64, BusError> {
        self.revision(Call::Update { bucket: name(bucket), key: key.to_owned(), value, revision }).await
    }

    async fn put(&self, bucket: Bucket, key: &str, value: Vec<u8>) -> Result<u64, BusError> {
        self.revision(Call::Put { bucket: name(bucket), key: key.to_owned(), value }).await
    }

    async fn delete(&self, bucket: Bucket, key: &str) -> Result<(), BusError> {
        self.call(Call::Delete { bucket: name(bucket), key: key.to_owned() }).await.map(|_| ())
    }

    async fn keys(&self, bucket: Bucket, prefix: &str) -> Result<Vec<String>, BusError> {
        let replies = self.call(Call::Keys { bucket: name(bucket), prefix: prefix.to_owned() }).await?;
        let parts = replies.into_iter().map(|reply| match reply {
            Reply::Keys(keys) => Ok(keys),
            _ => Err(unexpected()),
        });
        Ok(parts.collect::<Result<Vec<_>, _>>()?.concat())
    }

    async fn watch(&self, bucket: Bucket, prefix: &str) -> Result<Watch, BusError> {
        let request = Request::Watch { bucket: name(bucket), prefix: prefix.to_owned() };
        let stream = self.ask(&request).await?;
        let (changes, watch) = changes::Listener::channel();
        self.watches.spawn(listen(stream, changes, |reply| match reply {
            Reply::Value { key, revision, value } => Some(Change::Put(key, Entry { revision, value })),
            Reply::Deleted(key) => Some(Change::Deleted(key)),
            Reply::Ready => Some(Change::Ready),
            _ => None,
        }));
        Ok(watch)
    }

    async fn emit(&self, migration: &MigrationName, event: &Event) -> Result<(), BusError> {
        self.call(Call::Emit { migration: migration.clone(), event: event.clone() }).await.map(|_| ())
    }

    async fn events(&self, migration: &MigrationName, limit: usize) -> Result<Vec<Event>, BusError> {
        let replies = self.call(Call::Events { migration: migration.clone(), limit: limit as u64 }).await?;
        let event = |reply| match reply {
            Reply::Event(event) => Ok(event),
            _ => Err(unexpected()),
        };
        replies.into_iter().map(event).collect()
    }

    async fn follow(&self, migration: &MigrationName, from: u64) -> Result<Happenings, BusError> {
        let stream = self.ask(&Request::Follow { migration: migration.clone(), from }).await?;
        let (told, happenings) = events::channel();
        self.watches.spawn(listen(stream, told, |reply| match reply {
            Reply::Happened { place, event } => Some(Happened::Event(place, event)),
            Reply::Ready => Some(Happened::Ready),
            _ => None,
        }));
        Ok(happenings)
    }

    async fn store_dead_letter(
        &self,
        _migration: &MigrationName,
        _shard: ShardId,
        _letter: &DeadLetter,
    ) -> Result<(), BusError> {
        self.only_the_run("stores dead letters")
    }

    async fn dead_letters(&self, migration: &MigrationName, from: u64, limit: usize) -> Result<LetterPage, BusError> {
        let call = Call::DeadLetters { migration: migration.clone(), from, limit: limit as u64 };
        let mut replies = self.call(call).await?.into_iter();
        let Some(Reply::Letters { count, next }) = replies.next() else { return Err(unexpected()) };
        let letter = |reply| match reply {
            Reply::DeadLetter(letter) => Ok(letter),
            _ => Err(unexpected()),
        };
        Ok(LetterPage { count, letters: replies.map(letter).collect::<Result<_, _>>()?, next })
    }

    async fn purge_dead_letters(&self, _migration: &MigrationName) -> Result<(), BusError> {
        self.only_the_run("deletes dead letters")
    }

    async fn remove_migration(&self, _migration: &MigrationName) -> Result<(), BusError> {
        self.only_the_run("removes its migration")
    }
}

/// Hands on what the run tells, until one of the three ends.
async fn listen<T>(mut stream: UnixStream, told: mpsc::Sender<T>, read: impl Fn(Reply) -> Option<T>) {
    let hand_on = async {
        loop {
            let next = match frame::receive(&mut stream).await? {
                Reply::Refused(Refusal::Unusable { what }) => {
                    tracing::warn!(what, "the run refuses to be watched");
                    None
                }
                reply => read(reply),
            };
            let Some(next) = next else { return Ok::<(), FrameError>(()) };
            if told.send(next).await.is_err() {
                return Ok(());
            }
        }
    };
    let ended = tokio::select! {
        ended = hand_on => ended,
        () = told.closed() => return,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a watch over the local socket ended");
    }
}
