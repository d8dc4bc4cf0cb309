//! A target that is a directory: the metadata stands beside the documents as it is in the source, for whoever loads them
//! somewhere later.

use protocol::destination::{Destination, TargetIndex};
use protocol::plan::InventoryIndex;
use target::DirectoryTarget;

use crate::context::{Migration, find_index};
use crate::failure::TaskError;
use crate::metadata::ledger::Ledger;
use crate::metadata::survey::source_body;
use crate::plan::blocking;

/// Writes the metadata of each index that is created, where `create`.
pub(super) async fn run(
    migration: &Migration,
    ledger: Ledger<'_>,
    directory: &DirectoryTarget,
    create: bool,
) -> Result<Vec<String>, TaskError> {
    let (mut lines, mut created, mut others) = (Vec::new(), 0_usize, 0_usize);
    for number in 0.. {
        let page = ledger.page(number).await?;
        let mut known = page.known;
        for index in page.indices.iter().filter(|index| index.create || index.load) {
            *(if index.create { &mut created } else { &mut others }) += 1;
            if create {
                let to = Destination { name: index.name.clone(), created: index.create, ..Destination::default() };
                if index.create {
                    write(migration, directory, index).await?;
                }
                known.insert(index.no, TargetIndex::one(to));
            }
            let what = match (index.create, index.load) {
                (true, true) => "documents and metadata",
                (true, false) => "metadata without documents",
                (false, _) => "documents without metadata",
            };
            lines.push(format!("{}: {what}", index.name));
        }
        if create {
            ledger.note(number, known).await?;
        }
        if !page.more {
            break;
        }
    }
    lines.insert(0, format!("{created} indices with metadata, {others} without"));
    Ok(lines)
}

async fn write(migration: &Migration, directory: &DirectoryTarget, index: &InventoryIndex) -> Result<(), TaskError> {
    let snapshot = migration.snapshot().await?;
    let metadata = snapshot.index_metadata(find_index(&snapshot, &index.name)?).await?;
    let (directory, name) = (directory.clone(), index.name.clone());
    blocking(move || {
        let text = serde_json::to_string_pretty(&source_body(&metadata)).unwrap_or_default();
        directory.write_metadata(&name, text.as_bytes())
    })
    .await
}
