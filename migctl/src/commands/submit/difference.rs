//! What another configuration means for a migration that is under way, and whether it is wanted all the same.

use protocol::phase::Phase;
use protocol::spec::Spec;
use protocol::spec::change::{Change, Effect, changes};
use protocol::state::{MigrationState, PhaseStatus};

use crate::ask::{self, Terminal};
use crate::exit::Invalid;

/// What differs from the submission before.
pub struct Difference {
    /// Every field, with what follows from it now.
    changes: Vec<Change>,
    /// The first phase that must be done again.
    pub redo: Option<Phase>,
    /// Whether work is done again that somebody may have waited for.
    costs: bool,
}

impl Difference {
    /// Compares.
    ///
    /// # Errors
    /// What was done can't be continued with it.
    pub fn between(before: &Spec, now: &Spec, state: &MigrationState) -> Result<Self, Invalid> {
        let in_state = |change: Change| Change { effect: change.effect_in(state), ..change };
        let changes: Vec<Change> = changes(before, now).into_iter().map(in_state).collect();
        let with = |wanted: Effect| changes.iter().filter(move |change| change.effect == wanted);
        let others: Vec<String> = with(Effect::OtherMigration).map(|change| format!("`{}`", change.field)).collect();
        if !others.is_empty() {
            return Err(Invalid(format!(
                "migration {name} was begun with another {}: what it did can't be continued with this one; give the \
                 new migration another `name`, or stop this one and remove it with `migctl forget -m {name}`",
                others.join(", "),
                name = now.name
            )));
        }
        let redo = Phase::ALL.into_iter().find(|phase| with(Effect::Redo(*phase)).next().is_some());
        let done = |phase: Phase| state.phase(phase).status == PhaseStatus::Done;
        let costs = redo.is_some_and(|redo| Phase::ALL.into_iter().any(|phase| phase >= redo && done(phase)));
        Ok(Self { changes, redo, costs })
    }

    /// Whether nothing differs.
    pub fn is_none(&self) -> bool {
        self.changes.is_empty()
    }

    /// Every change, a line each.
    pub fn lines(&self) -> Vec<String> {
        self.changes.iter().map(ToString::to_string).collect()
    }

    /// Shows the changes; where they cost something, asks for a yes that wasn't given.
    ///
    /// # Errors
    /// A no, or nobody to ask.
    pub async fn consent(&self, given: bool) -> anyhow::Result<()> {
        let lines = self.lines();
        for line in &lines {
            eprintln!("{line}");
        }
        let Some(phase) = self.redo.filter(|_| self.costs && !given) else { return Ok(()) };
        if !ask::is_possible() {
            let why = format!(
                "with this configuration {phase} must be done again, and what follows (finished shards stay \
                 finished): say that it may be with --redo"
            );
            return Err(Invalid(why).into());
        }
        let question = format!("do {phase} and what follows again? (finished shards stay finished)");
        if Terminal::default().ask(&question).await? {
            Ok(())
        } else {
            Err(Invalid("nothing was changed".to_owned()).into())
        }
    }
}
