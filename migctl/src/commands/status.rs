//! `migctl status`: where a migration is.

use std::time::Duration;

use anyhow::Context;
use protocol::bus::BusError;

use super::attach;
use crate::cli::{BusArgs, Output, StatusArgs};
use crate::exit::Exit;
use crate::table;
use crate::view::{PhaseView, View};

/// Between two looks of `--watch`.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// Prints it, once or until the migration ends.
///
/// # Errors
/// No such migration; the bus's.
pub async fn status(args: StatusArgs) -> anyhow::Result<Exit> {
    loop {
        let view = match look(&args.bus).await {
            // A run that ends while it is asked leaves its state behind: to be read without it.
            Err(error) if error.downcast_ref::<BusError>().is_some_and(BusError::is_transient) => {
                look(&args.bus).await?
            }
            looked => looked?,
        };
        match args.output {
            Output::Json => println!("{}", serde_json::to_string_pretty(&view).context("write JSON")?),
            Output::Text => println!("{}", text(&view)),
        }
        let exit = match view.current().map(|phase| phase.status) {
            None => Exit::Done,
            Some("failed") => Exit::Failed,
            Some("waiting") => Exit::Waiting,
            Some(_) if args.watch => {
                tokio::time::sleep(WATCH_EVERY).await;
                continue;
            }
            Some(_) => Exit::Done,
        };
        return Ok(exit);
    }
}

/// The migration as it is now; the bus is asked anew each time: a state that no run holds is locked while it is looked
/// at, and a run may want to begin.
async fn look(args: &BusArgs) -> anyhow::Result<View> {
    let (migration, bus) = attach(args).await?;
    let view = View::read(&*bus, &migration).await?;
    view.with_context(|| format!("there is no migration {migration} on this bus"))
}

fn text(view: &View) -> String {
    let rows = view
        .phases
        .iter()
        .map(|phase| {
            let note = phase.reason.as_deref().and_then(|why| why.lines().next());
            let note = note.or_else(|| phase.notes.first().map(String::as_str)).unwrap_or_default();
            vec![phase.phase.to_string(), phase.status.to_owned(), took(phase), table::shorten(note, 90)]
        })
        .collect();
    let mut parts = vec![
        format!("{}, submission {}", view.migration, view.submission),
        table::table(&["phase", "status", "took", ""], &[2], rows),
    ];
    if !view.indices.is_empty() {
        parts.push(index_table(view));
    }
    for worker in &view.workers {
        let doing = if worker.doing.is_empty() { "idle".to_owned() } else { worker.doing.join(", ") };
        parts.push(format!("worker {}: {} slots, {doing}", worker.id, worker.slots));
    }
    parts.extend(verdict(view));
    parts.join("\n")
}

fn took(phase: &PhaseView) -> String {
    match (phase.started_ms, phase.ended_ms) {
        (Some(started), Some(ended)) if ended >= started => {
            let tenths = (ended - started) / 100;
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        _ => String::new(),
    }
}

/// What became of every index's documents.
#[must_use]
pub fn index_table(view: &View) -> String {
    let total = view.total();
    let line = |name: String, live: u64, counts: &protocol::checkpoint::Counts, adds_up: bool| {
        vec![
            name,
            table::count(live),
            table::count(counts.written),
            table::count(counts.already_there),
            table::count(counts.rejected),
            table::count(counts.skipped_total()),
            table::count(counts.nested),
            if adds_up { "yes".to_owned() } else { "no".to_owned() },
        ]
    };
    let mut rows: Vec<Vec<String>> = view
        .indices
        .iter()
        .map(|index| line(index.name.clone(), index.live_docs, &index.counts, index.adds_up))
        .collect();
    let live = view.indices.iter().map(|index| index.live_docs).sum();
    let adds_up = view.indices.iter().all(|index| index.adds_up);
    rows.push(line("total".to_owned(), live, &total, adds_up));
    let head = ["index", "live docs", "written", "already there", "rejected", "skipped", "nested", "adds up"];
    table::table(&head, &[1, 2, 3, 4, 5, 6], rows)
}

/// How it ended or what it waits for, and what to do next.
#[must_use]
pub fn verdict(view: &View) -> Vec<String> {
    let mut lines = Vec::new();
    let skipped = view.total().skipped;
    if !skipped.is_empty() {
        let reasons: Vec<String> =
            skipped.iter().map(|(reason, count)| format!("{count} {}", reason.as_str())).collect();
        lines.push(format!("skipped: {}", reasons.join(", ")));
    }
    if view.dead_letters > 0 {
        lines.push(format!("{} dead letters", view.dead_letters));
    }
    match view.current() {
        None => lines.push(format!("{} is complete", view.migration)),
        Some(phase) if phase.status == "failed" => {
            let why = phase.reason.as_deref().unwrap_or("no reason was stored");
            lines.push(format!("error: {} failed: {why}", phase.phase));
            lines.push("mend it and run (or submit) the same configuration again: what is done stays done".to_owned());
        }
        Some(phase) if phase.status == "waiting" => {
            lines.push(format!("waits for: migctl approve {}", phase.phase));
        }
        Some(phase) => lines.push(format!("{} is {}", phase.phase, phase.status)),
    }
    lines
}
