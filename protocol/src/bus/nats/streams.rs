//! Streams and buckets: made where they are absent, checked where they are there.
//!
//! Holds: nothing is ever deleted or changed, so an operator may give a stream more replicas or limits; what
//! correctness needs of it is checked, and refused where it is missing.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{
    Context, CreateStreamError, CreateStreamErrorKind, KeyValueError, KeyValueErrorKind,
};
use async_nats::jetstream::kv::{self, Store};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy};

use super::error::{failed, jetstream_error};
use crate::bus::BusError;
use crate::names::{self, Bucket};

/// How long the mark of a deleted key stays, so that watches see it; without an end, marks of every slice ever loaded
/// would pile up.
pub(super) const MARK_TTL: Duration = Duration::from_secs(600);

/// Messages kept of one subject: of a kind of event in a phase of a migration, or of the log lines of a migration. So a
/// process that logs a lot pushes out log lines of its own migration, some megabytes of them, and nothing else.
const EVENTS_PER_SUBJECT_MAX: i64 = 5_000;
/// Bytes kept of all migrations: dozens of them, all of which log a lot.
const EVENTS_BYTES_MAX: i64 = 256 << 20;

/// Makes what is absent; the buckets.
pub(super) async fn provide(jetstream: &Context, marks_die: bool) -> Result<BTreeMap<Bucket, Store>, BusError> {
    for (config, suits) in
        [(tasks(), one_task_per_subject as fn(&Config) -> bool), (events(), |_| true), (dead(), one_letter_per_subject)]
    {
        let name = config.name.clone();
        let stream = jetstream.get_or_create_stream(config).await;
        let stream = stream.map_err(|error| not_made(&name, error))?;
        if !suits(&stream.cached_info().config) {
            return Err(foreign("stream", &name));
        }
    }
    let mut buckets = BTreeMap::new();
    for bucket in Bucket::ALL {
        buckets.insert(bucket, provide_bucket(jetstream, bucket, marks_die).await?);
    }
    Ok(buckets)
}

fn not_made(name: &str, error: CreateStreamError) -> BusError {
    let hint = match error.kind() {
        CreateStreamErrorKind::JetStreamUnavailable => ": JetStream says nothing; was the server started with -js?",
        _ => "",
    };
    failed(format!("make the stream {name}{hint}"), error)
}

fn tasks() -> Config {
    Config {
        name: names::STREAM_TASKS.to_owned(),
        description: Some("what is to be done; a message goes when it is done".to_owned()),
        subjects: vec![names::SUBJECTS_TASKS.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        discard_new_per_subject: true,
        ..Config::default()
    }
}

fn one_task_per_subject(config: &Config) -> bool {
    config.retention == RetentionPolicy::WorkQueue
        && config.max_messages_per_subject == 1
        && config.discard == DiscardPolicy::New
        && config.discard_new_per_subject
}

fn events() -> Config {
    Config {
        name: names::STREAM_EVENTS.to_owned(),
        description: Some("what happened, and what processes log".to_owned()),
        subjects: vec![names::SUBJECTS_EVENTS.to_owned()],
        retention: RetentionPolicy::Limits,
        max_messages_per_subject: EVENTS_PER_SUBJECT_MAX,
        max_bytes: EVENTS_BYTES_MAX,
        discard: DiscardPolicy::Old,
        ..Config::default()
    }
}

fn dead() -> Config {
    Config {
        name: names::STREAM_DEAD.to_owned(),
        description: Some("documents that a target refuses, one message each".to_owned()),
        subjects: vec![names::SUBJECTS_DEAD.to_owned()],
        retention: RetentionPolicy::Limits,
        max_messages_per_subject: 1,
        discard: DiscardPolicy::Old,
        ..Config::default()
    }
}

fn one_letter_per_subject(config: &Config) -> bool {
    config.retention == RetentionPolicy::Limits && config.max_messages_per_subject == 1
}

async fn provide_bucket(jetstream: &Context, bucket: Bucket, marks_die: bool) -> Result<Store, BusError> {
    let name = bucket.as_str();
    let store = match jetstream.get_key_value(name).await {
        Ok(store) => store,
        Err(error) if is_absent(&error) => {
            let config = kv::Config {
                bucket: name.to_owned(),
                history: 1,
                max_age: bucket.ttl().unwrap_or_default(),
                // Where values die, marks do as well.
                limit_markers: (marks_die && bucket.ttl().is_none()).then_some(MARK_TTL),
                ..kv::Config::default()
            };
            let made = jetstream.create_key_value(config).await;
            made.map_err(|error| failed(format!("make the bucket {name}"), error))?
        }
        Err(error) => return Err(failed(format!("look for the bucket {name}"), error)),
    };
    let config = &store.stream.cached_info().config;
    if config.max_messages_per_subject != 1 || config.max_age != bucket.ttl().unwrap_or_default() {
        return Err(foreign("bucket", name));
    }
    Ok(store)
}

fn is_absent(error: &KeyValueError) -> bool {
    error.kind() == KeyValueErrorKind::GetBucket
        && jetstream_error(error).is_some_and(|error| error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn foreign(kind: &str, name: &str) -> BusError {
    let what = format!(
        "the {kind} {name} on the NATS server was not made by this version of migctl: delete it while no migration \
         runs, or use an account of its own"
    );
    BusError::Unusable { what, source: None }
}
