//! The source cluster: what the phase snapshot, preflight and cleanup share of it.
//!
//! In: the migration's configuration. Out: a [`Source`] that is asked with patience, what it has registered as a
//! repository and where that is ([`place`]), which indices it is to snapshot ([`selection`]), what was noted of the
//! snapshot ([`record`]), and how that goes again ([`release`]).
//!
//! Not here: what is in a snapshot (`snapshot`), which is read from the repository alone.

pub mod place;
pub mod record;
pub mod release;
pub mod selection;

use std::time::{Duration, Instant};

use protocol::checkpoint::Verdict;
use target::snapshots::{Dialect, SnapshotView};
use target::{Cluster, TargetError};

use crate::connect;
use crate::context::Migration;
use crate::failure::{TaskError, chain};
use crate::phases::reporter::Reporter;

/// How long a source may be away, for instance because it is restarted, before the phase fails and waits for a person.
const GIVE_UP_AFTER: Duration = Duration::from_secs(600);
const WAIT_FIRST: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(15);

/// A source cluster that was spoken to.
pub struct Source {
    /// The cluster.
    pub cluster: Cluster,
    /// What it can do.
    pub dialect: Dialect,
}

impl Source {
    /// Connects the migration's source and asks its version; waits for one that doesn't answer.
    ///
    /// # Errors
    /// None is configured, or it can't be used as it is configured here; it stays away; its version is not supported.
    pub async fn connect(migration: &Migration, reporter: &Reporter<'_>) -> Result<Self, TaskError> {
        let cluster = client(migration).await?;
        let dialect = dialect(&patiently(reporter, || cluster.info()).await?);
        supported(dialect).map_err(|why| TaskError::say(Verdict::StopLoad, why))?;
        Ok(Self { cluster, dialect })
    }

    /// What it does with snapshots now, where it does one thing at a time: nothing else may be asked of it meanwhile.
    ///
    /// # Errors
    /// As [`patiently`].
    pub async fn busy(&self, reporter: &Reporter<'_>) -> Result<Option<String>, TaskError> {
        if self.dialect.takes_several() {
            return Ok(None);
        }
        let running = patiently(reporter, || self.cluster.running_snapshots()).await?;
        Ok(running.first().map(|one| format!("snapshot {} of repository {} is under way", one.name, one.repository)))
    }

    /// Product and version, for people.
    #[must_use]
    pub fn version(&self) -> String {
        format!("{} {}", self.dialect.product.as_str(), self.dialect.version)
    }

    /// Whether the snapshot is the one that this migration took: it says so, or where the version keeps no such thing, it
    /// has as many indices as were asked for.
    #[must_use]
    pub fn is_ours(&self, view: &SnapshotView, migration: &Migration, indices: u64) -> bool {
        if self.dialect.keeps_metadata() {
            let said = view.metadata.pointer("/migctl/migration").and_then(serde_json::Value::as_str);
            return said == Some(migration.name.as_str());
        }
        view.indices.len() as u64 == indices
    }
}

/// A client for the source. Nobody was spoken to.
///
/// # Errors
/// No source, or one that can't be used as it is configured here.
pub async fn client(migration: &Migration) -> Result<Cluster, TaskError> {
    match &migration.spec.source {
        Some(spec) => connect::connect(spec, "source").await,
        None => {
            let why = "there is no `source` in the configuration, which a snapshot could be taken of";
            Err(TaskError::say(Verdict::StopLoad, why))
        }
    }
}

/// The dialect of a cluster that said who it is.
#[must_use]
pub fn dialect(info: &target::ClusterInfo) -> Dialect {
    Dialect { product: info.product, version: info.version }
}

/// Whether the version is supported.
///
/// # Errors
/// What is.
pub fn supported(dialect: Dialect) -> Result<(), String> {
    if dialect.is_supported() {
        return Ok(());
    }
    let (product, version) = (dialect.product.as_str(), dialect.version);
    Err(format!("the source is {product} {version}: sources are Elasticsearch 1 to 9 and OpenSearch 1 to 3"))
}

/// Asks until there is an answer.
///
/// # Errors
/// The source refuses; or it did not answer for [`GIVE_UP_AFTER`].
pub async fn patiently<T, Fut>(reporter: &Reporter<'_>, mut ask: impl FnMut() -> Fut) -> Result<T, TaskError>
where
    Fut: Future<Output = Result<T, TargetError>>,
{
    let began = Instant::now();
    let mut wait = WAIT_FIRST;
    loop {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if error.verdict() == target::Verdict::Retry => error,
            Err(error) => return Err(error.into()),
        };
        let away = began.elapsed();
        if away + wait > GIVE_UP_AFTER {
            let reason = format!(
                "the source has not answered for {} minutes: check source.endpoint, that it is up, and that it can be \
                 reached from where the worker runs; then submit again, which continues: {}",
                away.as_secs() / 60,
                chain(&error)
            );
            return Err(TaskError::say(Verdict::StopLoad, reason));
        }
        let text = format!("the source does not answer for {} s: {}", away.as_secs(), chain(&error));
        reporter.tell(&text, 0, 0).await;
        if wait == WAIT_FIRST {
            reporter.event("waits", &format!("{text}; asks again for {} minutes", GIVE_UP_AFTER.as_secs() / 60)).await;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(WAIT_MAX);
    }
}
