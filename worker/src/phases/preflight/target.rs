//! The target: whether it answers, who it is, and what in it would stand in the way.

mod disk;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use protocol::bus;
use protocol::destination::TargetPage;
use protocol::names::{self, Bucket};
use protocol::spec::{AuthSpec, ServerVersion, SigV4Service};
use target::{Cluster, ClusterInfo, ClusterSettings, NodeState, Product, TargetError, Templates};

use super::{Check, Look, shorten};
use crate::context::{Context, Migration, TargetHandle};
use crate::failure::{TaskError, chain};
use crate::metadata::obstacle;

/// A target that says nothing for this long is down, for a person who waits for the first sign of life.
const GREETING_MAX: Duration = Duration::from_secs(15);
/// The rest of the look, over all requests.
const LOOK_MAX: Duration = Duration::from_secs(60);

/// Cluster settings that keep everybody from writing.
const CLUSTER_BLOCKS: [&str; 3] =
    ["cluster.blocks.read_only", "cluster.blocks.read_only_allow_delete", "cluster.blocks.create_index"];

/// Looks at the target; `indices` are those of the source, as far as they are known.
pub async fn look(context: &Context, migration: &Migration, indices: &[String]) -> Look {
    let target = match migration.target() {
        Ok(target) => target,
        Err(error) => return Look { checks: vec![Check::of("target", Err(error))], ..Look::default() },
    };
    match target {
        TargetHandle::Cluster(cluster) => on_cluster(context, migration, cluster, indices).await,
        TargetHandle::Directory(directory) => {
            let slice_bytes = migration.spec.sizing.slice_bytes.as_u64();
            Look { checks: vec![disk::of_directory(directory.path(), slice_bytes)], ..Look::default() }
        }
    }
}

async fn on_cluster(context: &Context, migration: &Migration, cluster: &Cluster, indices: &[String]) -> Look {
    let about = format!("target {}", cluster.endpoint());
    let info = match greet(cluster).await {
        Ok(info) => info,
        Err(why) => return Look { checks: vec![Check::bad(about, why)], ..Look::default() },
    };
    let version = ServerVersion {
        opensearch: info.product == Product::OpenSearch,
        numbers: [info.version.major, info.version.minor, info.version.patch],
    };
    let mut checks = vec![Check::good(&about, format!("it is {version}"))];
    match tokio::time::timeout(LOOK_MAX, look_into(context, migration, cluster, indices)).await {
        Ok(more) => checks.extend(more),
        Err(_) => checks.push(Check::bad(
            about,
            format!(
                "it told its version, and its state not in {LOOK_MAX:?}: see whether it is overloaded, and submit again"
            ),
        )),
    }
    Look { checks, version: Some(version), ..Look::default() }
}

async fn greet(cluster: &Cluster) -> Result<ClusterInfo, String> {
    let why = match tokio::time::timeout(GREETING_MAX, cluster.info()).await {
        Ok(Ok(info)) => return Ok(info),
        Ok(Err(error @ TargetError::Unavailable { .. })) => chain(&error),
        Ok(Err(error)) => return Err(chain(&error)),
        Err(_) => format!("{} accepts a connection, and no answer came in {GREETING_MAX:?}", cluster.endpoint()),
    };
    Err(format!(
        "the target does not answer: check target.endpoint, that it is up, and that it can be reached from where the \
         worker runs: {why}"
    ))
}

async fn look_into(context: &Context, migration: &Migration, cluster: &Cluster, indices: &[String]) -> Vec<Check> {
    let mut checks = Vec::new();
    // Collections without servers have no cluster to ask for.
    if !is_serverless(migration) {
        checks.push(rights(cluster).await);
        match (cluster.cluster_settings().await, cluster.nodes().await) {
            (Ok(settings), Ok(nodes)) => {
                let bulk_bytes = migration.spec.sizing.bulk_bytes.as_u64();
                checks.extend([blocks(&settings), disk::of_nodes(&settings, &nodes), requests(&nodes, bulk_bytes)]);
            }
            (settings, nodes) => {
                let errors = settings.err().into_iter().chain(nodes.err());
                checks.extend(errors.map(|error| Check::bad("target", chain(&error))));
            }
        }
    }
    match in_the_way(context, migration, cluster, indices).await {
        Ok(found) => checks.extend(found),
        Err(error) => checks.push(Check::bad("target", chain(&error))),
    }
    checks
}

fn is_serverless(migration: &Migration) -> bool {
    matches!(migration.spec.target.auth, Some(AuthSpec::Sigv4 { service: SigV4Service::Aoss, .. }))
}

