//! The snapshot: one that is there, or one to take.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{format, size};
use crate::pattern::Pattern;

/// The snapshot that the documents are read from: exactly one of `create` and `externallyManagedSnapshot`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("oneOf" = [{"required": ["create"]}, {"required": ["externallyManagedSnapshot"]}]))]
pub struct SnapshotSpec {
    /// The repository it is in.
    pub repository: RepositorySpec,
    /// Take a snapshot of `source`.
    #[serde(default)]
    pub create: Option<CreateSnapshotSpec>,
    /// Name of a snapshot that exists: nothing is asked of the source.
    #[serde(default)]
    #[schemars(example = "nightly-2026.11.20")]
    pub externally_managed_snapshot: Option<String>,
    /// Migrate without the shards that a partial snapshot lacks, instead of refusing it; they are named at register and
    /// counted at verify.
    #[serde(default)]
    pub allow_partial: bool,
}

impl SnapshotSpec {
    /// Whether both mean the same bytes.
    #[must_use]
    pub fn is_same_snapshot(&self, other: &Self) -> bool {
        let name = |spec: &Self| spec.create.as_ref().map(|create| (create.name.clone(), create.prefix.clone()));
        (&self.repository, &self.externally_managed_snapshot, name(self))
            == (&other.repository, &other.externally_managed_snapshot, name(other))
    }
}

/// A snapshot repository: one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum RepositorySpec {
    /// A directory that every worker sees under this path.
    Path(#[schemars(schema_with = "format::repository_path")] PathBuf),
    /// A bucket, read with the credentials that the AWS chain finds where the worker runs (environment, profile, web
    /// identity, instance).
    S3(S3Spec),
}

/// A repository in S3, or in what speaks like it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct S3Spec {
    /// The bucket.
    #[schemars(example = "my-backups")]
    pub bucket: String,
    /// The folder in the bucket; absent: its root.
    #[serde(default)]
    #[schemars(example = "backups/prod")]
    pub path: Option<String>,
    /// The bucket's region; absent: the one that the AWS chain finds.
    #[serde(default)]
    #[schemars(example = "eu-central-1")]
    pub region: Option<String>,
    /// `http://…` or `https://…` of a server that is not Amazon's; it is asked with the bucket in the path.
    #[serde(default)]
    #[schemars(extend("format" = "http-endpoint"), example = "https://minio.example.com:9000")]
    pub endpoint: Option<String>,
    /// The role that the *source* assumes to write the snapshot: passed on when the repository is registered there.
    #[serde(default)]
    #[schemars(example = "arn:aws:iam::123456789012:role/snapshots")]
    pub s3_role_arn: Option<String>,
}

/// How the snapshot is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct CreateSnapshotSpec {
    /// The snapshot's name. Absent: `prefix`, the date and a few random letters.
    #[schemars(example = "before-the-move")]
    pub name: Option<String>,
    /// What a made-up name begins with; absent: the migration's name.
    #[schemars(example = &"move")]
    pub prefix: Option<String>,
    /// Name of the repository's registration on the source. Where one of this name is there it is used, if it means the
    /// same place, and left behind; absent: `migctl-` and the migration's name.
    #[schemars(example = &"backups")]
    pub repository_name: Option<String>,
    /// The directory as the source sees it, where that differs from `repository.path`.
    #[schemars(example = "/mnt/backups")]
    pub path_on_source: Option<PathBuf>,
    /// Further settings of the registration on the source.
    #[schemars(example = BTreeMap::from([("server_side_encryption", "true")]))]
    pub repository_settings: BTreeMap<String, String>,
    /// Which indices the snapshot holds; absent: those of `indices`.
    #[schemars(example = ["regex:logs-.*"])]
    pub indices: Option<Vec<Pattern>>,
    /// Bytes a second that each node of the source may write, `40MiB`; absent: the source's own limit.
    #[serde(with = "size::optional")]
    #[schemars(schema_with = "format::optional_size", example = "40MiB")]
    pub rate_limit: Option<ByteSize>,
    /// Keep templates, pipelines and cluster settings in the snapshot.
    pub include_global_state: bool,
}

impl Default for CreateSnapshotSpec {
    fn default() -> Self {
        Self {
            name: None,
            prefix: None,
            repository_name: None,
            path_on_source: None,
            repository_settings: BTreeMap::new(),
            indices: None,
            rate_limit: None,
            include_global_state: true,
        }
    }
}
