//! Sends a bulk body until every item of it has its outcome.
//!
//! In: a [`BulkBody`] and the index it is for. Out: one [`ItemOutcome`] per item, in order, or one error for all.
//!
//! ```text
//! whole body ──▶ 2xx, one answer per item ──▶ written, already there, rejected: settled
//!     ▲                                  └──▶ busy: these items only, after a wait ─────────┐
//!     ├── no answer, 429, 5xx, an answer that doesn't fit: the same again, after a wait     │
//!     ├── too large, an id too long, the third failure in a row: in halves                  │
//!     └─────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Holds: an item's outcome is what the target said of that item, never a guess. What may have been written is sent
//! again; that changes nothing, since ids are given. A call gives up after [`BulkOptions::give_up_after`] without one
//! settled item, however other calls fare.
//! Not here: what the target's words mean (`outcome`), how many calls run at once.
//!
//! A bulk request into a missing index creates it where the target allows that, and no parameter forbids it: the caller
//! compares the index's uuid before and after ([`Cluster::index`]).

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use tokio_util::sync::CancellationToken;

use crate::answer::{self, Fault, ItemAnswer};
use crate::body::BulkBody;
use crate::client::{Answer, Cluster, Lost, index_path};
use crate::effort::{Effort, Manner};
use crate::error::TargetError;
use crate::outcome::{self, Meaning};

/// What is asked for. `pipeline=_none` keeps the index's default pipeline from processing documents a second time; the
/// final one has to be taken off the index. Without causes and ids, an answer is about 25 bytes per document.
const QUERY: &str = "_bulk?pipeline=_none&filter_path=errors,items.*.status,items.*.error.type,\
                     items.*.error.reason,items.*.error.caused_by.type,items.*.error.caused_by.reason,error";

/// Answers in a row that can't be understood before the call ends: a proxy may restart, but not for ever.
const MALFORMED_MAX: u32 = 5;

/// Failures in a row after which a body goes in halves: what hits a limit that nobody names (of memory, of time, of a
/// proxy) passes when it is smaller.
const HALVE_AFTER: u32 = 3;

/// How patient a call is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkOptions {
    /// First wait after a failure; the next are twice as long each, up to `backoff_max`, and all are jittered.
    pub backoff_first: Duration,
    /// Longest wait.
    pub backoff_max: Duration,
    /// Time without a settled item after which the target counts as unavailable.
    pub give_up_after: Duration,
}

impl Default for BulkOptions {
    /// Waits of 0.25 to 15 s; gives up after 5 minutes.
    fn default() -> Self {
        Self {
            backoff_first: Duration::from_millis(250),
            backoff_max: Duration::from_secs(15),
            give_up_after: Duration::from_secs(300),
        }
    }
}

/// Hears of what happens inside a call, and has a say in whether it goes on.
pub trait BulkObserver: Send + Sync {
    /// Asked before every request, repeats too: may it still be sent? A no ends the call as a cancellation does. It is
    /// there for a process that was paused: its timers have yet to notice that its lease ran out, a clock knows.
    fn may_send(&self) -> bool {
        true
    }

    /// The target answered a request, with this HTTP status.
    fn answered(&self, status: u16);

    /// Nothing is sent for `wait`, for this reason.
    fn backoff(&self, reason: &str, wait: Duration);
}

/// What became of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemOutcome {
    /// The target has it.
    Written,
    /// The target had it and kept its own ([`Op::Create`](crate::Op::Create)).
    AlreadyThere,
    /// The target will never take it.
    Rejected {
        /// The item's HTTP status.
        status: u16,
        /// The exception's type in the words of the server, or `too_large`.
        kind: String,
        /// What the server says.
        reason: String,
    },
}

impl Cluster {
    /// Writes the documents of `body` into `index`.
    ///
    /// # Errors
    /// [`TargetError::Refused`] where the target refuses more than a document, [`TargetError::Unavailable`] and
    /// [`TargetError::Malformed`] where it gives no answers that can be used, [`TargetError::Cancelled`], and
    /// [`TargetError::IndexName`]. In each case some items may have been written.
    pub async fn bulk(
        &self,
        index: &str,
        body: &BulkBody,
        options: &BulkOptions,
        observer: &dyn BulkObserver,
        cancel: &CancellationToken,
    ) -> Result<Vec<ItemOutcome>, TargetError> {
        let path = format!("{}/{QUERY}", index_path(index)?);
        self.bulk_at(path, format!("bulk into {index}"), body, Manner { options, observer, cancel }).await
    }

