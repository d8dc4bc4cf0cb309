//! Every decision of the coordinator: `step(events, now) → actions`, without I/O.
//!
//! In: what is stored on the bus, as events that each carry a whole current value. Out: what to store, to publish and
//! to tell. Events only bring the picture up to date; each step then looks at the whole picture and decides anew, so a
//! lost, repeated or late event costs time and nothing else, and a restarted coordinator that is shown the same values
//! decides the same.
//!
//! Holds: nothing is published for a submission before its preflight is through, nor while a person holds the migration;
//! a phase begins only when the one before is through and its gate is open. A shard is done only when every slice is,
//! its account adds up and its checksum holds. Nothing is published for a finished shard.
//! Not here: how values are read and written (`shell`), how work is done (`worker`).

mod phases;
mod register;

mod account;
mod load;
mod pace;

mod evidence;

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::checkpoint::{ShardRecord, SliceCheckpoint};
use protocol::gate::{Decision, Evidence, Wish};
use protocol::ids::{ShardId, SliceId};
use protocol::phase::Phase;
use protocol::plan::{CataloguePage, InventoryPage, ShardPlan};
use protocol::spec::{Redo, Submission};
use protocol::state::{CommandResult, Control, LoadProgress, MigrationState, PhaseStatus};
use protocol::task::{Command, Task};

use load::Load;
use register::Inventory;

/// A task that was published and isn't done is published again after this long: safe, because the bus discards a
/// repeat of what still waits, and needed, because the bus may have lost it.
pub const REPUBLISH_AFTER_MS: u64 = 60_000;

/// Tasks published ahead of every slot that works on them.
pub const TASKS_PER_SLOT: usize = 10;

/// News: each carries the whole current value of a key.
#[derive(Debug, Clone)]
pub enum Event {
    /// What is wanted.
    Submission(Box<Submission>),
    /// The state that was stored last; only the first counts, afterwards the machine is its source.
    State(MigrationState),
    /// What a gate was shown to let through; as with the state, only what was there at the start counts.
    Evidence(Phase, Evidence),
    /// A page of what the inventory is to hold.
    Catalogue(u32, CataloguePage),
    /// A page of the inventory.
    Inventory(u32, InventoryPage),
    /// A shard's plan.
    Plan(ShardId, ShardPlan),
    /// A shard's record.
    Shard(ShardId, ShardRecord),
    /// A slice's checkpoint.
    Slice(ShardId, SliceId, SliceCheckpoint),
    /// A person's decision, or its withdrawal.
    Decision(Phase, Option<Decision>),
    /// What a person wants of the running migration.
    Wish(Wish),
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
    /// Delete a shard's record and the checkpoints of its slices; its plan stays.
    ForgetShard(ShardId),
    /// Store a shard's record.
    StoreShard(ShardId, ShardRecord),
    /// Delete the checkpoints of a finished shard.
    DeleteSlices(ShardId, Vec<SliceId>),
    /// Store what a gate lets through.
    StoreEvidence(Phase, Evidence),
    /// Store the state, by compare-and-set.
    StoreState(MigrationState),
    /// Tell the workers to stop or go.
    SetControl(Control),
    /// Put a task into its queue.
    Publish(Task),
    /// Store how far the load is.
    StoreLoadProgress(LoadProgress),
    /// Tell people.
    Emit {
        /// In which phase.
        phase: Phase,
        /// One word.
        kind: &'static str,
        /// A sentence.
        text: String,
        /// The shard that it is about: its index's name, its number there.
        shard: Option<(String, u32)>,
    },
    /// What was deleted may still be on its way as news: read everything again, into a new machine.
    StartOver,
}

impl Action {
    /// Its place among the actions of one step: a coordinator that dies in between has left nothing out that its
    /// successor doesn't see to.
    ///
    /// A shard is forgotten before the submission that wants it counts as taken up. A phase that is through stands on
    /// records that are stored; one that waits, on evidence that is; what is published belongs to a state that is.
    fn turn(&self) -> u8 {
        match self {
            Self::ForgetShard(_) => 0,
            Self::StoreShard(..) => 1,
            Self::DeleteSlices(..) => 2,
            Self::StoreEvidence(..) => 3,
            Self::StoreState(_) => 4,
            Self::SetControl(_) => 5,
            Self::Publish(_) => 6,
            Self::StoreLoadProgress(_) => 7,
            Self::Emit { .. } => 8,
            Self::StartOver => 9,
        }
    }
}

