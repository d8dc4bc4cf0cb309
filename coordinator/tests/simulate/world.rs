//! What the bus and the repository hold, and the coordinator that looks at it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use coordinator::machine::{Action, Event, Machine};
use protocol::checkpoint::{ShardRecord, SliceCheckpoint};
use protocol::gate::{Decision, Evidence, Wish};
use protocol::ids::{IndexNo, ShardId, SliceId};
use protocol::phase::Phase;
use protocol::plan::{CataloguePage, InventoryPage, ShardPlan};
use protocol::spec::{Spec, Submission};
use protocol::state::{CommandResult, Control, MigrationState, PhaseStatus};
use protocol::task::{Command, Task};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use crate::workers::FakeWorker;

pub struct World {
    pub rng: StdRng,
    pub now_ms: u64,
    pub machine: Machine,
    pub news: VecDeque<Event>,
    pub submission: Submission,
    /// Every submission there was.
    pub submissions: BTreeMap<u32, Submission>,
    pub state: Option<MigrationState>,
    pub decisions: BTreeMap<Phase, Decision>,
    /// Every decision there was.
    pub decided: Vec<(Phase, Decision)>,
    pub evidence: BTreeMap<Phase, Evidence>,
    pub wish: Option<Wish>,
    pub results: BTreeMap<Command, CommandResult>,
    pub catalogue: BTreeMap<u32, CataloguePage>,
    pub pages: BTreeMap<u32, InventoryPage>,
    pub plans: BTreeMap<ShardId, ShardPlan>,
    pub records: BTreeMap<ShardId, ShardRecord>,
    pub slices: BTreeMap<(ShardId, SliceId), (SliceCheckpoint, u64)>,
    pub control: Control,
    pub revision: u64,
    pub queue: BTreeMap<(String, String), Task>,
    pub workers: Vec<FakeWorker>,
    /// What the snapshot holds: shards of each index, and whether it is loaded.
    pub indices: Vec<(u32, bool)>,
    /// What goes wrong until a person mends it.
    pub failing: BTreeSet<Command>,
    pub unreadable: BTreeSet<ShardId>,
    pub refuses_writes: bool,
    /// Changes what commands find.
    pub tide: u32,
}

