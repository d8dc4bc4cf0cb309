//! `.dvm` of Lucene 4.5 to 6: where in `.dvd` the values of each field are.
//!
//! In: the entries and a field number. Out: that field's entry. Holds: all entries before the wanted one are parsed.
//! What Elasticsearch 1 to 5 keeps in numbers is `_version`; it has no soft deletes. Sorted entries are told since
//! Lucene 5.4: there Elasticsearch 5 keeps the parents of documents, which its earlier versions store.
//! After: Lucene `Lucene45DocValuesProducer`, `Lucene49DocValuesProducer`, `Lucene410DocValuesProducer`,
//! `Lucene50DocValuesProducer`, `Lucene54DocValuesProducer`.

use std::ops::{Range, RangeInclusive};

use crate::direct_monotonic::{read_meta, skip_meta};
use crate::error::Result;
use crate::header::Codec;
use crate::input::{Input, Order};

use super::meta::{DocsEntry, Encoding, Entry, NumericEntry, SortedEntry};
use super::terms::{Addresses, Form, TermsEntry};

/// In place of a field number: there are no more.
const NO_MORE_FIELDS: u32 = u32::MAX;

/// Tables have at most so many values: an ordinal is a byte.
const TABLE_MAX: u32 = 256;

/// Blocks of packed integers have 2^6 to 2^27 values.
const BLOCK_SHIFTS: RangeInclusive<u32> = 6..=27;

/// Lists of documents are in blocks of 2^16, one of which is in memory.
const LIST_SHIFT_MAX: u32 = 16;

/// What versions differ in.
pub(super) struct Layout {
    codec: DocValuesCodec,
    /// A sorted set says how it is laid out; not yet in the first version of Lucene 4.5.
    set_formats: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum DocValuesCodec {
    Lucene45,
    Lucene49,
    Lucene410,
    Lucene50,
    Lucene54,
}

/// Kinds of entries.
mod kind {
    pub(super) const NUMERIC: u8 = 0;
    pub(super) const BINARY: u8 = 1;
    pub(super) const SORTED: u8 = 2;
    pub(super) const SORTED_SET: u8 = 3;
    pub(super) const SORTED_NUMERIC: u8 = 4;
}

/// How the numbers of a field are written.
mod numeric {
    pub(super) const DELTA: u32 = 0;
    pub(super) const GCD: u32 = 1;
    pub(super) const TABLE: u32 = 2;
    /// Addresses, never the numbers of a field.
    pub(super) const MONOTONIC: u32 = 3;
    pub(super) const CONST: u32 = 4;
    /// Only of the documents that have one.
    pub(super) const SPARSE: u32 = 5;
}

impl Layout {
    /// The layout of a `.dvm` that names `codec`.
    pub(super) fn of(codec: &Codec<'_>) -> Option<Self> {
        let set_formats = codec.name != "Lucene45ValuesMetadata" || codec.version > 0;
        let codec = match (codec.name, codec.version) {
            ("Lucene45ValuesMetadata", 0..=2) => DocValuesCodec::Lucene45,
            ("Lucene49ValuesMetadata", 0) => DocValuesCodec::Lucene49,
            ("Lucene410ValuesMetadata", 0) => DocValuesCodec::Lucene410,
            // Since version 1 (Lucene 5.3) there may be tables of sets.
            ("Lucene50DocValuesMetadata", 0 | 1) => DocValuesCodec::Lucene50,
            ("Lucene54DocValuesMetadata", 0) => DocValuesCodec::Lucene54,
            _ => return None,
        };
        Some(Self { codec, set_formats })
    }
}

/// Finds the entry of field number `wanted`; `data_end` is where the footer of `.dvd` begins.
pub(super) fn find(layout: &Layout, input: &mut Input<'_>, wanted: u32, data_end: u64) -> Result<Entry> {
    let mut entries = Entries { layout, input, data_end };
    loop {
        let field = entries.input.vint()?;
        if field == NO_MORE_FIELDS {
            return Err(entries.input.corrupt(format!("field {wanted} is not in it")));
        }
        let entry = match entries.input.u8()? {
            kind::NUMERIC => entries.numeric()?.map_or(Entry::Other, Entry::Numeric),
            kind::BINARY => entries.binary().map(|_| Entry::Other)?,
            kind::SORTED => entries.sorted(field)?.map_or(Entry::Other, Entry::Sorted),
            kind::SORTED_SET => entries.skip_sorted_set(field).map(|()| Entry::Other)?,
            kind::SORTED_NUMERIC => entries.skip_sorted_numeric(field).map(|()| Entry::Other)?,
            other => return Err(entries.input.corrupt(format!("{other} is no kind of doc values"))),
        };
        if field == wanted {
            return Ok(entry);
        }
    }
}

struct Entries<'a, 'b> {
    layout: &'a Layout,
    input: &'a mut Input<'b>,
    data_end: u64,
}

impl Entries<'_, '_> {
    /// The numbers of a field; `None` for addresses, which are the numbers of something else.
    fn numeric(&mut self) -> Result<Option<NumericEntry>> {
        let format = self.input.vint()?;
        let missing = self.input.i64()?;
        if format == numeric::SPARSE {
            return self.sparse(missing).map(Some);
        }
        self.dense(format, missing)
    }

