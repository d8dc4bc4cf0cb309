//! `coordinator start`: the process that decides. It holds no credentials of any cluster and moves no document.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use coordinator::cli::{Cli, Command};
use tokio_util::sync::CancellationToken;

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
    let Command::Start { nats } = Cli::parse().command;
    let lines = protocol::process::log_to_stderr(tracing::Level::INFO);
    let bus = nats.wait_and_connect().await?;
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
