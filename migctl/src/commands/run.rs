//! `migctl run`: bus, coordinator and workers in this process.
//!
//! The state is kept in `.migctl/<migration>/`; killed at any moment, the same command continues. Gates are asked for
//! on a terminal; without one a gate that waits ends the command with its own exit code.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::Context;
use coordinator::shell;
use protocol::bus::embedded::EmbeddedBus;
use protocol::bus::{self, SharedBus};
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::state::{MigrationState, PhaseStatus};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use worker::work;

use super::{approve, load_config, state_dir, status, submit};
use crate::cli::{Output, RunArgs};
use crate::exit::Exit;
use crate::view::View;

mod progress;

use progress::Progress;

/// How often progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Runs a migration to its end, a gate, or a failure.
///
/// # Errors
/// A configuration that is not valid; a state that another process holds; the disk.
pub async fn run(args: RunArgs) -> anyhow::Result<Exit> {
    let spec = load_config(&args.config)?;
    let migration = spec.name.clone();
    let dir = state_dir(&migration);
    let bus: SharedBus = EmbeddedBus::open(&dir).await.context("open the state of the migration")?;
    let before = View::read(&*bus, &migration).await?;
    if let Some(view) = before.as_ref().filter(|view| view.current().is_none()) {
        eprintln!("{migration} is complete; to run it anew, remove {} and what it wrote", dir.display());
        return finish(view, args.output);
    }
    let submission = submit::store(&*bus, spec).await?;
    let cancel = CancellationToken::new();
    let mut parts = start(&bus, &migration, &args, &cancel)?;
    let mut progress = Progress::new(&bus, &migration, submission, before.as_ref()).await?;
    let ended = follow(&bus, &migration, &args, &mut progress, &mut parts).await;
    progress.clear();
    cancel.cancel();
    while let Some(part) = parts.join_next().await {
        part.context("stop a part of the run")?.context("stop")?;
    }
    match ended? {
        Ended::Through | Ended::Failed => {
            let view = View::read(&*bus, &migration).await?.context("read the result")?;
            finish(&view, args.output)
        }
        Ended::Waiting(phase) => {
            eprintln!(
                "{phase} waits for approval and there is no terminal to ask on: run again with --approve-all, or \
                 `migctl approve {phase} -c {}` and run again",
                args.config.display()
            );
            Ok(Exit::Waiting)
        }
        Ended::Interrupted => {
            eprintln!("stopped; the same command continues where it was");
            Ok(Exit::Error)
        }
    }
}

/// How following ended.
enum Ended {
    Through,
    Failed,
    Waiting(Phase),
    Interrupted,
}

fn start(
    bus: &SharedBus,
    migration: &MigrationName,
    args: &RunArgs,
    cancel: &CancellationToken,
) -> anyhow::Result<JoinSet<anyhow::Result<()>>> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
    // Without a word it is what `sizing.memory` says, to which every migration is held within its worker's.
    let given = args.memory.map(|memory| usize::try_from(memory.as_u64())).transpose().context("--memory")?;
    let memory_bytes = given.unwrap_or(usize::MAX);
    let options = work::Options::new(args.slots.unwrap_or(cores), memory_bytes);
    let mut parts = JoinSet::new();
    let (driven, name, token) = (bus.clone(), migration.clone(), cancel.clone());
    parts.spawn(async move {
        shell::drive(driven, name, token.clone()).await.context("decide")?;
        // Complete: what follows reads the state.
        token.cancelled().await;
        Ok(())
    });
    let (worked, token) = (bus.clone(), cancel.clone());
    parts.spawn(async move {
        work::work(worked, options, token).await;
        Ok(())
    });
    Ok(parts)
}

/// Shows progress and opens gates, until there is nothing more to wait for.
async fn follow(
    bus: &SharedBus,
    migration: &MigrationName,
    args: &RunArgs,
    progress: &mut Progress,
    parts: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<Ended> {
    let stop = protocol::process::stop_requested();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            signal = &mut stop => {
                signal.context("wait for a signal")?;
                return Ok(Ended::Interrupted);
            }
            // A part that ends by itself can't go on: its error is the run's.
            Some(part) = parts.join_next() => {
                part.context("a part of the run")??;
                anyhow::bail!("a part of the run ended before the migration did");
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let Some(view) = View::read(&**bus, migration).await? else { continue };
        progress.show(&view).await?;
        if let Some(reason) = preflight_failure(bus, migration, view.submission).await? {
            progress.clear();
            eprintln!("preflight failed: {reason}");
            return Ok(Ended::Failed);
        }
        let Some(phase) = view.current() else { return Ok(Ended::Through) };
        match phase.status {
            "failed" => return Ok(Ended::Failed),
            "waiting" => {
                let phase = phase.phase;
                progress.clear();
                if !args.approve_all && !ask(phase).await? {
                    return Ok(Ended::Waiting(phase));
                }
                let note = if args.approve_all { "run --approve-all" } else { "asked during run" };
                approve::store(&**bus, migration, phase, note).await?;
                // Until the coordinator has seen it the phase would be asked for again.
                while View::read(&**bus, migration)
                    .await?
                    .is_some_and(|view| view.current().is_some_and(|now| now.phase == phase && now.status == "waiting"))
                {
                    tokio::time::sleep(LOOK_EVERY / 5).await;
                }
            }
            _ => {}
        }
    }
}

/// Why nothing begins, where what was looked at first stands against it.
async fn preflight_failure(
    bus: &SharedBus,
    migration: &MigrationName,
    submission: u32,
) -> anyhow::Result<Option<String>> {
    let state = bus::read::<MigrationState>(&**bus, Bucket::Migrations, &names::state(migration)).await?;
    Ok(state.filter(|(state, _)| state.submission == submission).and_then(|(state, _)| match state.preflight.status {
        PhaseStatus::Failed(reason) => Some(reason),
        _ => None,
    }))
}

/// Asks on the terminal; no terminal is a no.
async fn ask(phase: Phase) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(false);
    }
    let answer = tokio::task::spawn_blocking(move || -> std::io::Result<String> {
        eprint!("begin {phase}? [y/N] ");
        std::io::stderr().flush()?;
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        Ok(line)
    });
    let answer = answer.await.context("ask")?.context("read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn finish(view: &View, output: Output) -> anyhow::Result<Exit> {
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(view).context("write JSON")?),
        Output::Text => {
            // Before register has looked there is nothing to show.
            if !view.indices.is_empty() {
                println!("{}", status::index_table(view));
            }
            for line in status::verdict(view) {
                eprintln!("{line}");
            }
        }
    }
    Ok(if view.current().is_none() { Exit::Done } else { Exit::Failed })
}
