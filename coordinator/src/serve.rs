//! `coordinator start`: drives every migration on the bus, as long as it leads.
//!
//! Several coordinators may run: all of them are correct at any time, because the state is written by compare-and-set.
//! The leader key, which dies 15 s after its last renewal, only keeps them from doing the same work twice.
//!
//! A migration that is complete is removed from the bus, unless it has dead letters that a person should read first.

use std::collections::BTreeSet;
use std::time::Duration;

use protocol::bus::{self, BusError, Change, SharedBus};
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::spec::Submission;
use protocol::state::MigrationState;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::shell::{self, Complete, Ended};

const LEADER_KEY: &str = "coordinator";
/// A third of the key's time to live, so that one lost renewal doesn't depose.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// Waits for leadership, drives every migration while it holds, and starts over when it is lost.
///
/// # Errors
/// A bus that can't be used.
pub async fn serve(bus: SharedBus, identity: &str, cancel: CancellationToken) -> Result<(), BusError> {
    while !cancel.is_cancelled() {
        match take_leadership(&bus, identity, &cancel).await {
            Ok(None) => return Ok(()),
            Ok(Some(revision)) => {
                tracing::info!(identity, "leading");
                let term = cancel.child_token();
                let (kept, driven) =
                    tokio::join!(keep_leadership(&bus, identity, revision, &term), drive_all(&bus, identity, &term));
                driven?;
                tracing::info!(identity, reason = kept, "no longer leading");
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(error = &error as &dyn std::error::Error, "wait for the bus");
                cancel.run_until_cancelled(tokio::time::sleep(RENEW_EVERY)).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The revision at which the leader key became ours; `None` when cancelled first.
async fn take_leadership(bus: &SharedBus, identity: &str, cancel: &CancellationToken) -> Result<Option<u64>, BusError> {
    loop {
        match bus.create(Bucket::Leader, LEADER_KEY, identity.as_bytes().to_vec()).await {
            Ok(revision) => return Ok(Some(revision)),
            Err(BusError::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
        // After the bus was away the key that stands in the way may be our own.
        match bus.get(Bucket::Leader, LEADER_KEY).await? {
            Some(entry) if entry.value == identity.as_bytes() => return Ok(Some(entry.revision)),
            _ => tracing::debug!("another coordinator leads"),
        }
        if cancel.run_until_cancelled(tokio::time::sleep(RENEW_EVERY)).await.is_none() {
            return Ok(None);
        }
    }
}

/// Renews until it fails or is cancelled, then ends the term; why.
async fn keep_leadership(bus: &SharedBus, identity: &str, mut revision: u64, term: &CancellationToken) -> &'static str {
    let _end = term.clone().drop_guard();
    loop {
        if term.run_until_cancelled(tokio::time::sleep(RENEW_EVERY)).await.is_none() {
            if let Err(error) = bus.delete(Bucket::Leader, LEADER_KEY).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "the leader key dies by itself");
            }
            return "stopped";
        }
        match bus.update(Bucket::Leader, LEADER_KEY, identity.as_bytes().to_vec(), revision).await {
            Ok(next) => revision = next,
            Err(BusError::Conflict { .. }) => return "another coordinator leads",
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "renew the leader key");
                return "the bus does not answer";
            }
        }
    }
}

/// One task per migration, begun when its specification appears, or a state that was left behind.
async fn drive_all(bus: &SharedBus, identity: &str, term: &CancellationToken) -> Result<(), BusError> {
    let _end = term.clone().drop_guard();
    let mut driven: BTreeSet<MigrationName> = BTreeSet::new();
    // Submitted while a task was at them: it may have ended just before it saw that.
    let mut again: BTreeSet<MigrationName> = BTreeSet::new();
    let mut tasks: JoinSet<(MigrationName, Result<(), BusError>)> = JoinSet::new();
    while !term.is_cancelled() {
        let mut specs = match bus.watch(Bucket::Migrations, "").await {
            Ok(watch) => watch,
            Err(error) if error.is_transient() => {
                term.run_until_cancelled(tokio::time::sleep(RENEW_EVERY)).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        loop {
            tokio::select! {
                () = term.cancelled() => break,
                ended = tasks.join_next(), if !tasks.is_empty() => {
                    if let Some(Ok((migration, result))) = ended {
                        // One migration that can't be driven must not take the others down.
                        if let Err(error) = result {
                            tracing::error!(%migration, error = &error as &dyn std::error::Error, "can't be driven");
                        }
                        if again.remove(&migration) {
                            tasks.spawn(see_to(bus.clone(), migration, identity.to_owned(), term.clone()));
                        } else {
                            driven.remove(&migration);
                        }
                    }
                }
                change = specs.recv() => {
                    let Some(change) = change else { break };
                    let Some((migration, is_spec)) = concerned(&change) else { continue };
                    if driven.insert(migration.clone()) {
                        tasks.spawn(see_to(bus.clone(), migration, identity.to_owned(), term.clone()));
                    } else if is_spec {
                        again.insert(migration);
                    }
                }
            }
        }
    }
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// The migration whose specification or state was just written, and whether it was the specification.
fn concerned(change: &Change) -> Option<(MigrationName, bool)> {
    let Change::Put(key, _) = change else { return None };
    let migration: MigrationName = key.split('.').next()?.parse().ok()?;
    let is_spec = *key == names::spec(&migration);
    (is_spec || *key == names::state(&migration)).then_some((migration, is_spec))
}

/// Brings a migration to its end, and what is left of a removed one.
async fn see_to(
    bus: SharedBus,
    migration: MigrationName,
    identity: String,
    term: CancellationToken,
) -> (MigrationName, Result<(), BusError>) {
    loop {
        let result = match has_spec(&bus, &migration).await {
            Ok(true) => drive_to_end(&bus, &migration, &identity, &term).await,
            Ok(false) => finish_removal(&bus, &migration).await,
            Err(error) => Err(error),
        };
        match result {
            Err(error) if error.is_transient() => {
                tracing::warn!(%migration, error = &error as &dyn std::error::Error, "wait for the bus");
                if term.run_until_cancelled(tokio::time::sleep(RENEW_EVERY)).await.is_none() {
                    return (migration, Ok(()));
                }
            }
            result => return (migration, result),
        }
    }
}

async fn has_spec(bus: &SharedBus, migration: &MigrationName) -> Result<bool, BusError> {
    Ok(bus.get(Bucket::Migrations, &names::spec(migration)).await?.is_some())
}

async fn drive_to_end(
    bus: &SharedBus,
    migration: &MigrationName,
    identity: &str,
    term: &CancellationToken,
) -> Result<(), BusError> {
    loop {
        match shell::drive(bus.clone(), migration.clone(), identity, term.clone()).await? {
            Ended::Cancelled | Ended::Removed => return Ok(()),
            Ended::Complete(complete) => {
                if put_away(bus, migration, &complete).await? {
                    return Ok(());
                }
            }
        }
    }
}

/// Removes a complete migration, unless it has something for people to read; `false`: it was submitted again.
async fn put_away(bus: &SharedBus, migration: &MigrationName, complete: &Complete) -> Result<bool, BusError> {
    let key = names::spec(migration);
    let current = bus::read::<Submission>(&**bus, Bucket::Migrations, &key).await?;
    if current.is_some_and(|(current, _)| current.number != complete.submission.number) {
        return Ok(false);
    }
    let account = complete.state.phase(Phase::Load).notes.join("; ");
    let dead_letters = bus.dead_letters(migration, 0, 0).await?.count;
    if dead_letters > 0 && !complete.submission.spec.cleanup.delete_dead_letters {
        tracing::info!(%migration, account, dead_letters, "complete; its state stays until migctl forget");
        return Ok(true);
    }
    bus.remove_migration(migration).await?;
    tracing::info!(%migration, account, dead_letters, "complete; its state was removed");
    Ok(true)
}

/// A state without a specification is what is left where a removal broke off.
async fn finish_removal(bus: &SharedBus, migration: &MigrationName) -> Result<(), BusError> {
    let key = names::state(migration);
    let state = bus::read::<MigrationState>(&**bus, Bucket::Migrations, &key).await?;
    if state.is_some_and(|(state, _)| state.current().is_none()) {
        bus.remove_migration(migration).await?;
        tracing::info!(%migration, "what was left of its state was removed");
    }
    Ok(())
}
