//! How work ends when it doesn't end well, and what follows from it.

use std::fmt::Display;

use protocol::bus::BusError;
use protocol::checkpoint::Verdict;
use snapshot::{ShardFiles, StoreError};

/// Why a task was not done.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// It failed, and people are told.
    #[error("{reason}")]
    Failed {
        /// What follows.
        verdict: Verdict,
        /// What happened, where, and what to do.
        reason: String,
    },
    /// The lease was lost or the worker is stopping: somebody else goes on from the last checkpoint.
    #[error("given up")]
    GivenUp,
    /// Another worker has the slice: its checkpoint is no longer ours to write, its task not ours to give back.
    #[error("another worker has the slice")]
    TakenOver,
    /// The bus failed: nothing can be stored, so nothing is said; the task is delivered again.
    #[error("the bus failed")]
    Bus(#[from] BusError),
}

impl TaskError {
    /// A failure with the chain of its causes in one line.
    pub fn new(verdict: Verdict, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Failed { verdict, reason: chain(error) }
    }

    /// A failure in our own words.
    pub fn say(verdict: Verdict, reason: impl Display) -> Self {
        Self::Failed { verdict, reason: reason.to_string() }
    }
}

/// An error and its causes, joined by `: `; a cause whose words are already in what was said is left out.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}

/// Whether another try may help, as the reader of the shard sees it.
#[must_use]
pub fn lucene_verdict(error: &lucene::Error) -> Verdict {
    // A blob that is shorter than the snapshot says stays so: another try reads the same.
    let cause = match error {
        lucene::Error::Read { source, .. } => Some(source),
        _ => None,
    };
    let of_store = cause.and_then(|cause| cause.get_ref()).and_then(|cause| cause.downcast_ref::<StoreError>());
    if of_store.is_some_and(|error| error.verdict() == snapshot::Verdict::Stop) {
        return Verdict::StopLoad;
    }
    let cut = cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::UnexpectedEof);
    if error.is_io() && !cut { Verdict::Retry } else { Verdict::FailShard }
}

/// The failure of a shard whose files are `files`; bytes that make no sense are named with their blob, which is what a
/// person can put back.
#[must_use]
pub fn with_blob(files: &ShardFiles, error: &lucene::Error) -> TaskError {
    let (lucene::Error::Corrupt { file, .. } | lucene::Error::Unsupported { file, .. }) = error else {
        return TaskError::new(lucene_verdict(error), error);
    };
    // `_0.fdt in _0.cfs`: the snapshot knows the outer file.
    let outer = file.rsplit(" in ").next();
    match files.files.iter().find(|file| outer == Some(file.physical_name.as_str())) {
        Some(file) => TaskError::say(lucene_verdict(error), format!("{} (blob {})", chain(error), file.blob)),
        None => TaskError::new(lucene_verdict(error), error),
    }
}

impl From<lucene::Error> for TaskError {
    fn from(error: lucene::Error) -> Self {
        Self::new(lucene_verdict(&error), &error)
    }
}

impl From<snapshot::Error> for TaskError {
    fn from(error: snapshot::Error) -> Self {
        let verdict = match error.verdict() {
            snapshot::Verdict::Retry => Verdict::Retry,
            snapshot::Verdict::Fail => Verdict::FailShard,
            snapshot::Verdict::Stop => Verdict::StopLoad,
        };
        Self::new(verdict, &error)
    }
}

impl From<target::TargetError> for TaskError {
    /// The target refuses or does not answer: no shard is to blame, so the load stops for a person.
    fn from(error: target::TargetError) -> Self {
        let verdict = match &error {
            // Whoever had the slice before is just letting go of its file.
            target::TargetError::FileBusy { .. } => Verdict::Retry,
            _ => Verdict::StopLoad,
        };
        Self::new(verdict, &error)
    }
}
