//! `migctl snapshot ls`: what a repository holds.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use serde::Serialize;
use snapshot::{FsStore, Repository};

use crate::cli::Output;
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
