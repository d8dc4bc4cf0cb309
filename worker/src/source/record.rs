//! What was noted of the migration's snapshot, so that whoever continues asks for the same one.

use protocol::bus;
use protocol::names::{self, Bucket};
use protocol::state::SnapshotRecord;

use crate::context::{Context, Migration};
use crate::failure::TaskError;

/// The record, and the revision it was read or written at.
pub struct Noted<'a> {
    context: &'a Context,
    key: String,
    /// What was noted; empty where nothing was.
    pub record: SnapshotRecord,
    revision: Option<u64>,
}

impl<'a> Noted<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// The bus's.
    pub async fn read(context: &'a Context, migration: &Migration) -> Result<Self, TaskError> {
        let key = names::snapshot(&migration.name);
        let found = bus::read::<SnapshotRecord>(&*context.bus, Bucket::Migrations, &key).await?;
        let (record, revision) = found.map_or((SnapshotRecord::default(), None), |(record, at)| (record, Some(at)));
        Ok(Self { context, key, record, revision })
    }

    /// Whether something was noted before.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.revision.is_some()
    }

    /// Changes it, and returns when that is stored.
    ///
    /// # Errors
    /// The bus's; another worker wrote it in between.
    pub async fn note(&mut self, change: impl FnOnce(&mut SnapshotRecord) + Send) -> Result<(), TaskError> {
        let mut record = self.record.clone();
        change(&mut record);
        if self.is_there() && record == self.record {
            return Ok(());
        }
        let value = bus::bytes(&self.key, &record)?;
        let revision = match self.revision {
            Some(revision) => self.context.bus.update(Bucket::Migrations, &self.key, value, revision).await?,
            None => self.context.bus.create(Bucket::Migrations, &self.key, value).await?,
        };
        self.revision = Some(revision);
        self.record = record;
        Ok(())
    }
}
