//! The programs at a server of their own, and what they take.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use protocol::bus;
use protocol::bus::nats::{NatsBus, NatsOptions};
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::state::{MigrationState, PhaseStatus};
use tempfile::TempDir;
use tests::binaries;
use tests::nats::NatsServer;
use tests::processes::Program;
use tokio::runtime::Runtime;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long nothing may change before it is given up.
const STILL_MAX: Duration = Duration::from_secs(240);
/// What the store's trace says of each request.
const REQUEST: &str = "asked of the store";

/// What a part of the migration took.
#[derive(Debug, Default)]
pub struct Cost {
    pub time: Duration,
    /// Processor time that the coordinator took so far.
    pub coordinator_cpu: Duration,
    /// Peak memory so far, in MiB.
    pub coordinator_mib: u64,
    /// … of the worker that took more.
    pub worker_mib: u64,
    /// At the end.
    pub keys: u64,
    pub bytes: u64,
    /// At most.
    pub keys_max: u64,
    pub bytes_max: u64,
    /// Requests to the store.
    pub requests: usize,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { time, coordinator_cpu, coordinator_mib, worker_mib, keys, bytes, keys_max, bytes_max, requests } =
            self;
        write!(
            f,
            "{:.1} s; coordinator {:.1} s of CPU and {coordinator_mib} MiB, worker {worker_mib} MiB; {keys} keys of \
             {bytes} bytes, at most {keys_max} of {bytes_max}; {requests} requests",
            time.as_secs_f64(),
            coordinator_cpu.as_secs_f64()
        )
    }
}

/// A NATS server, a coordinator, two workers.
pub struct Rig {
    migration: MigrationName,
    nats: NatsServer,
    runtime: Runtime,
    bus: Arc<NatsBus>,
    jetstream: jetstream::Context,
    coordinator: Program,
    workers: Vec<Program>,
    directory: TempDir,
    requests: usize,
}

impl Rig {
    /// Starts them; the migration is that of `snapshot` in `repository` into files.
    pub fn new(repository: &Path, snapshot: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let nats = NatsServer::start().unwrap();
        let config = format!(
            "name: scale\nsnapshot:\n  repository: {{path: '{}'}}\n  externallyManagedSnapshot: {snapshot}\n\
             target: {{endpoint: 'file:./out'}}\n",
            repository.display()
        );
        std::fs::write(directory.path().join("migration.yaml"), config).unwrap();
        let start = |label: &str, program: &str, arguments: &[&str]| {
            let mut command = binaries::command(program, directory.path(), arguments).unwrap();
            command.env("HOSTNAME", label).env("RUST_LOG", "info,snapshot=trace").args(["--nats", &nats.url]);
            Program::start(label, command, directory.path()).unwrap()
        };
        let coordinator = start("coordinator", "coordinator", &["start"]);
        let workers = ["a", "b"].map(|label| start(label, "worker", &["start", "--slots", "2"])).into();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (bus, jetstream) = runtime.block_on(async {
            let bus = NatsBus::connect(NatsOptions::new(&nats.url)).await.unwrap();
            (bus, jetstream::new(async_nats::connect(&nats.url).await.unwrap()))
        });
        Self {
            migration: "scale".parse().unwrap(),
            nats,
            runtime,
            bus,
            jetstream,
            coordinator,
            workers,
            directory,
            requests: 0,
        }
    }

    /// Submits, or approves a phase, and waits until the gate of `phase` is reached.
    pub fn run_to(&mut self, phase: &str, approve: Option<&str>) -> Cost {
        let begun = Instant::now();
        self.migctl(&approve.map_or_else(|| vec!["submit"], |approved| vec!["approve", approved]));
        let phase: Phase = phase.parse().unwrap();
        let mut cost = Cost::default();
        let mut changed = (Instant::now(), 0);
        loop {
            let (state, keys, bytes) = self.runtime.block_on(self.look());
            (cost.keys, cost.bytes) = (keys, bytes);
            (cost.keys_max, cost.bytes_max) = (cost.keys_max.max(keys), cost.bytes_max.max(bytes));
            if state.phase(phase).status == PhaseStatus::Waiting {
                break;
            }
            if changed.1 != bytes {
                changed = (Instant::now(), bytes);
            }
            let failed = state.phases.values().find(|state| matches!(state.status, PhaseStatus::Failed(_)));
            if failed.is_some() || changed.0.elapsed() > STILL_MAX {
                self.fail(&format!("{phase} is not reached: {state:#?}"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        cost.time = begun.elapsed();
        cost.coordinator_cpu = cpu(&self.coordinator);
        cost.coordinator_mib = peak_mib(&self.coordinator);
        cost.worker_mib = self.workers.iter().map(peak_mib).max().unwrap();
        let requests: usize = self.workers.iter().map(|worker| worker.log().unwrap().matches(REQUEST).count()).sum();
        cost.requests = requests - self.requests;
        self.requests = requests;
        cost
    }

    /// The migration's state; how many keys and bytes all buckets hold.
    async fn look(&self) -> (MigrationState, u64, u64) {
        let key = names::state(&self.migration);
        let state = bus::read::<MigrationState>(&*self.bus, Bucket::Migrations, &key).await.unwrap();
        let (mut keys, mut bytes) = (0, 0);
        for bucket in Bucket::ALL {
            let stream = self.jetstream.get_stream(format!("KV_{}", bucket.as_str())).await.unwrap();
            let state = stream.get_info().await.unwrap().state;
            keys += state.messages;
            bytes += state.bytes;
        }
        (state.map(|(state, _)| state).unwrap_or_default(), keys, bytes)
    }

    fn migctl(&self, arguments: &[&str]) {
        let mut command = binaries::command("migctl", self.directory.path(), arguments).unwrap();
        let output = command.args(["--nats", &self.nats.url]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn fail(&self, why: &str) -> ! {
        let logs = self.workers.iter().chain([&self.coordinator]).map(Program::log_tail).collect::<Vec<_>>();
        panic!("{why}\n{}", logs.join("\n"));
    }
}

/// The most memory that a program has held, as the kernel tells it.
fn peak_mib(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// The processor time that a program has taken, as the kernel tells it: in hundredths of a second.
fn cpu(program: &Program) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", program.pid())).unwrap();
    // The second field is a name in brackets; user and system time are the fourteenth and fifteenth.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks: u64 = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
