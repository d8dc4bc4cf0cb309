//! `migctl forget`: removes the state of a migration that has ended.

use std::io;
use std::path::Path;

use anyhow::{Context, bail};
use protocol::bus::embedded::EmbeddedBus;
use protocol::bus::{self, Bus};
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::state::MigrationState;

use super::{STATES, connect, here, named, near, state_dir, unknown};
use crate::ask::{self, Terminal};
use crate::cli::ForgetArgs;
use crate::exit::{Exit, Invalid};
use crate::view::View;
use crate::{hint, person};

/// Removes it, after asking.
///
/// # Errors
/// No such migration; it is under way; the bus's.
pub async fn forget(args: ForgetArgs) -> anyhow::Result<Exit> {
    let migration = named(&args.bus)?;
    if args.bus.nats.nats.is_some() {
        let bus = connect(&args.bus.nats).await?;
        if !may_go(&*bus, &migration, args.yes).await? {
            return Ok(Exit::Error);
        }
        person::record(&*bus, &migration, "forget".to_owned(), Vec::new()).await?;
        bus.remove_migration(&migration).await?;
    } else {
        let known = here().with_context(|| format!("look into {STATES}"))?;
        if !known.contains(&migration) {
            bail!("no `migctl run` of {migration} has left a state here{}", near(&migration, &known));
        }
        // Taken as a run takes it, so that none begins in between.
        let bus = EmbeddedBus::open(&state_dir(&migration)).await.context("open the state of the migration")?;
        // A run that was killed before it wrote anything has left a folder all the same.
        let is_empty = bus.keys(Bucket::Migrations, "").await?.is_empty();
        let may_go = is_empty || may_go(&*bus, &migration, args.yes).await?;
        bus.close().await;
        drop(bus);
        if !may_go {
            return Ok(Exit::Error);
        }
        remove_folder(&migration)?;
    }
    println!("{migration}: its state is removed; what it wrote to the target stays");
    hint::next(&format!("migctl list{}", args.bus.nats.to_type()));
    Ok(Exit::Done)
}

/// Removes what a run has kept, after its bus was closed; the folder of all of them too, when it was the last.
///
/// # Errors
/// The disk's.
pub fn remove_folder(migration: &MigrationName) -> anyhow::Result<()> {
    let dir = state_dir(migration);
    // Out of the way at once: a run that begins meanwhile must not find half of it.
    let doomed = Path::new(STATES).join(format!(".{migration}-{}", std::process::id()));
    match std::fs::rename(&dir, &doomed) {
        // Another one was faster.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        renamed => renamed.with_context(|| format!("remove {}", dir.display()))?,
    }
    std::fs::remove_dir_all(&doomed).with_context(|| format!("remove {}", doomed.display()))?;
    match std::fs::remove_dir(STATES) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound) => {
            Err(error).with_context(|| format!("remove {STATES}"))
        }
        _ => Ok(()),
    }
}

/// Whether it has ended, and a person wants it gone.
async fn may_go(bus: &dyn Bus, migration: &MigrationName, yes: bool) -> anyhow::Result<bool> {
    let lost = match View::read(bus, migration).await? {
        Some(view) => {
            let now = view.now();
            // One that no coordinator has seen has nothing running.
            let begun = bus.get(Bucket::Migrations, &names::state(migration)).await?.is_some();
            if begun && !matches!(now.status, "complete" | "failed" | "rejected") {
                bail!("{migration} has not ended: {} is {}; `migctl stop -m {migration}` first", now.name, now.status);
            }
            format!("{} dead letters and its audit log are lost", view.dead_letters)
        }
        // A removal that broke off leaves the state alone.
        None => match bus::read::<MigrationState>(bus, Bucket::Migrations, &names::state(migration)).await? {
            Some(_) => "the rest of a removal that broke off".to_owned(),
            None => return Err(unknown(bus, migration).await),
        },
    };
    if yes {
        return Ok(true);
    }
    if !ask::is_possible() {
        return Err(Invalid(format!("there is no terminal to ask on: forget {migration} with --yes ({lost})")).into());
    }
    Terminal::default().ask(&format!("remove the state of {migration}? ({lost})")).await
}
