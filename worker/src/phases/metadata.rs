//! Metadata: every index is created on the target, or found there, before a document moves.
//!
//! In: the inventory. Out: indices on the target, and what is known of each in KV: its uuid, who made it, how many
//! documents it had. Every index that can't be created is named, not only the first.

use std::collections::BTreeMap;

use protocol::bus;
use protocol::checkpoint::Verdict;
use protocol::ids::IndexNo;
use protocol::names::{self, Bucket};
use protocol::plan::{InventoryIndex, InventoryPage};
use protocol::state::{TargetIndex, TargetPage};
use snapshot::Snapshot;
use target::{Cluster, DirectoryTarget, IndexState};

use super::translate::{self, Creation};
use crate::context::{Context, Migration, TargetHandle, find_index};
use crate::failure::TaskError;
use crate::plan::blocking;

/// Settings of an existing index under which a load can't be right.
const IN_THE_WAY: &[(&str, &str)] = &[
    ("index.blocks.write", "it has a write block"),
    ("index.blocks.read_only", "it is read-only"),
    ("index.blocks.read_only_allow_delete", "it is read-only because a disk was full"),
];

/// Creates what is missing.
///
/// # Errors
/// The indices that can't be created or loaded into, each with the target's reason.
pub async fn run(context: &Context, migration: &Migration) -> Result<Vec<String>, TaskError> {
    let snapshot = migration.snapshot().await?;
    let (mut notes, mut refused) = (Vec::new(), Vec::new());
    let (mut created, mut existing) = (0, 0);
    let mut page_no = 0;
    loop {
        let inventory_key = names::inventory(&migration.name, page_no);
        let Some((page, _)) = bus::read::<InventoryPage>(&*context.bus, Bucket::Migrations, &inventory_key).await?
        else {
            return Err(TaskError::say(Verdict::Retry, format!("the inventory's page {page_no} is not there")));
        };
        let key = names::target(&migration.name, page_no);
        let known = bus::read::<TargetPage>(&*context.bus, Bucket::Migrations, &key).await?;
        let known: BTreeMap<IndexNo, TargetIndex> = known.map(|(page, _)| page.indices).unwrap_or_default();
        let mut result = TargetPage::default();
        for index in &page.indices {
            match prepare(migration, &snapshot, index, known.get(&index.no), &mut notes).await {
                Ok(target_index) => {
                    if target_index.created {
                        created += 1
                    } else {
                        existing += 1
                    }
                    result.indices.insert(index.no, target_index);
                }
                Err(TaskError::Failed { reason, .. }) => refused.push(format!("{}: {reason}", index.name)),
                Err(error) => return Err(error),
            }
        }
        context.bus.put(Bucket::Migrations, &key, bus::bytes(&key, &result)?).await?;
        page_no += 1;
        if page_no >= page.pages {
            break;
        }
    }
    if !refused.is_empty() {
        let reason = format!("{} indices can't be loaded into\n{}", refused.len(), refused.join("\n"));
        return Err(TaskError::say(Verdict::StopLoad, reason));
    }
    notes.insert(0, format!("{created} indices created, {existing} were there"));
    Ok(notes)
}

async fn prepare(
    migration: &Migration,
    snapshot: &Snapshot,
    index: &InventoryIndex,
    known: Option<&TargetIndex>,
    notes: &mut Vec<String>,
) -> Result<TargetIndex, TaskError> {
    let metadata = snapshot.index_metadata(find_index(snapshot, &index.name)?).await?;
    if let (TargetHandle::Cluster(_), Some(reason)) = (&migration.target, translate::too_many_types(&metadata.mappings))
    {
        return Err(TaskError::say(Verdict::StopLoad, reason));
    }
    let creation = translate::creation(&metadata, migration.name.as_str())
        .map_err(|reason| TaskError::say(Verdict::StopLoad, reason))?;
    if !creation.dropped.is_empty() {
        notes.push(format!("{}: settings left behind: {}", index.name, creation.dropped.join(", ")));
    }
    if !creation.withheld.is_empty() {
        let names: Vec<&str> = creation.withheld.keys().map(String::as_str).collect();
        notes.push(format!("{}: withheld until cleanup: {}", index.name, names.join(", ")));
    }
    match &migration.target {
        TargetHandle::Cluster(cluster) => {
            let found = match cluster.index(&index.name).await? {
                Some(found) => found,
                None => {
                    cluster.create_index(&index.name, &creation.body).await?;
                    let gone = || TaskError::say(Verdict::Retry, "it is gone right after it was created");
                    cluster.index(&index.name).await?.ok_or_else(gone)?
                }
            };
            on_cluster(migration, cluster, index, &found, known).await
        }
        TargetHandle::Directory(directory) => in_directory(directory, index, creation).await,
    }
}

async fn on_cluster(
    migration: &Migration,
    cluster: &Cluster,
    index: &InventoryIndex,
    found: &IndexState,
    known: Option<&TargetIndex>,
) -> Result<TargetIndex, TaskError> {
    let setting = |name: &str| found.settings.get(name).and_then(|value| value.as_str()).unwrap_or_default();
    if let Some((name, what)) = IN_THE_WAY.iter().find(|(name, _)| setting(name) == "true") {
        let reason = format!("{what} on the target: set {name} to null there, or delete the index, and submit again");
        return Err(TaskError::say(Verdict::StopLoad, reason));
    }
    let pipeline = setting("index.final_pipeline");
    if !pipeline.is_empty() && pipeline != "_none" {
        let reason = format!(
            "it has the final_pipeline {pipeline} on the target, which would process every document once more: set \
             index.final_pipeline to _none there and submit again"
        );
        return Err(TaskError::say(Verdict::StopLoad, reason));
    }
    // Another try of the same migration keeps what the first one noted: by now there may be documents of ours.
    if let Some(known) = known.filter(|known| Some(known.uuid.as_str()) == found.uuid()) {
        return Ok(known.clone());
    }
    let made = translate::made_by(&found.mappings, migration.name.as_str());
    Ok(TargetIndex {
        name: index.name.clone(),
        uuid: found.uuid().unwrap_or_default().to_owned(),
        created: made.is_some(),
        count_before: cluster.count(&index.name).await?,
        count_after: None,
        withheld: made.unwrap_or_default(),
        close: false,
    })
}

/// A directory holds the metadata beside the documents, for whoever loads them somewhere later.
async fn in_directory(
    directory: &DirectoryTarget,
    index: &InventoryIndex,
    creation: Creation,
) -> Result<TargetIndex, TaskError> {
    let (directory, name) = (directory.clone(), index.name.clone());
    blocking(move || {
        let text = serde_json::to_string_pretty(&creation.body).unwrap_or_default();
        directory.write_metadata(&name, text.as_bytes())
    })
    .await?;
    Ok(TargetIndex { name: index.name.clone(), created: true, ..TargetIndex::default() })
}