    /// Writes the documents of `body` into the indices that their actions name.
    ///
    /// # Errors
    /// As [`Cluster::bulk`].
    pub async fn bulk_into_several(
        &self,
        body: &BulkBody,
        options: &BulkOptions,
        observer: &dyn BulkObserver,
        cancel: &CancellationToken,
    ) -> Result<Vec<ItemOutcome>, TargetError> {
        let what = "bulk into several indices".to_owned();
        self.bulk_at(format!("/{QUERY}"), what, body, Manner { options, observer, cancel }).await
    }

    async fn bulk_at(
        &self,
        path: String,
        what: String,
        body: &BulkBody,
        manner: Manner<'_>,
    ) -> Result<Vec<ItemOutcome>, TargetError> {
        let call = Call {
            cluster: self,
            path,
            body,
            effort: Effort::new(self, what, manner),
            malformed: 0,
            outcomes: vec![None; body.len()],
            todo: Vec::new(),
        };
        call.run().await
    }
}

/// A call under way.
struct Call<'a> {
    cluster: &'a Cluster,
    path: String,
    body: &'a BulkBody,
    effort: Effort<'a>,
    /// Answers in a row that could not be understood.
    malformed: u32,
    outcomes: Vec<Option<ItemOutcome>>,
    /// What has to be sent; the last goes first.
    todo: Vec<Part>,
}

/// Items that travel together.
struct Part {
    /// Their numbers in the body, ascending; never empty.
    numbers: Vec<usize>,
    bytes: Bytes,
    /// Times it failed as a whole.
    failures: u32,
}

impl Call<'_> {
    async fn run(mut self) -> Result<Vec<ItemOutcome>, TargetError> {
        self.plan((0..self.body.len()).collect());
        while let Some(part) = self.todo.pop() {
            let request = self.cluster.send(Method::POST, &self.path, "application/x-ndjson", Some(part.bytes.clone()));
            match self.effort.send(request).await? {
                Err(lost) => self.lost(part, lost).await?,
                Ok(answer) if answer.is_success() => self.answered(part, &answer).await?,
                Ok(answer) => self.failed(part, &answer).await?,
            }
        }
        let (what, outcomes) = (self.effort.what, self.outcomes);
        let outcomes: Option<Vec<ItemOutcome>> = outcomes.into_iter().collect();
        outcomes.ok_or_else(|| self.cluster.malformed(&what, "an item was left without an outcome".to_owned()))
    }

    /// Puts items on the list of what has to be sent.
    fn plan(&mut self, numbers: Vec<usize>) {
        if !numbers.is_empty() {
            let bytes = self.body.gather(&numbers);
            self.todo.push(Part { numbers, bytes, failures: 0 });
        }
    }

    /// A 2xx: every item has an answer of its own.
    async fn answered(&mut self, part: Part, answer: &Answer) -> Result<(), TargetError> {
        let items = match answer::bulk_items(&answer.body, part.numbers.len()) {
            Ok(items) => items,
            Err(why) => return self.not_understood(part, why).await,
        };
        self.malformed = 0;
        let mut busy = Vec::new();
        let mut reason = None;
        for (&number, item) in part.numbers.iter().zip(items) {
            match outcome::meaning(item.status, item.fault.as_ref()) {
                Meaning::Written => self.settle(number, ItemOutcome::Written),
                Meaning::AlreadyThere => self.settle(number, ItemOutcome::AlreadyThere),
                Meaning::Document => self.settle(number, rejected(item)),
                Meaning::Busy => {
                    reason.get_or_insert_with(|| format!("{} for {}", said(&item), self.body.action(number)));
                    busy.push(number);
                }
                Meaning::Target(advice) => {
                    let fault = item.fault.unwrap_or_else(|| answer::fault(&[]));
                    return Err(self.cluster.refused(&self.effort.what, item.status, fault, advice));
                }
                Meaning::Denied => {
                    let fault = item.fault.unwrap_or_else(|| answer::fault(&[]));
                    return Err(self.cluster.denied(&self.effort.what, item.status, fault));
                }
            }
        }
        let Some(reason) = reason else { return Ok(()) };
        let reason = format!("{} of {} documents: {reason}", busy.len(), part.numbers.len());
        self.plan(busy);
        self.wait(&reason).await
    }

    /// Another status: nothing was written, or nothing is known.
    async fn failed(&mut self, part: Part, answer: &Answer) -> Result<(), TargetError> {
        let fault = answer::fault(&answer.body);
        if answer.status == 413 || exceeds_indexing_pressure(&fault.reason) {
            let reason = format!("a request of {} bytes is too large: {}", part.bytes.len(), fault.reason);
            self.halve(part, ItemOutcome::Rejected { status: 413, kind: "too_large".into(), reason });
            return Ok(());
        }
        match outcome::meaning(answer.status, Some(&fault)) {
            Meaning::Busy => self.again(part, &format!("{} {}: {}", answer.status, fault.kind, fault.reason)).await,
            Meaning::Target(advice) => Err(self.cluster.refused(&self.effort.what, answer.status, fault, advice)),
            Meaning::Denied => Err(self.cluster.denied(&self.effort.what, answer.status, fault)),
            Meaning::Document if outcome::is_validation(&fault) => {
                let Fault { kind, reason } = fault;
                self.halve(part, ItemOutcome::Rejected { status: answer.status, kind, reason });
                Ok(())
            }
            Meaning::Document | Meaning::AlreadyThere | Meaning::Written => {
                Err(self.cluster.refused(&self.effort.what, answer.status, fault, outcome::CHECK_ENDPOINT))
            }
        }
    }

    /// No answer: some items may have been written.
    async fn lost(&mut self, mut part: Part, lost: Lost) -> Result<(), TargetError> {
        if lost.advice.is_some() {
            return Err(self.effort.lost(lost));
        }
        if lost.unsent {
            // The size of what was not sent is not to blame.
            part.failures = 0;
            self.todo.push(part);
            return self.wait(&lost.why).await;
        }
        self.again(part, &lost.why).await
    }

    async fn not_understood(&mut self, part: Part, why: String) -> Result<(), TargetError> {
        self.malformed += 1;
        if self.malformed == MALFORMED_MAX {
            return Err(self.cluster.malformed(&self.effort.what, why));
        }
        self.todo.push(part);
        self.wait(&why).await
    }

    /// The same again, after a wait; in halves if that did not help before.
    async fn again(&mut self, mut part: Part, reason: &str) -> Result<(), TargetError> {
        self.malformed = 0;
        part.failures += 1;
        if part.failures < HALVE_AFTER || part.numbers.len() == 1 {
            self.todo.push(part);
        } else {
            self.split(part);
        }
        self.wait(reason).await
    }

    /// In halves at once; a single item has its outcome.
    fn halve(&mut self, part: Part, alone: ItemOutcome) {
        match part.numbers.as_slice() {
            [number] => self.settle(*number, alone),
            _ => self.split(part),
        }
    }

    fn split(&mut self, part: Part) {
        let mut first = part.numbers;
        let second = first.split_off(first.len() / 2);
        self.plan(second);
        self.plan(first);
    }

    fn settle(&mut self, number: usize, outcome: ItemOutcome) {
        if let Some(slot) = self.outcomes.get_mut(number) {
            *slot = Some(outcome);
        }
        self.effort.success();
    }

    async fn wait(&mut self, reason: &str) -> Result<(), TargetError> {
        self.effort.wait(reason).await
    }
}

