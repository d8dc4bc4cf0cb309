//! Every decision of the coordinator: `step(events, now) → actions`, without I/O.
//!
//! In: what is stored on the bus, as events that each carry a whole current value. Out: what to store, to publish and
//! to tell. Events only bring the picture up to date; each step then looks at the whole picture and decides anew, so a
//! lost, repeated or late event costs time and nothing else, and a restarted coordinator that is shown the same values
//! decides the same.
//!
//! Holds: a phase begins only when the one before is through and its gate is open. A shard is done only when every
//! slice is, its account adds up and its checksum holds. Nothing is published for a finished shard.
//! Not here: how values are read and written (`shell`), how work is done (`worker`).

mod load;

use std::collections::BTreeMap;

use protocol::checkpoint::{ShardRecord, SliceCheckpoint};
use protocol::gate::{Decision, Evidence};
use protocol::ids::{ShardId, SliceId};
use protocol::phase::Phase;
use protocol::plan::{InventoryIndex, ShardPlan};
use protocol::spec::{Gate, Submission};
use protocol::state::{CommandResult, Control, MigrationState, PhaseStatus};
use protocol::task::{Command, Task};

use load::Load;

/// A task that was published and isn't done is published again after this long: safe, because the bus discards a
/// repeat of what still waits, and needed, because the bus may have lost it.
pub const REPUBLISH_AFTER_MS: u64 = 60_000;

/// Tasks published ahead of every slot that works on them.
pub const TASKS_PER_SLOT: usize = 10;

/// News: each carries the whole current value of a key.
#[derive(Debug, Clone)]
pub enum Event {
    /// What is wanted.
    Submission(Submission),
    /// The state that was stored last; only the first counts, afterwards the machine is its source.
    State(MigrationState),
    /// The whole inventory.
    Inventory(Vec<InventoryIndex>),
    /// A shard's plan.
    Plan(ShardId, ShardPlan),
    /// A shard's record.
    Shard(ShardId, ShardRecord),
    /// A slice's checkpoint.
    Slice(ShardId, SliceId, SliceCheckpoint),
    /// A person's decision, or its withdrawal.
    Decision(Phase, Option<Decision>),
    /// What a command answered.
    Result(Command, CommandResult),
    /// What the workers are told: stop or go.
    Control(Control),
    /// How many tasks the live workers can do at once.
    Slots(u32),
    /// Everything that was stored has been told: decisions may begin.
    Ready,
    /// Time passes.
    Tick,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Store the state, by compare-and-set.
    StoreState(MigrationState),
    /// Store a shard's record.
    StoreShard(ShardId, ShardRecord),
    /// Delete the checkpoints of a finished shard.
    DeleteSlices(ShardId, Vec<SliceId>),
    /// Put a task into its queue.
    Publish(Task),
    /// Tell the workers to stop or go.
    SetControl(Control),
    /// Tell people.
    Emit {
        /// In which phase.
        phase: Phase,
        /// One word.
        kind: &'static str,
        /// A sentence.
        text: String,
    },
}

impl Action {
    /// Its place among the actions of one step: a coordinator that dies in between has left nothing out that its
    /// successor doesn't see to.
    ///
    /// A phase that is through stands on records that are stored; what is published belongs to a state that is.
    fn turn(&self) -> u8 {
        match self {
            Self::StoreShard(..) => 0,
            Self::DeleteSlices(..) => 1,
            Self::StoreState(_) => 2,
            Self::SetControl(_) => 3,
            Self::Publish(_) => 4,
            Self::Emit { .. } => 5,
        }
    }
}

/// The picture, and what follows from it.
#[derive(Debug, Default)]
pub struct Machine {
    ready: bool,
    submission: Option<Submission>,
    state: MigrationState,
    stored: Option<MigrationState>,
    decisions: BTreeMap<Phase, Decision>,
    results: BTreeMap<Command, CommandResult>,
    inventory: Option<Vec<InventoryIndex>>,
    command_published_ms: BTreeMap<Command, u64>,
    control: Control,
    load: Load,
}

impl Machine {
    /// Takes the news at `now_ms` (milliseconds since 1970) and says what is to be done.
    ///
    /// News that came together is best told together: a decision looks at every shard.
    pub fn step(&mut self, events: impl IntoIterator<Item = Event>, now_ms: u64) -> Vec<Action> {
        for event in events {
            self.learn(event);
        }
        let mut actions = Vec::new();
        if self.ready && self.submission.is_some() {
            self.decide(now_ms, &mut actions);
            self.load.drop_leftovers(&mut actions);
            if self.stored.as_ref() != Some(&self.state) {
                actions.push(Action::StoreState(self.state.clone()));
                self.stored = Some(self.state.clone());
            }
            let control = self.control_wanted();
            if self.control != control {
                actions.push(Action::SetControl(control.clone()));
                self.control = control;
            }
            actions.sort_by_key(Action::turn);
        }
        actions
    }

    /// Derived from the state, not said when that changes: who dies in between is followed by one who says it.
    fn control_wanted(&self) -> Control {
        match self.state.phase(Phase::Load).status {
            PhaseStatus::Failed(reason) => Control { stopped: Some(reason) },
            _ => Control::default(),
        }
    }

    /// The state as decided.
    #[must_use]
    pub fn state(&self) -> &MigrationState {
        &self.state
    }

