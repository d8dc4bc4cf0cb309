//! `migctl snapshot inspect`: what a snapshot holds, and with `--deep` what a load of it would meet.
//!
//! Without `--deep` only metadata is read: the files' lists, commits and a few small files of each segment. With it
//! every document is read, several shards at a time, and nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context;
use futures::StreamExt;
use lucene::{Commit, Directory, Segment, SegmentCommit, SegmentInfo};
use protocol::checkpoint::Counts;
use serde::Serialize;
use snapshot::{ShardFiles, Snapshot, SnapshotIndex};
use tokio::runtime::Handle;
use worker::failure::{chain, with_blob};
use worker::read::{self, Read, ReadOptions, Source, Visitor};
use worker::whole::{self, WholeError};

use super::export;
use crate::cli::{InspectArgs, Output};
use crate::exit::Exit;
use crate::table;
use crate::ticker::{Ticked, Ticker};

/// Shards looked into at once where only metadata is read: it is waiting, not work.
const AT_ONCE: usize = 8;

/// Parts that can't be read and are listed for people.
const REFUSED_SHOWN: usize = 20;

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Report {
    snapshot: String,
    state: String,
    /// Who took it.
    version: String,
    indices: Vec<IndexReport>,
}

#[derive(Debug, Serialize)]
struct IndexReport {
    name: String,
    closed: bool,
    version_created: String,
    /// Mapping types; one at most since Elasticsearch 6.
    types: Vec<String>,
    shards: u32,
    #[serde(flatten)]
    found: Found,
    /// With `--deep`: what a load would meet.
    #[serde(skip_serializing_if = "Option::is_none")]
    deep: Option<Deep>,
    /// Why some of it can't be read.
    refused: Vec<String>,
}

/// What metadata says of the segments of a shard, or of all shards of an index.
#[derive(Debug, Default, Serialize)]
struct Found {
    segments: u64,
    lucene_versions: BTreeSet<String>,
    /// Codec of a segment, with the mode of its stored fields where it isn't the default.
    codecs: BTreeSet<String>,
    /// Neither hard nor soft deleted, nested children included.
    live_lucene_docs: u64,
    deleted_lucene_docs: u64,
    /// Of all files.
    bytes: u64,
    /// That a load reads, nearly: the stored fields of segments with live documents.
    bytes_to_read: u64,
}

/// What a load would meet.
#[derive(Debug, Default, Serialize)]
struct Deep {
    /// Documents that would be sent.
    documents: u64,
    /// Bytes of their sources.
    source_bytes: u64,
    /// Of them: sources that are not JSON in the snapshot, by format.
    converted: BTreeMap<&'static str, u64>,
    /// Of them: sources that are those of `_recovery_source`.
    recovered: u64,
    /// Documents whose source can't be made JSON: they would be dead letters.
    unreadable: u64,
    /// Documents that would be skipped, by reason.
    skipped: BTreeMap<&'static str, u64>,
    /// Nested children, which are part of their root document's source.
    nested: u64,
    largest: Option<Largest>,
}

#[derive(Debug, Serialize)]
struct Largest {
    id: String,
    source_bytes: u64,
}

/// How documents are read, and who tells how many were.
#[derive(Clone)]
struct Deeply {
    reading: ReadOptions,
    ticker: Arc<Ticker>,
}

/// Prints what the selected indices hold; ends as an error where something of them can't be read.
///
/// # Errors
/// No such repository or snapshot; a pattern that matches nothing.
pub async fn inspect(args: InspectArgs) -> anyhow::Result<Exit> {
    let InspectArgs { which, deep, recover_source, output } = args;
    let reading = ReadOptions { recover_source, ..ReadOptions::default() };
    let deep = deep.then(|| Deeply { reading, ticker: Arc::new(Ticker::new()) });
    let snapshot = export::open(&which).await?;
    let mut indices = Vec::new();
    for index in export::select(&snapshot, &which)? {
        indices.push(index_report(&snapshot, index, deep.as_ref()).await?);
    }
    deep.iter().for_each(|deep| deep.ticker.clear());
    let (state, version) = (snapshot.state.to_string(), snapshot.version.to_string());
    let report = Report { snapshot: snapshot.name.clone(), state, version, indices };
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&report).context("write JSON")?),
        Output::Text => print(&report),
    }
    let refused: Vec<String> = report
        .indices
        .iter()
        .flat_map(|index| index.refused.iter().map(|why| format!("{}: {why}", index.name)))
        .collect();
    if output == Output::Text {
        refused.iter().take(REFUSED_SHOWN).for_each(|why| eprintln!("error: {why}"));
        match refused.len().saturating_sub(REFUSED_SHOWN) {
            0 => {}
            more => eprintln!("error: and {more} more, which --output json lists"),
        }
    }
    Ok(if refused.is_empty() { Exit::Done } else { Exit::Error })
}

