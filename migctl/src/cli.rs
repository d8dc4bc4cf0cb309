//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use protocol::pattern::Pattern;
use protocol::process::DEFAULT_URL;

use crate::exit;

mod curl;
mod dead_letters;
mod metadata;
mod migration;
mod output;
#[cfg(test)]
mod reference;

pub use curl::CurlArgs;
pub use dead_letters::{DeadLettersCommand, WhichLetters};
pub use metadata::{MetadataArgs, MetadataCommand};
pub use migration::{
    AuditArgs, BusArgs, DecideArgs, EvidenceArgs, ForgetArgs, ListArgs, RetryArgs, RunArgs, StatusArgs, SubmitArgs,
    WishArgs,
};
pub use output::OutputArgs;

/// What stands below the help of `migctl`.
fn after_help() -> String {
    format!("{}\n\n{EXAMPLES}", exit::help())
}

const EXAMPLES: &str = "\
The tab key completes commands, options, and the names of migrations, phases and shards after one of these:
  source <(COMPLETE=bash migctl)
  source <(COMPLETE=zsh migctl)
  COMPLETE=fish migctl | source

Examples:
  migctl configure sample > migration.yaml
  migctl run
  migctl status -m shop --watch";

/// Moves an Elasticsearch or OpenSearch cluster into another one, from a snapshot.
#[derive(Debug, Parser)]
#[command(name = "migctl", version, after_help = after_help())]
pub struct Cli {
    /// Say more; twice: everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a whole migration in this process, with nothing installed.
    #[command(after_help = "\
Stop it any time: the same command continues where it was. From another terminal in the same directory every command
about a migration works on it too: status, approve, pause, stop, …

Examples:
  migctl run -c examples/quickstart.yaml
  migctl run -c migration.yaml --approve-all")]
    Run(RunArgs),
    /// Hand a migration to the coordinator and the workers on a NATS server, and wait for its pre-flight.
    #[command(after_help = "\
Submitting again takes up what stopped or failed, and tells what a changed configuration means for what was done.

Example:
  migctl submit -c migration.yaml --nats nats://127.0.0.1:4222")]
    #[command(mut_arg("nats", |nats| nats.default_value(DEFAULT_URL)))]
    Submit(SubmitArgs),
    /// List the migrations on a NATS server, or in this directory.
    #[command(
        after_help = "Examples:\n  migctl list --nats nats://nats:4222\n  migctl list --output json | jq '.[].name'"
    )]
    List(ListArgs),
    /// Show where a migration is.
    #[command(after_help = "\
Examples:
  migctl status -m shop --watch
  migctl status -c migration.yaml --output json")]
    Status(StatusArgs),
    /// Show what happened, what its processes log and what people did.
    #[command(after_help = "\
Each line is a record: its time (UTC), its kind or for log lines the level, where, and the text. The newest 5,000 log
lines of a migration are kept on the bus; all of them are in the logs of the processes.

Examples:
  migctl output -m shop --since 30m
  migctl output -m shop --follow -l phase=load -l level=warn -l level=error
  migctl output -m shop -l kind=audit
  migctl output -m shop -l worker=worker-1 -l shard=orders/3 --output json | jq -r .text")]
    Output(OutputArgs),
    /// Show what the gate of a phase is about to let through.
    #[command(after_help = "Example:\n  migctl evidence metadata -m shop")]
    Evidence(EvidenceArgs),
    /// Open the gate of a phase.
    #[command(after_help = "\
Before its turn a phase can be approved too, whatever its evidence will be. A changed configuration voids an approval.

