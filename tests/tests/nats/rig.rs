//! One migration over a NATS server of its own, and the programs that are at it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::bus::nats::{NatsBus, NatsOptions};
use protocol::ids::MigrationName;
use serde_json::Value;
use tempfile::TempDir;
use tests::binaries;
use tests::nats::NatsServer;
use tests::processes::Program;
use tokio::runtime::Runtime;

use crate::source::{SNAPSHOT, Source, cluster};

/// How long anything may take: several times what it takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(240);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Every gate opens by itself.
pub const ALL_AUTO: &str = "gates: {metadata: auto, load: auto, cleanup: auto}\n";

/// Small slices, small requests, many checkpoints: so that there always is a middle to be stopped in.
pub const SMALL: &str =
    "sizing: {sliceBytes: 160KiB, bulkDocs: 25, bulkBytes: 64KiB, connections: 2, checkpointIntervalMs: 20}\n";
/// Documents of a bulk request in [`SMALL`].
pub const BULK_DOCS: usize = 25;
/// Bulk requests in flight in [`SMALL`].
pub const CONNECTIONS: usize = 2;

/// What a command said.
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub error: String,
}

/// A NATS server, a configuration, and programs.
pub struct Rig {
    /// The migration.
    pub migration: MigrationName,
    /// The server.
    pub nats: NatsServer,
    /// The test's own connection; made when first used.
    bus: Option<Arc<NatsBus>>,
    runtime: Runtime,
    programs: BTreeMap<&'static str, Program>,
    directory: TempDir,
    begun: Instant,
}

impl Rig {
    /// A server for the migration `name`; its configuration ends with `rest`.
    pub fn new(name: &str, repository: &Path, snapshot: &str, rest: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let rig = Self {
            migration: name.parse().unwrap(),
            nats: NatsServer::start().unwrap(),
            bus: None,
            runtime: tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap(),
            programs: BTreeMap::new(),
            directory,
            begun: Instant::now(),
        };
        rig.configure(repository, snapshot, rest);
        rig
    }

    /// A rig with a coordinator and the workers `a` and `b`, one slot each, to which `source` was submitted.
    pub fn loading(name: &str, source: &Source) -> Self {
        let mut rig = Self::new(name, &source.repository(), SNAPSHOT, &rest_for(source));
        rig.start_coordinator();
        rig.start_worker("a");
        rig.start_worker("b");
        rig.submit();
        rig
    }

    /// Writes the configuration.
    pub fn configure(&self, repository: &Path, snapshot: &str, rest: &str) {
        let config = format!(
            "name: {}\nsnapshot:\n  repository: {{path: '{}'}}\n  externallyManagedSnapshot: {snapshot}\n\
             target: {{endpoint: '{}'}}\n{rest}",
            self.migration,
            repository.display(),
            cluster().url()
        );
        std::fs::write(self.directory.path().join("migration.yaml"), config).unwrap();
    }

    /// Starts the coordinator, for the first time or again.
    pub fn start_coordinator(&mut self) {
        self.start("coordinator", "coordinator", &["start"]);
    }

    /// Starts a worker; `label` becomes the beginning of its id.
    pub fn start_worker(&mut self, label: &'static str) {
        self.start(label, "worker", &["start", "--slots", "1"]);
    }

    fn start(&mut self, label: &'static str, program: &str, arguments: &[&str]) {
        let mut command = binaries::command(program, self.directory.path(), arguments).unwrap();
        command
            .env("HOSTNAME", label)
            .env("RUST_LOG", "info,worker=debug,protocol=debug,coordinator=debug")
            .args(["--nats", &self.nats.url]);
        let started = Program::start(label, command, self.directory.path()).unwrap();
        self.programs.insert(label, started);
    }

    /// The program of that label.
    pub fn program(&mut self, label: &str) -> &mut Program {
        self.programs.get_mut(label).unwrap()
    }

    /// Runs a command of `migctl` on this rig's server.
    pub fn migctl(&self, arguments: &[&str]) -> Said {
        let mut command = binaries::command("migctl", self.directory.path(), arguments).unwrap();
        let output = command.args(["--nats", &self.nats.url]).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), error: text(output.stderr) }
    }

    /// `migctl submit`, which must succeed.
    pub fn submit(&self) {
        let said = self.migctl(&["submit"]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.error);
    }

    /// `migctl approve`, which must succeed.
    pub fn approve(&self, phase: &str) {
        let said = self.migctl(&["approve", phase]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.error);
    }

    /// Waits until `migctl status` says that `phase` is `status`; its exit code and its JSON then. Fails at once where
    /// the migration failed and should not.
    pub fn await_phase(&mut self, phase: &str, status: &str) -> (i32, Value) {
        let (phase, status) = (phase.to_owned(), status.to_owned());
        self.eventually(&format!("{phase} {status}"), |rig| {
            // While the server is away there is no answer.
            let said = rig.migctl(&["status", "--output", "json"]);
            let view: Value = serde_json::from_str(&said.out).ok()?;
            let phases = view["phases"].as_array().unwrap();
            let failed = phases.iter().find(|phase| phase["status"] == "failed");
            if let Some(failed) = failed.filter(|_| status != "failed") {
                rig.fail(&format!("it failed: {failed:#}"));
            }
            let found = phases.iter().find(|found| found["phase"] == phase.as_str())?;
            (found["status"] == status.as_str()).then_some((said.code, view))
        })
    }

    /// Waits for the end of the migration, which must be a good one, and looks at its account.
    pub fn await_end(&mut self) -> Value {
        let (code, view) = self.await_phase("cleanup", "done");
        assert_eq!(code, 0, "{view:#}");
        let indices = view["indices"].as_array().unwrap();
        assert!(!indices.is_empty() && indices.iter().all(|index| index["adds_up"] == true), "{view:#}");
        assert_eq!(view["dead_letters"], 0, "{view:#}");
        view
    }

    /// Looks until there is something to see.
    pub fn eventually<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(seen) = look(self) {
                return seen;
            }
            if begun.elapsed() > DEADLINE {
                self.fail(&format!("waited {DEADLINE:?} for {what}"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Ends the test with all that is known.
    pub fn fail(&self, why: &str) -> ! {
        let status = self.migctl(&["status"]);
        let logs: Vec<String> = self.programs.values().map(Program::log_tail).collect();
        panic!("{}: {why}\n{}{}\n{}", self.migration, status.out, status.error, logs.join("\n"));
    }

    /// The test's own connection to the bus.
    pub fn bus(&mut self) -> Arc<NatsBus> {
        if self.bus.is_none() {
            self.bus = Some(self.runtime.block_on(NatsBus::connect(NatsOptions::new(&self.nats.url))).unwrap());
        }
        self.bus.clone().unwrap()
    }

    /// Waits for what the bus is asked.
    pub fn wait_for<T>(&self, asked: impl Future<Output = T>) -> T {
        self.runtime.block_on(asked)
    }

    /// Tells what was measured; `cargo test -- --nocapture` shows it.
    pub fn note(&self, what: &str) {
        println!("{:>6.1} s  {}: {what}", self.begun.elapsed().as_secs_f64(), self.migration);
    }
}

/// The rest of a configuration: both indices of `source`, no gates, small slices.
pub fn rest_for(source: &Source) -> String {
    let names: Vec<String> = source.indices.iter().map(|index| format!("'{}'", index.name)).collect();
    format!("indices: [{}]\n{ALL_AUTO}{SMALL}", names.join(", "))
}
