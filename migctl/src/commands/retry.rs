//! `migctl retry`: does a phase, or a shard, again although it was done.

use anyhow::{Context, bail, ensure};
use protocol::bus::Bus;
use protocol::ids::{MigrationName, ShardId};
use protocol::phase::Phase;
use protocol::plan::InventoryIndex;
use protocol::spec::Redo;
use protocol::state::MigrationState;

use super::{attach, submission_and_state, submit, suggestion};
use crate::cli::RetryArgs;
use crate::exit::Exit;
use crate::{hint, view};

/// Submits the same configuration once more, with what is to be done again.
///
/// # Errors
/// No such migration or shard; a phase whose turn hasn't come; the bus's.
pub async fn retry(args: RetryArgs) -> anyhow::Result<Exit> {
    let (migration, bus) = attach(&args.bus).await?;
    let (_, state) = submission_and_state(&*bus, &migration).await?;
    let (redo, what) = match (&args.shard, args.phase) {
        (Some(shard), _) => (Redo::Shard(find(&*bus, &migration, shard).await?), format!("--shard {shard}")),
        (None, Some(phase)) => (Redo::Phase(phase), phase.to_string()),
        (None, None) => bail!("name a phase, or a shard with --shard INDEX/N"),
    };
    has_begun(&redo, &state)?;
    let number = submit::again(&*bus, &migration, Some(redo), &format!("retry {what}"), &args.note).await?;
    println!("{migration}: {what} is done again, and what follows (submission {number})");
    hint::next(&hint::about("status --watch", &migration, &args.bus));
    Ok(Exit::Done)
}

/// What lies ahead needs no asking.
fn has_begun(redo: &Redo, state: &MigrationState) -> anyhow::Result<()> {
    let phase = match redo {
        Redo::Phase(phase) => *phase,
        Redo::Shard(_) => Phase::Load,
    };
    match state.current() {
        Some(current) if current < phase => bail!("{phase} hasn't begun yet: {current} comes first"),
        _ => Ok(()),
    }
}

/// The shard that is meant: `orders/3`.
async fn find(bus: &dyn Bus, migration: &MigrationName, text: &str) -> anyhow::Result<ShardId> {
    let parts = text.rsplit_once('/').and_then(|(index, shard)| Some((index, shard.parse::<u32>().ok()?)));
    let (name, shard) = parts.with_context(|| format!("{text:?} is no shard: INDEX/N is expected, `orders/3`"))?;
    let inventory = view::inventory(bus, migration).await?;
    let loaded: Vec<&InventoryIndex> = inventory.iter().filter(|index| index.load).collect();
    let Some(index) = loaded.iter().find(|index| index.name == name) else {
        let near = suggestion(name, loaded.iter().map(|index| index.name.as_str()));
        bail!("{migration} loads no index {name}{near}");
    };
    let shards = index.shards.len();
    ensure!((shard as usize) < shards, "{name} has {shards} shards, from 0: there is no shard {shard}");
    Ok(ShardId { index: index.no, shard })
}
