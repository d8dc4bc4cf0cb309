//! Which documents have a value, and which of the values it is.
//!
//! In: `IndexedDISI` in `.dvd`: blocks of 65,536 documents, sparse, dense or full. Out: for a document the number of
//! documents before it that have a value. Holds: one block at a time, as a bitmap with a count per word, so that an
//! answer takes some nanoseconds; blocks before the first wanted one are jumped over, or their headers read.
//! Not here: what Lucene wrote before 7 (`plain_docs`). After: Lucene `IndexedDISI`.

use std::ops::Range;

use crate::DocId;
use crate::error::Result;
use crate::file::File;
use crate::input::{Input, Order};

use super::meta::DocsEntry;
use super::plain_docs::{DocBits, DocList};

const WORDS: usize = 1024;
const BLOCK_DOCS: u32 = 65_536;

/// Blocks up to this many documents list them; larger ones are bitmaps.
const SPARSE_DOCS_MAX: u32 = 4095;

/// Bytes of the header of a block.
const HEADER_BYTES: u64 = 4;

/// The documents that have a value, for documents in ascending order.
pub(crate) enum DocsWithField {
    None,
    All,
    Some(Box<Disi>),
    Bits(Box<DocBits>),
    List(Box<DocList>),
}

/// Blocks of documents.
pub(crate) struct Disi {
    file: File,
    order: Order,
    blocks: Range<u64>,
    jumps: Option<Range<u64>>,
    rank_bytes: u64,
    /// The first block that was not looked at yet: where it is, and how many values are before it.
    next: Place,
    /// For which blocks the bitmap holds: one that is there, or several that are not.
    known: Range<u32>,
    /// How many values are before the block.
    before: u64,
    bits: Bits,
}

#[derive(Clone, Copy)]
struct Place {
    at: u64,
    ordinal: u64,
}

/// What is known of a block.
enum Bits {
    None,
    All,
    Some(Bitmap),
}

struct Bitmap {
    words: Vec<u64>,
    /// Set bits before each word.
    ranks: Vec<u32>,
}

/// The header of a block.
struct Header {
    id: u32,
    docs: u32,
}

impl DocsWithField {
    /// The documents that `entry` describes, which stand in `file`.
    pub(super) fn new(file: &File, order: Order, entry: DocsEntry) -> Result<Self> {
        Ok(match entry {
            DocsEntry::None => Self::None,
            DocsEntry::All => Self::All,
            DocsEntry::Disi { data, jumps, rank_bytes } => {
                Self::Some(Box::new(Disi::new(file, order, data, jumps, rank_bytes)?))
            }
            DocsEntry::Bits(data) => Self::Bits(Box::new(DocBits::new(file, data))),
            DocsEntry::List { docs, data } => {
                Self::List(Box::new(DocList::new(docs.in_file(file.clone(), order, data))))
            }
        })
    }

    /// How many documents before `doc` have a value, if `doc` has one.
    #[inline]
    pub(crate) fn ordinal(&mut self, doc: DocId) -> Result<Option<u64>> {
        match self {
            Self::None => Ok(None),
            Self::All => Ok(Some(u64::from(doc))),
            Self::Some(disi) => disi.ordinal(doc),
            Self::Bits(bits) => bits.ordinal(doc),
            Self::List(list) => list.ordinal(doc),
        }
    }
}

impl Disi {
    fn new(file: &File, order: Order, data: Range<u64>, jumps: u64, rank_bytes: u64) -> Result<Self> {
        let jumps_start = data.end.checked_sub(jumps * 8).filter(|start| data.start <= *start);
        let Some(jumps_start) = jumps_start else {
            return Err(file.corrupt(data.start, "the jump table is larger than what it is for"));
        };
        Ok(Self {
            file: file.clone(),
            order,
            blocks: data.start..jumps_start,
            jumps: (jumps > 0).then_some(jumps_start..data.end),
            rank_bytes,
            next: Place { at: data.start, ordinal: 0 },
            known: 0..0,
            before: 0,
            bits: Bits::None,
        })
    }

    #[inline]
    fn ordinal(&mut self, doc: DocId) -> Result<Option<u64>> {
        let id = doc / BLOCK_DOCS;
        if !self.known.contains(&id) {
            self.find(id)?;
        }
        let within = doc % BLOCK_DOCS;
        Ok(match &self.bits {
            Bits::None => None,
            Bits::All => Some(self.before + u64::from(within)),
            Bits::Some(bitmap) => bitmap.rank(within).map(|rank| self.before + u64::from(rank)),
        })
    }

    /// Looks for block `id`: afterwards it is known, if only that it isn't there.
    fn find(&mut self, id: u32) -> Result<()> {
        if id < self.known.start {
            self.rewind();
        }
        let found = self.search(id);
        if found.is_err() {
            self.rewind(); // what was skipped before the error must not count as absent
        }
        found
    }

