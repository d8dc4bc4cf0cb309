//! `migctl run`: bus, coordinator and workers in this process.
//!
//! The state is kept in `.migctl/<migration>/`; killed at any moment, the same command continues. Gates are asked for
//! on a terminal; without one a gate that waits ends the command with its own exit code, or, with `--wait`, waits for
//! another terminal. When all is done the state is removed, unless there are dead letters to read.

use std::time::Duration;

use anyhow::Context;
use coordinator::shell;
use protocol::bus::SharedBus;
use protocol::bus::embedded::EmbeddedBus;
use protocol::forward::Lines;
use protocol::ids::MigrationName;
use protocol::phase::Phase;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use worker::work;

use super::{forget, load_config, state_dir, status, submit};
use crate::cli::{Output, RunArgs};
use crate::exit::Exit;
use crate::view::View;

mod gates;
mod progress;

use gates::Gates;
use progress::Progress;

/// How often progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Runs a migration to its end, a gate, or a failure; `lines` of this process's log go to its bus.
///
/// # Errors
/// A configuration that is not valid; a state that another process holds; the disk.
pub async fn run(args: RunArgs, lines: Lines) -> anyhow::Result<Exit> {
    let spec = load_config(&args.config)?;
    let migration = spec.name.clone();
    let opened = EmbeddedBus::open(&state_dir(&migration)).await.context("open the state of the migration")?;
    let bus: SharedBus = opened.clone();
    let before = View::read(&*bus, &migration).await?;
    let ended = match &before {
        // All but the removal was done, or there are dead letters to read.
        Some(view) if view.current().is_none() => Ended::Through,
        _ => {
            submit::store(&*bus, spec, args.redo).await?;
            drive(&bus, &migration, &args, before.as_ref(), lines).await?
        }
    };
    let view = View::read(&*bus, &migration).await?.context("read the result")?;
    drop(bus);
    opened.close().await;
    drop(opened);
    let exit = match ended {
        Ended::Through | Ended::Failed => finish(&view, args.output)?,
        Ended::Waiting(phase) => {
            eprintln!(
                "{phase} waits for approval and there is no terminal to ask on: run again with --approve-all, or \
                 `migctl approve {phase} -c {}` and run again; with --wait a run waits for that",
                args.config.display()
            );
            Exit::Waiting
        }
        Ended::Declined(phase) => {
            eprintln!("{phase} still waits: `migctl approve {phase} -m {migration}`, or run again");
            Exit::Waiting
        }
        Ended::Interrupted => {
            eprintln!("stopped; the same command continues where it was");
            Exit::Error
        }
    };
    if exit == Exit::Done && view.keeps_dead_letters() {
        eprintln!("its state is kept for them: `migctl forget -m {migration}` removes it");
    } else if exit == Exit::Done {
        forget::remove_folder(&migration)?;
    }
    Ok(exit)
}

/// How following ended.
enum Ended {
    Through,
    Failed,
    /// There is nobody to ask.
    Waiting(Phase),
    /// Who was asked said no.
    Declined(Phase),
    Interrupted,
}

/// Runs coordinator and workers as long as there is something to do.
async fn drive(
    bus: &SharedBus,
    migration: &MigrationName,
    args: &RunArgs,
    before: Option<&View>,
    lines: Lines,
) -> anyhow::Result<Ended> {
    let cancel = CancellationToken::new();
    let options = options(args)?;
    let forwarder = lines.forward(bus.clone(), options.id.as_str());
    let mut parts = start(bus, migration, options, &cancel);
    let mut progress = Progress::new(bus, migration, before).await?;
    let ended = follow(bus, migration, Gates::new(bus, migration, args), &mut progress, &mut parts).await;
    progress.clear();
    cancel.cancel();
    while let Some(part) = parts.join_next().await {
        part.context("stop a part of the run")?.context("stop")?;
    }
    forwarder.stop().await;
    ended
}

fn options(args: &RunArgs) -> anyhow::Result<work::Options> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
    // Without a word it is what `sizing.memory` says, to which every migration is held within its worker's.
    let given = args.memory.map(|memory| usize::try_from(memory.as_u64())).transpose().context("--memory")?;
    let memory_bytes = given.unwrap_or(usize::MAX);
    Ok(work::Options::new(args.slots.unwrap_or(cores), memory_bytes))
}

fn start(
    bus: &SharedBus,
    migration: &MigrationName,
    options: work::Options,
    cancel: &CancellationToken,
) -> JoinSet<anyhow::Result<()>> {
    let mut parts = JoinSet::new();
    let identity = options.id.clone();
    let (driven, name, token) = (bus.clone(), migration.clone(), cancel.clone());
    parts.spawn(async move {
        // What somebody wants done again in the last moment is driven too.
        while let shell::Ended::Complete(_) =
            shell::drive(driven.clone(), name.clone(), identity.as_str(), token.clone()).await.context("decide")?
        {
            if token.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none() {
                break;
            }
        }
        Ok(())
    });
    let (worked, token) = (bus.clone(), cancel.clone());
    parts.spawn(async move {
        work::work(worked, options, token).await;
        Ok(())
    });
    parts
}

/// Shows progress and opens gates, until there is nothing more to wait for.
async fn follow(
    bus: &SharedBus,
    migration: &MigrationName,
    mut gates: Gates<'_>,
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
            answer = gates.answer() => {
                if let Some(ended) = gates.heed(answer).await? {
                    return Ok(ended);
                }
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let Some(view) = View::read(&**bus, migration).await? else { continue };
        let status = view.now().status;
        if !matches!(status, "waiting" | "rejected") {
            gates.passed();
        }
        progress.show(&view).await?;
        match status {
            "complete" => return Ok(Ended::Through),
            "failed" => return Ok(Ended::Failed),
            "waiting" | "rejected" => {
                progress.clear();
                if let Some(ended) = gates.stand_before(&view).await? {
                    return Ok(ended);
                }
            }
            _ => {}
        }
    }
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
    Ok(if view.now().status == "complete" { Exit::Done } else { Exit::Failed })
}
