//! The specification of a migration: what the configuration file says, and nothing secret.
//!
//! The doc comments of the fields are what `migctl configure schema` and `configure sample` show: they speak to whoever
//! writes the file.

pub mod change;
mod cluster;
mod load;
mod metadata;
mod snapshot;

mod check;
pub mod format;
mod size;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use check::Problem;
pub use cluster::{AuthSpec, ClusterSpec, SecretRef, ServerVersion, SigV4Service, TlsSpec, VersionError};
pub use load::{Checksum, LoadSpec, OnConflict, Sizing};
pub use metadata::{
    Aliases, DataStreams, ItemChange, ItemKind, MetadataSpec, MultiType, OnExisting, Parent, Rename, UnionIds,
};
pub use snapshot::{CreateSnapshotSpec, RepositorySpec, S3Spec, SnapshotSpec};

use crate::ids::MigrationName;
use crate::pattern::{self, Pattern};
use crate::phase::Phase;

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Spec {
    /// Names the migration: 1 to 40 of `a-z`, `0-9`, `-`.
    #[schemars(example = "my-migration")]
    pub name: MigrationName,
    /// The source cluster. Needed only where `snapshot.create` is there: everything else is read from the repository.
    #[serde(default)]
    pub source: Option<ClusterSpec>,
    /// The snapshot that the documents are read from.
    pub snapshot: SnapshotSpec,
    /// Where the documents go.
    pub target: ClusterSpec,
    /// Which indices go along: exact names, or `regex:EXPRESSION` which must match the whole name. Absent: all but system
    /// indices. `snapshot.create.indices`, `metadata.indices` and `load.indices` override it for one phase.
    #[serde(default)]
    #[schemars(example = ["orders", "regex:logs-2026.*"])]
    pub indices: Option<Vec<Pattern>>,
    /// The metadata phase.
    #[serde(default)]
    pub metadata: MetadataSpec,
    /// The load phase.
    #[serde(default)]
    pub load: LoadSpec,
    /// Which phases wait for `migctl approve`. Default: `manual` for metadata, load and cleanup, `auto` for the others.
    #[serde(default)]
    #[schemars(schema_with = "format::gates")]
    pub gates: BTreeMap<Phase, Gate>,
    /// Sizes and numbers.
    #[serde(default)]
    pub sizing: Sizing,
    /// What becomes of a document that the target has under the same id.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// Rejected documents above which the load stops for a person.
    #[serde(default = "max_rejected_default")]
    pub max_rejected: u64,
    /// Where `_source` is disabled or filtered, take the complete source that Elasticsearch 6.5 and later and OpenSearch
    /// keep for a while in `_recovery_source`; merges prune it, so some documents have it and others don't: both are
    /// counted.
    #[serde(default)]
    pub recover_source: bool,
    /// When the checksums of a shard's files are verified.
    #[serde(default)]
    pub checksum: Checksum,
    /// The verify phase.
    #[serde(default)]
    pub verify: VerifySpec,
    /// The cleanup phase.
    #[serde(default)]
    pub cleanup: CleanupSpec,
}

/// A specification as it was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Counts submissions of this migration, from 1: the revision of its configuration. A new one takes up what stopped
    /// or failed.
    pub number: u32,
    /// What is wanted.
    pub spec: Spec,
    /// What is to be done again although it was done.
    #[serde(default)]
    pub redo: Option<Redo>,
}

/// What a person wants done again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Redo {
    /// This phase, and every phase after it. Finished shards stay finished.
    Phase(Phase),
    /// One shard, from its first document; and what comes after the load.
    Shard(crate::ids::ShardId),
}

/// The verify phase.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct VerifySpec {
    /// Others write to the target's indices during the migration: their counts are told and not judged. The account of
    /// every segment must add up all the same.
    pub live_writes: bool,
}

/// The cleanup phase. What others made is never deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct CleanupSpec {
    /// Delete the snapshot from the source, if this migration took it.
    pub delete_snapshot: bool,
    /// Remove the registration of the repository from the source, if this migration made it. The repository stays.
    pub unregister_repository: bool,
    /// Remove dead letters too. Otherwise a migration that has some keeps its state on the bus, for you to read them,
    /// until `migctl forget`.
    pub delete_dead_letters: bool,
}

/// Whether a phase waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// It waits for `migctl approve`.
    Manual,
    /// It begins by itself.
    Auto,
}

impl Gate {
    /// The gate of a phase that the configuration says nothing of.
    #[must_use]
    pub fn default_of(phase: Phase) -> Self {
        match phase {
            Phase::Metadata | Phase::Load | Phase::Cleanup => Self::Manual,
            Phase::Snapshot | Phase::Register | Phase::Verify => Self::Auto,
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
        self.gates.get(&phase).copied().unwrap_or_else(|| Gate::default_of(phase))
    }

    /// Whether the snapshot that is taken holds the index.
    #[must_use]
    pub fn snapshots(&self, index: &str) -> bool {
        let own = self.snapshot.create.as_ref().and_then(|create| create.indices.as_deref());
        pattern::selects(own.or(self.indices.as_deref()), index)
    }

    /// Whether metadata creates the index.
    #[must_use]
    pub fn creates(&self, index: &str) -> bool {
        pattern::selects(self.metadata.indices.as_deref().or(self.indices.as_deref()), index)
    }

    /// Whether the documents of the index are loaded.
    #[must_use]
    pub fn loads(&self, index: &str) -> bool {
        pattern::selects(self.load.indices.as_deref().or(self.indices.as_deref()), index)
    }

    /// A digest of everything in it; a decision names it, so that a change voids an approval.
    #[must_use]
    pub fn digest(&self) -> String {
        crate::digest::of(self)
    }
}
