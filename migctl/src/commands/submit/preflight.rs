//! Waits for the look at everything that a submission begins with, and tells what it found.

use std::time::Duration;

use anyhow::{Context, bail};
use protocol::bus::{Bus, Change};
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::state::{MigrationState, PhaseStatus, Progress};
use protocol::task::Command;

use crate::exit::Exit;
use crate::view::decode;

/// How often it is looked who is there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Waits until the pre-flight of submission `number` is through or failed.
///
/// # Errors
/// Another submission took its place; the bus's.
pub async fn wait(bus: &dyn Bus, migration: &MigrationName, number: u32, nats: &str) -> anyhow::Result<Exit> {
    let stop = protocol::process::stop_requested();
    tokio::pin!(stop);
    let prefix = names::migration_prefix(migration);
    let mut news = bus.watch(Bucket::Migrations, &prefix).await?;
    let mut told = Told::default();
    loop {
        let change = tokio::select! {
            change = news.recv() => change,
            signal = &mut stop => {
                signal.context("wait for a signal")?;
                eprintln!("{migration} stays submitted; its pre-flight is not through");
                return Ok(Exit::Error);
            }
            () = tokio::time::sleep(LOOK_EVERY) => {
                told.who_is_missing(bus, nats).await?;
                continue;
            }
        };
        match change {
            Some(Change::Put(key, entry)) if key == names::state(migration) => {
                if let Some(exit) = judge(&decode(&key, &entry)?, migration, number)? {
                    return Ok(exit);
                }
            }
            Some(Change::Put(key, entry)) if key == names::progress(migration, Command::Preflight) => {
                told.progress(decode(&key, &entry)?, number);
            }
            Some(Change::Put(key, _)) => told.is_there |= key == names::spec(migration),
            Some(Change::Deleted(key)) if key == names::spec(migration) => return Ok(complete(migration)),
            Some(Change::Deleted(_)) => {}
            Some(Change::Ready) if !told.is_there => return Ok(complete(migration)),
            Some(Change::Ready) => told.who_is_missing(bus, nats).await?,
            None => {
                told.is_there = false;
                news = bus.watch(Bucket::Migrations, &prefix).await?;
            }
        }
    }
}

/// It was faster than this watch.
fn complete(migration: &MigrationName) -> Exit {
    println!("{migration} is complete already; its state was removed at cleanup");
    Exit::Done
}

/// How the wait ends with this state, where it does.
fn judge(state: &MigrationState, migration: &MigrationName, number: u32) -> anyhow::Result<Option<Exit>> {
    if state.submission > number {
        bail!("submission {} took the place of this one, {number}: `migctl status` shows it", state.submission);
    }
    if state.submission < number {
        return Ok(None);
    }
    match &state.preflight.status {
        PhaseStatus::Done | PhaseStatus::Skipped(_) => {
            println!("pre-flight is through");
            for note in &state.preflight.notes {
                println!("  {note}");
            }
            return Ok(Some(Exit::Done));
        }
        PhaseStatus::Failed(reason) => {
            eprintln!("error: pre-flight failed, nothing was begun: {reason}");
            eprintln!("mend it and submit again");
            return Ok(Some(Exit::Failed));
        }
        PhaseStatus::Pending | PhaseStatus::Waiting | PhaseStatus::Running | PhaseStatus::Rejected(_) => {}
    }
    Ok(state.paused.as_ref().map(|paused| {
        eprintln!("{migration} is {paused}; its pre-flight begins after `migctl resume -m {migration}`");
        Exit::Done
    }))
}

/// What was seen and said already.
#[derive(Default)]
struct Told {
    /// The specification is there.
    is_there: bool,
    no_coordinator: bool,
    no_worker: bool,
    progress: String,
}

impl Told {
    async fn who_is_missing(&mut self, bus: &dyn Bus, nats: &str) -> anyhow::Result<()> {
        if !self.no_coordinator && bus.keys(Bucket::Leader, "").await?.is_empty() {
            self.no_coordinator = true;
            eprintln!("no coordinator is there; start one: coordinator start --nats {nats}");
        }
        if !self.no_worker && bus.keys(Bucket::Workers, "").await?.is_empty() {
            self.no_worker = true;
            eprintln!("no worker is there; start one: worker start --nats {nats}");
        }
        Ok(())
    }

    fn progress(&mut self, progress: Progress, number: u32) {
        if progress.submission == number && progress.text != self.progress {
            eprintln!("pre-flight: {}", progress.text);
            self.progress = progress.text;
        }
    }
}
