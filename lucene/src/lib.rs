//! Bytes of one shard become stored fields: live documents out of Lucene 4 to 10 segments, without Lucene.
//!
//! [`Commit::read`] → [`Segment::open`] → [`Segment::stored_fields`], [`Segment::live_docs`], [`Segment::numeric`],
//! [`Segment::sorted`].
//! What can't be read is known early: [`SegmentCommit::refusal`], [`SegmentInfo::read`] need no more than snapshots
//! keep inline.
//! Bytes come by name and range from a [`Directory`]; nothing is unpacked to disk, and every read is bounded.
//!
//! | file | module | versions read |
//! |---|---|---|
//! | `segments_N` | `commit` | formats 0 to 10: Lucene 4.0 to 10 |
//! | `.si` | `segment_info` | `Lucene40`, `46`, `50`, `62`, `70`, `86`, `90` |
//! | `.cfs`, `.cfe` | `compound` | Lucene 4, `Lucene50`, `90` |
//! | `.fnm` | `field_infos` | `Lucene40`, `42`, `46`, `50`, `60`, `90`, `94` |
//! | `.fdt`, `.fdx`, `.fdm` | `stored_fields` | `Lucene41`, `50`, `87`, `90`, Elasticsearch `Zstd814`, OpenSearch zstd |
//! | `.del`, `.liv` | `live_docs` | `BitVector` of Lucene 4, `Lucene50`, `90` |
//! | `.dvd`, `.dvm` | `doc_values` | `Lucene45`, `49`, `410`, `50`, `54`, `70`, `80`, `90`: numbers; `54`, `70`: terms |
//!
//! Each file names its own format in its `header`, and that decides, not the version of the cluster. What is
//! unknown is refused by name ([`Error::Unsupported`]), if it is needed: of files that are not in this table none is
//! opened, whatever codec wrote them. Files that are read whole, and hard deletes, have their checksum verified
//! (`footer`); of the rest `.fdt` carries a checksum along ([`ChunkReader::crc`]), and `.fdx` and `.dvd` above 128 KiB
//! are trusted, unless [`Segment::verify`] read them before. Lucene 4.0 to 4.7 wrote no checksums.
//!
//! Holds: bytes from outside never panic and never allocate what they merely claim. Not here: what Elasticsearch and
//! OpenSearch put into the fields.

mod error;
mod version;

pub mod directory;
mod file;
mod footer;
mod header;
mod input;

mod direct_monotonic;
mod packed;

mod commit;
mod compound;
mod field_infos;
mod segment_info;

mod doc_values;
mod live_docs;
mod stored_fields;

mod segment;

#[cfg(test)]
mod testing;

pub use commit::{Commit, SegmentCommit};
pub use directory::{Directory, MemoryDirectory};
pub use doc_values::{NumericDocValues, SortedDocValues};
pub use error::{Error, Result};
pub use field_infos::FieldInfos;
pub use live_docs::LiveDocs;
pub use segment::Segment;
pub use segment_info::SegmentInfo;
pub use stored_fields::{Chunk, ChunkRange, ChunkReader, Fields, RangeCrc, StoredDoc, StoredFields, StoredValue};
pub use version::Version;

/// A document of a segment, by Lucene's number: from 0 to its `max_doc`, without a gap.
pub type DocId = u32;

/// The CRC-32 of two runs of bytes, one behind the other: `a` of the first, `b` of the second, which is `b_len` bytes.
#[must_use]
pub fn combine_crc(a: u32, b: u32, b_len: u64) -> u32 {
    let mut both = crc32fast::Hasher::new_with_initial(a);
    both.combine(&crc32fast::Hasher::new_with_initial_len(b, b_len));
    both.finalize()
}
