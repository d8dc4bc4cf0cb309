//! Which documents have a value, as Lucene wrote it before 7: a bit for each, or a list.
//!
//! In: places in `.dvd`. Out: for a document the number of its value. Holds: a window of bits, a block of the list.
//! After: Lucene `Lucene45DocValuesProducer#getDocsWithField`, `Lucene54DocValuesProducer.SparseBits`.

use std::ops::Range;

use bytes::Bytes;

use crate::DocId;
use crate::direct_monotonic::{Cursor, Monotonic};
use crate::error::Result;
use crate::file::File;

/// So many bytes of bits are read and held at a time.
const WINDOW_BYTES: u64 = 8 << 10;

/// A bit per document. Every document has a place among the values, also one without a value.
pub(crate) struct DocBits {
    file: File,
    data: Range<u64>,
    /// Which of the bytes are in memory.
    window: Range<u64>,
    bytes: Bytes,
}

impl DocBits {
    pub(super) fn new(file: &File, data: Range<u64>) -> Self {
        Self { file: file.clone(), data, window: 0..0, bytes: Bytes::new() }
    }

    pub(super) fn ordinal(&mut self, doc: DocId) -> Result<Option<u64>> {
        let at = u64::from(doc / 8);
        if !self.window.contains(&at) {
            self.load(at)?;
        }
        let byte = self.bytes.get((at - self.window.start) as usize).copied().unwrap_or_default();
        Ok((byte >> (doc % 8) & 1 == 1).then_some(u64::from(doc)))
    }

    fn load(&mut self, at: u64) -> Result<()> {
        let len = self.data.end - self.data.start;
        if at >= len {
            return Err(self.file.corrupt(self.data.start, format!("byte {at} of {len} is wanted")));
        }
        let first = at / WINDOW_BYTES * WINDOW_BYTES;
        let window = first..(first + WINDOW_BYTES).min(len);
        self.window = 0..0; // in case of an error
        self.bytes = self.file.read(self.data.start + window.start..self.data.start + window.end)?;
        self.window = window;
        Ok(())
    }
}

/// The numbers of the documents, ascending.
pub(crate) struct DocList {
    docs: Monotonic,
    cursor: Cursor,
    /// The document that was asked for last.
    asked: DocId,
    /// The first place in the list that is not before it, and what stands before that place.
    at: u64,
    before: Option<i64>,
}

impl DocList {
    pub(super) fn new(docs: Monotonic) -> Self {
        Self { docs, cursor: Cursor::default(), asked: 0, at: 0, before: None }
    }

    pub(super) fn ordinal(&mut self, doc: DocId) -> Result<Option<u64>> {
        if doc < self.asked {
            (self.at, self.before) = (0, None);
        }
        self.asked = doc;
        let wanted = i64::from(doc);
        while self.at < self.docs.len() {
            let here = self.docs.get(&mut self.cursor, self.at)?;
            if self.before.is_some_and(|before| here <= before) {
                return Err(self.docs.corrupt("documents that do not ascend"));
            }
            if here >= wanted {
                return Ok((here == wanted).then_some(self.at));
            }
            self.before = Some(here);
            self.at += 1;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::direct_monotonic::read_meta;
    use crate::input::{Input, Order};
    use crate::testing::Memory;

    fn file(bytes: Vec<u8>) -> File {
        let dir: Arc<dyn crate::Directory> = Arc::new(Memory::of("f", bytes));
        File::open(&dir, "f".into(), "the test").unwrap()
    }

    #[test]
    fn bits_are_read_by_windows_in_any_order() {
        let file = file(vec![0b1000_0010; 20_000]);
        let mut bits = DocBits::new(&file, 5..20_000);
        for doc in (0..159_960).step_by(3).chain([1, 159_959, 7]) {
            assert_eq!(bits.ordinal(doc).unwrap().is_some(), matches!(doc % 8, 1 | 7), "document {doc}");
        }
        assert!(bits.ordinal(159_960).is_err(), "behind the last");
        assert_eq!(bits.ordinal(9).unwrap(), Some(9), "and it goes on after an error");
    }

    /// Documents `first`, `first + step`, …, 4 in a block without deviations.
    fn list(count: u64, first: i64, step: f32) -> DocList {
        let mut meta = Vec::new();
        for block in 0..count.div_ceil(4) {
            meta.extend((first + (4 * block) as i64 * step as i64).to_be_bytes());
            meta.extend(step.to_bits().to_be_bytes());
            meta.extend([0; 9]);
        }
        let read = read_meta(&mut Input::new("meta", &meta, 0, Order::Big), count, 2).unwrap();
        DocList::new(read.in_file(file(Vec::new()), Order::Big, 0..0))
    }

    #[test]
    fn documents_of_a_list_have_their_place_in_it() {
        let mut docs = list(10, 5, 100.0);
        for doc in (0..2000).chain([5, 905, 105, 104, 0]) {
            let expected = (doc % 100 == 5 && doc < 1000).then_some(u64::from(doc / 100));
            assert_eq!(docs.ordinal(doc).unwrap(), expected, "document {doc}");
        }
        assert!(list(10, 5, 0.0).ordinal(6).is_err(), "the same document again");
        assert!(list(10, 5, -1.0).ordinal(6).is_err(), "documents descend");
    }
}
