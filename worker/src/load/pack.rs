//! Documents → batches within the limits, on the reader's thread.
//!
//! A source is copied once: from the decompressed chunk into the body. A document larger than a batch travels alone. A
//! batch takes its memory permit before its first byte, and keeps it until it is dropped, after the target's answer.

use std::sync::Arc;

use protocol::checkpoint::RangeCrc;
use target::BulkBody;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::batch::{Batch, Body, Item, Step, Unreadable};
use super::route::Router;
use super::splice;
use crate::context::Migration;
use crate::lease::Pulse;
use crate::line::LineWriter;
use crate::memory::Budget;
use crate::read::{Document, Read, Visitor};

/// Around a source in a body: action line, ids, field names, what is spliced in.
const FRAME_BYTES: usize = 1024;

/// Why no more documents are packed.
#[derive(Debug)]
pub enum Stop {
    /// Nobody takes batches any more.
    Closed,
    /// A document that nobody takes.
    NoDestination {
        /// Its segment.
        segment: String,
        /// Its Lucene document.
        doc: u32,
        /// Its mapping type.
        doc_type: String,
    },
}

/// What a body is made of.
pub enum Format {
    /// Bulk actions.
    Bulk(Router),
    /// Lines of an export.
    Lines(LineWriter),
}

impl Format {
    /// A batch with nothing in it.
    fn batch(&self) -> Batch {
        Batch::of(match self {
            Self::Bulk(_) => Body::Bulk(BulkBody::default()),
            Self::Lines(_) => Body::Lines(Vec::new()),
        })
    }
}

/// How large batches may be, and from which budget they take their memory.
#[derive(Clone)]
pub struct Limits {
    /// Bytes of a body; a larger document travels alone.
    pub bytes_max: usize,
    /// Documents of a body.
    pub docs_max: usize,
    /// The budget that all slots share.
    pub memory: Arc<Budget>,
}

impl Limits {
    /// The migration's limits within the worker's budget.
    #[must_use]
    pub fn new(migration: &Migration) -> Self {
        let sizing = &migration.spec.sizing;
        let bytes_max = usize::try_from(sizing.bulk_bytes.as_u64()).unwrap_or(usize::MAX);
        Self {
            // A batch can't wait for more memory than there is.
            bytes_max: bytes_max.min(migration.memory.bytes() / 2).max(1),
            docs_max: sizing.bulk_docs.get() as usize,
            memory: migration.memory.clone(),
        }
    }
}

/// Builds batches.
pub struct Packer {
    format: Format,
    limits: Limits,
    runtime: Handle,
    sender: mpsc::Sender<Batch>,
    pulse: Pulse,
    open: Batch,
    range: usize,
    segment: String,
    crc: RangeCrc,
}

