//! Metadata: everything is created on the target, or found there, before a document moves.
//!
//! In: the inventory. Out: indices, templates and streams on the target, and in KV where the documents of each index go.
//! Every index that can't be is named, not only the first.
//!
//! Holds: what is to happen is decided by the same code that [`evaluate`] tells it from. What a redo must know stands in
//! the index's own mapping (`_meta.migctl`) before it is true: who made it, what is withheld, that it is to be closed
//! again.

mod lines;

use protocol::checkpoint::Verdict;

use crate::context::{Context, Migration, TargetHandle};
use crate::failure::TaskError;
use crate::metadata::ledger::Ledger;
pub use crate::metadata::ledger::page;
use crate::metadata::settle::Settle;
use crate::metadata::survey::Survey;

/// Creates what is missing.
///
/// # Errors
/// The indices that can't be created or loaded into, each with the target's reason.
pub async fn run(context: &Context, migration: &Migration) -> Result<Vec<String>, TaskError> {
    settle(context, migration, true).await
}

/// Says what metadata would do. The target judges it, and nothing of that stays.
///
/// # Errors
/// Every index that can't be created or loaded into, with the reason.
pub async fn evaluate(context: &Context, migration: &Migration) -> Result<Vec<String>, TaskError> {
    settle(context, migration, false).await
}

async fn settle(context: &Context, migration: &Migration, create: bool) -> Result<Vec<String>, TaskError> {
    let ledger = Ledger::Bus(context, migration);
    let cluster = match migration.target()? {
        TargetHandle::Directory(directory) => return lines::run(migration, ledger, directory, create).await,
        TargetHandle::Cluster(cluster) => cluster,
    };
    let snapshot = migration.snapshot().await?;
    let survey = Survey::new(migration.name.as_str(), &migration.spec.metadata, &snapshot, cluster).await?;
    let settled = Settle { survey: &survey, ledger, create, progress: &|_| {} }.all().await;
    let swept = survey.end().await;
    let report = settled?;
    swept?;
    let refused = report.refused_indices();
    if refused.is_empty() {
        return Ok(report.lines());
    }
    let reason = format!("{} indices can't be created or loaded into\n{}", refused.len(), refused.join("\n"));
    Err(TaskError::say(Verdict::StopLoad, reason))
}