/// The picture, and what follows from it.
#[derive(Debug, Default)]
pub struct Machine {
    ready: bool,
    /// It has asked for a new machine.
    over: bool,
    submission: Option<Arc<Submission>>,
    spec_digest: String,
    state: MigrationState,
    stored: Option<MigrationState>,
    decisions: BTreeMap<Phase, Decision>,
    evidence: BTreeMap<Phase, Evidence>,
    wish: Option<Wish>,
    results: BTreeMap<Command, CommandResult>,
    inventory: Inventory,
    command_published_ms: BTreeMap<Command, u64>,
    control: Control,
    slots: usize,
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
        let Some(submission) = self.submission.clone().filter(|_| self.ready && !self.over) else { return actions };
        if submission.number > self.state.submission {
            self.take_up(&submission, &mut actions);
        }
        if !self.over {
            self.decide(&submission, now_ms, &mut actions);
            self.load.drop_leftovers(&mut actions);
        }
        if self.stored.as_ref() != Some(&self.state) {
            actions.push(Action::StoreState(self.state.clone()));
            self.stored = Some(self.state.clone());
        }
        let control = self.control_wanted();
        if self.control != control && !self.over {
            actions.push(Action::SetControl(control.clone()));
            self.control = control;
        }
        actions.sort_by_key(Action::turn);
        actions
    }

    /// A new submission: what failed is pending again, and its earlier failures no longer count.
    fn take_up(&mut self, submission: &Submission, actions: &mut Vec<Action>) {
        self.state.take_up(submission.number, submission.redo.as_ref());
        self.command_published_ms.clear();
        self.inventory.forget_published();
        self.load.forget_published();
        if let Some(Redo::Shard(shard)) = submission.redo {
            actions.push(Action::ForgetShard(shard));
            actions.push(Action::StartOver);
            self.over = true;
        }
    }

    /// Derived from the state, not said when that changes: who dies in between is followed by one who says it.
    fn control_wanted(&self) -> Control {
        let current = self.state.current().map(|phase| self.state.phase(phase).status);
        let looks_first = || match &self.state.preflight.status {
            PhaseStatus::Failed(reason) => format!("preflight failed: {reason}"),
            _ => "preflight comes first".to_owned(),
        };
        let stopped = match (&self.state.paused, current) {
            (_, None) => None,
            (Some(paused), _) => Some(paused.clone()),
            (None, Some(PhaseStatus::Failed(reason))) => Some(reason),
            // Submitted again in the middle: what is in hand waits until everything was looked at.
            (None, Some(PhaseStatus::Running)) if !self.state.preflight.status.is_through() => Some(looks_first()),
            (None, Some(_)) => None,
        };
        Control { stopped }
    }

    /// The state as decided.
    #[must_use]
    pub fn state(&self) -> &MigrationState {
        &self.state
    }

    /// The submission that is complete: every phase is through, and nothing newer is wanted.
    #[must_use]
    pub fn complete(&self) -> Option<&Submission> {
        let submission = self.submission.as_deref().filter(|_| self.ready && !self.over)?;
        let taken_up = submission.number <= self.state.submission;
        (taken_up && self.state.current().is_none()).then_some(submission)
    }

    fn learn(&mut self, event: Event) {
        match event {
            Event::Submission(submission) => {
                self.spec_digest = submission.spec.digest();
                self.submission = Some(Arc::from(submission));
            }
            Event::State(state) => {
                if self.stored.is_none() {
                    self.state = state.clone();
                    self.stored = Some(state);
                }
            }
            Event::Evidence(phase, evidence) => {
                if !self.ready {
                    self.evidence.insert(phase, evidence);
                }
            }
            Event::Catalogue(no, page) => self.inventory.know_catalogue(no, &page),
            Event::Inventory(no, page) => self.inventory.know_page(no, &page),
            Event::Plan(shard, plan) => self.load.know_plan(shard, plan),
            Event::Shard(shard, record) => self.load.know_record(shard, record),
            Event::Slice(shard, slice, checkpoint) => self.load.know_slice(shard, slice, checkpoint),
            Event::Decision(phase, Some(decision)) => {
                self.decisions.insert(phase, decision);
            }
            Event::Decision(phase, None) => {
                self.decisions.remove(&phase);
            }
            Event::Wish(wish) => self.wish = Some(wish),
            Event::Result(command, result) => {
                self.results.insert(command, result);
            }
            Event::Control(control) => self.control = control,
            Event::Slots(slots) => self.slots = slots as usize,
            Event::Ready => self.ready = true,
            Event::Tick => {}
        }
    }
}
