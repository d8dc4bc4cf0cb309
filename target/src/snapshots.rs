//! Repositories and snapshots of a cluster, as it is asked to take them: the `_snapshot` API of Elasticsearch 1 to 9 and
//! OpenSearch 1 to 3.
//!
//! In: names and bodies. Out: what there is, how far a snapshot is, and what became of a request in the words of
//! `Asked` and `Removed`: that another snapshot is under way is an answer and no error.
//!
//! Holds: no call retries by itself. A repository that can't be written is a refusal with what to do about it, although
//! servers say it with the status 500, which elsewhere means "later".
//! Not here: what to take, how long to wait (`worker`).

mod advice;
mod answers;
mod cluster;
mod dialect;
mod policies;

use std::collections::BTreeMap;

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answer::{self, Fault};
use crate::client::{Answer, Cluster};
use crate::error::TargetError;

pub use answers::{Registration, RunningSnapshot, ShardLost, SnapshotProgress, SnapshotState, SnapshotView};
pub use cluster::{DataStream, SourceIndex};
pub use dialect::Dialect;
pub use policies::RetentionPolicy;

/// What came of asking for a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It is being taken.
    Begun,
    /// One of this name is there or under way.
    Exists,
    /// The cluster does something else with snapshots now: what, in its words.
    Busy(String),
    /// An index that was named is not there: which, in its words.
    IndexGone(String),
}

/// What came of asking for a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Done,
    /// It was not there.
    NotThere,
    /// The cluster uses it now, or does something else with snapshots: what, in its words.
    Busy(String),
}

impl Cluster {
    /// Every repository that is registered, by name.
    ///
    /// # Errors
    /// As [`Cluster::success`].
    pub async fn registrations(&self) -> Result<BTreeMap<String, Registration>, TargetError> {
        let what = "list the repositories";
        let answer = self.request(Method::GET, "/_snapshot", None).await?;
        self.parsed(what, &self.granted(what, answer)?, answers::registrations)
    }

    /// The repository that is registered as `name`.
    ///
    /// # Errors
    /// As [`Cluster::success`]; [`TargetError::SnapshotName`].
    pub async fn registration(&self, name: &str) -> Result<Option<Registration>, TargetError> {
        let what = format!("look for repository {name}");
        let answer = self.request(Method::GET, &path(&[name])?, None).await?;
        if answer.status == 404 && is(&fault(&answer), "repository_missing_exception") {
            return Ok(None);
        }
        let mut all = self.parsed(&what, &self.granted(&what, answer)?, answers::registrations)?;
        Ok(all.remove(name))
    }

    /// Registers a repository, or changes its registration; the cluster verifies it.
    ///
    /// # Errors
    /// As [`Cluster::success`], with what to do where the repository can't be used; [`TargetError::SnapshotName`].
    pub async fn register(&self, name: &str, registration: &Registration) -> Result<(), TargetError> {
        let answer = self.request(Method::PUT, &path(&[name])?, Some(&registration.body())).await?;
        self.granted(&format!("register repository {name}"), answer).map(drop)
    }

    /// Every node of the cluster tries whether it can write to the repository.
    ///
    /// # Errors
    /// As [`Cluster::register`].
    pub async fn verify_repository(&self, name: &str) -> Result<(), TargetError> {
        let answer = self.request(Method::POST, &format!("{}/_verify", path(&[name])?), None).await?;
        self.granted(&format!("verify repository {name}"), answer).map(drop)
    }

    /// Removes the registration; what is in the repository stays.
    ///
    /// # Errors
    /// As [`Cluster::success`]; [`TargetError::SnapshotName`].
    pub async fn unregister(&self, name: &str) -> Result<Removed, TargetError> {
        let answer = self.request(Method::DELETE, &path(&[name])?, None).await?;
        self.removed(format!("unregister repository {name}"), answer, "repository_missing_exception")
    }

