//! What comes next: preflight, then phase after phase, each behind its gate.
//!
//! Holds: a person's word stands above all: what they hold publishes nothing, what they stop fails by their name.
//! Not here: what is summed up at register (`register`), which shards and slices are handed out (`load`).

use protocol::gate::{Decision, Evidence, Wish, WishKind};
use protocol::phase::Phase;
use protocol::spec::{Gate, Submission};
use protocol::state::PhaseStatus;
use protocol::task::{Command, Task};

use super::evidence::{self, Known};
use super::{Action, Machine, REPUBLISH_AFTER_MS};

/// Changes of status in one step: each phase may begin, wait and end in it.
const CHANGES_MAX: usize = 3 * Phase::ALL.len();

impl Machine {
    pub(super) fn decide(&mut self, submission: &Submission, now_ms: u64, actions: &mut Vec<Action>) {
        self.heed(now_ms, actions);
        if self.state.current().is_none() {
            return self.stay_complete(now_ms);
        }
        if !self.preflight(now_ms, actions) {
            return;
        }
        // Every phase that ends lets the next begin in the same step.
        for _ in 0..CHANGES_MAX {
            let Some(phase) = self.state.current() else { return };
            let before = self.state.phase(phase).status;
            match (&before, phase) {
                (PhaseStatus::Pending | PhaseStatus::Waiting | PhaseStatus::Rejected(_), _) => {
                    self.try_begin(phase, submission, now_ms, actions);
                }
                (PhaseStatus::Running, Phase::Load) => self.drive_load(submission, now_ms, actions),
                (PhaseStatus::Running, Phase::Register) => self.drive_register(now_ms, actions),
                (PhaseStatus::Running, _) => self.drive_command(phase, now_ms, actions),
                (PhaseStatus::Done | PhaseStatus::Skipped(_) | PhaseStatus::Failed(_), _) => return,
            }
            if self.state.phase(phase).status == before {
                return;
            }
        }
    }

    /// A submission that finds everything through has nothing to look at.
    fn stay_complete(&mut self, now_ms: u64) {
        if !self.state.preflight.status.is_through() {
            self.state.preflight.status = PhaseStatus::Skipped("the migration is complete".to_owned());
            self.state.preflight.ended_ms = Some(now_ms);
        }
    }

    /// What a person said last.
    fn heed(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        let Some(wish) = self.wish.clone() else { return };
        let current = self.state.current();
        self.state.paused = (wish.kind == WishKind::Pause && current.is_some()).then(|| said("paused", &wish));
        let Some(phase) = current else { return };
        if wish.kind != WishKind::Stop || wish.submission != self.state.submission {
            return;
        }
        let reason = said("stopped", &wish);
        if !self.state.preflight.status.is_through() {
            if !matches!(self.state.preflight.status, PhaseStatus::Failed(_)) {
                self.end_preflight(PhaseStatus::Failed(reason), Vec::new(), now_ms, actions);
            }
        } else if !matches!(self.state.phase(phase).status, PhaseStatus::Failed(_)) {
            self.end(phase, PhaseStatus::Failed(reason), Vec::new(), now_ms, actions);
        }
    }

    /// Looks at everything once per submission; whether that is through.
    fn preflight(&mut self, now_ms: u64, actions: &mut Vec<Action>) -> bool {
        match &self.state.preflight.status {
            PhaseStatus::Done | PhaseStatus::Skipped(_) => return true,
            PhaseStatus::Failed(_) => return false,
            PhaseStatus::Pending | PhaseStatus::Waiting | PhaseStatus::Running | PhaseStatus::Rejected(_) => {}
        }
        match self.answer(Command::Preflight) {
            Some(Ok(notes)) => {
                self.end_preflight(PhaseStatus::Done, notes, now_ms, actions);
                return true;
            }
            Some(Err(reason)) => self.end_preflight(PhaseStatus::Failed(reason), Vec::new(), now_ms, actions),
            None if self.state.paused.is_none() => {
                if self.state.preflight.status != PhaseStatus::Running {
                    self.state.preflight.status = PhaseStatus::Running;
                    self.state.preflight.started_ms = Some(now_ms);
                }
                self.ask(Command::Preflight, now_ms, actions);
            }
            None => {}
        }
        false
    }

    fn end_preflight(&mut self, status: PhaseStatus, notes: Vec<String>, now_ms: u64, actions: &mut Vec<Action>) {
        let (kind, text) = words("preflight", &status, &notes);
        let phase = self.state.current().unwrap_or(Phase::Snapshot);
        actions.push(Action::Emit { phase, kind, text, shard: None });
        self.state.preflight.status = status;
        self.state.preflight.ended_ms = Some(now_ms);
        self.state.preflight.notes = notes;
    }

