//! `migctl audit`: what people did, and when.

use anyhow::Context;
use protocol::bus;
use protocol::gate::AuditEntry;
use protocol::names::{self, Bucket};

use super::{attach, unknown};
use crate::cli::{AuditArgs, Output};
use crate::exit::Exit;
use crate::{hint, table, view};

/// Prints the audit log, oldest first.
///
/// # Errors
/// No such migration; the bus's.
pub async fn audit(args: AuditArgs) -> anyhow::Result<Exit> {
    let (migration, bus) = attach(&args.bus).await?;
    let stored = view::read_all(&*bus, Bucket::Audit, &names::migration_prefix(&migration)).await?;
    if stored.is_empty() {
        return Err(unknown(&*bus, &migration).await);
    }
    // Keys sort by time.
    let entries = stored.iter().map(|(key, entry)| view::decode::<AuditEntry>(key, entry));
    let entries: Vec<AuditEntry> = entries.collect::<Result<_, bus::BusError>>()?;
    match args.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&entries).context("write JSON")?),
        Output::Text => {
            for entry in entries {
                println!("{}  {}  {}", table::time(entry.at_ms), entry.who, entry.what);
                for detail in entry.detail {
                    println!("    {detail}");
                }
            }
        }
    }
    hint::after(args.output, &hint::about("status", &migration, &args.bus));
    Ok(Exit::Done)
}
