//! A migration for people: its phases, its documents, and what to do next.

use crate::table;
use crate::view::{PhaseView, View};

/// Lines of the evidence that are shown beside a gate; `migctl evidence` shows all.
const EVIDENCE_LINES: usize = 12;
/// Longest note beside a phase.
const NOTE_MAX: usize = 90;

/// All of it.
#[must_use]
pub fn all(view: &View) -> String {
    let preflight = &view.preflight;
    let note = first(preflight.reason.as_deref(), preflight.progress.as_deref(), &preflight.notes);
    let mut rows = vec![vec!["pre-flight".to_owned(), preflight.status.to_owned(), String::new(), note]];
    rows.extend(view.phases.iter().map(|phase| {
        let note = first(phase.reason.as_deref(), phase.progress.as_deref(), &phase.notes);
        vec![phase.phase.to_string(), phase.status.to_owned(), took(phase), note]
    }));
    let mut parts = vec![
        format!("{}, submission {}", view.migration, view.submission),
        table::table(&["phase", "status", "took", ""], &[2], rows),
    ];
    if !view.indices.is_empty() {
        parts.push(index_table(view));
    }
    if !view.only_created.is_empty() {
        parts.push(format!("created and not loaded: {}", view.only_created.join(", ")));
    }
    for worker in &view.workers {
        let doing = if worker.doing.is_empty() { "idle".to_owned() } else { worker.doing.join(", ") };
        parts.push(format!("worker {}: {} slots, {doing}", worker.id, worker.slots));
    }
    parts.extend(verdict(view));
    parts.join("\n")
}

/// The first line there is to say of a phase.
fn first(reason: Option<&str>, progress: Option<&str>, notes: &[String]) -> String {
    let note = reason.and_then(|why| why.lines().next()).or(progress);
    table::shorten(note.or_else(|| notes.first().map(String::as_str)).unwrap_or_default(), NOTE_MAX)
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
    let adds_up = view.indices.iter().all(|index| index.adds_up);
    rows.push(line("total".to_owned(), view.live_docs(), &total, adds_up));
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
    let name = &view.migration;
    let Some(phase) = view.current() else {
        lines.push(format!("{name} is complete"));
        return lines;
    };
    let mend = "mend it and run (or submit) the same configuration again: what is done stays done".to_owned();
    let now = view.now();
    match now.status {
        "failed" => {
            let reason = if now.name == "preflight" { &view.preflight.reason } else { &phase.reason };
            let why = reason.as_deref().unwrap_or("no reason was stored");
            lines.extend([format!("error: {} failed: {why}", now.name), mend]);
        }
        "rejected" => {
            lines.extend(evidence(phase));
            let by = phase.reason.as_deref().unwrap_or("somebody");
            lines.push(format!("{} was rejected by {by}", phase.phase));
            lines.push(format!("lets it begin all the same: migctl approve {} -m {name}", phase.phase));
        }
        "waiting" => {
            lines.extend(evidence(phase));
            lines.push(format!("waits for: migctl approve {} -m {name}", phase.phase));
        }
        "paused" => {
            lines.push(format!("{name} is {}", view.paused.as_deref().unwrap_or("paused")));
            lines.push(format!("goes on after: migctl resume -m {name}"));
        }
        status => lines.push(format!("{} is {status}", now.name)),
    }
    lines
}

/// The first lines of what a gate is about to let through.
fn evidence(phase: &PhaseView) -> Vec<String> {
    let Some(evidence) = &phase.evidence else { return Vec::new() };
    let text = crate::commands::decide::text(evidence);
    let count = text.lines().count();
    let mut lines: Vec<String> = text.lines().take(EVIDENCE_LINES).map(str::to_owned).collect();
    if count > EVIDENCE_LINES {
        lines.push(format!("… {} lines more: migctl evidence {}", count - EVIDENCE_LINES, phase.phase));
    }
    lines
}
