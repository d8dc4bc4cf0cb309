//! The repository as the worker sees it, and the snapshot in it where it is there already.

use std::collections::HashMap;

use protocol::checkpoint::Verdict;
use protocol::pattern::{self, Pattern};
use protocol::spec::{RepositorySpec, ServerVersion, Spec};
use snapshot::{Product, ProductVersion, Snapshot, SnapshotState};

use super::{Check, Look, shorten};
use crate::context::{Migration, open_store};
use crate::failure::TaskError;
use crate::phases::register::{self, any_name};

/// Looks at the repository; and at the snapshot, unless this migration is to take it.
pub async fn look(migration: &Migration) -> Look {
    let spec = &migration.spec;
    let Some(name) = &spec.snapshot.externally_managed_snapshot else {
        return Look {
            checks: vec![Check::of("repository", is_seen(&spec.snapshot.repository).await)],
            ..Look::default()
        };
    };
    let snapshot = match migration.snapshot().await {
        Ok(snapshot) => snapshot,
        Err(error) => return Look { checks: vec![Check::of("repository", Err(error))], ..Look::default() },
    };
    let streams = match register::streams(&snapshot).await {
        Ok(streams) => streams,
        Err(error) => return Look { checks: vec![Check::of("repository", Err(error))], ..Look::default() },
    };
    let mut checks = vec![complete(spec, &snapshot, &streams)];
    checks.extend(patterns(spec, name, &snapshot, &streams));
    let indices = snapshot.indices.iter().map(|index| index.name.clone()).collect();
    Look { checks, version: Some(server_version(&snapshot.version)), indices }
}

/// Whether the place where the snapshot will be can be listed from here. It may be empty.
async fn is_seen(repository: &RepositorySpec) -> Result<String, TaskError> {
    let store = open_store(repository).await?;
    let blobs = store.list("").await.map_err(|error| TaskError::new(Verdict::StopLoad, &error))?;
    let location = store.location();
    Ok(if blobs.is_empty() { format!("{location} is seen, and empty") } else { format!("{location} is seen") })
}

fn complete(spec: &Spec, snapshot: &Snapshot, streams: &HashMap<String, String>) -> Check {
    let about = format!("snapshot {}", snapshot.name);
    let selected = |name: &str| any_name(streams, name, |name| spec.loads(name));
    let missing = snapshot.failures.iter().filter(|failure| selected(&failure.index)).count();
    if snapshot.state == SnapshotState::Partial && missing > 0 && !spec.snapshot.allow_partial {
        let why = format!(
            "it is partial: {missing} shards of selected indices are not in it. Take a new one, leave their indices \
             out, or set `snapshot.allowPartial: true` to migrate the others without them"
        );
        return Check::bad(about, why);
    }
    let state = if missing > 0 { format!(", without {missing} shards") } else { String::new() };
    Check::good(about, format!("of {}, {} indices{state}", snapshot.version, snapshot.indices.len()))
}

/// Every list of patterns, by its field: a pattern that matches nothing is a mistake in it, or in the snapshot.
fn patterns(spec: &Spec, name: &str, snapshot: &Snapshot, streams: &HashMap<String, String>) -> Vec<Check> {
    let lists: [(&str, Option<&[Pattern]>); 3] = [
        ("indices", spec.indices.as_deref()),
        ("metadata.indices", spec.metadata.indices.as_deref()),
        ("load.indices", spec.load.indices.as_deref()),
    ];
    let known: Vec<&str> = snapshot.indices.iter().map(|index| index.name.as_str()).collect();
    let mut checks = Vec::new();
    for (field, list) in lists {
        for pattern in list.unwrap_or_default() {
            if !known.iter().any(|index| any_name(streams, index, |name| pattern.matches(name))) {
                let why = format!("{pattern} matches no index of snapshot {name}; it has {}", shorten(&known));
                checks.push(Check::bad(field, why));
            }
        }
    }
    if spec.indices.is_none() && known.iter().all(|index| pattern::is_system(index)) {
        let why = format!(
            "snapshot {name} has no index but system indices, which go along only where `indices` names them: {}",
            shorten(&known)
        );
        checks.push(Check::bad("indices", why));
    }
    if checks.is_empty() {
        let count =
            |is_meant: &dyn Fn(&str) -> bool| known.iter().filter(|name| any_name(streams, name, is_meant)).count();
        let (created, loaded) = (count(&|name| spec.creates(name)), count(&|name| spec.loads(name)));
        checks.push(Check::good("indices", format!("{created} to create, {loaded} to load")));
    }
    checks
}

fn server_version(version: &ProductVersion) -> ServerVersion {
    let ProductVersion { product, major, minor, patch, .. } = *version;
    ServerVersion { opensearch: product == Product::OpenSearch, numbers: [major, minor, patch] }
}
