//! The bytes of an object: from one answer where that is whole, from several where answers break off or stall.
//!
//! Holds: no byte is taken from an answer that is about another range than was asked for.

use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use snapshot::{StoreError, StoreErrorKind};

use super::{S3Store, SILENCE_MAX, failure};

/// Answers that may break off, for one read.
const BROKEN_MAX: u32 = 6;
/// The wait after the first of them; it doubles.
const BACKOFF: Duration = Duration::from_millis(100);
/// Memory taken before a byte is there; above it, as bytes arrive.
const CAPACITY_MAX: usize = 1 << 20;

/// What an object's answer is about.
struct Span {
    /// The first byte that it has.
    start: u64,
    /// The object's length.
    len: u64,
}

impl S3Store {
    /// A whole object.
    pub(super) async fn whole(&self, blob: &str, key: &str, len_max: u64) -> Result<Bytes, StoreError> {
        let answer = self.client.get_object().bucket(&self.bucket).key(key).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Err(self.failure(blob, error).await),
        };
        let Some(Span { start: 0, len }) = span(&answer) else {
            return Err(self.nonsense(blob, "it does not say how long it is".to_owned()));
        };
        if len_max < len {
            return Err(self.error(blob, StoreErrorKind::TooLarge { len, len_max }));
        }
        let mut bytes = BytesMut::with_capacity(capacity(len));
        match pour(answer.body, len, &mut bytes).await {
            Ok(()) => Ok(bytes.freeze()),
            Err(Broken::TooMuch) => Err(self.nonsense(blob, format!("it is longer than the {len} bytes it says"))),
            Err(Broken::Off(reason)) => {
                tracing::debug!(blob, reason, "an answer of S3 broke off");
                self.fill(blob, key, 0..len, &mut bytes).await?;
                Ok(bytes.freeze())
            }
        }
    }

    /// A part of an object.
    pub(super) async fn part(&self, blob: &str, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        if range.is_empty() {
            // There is no way to ask for that.
            let len = self.len(blob, key).await?;
            let cut = StoreErrorKind::Truncated { len, wanted: range.end };
            return if len < range.end { Err(self.error(blob, cut)) } else { Ok(Bytes::new()) };
        }
        let mut bytes = BytesMut::with_capacity(capacity(range.end.saturating_sub(range.start)));
        self.fill(blob, key, range, &mut bytes).await?;
        Ok(bytes.freeze())
    }

    /// Fills `bytes`, which has the beginning of `range`, with the rest of it.
    async fn fill(&self, blob: &str, key: &str, range: Range<u64>, bytes: &mut BytesMut) -> Result<(), StoreError> {
        let mut broken = 0;
        loop {
            let at = range.start.saturating_add(bytes.len() as u64);
            if range.end <= at {
                return Ok(());
            }
            let answer = self.ask(blob, key, at..range.end).await?;
            let Err(why) = pour(answer.body, range.end.saturating_sub(at), bytes).await else { return Ok(()) };
            let reason = match why {
                Broken::TooMuch => return Err(self.nonsense(blob, "it sends more than was asked for".to_owned())),
                Broken::Off(reason) => reason,
            };
            broken += 1;
            if broken == BROKEN_MAX {
                let what = format!("{broken} answers broke off, the last at byte {at}: {reason}");
                return Err(self.nonsense(blob, what));
            }
            tracing::debug!(blob, reason, "an answer of S3 broke off");
            tokio::time::sleep(BACKOFF.saturating_mul(1 << broken)).await;
        }
    }

    /// An answer that is about `range`.
    async fn ask(&self, blob: &str, key: &str, range: Range<u64>) -> Result<GetObjectOutput, StoreError> {
        let asked = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let answer = match self.client.get_object().bucket(&self.bucket).key(key).range(asked).send().await {
            Ok(answer) => answer,
            Err(error) if failure::is_beyond_end(&error) => {
                let cut = StoreErrorKind::Truncated { len: self.len(blob, key).await?, wanted: range.end };
                return Err(self.error(blob, cut));
            }
            Err(error) => return Err(self.failure(blob, error).await),
        };
        match span(&answer) {
            Some(Span { len, .. }) if len < range.end => {
                Err(self.error(blob, StoreErrorKind::Truncated { len, wanted: range.end }))
            }
            Some(Span { start, .. }) if start == range.start => Ok(answer),
            _ => Err(self.nonsense(blob, "the server sends another part of it than was asked for".to_owned())),
        }
    }

    async fn len(&self, blob: &str, key: &str) -> Result<u64, StoreError> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(head) => head
                .content_length()
                .and_then(|len| u64::try_from(len).ok())
                .ok_or_else(|| self.nonsense(blob, "it does not say how long it is".to_owned())),
            Err(error) => Err(self.failure(blob, error).await),
        }
    }

    fn error(&self, blob: &str, kind: StoreErrorKind) -> StoreError {
        StoreError::new(kind, blob, location(self))
    }

    fn nonsense(&self, blob: &str, what: String) -> StoreError {
        failure::nonsense(&location(self), blob, what)
    }
}

fn location(store: &S3Store) -> String {
    snapshot::BlobStore::location(store)
}

/// `Content-Range: bytes 3-6/10`, or without one, a whole object.
fn span(answer: &GetObjectOutput) -> Option<Span> {
    let Some(range) = answer.content_range() else {
        return Some(Span { start: 0, len: u64::try_from(answer.content_length()?).ok()? });
    };
    let (part, len) = range.strip_prefix("bytes ")?.split_once('/')?;
    Some(Span { start: part.split_once('-')?.0.parse().ok()?, len: len.parse().ok()? })
}

fn capacity(len: u64) -> usize {
    usize::try_from(len).unwrap_or(CAPACITY_MAX).min(CAPACITY_MAX)
}

/// Why an answer is not what it should be.
enum Broken {
    /// It ended early, for this reason.
    Off(String),
    /// It has more than it should have.
    TooMuch,
}

/// Appends the `left` bytes of `body` to `bytes`.
async fn pour(mut body: ByteStream, mut left: u64, bytes: &mut BytesMut) -> Result<(), Broken> {
    while 0 < left {
        let piece = match tokio::time::timeout(SILENCE_MAX, body.try_next()).await {
            Ok(Ok(Some(piece))) => piece,
            Ok(Ok(None)) => return Err(Broken::Off(format!("it ends {left} bytes early"))),
            Ok(Err(error)) => return Err(Broken::Off(failure::chain(&error))),
            Err(_) => return Err(Broken::Off(format!("no byte came for {} s", SILENCE_MAX.as_secs()))),
        };
        left = left.checked_sub(piece.len() as u64).ok_or(Broken::TooMuch)?;
        bytes.extend_from_slice(&piece);
    }
    Ok(())
}
