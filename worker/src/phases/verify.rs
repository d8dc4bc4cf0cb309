//! Verify: the account of every segment adds up, and the target counts what was written.
//!
//! The account's left side comes from the segments' own metadata, the right side from the target's answers; the count
//! is a third, independent witness.

use protocol::bus;
use protocol::checkpoint::{Counts, ShardRecord, Verdict};
use protocol::destination::{Destination, TargetPage};
use protocol::ids::{IndexNo, ShardId};
use protocol::names::{self, Bucket};
use protocol::plan::InventoryIndex;
use protocol::spec::OnConflict;

use super::metadata::page;
use crate::context::{Context, Migration, TargetHandle};
use crate::failure::TaskError;
use crate::plan::blocking;

/// What was found so far.
#[derive(Default)]
struct Findings {
    wrong: Vec<String>,
    /// Odd, and not judged.
    told: Vec<String>,
    missing: usize,
    total: Counts,
}

/// Counts.
///
/// # Errors
/// Every index whose account or count is off.
pub async fn run(context: &Context, migration: &Migration) -> Result<Vec<String>, TaskError> {
    let mut findings = Findings::default();
    for number in 0.. {
        let page = page(context, migration, number).await?;
        let mut targets = TargetPage { indices: page.known };
        for index in page.indices.iter().filter(|index| index.load) {
            verify(context, migration, index, number, &mut targets, &mut findings).await?;
        }
        store(context, migration, number, &targets).await?;
        if !page.more {
            break;
        }
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

async fn verify(
    context: &Context,
    migration: &Migration,
    index: &InventoryIndex,
    number: u32,
    targets: &mut TargetPage,
    findings: &mut Findings,
) -> Result<(), TaskError> {
    let name = &index.name;
    findings.missing += index.shards.iter().filter(|shard| shard.missing.is_some()).count();
    let (counts, live_docs) = account(context, migration, index, &mut findings.wrong).await?;
    if counts.accounted() != live_docs {
        let accounted = counts.accounted();
        findings.wrong.push(format!("{name}: {live_docs} live documents, {accounted} accounted for"));
    }
    findings.total.add(&counts);
    match open(context, migration, index.no, number, targets).await {
        Ok(()) => {}
        Err(TaskError::Failed { reason, .. }) => {
            findings.wrong.push(format!("{name}: {reason}"));
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    let Some(target) = noted(targets, index.no) else {
        findings.wrong.push(format!("{name}: metadata noted nothing of it: run the metadata phase again"));
        return Ok(());
    };
    let count = count_on_target(migration, target).await?;
    target.count_after = Some(count);
    let Some(doubt) = doubt(&counts, migration.spec.on_conflict, target.count_before, count) else { return Ok(()) };
    if migration.spec.verify.live_writes {
        findings.told.push(format!("{name}: {doubt}; not judged, since others write (verify.liveWrites)"));
    } else {
        findings.wrong.push(format!(
            "{name}: {doubt}: find out who else writes or deletes there; where that is meant, set verify.liveWrites"
        ));
    }
    Ok(())
}

fn noted(targets: &mut TargetPage, no: IndexNo) -> Option<&mut Destination> {
    targets.indices.get_mut(&no)?.destinations.first_mut()
}

/// Opens an index that somebody closed during the load, after it is noted that cleanup is to close it again.
async fn open(
    context: &Context,
    migration: &Migration,
    no: IndexNo,
    number: u32,
    targets: &mut TargetPage,
) -> Result<(), TaskError> {
    let TargetHandle::Cluster(cluster) = migration.target()? else { return Ok(()) };
    let Some(target) = noted(targets, no) else { return Ok(()) };
    let name = target.name.clone();
    let Some(found) = cluster.index(&name).await? else {
        let reason = "it is gone from the target: load it again into a migration of another name";
        return Err(TaskError::say(Verdict::StopLoad, reason));
    };
    if !found.is_closed() {
        return Ok(());
    }
    target.close = true;
    store(context, migration, number, targets).await?;
    Ok(cluster.open_index(&name).await?)
}

async fn store(context: &Context, migration: &Migration, number: u32, page: &TargetPage) -> Result<(), TaskError> {
    let key = names::target(&migration.name, number);
    context.bus.put(Bucket::Migrations, &key, bus::bytes(&key, page)?).await?;
    Ok(())
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

async fn count_on_target(migration: &Migration, target: &Destination) -> Result<u64, TaskError> {
    match migration.target()? {
        TargetHandle::Cluster(cluster) => {
            cluster.refresh(&target.name).await?;
            Ok(cluster.count(&target.name).await?)
        }
        TargetHandle::Directory(directory) => {
            let (directory, name) = (directory.clone(), target.name.clone());
            blocking(move || directory.count_lines(&name)).await
        }
    }
}

/// What is odd about a count, given what was there before and what was written.
fn doubt(counts: &Counts, on_conflict: OnConflict, before: u64, after: u64) -> Option<String> {
    let Counts { written, already_there, .. } = *counts;
    let arrived = written.saturating_add(already_there);
    let most = before.saturating_add(arrived);
    let least = match on_conflict {
        // Documents that were there may have been overwritten: between none of them and all.
        OnConflict::Overwrite | OnConflict::Newer => before.max(arrived),
        // Nothing was overwritten: only what was already there may be of those before, or ours, sent twice.
        OnConflict::Keep => before.saturating_add(written).max(arrived),
    };
    (after < least || after > most).then(|| {
        let expected = if least == most { least.to_string() } else { format!("{least} to {most}") };
        format!("the target counts {after} documents, expected {expected} ({before} before, {arrived} arrived)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_is_off_is_doubted() {
        let counts = Counts { written: 10, ..Counts::default() };
        let doubt = |before, after| super::doubt(&counts, OnConflict::Overwrite, before, after);
        assert_eq!(doubt(0, 10), None);
        assert_eq!(doubt(4, 12), None);
        for (before, after) in [(0, 9), (0, 11), (4, 9), (4, 15)] {
            assert!(doubt(before, after).is_some(), "{before} before, {after} after");
        }
    }

    #[test]
    fn what_was_kept_is_of_those_before_or_was_sent_twice() {
        let counts = Counts { written: 10, already_there: 3, ..Counts::default() };
        let doubt = |before, after| doubt(&counts, OnConflict::Keep, before, after);
        assert_eq!((doubt(5, 15), doubt(5, 18)), (None, None));
        assert_eq!(doubt(0, 13), None, "the three are ours");
        assert!(doubt(5, 14).is_some() && doubt(5, 19).is_some() && doubt(0, 12).is_some());
    }
}
