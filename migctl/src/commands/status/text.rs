//! A migration for people: its phases, its documents, and what to do next.

use protocol::phase::Phase;

use crate::table;
use crate::view::{IndexView, PhaseView, View};

use super::tree;

/// Lines of the evidence that are shown beside a gate; `migctl evidence` shows all.
const EVIDENCE_LINES: usize = 12;
/// Indices that the table names: of more, those whose account tells most.
const INDICES_SHOWN: usize = 40;

/// All of it, at `now_ms`; lines of at most `width` characters, where that matters.
#[must_use]
pub fn all(view: &View, now_ms: u64, width: Option<usize>) -> String {
    let mut lines = tree::tree(view, now_ms);
    let load = view.phases.iter().find(|phase| phase.phase == Phase::Load);
    if load.is_some_and(|load| matches!(load.status, "done" | "failed")) && !view.indices.is_empty() {
        lines.push(String::new());
        lines.extend(index_table(view).lines().map(str::to_owned));
    }
    if !view.only_created.is_empty() {
        lines.push(format!("created and not loaded: {}", view.only_created.join(", ")));
    }
    if !view.workers.is_empty() && view.current().is_some() {
        lines.push(String::new());
        lines.extend(view.workers.iter().map(|worker| tree::worker(worker, &view.migration, now_ms)));
    }
    if let Some(width) = width {
        lines.iter_mut().for_each(|line| *line = table::cut(line, width));
    }
    lines.push(String::new());
    // What is to be done is never cut.
    lines.extend(verdict(view));
    lines.join("\n")
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
    let mut shown: Vec<&IndexView> = view.indices.iter().collect();
    // Stable, so that nothing changes where all are shown.
    if shown.len() > INDICES_SHOWN {
        shown.sort_by_key(|index| (index.adds_up, index.counts.rejected + index.counts.skipped_total() == 0));
        shown.truncate(INDICES_SHOWN);
    }
    let mut rows: Vec<Vec<String>> =
        shown.iter().map(|index| line(index.name.clone(), index.live_docs, &index.counts, index.adds_up)).collect();
    let more = view.indices.len().saturating_sub(shown.len());
    if more > 0 {
        rows.push(vec![format!("… {more} more")]);
    }
    let adds_up = view.indices.iter().all(|index| index.adds_up);
    rows.push(line("total".to_owned(), view.live_docs(), &total, adds_up));
    let head = ["index", "live docs", "written", "already there", "rejected", "skipped", "nested", "adds up"];
    table::table(&head, &[1, 2, 3, 4, 5, 6], rows)
}