    fn rewind(&mut self) {
        self.next = Place { at: self.blocks.start, ordinal: 0 };
        self.known = 0..0;
    }

    fn search(&mut self, id: u32) -> Result<()> {
        if id > self.known.end {
            self.jump(id)?;
        }
        let mut absent_from = self.known.end.min(id);
        loop {
            if self.next.at >= self.blocks.end {
                self.bits = Bits::None;
                self.known = id..u32::MAX;
                return Ok(());
            }
            let header = self.header()?;
            if header.id < absent_from {
                return Err(self.file.corrupt(self.next.at, format!("block {} follows a later one", header.id)));
            }
            if header.id > id {
                self.bits = Bits::None;
                self.known = id..header.id;
                return Ok(());
            }
            if header.id == id {
                return self.load(&header);
            }
            absent_from = header.id + 1;
            self.step_over(&header);
        }
    }

    /// Goes on at the first block from `id` on, where the jump table knows it.
    fn jump(&mut self, id: u32) -> Result<()> {
        let Some(jumps) = &self.jumps else { return Ok(()) };
        let last = (jumps.end - jumps.start) / 8 - 1;
        let entry_at = jumps.start + 8 * u64::from(id).min(last);
        let bytes = self.file.read(entry_at..entry_at + 8)?;
        let mut input = Input::new(self.file.label(), &bytes, entry_at, self.order);
        let (ordinal, offset) = (u64::from(input.u32()?), u64::from(input.u32()?));
        let at = self.blocks.start + offset;
        if at < self.next.at || ordinal < self.next.ordinal || at >= self.blocks.end {
            return Err(input.corrupt(format!("the jump table goes to {at}")));
        }
        self.next = Place { at, ordinal };
        Ok(())
    }

    fn header(&self) -> Result<Header> {
        let start = self.next.at;
        let bytes = self.file.read(start..start + HEADER_BYTES)?;
        let mut input = Input::new(self.file.label(), &bytes, start, self.order);
        Ok(Header { id: u32::from(input.u16()?), docs: u32::from(input.u16()?) + 1 })
    }

    fn body_bytes(&self, header: &Header) -> u64 {
        match header.docs {
            ..=SPARSE_DOCS_MAX => 2 * u64::from(header.docs),
            BLOCK_DOCS => 0,
            _ => self.rank_bytes + 8 * WORDS as u64,
        }
    }

    fn step_over(&mut self, header: &Header) {
        self.next.at += HEADER_BYTES + self.body_bytes(header);
        self.next.ordinal += u64::from(header.docs);
    }

    /// Reads the block whose header was just read.
    fn load(&mut self, header: &Header) -> Result<()> {
        let start = self.next.at + HEADER_BYTES;
        self.before = self.next.ordinal;
        if header.docs == BLOCK_DOCS {
            self.bits = Bits::All;
        } else {
            let bytes = self.file.read(start..start + self.body_bytes(header))?;
            let mut input = Input::new(self.file.label(), &bytes, start, self.order);
            let mut bitmap = match std::mem::replace(&mut self.bits, Bits::None) {
                Bits::Some(bitmap) => bitmap,
                Bits::None | Bits::All => Bitmap { words: vec![0; WORDS], ranks: vec![0; WORDS] },
            };
            bitmap.fill(&mut input, header.docs, self.rank_bytes)?;
            self.bits = Bits::Some(bitmap);
        }
        self.step_over(header);
        self.known = header.id..header.id + 1;
        Ok(())
    }
}

impl Bitmap {
    fn fill(&mut self, input: &mut Input<'_>, docs: u32, rank_bytes: u64) -> Result<()> {
        if docs <= SPARSE_DOCS_MAX {
            self.words.fill(0);
            for _ in 0..docs {
                let doc = usize::from(input.u16()?);
                if let Some(word) = self.words.get_mut(doc / 64) {
                    *word |= 1 << (doc % 64);
                }
            }
        } else {
            input.skip(rank_bytes as usize)?;
            for word in &mut self.words {
                *word = input.u64()?;
            }
        }
        let mut rank = 0;
        for (word, before) in self.words.iter().zip(&mut self.ranks) {
            *before = rank;
            rank += word.count_ones();
        }
        if rank != docs {
            return Err(input.corrupt(format!("a block has {rank} documents where {docs} are expected")));
        }
        Ok(())
    }

    #[inline]
    fn rank(&self, doc: u32) -> Option<u32> {
        let at = (doc / 64) as usize;
        let word = *self.words.get(at)?;
        let bit = 1u64 << (doc % 64);
        if word & bit == 0 {
            return None;
        }
        Some(self.ranks.get(at)? + (word & (bit - 1)).count_ones())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Arc, LazyLock};

    use proptest::prelude::*;

    use super::*;
    use crate::testing::Memory;

