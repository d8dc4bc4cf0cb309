//! How far a slice is, and what became of its documents. One KV value per slice, written by compare-and-set.
//!
//! A worker takes a slice by writing its name into the checkpoint; the revision of that write is its *epoch*. Every
//! later write names the revision of the one before, so a worker that lost the slice is refused. A checkpoint covers
//! only documents that the target answered for, without holes, and only moves forward.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::WorkerId;

/// The checkpoint of one slice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SliceCheckpoint {
    /// Who works on it, or did last.
    pub owner: Option<WorkerId>,
    /// One entry per range of the slice, in plan order.
    pub ranges: Vec<RangeProgress>,
    /// All ranges are through, and the target holds what was written.
    pub done: bool,
    /// Bytes of the output file that count, for a `file:` target.
    #[serde(default)]
    pub file_len: u64,
    /// The last failure, and whether another try can help.
    #[serde(default)]
    pub failure: Option<Failure>,
}

impl SliceCheckpoint {
    /// Counts over all ranges.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut total = Counts::default();
        for range in &self.ranges {
            total.add(&range.counts);
        }
        total
    }
}

/// How far one range of a slice is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RangeProgress {
    /// The first document that no answer covers yet.
    pub next_doc: u32,
    /// What became of the documents before it.
    pub counts: Counts,
    /// CRC of the bytes of the range that hold the documents before `next_doc`, whole chunks only.
    pub crc: RangeCrc,
}

/// CRC-32 of the range's bytes up to a chunk's start; a resumed reader goes on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RangeCrc {
    /// CRC-32 of `[from_byte, to)`.
    pub value: u32,
    /// Absolute offset in the `.fdt`; 0 where nothing is covered yet.
    pub to: u64,
}

/// What became of documents. Every live document is in exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// The target took it.
    pub written: u64,
    /// The target had it, and it counts as arrived.
    pub already_there: u64,
    /// The target refuses the document; there is a dead letter.
    pub rejected: u64,
    /// Not sent, by reason.
    pub skipped: BTreeMap<SkipReason, u64>,
    /// Nested children: part of their root document's source.
    pub nested: u64,
    /// Bytes of `_source` written.
    pub source_bytes: u64,
    /// Of those written and already there: documents whose source is that of `_recovery_source`.
    #[serde(default)]
    pub recovered: u64,
}

impl Counts {
    /// Adds `other` to these.
    pub fn add(&mut self, other: &Self) {
        self.written += other.written;
        self.already_there += other.already_there;
        self.rejected += other.rejected;
        for (reason, count) in &other.skipped {
            *self.skipped.entry(*reason).or_default() += count;
        }
        self.nested += other.nested;
        self.source_bytes += other.source_bytes;
        self.recovered += other.recovered;
    }

    /// Documents skipped, for whatever reason.
    #[must_use]
    pub fn skipped_total(&self) -> u64 {
        self.skipped.values().sum()
    }

    /// Lucene documents accounted for: the right side of the account.
    #[must_use]
    pub fn accounted(&self) -> u64 {
        self.written + self.already_there + self.rejected + self.skipped_total() + self.nested
    }
}

/// Why a document was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// No `_source` is stored (`_source: {enabled: false}`, synthetic or derived source).
    NoSource,
    /// Stored fields, but no `_id`.
    NoId,
}

impl SkipReason {
    /// As people read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSource => "no-source",
            Self::NoId => "no-id",
        }
    }
}

/// Why work on a shard or slice ended without success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What happened, where, and what to do: for a person.
    pub reason: String,
    /// What follows.
    pub verdict: Verdict,
    /// How often it failed within this submission (never mere redeliveries).
    pub times: u32,
    /// The submission it happened in: a new submission tries again, so an older one's failures don't count.
    pub submission: u32,
}

impl Failure {
    /// The failure that follows `before`: counted on within a submission, from one in a new one.
    #[must_use]
    pub fn after(before: Option<&Self>, submission: u32, verdict: Verdict, reason: String) -> Self {
        let times = before.filter(|failure| failure.submission == submission).map_or(0, |failure| failure.times);
        Self { reason, verdict, times: times.saturating_add(1), submission }
    }

    /// Whether the shard is given up in this submission.
    #[must_use]
    pub fn gives_up(&self, submission: u32, attempts_max: u32) -> bool {
        let hopeless = match self.verdict {
            Verdict::FailShard => true,
            Verdict::Retry => self.times >= attempts_max,
            Verdict::StopLoad => false,
        };
        self.submission == submission && hopeless
    }
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Another try may help: counted, and tried again.
    Retry,
    /// This shard can't be read: it fails by name, the others go on.
    FailShard,
    /// The target (or the disk) takes nothing: the whole load stops until a person has seen to it.
    StopLoad,
}

/// The record of a shard: written when it is finished (its slices' checkpoints go), or when it fails.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ShardRecord {
    /// All slices are through, every segment's account adds up, and its checksum holds.
    pub done: bool,
    /// What became of every segment's documents, in plan order.
    pub segments: Vec<SegmentAccount>,
    /// Bytes of stored fields that its slices had.
    #[serde(default)]
    pub read_bytes: u64,
    /// The last failure.
    pub failure: Option<Failure>,
}

impl ShardRecord {
    /// Counts over all segments.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut total = Counts::default();
        for segment in &self.segments {
            total.add(&segment.counts);
        }
        total
    }
}

/// The account of one segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentAccount {
    /// Its name.
    pub name: String,
    /// `maxDoc − delCount − softDelCount`, from the segment's metadata.
    pub live_docs: u64,
    /// What became of them.
    pub counts: Counts,
}

impl SegmentAccount {
    /// Whether every live document is accounted for, and none twice.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.live_docs == self.counts.accounted()
    }
}
