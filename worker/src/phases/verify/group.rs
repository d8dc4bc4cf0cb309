//! Indices of the source and destinations that hang together: what is judged as one. Pure.
//!
//! In: each index with its destinations. Out: groups. An index that is split over three destinations is one group with
//! them; three that go into one are one group too; most are one index and its one destination.
//! Holds: every index and every destination is in exactly one group.

use std::collections::BTreeMap;

use protocol::checkpoint::Counts;
use protocol::destination::Destination;
use protocol::spec::OnConflict;

use crate::source::selection::shorten;

/// What hangs together.
#[derive(Debug, Default)]
pub struct Group<'a> {
    /// Names of the indices.
    pub indices: Vec<&'a str>,
    /// What became of their documents.
    pub counts: Counts,
    /// The destinations by name; one that several indices name is there several times.
    pub destinations: BTreeMap<&'a str, Vec<&'a Destination>>,
}

/// An index of the source.
pub struct Member<'a> {
    /// Its name.
    pub name: &'a str,
    /// What became of its documents.
    pub counts: &'a Counts,
    /// Where they went.
    pub destinations: &'a [Destination],
}

/// The groups, in the order of their first members.
#[must_use]
pub fn groups<'a>(members: &'a [Member<'a>]) -> Vec<Group<'a>> {
    let mut roots = Roots((0..members.len()).collect());
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, member) in members.iter().enumerate() {
        for destination in member.destinations {
            let other = *first.entry(&destination.name).or_insert(number);
            roots.join(other, number);
        }
    }
    let mut groups: BTreeMap<usize, Group<'_>> = BTreeMap::new();
    for (number, member) in members.iter().enumerate() {
        let group = groups.entry(roots.of(number)).or_default();
        group.indices.push(member.name);
        group.counts.add(member.counts);
        for destination in member.destinations {
            group.destinations.entry(&destination.name).or_default().push(destination);
        }
    }
    groups.into_values().collect()
}

/// Of each member one of its group that comes before it, or itself.
struct Roots(Vec<usize>);

impl Roots {
    fn of(&self, mut number: usize) -> usize {
        while let Some(before) = self.0.get(number).filter(|before| **before != number) {
            number = *before;
        }
        number
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.of(one), self.of(other));
        let (first, last) = (one.min(other), one.max(other));
        if let Some(root) = self.0.get_mut(last) {
            *root = first;
        }
    }
}