    /// As `IndexedDISI.writeBitSet`: blocks, the one that says "no more", and the jump table.
    fn encode(docs: &BTreeSet<u32>, order: Order, rank_bytes: u64, with_jumps: bool) -> (Vec<u8>, u64) {
        let (mut bytes, mut jumps, mut before) = (Vec::new(), Vec::<(u32, u32)>::new(), 0u32);
        let put16 = |bytes: &mut Vec<u8>, value: u16| match order {
            Order::Big => bytes.extend(value.to_be_bytes()),
            Order::Little => bytes.extend(value.to_le_bytes()),
        };
        let mut ids: Vec<u32> = docs.iter().map(|doc| doc / BLOCK_DOCS).collect();
        ids.dedup();
        for id in ids {
            let block: Vec<u32> = docs.range(id * BLOCK_DOCS..=id * BLOCK_DOCS + 0xFFFF).copied().collect();
            jumps.resize(id as usize + 1, (before, bytes.len() as u32));
            put16(&mut bytes, id as u16);
            put16(&mut bytes, (block.len() - 1) as u16);
            if block.len() as u32 <= SPARSE_DOCS_MAX {
                block.iter().for_each(|doc| put16(&mut bytes, *doc as u16));
            } else if (block.len() as u32) < BLOCK_DOCS {
                bytes.extend(vec![0xAA; rank_bytes as usize]);
                let mut words = vec![0u64; WORDS];
                block.iter().for_each(|doc| words[(doc % BLOCK_DOCS / 64) as usize] |= 1 << (doc % 64));
                words.iter().for_each(|word| match order {
                    Order::Big => bytes.extend(word.to_be_bytes()),
                    Order::Little => bytes.extend(word.to_le_bytes()),
                });
            }
            before += block.len() as u32;
        }
        jumps.push((before, bytes.len() as u32));
        put16(&mut bytes, 0x7FFF);
        put16(&mut bytes, 0);
        put16(&mut bytes, 0xFFFF);
        if !with_jumps {
            return (bytes, 0);
        }
        for (ordinal, offset) in &jumps {
            for value in [ordinal, offset] {
                match order {
                    Order::Big => bytes.extend(value.to_be_bytes()),
                    Order::Little => bytes.extend(value.to_le_bytes()),
                }
            }
        }
        (bytes, jumps.len() as u64)
    }

    fn disi(bytes: Vec<u8>, order: Order, jumps: u64, rank_bytes: u64) -> Result<DocsWithField> {
        let data = 0..bytes.len() as u64;
        let dir: Arc<dyn crate::Directory> = Arc::new(Memory::of("f", bytes));
        let file = File::open(&dir, "f".into(), "the test")?;
        DocsWithField::new(&file, order, DocsEntry::Disi { data, jumps, rank_bytes })
    }

    /// Blocks 1 (dense), 2 (full), 4 (sparse) and 9 (sparse); of dense ones every third document.
    fn sample() -> BTreeSet<u32> {
        let dense = (BLOCK_DOCS..2 * BLOCK_DOCS).step_by(3);
        let full = 2 * BLOCK_DOCS..3 * BLOCK_DOCS;
        dense.chain(full).chain([262_144, 262_200, 300_000]).chain([9 * BLOCK_DOCS + 65_535]).collect()
    }

    #[test]
    fn ordinals_are_right_from_any_start_on_with_and_without_jumps() {
        let docs = sample();
        let all: Vec<u32> = docs.iter().copied().collect();
        for (order, rank_bytes, with_jumps) in
            [(Order::Big, 256, true), (Order::Little, 0, false), (Order::Little, 256, true)]
        {
            let (bytes, jumps) = encode(&docs, order, rank_bytes, with_jumps);
            for from in [0, 1, BLOCK_DOCS, 3 * BLOCK_DOCS + 7, 4 * BLOCK_DOCS, 8 * BLOCK_DOCS, 11 * BLOCK_DOCS] {
                let mut found = disi(bytes.clone(), order, jumps, rank_bytes).unwrap();
                for doc in (from..12 * BLOCK_DOCS).step_by(5).chain([65_536, 131_072]) {
                    let expected = all.binary_search(&doc).ok().map(|ordinal| ordinal as u64);
                    assert_eq!(found.ordinal(doc).unwrap(), expected, "document {doc} from {from}");
                }
            }
        }
    }

    static SPOILABLE: LazyLock<(Vec<u8>, u64)> = LazyLock::new(|| encode(&sample(), Order::Little, 256, true));

    proptest! {
        #[test]
        fn spoiled_bytes_give_an_error_or_an_answer(at in any::<prop::sample::Index>(), bit in 0..8, cut: bool) {
            let (mut bytes, jumps) = SPOILABLE.clone();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= 1u8 << bit }
            if let Ok(mut found) = disi(bytes, Order::Little, jumps, 256) {
                for doc in (0..12 * BLOCK_DOCS).step_by(4_001) {
                    let _ = found.ordinal(doc);
                }
            }
        }
    }
}
