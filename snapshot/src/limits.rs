//! How much of a repository is held in memory at once. Each bound is far above what a server writes, so that reaching it
//! means a damaged or foreign repository rather than a large one.

/// The catalogue `index-N`, in bytes. A server that keeps 1,000 snapshots of 10,000 indices writes about 30 MiB.
pub const CATALOG_BYTES_MAX: u64 = 256 << 20;

/// A metadata blob (`*.dat`) as stored, in bytes. The largest is the file list of a shard, which holds up to 1 MiB for
/// each `.si` file but about 500 bytes in practice.
pub const METADATA_BYTES_MAX: u64 = 64 << 20;

/// A metadata blob once inflated, everything compressed inside it included, in bytes.
pub const INFLATED_BYTES_MAX: usize = 64 << 20;

/// Shards of one index. The servers stop at 1,024 unless a system property says otherwise.
pub const SHARDS_MAX: u32 = 65_536;

/// Blobs that one listing may give. The root of a repository has two for each snapshot.
pub const LISTED_MAX: usize = 100_000;

/// A piece that a stream asks its store for, in bytes: large enough that an object store's latency does not rule.
pub const PIECE_BYTES: u64 = 1 << 20;

/// Pieces that a stream asks for before they are wanted. With the one being read, a stream holds 3 MiB.
pub const PIECES_AHEAD: usize = 2;
