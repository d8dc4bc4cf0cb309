//! The specification of a migration: what the configuration file says, and nothing secret.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use crate::ids::MigrationName;
use crate::pattern::Pattern;
use crate::phase::Phase;

/// One migration, as its configuration file describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Spec {
    /// Names it on the bus: `[a-z0-9-]{1,40}`.
    pub name: MigrationName,
    /// Where the documents come from.
    pub snapshot: SnapshotSpec,
    /// Where they go.
    pub target: TargetSpec,
    /// Which indices; absent: all but system indices.
    #[serde(default)]
    pub indices: Option<Vec<Pattern>>,
    /// Which phases wait for a person.
    #[serde(default)]
    pub gates: BTreeMap<Phase, Gate>,
    /// Sizes and numbers.
    #[serde(default)]
    pub sizing: Sizing,
    /// Rejected documents above which the load stops for a person.
    #[serde(default = "max_rejected_default")]
    pub max_rejected: u64,
    /// Use `_recovery_source` where `_source` was disabled or filtered and a merge has not pruned it yet.
    #[serde(default)]
    pub recover_source: bool,
    /// When the checksums of a shard's files are verified.
    #[serde(default)]
    pub checksum: Checksum,
}

/// When the checksums of a shard's files are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Checksum {
    /// As the files are read: a bad one is found when its documents were sent.
    #[default]
    During,
    /// Before a document of the shard is sent, at the price of reading its files twice.
    Before,
}

/// A specification as it was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Counts submissions of this migration, from 1; a new one takes up what stopped or failed.
    pub number: u32,
    /// What is wanted.
    pub spec: Spec,
}

/// The snapshot to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SnapshotSpec {
    /// The repository it is in.
    pub repository: RepositorySpec,
    /// Name of a snapshot that exists: nothing is asked of the source.
    pub externally_managed_snapshot: String,
    /// Migrate without the shards that a partial snapshot lacks, instead of refusing it.
    #[serde(default)]
    pub allow_partial: bool,
}

impl SnapshotSpec {
    /// Whether both mean the same bytes.
    #[must_use]
    pub fn is_same_snapshot(&self, other: &Self) -> bool {
        (&self.repository, &self.externally_managed_snapshot) == (&other.repository, &other.externally_managed_snapshot)
    }
}

/// A snapshot repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RepositorySpec {
    /// A directory that every worker sees under this path.
    pub path: PathBuf,
}

/// The target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetSpec {
    /// `http://…`, `https://…`, or `file:DIRECTORY`.
    pub endpoint: String,
    /// Basic authentication.
    #[serde(default)]
    pub basic_auth: Option<BasicAuthSpec>,
}

/// A user, and where its password is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BasicAuthSpec {
    /// The user.
    pub username: String,
    /// The environment variable, on every worker, that holds the password.
    pub password_env: String,
}

/// Whether a phase waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// It waits for `migctl approve`.
    Manual,
    /// It begins by itself.
    Auto,
}

/// Sizes and numbers, with defaults that suit most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Sizing {
    /// Compressed stored fields in a slice.
    pub slice_bytes: ByteSize,
    /// Bytes of a bulk request; a larger document travels alone.
    pub bulk_bytes: ByteSize,
    /// Documents of a bulk request.
    pub bulk_docs: NonZeroU32,
    /// Bulk requests in flight per slice.
    pub connections: NonZeroU32,
    /// Time between two checkpoints of a slice, at least, in milliseconds.
    pub checkpoint_interval_ms: NonZeroU64,
    /// Failures after which a slice's shard is given up.
    pub max_attempts: NonZeroU32,
}

impl Default for Sizing {
    fn default() -> Self {
        Self {
            slice_bytes: ByteSize::mib(128),
            bulk_bytes: ByteSize::mib(4),
            bulk_docs: NonZeroU32::new(5_000).unwrap_or(NonZeroU32::MIN),
            connections: NonZeroU32::new(2).unwrap_or(NonZeroU32::MIN),
            checkpoint_interval_ms: NonZeroU64::new(2_000).unwrap_or(NonZeroU64::MIN),
            max_attempts: NonZeroU32::new(3).unwrap_or(NonZeroU32::MIN),
        }
    }
}

fn max_rejected_default() -> u64 {
    1_000
}

impl Spec {
    /// The gate of a phase: as configured, else manual for metadata, load and cleanup.
    #[must_use]
    pub fn gate(&self, phase: Phase) -> Gate {
        let default = match phase {
            Phase::Metadata | Phase::Load | Phase::Cleanup => Gate::Manual,
            Phase::Snapshot | Phase::Register | Phase::Verify => Gate::Auto,
        };
        self.gates.get(&phase).copied().unwrap_or(default)
    }

    /// A digest of everything in it; an approval names it, so that a change voids the approval.
    #[must_use]
    pub fn digest(&self) -> u32 {
        // A value of these types always serialises; were it not so, no approval would match, which is the safe side.
        crate::wire::encode(self).map_or(0, |bytes| crc32fast::hash(&bytes))
    }
}
