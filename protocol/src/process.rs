//! What every process of the project does alike: it logs, it stops when it is asked to, it is told where NATS is.

mod nats;

use std::io::{self, IsTerminal};

pub use nats::{DEFAULT_URL, NatsArgs};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::forward::{self, Lines};

/// Logs from `level` up to standard error; the environment's `RUST_LOG` overrules. Out: the lines of migrations, at
/// INFO and above whatever standard error shows, to be handed on to a bus or dropped.
pub fn log_to_stderr(level: tracing::Level) -> Lines {
    let mut filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    // Where only errors are shown, those of the NATS client come back to the caller, who tells them with what to do.
    let is_chosen = std::env::var_os(EnvFilter::DEFAULT_ENV).is_some();
    if let (false, tracing::Level::ERROR, Ok(silent)) = (is_chosen, level, "async_nats=off".parse()) {
        filter = filter.add_directive(silent);
    }
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let shown = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(colours).with_filter(filter);
    let (forwarding, lines) = forward::layer();
    tracing_subscriber::registry().with(shown).with(forwarding.with_filter(LevelFilter::INFO)).init();
    lines
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