impl Packer {
    /// A packer on the current runtime.
    #[must_use]
    pub fn new(limits: Limits, format: Format, sender: mpsc::Sender<Batch>, pulse: Pulse) -> Self {
        Self {
            open: format.batch(),
            format,
            limits,
            runtime: Handle::current(),
            sender,
            pulse,
            range: 0,
            segment: String::new(),
            crc: RangeCrc::default(),
        }
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
    pub fn end_range(&mut self, to_doc: u32, crc: lucene::RangeCrc) -> Result<(), Stop> {
        self.crc = RangeCrc { value: crc.value, to: crc.to };
        self.step(to_doc);
        // Segments without documents would collect steps without end.
        if self.open.steps.len() > self.limits.docs_max { self.flush() } else { Ok(()) }
    }

    /// Hands the open batch on.
    ///
    /// # Errors
    /// Nobody takes batches any more.
    pub fn flush(&mut self) -> Result<(), Stop> {
        if self.open.steps.is_empty() {
            return Ok(());
        }
        let batch = std::mem::replace(&mut self.open, self.format.batch());
        self.sender.blocking_send(batch).map_err(|_| Stop::Closed)
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
    fn make_room(&mut self, len: usize) -> Result<(), Stop> {
        let Limits { bytes_max, docs_max, .. } = self.limits;
        let full = self.open.body.len().saturating_add(len) > bytes_max || self.open.items.len() >= docs_max;
        if full && !self.open.items.is_empty() {
            self.flush()?;
        }
        if self.open.items.is_empty() {
            self.open.permit = None;
            let permit = self.runtime.block_on(self.limits.memory.take(len.max(bytes_max)));
            self.open.permit = Some(permit.ok_or(Stop::Closed)?);
        }
        Ok(())
    }

    fn push(&mut self, doc: u32, document: &Document<'_>) -> Result<(), Stop> {
        let source = document.source.bytes();
        self.make_room(source.len().saturating_add(FRAME_BYTES))?;
        let (range, source_len, recovered) = (self.range, source.len() as u64, document.recovered);
        let mut item = Item { range, doc, source_len, recovered, destination: 0, doc_type: None, type_in_id: false };
        match (&mut self.open.body, &mut self.format) {
            (Body::Bulk(body), Format::Bulk(router)) => {
                let way = router.way(document).map_err(|doc_type| {
                    let segment = self.segment.clone();
                    Stop::NoDestination { segment, doc, doc_type }
                })?;
                match way.member(source) {
                    Ok(None) => body.push_parts(&way.action(), &[source]),
                    Ok(Some(member)) => body.push_parts(&way.action(), &splice::with_member(source, &member)),
                    Err(reason) => {
                        let (id, routing) = (document.id.to_owned(), document.routing.map(str::to_owned));
                        self.open.unreadable.push(Unreadable { range, doc, id, routing, kind: "join_field", reason });
                        return Ok(());
                    }
                }
                (item.destination, item.type_in_id) = (way.destination, way.type_in_id);
                item.doc_type = Some(way.doc_type);
            }
            (Body::Lines(lines), Format::Lines(writer)) => writer.push(document, lines),
            (Body::Bulk(_), Format::Lines(_)) | (Body::Lines(_), Format::Bulk(_)) => {}
        }
        self.open.items.push(item);
        Ok(())
    }
}

impl Visitor for Packer {
    type Stop = Stop;

    fn chunk(&mut self, crc: lucene::RangeCrc) {
        self.crc = RangeCrc { value: crc.value, to: crc.to };
        self.pulse.beat();
    }

    fn doc(&mut self, doc: u32, read: Read<'_>) -> Result<(), Stop> {
        match read {
            Read::Document(document) => self.push(doc, &document)?,
            Read::Unreadable { id, routing, reason } => self.open.unreadable.push(Unreadable {
                range: self.range,
                doc,
                id: id.to_owned(),
                routing: routing.map(str::to_owned),
                kind: "unreadable_source",
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
                return if full + unreadable > self.limits.docs_max { self.flush() } else { Ok(()) };
            }
        }
        self.step(doc.saturating_add(1));
        if self.open.unreadable.len() > self.limits.docs_max { self.flush() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use protocol::checkpoint::SkipReason;
    use protocol::destination::{Destination, TargetIndex};
    use protocol::spec::OnConflict;

    use super::*;
    use crate::read::{Source, Versions};

    const MEMORY: usize = 64 << 10;
    const BATCH: usize = 8 << 10;

    fn packer(sender: mpsc::Sender<Batch>, memory: Arc<Budget>) -> Packer {
        let limits = Limits { bytes_max: BATCH, docs_max: 100, memory };
        let router = Router::new(TargetIndex::one(Destination::default()), OnConflict::Overwrite);
        let pulse = Pulse::new(crate::lease::Asked::now());
        let mut packer = Packer::new(limits, Format::Bulk(router), sender, pulse);
        packer.begin_range(0, "_0");
        packer
    }

    /// Packs documents of these lengths on a thread of its own, as the reader does.
    fn pack(lens: Vec<usize>, queued: usize) -> (mpsc::Receiver<Batch>, Arc<Budget>) {
        let memory = Arc::new(Budget::new(MEMORY));
        let (sender, batches) = mpsc::channel(queued);
        let mut packer = packer(sender, memory.clone());
        tokio::task::spawn_blocking(move || {
            for (doc, len) in (0..).zip(lens) {
                let json = format!("{{\"x\":\"{}\"}}", "x".repeat(len));
                let source = Source::Json(json.as_bytes());
                let document = Document {
                    id: "1",
                    doc_type: None,
                    routing: None,
                    parent: None,
                    timestamp: None,
                    expires: None,
                    source,
                    recovered: false,
                    versions: Versions::default(),
                };
                if packer.doc(doc, Read::Document(document)).is_err() {
                    return;
                }
            }
            let _ = packer.flush();
        });
        (batches, memory)
    }

    #[tokio::test]
    async fn bodies_in_flight_never_exceed_the_budget_and_the_reader_waits() {
        let (mut batches, memory) = pack(vec![1_000; 2_000], 1_000);
        let mut held = Vec::new();
        // Nobody answers: the reader comes to a stop when the budget is used up, with everything it packed in hand.
        while memory.free() >= BATCH {
            held.push(batches.recv().await.unwrap());
        }
        let in_flight: usize = held.iter().map(|batch| batch.body.len()).sum();
        assert!(in_flight <= MEMORY, "{in_flight} bytes in flight");
        let mut docs: usize = held.iter().map(|batch| batch.items.len()).sum();
        assert!(docs < 2_000, "the reader went on without memory");
        drop(held);
        while let Some(batch) = batches.recv().await {
            assert!(batch.body.len() <= BATCH, "{} bytes in a batch", batch.body.len());
            docs += batch.items.len();
        }
        assert_eq!(docs, 2_000, "every document is in a batch");
        assert_eq!(memory.free(), MEMORY, "every permit came back");
    }

    #[tokio::test]
    async fn a_document_larger_than_a_batch_travels_alone_and_one_larger_than_the_budget_takes_all_of_it() {
        let (mut batches, memory) = pack(vec![10, 2 * BATCH, 10, 2 * MEMORY, 10], 1);
        let mut shapes = Vec::new();
        while let Some(batch) = batches.recv().await {
            if batch.body.len() > MEMORY {
                assert_eq!(memory.free(), 0, "nothing else is packed beside it");
            }
            shapes.push(batch.items.len());
        }
        assert_eq!(shapes, [1, 1, 1, 1, 1]);
    }

    #[tokio::test]
    async fn what_is_not_sent_is_counted_in_the_step_that_passes_it() {
        let (sender, mut batches) = mpsc::channel(1);
        let mut packer = packer(sender, Arc::new(Budget::new(MEMORY)));
        tokio::task::spawn_blocking(move || {
            packer.chunk(lucene::RangeCrc { value: 7, to: 70 });
            packer.doc(0, Read::Nested).unwrap();
            packer.doc(2, Read::Skipped(SkipReason::NoSource)).unwrap();
            packer.end_range(5, lucene::RangeCrc { value: 9, to: 90 }).unwrap();
            packer.flush().unwrap();
        });
        let batch = batches.recv().await.unwrap();
        let [step] = batch.steps.as_slice() else { panic!("{} steps", batch.steps.len()) };
        assert_eq!((step.nested, step.skipped.as_slice()), (1, &[SkipReason::NoSource][..]));
        assert_eq!((step.next_doc, step.crc), (5, RangeCrc { value: 9, to: 90 }));
        assert!(batch.items.is_empty());
    }
}
