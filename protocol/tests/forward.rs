//! What is logged of a migration is on its bus, and nothing else is; logging never waits for the bus.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::sync::Arc;

use protocol::bus::embedded::EmbeddedBus;
use protocol::bus::nats::{NatsBus, NatsOptions};
use protocol::bus::{Bus, Happened, SharedBus};
use protocol::event::{Event, Level};
use protocol::forward::{self, EVENT, Lines};
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use tests::nats::NatsServer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};

fn name() -> MigrationName {
    "m".parse().unwrap()
}

/// Everything that is logged in this thread from now on goes to the lines.
fn logging() -> (tracing::subscriber::DefaultGuard, Lines) {
    let (layer, lines) = forward::layer();
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(LevelFilter::INFO));
    (tracing::subscriber::set_default(subscriber), lines)
}

async fn bus(folder: &tempfile::TempDir) -> Arc<EmbeddedBus> {
    let bus = EmbeddedBus::open(folder.path()).await.unwrap();
    bus.put(Bucket::Migrations, &names::spec(&name()), Vec::new()).await.unwrap();
    bus
}

async fn told(bus: &dyn Bus) -> Vec<Event> {
    let mut happenings = bus.follow(&name(), 0).await.unwrap();
    let mut told = Vec::new();
    while let Some(Happened::Event(_, event)) = happenings.recv().await {
        told.push(event);
    }
    told
}

#[tokio::test]
async fn a_line_of_a_migration_has_the_labels_of_its_spans_and_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let bus = bus(&folder).await;
    let (_guard, lines) = logging();
    let forwarder = lines.forward(bus.clone() as SharedBus, "w-1");
    let phase = Some(tracing::field::display(Phase::Load));
    let span = tracing::info_span!(target: "worker::work", "task", migration = %name(), id = "0-3", phase,
        index = tracing::field::Empty, shard = Some(3_u32));
    span.record("index", "Bücher");
    span.in_scope(|| {
        let cause = std::io::Error::other("disk on fire");
        tracing::warn!(target: "worker::load", error = &cause as &dyn std::error::Error, tried = 2, "store a checkpoint");
        tracing::debug!(target: "worker::load", "not for people");
        tracing::info!(target: "async_nats", "not ours");
        tracing::info!(target: EVENT, "on the bus already");
    });
    tracing::info!(target: "coordinator::serve", migration = %name(), reason = "by ada", "stopped");
    tracing::error!(target: "worker::work", "of no migration");
    tracing::error!(target: "worker::work", migration = "gone", "of one that was removed");
    forwarder.stop().await;

    let told = told(&*bus).await;
    let shown: Vec<_> = told.iter().map(|line| (line.level, line.phase, line.shard, line.text.as_str())).collect();
    let expected = [
        (Level::Warn, Some(Phase::Load), Some(3), "store a checkpoint error=disk on fire tried=2"),
        (Level::Info, None, None, "stopped reason=by ada"),
    ];
    assert_eq!(shown, expected);
    assert_eq!(told[0].index.as_deref(), Some("Bücher"));
    assert!(told.iter().all(|line| line.is_log() && line.worker.as_deref() == Some("w-1") && line.at_ms > 0));
    let gone: MigrationName = "gone".parse().unwrap();
    assert_eq!(bus.follow(&gone, 0).await.unwrap().recv().await, Some(Happened::Ready), "nothing is left of it");
}

#[tokio::test]
async fn what_has_no_room_is_counted_and_the_count_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let bus = bus(&folder).await;
    let (_guard, lines) = logging();
    // Nobody takes them, and nothing waits for that.
    for n in 0..1_500 {
        tracing::info!(target: "worker::work", migration = %name(), "line {n}");
    }
    let long = "ü".repeat(5_000);
    let forwarder = lines.forward(bus.clone() as SharedBus, "w-1");
    forwarder.stop().await;
    let lines = told(&*bus).await;
    assert!(lines.iter().take(100).enumerate().all(|(n, line)| line.text == format!("line {n}")), "{:?}", lines[0]);
    let missing: Vec<_> = lines.iter().filter(|line| line.level == Level::Warn).map(|line| &*line.text).collect();
    assert_eq!(missing, ["500 log lines are missing here: the bus was away, or they came too fast"]);
    assert_eq!(lines.len(), 1_001);

    let (_guard, lines) = logging();
    let forwarder = lines.forward(bus.clone() as SharedBus, "w-1");
    tracing::info!(target: "worker::work", migration = %name(), "{long}");
    forwarder.stop().await;
    let last = told(&*bus).await.pop().unwrap().text;
    assert!(last.starts_with('ü') && last.ends_with('…') && last.len() < 2_010, "{}", last.len());
}

#[tokio::test]
async fn lines_wait_for_a_bus_that_is_away() {
    let mut server = NatsServer::start().unwrap();
    let bus = NatsBus::connect(NatsOptions::new(&server.url)).await.unwrap();
    bus.put(Bucket::Migrations, &names::spec(&name()), Vec::new()).await.unwrap();
    let (_guard, lines) = logging();
    let forwarder = lines.forward(bus.clone() as SharedBus, "w-1");
    server.kill9();
    for n in 0..10 {
        tracing::warn!(target: "worker::work", migration = %name(), "line {n}");
    }
    server.restart().unwrap();
    // One that got no answer may have been stored: it is there twice then.
    let give_up_at = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    let texts = loop {
        let told = match bus.follow(&name(), 0).await {
            Ok(_) => told(&*bus).await,
            Err(error) if error.is_transient() => Vec::new(),
            Err(error) => panic!("{error}"),
        };
        let texts: std::collections::BTreeSet<String> = told.into_iter().map(|line| line.text).collect();
        if texts.len() == 10 || tokio::time::Instant::now() >= give_up_at {
            break texts;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(texts, (0..10).map(|n| format!("line {n}")).collect());
    forwarder.stop().await;
}
