//! What travels over the local socket.
//!
//! ```text
//! length: u32, big endian | message (`wire`: version, MessagePack)
//! ```
//! A connection carries one request and its replies: any number, the last is [`Reply::Done`] or [`Reply::Refused`].
//! Holds: a frame is read as far as its bytes really come, whatever length it claims.

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::bus::{BusError, Change, Entry, Happened};
use crate::event::Event;
use crate::ids::MigrationName;
use crate::names::Bucket;
use crate::state::DeadLetter;
use crate::wire::{self, WireError};

/// The longest frame: a value of the greatest length, its key, and some.
const FRAME_BYTES_MAX: u32 = 2 << 20;

/// Why a frame was not read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("the connection is broken")]
    Io(#[from] io::Error),
    #[error("a frame of {len} bytes; {FRAME_BYTES_MAX} are allowed")]
    TooLong { len: u64 },
    #[error("a frame of {len} bytes ends after {got}")]
    Short { len: u32, got: usize },
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// What a connection is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Request {
    /// To be told of changes, until it ends.
    Watch { bucket: String, prefix: String },
    /// To be told of events, from a place on.
    Follow { migration: MigrationName, from: u64 },
    /// To have one thing done.
    Call(Call),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Call {
    /// Nothing: is anybody there?
    Hello,
    Get {
        bucket: String,
        key: String,
    },
    Create {
        bucket: String,
        key: String,
        #[serde(with = "serde_bytes")]
        value: Vec<u8>,
    },
    Update {
        bucket: String,
        key: String,
        #[serde(with = "serde_bytes")]
        value: Vec<u8>,
        revision: u64,
    },
    Put {
        bucket: String,
        key: String,
        #[serde(with = "serde_bytes")]
        value: Vec<u8>,
    },
    Delete {
        bucket: String,
        key: String,
    },
    Keys {
        bucket: String,
        prefix: String,
    },
    Emit {
        migration: MigrationName,
        event: Event,
    },
    Events {
        migration: MigrationName,
        limit: u64,
    },
    DeadLetters {
        migration: MigrationName,
        from: u64,
        limit: u64,
    },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Reply {
    /// To [`Call::Get`], where there is a value; to [`Request::Watch`].
    Value {
        key: String,
        revision: u64,
        #[serde(with = "serde_bytes")]
        value: Vec<u8>,
    },
    /// To writes.
    Revision(u64),
    /// To [`Call::Keys`], a part of them.
    Keys(Vec<String>),
    /// To [`Request::Watch`].
    Deleted(String),
    /// To [`Request::Watch`] and [`Request::Follow`]: all that was there has been sent.
    Ready,
    /// To [`Call::Events`].
    Event(Event),
    /// To [`Request::Follow`].
    Happened {
        place: u64,
        event: Event,
    },
    /// To [`Call::DeadLetters`], first: how many there are, and where the next page begins.
    Letters {
        count: u64,
        next: Option<u64>,
    },
    DeadLetter(DeadLetter),
    /// Nothing more comes.
    Done,
    /// It was not done.
    Refused(Refusal),
}

/// A [`BusError`] as it travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Refusal {
    Exists { key: String },
    Conflict { key: String },
    TooLarge { what: String, len: u64, max: u64 },
    Unavailable { what: String, why: String },
    Unusable { what: String },
}

impl From<Change> for Reply {
    fn from(change: Change) -> Self {
        match change {
            Change::Put(key, Entry { revision, value }) => Self::Value { key, revision, value },
            Change::Deleted(key) => Self::Deleted(key),
            Change::Ready => Self::Ready,
        }
    }
}

impl From<Happened> for Reply {
    fn from(happened: Happened) -> Self {
        match happened {
            Happened::Event(place, event) => Self::Happened { place, event },
            Happened::Ready => Self::Ready,
        }
    }
}

impl From<BusError> for Refusal {
    fn from(error: BusError) -> Self {
        match error {
            BusError::Exists { key } => Self::Exists { key },
            BusError::Conflict { key } => Self::Conflict { key },
            BusError::TooLarge { what, len, max } => Self::TooLarge { what, len: len as u64, max: max as u64 },
            BusError::Unavailable { what, source } => Self::Unavailable { what, why: chain(&*source) },
            BusError::Unusable { what, source } => {
                let why = source.map(|source| format!(": {}", chain(&*source))).unwrap_or_default();
                Self::Unusable { what: format!("{what}{why}") }
            }
            BusError::Wire { key, source } => Self::Unusable { what: format!("read {key}: {}", chain(&source)) },
        }
    }
}

impl From<Refusal> for BusError {
    fn from(refusal: Refusal) -> Self {
        let size = |len: u64| usize::try_from(len).unwrap_or(usize::MAX);
        match refusal {
            Refusal::Exists { key } => Self::Exists { key },
            Refusal::Conflict { key } => Self::Conflict { key },
            Refusal::TooLarge { what, len, max } => Self::TooLarge { what, len: size(len), max: size(max) },
            Refusal::Unavailable { what, why } => Self::Unavailable { what, source: why.into() },
            Refusal::Unusable { what } => Self::Unusable { what, source: None },
        }
    }
}

/// An error and its causes in one line, for the other process.
fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}

