//! What all indices together come to: notes, refusals, and an estimate of the load.

use std::collections::BTreeSet;

use bytesize::ByteSize;
use protocol::plan::{InventoryIndex, InventoryShard};

/// Shards that can't be read, as a failure names them.
const REFUSED_NAMED: usize = 10;
/// Missing shards, warnings, names: so many lines or words of each are kept, the others counted.
const NAMED: usize = 50;
/// Stored fields that a slot is assumed to load in a second, until this migration has shown how many it does: about what
/// one bulk connection to one node of a modest target takes.
pub(in super::super) const ASSUMED_BYTES_PER_SLOT: u64 = 10 << 20;

/// What the lines of an estimate begin with, among other notes.
pub(in super::super) const ESTIMATE: &str = "estimate: ";

/// What all indices together come to.
#[derive(Debug, Default)]
pub(in super::super) struct Summary {
    /// Loaded ones only, as the sums that follow.
    indices: u64,
    shards: u64,
    docs: u64,
    bytes: u64,
    read_bytes: u64,
    target_bytes: u64,
    versions: BTreeSet<String>,
    /// Of all indices.
    all_shards: u64,
    created_only: Named,
    loaded_only: Named,
    missing: Named,
    warnings: Named,
    refused: Named,
}

/// The first few of many.
#[derive(Debug, Default)]
struct Named {
    shown: Vec<String>,
    count: usize,
}

impl Named {
    fn push(&mut self, name: String) {
        self.count += 1;
        if self.shown.len() < NAMED {
            self.shown.push(name);
        }
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        let room = NAMED.saturating_sub(self.shown.len());
        self.shown.extend(other.shown.iter().take(room).cloned());
    }

    /// One per line, and how many more there are.
    fn lines(&self, before: &str, max: usize) -> Vec<String> {
        let mut lines: Vec<String> = self.shown.iter().take(max).map(|line| format!("{before}{line}")).collect();
        let more = self.count.saturating_sub(lines.len());
        if more > 0 {
            lines.push(format!("{before}and {more} more"));
        }
        lines
    }

    fn in_a_row(&self) -> String {
        let shown = self.shown.iter().take(REFUSED_NAMED).cloned().collect::<Vec<_>>().join(", ");
        match self.count.saturating_sub(REFUSED_NAMED) {
            0 => shown,
            more => format!("{shown} and {more} more"),
        }
    }
}

/// Of all shards of an index.
pub(in super::super) fn sum(index: &InventoryIndex, of: impl Fn(&InventoryShard) -> u64) -> u64 {
    index.shards.iter().map(of).fold(0, u64::saturating_add)
}

impl Summary {
    pub(super) fn count(&mut self, index: &InventoryIndex) {
        match (index.create, index.load) {
            // Selected before, and no more.
            (false, false) => return,
            (true, false) => self.created_only.push(index.name.clone()),
            (false, true) => self.loaded_only.push(index.name.clone()),
            (true, true) => {}
        }
        let shards = index.shards.len() as u64;
        self.all_shards += shards;
        for (number, shard) in index.shards.iter().enumerate() {
            // What isn't loaded needs no more than its metadata, which tells the version.
            if let Some(reason) = shard.refused.as_ref().filter(|_| index.load || index.version_created.is_empty()) {
                self.refused.push(format!("{} shard {number}: {reason}", index.name));
            }
            if let Some(reason) = shard.missing.as_ref().filter(|_| index.load) {
                self.missing.push(format!("{} shard {number}: {reason}", index.name));
            }
        }
        for warning in &index.warnings {
            self.warnings.push(format!("{}: {warning}", index.name));
        }
        if index.load {
            let bytes = sum(index, |shard| shard.bytes);
            self.indices += 1;
            self.shards += shards;
            self.docs = self.docs.saturating_add(sum(index, |shard| shard.lucene_docs));
            self.bytes = self.bytes.saturating_add(bytes);
            self.read_bytes = self.read_bytes.saturating_add(sum(index, |shard| shard.read_bytes));
            let copies = u64::from(index.replicas).saturating_add(1);
            self.target_bytes = self.target_bytes.saturating_add(bytes.saturating_mul(copies));
            self.versions.extend(index.lucene_versions.iter().cloned());
        }
    }

