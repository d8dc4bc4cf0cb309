//! `worker start`: the process that works. Any number of them, anywhere that sees repository, target and bus.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tokio_util::sync::CancellationToken;
use worker::cli::{Cli, Command};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let Command::Start { nats, slots, memory } = Cli::parse().command;
    let lines = protocol::process::log_to_stderr(tracing::Level::INFO);
    let bus = nats.wait_and_connect().await?;
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
