//! Bytes of one shard become stored fields.
pub mod directory;
pub use directory::Directory;