    fn dense(&mut self, format: u32, missing: i64) -> Result<Option<NumericEntry>> {
        let old = self.layout.codec == DocValuesCodec::Lucene45;
        if old {
            let _packed_version = self.input.vint()?;
        }
        let start = self.offset()?;
        let values = self.input.vlong()?;
        let shape = if old { self.shape_45(format)? } else { self.shape(format, values)? };
        let end = if old { self.data_end } else { self.offset()? };
        let Some(shape) = shape else { return Ok(None) };
        if end < start {
            return Err(self.input.corrupt(format!("values from {start} to {end}")));
        }
        Ok(Some(NumericEntry {
            order: Order::Big,
            docs: self.docs(missing, values)?,
            values,
            single: true,
            encoding: shape.encoding,
            min: shape.min,
            gcd: shape.gcd,
            data: start..end,
            jump_table: None,
        }))
    }

    /// Which of `values` documents have a value.
    fn docs(&self, missing: i64, values: u64) -> Result<DocsEntry> {
        Ok(match missing {
            -1 => DocsEntry::All,
            -2 => DocsEntry::None,
            _ => DocsEntry::Bits(self.range(missing, values.div_ceil(8))?),
        })
    }

    fn range(&self, start: i64, len: u64) -> Result<Range<u64>> {
        let start = u64::try_from(start).ok();
        let range = start.and_then(|start| Some(start..start.checked_add(len)?));
        range.ok_or_else(|| self.input.corrupt("documents beyond the end of every file"))
    }

    fn offset(&mut self) -> Result<u64> {
        let offset = self.input.i64()?;
        u64::try_from(offset).map_err(|_| self.input.corrupt(format!("{offset} is no place in a file")))
    }

    /// Lucene 4.5: blocks of packed integers.
    fn shape_45(&mut self, format: u32) -> Result<Option<Shape>> {
        let block = self.input.vint()?;
        let shift = block.trailing_zeros();
        if !block.is_power_of_two() || !BLOCK_SHIFTS.contains(&shift) {
            return Err(self.input.corrupt(format!("blocks of {block} values")));
        }
        let encoding = Encoding::PackedBlocks { shift };
        Ok(Some(match format {
            numeric::DELTA => Shape { min: 0, gcd: 1, encoding },
            numeric::GCD => Shape { min: self.input.i64()?, gcd: self.input.i64()?, encoding },
            numeric::TABLE => {
                let table = self.table()?;
                // The greatest ordinal; one bit even where that is 0.
                let bits = (table.len() as u32).saturating_sub(1).max(1).ilog2() + 1;
                Shape { min: 0, gcd: 1, encoding: Encoding::Table { bits, table } }
            }
            other => return Err(self.input.corrupt(format!("numbers of format {other}"))),
        }))
    }

    /// Since Lucene 4.9: `DirectWriter`.
    fn shape(&mut self, format: u32, values: u64) -> Result<Option<Shape>> {
        let linear = |min, gcd, bits| Some(Shape { min, gcd, encoding: Encoding::Linear { bits } });
        Ok(match format {
            numeric::DELTA => linear(self.input.i64()?, 1, self.input.vint()?),
            numeric::GCD => linear(self.input.i64()?, self.input.i64()?, self.input.vint()?),
            numeric::TABLE => {
                let table = self.table()?;
                Some(Shape { min: 0, gcd: 1, encoding: Encoding::Table { bits: self.input.vint()?, table } })
            }
            numeric::MONOTONIC if self.layout.codec == DocValuesCodec::Lucene54 => {
                let shift = self.input.vint()?;
                skip_meta(self.input, self.plus_one(values)?, shift)?;
                None
            }
            numeric::MONOTONIC => {
                self.input.vint()?;
                self.input.vint()?;
                None
            }
            numeric::CONST if self.layout.codec >= DocValuesCodec::Lucene50 => linear(self.input.i64()?, 1, 0),
            other => return Err(self.input.corrupt(format!("numbers of format {other}"))),
        })
    }

