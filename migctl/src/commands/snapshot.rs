//! `migctl snapshot ls`: what a repository holds.

use anyhow::Context;
use futures::StreamExt;
use serde::Serialize;
use snapshot::{CatalogSnapshot, Repository};
use worker::failure::chain;

use super::repository;
use crate::cli::{Output, RepoArgs};
use crate::exit::Exit;
use crate::{hint, table};

/// Snapshots looked at at once.
const AT_ONCE: usize = 8;

/// Lists the snapshots.
///
/// # Errors
/// No such repository, or not one that is read.
pub async fn ls(repo: &RepoArgs, output: Output) -> anyhow::Result<Exit> {
    #[derive(Serialize)]
    struct Row {
        name: String,
        uuid: String,
        state: String,
        version: Option<String>,
    }
    let repository = repository::open(repo).await?;
    let rows: Vec<Row> = futures::stream::iter(repository.snapshots())
        .map(|listed| described(&repository, listed))
        .buffered(AT_ONCE)
        .map(|snapshot| Row {
            name: snapshot.name,
            uuid: snapshot.uuid,
            state: snapshot.state.to_string(),
            version: snapshot.version,
        })
        .collect()
        .await;
    let newest = rows.last().map(|row| row.name.clone());
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
    if let Some(newest) = newest {
        let repo = repo.repo.display();
        hint::after(output, &format!("migctl snapshot inspect --repo {repo} --snapshot {newest}"));
    }
    Ok(Exit::Done)
}

/// A snapshot with its version, for which older catalogues need another look.
async fn described(repository: &Repository, listed: &CatalogSnapshot) -> CatalogSnapshot {
    if listed.version.is_some() {
        return listed.clone();
    }
    repository.described(listed).await.unwrap_or_else(|error| {
        eprintln!("warning: {}", chain(&error));
        listed.clone()
    })
}