Example:
  migctl approve load -m shop --note 'evening window'")]
    Approve(DecideArgs),
    /// Keep the gate of a phase shut, until somebody approves it.
    #[command(after_help = "Example:\n  migctl reject load -m shop --note 'two indices too many'")]
    Reject(DecideArgs),
    /// Begin nothing new and give back what is in hand, until `resume`.
    #[command(after_help = "Example:\n  migctl pause -m shop --note 'the target is busy until six'")]
    Pause(WishArgs),
    /// Go on after `pause` or `stop`.
    #[command(after_help = "Example:\n  migctl resume -m shop")]
    Resume(WishArgs),
    /// End the migration where it is; `resume` or `submit` takes it up again.
    #[command(after_help = "Example:\n  migctl stop -m shop --note 'wrong snapshot'")]
    Stop(WishArgs),
    /// Do a phase or a shard again although it was done.
    #[command(after_help = "Examples:\n  migctl retry verify -m shop\n  migctl retry --shard orders/3 -m shop")]
    Retry(RetryArgs),
    /// Look at the documents that the target rejected.
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Ask the source or the target something, with the authentication of the configuration.
    #[command(after_help = "\
The body of the answer goes to standard output; an answer that is no success ends with 1. Every request is in the audit
log of a migration that was submitted.

Examples:
  migctl curl target '/_cat/indices?v'
  migctl curl target /orders/_search -d '{\"query\": {\"match_all\": {}}}' -m shop --via-worker
  migctl curl source /_snapshot -m shop")]
    Curl(CurlArgs),
    /// Show what people did, and when.
    #[command(after_help = "Examples:\n  migctl audit -m shop\n  migctl audit -m shop --output json | jq '.[].what'")]
    Audit(AuditArgs),
    /// Remove the state of a finished, failed or stopped migration; what it wrote to the target stays.
    #[command(after_help = "\
What is complete removes its own state at cleanup, unless it has dead letters to be read.

