//! A whole segment front to back, with its account and its checksum: what an export and a deep inspection do.
//!
//! In: a shard's files and one of its segments. Out: every live document, told to a [`Visitor`], and what became of
//! them. Holds: it ends well only if every live document was told once and the checksum of the stored fields is right.
//! Not here: slices and checkpoints (`load`).

use std::sync::Arc;

use lucene::{Directory, Segment, SegmentCommit};
use protocol::checkpoint::Counts;

use crate::read::{RangeReader, Read, ReadError, ReadOptions, Visitor};

/// Why a segment was not read to its end, or can't be trusted.
#[derive(Debug)]
pub enum WholeError<S> {
    /// Its files can't be read.
    Lucene(lucene::Error),
    /// They can, and what is in them contradicts itself.
    Wrong(String),
    /// The visitor wanted no more.
    Stopped(S),
}

impl<S> From<lucene::Error> for WholeError<S> {
    fn from(error: lucene::Error) -> Self {
        Self::Lucene(error)
    }
}

impl<S> From<ReadError<S>> for WholeError<S> {
    fn from(error: ReadError<S>) -> Self {
        match error {
            ReadError::Lucene(error) => Self::Lucene(error),
            ReadError::Document { segment, doc, what } => {
                Self::Wrong(format!("document {doc} of segment {segment} makes no sense: {what}"))
            }
            ReadError::Unversioned { segment, doc } => {
                Self::Wrong(format!("document {doc} of segment {segment} keeps no _version"))
            }
            ReadError::Stopped(stop) => Self::Stopped(stop),
        }
    }
}

/// Tells `visitor` every live document of a segment; `counts` grows by what they turn out to be, also where it fails.
///
/// # Errors
/// See [`WholeError`].
pub fn read_segment<V: Visitor>(
    directory: &Arc<dyn Directory>,
    commit: &SegmentCommit,
    reading: ReadOptions,
    counts: &mut Counts,
    visitor: &mut V,
) -> Result<(), WholeError<V::Stop>> {
    let segment = Segment::open(directory.clone(), commit)?;
    let deleted = u64::from(segment.del_count()) + u64::from(segment.soft_del_count());
    let live_docs = u64::from(segment.max_doc()).saturating_sub(deleted);
    if live_docs == 0 {
        return Ok(());
    }
    let before = counts.accounted();
    let stored_fields = segment.stored_fields()?;
    let mut reader = RangeReader::open(&segment, reading)?;
    let mut counted = Counted { counts, visitor };
    for range in stored_fields.cuts(u64::MAX)? {
        let crc = reader.read(&range, range.docs.start, None, &mut counted)?;
        if let Some(footer) = stored_fields.footer_crc()?
            && crc.value != footer
        {
            return Err(WholeError::Wrong(format!(
                "the stored fields of segment {} are damaged: CRC-32 is {:08x}, its footer says {footer:08x}",
                segment.name(),
                crc.value
            )));
        }
    }
    let accounted = counted.counts.accounted() - before;
    if accounted != live_docs {
        let name = segment.name();
        let what = format!("segment {name} has {live_docs} live documents by its metadata, {accounted} were found");
        return Err(WholeError::Wrong(what));
    }
    Ok(())
}

/// Counts what passes on to the visitor.
struct Counted<'a, V> {
    counts: &'a mut Counts,
    visitor: &'a mut V,
}

impl<V: Visitor> Visitor for Counted<'_, V> {
    type Stop = V::Stop;

    fn chunk(&mut self, crc: lucene::RangeCrc) {
        self.visitor.chunk(crc);
    }

    fn doc(&mut self, doc: lucene::DocId, read: Read<'_>) -> Result<(), V::Stop> {
        match &read {
            Read::Document(document) => {
                self.counts.written += 1;
                self.counts.recovered += u64::from(document.recovered);
                self.counts.source_bytes += document.source.bytes().len() as u64;
            }
            Read::Nested => self.counts.nested += 1,
            Read::Skipped(reason) => *self.counts.skipped.entry(*reason).or_default() += 1,
            Read::Unreadable { .. } => self.counts.rejected += 1,
        }
        self.visitor.doc(doc, read)
    }
}
