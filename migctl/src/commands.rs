//! A file per command, and how each finds the migration that is meant.

pub mod audit;
pub mod configure;
pub mod curl;
pub mod dead_letters;
pub mod decide;
pub mod export;
pub mod forget;
pub mod inspect;
pub mod list;
pub mod man;
pub mod metadata;
pub mod output;
mod repository;
pub mod retry;
pub mod run;
pub mod snapshot;
pub mod status;
pub mod submit;
pub mod wish;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use protocol::bus::embedded;
use protocol::bus::nats::NatsBus;
use protocol::bus::{self, Bus, BusError, SharedBus};
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::process::NatsArgs;
use protocol::spec::{Spec, Submission};
use protocol::state::MigrationState;

use crate::cli::BusArgs;
use crate::config;
use crate::exit::Invalid;

/// What a person can do about a NATS server that isn't there.
const NO_NATS: &str =
    "there is no NATS server to talk to; start one, or name another with --nats URL or MIGCTL_NATS_URL";

/// Where `migctl run` keeps the states of migrations: beside what it migrates, in the current directory.
const STATES: &str = ".migctl";

/// How alike a name must be to be suggested, from 0 to 1.
const ALIKE: f64 = 0.7;

/// Where `migctl run` keeps the state of a migration.
#[must_use]
pub fn state_dir(migration: &MigrationName) -> PathBuf {
    Path::new(STATES).join(migration.as_str())
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

/// The migration that the arguments name.
fn named(args: &BusArgs) -> anyhow::Result<MigrationName> {
    match &args.migration {
        Some(name) => Ok(name.clone()),
        None => Ok(config::load(&args.config).map_err(invalid)?.name),
    }
}

/// The migration that the arguments name, and the bus that it is on.
pub async fn attach(args: &BusArgs) -> anyhow::Result<(MigrationName, SharedBus)> {
    let migration = named(args)?;
    let bus: SharedBus = match &args.nats.nats {
        Some(_) => connect(&args.nats).await?,
        None => embedded::attach(&state_dir(&migration)).await.with_context(|| {
            let near = near(&migration, &here().unwrap_or_default());
            format!(
                "find the state of a `migctl run` of {migration} here{near}; for one on NATS give --nats URL, or set \
                 MIGCTL_NATS_URL"
            )
        })?,
    };
    Ok((migration, bus))
}

/// The NATS server.
pub async fn connect(nats: &NatsArgs) -> anyhow::Result<Arc<NatsBus>> {
    nats.connect().await.map_err(|error| {
        let nobody_answers = error.is_transient();
        let error = anyhow::Error::from(error);
        if nobody_answers { error.context(NO_NATS) } else { error }
    })
}

/// The migrations of runs in the current directory.
pub fn here() -> std::io::Result<Vec<MigrationName>> {
    let entries = match std::fs::read_dir(STATES) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().to_str().and_then(|name| name.parse().ok()));
    }
    names.sort();
    Ok(names)
}

/// The migrations on a bus.
pub async fn on_bus(bus: &dyn Bus) -> Result<Vec<MigrationName>, BusError> {
    let keys = bus.keys(Bucket::Migrations, "").await?;
    let mut names: Vec<MigrationName> = keys.iter().filter_map(|key| names::parse_spec(key)).collect();
    names.sort();
    Ok(names)
}

/// `; did you mean …?`, where one of the names is nearly the one that was given.
fn near(given: &MigrationName, names: &[MigrationName]) -> String {
    suggestion(given.as_str(), names.iter().map(MigrationName::as_str))
}

/// `; did you mean …?`, where one of `known` is nearly `given`.
pub fn suggestion<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> String {
    let alike = known.map(|name| (strsim::jaro_winkler(given, name), name));
    let best = alike.filter(|(score, _)| *score >= ALIKE).max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.map(|(_, name)| format!("; did you mean {name}?")).unwrap_or_default()
}

/// There is no such migration: what is there instead.
async fn unknown(bus: &dyn Bus, migration: &MigrationName) -> anyhow::Error {
    let near = match on_bus(bus).await {
        Ok(names) => near(migration, &names),
        Err(error) => return error.into(),
    };
    anyhow::anyhow!(
        "there is no migration {migration} on this bus{near}; `migctl list` shows what is there (what is complete was \
         removed at cleanup)"
    )
}

/// The last submission of a migration and its revision.
async fn submission(bus: &dyn Bus, migration: &MigrationName) -> anyhow::Result<(Submission, u64)> {
    match bus::read::<Submission>(bus, Bucket::Migrations, &names::spec(migration)).await? {
        Some(found) => Ok(found),
        None => Err(unknown(bus, migration).await),
    }
}

/// The state of a migration as the coordinator stored it last; that of one which hasn't begun where there is none.
async fn stored_state(bus: &dyn Bus, migration: &MigrationName) -> Result<MigrationState, BusError> {
    let state = bus::read::<MigrationState>(bus, Bucket::Migrations, &names::state(migration)).await?;
    Ok(state.map(|(state, _)| state).unwrap_or_default())
}

/// The last submission, and the state once the coordinator has seen it: the failures of earlier ones are history.
async fn submission_and_state(
    bus: &dyn Bus,
    migration: &MigrationName,
) -> anyhow::Result<(Submission, MigrationState)> {
    let (submission, _) = submission(bus, migration).await?;
    let mut state = stored_state(bus, migration).await?;
    state.take_up(submission.number, submission.redo.as_ref());
    Ok((submission, state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_no_other() {
        let names: Vec<MigrationName> = ["shop", "logs-2024"].map(|name| name.parse().unwrap()).to_vec();
        assert_eq!(near(&"shpo".parse().unwrap(), &names), "; did you mean shop?");
        assert_eq!(near(&"logs".parse().unwrap(), &names), "; did you mean logs-2024?");
        assert_eq!(near(&"zebra".parse().unwrap(), &names), "");
    }
}
