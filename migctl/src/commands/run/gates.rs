//! The gates of a run: opened by `--approve-all`, by an answer on the terminal, or from another one.

use protocol::bus::{self, SharedBus};
use protocol::gate::{Decision, Evidence};
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::phase::Phase;

use super::Ended;
use crate::ask::{self, Terminal};
use crate::cli::RunArgs;
use crate::commands::{decide, submission};
use crate::view::{PhaseView, View};

/// What is known of the gate that the run stands before.
pub struct Gates<'a> {
    bus: &'a SharedBus,
    migration: &'a MigrationName,
    args: &'a RunArgs,
    terminal: Terminal,
    /// The gate that was shown, and what it shows; its digest tells it from another.
    shown: Option<Shown>,
    /// Whether the terminal has been asked about it and hasn't answered.
    asking: bool,
}

struct Shown {
    phase: Phase,
    evidence: Evidence,
    rejected: bool,
}

impl<'a> Gates<'a> {
    /// Before the first gate.
    #[must_use]
    pub fn new(bus: &'a SharedBus, migration: &'a MigrationName, args: &'a RunArgs) -> Self {
        Self { bus, migration, args, terminal: Terminal::default(), shown: None, asking: false }
    }

    /// The answer to the question that was put; never, where none was.
    pub async fn answer(&mut self) -> bool {
        if !self.asking {
            std::future::pending::<()>().await;
        }
        self.terminal.answer().await
    }

    /// Does what the person answered; how the run ends, where it does.
    ///
    /// # Errors
    /// The bus's.
    pub async fn heed(&mut self, yes: bool) -> anyhow::Result<Option<Ended>> {
        self.asking = false;
        let Some(shown) = &self.shown else { return Ok(None) };
        if yes {
            self.approve(shown, "asked during run").await?;
            return Ok(None);
        }
        Ok(Some(if shown.rejected { Ended::Failed } else { Ended::Declined(shown.phase) }))
    }

    /// No gate stands in the way any more, whoever opened it.
    pub fn passed(&mut self) {
        if std::mem::take(&mut self.asking) {
            eprintln!();
        }
        self.shown = None;
    }

    /// Sees to a gate that is shut; how the run ends, where it does.
    ///
    /// # Errors
    /// The bus's; standard error is closed.
    pub async fn stand_before(&mut self, view: &View) -> anyhow::Result<Option<Ended>> {
        let Some(gate) = view.current() else { return Ok(None) };
        let (phase, rejected) = (gate.phase, gate.status == "rejected");
        let evidence = gate.evidence.clone().unwrap_or_default();
        let is_known = self
            .shown
            .as_ref()
            .is_some_and(|shown| (shown.phase, shown.rejected) == (phase, rejected) && shown.evidence == evidence);
        if is_known || self.is_decided(gate, &evidence).await? {
            return Ok(None);
        }
        if std::mem::take(&mut self.asking) {
            eprintln!();
        }
        let shown = Shown { phase, evidence, rejected };
        if self.args.approve_all && !rejected {
            self.approve(&shown, "run --approve-all").await?;
        } else if ask::is_possible() {
            eprintln!("{}", decide::text(&shown.evidence));
            self.terminal.put(&question(gate))?;
            self.asking = true;
        } else if rejected {
            return Ok(Some(Ended::Failed));
        } else {
            eprintln!("{}", decide::text(&shown.evidence));
            if !self.args.wait {
                return Ok(Some(Ended::Waiting(phase)));
            }
            eprintln!("waits for: migctl approve {phase} -m {}", self.migration);
        }
        self.shown = Some(shown);
        Ok(None)
    }

    /// Whether something was decided that only the coordinator hasn't seen yet.
    async fn is_decided(&self, gate: &PhaseView, evidence: &Evidence) -> anyhow::Result<bool> {
        let key = names::gate(self.migration, gate.phase);
        let Some((decision, _)) = bus::read::<Decision>(&**self.bus, Bucket::Gates, &key).await? else {
            return Ok(false);
        };
        let (submission, _) = submission(&**self.bus, self.migration).await?;
        let opens = decision.opens(&submission.spec.digest(), evidence);
        let shuts = !decision.approved && decision.submission == submission.number && gate.status == "waiting";
        Ok(opens || shuts)
    }

    async fn approve(&self, shown: &Shown, note: &str) -> anyhow::Result<()> {
        let said = decide::Said { approved: true, note, evidence: Some(&shown.evidence) };
        decide::store(&**self.bus, self.migration, shown.phase, &said).await
    }
}

fn question(gate: &PhaseView) -> String {
    match gate.reason.as_deref().filter(|_| gate.status == "rejected") {
        Some(by) => format!("{} was rejected by {by}; begin it all the same?", gate.phase),
        None => format!("begin {}?", gate.phase),
    }
}
