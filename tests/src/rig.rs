//! One migration over a NATS server of its own, and the programs that are at it.
//!
//! In: a configuration. Out: what `migctl` says, typed as a person types it.
//! Holds: nothing outlives the [`Rig`]; every wait is for a state, and one that never comes fails with all that is known.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "what is not there fails the test")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;
use tempfile::TempDir;

use crate::binaries;
use crate::nats::NatsServer;
use crate::processes::Program;
use crate::workplace::{CONFIG, Ended};

/// How long anything may take: several times what it takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(240);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A NATS server, a configuration, and programs.
#[derive(Debug)]
pub struct Rig {
    /// The migration's name.
    pub migration: String,
    /// The server.
    pub nats: NatsServer,
    programs: BTreeMap<&'static str, Program>,
    directory: TempDir,
    begun: Instant,
}

impl Rig {
    /// A server for the migration `name`, which `config` configures.
    ///
    /// # Errors
    /// The server can't be started, the configuration can't be written.
    pub fn new(name: &str, config: &str) -> Result<Self> {
        let rig = Self {
            migration: name.to_owned(),
            nats: NatsServer::start()?,
            programs: BTreeMap::new(),
            directory: tempfile::Builder::new().prefix("migctl-rig-").tempdir()?,
            begun: Instant::now(),
        };
        rig.configure(config)?;
        Ok(rig)
    }

    /// The directory that every program runs in.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes the configuration, in place of what was there.
    ///
    /// # Errors
    /// It can't be written.
    pub fn configure(&self, config: &str) -> Result<()> {
        Ok(std::fs::write(self.path().join(CONFIG), config)?)
    }

