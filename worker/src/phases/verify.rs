//! Verify: the account of every segment adds up, and the target counts what was written.
//!
//! The account's left side comes from the segments' own metadata, the right side from the target's answers; the count
//! is a third, independent witness. Accounts are of indices of the source, counts of destinations: what hangs together is
//! judged as one (`group`).

mod group;

use std::collections::{BTreeMap, BTreeSet};

use protocol::bus;
use protocol::checkpoint::{Counts, ShardRecord, Verdict};
use protocol::destination::{Destination, TargetPage};
use protocol::ids::{IndexNo, ShardId};
use protocol::names::{self, Bucket};
use protocol::plan::InventoryIndex;
use target::Cluster;

use super::metadata::page;
use crate::context::{Context, Migration, TargetHandle};
use crate::failure::TaskError;
use crate::plan::blocking;
use group::{Group, Member, groups};

/// What was found so far.
#[derive(Default)]
struct Findings {
    wrong: Vec<String>,
    /// Odd, and not judged.
    told: Vec<String>,
    missing: usize,
    total: Counts,
}

/// What was loaded, and what metadata noted of where it went.
#[derive(Default)]
struct Loaded {
    indices: Vec<LoadedIndex>,
    pages: Vec<TargetPage>,
}

/// An index of the source that was loaded.
struct LoadedIndex {
    name: String,
    no: IndexNo,
    page: usize,
    counts: Counts,
}

/// Counts.
///
/// # Errors
/// Every index whose account or count is off.
pub async fn run(context: &Context, migration: &Migration) -> Result<Vec<String>, TaskError> {
    let mut findings = Findings::default();
    let mut loaded = Loaded::read(context, migration, &mut findings).await?;
    let counted = loaded.count(context, migration, &mut findings).await?;
    for group in groups(&loaded.members()) {
        judge(migration, &group, &counted, &mut findings);
    }
    let Findings { wrong, told, missing, total } = findings;
    if !wrong.is_empty() {
        let reason = format!("{} findings\n{}", wrong.len(), wrong.join("\n"));
        return Err(TaskError::say(Verdict::StopLoad, reason));
    }
    let mut notes = vec![format!("every account adds up; {}", summary(&total, told.is_empty()))];
    let (rejected, skipped) = (total.rejected, total.skipped_total());
    if rejected > 0 || skipped > 0 {
        notes.push(format!("not on the target: {rejected} documents rejected (dead letters), {skipped} skipped"));
    }
    if missing > 0 {
        notes.push(format!("{missing} shards are not in the snapshot: their documents are not on the target"));
    }
    notes.extend(told);
    Ok(notes)
}

fn summary(total: &Counts, counted: bool) -> String {
    let there = match total.already_there {
        0 => String::new(),
        there => format!(" and {there} that were already there"),
    };
    let who = if counted { "the target counts" } else { "it took" };
    format!("{who} the {} documents written{there}", total.written)
}

impl Loaded {
    async fn read(context: &Context, migration: &Migration, findings: &mut Findings) -> Result<Self, TaskError> {
        let mut loaded = Self::default();
        for number in 0.. {
            let page = page(context, migration, number).await?;
            for index in page.indices.iter().filter(|index| index.load) {
                let (counts, live_docs) = account(context, migration, index, &mut findings.wrong).await?;
                if counts.accounted() != live_docs {
                    let (name, accounted) = (&index.name, counts.accounted());
                    findings.wrong.push(format!("{name}: {live_docs} live documents, {accounted} accounted for"));
                }
                findings.missing += index.shards.iter().filter(|shard| shard.missing.is_some()).count();
                findings.total.add(&counts);
                let (name, no, page) = (index.name.clone(), index.no, loaded.pages.len());
                loaded.indices.push(LoadedIndex { name, no, page, counts });
            }
            loaded.pages.push(TargetPage { indices: page.known });
            if !page.more {
                break;
            }
        }
        Ok(loaded)
    }

    /// Where an index went; empty where metadata noted nothing of it.
    fn destinations(&self, index: &LoadedIndex) -> &[Destination] {
        let noted = self.pages.get(index.page).and_then(|page| page.indices.get(&index.no));
        noted.map(|noted| noted.destinations.as_slice()).unwrap_or_default()
    }