    fn learn(&mut self, event: Event) {
        match event {
            Event::Submission(submission) => self.submission = Some(submission),
            Event::State(state) => {
                if self.stored.is_none() {
                    self.state = state.clone();
                    self.stored = Some(state);
                }
            }
            Event::Inventory(inventory) => {
                self.load.know_shards(&inventory);
                self.inventory = Some(inventory);
            }
            Event::Plan(shard, plan) => self.load.know_plan(shard, plan),
            Event::Shard(shard, record) => self.load.know_record(shard, record),
            Event::Slice(shard, slice, checkpoint) => self.load.know_slice(shard, slice, checkpoint),
            Event::Decision(phase, Some(decision)) => {
                self.decisions.insert(phase, decision);
            }
            Event::Decision(phase, None) => {
                self.decisions.remove(&phase);
            }
            Event::Result(command, result) => {
                self.results.insert(command, result);
            }
            Event::Control(control) => self.control = control,
            Event::Slots(slots) => self.load.slots = slots as usize,
            Event::Ready => self.ready = true,
            Event::Tick => {}
        }
    }

    fn decide(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        let Some(submission) = self.submission.clone() else { return };
        if submission.number > self.state.submission {
            self.take_up(&submission);
        }
        // Every phase that ends lets the next begin in the same step; six of them bound the loop.
        for _ in Phase::ALL {
            let Some(phase) = self.state.current() else { return };
            let before = self.state.phase(phase).status;
            match &before {
                PhaseStatus::Pending | PhaseStatus::Waiting => self.try_begin(phase, &submission, now_ms, actions),
                PhaseStatus::Running if phase == Phase::Load => self.drive_load(&submission, now_ms, actions),
                PhaseStatus::Running => self.drive_command(phase, now_ms, actions),
                PhaseStatus::Done | PhaseStatus::Skipped(_) | PhaseStatus::Failed(_) | PhaseStatus::Rejected(_) => {
                    return;
                }
            }
            if self.state.phase(phase).status == before {
                return;
            }
        }
    }

    /// A new submission: what failed is pending again, and its earlier failures no longer count.
    fn take_up(&mut self, submission: &Submission) {
        self.state.take_up(submission.number, submission.redo.as_ref());
        self.command_published_ms.clear();
        self.load.forget_published();
    }

    fn try_begin(&mut self, phase: Phase, submission: &Submission, now_ms: u64, actions: &mut Vec<Action>) {
        if phase == Phase::Snapshot {
            let name = submission.spec.snapshot.externally_managed_snapshot.as_deref().unwrap_or_default();
            let why = format!("{name} is managed externally");
            self.set(phase, PhaseStatus::Skipped(why), now_ms);
            return;
        }
        let digest = submission.spec.digest();
        let approved = self.decisions.get(&phase).is_some_and(|made| made.opens(&digest, &Evidence::default()));
        if submission.spec.gate(phase) == Gate::Manual && !approved {
            if self.state.phase(phase).status != PhaseStatus::Waiting {
                self.set(phase, PhaseStatus::Waiting, now_ms);
                let text = format!("{phase} waits for approval: migctl approve {phase}");
                actions.push(Action::Emit { phase, kind: "waiting", text });
            }
            return;
        }
        self.set(phase, PhaseStatus::Running, now_ms);
        actions.push(Action::Emit { phase, kind: "started", text: format!("{phase} begins") });
    }

    /// A phase that is one command: published until its answer to this submission is there.
    fn drive_command(&mut self, phase: Phase, now_ms: u64, actions: &mut Vec<Action>) {
        let Some(command) = Command::ALL.into_iter().find(|command| command.as_str() == phase.as_str()) else { return };
        if let Some(result) = self.results.get(&command).filter(|result| result.submission == self.state.submission) {
            match result.outcome.clone() {
                Ok(notes) => self.end(phase, PhaseStatus::Done, notes, now_ms, actions),
                Err(reason) => self.end(phase, PhaseStatus::Failed(reason), Vec::new(), now_ms, actions),
            }
            return;
        }
        let published_ms = self.command_published_ms.get(&command).copied();
        if published_ms.is_none_or(|at| now_ms.saturating_sub(at) >= REPUBLISH_AFTER_MS) {
            self.command_published_ms.insert(command, now_ms);
            actions.push(Action::Publish(Task::Command(command)));
        }
    }

    fn drive_load(&mut self, submission: &Submission, now_ms: u64, actions: &mut Vec<Action>) {
        // The inventory was stored before register answered; until the news of it arrives there is nothing to decide.
        if self.inventory.is_none() {
            return;
        }
        if let Some(outcome) = self.load.drive(submission, now_ms, actions) {
            let status = outcome.failure.map_or(PhaseStatus::Done, PhaseStatus::Failed);
            self.end(Phase::Load, status, outcome.notes, now_ms, actions);
        }
    }

    fn end(&mut self, phase: Phase, status: PhaseStatus, notes: Vec<String>, now_ms: u64, actions: &mut Vec<Action>) {
        let (kind, text) = match &status {
            PhaseStatus::Failed(reason) => ("failed", format!("{phase} failed: {reason}")),
            // What a phase found or left out is said, not only kept.
            _ => (
                "done",
                format!("{phase} is done{}", notes.iter().map(|note| format!("\n  {note}")).collect::<String>()),
            ),
        };
        actions.push(Action::Emit { phase, kind, text });
        self.set(phase, status, now_ms);
        if let Some(state) = self.state.phases.get_mut(&phase) {
            state.notes = notes;
        }
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
