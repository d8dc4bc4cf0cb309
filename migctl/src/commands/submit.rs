//! `migctl submit`: hands a migration to the coordinator and the workers on a NATS server.

use anyhow::Context;
use protocol::bus::nats::{NatsBus, NatsOptions};
use protocol::bus::{self, Bus, BusError};
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::phase::Phase;
use protocol::spec::{Spec, Submission};
use protocol::state::{MigrationState, PhaseStatus};

use super::{NO_NATS, load_config};
use crate::cli::SubmitArgs;
use crate::exit::{Exit, Invalid};

/// Submits the configuration, for the first time or again.
///
/// # Errors
/// A configuration that is not valid, or is another migration's; the bus's.
pub async fn submit(args: SubmitArgs) -> anyhow::Result<Exit> {
    let spec = load_config(&args.config)?;
    let bus = NatsBus::connect(NatsOptions::new(&args.nats)).await.context(NO_NATS)?;
    let migration = spec.name.clone();
    let number = store(&*bus, spec).await?;
    println!("{migration}: submitted{}", if number > 1 { ", what stopped or failed is taken up" } else { "" });
    if bus.keys(Bucket::Workers, "").await?.is_empty() {
        eprintln!("no worker is there yet; start one: worker start --nats {}", args.nats);
    }
    eprintln!("next: migctl status -c {} --nats {} --watch", args.config.display(), args.nats);
    Ok(Exit::Done)
}

/// Stores the specification as the next submission; its number.
///
/// # Errors
/// The migration has begun with other documents or another target; the bus's.
pub async fn store(bus: &dyn Bus, spec: Spec) -> anyhow::Result<u32> {
    let key = names::spec(&spec.name);
    let before = bus::read::<Submission>(bus, Bucket::Migrations, &key).await?;
    let (number, revision) = match &before {
        Some((before, revision)) => {
            if !register_failed(bus, &spec.name).await? {
                same_migration(&before.spec, &spec)?;
            }
            (before.number.saturating_add(1), Some(*revision))
        }
        None => (1, None),
    };
    let value = bus::bytes(&key, &Submission { number, spec, redo: None })?;
    match revision {
        Some(revision) => bus.update(Bucket::Migrations, &key, value, revision).await?,
        None => bus.create(Bucket::Migrations, &key, value).await?,
    };
    Ok(number)
}

/// Whether nothing was done yet that another snapshot or target would spoil, and nobody is at it: a mistyped path may
/// be mended.
async fn register_failed(bus: &dyn Bus, migration: &MigrationName) -> Result<bool, BusError> {
    let state = bus::read::<MigrationState>(bus, Bucket::Migrations, &names::state(migration)).await?;
    let failed = state.is_some_and(|(state, _)| matches!(state.phase(Phase::Register).status, PhaseStatus::Failed(_)));
    Ok(failed && bus.get(Bucket::Migrations, &names::inventory(migration, 0)).await?.is_none())
}

/// Plans and checkpoints belong to one snapshot and one target: with others they would mean nothing.
fn same_migration(before: &Spec, now: &Spec) -> Result<(), Invalid> {
    let changed = if !before.snapshot.is_same_snapshot(&now.snapshot) {
        "snapshot"
    } else if before.target.endpoint != now.target.endpoint {
        "target.endpoint"
    } else if before.indices != now.indices {
        "indices"
    } else {
        return Ok(());
    };
    Err(Invalid(format!(
        "migration {} was begun with another `{changed}`: what it did can't be continued with this one; give the new \
         migration another `name`",
        now.name
    )))
}