    /// A snapshot, finished or under way; `None` where there is none of that name.
    ///
    /// # Errors
    /// As [`Cluster::success`]; [`TargetError::SnapshotName`].
    pub async fn snapshot_view(&self, repository: &str, name: &str) -> Result<Option<SnapshotView>, TargetError> {
        let what = format!("look for snapshot {name} in repository {repository}");
        let answer = self.request(Method::GET, &path(&[repository, name])?, None).await?;
        if answer.status == 404 && is(&fault(&answer), "snapshot_missing_exception") {
            return Ok(None);
        }
        self.parsed(&what, &self.granted(&what, answer)?, |body| answers::snapshot(body, name))
    }

    /// The snapshots that are being taken, in any repository, and how far each is.
    ///
    /// The one way to follow a snapshot: [`Cluster::snapshot_view`] reads the repository, which Elasticsearch 1 does in the
    /// threads that write the snapshot, and so when they are done.
    ///
    /// # Errors
    /// As [`Cluster::success`].
    pub async fn running_snapshots(&self) -> Result<Vec<RunningSnapshot>, TargetError> {
        let what = "ask which snapshots are under way";
        // Without the filter a line per shard comes along; servers before 1.6 send it all the same.
        let fields = "snapshots.snapshot,snapshots.repository,snapshots.shards_stats,snapshots.stats";
        let answer = self.request(Method::GET, &format!("/_snapshot/_status?filter_path={fields}"), None).await?;
        // Elasticsearch 1.0 has no such thing, and takes it for the name of a repository.
        if answer.status == 404 && is(&fault(&answer), "repository_missing_exception") {
            return Ok(Vec::new());
        }
        self.parsed(what, &self.granted(what, answer)?, answers::running)
    }

    /// Asks for a snapshot, and doesn't wait for its end.
    ///
    /// # Errors
    /// As [`Cluster::register`].
    pub async fn take_snapshot(&self, repository: &str, name: &str, body: &Value) -> Result<Asked, TargetError> {
        let path = format!("{}?wait_for_completion=false", path(&[repository, name])?);
        let answer = self.request(Method::PUT, &path, Some(body)).await?;
        if answer.is_success() {
            return Ok(Asked::Begun);
        }
        let fault = fault(&answer);
        if is(&fault, "concurrent_snapshot_execution_exception") {
            return Ok(Asked::Busy(fault.reason));
        }
        // "snapshot with the same name already exists", "… is already in-progress".
        if is(&fault, "invalid_snapshot_name_exception") && fault.reason.contains("already") {
            return Ok(Asked::Exists);
        }
        if is(&fault, "index_not_found_exception") || is(&fault, "index_missing_exception") {
            return Ok(Asked::IndexGone(fault.reason));
        }
        self.granted(&format!("take snapshot {name} into repository {repository}"), answer).map(|_| Asked::Begun)
    }

    /// Deletes a snapshot; one under way is aborted.
    ///
    /// # Errors
    /// As [`Cluster::register`]; [`TargetError::Unavailable`] also where it takes longer than a request may.
    pub async fn delete_snapshot(&self, repository: &str, name: &str) -> Result<Removed, TargetError> {
        let answer = self.request(Method::DELETE, &path(&[repository, name])?, None).await?;
        self.removed(format!("delete snapshot {name} of repository {repository}"), answer, "snapshot_missing_exception")
    }

    fn removed(&self, what: String, answer: Answer, missing: &str) -> Result<Removed, TargetError> {
        if answer.is_success() {
            return Ok(Removed::Done);
        }
        let fault = fault(&answer);
        if is(&fault, missing) {
            return Ok(Removed::NotThere);
        }
        // "trying to modify or unregister repository that is currently used"; before 7.9 the kind says no more than
        // that a state is illegal.
        let is_used = fault.reason.contains("currently used") || is(&fault, "repository_conflict_exception");
        if is_used || is(&fault, "concurrent_snapshot_execution_exception") {
            return Ok(Removed::Busy(fault.reason));
        }
        self.granted(&what, answer).map(|_| Removed::Done)
    }

