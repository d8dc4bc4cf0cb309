//! How far something is that takes long: on standard error, from two seconds on.
//!
//! On a terminal a line that changes, elsewhere a line now and then. Shared by whoever reads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::ProgressBar;
use worker::read::{Read, Visitor};

use crate::table;

/// What takes less needs no progress.
const FIRST_AFTER: Duration = Duration::from_secs(2);
/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Between two changes on a terminal.
const CHANGE_EVERY: Duration = Duration::from_millis(200);
/// Documents between two looks at the clock.
const LOOK_EVERY: u64 = 256;

/// Counts documents, and tells.
pub struct Ticker {
    began: Instant,
    documents: AtomicU64,
    bytes: AtomicU64,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    at: Option<Instant>,
    bar: Option<ProgressBar>,
}

impl Ticker {
    /// Nothing was read yet.
    pub fn new() -> Self {
        Self { began: Instant::now(), documents: AtomicU64::new(0), bytes: AtomicU64::new(0), shown: Mutex::default() }
    }

    /// A document of so many bytes was read.
    fn count(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let before = self.documents.fetch_add(1, Ordering::Relaxed);
        if before.is_multiple_of(LOOK_EVERY) && self.began.elapsed() >= FIRST_AFTER {
            self.show();
        }
    }

    /// So many items were gone through.
    pub fn items(&self, count: usize) {
        if self.began.elapsed() >= FIRST_AFTER {
            self.tell(|| format!("{} items", table::count(count as u64)));
        }
    }

    fn show(&self) {
        self.tell(|| {
            let (documents, bytes) = (self.documents.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
            let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
            let rate = bytes.saturating_mul(1_000) / millis;
            let (documents, bytes) = (table::count(documents), table::size(bytes));
            format!("{documents} documents, {bytes} of sources, {}/s", table::size(rate))
        });
    }

    fn tell(&self, text: impl FnOnce() -> String) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let terminal = Term::stderr().is_term();
        let every = if terminal { CHANGE_EVERY } else { LINE_EVERY };
        if shown.at.is_some_and(|at| at.elapsed() < every) {
            return;
        }
        shown.at = Some(Instant::now());
        let text = text();
        match terminal {
            true => shown.bar.get_or_insert_with(ProgressBar::new_spinner).set_message(text),
            false => eprintln!("{text}"),
        }
    }

    /// Takes the line away.
    pub fn clear(&self) {
        if let Some(bar) = self.shown.lock().unwrap_or_else(PoisonError::into_inner).bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Counts what passes on to the visitor.
pub struct Ticked<'a, V> {
    /// Who counts.
    pub ticker: &'a Ticker,
    /// Who is told.
    pub visitor: &'a mut V,
}

impl<V: Visitor> Visitor for Ticked<'_, V> {
    type Stop = V::Stop;

    fn chunk(&mut self, crc: lucene::RangeCrc) {
        self.visitor.chunk(crc);
    }

    fn doc(&mut self, doc: lucene::DocId, read: Read<'_>) -> Result<(), V::Stop> {
        if let Read::Document(document) = &read {
            self.ticker.count(document.source.bytes().len() as u64);
        }
        self.visitor.doc(doc, read)
    }
}
