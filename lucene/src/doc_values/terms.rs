//! The different terms of a field, ascending, by number.
//!
//! In: an entry of `.dvm` and the number of a term. Out: its bytes. Holds: one block of terms and, where all terms are
//! together no more than 16 MiB, those; lengths are checked against what is there before anything is kept.
//! Not here: which document has which term (`sorted`).
//!
//! ```text
//! Prefixed, 16 terms:  first: len vInt, bytes | 15 lengths of suffixes - 1: u8, or 255 and u16 | rest: shared u8, suffix
//! Tokens, 2^n terms:   first: len vInt, bytes | rest: token u8, [shared - 15 vInt], [suffix - 16 vInt], suffix
//!                      token: shared in the lower half, suffix - 1 in the upper, 15 in a half: and what follows
//! ```
//!
//! Shared is how many bytes are those of the term before.
//! After: Lucene `Lucene54DocValuesProducer.CompressedBinaryDocValues`, `Lucene70DocValuesProducer.TermsDict`.

use std::ops::Range;

use bytes::Bytes;

use crate::direct_monotonic::Monotonic;
use crate::error::Result;
use crate::file::File;
use crate::input::{Input, Order};

pub(crate) use super::term_addresses::Addresses;
use super::term_addresses::{HELD_BYTES_MAX, PackedAddresses};

/// Lucene refuses longer terms (`IndexWriter#MAX_TERM_LENGTH`).
const TERM_BYTES_MAX: u32 = 32_766;

/// Terms of a block before Lucene 7: 2^4.
const PREFIXED_SHIFT: u32 = 4;

/// Larger blocks than of 2^6 terms were never written.
const BLOCK_SHIFT_MAX: u32 = 6;

/// No term takes more bytes in a block, beside those of its own.
const OVERHEAD_BYTES: u64 = 16;

/// Where terms are, and how to read them.
pub(crate) struct TermsEntry {
    pub(super) count: u64,
    /// Bytes of the longest; says nothing where there is none.
    pub(super) len_max: u32,
    pub(super) data: Range<u64>,
    pub(super) form: Form,
}

/// How terms are written.
pub(crate) enum Form {
    /// All of one length.
    Fixed,
    /// One behind the other, with the address of each, and of the end.
    Variable(Addresses),
    /// Before Lucene 7: blocks of 16 terms, with the address of each block.
    Prefixed { addresses: Range<u64>, version: u32, block_len: u32 },
    /// Lucene 7: blocks of so many terms, with the address of each block.
    Tokens { block_shift: u32, addresses: Addresses },
}

impl TermsEntry {
    /// Whether all of it stands before `data_end`, and is of a size that Lucene writes.
    pub(super) fn check(&self, input: &Input<'_>, data_end: u64) -> Result<()> {
        let fits = |range: &Range<u64>| range.start <= range.end && range.end <= data_end;
        let form_fits = match &self.form {
            Form::Fixed => true,
            Form::Variable(addresses) => fits(&addresses.data),
            Form::Prefixed { addresses, .. } => fits(addresses),
            Form::Tokens { block_shift, addresses } => *block_shift <= BLOCK_SHIFT_MAX && fits(&addresses.data),
        };
        let lengths_fit = self.count == 0 || self.len_max <= TERM_BYTES_MAX;
        if !fits(&self.data) || !form_fits || !lengths_fit {
            return Err(input.corrupt("terms that do not fit their file"));
        }
        Ok(())
    }
}

/// The terms of a field.
pub(super) struct Terms {
    file: File,
    count: u64,
    len_max: u32,
    places: Places,
    blocks: Blocks,
    block: Block,
    /// The term that was asked for last, and its number.
    term: Vec<u8>,
    number: Option<u64>,
}

/// Where each block begins.
enum Places {
    Every(u64),
    Listed(Monotonic),
    Packed(PackedAddresses),
}

/// What a block is.
#[derive(Clone, Copy)]
enum Blocks {
    OneTerm,
    Prefixed,
    Tokens { shift: u32 },
}

