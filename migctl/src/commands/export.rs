//! `migctl snapshot export`: every live document as a line on standard output.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use anyhow::Context;
use lucene::{Commit, Directory};
use protocol::checkpoint::Counts;
use protocol::pattern;
use serde_json::json;
use snapshot::{IndexMetadata, ShardFiles, Snapshot, SnapshotIndex};
use tokio::runtime::Handle;
use worker::failure::{chain, with_blob};
use worker::line::LineWriter;
use worker::read::{self, Read, ReadOptions, Visitor};
use worker::whole::{self, WholeError};

use super::repository;
use crate::cli::{ExportArgs, WhichArgs};
use crate::exit::{Exit, Invalid};
use crate::table;
use crate::ticker::{Ticked, Ticker};

/// Bytes written at once.
const BUFFER: usize = 1 << 20;

/// Prints the documents. A shard that can't be read is named, the others are printed, and the end is an error.
///
/// # Errors
/// No such repository or snapshot; a pattern that matches nothing; standard output can't be written.
pub async fn export(arguments: ExportArgs) -> anyhow::Result<Exit> {
    let ExportArgs { which, with_metadata, recover_source } = arguments;
    let snapshot = open(&which).await?;
    let selected = select(&snapshot, &which)?;
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout());
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    let ticker = Arc::new(Ticker::new());
    for index in selected {
        let metadata = match snapshot.index_metadata(index).await {
            Ok(metadata) => metadata,
            Err(error) => {
                failures.push(format!("{}: {}", index.name, chain(&error)));
                continue;
            }
        };
        if let Some(reason) = &metadata.refusal {
            failures.push(format!("{}: {reason}", index.name));
            continue;
        }
        if with_metadata && let Err(error) = print_metadata(&metadata, &mut out) {
            return end_of_output(error);
        }
        let mut total = Counts::default();
        for shard in 0..metadata.number_of_shards {
            let files = match snapshot.shard(index, shard).await {
                Ok(files) => files,
                Err(error) => {
                    failures.push(format!("{} shard {shard}: {}", index.name, chain(&error)));
                    continue;
                }
            };
            let mut lines = Lines { writer: LineWriter::new(&index.name), out, line: Vec::new() };
            let reading = ReadOptions {
                doc_type: read::doc_type(&metadata),
                parent_types: read::parent_types(&metadata),
                versions: read::VersionsWanted::All,
                recover_source,
            };
            let (runtime, ticker) = (Handle::current(), ticker.clone());
            let (result, lines_back, counts) = tokio::task::spawn_blocking(move || {
                let mut counts = Counts::default();
                let result = print_shard(&files, runtime, &reading, &ticker, &mut lines, &mut counts);
                (result, lines, counts)
            })
            .await
            .context("read a shard")?;
            out = lines_back.out;
            total.add(&counts);
            match result {
                Ok(()) => {}
                Err(Ended::Output(error)) => return end_of_output(error),
                Err(Ended::Shard(reason)) => failures.push(format!("{} shard {shard}: {reason}", index.name)),
            }
        }
        rows.push(row(&index.name, &total));
    }
    if let Err(error) = out.flush() {
        return end_of_output(error);
    }
    ticker.clear();
    let head = ["index", "documents", "recovered", "rejected", "skipped", "nested"];
    eprintln!("{}", table::table(&head, &[1, 2, 3, 4, 5], rows));
    for failure in &failures {
        eprintln!("error: {failure}");
    }
    Ok(if failures.is_empty() { Exit::Done } else { Exit::Error })
}

/// Opens the snapshot that the arguments name.
///
/// # Errors
/// Whatever is wrong with the repository.
pub async fn open(which: &WhichArgs) -> anyhow::Result<Snapshot> {
    let repository = repository::open(&which.repo).await?;
    Ok(repository.snapshot(&which.snapshot).await?)
}