    pub(super) fn add(&mut self, page: &Self) {
        self.indices += page.indices;
        self.shards += page.shards;
        self.docs = self.docs.saturating_add(page.docs);
        self.bytes = self.bytes.saturating_add(page.bytes);
        self.read_bytes = self.read_bytes.saturating_add(page.read_bytes);
        self.target_bytes = self.target_bytes.saturating_add(page.target_bytes);
        self.versions.extend(page.versions.iter().cloned());
        self.all_shards += page.all_shards;
        self.created_only.add(&page.created_only);
        self.loaded_only.add(&page.loaded_only);
        self.missing.add(&page.missing);
        self.warnings.add(&page.warnings);
        self.refused.add(&page.refused);
    }

    /// Why this can't be migrated.
    pub(in super::super) fn refusal(&self) -> Option<String> {
        (self.refused.count > 0).then(|| {
            format!(
                "{} of {} shards can't be read; leave their indices out with `indices`, or mend the repository\n{}",
                self.refused.count,
                self.all_shards,
                self.refused.lines("", REFUSED_NAMED).join("\n")
            )
        })
    }

    /// What a person should know.
    pub(in super::super) fn notes(&self) -> Vec<String> {
        let versions = match self.versions.is_empty() {
            true => "-".to_owned(),
            false => self.versions.iter().cloned().collect::<Vec<_>>().join(", "),
        };
        let (indices, shards, docs, bytes) = (self.indices, self.shards, self.docs, ByteSize(self.bytes));
        let mut notes =
            vec![format!("{indices} indices, {shards} shards, {docs} Lucene documents, {bytes}, Lucene {versions}")];
        if self.created_only.count > 0 {
            let (count, names) = (self.created_only.count, self.created_only.in_a_row());
            notes.push(format!("{count} more are created and not loaded: {names}"));
        }
        if self.loaded_only.count > 0 {
            let (count, names) = (self.loaded_only.count, self.loaded_only.in_a_row());
            notes.push(format!("{count} of them are loaded and not created, and must be on the target: {names}"));
        }
        notes.extend(self.missing.lines("left out, not in the snapshot: ", NAMED));
        notes.extend(self.warnings.lines("", NAMED));
        notes
    }

    /// What the load will take. `measured` is a rate in bytes of stored fields a second.
    pub(in super::super) fn estimate(&self, measured: Option<u64>, slots: usize) -> Vec<String> {
        let slots = slots.max(1) as u64;
        let (rate, why) = match measured.filter(|rate| *rate > 0) {
            Some(rate) => (rate, "measured in an earlier load of this migration".to_owned()),
            None => {
                let each = ByteSize(ASSUMED_BYTES_PER_SLOT);
                (ASSUMED_BYTES_PER_SLOT.saturating_mul(slots), format!("assumed: {each} for each of {slots} slots"))
            }
        };
        let (read, target) = (ByteSize(self.read_bytes), ByteSize(self.target_bytes));
        vec![
            format!("{ESTIMATE}{read} of stored fields to read"),
            format!("{ESTIMATE}{target} on the target, with as many replicas as in the source"),
            format!("{ESTIMATE}{} at {} a second, {why}", about(self.read_bytes.div_ceil(rate)), ByteSize(rate)),
        ]
    }
}

/// A time as people say it.
fn about(seconds: u64) -> String {
    let of = |count: u64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    match seconds.div_ceil(60) {
        0 | 1 => "less than a minute".to_owned(),
        minutes @ 2..120 => format!("about {}", of(minutes, "minute")),
        minutes => match minutes.div_ceil(60) {
            hours @ 0..48 => format!("about {}", of(hours, "hour")),
            hours => format!("about {} and {}", of(hours / 24, "day"), of(hours % 24, "hour")),
        },
    }
}

