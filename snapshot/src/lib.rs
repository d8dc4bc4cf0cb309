//! A snapshot repository becomes shards.
//!
//! In: a [`BlobStore`], which is one repository as Elasticsearch 1.x to 9.x or OpenSearch 1.x to 3.x wrote it, or several
//! of them one after the other. Out: the files of every shard as a [`lucene::Directory`]. The way there, each step one or
//! two small reads, with the names that blobs have since Elasticsearch 5.0 (`layout` has the older ones):
//!
//! ```text
//! Repository::open(store) ── index-N ─────────────▶ snapshots()
//!   .snapshot(name) ──────── snap-<uuid>.dat ─────▶ Snapshot: version, state, indices, failed shards
//!     .global_metadata() ─── meta-<uuid>.dat ─────▶ templates, data streams, pipelines
//!     .index_metadata(i) ─── indices/…/meta-X.dat ▶ IndexMetadata: shard count, settings, mappings, aliases
//!     .shard(i, n) ───────── indices/…/snap-*.dat ▶ ShardFiles: Lucene file → blob, parts, length
//!       .directory(runtime) ─ indices/…/__* ──────▶ ShardDirectory: bytes by range, nothing on local disk
//! ```
//!
//! Holds: every read has a bound ([`limits`]), no bytes panic, every error names the blob. Nothing is written.
//! Not here: what is inside a Lucene file (`lucene`), retries, object stores other than the file system.

pub mod error;
pub mod limits;
pub mod version;

pub mod store;

mod blob;
mod layout;
pub mod lzf;
mod payload;
mod xcontent;

mod catalog;
mod lookup;
pub mod repository;
mod snapshot_info;

pub mod index_metadata;
pub mod shard_files;
mod shard_path;
pub mod source_mode;

pub mod directory;
mod read_ahead;

pub use directory::ShardDirectory;
pub use error::{Error, Verdict};
pub use index_metadata::IndexMetadata;
pub use repository::{CatalogSnapshot, Repository, SnapshotState};
pub use shard_files::{ShardFile, ShardFiles};
pub use snapshot_info::{ShardFailure, Snapshot, SnapshotIndex};
pub use source_mode::SourceMode;
pub use store::{BlobMeta, BlobStore, FsStore, StoreError, StoreErrorKind};
pub use version::{Product, ProductVersion};
