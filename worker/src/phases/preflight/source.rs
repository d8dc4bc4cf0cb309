//! The source: whether it answers, who it is, whether a snapshot can be taken of it, and whether something there would
//! delete the snapshot before the migration is through.
//!
//! Holds: nothing is changed. Whether a repository can be written is known only when it is registered.

use std::time::Duration;

use protocol::spec::{CreateSnapshotSpec, ServerVersion};
use protocol::state::SnapshotRecord;
use target::snapshots::{Dialect, RetentionPolicy};
use target::{Cluster, Product, TargetError};

use super::{Check, Look, shorten};
use crate::context::{Context, Migration};
use crate::failure::chain;
use crate::source::record::Noted;
use crate::source::selection;
use crate::source::{self, Source, place};

/// A source that says nothing for this long is down, for a person who waits for the first sign of life.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// Looks at the source, where one is configured.
pub async fn look(context: &Context, migration: &Migration) -> Look {
    if migration.spec.source.is_none() && migration.spec.snapshot.create.is_none() {
        return Look::default();
    }
    let cluster = match source::client(migration).await {
        Ok(cluster) => cluster,
        Err(error) => return Look { checks: vec![Check::of("source", Err(error))], ..Look::default() },
    };
    let about = format!("source {}", cluster.endpoint());
    let dialect = match answer(cluster.info()).await {
        Ok(info) => source::dialect(&info),
        Err(why) => return Look { checks: vec![Check::bad(about, why)], ..Look::default() },
    };
    let version = ServerVersion {
        opensearch: dialect.product == Product::OpenSearch,
        numbers: [dialect.version.major, dialect.version.minor, dialect.version.patch],
    };
    let who = source::supported(dialect).map(|()| format!("it is {version}"));
    let mut checks = vec![Check { about, result: who }];
    let record = Noted::read(context, migration).await.map(|noted| noted.record).unwrap_or_default();
    let looking = Looking { migration, source: Source { cluster, dialect }, record };
    let indices = match &migration.spec.snapshot.create {
        Some(create) => looking.at_what_is_to_be_taken(create, &mut checks).await,
        None => {
            looking.at_what_was_taken(&mut checks).await;
            Vec::new()
        }
    };
    Look { checks, version: Some(version), indices }
}

struct Looking<'a> {
    migration: &'a Migration,
    source: Source,
    record: SnapshotRecord,
}

