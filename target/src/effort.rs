//! One thing that is tried until the target does it: asks before each request, waits between them, gives up in time.

use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::bulk::{BulkObserver, BulkOptions};
use crate::client::{Answer, Cluster, Lost};
use crate::error::TargetError;
use crate::patience::Patience;

/// How a call is made.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'a> {
    pub options: &'a BulkOptions,
    pub observer: &'a dyn BulkObserver,
    pub cancel: &'a CancellationToken,
}

/// A call between its first request and its last.
pub(crate) struct Effort<'a> {
    cluster: &'a Cluster,
    /// For messages.
    pub what: String,
    manner: Manner<'a>,
    patience: Patience,
}

impl<'a> Effort<'a> {
    /// Begins now.
    pub(crate) fn new(cluster: &'a Cluster, what: String, manner: Manner<'a>) -> Self {
        Self { cluster, what, manner, patience: Patience::new(Instant::now()) }
    }

    /// Sends a request, if it may still be sent.
    pub(crate) async fn send(
        &self,
        request: impl Future<Output = Result<Answer, Lost>>,
    ) -> Result<Result<Answer, Lost>, TargetError> {
        let Manner { observer, cancel, .. } = self.manner;
        if cancel.is_cancelled() || !observer.may_send() {
            return Err(TargetError::Cancelled); // the lease may be lost: not one more request
        }
        let answer = cancel.run_until_cancelled(request).await.ok_or(TargetError::Cancelled)?;
        if let Ok(answer) = &answer {
            observer.answered(answer.status);
        }
        Ok(answer)
    }

    /// Something got done.
    pub(crate) fn success(&mut self) {
        self.patience.success(Instant::now());
    }

    /// The error where no request comes through, and waiting doesn't mend it.
    pub(crate) fn lost(&self, lost: Lost) -> TargetError {
        let (requests, elapsed) = (self.patience.requests(), self.patience.elapsed(Instant::now()));
        self.cluster.lost(self.what.clone(), requests, elapsed, lost)
    }

    /// Waits before the next request.
    ///
    /// # Errors
    /// It is time to give up; cancelled.
    pub(crate) async fn wait(&mut self, reason: &str) -> Result<(), TargetError> {
        let now = Instant::now();
        let Manner { options, observer, cancel } = self.manner;
        let Some(wait) = self.patience.failure(options, now, rand::random()) else {
            let (requests, elapsed) = (self.patience.requests(), self.patience.elapsed(now));
            return Err(self.cluster.unavailable(self.what.clone(), requests, elapsed, reason.to_owned()));
        };
        tracing::debug!(what = self.what, reason, wait = ?wait, "target is busy");
        observer.backoff(reason, wait);
        cancel.run_until_cancelled(tokio::time::sleep(wait)).await.ok_or(TargetError::Cancelled)
    }
}
