//! Where the phases are, how far the one is that is on, and what the one shows that waits.

use protocol::bus::{self, Bus, BusError};
use protocol::gate::Evidence;
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::plan::{CataloguePage, InventoryPage};
use protocol::state::{MigrationState, PhaseState, PhaseStatus, Progress};
use protocol::task::Command;
use serde::Serialize;

use crate::table;

/// The look at everything that a submission begins with.
#[derive(Debug, Clone, Serialize)]
pub struct PreflightView {
    /// Where it is: one word.
    pub status: &'static str,
    /// Why it failed or was skipped.
    pub reason: Option<String>,
    /// When it began, in milliseconds since 1970.
    pub started_ms: Option<u64>,
    /// When it ended.
    pub ended_ms: Option<u64>,
    /// What it found.
    pub notes: Vec<String>,
    /// How far it is.
    pub progress: Option<String>,
}

/// One phase.
#[derive(Debug, Clone, Serialize)]
pub struct PhaseView {
    /// Which.
    pub phase: Phase,
    /// Where it is: one word.
    pub status: &'static str,
    /// Why it failed or was skipped; who rejected it.
    pub reason: Option<String>,
    /// When it began, in milliseconds since 1970.
    pub started_ms: Option<u64>,
    /// When it ended.
    pub ended_ms: Option<u64>,
    /// What it found or did.
    pub notes: Vec<String>,
    /// How far it is, while it is under way.
    pub progress: Option<String>,
    /// What its gate is about to let through, while it waits.
    pub evidence: Option<Evidence>,
}

impl PreflightView {
    pub(super) async fn read(
        bus: &dyn Bus,
        migration: &MigrationName,
        state: &MigrationState,
    ) -> Result<Self, BusError> {
        let PhaseState { status, started_ms, ended_ms, notes } = &state.preflight;
        let progress = match status {
            PhaseStatus::Running => progress(bus, migration, &[Command::Preflight], state.submission).await?,
            _ => None,
        };
        let (status, reason) = (status.word(), reason(status));
        Ok(Self { status, reason, started_ms: *started_ms, ended_ms: *ended_ms, notes: notes.clone(), progress })
    }
}

pub(super) async fn read(
    bus: &dyn Bus,
    migration: &MigrationName,
    state: &MigrationState,
) -> Result<Vec<PhaseView>, BusError> {
    let mut views = Vec::new();
    for phase in Phase::ALL {
        let PhaseState { status, started_ms, ended_ms, notes } = state.phase(phase);
        let waits = matches!(status, PhaseStatus::Waiting | PhaseStatus::Rejected(_));
        let at_it = status == PhaseStatus::Running || state.current() == Some(phase) && status == PhaseStatus::Pending;
        let evidence = if waits {
            let key = names::evidence(migration, phase);
            bus::read::<Evidence>(bus, Bucket::Migrations, &key).await?.map(|(evidence, _)| evidence)
        } else {
            None
        };
        let progress = if at_it { phase_progress(bus, migration, phase, state.submission).await? } else { None };
        let (word, reason) = (status.word(), reason(&status));
        views.push(PhaseView { phase, status: word, reason, started_ms, ended_ms, notes, progress, evidence });
    }
    Ok(views)
}

fn reason(status: &PhaseStatus) -> Option<String> {
    match status {
        PhaseStatus::Failed(why) | PhaseStatus::Skipped(why) | PhaseStatus::Rejected(why) => Some(why.clone()),
        PhaseStatus::Pending | PhaseStatus::Waiting | PhaseStatus::Running | PhaseStatus::Done => None,
    }
}

async fn phase_progress(
    bus: &dyn Bus,
    migration: &MigrationName,
    phase: Phase,
    submission: u32,
) -> Result<Option<String>, BusError> {
    let commands: Vec<Command> = Command::ALL.into_iter().filter(|command| command.phase() == Some(phase)).collect();
    let told = progress(bus, migration, &commands, submission).await?;
    Ok(match phase {
        Phase::Register => pages(bus, migration).await?.or(told),
        _ => told,
    })
}

/// How many pages of the inventory are taken.
async fn pages(bus: &dyn Bus, migration: &MigrationName) -> Result<Option<String>, BusError> {
    let catalogue = bus::read::<CataloguePage>(bus, Bucket::Migrations, &names::catalogue(migration, 0)).await?;
    let Some((catalogue, _)) = catalogue else { return Ok(None) };
    let mut taken = 0;
    for no in 0..catalogue.pages {
        let page = bus::read::<InventoryPage>(bus, Bucket::Migrations, &names::inventory(migration, no)).await?;
        taken += u32::from(page.is_some_and(|(page, _)| page.submission == catalogue.submission));
    }
    Ok(Some(format!("{taken} of {} pages of the inventory are taken", catalogue.pages)))
}

/// The newest word of one of the commands.
async fn progress(
    bus: &dyn Bus,
    migration: &MigrationName,
    commands: &[Command],
    submission: u32,
) -> Result<Option<String>, BusError> {
    let mut newest: Option<Progress> = None;
    for command in commands {
        let key = names::progress(migration, *command);
        let found = bus::read::<Progress>(bus, Bucket::Migrations, &key).await?.map(|(progress, _)| progress);
        let found = found.filter(|progress| progress.submission == submission);
        if found.as_ref().map(|progress| progress.at_ms) > newest.as_ref().map(|progress| progress.at_ms) {
            newest = found;
        }
    }
    Ok(newest.as_ref().map(told))
}

fn told(progress: &Progress) -> String {
    let Progress { text, done_bytes, total_bytes, at_ms, started_ms, .. } = progress;
    if *total_bytes == 0 {
        return text.clone();
    }
    let seconds = (at_ms.saturating_sub(*started_ms) / 1_000).max(1);
    let (done, total, rate) = (table::size(*done_bytes), table::size(*total_bytes), table::size(done_bytes / seconds));
    format!("{text}  {done} of {total}, {rate}/s")
}
