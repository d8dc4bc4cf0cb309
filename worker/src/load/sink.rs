//! Where the batches of one slice go: an index of a cluster, or a file.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::checkpoint::Verdict;
use protocol::ids::ShardId;
use protocol::plan::{InventoryIndex, PlannedSlice};
use target::{BulkObserver, BulkOptions, Cluster, ItemOutcome, SliceFile, TargetError};
use tokio_util::sync::CancellationToken;

use super::pack::{Batch, Body};
use crate::context::{Context, Migration, TargetHandle};
use crate::failure::TaskError;
use crate::lease::Pulse;
use crate::plan::blocking;

/// The target's side of a slice.
pub enum Sink {
    /// An index.
    Index {
        /// The cluster.
        cluster: Cluster,
        /// The index's name there.
        name: String,
        /// The uuid it had at metadata: with another one it isn't the same index.
        uuid: String,
        /// Retries.
        options: BulkOptions,
    },
    /// A file; one writer at a time.
    File(Arc<Mutex<SliceFile>>),
}

/// A batch with what became of each of its items.
pub struct Answered {
    /// The batch.
    pub batch: Batch,
    /// One per item, in order.
    pub outcomes: Vec<ItemOutcome>,
}

impl BulkObserver for Pulse {
    fn may_send(&self) -> bool {
        self.holds()
    }

    fn answered(&self, _status: u16) {
        self.beat();
    }

    fn backoff(&self, reason: &str, wait: Duration) {
        tracing::info!(wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), "back off: {reason}");
        self.beat();
    }
}

impl Sink {
    /// Opens the target of a slice; a file is cut to `file_len`, the length that the checkpoint vouches for.
    ///
    /// # Errors
    /// The bus's; the file can't be opened as it should be.
    pub async fn open(
        context: &Context,
        migration: &Migration,
        shard: ShardId,
        planned: &PlannedSlice,
        index: &InventoryIndex,
        file_len: u64,
    ) -> Result<Self, TaskError> {
        match migration.target()? {
            TargetHandle::Cluster(cluster) => {
                let inventory = migration.inventory(&*context.bus).await?;
                let (_, page) = inventory.index(index.no)?;
                let noted = migration.target_index(&*context.bus, index.no, page).await?;
                let Some(noted) = noted.destinations.into_iter().next() else {
                    let reason = format!("metadata noted no destination of index {}", index.name);
                    return Err(TaskError::say(Verdict::StopLoad, reason));
                };
                Ok(Self::Index {
                    cluster: cluster.clone(),
                    name: noted.name,
                    uuid: noted.uuid,
                    options: BulkOptions::default(),
                })
            }
            TargetHandle::Directory(directory) => {
                let (directory, name, slice) = (directory.clone(), index.name.clone(), planned.id.clone());
                let file = blocking(move || directory.slice(&name, shard.shard, slice.as_str(), file_len)).await?;
                Ok(Self::File(Arc::new(Mutex::new(file))))
            }
        }
    }

    /// Batches that may be in flight at once: a file is written in order.
    #[must_use]
    pub fn in_flight_max(&self, connections: usize) -> usize {
        match self {
            Self::Index { .. } => connections.max(1),
            Self::File(_) => 1,
        }
    }

    /// Makes sure that the index is the one that metadata saw: a bulk into a deleted one would create it anew, with
    /// guessed mappings.
    ///
    /// # Errors
    /// It isn't, or the target doesn't answer.
    pub async fn check_index(&self) -> Result<(), TaskError> {
        let Self::Index { cluster, name, uuid, .. } = self else { return Ok(()) };
        match cluster.index(name).await? {
            Some(state) if state.uuid() == Some(uuid) => Ok(()),
            found => {
                let now = found.map_or_else(
                    || "is gone".to_owned(),
                    |state| format!("is another one ({})", state.uuid().unwrap_or("of no uuid")),
                );
                let reason = format!(
                    "index {name} of the target {now}; metadata saw {uuid}: it was deleted or made anew during the \
                     load, so documents are missing in it. Delete it and start a migration of another name"
                );
                Err(TaskError::say(Verdict::StopLoad, reason))
            }
        }
    }

    /// Sends a batch until every item has an outcome.
    ///
    /// # Errors
    /// The target takes nothing; given up.
    pub async fn send(
        self: Arc<Self>,
        batch: Batch,
        pulse: Pulse,
        cancel: CancellationToken,
    ) -> Result<Answered, TaskError> {
        if batch.items.is_empty() {
            return Ok(Answered { batch, outcomes: Vec::new() });
        }
        match (&*self, &batch.body) {
            (Self::Index { cluster, name, options, .. }, Body::Bulk(body)) => {
                let outcomes = cluster.bulk(name, body, options, &pulse, &cancel).await;
                match outcomes {
                    Ok(outcomes) => Ok(Answered { outcomes, batch }),
                    Err(TargetError::Cancelled) => Err(TaskError::GivenUp),
                    Err(error) => Err(error.into()),
                }
            }
            (Self::File(file), Body::Lines(_)) => {
                let file = file.clone();
                blocking(move || {
                    let Body::Lines(lines) = &batch.body else { return Err(mismatch()) };
                    file.lock().unwrap_or_else(PoisonError::into_inner).append(lines)?;
                    let outcomes = batch.items.iter().map(|_| ItemOutcome::Written).collect();
                    Ok(Answered { batch, outcomes })
                })
                .await
            }
            (Self::Index { .. }, Body::Lines(_)) | (Self::File(_), Body::Bulk(_)) => Err(mismatch()),
        }
    }

    /// Makes sure that what was taken survives a crash; the file's length then.
    ///
    /// # Errors
    /// The disk does not take it.
    pub async fn sync(&self) -> Result<u64, TaskError> {
        match self {
            // A cluster acknowledges only what its translog holds.
            Self::Index { .. } => Ok(0),
            Self::File(file) => {
                let file = file.clone();
                blocking(move || file.lock().unwrap_or_else(PoisonError::into_inner).sync()).await
            }
        }
    }

    /// The slice is complete: a file gets its final name.
    ///
    /// # Errors
    /// The disk does not take it.
    pub async fn finish(&self) -> Result<u64, TaskError> {
        match self {
            Self::Index { .. } => Ok(0),
            Self::File(file) => {
                let file = file.clone();
                blocking(move || file.lock().unwrap_or_else(PoisonError::into_inner).finish()).await
            }
        }
    }
}

fn mismatch() -> TaskError {
    TaskError::say(Verdict::FailShard, "a batch was packed for another kind of target")
}