/// The block that is in memory.
#[derive(Default)]
struct Block {
    number: Option<u64>,
    start: u64,
    bytes: Bytes,
}

impl Terms {
    /// The terms that `entry`, which was checked, describes in `file`.
    pub(super) fn open(file: &File, entry: TermsEntry) -> Result<Self> {
        let (places, blocks) = match entry.form {
            Form::Fixed => (Places::Every(u64::from(entry.len_max)), Blocks::OneTerm),
            Form::Variable(addresses) => (Places::Listed(addresses.open(file)?), Blocks::OneTerm),
            Form::Prefixed { addresses, version, block_len } => {
                let count = entry.count.div_ceil(1 << PREFIXED_SHIFT);
                let addresses = PackedAddresses::open(file, addresses, count, version, block_len)?;
                (Places::Packed(addresses), Blocks::Prefixed)
            }
            Form::Tokens { block_shift, addresses } => {
                (Places::Listed(addresses.open(file)?), Blocks::Tokens { shift: block_shift })
            }
        };
        Ok(Self {
            file: file.part("terms", entry.data).held_unverified(HELD_BYTES_MAX)?,
            count: entry.count,
            len_max: entry.len_max,
            places,
            blocks,
            block: Block::default(),
            term: Vec::new(),
            number: None,
        })
    }

    /// Term `number`.
    pub(super) fn get(&mut self, number: u64) -> Result<&[u8]> {
        if self.number != Some(number) {
            self.number = None;
            self.read(number)?;
            self.number = Some(number);
        }
        Ok(&self.term)
    }

    fn read(&mut self, number: u64) -> Result<()> {
        if number >= self.count {
            return Err(self.file.corrupt(0, format!("term {number} of {} is wanted", self.count)));
        }
        let shift = self.blocks.shift();
        self.load(number >> shift, shift)?;
        let mut input = Input::new(self.file.label(), &self.block.bytes, self.block.start, Order::Big);
        let mut term = TermBuilder { bytes: &mut self.term, len_max: self.len_max as usize };
        term.bytes.clear();
        let before = number & ((1 << shift) - 1);
        match self.blocks {
            Blocks::OneTerm => term.push(&mut input, 0, self.block.bytes.len()),
            Blocks::Prefixed => prefixed(&mut input, before, &mut term),
            Blocks::Tokens { .. } => tokens(&mut input, before, &mut term),
        }
    }

    /// Reads block `number`, of `2^shift` terms.
    fn load(&mut self, number: u64, shift: u32) -> Result<()> {
        if self.block.number == Some(number) {
            return Ok(());
        }
        let (start, end) = match &self.places {
            Places::Every(len) => {
                (number.checked_mul(*len), number.checked_add(1).and_then(|next| next.checked_mul(*len)))
            }
            Places::Listed(addresses) => (
                place(addresses.at(number)?),
                match number + 1 < addresses.len() {
                    true => place(addresses.at(number + 1)?),
                    false => Some(self.file.len()),
                },
            ),
            Places::Packed(addresses) => (
                place(addresses.at(number)?),
                match (number + 1) << shift < self.count {
                    true => place(addresses.at(number + 1)?),
                    false => Some(self.file.len()),
                },
            ),
        };
        let len_max = (u64::from(self.len_max) + OVERHEAD_BYTES) << shift;
        let range = start.zip(end).map(|(start, end)| start..end);
        let fits = |range: &Range<u64>| range.start <= range.end && range.end - range.start <= len_max;
        let Some(range) = range.filter(fits) else {
            return Err(self.file.corrupt(0, format!("block {number} of terms is from {start:?} to {end:?}")));
        };
        self.block.number = None; // in case of an error
        self.block.bytes = self.file.read(range.clone())?;
        (self.block.start, self.block.number) = (range.start, Some(number));
        Ok(())
    }
}

impl Blocks {
    fn shift(self) -> u32 {
        match self {
            Self::OneTerm => 0,
            Self::Prefixed => PREFIXED_SHIFT,
            Self::Tokens { shift } => shift,
        }
    }
}