/// Whether we are let in, and as whom.
async fn rights(cluster: &Cluster) -> Check {
    let about = "rights on the target";
    let status = match cluster.health().await {
        Ok(status) => status,
        Err(error) => return Check::bad(about, chain(&error)),
    };
    let who = match cluster.who_are_we().await {
        Ok(Some(name)) => format!("we are {name}"),
        Ok(None) => "it asks nobody who they are".to_owned(),
        Err(error @ TargetError::Refused { status: 401 | 403, .. }) => return Check::bad(about, chain(&error)),
        Err(_) => "it doesn't tell who we are".to_owned(),
    };
    let red = if status == "red" { ", so some of its indices take no documents" } else { "" };
    Check::good(about, format!("{who}; its status is {status}{red}"))
}

fn blocks(settings: &ClusterSettings) -> Check {
    let about = "blocks of the target";
    let on: Vec<&str> = CLUSTER_BLOCKS.into_iter().filter(|name| settings.get(name) == Some("true")).collect();
    if on.is_empty() {
        return Check::good(about, "none");
    }
    let names = on.join(", ");
    let why = format!(
        "{names}: nothing can be created or written: find out why it was set, set it to null, and submit again"
    );
    Check::bad(about, why)
}

/// Whether a bulk request fits through the door.
fn requests(nodes: &[NodeState], bulk_bytes: u64) -> Check {
    let about = "requests to the target";
    let Some(max) = nodes.iter().filter_map(|node| node.request_bytes_max).min() else {
        return Check::good(about, "it doesn't tell how large they may be");
    };
    let (max_text, bulk_text) = (bytesize::ByteSize(max), bytesize::ByteSize(bulk_bytes));
    if max < bulk_bytes {
        let why = format!(
            "it takes {max_text} (http.max_content_length) and sizing.bulkBytes is {bulk_text}: set bulkBytes below that"
        );
        return Check::bad(about, why);
    }
    Check::good(about, format!("up to {max_text}; a larger document becomes a dead letter"))
}

/// Existing indices and templates that a load can't be right under.
async fn in_the_way(
    context: &Context,
    migration: &Migration,
    cluster: &Cluster,
    indices: &[String],
) -> Result<Vec<Check>, TaskError> {
    let spec = &migration.spec;
    let known = known(context, migration).await?;
    // What this migration knows already is judged by metadata: by now it may have set something there itself.
    let unknown = || indices.iter().filter(|name| !known.contains(*name));
    // The uuid so that every index is among them.
    let there = cluster.settings_of_all(&format!("index.uuid,{}", obstacle::SETTINGS)).await?;
    let mut checks = Vec::new();
    for name in unknown().filter(|name| spec.loads(name)) {
        let found = there.get(name).map(obstacle::of_index).unwrap_or_default();
        checks.extend(found.into_iter().map(|obstacle| Check::bad(format!("index {name}"), obstacle.why)));
    }
    let new: Vec<&String> = unknown().filter(|name| spec.creates(name) && !there.contains_key(*name)).collect();
    checks.extend(by_templates(&cluster.templates().await?, &new));
    if checks.iter().all(|check| check.result.is_ok()) {
        let count = indices.iter().filter(|name| there.contains_key(*name)).count();
        checks.push(Check::good("indices of the target", format!("{count} of these names are there")));
    }
    Ok(checks)
}

/// What templates would do to the indices that are to be created: the same is said once.
fn by_templates(templates: &Templates, new: &[&String]) -> Vec<Check> {
    let (mut bad, mut good) = (BTreeMap::<String, Vec<&str>>::new(), BTreeMap::<String, Vec<&str>>::new());
    for name in new {
        for why in obstacle::of_templates(templates, name, None) {
            bad.entry(why).or_default().push(name);
        }
        if let Some(what) = obstacle::default_pipeline(templates, name) {
            good.entry(what).or_default().push(name);
        }
    }
    let about = |names: &[&str]| format!("new index {}", shorten(names));
    let bad = bad.into_iter().map(|(why, names)| Check::bad(about(&names), why));
    let good = good.into_iter().map(|(what, names)| {
        Check::good(about(&names), format!("{what}: documents of the load don't run through it, later ones will"))
    });
    bad.chain(good).collect()
}

/// Names of the indices that metadata noted before.
async fn known(context: &Context, migration: &Migration) -> Result<BTreeSet<String>, TaskError> {
    let mut known = BTreeSet::new();
    for number in 0.. {
        let key = names::target(&migration.name, number);
        let page = bus::read::<TargetPage>(&*context.bus, Bucket::Migrations, &key).await?;
        let Some((page, _)) = page else { break };
        known.extend(
            page.indices.into_values().flat_map(|index| index.destinations).map(|destination| destination.name),
        );
    }
    Ok(known)
}