    fn table(&mut self) -> Result<Vec<i64>> {
        let len = self.input.vint()?;
        if len == 0 || len > TABLE_MAX {
            return Err(self.input.corrupt(format!("a table of {len} values")));
        }
        (0..len).map(|_| self.input.i64()).collect()
    }

    /// Lucene 5.4: the documents that have a value are listed, their values stand in an entry of its own.
    fn sparse(&mut self, docs_at: i64) -> Result<NumericEntry> {
        if self.layout.codec != DocValuesCodec::Lucene54 {
            return Err(self.input.corrupt("a list of documents before Lucene 5.4"));
        }
        let count = self.input.vlong()?;
        let shift = self.input.vint()?;
        if shift > LIST_SHIFT_MAX {
            return Err(self.input.corrupt(format!("a list in blocks of 2^{shift} documents")));
        }
        let docs = read_meta(self.input, count, shift)?;
        let docs_end = self.offset()?;
        let _values = self.input.vlong()?;
        let _kind_of_number = self.input.u8()?;
        let _field = self.input.vint()?;
        let _kind = self.input.u8()?;
        let (format, missing) = (self.input.vint()?, self.input.i64()?);
        let nested = self.dense(format, missing)?; // not numeric(): that would nest without end
        let _end = self.offset()?;
        let data = self.range(docs_at, docs_end.saturating_sub(docs_at.max(0) as u64))?;
        let docs = DocsEntry::List { docs, data };
        match nested {
            Some(nested) if nested.values == count => Ok(NumericEntry { docs, ..nested }),
            _ => Err(self.input.corrupt(format!("{count} documents, but not as many numbers"))),
        }
    }

    /// Strings, one behind the other; `None` where they are stepped over: prefixes and addresses before Lucene 5.4.
    fn binary(&mut self) -> Result<Option<TermsEntry>> {
        const FIXED: u32 = 0;
        const VARIABLE: u32 = 1;
        const PREFIXED: u32 = 2;
        let format = self.input.vint()?;
        self.input.skip(8)?;
        let (_len_min, len_max) = (self.input.vint()?, self.input.vint()?);
        let count = self.input.vlong()?;
        let start = self.offset()?;
        let codec = self.layout.codec;
        let (end, form) = match format {
            FIXED => (start.saturating_add(count.saturating_mul(u64::from(len_max))), Form::Fixed),
            VARIABLE if codec == DocValuesCodec::Lucene54 => {
                let at = self.offset()?;
                let shift = self.input.vint()?;
                let meta = read_meta(self.input, self.plus_one(count)?, shift)?;
                (at, Form::Variable(Addresses { meta, data: at..self.offset()? }))
            }
            PREFIXED if codec == DocValuesCodec::Lucene54 => {
                let (at, version, block_len) = (self.offset()?, self.input.vint()?, self.input.vint()?);
                (at, Form::Prefixed { addresses: at..self.offset()?, version, block_len })
            }
            VARIABLE | PREFIXED => {
                self.skip_old_addresses(format == PREFIXED)?;
                return Ok(None);
            }
            other => return Err(self.input.corrupt(format!("strings of format {other}"))),
        };
        Ok(Some(TermsEntry { count, len_max, data: start..end, form }))
    }

    fn skip_old_addresses(&mut self, prefixed: bool) -> Result<()> {
        if prefixed && self.layout.codec <= DocValuesCodec::Lucene49 {
            self.input.vint()?;
        }
        self.skip_addresses()?;
        if prefixed && self.layout.codec >= DocValuesCodec::Lucene410 {
            self.input.skip(8)?;
        }
        Ok(())
    }

    /// Where addresses are: an offset, the version of the packed integers, the size of a block.
    fn skip_addresses(&mut self) -> Result<()> {
        self.input.skip(8)?;
        self.input.vint()?;
        self.input.vint()?;
        Ok(())
    }

