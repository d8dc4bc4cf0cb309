//! What there is to move: the inventory of a snapshot, and the plan of each shard.
//!
//! Both are written once and never recomputed, so that a task that names "index 3, shard 0, slice `_a-0-5012`" means
//! the same documents whoever works on it, and whenever.

use serde::{Deserialize, Serialize};

use crate::checkpoint::SliceCheckpoint;
use crate::ids::{IndexNo, SliceId};

/// One page of what the inventory is to hold: written by the register command, filled by inventory tasks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CataloguePage {
    /// The submission that asked for it: an inventory page of an older one is to be taken again.
    pub submission: u32,
    /// How many pages there are, of this and of the inventory.
    pub pages: u32,
    /// Indices, ascending by number.
    pub indices: Vec<CatalogueIndex>,
}

/// An index that goes along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueIndex {
    /// Its number. An index keeps it when the migration is registered again.
    pub no: IndexNo,
    /// Its name in the source.
    pub name: String,
    /// Whether metadata creates it.
    pub create: bool,
    /// Whether its documents are loaded. Neither: it was selected before and is no more.
    pub load: bool,
}

/// What the register phase found out about one index of the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InventoryIndex {
    /// Its number: the position in the inventory.
    pub no: IndexNo,
    /// Its name in the source.
    pub name: String,
    /// The id of its folder in the repository.
    pub repository_id: String,
    /// Whether metadata creates it.
    pub create: bool,
    /// Whether its documents are loaded.
    pub load: bool,
    /// Its shards, by number; where its documents are not loaded nothing is known of them but how many they are.
    pub shards: Vec<InventoryShard>,
    /// Copies of each shard besides the primary, in the source.
    pub replicas: u32,
    /// Version that created the index, as text (`7.10.2`).
    pub version_created: String,
    /// Lucene versions of its segments, each once.
    #[serde(default)]
    pub lucene_versions: Vec<String>,
    /// Codecs of its segments, each once.
    #[serde(default)]
    pub codecs: Vec<String>,
    /// Whether it is closed in the source.
    pub closed: bool,
    /// What a person should know about it before the load.
    pub warnings: Vec<String>,
}

/// What the register phase found out about one shard. A page has hundreds of them: its field names are short there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InventoryShard {
    /// Lucene documents that are neither hard nor soft deleted (nested children included).
    #[serde(rename = "d")]
    pub lucene_docs: u64,
    /// Segments in the commit.
    #[serde(rename = "s")]
    pub segments: u32,
    /// Bytes of all files of the shard.
    #[serde(rename = "b")]
    pub bytes: u64,
    /// Bytes that a load reads, nearly: the stored fields of segments with live documents.
    #[serde(rename = "r")]
    pub read_bytes: u64,
    /// Why this shard can't be read, where register knows already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Why the snapshot lacks this shard, where `snapshot.allowPartial` lets the others go without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// One page of the inventory, small enough for a KV value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InventoryPage {
    /// The submission of the catalogue that it was taken for.
    pub submission: u32,
    /// Indices, ascending by number.
    pub indices: Vec<InventoryIndex>,
    /// How many pages there are.
    pub pages: u32,
}

/// How one shard is cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardPlan {
    /// The segments with something in them, in commit order.
    pub segments: Vec<PlannedSegment>,
    /// The slices, in segment and document order.
    pub slices: Vec<PlannedSlice>,
}

impl ShardPlan {
    /// The slice of that id.
    #[must_use]
    pub fn slice(&self, id: &SliceId) -> Option<&PlannedSlice> {
        self.slices.iter().find(|slice| slice.id == *id)
    }
}

impl PlannedSlice {
    /// Bytes of stored fields that are behind a checkpoint of this slice: whole chunks of what is answered for.
    #[must_use]
    pub fn read_bytes(&self, checkpoint: &SliceCheckpoint) -> u64 {
        let ranges = self.ranges.iter().zip(&checkpoint.ranges);
        let read = ranges.map(|(range, progress)| match checkpoint.done {
            true => range.bytes(),
            false => progress.crc.to.saturating_sub(range.from_byte).min(range.bytes()),
        });
        read.fold(0, u64::saturating_add)
    }
}

impl SegmentRange {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.to_byte.saturating_sub(self.from_byte)
    }
}

/// A segment as its metadata describes it: the left side of the account, never what the reader counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedSegment {
    /// Its name, `_a`.
    pub name: String,
    /// Documents in it, deleted ones included (`maxDoc` of the `.si`).
    pub max_doc: u32,
    /// Hard deletes (`segments_N`).
    pub del_count: u32,
    /// Soft deletes (`segments_N`).
    pub soft_del_count: u32,
    /// Length of its `.fdt` in bytes; 0 where all its documents are deleted and it isn't read.
    pub fdt_len: u64,
    /// CRC-32 that the footer of its `.fdt` tells; the slices' CRCs combined must give it. `None` where it isn't read,
    /// and where Lucene 4.0 to 4.7 wrote it, without a footer.
    pub fdt_crc: Option<u32>,
}

impl PlannedSegment {
    /// Documents that must be accounted for: `maxDoc − delCount − softDelCount`.
    #[must_use]
    pub fn live_docs(&self) -> u64 {
        u64::from(self.max_doc).saturating_sub(u64::from(self.del_count) + u64::from(self.soft_del_count))
    }
}

/// One unit of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedSlice {
    /// Unique in the shard.
    pub id: SliceId,
    /// The parts of segments in it, in order; one part of one segment, or several small segments whole.
    pub ranges: Vec<SegmentRange>,
}

/// Documents `[from_doc, to_doc)` of a segment, which are bytes `[from_byte, to_byte)` of its `.fdt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRange {
    /// The segment, as an index into [`ShardPlan::segments`].
    pub segment: u32,
    /// First document; the first of a stored-fields chunk.
    pub from_doc: u32,
    /// First document after it; the first of a chunk, or `maxDoc`.
    pub to_doc: u32,
    /// First byte; 0 for the first range of a segment, so that the header is in its CRC.
    pub from_byte: u64,
    /// First byte after it; the start of the CRC field (length − 8) for the last range of a segment.
    pub to_byte: u64,
}
