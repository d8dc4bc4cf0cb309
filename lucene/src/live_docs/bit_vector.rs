//! `.del`: the live documents of segments of Lucene 4.
//!
//! In: the file. Out: a [`Bitmap`]. Where few documents are deleted, only the bytes with a deleted one are listed, each
//! behind its distance from the one before; they are read along with the documents. Holds: as many documents live as
//! file and commit say, which is counted when it is opened. After: Lucene 4.10 `BitVector`, `Lucene40LiveDocsFormat`.

use std::ops::Range;

use bytes::Bytes;

use crate::error::Result;
use crate::file::{File, HELD_BYTES_MAX};
use crate::header::{self, Codec};
use crate::input::{Input, Order};
use crate::version::READ;

use super::bitmap::{Bitmap, Source, Words, miscounted};

/// In place of the number of documents: the header follows. Without it the file is older than version 0.
const HEADER_FOLLOWS: i32 = -2;

/// In place of the number of documents: they and the distances follow.
const GAPS_FOLLOW: i32 = -1;

/// Since this version the bits say who lives, before who is deleted.
const VERSION_LIVE: u32 = 1;
/// With a footer (Lucene 4.8).
const VERSION_MAX: u32 = 2;

/// So much of the list is read at a time.
const BUFFER_BYTES: u64 = 16 << 10;

/// No entry of the list is longer: a distance and a byte.
const ENTRY_BYTES_MAX: usize = 6;

/// Bytes of the bitmap that are not all alike, listed with their distances.
pub(super) struct Gaps {
    file: File,
    list: Range<u64>,
    /// What all bytes are that are not listed.
    rest: u8,
    /// The bit is set where a document is deleted.
    inverted: bool,
    max_doc: u32,
    /// How many bits of the list differ from `rest`.
    differing: u32,
    place: Place,
    /// Up to which byte of the bitmap the list was read.
    read_to: u64,
}

/// A place in the list.
#[derive(Default)]
struct Place {
    /// Where in the file the next entry stands.
    at: u64,
    /// The byte of the bitmap that was listed last.
    index: Option<u64>,
    /// Differing bits in the entries before.
    seen: u32,
    /// An entry that was read, but is behind the window.
    ahead: Option<(u64, u8)>,
    buffer: Bytes,
    buffer_start: u64,
}

/// What the beginning of the file says.
struct Head {
    inverted: bool,
    has_footer: bool,
    gaps: bool,
    /// Where the bits begin.
    start: u64,
    end: u64,
    size: u32,
    /// How many bits are set.
    count: u32,
}

/// Opens `.del`, of which `live` documents live.
pub(super) fn open(file: File, live: u32, max_doc: u32) -> Result<Bitmap> {
    let file = file.held_unverified(HELD_BYTES_MAX)?;
    let head = read_head(&file)?;
    if head.size != max_doc {
        return Err(file.corrupt(0, format!("it is not for {max_doc} documents, but for {}", head.size)));
    }
    let expected = if head.inverted { max_doc.saturating_sub(live) } else { live };
    if head.count != expected {
        let found = if head.inverted { max_doc.saturating_sub(head.count) } else { head.count };
        return Err(miscounted(&file, head.start, found.into(), live, max_doc));
    }
    if head.gaps {
        file.scan(head.has_footer, |_, _| {})?;
        let mut gaps = Gaps::new(file, &head);
        gaps.check()?;
        return Ok(Bitmap::new(Source::Gaps(gaps), max_doc));
    }
    if head.end - head.start != u64::from(max_doc).div_ceil(8) {
        return Err(file.corrupt(head.start, format!("{max_doc} bits in {} bytes", head.end - head.start)));
    }
    let words = Words { file, order: Order::Little, bytes: head.start..head.end, inverted: head.inverted };
    let set = words.scan(head.has_footer)?;
    if set != u64::from(head.count) {
        return Err(words.file.corrupt(head.start, format!("{set} bits are set where it says {}", head.count)));
    }
    Ok(Bitmap::new(Source::Words(words), max_doc))
}