    fn try_begin(&mut self, phase: Phase, submission: &Submission, now_ms: u64, actions: &mut Vec<Action>) {
        if self.state.paused.is_some() {
            return;
        }
        if let (Phase::Snapshot, Some(name)) = (phase, &submission.spec.snapshot.externally_managed_snapshot) {
            self.set(phase, PhaseStatus::Skipped(format!("{name} is managed externally")), now_ms);
            return;
        }
        if phase == Phase::Metadata && !self.evaluated(now_ms, actions) {
            return;
        }
        if submission.spec.gate(phase) == Gate::Manual && !self.gate_opens(phase, submission, now_ms, actions) {
            return;
        }
        self.set(phase, PhaseStatus::Running, now_ms);
        self.note(phase, Vec::new());
        let text = format!("{phase} begins");
        actions.push(Action::Emit { phase, kind: "started", text, shard: None });
    }

    /// What metadata would do is found out before its gate; whether it was, and nothing stands against it.
    fn evaluated(&mut self, now_ms: u64, actions: &mut Vec<Action>) -> bool {
        match self.answer(Command::Evaluate) {
            Some(Ok(_)) => true,
            Some(Err(reason)) => {
                self.end(Phase::Metadata, PhaseStatus::Failed(reason), Vec::new(), now_ms, actions);
                false
            }
            None => {
                self.note(Phase::Metadata, vec!["what it would do is found out first".to_owned()]);
                self.ask(Command::Evaluate, now_ms, actions);
                false
            }
        }
    }

    /// Whether a person lets the phase begin with what there is to see now; says so where not.
    fn gate_opens(&mut self, phase: Phase, submission: &Submission, now_ms: u64, actions: &mut Vec<Action>) -> bool {
        let evaluated = self.answer(Command::Evaluate).and_then(Result::ok).unwrap_or_default();
        let known = Known {
            spec: &submission.spec,
            state: &self.state,
            indices: self.inventory.lines(),
            evaluated: &evaluated,
        };
        let evidence = Evidence { submission: self.state.submission, sections: evidence::sections(phase, &known) };
        if self.evidence.get(&phase) != Some(&evidence) {
            actions.push(Action::StoreEvidence(phase, evidence.clone()));
            self.evidence.insert(phase, evidence.clone());
        }
        let (status, notes) = match self.decisions.get(&phase) {
            Some(decision) if decision.opens(&self.spec_digest, &evidence) => return true,
            Some(decision) if decision.approved => (PhaseStatus::Waiting, vec![self.void(decision, submission.number)]),
            // It was about this submission: who submits again asks again.
            Some(decision) if decision.submission == submission.number => {
                (PhaseStatus::Rejected(who_and_why(&decision.who, &decision.note)), Vec::new())
            }
            Some(_) | None => (PhaseStatus::Waiting, Vec::new()),
        };
        if self.state.phase(phase).status != status {
            let (kind, text) = match &status {
                PhaseStatus::Rejected(by) => ("rejected", format!("{phase} was rejected by {by}")),
                _ => ("waiting", format!("{phase} waits for approval: migctl approve {phase}")),
            };
            actions.push(Action::Emit { phase, kind, text, shard: None });
            self.set(phase, status, now_ms);
        }
        self.note(phase, notes);
        false
    }

    /// Why an approval doesn't count.
    fn void(&self, decision: &Decision, submission: u32) -> String {
        let changed = if decision.spec_digest == self.spec_digest {
            "what it was given for changed since".to_owned()
        } else {
            format!("the configuration changed since (submission {submission})")
        };
        format!("the approval by {} is void: {changed}", decision.who)
    }

    /// A phase that is one command.
    fn drive_command(&mut self, phase: Phase, now_ms: u64, actions: &mut Vec<Action>) {
        let command = match phase {
            Phase::Snapshot => Command::Snapshot,
            Phase::Metadata => Command::Metadata,
            Phase::Verify => Command::Verify,
            Phase::Cleanup => Command::Cleanup,
            Phase::Register | Phase::Load => return,
        };
        match self.answer(command) {
            Some(Ok(notes)) => self.end(phase, PhaseStatus::Done, notes, now_ms, actions),
            Some(Err(reason)) => self.end(phase, PhaseStatus::Failed(reason), Vec::new(), now_ms, actions),
            None => self.ask(command, now_ms, actions),
        }
    }

