//! A page of the inventory: what the repository says of some indices, and of every shard of them that is loaded.
//!
//! In: a page of the catalogue, which names indices. Out: the page of the inventory of the same number, stored by
//! compare-and-set. An index costs one read, its metadata; a shard one, the list of its files, in which commit and
//! segment infos stand inline. Only a compound file above 1 MiB costs another, for its table.
//! Holds: what can't be read stands in the page as a reason, and what failed on the way is tried a few times first: a
//! page is always taken. Its value fits the bus.
//! Not here: which indices go along (`phases::register`), what follows from what was found (the coordinator).

mod shard;
mod warnings;

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use protocol::bus::{self, BusError};
use protocol::checkpoint::Verdict;
use protocol::names::{self, Bucket};
use protocol::plan::{CatalogueIndex, CataloguePage, InventoryIndex, InventoryPage, InventoryShard};
use protocol::spec::Spec;
use snapshot::{IndexMetadata, Snapshot, SnapshotIndex};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::context::{Context, Migration};
use crate::failure::TaskError;
use crate::lease::Pulse;
use shard::Looked;

/// Reads of the store in flight for a page: nearly all of the time is its latency.
const AT_ONCE: usize = 32;
/// The pause after a first failure; it doubles with each further one.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// … up to this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
/// Reasons of an index that are told in full, and what is kept of each: with them a page of a hundred indices is half
/// of what the bus takes.
const REASONS_MAX: usize = 8;
const REASON_CHARS_MAX: usize = 500;
/// What a page may be: less than the MiB that the bus takes.
const PAGE_BYTES_MAX: usize = 1_000_000;

/// What the reads of a page share.
struct Taking {
    snapshot: Arc<Snapshot>,
    spec: Spec,
    pulse: Pulse,
    cancel: CancellationToken,
    looks: Arc<Semaphore>,
}

/// Takes the page `page`, unless it was taken for the catalogue as it is.
///
/// # Errors
/// The bus's; given up.
pub async fn take_page(
    context: &Context,
    migration: &Migration,
    page: u32,
    pulse: Pulse,
    cancel: CancellationToken,
) -> Result<(), TaskError> {
    let bus = &*context.bus;
    let catalogued =
        bus::read::<CataloguePage>(bus, Bucket::Migrations, &names::catalogue(&migration.name, page)).await?;
    // Nothing catalogued: the migration was removed while its task waited.
    let Some((catalogue, _)) = catalogued else { return Ok(()) };
    let key = names::inventory(&migration.name, page);
    let found = bus::read::<InventoryPage>(bus, Bucket::Migrations, &key).await?;
    if found.as_ref().is_some_and(|(page, _)| page.submission == catalogue.submission) {
        return Ok(());
    }
    let CataloguePage { submission, pages, indices } = catalogue;
    let indices = match opened(context, migration, pulse, cancel).await? {
        Ok(taking) => take(Arc::new(taking), indices).await?,
        Err(reason) => indices.into_iter().map(|index| refused(blank(index), &reason)).collect(),
    };
    let value = fitting(&key, InventoryPage { submission, indices, pages })?;
    let stored = match found {
        Some((_, revision)) => bus.update(Bucket::Migrations, &key, value, revision).await,
        None => bus.create(Bucket::Migrations, &key, value).await,
    };
    match stored {
        Ok(_) => Ok(()),
        // Theirs may be of an older catalogue: the task comes again and looks.
        Err(BusError::Conflict { .. } | BusError::Exists { .. }) => Err(TaskError::GivenUp),
        Err(error) => Err(error.into()),
    }
}

/// What the reads share, or why the snapshot can't be opened.
async fn opened(
    context: &Context,
    migration: &Migration,
    pulse: Pulse,
    cancel: CancellationToken,
) -> Result<Result<Taking, String>, TaskError> {
    let mut attempts = Attempts::of(&migration.spec);
    loop {
        let error = match migration.snapshot().await {
            Ok(snapshot) => {
                let (spec, looks) = (migration.spec.clone(), context.looks.clone());
                return Ok(Ok(Taking { snapshot, spec, pulse, cancel, looks }));
            }
            Err(error) => error,
        };
        match attempts.next(error, &pulse, &cancel).await {
            Ok(()) => {}
            Err(TaskError::Failed { reason, .. }) => return Ok(Err(reason)),
            Err(error) => return Err(error),
        }
    }
}

/// How often something was tried, and how long to wait before it is tried again.
struct Attempts {
    left: u32,
    pause: Duration,
}

impl Attempts {
    fn of(spec: &Spec) -> Self {
        Self { left: spec.sizing.max_attempts.get(), pause: RETRY_AFTER }
    }