    /// The answer if it is a success; else the refusal with what to do, where it is about repositories and snapshots.
    pub(crate) fn granted(&self, what: &str, answer: Answer) -> Result<Answer, TargetError> {
        if answer.is_success() {
            return Ok(answer);
        }
        let fault = fault(&answer);
        match advice::of(answer.status, &fault) {
            Some(advice) => Err(self.refused(what, answer.status, fault, advice)),
            // No other request with the same repository ends otherwise: the answer is about what it was asked to do.
            None if answer.status == 500 && is_about_snapshots(&fault) => {
                Err(self.refused(what, answer.status, fault, ""))
            }
            None => self.success(what, answer),
        }
    }

    fn parsed<T>(
        &self,
        what: &str,
        answer: &Answer,
        read: impl FnOnce(Value) -> Result<T, String>,
    ) -> Result<T, TargetError> {
        let body = self.json(what, answer)?;
        read(body).map_err(|why| self.malformed(what, format!("{why} in {}", answer::excerpt(&answer.body))))
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, what: &str, answer: &Answer) -> Result<T, TargetError> {
        serde_json::from_slice(&answer.body)
            .map_err(|error| self.malformed(what, format!("{error} in {}", answer::excerpt(&answer.body))))
    }
}

/// The fault with everything that caused it: what a store says is often three causes deep.
fn fault(answer: &Answer) -> Fault {
    answers::deep_fault(&answer.body).unwrap_or_else(|| answer::fault(&answer.body))
}

/// Whether the fault is of this kind; Elasticsearch 1 and 2 name kinds in the text, in another spelling.
fn is(fault: &Fault, kind: &str) -> bool {
    fault.kind == kind || (fault.kind.is_empty() && fault.reason.contains(&camel(kind)))
}

fn is_about_snapshots(fault: &Fault) -> bool {
    fault.kind.starts_with("repository") || fault.kind.starts_with("snapshot") || {
        fault.kind.is_empty() && ["RepositoryException", "SnapshotException"].iter().any(|k| fault.reason.contains(k))
    }
}

/// `snapshot_missing_exception` as `SnapshotMissingException`.
fn camel(kind: &str) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    };
    kind.split('_').map(capital).collect()
}

/// `/_snapshot/NAME[/NAME]`.
fn path(names: &[&str]) -> Result<String, TargetError> {
    let mut path = String::from("/_snapshot");
    for name in names {
        let why = match *name {
            "" => "it is empty",
            "." | ".." => "it is a step in a path",
            name if name.starts_with(['_', '-']) => "it begins with `_` or `-`",
            name if name.contains(['*', '?', ',', '#', '/', '\\', '"', '<', '>', '|']) || name.contains(' ') => {
                "it holds one of * ? , # / \\ \" < > | or a space"
            }
            _ => "",
        };
        if !why.is_empty() {
            return Err(TargetError::SnapshotName { name: (*name).to_owned(), why });
        }
        path.push('/');
        path.extend(percent_encoding::utf8_percent_encode(name, PLAIN));
    }
    Ok(path)
}

const PLAIN: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_means_several_or_another_path() {
        assert_eq!(path(&["migctl-test", "snap-1"]).unwrap(), "/_snapshot/migctl-test/snap-1");
        assert_eq!(path(&["é:1"]).unwrap(), "/_snapshot/%C3%A9%3A1");
        for name in ["", "..", "_all", "a*", "a,b", "a/b", "a b", "-a"] {
            let error = path(&[name]).unwrap_err();
            assert!(matches!(error, TargetError::SnapshotName { .. }), "{name:?}: {error}");
        }
    }

    #[test]
    fn kinds_of_errors_are_known_in_both_spellings() {
        let modern = Fault { kind: "snapshot_missing_exception".into(), reason: "[r:s] is missing".into() };
        let ancient = Fault { kind: String::new(), reason: "SnapshotMissingException[[r:s] is missing]".into() };
        assert!(is(&modern, "snapshot_missing_exception") && is(&ancient, "snapshot_missing_exception"));
        assert!(!is(&modern, "repository_missing_exception") && !is(&ancient, "repository_missing_exception"));
    }
}
