//! `migctl snapshot ls` and `inspect`: what a repository holds.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use lucene::{Commit, SegmentInfo};
use serde::Serialize;
use snapshot::{FsStore, Repository};
use tokio::runtime::Handle;
use worker::failure::chain;

use super::export;
use crate::cli::{Output, WhichArgs};
use crate::exit::Exit;
use crate::table;

/// Lists the snapshots.
///
/// # Errors
/// No such repository, or not one that is read.
pub async fn ls(repo: &Path, output: Output) -> anyhow::Result<Exit> {
    #[derive(Serialize)]
    struct Row {
        name: String,
        uuid: String,
        state: String,
        version: Option<String>,
    }
    let repository = Repository::open(Arc::new(FsStore::open(repo)?)).await?;
    let rows: Vec<Row> = repository
        .snapshots()
        .iter()
        .map(|snapshot| Row {
            name: snapshot.name.clone(),
            uuid: snapshot.uuid.clone(),
            state: snapshot.state.to_string(),
            version: snapshot.version.clone(),
        })
        .collect();
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&rows).context("write JSON")?),
        Output::Text => {
            let rows = rows
                .into_iter()
                .map(|row| vec![row.name, row.state, row.version.unwrap_or_else(|| "-".to_owned()), row.uuid])
                .collect();
            println!("{}", table::table(&["snapshot", "state", "version", "uuid"], &[], rows));
        }
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct IndexRow {
    name: String,
    shards: u32,
    closed: bool,
    segments: u64,
    /// Neither hard nor soft deleted, nested children included.
    live_lucene_docs: u64,
    bytes: u64,
    version_created: String,
    lucene_versions: Vec<String>,
    /// Why some of it can't be read.
    refused: Vec<String>,
}

/// Lists the indices of a snapshot.
///
/// # Errors
/// No such repository or snapshot; a pattern that matches nothing.
pub async fn inspect(which: WhichArgs, output: Output) -> anyhow::Result<Exit> {
    let snapshot = export::open(&which).await?;
    let mut rows = Vec::new();
    for index in export::select(&snapshot, &which)? {
        let metadata = snapshot.index_metadata(index).await?;
        let mut row = IndexRow {
            name: index.name.clone(),
            shards: metadata.number_of_shards,
            closed: metadata.closed,
            segments: 0,
            live_lucene_docs: 0,
            bytes: 0,
            version_created: metadata.version_created.to_string(),
            lucene_versions: Vec::new(),
            refused: metadata.refusal.iter().cloned().collect(),
        };
        for shard in 0..metadata.number_of_shards {
            let read = async {
                let files = snapshot.shard(index, shard).await.map_err(|error| chain(&error))?;
                row.bytes += files.total_len();
                let directory: Arc<dyn lucene::Directory> = Arc::new(files.directory(Handle::current()));
                let found = tokio::task::spawn_blocking(move || segments(&directory)).await;
                found.map_err(|error| chain(&error))?.map_err(|error| chain(&error))
            };
            match read.await {
                Ok(segments) => {
                    for (live, version) in segments {
                        row.segments += 1;
                        row.live_lucene_docs += live;
                        if !row.lucene_versions.contains(&version) {
                            row.lucene_versions.push(version);
                        }
                    }
                }
                Err(reason) => row.refused.push(format!("shard {shard}: {reason}")),
            }
        }
        rows.push(row);
    }
    let refused = rows.iter().any(|row| !row.refused.is_empty());
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&rows).context("write JSON")?),
        Output::Text => print_rows(rows),
    }
    Ok(if refused { Exit::Error } else { Exit::Done })
}

/// Live documents and Lucene version of every segment.
fn segments(directory: &Arc<dyn lucene::Directory>) -> Result<Vec<(u64, String)>, lucene::Error> {
    let commit = Commit::read(&**directory)?;
    commit
        .segments
        .iter()
        .map(|segment| {
            let info = SegmentInfo::read(directory, segment)?;
            let deleted = u64::from(segment.del_count) + u64::from(segment.soft_del_count);
            Ok((u64::from(info.max_doc).saturating_sub(deleted), info.version.to_string()))
        })
        .collect()
}

fn print_rows(rows: Vec<IndexRow>) {
    let refused: Vec<String> =
        rows.iter().flat_map(|row| row.refused.iter().map(|why| format!("{}: {why}", row.name))).collect();
    let rows = rows
        .into_iter()
        .map(|row| {
            vec![
                row.name,
                row.shards.to_string(),
                table::count(row.segments),
                table::count(row.live_lucene_docs),
                table::size(row.bytes),
                row.version_created,
                row.lucene_versions.join(" "),
                if row.closed { "closed".to_owned() } else { String::new() },
            ]
        })
        .collect();
    let head = ["index", "shards", "segments", "Lucene docs", "size", "created by", "Lucene", ""];
    println!("{}", table::table(&head, &[1, 2, 3, 4], rows));
    for why in refused {
        eprintln!("error: {why}");
    }
}