    /// Starts the coordinator, for the first time or again.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start_coordinator(&mut self) -> Result<()> {
        self.start("coordinator", "coordinator", &["start"])
    }

    /// Starts a worker with one slot; `label` becomes the beginning of its id.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start_worker(&mut self, label: &'static str) -> Result<()> {
        self.start(label, "worker", &["start", "--slots", "1"])
    }

    fn start(&mut self, label: &'static str, program: &str, arguments: &[&str]) -> Result<()> {
        let mut command = binaries::command(program, self.path(), arguments)?;
        command
            .env("HOSTNAME", label)
            .env("RUST_LOG", "info,worker=debug,protocol=debug,coordinator=debug")
            .args(["--nats", &self.nats.url]);
        self.programs.insert(label, Program::start(label, command, self.directory.path())?);
        Ok(())
    }

    /// Types a command of `migctl` that goes on, on a terminal called `label`; what it says is in [`Program::log`].
    ///
    /// # Errors
    /// It can't be started.
    pub fn types(&mut self, label: &'static str, arguments: &[&str]) -> Result<()> {
        let mut command = binaries::command("migctl", self.path(), arguments)?;
        command.args(["--nats", &self.nats.url]);
        self.programs.insert(label, Program::start(label, command, self.directory.path())?);
        Ok(())
    }

    /// The program of that label, which was started.
    pub fn program(&mut self, label: &str) -> &mut Program {
        self.programs.get_mut(label).unwrap_or_else(|| panic!("{label} was not started"))
    }

    /// The labels of what was started and runs still.
    pub fn running(&mut self) -> Vec<&'static str> {
        let alive = |program: &mut Program| program.is_running().is_ok_and(|running| running);
        self.programs.iter_mut().filter_map(|(label, program)| alive(program).then_some(*label)).collect()
    }

    /// Runs a command of `migctl` on this rig's server.
    pub fn migctl(&self, arguments: &[&str]) -> Ended {
        let run = || -> Result<Ended> {
            let mut command = binaries::command("migctl", self.path(), arguments)?;
            let output = command.args(["--nats", &self.nats.url]).output()?;
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            Ok(Ended { code: output.status.code(), output: text(output.stdout), errors: text(output.stderr) })
        };
        run().unwrap_or_else(|error| panic!("migctl {arguments:?}: {error:#}"))
    }

    /// Runs a command of `migctl` that must succeed; what it said.
    pub fn does(&self, arguments: &[&str]) -> Ended {
        let ended = self.migctl(arguments);
        assert_eq!(ended.code, Some(0), "migctl {arguments:?}: {ended}");
        ended
    }

    /// What `migctl status` says; `None` while there is no such migration, or nobody to ask.
    pub fn view(&self) -> Option<Value> {
        self.migctl(&["status", "--output", "json"]).json().ok()
    }

    /// Waits until `migctl status` says that `phase` is `status`; its exit code and its JSON then. Fails at once where
    /// the migration failed and should not.
    pub fn await_phase(&mut self, phase: &str, status: &str) -> (Option<i32>, Value) {
        let (phase, status) = (phase.to_owned(), status.to_owned());
        self.eventually(&format!("{phase} {status}"), |rig| {
            // While the server is away there is no answer.
            let said = rig.migctl(&["status", "--output", "json"]);
            let view = said.json().ok()?;
            if let Some(failed) = failed(&view).filter(|_| status != "failed") {
                rig.fail(&format!("it failed: {failed:#}"));
            }
            let found = view["phases"].as_array()?.iter().find(|found| found["phase"] == phase.as_str())?;
            (found["status"] == status.as_str()).then_some((said.code, view))
        })
    }

    /// Waits until the migration is complete, whether its state is still there or removed already; looks at the last
    /// account that was seen, which must be that of every document.
    pub fn await_end(&mut self) -> Value {
        let mut last = None;
        let view = self.eventually("its end", move |rig| {
            let said = rig.migctl(&["status", "--output", "json"]);
            let Ok(view) = said.json() else {
                let gone = said.errors.contains("there is no migration");
                return gone.then(|| last.take().unwrap_or_else(|| rig.fail("it went before its account was seen")));
            };
            if let Some(failed) = failed(&view) {
                rig.fail(&format!("it failed: {failed:#}"));
            }
            let (through, verified) = (has_phase(&view, "cleanup", "done"), has_phase(&view, "verify", "done"));
            // When its state goes, its keys go one after the other: what is seen in between is no account.
            if verified && adds_up(&view) {
                last = Some(view);
            }
            if through { last.take() } else { None }
        });
        assert!(adds_up(&view), "{view:#}");
        assert_eq!(view["dead_letters"], 0, "{view:#}");
        view
    }

    /// Looks until there is something to see.
    pub fn eventually<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        eventually(self, what, &mut look, |rig, why| rig.fail(why))
    }

    /// Ends the test with all that is known.
    pub fn fail(&self, why: &str) -> ! {
        let status = self.migctl(&["status"]);
        let logs: Vec<String> = self.programs.values().map(Program::log_tail).collect();
        panic!("{}: {why}\n{status}\n{}", self.migration, logs.join("\n"));
    }

    /// Tells what was measured; `cargo test -- --nocapture` shows it.
    pub fn note(&self, what: &str) {
        println!("{:>6.1} s  {}: {what}", self.begun.elapsed().as_secs_f64(), self.migration);
    }
}

/// Looks at `rig` until there is something to see; `fail` ends the test where it never comes.
pub fn eventually<R, T>(
    rig: &mut R,
    what: &str,
    look: &mut dyn FnMut(&mut R) -> Option<T>,
    fail: impl Fn(&R, &str) -> T,
) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look(rig) {
            return seen;
        }
        if begun.elapsed() > DEADLINE {
            return fail(rig, &format!("waited {DEADLINE:?} for {what}"));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn has_phase(view: &Value, phase: &str, status: &str) -> bool {
    let is = |found: &Value| found["phase"] == phase && found["status"] == status;
    view["phases"].as_array().is_some_and(|phases| phases.iter().any(is))
}

fn adds_up(view: &Value) -> bool {
    let adds_up = |indices: &Vec<Value>| !indices.is_empty() && indices.iter().all(|index| index["adds_up"] == true);
    view["indices"].as_array().is_some_and(adds_up)
}

/// What failed, where something did.
fn failed(view: &Value) -> Option<&Value> {
    let preflight = Some(&view["preflight"]).filter(|preflight| preflight["status"] == "failed");
    preflight.or_else(|| view["phases"].as_array()?.iter().find(|phase| phase["status"] == "failed"))
}
