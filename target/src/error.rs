//! What goes wrong with a target, what follows from it, and what a person can do.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that ends a call without its result. None of these is about a single document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The address of the target can't be used.
    #[error("{text:?} is no address of a target: {why}")]
    Endpoint {
        /// The address, unless it may hold a password.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The HTTP client can't be made, e.g. because the machine's certificates can't be read.
    #[error("set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// Certificates of the configuration are none.
    #[error("{field}: {why}")]
    Certificates {
        /// The field, `target.tls.caFile`.
        field: String,
        /// What is wrong with what it names.
        why: String,
    },
    /// No index of any target can have this name.
    #[error("{name:?} can't be the name of an index: {why}")]
    IndexName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No repository and no snapshot can have this name.
    #[error("{name:?} can't be the name of a repository or a snapshot: {why}")]
    SnapshotName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The target did not answer, or answered that it can't at the moment.
    #[error("{what} at {endpoint}: unavailable{}: {last}", tried(*attempts, *elapsed))]
    Unavailable {
        /// The endpoint.
        endpoint: String,
        /// What was asked.
        what: String,
        /// Requests since the last success.
        attempts: u32,
        /// Time since the last success.
        elapsed: Duration,
        /// How the last request ended.
        last: String,
    },
    /// The target understood, and refuses.
    #[error("{what} at {endpoint}: refused with {status} {kind}: {reason}{}{advice}", if advice.is_empty() { "" } else { "; " })]
    Refused {
        /// The endpoint.
        endpoint: String,
        /// What was asked.
        what: String,
        /// HTTP status, of the request or of the first item that was refused so.
        status: u16,
        /// The error's type in the words of the server.
        kind: String,
        /// The error's reason in the words of the server.
        reason: String,
        /// What to do about it; may be empty.
        advice: Box<str>,
    },
    /// No request comes through, and waiting doesn't mend it: a certificate is not believed, there are no credentials.
    #[error("{what} at {endpoint}: {why}; {advice}")]
    Barred {
        /// The endpoint.
        endpoint: String,
        /// What was asked.
        what: String,
        /// What is in the way.
        why: String,
        /// What to do about it.
        advice: String,
    },
    /// The answer is not one that the API gives.
    #[error("{what} at {endpoint}: the answer can't be understood: {why}; is this Elasticsearch or OpenSearch?")]
    Malformed {
        /// The endpoint.
        endpoint: String,
        /// What was asked.
        what: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// The caller cancelled. What was sent may have been written.
    #[error("cancelled")]
    Cancelled,
    /// The disk of a directory target is full, or a quota is used up.
    #[error("no space left for {}: make space, then start the load again", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// A file of a directory target can't be used.
    #[error("{doing} {}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// The step, a bare verb phrase.
        doing: &'static str,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// A file of a directory target is not as the checkpoint says.
    #[error("{} {found}, but {expected} were on disk at the last checkpoint: it was changed by somebody else; \
             put it back, or start the migration over with an empty directory", path.display())]
    FileChanged {
        /// The file.
        path: PathBuf,
        /// What is there, e.g. `holds 17 bytes`.
        found: String,
        /// What should be, e.g. `20 bytes`.
        expected: String,
    },
    /// A file of a directory target is open in another worker.
    #[error("{} is being written by another worker", path.display())]
    FileBusy {
        /// The file.
        path: PathBuf,
    },
    /// A file had an error before: what it holds is unknown until it is opened again at a checkpoint.
    #[error("{} can't be used after an earlier error: open it again at the checkpoint", path.display())]
    FileUnknown {
        /// The file.
        path: PathBuf,
    },
}

/// What follows from a [`TargetError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The same call may succeed later, with nobody's help.
    Retry,
    /// Nothing gets better until a person has seen to it.
    Stop,
}

impl TargetError {
    /// What follows.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        // Exhaustive on purpose: a new variant does not compile until its verdict is chosen.
        match self {
            Self::Unavailable { .. } | Self::Cancelled | Self::FileBusy { .. } | Self::FileUnknown { .. } => {
                Verdict::Retry
            }
            Self::Endpoint { .. }
            | Self::Client(_)
            | Self::IndexName { .. }
            | Self::SnapshotName { .. }
            | Self::Certificates { .. }
            | Self::Barred { .. }
            | Self::Refused { .. }
            | Self::Malformed { .. }
            | Self::DiskFull { .. }
            | Self::File { .. }
            | Self::FileChanged { .. } => Verdict::Stop,
        }
    }

    /// The right variant for a file error: a full disk is told apart from the rest.
    pub(crate) fn file(path: &std::path::Path, doing: &'static str, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path, source },
            _ => Self::File { path, doing, source },
        }
    }
}

fn tried(attempts: u32, elapsed: Duration) -> String {
    match attempts {
        0 | 1 => String::new(),
        _ => format!(" after {attempts} requests over {elapsed:.0?} without success"),
    }
}

/// An error and everything behind it, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_and_stops() {
        for errno in [28, 122] {
            let error = TargetError::file("out/x.part".as_ref(), "write", io::Error::from_raw_os_error(errno));
            assert!(matches!(error, TargetError::DiskFull { .. }), "{error:?}");
            assert_eq!(error.verdict(), Verdict::Stop);
            assert_eq!(error.to_string(), "no space left for out/x.part: make space, then start the load again");
        }
        let error = TargetError::file("out/x.part".as_ref(), "write", io::Error::from_raw_os_error(5));
        assert!(matches!(error, TargetError::File { .. }), "{error:?}");
        assert!(chain(&error).starts_with("write out/x.part: "), "{}", chain(&error));
    }

    #[test]
    fn what_was_tried_is_told_where_it_was_more_than_once() {
        let text = |attempts, elapsed| {
            let (endpoint, what, last) = ("http://localhost".into(), "bulk into orders".into(), "503".into());
            TargetError::Unavailable { endpoint, what, attempts, elapsed, last }.to_string()
        };
        assert_eq!(text(1, Duration::ZERO), "bulk into orders at http://localhost: unavailable: 503");
        assert_eq!(
            text(21, Duration::from_millis(300_123)),
            "bulk into orders at http://localhost: unavailable after 21 requests over 300s without success: 503"
        );
    }

    #[test]
    fn a_refusal_names_all_that_a_person_needs() {
        let error = TargetError::Refused {
            endpoint: "http://localhost:9200".into(),
            what: "bulk into orders".into(),
            status: 403,
            kind: "cluster_block_exception".into(),
            reason: "index [orders] blocked".into(),
            advice: "remove the block".into(),
        };
        assert_eq!(
            error.to_string(),
            "bulk into orders at http://localhost:9200: refused with 403 cluster_block_exception: \
             index [orders] blocked; remove the block"
        );
    }
}
