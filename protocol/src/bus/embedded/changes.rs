//! Who is told of a change.
//!
//! In: changes, in the order of their revisions, as the writers make them. Out: per watch, what was there when it
//! began, [`Change::Ready`], then the changes after that, each once.
//! Holds: a writer never waits for a watch. One that falls behind by more than the queues hold ends, and is made
//! again by whoever watches.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use super::store::Snapshot;
use crate::bus::{Change, Entry};
use crate::names::Bucket;

/// Changes kept for watches that are behind: seconds of checkpoints.
const BEHIND_MAX: usize = 1024;

/// Changes handed to a watch that it has not taken yet; enough that a burst needs no switching back and forth.
const HANDED_MAX: usize = 64;

/// One change, and where it stands in the order of all.
#[derive(Debug, Clone)]
pub(super) struct Changed {
    pub(super) bucket: Bucket,
    pub(super) revision: u64,
    pub(super) change: Change,
}

/// The door that changes come out of.
#[derive(Debug, Clone)]
pub(super) struct Changes(broadcast::Sender<Arc<Changed>>);

impl Changes {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(BEHIND_MAX))
    }

    /// Tells all who watch.
    pub(super) fn tell(&self, changed: Changed) {
        // An error says that nobody watches.
        let _ = self.0.send(Arc::new(changed));
    }

    /// Listens from now on; to be called before what is there is read.
    pub(super) fn listen(&self, bucket: Bucket, prefix: &str) -> Listener {
        Listener { changes: self.0.subscribe(), bucket, prefix: prefix.to_owned() }
    }
}

/// What is there when a watch begins.
pub(super) enum Initial {
    /// From the file.
    Stored(Snapshot),
    /// From memory: every change up to the revision is in it.
    Volatile(u64, Vec<(String, Entry)>),
}

/// One watch, before it runs.
pub(super) struct Listener {
    changes: broadcast::Receiver<Arc<Changed>>,
    bucket: Bucket,
    prefix: String,
}

impl Listener {
    /// Where a watch is read, and where it is fed.
    pub(super) fn channel() -> (mpsc::Sender<Change>, mpsc::Receiver<Change>) {
        mpsc::channel(HANDED_MAX)
    }

    /// Feeds a watch until nobody reads it, it falls behind, or the bus is closed.
    pub(super) async fn run(mut self, initial: Initial, watch: mpsc::Sender<Change>, cancel: CancellationToken) {
        let feed = async {
            let known = send_initial(initial, &watch).await?;
            watch.send(Change::Ready).await.ok()?;
            loop {
                let changed = tokio::select! {
                    changed = self.changes.recv() => changed.ok()?,
                    () = watch.closed() => return None,
                };
                if changed.revision > known && self.concerns(&changed) {
                    watch.send(changed.change.clone()).await.ok()?;
                }
            }
        };
        let _: Option<Option<()>> = cancel.run_until_cancelled(feed).await;
    }

    fn concerns(&self, changed: &Changed) -> bool {
        let key = match &changed.change {
            Change::Put(key, _) | Change::Deleted(key) => key,
            Change::Ready => return false,
        };
        changed.bucket == self.bucket && key.starts_with(&self.prefix)
    }
}

/// Sends what is there; the revision up to which the watch knows everything. `None`: the watch is to end.
async fn send_initial(initial: Initial, watch: &mpsc::Sender<Change>) -> Option<u64> {
    match initial {
        Initial::Volatile(revision, entries) => {
            for (key, entry) in entries {
                watch.send(Change::Put(key, entry)).await.ok()?;
            }
            Some(revision)
        }
        Initial::Stored(mut snapshot) => loop {
            let read = move || (snapshot.page(), snapshot);
            let (page, rest) = tokio::task::spawn_blocking(read).await.ok()?;
            snapshot = rest;
            let page = page.inspect_err(|error| tracing::warn!(%error, "a watch can't read the state file")).ok()?;
            if page.is_empty() {
                return Some(snapshot.revision);
            }
            for (key, entry) in page {
                watch.send(Change::Put(key, entry)).await.ok()?;
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(revision: u64) -> Change {
        Change::Put("m.a".to_owned(), Entry { revision, value: Vec::new() })
    }

    /// Runs a watch that knows revision 7 when it begins, and is told of `revisions` before it reads that.
    async fn told(revisions: std::ops::RangeInclusive<u64>) -> Vec<Change> {
        let changes = Changes::new();
        let listener = changes.listen(Bucket::Gates, "m.");
        for revision in revisions {
            changes.tell(Changed { bucket: Bucket::Gates, revision, change: put(revision) });
            changes.tell(Changed { bucket: Bucket::Control, revision, change: put(revision) });
        }
        // Then nothing more comes, and the watch ends by itself.
        drop(changes);
        let (feed, mut watch) = Listener::channel();
        let initial = Initial::Volatile(7, vec![("m.a".to_owned(), Entry { revision: 7, value: Vec::new() })]);
        let running = listener.run(initial, feed, CancellationToken::new());
        let reading = async {
            let mut told = Vec::new();
            while let Some(change) = watch.recv().await {
                told.push(change);
            }
            told
        };
        tokio::join!(running, reading).1
    }

    #[tokio::test]
    async fn what_was_read_is_not_told_again() {
        assert_eq!(told(6..=8).await, [put(7), Change::Ready, put(8)]);
    }

    #[tokio::test]
    async fn a_watch_that_is_too_far_behind_ends() {
        assert_eq!(told(8..=8 + BEHIND_MAX as u64).await, [put(7), Change::Ready]);
    }
}
