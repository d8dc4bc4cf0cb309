//! Bytes of documents in flight: a worker's budget, and within it one for each migration.
//!
//! In: how many bytes. Out: a [`Permit`] that gives them back when it is dropped.
//! Holds: whoever waits for the worker's bytes has its migration's already and waits for nothing else, so no two can wait
//! for each other. A migration never has more than its own budget, which is at most the worker's.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes are counted in these, because a semaphore's request is 32 bits wide.
const UNIT: usize = 1024;

/// A budget of bytes.
#[derive(Debug)]
pub struct Budget {
    own: Arc<Semaphore>,
    bytes: usize,
    /// The budget that this one is part of.
    outer: Option<Arc<Budget>>,
}

/// Bytes in use.
#[derive(Debug)]
pub struct Permit {
    _own: OwnedSemaphorePermit,
    _outer: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// A worker's budget.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { own: Arc::new(Semaphore::new(bytes / UNIT)), bytes, outer: None }
    }

    /// A migration's budget of `bytes` within a worker's, `outer`; no more than that one.
    #[must_use]
    pub fn within(outer: &Arc<Self>, bytes: u64) -> Self {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(outer.bytes);
        Self { outer: Some(outer.clone()), ..Self::new(bytes) }
    }

    /// All bytes of it, free or not.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes that are free in this budget.
    #[must_use]
    pub fn free(&self) -> usize {
        self.own.available_permits().saturating_mul(UNIT)
    }

    /// Waits for `bytes`. More than the whole budget can never be had: who wants more gets all of it. `None`: the worker
    /// is at its end.
    pub async fn take(&self, bytes: usize) -> Option<Permit> {
        let units = u32::try_from(bytes.min(self.bytes) / UNIT).unwrap_or(u32::MAX);
        // Always in this order.
        let own = self.own.clone().acquire_many_owned(units).await.ok()?;
        let outer = match &self.outer {
            Some(outer) => Some(outer.own.clone().acquire_many_owned(units).await.ok()?),
            None => None,
        };
        Some(Permit { _own: own, _outer: outer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_migration_takes_no_more_than_its_own_and_all_together_no_more_than_the_workers() {
        let worker = Arc::new(Budget::new(10 * UNIT));
        let (small, large) = (Budget::within(&worker, 4 * UNIT as u64), Budget::within(&worker, 1 << 40));
        assert_eq!((small.bytes(), large.bytes()), (4 * UNIT, 10 * UNIT));
        let all_of_small = small.take(100 * UNIT).await.unwrap();
        assert_eq!((small.free(), worker.free()), (0, 6 * UNIT));
        let rest = large.take(6 * UNIT).await.unwrap();
        assert_eq!(worker.free(), 0);
        // Nothing is left for anybody, whichever budget has some.
        let mut waiting = Box::pin(large.take(UNIT));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(all_of_small);
        assert!(waiting.await.is_some());
        drop(rest);
        assert_eq!((small.free(), worker.free()), (4 * UNIT, 10 * UNIT));
    }

    #[tokio::test]
    async fn many_takers_of_two_migrations_all_get_theirs() {
        let worker = Arc::new(Budget::new(8 * UNIT));
        let budgets =
            [Arc::new(Budget::within(&worker, 5 * UNIT as u64)), Arc::new(Budget::within(&worker, 7 * UNIT as u64))];
        let mut tasks = tokio::task::JoinSet::new();
        for round in 0..200 {
            let budget = budgets[round % 2].clone();
            tasks.spawn(async move {
                let permit = budget.take((round % 9) * UNIT).await.unwrap();
                tokio::task::yield_now().await;
                drop(permit);
            });
        }
        assert_eq!(tasks.join_all().await.len(), 200);
        assert_eq!(worker.free(), 8 * UNIT);
    }
}
