//! What persons do: submit, approve and reject, hold and stop, mend.

use coordinator::machine::Event;
use protocol::gate::{Decision, Wish, WishKind};
use protocol::phase::Phase;
use protocol::spec::Redo;
use rand::Rng;

use crate::world::World;

impl World {
    /// Submits again; `whim`: perhaps with another configuration, or to have something done again.
    pub fn resubmit(&mut self, whim: bool) {
        self.submission.number += 1;
        self.submission.redo = None;
        if whim {
            self.tide += self.rng.random_range(0..=1);
            if self.rng.random_bool(0.3) {
                self.submission.spec.max_rejected += 1;
            }
            let shards = self.shards();
            self.submission.redo = match self.rng.random_range(0..3) {
                0 => Some(Redo::Phase(Phase::ALL[self.rng.random_range(0..Phase::ALL.len())])),
                1 if !shards.is_empty() => Some(Redo::Shard(shards[self.rng.random_range(0..shards.len())])),
                _ => None,
            };
        }
        self.submissions.insert(self.submission.number, self.submission.clone());
        self.news.push_back(Event::Submission(Box::new(self.submission.clone())));
    }

    pub fn mend(&mut self) {
        self.unreadable.clear();
        self.failing.clear();
        self.refuses_writes = false;
    }

    pub fn decide_on_a_gate(&mut self) {
        let phases = [Phase::Metadata, Phase::Load, Phase::Cleanup];
        let phase = phases[self.rng.random_range(0..phases.len())];
        match self.rng.random_range(0..10) {
            0 => self.decide_so(phase, false, false),
            1..4 => self.decide_so(phase, true, true),
            _ => self.approve(phase),
        }
    }

    /// After a look at what there is to see.
    pub fn approve(&mut self, phase: Phase) {
        self.decide_so(phase, true, false);
    }

    fn decide_so(&mut self, phase: Phase, approved: bool, unseen: bool) {
        let seen = self.evidence.get(&phase).filter(|_| !unseen);
        let decision = Decision {
            approved,
            who: "p".into(),
            at_ms: self.now_ms,
            note: String::new(),
            submission: self.submission.number,
            spec_digest: self.submission.spec.digest(),
            evidence_digest: seen.map(protocol::gate::Evidence::digest),
        };
        self.decided.push((phase, decision.clone()));
        self.decisions.insert(phase, decision.clone());
        self.news.push_back(Event::Decision(phase, Some(decision)));
    }

    pub fn wish_something(&mut self) {
        let kind = match self.rng.random_range(0..10) {
            0 => WishKind::Stop,
            1..5 => WishKind::Pause,
            _ => WishKind::Go,
        };
        self.wish(kind);
    }

    pub fn wish(&mut self, kind: WishKind) {
        let submission = self.submission.number;
        let wish = Wish { kind, who: "p".into(), at_ms: self.now_ms, note: "so be it".into(), submission };
        self.wish = Some(wish.clone());
        self.news.push_back(Event::Wish(wish));
    }
}