async fn index_report(
    snapshot: &Snapshot,
    index: &SnapshotIndex,
    deep: Option<&Deeply>,
) -> anyhow::Result<IndexReport> {
    let metadata = match snapshot.index_metadata(index).await {
        Ok(metadata) => metadata,
        Err(error) => return Ok(unreadable_index(index, chain(&error))),
    };
    let mut report = IndexReport {
        name: index.name.clone(),
        closed: metadata.closed,
        version_created: metadata.version_created.to_string(),
        types: metadata.mapping_types().map(|(name, _)| name.to_owned()).collect(),
        shards: metadata.number_of_shards,
        found: Found::default(),
        deep: deep.map(|_| Deep::default()),
        refused: metadata.refusal.iter().cloned().collect(),
    };
    if metadata.refusal.is_some() {
        return Ok(report);
    }
    let deep = deep.map(|Deeply { reading, ticker }| Deeply {
        reading: ReadOptions { parent_types: read::parent_types(&metadata), ..reading.clone() },
        ticker: ticker.clone(),
    });
    let deep = deep.as_ref();
    let at_once = if deep.is_some() { std::thread::available_parallelism().map_or(1, usize::from) } else { AT_ONCE };
    let mut shards = futures::stream::iter(0..metadata.number_of_shards)
        .map(|number| async move {
            let files = snapshot.shard(index, number).await.map_err(|error| vec![chain(&error)])?;
            let look = tokio::task::spawn_blocking({
                let (runtime, deep) = (Handle::current(), deep.cloned());
                move || look_into(&files, runtime, deep)
            });
            look.await.map_err(|error| vec![chain(&error)])
        })
        .buffered(at_once)
        .enumerate();
    while let Some((number, result)) = shards.next().await {
        let faults = match result {
            Ok((found, met, faults)) => {
                report.found.add(found);
                if let Some(deep) = &mut report.deep {
                    deep.add(met);
                }
                faults
            }
            Err(faults) => faults,
        };
        report.refused.extend(faults.into_iter().map(|what| format!("shard {number}: {what}")));
    }
    Ok(report)
}

fn unreadable_index(index: &SnapshotIndex, why: String) -> IndexReport {
    IndexReport {
        name: index.name.clone(),
        closed: false,
        version_created: String::new(),
        types: Vec::new(),
        shards: 0,
        found: Found::default(),
        deep: None,
        refused: vec![why],
    }
}

/// What is in a shard, what its documents are, and which parts of it can't be read.
fn look_into(files: &ShardFiles, runtime: Handle, deep: Option<Deeply>) -> (Found, Deep, Vec<String>) {
    let directory: Arc<dyn Directory> = Arc::new(files.directory(runtime));
    let mut found = Found { bytes: files.total_len(), ..Found::default() };
    let (mut met, mut faults) = (Deep::default(), Vec::new());
    let commit = match Commit::read(&*directory) {
        Ok(commit) => commit,
        Err(error) => return (found, met, vec![with_blob(files, &error).to_string()]),
    };
    for segment in &commit.segments {
        if let Err(error) = found.segment(&directory, segment) {
            faults.push(with_blob(files, &error).to_string());
        } else if let Some(deep) = &deep
            && let Err(fault) = met.segment(files, &directory, segment, deep)
        {
            faults.push(fault);
        }
    }
    (found, met, faults)
}

impl Found {
    fn segment(&mut self, directory: &Arc<dyn Directory>, commit: &SegmentCommit) -> Result<(), lucene::Error> {
        let info = SegmentInfo::read(directory, commit)?;
        let deleted = u64::from(commit.del_count) + u64::from(commit.soft_del_count);
        let live = u64::from(info.max_doc).saturating_sub(deleted);
        self.segments += 1;
        self.lucene_versions.insert(info.version.to_string());
        self.codecs.insert(commit.codec_and_mode(&info));
        self.live_lucene_docs += live;
        self.deleted_lucene_docs += deleted;
        if live > 0 {
            // Opened to see that they can be: a load would.
            Segment::open(directory.clone(), commit)?.stored_fields()?;
            self.bytes_to_read += Segment::bytes_to_read(directory, commit, &info)?;
        }
        Ok(())
    }

    fn add(&mut self, other: Self) {
        self.add_numbers(&other);
        self.lucene_versions.extend(other.lucene_versions);
        self.codecs.extend(other.codecs);
    }

    fn add_numbers(&mut self, other: &Self) {
        self.segments += other.segments;
        self.live_lucene_docs += other.live_lucene_docs;
        self.deleted_lucene_docs += other.deleted_lucene_docs;
        self.bytes += other.bytes;
        self.bytes_to_read += other.bytes_to_read;
    }
}

