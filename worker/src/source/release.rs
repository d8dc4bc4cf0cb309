//! What this migration made on the source goes: its snapshot, the registration of its repository.
//!
//! Holds: nothing goes that was not noted as ours, and nothing that the source tells to be another's; what is gone
//! already is as good as deleted.

use std::time::{Duration, Instant};

use protocol::checkpoint::Verdict;
use protocol::state::SnapshotRecord;
use target::snapshots::Removed;

use super::{Source, patiently, place};
use crate::context::Migration;
use crate::failure::TaskError;
use crate::phases::reporter::Reporter;

/// How long a source may be busy with other snapshots.
const BUSY_MAX: Duration = Duration::from_secs(3_600);
const ASK_EVERY: Duration = Duration::from_secs(5);

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// It is gone now.
    Deleted,
    /// It was gone.
    WasGone,
    /// It is left, for this reason.
    Left(String),
}

/// Deletes the snapshot that was noted.
///
/// # Errors
/// The source refuses, or doesn't answer; it is busy with other snapshots for an hour.
pub async fn snapshot(
    source: &Source,
    migration: &Migration,
    record: &SnapshotRecord,
    reporter: &Reporter<'_>,
) -> Result<Release, TaskError> {
    let left = |why: &str| Ok(Release::Left(why.to_owned()));
    if !record.made_snapshot {
        return left("this migration did not take it");
    }
    let (cluster, repository, name) = (&source.cluster, &record.repository, &record.snapshot);
    if patiently(reporter, || cluster.registration(repository)).await?.is_none() {
        return left("its repository is no longer registered on the source");
    }
    let (began, mut asked) = (Instant::now(), false);
    loop {
        if let Some(why) = source.busy(reporter).await? {
            wait(began, &format!("delete snapshot {name}"), &why, reporter).await?;
            continue;
        }
        // Also after a try: what took longer than a request may is often done when it is asked for again.
        let Some(view) = patiently(reporter, || cluster.snapshot_view(repository, name)).await? else {
            return Ok(if asked { Release::Deleted } else { Release::WasGone });
        };
        if !source.is_ours(&view, migration, record.indices) {
            return left("the source says that another has taken it");
        }
        asked = true;
        match patiently(reporter, || cluster.delete_snapshot(repository, name)).await? {
            Removed::Done => return Ok(Release::Deleted),
            Removed::NotThere => {}
            Removed::Busy(why) => wait(began, &format!("delete snapshot {name}"), &why, reporter).await?,
        }
    }
}

/// Removes the registration that was noted.
///
/// # Errors
/// As [`snapshot`].
pub async fn registration(
    source: &Source,
    migration: &Migration,
    record: &SnapshotRecord,
    reporter: &Reporter<'_>,
) -> Result<Release, TaskError> {
    let left = |why: String| Ok(Release::Left(why));
    if !record.made_repository {
        return left("this migration did not make it".to_owned());
    }
    let (cluster, name) = (&source.cluster, &record.repository);
    let Some(found) = patiently(reporter, || cluster.registration(name)).await? else { return Ok(Release::WasGone) };
    if let Some(create) = &migration.spec.snapshot.create {
        let is_meant = place::name(&migration.name, create) == *name;
        let wanted = place::wanted(&migration.spec.snapshot.repository, create);
        if let Some(why) = is_meant.then(|| place::differs(&found, &wanted)).flatten() {
            return left(format!("it was changed since: {why}"));
        }
    }
    let began = Instant::now();
    loop {
        match patiently(reporter, || cluster.unregister(name)).await? {
            Removed::Done => return Ok(Release::Deleted),
            Removed::NotThere => return Ok(Release::WasGone),
            Removed::Busy(why) => wait(began, &format!("unregister repository {name}"), &why, reporter).await?,
        }
    }
}

async fn wait(began: Instant, what: &str, why: &str, reporter: &Reporter<'_>) -> Result<(), TaskError> {
    if began.elapsed() > BUSY_MAX {
        let reason = format!("{what}: the source is busy with other snapshots for an hour; submit again later: {why}");
        return Err(TaskError::say(Verdict::StopLoad, reason));
    }
    reporter.tell(&format!("{what}: waits, up to an hour, until the source has done with others: {why}"), 0, 0).await;
    tokio::time::sleep(ASK_EVERY).await;
    Ok(())
}
