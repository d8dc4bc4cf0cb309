//! `worker start`: the process that works. Any number of them, anywhere that sees repository, target and bus.

use anyhow::Context;
use bytesize::ByteSize;
use clap::Parser;
use protocol::process::{DEFAULT_URL, NatsArgs};
use tokio_util::sync::CancellationToken;

/// Plans and loads shards, and executes phase commands, for every migration on a NATS server.
#[derive(Parser)]
#[command(name = "worker", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
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

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Command::Start { nats, slots, memory } = Cli::parse().command;
    let lines = protocol::process::log_to_stderr(tracing::Level::INFO);
    let bus = nats.connect().await.context("connect to NATS")?;
    let cancel = CancellationToken::new();
    let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
    let memory_bytes = usize::try_from(memory.as_u64()).context("--memory")?;
    let options = worker::work::Options::new(slots.unwrap_or(cores), memory_bytes);
    tracing::info!(worker = %options.id, slots = options.slots, %memory, "ready");
    let forwarder = lines.forward(bus.clone(), options.id.as_str());
    let working = worker::work::work(bus, options, cancel.clone());
    tokio::pin!(working);
    tokio::select! {
        () = &mut working => {}
        result = protocol::process::stop_requested() => {
            result.context("wait for a signal")?;
            tracing::info!("stopping");
            cancel.cancel();
            working.await;
        }
    }
    forwarder.stop().await;
    Ok(())
}
