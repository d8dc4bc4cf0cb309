//! What a gate shows: the facts that a person should see before they let a phase begin.
//!
//! In: what is known when the phase's turn comes. Out: sections of lines. Pure, and made only of what stays as it is while
//! nothing changes, because another digest voids an approval: no times, no workers.
//! Holds: at most [`LINES_MAX`] lines a section and [`BYTES_MAX`] in all, so that it fits a key.

use protocol::gate::Section;
use protocol::pattern::Pattern;
use protocol::phase::Phase;
use protocol::spec::{CreateSnapshotSpec, RepositorySpec, Spec};
use protocol::state::{MigrationState, PhaseStatus};

use super::register::ESTIMATE;

/// Lines of a section.
pub const LINES_MAX: usize = 200;
/// Bytes of all lines.
pub const BYTES_MAX: usize = 300 << 10;
/// Bytes of a line.
const LINE_BYTES_MAX: usize = 2_000;

/// What there is to show.
pub(super) struct Known<'a> {
    pub spec: &'a Spec,
    pub state: &'a MigrationState,
    /// A line per index.
    pub indices: Vec<String>,
    /// What metadata would do.
    pub evaluated: &'a [String],
}

/// The evidence for the gate of `phase`.
pub(super) fn sections(phase: Phase, known: &Known<'_>) -> Vec<Section> {
    let notes = |phase| known.state.phase(phase).notes;
    let sections = match phase {
        Phase::Snapshot => vec![("snapshot", snapshot(known.spec)), preflight(known)],
        Phase::Register => vec![("snapshot", taken(known)), preflight(known)],
        Phase::Metadata => {
            let [inventory, estimate] = registered(known);
            vec![inventory, estimate, ("metadata", known.evaluated.to_vec())]
        }
        Phase::Load => {
            let [inventory, estimate] = registered(known);
            vec![inventory, estimate, ("metadata", notes(Phase::Metadata))]
        }
        Phase::Verify => vec![("account", notes(Phase::Load))],
        Phase::Cleanup => vec![("verify", notes(Phase::Verify)), ("cleanup", cleanup(known.spec))],
    };
    bounded(sections)
}

fn preflight(known: &Known<'_>) -> (&'static str, Vec<String>) {
    ("preflight", known.state.preflight.notes.clone())
}

/// What register found, and what it says of the load.
fn registered(known: &Known<'_>) -> [(&'static str, Vec<String>); 2] {
    let notes = known.state.phase(Phase::Register).notes;
    let (estimate, mut inventory): (Vec<String>, Vec<String>) =
        notes.into_iter().partition(|note| note.starts_with(ESTIMATE));
    let estimate = estimate.iter().map(|line| line.trim_start_matches(ESTIMATE).to_owned()).collect();
    inventory.extend(known.indices.iter().cloned());
    [("inventory", inventory), ("estimate", estimate)]
}

/// What the source will be asked for.
fn snapshot(spec: &Spec) -> Vec<String> {
    let mut lines = vec![format!("repository: {}", repository(&spec.snapshot.repository))];
    if let Some(source) = &spec.source {
        lines.push(format!("source: {}", source.endpoint));
    }
    let defaults = CreateSnapshotSpec::default();
    let create = spec.snapshot.create.as_ref().unwrap_or(&defaults);
    lines.push(match (&create.name, &create.prefix) {
        (Some(name), _) => format!("name: {name}"),
        (None, prefix) => {
            format!("name: made up, beginning with {}", prefix.as_deref().unwrap_or(spec.name.as_str()))
        }
    });
    let patterns = create.indices.as_deref().or(spec.indices.as_deref());
    lines.push(match patterns {
        Some(patterns) => {
            format!("indices: {}", patterns.iter().map(Pattern::to_string).collect::<Vec<_>>().join(", "))
        }
        None => "indices: all but system indices".to_owned(),
    });
    if let Some(limit) = create.rate_limit {
        lines.push(format!("rate limit: {limit} a second and node"));
    }
    if create.include_global_state {
        lines.push("with templates, pipelines and cluster settings".to_owned());
    }
    lines
}

fn repository(repository: &RepositorySpec) -> String {
    match repository {
        RepositorySpec::Path(path) => format!("directory {}", path.display()),
        RepositorySpec::S3(s3) => {
            let mut text = format!("s3://{}", s3.bucket);
            for (before, part) in [
                ("/", &s3.path),
                (", region ", &s3.region),
                (", endpoint ", &s3.endpoint),
                (", written by the source as role ", &s3.s3_role_arn),
            ] {
                text.extend(part.iter().flat_map(|part| [before, part.as_str()]));
            }
            text
        }
    }
}

/// The snapshot that there is.
fn taken(known: &Known<'_>) -> Vec<String> {
    let phase = known.state.phase(Phase::Snapshot);
    let mut lines = vec![format!("repository: {}", repository(&known.spec.snapshot.repository))];
    if let PhaseStatus::Skipped(why) = phase.status {
        lines.push(why);
    }
    lines.extend(phase.notes);
    lines
}

/// What cleanup does, as it is configured.
fn cleanup(spec: &Spec) -> Vec<String> {
    let line = |text: &str| text.to_owned();
    let mut lines = vec![line("settings that were withheld are put on, temporary ones put back")];
    if spec.snapshot.externally_managed_snapshot.is_some() {
        lines.push(line("the snapshot is managed externally: it stays"));
    } else {
        lines.push(line(match spec.cleanup.delete_snapshot {
            true => "the snapshot is deleted from the source, if this migration took it",
            false => "the snapshot stays",
        }));
        lines.push(line(match spec.cleanup.unregister_repository {
            true => "the repository's registration is removed from the source, if this migration made it",
            false => "the repository's registration on the source stays",
        }));
    }
    lines.push(line(match spec.cleanup.delete_dead_letters {
        true => "the state of the migration is removed from the bus, dead letters too",
        false => "the state of the migration is removed from the bus, unless it has dead letters",
    }));
    lines
}

