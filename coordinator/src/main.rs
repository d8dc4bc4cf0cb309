//! `coordinator start`: the process that decides. It holds no credentials of any cluster and moves no document.

use anyhow::Context;
use clap::Parser;
use protocol::process::{DEFAULT_URL, NatsArgs};
use tokio_util::sync::CancellationToken;

/// Decides what happens next in every migration on a NATS server, and publishes it as tasks for workers.
#[derive(Parser)]
#[command(name = "coordinator", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Run until SIGINT or SIGTERM. Several may run; one leads, another takes over within 15 seconds.
    #[command(mut_arg("nats", |nats| nats.default_value(DEFAULT_URL)))]
    #[command(after_help = "Example:\n  coordinator start --nats nats://127.0.0.1:4222")]
    Start {
        /// Where NATS is, and as whom.
        #[command(flatten)]
        nats: Box<NatsArgs>,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Command::Start { nats } = Cli::parse().command;
    let lines = protocol::process::log_to_stderr(tracing::Level::INFO);
    let bus = nats.connect().await.context("connect to NATS")?;
    let cancel = CancellationToken::new();
    let identity = format!("coordinator-{}-{}", std::process::id(), protocol::clock::now_ms());
    let forwarder = lines.forward(bus.clone(), &identity);
    let serving = coordinator::serve::serve(bus, &identity, cancel.clone());
    tokio::pin!(serving);
    tokio::select! {
        result = &mut serving => result.context("serve")?,
        result = protocol::process::stop_requested() => {
            result.context("wait for a signal")?;
            cancel.cancel();
            serving.await.context("stop")?;
        }
    }
    forwarder.stop().await;
    Ok(())
}
