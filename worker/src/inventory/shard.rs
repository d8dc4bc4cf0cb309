//! One shard of the inventory: from the list of its files, its commit and its segment infos.

use std::sync::Arc;

use lucene::{Commit, Segment, SegmentInfo};
use protocol::plan::InventoryShard;
use snapshot::{ShardFiles, SnapshotIndex};

use super::{Attempts, Taking};
use crate::failure::{TaskError, with_blob};
use crate::plan::blocking;
use crate::watched::Watched;

/// What was found of a shard.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub shard: InventoryShard,
    /// Lucene versions of the segments, each once.
    pub lucene_versions: Vec<String>,
    /// Codecs of the segments, each once.
    pub codecs: Vec<String>,
}

/// Looks into a shard. What is wrong with it is part of what is found.
///
/// # Errors
/// Given up.
pub(super) async fn look(taking: &Taking, entry: &SnapshotIndex, shard: u32) -> Result<Looked, TaskError> {
    let mut attempts = Attempts::of(&taking.spec);
    loop {
        let found = look_once(taking, entry, shard).await;
        taking.pulse.beat();
        let error = match found {
            _ if taking.cancel.is_cancelled() => return Err(TaskError::GivenUp),
            Ok(looked) => return Ok(looked),
            Err(error) => error,
        };
        match attempts.next(error, &taking.pulse, &taking.cancel).await {
            Ok(()) => {}
            Err(TaskError::Failed { reason, .. }) => {
                let shard = InventoryShard { refused: Some(reason), ..InventoryShard::default() };
                return Ok(Looked { shard, ..Looked::default() });
            }
            Err(error) => return Err(error),
        }
    }
}

async fn look_once(taking: &Taking, entry: &SnapshotIndex, shard: u32) -> Result<Looked, TaskError> {
    let Ok(_look) = taking.looks.acquire().await else { return Err(TaskError::GivenUp) };
    match taking.snapshot.shard(entry, shard).await {
        Ok(files) => look_into(files, taking).await,
        Err(error) => not_there(error, taking.spec.snapshot.allow_partial),
    }
}

/// A shard that the server could not snapshot is passed over where that is allowed; anything else is an error.
fn not_there(error: snapshot::Error, allow_partial: bool) -> Result<Looked, TaskError> {
    let is_partial = matches!(error, snapshot::Error::ShardFailed { .. });
    match TaskError::from(error) {
        TaskError::Failed { reason, .. } if is_partial && allow_partial => {
            let shard = InventoryShard { missing: Some(reason), ..InventoryShard::default() };
            Ok(Looked { shard, ..Looked::default() })
        }
        TaskError::Failed { reason, verdict } if is_partial => {
            let reason = format!("{reason}; `snapshot.allowPartial: true` migrates the others without it");
            Err(TaskError::Failed { verdict, reason })
        }
        error => Err(error),
    }
}

async fn look_into(files: ShardFiles, taking: &Taking) -> Result<Looked, TaskError> {
    let directory = files.directory(tokio::runtime::Handle::current());
    let directory = Watched::new(directory, taking.pulse.clone(), taking.cancel.clone());
    blocking(move || {
        let mut looked = Looked::default();
        looked.shard.bytes = files.total_len();
        looked.commit(&(Arc::new(directory) as _)).map_err(|error| with_blob(&files, &error))?;
        Ok::<_, TaskError>(looked)
    })
    .await
}

impl Looked {
    fn commit(&mut self, directory: &Arc<dyn lucene::Directory>) -> Result<(), lucene::Error> {
        for segment in &Commit::read(&**directory)?.segments {
            let info = SegmentInfo::read(directory, segment)?;
            let of_info = || info.refusal().map(|why| format!("segment {}: {why}", segment.name));
            let refused = self.shard.refused.take();
            self.shard.refused = refused.or_else(|| segment.refusal()).or_else(of_info);
            note(&mut self.lucene_versions, info.version.to_string());
            note(&mut self.codecs, segment.codec_and_mode(&info));
            let deleted = u64::from(segment.del_count) + u64::from(segment.soft_del_count);
            let live = u64::from(info.max_doc).saturating_sub(deleted);
            self.shard.segments += 1;
            self.shard.lucene_docs += live;
            if live > 0 && self.shard.refused.is_none() {
                let bytes = Segment::bytes_to_read(directory, segment, &info)?;
                self.shard.read_bytes = self.shard.read_bytes.saturating_add(bytes);
            }
        }
        Ok(())
    }
}

fn note(words: &mut Vec<String>, word: String) {
    if !words.contains(&word) {
        words.push(word);
    }
}
