//! The local socket: lets `migctl status` and `migctl approve` into a run from another terminal.
//!
//! In: connections, each with one request. Out: its replies. Not served: tasks, which only the run itself works on.
//! Holds: whatever a connection sends, it can only end that connection.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::frame::{self, Call, FrameError, Refusal, Reply, Request};
use super::{EmbeddedBus, REMOTE_TIMEOUT};
use crate::bus::{Bus, BusError, LetterPage};
use crate::names::Bucket;

/// Connections at once: a few terminals, each with a few watches.
const CONNECTIONS_MAX: usize = 64;

/// Keys per frame, so that a frame stays below its limit.
const KEYS_PER_FRAME: usize = 1_000;

/// Serves until `cancel`, or until the bus is gone.
pub(super) async fn serve(listener: UnixListener, bus: Weak<EmbeddedBus>, cancel: CancellationToken) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let accept = async {
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let bus = Weak::clone(&bus);
                    connections.spawn(async move {
                        if let Err(error) = answer(stream, bus).await {
                            tracing::debug!(%error, "a connection to the local socket ended");
                        }
                        drop(permit);
                    });
                }
                Err(error) => {
                    // Out of file handles, most likely: it passes.
                    tracing::warn!(%error, "the local socket can't accept a connection");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    };
    let _: Option<()> = cancel.run_until_cancelled(accept).await;
    // Dropping the set ends every connection.
}

async fn answer(mut stream: UnixStream, bus: Weak<EmbeddedBus>) -> Result<(), FrameError> {
    let request = match tokio::time::timeout(REMOTE_TIMEOUT, frame::receive(&mut stream)).await {
        Ok(Ok(request)) => request,
        Ok(Err(FrameError::Wire(error))) => {
            let what = format!("the run does not understand the request: {error}");
            return frame::send(&mut stream, &Reply::Refused(Refusal::Unusable { what })).await;
        }
        Ok(Err(error)) => return Err(error),
        Err(_) => return Ok(()),
    };
    let Some(bus) = bus.upgrade() else { return Ok(()) };
    let outcome = match request {
        Request::Watch { bucket, prefix } => {
            let begun = match of(&bucket) {
                Ok(bucket) => bus.watch(bucket, &prefix).await,
                Err(error) => Err(error),
            };
            drop(bus);
            pass_on(&mut stream, begun).await?
        }
        Request::Follow { migration, from } => {
            let begun = bus.follow(&migration, from).await;
            drop(bus);
            pass_on(&mut stream, begun).await?
        }
        Request::Call(call) => {
            let replies = replies(&bus, call).await;
            // Whoever reads slowly doesn't keep the bus open.
            drop(bus);
            send_all(&mut stream, replies).await?
        }
    };
    let last = outcome.map_or_else(|error| Reply::Refused(error.into()), |()| Reply::Done);
    frame::send(&mut stream, &last).await
}

async fn send_all(
    stream: &mut UnixStream,
    replies: Result<Vec<Reply>, BusError>,
) -> Result<Result<(), BusError>, FrameError> {
    match replies {
        Ok(replies) => {
            for reply in &replies {
                frame::send(stream, reply).await?;
            }
            Ok(Ok(()))
        }
        Err(error) => Ok(Err(error)),
    }
}

/// Sends what comes until either side ends. Who only listens doesn't keep the bus open either.
async fn pass_on<T: Into<Reply>>(
    stream: &mut UnixStream,
    begun: Result<mpsc::Receiver<T>, BusError>,
) -> Result<Result<(), BusError>, FrameError> {
    let mut coming = match begun {
        Ok(coming) => coming,
        Err(error) => return Ok(Err(error)),
    };
    let (mut from, mut to) = stream.split();
    let mut byte = [0];
    loop {
        let next = tokio::select! {
            next = coming.recv() => next,
            // The other side has nothing more to say than that it is gone.
            _ = from.read(&mut byte) => None,
        };
        let Some(next) = next else { return Ok(Ok(())) };
        frame::send(&mut to, &next.into()).await?;
    }
}

/// Does what is asked: all replies but the last.
async fn replies(bus: &EmbeddedBus, call: Call) -> Result<Vec<Reply>, BusError> {
    let revision = |revision| vec![Reply::Revision(revision)];
    match call {
        Call::Hello => Ok(Vec::new()),
        Call::Get { bucket, key } => {
            let entry = bus.get(of(&bucket)?, &key).await?;
            Ok(entry
                .map(|entry| Reply::Value { key, revision: entry.revision, value: entry.value })
                .into_iter()
                .collect())
        }
        Call::Create { bucket, key, value } => bus.create(of(&bucket)?, &key, value).await.map(revision),
        Call::Update { bucket, key, value, revision: expected } => {
            bus.update(of(&bucket)?, &key, value, expected).await.map(revision)
        }
        Call::Put { bucket, key, value } => bus.put(of(&bucket)?, &key, value).await.map(revision),
        Call::Delete { bucket, key } => bus.delete(of(&bucket)?, &key).await.map(|()| Vec::new()),
        Call::Keys { bucket, prefix } => {
            let keys = bus.keys(of(&bucket)?, &prefix).await?;
            Ok(keys.chunks(KEYS_PER_FRAME).map(|keys| Reply::Keys(keys.to_vec())).collect())
        }
        Call::Emit { migration, event } => bus.emit(&migration, &event).await.map(|()| Vec::new()),
        Call::Events { migration, limit } => {
            let events = bus.events(&migration, usize::try_from(limit).unwrap_or(usize::MAX)).await?;
            Ok(events.into_iter().map(Reply::Event).collect())
        }
        Call::DeadLetters { migration, from, limit } => {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let LetterPage { count, letters, next } = bus.dead_letters(&migration, from, limit).await?;
            let first = Reply::Letters { count, next };
            Ok(std::iter::once(first).chain(letters.into_iter().map(Reply::DeadLetter)).collect())
        }
    }
}

fn of(bucket: &str) -> Result<Bucket, BusError> {
    let unknown = || BusError::Unusable { what: format!("the run knows no bucket {bucket}"), source: None };
    frame::bucket(bucket).ok_or_else(unknown)
}
