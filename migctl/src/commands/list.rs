//! `migctl list`: the migrations on a bus, or in this directory.

use anyhow::Context;
use protocol::bus::embedded;
use serde::Serialize;

use super::{STATES, connect, here, on_bus, state_dir};
use crate::cli::{ListArgs, Output};
use crate::exit::Exit;
use crate::view::View;
use crate::{hint, table};

/// One migration.
#[derive(Serialize)]
struct Row {
    name: String,
    phase: &'static str,
    status: &'static str,
    accounted: u64,
    live_docs: u64,
    since_ms: Option<u64>,
}

/// Lists them.
///
/// # Errors
/// No NATS server; the bus's.
pub async fn list(args: ListArgs) -> anyhow::Result<Exit> {
    let mut views = Vec::new();
    match &args.nats.nats {
        Some(_) => {
            let bus = connect(&args.nats).await?;
            for migration in on_bus(&*bus).await? {
                views.extend(View::read(&*bus, &migration).await?);
            }
        }
        None => {
            for migration in here().with_context(|| format!("look into {STATES}"))? {
                let bus = embedded::attach(&state_dir(&migration)).await?;
                views.extend(View::read(&*bus, &migration).await?);
            }
        }
    }
    print(views.iter().map(row).collect(), &args)?;
    if let Some(view) = views.first() {
        hint::after(args.output, &format!("migctl status -m {}{}", view.migration, args.nats.to_type()));
    }
    Ok(Exit::Done)
}

fn row(view: &View) -> Row {
    let now = view.now();
    Row {
        name: view.migration.to_string(),
        phase: now.name,
        status: now.status,
        accounted: view.total().accounted(),
        live_docs: view.live_docs(),
        since_ms: view.phases.iter().filter_map(|phase| phase.ended_ms.max(phase.started_ms)).max(),
    }
}

fn print(rows: Vec<Row>, args: &ListArgs) -> anyhow::Result<()> {
    if args.output == Output::Json {
        println!("{}", serde_json::to_string_pretty(&rows).context("write JSON")?);
        return Ok(());
    }
    if rows.is_empty() {
        let elsewhere = if args.nats.nats.is_none() { "; for those on NATS give --nats URL" } else { "" };
        eprintln!("no migration is here{elsewhere}");
        return Ok(());
    }
    let cells = rows.into_iter().map(|row| {
        let docs = format!("{} of {}", table::count(row.accounted), table::count(row.live_docs));
        vec![
            row.name,
            row.phase.to_owned(),
            row.status.to_owned(),
            docs,
            row.since_ms.map(table::time).unwrap_or_default(),
        ]
    });
    println!("{}", table::table(&["migration", "phase", "status", "documents", "since"], &[3], cells.collect()));
    Ok(())
}