    /// Waits for the next attempt after one that ended with `error`.
    ///
    /// # Errors
    /// `error`, where no further attempt would help or is left; given up.
    async fn next(&mut self, error: TaskError, pulse: &Pulse, cancel: &CancellationToken) -> Result<(), TaskError> {
        self.left = self.left.saturating_sub(1);
        let TaskError::Failed { verdict: Verdict::Retry, reason } = &error else { return Err(error) };
        if self.left == 0 {
            return Err(error);
        }
        tracing::warn!(again_after = ?self.pause, "read failed: {reason}");
        pulse.beat();
        cancel.run_until_cancelled(tokio::time::sleep(self.pause)).await.ok_or(TaskError::GivenUp)?;
        self.pause = RETRY_AFTER_MAX.min(self.pause * 2);
        Ok(())
    }
}

/// An index of which nothing is known but what the catalogue says.
fn blank(index: CatalogueIndex) -> InventoryIndex {
    let CatalogueIndex { no, name, create, load } = index;
    InventoryIndex { no, name, create, load, ..InventoryIndex::default() }
}

/// An index of which nothing can be read. How many shards it has is unknown: one is enough to be named among what can't
/// be read. One that is not wanted any more is left alone.
fn refused(mut index: InventoryIndex, reason: &str) -> InventoryIndex {
    if index.create || index.load {
        index.shards = vec![InventoryShard { refused: Some(reason.to_owned()), ..InventoryShard::default() }];
        bound_reasons(&mut index);
    }
    index
}

async fn take(taking: Arc<Taking>, indices: Vec<CatalogueIndex>) -> Result<Vec<InventoryIndex>, TaskError> {
    let mut indices: Vec<InventoryIndex> = futures::stream::iter(indices)
        .map(|index| describe(taking.clone(), index))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    // Of all indices together: one of many shards is not waited for by those of one.
    let wanted: Vec<(usize, SnapshotIndex, u32)> = indices
        .iter()
        .enumerate()
        .filter(|(_, index)| index.load && index.shards.iter().all(|shard| shard.refused.is_none()))
        .filter_map(|(at, index)| Some((at, index, taking.snapshot.index(&index.name)?)))
        .flat_map(|(at, index, entry)| (0..).zip(&index.shards).map(move |(shard, _)| (at, entry.clone(), shard)))
        .collect();
    let mut looked = futures::stream::iter(wanted)
        .map(|(at, entry, shard)| {
            let taking = taking.clone();
            async move { Ok::<_, TaskError>((at, shard, shard::look(&taking, &entry, shard).await?)) }
        })
        .buffer_unordered(AT_ONCE);
    while let Some((at, shard, found)) = looked.try_next().await? {
        if let Some(index) = indices.get_mut(at) {
            enter(index, shard as usize, found);
        }
    }
    indices.iter_mut().for_each(bound_reasons);
    Ok(indices)
}

/// What an index's metadata says; its shards are entered later.
async fn describe(taking: Arc<Taking>, index: CatalogueIndex) -> Result<InventoryIndex, TaskError> {
    let index = blank(index);
    if !index.create && !index.load {
        return Ok(index);
    }
    let Some(entry) = taking.snapshot.index(&index.name) else {
        let reason = format!("snapshot {} has no such index", taking.snapshot.name);
        return Ok(refused(index, &reason));
    };
    let mut attempts = Attempts::of(&taking.spec);
    loop {
        let metadata = taking.snapshot.index_metadata(entry).await;
        taking.pulse.beat();
        let error = match metadata {
            Ok(metadata) => return Ok(described(index, entry, &metadata, &taking.spec)),
            Err(error) => error,
        };
        match attempts.next(error.into(), &taking.pulse, &taking.cancel).await {
            Ok(()) => {}
            Err(TaskError::Failed { reason, .. }) => return Ok(refused(index, &reason)),
            Err(error) => return Err(error),
        }
    }
}

fn described(index: InventoryIndex, entry: &SnapshotIndex, metadata: &IndexMetadata, spec: &Spec) -> InventoryIndex {
    // Without documents to load, none that can't be read.
    let refused = metadata.refusal.clone().filter(|_| index.load);
    let shard = InventoryShard { refused, ..InventoryShard::default() };
    let replicas = metadata.settings.get("index.number_of_replicas").and_then(serde_json::Value::as_str);
    InventoryIndex {
        repository_id: entry.id.clone(),
        shards: vec![shard; metadata.number_of_shards as usize],
        replicas: replicas.and_then(|text| text.parse().ok()).unwrap_or_default(),
        version_created: metadata.version_created.to_string(),
        closed: metadata.closed,
        warnings: warnings::of(metadata, index.load, spec.recover_source),
        ..index
    }
}