    fn plus_one(&self, count: u64) -> Result<u64> {
        count.checked_add(1).ok_or_else(|| self.input.corrupt(format!("{count} values")))
    }

    /// An entry within that of `field` repeats its number.
    fn nested(&mut self, field: u32, wanted: u8) -> Result<()> {
        let (found, kind) = (self.input.vint()?, self.input.u8()?);
        if found != field || kind != wanted {
            return Err(self.input.corrupt(format!("kind {kind} of field {found} within field {field}")));
        }
        Ok(())
    }

    fn numbers(&mut self, field: u32) -> Result<Option<NumericEntry>> {
        self.nested(field, kind::NUMERIC)?;
        self.numeric()
    }

    fn skip_numbers(&mut self, field: u32) -> Result<()> {
        self.numbers(field).map(drop)
    }

    /// The terms of a field and, of each document, which of them it has, -1 for none; `None` before Lucene 5.4.
    fn sorted(&mut self, field: u32) -> Result<Option<SortedEntry>> {
        self.nested(field, kind::BINARY)?;
        let terms = self.binary()?;
        let ords = self.numbers(field)?;
        let told = self.layout.codec == DocValuesCodec::Lucene54;
        Ok(ords.zip(terms).filter(|_| told).map(|(ords, terms)| SortedEntry { ords, terms }))
    }

    fn skip_sorted_set(&mut self, field: u32) -> Result<()> {
        match if self.layout.set_formats { self.input.vint()? } else { 0 } {
            0 => {
                self.sorted(field)?;
                self.skip_numbers(field)
            }
            1 => {
                self.nested(field, kind::SORTED)?;
                self.sorted(field).map(drop)
            }
            2 => {
                self.skip_sets()?;
                self.sorted(field).map(drop)
            }
            other => Err(self.input.corrupt(format!("a sorted set of format {other}"))),
        }
    }

    fn skip_sorted_numeric(&mut self, field: u32) -> Result<()> {
        match self.input.vint()? {
            0 => {
                self.skip_numbers(field)?;
                self.skip_numbers(field)
            }
            1 => self.skip_numbers(field),
            2 => {
                self.skip_sets()?;
                self.skip_numbers(field)
            }
            other => Err(self.input.corrupt(format!("sorted numbers of format {other}"))),
        }
    }

    /// Since Lucene 5.3: the few different sets that there are.
    fn skip_sets(&mut self) -> Result<()> {
        let values = self.input.u32()? as usize;
        self.input.skip(values.saturating_mul(8))?;
        let offsets = self.input.u32()? as usize;
        self.input.skip(offsets.saturating_mul(4))
    }
}

/// How numbers are written, but for where.
struct Shape {
    min: i64,
    gcd: i64,
    encoding: Encoding,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CODECS: [(&str, u32); 8] = [
        ("Lucene45ValuesMetadata", 0),
        ("Lucene45ValuesMetadata", 1),
        ("Lucene45ValuesMetadata", 2),
        ("Lucene49ValuesMetadata", 0),
        ("Lucene410ValuesMetadata", 0),
        ("Lucene50DocValuesMetadata", 0),
        ("Lucene50DocValuesMetadata", 1),
        ("Lucene54DocValuesMetadata", 0),
    ];

    fn read(codec: (&str, u32), bytes: &[u8]) -> Result<NumericEntry> {
        let layout = Layout::of(&Codec { name: codec.0, version: codec.1 }).expect("it is read");
        let mut input = Input::new("_0.dvm", bytes, 0, Order::Big);
        match find(&layout, &mut input, 1, 1000)? {
            Entry::Numeric(entry) => Ok(entry),
            Entry::Sorted(_) | Entry::Other => Err(input.corrupt("it is not numeric")),
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(prop_oneof![0u8..7, any::<u8>()], 0..300)) {
            for codec in CODECS {
                let _ = read(codec, &bytes);
            }
        }
    }

    #[test]
    fn a_list_within_a_list_is_refused() {
        let sparse = [&[5u8][..], &[0; 8], &[3, 2], &[0; 21], &[0; 8], &[9, 0, 1, 0]].concat();
        let nested = [&[1, 0][..], &sparse.repeat(1000)].concat();
        let error = read(("Lucene54DocValuesMetadata", 0), &nested).err().expect("nested without end").to_string();
        assert!(error.contains("numbers of format 5"), "{error}");
        assert!(read(("Lucene50DocValuesMetadata", 0), &nested).is_err(), "there were no lists");
    }
}
