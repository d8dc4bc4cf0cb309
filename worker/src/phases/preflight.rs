//! Preflight: source, repository, target and bus are looked at before anything begins; nothing is changed.
//!
//! In: the configuration. Out: a line for each look. Whoever waits for it learns of everything that is wrong at once,
//! each with its likely cause and what to do, rather than of one thing per try.
//!
//! Holds: each look has an end in time, and one that fails hides nothing of the others: a target that is down says
//! nothing about the repository.
//! Not here: the configuration by itself (`migctl configure validate`), what is in single indices (register, evaluate).

mod path;
mod repository;
mod source;
mod target;
mod worker;

use protocol::checkpoint::Verdict;
use protocol::spec::ServerVersion;

use crate::context::{Context, Migration};
use crate::failure::TaskError;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What, a few words: `snapshot snap-1`.
    pub about: String,
    /// What is so, or what is wrong, with the likely cause and what to do. One line.
    pub result: Result<String, String>,
}

impl Check {
    /// It is as it should be.
    pub fn good(about: impl Into<String>, what: impl Into<String>) -> Self {
        Self { about: about.into(), result: Ok(what.into()) }
    }

    /// The migration can't begin like this.
    pub fn bad(about: impl Into<String>, why: impl Into<String>) -> Self {
        Self { about: about.into(), result: Err(why.into()) }
    }

    /// As it came out; an error with everything behind it.
    pub fn of(about: impl Into<String>, result: Result<String, TaskError>) -> Self {
        Self { about: about.into(), result: result.map_err(|error| crate::failure::chain(&error)) }
    }
}

/// Names listed before a list is cut.
const NAMES_SHOWN: usize = 10;

/// What a look at one party found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// What was looked at.
    pub checks: Vec<Check>,
    /// The product and version of the party, where it is a cluster and says so; of a repository, who wrote the snapshot.
    pub version: Option<ServerVersion>,
    /// The indices it has, where it is what is migrated.
    pub indices: Vec<String>,
}

/// Looks at everything.
///
/// # Errors
/// All that is wrong.
pub async fn run(context: &Context, migration: &Migration) -> Result<Vec<String>, TaskError> {
    let (source, repository) = tokio::join!(source::look(context, migration), repository::look(migration));
    // What the snapshot holds, or is to hold.
    let indices = [source.indices, repository.indices].concat();
    let target = target::look(context, migration, &indices).await;
    let worker = worker::look(context, migration).await;
    let path = path::check(repository.version.as_ref().or(source.version.as_ref()), target.version.as_ref());
    answer([source.checks, repository.checks, target.checks, path.into_iter().collect(), worker.checks].concat())
}

/// A list of names that fits a line or two.
fn shorten<N: AsRef<str>>(names: &[N]) -> String {
    let shown = names.iter().take(NAMES_SHOWN).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 if shown.is_empty() => "none".to_owned(),
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn answer(checks: Vec<Check>) -> Result<Vec<String>, TaskError> {
    let count = checks.len();
    let (mut notes, mut wrong) = (Vec::new(), Vec::new());
    for Check { about, result } in checks {
        match result {
            Ok(what) => notes.push(format!("{about}: {what}")),
            Err(why) => wrong.push(format!("{about}: {why}")),
        }
    }
    if wrong.is_empty() {
        return Ok(notes);
    }
    let reason = format!("{} of {count} checks failed\n{}", wrong.len(), wrong.join("\n"));
    Err(TaskError::say(Verdict::StopLoad, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let good = || Check::good("repository", "3 snapshots");
        let checks = vec![Check::bad("target", "it is down"), good(), Check::bad("bus", "it is old")];
        let error = answer(checks).unwrap_err().to_string();
        assert_eq!(error, "2 of 3 checks failed\ntarget: it is down\nbus: it is old");
        assert_eq!(answer(vec![good()]).unwrap(), ["repository: 3 snapshots"]);
    }
}
