//! Documents → batches within the limits, on the reader's thread.
//!
//! A source is copied once: from the decompressed chunk into the body. A document larger than a batch travels alone. A
//! batch takes its memory permit before its first byte, and keeps it until it is dropped, after the target's answer.

use std::sync::Arc;

use protocol::checkpoint::{RangeCrc, SkipReason};
use target::{BulkBody, Op};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::context::{Context, Migration, PERMIT_BYTES};
use crate::lease::Pulse;
use crate::line::LineWriter;
use crate::read::{Document, Read, Visitor};

/// Around a source in a body: action line, ids, field names.
const FRAME_BYTES: usize = 1024;

/// Nobody takes batches any more.
#[derive(Debug)]
pub struct Closed;

/// What a body is made of.
pub enum Format {
    /// Bulk actions.
    Bulk,
    /// Lines of an export.
    Lines(LineWriter),
}

/// A body and what it covers.
pub struct Batch {
    /// What is sent.
    pub body: Body,
    /// Where each document of the body comes from, in order.
    pub items: Vec<Item>,
    /// How far each range is once this batch is answered, and what of it was not sent.
    pub steps: Vec<Step>,
    /// Documents that were never sent because they can't be.
    pub unreadable: Vec<Unreadable>,
    // Rides along until the batch is dropped.
    _permit: Option<OwnedSemaphorePermit>,
}

/// The bytes of a batch.
pub enum Body {
    /// For a cluster.
    Bulk(BulkBody),
    /// For a directory.
    Lines(Vec<u8>),
}

impl Body {
    fn len(&self) -> usize {
        match self {
            Self::Bulk(body) => body.byte_len(),
            Self::Lines(lines) => lines.len(),
        }
    }
}

/// One document of a body.
pub struct Item {
    /// Its range in the slice.
    pub range: usize,
    /// Its Lucene document.
    pub doc: u32,
    /// Length of its source in bytes.
    pub source_len: u64,
}

/// Progress of one range that comes with a batch.
pub struct Step {
    /// The range in the slice.
    pub range: usize,
    /// The segment it is of.
    pub segment: String,
    /// The first document after the batch.
    pub next_doc: u32,
    /// The CRC at the start of the chunk that holds `next_doc`.
    pub crc: RangeCrc,
    /// Nested children passed over.
    pub nested: u64,
    /// Documents passed over, with the reason.
    pub skipped: Vec<SkipReason>,
}

/// A document whose source can't be made JSON.
pub struct Unreadable {
    /// Its range in the slice.
    pub range: usize,
    /// Its Lucene document.
    pub doc: u32,
    /// `_id`.
    pub id: String,
    /// `_routing`.
    pub routing: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

/// Builds batches.
pub struct Packer {
    format: Format,
    bytes_max: usize,
    docs_max: usize,
    memory: Arc<Semaphore>,
    memory_bytes: usize,
    runtime: Handle,
    sender: mpsc::Sender<Batch>,
    pulse: Pulse,
    open: Batch,
    range: usize,
    segment: String,
    crc: RangeCrc,
}

impl Packer {
    /// A packer with the migration's limits, on the current runtime.
    #[must_use]
    pub fn new(
        context: &Context,
        migration: &Migration,
        format: Format,
        sender: mpsc::Sender<Batch>,
        pulse: Pulse,
    ) -> Self {
        let sizing = &migration.spec.sizing;
        let bytes_max = usize::try_from(sizing.bulk_bytes.as_u64()).unwrap_or(usize::MAX);
        Self {
            open: Batch::empty(&format),
            format,
            // A batch can't wait for more memory than there is.
            bytes_max: bytes_max.min(context.memory_bytes / 2).max(1),
            docs_max: sizing.bulk_docs.get() as usize,
            memory: context.memory.clone(),
            memory_bytes: context.memory_bytes,
            runtime: Handle::current(),
            sender,
            pulse,
            range: 0,
            segment: String::new(),
            crc: RangeCrc::default(),
        }
    }

    /// Whether lines hold version numbers, which a bulk body doesn't.
    #[must_use]
    pub fn wants_versions(&self) -> bool {
        matches!(self.format, Format::Lines(_))
    }

    /// The documents that follow are of range number `range` of the slice, a part of `segment`.
    pub fn begin_range(&mut self, range: usize, segment: &str) {
        self.range = range;
        segment.clone_into(&mut self.segment);
        self.crc = RangeCrc::default();
    }

