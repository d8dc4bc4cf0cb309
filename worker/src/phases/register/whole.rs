//! The rest of register, in one worker: the target is spoken to, every page of the inventory taken and summed up.

use std::time::Duration;

use protocol::bus;
use protocol::checkpoint::Verdict;
use protocol::names::{self, Bucket};
use protocol::plan::{InventoryIndex, InventoryPage};
use target::{Cluster, ClusterInfo, TargetError};
use tokio_util::sync::CancellationToken;

use super::NAMES_SHOWN;
use crate::context::{Context, Migration, TargetHandle};
use crate::failure::{TaskError, chain};
use crate::inventory;
use crate::lease::{Asked, Pulse};

/// A target that says nothing for this long is down, for a person who waits for the first sign of life.
const GREETING_MAX: Duration = Duration::from_secs(15);

/// Takes all pages, and says what is in them.
pub(super) async fn take(context: &Context, migration: &Migration, pages: u32) -> Result<Vec<String>, TaskError> {
    let mut indices = Vec::new();
    for page in 0..pages {
        let pulse = Pulse::new(Asked::now());
        inventory::take_page(context, migration, page, pulse, CancellationToken::new()).await?;
        let key = names::inventory(&migration.name, page);
        let taken = bus::read::<InventoryPage>(&*context.bus, Bucket::Migrations, &key).await?;
        indices.extend(taken.into_iter().flat_map(|(page, _)| page.indices));
    }
    refuse(&indices)?;
    Ok(sum_up(&indices))
}

pub(super) async fn greet_target(target: &TargetHandle) -> Result<String, TaskError> {
    Ok(match target {
        TargetHandle::Cluster(cluster) => {
            let info = greet(cluster).await?;
            format!("target {} answers: {} {}", cluster.endpoint(), info.product.as_str(), info.version)
        }
        TargetHandle::Directory(directory) => format!("target is the directory {}", directory.path().display()),
    })
}

async fn greet(cluster: &Cluster) -> Result<ClusterInfo, TaskError> {
    let why = match tokio::time::timeout(GREETING_MAX, cluster.info()).await {
        Ok(Err(error @ TargetError::Unavailable { .. })) => chain(&error),
        Ok(answer) => return Ok(answer?),
        Err(_) => format!("{} accepts a connection, and no answer came in {GREETING_MAX:?}", cluster.endpoint()),
    };
    let reason = format!(
        "the target does not answer: check target.endpoint, that it is up, and that it can be reached from here: {why}"
    );
    Err(TaskError::say(Verdict::StopLoad, reason))
}

fn refuse(indices: &[InventoryIndex]) -> Result<(), TaskError> {
    let mut refused = Vec::new();
    for index in indices {
        for (number, shard) in index.shards.iter().enumerate() {
            if let Some(reason) = &shard.refused {
                refused.push(format!("{} shard {number}: {reason}", index.name));
            }
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    let shards: usize = indices.iter().map(|index| index.shards.len()).sum();
    let shown = refused.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>().join("\n");
    let more = match refused.len().saturating_sub(NAMES_SHOWN) {
        0 => String::new(),
        more => format!("\nand {more} more"),
    };
    let reason = format!(
        "{} of {shards} shards can't be read; leave their indices out with `indices`, or mend the repository\n\
         {shown}{more}",
        refused.len()
    );
    Err(TaskError::say(Verdict::StopLoad, reason))
}

fn sum_up(indices: &[InventoryIndex]) -> Vec<String> {
    let shards = || indices.iter().flat_map(|index| &index.shards);
    let docs: u64 = shards().map(|shard| shard.lucene_docs).sum();
    let bytes: u64 = shards().map(|shard| shard.bytes).sum();
    let mut versions: Vec<&str> = indices.iter().flat_map(|index| &index.lucene_versions).map(String::as_str).collect();
    versions.sort_unstable();
    versions.dedup();
    let mut notes = vec![format!(
        "{} indices, {} shards, {docs} Lucene documents, {}, Lucene {}",
        indices.len(),
        shards().count(),
        bytesize::ByteSize(bytes),
        if versions.is_empty() { "-".to_owned() } else { versions.join(", ") }
    )];
    let missing = indices.iter().flat_map(|index| {
        let shards = index.shards.iter().enumerate();
        shards.filter_map(|(number, shard)| Some(format!("{} shard {number}: {}", index.name, shard.missing.as_ref()?)))
    });
    notes.extend(missing.map(|missing| format!("left out, not in the snapshot: {missing}")));
    for index in indices {
        notes.extend(index.warnings.iter().map(|warning| format!("{}: {warning}", index.name)));
    }
    notes
}
