//! How fast the load goes: measured, in documents and in bytes of stored fields.
//!
//! In: how far it is, from time to time. Out: rates over the last minute, and over all of the time since it goes on
//! without a break, which says more about what is left the longer it is.

use std::collections::VecDeque;

use protocol::state::LoadProgress;

/// How far the load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Far {
    /// Lucene documents accounted for.
    pub docs: u64,
    /// Bytes of stored fields behind them.
    pub bytes: u64,
}

/// Between two samples.
const SAMPLE_EVERY_MS: u64 = 2_000;
/// What a rate is told over.
const RATE_OVER_MS: u64 = 60_000;
/// What the rest is reckoned over.
const REST_OVER_MS: u64 = 600_000;
/// A shorter time tells nothing of a long one.
const MEASURED_MIN_MS: u64 = 10_000;
/// Of a rate that is shown: less would be noise.
const SHOWN_MIN_MS: u64 = 2_000;

/// Measures one load.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Since it goes on without a break; the oldest first.
    samples: VecDeque<(u64, Far)>,
    /// Where it began to.
    began: Option<(u64, Far)>,
    /// When it was told last.
    told_ms: Option<u64>,
}

impl Meter {
    /// A break spoils what would be measured over it.
    pub fn pause(&mut self) {
        *self = Self::default();
    }

    /// It is so far now.
    pub fn take(&mut self, now_ms: u64, far: Far) {
        self.began.get_or_insert((now_ms, far));
        let due = self.samples.back().is_none_or(|(at, _)| now_ms.saturating_sub(*at) >= SAMPLE_EVERY_MS);
        if due {
            self.samples.push_back((now_ms, far));
        }
        while self.samples.front().is_some_and(|(at, _)| now_ms.saturating_sub(*at) > REST_OVER_MS) {
            self.samples.pop_front();
        }
    }

    /// Bytes of stored fields a second since it goes on; `None` where that is too short to tell.
    pub fn measured(&self, now_ms: u64, far: Far) -> Option<u64> {
        let (at, before) = self.began?;
        let elapsed = now_ms.saturating_sub(at);
        let rate = per_second(far.bytes.saturating_sub(before.bytes), elapsed)?;
        (elapsed >= MEASURED_MIN_MS && rate > 0).then_some(rate)
    }

    /// How far it is and how fast it goes, every few seconds; `total` is all there is.
    pub fn tell(&mut self, submission: u32, now_ms: u64, far: Far, total: Far) -> Option<LoadProgress> {
        if self.told_ms.is_some_and(|at| now_ms.saturating_sub(at) < SAMPLE_EVERY_MS) {
            return None;
        }
        self.told_ms = Some(now_ms);
        let (docs_per_second, bytes_per_second) = self.over(RATE_OVER_MS, now_ms, far).unzip();
        let left = |(_, rate): (u64, u64)| {
            let rest = u128::from(total.bytes.saturating_sub(far.bytes)) * 1_000;
            rest.checked_div(u128::from(rate)).and_then(|left| u64::try_from(left).ok())
        };
        Some(LoadProgress {
            submission,
            at_ms: now_ms,
            docs: far.docs,
            total_docs: total.docs,
            read_bytes: far.bytes.min(total.bytes),
            total_read_bytes: total.bytes,
            docs_per_second,
            bytes_per_second,
            left_ms: self.over(REST_OVER_MS, now_ms, far).and_then(left),
        })
    }

    /// Documents and bytes a second over the last `window_ms`.
    fn over(&self, window_ms: u64, now_ms: u64, far: Far) -> Option<(u64, u64)> {
        let (at, before) = self.samples.iter().find(|(at, _)| now_ms.saturating_sub(*at) <= window_ms)?;
        let elapsed = now_ms.saturating_sub(*at);
        if elapsed < SHOWN_MIN_MS {
            return None;
        }
        let docs = per_second(far.docs.saturating_sub(before.docs), elapsed)?;
        Some((docs, per_second(far.bytes.saturating_sub(before.bytes), elapsed)?))
    }
}

fn per_second(count: u64, elapsed_ms: u64) -> Option<u64> {
    let rate = (u128::from(count) * 1_000).checked_div(u128::from(elapsed_ms))?;
    u64::try_from(rate).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOTAL: Far = Far { docs: 10_000, bytes: 1_000_000 };

    fn far(docs: u64) -> Far {
        Far { docs, bytes: docs * 100 }
    }

    #[test]
    fn the_rest_is_reckoned_in_bytes_at_the_measured_rate() {
        let mut meter = Meter::default();
        let mut told = Vec::new();
        // A hundred documents in each of the first 50 seconds, ten in each of the next 90.
        for second in 0..=140_u64 {
            let now = far(if second <= 50 { second * 100 } else { 5_000 + (second - 50) * 10 });
            meter.take(second * 1_000, now);
            told.extend(meter.tell(7, second * 1_000, now, TOTAL));
        }
        assert_eq!(told.len(), 71, "every other second");
        let first = &told[0];
        assert_eq!((first.docs_per_second, first.left_ms, first.submission), (None, None, 7));
        let fast = told.iter().find(|told| told.at_ms == 50_000).unwrap();
        assert_eq!((fast.docs_per_second, fast.bytes_per_second), (Some(100), Some(10_000)));
        assert_eq!((fast.docs, fast.read_bytes, fast.left_ms), (5_000, 500_000, Some(50_000)));
        let slow = told.last().unwrap();
        assert_eq!((slow.docs_per_second, slow.bytes_per_second), (Some(10), Some(1_000)));
        // 590,000 bytes in 140 seconds are 4,214 a second; 410,000 are left.
        assert_eq!((slow.read_bytes, slow.left_ms), (590_000, Some(97_294)));
    }

    #[test]
    fn what_stands_still_or_was_just_begun_has_no_end_in_sight() {
        let mut meter = Meter::default();
        meter.take(0, far(10));
        assert_eq!(meter.measured(5_000, far(1_000)), None, "too short");
        assert_eq!(meter.measured(10_000, far(1_010)), Some(10_000));
        meter.take(4_000, far(10));
        let stands = meter.tell(1, 8_000, far(10), TOTAL).unwrap();
        assert_eq!((stands.bytes_per_second, stands.left_ms), (Some(0), None));
        meter.pause();
        assert_eq!(meter.measured(60_000, far(2_000)), None);
        assert_eq!(meter.tell(1, 60_000, far(2_000), TOTAL).unwrap().docs_per_second, None);
    }

    #[test]
    fn what_was_more_than_ten_minutes_ago_counts_no_more() {
        let mut meter = Meter::default();
        for second in 0..=1_300_u64 {
            let now = far(if second <= 700 { second * 10 } else { 7_000 + second - 700 });
            meter.take(second * 1_000, now);
        }
        let told = meter.tell(1, 1_300_000, far(7_600), TOTAL).unwrap();
        assert_eq!((told.docs_per_second, told.left_ms), (Some(1), Some(2_400_000)));
        assert!(meter.samples.len() <= 301, "{}", meter.samples.len());
    }
}
