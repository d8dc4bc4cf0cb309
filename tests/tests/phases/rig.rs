//! A migration in this process: its bus, its coordinator, a worker, and a person at its gates.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use coordinator::shell;
use protocol::bus::embedded::EmbeddedBus;
use protocol::bus::{self, SharedBus};
use protocol::checkpoint::{Counts, ShardRecord};
use protocol::destination::{Destination, TargetIndex, TargetPage};
use protocol::gate::Decision;
use protocol::ids::{IndexNo, MigrationName, ShardId, WorkerId};
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::plan::{InventoryIndex, InventoryPage};
use protocol::spec::{Redo, Spec, Submission};
use protocol::state::{CommandResult, DeadLetter, MigrationState, PhaseState, PhaseStatus};
use protocol::task::Command;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use worker::context::Context;
use worker::phases;
use worker::work::{self, Options};

/// How long anything may take: several times what it takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(240);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const MEMORY: usize = 64 << 20;

/// The quickstart's repository.
pub fn quickstart() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart/repository").canonicalize().unwrap()
}

/// The configuration of a migration without gates; `further` fields count.
pub fn spec(repository: PathBuf, snapshot: &str, endpoint: &str, further: Value) -> Value {
    // Tests share a target, and two migrations of one name may not ask it at once.
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("test-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut spec = json!({
        "name": name,
        "snapshot": {"repository": {"path": repository}, "externallyManagedSnapshot": snapshot},
        "target": {"endpoint": endpoint},
        "gates": {"metadata": "auto", "load": "auto", "cleanup": "auto"},
    });
    spec.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    spec
}

/// A migration and what is at it.
pub struct Rig {
    pub name: MigrationName,
    bus: SharedBus,
    context: Context,
    spec: Spec,
    submission: u32,
    cancel: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    runtime: Runtime,
    _directory: TempDir,
}

