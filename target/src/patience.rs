//! How long to wait before the next request, and when to give up.
//!
//! Pure: it is told the time.

use std::time::{Duration, Instant};

use crate::bulk::BulkOptions;

/// The state of one call between two successes.
#[derive(Debug)]
pub(crate) struct Patience {
    last_success: Instant,
    requests: u32,
}

impl Patience {
    /// Begins now.
    pub(crate) fn new(now: Instant) -> Self {
        Self { last_success: now, requests: 0 }
    }

    /// Something got done.
    pub(crate) fn success(&mut self, now: Instant) {
        *self = Self::new(now);
    }

    /// A request ended without success: how long to wait, or `None` where it is time to give up.
    ///
    /// `luck` in `0.0..1.0` spreads the waits, so that requests refused together don't come back together.
    pub(crate) fn failure(&mut self, options: &BulkOptions, now: Instant, luck: f64) -> Option<Duration> {
        let doublings = self.requests.min(20);
        self.requests = self.requests.saturating_add(1);
        let full = options.backoff_first.saturating_mul(1 << doublings).min(options.backoff_max);
        let wait = full.mul_f64(0.5 + luck / 2.0);
        (self.elapsed(now) + wait < options.give_up_after).then_some(wait)
    }

    /// Requests since the last success.
    pub(crate) fn requests(&self) -> u32 {
        self.requests
    }

    /// Time since the last success.
    pub(crate) fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last_success)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_a_bound_and_start_anew_after_a_success() {
        let options = BulkOptions { backoff_first: SECOND, backoff_max: 5 * SECOND, give_up_after: 100 * SECOND };
        let now = Instant::now();
        let mut patience = Patience::new(now);
        let waits = |patience: &mut Patience| [0.0; 5].map(|luck| patience.failure(&options, now, luck).unwrap());
        let halves = [1, 2, 4, 5, 5].map(|seconds| seconds * SECOND / 2);
        assert_eq!(waits(&mut patience), halves);
        assert_eq!(patience.requests(), 5);
        patience.success(now);
        assert_eq!(waits(&mut patience), halves);
        assert!(patience.failure(&options, now, 0.99).unwrap() > 4 * SECOND);
    }

    #[test]
    fn it_ends_a_while_after_the_last_success_however_many_requests_that_took() {
        let options = BulkOptions { backoff_first: SECOND, backoff_max: SECOND, give_up_after: 10 * SECOND };
        let start = Instant::now();
        let mut patience = Patience::new(start);
        assert!(patience.failure(&options, start + 9 * SECOND, 0.0).is_some());
        assert!(patience.failure(&options, start + 10 * SECOND, 0.0).is_none());
        patience.success(start + 9 * SECOND);
        for _ in 0..1_000 {
            assert!(patience.failure(&options, start + 18 * SECOND, 0.0).is_some());
        }
        assert_eq!(patience.elapsed(start + 18 * SECOND), 9 * SECOND);
    }
}
