//! Arguments of `metadata`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Output;

/// Looks at what becomes of metadata, and does it.
#[derive(Debug, Subcommand)]
pub enum MetadataCommand {
    /// Say what becomes of each index, template, pipeline and policy; the target judges it, and nothing of that stays.
    #[command(after_help = "\
Each item is created on the target under a throw-away name and removed again, so the target itself says whether it takes
it. What is another than in the source is told with the rule that did it: docs/metadata-rules.md. Ends with 4 where
something can't be that documents would be loaded into.

Examples:
  migctl metadata evaluate -c migration.yaml
  migctl metadata evaluate --diff | less
  migctl metadata evaluate --output json | jq -r '.items[] | select(.outcome == \"refused\") | .source'")]
    Evaluate(MetadataArgs),
    /// Create it all on the target, without documents and without gates.
    #[command(after_help = "\
What is there stays, unless `metadata.onExisting` says otherwise; `migctl run` and `submit` of the same configuration
take it as theirs. Policies are put on at the end of a migration only, because they act on what is loaded.

Example:
  migctl metadata migrate -c migration.yaml")]
    Migrate(MetadataArgs),
}

/// Arguments of `metadata evaluate` and `metadata migrate`.
#[derive(Debug, Args)]
pub struct MetadataArgs {
    /// The configuration.
    #[arg(short = 'c', long, default_value = "migration.yaml", value_name = "FILE")]
    pub config: PathBuf,
    /// The snapshot, where the configuration lets the migration take one.
    #[arg(long, value_name = "NAME")]
    pub snapshot: Option<String>,
    /// Show what the source has and what the target gets, line by line.
    #[arg(long)]
    pub diff: bool,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}
