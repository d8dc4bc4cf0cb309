//! A task is ours as long as we say so in time: heartbeats while the pipeline lives, an end when it doesn't.
//!
//! A timer renews the lease every 10 s, but only while the pipeline has had an answered event (bytes read, a response,
//! a declared backoff) within [`STALL_AFTER`]. When the lease runs out, or the pipeline stalls, the work is cancelled;
//! nothing is sent after the deadline, so that a worker that was paused and wakes up does no harm. The deadline is
//! measured by the clock that also runs while the machine sleeps.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use protocol::bus::{ACK_WAIT, Receipt};
use tokio_util::sync::CancellationToken;

/// How often the lease is renewed: a third of its life, so that one lost renewal does no harm.
const RENEW_EVERY: Duration = Duration::from_secs(10);

/// A pipeline without an answered event for this long gives its lease up.
pub const STALL_AFTER: Duration = Duration::from_secs(120);

/// The worker's side of one delivered task.
pub struct Lease {
    receipt: Box<dyn Receipt>,
    pulse: Pulse,
    /// Cancelled when the lease is lost, or the worker stops.
    pub cancel: CancellationToken,
}

/// What the pipeline touches whenever something happens; cheap to clone.
#[derive(Clone)]
pub struct Pulse(Arc<Times>);

struct Times {
    last_event_ms: AtomicU64,
    deadline_ms: AtomicU64,
}

/// When a task was asked for, by the clock of the leases.
#[derive(Debug, Clone, Copy)]
pub struct Asked(u64);

impl Asked {
    /// Now, before it is asked for.
    #[must_use]
    pub fn now() -> Self {
        Self(boottime_ms())
    }
}

impl Pulse {
    /// Of a task that was asked for at `asked`.
    #[must_use]
    pub fn new(asked: Asked) -> Self {
        Self(Arc::new(Times {
            last_event_ms: AtomicU64::new(boottime_ms()),
            deadline_ms: AtomicU64::new(asked.0.saturating_add(millis(ACK_WAIT))),
        }))
    }

    /// An answered event: the pipeline lives.
    pub fn beat(&self) {
        self.0.last_event_ms.store(boottime_ms(), Ordering::Relaxed);
    }

    /// Whether the lease still holds: ask before anything is sent.
    #[must_use]
    pub fn holds(&self) -> bool {
        boottime_ms() < self.0.deadline_ms.load(Ordering::Relaxed)
    }

    fn stalled(&self) -> bool {
        boottime_ms().saturating_sub(self.0.last_event_ms.load(Ordering::Relaxed)) > millis(STALL_AFTER)
    }
}

impl Lease {
    /// A lease on a task that was delivered; it ends with `stop`.
    ///
    /// The bus counts from the delivery, which this process may have slept through: it is counted from when the task
    /// was asked for.
    #[must_use]
    pub fn new(receipt: Box<dyn Receipt>, asked: Asked, stop: &CancellationToken) -> Self {
        Self { receipt, pulse: Pulse::new(asked), cancel: stop.child_token() }
    }

    /// What the pipeline touches.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Renews the lease until `work` ends; cancels it when the lease is lost.
    pub async fn keep<T>(&self, work: impl Future<Output = T>) -> T {
        // Side by side: a bus that doesn't answer must not hold up the work.
        tokio::select! {
            output = work => output,
            never = self.renew_for_ever() => match never {},
        }
    }

    async fn renew_for_ever(&self) -> Infallible {
        let mut timer = tokio::time::interval(RENEW_EVERY);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        timer.reset();
        while !self.cancel.is_cancelled() {
            timer.tick().await;
            self.renew().await;
        }
        std::future::pending().await
    }

    async fn renew(&self) {
        if !self.pulse.holds() {
            tracing::warn!("the lease ran out: the task is given up");
            return self.cancel.cancel();
        }
        if self.pulse.stalled() {
            tracing::warn!(after_s = STALL_AFTER.as_secs(), "nothing happened: the task is given up");
            return self.cancel.cancel();
        }
        let asked_ms = boottime_ms();
        match self.receipt.progress().await {
            // The bus counts from when it heard of it, which is not before we asked.
            Ok(()) => {
                self.pulse.0.deadline_ms.store(asked_ms.saturating_add(millis(ACK_WAIT)), Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "renew the lease"),
        }
    }

    /// The task is done, or needs no more doing.
    pub async fn ack(&self) {
        // An ack that doesn't arrive means a redelivery, which finds the work done.
        if let Err(error) = self.receipt.ack().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "acknowledge a task");
        }
    }

    /// The task goes back, to be delivered after `delay`.
    ///
    /// Not when the lease ran out: then the task is another worker's, and the bus would take it away from that one.
    pub async fn give_back(&self, delay: Duration) {
        if !self.pulse.holds() {
            return tracing::warn!("the lease ran out: the task is left to whoever has it now");
        }
        if let Err(error) = self.receipt.nak(delay).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "give a task back");
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since boot, those asleep included.
fn boottime_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, nanos) = (u64::try_from(now.tv_sec).unwrap_or(0), u64::try_from(now.tv_nsec).unwrap_or(0));
    seconds.saturating_mul(1_000).saturating_add(nanos / 1_000_000)
}