Example:
  migctl forget -m shop")]
    Forget(ForgetArgs),
    /// Write, check and show the configuration of a migration.
    #[command(subcommand)]
    Configure(ConfigureCommand),
    /// Look at what becomes of indices, templates, pipelines and policies on the target, and create them.
    #[command(subcommand)]
    Metadata(MetadataCommand),
    /// Look into a snapshot repository.
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Write the man pages of migctl, coordinator and worker into a directory, for those who make packages.
    #[command(after_help = "Example:\n  migctl man /usr/local/share/man/man1")]
    Man {
        /// The directory; it is made where it is absent.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

/// Helps with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigureCommand {
    /// Print a complete example: every option with its meaning and default.
    #[command(after_help = "\
The example is valid as it stands. `#NAME:` is an option that it leaves out; remove the `#` to use it.

Examples:
  migctl configure sample > migration.yaml
  migctl configure sample | migctl configure validate")]
    Sample,
    /// Print the JSON Schema (draft 2020-12) of the configuration, which editors complete from.
    #[command(after_help = "\
The first line of the sample names this file to editors with a YAML language server.

Example:
  migctl configure schema > migration.schema.json")]
    Schema,
    /// Check a configuration and say everything that is wrong with it.
    #[command(after_help = "\
Nothing is connected to: whether clusters and repositories are there is seen at submit. Ends with 2 where something is
wrong. A secret that stands in the file by mistake is not shown.

Examples:
  migctl configure validate
  migctl configure validate -c examples/quickstart.yaml
  migctl configure sample | migctl configure validate
  migctl configure validate -c migration.yaml --output json | jq -r '.[] | \"\\(.line): \\(.field)\"'")]
    Validate {
        /// The configuration, `-` for standard input; default: what comes through a pipe, else migration.yaml.
        #[arg(short = 'c', long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// How to print what is wrong.
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Open a configuration in an editor and check it afterwards.
    #[command(after_help = "\
The editor is $VISUAL, $EDITOR or vi. A file that isn't there begins as the sample. If the file is not valid
afterwards you are asked: edit again, keep it as it is, or put back what was there before.

Examples:
  migctl configure edit
  VISUAL='code --wait' migctl configure edit -c migration.yaml")]
    Edit {
        /// The configuration.
        #[arg(short = 'c', long, default_value = "migration.yaml", value_name = "FILE")]
        config: PathBuf,
    },
    /// Show the configuration as it takes effect, with defaults and absolute paths.
    #[command(after_help = "\
Of a secret its place is shown and whether it can be read on this machine, never the secret.

Examples:
  migctl configure view -c migration.yaml
  migctl configure view --output json | jq '.secrets[] | select(.resolves | not)'")]
    View {
        /// The configuration, `-` for standard input; default: what comes through a pipe, else migration.yaml.
        #[arg(short = 'c', long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// How to print it.
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
}

/// Where a repository is.
#[derive(Debug, Args)]
pub struct RepoArgs {
    /// The repository's directory, or `s3://BUCKET/PATH`, read with the credentials that AWS tools find here.
    #[arg(long, value_name = "DIR")]
    pub repo: PathBuf,
    /// The bucket's region; default: the one that AWS tools find here.
    #[arg(long, value_name = "REGION")]
    pub s3_region: Option<String>,
    /// `http://…` or `https://…` of an S3 server that is not Amazon's.
    #[arg(long, value_name = "URL")]
    pub s3_endpoint: Option<String>,
}

/// Looks into a repository.
#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// List the snapshots of a repository.
    #[command(after_help = "\
Examples:
  migctl snapshot ls --repo /mnt/backups
  migctl snapshot ls --repo s3://bucket/backups --s3-region eu-central-1")]
    Ls {
        /// Where the repository is.
        #[command(flatten)]
        repo: RepoArgs,
        /// How to print it.
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// List the indices of a snapshot: shards, documents, bytes, versions.
    #[command(after_help = "\
\"to read\" is the stored fields of segments with live documents: nearly all that a load reads. Lucene documents
include nested ones.

Examples:
  migctl snapshot inspect --repo /mnt/backups --snapshot nightly-2026.11.20
  migctl snapshot inspect --repo /mnt/backups --snapshot nightly --index orders --deep
  migctl snapshot inspect --repo /mnt/backups --snapshot nightly --output json | jq '.indices[].codecs'")]
    Inspect(InspectArgs),
    /// Print every live document as one line of JSON.
    #[command(after_help = "\
Documents go to standard output, the count of each index and what was left out to standard error.

Examples:
  migctl snapshot export --repo /mnt/backups --snapshot nightly --index orders > orders.ndjson
  migctl snapshot export --repo /mnt/backups --snapshot nightly --index 'regex:logs-2026\\..*' | wc -l")]
    Export(ExportArgs),
}

/// Arguments of `snapshot export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Which snapshot, which indices.
    #[command(flatten)]
    pub which: WhichArgs,
    /// Put a line with settings, mappings and aliases before the documents of each index.
    #[arg(long)]
    pub with_metadata: bool,
    /// Print the full source of documents whose `_source` was filtered or not kept, where no merge has pruned it yet.
    #[arg(long)]
    pub recover_source: bool,
}

/// Arguments of `snapshot inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Which snapshot, which indices.
    #[command(flatten)]
    pub which: WhichArgs,
    /// Read every document, write none, and say what a load would meet: documents by outcome, unreadable parts, the
    /// largest document.
    #[arg(long)]
    pub deep: bool,
    /// With --deep: read as a load with `recoverSource: true` would.
    #[arg(long, requires = "deep")]
    pub recover_source: bool,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// Which snapshot, which indices.
#[derive(Debug, Args)]
pub struct WhichArgs {
    /// Where the repository is.
    #[command(flatten)]
    pub repo: RepoArgs,
    /// The snapshot's name.
    #[arg(long, value_name = "NAME")]
    pub snapshot: String,
    /// Only this index: an exact name, or `regex:` and an expression that matches the whole name. May be repeated;
    /// without it every index but system indices.
    #[arg(long = "index", value_name = "PATTERN")]
    pub indices: Vec<Pattern>,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}