fn place(address: i64) -> Option<u64> {
    u64::try_from(address).ok()
}

/// A term that is made from the one before.
struct TermBuilder<'a> {
    bytes: &'a mut Vec<u8>,
    len_max: usize,
}

impl TermBuilder<'_> {
    /// Keeps the first `shared` bytes; `suffix` more are the next of `input`.
    fn push(&mut self, input: &mut Input<'_>, shared: usize, suffix: usize) -> Result<()> {
        if shared > self.bytes.len() || shared.saturating_add(suffix) > self.len_max {
            let (len, len_max) = (self.bytes.len(), self.len_max);
            let what = format!("a term of {shared} of {len} bytes and {suffix} more, where the longest has {len_max}");
            return Err(input.corrupt(what));
        }
        self.bytes.truncate(shared);
        self.bytes.extend_from_slice(input.take(suffix)?);
        Ok(())
    }
}

/// Term number `before` of a block.
fn prefixed(input: &mut Input<'_>, before: u64, term: &mut TermBuilder<'_>) -> Result<()> {
    const WIDE: u8 = 255;
    const LENGTHS: usize = (1 << PREFIXED_SHIFT) - 1;
    let len = input.vint()? as usize;
    term.push(input, 0, len)?;
    if before == 0 {
        return Ok(());
    }
    let wide = input.peek()? == WIDE;
    input.skip(usize::from(wide))?;
    let mut lengths = input.clone();
    input.skip(if wide { 2 * LENGTHS } else { LENGTHS })?;
    for _ in 0..before {
        let suffix = if wide { usize::from(lengths.u16()?) } else { usize::from(lengths.u8()?) } + 1;
        let shared = usize::from(input.u8()?);
        term.push(input, shared, suffix)?;
    }
    Ok(())
}

