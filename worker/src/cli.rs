//! What can be typed. A library's, so that reference and man pages are made from it (`migctl`).

use bytesize::ByteSize;
use clap::{Parser, Subcommand};
use protocol::process::{DEFAULT_URL, NatsArgs};

/// Plans and loads shards, and executes phase commands, for every migration on a NATS server.
#[derive(Debug, Parser)]
#[command(name = "worker", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run until SIGINT or SIGTERM; what is in hand is given back, to be continued from its last checkpoint.
    #[command(mut_arg("nats", |nats| nats.default_value(DEFAULT_URL)))]
    #[command(after_help = "Example:\n  worker start --nats nats://127.0.0.1:4222 --slots 2")]
    Start {
        /// Where NATS is, and as whom.
        #[command(flatten)]
        nats: Box<NatsArgs>,
        /// Slices loaded at once; default: one per core.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=256))]
        slots: Option<u32>,
        /// Memory for documents in flight, over all slots.
        #[arg(long, default_value = "512MiB")]
        memory: ByteSize,
    },
}