/// How it ended or what it waits for, and what to do next.
#[must_use]
pub fn verdict(view: &View) -> Vec<String> {
    let (mut lines, name) = (Vec::new(), &view.migration);
    let skipped = view.total().skipped;
    if !skipped.is_empty() {
        let reasons: Vec<String> =
            skipped.iter().map(|(reason, count)| format!("{count} {}", reason.as_str())).collect();
        lines.push(format!("skipped: {}", reasons.join(", ")));
    }
    if view.dead_letters > 0 {
        lines.push(format!("{}: migctl dead-letters ls -m {name}", table::counted(view.dead_letters, "dead letter")));
    }
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
        status if view.workers.is_empty() => {
            lines.push(format!("{} is {status}: no worker is there to do it: worker start", now.name));
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

#[cfg(test)]
pub mod tests {
    use protocol::checkpoint::Counts;
    use protocol::state::LoadProgress;

    use super::*;
    use crate::view::{DoingView, PreflightView, WorkerView};

    const NOW: u64 = 1_795_385_679_123;

    fn phase(phase: Phase, status: &'static str, times: (u64, u64), notes: &[&str]) -> PhaseView {
        let ago = |seconds: u64| (seconds > 0).then(|| NOW - seconds * 1_000);
        PhaseView {
            phase,
            status,
            reason: None,
            started_ms: ago(times.0),
            ended_ms: ago(times.1),
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
            progress: None,
            evidence: None,
        }
    }

    fn index(name: &str, shards: (usize, usize, usize), live_docs: u64, written: u64, rejected: u64) -> IndexView {
        let (shards, shards_done, shards_failed) = shards;
        let counts = Counts { written, rejected, ..Counts::default() };
        let adds_up = counts.accounted() == live_docs;
        IndexView { name: name.to_owned(), shards, shards_done, shards_failed, live_docs, counts, adds_up }
    }

    /// A migration in its load.
    pub fn loading() -> View {
        let mut snapshot = phase(Phase::Snapshot, "skipped", (0, 700), &[]);
        snapshot.reason = Some("nightly is managed externally".to_owned());
        let doing = |migration: &str, task: &str, seconds: u64| DoingView {
            migration: migration.parse().unwrap(),
            task: task.to_owned(),
            since_ms: NOW - seconds * 1_000,
        };
        let worker = |id: &str, doing: Vec<DoingView>| WorkerView {
            id: id.to_owned(),
            version: "0.1.0".to_owned(),
            slots: 2,
            memory_bytes: 512 << 20,
            doing,
        };
        View {
            migration: "shop".parse().unwrap(),
            submission: 2,
            preflight: PreflightView {
                status: "done",
                reason: None,
                started_ms: Some(NOW - 703_000),
                ended_ms: Some(NOW - 700_400),
                notes: vec!["source http://es:9200: it is elasticsearch 7.10.2".to_owned()],
                progress: None,
            },
            phases: vec![
                snapshot,
                phase(Phase::Register, "done", (700, 688), &["4 indices, 12 shards, 6,400 Lucene documents, 16.0 MiB"]),
                phase(Phase::Metadata, "done", (600, 597), &["4 created"]),
                phase(Phase::Load, "running", (590, 0), &[]),
                phase(Phase::Verify, "pending", (0, 0), &[]),
                phase(Phase::Cleanup, "pending", (0, 0), &[]),
            ],
            paused: None,
            load: Some(LoadProgress {
                submission: 2,
                at_ms: NOW - 500,
                docs: 1_900,
                total_docs: 6_400,
                read_bytes: 5 << 20,
                total_read_bytes: 16 << 20,
                docs_per_second: Some(12_345),
                bytes_per_second: Some(45 << 20),
                left_ms: Some(250_000),
            }),
            indices: vec![
                index("books", (1, 1, 0), 1_000, 1_000, 0),
                index("orders", (10, 2, 1), 3_200, 898, 2),
                index("products", (1, 0, 0), 200, 0, 0),
                index("weblogs", (1, 0, 0), 2_000, 0, 0),
            ],
            only_created: Vec::new(),
            workers: vec![
                worker("w1-77-a0b1", vec![doing("shop", "load orders/3 _a-0-5012", 12), doing("logs", "plan x/1", 1)]),
                worker("w2-78-c2d3", Vec::new()),
            ],
            dead_letters: 2,
            deletes_dead_letters: false,
        }
    }

    #[test]
    fn a_load_under_way_is_a_tree_with_figures() {
        let text = all(&loading(), NOW, None);
        insta::assert_snapshot!(text);
        let narrow = all(&loading(), NOW, Some(60));
        assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
    }

    #[test]
    fn what_waits_or_failed_says_what_lets_it_go_on() {
        let mut view = loading();
        view.phases[3] = phase(Phase::Load, "waiting", (0, 0), &[]);
        view.load = None;
        insta::assert_snapshot!("waiting", all(&view, NOW, None));
        view.phases[3] = phase(Phase::Load, "failed", (590, 20), &[]);
        view.phases[3].reason =
            Some("1 of 12 shards failed; the others are loaded\norders shard 7: blob __x is gone".to_owned());
        insta::assert_snapshot!("failed", all(&view, NOW, None));
    }
}