/// As [`prefixed`].
fn tokens(input: &mut Input<'_>, before: u64, term: &mut TermBuilder<'_>) -> Result<()> {
    let len = input.vint()? as usize;
    term.push(input, 0, len)?;
    for _ in 0..before {
        let token = input.u8()?;
        let (mut shared, mut suffix) = (usize::from(token & 15), 1 + usize::from(token >> 4));
        if shared == 15 {
            shared = shared.saturating_add(input.vint()? as usize);
        }
        if suffix == 16 {
            suffix = suffix.saturating_add(input.vint()? as usize);
        }
        term.push(input, shared, suffix)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::direct_monotonic::{line, read_meta, tests::encode};
    use crate::packed::tests::pack;
    use crate::testing::Memory;

    /// Addresses per block: two blocks are soon full.
    const BLOCK_LEN: u32 = 64;

    type Written = (Vec<u8>, TermsEntry);

    fn vint(bytes: &mut Vec<u8>, mut value: usize) {
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
    }

    fn shared(a: &[u8], b: &[u8], most: usize) -> usize {
        a.iter().zip(b).take(most).take_while(|(a, b)| a == b).count()
    }

    /// What every form has; its terms stand behind three bytes of something else.
    fn written(terms: &[Vec<u8>], data: Vec<u8>, form: impl FnOnce(&mut Vec<u8>) -> Form) -> Written {
        let mut bytes = [&b"???"[..], &data].concat();
        let range = 3..bytes.len() as u64;
        let len_max = terms.iter().map(Vec::len).max().unwrap_or_default() as u32;
        let form = form(&mut bytes);
        bytes.extend(b"???");
        (bytes, TermsEntry { count: terms.len() as u64, len_max, data: range, form })
    }

    fn listed(bytes: &mut Vec<u8>, starts: &[i64]) -> Addresses {
        let (meta, data) = encode(starts, Order::Big, 3);
        let at = bytes.len() as u64;
        bytes.extend(data);
        let meta = read_meta(&mut Input::new("meta", &meta, 0, Order::Big), starts.len() as u64, 3).unwrap();
        Addresses { meta, data: at..bytes.len() as u64 }
    }

    fn fixed(terms: &[Vec<u8>]) -> Written {
        written(terms, terms.concat(), |_| Form::Fixed)
    }

    fn variable(terms: &[Vec<u8>]) -> Written {
        let ends = terms.iter().scan(0, |end, term| {
            *end += term.len() as i64;
            Some(*end)
        });
        let starts: Vec<i64> = std::iter::once(0).chain(ends).collect();
        written(terms, terms.concat(), |bytes| Form::Variable(listed(bytes, &starts)))
    }

    /// Blocks of terms, each begun with its first and ended by `rest`; and where they begin.
    fn blocks(terms: &[Vec<u8>], shift: u32, rest: fn(&mut Vec<u8>, &[Vec<u8>])) -> (Vec<u8>, Vec<i64>) {
        let (mut data, mut starts) = (Vec::new(), Vec::new());
        for block in terms.chunks(1 << shift) {
            starts.push(data.len() as i64);
            vint(&mut data, block[0].len());
            data.extend(&block[0]);
            rest(&mut data, block);
        }
        (data, starts)
    }

    fn prefixed(terms: &[Vec<u8>], version: u32) -> Written {
        let (data, starts) = blocks(terms, PREFIXED_SHIFT, |data, block| {
            let (mut lengths, mut rest) = ([0u16; 15], Vec::new());
            for (at, two) in block.windows(2).enumerate() {
                let shared = shared(&two[0], &two[1], 255);
                lengths[at] = (two[1].len() - shared - 1) as u16;
                rest.push(shared as u8);
                rest.extend(&two[1][shared..]);
            }
            if lengths.iter().any(|len| *len > 254) {
                data.push(255);
                data.extend(lengths.iter().flat_map(|len| len.to_be_bytes()));
            } else {
                data.extend(lengths.iter().map(|len| *len as u8));
            }
            data.extend(rest);
        });
        written(terms, data, |bytes| {
            let at = bytes.len() as u64;
            starts.chunks(BLOCK_LEN as usize).for_each(|block| packed_block(bytes, block, version));
            Form::Prefixed { addresses: at..bytes.len() as u64, version, block_len: BLOCK_LEN }
        })
    }

    fn packed_block(bytes: &mut Vec<u8>, block: &[i64], version: u32) {
        let slope = (block[block.len() - 1] - block[0]) as f32 / (block.len() as f32 - 1.0).max(1.0);
        let below = |(k, value): (usize, &i64)| value - line(0, slope, k as u64);
        let least = block.iter().enumerate().map(below).min().unwrap();
        // Before version 2 the least value is not negative: what is lacking goes into the deviations.
        let min = if version < 2 { 0 } else { least };
        let slope = if version < 2 { 0.0 } else { slope };
        let above = |(k, value): (usize, &i64)| (value - line(min, slope, k as u64)) as u64;
        let deviations: Vec<u64> = block.iter().enumerate().map(above).collect();
        let bits = u64::BITS - deviations.iter().max().unwrap().leading_zeros();
        let folded = if version < 2 { min } else { (min << 1) ^ (min >> 63) };
        vint(bytes, folded as usize);
        bytes.extend(slope.to_bits().to_be_bytes());
        vint(bytes, bits as usize);
        if bits > 0 {
            bytes.extend(pack(&deviations, Order::Big, bits));
        }
    }

    fn tokens(terms: &[Vec<u8>]) -> Written {
        let (data, starts) = blocks(terms, 4, |data, block| {
            for two in block.windows(2) {
                let shared = shared(&two[0], &two[1], usize::MAX);
                let suffix = &two[1][shared..];
                data.push(shared.min(15) as u8 | (((suffix.len() - 1).min(15) as u8) << 4));
                if shared >= 15 {
                    vint(data, shared - 15);
                }
                if suffix.len() >= 16 {
                    vint(data, suffix.len() - 16);
                }
                data.extend(suffix);
            }
        });
        written(terms, data, |bytes| Form::Tokens { block_shift: 4, addresses: listed(bytes, &starts) })
    }

    fn open((bytes, entry): Written) -> Result<Terms> {
        entry.check(&Input::new("meta", &[], 0, Order::Big), bytes.len() as u64)?;
        let dir: Arc<dyn crate::Directory> = Arc::new(Memory::of("f", bytes));
        Terms::open(&File::open(&dir, "f".into(), "the test")?, entry)
    }

    /// Ascending terms that share much, some of them long.
    fn terms() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let short = prop::collection::vec(0u8..3, 0..7);
        let long = prop::collection::vec(1u8..3, 13..300).prop_map(|tail| [vec![7; 250], tail].concat());
        let each = prop_oneof![9 => short, 1 => long];
        prop::collection::btree_set(each, 1..1500).prop_map(|terms: BTreeSet<_>| terms.into_iter().collect())
    }

    fn forms(terms: &[Vec<u8>]) -> Vec<Written> {
        let longest = terms.iter().map(Vec::len).max().unwrap_or_default();
        let filled = |term: &Vec<u8>| [&term[..], &vec![9; longest - term.len()]].concat();
        let same_length: Vec<Vec<u8>> = terms.iter().map(filled).collect();
        vec![fixed(&same_length), variable(terms), prefixed(terms, 2), prefixed(terms, 1), tokens(terms)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn terms_are_read_back_in_any_order(
            terms in terms(),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 50),
        ) {
            for (form, written) in forms(&terms).into_iter().enumerate() {
                let mut found = open(written).unwrap();
                for at in (0..terms.len()).chain(picks.iter().map(|pick| pick.index(terms.len()))) {
                    let term = found.get(at as u64).unwrap();
                    let fill = if form == 0 { term.len() - terms[at].len() } else { 0 };
                    prop_assert_eq!(&term[..term.len() - fill], &terms[at][..], "form {}, term {}", form, at);
                }
                prop_assert!(found.get(terms.len() as u64).is_err());
            }
        }

        #[test]
        fn spoiled_terms_are_errors_or_other_terms_of_no_more_bytes(
            terms in terms(),
            spots in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..9),
        ) {
            for (mut bytes, entry) in forms(&terms) {
                for (spot, byte) in &spots {
                    let at = spot.index(bytes.len());
                    bytes[at] = *byte;
                }
                let len_max = entry.len_max as usize;
                let Ok(mut found) = open((bytes, entry)) else { continue };
                for at in 0..terms.len() {
                    prop_assert!(found.get(at as u64).is_ok_and(|term| term.len() <= len_max) || found.number.is_none());
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let terms: Vec<Vec<u8>> = (0..40).map(|n| format!("term{n:02}").into_bytes()).collect();
        let changed = |written: Written, change: fn(&mut TermsEntry)| {
            let (bytes, mut entry) = written;
            change(&mut entry);
            let all = open((bytes, entry)).and_then(|mut found| (0..60).try_for_each(|at| found.get(at).map(drop)));
            all.expect_err("refused").to_string()
        };
        let error = changed(tokens(&terms), |entry| entry.len_max = 5);
        assert!(error.contains("a term of 0 of 0 bytes and 6 more, where the longest has 5"), "{error}");
        let error = changed(fixed(&terms), |entry| entry.data.end = 1 << 40);
        assert!(error.contains("terms that do not fit their file"), "{error}");
        let error = changed(variable(&terms), |entry| entry.len_max = u32::MAX);
        assert!(error.contains("terms that do not fit their file"), "{error}");
        let error = changed(prefixed(&terms, 2), |entry| entry.count = u64::MAX);
        assert!(error.contains("addresses in f is corrupt at byte 6"), "{error}");
        let error = changed(prefixed(&terms, 2), |entry| {
            if let Form::Prefixed { block_len, .. } = &mut entry.form {
                *block_len = 65;
            }
        });
        assert!(error.contains("blocks of 65 addresses in version 2"), "{error}");
        let error = changed(fixed(&terms), |entry| entry.count = 50);
        assert!(error.contains("bytes 240 to 246 are wanted of 240"), "{error}");
    }
}
