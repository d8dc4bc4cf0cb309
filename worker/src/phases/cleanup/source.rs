//! Cleanup of the source: what this migration made there goes, as far as the configuration wants it.

use protocol::task::Command;

use crate::context::{Context, Migration};
use crate::failure::TaskError;
use crate::phases::reporter::Reporter;
use crate::source::Source;
use crate::source::record::Noted;
use crate::source::release::{self, Release};

/// Deletes the snapshot and the registration of the repository, where the configuration asks for it and this migration
/// made them; what was deleted, and what was left and why.
///
/// # Errors
/// The source refuses, or stays away. It is not spoken to where nothing is asked for, or nothing was made.
pub async fn run(context: &Context, migration: &Migration) -> Result<Vec<String>, TaskError> {
    let wanted = &migration.spec.cleanup;
    let noted = Noted::read(context, migration).await?;
    if !noted.is_there() {
        return Ok(Vec::new());
    }
    let record = &noted.record;
    let (snapshot, repository) = (format!("snapshot {}", record.snapshot), format!("repository {}", record.repository));
    let mut notes = Vec::new();
    let reporter = Reporter::new(context, migration, Command::Cleanup);
    let asks_for =
        (wanted.delete_snapshot && record.made_snapshot) || (wanted.unregister_repository && record.made_repository);
    let source = if asks_for { Some(Source::connect(migration, &reporter).await?) } else { None };
    let released = match &source {
        Some(source) if wanted.delete_snapshot => release::snapshot(source, migration, record, &reporter).await?,
        _ => left(record.made_snapshot, "cleanup.deleteSnapshot"),
    };
    notes.push(told(&snapshot, "deleted", released));
    let released = match &source {
        Some(source) if wanted.unregister_repository => {
            release::registration(source, migration, record, &reporter).await?
        }
        _ => left(record.made_repository, "cleanup.unregisterRepository"),
    };
    notes.push(told(&repository, "unregistered from the source", released));
    Ok(notes)
}

fn left(is_ours: bool, field: &str) -> Release {
    Release::Left(if is_ours { format!("{field} is not set") } else { "this migration did not make it".to_owned() })
}

fn told(what: &str, done: &str, released: Release) -> String {
    match released {
        Release::Deleted => format!("{what}: {done}"),
        Release::WasGone => format!("{what}: was gone already"),
        Release::Left(why) => format!("{what}: left as it is, {why}"),
    }
}
