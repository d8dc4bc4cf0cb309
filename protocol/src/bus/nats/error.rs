//! What a failure of NATS means to whoever called.
//!
//! Holds: whatever may pass by itself is [`BusError::Unavailable`]: no answer in time, a lost connection, a cluster
//! that recovers and says "no stream found".

use std::error::Error;

use async_nats::jetstream::context::{
    AccountError, AccountErrorKind, CreateStreamError, CreateStreamErrorKind, GetStreamError, GetStreamErrorKind,
    PublishError, PublishErrorKind,
};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};
use async_nats::jetstream::{self, ErrorCode};

use crate::bus::BusError;

/// Codes of a server that has no room.
const NO_ROOM: [ErrorCode; 5] = [
    ErrorCode::STORAGE_RESOURCES_EXCEEDED,
    ErrorCode::MEMORY_RESOURCES_EXCEEDED,
    ErrorCode::INSUFFICIENT_RESOURCES,
    ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ErrorCode::STREAM_MAX_STREAM_BYTES_EXCEEDED,
];

/// Codes of a server that runs without JetStream.
const NO_JETSTREAM: [ErrorCode; 2] = [ErrorCode::JETSTREAM_NOT_ENABLED, ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT];

/// What `error` means, where `what` was tried.
pub(super) fn failed(what: impl Into<String>, error: impl Into<Box<dyn Error + Send + Sync>>) -> BusError {
    let (what, source) = (what.into(), error.into());
    match jetstream_error(&*source).map(|error| error.error_code()) {
        Some(code) if NO_ROOM.contains(&code) => {
            let what = format!("{what}: the NATS server has no room: give JetStream more, or make some");
            BusError::Unusable { what, source: Some(source) }
        }
        Some(code) if NO_JETSTREAM.contains(&code) => {
            let what = "the NATS server runs without JetStream: start it with -js".to_owned();
            BusError::Unusable { what, source: Some(source) }
        }
        Some(_) | None => BusError::Unavailable { what, source },
    }
}

/// What the failure of a write of `len` bytes means: as [`failed`], or too large for the server, which takes `max`.
pub(super) fn write_failed(
    what: &str,
    len: usize,
    max: usize,
    error: impl Into<Box<dyn Error + Send + Sync>>,
) -> BusError {
    let error = error.into();
    if causes(&*error).any(is_too_large) {
        return BusError::TooLarge { what: what.to_owned(), len, max };
    }
    failed(format!("write {what}"), error)
}

/// Whether a publish was refused because its subject has a message already (and may have one only).
pub(super) fn is_one_per_subject(error: &PublishError) -> bool {
    // The code says only that the message was not stored; the reason is in words.
    jetstream_error(error).is_some_and(|error| {
        error.error_code() == ErrorCode::STREAM_STORE_FAILED && error.to_string().contains("messages per subject")
    })
}

/// Whether there is no such consumer.
pub(super) fn is_no_consumer(error: &ConsumerError) -> bool {
    jetstream_error(error).is_some_and(|error| error.error_code() == ErrorCode::CONSUMER_NOT_FOUND)
}

/// What the server itself said, somewhere among the causes.
pub(super) fn jetstream_error(error: &(dyn Error + 'static)) -> Option<jetstream::Error> {
    // Some of the client's errors hold it as their cause, others as their kind.
    causes(error).find_map(|error| {
        if let Some(error) = error.downcast_ref::<jetstream::Error>() {
            return Some(error.clone());
        }
        if let Some(error) = error.downcast_ref::<GetStreamError>()
            && let GetStreamErrorKind::JetStream(error) = error.kind()
        {
            return Some(error);
        }
        if let Some(error) = error.downcast_ref::<CreateStreamError>()
            && let CreateStreamErrorKind::JetStream(error) = error.kind()
        {
            return Some(error);
        }
        if let Some(error) = error.downcast_ref::<AccountError>()
            && let AccountErrorKind::JetStream(error) = error.kind()
        {
            return Some(error);
        }
        if let Some(error) = error.downcast_ref::<ConsumerError>()
            && let ConsumerErrorKind::JetStream(error) = error.kind()
        {
            return Some(error);
        }
        None
    })
}

fn is_too_large(error: &(dyn Error + 'static)) -> bool {
    let publish = error.downcast_ref::<PublishError>();
    publish.is_some_and(|error| error.kind() == PublishErrorKind::MaxPayloadExceeded)
}

/// An error and everything below it.
pub(super) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}
