//! Arguments of the commands about a migration.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use protocol::ids::MigrationName;
use protocol::phase::Phase;
use protocol::process::NatsArgs;

use super::Output;

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The configuration.
    #[arg(short = 'c', long, default_value = "migration.yaml", value_name = "FILE")]
    pub config: PathBuf,
    /// Open every gate without asking; one that a person rejected stays shut.
    #[arg(long)]
    pub approve_all: bool,
    /// At a gate without a terminal: wait for `migctl approve` from another one, instead of ending.
    #[arg(long)]
    pub wait: bool,
    /// Do phases again, where the changed configuration needs it, without asking.
    #[arg(long)]
    pub redo: bool,
    /// Slices loaded at once; default: one per core.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub slots: Option<u32>,
    /// Memory for documents in flight; default: `sizing.memory` of the configuration, which it can only lower.
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<bytesize::ByteSize>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// Which migration, on which bus.
#[derive(Debug, Args)]
pub struct BusArgs {
    /// The configuration; its name says which migration.
    #[arg(short = 'c', long, default_value = "migration.yaml", value_name = "FILE")]
    pub config: PathBuf,
    /// The migration's name, instead of a configuration.
    #[arg(short = 'm', long, value_name = "NAME")]
    pub migration: Option<MigrationName>,
    /// Which bus.
    #[command(flatten)]
    pub nats: NatsArgs,
}

/// Arguments of `submit`.
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// The configuration.
    #[arg(short = 'c', long, default_value = "migration.yaml", value_name = "FILE")]
    pub config: PathBuf,
    /// Where NATS is, and as whom.
    #[command(flatten)]
    pub nats: NatsArgs,
    /// Do phases again, where the changed configuration needs it, without asking.
    #[arg(long)]
    pub redo: bool,
    /// Don't wait for the pre-flight.
    #[arg(long)]
    pub no_wait: bool,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Which migration, where.
    #[command(flatten)]
    pub bus: BusArgs,
    /// Repeat until the migration ends or waits for a person.
    #[arg(short, long)]
    pub watch: bool,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// Arguments of `approve` and `reject`.
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// The phase that is decided about.
    pub phase: Phase,
    /// Which migration, where.
    #[command(flatten)]
    pub bus: BusArgs,
    /// Why, for the record.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub note: String,
}

/// Arguments of `evidence`.
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    /// The phase; absent: the one that waits.
    pub phase: Option<Phase>,
    /// Which migration, where.
    #[command(flatten)]
    pub bus: BusArgs,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// Arguments of `pause`, `resume` and `stop`.
#[derive(Debug, Args)]
pub struct WishArgs {
    /// Which migration, where.
    #[command(flatten)]
    pub bus: BusArgs,
    /// Why, for the record.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub note: String,
}

/// Arguments of `retry`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["phase", "shard"]))]
pub struct RetryArgs {
    /// The phase to do again, and every phase after it. Finished shards stay finished.
    pub phase: Option<Phase>,
    /// The shard to load again from its first document.
    #[arg(long, value_name = "INDEX/N")]
    pub shard: Option<String>,
    /// Which migration, where.
    #[command(flatten)]
    pub bus: BusArgs,
    /// Why, for the record.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub note: String,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Which bus.
    #[command(flatten)]
    pub nats: NatsArgs,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Which migration, where.
    #[command(flatten)]
    pub bus: BusArgs,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// Arguments of `forget`.
#[derive(Debug, Args)]
pub struct ForgetArgs {
    /// Which migration, where.
    #[command(flatten)]
    pub bus: BusArgs,
    /// Don't ask.
    #[arg(long, short = 'y')]
    pub yes: bool,
}
