//! A desk with terminals: a directory, a NATS server where one is wanted, and what runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::binaries;
use tests::nats::NatsServer;
use tests::processes::Program;
use tests::workplace::{Ended, Workplace};

/// How long anything may take: several times what it takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(240);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Every gate opens by itself.
pub const ALL_AUTO: &str = "gates: {metadata: auto, load: auto, cleanup: auto}\n";
/// Only the last gate waits.
pub const LAST_MANUAL: &str = "gates: {metadata: auto, load: auto}\n";
/// A slice whose file somebody else holds is tried again for as long as a test wants.
pub const PATIENT: &str = "sizing: {maxAttempts: 1000}\n";

/// Exit codes of `migctl`.
pub const DONE: i32 = 0;
pub const ERROR: i32 = 1;
pub const USAGE: i32 = 2;
pub const WAITING: i32 = 3;
pub const FAILED: i32 = 4;

/// The snapshot of the quickstart: its repository, and what is in it.
pub fn quickstart() -> (PathBuf, PathBuf) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart").canonicalize().unwrap();
    (folder.join("repository"), folder.join("truth.ndjson"))
}

/// A directory to type commands in.
pub struct Desk {
    /// The directory.
    pub place: Workplace,
    nats: Option<NatsServer>,
    programs: Vec<Program>,
}

impl Desk {
    /// One for `migctl run`.
    pub fn new() -> Self {
        Self { place: Workplace::new().unwrap(), nats: None, programs: Vec::new() }
    }

    /// One with a NATS server, and nobody at it.
    pub fn with_nats() -> Self {
        Self { nats: Some(NatsServer::start().unwrap()), ..Self::new() }
    }

    /// One with a NATS server, a coordinator and a worker.
    pub fn staffed() -> Self {
        let mut desk = Self::with_nats();
        desk.start_coordinator();
        desk.start_worker();
        desk
    }

    pub fn start_coordinator(&mut self) {
        self.start("coordinator", &["start"]);
    }

    pub fn start_worker(&mut self) {
        self.start("worker", &["start", "--slots", "2"]);
    }

    fn start(&mut self, program: &str, arguments: &[&str]) {
        let mut command = binaries::command(program, self.place.path(), arguments).unwrap();
        command.env("RUST_LOG", "info,worker=debug,coordinator=debug").args(["--nats", self.url()]);
        // What a configuration may name, and only these programs have.
        command.env("DESK_PASSWORD", "secret");
        self.programs.push(Program::start(program, command, self.place.path()).unwrap());
    }

    /// Whether there is a NATS server.
    pub fn has_nats(&self) -> bool {
        self.nats.is_some()
    }

    /// The NATS server, to be killed and started again.
    pub fn nats(&mut self) -> &mut NatsServer {
        self.nats.as_mut().unwrap()
    }

    /// What every program that was started has logged.
    pub fn logs(&self) -> Vec<String> {
        self.programs.iter().map(|program| program.log().unwrap()).collect()
    }

    /// The NATS server's address.
    pub fn url(&self) -> &str {
        &self.nats.as_ref().unwrap().url
    }

    /// Writes the configuration of `name` from the quickstart's snapshot into `NAME.yaml`, which ends with `rest`; its
    /// documents go to `out`.
    pub fn configure(&self, name: &str, rest: &str) {
        self.configure_from(name, &quickstart().0, "snap-1", rest);
    }

    /// Writes the configuration of `name` from another snapshot.
    pub fn configure_from(&self, name: &str, repository: &Path, snapshot: &str, rest: &str) {
        self.write(name, repository, snapshot, "endpoint: 'file:./out'", rest);
    }

    /// Writes the configuration of `name` from the quickstart's snapshot to another target.
    pub fn configure_to(&self, name: &str, target: &str, rest: &str) {
        self.write(name, &quickstart().0, "snap-1", target, rest);
    }

    fn write(&self, name: &str, repository: &Path, snapshot: &str, target: &str, rest: &str) {
        let config = format!(
            "name: {name}\nsnapshot:\n  repository: {{path: '{}'}}\n  externallyManagedSnapshot: {snapshot}\ntarget: \
             {{{target}}}\n{rest}",
            repository.display()
        );
        fs::write(self.place.path().join(format!("{name}.yaml")), config).unwrap();
    }