    /// The range is read to its end.
    ///
    /// # Errors
    /// Nobody takes batches any more.
    pub fn end_range(&mut self, to_doc: u32, crc: lucene::RangeCrc) -> Result<(), Closed> {
        self.crc = RangeCrc { value: crc.value, to: crc.to };
        self.step(to_doc);
        // Segments without documents would collect steps without end.
        if self.open.steps.len() > self.docs_max { self.flush() } else { Ok(()) }
    }

    /// Hands the open batch on.
    ///
    /// # Errors
    /// Nobody takes batches any more.
    pub fn flush(&mut self) -> Result<(), Closed> {
        if self.open.steps.is_empty() {
            return Ok(());
        }
        let batch = std::mem::replace(&mut self.open, Batch::empty(&self.format));
        self.sender.blocking_send(batch).map_err(|_| Closed)
    }

    /// The step of the current range in the open batch, moved on to `next_doc`.
    fn step(&mut self, next_doc: u32) -> &mut Step {
        let range = self.range;
        if self.open.steps.last().is_none_or(|step| step.range != range) {
            self.open.steps.push(Step {
                range,
                segment: self.segment.clone(),
                next_doc,
                crc: self.crc,
                nested: 0,
                skipped: Vec::new(),
            });
        }
        let at = self.open.steps.len().saturating_sub(1);
        #[expect(clippy::indexing_slicing, reason = "a step was pushed if there was none")]
        let step = &mut self.open.steps[at];
        step.next_doc = next_doc;
        step.crc = self.crc;
        step
    }

    /// Makes room for a document of `len` bytes: closes the open batch if it is full, takes memory if it has none.
    fn make_room(&mut self, len: usize) -> Result<(), Closed> {
        let full = self.open.body.len() + len > self.bytes_max || self.open.items.len() >= self.docs_max;
        if full && !self.open.items.is_empty() {
            self.flush()?;
        }
        if self.open.items.is_empty() {
            // More than the whole budget can never be had: such a document takes all of it.
            let bytes = len.max(self.bytes_max).min(self.memory_bytes);
            let permits = u32::try_from(bytes / PERMIT_BYTES).unwrap_or(u32::MAX);
            self.open._permit = None;
            let permit = self.runtime.block_on(self.memory.clone().acquire_many_owned(permits));
            self.open._permit = Some(permit.map_err(|_| Closed)?);
        }
        Ok(())
    }

    fn push(&mut self, doc: u32, document: &Document<'_>) -> Result<(), Closed> {
        let source = document.source.bytes();
        self.make_room(source.len().saturating_add(FRAME_BYTES))?;
        match (&mut self.open.body, &self.format) {
            (Body::Bulk(body), _) => body.push(Op::Index, document.id, document.routing, source),
            (Body::Lines(lines), Format::Lines(writer)) => writer.push(document, lines),
            (Body::Lines(_), Format::Bulk) => {}
        }
        self.open.items.push(Item { range: self.range, doc, source_len: source.len() as u64 });
        Ok(())
    }
}

impl Visitor for Packer {
    type Stop = Closed;

    fn chunk(&mut self, crc: lucene::RangeCrc) {
        self.crc = RangeCrc { value: crc.value, to: crc.to };
        self.pulse.beat();
    }

    fn doc(&mut self, doc: u32, read: Read<'_>) -> Result<(), Closed> {
        match read {
            Read::Document(document) => self.push(doc, &document)?,
            Read::Unreadable { id, routing, reason } => self.open.unreadable.push(Unreadable {
                range: self.range,
                doc,
                id: id.to_owned(),
                routing: routing.map(str::to_owned),
                reason,
            }),
            Read::Nested => {
                self.step(doc.saturating_add(1)).nested += 1;
                return Ok(());
            }
            Read::Skipped(reason) => {
                let step = self.step(doc.saturating_add(1));
                step.skipped.push(reason);
                let (full, unreadable) = (step.skipped.len(), self.open.unreadable.len());
                return if full + unreadable > self.docs_max { self.flush() } else { Ok(()) };
            }
        }
        self.step(doc.saturating_add(1));
        if self.open.unreadable.len() > self.docs_max { self.flush() } else { Ok(()) }
    }
}

impl Batch {
    fn empty(format: &Format) -> Self {
        let body = match format {
            Format::Bulk => Body::Bulk(BulkBody::default()),
            Format::Lines(_) => Body::Lines(Vec::new()),
        };
        Self { body, items: Vec::new(), steps: Vec::new(), unreadable: Vec::new(), _permit: None }
    }
}
