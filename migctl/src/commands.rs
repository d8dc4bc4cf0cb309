//! A file per command.

pub mod approve;
pub mod configure;
pub mod export;
pub mod inspect;
mod repository;
pub mod run;
pub mod snapshot;
pub mod status;
pub mod submit;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::Context;
use protocol::bus::SharedBus;
use protocol::bus::embedded;
use protocol::bus::nats::{NatsBus, NatsOptions};
use protocol::ids::MigrationName;
use protocol::spec::Spec;

use crate::cli::BusArgs;
use crate::config;
use crate::exit::Invalid;

/// What a person can do about a NATS server that isn't there.
const NO_NATS: &str =
    "there is no NATS server to talk to; start one, or name another with --nats URL or MIGCTL_NATS_URL";

/// Where `migctl run` keeps the state of a migration: beside what it migrates, in the current directory.
#[must_use]
pub fn state_dir(migration: &MigrationName) -> PathBuf {
    Path::new(".migctl").join(migration.as_str())
}

/// The configuration of a migration that begins now, or an error that ends with the exit code for one; what must be
/// said at every start is said.
fn load_config(file: &Path) -> anyhow::Result<Spec> {
    let spec = config::load(file).map_err(invalid)?;
    for warning in config::warnings(&spec) {
        eprintln!("{warning}");
    }
    Ok(spec)
}

/// The exit code of a configuration that is none.
fn invalid(error: config::Error) -> anyhow::Error {
    match error {
        config::Error::Invalid(report) => Invalid(report.render(has_colours())).into(),
        config::Error::Read(why) => Invalid(why).into(),
        config::Error::Program(error) => error,
    }
}

/// Whether what is said to a person may have colours.
fn has_colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// The migration that the arguments name, and the bus that it is on.
async fn attach(args: &BusArgs) -> anyhow::Result<(MigrationName, SharedBus)> {
    let migration = match &args.migration {
        Some(name) => name.clone(),
        None => config::load(&args.config).map_err(invalid)?.name,
    };
    let bus: SharedBus = match &args.nats {
        Some(url) => NatsBus::connect(NatsOptions::new(url)).await.context(NO_NATS)?,
        None => embedded::attach(&state_dir(&migration)).await.with_context(|| {
            format!(
                "find the state of a `migctl run` of {migration} here; for one on NATS give --nats URL, or set \
                 MIGCTL_NATS_URL"
            )
        })?,
    };
    Ok((migration, bus))
}
