//! Metadata: every index is created on the target, or found there, before a document moves.
//!
//! In: the inventory. Out: indices on the target, and what is known of each in KV: its uuid, who made it, how many
//! documents it had. Every index that can't be created is named, not only the first.
//!
//! Holds: what is to happen is decided by the same code that [`evaluate`](super::evaluate) tells it from. What a redo
//! must know stands in the index's own mapping (`_meta.migctl`) before it is true: who made it, what is withheld, that it
//! is to be closed again.

pub mod decide;
pub mod obstacle;

use std::collections::BTreeMap;

use protocol::bus;
use protocol::checkpoint::Verdict;
use protocol::destination::{Destination, TargetIndex, TargetPage};
use protocol::ids::IndexNo;
use protocol::names::{self, Bucket};
use protocol::plan::{InventoryIndex, InventoryPage};
use serde_json::{Map, Value};
use target::{Cluster, DirectoryTarget, Templates};

use super::translate::{self, Creation, Made};
use crate::context::{Context, Migration, TargetHandle};
use crate::failure::TaskError;
use crate::plan::blocking;
use decide::{Action, Taken, decide};

/// A page of the inventory, with what was noted of its indices on the target.
pub struct Page {
    /// Its indices.
    pub indices: Vec<InventoryIndex>,
    /// What was noted of them.
    pub known: BTreeMap<IndexNo, TargetIndex>,
    /// Whether there is one more.
    pub more: bool,
}

/// Page number `number` of the inventory.
///
/// # Errors
/// The bus's; a page that is missing.
pub async fn page(context: &Context, migration: &Migration, number: u32) -> Result<Page, TaskError> {
    let key = names::inventory(&migration.name, number);
    let Some((page, _)) = bus::read::<InventoryPage>(&*context.bus, Bucket::Migrations, &key).await? else {
        return Err(TaskError::say(Verdict::Retry, format!("the inventory's page {number} is not there")));
    };
    let key = names::target(&migration.name, number);
    let known = bus::read::<TargetPage>(&*context.bus, Bucket::Migrations, &key).await?;
    let known = known.map(|(page, _)| page.indices).unwrap_or_default();
    Ok(Page { indices: page.indices, known, more: number.saturating_add(1) < page.pages })
}

/// The templates of the target. Where they can't be asked for, what they do is found when an index is created.
pub async fn templates(migration: &Migration) -> Templates {
    let Ok(TargetHandle::Cluster(cluster)) = migration.target() else { return Templates::default() };
    cluster.templates().await.unwrap_or_else(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "ask the target for its index templates");
        Templates::default()
    })
}

/// Creates what is missing.
///
/// # Errors
/// The indices that can't be created or loaded into, each with the target's reason.
pub async fn run(context: &Context, migration: &Migration) -> Result<Vec<String>, TaskError> {
    let (snapshot, templates) = (migration.snapshot().await?, templates(migration).await);
    let (mut notes, mut refused) = (Vec::new(), Vec::new());
    let (mut created, mut existing) = (0, 0);
    for number in 0.. {
        let page = page(context, migration, number).await?;
        // What was noted before stays, also of indices that are no longer selected: cleanup owes them something.
        let mut result = TargetPage { indices: page.known };
        for index in &page.indices {
            let known = result.indices.get(&index.no).and_then(|noted| noted.destinations.first()).cloned();
            let done = match decide(migration, &snapshot, &templates, index, known.as_ref()).await {
                Ok(decided) => {
                    notes.extend(decided.notes.iter().map(|note| format!("{}: {note}", index.name)));
                    execute(migration, index, decided.action, known.as_ref()).await
                }
                Err(error) => Err(error),
            };
            match done {
                Ok(None) => {}
                Ok(Some(target)) => {
                    *(if target.created { &mut created } else { &mut existing }) += 1;
                    result.indices.insert(index.no, TargetIndex::one(target));
                }
                Err(TaskError::Failed { reason, .. }) => refused.push(format!("{}: {reason}", index.name)),
                Err(error) => return Err(error),
            }
        }
        let key = names::target(&migration.name, number);
        context.bus.put(Bucket::Migrations, &key, bus::bytes(&key, &result)?).await?;
        if !page.more {
            break;
        }
    }
    refuse(&refused)?;
    notes.insert(0, format!("{created} indices created, {existing} were there"));
    Ok(notes)
}

