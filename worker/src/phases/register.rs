//! Register: the repository is opened, every selected index and shard inventoried, the target spoken to.
//!
//! In: a repository and a snapshot's name. Out: the inventory in KV, a page per 400 KiB or so. What can't be read is
//! named now, not at hour nine.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use lucene::{Commit, SegmentInfo};
use protocol::bus;
use protocol::checkpoint::Verdict;
use protocol::ids::IndexNo;
use protocol::names::{self, Bucket};
use protocol::pattern;
use protocol::plan::{CatalogueIndex, CataloguePage, InventoryIndex, InventoryPage, InventoryShard};
use protocol::spec::Spec;
use snapshot::{IndexMetadata, ShardFiles, Snapshot, SnapshotIndex, SourceMode};
use target::{Cluster, ClusterInfo, TargetError};

use crate::context::{Context, Migration, TargetHandle};
use crate::failure::{TaskError, chain};
use crate::plan::blocking;

/// Indices looked at at once.
const AT_ONCE: usize = 8;
/// A target that says nothing for this long is down, for a person who waits for the first sign of life.
const GREETING_MAX: Duration = Duration::from_secs(15);
/// Serialised bytes of a page: well under what a message may hold.
const PAGE_BYTES: usize = 400 << 10;
/// Index names listed in a note before it is cut.
const NAMES_SHOWN: usize = 10;

/// Takes the inventory.
///
/// # Errors
/// A repository that can't be read, a pattern that matches nothing, shards that are refused, a target that is down.
pub async fn run(context: &Context, migration: &Migration) -> Result<Vec<String>, TaskError> {
    let mut notes = vec![greet_target(&migration.target).await?];
    let snapshot = migration.snapshot().await?;
    notes.push(format!("snapshot {} of {}", snapshot.name, snapshot.version));
    let selected = select(migration, &snapshot, &mut notes)?;
    let indices: Vec<InventoryIndex> = futures::stream::iter(selected.into_iter().enumerate())
        .map(|(no, index)| inventory(snapshot.clone(), migration.spec.clone(), no, index))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    refuse(&indices)?;
    notes.extend(sum_up(&indices));
    store(context, migration, indices).await?;
    Ok(notes)
}