impl Group<'_> {
    /// What it is called: the index, or which indices go where.
    #[must_use]
    pub fn name(&self) -> String {
        let to: Vec<&str> = self.destinations.keys().copied().collect();
        if to.is_empty() || to == self.indices {
            return shorten(&self.indices);
        }
        format!("{} into {}", shorten(&self.indices), shorten(&to))
    }

    /// What is odd about a count of its destinations; `None`: nothing.
    #[must_use]
    pub fn doubt(&self, on_conflict: OnConflict, after: u64) -> Option<String> {
        // Of several notes of one destination, the first was written before there was anything of ours in it.
        let before = self.destinations.values().map(|notes| notes.iter().map(|note| note.count_before).min());
        let before = before.flatten().fold(0, u64::saturating_add);
        let Counts { written, already_there, .. } = self.counts;
        let arrived = written.saturating_add(already_there);
        let mut notes = self.destinations.values().flatten();
        // Two that are the same met: only the first of them is there.
        let distinct = if notes.clone().any(|note| note.compares()) { written } else { arrived };
        let only_creates = on_conflict == OnConflict::Keep || notes.all(|note| note.only_creates());
        // Where nothing is replaced, only what was already there may be of those before, or ours, sent twice.
        // Else documents that were there may have been replaced: between none of them and all.
        let untouched = if only_creates { before.saturating_add(written) } else { before };
        let (least, most) = (untouched.max(distinct), before.saturating_add(arrived));
        (after < least || after > most).then(|| {
            let expected = if least == most { least.to_string() } else { format!("{least} to {most}") };
            format!("the target counts {after} documents, expected {expected} ({before} before, {arrived} arrived)")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(names: &[&str]) -> Vec<Destination> {
        names.iter().map(|name| Destination { name: (*name).to_owned(), ..Destination::default() }).collect()
    }

    #[test]
    fn what_shares_a_destination_is_one_group_however_far_apart() {
        let counts = Counts { written: 1, ..Counts::default() };
        let all = [
            ("a", to(&["a"])),
            ("b", to(&["b-x", "b-y"])),
            ("c", to(&["union"])),
            ("d", to(&["d", "late"])),
            ("e", to(&["union", "late"])),
            ("f", to(&[])),
        ];
        let member = |(name, destinations)| Member { name, counts: &counts, destinations };
        let members: Vec<Member<'_>> = all.iter().map(|(name, to)| member((*name, to.as_slice()))).collect();
        let groups = groups(&members);
        let names: Vec<String> = groups.iter().map(Group::name).collect();
        assert_eq!(names, ["a", "b into b-x, b-y", "c, d, e into d, late, union", "f"]);
        assert_eq!(groups.iter().map(|group| group.counts.written).collect::<Vec<_>>(), [1, 1, 3, 1]);
    }

    /// Whether so many before and after, with 10 written and so many already there, give a doubt.
    fn doubt(destination: &Destination, on_conflict: OnConflict, already_there: u64, before: u64, after: u64) -> bool {
        let counts = Counts { written: 10, already_there, ..Counts::default() };
        let destinations = [Destination { count_before: before, ..destination.clone() }];
        let members = [Member { name: "a", counts: &counts, destinations: &destinations }];
        groups(&members)[0].doubt(on_conflict, after).is_some()
    }

    #[test]
    fn a_count_that_is_off_is_doubted() {
        let plain = Destination::default();
        let doubt = |before, after| doubt(&plain, OnConflict::Overwrite, 0, before, after);
        assert!(!doubt(0, 10) && !doubt(4, 12));
        for (before, after) in [(0, 9), (0, 11), (4, 9), (4, 15)] {
            assert!(doubt(before, after), "{before} before, {after} after");
        }
    }

    #[test]
    fn what_was_kept_is_of_those_before_or_was_sent_twice() {
        let stream = Destination { stream: true, ..Destination::default() };
        for (destination, on_conflict) in [(Destination::default(), OnConflict::Keep), (stream, OnConflict::Overwrite)]
        {
            let doubt = |before, after| doubt(&destination, on_conflict, 3, before, after);
            assert!(!doubt(5, 15) && !doubt(5, 18));
            assert!(!doubt(0, 13), "the three are ours");
            assert!(doubt(5, 14) && doubt(5, 19) && doubt(0, 12));
        }
    }

    #[test]
    fn where_ids_may_meet_what_was_already_there_may_be_a_second_of_the_same() {
        let meet = Destination { ids_may_meet: true, ..Destination::default() };
        let doubt = |before, after| doubt(&meet, OnConflict::Overwrite, 3, before, after);
        assert!(!doubt(0, 10) && !doubt(0, 13) && !doubt(2, 12));
        assert!(doubt(0, 9) && doubt(0, 14) && doubt(2, 11));
    }

    #[test]
    fn a_destination_that_two_indices_name_is_counted_once() {
        let counts = Counts { written: 10, ..Counts::default() };
        let noted = |count_before| [Destination { name: "union".into(), count_before, ..Destination::default() }];
        let (one, later) = (noted(5), noted(15));
        let member = |name, destinations| Member { name, counts: &counts, destinations };
        let members = [member("a", one.as_slice()), member("b", later.as_slice())];
        let groups = groups(&members);
        let reason = groups[0].doubt(OnConflict::Keep, 30).unwrap();
        assert_eq!(reason, "the target counts 30 documents, expected 25 (5 before, 20 arrived)");
        assert_eq!(groups[0].doubt(OnConflict::Keep, 25), None);
    }
}