#[cfg(test)]
mod tests {
    use protocol::ids::IndexNo;
    use protocol::plan::InventoryPage;

    use super::*;

    fn index(no: u32, create: bool, load: bool, shards: Vec<InventoryShard>) -> InventoryIndex {
        InventoryIndex {
            no: IndexNo(no),
            name: format!("i{no}"),
            repository_id: String::new(),
            create,
            load,
            shards,
            replicas: 2,
            version_created: "7.10.2".to_owned(),
            lucene_versions: vec!["8.7.0".to_owned()],
            codecs: Vec::new(),
            closed: false,
            warnings: vec!["it is odd".to_owned()],
        }
    }

    fn shard(docs: u64) -> InventoryShard {
        InventoryShard { lucene_docs: docs, bytes: docs << 20, read_bytes: docs << 19, ..InventoryShard::default() }
    }

    fn inventory(pages: Vec<Vec<InventoryIndex>>) -> super::super::Inventory {
        let mut inventory = super::super::Inventory::default();
        let count = u32::try_from(pages.len()).unwrap();
        for (no, indices) in (0..).zip(pages) {
            inventory.know_page(no, &InventoryPage { submission: 1, indices, pages: count });
        }
        inventory
    }

    #[test]
    fn what_is_created_only_is_told_apart_and_not_estimated() {
        let found = inventory(vec![
            vec![index(0, true, true, vec![shard(100), shard(20)]), index(1, true, false, vec![shard(7)])],
            vec![index(2, false, true, vec![shard(40)]), index(3, false, false, vec![shard(1_000)])],
        ]);
        let summary = found.sum_up();
        assert_eq!(summary.refusal(), None);
        assert_eq!(
            summary.notes(),
            [
                "2 indices, 3 shards, 160 Lucene documents, 160.0 MiB, Lucene 8.7.0",
                "1 more are created and not loaded: i1",
                "1 of them are loaded and not created, and must be on the target: i2",
                "i0: it is odd",
                "i1: it is odd",
                "i2: it is odd",
            ]
        );
        assert_eq!(
            summary.estimate(None, 2),
            [
                "estimate: 80.0 MiB of stored fields to read",
                "estimate: 480.0 MiB on the target, with as many replicas as in the source",
                "estimate: less than a minute at 20.0 MiB a second, assumed: 10.0 MiB for each of 2 slots",
            ]
        );
        assert_eq!(
            summary.estimate(Some(1 << 20), 2).last().map(String::as_str),
            Some("estimate: about 2 minutes at 1.0 MiB a second, measured in an earlier load of this migration")
        );
        assert_eq!(found.lines().len(), 3);
    }

    #[test]
    fn refusals_count_where_the_shard_is_loaded_or_its_metadata_is_unreadable() {
        let refused = || vec![InventoryShard { refused: Some("it is of Lucene 3".to_owned()), ..shard(1) }];
        let unreadable = InventoryIndex { version_created: String::new(), ..index(2, true, false, refused()) };
        let found = inventory(vec![
            vec![index(0, true, false, refused())],
            (0..30).map(|_| index(1, true, true, refused())).collect(),
            vec![unreadable],
        ]);
        let reason = found.sum_up().refusal().unwrap();
        assert!(reason.starts_with("31 of 32 shards can't be read; "), "{reason}");
        assert_eq!(reason.lines().count(), 12, "{reason}");
        assert!(reason.ends_with("\nand 21 more"), "{reason}");
        let found = inventory(vec![vec![index(0, true, false, refused())]]);
        assert_eq!(found.sum_up().refusal(), None);
    }

    #[test]
    fn times_are_told_as_people_say_them() {
        for (seconds, text) in [
            (0, "less than a minute"),
            (90, "about 2 minutes"),
            (3_601, "about 61 minutes"),
            (7_200, "about 2 hours"),
            (200_000, "about 2 days and 8 hours"),
        ] {
            assert_eq!(about(seconds), text);
        }
    }
}
