//! Snapshot: the source is asked for a snapshot, and followed until it is complete and seen from here.
//!
//! In: `snapshot.create`. Out: a [`SnapshotRecord`](protocol::state::SnapshotRecord) that is `done`, by which the other
//! phases know the snapshot's name.
//!
//! Holds: what is made on the source is noted before it is made, so that whoever continues after a crash, at any point,
//! finds it by the same name; nothing of others is replaced or deleted. What counts is what the source says there is,
//! not what was asked of it.
//! Not here: what a version can do (`target::snapshots`), how what was made goes again ([`release`]).

mod name;
mod rate;

use std::time::{Duration, Instant};

use protocol::checkpoint::Verdict;
use protocol::clock;
use protocol::phase::Phase;
use protocol::spec::{CreateSnapshotSpec, Redo, RepositorySpec};
use protocol::task::Command;
use serde_json::json;
use target::snapshots::{Asked, RunningSnapshot, ShardLost, SnapshotState, SnapshotView};

use crate::context::{Context, Migration};
use crate::failure::{TaskError, chain};
use crate::phases::reporter::Reporter;
use crate::source::record::Noted;
use crate::source::release::{self, Release};
use crate::source::selection::{self, Selection};
use crate::source::{Source, patiently, place};

/// Between two looks at a snapshot under way; the first ones come sooner, for small ones.
const LOOK_FIRST: Duration = Duration::from_millis(250);
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How long the source may be busy with other snapshots: backups of large clusters take hours.
const BUSY_MAX: Duration = Duration::from_secs(24 * 3_600);
const BUSY_LOOK_EVERY: Duration = Duration::from_secs(5);
/// A snapshot that vanishes is asked for again: a source whose nodes all restart forgets one under way.
const ASK_MAX: u32 = 3;
/// Indices may be deleted between the list and the request.
const LIST_MAX: u32 = 5;
/// A directory shared over the network may show late what the source wrote.
const SEEN_WITHIN: Duration = Duration::from_secs(30);
/// Shards that are named one by one.
const SHARDS_SHOWN: usize = 10;

/// Takes the snapshot, or follows it.
///
/// # Errors
/// The source refuses, with what to do, or stays away; shards are missing in the snapshot; it can't be seen from here.
pub async fn run(context: &Context, migration: &Migration) -> Result<Vec<String>, TaskError> {
    let Some(create) = &migration.spec.snapshot.create else {
        return Err(stop("`snapshot.create` is not in the configuration: there is no snapshot to take"));
    };
    let reporter = Reporter::new(context, migration, Command::Snapshot);
    let source = Source::connect(migration, &reporter).await?;
    let noted = Noted::read(context, migration).await?;
    let mut taking = Taking { migration, create, reporter, source, noted, notes: Vec::new() };
    taking.decide_names().await?;
    taking.register_repository().await?;
    let view = taking.take().await?;
    taking.judge(&view)?;
    taking.see().await?;
    taking.noted.note(|record| record.done = true).await?;
    Ok(taking.notes)
}

fn stop(why: impl std::fmt::Display) -> TaskError {
    TaskError::say(Verdict::StopLoad, why)
}

/// A snapshot under way, as this process follows it.
struct Following {
    began: Instant,
    asked: u32,
    rate: rate::Rate,
    wait: Duration,
}

impl Following {
    fn new() -> Self {
        Self { began: Instant::now(), asked: 0, rate: rate::Rate::new(), wait: LOOK_FIRST }
    }
}

struct Taking<'a> {
    migration: &'a Migration,
    create: &'a CreateSnapshotSpec,
    reporter: Reporter<'a>,
    source: Source,
    noted: Noted<'a>,
    notes: Vec<String>,
}

