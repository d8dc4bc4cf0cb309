//! A coordinator on a real NATS server, with a worker that answers and does nothing: migrations come to their end and go.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::sync::Arc;
use std::time::Duration;

use coordinator::serve::serve;
use protocol::bus::nats::{NatsBus, NatsOptions};
use protocol::bus::{self, Bus};
use protocol::checkpoint::ShardRecord;
use protocol::gate::{Wish, WishKind};
use protocol::ids::{IndexNo, MigrationName, ShardId, WorkerId};
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::plan::{CatalogueIndex, CataloguePage, InventoryIndex, InventoryPage, InventoryShard, ShardPlan};
use protocol::spec::{Redo, Spec, Submission};
use protocol::state::{CommandResult, DeadLetter, MigrationState, PhaseStatus};
use protocol::task::{Command, Task, TaskClass};
use serde::Serialize;
use serde_json::json;
use tests::nats::NatsServer;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const LONG: Duration = Duration::from_secs(60);
const SHARD: ShardId = ShardId { index: IndexNo(0), shard: 0 };

fn name() -> MigrationName {
    "m".parse().unwrap()
}

fn spec(delete_dead_letters: bool) -> Spec {
    let gates = json!({ "metadata": "auto", "load": "auto", "cleanup": "auto" });
    let configured = json!({
        "name": "m",
        "snapshot": { "repository": { "path": "/repo" }, "externallyManagedSnapshot": "snap" },
        "target": { "endpoint": "http://target" },
        "gates": gates,
        "cleanup": { "deleteDeadLetters": delete_dead_letters },
    });
    serde_json::from_value(configured).unwrap()
}

/// A server, a coordinator and a worker.
struct Rig {
    server: NatsServer,
    bus: Arc<NatsBus>,
    cancel: CancellationToken,
    parts: JoinSet<()>,
}

impl Rig {
    async fn new() -> Self {
        let server = NatsServer::start().unwrap_or_else(|error| panic!("{error:#}"));
        let bus = NatsBus::connect(NatsOptions::new(&server.url)).await.unwrap();
        Self { server, bus, cancel: CancellationToken::new(), parts: JoinSet::new() }
    }

    /// On connections of their own, as they would have.
    async fn start(&mut self) {
        let bus = NatsBus::connect(NatsOptions::new(&self.server.url)).await.unwrap();
        let cancel = self.cancel.clone();
        self.parts.spawn(async move { serve(bus, "c", cancel).await.unwrap() });
        let bus = NatsBus::connect(NatsOptions::new(&self.server.url)).await.unwrap();
        let cancel = self.cancel.clone();
        self.parts.spawn(async move {
            let _: Option<()> = cancel.run_until_cancelled(work(&*bus)).await;
        });
    }

    async fn stop(mut self) {
        self.cancel.cancel();
        while let Some(ended) = self.parts.join_next().await {
            ended.unwrap();
        }
    }

    async fn put<T: Serialize>(&self, bucket: Bucket, key: &str, value: &T) {
        put(&*self.bus, bucket, key, value).await;
    }

    async fn submit(&self, number: u32, spec: Spec, redo: Option<Redo>) {
        self.put(Bucket::Migrations, &names::spec(&name()), &Submission { number, spec, redo }).await;
    }

    async fn state(&self) -> Option<MigrationState> {
        let key = names::state(&name());
        bus::read(&*self.bus, Bucket::Migrations, &key).await.unwrap().map(|(state, _)| state)
    }

    async fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for bucket in Bucket::ALL {
            keys.extend(self.bus.keys(bucket, &names::migration_prefix(&name())).await.unwrap());
        }
        keys
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let wait = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(LONG, wait).await.is_err() {
            panic!("{what}: {:?}, {:?}", self.state().await, self.keys().await);
        }
    }

    async fn until_removed(&self) {
        self.until("it is removed", async || self.keys().await.is_empty()).await;
    }

    async fn until_complete(&self, submission: u32) {
        let complete = |state: MigrationState| state.submission == submission && state.current().is_none();
        self.until("it is complete", async || self.state().await.is_some_and(complete)).await;
    }

    async fn consumers(&self) -> usize {
        let client = async_nats::connect(&self.server.url).await.unwrap();
        let jetstream = async_nats::jetstream::new(client);
        let info = jetstream.get_stream(names::STREAM_TASKS).await.unwrap().get_info().await.unwrap();
        info.state.consumer_count
    }
}

async fn put<T: Serialize>(bus: &dyn Bus, bucket: Bucket, key: &str, value: &T) {
    bus.put(bucket, key, bus::bytes(key, value).unwrap()).await.unwrap();
}

/// Answers whatever is asked, as long as there is somebody who asks.
async fn work(bus: &dyn Bus) {
    loop {
        for class in TaskClass::ALL {
            let pulled = bus.pull(&name(), class, Duration::from_millis(30)).await;
            // The consumer goes with the migration, under the pull.
            let Ok(Some(delivery)) = pulled else { continue };
            let spec = bus::read::<Submission>(bus, Bucket::Migrations, &names::spec(&name())).await.unwrap();
            if let Some((submission, _)) = spec {
                answer(bus, &delivery.message.task, submission.number).await;
            }
            delivery.receipt.ack().await.unwrap();
        }
    }
}

