//! How documents are loaded.

use std::num::{NonZeroU32, NonZeroU64};

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{format, size};
use crate::pattern::Pattern;

/// The load phase.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct LoadSpec {
    /// Which indices are loaded; absent: those of `indices`. One that is created and not loaded stays empty.
    #[schemars(example = ["regex:logs-2026.*"])]
    pub indices: Option<Vec<Pattern>>,
}

/// What becomes of a document that the target has under the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// The snapshot's takes its place.
    #[default]
    Overwrite,
    /// The target's stays: what others wrote there in the meantime wins. What they deleted comes back.
    Keep,
    /// The higher `_version` stays. Right only where the other writer carries the source's versions (`version_type:
    /// external`): one that lets the target count begins at 1, and loses against every document that was changed more
    /// often in the source, however old.
    Newer,
}

/// When the checksums of a shard's files are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Checksum {
    /// As the files are read: a damaged segment is named after documents were sent from it.
    #[default]
    During,
    /// Before a document of the shard is sent, at the price of reading its files twice.
    Before,
}

/// Sizes and numbers, with defaults that suit most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Sizing {
    /// Memory that documents of this migration in flight may take in one worker, at most what the worker itself was given
    /// (`--memory`).
    #[serde(with = "size")]
    #[schemars(schema_with = "format::size")]
    pub memory: ByteSize,
    /// Compressed stored fields in a slice; at most 256 slices a shard.
    #[serde(with = "size")]
    #[schemars(schema_with = "format::size")]
    pub slice_bytes: ByteSize,
    /// Bytes of a bulk request; a larger document travels alone.
    #[serde(with = "size")]
    #[schemars(schema_with = "format::size")]
    pub bulk_bytes: ByteSize,
    /// Documents of a bulk request.
    pub bulk_docs: NonZeroU32,
    /// Bulk requests in flight per slice.
    pub connections: NonZeroU32,
    /// Time between two checkpoints of a slice, at least, in milliseconds; 64 MiB of source also make one.
    pub checkpoint_interval_ms: NonZeroU64,
    /// Failures of one slice after which its shard is given up, by name.
    pub max_attempts: NonZeroU32,
}

impl Default for Sizing {
    fn default() -> Self {
        Self {
            memory: ByteSize::mib(512),
            slice_bytes: ByteSize::mib(128),
            bulk_bytes: ByteSize::mib(4),
            bulk_docs: NonZeroU32::new(5_000).unwrap_or(NonZeroU32::MIN),
            connections: NonZeroU32::new(2).unwrap_or(NonZeroU32::MIN),
            checkpoint_interval_ms: NonZeroU64::new(2_000).unwrap_or(NonZeroU64::MIN),
            max_attempts: NonZeroU32::new(3).unwrap_or(NonZeroU32::MIN),
        }
    }
}