impl Deep {
    fn segment(
        &mut self,
        files: &ShardFiles,
        directory: &Arc<dyn Directory>,
        commit: &SegmentCommit,
        deep: &Deeply,
    ) -> Result<(), String> {
        let mut counts = Counts::default();
        let mut visitor = Ticked { ticker: &deep.ticker, visitor: self };
        let result = whole::read_segment(directory, commit, deep.reading.clone(), &mut counts, &mut visitor);
        self.documents += counts.written;
        self.source_bytes += counts.source_bytes;
        self.recovered += counts.recovered;
        self.unreadable += counts.rejected;
        self.nested += counts.nested;
        for (reason, count) in counts.skipped {
            *self.skipped.entry(reason.as_str()).or_default() += count;
        }
        match result {
            Ok(()) => Ok(()),
            Err(WholeError::Lucene(error)) => Err(with_blob(files, &error).to_string()),
            Err(WholeError::Wrong(what)) => Err(what),
            Err(WholeError::Stopped(never)) => match never {},
        }
    }

    fn add(&mut self, other: Self) {
        self.documents += other.documents;
        self.source_bytes += other.source_bytes;
        self.recovered += other.recovered;
        self.unreadable += other.unreadable;
        self.nested += other.nested;
        for (format, count) in other.converted {
            *self.converted.entry(format).or_default() += count;
        }
        for (reason, count) in other.skipped {
            *self.skipped.entry(reason).or_default() += count;
        }
        let larger = |new: &Largest| self.largest.as_ref().is_none_or(|old| old.source_bytes < new.source_bytes);
        if let Some(largest) = other.largest.filter(larger) {
            self.largest = Some(largest);
        }
    }
}

impl Visitor for Deep {
    type Stop = std::convert::Infallible;

    fn chunk(&mut self, _crc: lucene::RangeCrc) {}

    fn doc(&mut self, _doc: lucene::DocId, read: Read<'_>) -> Result<(), Self::Stop> {
        let Read::Document(document) = read else { return Ok(()) };
        if let Source::Converted(_, format) = document.source {
            *self.converted.entry(format.as_str()).or_default() += 1;
        }
        let source_bytes = document.source.bytes().len() as u64;
        if self.largest.as_ref().is_none_or(|largest| largest.source_bytes < source_bytes) {
            self.largest = Some(Largest { id: document.id.to_owned(), source_bytes });
        }
        Ok(())
    }
}

fn print(report: &Report) {
    println!("snapshot {} ({}), taken by {}\n", report.snapshot, report.state, report.version);
    let joined = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
    let (mut shards, mut total, mut rows) = (0, Found::default(), Vec::new());
    for index in &report.indices {
        shards += index.shards;
        total.add_numbers(&index.found);
        let name = if index.closed { format!("{} (closed)", index.name) } else { index.name.clone() };
        let mut row = index.found.row(name, index.shards);
        row.push(shortened(&index.version_created));
        row.extend([&index.found.lucene_versions, &index.found.codecs].map(joined));
        rows.push(row);
    }
    rows.push(total.row(format!("{} indices", report.indices.len()), shards));
    let head = ["index", "shards", "segments", "live", "deleted", "size", "to read", "created by", "Lucene", "codecs"];
    println!("{}", table::table(&head, &[1, 2, 3, 4, 5, 6], rows));
    let rows: Vec<_> = report.indices.iter().filter_map(|index| Some(index.deep.as_ref()?.row(&index.name))).collect();
    if !rows.is_empty() {
        println!("\nwhat a load would meet:");
        let head =
            ["index", "documents", "recovered", "unreadable", "skipped", "nested", "source", "largest", "not JSON"];
        println!("{}", table::table(&head, &[1, 2, 3, 4, 5, 6, 7], rows));
    }
}

impl Found {
    fn row(&self, name: String, shards: u32) -> Vec<String> {
        let numbers = [u64::from(shards), self.segments, self.live_lucene_docs, self.deleted_lucene_docs];
        let sizes = [self.bytes, self.bytes_to_read];
        [name].into_iter().chain(numbers.map(table::count)).chain(sizes.map(table::size)).collect()
    }
}

/// `Elasticsearch 8.11 or later (index version 8537000)` → `ES 8.11+`: a column for people.
fn shortened(version: &str) -> String {
    let version = version.replace("Elasticsearch", "ES").replace("OpenSearch", "OS");
    match version.split_once(" or later") {
        Some((least, _)) => format!("{least}+"),
        None => version,
    }
}

impl Deep {
    fn row(&self, name: &str) -> Vec<String> {
        let list = |counts: &BTreeMap<&str, u64>| {
            let words: Vec<String> =
                counts.iter().map(|(what, count)| format!("{} {what}", table::count(*count))).collect();
            words.join(", ")
        };
        let largest = self.largest.as_ref();
        vec![
            name.to_owned(),
            table::count(self.documents),
            table::count(self.recovered),
            table::count(self.unreadable),
            if self.skipped.is_empty() { "0".to_owned() } else { list(&self.skipped) },
            table::count(self.nested),
            table::size(self.source_bytes),
            largest.map_or_else(|| "-".to_owned(), |largest| table::size(largest.source_bytes)),
            list(&self.converted),
        ]
    }
}
