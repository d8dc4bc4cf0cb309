//! The inventory: which pages are still to be taken, and the indices on them.
//!
//! In: pages of the catalogue and of the inventory. Out: page numbers to have taken, and what all of them come to. Of a page
//! only what is told and summed up is kept, so that twenty thousand shards are a few megabytes here.
//! Not here: how a page is taken (`worker`).

mod summary;

use std::collections::BTreeMap;

use bytesize::ByteSize;
use protocol::ids::IndexNo;
use protocol::plan::{CataloguePage, InventoryIndex, InventoryPage};

use self::summary::sum;
pub(super) use self::summary::{ESTIMATE, Summary};
use super::REPUBLISH_AFTER_MS;

/// Lines about single indices.
const INDICES_SHOWN: usize = 200;

/// What is known of the inventory.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// Submission, and number of pages.
    catalogue: BTreeMap<u32, (u32, u32)>,
    pages: BTreeMap<u32, Page>,
    published_ms: BTreeMap<u32, u64>,
    changed: bool,
}

/// A page, summed up.
#[derive(Debug, Default)]
struct Page {
    submission: u32,
    pages: u32,
    indices: Vec<Index>,
    summary: Summary,
}

/// What is kept of an index.
#[derive(Debug, Clone)]
pub(super) struct Index {
    pub no: IndexNo,
    pub name: String,
    pub shards: u32,
    create: bool,
    load: bool,
    pub docs: u64,
    pub read_bytes: u64,
    bytes: u64,
}

impl Inventory {
    pub(super) fn know_catalogue(&mut self, no: u32, page: &CataloguePage) {
        self.catalogue.insert(no, (page.submission, page.pages));
    }

    pub(super) fn know_page(&mut self, no: u32, page: &InventoryPage) {
        let mut summary = Summary::default();
        page.indices.iter().for_each(|index| summary.count(index));
        let indices = page.indices.iter().filter(|index| index.create || index.load).map(Index::of).collect();
        self.pages.insert(no, Page { submission: page.submission, pages: page.pages, indices, summary });
        self.changed = true;
    }

    pub(super) fn forget_published(&mut self) {
        self.published_ms.clear();
    }

    /// The pages that are not there yet as the catalogue of `submission` wants them; `None`: that isn't known whole.
    pub(super) fn to_take(&self, submission: u32) -> Option<Vec<u32>> {
        let (_, count) = self.catalogue.get(&0)?;
        let is_current = |no: &u32| self.catalogue.get(no).is_some_and(|(of, _)| *of == submission);
        if !(0..(*count).max(1)).all(|no| is_current(&no)) {
            return None;
        }
        let taken = |no: &u32| self.pages.get(no).is_some_and(|page| page.submission == submission);
        Some((0..*count).filter(|no| !taken(no)).collect())
    }

    /// Which of the `wanted` pages to publish, `window` at a time.
    pub(super) fn publish(&mut self, wanted: &[u32], window: usize, now_ms: u64) -> Vec<u32> {
        let is_out = |at: &u64| now_ms.saturating_sub(*at) < REPUBLISH_AFTER_MS;
        let (out, due): (Vec<u32>, Vec<u32>) =
            wanted.iter().partition(|page| self.published_ms.get(page).is_some_and(is_out));
        let pages: Vec<u32> = due.into_iter().take(window.saturating_sub(out.len())).collect();
        self.published_ms.extend(pages.iter().map(|page| (*page, now_ms)));
        pages
    }

    /// The indices to load, where that may have changed since this was asked last.
    pub(super) fn changed(&mut self) -> Option<Vec<Index>> {
        std::mem::take(&mut self.changed).then(|| self.indices().filter(|index| index.load).cloned().collect())
    }

    pub(super) fn sum_up(&self) -> Summary {
        let mut whole = Summary::default();
        self.whole().for_each(|page| whole.add(&page.summary));
        whole
    }

    /// A line per index, the first ones.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.indices().take(INDICES_SHOWN).map(Index::line).collect();
        let more = self.indices().count().saturating_sub(lines.len());
        if more > 0 {
            lines.push(format!("and {more} more indices"));
        }
        lines
    }

    /// Pages of a longer, earlier catalogue may still be there.
    fn whole(&self) -> impl Iterator<Item = &Page> {
        let count = self.pages.get(&0).map_or(0, |page| page.pages);
        self.pages.range(0..count).map(|(_, page)| page)
    }

    fn indices(&self) -> impl Iterator<Item = &Index> {
        self.whole().flat_map(|page| &page.indices)
    }
}

impl Index {
    fn of(index: &InventoryIndex) -> Self {
        Self {
            no: index.no,
            name: index.name.clone(),
            shards: u32::try_from(index.shards.len()).unwrap_or(u32::MAX),
            create: index.create,
            load: index.load,
            docs: sum(index, |shard| shard.lucene_docs),
            read_bytes: sum(index, |shard| shard.read_bytes),
            bytes: sum(index, |shard| shard.bytes),
        }
    }

    fn line(&self) -> String {
        let (name, shards, docs, bytes) = (&self.name, self.shards, self.docs, ByteSize(self.bytes));
        let only = match (self.create, self.load) {
            (true, false) => ", created and not loaded",
            (false, true) => ", loaded and not created",
            _ => "",
        };
        format!("{name}: {shards} shards, {docs} Lucene documents, {bytes}{only}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_taken_for_the_catalogue_that_wants_them() {
        let mut inventory = Inventory::default();
        assert_eq!(inventory.to_take(1), None);
        for no in 0..3 {
            inventory.know_catalogue(no, &CataloguePage { submission: 1, pages: 3, indices: Vec::new() });
        }
        assert_eq!(inventory.to_take(1), Some(vec![0, 1, 2]));
        assert_eq!(inventory.publish(&[0, 1, 2], 2, 1), [0, 1]);
        assert_eq!(inventory.publish(&[0, 1, 2], 2, 2), [0_u32; 0]);
        inventory.know_page(1, &InventoryPage { submission: 1, indices: Vec::new(), pages: 3 });
        assert_eq!(inventory.publish(&[0, 2], 2, 3), [2]);
        assert_eq!(inventory.to_take(1), Some(vec![0, 2]));
        // A new one, shorter: of its second page the news has not come.
        inventory.know_catalogue(0, &CataloguePage { submission: 2, pages: 2, indices: Vec::new() });
        assert_eq!(inventory.to_take(2), None);
        inventory.know_catalogue(1, &CataloguePage { submission: 2, pages: 2, indices: Vec::new() });
        assert_eq!(inventory.to_take(2), Some(vec![0, 1]));
    }
}