fn spec(takes_snapshot: bool) -> Spec {
    let mut snapshot = json!({ "repository": { "path": "/repo" } });
    if takes_snapshot {
        snapshot["create"] = json!({});
    } else {
        snapshot["externallyManagedSnapshot"] = json!("snap");
    }
    let configured = json!({ "name": "sim", "snapshot": snapshot, "target": { "endpoint": "file:/out" } });
    serde_json::from_value(configured).unwrap()
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let submission = Submission { number: 1, spec: spec(rng.random_bool(0.5)), redo: None };
        let indices = (0..rng.random_range(1..=3)).map(|no| (rng.random_range(1..=3), no == 0 || rng.random_bool(0.8)));
        let mut world = Self {
            now_ms: 1,
            machine: Machine::default(),
            news: VecDeque::new(),
            submissions: BTreeMap::from([(1, submission.clone())]),
            submission,
            state: None,
            decisions: BTreeMap::new(),
            decided: Vec::new(),
            evidence: BTreeMap::new(),
            wish: None,
            results: BTreeMap::new(),
            catalogue: BTreeMap::new(),
            pages: BTreeMap::new(),
            plans: BTreeMap::new(),
            records: BTreeMap::new(),
            slices: BTreeMap::new(),
            control: Control::default(),
            revision: 0,
            queue: BTreeMap::new(),
            workers: Vec::new(),
            failing: BTreeSet::new(),
            unreadable: BTreeSet::new(),
            refuses_writes: false,
            tide: 0,
            indices: indices.collect(),
            rng,
        };
        world.refuses_writes = world.rng.random_bool(0.1);
        if world.rng.random_bool(0.3) {
            world.unreadable.insert(ShardId { index: IndexNo(0), shard: 0 });
        }
        for command in Command::ALL {
            if world.rng.random_bool(0.05) {
                world.failing.insert(command);
            }
        }
        world.restart_coordinator();
        world
    }

    /// Every shard that is to be loaded.
    pub fn shards(&self) -> Vec<ShardId> {
        let indices = self.pages.values().flat_map(|page| &page.indices).filter(|index| index.load);
        let shards = indices.flat_map(|index| (0..index.shards.len()).map(|s| (index.no, s as u32)));
        shards.map(|(index, shard)| ShardId { index, shard }).collect()
    }

    /// The phase that is on.
    pub fn status(&self) -> Option<(Phase, PhaseStatus)> {
        let state = self.state.as_ref()?;
        state.current().map(|phase| (phase, state.phase(phase).status))
    }

    /// Why it does not go on.
    pub fn failure(&self) -> Option<String> {
        let state = self.state.as_ref()?;
        match (&state.preflight.status, self.status()?) {
            (PhaseStatus::Failed(reason), _) => Some(reason.clone()),
            (_, (_, PhaseStatus::Failed(reason))) => Some(reason),
            _ => None,
        }
    }

    /// A new coordinator is shown everything that is stored, in any order, and then told that this was all.
    pub fn restart_coordinator(&mut self) {
        self.machine = Machine::default();
        self.news.clear();
        let mut all = vec![Event::Submission(Box::new(self.submission.clone())), Event::Slots(2)];
        all.extend(self.state.clone().map(Event::State));
        all.push(Event::Control(self.control.clone()));
        all.extend(self.wish.clone().map(Event::Wish));
        all.extend(self.evidence.iter().map(|(phase, evidence)| Event::Evidence(*phase, evidence.clone())));
        all.extend(self.catalogue.iter().map(|(no, page)| Event::Catalogue(*no, page.clone())));
        all.extend(self.pages.iter().map(|(no, page)| Event::Inventory(*no, page.clone())));
        all.extend(self.plans.iter().map(|(id, plan)| Event::Plan(*id, plan.clone())));
        all.extend(self.records.iter().map(|(id, record)| Event::Shard(*id, record.clone())));
        all.extend(self.slices.iter().map(|((id, slice), (at, _))| Event::Slice(*id, slice.clone(), at.clone())));
        all.extend(self.decisions.iter().map(|(phase, decision)| Event::Decision(*phase, Some(decision.clone()))));
        all.extend(self.results.iter().map(|(command, result)| Event::Result(*command, result.clone())));
        for at in (1..all.len()).rev() {
            let other = self.rng.random_range(0..=at);
            all.swap(at, other);
        }
        self.news.extend(all);
        self.news.push_back(Event::Ready);
    }

    /// The coordinator takes some of the news, decides and acts.
    pub fn coordinate(&mut self) {
        for action in self.decide() {
            self.act(action);
        }
    }

    /// The same, but it dies among its actions.
    pub fn coordinate_and_die(&mut self) {
        let actions = self.decide();
        let done = self.rng.random_range(0..=actions.len());
        for action in actions.into_iter().take(done) {
            self.act(action);
        }
        self.restart_coordinator();
    }

    fn decide(&mut self) -> Vec<Action> {
        let count = self.rng.random_range(0..=self.news.len());
        let mut events: Vec<Event> = self.news.drain(..count).collect();
        events.push(Event::Tick);
        self.machine.step(events, self.now_ms)
    }

    fn act(&mut self, action: Action) {
        self.check(&action);
        match action {
            Action::ForgetShard(shard) => {
                self.records.remove(&shard);
                self.slices.retain(|(of, _), _| *of != shard);
            }
            Action::StoreState(state) => self.state = Some(state),
            Action::StoreEvidence(phase, evidence) => {
                self.evidence.insert(phase, evidence.clone());
                self.news.push_back(Event::Evidence(phase, evidence));
            }
            Action::StoreShard(shard, record) => {
                self.records.insert(shard, record.clone());
                self.news.push_back(Event::Shard(shard, record));
            }
            Action::DeleteSlices(shard, slices) => {
                for slice in slices {
                    self.slices.remove(&(shard, slice));
                }
            }
            Action::Publish(task) => {
                self.queue.entry((task.kind().to_owned(), task.id())).or_insert(task);
            }
            Action::SetControl(control) => {
                self.control = control.clone();
                self.news.push_back(Event::Control(control));
            }
            Action::StoreLoadProgress(_) => {}
            Action::Emit { text, .. } => assert!(!text.is_empty()),
            Action::StartOver => self.restart_coordinator(),
        }
    }
}
