//! A migration as it stands on the bus: what `status`, the progress of `run` and its final table show.

mod documents;
mod phases;
mod workers;

use std::collections::BTreeMap;

use protocol::bus::{self, Bus, BusError, Change, Entry};
use protocol::checkpoint::Counts;
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::spec::Submission;
use protocol::state::{LoadProgress, MigrationState};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use documents::{IndexView, inventory};
pub use phases::{PhaseView, PreflightView};
pub use workers::{DoingView, WorkerView};

/// Everything that people ask about.
#[derive(Debug, Clone, Serialize)]
pub struct View {
    /// The migration.
    pub migration: MigrationName,
    /// How often it was submitted.
    pub submission: u32,
    /// The look at everything that this submission begins with.
    pub preflight: PreflightView,
    /// Its phases, in order.
    pub phases: Vec<PhaseView>,
    /// Who paused it, and why.
    pub paused: Option<String>,
    /// How far the load is and how fast it goes, as the coordinator told last; once it has begun.
    pub load: Option<LoadProgress>,
    /// The indices that are loaded, in the order of the inventory.
    pub indices: Vec<IndexView>,
    /// The indices that are created and not loaded.
    pub only_created: Vec<String>,
    /// Live workers.
    pub workers: Vec<WorkerView>,
    /// Dead letters stored.
    pub dead_letters: u64,
    /// Dead letters don't keep its state: cleanup removes them too.
    #[serde(skip)]
    pub deletes_dead_letters: bool,
}

/// Where it is, in two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The phase, or `preflight`; `—` at the end.
    pub name: &'static str,
    /// What it is at: the phase's status, `paused`, `complete`.
    pub status: &'static str,
}

impl View {
    /// Reads it; `None` where there is no such migration.
    ///
    /// # Errors
    /// The bus's.
    pub async fn read(bus: &dyn Bus, migration: &MigrationName) -> Result<Option<Self>, BusError> {
        let submission = bus::read::<Submission>(bus, Bucket::Migrations, &names::spec(migration)).await?;
        let Some((submission, _)) = submission else { return Ok(None) };
        let state = bus::read::<MigrationState>(bus, Bucket::Migrations, &names::state(migration)).await?;
        let mut state = state.map(|(state, _)| state).unwrap_or_default();
        // Until the coordinator has seen a new submission the state is that of the one before: its failure is history.
        state.take_up(submission.number, submission.redo.as_ref());
        let phases = phases::read(bus, migration, &state).await?;
        let documents = documents::read(bus, migration, &submission).await?;
        let workers = workers::read(bus, migration, &documents.names).await?;
        let load = bus::read::<LoadProgress>(bus, Bucket::Migrations, &names::load_progress(migration)).await?;
        let dead_letters = bus.dead_letters(migration, 0, 0).await?.count;
        Ok(Some(Self {
            migration: migration.clone(),
            submission: submission.number,
            preflight: PreflightView::read(bus, migration, &state).await?,
            phases,
            paused: state.paused,
            load: load.map(|(load, _)| load).filter(|load| load.submission == submission.number),
            indices: documents.loaded,
            only_created: documents.only_created,
            workers,
            dead_letters,
            deletes_dead_letters: submission.spec.cleanup.delete_dead_letters,
        }))
    }

    /// The phase that is on, waits or failed; `None` when all are through.
    #[must_use]
    pub fn current(&self) -> Option<&PhaseView> {
        self.phases.iter().find(|phase| !matches!(phase.status, "done" | "skipped"))
    }

    /// Where it is.
    #[must_use]
    pub fn now(&self) -> Now {
        let Some(phase) = self.current() else { return Now { name: "—", status: "complete" } };
        let name = phase.phase.as_str();
        match (self.preflight.status, phase.status) {
            ("failed", _) => Now { name: "preflight", status: "failed" },
            (_, status @ ("failed" | "rejected")) => Now { name, status },
            _ if self.paused.is_some() => Now { name, status: "paused" },
            ("running", _) => Now { name: "preflight", status: "running" },
            (_, status) => Now { name, status },
        }
    }

    /// Whether its state stays after the end: its dead letters are kept until somebody has read them.
    #[must_use]
    pub fn keeps_dead_letters(&self) -> bool {
        self.dead_letters > 0 && !self.deletes_dead_letters
    }

    /// Counts over all indices.
    #[must_use]
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        for index in &self.indices {
            total.add(&index.counts);
        }
        total
    }

    /// Live Lucene documents over all indices.
    #[must_use]
    pub fn live_docs(&self) -> u64 {
        self.indices.iter().map(|index| index.live_docs).sum()
    }
}

/// Every key of a bucket that begins with `prefix` (which ends with a dot or is empty), in one go, in the order of keys.
///
/// # Errors
/// The bus's.
pub async fn read_all(bus: &dyn Bus, bucket: Bucket, prefix: &str) -> Result<BTreeMap<String, Entry>, BusError> {
    let mut watch = bus.watch(bucket, prefix).await?;
    let mut found = BTreeMap::new();
    loop {
        match watch.recv().await {
            Some(Change::Put(key, entry)) => {
                found.insert(key, entry);
            }
            Some(Change::Deleted(key)) => {
                found.remove(&key);
            }
            Some(Change::Ready) => return Ok(found),
            None => {
                let what = format!("read the keys {prefix}* of {}", bucket.as_str());
                return Err(BusError::Unavailable { what, source: "the connection was lost".into() });
            }
        }
    }
}

/// The value of a key that was read.
///
/// # Errors
/// [`BusError::Wire`] where it is no `T`.
pub fn decode<T: DeserializeOwned>(key: &str, entry: &Entry) -> Result<T, BusError> {
    protocol::wire::decode(&entry.value).map_err(|source| BusError::Wire { key: key.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    /// Every field that programs see is told, so that none is renamed in passing.
    #[test]
    fn the_page_on_status_names_every_field() {
        let page = include_str!("../../docs/status.md");
        let mut fields = Vec::new();
        names(&serde_json::to_value(crate::commands::status::sample()).unwrap(), &mut fields);
        assert!(fields.len() > 40, "{fields:?}");
        for field in fields {
            assert!(page.contains(&format!("`{field}`")) || page.contains(&format!("`{field}[]`")), "{field}");
        }
    }

    fn names(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                found.push(name.clone());
                names(value, found);
            }),
            Value::Array(values) => values.iter().for_each(|value| names(value, found)),
            _ => {}
        }
    }
}