fn enter(index: &mut InventoryIndex, shard: usize, found: Looked) {
    for (all, new) in [(&mut index.lucene_versions, found.lucene_versions), (&mut index.codecs, found.codecs)] {
        for word in new {
            if !all.contains(&word) {
                all.push(word);
            }
        }
    }
    if let Some(slot) = index.shards.get_mut(shard) {
        *slot = found.shard;
    }
}

/// Keeps the first reasons of an index, and of each the beginning: a page is one value, whatever is wrong with it.
fn bound_reasons(index: &mut InventoryIndex) {
    index.lucene_versions.sort_unstable();
    index.codecs.sort_unstable();
    let reasons = index.shards.iter_mut().flat_map(|shard| [&mut shard.refused, &mut shard.missing]).flatten();
    for (at, reason) in reasons.enumerate() {
        if at >= REASONS_MAX {
            *reason = "as other shards of it".to_owned();
        } else if let Some((end, _)) = reason.char_indices().nth(REASON_CHARS_MAX) {
            reason.truncate(end);
            reason.push('…');
        }
    }
}

/// The page as bytes that the bus takes. Pages are laid out so that they fit; where the catalogue said less of the
/// indices than was found, they are refused.
fn fitting(key: &str, mut page: InventoryPage) -> Result<Vec<u8>, TaskError> {
    let value = bus::bytes(key, &page)?;
    if value.len() <= PAGE_BYTES_MAX {
        return Ok(value);
    }
    for index in &mut page.indices {
        let reason = format!("{} shards: its page of the inventory is more than the bus takes", index.shards.len());
        *index = refused(InventoryIndex { shards: Vec::new(), ..index.clone() }, &reason);
    }
    Ok(bus::bytes(key, &page)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::Asked;

    fn index(shards: Vec<InventoryShard>) -> InventoryIndex {
        InventoryIndex { name: "i".repeat(255), load: true, shards, ..InventoryIndex::default() }
    }

    fn shard(refused: Option<String>) -> InventoryShard {
        let most = u64::MAX;
        InventoryShard { lucene_docs: most, segments: u32::MAX, bytes: most, read_bytes: most, refused, missing: None }
    }

    #[test]
    fn a_full_page_of_the_worst_fits_the_bus() {
        let reason = |shard: u32| Some(format!("{shard}: {}", "ü".repeat(10_000)));
        let mut indices: Vec<_> =
            (0..100).map(|_| index((0..10).map(|number| shard(reason(number))).collect())).collect();
        indices.iter_mut().for_each(bound_reasons);
        assert_eq!(indices[0].shards[7].refused.as_ref().unwrap().chars().count(), REASON_CHARS_MAX + 1);
        assert_eq!(indices[0].shards[8].refused.as_deref(), Some("as other shards of it"));
        let page = InventoryPage { submission: 1, pages: 1, indices };
        let value = fitting("k", page.clone()).unwrap();
        assert_eq!(protocol::wire::decode::<InventoryPage>(&value).unwrap(), page);
        let page = InventoryPage { indices: vec![index(vec![shard(None); 16 * 1_024])], ..page };
        assert_eq!(protocol::wire::decode::<InventoryPage>(&fitting("k", page.clone()).unwrap()).unwrap(), page);
    }

    #[test]
    fn a_page_that_does_not_fit_is_refused_by_name() {
        let page = InventoryPage { submission: 1, pages: 1, indices: vec![index(vec![shard(None); 60_000])] };
        let value = fitting("k", page).unwrap();
        let page: InventoryPage = protocol::wire::decode(&value).unwrap();
        assert_eq!(page.indices[0].shards.len(), 1);
        assert!(page.indices[0].shards[0].refused.as_ref().unwrap().starts_with("60000 shards: "));
    }

    #[tokio::test]
    async fn what_may_pass_is_tried_again_and_nothing_else() {
        let (pulse, cancel) = (Pulse::new(Asked::now()), CancellationToken::new());
        let attempts = || Attempts { left: 3, pause: Duration::ZERO };
        let failed = |verdict| TaskError::say(verdict, "no");
        let mut three = attempts();
        three.next(failed(Verdict::Retry), &pulse, &cancel).await.unwrap();
        three.next(failed(Verdict::Retry), &pulse, &cancel).await.unwrap();
        let last = three.next(failed(Verdict::Retry), &pulse, &cancel).await;
        assert!(matches!(last, Err(TaskError::Failed { .. })));
        let at_once = attempts().next(failed(Verdict::FailShard), &pulse, &cancel).await;
        assert!(matches!(at_once, Err(TaskError::Failed { .. })));
        cancel.cancel();
        let given_up = Attempts { left: 3, pause: RETRY_AFTER }.next(failed(Verdict::Retry), &pulse, &cancel).await;
        assert!(matches!(given_up, Err(TaskError::GivenUp)));
    }
}
