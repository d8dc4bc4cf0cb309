//! Which index stands on which page of the catalogue.
//!
//! In: the pages of an earlier catalogue, and what is selected now. Out: the pages. Holds: numbers ascend from 0 over
//! all pages, without holes; an index that was on a page stays there; the inventory of a page fits one value of the bus
//! ([`crate::inventory`]).

use std::collections::BTreeMap;

use protocol::ids::IndexNo;
use protocol::plan::{CatalogueIndex, CataloguePage};

/// Shards of the indices on a page, as far as the catalogue of the repository lists them: seconds of work for one task,
/// even where each read takes a tenth of one. An index of more stands alone.
const PAGE_SHARDS: u32 = 500;
/// An index counts for at least so many shards: a page has at most a hundred.
const LEAST: u32 = 5;
/// What an index counts for of which nothing is listed: 15 of these, of 1,024 shards each, fit a value.
const UNLISTED: u32 = 33;

/// An index that goes along.
#[derive(Debug, Clone)]
pub(super) struct Selected {
    pub name: String,
    pub create: bool,
    pub load: bool,
    pub shards_listed: Option<u32>,
}

impl Selected {
    fn weight(&self) -> u32 {
        self.shards_listed.unwrap_or(UNLISTED).max(LEAST)
    }
}

/// Lays the catalogue out.
pub(super) fn lay_out(earlier: Vec<CataloguePage>, selected: Vec<Selected>, submission: u32) -> Vec<CataloguePage> {
    let mut new: BTreeMap<String, Selected> = selected.into_iter().map(|index| (index.name.clone(), index)).collect();
    let mut pages = earlier;
    for index in pages.iter_mut().flat_map(|page| &mut page.indices) {
        let wanted = new.remove(&index.name);
        index.create = wanted.as_ref().is_some_and(|wanted| wanted.create);
        index.load = wanted.as_ref().is_some_and(|wanted| wanted.load);
    }
    let known = pages.iter().flat_map(|page| &page.indices).count();
    // A page that is there is not added to: how full it is was known when it was laid out.
    let mut room = 0;
    for (no, index) in (known..).zip(new.into_values()) {
        let weight = index.weight();
        if weight > room {
            pages.push(CataloguePage::default());
            room = PAGE_SHARDS;
        }
        room = room.saturating_sub(weight);
        let Selected { name, create, load, .. } = index;
        let number = IndexNo(u32::try_from(no).unwrap_or(u32::MAX));
        if let Some(page) = pages.last_mut() {
            page.indices.push(CatalogueIndex { no: number, name, create, load });
        }
    }
    let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
    for page in &mut pages {
        (page.submission, page.pages) = (submission, count);
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(names: &[&str], shards_listed: Option<u32>) -> Vec<Selected> {
        let one = |name: &&str| Selected { name: (*name).to_owned(), create: true, load: true, shards_listed };
        names.iter().map(one).collect()
    }

    fn told(pages: &[CataloguePage]) -> Vec<Vec<(u32, &str, bool)>> {
        let one = |index: &CatalogueIndex| (index.no.0, index.name.clone(), index.load);
        let page = |page: &CataloguePage| page.indices.iter().map(one).collect::<Vec<_>>();
        let told: Vec<Vec<(u32, String, bool)>> = pages.iter().map(page).collect();
        told.into_iter()
            .map(|page| page.into_iter().map(|(no, name, load)| (no, &*name.leak(), load)).collect())
            .collect()
    }

    #[test]
    fn an_index_keeps_its_number_and_its_page() {
        let first = lay_out(Vec::new(), some(&["b", "d"], Some(300)), 1);
        assert_eq!(told(&first), [[(0, "b", true)], [(1, "d", true)]]);
        let second = lay_out(first.clone(), some(&["a", "d", "e"], Some(10)), 2);
        let expected = [vec![(0, "b", false)], vec![(1, "d", true)], vec![(2, "a", true), (3, "e", true)]];
        assert_eq!(told(&second), expected);
        assert!(second.iter().all(|page| (page.submission, page.pages) == (2, 3)));
        let third = lay_out(second, some(&["b"], Some(10)), 3);
        assert_eq!(told(&third)[0], [(0, "b", true)]);
        assert!(third[1..].iter().flat_map(|page| &page.indices).all(|index| !index.create && !index.load));
        // One that died after it wrote the first page: the next lays the same out.
        let mut torn = lay_out(first, some(&["b", "d", "e"], Some(300)), 2);
        torn.truncate(1);
        assert_eq!(told(&lay_out(torn, some(&["b", "d", "e"], Some(300)), 2)).concat().len(), 3);
    }

    #[test]
    fn pages_are_as_full_as_a_value_of_the_bus_allows() {
        let names: Vec<String> = (0..250).map(|at| format!("{at:03}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let sizes = |shards| -> Vec<usize> {
            lay_out(Vec::new(), some(&names, shards), 1).iter().map(|page| page.indices.len()).collect()
        };
        assert_eq!(sizes(Some(1)), [100, 100, 50]);
        assert_eq!(sizes(Some(10)), [50; 5]);
        assert_eq!(sizes(Some(1_000)), [1; 250]);
        assert_eq!(sizes(None)[..2], [15, 15]);
    }
}