    /// A command writes what the inventory is to hold, tasks fill it, and then it is summed up here.
    fn drive_register(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        let told = match self.answer(Command::Register) {
            Some(Ok(notes)) => notes,
            Some(Err(reason)) => {
                return self.end(Phase::Register, PhaseStatus::Failed(reason), Vec::new(), now_ms, actions);
            }
            None => return self.ask(Command::Register, now_ms, actions),
        };
        // The catalogue was stored before the command answered; until the news of it arrives there is nothing to decide.
        let Some(wanted) = self.inventory.to_take(self.state.submission) else { return };
        if !wanted.is_empty() {
            let window = self.window();
            if self.state.paused.is_none() {
                let pages = self.inventory.publish(&wanted, window, now_ms);
                actions.extend(pages.into_iter().map(|page| Action::Publish(Task::Inventory(page))));
            }
            return;
        }
        let summary = self.inventory.sum_up();
        let mut notes = Vec::new();
        let status = match summary.refusal() {
            Some(reason) => PhaseStatus::Failed(reason),
            None => {
                // First what all of it comes to: where there is room for a line only, it is that one.
                notes.extend(summary.notes());
                notes.extend(told);
                notes.extend(summary.estimate(self.state.load_rate, self.slots));
                PhaseStatus::Done
            }
        };
        self.end(Phase::Register, status, notes, now_ms, actions);
    }

    fn drive_load(&mut self, submission: &Submission, now_ms: u64, actions: &mut Vec<Action>) {
        if let Some(indices) = self.inventory.changed() {
            self.load.know_indices(indices);
        }
        let window = self.state.paused.is_none().then(|| self.window());
        if let Some(outcome) = self.load.drive(submission, window, now_ms, actions) {
            self.state.load_rate = outcome.rate.or(self.state.load_rate);
            let status = outcome.failure.map_or(PhaseStatus::Done, PhaseStatus::Failed);
            self.end(Phase::Load, status, outcome.notes, now_ms, actions);
        }
    }

    /// How many tasks may be published and not done.
    fn window(&self) -> usize {
        self.slots.max(1).saturating_mul(super::TASKS_PER_SLOT)
    }

    /// What a command answered in this submission.
    fn answer(&self, command: Command) -> Option<Result<Vec<String>, String>> {
        let result = self.results.get(&command).filter(|result| result.submission == self.state.submission)?;
        Some(result.outcome.clone())
    }

    /// Has a command executed, unless a person holds the migration; published again while no answer comes.
    fn ask(&mut self, command: Command, now_ms: u64, actions: &mut Vec<Action>) {
        let published_ms = self.command_published_ms.get(&command).copied();
        let due = published_ms.is_none_or(|at| now_ms.saturating_sub(at) >= REPUBLISH_AFTER_MS);
        if due && self.state.paused.is_none() {
            self.command_published_ms.insert(command, now_ms);
            actions.push(Action::Publish(Task::Command(command)));
        }
    }

    fn end(&mut self, phase: Phase, status: PhaseStatus, notes: Vec<String>, now_ms: u64, actions: &mut Vec<Action>) {
        let (kind, text) = words(phase.as_str(), &status, &notes);
        actions.push(Action::Emit { phase, kind, text, shard: None });
        self.set(phase, status, now_ms);
        self.note(phase, notes);
    }

    fn note(&mut self, phase: Phase, notes: Vec<String>) {
        self.state.phases.entry(phase).or_default().notes = notes;
    }

    fn set(&mut self, phase: Phase, status: PhaseStatus, now_ms: u64) {
        let state = self.state.phases.entry(phase).or_default();
        match &status {
            PhaseStatus::Running => state.started_ms = Some(now_ms),
            PhaseStatus::Done | PhaseStatus::Skipped(_) | PhaseStatus::Failed(_) => state.ended_ms = Some(now_ms),
            PhaseStatus::Pending | PhaseStatus::Waiting | PhaseStatus::Rejected(_) => {}
        }
        state.status = status;
    }
}

/// How an end is told: what was found or left out is said, not only kept.
fn words(what: &str, status: &PhaseStatus, notes: &[String]) -> (&'static str, String) {
    match status {
        PhaseStatus::Failed(reason) => ("failed", format!("{what} failed: {reason}")),
        _ => ("done", format!("{what} is done{}", notes.iter().map(|note| format!("\n  {note}")).collect::<String>())),
    }
}

fn said(what: &str, wish: &Wish) -> String {
    format!("{what} by {}", who_and_why(&wish.who, &wish.note))
}

fn who_and_why(who: &str, note: &str) -> String {
    if note.is_empty() { who.to_owned() } else { format!("{who}: {note}") }
}