impl Looking<'_> {
    /// Adds to `checks`; the indices that go into the snapshot.
    async fn at_what_is_to_be_taken(&self, create: &CreateSnapshotSpec, checks: &mut Vec<Check>) -> Vec<String> {
        // It is there: what would stand in the way of taking it no longer matters.
        if self.record.done {
            checks.extend(self.policies(create).await);
            return Vec::new();
        }
        let (privileges, (indices, selected), repository, others, policies) = tokio::join!(
            self.privileges(),
            self.indices(),
            self.repository(create),
            self.others(),
            self.policies(create),
        );
        checks.extend([privileges, indices, repository, others].into_iter().flatten());
        checks.extend(policies);
        selected
    }

    async fn privileges(&self) -> Vec<Check> {
        let about = "source, what we may do";
        match answer(self.source.cluster.missing_privileges()).await {
            Ok(Some(missing)) if missing.is_empty() => vec![Check::good(about, "everything that a snapshot takes")],
            Ok(Some(missing)) => {
                let why = format!(
                    "the user of source.auth lacks {}: give it a role with them (`manage` and `create_snapshot` of the \
                     cluster's privileges hold them)",
                    missing.join(", ")
                );
                vec![Check::bad(about, why)]
            }
            Ok(None) => Vec::new(),
            Err(why) => vec![Check::bad(about, why)],
        }
    }

    async fn indices(&self) -> (Vec<Check>, Vec<String>) {
        let (cluster, dialect, spec) = (&self.source.cluster, self.source.dialect, &self.migration.spec);
        let about = "source, indices";
        let indices = match answer(cluster.source_indices()).await {
            Ok(indices) => indices,
            Err(why) => return (vec![Check::bad(about, why)], Vec::new()),
        };
        let names = indices.iter().map(|index| &index.name).filter(|name| spec.snapshots(name)).cloned().collect();
        let selected = match selection::select(spec, &indices, &[], dialect) {
            Ok(selected) => selected,
            Err(why) => return (vec![Check::bad(about, why)], names),
        };
        let red = match answer(cluster.red_indices()).await {
            Ok(red) => red,
            Err(why) => return (vec![Check::bad("source, health", why)], names),
        };
        let red: Vec<&str> = red.iter().map(String::as_str).filter(|name| spec.snapshots(name)).collect();
        let count = format!("{} of {} go into the snapshot", selected.indices, indices.len());
        (vec![Check::good(about, count), health(&red, spec.snapshot.allow_partial)], names)
    }

    async fn repository(&self, create: &CreateSnapshotSpec) -> Vec<Check> {
        let (cluster, name) = (&self.source.cluster, place::name(&self.migration.name, create));
        let about = format!("source, repository {name}");
        let registrations = match answer(cluster.registrations()).await {
            Ok(registrations) => registrations,
            Err(why) => return vec![Check::bad(about, why)],
        };
        let wanted = place::wanted(&self.migration.spec.snapshot.repository, create);
        let Some(found) = registrations.get(&name) else {
            let same = |(_, found): &(&String, &_)| place::differs(found, &wanted).is_none();
            let same: Vec<&str> = registrations.iter().filter(same).map(|(name, _)| name.as_str()).collect();
            return vec![match same.first() {
                Some(other) => Check::good(
                    about,
                    format!(
                        "warning: {other} is registered for the same place, and two registrations that write to one \
                         can damage it: `snapshot.create.repositoryName: {other}` takes that one"
                    ),
                ),
                None => Check::good(about, "it will be registered"),
            }];
        };
        if let Some(why) = place::differs(found, &wanted) {
            let why = format!(
                "one of this name is registered, and {why}; give another snapshot.create.repositoryName, or correct \
                 snapshot.repository"
            );
            return vec![Check::bad(about, why)];
        }
        let mut checks = vec![Check::good(about, "it is registered, and will be used")];
        if let Some(snapshot) = &create.name {
            checks.push(self.name_is_free(&name, snapshot).await);
        }
        checks
    }

    async fn name_is_free(&self, repository: &str, snapshot: &str) -> Check {
        let about = format!("source, snapshot {snapshot}");
        match answer(self.source.cluster.snapshot_view(repository, snapshot)).await {
            Ok(None) => Check::good(about, "it will be taken"),
            Ok(Some(_)) if self.record.made_snapshot && self.record.snapshot == snapshot => {
                Check::good(about, "it was begun by this migration")
            }
            Ok(Some(_)) => Check::bad(
                about,
                "repository has one of this name that this migration did not take: give another snapshot.create.name, \
                 leave it out for a name that is made up, or migrate from it with snapshot.externallyManagedSnapshot",
            ),
            Err(why) => Check::bad(about, why),
        }
    }

    async fn others(&self) -> Vec<Check> {
        let about = "source, snapshots under way";
        match answer(self.source.cluster.running_snapshots()).await {
            Ok(running) => {
                let names = running.iter().map(|one| one.name.as_str());
                let names: Vec<&str> = names.filter(|name| *name != self.record.snapshot).collect();
                if names.is_empty() {
                    return Vec::new();
                }
                let turn =
                    if self.source.dialect.takes_several() { "ours runs beside" } else { "ours waits for its end" };
                vec![Check::good(about, format!("{}; {turn}", shorten(&names)))]
            }
            Err(why) => vec![Check::bad(about, why)],
        }
    }

    /// Policies that would delete the snapshot that is to be taken.
    async fn policies(&self, create: &CreateSnapshotSpec) -> Vec<Check> {
        let wanted = place::wanted(&self.migration.spec.snapshot.repository, create);
        let registrations = answer(self.source.cluster.registrations()).await.unwrap_or_default();
        let own = place::name(&self.migration.name, create);
        let is_here = |policy: &RetentionPolicy| {
            let found = registrations.get(&policy.repository);
            policy.repository == own || found.is_some_and(|found| place::differs(found, &wanted).is_none())
        };
        let prefix = create.prefix.as_deref().unwrap_or(self.migration.name.as_str());
        // The letters that are made up differ, which no sensible pattern sees.
        let name = create.name.clone().unwrap_or_else(|| format!("{}-20260101-0000-aaaaa", prefix.to_lowercase()));
        retention(&self.source.cluster, self.source.dialect, |policy| {
            if is_here(policy) && policy.reaches(&name) {
                return Some(Err(format!(
                    "it deletes snapshots whose names fit {:?} ({}), and so ours: exclude it there, or choose another \
                     snapshot.create.prefix or name, or a repository of this migration's own",
                    policy.pattern.as_deref().unwrap_or_default(),
                    policy.when
                )));
            }
            None
        })
        .await
    }

    /// A snapshot of somebody else, as far as the source knows it: what would delete it.
    async fn at_what_was_taken(&self, checks: &mut Vec<Check>) {
        let Some(name) = &self.migration.spec.snapshot.externally_managed_snapshot else { return };
        let cluster = &self.source.cluster;
        let wanted = place::wanted(&self.migration.spec.snapshot.repository, &CreateSnapshotSpec::default());
        let registrations = answer(cluster.registrations()).await.unwrap_or_default();
        for (repository, found) in registrations {
            let writes_here = place::differs(&found, &wanted).is_none();
            let Ok(Some(view)) = answer(cluster.snapshot_view(&repository, name)).await else { continue };
            checks.extend(
                retention(cluster, self.source.dialect, |policy| {
                    let took = view.policy() == Some(policy.name.as_str()) || policy.reaches(name);
                    (writes_here && policy.repository == repository && took).then(|| {
                        Ok(format!(
                            "warning: it deletes snapshot {name} some time ({}): stop it until the load is through \
                             (POST {})",
                            policy.when,
                            stop_path(self.source.dialect, &policy.name)
                        ))
                    })
                })
                .await,
            );
        }
    }
}