/// The answer where some indices can't be.
///
/// # Errors
/// There are some.
pub fn refuse(refused: &[String]) -> Result<(), TaskError> {
    if refused.is_empty() {
        return Ok(());
    }
    let reason = format!("{} indices can't be created or loaded into\n{}", refused.len(), refused.join("\n"));
    Err(TaskError::say(Verdict::StopLoad, reason))
}

async fn execute(
    migration: &Migration,
    index: &InventoryIndex,
    action: Action,
    known: Option<&Destination>,
) -> Result<Option<Destination>, TaskError> {
    let lines = Destination { name: index.name.clone(), ..Destination::default() };
    match (action, migration.target()?) {
        (Action::Leave, _) => Ok(None),
        (Action::Lines, _) => Ok(Some(lines)),
        (Action::Create(creation), TargetHandle::Directory(directory)) => {
            write(directory, &index.name, creation).await?;
            Ok(Some(Destination { created: true, ..lines }))
        }
        (Action::Create(creation), TargetHandle::Cluster(cluster)) => {
            cluster.create_index(&index.name, &creation.body).await?;
            let gone = || TaskError::say(Verdict::Retry, "it is gone right after it was created");
            let found = cluster.index(&index.name).await?.ok_or_else(gone)?;
            let made = translate::made_by(&found.mappings, migration.name.as_str());
            let taken = Taken { found, made, open: false, take_off: Vec::new() };
            take(migration, cluster, taken, None).await.map(Some)
        }
        (Action::Take(taken), TargetHandle::Cluster(cluster)) => {
            take(migration, cluster, *taken, known).await.map(Some)
        }
        (Action::Take(_), TargetHandle::Directory(_)) => Ok(None),
    }
}

/// Makes an index that is on the target fit for the load, and says what is known of it.
async fn take(
    migration: &Migration,
    cluster: &Cluster,
    taken: Taken,
    known: Option<&Destination>,
) -> Result<Destination, TaskError> {
    let Taken { found, made, open, take_off } = taken;
    let name = &found.name;
    if open {
        if made.is_none() {
            let meta = translate::meta_of_opened(&found.mappings, migration.name.as_str());
            cluster.put_meta(name, &meta).await?;
        }
        cluster.open_index(name).await?;
    }
    if !take_off.is_empty() {
        let nothing = take_off.iter().map(|setting| ((*setting).to_owned(), Value::Null)).collect::<Map<_, _>>();
        cluster.put_settings(name, &nothing.into()).await?;
    }
    // Another try of the same migration keeps what the first one noted: by now there may be documents of ours.
    if let Some(known) = known.filter(|known| Some(known.uuid.as_str()) == found.uuid()) {
        return Ok(Destination { close: known.close || open, ..known.clone() });
    }
    let Made { created, withheld, close } = made.unwrap_or_default();
    let count_before = if found.is_closed() && !open { 0 } else { cluster.count(name).await? };
    let uuid = found.uuid().unwrap_or_default().to_owned();
    let close = close || open;
    let name = name.clone();
    Ok(Destination { name, uuid, created, count_before, withheld, close, ..Destination::default() })
}

/// A directory holds the metadata beside the documents, for whoever loads them somewhere later.
async fn write(directory: &DirectoryTarget, name: &str, creation: Creation) -> Result<(), TaskError> {
    let (directory, name) = (directory.clone(), name.to_owned());
    blocking(move || {
        let text = serde_json::to_string_pretty(&creation.body).unwrap_or_default();
        directory.write_metadata(&name, text.as_bytes())
    })
    .await
}