/// Sections with something in them, as far as there is room.
fn bounded(sections: Vec<(&'static str, Vec<String>)>) -> Vec<Section> {
    let mut room = BYTES_MAX;
    let mut bounded = Vec::new();
    for (title, lines) in sections {
        let count = lines.len();
        let mut kept: Vec<String> = Vec::new();
        for mut line in lines.into_iter().take(LINES_MAX) {
            shorten(&mut line);
            if line.len() > room {
                break;
            }
            room -= line.len();
            kept.push(line);
        }
        let more = count.saturating_sub(kept.len());
        if more > 0 {
            // In place of the last line, so that the bound holds; that line counts with the others.
            let dropped = usize::from(kept.len() >= LINES_MAX && kept.pop().is_some());
            kept.push(format!("and {} more", more + dropped));
        }
        if !kept.is_empty() {
            bounded.push(Section { title: title.to_owned(), lines: kept });
        }
    }
    bounded
}

fn shorten(line: &mut String) {
    if line.len() > LINE_BYTES_MAX {
        let end = (0..=LINE_BYTES_MAX).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
        line.truncate(end);
        line.push('…');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(snapshot: &serde_json::Value) -> Spec {
        let configured = json!({ "name": "m", "snapshot": snapshot, "target": { "endpoint": "http://t" } });
        serde_json::from_value(configured).unwrap()
    }

    fn state() -> MigrationState {
        let mut state = MigrationState::default();
        for phase in Phase::ALL {
            let notes = vec![format!("{phase} did this"), format!("{ESTIMATE}of {phase}")];
            state.phases.get_mut(&phase).unwrap().notes = notes;
        }
        state.preflight.notes = vec!["all is well".to_owned()];
        state
    }

    fn shown(phase: Phase, spec: &Spec) -> Vec<(String, Vec<String>)> {
        let state = state();
        let evaluated = ["would create i".to_owned()];
        let known = Known { spec, state: &state, indices: vec!["i: 1 shards".to_owned()], evaluated: &evaluated };
        sections(phase, &known).into_iter().map(|section| (section.title, section.lines)).collect()
    }

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn each_gate_shows_what_it_lets_through() {
        let s3 = json!({ "bucket": "b", "path": "p", "region": "eu-1", "s3RoleArn": "arn:x" });
        let spec = spec(&json!({ "repository": { "s3": s3 }, "create": { "indices": ["a", "regex:b.*"] } }));
        let snapshot = lines(&[
            "repository: s3://b/p, region eu-1, written by the source as role arn:x",
            "name: made up, beginning with m",
            "indices: a, regex:b.*",
            "with templates, pipelines and cluster settings",
        ]);
        let preflight = ("preflight".to_owned(), lines(&["all is well"]));
        assert_eq!(shown(Phase::Snapshot, &spec), [("snapshot".to_owned(), snapshot), preflight]);
        let inventory = ("inventory".to_owned(), lines(&["register did this", "i: 1 shards"]));
        let estimate = ("estimate".to_owned(), lines(&["of register"]));
        let would = ("metadata".to_owned(), lines(&["would create i"]));
        assert_eq!(shown(Phase::Metadata, &spec), [inventory.clone(), estimate.clone(), would]);
        let did = ("metadata".to_owned(), lines(&["metadata did this", "estimate: of metadata"]));
        assert_eq!(shown(Phase::Load, &spec), [inventory, estimate, did]);
        assert_eq!(shown(Phase::Verify, &spec)[0].0, "account");
        let cleanup = shown(Phase::Cleanup, &spec);
        assert!(cleanup[1].1.contains(&"the snapshot stays".to_owned()), "{cleanup:?}");
    }

    #[test]
    fn what_is_not_ours_is_said_to_stay() {
        let spec = spec(&json!({ "repository": { "path": "/r" }, "externallyManagedSnapshot": "s" }));
        let cleanup = shown(Phase::Cleanup, &spec);
        assert!(cleanup[1].1.contains(&"the snapshot is managed externally: it stays".to_owned()), "{cleanup:?}");
        assert_eq!(shown(Phase::Register, &spec)[0].1[0], "repository: directory /r");
    }

    #[test]
    fn evidence_has_a_bound_and_says_what_it_leaves_out() {
        let many = |count: usize, len: usize| (0..count).map(|_| "ü".repeat(len)).collect::<Vec<String>>();
        let bound = bounded(vec![("a", many(LINES_MAX + 7, 1)), ("b", Vec::new()), ("c", many(1, 5_000))]);
        assert_eq!(bound.len(), 2);
        assert_eq!(bound[0].lines.len(), LINES_MAX);
        assert_eq!(bound[0].lines[LINES_MAX - 1], "and 8 more");
        assert!(bound[1].lines[0].ends_with('…') && bound[1].lines[0].len() < LINE_BYTES_MAX + 8);
        let bound = bounded(vec![("a", many(200, 1_000)), ("b", many(200, 1_000))]);
        let bytes: usize = bound.iter().flat_map(|section| &section.lines).map(String::len).sum();
        assert!((BYTES_MAX - 4_000..=BYTES_MAX + 100).contains(&bytes), "{bytes}");
    }
}