impl Taking<'_> {
    /// Keeps the names that were noted, unless the phase is to be done again, or the configuration has others now.
    async fn decide_names(&mut self) -> Result<(), TaskError> {
        let repository = place::name(&self.migration.name, self.create);
        let submission = self.migration.submission;
        let record = &self.noted.record;
        let again = self.migration.redo == Some(Redo::Phase(Phase::Snapshot)) && record.submission < submission;
        let is_named_so = self.create.name.as_ref().is_none_or(|name| *name == record.snapshot);
        let same_repository = record.repository == repository;
        if self.noted.is_there() && !again && is_named_so && same_repository {
            return Ok(());
        }
        let mut made_repository = false;
        if self.noted.is_there() {
            self.release_snapshot().await?;
            made_repository = same_repository && self.noted.record.made_repository;
            if !same_repository {
                release::registration(&self.source, self.migration, &self.noted.record, &self.reporter).await?;
            }
        }
        let made_up = || {
            let prefix = self.create.prefix.as_deref().unwrap_or(self.migration.name.as_str());
            name::made_up(prefix, clock::now_ms(), rand::random())
        };
        let snapshot = self.create.name.clone().unwrap_or_else(made_up);
        let decided = |record: &mut protocol::state::SnapshotRecord| {
            *record = protocol::state::SnapshotRecord {
                repository,
                made_repository,
                snapshot,
                submission,
                ..protocol::state::SnapshotRecord::default()
            }
        };
        self.noted.note(decided).await
    }

    /// Deletes the snapshot that was noted, as far as it is ours.
    async fn release_snapshot(&mut self) -> Result<(), TaskError> {
        let record = &self.noted.record;
        let released = release::snapshot(&self.source, self.migration, record, &self.reporter).await?;
        if released == Release::Deleted {
            let text = format!("deleted snapshot {} of this migration, to take a new one", record.snapshot);
            self.reporter.event("deleted", &text).await;
            self.notes.push(text);
        }
        Ok(())
    }

    async fn register_repository(&mut self) -> Result<(), TaskError> {
        let wanted = place::wanted(&self.migration.spec.snapshot.repository, self.create);
        let (cluster, name) = (&self.source.cluster, &self.noted.record.repository.clone());
        if let Some(found) = patiently(&self.reporter, || cluster.registration(name)).await? {
            if let Some(why) = place::differs(&found, &wanted) {
                return Err(stop(format!(
                    "the source has a repository registered as {name}, and {why}; give another \
                     snapshot.create.repositoryName, or correct snapshot.repository"
                )));
            }
            let ours = self.noted.record.made_repository;
            if place::is_as_wanted(&found, &wanted) || !ours {
                if self.source.dialect.verifies() && !self.noted.record.made_snapshot {
                    patiently(&self.reporter, || cluster.verify_repository(name)).await?;
                }
                let whose = if ours { "registered by this migration" } else { "which was there" };
                self.notes.push(format!("repository {name} of the source, {whose}"));
                return Ok(());
            }
        }
        self.noted.note(|record| record.made_repository = true).await?;
        patiently(&self.reporter, || cluster.register(name, &wanted)).await?;
        let text = format!("registered repository {name} on the source");
        self.reporter.event("registered", &text).await;
        self.notes.push(text);
        Ok(())
    }

    /// Sees to it that the snapshot is there, and to its end.
    async fn take(&mut self) -> Result<SnapshotView, TaskError> {
        let mut following = Following::new();
        loop {
            if self.waits(&mut following).await? {
                continue;
            }
            let record = self.noted.record.clone();
            let (cluster, name) = (&self.source.cluster, &record.snapshot);
            let view = patiently(&self.reporter, || cluster.snapshot_view(&record.repository, name)).await?;
            let Some(view) = view else {
                if following.asked == ASK_MAX {
                    return Err(stop(format!(
                        "snapshot {name} was begun {ASK_MAX} times and is gone: somebody deletes it, or the source keeps \
                         restarting; see the source's log"
                    )));
                }
                following.asked += 1;
                self.ask(&record.repository, name).await?;
                continue;
            };
            if !record.made_snapshot || !self.is_ours(&view) {
                return Err(stop(format!(
                    "repository {} has a snapshot {name} that this migration did not take: give another \
                     snapshot.create.name, leave it out for a name that is made up, or migrate from it with \
                     snapshot.externallyManagedSnapshot",
                    record.repository
                )));
            }
            match view.state {
                // It is just ending, or the version doesn't list what is under way.
                SnapshotState::InProgress => {
                    self.reporter.tell(&format!("snapshot {name} is under way"), 0, 0).await;
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                // Nothing is lost with it, and who submits again wants another try.
                SnapshotState::Failed if record.submission < self.migration.submission => {
                    self.release_snapshot().await?;
                    let submission = self.migration.submission;
                    self.noted.note(|record| record.submission = submission).await?;
                }
                _ => return Ok(view),
            }
        }
    }

    /// Waits a little where our snapshot is under way, or another's and the source takes one at a time. Whether it did.
    async fn waits(&self, following: &mut Following) -> Result<bool, TaskError> {
        let (cluster, record) = (&self.source.cluster, &self.noted.record);
        let running = patiently(&self.reporter, || cluster.running_snapshots()).await?;
        let is_ours = |one: &&RunningSnapshot| one.repository == record.repository && one.name == record.snapshot;
        if let Some(RunningSnapshot { progress, .. }) = running.iter().find(is_ours).filter(|_| record.made_snapshot) {
            let text = following.rate.text(&record.snapshot, *progress, Instant::now());
            self.reporter.tell(&text, progress.bytes_done, progress.bytes).await;
            tokio::time::sleep(following.wait).await;
            following.wait = (following.wait * 2).min(LOOK_EVERY);
            return Ok(true);
        }
        let Some(other) = running.first().filter(|_| !self.source.dialect.takes_several()) else { return Ok(false) };
        let why = format!("snapshot {} of repository {} is under way", other.name, other.repository);
        self.wait_for_others(following.began, &why).await?;
        Ok(true)
    }

    fn is_ours(&self, view: &SnapshotView) -> bool {
        self.source.is_ours(view, self.migration, self.noted.record.indices)
    }

    /// Asks for the snapshot, once the source has done with others.
    async fn ask(&mut self, repository: &str, name: &str) -> Result<(), TaskError> {
        let (began, mut listed) = (Instant::now(), 0);
        loop {
            let Selection { names, indices } = self.select().await?;
            self.noted
                .note(|record| {
                    record.made_snapshot = true;
                    record.indices = indices;
                })
                .await?;
            let metadata = json!({"migctl": {"migration": self.migration.name}});
            let partial = self.migration.spec.snapshot.allow_partial;
            let body = self.source.dialect.snapshot_body(&names, self.create.include_global_state, partial, &metadata);
            let cluster = &self.source.cluster;
            match patiently(&self.reporter, || cluster.take_snapshot(repository, name, &body)).await? {
                Asked::Begun => {
                    let text = format!("snapshot {name} of {indices} indices begins");
                    self.reporter.event("begun", &text).await;
                    return Ok(());
                }
                // Who asked before us had no answer.
                Asked::Exists => return Ok(()),
                Asked::IndexGone(why) => {
                    listed += 1;
                    if listed == LIST_MAX {
                        return Err(stop(format!("indices are deleted while the snapshot is asked for: {why}")));
                    }
                }
                Asked::Busy(why) => self.wait_for_others(began, &why).await?,
            }
        }
    }

    async fn wait_for_others(&self, began: Instant, why: &str) -> Result<(), TaskError> {
        let waited = began.elapsed();
        if waited > BUSY_MAX {
            let reason = format!("the source has been busy with other snapshots for a day; submit again later: {why}");
            return Err(stop(reason));
        }
        let text = format!(
            "waits for the source to be done with other snapshots, {} so far and up to a day: {why}",
            rate::duration(waited)
        );
        if waited < BUSY_LOOK_EVERY {
            self.reporter.event("waits", &text).await;
        }
        self.reporter.tell(&text, 0, 0).await;
        tokio::time::sleep(BUSY_LOOK_EVERY).await;
        Ok(())
    }

    async fn select(&self) -> Result<Selection, TaskError> {
        let (cluster, dialect) = (&self.source.cluster, self.source.dialect);
        let indices = patiently(&self.reporter, || cluster.source_indices()).await?;
        let streams = if dialect.has_data_streams() {
            patiently(&self.reporter, || cluster.data_streams()).await?
        } else {
            Vec::new()
        };
        selection::select(&self.migration.spec, &indices, &streams, dialect).map_err(stop)
    }

    fn judge(&mut self, view: &SnapshotView) -> Result<(), TaskError> {
        let name = &self.noted.record.snapshot;
        let lost = lost(&view.lost);
        let said = view.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        match &view.state {
            SnapshotState::Success => {
                let (indices, version) = (view.indices.len(), self.source.version());
                self.notes.push(format!("snapshot {name} of {version}: {indices} indices, {} shards", view.shards));
                Ok(())
            }
            SnapshotState::Partial if self.migration.spec.snapshot.allow_partial => {
                let (count, shards) = (view.lost.len(), view.shards);
                self.notes.push(format!("snapshot {name} is partial: {count} of {shards} shards are not in it"));
                self.notes.extend(lost);
                Ok(())
            }
            SnapshotState::Partial => Err(stop(format!(
                "snapshot {name} is partial: {} of {} shards are not in it. `migctl retry snapshot` deletes it and takes \
                 a new one; `snapshot.allowPartial: true` migrates the others without them{said}\n{}",
                view.lost.len(),
                view.shards,
                lost.join("\n")
            ))),
            SnapshotState::Failed => Err(stop(format!(
                "snapshot {name} failed{said}; mend what is told here, then submit again: it is deleted, and a new one \
                 taken\n{}",
                lost.join("\n")
            ))),
            SnapshotState::InProgress => Err(stop(format!("snapshot {name} is still under way"))),
            SnapshotState::Other(word) => Err(stop(format!(
                "snapshot {name} is {word} on the source{said}: it can't be used; `migctl retry snapshot` takes a new one"
            ))),
        }
    }

    /// What the source wrote must be what a worker reads.
    async fn see(&self) -> Result<(), TaskError> {
        let began = Instant::now();
        loop {
            let name = &self.noted.record.snapshot;
            let seen = match self.migration.repository().await {
                Ok(repository) => repository.snapshot(name).await.map(drop).map_err(TaskError::from),
                Err(error) => Err(error),
            };
            let error = match seen {
                Ok(()) => return Ok(()),
                Err(error @ TaskError::Failed { .. }) => chain(&error),
                Err(error) => return Err(error),
            };
            if began.elapsed() > SEEN_WITHIN {
                return Err(stop(format!(
                    "the source says that snapshot {name} is complete, and it can't be read from where the worker runs. \
                     {}: {error}",
                    self.both_places().await?
                )));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn both_places(&self) -> Result<String, TaskError> {
        let (cluster, name) = (&self.source.cluster, &self.noted.record.repository);
        let found = patiently(&self.reporter, || cluster.registration(name)).await?.unwrap_or_default();
        let setting = |name: &str| found.settings.get(name).cloned().unwrap_or_default();
        Ok(match &self.migration.spec.snapshot.repository {
            RepositorySpec::Path(path) => format!(
                "The source writes to {}, the worker reads {}: both must be the same directory, mounted on every node \
                 of the source and where workers run",
                setting("location"),
                path.display()
            ),
            RepositorySpec::S3(s3) => format!(
                "The source writes to bucket {} under {:?} with endpoint {:?}, the worker reads bucket {} under {:?} \
                 with endpoint {:?}: both must be the same, and the worker's credentials must allow to read it",
                setting("bucket"),
                setting("base_path"),
                setting("endpoint"),
                s3.bucket,
                s3.path.as_deref().unwrap_or_default(),
                s3.endpoint.as_deref().unwrap_or_default(),
            ),
        })
    }
}

fn lost(shards: &[ShardLost]) -> Vec<String> {
    let line = |lost: &ShardLost| format!("{} shard {}: {}", lost.index, lost.shard, lost.reason);
    let mut lines: Vec<String> = shards.iter().take(SHARDS_SHOWN).map(line).collect();
    if let Some(more) = shards.len().checked_sub(SHARDS_SHOWN).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines
}
