//! Bytes of one shard become stored fields: live documents out of Lucene 8.7 to 10 segments, without Lucene.
//!
//! [`Commit::read`] → [`Segment::open`] → [`Segment::stored_fields`], [`Segment::live_docs`], [`Segment::numeric`].
//! Bytes come by name and range from a [`Directory`]; nothing is unpacked to disk, and every read is bounded.
//!
//! | file | module | versions read |
//! |---|---|---|
//! | `segments_N` | `commit` | formats 7 to 10: Lucene 7 to 10 |
//! | `.si` | `segment_info` | `Lucene86SegmentInfo` from 8.7 on, `Lucene90SegmentInfo` |
//! | `.cfs`, `.cfe` | `compound` | `Lucene50`, `Lucene90` |
//! | `.fnm` | `field_infos` | `Lucene60`, `Lucene90`, `Lucene94` |
//! | `.fdt`, `.fdx`, `.fdm` | `stored_fields` | `Lucene87`, `Lucene90`, Elasticsearch `Zstd814`, OpenSearch zstd |
//! | `.liv` | `live_docs` | `Lucene50`, `Lucene90` |
//! | `.dvd`, `.dvm` | `doc_values` | `Lucene80`, `Lucene90`; numbers only |
//!
//! Each file names its own format in its `header`, and that decides, not the version of the cluster. What is older, or
//! unknown, is refused by name ([`Error::Unsupported`]). Files that are read whole have their checksum verified
//! (`footer`); of the rest `.fdt` carries a checksum along ([`ChunkReader::crc`]), and `.dvd` and `.liv` above 128 KiB
//! are trusted.
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
pub use directory::Directory;
pub use doc_values::NumericDocValues;
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
