//! Exit codes, and how an error is printed.

use std::process::ExitCode;

/// How `migctl` ends; `--help` lists the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Failed.
    Error,
    /// The command line or the configuration is not valid.
    Usage,
    /// A gate waits for a person.
    Waiting,
    /// The migration failed or stopped.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Error => 1,
            Exit::Usage => 2,
            Exit::Waiting => 3,
            Exit::Failed => 4,
        })
    }
}

/// Marks an error as one of the configuration.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// An error and its causes, one a line; a cause whose words are in what was said already is left out.
#[must_use]
pub fn chain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str("\n  because: ");
            text.push_str(&words);
        }
    }
    text
}