fn read_head(file: &File) -> Result<Head> {
    let bytes = file.read_head()?;
    let mut input = Input::new(file.label(), &bytes, 0, Order::Big);
    let mut size = input.i32()?;
    let mut codec = Codec { name: "BitVector", version: 0 };
    if size == HEADER_FOLLOWS {
        codec = header::read_codec(&mut input)?;
        if codec.name != "BitVector" || codec.version > VERSION_MAX {
            return Err(codec.unsupported(file.label(), READ));
        }
        size = input.i32()?;
    }
    let gaps = size == GAPS_FOLLOW;
    if gaps {
        size = input.i32()?;
    }
    let (size, count) = match (u32::try_from(size), input.u32()?) {
        (Ok(size), count) if count <= size => (size, count),
        (_, count) => return Err(input.corrupt(format!("{count} of {size} bits are set"))),
    };
    let (start, end) = (input.offset(), file.body_end(&codec)?);
    if start > end {
        return Err(input.corrupt("it has no room for bits"));
    }
    let inverted = codec.version < VERSION_LIVE;
    Ok(Head { inverted, has_footer: end < file.len(), gaps, start, end, size, count })
}

impl Gaps {
    fn new(file: File, head: &Head) -> Self {
        // Before version 1 set bits are listed, since then cleared ones.
        let (rest, differing) = if head.inverted { (0, head.count) } else { (0xFF, head.size - head.count) };
        let list = head.start..head.end;
        let place = Place { at: list.start, ..Place::default() };
        let (inverted, max_doc) = (head.inverted, head.size);
        Self { file, list, rest, inverted, max_doc, differing, place, read_to: 0 }
    }

    /// Reads the whole list: it has as many bits as it says, and nothing is left over.
    fn check(&mut self) -> Result<()> {
        while self.next()?.is_some() {}
        if self.place.at != self.list.end || self.place.seen != self.differing {
            let what = format!("it lists {} documents where {} are expected", self.place.seen, self.differing);
            return Err(self.file.corrupt(self.place.at, what));
        }
        self.rewind();
        Ok(())
    }

    fn rewind(&mut self) {
        self.place = Place { at: self.list.start, ..Place::default() };
        self.read_to = 0;
    }

    pub(super) fn load(&mut self, window: &Range<u64>, words: &mut Vec<u64>) -> Result<()> {
        let bytes = 8 * window.start..8 * window.end;
        if bytes.start < self.read_to {
            self.rewind();
        }
        self.read_to = bytes.end;
        let all = if self.rest == 0 { 0 } else { u64::MAX };
        words.clear();
        words.resize((window.end - window.start) as usize, all);
        loop {
            let entry = match self.place.ahead.take() {
                Some(entry) => Some(entry),
                None => self.next()?,
            };
            let Some((index, byte)) = entry else { break };
            if index >= bytes.end {
                self.place.ahead = entry;
                break;
            }
            let Some(before) = index.checked_sub(bytes.start) else { continue };
            if let Some(word) = words.get_mut((before / 8) as usize) {
                let shift = 8 * (index % 8);
                *word = *word & !(0xFF << shift) | u64::from(byte) << shift;
            }
        }
        if self.inverted {
            words.iter_mut().for_each(|word| *word = !*word);
        }
        Ok(())
    }

    /// The next entry: which byte of the bitmap, and what it is.
    fn next(&mut self) -> Result<Option<(u64, u8)>> {
        if self.place.seen >= self.differing {
            return Ok(None);
        }
        self.fill()?;
        let place = &mut self.place;
        let within = (place.at - place.buffer_start) as usize;
        let bytes = place.buffer.get(within..).unwrap_or_default();
        let mut input = Input::new(self.file.label(), bytes, place.at, Order::Big);
        let distance = u64::from(input.vint()?);
        let byte = input.u8()?;
        let index = place.index.unwrap_or(0) + distance;
        let bits = u64::from(self.max_doc).saturating_sub(8 * index).min(8) as u32;
        if bits == 0 || distance == 0 && place.index.is_some() {
            return Err(
                input.corrupt(format!("byte {index} of {} documents follows byte {:?}", self.max_doc, place.index))
            );
        }
        let there = 0xFF >> (8 - bits);
        place.seen += ((byte ^ self.rest) & there).count_ones();
        place.index = Some(index);
        place.at = input.offset();
        Ok(Some((index, byte)))
    }

    /// Makes sure that the next entry is in the buffer, if it is in the file.
    fn fill(&mut self) -> Result<()> {
        let place = &mut self.place;
        let buffer_end = place.buffer_start + place.buffer.len() as u64;
        if place.at + ENTRY_BYTES_MAX as u64 <= buffer_end || buffer_end == self.list.end {
            return Ok(());
        }
        let end = (place.at + BUFFER_BYTES).min(self.list.end);
        place.buffer = self.file.read(place.at..end)?;
        place.buffer_start = place.at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Memory, header, with_footer};