fn stop_path(dialect: Dialect, policy: &str) -> String {
    match dialect.product {
        Product::Elasticsearch => "/_slm/stop".to_owned(),
        Product::OpenSearch => format!("/_plugins/_sm/policies/{policy}/_stop"),
    }
}

/// A check for each policy that `judge` has something to say of.
async fn retention(
    cluster: &Cluster,
    dialect: Dialect,
    judge: impl Fn(&RetentionPolicy) -> Option<Result<String, String>>,
) -> Vec<Check> {
    match answer(cluster.retention_policies(dialect)).await {
        Ok(policies) => {
            let check = |policy: &RetentionPolicy| {
                Some(Check { about: format!("source, retention policy {}", policy.name), result: judge(policy)? })
            };
            policies.iter().filter_map(check).collect()
        }
        // It may be forbidden to look, which is no reason not to begin.
        Err(why) => {
            let about = "source, retention policies";
            vec![Check::good(about, format!("warning: whether one deletes the snapshot can't be told: {why}"))]
        }
    }
}

fn health(red: &[&str], allow_partial: bool) -> Check {
    let about = "source, health";
    match (red.is_empty(), allow_partial) {
        (true, _) => Check::good(about, "every shard of these indices is there"),
        (false, true) => {
            let what = "warning: indices are red, and the snapshot will lack shards of them";
            Check::good(about, format!("{what}: {}", shorten(red)))
        }
        (false, false) => Check::bad(
            about,
            format!(
                "indices are red: bring them back, leave them out (snapshot.create.indices), or take what is there with \
                 `snapshot.allowPartial: true`: {}",
                shorten(red)
            ),
        ),
    }
}

async fn answer<T>(asked: impl Future<Output = Result<T, TargetError>>) -> Result<T, String> {
    let why = match tokio::time::timeout(ANSWER_MAX, asked).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error @ TargetError::Unavailable { .. })) => chain(&error),
        Ok(Err(error)) => return Err(chain(&error)),
        Err(_) => format!("it accepts a connection, and no answer came in {ANSWER_MAX:?}"),
    };
    Err(format!(
        "the source does not answer: check source.endpoint, that it is up, and that it can be reached from where the \
         worker runs: {why}"
    ))
}
