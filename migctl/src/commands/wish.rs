//! `migctl pause`, `resume` and `stop`: what a person wants of a running migration.
//!
//! In: a word. Out: it is stored, and whoever decides has heard it, or is not there to.

use std::time::Duration;

use anyhow::{bail, ensure};
use protocol::bus::{self, Bus, BusError};
use protocol::clock;
use protocol::gate::{Wish, WishKind};
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::spec::Submission;
use protocol::state::{MigrationState, PhaseStatus};

use super::{attach, submission_and_state, submit};
use crate::cli::WishArgs;
use crate::exit::Exit;
use crate::{hint, person};

/// How long whoever decides may take to hear it.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Holds the migration.
///
/// # Errors
/// No such migration; it is complete; the bus's.
pub async fn pause(args: WishArgs) -> anyhow::Result<Exit> {
    let (migration, bus) = attach(&args.bus).await?;
    let (submission, state) = submission_and_state(&*bus, &migration).await?;
    under_way(&migration, &state)?;
    if let Some(paused) = &state.paused {
        println!("{migration} is {paused} already");
        return Ok(Exit::Done);
    }
    store(&*bus, &submission, WishKind::Pause, "pause", &args.note).await?;
    let heard = heard(&*bus, &migration, |state| state.paused.is_some()).await?;
    println!("{migration}: paused{}; `migctl resume -m {migration}` goes on", heard.remark());
    Ok(Exit::Done)
}

/// Ends the submission.
///
/// # Errors
/// No such migration; it is complete or failed; the bus's.
pub async fn stop(args: WishArgs) -> anyhow::Result<Exit> {
    let (migration, bus) = attach(&args.bus).await?;
    let (submission, state) = submission_and_state(&*bus, &migration).await?;
    under_way(&migration, &state)?;
    if let Some(reason) = failure(&state) {
        bail!("{migration} is not running: {reason}");
    }
    store(&*bus, &submission, WishKind::Stop, "stop", &args.note).await?;
    let heard = heard(&*bus, &migration, |state| failure(state).is_some()).await?;
    println!("{migration}: stopped{}; `migctl resume -m {migration}` takes it up again", heard.remark());
    Ok(Exit::Done)
}

/// Ends a pause; takes up what stopped.
///
/// # Errors
/// No such migration; it is neither paused nor stopped; the bus's.
pub async fn resume(args: WishArgs) -> anyhow::Result<Exit> {
    let (migration, bus) = attach(&args.bus).await?;
    let (submission, state) = submission_and_state(&*bus, &migration).await?;
    under_way(&migration, &state)?;
    let wish = bus::read::<Wish>(&*bus, Bucket::Control, &names::wish(&migration)).await?.map(|(wish, _)| wish);
    let held = wish.is_some_and(|wish| match wish.kind {
        WishKind::Pause => true,
        // Nobody has heard it yet, or it is why the submission failed.
        WishKind::Stop => wish.submission == submission.number,
        WishKind::Go => false,
    });
    let failed = failure(&state);
    if held {
        store(&*bus, &submission, WishKind::Go, "resume", &args.note).await?;
    }
    if failed.is_some() {
        let number = submit::again(&*bus, &migration, None, "resume", &args.note).await?;
        println!("{migration}: what stopped or failed is taken up (submission {number})");
    } else if held {
        let heard = heard(&*bus, &migration, |state| state.paused.is_none()).await?;
        println!("{migration}: goes on{}", heard.remark());
    } else {
        let phase = state.current().map(|phase| format!("{phase} is {}", state.phase(phase).status.word()));
        bail!("{migration} is neither paused nor stopped: {}", phase.unwrap_or_default());
    }
    hint::next(&hint::about("status --watch", &migration, &args.bus));
    Ok(Exit::Done)
}

fn under_way(migration: &MigrationName, state: &MigrationState) -> anyhow::Result<()> {
    ensure!(state.current().is_some(), "{migration} is complete");
    Ok(())
}

/// Why it doesn't go on by itself.
fn failure(state: &MigrationState) -> Option<String> {
    let current = state.current().map(|phase| state.phase(phase).status);
    match (&state.preflight.status, current) {
        (PhaseStatus::Failed(reason), _) => Some(reason.clone()),
        (_, Some(PhaseStatus::Failed(reason))) => Some(reason),
        _ => None,
    }
}

async fn store(bus: &dyn Bus, submission: &Submission, kind: WishKind, what: &str, note: &str) -> anyhow::Result<()> {
    let migration = &submission.spec.name;
    person::record(bus, migration, what.to_owned(), person::note(note)).await?;
    let wish =
        Wish { kind, who: person::who(), at_ms: clock::now_ms(), note: note.to_owned(), submission: submission.number };
    let key = names::wish(migration);
    bus.put(Bucket::Control, &key, bus::bytes(&key, &wish)?).await?;
    Ok(())
}

/// Whether a wish was heard.
#[derive(Clone, Copy)]
enum Heard {
    Yes,
    /// Nobody is there, or nobody answers in time.
    NotYet,
    /// The bus answers no more: a run that is stopped ends.
    Unknown,
}

/// Waits until whoever decides has heard it.
async fn heard(
    bus: &dyn Bus,
    migration: &MigrationName,
    done: impl Fn(&MigrationState) -> bool,
) -> anyhow::Result<Heard> {
    let look = async {
        loop {
            let (_, state) = submission_and_state(bus, migration).await?;
            if done(&state) {
                return Ok(Heard::Yes);
            }
            // A run that ended has neither.
            let coordinators = bus.keys(Bucket::Leader, "").await?;
            if coordinators.is_empty() && bus.keys(Bucket::Workers, "").await?.is_empty() {
                return Ok(Heard::NotYet);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    match tokio::time::timeout(PATIENCE, look).await {
        Err(_) => Ok(Heard::NotYet),
        Ok(Err(error)) if is_transient(&error) => Ok(Heard::Unknown),
        Ok(looked) => looked,
    }
}

fn is_transient(error: &anyhow::Error) -> bool {
    error.downcast_ref::<BusError>().is_some_and(BusError::is_transient)
}

impl Heard {
    /// What is said after the wish.
    fn remark(self) -> &'static str {
        match self {
            Self::Yes => "",
            Self::NotYet => " (nobody is there to hear it; it counts as soon as somebody is)",
            Self::Unknown => " (it is stored; nobody answers any more)",
        }
    }
}
