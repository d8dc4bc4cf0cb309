//! A bit per document, set where it lives: the window that is looked at, and `.liv`.
//!
//! In: `.liv` of Lucene 5 and later. Out: a yes or no per document. Holds: 65,536 documents at a time; the number of
//! live documents is what the commit says. After: Lucene `Lucene50LiveDocsFormat`, `Lucene90LiveDocsFormat`.

use std::ops::Range;

use crate::DocId;
use crate::error::{Error, Result};
use crate::file::{File, HELD_BYTES_MAX};
use crate::input::{Input, Order};
use crate::version::READ;

use super::bit_vector::Gaps;

/// Words of the bitmap that are read and held at a time.
pub(super) const WINDOW_WORDS: u64 = 1024;

/// The bits, of which a window is in memory.
pub(super) struct Bitmap {
    source: Source,
    words_total: u64,
    window: Range<u64>,
    words: Vec<u64>,
}

/// Where the bits come from.
pub(super) enum Source {
    Words(Words),
    Gaps(Gaps),
}

/// Bits back to back in a file.
pub(super) struct Words {
    pub(super) file: File,
    /// Of the bytes in a word of 64 bits.
    pub(super) order: Order,
    /// Where they stand; the last word may lack bytes that would be zero.
    pub(super) bytes: Range<u64>,
    /// The bit is set where a document is deleted.
    pub(super) inverted: bool,
}

/// Opens `.liv`, of which `live` documents live.
pub(super) fn open(file: File, id: &[u8; 16], suffix: &str, live: u32, max_doc: u32) -> Result<Bitmap> {
    let file = file.held_unverified(HELD_BYTES_MAX)?;
    let (order, bytes) = file.header(Some(id), suffix, |codec| match (codec.name, codec.version) {
        ("Lucene50LiveDocs", 0) => Ok(Order::Big),
        ("Lucene90LiveDocs", 0) => Ok(Order::Little),
        _ => Err(codec.unsupported(file.label(), READ)),
    })?;
    if bytes.end - bytes.start != 8 * u64::from(max_doc).div_ceil(64) {
        return Err(file.corrupt(bytes.start, format!("it is not for {max_doc} documents")));
    }
    let words = Words { file, order, bytes, inverted: false };
    let set = words.scan(true)?;
    if set != u64::from(live) {
        return Err(miscounted(&words.file, words.bytes.start, set, live, max_doc));
    }
    Ok(Bitmap::new(Source::Words(words), max_doc))
}

#[cold]
pub(super) fn miscounted(file: &File, offset: u64, found: u64, live: u32, max_doc: u32) -> Error {
    let dead = max_doc.saturating_sub(live);
    file.corrupt(offset, format!("{found} of {max_doc} documents live, but the commit says that {dead} do not"))
}

impl Words {
    /// Reads the whole file for its checksum; how many bits are set.
    pub(super) fn scan(&self, has_footer: bool) -> Result<u64> {
        let mut set = 0;
        self.file.scan(has_footer, |at, block| {
            let within = |place: u64| place.saturating_sub(at).min(block.len() as u64) as usize;
            let bits = block.get(within(self.bytes.start)..within(self.bytes.end)).unwrap_or_default();
            set += bits.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>();
        })?;
        Ok(set)
    }

    fn load(&self, window: &Range<u64>, words: &mut Vec<u64>) -> Result<()> {
        let start = self.bytes.start + 8 * window.start;
        let end = (self.bytes.start + 8 * window.end).min(self.bytes.end);
        let bytes = self.file.read(start..end)?;
        let (whole, rest) = bytes.as_chunks::<8>();
        let mut input = Input::new(self.file.label(), whole.as_flattened(), start, self.order);
        words.clear();
        for _ in 0..whole.len() {
            words.push(input.u64()?);
        }
        if !rest.is_empty() {
            // Only where bytes ascend, in Lucene 4.
            words.push(rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
        if self.inverted {
            words.iter_mut().for_each(|word| *word = !*word);
        }
        Ok(())
    }
}

impl Bitmap {
    pub(super) fn new(source: Source, max_doc: u32) -> Self {
        let words_total = u64::from(max_doc).div_ceil(64);
        Self { source, words_total, window: 0..0, words: Vec::new() }
    }

    #[inline]
    pub(super) fn get(&mut self, doc: DocId) -> Result<bool> {
        let word = u64::from(doc / 64);
        if !self.window.contains(&word) {
            self.load(word)?;
        }
        let word = self.words.get((word - self.window.start) as usize).copied().unwrap_or_default();
        Ok(word >> (doc % 64) & 1 == 1)
    }

    fn load(&mut self, word: u64) -> Result<()> {
        let first = word / WINDOW_WORDS * WINDOW_WORDS;
        let window = first..(first + WINDOW_WORDS).min(self.words_total);
        self.window = 0..0; // in case of an error
        match &mut self.source {
            Source::Words(source) => source.load(&window, &mut self.words)?,
            Source::Gaps(source) => source.load(&window, &mut self.words)?,
        }
        self.window = window;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::{Memory, index_header, with_footer};

    const ID: [u8; 16] = [7; 16];

    fn read(bytes: Vec<u8>, live: u32, max_doc: u32) -> Result<Bitmap> {
        let dir: Arc<dyn crate::Directory> = Arc::new(Memory::of("_0_1.liv", bytes));
        open(File::open(&dir, "_0_1.liv".into(), "the test")?, &ID, "1", live, max_doc)
    }

    #[test]
    fn what_is_too_large_to_be_held_is_read_by_windows_and_its_checksum_verified() {
        let max_doc = 2_000_003u32;
        for codec in ["Lucene50LiveDocs", "Lucene90LiveDocs"] {
            let mut bytes = index_header(codec, 0, ID, "1");
            for word in 0..max_doc.div_ceil(64) {
                let docs = (max_doc - 64 * word).min(64);
                let dead = 1u64 << (word % 64).min(docs - 1); // one of each word
                let live = u64::MAX >> (64 - docs) & !dead;
                bytes.extend(if codec == "Lucene50LiveDocs" { live.to_be_bytes() } else { live.to_le_bytes() });
            }
            let bytes = with_footer(bytes);
            assert!(bytes.len() as u64 > HELD_BYTES_MAX);
            let live = max_doc - max_doc.div_ceil(64);
            let mut found = read(bytes.clone(), live, max_doc).unwrap();
            for doc in (0..max_doc).step_by(13).chain([max_doc - 1, 5]) {
                let docs = (max_doc - doc / 64 * 64).min(64);
                let dead = doc % 64 == (doc / 64 % 64).min(docs - 1);
                assert_eq!(found.get(doc).unwrap(), !dead, "{codec}: document {doc}");
            }
            let mut spoiled = bytes.clone();
            spoiled[200_000] ^= 0b0001_1000;
            let error = read(spoiled, live, max_doc).err().expect("two bits are swapped").to_string();
            assert!(error.contains("CRC-32") && error.contains("_0_1.liv"), "{error}");
            assert!(read(bytes.clone(), live - 1, max_doc).err().expect("miscounted").to_string().contains("live"));
            assert!(read(bytes, live, max_doc + 64).is_err(), "for another segment");
        }
    }
}