impl Rig {
    /// A migration that is submitted, and at which nobody works.
    pub fn idle(spec: Value) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let bus: SharedBus = runtime.block_on(EmbeddedBus::open(directory.path())).unwrap();
        let spec: Spec = serde_json::from_value(spec).unwrap();
        let mut rig = Self {
            name: spec.name.clone(),
            context: Context::new(bus.clone(), WorkerId::new("by-hand"), MEMORY),
            bus,
            spec,
            submission: 0,
            cancel: CancellationToken::new(),
            tasks: Vec::new(),
            runtime,
            _directory: directory,
        };
        rig.submit_again(json!({}));
        rig
    }

    /// One at which coordinator and worker are.
    pub fn running(spec: Value) -> Self {
        let mut rig = Self::idle(spec);
        rig.resume();
        rig
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.name.to_string()
    }

    /// Coordinator and worker begin, or go on.
    pub fn resume(&mut self) {
        self.cancel = CancellationToken::new();
        let (bus, name, cancel) = (self.bus.clone(), self.name.clone(), self.cancel.clone());
        let drive =
            async move { shell::drive(bus, name, "rig", cancel).await.map_or_else(|error| panic!("{error}"), drop) };
        let work = work::work(self.bus.clone(), Options::new(2, MEMORY), self.cancel.clone());
        self.tasks = vec![self.runtime.spawn(drive), self.runtime.spawn(work)];
    }

    /// Coordinator and worker end, in the middle of whatever they do; what no checkpoint covers is lost.
    pub fn halt(&mut self) {
        self.cancel.cancel();
        for task in self.tasks.drain(..) {
            self.runtime.block_on(task).unwrap();
        }
    }

    /// Takes the place of the metadata phase, which waits: the documents of each index go where `to` says.
    pub fn decide(&mut self, to: impl Fn(&InventoryIndex) -> Vec<Destination>) {
        self.done(Phase::Register);
        self.halt();
        let inventory: InventoryPage = self.read(Bucket::Migrations, &names::inventory(&self.name, 0)).unwrap();
        let destinations = inventory.indices.iter().map(|index| {
            let destinations = to(index);
            (index.no, TargetIndex { destinations })
        });
        let page = TargetPage { indices: destinations.collect() };
        self.put(Bucket::Migrations, &names::target(&self.name, 0), &page);
        let mut state: MigrationState = self.read(Bucket::Migrations, &names::state(&self.name)).unwrap();
        state.phases.insert(Phase::Metadata, PhaseState { status: PhaseStatus::Done, ..PhaseState::default() });
        self.put(Bucket::Migrations, &names::state(&self.name), &state);
        self.resume();
    }

    /// Submits it once more, with every shard to be loaded again, from its first document.
    pub fn load_again(&mut self) {
        self.halt();
        let prefix = names::migration_prefix(&self.name);
        for key in self.runtime.block_on(self.bus.keys(Bucket::Checkpoints, &prefix)).unwrap() {
            self.runtime.block_on(self.bus.delete(Bucket::Checkpoints, &key)).unwrap();
        }
        self.submission += 1;
        let (number, spec, redo) = (self.submission, self.spec.clone(), Some(Redo::Phase(Phase::Load)));
        self.put(Bucket::Migrations, &names::spec(&self.name), &Submission { number, spec, redo });
        self.resume();
    }

    /// Submits it, with these fields changed.
    pub fn submit_again(&mut self, changed: Value) {
        let mut spec = serde_json::to_value(&self.spec).unwrap();
        spec.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        self.spec = serde_json::from_value(spec).unwrap();
        self.submission += 1;
        let submission = Submission { number: self.submission, spec: self.spec.clone(), redo: None };
        self.put(Bucket::Migrations, &names::spec(&self.name), &submission);
    }

    pub fn put<T: serde::Serialize>(&self, bucket: Bucket, key: &str, value: &T) {
        self.runtime.block_on(self.bus.put(bucket, key, bus::bytes(key, value).unwrap())).unwrap();
    }

    fn read<T: serde::de::DeserializeOwned>(&self, bucket: Bucket, key: &str) -> Option<T> {
        self.runtime.block_on(bus::read(&*self.bus, bucket, key)).unwrap().map(|(value, _)| value)
    }

    /// What a worker answers to the command, here and now.
    pub fn execute(&self, command: Command) -> Result<Vec<String>, String> {
        self.runtime.block_on(async {
            let migration = self.context.migration(&self.name).await.unwrap();
            phases::execute(&self.context, &migration, command).await.unwrap();
        });
        let result: CommandResult = self.read(Bucket::Migrations, &names::result(&self.name, command)).unwrap();
        assert_eq!(result.submission, self.submission);
        result.outcome
    }

    /// Stores the inventory of these indices.
    pub fn put_inventory(&self, page: &InventoryPage) {
        self.put(Bucket::Migrations, &names::inventory(&self.name, 0), page);
    }

    /// Lets a phase begin that waits.
    pub fn approve(&self, phase: Phase) {
        self.wait_for(phase, "it waits", |status| matches!(status, PhaseStatus::Waiting));
        let decision = Decision {
            approved: true,
            who: "test".to_owned(),
            at_ms: protocol::clock::now_ms(),
            note: String::new(),
            submission: self.submission,
            spec_digest: self.spec.digest(),
            evidence_digest: None,
        };
        self.put(Bucket::Gates, &names::gate(&self.name, phase), &decision);
    }

    /// Waits until the phase is done; its notes.
    pub fn done(&self, phase: Phase) -> Vec<String> {
        self.wait_for(phase, "it is done", |status| matches!(status, PhaseStatus::Done)).notes
    }

    /// Waits until the phase failed; why.
    pub fn failed(&self, phase: Phase) -> String {
        let state = self.wait_for(phase, "it failed", |status| matches!(status, PhaseStatus::Failed(_)));
        let PhaseStatus::Failed(reason) = state.status else { panic!("{state:?}") };
        reason
    }

    /// Waits until the phase waits at its gate.
    pub fn waits(&self, phase: Phase) {
        self.wait_for(phase, "it waits", |status| matches!(status, PhaseStatus::Waiting));
    }

    fn wait_for(&self, phase: Phase, what: &str, is: impl Fn(&PhaseStatus) -> bool) -> protocol::state::PhaseState {
        let begun = Instant::now();
        loop {
            let state: Option<MigrationState> = self.read(Bucket::Migrations, &names::state(&self.name));
            let state = state.filter(|state| state.submission == self.submission).unwrap_or_default();
            let found = state.phase(phase);
            if is(&found.status) {
                return found;
            }
            let fails = Phase::ALL.into_iter().map(|phase| (phase, state.phase(phase).status));
            let failed: Vec<_> = fails.filter(|(_, status)| matches!(status, PhaseStatus::Failed(_))).collect();
            let preflight = &state.preflight.status;
            assert!(!matches!(preflight, PhaseStatus::Failed(_)), "{preflight:?}");
            assert!(failed.is_empty(), "until {what} in {phase}: {failed:?}");
            assert!(begun.elapsed() < DEADLINE, "until {what} in {phase}: {state:?}");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// What metadata noted of an index of the target.
    pub fn destination(&self, name: &str) -> Destination {
        let page: TargetPage = self.read(Bucket::Migrations, &names::target(&self.name, 0)).unwrap();
        let mut all = page.indices.into_values().flat_map(|index| index.destinations);
        all.find(|destination| destination.name == name).unwrap()
    }

    /// What became of the documents of an index, which must add up.
    pub fn counts(&self, name: &str) -> Counts {
        let page: InventoryPage = self.read(Bucket::Migrations, &names::inventory(&self.name, 0)).unwrap();
        let index = page.indices.into_iter().find(|index| index.name == name).unwrap();
        let mut counts = Counts::default();
        for shard in 0..u32::try_from(index.shards.len()).unwrap() {
            counts.add(&self.record(index.no, shard).counts());
        }
        counts
    }

    /// Every dead letter.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        let page = self.runtime.block_on(self.bus.dead_letters(&self.name, 0, 10_000)).unwrap();
        assert_eq!(page.next, None);
        page.letters
    }

    fn record(&self, index: IndexNo, shard: u32) -> ShardRecord {
        let key = names::shard(&self.name, ShardId { index, shard });
        let record: ShardRecord = self.read(Bucket::Checkpoints, &key).unwrap();
        assert!(record.done && record.segments.iter().all(protocol::checkpoint::SegmentAccount::adds_up), "{record:?}");
        record
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
