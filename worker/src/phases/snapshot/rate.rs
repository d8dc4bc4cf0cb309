//! How fast a snapshot grows, and how long it still takes.

use std::time::{Duration, Instant};

use bytesize::ByteSize;
use target::snapshots::SnapshotProgress;

/// Before this much time a rate is a guess.
const SETTLED_AFTER: Duration = Duration::from_secs(5);

/// What was seen first, so that a rate is of what this process saw.
pub struct Rate {
    first: Option<(Instant, u64)>,
}

impl Rate {
    pub fn new() -> Self {
        Self { first: None }
    }

    /// A sentence about `now`.
    pub fn text(&mut self, name: &str, now: SnapshotProgress, at: Instant) -> String {
        let (since, before) = *self.first.get_or_insert((at, now.bytes_done));
        let mut text = format!(
            "snapshot {name}: {} of {} shards, {} of {}",
            now.shards_done,
            now.shards,
            ByteSize(now.bytes_done),
            ByteSize(now.bytes)
        );
        if now.shards_waiting > 0 {
            text.push_str(&format!(" in shards that have begun ({} have not)", now.shards_waiting));
        }
        if now.shards_failed > 0 {
            text.push_str(&format!(", {} shards failed", now.shards_failed));
        }
        let elapsed = at.saturating_duration_since(since);
        let grown = now.bytes_done.saturating_sub(before);
        if elapsed < SETTLED_AFTER || grown == 0 {
            return text;
        }
        let per_second = grown as f64 / elapsed.as_secs_f64();
        text.push_str(&format!(", {}/s", ByteSize(per_second as u64)));
        if let Some(rest) = bytes_left(now) {
            text.push_str(&format!(", about {} left", duration(Duration::from_secs((rest / per_second) as u64))));
        }
        text
    }
}

/// Shards that have not begun are taken to be like the others.
fn bytes_left(now: SnapshotProgress) -> Option<f64> {
    let begun = now.shards.checked_sub(now.shards_waiting).filter(|begun| *begun > 0)?;
    let all = now.bytes as f64 * now.shards as f64 / begun as f64;
    Some((all - now.bytes_done as f64).max(0.0))
}

/// `40 s`, `12 min`, `3 h 20 min`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5_999 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_what_was_seen_and_says_what_is_left() {
        let mib = |mib: u64| mib << 20;
        let mut rate = Rate::new();
        let start = Instant::now();
        let mut now = SnapshotProgress {
            shards: 4,
            shards_done: 1,
            shards_failed: 0,
            shards_waiting: 2,
            bytes: mib(1_000),
            bytes_done: mib(500),
        };
        let text = rate.text("s", now, start);
        assert_eq!(text, "snapshot s: 1 of 4 shards, 500.0 MiB of 1000.0 MiB in shards that have begun (2 have not)");
        now = SnapshotProgress { shards_waiting: 0, bytes_done: mib(600), ..now };
        let text = rate.text("s", now, start + Duration::from_secs(10));
        assert_eq!(text, "snapshot s: 1 of 4 shards, 600.0 MiB of 1000.0 MiB, 10.0 MiB/s, about 40 s left");
        now = SnapshotProgress { shards_waiting: 2, shards_failed: 1, ..now };
        let text = rate.text("s", now, start + Duration::from_secs(10));
        assert!(text.ends_with("(2 have not), 1 shards failed, 10.0 MiB/s, about 2 min left"), "{text}");
    }

    #[test]
    fn times_are_as_exact_as_people_want_them() {
        let text = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!([text(5), text(100), text(12_345)], ["5 s", "1 min", "3 h 25 min"]);
    }
}
