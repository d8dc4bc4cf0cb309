//! What every process of the project does alike: it logs, and it stops when it is asked to.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Logs from `level` up to standard error; the environment's `RUST_LOG` overrules.
pub fn log_to_stderr(level: tracing::Level) {
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(filter).init();
}

/// Returns at the first SIGINT or SIGTERM.
///
/// # Errors
/// The signal handler can't be installed.
pub async fn stop_requested() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
