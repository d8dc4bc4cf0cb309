//! The phases as a tree, with what each is at.

use protocol::ids::MigrationName;
use protocol::phase::Phase;
use protocol::state::LoadProgress;

use crate::table;
use crate::view::{IndexView, PhaseView, View, WorkerView};

/// Indices under way that are named.
const INDICES_SHOWN: usize = 10;
/// Longest name of an index or a worker.
const NAME_MAX: usize = 40;
/// Longest word of a status.
const STATUS_LEN: usize = 8;
/// Longest time.
const TIME_LEN: usize = 11;

/// The migration, a line for each phase, and below the load one for each index that is under way.
pub fn tree(view: &View, now_ms: u64) -> Vec<String> {
    let now = view.now();
    let mut lines = vec![match now.status {
        "complete" => format!("{}, submission {}: complete", view.migration, view.submission),
        "waiting" => format!("{}, submission {}: {} waits for approval", view.migration, view.submission, now.name),
        "failed" => format!("{}, submission {}: {} failed", view.migration, view.submission, now.name),
        "rejected" => format!("{}, submission {}: {} was rejected", view.migration, view.submission, now.name),
        status => format!("{}, submission {}: {} is {status}", view.migration, view.submission, now.name),
    }];
    let preflight = &view.preflight;
    let note = first(preflight.reason.as_deref(), preflight.progress.as_deref(), &preflight.notes);
    lines.push(line(
        "├─",
        "pre-flight",
        preflight.status,
        took(preflight.started_ms, preflight.ended_ms, now_ms),
        note,
    ));
    for phase in &view.phases {
        let is_last = phase.phase == Phase::Cleanup;
        let branch = if is_last { "└─" } else { "├─" };
        let time = took(phase.started_ms, phase.ended_ms, now_ms);
        lines.push(line(branch, phase.phase.as_str(), phase.status, time, &note_of(view, phase)));
        if phase.phase == Phase::Load && matches!(phase.status, "running" | "failed") {
            lines.extend(indices(view));
        }
    }
    lines
}

fn line(branch: &str, name: &str, status: &str, time: Option<u64>, note: &str) -> String {
    let time = time.map(table::duration).unwrap_or_default();
    format!("{branch} {name:<10}  {status:<STATUS_LEN$}  {time:>TIME_LEN$}  {note}").trim_end().to_owned()
}

/// Since when it goes on, or how long it took.
fn took(started_ms: Option<u64>, ended_ms: Option<u64>, now_ms: u64) -> Option<u64> {
    let started = started_ms?;
    // It was begun again after an earlier end.
    let ended = ended_ms.filter(|ended| *ended >= started).unwrap_or(now_ms);
    Some(ended.saturating_sub(started))
}

/// The first line there is to say of a phase.
fn first<'a>(reason: Option<&'a str>, progress: Option<&'a str>, notes: &'a [String]) -> &'a str {
    let reason = reason.and_then(|why| why.lines().next());
    reason.or(progress).or_else(|| notes.first().map(String::as_str)).unwrap_or_default()
}

fn note_of(view: &View, phase: &PhaseView) -> String {
    if phase.phase == Phase::Load && phase.status == "running" {
        return load(view);
    }
    first(phase.reason.as_deref(), phase.progress.as_deref(), &phase.notes).to_owned()
}

/// How far the load is, how fast it goes, how long it takes still.
fn load(view: &View) -> String {
    let (done, total) = (view.total().accounted(), view.live_docs());
    let percent = (u128::from(done) * 100).checked_div(u128::from(total)).unwrap_or(100);
    let mut parts = vec![format!("{} of {} documents ({percent} %)", table::count(done), table::count(total))];
    if let Some(LoadProgress { read_bytes, total_read_bytes, docs_per_second, bytes_per_second, left_ms, .. }) =
        view.load
    {
        parts.push(format!("{} of {}", table::size(read_bytes), table::size(total_read_bytes)));
        if let (Some(bytes), Some(docs)) = (bytes_per_second, docs_per_second) {
            parts.push(format!("{}/s", table::size(bytes)));
            parts.push(format!("{} documents/s", table::count(docs)));
        }
        if view.paused.is_none() {
            parts.push(left_ms.map_or("no end in sight".to_owned(), |left| format!("{} left", table::duration(left))));
        }
    }
    parts.join(", ")
}

/// Those under way or failed, and how many others.
fn indices(view: &View) -> Vec<String> {
    let is_done = |index: &&IndexView| index.shards_done == index.shards;
    let is_begun =
        |index: &&IndexView| index.counts.accounted() > 0 || index.shards_failed > 0 || index.shards_done > 0;
    let under_way: Vec<&IndexView> = view.indices.iter().filter(|index| is_begun(index) && !is_done(index)).collect();
    let done = view.indices.iter().filter(is_done).count();
    let waiting = view.indices.len().saturating_sub(done).saturating_sub(under_way.len());
    let width = under_way.iter().take(INDICES_SHOWN).map(|index| index.name.chars().count()).max();
    let width = width.unwrap_or_default().min(NAME_MAX);
    let mut lines: Vec<String> = under_way.iter().take(INDICES_SHOWN).map(|index| leaf(index, width)).collect();
    let more = under_way.len().saturating_sub(INDICES_SHOWN);
    let others = [(more, "more under way"), (done, "loaded"), (waiting, "not begun")];
    let others: Vec<String> =
        others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if !others.is_empty() {
        lines.push(format!("indices: {}", others.join(", ")));
    }
    let count = lines.len();
    let branch = |at: usize| if at + 1 == count { "└─" } else { "├─" };
    lines.into_iter().enumerate().map(|(at, line)| format!("│  {} {line}", branch(at))).collect()
}

fn leaf(index: &IndexView, width: usize) -> String {
    let name = table::shorten(&index.name, NAME_MAX);
    let (done, live) = (table::count(index.counts.accounted()), table::count(index.live_docs));
    let mut line =
        format!("{name:<width$}  {} of {} shards, {done} of {live} documents", index.shards_done, index.shards);
    if index.counts.rejected > 0 {
        line.push_str(&format!(", {} rejected", table::count(index.counts.rejected)));
    }
    if index.shards_failed > 0 {
        line.push_str(&format!(", {} failed", table::counted(index.shards_failed as u64, "shard")));
    }
    line
}

/// A worker, and what it does.
pub fn worker(worker: &WorkerView, of: &MigrationName, now_ms: u64) -> String {
    let (ours, others): (Vec<_>, Vec<_>) = worker.doing.iter().partition(|doing| doing.migration == *of);
    let told = |doing: &&crate::view::DoingView| {
        format!("{} ({})", doing.task, table::duration(now_ms.saturating_sub(doing.since_ms)))
    };
    let mut doing: Vec<String> = ours.iter().map(told).collect();
    if !others.is_empty() {
        doing.push(format!("{} of other migrations", table::counted(others.len() as u64, "task")));
    }
    if doing.is_empty() {
        doing.push("idle".to_owned());
    }
    let slots = table::counted(u64::from(worker.slots), "slot");
    format!("worker {}, {slots}: {}", table::shorten(&worker.id, NAME_MAX), doing.join(", "))
}