/// The bucket of a name.
pub(super) fn bucket(name: &str) -> Option<Bucket> {
    Bucket::ALL.into_iter().find(|bucket| bucket.as_str() == name)
}

/// Writes one message.
pub(super) async fn send<T: Serialize>(to: &mut (impl AsyncWrite + Unpin), message: &T) -> Result<(), FrameError> {
    let bytes = wire::encode(message)?;
    let len = u32::try_from(bytes.len()).ok().filter(|len| *len <= FRAME_BYTES_MAX);
    let len = len.ok_or(FrameError::TooLong { len: bytes.len() as u64 })?;
    to.write_all(&len.to_be_bytes()).await?;
    to.write_all(&bytes).await?;
    Ok(())
}

/// Reads one message.
pub(super) async fn receive<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> Result<T, FrameError> {
    let len = from.read_u32().await?;
    if len > FRAME_BYTES_MAX {
        return Err(FrameError::TooLong { len: len.into() });
    }
    let mut bytes = Vec::new();
    let got = from.take(len.into()).read_to_end(&mut bytes).await?;
    if got as u64 != u64::from(len) {
        return Err(FrameError::Short { len, got });
    }
    Ok(wire::decode(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_survive_and_bad_ones_are_named() {
        let call = Call::Put { bucket: "b".to_owned(), key: "k".to_owned(), value: vec![0, 255] };
        let request = Request::Call(call);
        let mut bytes = Vec::new();
        send(&mut bytes, &request).await.unwrap();
        assert_eq!(receive::<Request>(&mut bytes.as_slice()).await.unwrap(), request);
        for cut in 0..bytes.len() {
            receive::<Request>(&mut &bytes[..cut]).await.unwrap_err();
        }
        bytes[0] = 0xff;
        assert!(matches!(receive::<Request>(&mut bytes.as_slice()).await, Err(FrameError::TooLong { .. })));
        let mut newer = Vec::new();
        send(&mut newer, &request).await.unwrap();
        newer[4] = wire::VERSION + 1;
        let error = receive::<Request>(&mut newer.as_slice()).await.unwrap_err();
        assert!(matches!(error, FrameError::Wire(WireError::Newer { .. })));
    }

    #[tokio::test]
    async fn what_is_too_long_is_not_sent() {
        let mut bytes = Vec::new();
        let long = Reply::Keys(vec!["k".repeat(FRAME_BYTES_MAX as usize)]);
        assert!(matches!(send(&mut bytes, &long).await, Err(FrameError::TooLong { .. })));
        assert!(bytes.is_empty());
    }

    #[test]
    fn an_error_arrives_as_what_it_was() {
        let source = Some("disk on fire".into());
        let refusal = Refusal::from(BusError::Unusable { what: "the file can't be used".to_owned(), source });
        let BusError::Unusable { what, .. } = BusError::from(refusal) else { panic!("another kind") };
        assert_eq!(what, "the file can't be used: disk on fire");
        let conflict = BusError::from(Refusal::from(BusError::Conflict { key: "k".to_owned() }));
        assert!(matches!(conflict, BusError::Conflict { key } if key == "k"));
    }
}
