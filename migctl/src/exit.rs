//! Exit codes, and how an error is printed.

use std::process::ExitCode;

use protocol::bus::BusError;

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

impl Exit {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 5] = [Self::Done, Self::Error, Self::Usage, Self::Waiting, Self::Failed];

    /// What the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::Waiting => 3,
            Self::Failed => 4,
        }
    }

    /// What it means; the only place that says so: help and reference are made from it.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Error => "failed; the reason is on standard error",
            Self::Usage => "the command line or the configuration is not valid",
            Self::Waiting => "waits for an approval: `migctl approve PHASE`",
            Self::Failed => "the pre-flight or a phase failed, was stopped or rejected; `migctl status` says where",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// The codes, for `--help`.
#[must_use]
pub fn help() -> String {
    let codes = Exit::ALL.map(|exit| format!("\n  {}  {}", exit.code(), exit.meaning()));
    format!("Exit codes:{}", codes.concat())
}

/// Marks an error as one of the configuration.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// An error in one line: what was tried, and what was in the way up to the cause that says what to do.
#[must_use]
pub fn line(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain() {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        if matches!(cause.downcast_ref(), Some(BusError::Unusable { .. })) {
            break;
        }
    }
    text
}

/// As [`line()`], with all of the causes, one a line; one whose words are in what was said already is left out.
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

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn an_error_is_a_line_and_with_its_causes_a_line_each() {
        let error = anyhow!("no such file").context("read shop.yaml").context("read shop.yaml: look for it");
        assert_eq!(line(&error), "read shop.yaml: look for it: no such file");
        assert_eq!(chain(&error), "read shop.yaml: look for it\n  because: no such file");
        let source = Some("error 4711".into());
        let refused = BusError::Unusable { what: "NATS refuses you: ask for a token".to_owned(), source };
        let refused = Err::<(), _>(refused).context("list").unwrap_err();
        assert_eq!(line(&refused), "list: NATS refuses you: ask for a token");
        assert_eq!(chain(&refused), "list\n  because: NATS refuses you: ask for a token\n  because: error 4711");
    }

    #[test]
    fn every_code_is_told_once_and_in_order() {
        let codes = Exit::ALL.map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 3, 4]);
        assert_eq!(help().lines().count(), 1 + codes.len());
    }
}
