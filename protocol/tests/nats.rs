//! What only NATS has: servers that are not what they should be, and bytes that are no message of ours.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::time::Duration;

use protocol::bus::nats::{NatsBus, NatsOptions};
use protocol::bus::{Bus, BusError, Published};
use protocol::ids::{IndexNo, MigrationName, ShardId};
use protocol::names;
use protocol::task::{Task, TaskClass, TaskMessage};
use protocol::wire;
use tests::nats::NatsServer;

/// For what must come: long, because it ends as soon as it comes.
const LONG: Duration = Duration::from_secs(60);

fn migration() -> MigrationName {
    "m".parse().unwrap()
}

fn plan(shard: u32, attempt: u32) -> TaskMessage {
    let task = Task::Plan(ShardId { index: IndexNo(0), shard });
    TaskMessage { migration: migration(), attempt, task }
}

fn subject(message: &TaskMessage) -> String {
    names::task_subject(&message.migration, &message.task)
}

fn start(arguments: &[&str]) -> NatsServer {
    NatsServer::start_with(arguments).unwrap_or_else(|error| panic!("{error:#}"))
}

async fn refused(url: &str) -> String {
    let error = NatsBus::connect(NatsOptions::new(url)).await.expect_err("it can't be used");
    assert!(matches!(error, BusError::Unusable { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn a_server_without_jetstream_is_named_with_what_to_do() {
    let server = start(&[]);
    // A cluster that recovers looks the same, so this may pass.
    let error = NatsBus::connect(NatsOptions::new(&server.url)).await.expect_err("it can't be used");
    assert!(error.is_transient());
    assert!(error.to_string().ends_with("JetStream says nothing; was the server started with -js?"), "{error}");
}

#[tokio::test]
async fn credentials_come_from_the_url_and_stay_out_of_messages() {
    let server = start(&["-js", "--user", "me", "--pass", "p@ss/word"]);
    let address = server.url.trim_start_matches("nats://");
    NatsBus::connect(NatsOptions::new(format!("nats://me:p%40ss%2Fword@{address}"))).await.expect("connects");
    let message = refused(&format!("nats://me:wrong@{address}")).await;
    assert_eq!(
        message,
        format!(
            "NATS at nats://***@{address} refuses the credentials, user and password in the URL: correct them, or have \
             the server's administrator allow them"
        )
    );

    let server = start(&["-js", "--auth", "t0ken"]);
    let address = server.url.trim_start_matches("nats://");
    NatsBus::connect(NatsOptions::new(format!("nats://t0ken@{address}"))).await.expect("connects");
}

#[tokio::test]
async fn streams_are_found_again_and_somebody_else_s_is_refused() {
    let server = start(&["-js"]);
    let first = NatsBus::connect(NatsOptions::new(&server.url)).await.unwrap();
    first.publish(&plan(0, 1)).await.unwrap();
    let second = NatsBus::connect(NatsOptions::new(&server.url)).await.expect("all is there already");
    assert_eq!(second.publish(&plan(0, 2)).await.unwrap(), Published::Already);

    let server = start(&["-js"]);
    let jetstream = async_nats::jetstream::new(async_nats::connect(&server.url).await.unwrap());
    let config = async_nats::jetstream::stream::Config {
        name: names::STREAM_TASKS.to_owned(),
        subjects: vec![names::SUBJECTS_TASKS.to_owned()],
        ..Default::default()
    };
    jetstream.create_stream(config).await.unwrap();
    let message = refused(&server.url).await;
    assert!(message.contains("the stream MIG_TASKS on the NATS server was not made by"), "{message}");
}

#[tokio::test]
async fn a_newer_task_is_left_and_garbage_goes() {
    let server = start(&["-js"]);
    let bus = NatsBus::connect(NatsOptions::new(&server.url)).await.unwrap();
    let jetstream = async_nats::jetstream::new(async_nats::connect(&server.url).await.unwrap());
    let raw = async |message: &TaskMessage, bytes: Vec<u8>| {
        jetstream.publish(subject(message), bytes.into()).await.unwrap().await.unwrap();
    };
    let mut newer = wire::encode(&plan(0, 1)).unwrap();
    newer[0] = wire::VERSION + 1;
    raw(&plan(0, 1), newer).await;
    raw(&plan(1, 1), b"\x01garbage".to_vec()).await;
    raw(&plan(2, 1), wire::encode(&plan(77, 1)).unwrap()).await;
    bus.publish(&plan(3, 1)).await.unwrap();

    let delivery = bus.pull(&migration(), TaskClass::Shard, LONG).await.unwrap().expect("the one that can be read");
    assert_eq!(delivery.message, plan(3, 1));
    assert_eq!(bus.publish(&plan(0, 2)).await.unwrap(), Published::Already, "it waits for a newer worker");
    assert_eq!(bus.publish(&plan(1, 2)).await.unwrap(), Published::New, "the garbage is gone");
    assert_eq!(bus.publish(&plan(2, 2)).await.unwrap(), Published::New, "so is what pretended to be another task");
}

#[tokio::test]
async fn a_server_that_is_gone_is_an_error_that_passes() {
    let mut server = start(&["-js"]);
    let bus = NatsBus::connect(NatsOptions::new(&server.url)).await.unwrap();
    bus.publish(&plan(0, 1)).await.unwrap();
    let held = bus.pull(&migration(), TaskClass::Shard, LONG).await.unwrap().expect("it is there");
    let waiting = async { bus.pull(&migration(), TaskClass::Shard, LONG).await };
    let killed = async { server.kill9() };
    let (cut_short, ()) = tokio::join!(waiting, killed);
    assert!(cut_short.is_err_and(|error| error.is_transient()), "a pull doesn't wait for a server that is gone");
    assert!(held.receipt.ack().await.unwrap_err().is_transient());
    let failed = bus.publish(&plan(1, 1)).await.unwrap_err();
    assert!(failed.is_transient(), "{failed}");
}
