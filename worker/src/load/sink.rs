//! Where the batches of one slice go: indices and data streams of a cluster, or a file.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::checkpoint::Verdict;
use protocol::destination::TargetIndex;
use protocol::ids::ShardId;
use protocol::plan::{InventoryIndex, PlannedSlice};
use target::{BulkObserver, BulkOptions, Cluster, ItemOutcome, SliceFile, TargetError};
use tokio_util::sync::CancellationToken;

use super::batch::{Batch, Body};
use super::meet;
use super::place::Place;
use crate::context::{Migration, TargetHandle};
use crate::failure::TaskError;
use crate::lease::Pulse;
use crate::plan::blocking;

/// The target's side of a slice.
pub enum Sink {
    /// A cluster.
    Cluster {
        /// The cluster.
        cluster: Cluster,
        /// Where to in it; the items of a batch name them by number.
        places: Vec<Place>,
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
    /// A destination isn't the one that metadata saw; the target doesn't answer; the file can't be opened as it should be.
    pub async fn open(
        migration: &Migration,
        to: &TargetIndex,
        shard: ShardId,
        planned: &PlannedSlice,
        index: &InventoryIndex,
        file_len: u64,
    ) -> Result<Self, TaskError> {
        match migration.target()? {
            TargetHandle::Cluster(cluster) => {
                let mut places = Vec::with_capacity(to.destinations.len());
                for noted in &to.destinations {
                    places.push(Place::find(cluster, noted.clone()).await?);
                }
                Ok(Self::Cluster { cluster: cluster.clone(), places, options: BulkOptions::default() })
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
            Self::Cluster { .. } => connections.max(1),
            Self::File(_) => 1,
        }
    }

    /// Makes sure that every destination is still the one that metadata saw.
    ///
    /// # Errors
    /// One isn't, or the target doesn't answer.
    pub async fn check(&self) -> Result<(), TaskError> {
        let Self::Cluster { cluster, places, .. } = self else { return Ok(()) };
        for place in places {
            place.check(cluster).await?;
        }
        Ok(())
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
            (Self::Cluster { cluster, places, options }, Body::Bulk(body)) => {
                let mut outcomes = match places.as_slice() {
                    [only] => cluster.bulk(&only.noted.name, body, options, &pulse, &cancel).await,
                    _ => cluster.bulk_into_several(body, options, &pulse, &cancel).await,
                }
                .map_err(given_up)?;
                for (number, place) in places.iter().enumerate() {
                    let there = meet::to_compare(place, number, &batch.items, &outcomes);
                    let held = cluster.compare(&place.index, body, &there, options, &pulse, &cancel).await;
                    for (at, held) in there.into_iter().zip(held.map_err(given_up)?) {
                        let (Some(item), Some(outcome)) = (batch.items.get(at), outcomes.get_mut(at)) else { continue };
                        if let Some(other) = meet::met(place, body, at, item, held)? {
                            *outcome = other;
                        }
                    }
                }
                Ok(Answered { batch, outcomes })
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
            (Self::Cluster { .. }, Body::Lines(_)) | (Self::File(_), Body::Bulk(_)) => Err(mismatch()),
        }
    }

    /// Makes sure that what was taken survives a crash; the file's length then.
    ///
    /// # Errors
    /// The disk does not take it.
    pub async fn sync(&self) -> Result<u64, TaskError> {
        match self {
            // A cluster acknowledges only what its translog holds.
            Self::Cluster { .. } => Ok(0),
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
            Self::Cluster { .. } => Ok(0),
            Self::File(file) => {
                let file = file.clone();
                blocking(move || file.lock().unwrap_or_else(PoisonError::into_inner).finish()).await
            }
        }
    }
}

fn given_up(error: TargetError) -> TaskError {
    match error {
        TargetError::Cancelled => TaskError::GivenUp,
        error => error.into(),
    }
}

fn mismatch() -> TaskError {
    TaskError::say(Verdict::FailShard, "a batch was packed for another kind of target")
}
