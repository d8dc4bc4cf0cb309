//! What must hold at every action of the coordinator.

use coordinator::machine::Action;
use protocol::checkpoint::{SegmentAccount, ShardRecord};
use protocol::ids::ShardId;
use protocol::phase::Phase;
use protocol::spec::{Gate, Redo};
use protocol::state::{MigrationState, PhaseStatus};
use protocol::task::{Command, Task};

use crate::world::World;

impl World {
    pub fn check(&self, action: &Action) {
        match action {
            Action::ForgetShard(shard) => {
                let taken_up = self.state.as_ref().map_or(0, |state| state.submission);
                let mut open = self.submissions.range(taken_up + 1..);
                let wanted = open.any(|(_, submission)| submission.redo == Some(Redo::Shard(*shard)));
                assert!(wanted, "nobody wants {shard} again, or its load may have begun");
            }
            Action::StoreState(state) => self.check_state(state),
            Action::StoreShard(shard, record) => self.check_record(*shard, record),
            Action::DeleteSlices(shard, _) => {
                assert!(self.records[shard].done, "checkpoints of {shard} go before its record stands");
            }
            Action::Publish(task) => self.check_task(task),
            Action::StoreEvidence(phase, evidence) => {
                assert!(!evidence.sections.is_empty(), "the gate of {phase} shows nothing");
            }
            Action::StoreLoadProgress(progress) => {
                assert!(progress.docs <= progress.total_docs && progress.read_bytes <= progress.total_read_bytes);
            }
            Action::SetControl(_) | Action::Emit { .. } | Action::StartOver => {}
        }
    }

    fn check_record(&self, shard: ShardId, record: &ShardRecord) {
        assert!(!self.records.get(&shard).is_some_and(|before| before.done), "{shard} was done");
        if record.done {
            let plan = &self.plans[&shard];
            for slice in &plan.slices {
                assert!(self.slices[&(shard, slice.id.clone())].0.done, "{shard} {} is not done", slice.id);
            }
            assert!(record.segments.iter().all(SegmentAccount::adds_up));
        }
    }

    fn check_task(&self, task: &Task) {
        let state = self.state.as_ref().expect("a state is stored before anything is published");
        assert_eq!(state.paused, None, "{task:?} is published although a person holds the migration");
        let phase = match task {
            Task::Command(Command::Preflight) => {
                return assert_eq!(state.preflight.status, PhaseStatus::Running);
            }
            Task::Command(Command::Evaluate) => {
                assert!(state.preflight.status.is_through());
                return assert_eq!(state.current(), Some(Phase::Metadata));
            }
            Task::Command(command) => command.phase().unwrap(),
            Task::Curl(_) => panic!("only a person asks for {task:?}"),
            Task::Inventory(_) => Phase::Register,
            Task::Plan(shard) | Task::Load(shard, _) => {
                assert!(!self.records.get(shard).is_some_and(|record| record.done), "{shard} is done");
                assert!(self.shards().contains(shard), "{shard} is not to be loaded");
                Phase::Load
            }
        };
        assert!(state.preflight.status.is_through(), "{task:?} before preflight is through");
        assert_eq!(state.phase(phase).status, PhaseStatus::Running, "{task:?} although {phase} is not on");
    }

    fn check_state(&self, state: &MigrationState) {
        let mut before = self.state.clone().unwrap_or_default();
        assert!(before.submission <= state.submission);
        before.take_up(state.submission, self.submissions[&state.submission].redo.as_ref());
        for phase in Phase::ALL {
            let (was, is) = (before.phase(phase).status, state.phase(phase).status);
            assert!(!was.is_through() || is == was, "{phase} was through");
            if matches!(is, PhaseStatus::Running | PhaseStatus::Done) {
                let earlier = Phase::ALL.into_iter().filter(|earlier| *earlier < phase);
                earlier.for_each(|earlier| {
                    assert!(state.phase(earlier).status.is_through(), "{earlier} before {phase}");
                });
                if !matches!(was, PhaseStatus::Running | PhaseStatus::Done) {
                    self.check_beginning(phase, state);
                }
            }
        }
        if state.phase(Phase::Load).status.is_through() && !before.phase(Phase::Load).status.is_through() {
            for shard in self.shards() {
                assert!(self.records.get(&shard).is_some_and(|record| record.done), "load is through, {shard} is not");
            }
        }
    }

    fn check_beginning(&self, phase: Phase, state: &MigrationState) {
        assert_eq!(state.preflight.status, PhaseStatus::Done, "{phase} begins before preflight is through");
        let spec = &self.submissions[&state.submission].spec;
        if spec.gate(phase) == Gate::Manual {
            let (digest, evidence) = (spec.digest(), &self.evidence[&phase]);
            let opens = self.decided.iter().any(|(of, made)| *of == phase && made.opens(&digest, evidence));
            assert!(opens, "{phase} begins with its gate shut");
        }
    }
}