async fn greet_target(target: &TargetHandle) -> Result<String, TaskError> {
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

fn select(
    migration: &Migration,
    snapshot: &Snapshot,
    notes: &mut Vec<String>,
) -> Result<Vec<SnapshotIndex>, TaskError> {
    let patterns = migration.spec.indices.as_deref();
    for pattern in patterns.unwrap_or_default() {
        if !snapshot.indices.iter().any(|index| pattern.matches(&index.name)) {
            let known: Vec<&str> = snapshot.indices.iter().map(|index| index.name.as_str()).collect();
            let reason = format!(
                "indices: {pattern} matches no index of snapshot {}; it has {}",
                snapshot.name,
                shorten(&known)
            );
            return Err(TaskError::say(Verdict::StopLoad, reason));
        }
    }
    let (selected, left_out): (Vec<_>, Vec<_>) =
        snapshot.indices.iter().cloned().partition(|index| pattern::selects(patterns, &index.name));
    if !left_out.is_empty() {
        let names: Vec<&str> = left_out.iter().map(|index| index.name.as_str()).collect();
        let why = if patterns.is_some() { "not named in `indices`" } else { "system indices" };
        notes.push(format!("left out, {why}: {}", shorten(&names)));
    }
    Ok(selected)
}

/// A list of names that fits a line or two.
fn shorten(names: &[&str]) -> String {
    let shown = names.iter().take(NAMES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

// Owned arguments: several of these run at once in a stream that must not borrow.
async fn inventory(
    snapshot: Arc<Snapshot>,
    spec: Spec,
    no: usize,
    entry: SnapshotIndex,
) -> Result<InventoryIndex, TaskError> {
    let index = InventoryIndex {
        no: IndexNo(u32::try_from(no).unwrap_or(u32::MAX)),
        name: entry.name.clone(),
        repository_id: entry.id.clone(),
        create: spec.creates(&entry.name),
        load: spec.loads(&entry.name),
        replicas: 0,
        shards: Vec::new(),
        version_created: String::new(),
        closed: false,
        warnings: Vec::new(),
    };
    let metadata = match snapshot.index_metadata(&entry).await {
        Ok(metadata) => metadata,
        // How many shards it has is unknown then; one is enough to be named among what can't be read.
        Err(error) => {
            let shard = InventoryShard { refused: Some(chain(&error)), ..InventoryShard::default() };
            return Ok(InventoryIndex { shards: vec![shard], ..index });
        }
    };
    let mut shards = Vec::new();
    for shard in 0..metadata.number_of_shards {
        let found = match snapshot.shard(&entry, shard).await {
            Ok(files) => look_into(files).await,
            Err(error) => not_there(error, spec.snapshot.allow_partial),
        };
        shards.push(match found {
            Ok(shard) => shard,
            Err(TaskError::Failed { reason, .. }) => {
                InventoryShard { refused: Some(reason), ..InventoryShard::default() }
            }
            Err(error) => return Err(error),
        });
    }
    if let Some(reason) = &metadata.refusal {
        for shard in &mut shards {
            shard.refused.get_or_insert_with(|| reason.clone());
        }
    }
    let (version_created, warnings) = (metadata.version_created.to_string(), warnings(&metadata, spec.recover_source));
    Ok(InventoryIndex { shards, version_created, closed: metadata.closed, warnings, ..index })
}

fn warnings(metadata: &IndexMetadata, recover_source: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    if metadata.closed {
        warnings.push("it is closed in the source; on the target it will be open".to_owned());
    }
    // How much merges have pruned can't be told from metadata: `migctl snapshot inspect --deep --recover-source` counts.
    let rest = if recover_source {
        "`recoverSource` takes the complete one where no merge has pruned it, other documents"
    } else {
        "`recoverSource: true` would take the complete one where no merge has pruned it; without it documents"
    };
    let none = |why: &str| Some(format!("{why}: {rest} are skipped and counted as no-source"));
    warnings.extend(match metadata.source_mode() {
        SourceMode::Stored => None,
        SourceMode::WithoutVectors => Some("its _source is kept without vectors: they don't go along".to_owned()),
        SourceMode::Filtered { .. } => Some(format!("its _source is kept in part: {rest} go as they are kept")),
        SourceMode::Disabled => none("it keeps no _source"),
        SourceMode::Synthetic => none("its _source is synthetic, made up from doc values, which are not read for it"),
        SourceMode::Derived => none("its _source is derived from doc values, which are not read for it"),
    });
    warnings
}

/// A shard that the server could not snapshot is passed over where that is allowed; anything else is an error.
fn not_there(error: snapshot::Error, allow_partial: bool) -> Result<InventoryShard, TaskError> {
    let is_partial = matches!(error, snapshot::Error::ShardFailed { .. });
    let error = TaskError::from(error);
    match error {
        TaskError::Failed { reason, .. } if is_partial && allow_partial => {
            Ok(InventoryShard { missing: Some(reason), ..InventoryShard::default() })
        }
        TaskError::Failed { reason, verdict } if is_partial => {
            let reason = format!("{reason}; `snapshot.allowPartial: true` migrates the others without it");
            Err(TaskError::Failed { verdict, reason })
        }
        error => Err(error),
    }
}

async fn look_into(files: ShardFiles) -> Result<InventoryShard, TaskError> {
    let bytes = files.total_len();
    let directory: Arc<dyn lucene::Directory> = Arc::new(files.directory(tokio::runtime::Handle::current()));
    blocking(move || {
        let commit = Commit::read(&*directory)?;
        let mut shard = InventoryShard { bytes, ..InventoryShard::default() };
        for segment in &commit.segments {
            let info = SegmentInfo::read(&directory, segment)?;
            let of_info = || info.refusal().map(|why| format!("segment {}: {why}", segment.name));
            shard.refused = shard.refused.or_else(|| segment.refusal()).or_else(of_info);
            let codec = segment.codec_and_mode(&info);
            if !shard.codecs.contains(&codec) {
                shard.codecs.push(codec);
            }
            let deleted = u64::from(segment.del_count) + u64::from(segment.soft_del_count);
            shard.lucene_docs += u64::from(info.max_doc).saturating_sub(deleted);
            shard.segments += 1;
            let version = info.version.to_string();
            if !shard.lucene_versions.contains(&version) {
                shard.lucene_versions.push(version);
            }
        }
        Ok::<_, lucene::Error>(shard)
    })
    .await
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
    let mut versions: Vec<&str> = shards().flat_map(|shard| &shard.lucene_versions).map(String::as_str).collect();
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

async fn store(context: &Context, migration: &Migration, indices: Vec<InventoryIndex>) -> Result<(), TaskError> {
    let mut pages = vec![InventoryPage::default()];
    let mut page_bytes = 0;
    for index in indices {
        let bytes = bus::bytes(&index.name, &index)?.len();
        if page_bytes > 0 && page_bytes + bytes > PAGE_BYTES {
            pages.push(InventoryPage::default());
            page_bytes = 0;
        }
        page_bytes += bytes;
        if let Some(page) = pages.last_mut() {
            page.indices.push(index);
        }
    }
    let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
    for (number, page) in (0..).zip(&mut pages) {
        (page.submission, page.pages) = (migration.submission, count);
        let indices = page.indices.iter().map(|index| CatalogueIndex {
            no: index.no,
            name: index.name.clone(),
            create: index.create,
            load: index.load,
        });
        let catalogue = CataloguePage { submission: migration.submission, pages: count, indices: indices.collect() };
        let key = names::catalogue(&migration.name, number);
        context.bus.put(Bucket::Migrations, &key, bus::bytes(&key, &catalogue)?).await?;
        let key = names::inventory(&migration.name, number);
        context.bus.put(Bucket::Migrations, &key, bus::bytes(&key, page)?).await?;
    }
    Ok(())
}