fn rejected(item: ItemAnswer) -> ItemOutcome {
    let Fault { kind, reason } = item.fault.unwrap_or_else(|| answer::fault(&[]));
    ItemOutcome::Rejected { status: item.status, kind, reason }
}

fn said(item: &ItemAnswer) -> String {
    match &item.fault {
        Some(Fault { kind, reason }) => format!("{} {kind}: {reason}", item.status),
        None => item.status.to_string(),
    }
}

/// Whether a request is above what the target ever takes at once, so that waiting is no use: `rejected execution of
/// coordinating operation [… coordinating_operation_bytes=32339020, max_coordinating_and_primary_bytes=21474836]`, on
/// newer servers `max_coordinating_bytes`.
fn exceeds_indexing_pressure(reason: &str) -> bool {
    let number_after = |key: &str| -> Option<u64> {
        let (_, rest) = reason.split_once(key)?;
        let (_, rest) = rest.split_once('=')?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    match (number_after("coordinating_operation_bytes"), number_after("max_coordinating")) {
        (Some(wanted), Some(limit)) => wanted > limit,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_above_the_indexing_pressure_limit_is_told_from_a_busy_target() {
        let reason = |wanted: u64, limit_name: &str| {
            format!(
                "rejected execution of coordinating operation [coordinating_and_primary_bytes=0, replica_bytes=0, \
                 all_bytes=0, coordinating_operation_bytes={wanted}, {limit_name}=21474836]"
            )
        };
        for limit_name in ["max_coordinating_and_primary_bytes", "max_coordinating_bytes"] {
            assert!(exceeds_indexing_pressure(&reason(32_339_020, limit_name)));
            assert!(!exceeds_indexing_pressure(&reason(5_000_000, limit_name)));
        }
        for other in ["", "coordinating_operation_bytes=", "coordinating_operation_bytes=1, max_coordinating=x"] {
            assert!(!exceeds_indexing_pressure(other), "{other}");
        }
    }
}
