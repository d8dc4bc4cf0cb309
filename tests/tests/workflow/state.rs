//! What the bus tells as it happens: sooner than anybody can ask.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use protocol::bus::nats::{NatsBus, NatsOptions};
use protocol::bus::{Bus, Change, Watch};
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::state::MigrationState;
use protocol::wire;
use tests::rig::Rig;
use tokio::runtime::Runtime;

/// How long anything may take: several times what it takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(240);

/// What was told so far.
#[derive(Default)]
struct Told {
    state: Option<MigrationState>,
    /// Changes of the state and of checkpoints.
    changes: u64,
    /// Checkpoints that were written.
    checkpoints: u64,
}

/// A watch of one migration.
pub struct States {
    told: Arc<(Mutex<Told>, Condvar)>,
    // It runs what listens.
    _runtime: Runtime,
}

impl States {
    /// Listens from now on.
    pub fn watch(rig: &Rig) -> Self {
        let told = Arc::new((Mutex::new(Told::default()), Condvar::new()));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let migration: MigrationName = rig.migration.parse().unwrap();
        let prefix = names::migration_prefix(&migration);
        let state_key = names::state(&migration);
        let (bus, watches) = runtime.block_on(async {
            let bus = NatsBus::connect(NatsOptions::new(&rig.nats.url)).await.unwrap();
            let watches = [Bucket::Migrations, Bucket::Checkpoints].map(|bucket| bus.watch(bucket, &prefix));
            let watches = futures::future::join_all(watches).await;
            (bus, watches)
        });
        for watch in watches {
            let (told, state_key, bus) = (told.clone(), state_key.clone(), bus.clone());
            // A test's own: it ends with the runtime.
            runtime.handle().spawn(async move {
                listen(watch.unwrap(), &told, &state_key).await;
                drop(bus);
            });
        }
        Self { told, _runtime: runtime }
    }

    /// Waits until `phase` is under way.
    pub fn await_running(&self, phase: &str) {
        self.until(&format!("{phase} running"), |told| status(told, phase) == "running");
    }

    /// Waits for a checkpoint that is written from now on.
    pub fn await_checkpoint(&self) {
        let before = self.told.0.lock().unwrap().checkpoints;
        self.until("a checkpoint", |told| told.checkpoints > before);
    }

    /// Waits until something happens that did not before.
    pub fn await_change(&self) {
        let before = self.told.0.lock().unwrap().changes;
        self.until("any progress", |told| told.changes > before);
    }

    /// What `phase` is now.
    pub fn now(&self, phase: &str) -> &'static str {
        status(&self.told.0.lock().unwrap(), phase)
    }

    /// The first phase that is not through, and what it is; `None`: all are.
    pub fn current(&self) -> Option<String> {
        let told = self.told.0.lock().unwrap();
        let state = told.state.as_ref()?;
        let phase = state.current()?;
        Some(format!("{phase} {}", state.phase(phase).status.word()))
    }

    fn until(&self, what: &str, reached: impl Fn(&Told) -> bool) {
        let (told, changed) = &*self.told;
        let waiting = |told: &mut Told| !reached(told);
        let (_told, timeout) = changed.wait_timeout_while(told.lock().unwrap(), DEADLINE, waiting).unwrap();
        assert!(!timeout.timed_out(), "waited {DEADLINE:?} for {what}");
    }
}

fn status(told: &Told, phase: &str) -> &'static str {
    let state = told.state.clone().unwrap_or_default();
    state.phase(phase.parse().unwrap()).status.word()
}

async fn listen(mut watch: Watch, told: &(Mutex<Told>, Condvar), state_key: &str) {
    while let Some(change) = watch.recv().await {
        let Change::Put(key, entry) = change else { continue };
        let (told, changed) = told;
        let mut told = told.lock().unwrap();
        if key == state_key {
            told.state = Some(wire::decode(&entry.value).unwrap());
            told.changes += 1;
        } else if key.split('.').nth(3).is_some_and(|slice| slice.starts_with('_')) {
            told.checkpoints += 1;
            told.changes += 1;
        }
        changed.notify_all();
    }
}
