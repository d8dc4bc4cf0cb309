//! What can be typed. A library's, so that reference and man pages are made from it (`migctl`).

use clap::{Parser, Subcommand};
use protocol::process::{DEFAULT_URL, NatsArgs};

/// Decides what happens next in every migration on a NATS server, and publishes it as tasks for workers.
#[derive(Debug, Parser)]
#[command(name = "coordinator", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run until SIGINT or SIGTERM. Several may run; one leads, another takes over within 15 seconds.
    #[command(mut_arg("nats", |nats| nats.default_value(DEFAULT_URL)))]
    #[command(after_help = "Example:\n  coordinator start --nats nats://127.0.0.1:4222")]
    Start {
        /// Where NATS is, and as whom.
        #[command(flatten)]
        nats: Box<NatsArgs>,
    },
}