    /// Types a command, on the NATS server where there is one.
    pub fn migctl(&self, arguments: &[&str]) -> Ended {
        self.place.migctl(&self.whole(arguments)).unwrap()
    }

    /// Types a command that must end so and say these.
    #[track_caller]
    pub fn says(&self, arguments: &[&str], code: i32, words: &[&str]) -> Ended {
        let ended = self.migctl(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended}");
        let said = format!("{}{}", ended.errors, ended.output);
        for word in words {
            assert!(said.contains(word), "{arguments:?} doesn't say {word:?}: {ended}");
        }
        ended
    }

    /// Types a command on another terminal; what it says is in [`Program::log`].
    pub fn types(&self, arguments: &[&str]) -> Program {
        self.place.start(&self.whole(arguments)).unwrap()
    }

    fn whole<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let nats = self.nats.as_ref().map(|nats| ["--nats", &nats.url]);
        arguments.iter().copied().chain(nats.into_iter().flatten()).collect()
    }

    /// What `status` shows of `name`, once there is something.
    pub fn view(&self, name: &str) -> Option<Value> {
        self.migctl(&["status", "-m", name, "--output", "json"]).json().ok()
    }

    /// Waits until `phase` of `name` is `status`.
    pub fn await_phase(&mut self, name: &str, phase: &str, status: &str) -> Value {
        self.eventually(&format!("{name}: {phase} {status}"), |desk| {
            let view = desk.view(name)?;
            (phase_of(&view, phase)["status"] == status).then_some(view)
        })
    }

    /// Waits until the migration's state is gone from where it was.
    pub fn await_removal(&mut self, name: &str) {
        self.eventually(&format!("{name} is removed"), |desk| {
            let ended = desk.migctl(&["list", "--output", "json"]);
            assert_eq!(ended.code, Some(DONE), "{ended}");
            let rows = ended.json().unwrap();
            rows.as_array().unwrap().iter().all(|row| row["name"] != name).then_some(())
        });
    }

    /// Looks until there is something to see.
    pub fn eventually<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(seen) = look(self) {
                return seen;
            }
            if begun.elapsed() > DEADLINE {
                let logs: Vec<String> = self.programs.iter().map(Program::log_tail).collect();
                panic!("waited {DEADLINE:?} for {what}\n{}\n{}", self.migctl(&["list"]), logs.join("\n"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Fails the test unless `out` holds exactly the quickstart's documents of the indices that `wanted` accepts.
    #[track_caller]
    pub fn assert_arrived(&self, wanted: impl Fn(&str) -> bool) {
        let report = self.place.compare(&quickstart().1, wanted).unwrap();
        assert!(report.is_equal() && report.equal > 0, "{report}");
    }

    /// Holds the file that the only slice of `books` goes into, so that its load lasts until the lock is dropped: as an
    /// earlier migration of the same snapshot tells its name.
    pub fn hold_books(&self) -> File {
        let scout = Self::new();
        scout.configure("scout", &format!("{ALL_AUTO}indices: [books]\n"));
        scout.says(&["run", "-c", "scout.yaml"], DONE, &[]);
        let slice = scout.place.out(".ndjson").unwrap().remove(0);
        let slice = slice.strip_prefix(scout.place.path()).unwrap();
        let part = self.place.path().join(slice).with_extension("ndjson.part");
        fs::create_dir_all(part.parent().unwrap()).unwrap();
        let held = File::create(part).unwrap();
        held.lock().unwrap();
        held
    }
}

/// One phase of what `status` shows.
pub fn phase_of<'a>(view: &'a Value, name: &str) -> &'a Value {
    view["phases"].as_array().unwrap().iter().find(|phase| phase["phase"] == name).unwrap()
}

/// Waits for the end of a program; its exit code.
pub fn await_end(program: &mut Program) -> Option<i32> {
    let begun = Instant::now();
    while program.is_running().unwrap() {
        assert!(begun.elapsed() < DEADLINE, "it doesn't end\n{}", program.log_tail());
        std::thread::sleep(LOOK_EVERY);
    }
    program.kill9().unwrap().code()
}
