//! What becomes of the documents, index by index.

use std::collections::BTreeMap;

use protocol::bus::{self, Bus, BusError};
use protocol::checkpoint::{Counts, ShardRecord, SliceCheckpoint};
use protocol::ids::{IndexNo, MigrationName, ShardId};
use protocol::names::{self, Bucket};
use protocol::plan::{CataloguePage, InventoryIndex, InventoryPage};
use protocol::spec::Submission;
use serde::Serialize;

use super::{decode, read_all};

/// One index.
#[derive(Debug, Clone, Serialize)]
pub struct IndexView {
    /// Its name in the source.
    pub name: String,
    /// Its shards.
    pub shards: usize,
    /// Shards that are loaded.
    pub shards_done: usize,
    /// Shards that failed in this submission.
    pub shards_failed: usize,
    /// Live Lucene documents, by the segments' own metadata.
    pub live_docs: u64,
    /// What became of them.
    pub counts: Counts,
    /// Whether every live document is accounted for.
    pub adds_up: bool,
}

/// All of them.
pub(super) struct Documents {
    pub(super) loaded: Vec<IndexView>,
    pub(super) only_created: Vec<String>,
    pub(super) names: BTreeMap<IndexNo, String>,
}

/// Reads the inventory as far as it is there, and what was done of it.
pub(super) async fn read(
    bus: &dyn Bus,
    migration: &MigrationName,
    submission: &Submission,
) -> Result<Documents, BusError> {
    let inventory = inventory(bus, migration).await?;
    let names = inventory.iter().map(|index| (index.no, index.name.clone())).collect();
    let only_created = inventory.iter().filter(|index| index.create && !index.load);
    let only_created = only_created.map(|index| index.name.clone()).collect();
    let loaded = inventory.iter().filter(|index| index.load);
    let mut indices: BTreeMap<u32, IndexView> = loaded.map(|index| (index.no.0, IndexView::new(index))).collect();
    // A shard's record counts in place of its slices, whose keys go a moment later.
    let mut records: BTreeMap<ShardId, ShardRecord> = BTreeMap::new();
    let mut slices: Vec<(ShardId, SliceCheckpoint)> = Vec::new();
    for (key, entry) in read_all(bus, Bucket::Checkpoints, &names::migration_prefix(migration)).await? {
        match names::parse_checkpoint(migration, &key) {
            Some((shard, None)) => {
                records.insert(shard, decode(&key, &entry)?);
            }
            Some((shard, Some(_))) => slices.push((shard, decode(&key, &entry)?)),
            None => {}
        }
    }
    let attempts_max = submission.spec.sizing.max_attempts.get();
    for (shard, record) in &records {
        if let Some(index) = indices.get_mut(&shard.index.0) {
            index.add_record(record, submission.number, attempts_max);
        }
    }
    for (shard, slice) in &slices {
        let done = records.get(shard).is_some_and(|record| record.done);
        if let Some(index) = indices.get_mut(&shard.index.0).filter(|_| !done) {
            index.counts.add(&slice.counts());
        }
    }
    let mut loaded: Vec<IndexView> = indices.into_values().collect();
    for index in &mut loaded {
        index.adds_up = index.counts.accounted() == index.live_docs;
    }
    Ok(Documents { loaded, only_created, names })
}

/// The inventory, page by page; while it is taken some of them are missing.
///
/// # Errors
/// The bus's.
pub async fn inventory(bus: &dyn Bus, migration: &MigrationName) -> Result<Vec<InventoryIndex>, BusError> {
    let catalogue = bus::read::<CataloguePage>(bus, Bucket::Migrations, &names::catalogue(migration, 0)).await?;
    let mut pages = catalogue.map_or(1, |(page, _)| page.pages);
    let mut indices = Vec::new();
    let mut no = 0;
    while no < pages {
        let key = names::inventory(migration, no);
        if let Some((page, _)) = bus::read::<InventoryPage>(bus, Bucket::Migrations, &key).await? {
            pages = pages.max(page.pages);
            indices.extend(page.indices);
        }
        no += 1;
    }
    Ok(indices)
}

impl IndexView {
    fn new(index: &InventoryIndex) -> Self {
        Self {
            name: index.name.clone(),
            shards: index.shards.len(),
            shards_done: 0,
            shards_failed: 0,
            live_docs: index.shards.iter().map(|shard| shard.lucene_docs).sum(),
            counts: Counts::default(),
            adds_up: false,
        }
    }

    fn add_record(&mut self, record: &ShardRecord, submission: u32, attempts_max: u32) {
        if record.done {
            self.shards_done += 1;
            self.counts.add(&record.counts());
        } else if record.failure.as_ref().is_some_and(|failure| failure.gives_up(submission, attempts_max)) {
            self.shards_failed += 1;
        }
    }
}