/// The indices that the arguments select; what is left out is said on standard error.
///
/// # Errors
/// A pattern that matches nothing.
pub fn select<'a>(snapshot: &'a Snapshot, which: &WhichArgs) -> anyhow::Result<Vec<&'a SnapshotIndex>> {
    for pattern in &which.indices {
        if !snapshot.indices.iter().any(|index| pattern.matches(&index.name)) {
            let hint = format!(
                "`migctl snapshot inspect {} --snapshot {}` lists its indices",
                repository::arguments(&which.repo),
                snapshot.name
            );
            let what = format!("--index {pattern} matches no index of snapshot {}; {hint}", snapshot.name);
            return Err(Invalid(what).into());
        }
    }
    let patterns = (!which.indices.is_empty()).then_some(which.indices.as_slice());
    let (selected, left_out): (Vec<_>, Vec<_>) =
        snapshot.indices.iter().partition(|index| pattern::selects(patterns, &index.name));
    if patterns.is_none() && !left_out.is_empty() {
        let names: Vec<&str> = left_out.iter().map(|index| index.name.as_str()).collect();
        eprintln!("left out, system indices: {} (name one with --index to have it)", names.join(", "));
    }
    Ok(selected)
}

fn row(name: &str, counts: &Counts) -> Vec<String> {
    let skipped = counts.skipped.iter().map(|(reason, count)| format!("{count} {}", reason.as_str()));
    let skipped = skipped.collect::<Vec<_>>().join(", ");
    vec![
        name.to_owned(),
        table::count(counts.written),
        table::count(counts.recovered),
        table::count(counts.rejected),
        if skipped.is_empty() { "0".to_owned() } else { skipped },
        table::count(counts.nested),
    ]
}

fn print_metadata(metadata: &IndexMetadata, out: &mut impl Write) -> io::Result<()> {
    let mappings: serde_json::Map<_, _> = metadata.mappings.iter().cloned().collect();
    let line = json!({
        "_index": metadata.name,
        "_metadata": { "settings": metadata.settings, "mappings": mappings, "aliases": metadata.aliases },
    });
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

/// Whoever reads our output may have had enough.
fn end_of_output(error: io::Error) -> anyhow::Result<Exit> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(Exit::Done);
    }
    Err(anyhow::Error::new(error).context("write to standard output"))
}

/// Writes documents as lines.
struct Lines {
    writer: LineWriter,
    out: BufWriter<io::Stdout>,
    line: Vec<u8>,
}

impl Visitor for Lines {
    type Stop = io::Error;

    fn chunk(&mut self, _crc: lucene::RangeCrc) {}

    fn doc(&mut self, _doc: lucene::DocId, read: Read<'_>) -> io::Result<()> {
        match read {
            Read::Document(document) => {
                self.line.clear();
                self.writer.push(&document, &mut self.line);
                self.out.write_all(&self.line)?;
            }
            Read::Unreadable { id, reason, .. } => eprintln!("rejected: document {id:?}: {reason}"),
            Read::Nested | Read::Skipped(_) => {}
        }
        Ok(())
    }
}

/// Why a shard was not printed to its end.
enum Ended {
    /// Standard output takes no more.
    Output(io::Error),
    /// It can't be read, or what was printed of it can't be trusted.
    Shard(String),
}

fn print_shard(
    files: &ShardFiles,
    runtime: Handle,
    reading: &ReadOptions,
    ticker: &Ticker,
    lines: &mut Lines,
    counts: &mut Counts,
) -> Result<(), Ended> {
    let unreadable = |error: lucene::Error| Ended::Shard(with_blob(files, &error).to_string());
    let directory: Arc<dyn Directory> = Arc::new(files.directory(runtime));
    for segment in &Commit::read(&*directory).map_err(unreadable)?.segments {
        let mut visitor = Ticked { ticker, visitor: lines };
        match whole::read_segment(&directory, segment, reading.clone(), counts, &mut visitor) {
            Ok(()) => {}
            Err(WholeError::Lucene(error)) => return Err(unreadable(error)),
            Err(WholeError::Wrong(what)) => {
                return Err(Ended::Shard(format!("{what}; do not use what was printed of it")));
            }
            Err(WholeError::Stopped(error)) => return Err(Ended::Output(error)),
        }
    }
    Ok(())
}