    /// As `BitVector.write`, in any version and either form.
    fn encode(max_doc: u32, dead: &BTreeSet<u32>, version: Option<u32>, gaps: bool) -> Vec<u8> {
        let live_bits = version.is_some_and(|version| version >= VERSION_LIVE);
        let mut bits = vec![0u8; max_doc.div_ceil(8) as usize];
        (0..max_doc)
            .filter(|doc| dead.contains(doc) != live_bits)
            .for_each(|doc| bits[doc as usize / 8] |= 1 << (doc % 8));
        let count: u32 = bits.iter().map(|byte| byte.count_ones()).sum();
        let mut bytes = Vec::new();
        if let Some(version) = version {
            bytes.extend(HEADER_FOLLOWS.to_be_bytes());
            bytes.extend(header("BitVector", version));
        }
        if gaps {
            bytes.extend(GAPS_FOLLOW.to_be_bytes());
        }
        bytes.extend(max_doc.to_be_bytes());
        bytes.extend(count.to_be_bytes());
        if !gaps {
            bytes.extend(&bits);
        } else {
            let mut last = 0;
            for (index, byte) in bits.iter().enumerate() {
                let there = 0xFFu8 >> (8 - (max_doc as usize - 8 * index).min(8));
                if *byte == if live_bits { there } else { 0 } {
                    continue;
                }
                let mut distance = index - last;
                while distance >= 0x80 {
                    bytes.push(distance as u8 | 0x80);
                    distance >>= 7;
                }
                bytes.extend([distance as u8, *byte]);
                last = index;
            }
        }
        if version == Some(VERSION_MAX) { with_footer(bytes) } else { bytes }
    }

    fn read(bytes: Vec<u8>, live: u32, max_doc: u32) -> Result<Bitmap> {
        let dir: Arc<dyn crate::Directory> = Arc::new(Memory::of("_0_1.del", bytes));
        open(File::open(&dir, "_0_1.del".into(), "the test")?, live, max_doc)
    }

    fn dead(max_doc: u32, picks: &[prop::sample::Index]) -> BTreeSet<u32> {
        picks.iter().map(|pick| pick.index(max_doc as usize) as u32).collect()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_in_any_order(
            max_doc in prop_oneof![4 => 1u32..200, 1 => 65_000u32..140_000],
            picks in prop::collection::vec(any::<prop::sample::Index>(), 0..50),
            version in prop::sample::select(vec![None, Some(0), Some(1), Some(2)]),
            gaps: bool,
            looks in prop::collection::vec(any::<prop::sample::Index>(), 1..50),
        ) {
            let dead = dead(max_doc, &picks);
            let live = max_doc - dead.len() as u32;
            let bytes = encode(max_doc, &dead, version, gaps);
            let mut found = read(bytes.clone(), live, max_doc).unwrap();
            for doc in (0..max_doc).step_by(1 + max_doc as usize / 500).chain(dead.iter().copied()).chain(self::dead(max_doc, &looks)) {
                prop_assert_eq!(found.get(doc).unwrap(), !dead.contains(&doc), "document {}", doc);
            }
            prop_assert!(read(bytes.clone(), live, max_doc + 1).is_err(), "for another segment");
            prop_assert!(live == 0 || read(bytes.clone(), live - 1, max_doc).is_err(), "the commit counts otherwise");
            prop_assert!(read([&bytes[..], &[0]].concat(), live, max_doc).is_err(), "a byte is left over");
        }

        #[test]
        fn nothing_panics_and_with_a_footer_nothing_spoiled_is_read(
            picks in prop::collection::vec(any::<prop::sample::Index>(), 1..9),
            gaps: bool,
            at in any::<prop::sample::Index>(),
            bit in 0..8,
            cut: bool,
        ) {
            let dead = dead(3000, &picks);
            let live = 3000 - dead.len() as u32;
            for version in [None, Some(0), Some(1), Some(2)] {
                let mut bytes = encode(3000, &dead, version, gaps);
                let at = at.index(bytes.len());
                if cut { bytes.truncate(at) } else { bytes[at] ^= 1u8 << bit }
                match read(bytes, live, 3000) {
                    Ok(_) if version == Some(2) => prop_assert!(false, "spoiled at {}", at),
                    Ok(mut found) => (0..3000).for_each(|doc| drop(found.get(doc))),
                    Err(_) => {}
                }
            }
        }
    }
}
