//! `migctl metadata evaluate|migrate`: what becomes of metadata, judged by the target, without a migration around it.

use anyhow::{Context, bail, ensure};
use protocol::spec::Spec;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};
use snapshot::{Repository, Snapshot};
use worker::context::{TargetHandle, open_store, open_target};
use worker::metadata::ledger::Ledger;
use worker::metadata::report::{HOLD_DOCUMENTS, ItemReport, Outcome, Report};
use worker::metadata::settle::Settle;
use worker::metadata::survey::Survey;

use super::invalid;
use crate::cli::{MetadataArgs, Output};
use crate::exit::Exit;
use crate::ticker::Ticker;
use crate::{config, table};

/// Evaluates, and creates where `create`.
///
/// # Errors
/// A configuration without a cluster as its target, or without a snapshot; a repository or a target that can't be asked.
pub async fn metadata(args: MetadataArgs, create: bool) -> anyhow::Result<Exit> {
    let spec = config::load(&args.config).map_err(invalid)?;
    let snapshot = open(&spec, args.snapshot.as_deref()).await?;
    let TargetHandle::Cluster(cluster) = open_target(&spec).await? else {
        bail!("the target is a directory: it takes metadata as it is");
    };
    let ticker = Ticker::new();
    let name = spec.name.as_str();
    let survey = Survey::new(name, &spec.metadata, &snapshot, &cluster).await?;
    let ledger = Ledger::Alone(&spec, &snapshot);
    let settled = Settle { survey: &survey, ledger, create, progress: &|items| ticker.items(items) }.all().await;
    // What was made to be judged goes, however it ended.
    let swept = survey.end().await;
    ticker.clear();
    let mut report = settled?;
    swept?;
    if !args.diff {
        report.items.iter_mut().for_each(|item| (item.before, item.after) = (None, None));
    }
    match args.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&report)?),
        Output::Text => print(&report),
    }
    Ok(if report.refused_indices().is_empty() { Exit::Done } else { Exit::Failed })
}

async fn open(spec: &Spec, named: Option<&str>) -> anyhow::Result<Snapshot> {
    let configured = spec.snapshot.externally_managed_snapshot.as_deref();
    let name = named.or(configured).context(
        "the configuration lets the migration take the snapshot: name one that is there with --snapshot NAME, or submit \
         the migration and look at the gate of metadata",
    )?;
    let repository = Repository::open(open_store(&spec.snapshot.repository).await?).await?;
    let snapshot = repository.snapshot(name).await?;
    ensure!(!snapshot.indices.is_empty(), "snapshot {name} holds no index");
    Ok(snapshot)
}

/// A table of everything, then the reasons and, where they were asked for, the differences.
fn print(report: &Report) {
    let rows = report.items.iter().map(|item| {
        let name =
            if item.name == item.source { item.source.clone() } else { format!("{} → {}", item.source, item.name) };
        vec![name, item.kind.to_owned(), item.outcome.as_str().to_owned(), in_short(item)]
    });
    println!("{}", table::table(&["name", "kind", "outcome", "rules"], &[], rows.collect()));
    for item in report.items.iter().filter(|item| item.outcome == Outcome::Refused) {
        println!("\nrefused: {} {}: {}", item.kind, item.source, item.what);
    }
    for item in &report.items {
        tell(item);
    }
    for left in &report.left_out {
        println!("left out: {} {}: {}", left.kind, left.name, left.why);
    }
    for note in &report.notes {
        println!("{note}");
    }
    let refused = report.items.iter().filter(|item| item.outcome == Outcome::Refused);
    let harmless = refused.filter(|item| !HOLD_DOCUMENTS.iter().any(|kind| kind.as_str() == item.kind)).count();
    if harmless > 0 {
        println!("what is refused and is no index keeps no document from being loaded: {harmless}");
    }
}

/// The rules that did something, each once.
fn in_short(item: &ItemReport) -> String {
    let mut rules: Vec<&str> = Vec::new();
    for note in &item.notes {
        if !rules.contains(&note.rule) {
            rules.push(note.rule);
        }
    }
    rules.join(", ")
}

/// What a person loses or should know of an item, and its difference.
fn tell(item: &ItemReport) {
    let lines: Vec<String> = item
        .notes
        .iter()
        .filter(|note| note.effect != ::metadata::Effect::Changed.as_str())
        .map(|note| format!("  {} {}: {} ({})", note.effect, note.at, note.text, note.rule))
        .chain(item.differences.iter().map(|difference| format!("  on the target: {}", difference.line())))
        .collect();
    let shown = match (&item.before, &item.after) {
        (Some(before), Some(after)) => diff(before, after),
        _ => String::new(),
    };
    if !lines.is_empty() || !shown.is_empty() {
        println!("\n{} {}:", item.kind, item.name);
        lines.iter().for_each(|line| println!("{line}"));
        print!("{shown}");
    }
}

/// What changed, with a few lines around it.
fn diff(before: &Value, after: &Value) -> String {
    let pretty = |value: &Value| serde_json::to_string_pretty(&sorted(value)).unwrap_or_default();
    let (before, after) = (pretty(before), pretty(after));
    let diff = TextDiff::from_lines(&before, &after);
    let mut text = String::new();
    for group in diff.grouped_ops(2) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            text.push_str(&format!("  {sign} {}\n", change.value().trim_end_matches('\n')));
        }
    }
    text
}

/// Keys in order: in which order a server keeps them says nothing.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            keys.into_iter().filter_map(|key| Some((key.clone(), sorted(fields.get(key)?)))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_is_shown_without_what_is_the_same() {
        let before = json!({"mappings": {"b": {"type": "string"}, "a": {"type": "long"}}});
        let after = json!({"mappings": {"a": {"type": "long"}, "b": {"type": "text"}}});
        let shown = diff(&before, &after);
        assert!(
            shown.contains("-       \"type\": \"string\"\n") && shown.contains("+       \"type\": \"text\"\n"),
            "{shown}"
        );
        assert_eq!(diff(&before, &sorted(&before)), "");
    }
}
