//! Register: the snapshot is opened, and what goes along is catalogued, by name.
//!
//! In: a repository, a snapshot's name, the lists of the configuration. Out: the catalogue in KV, whose pages inventory
//! tasks fill (`inventory`), and notes for people.
//! Holds: an index keeps its number and its page when the migration is registered again, because plans, checkpoints and
//! what metadata noted are filed under them. So there are never fewer pages than before.

mod layout;

use std::collections::HashMap;

use metadata::DataStream;
use protocol::bus;
use protocol::checkpoint::Verdict;
use protocol::names::{self, Bucket};
use protocol::pattern::Pattern;
use protocol::plan::CataloguePage;
use protocol::spec::Spec;
use snapshot::Snapshot;

use crate::context::{Context, Migration};
use crate::failure::TaskError;
use crate::metadata::others;
use layout::{Selected, lay_out};

/// Index names listed in a note before it is cut.
const NAMES_SHOWN: usize = 10;

/// Writes the catalogue.
///
/// # Errors
/// A repository that can't be read, a pattern that matches nothing, nothing that goes along.
pub async fn run(context: &Context, migration: &Migration) -> Result<Vec<String>, TaskError> {
    let snapshot = migration.snapshot().await?;
    let mut notes = vec![format!("snapshot {} of {}, {}", snapshot.name, snapshot.version, snapshot.state)];
    let streams = streams(&snapshot).await?;
    let selected = select(&migration.spec, &snapshot, &streams, &mut notes)?;
    let earlier = earlier(context, migration).await?;
    store(context, migration, &lay_out(earlier, selected, migration.submission)).await?;
    Ok(notes)
}

/// Whether an index is meant: by its own name, or by that of the data stream that it is behind.
#[must_use]
pub fn any_name(streams: &HashMap<String, String>, index: &str, is_meant: impl Fn(&str) -> bool) -> bool {
    is_meant(index) || streams.get(index).is_some_and(|stream| is_meant(stream))
}

fn select(
    spec: &Spec,
    snapshot: &Snapshot,
    streams: &HashMap<String, String>,
    notes: &mut Vec<String>,
) -> Result<Vec<Selected>, TaskError> {
    let names: Vec<&str> = snapshot.indices.iter().map(|index| index.name.as_str()).collect();
    let known: Vec<&str> = names.iter().copied().chain(streams.values().map(String::as_str)).collect();
    let unmatched = unmatched(spec, &known);
    if !unmatched.is_empty() {
        let lines = unmatched.iter().map(|(path, pattern)| {
            format!("{path}: {pattern} matches no index of snapshot {}; it has {}", snapshot.name, shorten(&names))
        });
        return Err(TaskError::say(Verdict::StopLoad, lines.collect::<Vec<_>>().join("\n")));
    }
    let chosen = snapshot.indices.iter().map(|index| Selected {
        name: index.name.clone(),
        create: any_name(streams, &index.name, |name| spec.creates(name)),
        load: any_name(streams, &index.name, |name| spec.loads(name)),
        shards_listed: index.shards_listed,
    });
    let (selected, left_out): (Vec<_>, Vec<_>) = chosen.partition(|index| index.create || index.load);
    if selected.is_empty() {
        let reason = format!(
            "no index of snapshot {} goes along: name those that shall in `indices`; it has {}",
            snapshot.name,
            shorten(&names)
        );
        return Err(TaskError::say(Verdict::StopLoad, reason));
    }
    if !left_out.is_empty() {
        let names: Vec<&str> = left_out.iter().map(|index| index.name.as_str()).collect();
        let has_own_lists = spec.metadata.indices.is_some() || spec.load.indices.is_some();
        let why = match &spec.indices {
            _ if has_own_lists => "in no list",
            Some(_) => "not named in `indices`",
            None => "system indices",
        };
        notes.push(format!("left out, {why}: {}", shorten(&names)));
    }
    Ok(selected)
}

/// The data stream of each index that is behind one.
///
/// # Errors
/// The repository's.
pub async fn streams(snapshot: &Snapshot) -> Result<HashMap<String, String>, TaskError> {
    let mut streams = HashMap::new();
    for item in others::state(snapshot).await?.items {
        if let Some(DataStream { indices, .. }) = DataStream::of(&item) {
            streams.extend(indices.into_iter().map(|index| (index, item.name.clone())));
        }
    }
    Ok(streams)
}

/// The patterns that match none of `names`, with the path of their list.
fn unmatched<'a>(spec: &'a Spec, names: &[&str]) -> Vec<(&'static str, &'a Pattern)> {
    let lists = [
        ("indices", &spec.indices),
        ("metadata.indices", &spec.metadata.indices),
        ("load.indices", &spec.load.indices),
    ];
    let patterns = lists.into_iter().flat_map(|(path, list)| list.iter().flatten().map(move |pattern| (path, pattern)));
    patterns.filter(|(_, pattern)| !names.iter().any(|name| pattern.matches(name))).collect()
}

/// A list of names that fits a line or two.
fn shorten(names: &[&str]) -> String {
    if names.is_empty() {
        return "none at all".to_owned();
    }
    let shown = names.iter().take(NAMES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The pages of an earlier catalogue, as far as they were written.
async fn earlier(context: &Context, migration: &Migration) -> Result<Vec<CataloguePage>, TaskError> {
    let mut pages = Vec::new();
    for number in 0.. {
        let key = names::catalogue(&migration.name, number);
        match bus::read::<CataloguePage>(&*context.bus, Bucket::Migrations, &key).await? {
            Some((page, _)) => pages.push(page),
            None => break,
        }
    }
    Ok(pages)
}

async fn store(context: &Context, migration: &Migration, pages: &[CataloguePage]) -> Result<(), TaskError> {
    for (number, page) in (0..).zip(pages) {
        let key = names::catalogue(&migration.name, number);
        context.bus.put(Bucket::Migrations, &key, bus::bytes(&key, page)?).await?;
    }
    Ok(())
}