    fn members(&self) -> Vec<Member<'_>> {
        let members = self.indices.iter().map(|index| {
            let destinations = self.destinations(index);
            Member { name: &index.name, counts: &index.counts, destinations }
        });
        members.collect()
    }

    /// Counts every destination and notes it; those that can't be counted are findings.
    async fn count(
        &mut self,
        context: &Context,
        migration: &Migration,
        findings: &mut Findings,
    ) -> Result<BTreeMap<String, u64>, TaskError> {
        let names = self.indices.iter().flat_map(|index| self.destinations(index)).map(|noted| noted.name.clone());
        let mut counted = BTreeMap::new();
        for name in names.collect::<BTreeSet<_>>() {
            match self.count_one(context, migration, &name).await {
                Ok(Ok(count)) => {
                    counted.insert(name, count);
                }
                Ok(Err(why)) => findings.wrong.push(format!("{name}: {why}")),
                Err(error) => return Err(error),
            }
        }
        for destination in self.pages.iter_mut().flat_map(notes) {
            if let Some(count) = counted.get(&destination.name) {
                destination.count_after = Some(*count);
            }
        }
        for (number, page) in (0..).zip(&self.pages) {
            store(context, migration, number, page).await?;
        }
        Ok(counted)
    }

    /// Documents of a destination; inside: why it can't be counted.
    async fn count_one(
        &mut self,
        context: &Context,
        migration: &Migration,
        name: &str,
    ) -> Result<Result<u64, String>, TaskError> {
        let cluster = match migration.target()? {
            TargetHandle::Cluster(cluster) => cluster,
            TargetHandle::Directory(directory) => {
                let (directory, name) = (directory.clone(), name.to_owned());
                return blocking(move || directory.count_lines(&name)).await.map(Ok);
            }
        };
        match self.open(context, migration, cluster, name).await {
            Ok(()) => {}
            Err(TaskError::Failed { reason, .. }) => return Ok(Err(reason)),
            Err(error) => return Err(error),
        }
        cluster.refresh(name).await?;
        Ok(Ok(cluster.count(name).await?))
    }

    /// Opens an index that somebody closed during the load, after it is noted that cleanup is to close it again.
    async fn open(
        &mut self,
        context: &Context,
        migration: &Migration,
        cluster: &Cluster,
        name: &str,
    ) -> Result<(), TaskError> {
        let found = cluster.indices(name).await?;
        if found.is_empty() {
            let reason = "it is gone from the target: load it again into a migration of another name";
            return Err(TaskError::say(Verdict::StopLoad, reason));
        }
        if !found.iter().any(target::IndexState::is_closed) {
            return Ok(());
        }
        for (number, page) in (0..).zip(&mut self.pages) {
            let mut named = false;
            for destination in notes(page).filter(|destination| destination.name == name) {
                destination.close = true;
                named = true;
            }
            if named {
                store(context, migration, number, page).await?;
            }
        }
        Ok(cluster.open_index(name).await?)
    }
}

fn notes(page: &mut TargetPage) -> impl Iterator<Item = &mut Destination> {
    page.indices.values_mut().flat_map(|noted| &mut noted.destinations)
}

async fn store(context: &Context, migration: &Migration, number: u32, page: &TargetPage) -> Result<(), TaskError> {
    let key = names::target(&migration.name, number);
    context.bus.put(Bucket::Migrations, &key, bus::bytes(&key, page)?).await?;
    Ok(())
}

fn judge(migration: &Migration, group: &Group<'_>, counted: &BTreeMap<String, u64>, findings: &mut Findings) {
    let name = group.name();
    if group.destinations.is_empty() {
        findings.wrong.push(format!("{name}: metadata noted nothing of it: run the metadata phase again"));
        return;
    }
    // What couldn't be counted is a finding already.
    let counts: Option<Vec<u64>> = group.destinations.keys().map(|name| counted.get(*name).copied()).collect();
    let Some(counts) = counts else { return };
    let after = counts.into_iter().fold(0, u64::saturating_add);
    let Some(doubt) = group.doubt(migration.spec.on_conflict, after) else { return };
    if migration.spec.verify.live_writes {
        findings.told.push(format!("{name}: {doubt}; not judged, since others write (verify.liveWrites)"));
    } else {
        findings.wrong.push(format!(
            "{name}: {doubt}: find out who else writes or deletes there; where that is meant, set verify.liveWrites"
        ));
    }
}

/// What became of the index's documents, and how many its segments say there are.
async fn account(
    context: &Context,
    migration: &Migration,
    index: &InventoryIndex,
    wrong: &mut Vec<String>,
) -> Result<(Counts, u64), TaskError> {
    let (mut counts, mut live_docs) = (Counts::default(), 0);
    for (shard, inventoried) in (0..).zip(&index.shards) {
        let key = names::shard(&migration.name, ShardId { index: index.no, shard });
        let record = bus::read::<ShardRecord>(&*context.bus, Bucket::Checkpoints, &key).await?;
        let Some((record, _)) = record.filter(|(record, _)| record.done) else {
            wrong.push(format!("{} shard {shard}: it is not loaded", index.name));
            continue;
        };
        for segment in record.segments.iter().filter(|segment| !segment.adds_up()) {
            let (live, accounted) = (segment.live_docs, segment.counts.accounted());
            let name = &segment.name;
            wrong.push(format!(
                "{} shard {shard} segment {name}: {live} live documents, {accounted} accounted for",
                index.name
            ));
        }
        counts.add(&record.counts());
        // The inventory was taken before the plan, by its own reading of the commit.
        live_docs += inventoried.lucene_docs;
    }
    Ok((counts, live_docs))
}