async fn answer(bus: &dyn Bus, task: &Task, submission: u32) {
    let named = |no| format!("index-{no}");
    match task {
        Task::Command(command) => {
            if *command == Command::Register {
                for no in 0..2 {
                    let index = CatalogueIndex { no: IndexNo(no), name: named(no), create: true, load: true };
                    let page = CataloguePage { submission, pages: 2, indices: vec![index] };
                    put(bus, Bucket::Migrations, &names::catalogue(&name(), no), &page).await;
                }
            }
            let outcome = Ok(vec![format!("{command} is fine")]);
            let result = CommandResult { submission, outcome, worker: WorkerId::new("w") };
            put(bus, Bucket::Migrations, &names::result(&name(), *command), &result).await;
        }
        Task::Inventory(no) => {
            let index = InventoryIndex {
                no: IndexNo(*no),
                name: named(*no),
                repository_id: "id".to_owned(),
                create: true,
                load: true,
                shards: vec![InventoryShard::default(); 2],
                version_created: "7.10.2".to_owned(),
                ..InventoryIndex::default()
            };
            let page = InventoryPage { submission, indices: vec![index], pages: 2 };
            put(bus, Bucket::Migrations, &names::inventory(&name(), *no), &page).await;
        }
        Task::Plan(shard) => {
            let plan = ShardPlan { segments: Vec::new(), slices: Vec::new() };
            put(bus, Bucket::Migrations, &names::plan(&name(), *shard), &plan).await;
        }
        Task::Load(..) | Task::Curl(_) => panic!("there is nothing to load, and nobody asks for anything"),
    }
}

fn letter() -> DeadLetter {
    DeadLetter {
        index: "index-0".to_owned(),
        id: "1".to_owned(),
        routing: None,
        status: 400,
        kind: "mapper_parsing_exception".to_owned(),
        reason: "no".to_owned(),
        shard: 0,
        segment: "_0".to_owned(),
        doc: 1,
        source: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_complete_migration_goes_and_its_name_is_free_again() {
    let mut rig = Rig::new().await;
    rig.start().await;
    for _ in 0..2 {
        rig.submit(1, spec(false), None).await;
        rig.until_removed().await;
        assert!(rig.bus.events(&name(), 10).await.unwrap().is_empty());
        rig.until("no consumer is left", async || rig.consumers().await == 0).await;
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_keep_a_complete_migration_and_what_is_wanted_again_is_done_again() {
    let mut rig = Rig::new().await;
    rig.start().await;
    rig.bus.store_dead_letter(&name(), SHARD, &letter()).await.unwrap();
    rig.submit(1, spec(false), None).await;
    rig.until_complete(1).await;
    let record = names::shard(&name(), SHARD);
    let read = async || bus::read::<ShardRecord>(&*rig.bus, Bucket::Checkpoints, &record).await.unwrap();
    let (first, revision) = read().await.expect("its shards are loaded");
    assert!(first.done);
    // Nothing to do again: it stays as it is.
    rig.submit(2, spec(false), None).await;
    rig.until_complete(2).await;
    assert_eq!(read().await.unwrap().1, revision);
    rig.submit(3, spec(false), Some(Redo::Shard(SHARD))).await;
    rig.until_complete(3).await;
    let (again, later) = read().await.expect("it is loaded again");
    assert!(again.done && later > revision);
    rig.submit(4, spec(true), Some(Redo::Phase(Phase::Cleanup))).await;
    rig.until_removed().await;
    assert_eq!(rig.bus.dead_letters(&name(), 0, 1).await.unwrap().count, 0);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_that_broke_off_is_finished() {
    let mut rig = Rig::new().await;
    let mut state = MigrationState::default();
    for phase in state.phases.values_mut() {
        phase.status = PhaseStatus::Done;
    }
    rig.put(Bucket::Migrations, &names::state(&name()), &state).await;
    rig.put(Bucket::Gates, &names::gate(&name(), Phase::Load), &"left behind").await;
    rig.start().await;
    rig.until_removed().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_that_was_there_before_the_migration_is_heeded() {
    let mut rig = Rig::new().await;
    let wish = |kind| Wish { kind, who: "ada".to_owned(), at_ms: 1, note: "not yet".to_owned(), submission: 1 };
    rig.put(Bucket::Control, &names::wish(&name()), &wish(WishKind::Pause)).await;
    rig.start().await;
    rig.submit(1, spec(false), None).await;
    let paused = |state: MigrationState| state.paused.as_deref() == Some("paused by ada: not yet");
    rig.until("it is paused", async || rig.state().await.is_some_and(paused)).await;
    rig.put(Bucket::Control, &names::wish(&name()), &wish(WishKind::Go)).await;
    rig.until_removed().await;
    rig.stop().await;
}
