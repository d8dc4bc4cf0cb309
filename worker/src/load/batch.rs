//! What travels from the reader to the target and on to the checkpoint: a body, and what it covers.

use std::sync::Arc;

use protocol::checkpoint::{RangeCrc, SkipReason};
use target::BulkBody;

use crate::memory::Permit;

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
    /// Rides along until the batch is dropped.
    pub(super) permit: Option<Permit>,
}

/// The bytes of a batch.
pub enum Body {
    /// For a cluster.
    Bulk(BulkBody),
    /// For a directory.
    Lines(Vec<u8>),
}

impl Body {
    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
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
    /// Its source is that of `_recovery_source`.
    pub recovered: bool,
    /// The number of its destination.
    pub destination: usize,
    /// Its mapping type, where it goes to a cluster.
    pub doc_type: Option<Arc<str>>,
    /// Its id is sent with the type before it.
    pub type_in_id: bool,
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

/// A document whose source can't be made what is sent.
pub struct Unreadable {
    /// Its range in the slice.
    pub range: usize,
    /// Its Lucene document.
    pub doc: u32,
    /// `_id`.
    pub id: String,
    /// `_routing`.
    pub routing: Option<String>,
    /// What its dead letter calls it.
    pub kind: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl Batch {
    /// One that covers nothing yet.
    #[must_use]
    pub fn of(body: Body) -> Self {
        Self { body, items: Vec::new(), steps: Vec::new(), unreadable: Vec::new(), permit: None }
    }
}
