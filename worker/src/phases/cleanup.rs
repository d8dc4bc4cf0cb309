//! Cleanup: what metadata withheld is put on, what is to be closed is closed, what only the migration needed goes.
//!
//! In: what was noted of each destination. Out: indices and data streams as they are to stay, without a word of ours in them.
//! Holds: may be repeated from any point; an index that isn't the one that was noted is left alone, as is everything
//! that others made. What the bus holds is removed by the coordinator, after this.

mod cluster;
mod source;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use protocol::bus;
use protocol::destination::{Destination, TargetPage};
use protocol::names::{self, Bucket};
use serde_json::{Value, json};
use target::Cluster;

use crate::context::{Context, Migration, TargetHandle};
use crate::failure::TaskError;
use crate::metadata::{mark, streams};

/// Settings that keep an index from being changed further.
const BLOCKS: &str = "index.blocks.";

/// Puts withheld settings on and closes what is to be closed; drops tasks that nobody needs any more.
///
/// # Errors
/// The target refuses; the bus's.
pub async fn run(context: &Context, migration: &Migration) -> Result<Vec<String>, TaskError> {
    let mut notes = match migration.target()? {
        TargetHandle::Cluster(cluster) => on_cluster(context, migration, cluster).await?,
        TargetHandle::Directory(_) => Vec::new(),
    };
    notes.extend(source::run(context, migration).await?);
    context.bus.purge_tasks(&migration.name).await?;
    if notes.is_empty() {
        notes.push("nothing was withheld".to_owned());
    }
    Ok(notes)
}

async fn on_cluster(context: &Context, migration: &Migration, cluster: &Cluster) -> Result<Vec<String>, TaskError> {
    let mut notes = Vec::new();
    for noted in destinations(context, migration).await? {
        let done = put_right(migration, cluster, &noted).await?;
        notes.extend(done.into_iter().map(|what| format!("{}: {what}", noted.name)));
    }
    notes.extend(cluster::run(migration, cluster).await?);
    Ok(notes)
}

/// Every destination once, with all that was noted of it: a block that one index of the source had would be in the way of
/// what another one owes it.
async fn destinations(context: &Context, migration: &Migration) -> Result<Vec<Destination>, TaskError> {
    let mut all: BTreeMap<(String, String), Destination> = BTreeMap::new();
    for number in 0.. {
        let key = names::target(&migration.name, number);
        let page = bus::read::<TargetPage>(&*context.bus, Bucket::Migrations, &key).await?;
        let Some((page, _)) = page else { break };
        for noted in page.indices.into_values().flat_map(|index| index.destinations) {
            match all.entry((noted.name.clone(), noted.uuid.clone())) {
                Entry::Vacant(free) => {
                    free.insert(noted);
                }
                Entry::Occupied(same) => unite(same.into_mut(), noted),
            }
        }
    }
    Ok(all.into_values().collect())
}

fn unite(one: &mut Destination, other: Destination) {
    one.created |= other.created;
    one.close |= other.close;
    for (name, value) in other.withheld {
        one.withheld.entry(name).or_insert(value);
    }
}

/// Leaves one destination as it should be; what was done, or why nothing.
async fn put_right(migration: &Migration, cluster: &Cluster, noted: &Destination) -> Result<Vec<String>, TaskError> {
    let name = &noted.name;
    let found = cluster.indices(name).await?;
    if found.is_empty() {
        return Ok(vec!["it is gone from the target".to_owned()]);
    }
    // By now a data stream may have rolled over.
    let Some(found) = found.into_iter().find(|found| found.uuid() == Some(&noted.uuid)) else {
        return Ok(vec!["it is another index than the one of the load: left alone".to_owned()]);
    };
    let mut done = Vec::new();
    let withheld = if noted.created { noted.withheld.clone() } else { BTreeMap::new() };
    let is_on = |name: &str, value: &str| found.settings.get(name).and_then(Value::as_str) == Some(value);
    let (blocks, others): (BTreeMap<_, _>, BTreeMap<_, _>) = withheld
        .into_iter()
        .filter(|(name, value)| !is_on(name, value))
        .partition(|(name, _)| name.starts_with(BLOCKS));
    put_on(cluster, name, &others, &mut done).await?;
    let aliases = mark::made_by(&found.mappings, migration.name.as_str()).map(|made| made.aliases).unwrap_or_default();
    if !aliases.is_empty() {
        streams::put_aliases(cluster, &found.name, &aliases).await?;
        done.push(format!("aliases {}", aliases.keys().map(String::as_str).collect::<Vec<_>>().join(", ")));
    }
    // Once it is blocked, neither its settings, nor its mapping, nor its state can be changed.
    if let Some(meta) = mark::meta_without_us(&found.mappings, migration.name.as_str()) {
        cluster.put_meta(name, &meta).await?;
    }
    if noted.close && !found.is_closed() {
        cluster.close_index(name).await?;
        done.push("closed".to_owned());
    }
    put_on(cluster, name, &blocks, &mut done).await?;
    Ok(done)
}

async fn put_on(
    cluster: &Cluster,
    name: &str,
    settings: &BTreeMap<String, String>,
    done: &mut Vec<String>,
) -> Result<(), TaskError> {
    if settings.is_empty() {
        return Ok(());
    }
    let body: Value =
        settings.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<serde_json::Map<_, _>>().into();
    cluster.put_settings(name, &body).await?;
    let names: Vec<&str> = settings.keys().map(String::as_str).collect();
    done.push(format!("put on {}", names.join(", ")));
    Ok(())
}
