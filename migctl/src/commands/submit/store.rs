//! Stores submissions: the first one, a changed one, one that takes up what stopped or failed.
//!
//! Holds: written by compare-and-set, so that of two people who submit at once one is told; what an earlier one wanted
//! done again, and nobody has taken up yet, is carried on.

use anyhow::{bail, ensure};
use protocol::bus::{self, Bus};
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::spec::{Redo, Spec, Submission};
use protocol::state::{MigrationState, PhaseStatus};

use super::difference::Difference;
use crate::commands::stored_state;
use crate::person;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// A new submission, of this number.
    New(u32),
    /// The submission of this number is under way with the same configuration.
    Unchanged(u32),
}

/// Stores the specification as the next submission, where there is anything to take up or to change. `redo`: phases that
/// a change makes necessary are done again without asking.
///
/// # Errors
/// The migration was begun with other documents or another target, or is complete; a no; the bus's.
pub async fn store(bus: &dyn Bus, spec: Spec, redo: bool) -> anyhow::Result<Stored> {
    let name = spec.name.clone();
    let key = names::spec(&name);
    let Some((before, revision)) = bus::read::<Submission>(bus, Bucket::Migrations, &key).await? else {
        return first(bus, spec).await;
    };
    let stored = stored_state(bus, &name).await?;
    let mut state = stored.clone();
    state.take_up(before.number, before.redo.as_ref());
    ensure!(
        state.current().is_some(),
        "{name} is complete and keeps its state, because there are dead letters to read: `migctl forget -m {name}` \
         removes it, and then it can begin anew; `migctl retry` does a part of it again"
    );
    let difference = Difference::between(&before.spec, &spec, &state)?;
    if difference.is_none() && is_healthy(&state) {
        return Ok(Stored::Unchanged(before.number));
    }
    difference.consent(redo).await?;
    let mut detail = difference.lines();
    let waiting = before.redo.filter(|_| stored.submission < before.number);
    let redo = both(waiting, difference.redo.map(Redo::Phase))?;
    detail.extend(redo.iter().map(told));
    let number = before.number.saturating_add(1);
    let value = bus::bytes(&key, &Submission { number, spec, redo })?;
    bus.update(Bucket::Migrations, &key, value, revision).await?;
    person::record(bus, &name, format!("submit (submission {number})"), detail).await?;
    Ok(Stored::New(number))
}

async fn first(bus: &dyn Bus, spec: Spec) -> anyhow::Result<Stored> {
    let name = spec.name.clone();
    if bus.get(Bucket::Migrations, &names::state(&name)).await?.is_some() {
        bail!(
            "{name} is complete and its state is just being removed: try again in a moment, or, if no coordinator is \
             there to do it, `migctl forget -m {name}`"
        );
    }
    let key = names::spec(&name);
    let value = bus::bytes(&key, &Submission { number: 1, spec, redo: None })?;
    bus.create(Bucket::Migrations, &key, value).await?;
    person::record(bus, &name, "submit (submission 1)".to_owned(), Vec::new()).await?;
    Ok(Stored::New(1))
}

/// Submits the same configuration once more, with what is to be done again; the new number. `what` is said in the audit
/// log.
///
/// # Errors
/// Something else is wanted again and was not taken up yet; the bus's.
pub async fn again(
    bus: &dyn Bus,
    migration: &MigrationName,
    redo: Option<Redo>,
    what: &str,
    note: &str,
) -> anyhow::Result<u32> {
    let (before, revision) = crate::commands::submission(bus, migration).await?;
    let stored = stored_state(bus, migration).await?;
    let waiting = before.redo.filter(|_| stored.submission < before.number);
    let number = before.number.saturating_add(1);
    let submission = Submission { number, spec: before.spec, redo: both(waiting, redo)? };
    let key = names::spec(migration);
    bus.update(Bucket::Migrations, &key, bus::bytes(&key, &submission)?, revision).await?;
    person::record(bus, migration, format!("{what} (submission {number})"), person::note(note)).await?;
    Ok(number)
}

/// Whether nothing stopped, failed or was rejected.
fn is_healthy(state: &MigrationState) -> bool {
    let ended = |status: &PhaseStatus| matches!(status, PhaseStatus::Failed(_) | PhaseStatus::Rejected(_));
    !ended(&state.preflight.status) && !state.phases.values().any(|phase| ended(&phase.status))
}

/// What does both: a phase covers every later one, and a shard the phases from the load on.
fn both(waiting: Option<Redo>, now: Option<Redo>) -> anyhow::Result<Option<Redo>> {
    let (waiting, now) = match (waiting, now) {
        (Some(waiting), Some(now)) => (waiting, now),
        (one, other) => return Ok(one.or(other)),
    };
    match (waiting, now) {
        (Redo::Phase(one), Redo::Phase(other)) => Ok(Some(Redo::Phase(one.min(other)))),
        (Redo::Shard(one), Redo::Shard(other)) if one == other => Ok(Some(Redo::Shard(one))),
        (Redo::Shard(shard), Redo::Phase(phase)) | (Redo::Phase(phase), Redo::Shard(shard)) if phase >= Phase::Load => {
            Ok(Some(Redo::Shard(shard)))
        }
        (waiting, _) => bail!(
            "{}, as was asked for last, and no coordinator has taken that up yet: try again when one has",
            told(&waiting)
        ),
    }
}

fn told(redo: &Redo) -> String {
    match redo {
        Redo::Phase(phase) => format!("{phase} is done again, and what follows"),
        Redo::Shard(shard) => format!("shard {} of index number {} is loaded again", shard.shard, shard.index),
    }
}

#[cfg(test)]
mod tests {
    use protocol::ids::{IndexNo, ShardId};

    use super::*;

    #[test]
    fn what_waits_to_be_done_again_is_not_forgotten() {
        let shard = |no| Redo::Shard(ShardId { index: IndexNo(no), shard: 0 });
        let phase = Redo::Phase;
        for (waiting, now, expected) in [
            (None, None, None),
            (Some(shard(1)), None, Some(shard(1))),
            (None, Some(phase(Phase::Load)), Some(phase(Phase::Load))),
            (Some(phase(Phase::Verify)), Some(phase(Phase::Register)), Some(phase(Phase::Register))),
            (Some(shard(1)), Some(phase(Phase::Verify)), Some(shard(1))),
            (Some(phase(Phase::Load)), Some(shard(1)), Some(shard(1))),
            (Some(shard(1)), Some(shard(1)), Some(shard(1))),
        ] {
            assert_eq!(both(waiting, now).unwrap(), expected);
        }
        both(Some(shard(1)), Some(shard(2))).unwrap_err();
        let error = both(Some(phase(Phase::Register)), Some(shard(2))).unwrap_err().to_string();
        assert!(error.starts_with("register is done again, and what follows, as was asked for last"), "{error}");
    }
}
