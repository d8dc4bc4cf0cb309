//! Verify: the account of every segment adds up, and the target counts what was written.
//!
//! The account's left side comes from the segments' own metadata, the right side from the target's answers; the count
//! is a third, independent witness.

use protocol::bus;
use protocol::checkpoint::{Counts, ShardRecord, Verdict};
use protocol::ids::ShardId;
use protocol::names::{self, Bucket};
use protocol::plan::{InventoryIndex, InventoryPage};
use protocol::state::{TargetIndex, TargetPage};

use crate::context::{Context, Migration, TargetHandle};
use crate::failure::TaskError;
use crate::plan::blocking;

/// Counts.
///
/// # Errors
/// Every index whose account or count is off.
pub async fn run(context: &Context, migration: &Migration) -> Result<Vec<String>, TaskError> {
    let (mut wrong, mut missing, mut total) = (Vec::new(), 0, Counts::default());
    let mut page_no = 0;
    loop {
        let inventory_key = names::inventory(&migration.name, page_no);
        let key = names::target(&migration.name, page_no);
        let page = bus::read::<InventoryPage>(&*context.bus, Bucket::Migrations, &inventory_key).await?;
        let targets = bus::read::<TargetPage>(&*context.bus, Bucket::Migrations, &key).await?;
        let (Some((page, _)), Some((mut targets, _))) = (page, targets) else {
            return Err(TaskError::say(Verdict::Retry, format!("page {page_no} of the inventory is not there")));
        };
        for index in &page.indices {
            let Some(target) = targets.indices.get_mut(&index.no) else {
                wrong.push(format!("{}: metadata noted nothing of it", index.name));
                continue;
            };
            missing += index.shards.iter().filter(|shard| shard.missing.is_some()).count();
            let (counts, live_docs) = account(context, migration, index, &mut wrong).await?;
            let count = count_on_target(migration, target).await?;
            target.count_after = Some(count);
            if let Some(doubt) = doubt(&counts, target.count_before, count) {
                wrong.push(format!("{}: {doubt}", index.name));
            }
            if counts.accounted() != live_docs {
                let accounted = counts.accounted();
                wrong.push(format!("{}: {live_docs} live documents, {accounted} accounted for", index.name));
            }
            total.add(&counts);
        }
        context.bus.put(Bucket::Migrations, &key, bus::bytes(&key, &targets)?).await?;
        page_no += 1;
        if page_no >= page.pages {
            break;
        }
    }
    if !wrong.is_empty() {
        let reason = format!("{} findings\n{}", wrong.len(), wrong.join("\n"));
        return Err(TaskError::say(Verdict::StopLoad, reason));
    }
    let mut notes = vec![format!("every account adds up; the target counts the {} documents written", total.written)];
    if missing > 0 {
        notes.push(format!("{missing} shards are not in the snapshot: their documents are not on the target"));
    }
    Ok(notes)
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

async fn count_on_target(migration: &Migration, target: &TargetIndex) -> Result<u64, TaskError> {
    match &migration.target {
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
fn doubt(counts: &Counts, before: u64, after: u64) -> Option<String> {
    let arrived = counts.written + counts.already_there;
    // Documents that were there may have been overwritten: between none of them and all.
    let (least, most) = (before.max(arrived), before + arrived);
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
        assert_eq!(doubt(&counts, 0, 10), None);
        assert_eq!(doubt(&counts, 4, 12), None);
        for (before, after) in [(0, 9), (0, 11), (4, 9), (4, 15)] {
            assert!(doubt(&counts, before, after).is_some(), "{before} before, {after} after");
        }
    }
}
