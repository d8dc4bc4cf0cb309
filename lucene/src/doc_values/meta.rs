//! `.dvm`: where in `.dvd` the values of each field are.
//!
//! In: the file and a field number. Out: that field's entry. Holds: entries are of variable length without an index, so
//! all before the wanted one are parsed, of whatever kind they are. Not here: entries before Lucene 7 (`legacy`).
//! After: Lucene `Lucene70DocValuesProducer`, `Lucene80DocValuesProducer`, `Lucene90DocValuesProducer`.

use std::ops::Range;

use crate::direct_monotonic::{self, read_meta, skip_meta};
use crate::error::Result;
use crate::field_infos::FieldInfos;
use crate::file::{File, Whole};
use crate::header::{self, Codec};
use crate::input::{Input, Order};

use super::terms::{Addresses, Form, TermsEntry};
use super::{READ, legacy};

/// Tables have at most so many values: an ordinal is a byte.
const TABLE_MAX: i32 = 256;

/// Lucene 8.8: terms compressed by LZ4 in blocks of 2^6, told by this in place of the block shift.
const TERMS_LZ4_CODE: i32 = 6 << 16 | 1;

/// What `.dvm` says of a field.
pub(super) enum Entry {
    Numeric(NumericEntry),
    Sorted(SortedEntry),
    /// Of a kind, or in a format, that is stepped over only.
    Other,
}

/// Where the terms of a sorted field are, and which of them each document has.
pub(crate) struct SortedEntry {
    pub(super) ords: NumericEntry,
    pub(super) terms: TermsEntry,
}

/// Where the values of a numeric field are, and how to read them.
pub(crate) struct NumericEntry {
    pub(super) order: Order,
    pub(super) docs: DocsEntry,
    /// How many values there are.
    pub(super) values: u64,
    /// No document has more than one.
    pub(super) single: bool,
    pub(super) encoding: Encoding,
    pub(super) min: i64,
    pub(super) gcd: i64,
    pub(super) data: Range<u64>,
    /// Offsets of the blocks of [`Encoding::Blocks`], where there are any.
    pub(super) jump_table: Option<u64>,
}

/// How values are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `min + gcd · n`, n of so many bits; 0 bits: all are `min`.
    Linear { bits: u32 },
    /// `table[n]`, n of so many bits.
    Table { bits: u32, table: Vec<i64> },
    /// `min of the block + gcd · n` in blocks of `2^shift` values, each with its own bits.
    Blocks { shift: u32 },
    /// `min + gcd · (min of the block + n)` in such blocks, whose headers are those of `BlockPackedWriter`.
    PackedBlocks { shift: u32 },
}

/// Which documents have a value.
pub(super) enum DocsEntry {
    None,
    All,
    /// `IndexedDISI`.
    Disi {
        /// Its bytes, jump table included.
        data: Range<u64>,
        /// Entries of the jump table at its end.
        jumps: u64,
        /// Bytes of the rank table that dense blocks begin with.
        rank_bytes: u64,
    },
    /// Before Lucene 7: a bit per document. All documents have a place among the values.
    Bits(Range<u64>),
    /// Lucene 5.4 to 6: the numbers of the documents.
    List {
        docs: direct_monotonic::Meta,
        data: Range<u64>,
    },
}

/// What formats differ in.
enum Layout {
    Legacy(legacy::Layout),
    Modern(Modern),
}

/// What versions since Lucene 7 differ in.
struct Modern {
    generation: Generation,
    version: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Generation {
    Lucene70,
    Lucene80,
    Lucene90,
}

impl Layout {
    fn of(codec: &Codec<'_>, file: &File) -> Result<Self> {
        let modern = |generation, version| Ok(Self::Modern(Modern { generation, version }));
        match (codec.name, codec.version) {
            ("Lucene70DocValuesMetadata", version @ 0) => modern(Generation::Lucene70, version),
            ("Lucene80DocValuesMetadata", version @ 0..=2) => modern(Generation::Lucene80, version),
            ("Lucene90DocValuesMetadata", version @ 0..=2) => modern(Generation::Lucene90, version),
            _ => match legacy::Layout::of(codec) {
                Some(layout) => Ok(Self::Legacy(layout)),
                None => Err(codec.unsupported(file.label(), READ)),
            },
        }
    }
}

impl Modern {
    fn order(&self) -> Order {
        if self.is_before_9() { Order::Big } else { Order::Little }
    }

    fn is_before_9(&self) -> bool {
        self.generation != Generation::Lucene90
    }

    /// Whether places that can be jumped to are listed.
    fn jumps(&self) -> bool {
        self.generation != Generation::Lucene70
    }

    /// Bytes of the summary of a skip index; since Lucene 10.5 it also counts values per document.
    fn skip_index_bytes(&self) -> usize {
        if self.version >= 2 { 44 } else { 40 }
    }

    /// Whether binary values are compressed in chunks.
    fn compressed_binary(&self, by_mode: bool) -> bool {
        self.generation == Generation::Lucene80 && (self.version == 1 || self.version == 2 && by_mode)
    }
}

/// The two files of doc values of one format and generation.
pub(super) struct Files {
    meta: Whole,
    layout: Layout,
    /// Where in `meta` the header ends.
    start: u64,
    pub(super) data: File,
    /// Where the footer of `data` begins.
    data_end: u64,
}

impl Files {
    /// Reads `.dvm` and the header of `.dvd`. `suffix` is what both have in their name and header.
    pub(super) fn open(meta: &File, data: File, id: Option<&[u8; 16]>, suffix: &str) -> Result<Self> {
        let whole = Whole::read(meta)?;
        let mut input = whole.body();
        let codec = header::read(&mut input, id, suffix)?;
        let layout = Layout::of(&codec, meta)?;
        let data_codec = data_codec(codec.name);
        let ((), data_body) =
            data.header(id, suffix, |found| match found.name == data_codec && found.version == codec.version {
                true => Ok(()),
                false => Err(found.unsupported(data.label(), READ)),
            })?;
        let start = input.offset();
        Ok(Self { meta: whole, layout, start, data, data_end: data_body.end })
    }

    /// The entry of field number `wanted`, whose values are numbers.
    pub(super) fn numeric(&self, infos: &FieldInfos, wanted: u32) -> Result<NumericEntry> {
        let mut input = self.meta.body();
        match self.find(&mut input, infos, wanted)? {
            Entry::Numeric(entry) => {
                check(&entry, &input, self.data_end)?;
                Ok(entry)
            }
            Entry::Sorted(_) | Entry::Other => Err(input.corrupt(format!("field {wanted} is not numeric here"))),
        }
    }

    /// The entry of field number `wanted`, whose values are sorted terms.
    pub(super) fn sorted(&self, infos: &FieldInfos, wanted: u32) -> Result<SortedEntry> {
        let mut input = self.meta.body();
        match self.find(&mut input, infos, wanted)? {
            Entry::Sorted(entry) => {
                check(&entry.ords, &input, self.data_end)?;
                entry.terms.check(&input, self.data_end)?;
                Ok(entry)
            }
            Entry::Numeric(_) | Entry::Other => Err(input.corrupt(format!("field {wanted} is not sorted here"))),
        }
    }

    fn find(&self, input: &mut Input<'_>, infos: &FieldInfos, wanted: u32) -> Result<Entry> {
        input.skip(self.start as usize)?;
        match &self.layout {
            Layout::Legacy(layout) => legacy::find(layout, input, wanted, self.data_end),
            Layout::Modern(layout) => find(layout, input, infos, wanted),
        }
    }
}

/// `Lucene90DocValuesMetadata` → `Lucene90DocValuesData`, `Lucene45ValuesMetadata` → `Lucene45DocValuesData`.
fn data_codec(meta: &str) -> String {
    let name = meta.strip_suffix("ValuesMetadata").unwrap_or(meta);
    format!("{}DocValuesData", name.strip_suffix("Doc").unwrap_or(name))
}

fn find(layout: &Modern, input: &mut Input<'_>, infos: &FieldInfos, wanted: u32) -> Result<Entry> {
    input.set_order(layout.order());
    loop {
        let number = input.i32()?;
        let info = u32::try_from(number).ok().and_then(|number| infos.by_number(number));
        let Some(info) = info else {
            return Err(input.corrupt(format!("field {wanted} is not in it, but field {number}")));
        };
        let kind = input.u8()?;
        if info.skip_index {
            input.skip(layout.skip_index_bytes())?;
        }
        let entry = match kind {
            0 => Entry::Numeric(numeric(layout, input)?),
            1 => skip_binary(layout, input, info.doc_values_compressed).map(|()| Entry::Other)?,
            2 => sorted(layout, input)?.map_or(Entry::Other, Entry::Sorted),
            3 => skip_sorted_set(layout, input).map(|()| Entry::Other)?,
            4 => Entry::Numeric(sorted_numeric(layout, input)?),
            other => return Err(input.corrupt(format!("{other} is no kind of doc values"))),
        };
        if info.number == wanted {
            return Ok(entry);
        }
    }
}

fn docs(layout: &Modern, input: &mut Input<'_>) -> Result<DocsEntry> {
    let (offset, len) = (input.i64()?, input.i64()?);
    let (jumps, rank_power) = if layout.jumps() { (input.i16()?, input.u8()?) } else { (0, 0xFF) };
    let rank_bytes = match rank_power {
        0xFF => 0,
        7..=15 => 1024 >> (rank_power - 7),
        _ => return Err(input.corrupt(format!("a rank every 2^{rank_power} documents"))),
    };
    Ok(match offset {
        -2 => DocsEntry::None,
        -1 => DocsEntry::All,
        _ => DocsEntry::Disi { data: range(input, offset, len)?, jumps: u64::try_from(jumps).unwrap_or(0), rank_bytes },
    })
}

fn range(input: &Input<'_>, start: i64, len: i64) -> Result<Range<u64>> {
    match (u64::try_from(start), u64::try_from(len)) {
        (Ok(start), Ok(len)) => start
            .checked_add(len)
            .map(|end| start..end)
            .ok_or_else(|| input.corrupt("values beyond the end of every file")),
        _ => Err(input.corrupt(format!("values of {len} bytes at {start}"))),
    }
}

fn numeric(layout: &Modern, input: &mut Input<'_>) -> Result<NumericEntry> {
    let docs = docs(layout, input)?;
    let values = input.u64()?;
    let table_size = input.i32()?;
    if table_size > TABLE_MAX {
        return Err(input.corrupt(format!("a table of {table_size} values")));
    }
    let table = (0..table_size).map(|_| input.i64()).collect::<Result<Vec<_>>>()?;
    let bits = u32::from(input.u8()?);
    let (min, gcd) = (input.i64()?, input.i64()?);
    let (offset, len) = (input.i64()?, input.i64()?);
    let jump_table = if layout.jumps() { u64::try_from(input.i64()?).ok() } else { None };
    let encoding = match table_size {
        ..-1 => Encoding::Blocks { shift: (-2 - i64::from(table_size)) as u32 },
        1.. => Encoding::Table { bits, table },
        _ => Encoding::Linear { bits },
    };
    Ok(NumericEntry {
        order: layout.order(),
        docs,
        values,
        single: true,
        encoding,
        min,
        gcd,
        data: range(input, offset, len)?,
        jump_table,
    })
}

fn check(entry: &NumericEntry, input: &Input<'_>, data_end: u64) -> Result<()> {
    let docs_fit = match &entry.docs {
        DocsEntry::None | DocsEntry::All => true,
        DocsEntry::Disi { data, .. } | DocsEntry::Bits(data) | DocsEntry::List { data, .. } => data.end <= data_end,
    };
    let shape_fits = match &entry.encoding {
        Encoding::Linear { bits } => *bits == 0 || crate::packed::is_direct(*bits),
        Encoding::Table { bits, .. } => (1..=8).contains(bits),
        Encoding::Blocks { shift } | Encoding::PackedBlocks { shift } => (2..=27).contains(shift),
    };
    if !docs_fit || !shape_fits || entry.data.end > data_end {
        return Err(input.corrupt("values that do not fit their file"));
    }
    Ok(())
}

fn sorted_numeric(layout: &Modern, input: &mut Input<'_>) -> Result<NumericEntry> {
    let entry = numeric(layout, input)?;
    let docs = u64::from(input.u32()?);
    if docs != entry.values {
        input.skip(8)?;
        skip_addresses(input, docs)?;
    }
    Ok(NumericEntry { single: docs == entry.values, ..entry })
}

/// The addresses of `docs` documents whose values are of different length or number.
fn skip_addresses(input: &mut Input<'_>, docs: u64) -> Result<()> {
    let shift = input.vint()?;
    skip_meta(input, docs + 1, shift)?;
    input.skip(8)
}

fn skip_binary(layout: &Modern, input: &mut Input<'_>, by_mode: bool) -> Result<()> {
    input.skip(16)?;
    docs(layout, input)?;
    let docs = u64::from(input.u32()?);
    let (len_min, len_max) = (input.i32()?, input.i32()?);
    let compressed = layout.compressed_binary(by_mode);
    if compressed && docs > 0 {
        input.skip(8)?;
        let chunks = u64::from(input.vint()?);
        input.vint()?;
        input.vint()?;
        let shift = input.vint()?;
        skip_meta(input, chunks, shift)?;
        input.skip(8)?;
    } else if len_min < len_max {
        input.skip(8)?;
        skip_addresses(input, docs)?;
    }
    Ok(())
}

/// The terms of a field and of each document that has one its number; `None` since Lucene 8, where nobody asks.
fn sorted(layout: &Modern, input: &mut Input<'_>) -> Result<Option<SortedEntry>> {
    let ords = if layout.is_before_9() { ords_before_9(layout, input)? } else { numeric(layout, input)? };
    let told = layout.generation == Generation::Lucene70;
    Ok(terms(layout, input)?.filter(|_| told).map(|terms| SortedEntry { ords, terms }))
}

fn ords_before_9(layout: &Modern, input: &mut Input<'_>) -> Result<NumericEntry> {
    let docs = docs(layout, input)?;
    let (values, bits) = (u64::from(input.u32()?), u32::from(input.u8()?));
    let (offset, len) = (input.i64()?, input.i64()?);
    Ok(NumericEntry {
        order: layout.order(),
        docs,
        values,
        single: true,
        encoding: Encoding::Linear { bits },
        min: 0,
        gcd: 1,
        data: range(input, offset, len)?,
        jump_table: None,
    })
}

fn skip_sorted_set(layout: &Modern, input: &mut Input<'_>) -> Result<()> {
    match input.u8()? {
        0 => return sorted(layout, input).map(drop),
        1 => {}
        other => return Err(input.corrupt(format!("{other} where 0 or 1 is expected"))),
    }
    if layout.is_before_9() {
        docs(layout, input)?;
        input.skip(1 + 16)?;
        let docs = u64::from(input.u32()?);
        input.skip(8)?;
        skip_addresses(input, docs)?;
    } else {
        sorted_numeric(layout, input)?;
    }
    terms(layout, input).map(drop)
}

/// Where terms are; `None` where they are compressed by LZ4.
fn terms(layout: &Modern, input: &mut Input<'_>) -> Result<Option<TermsEntry>> {
    let count = input.vlong()?;
    let (block_shift, lz4) = match layout.is_before_9() {
        false => (6, true),
        true => match input.i32()? {
            TERMS_LZ4_CODE if layout.version >= 2 => (6, true),
            shift @ 0..=31 => (shift as u32, false),
            other => return Err(input.corrupt(format!("terms in blocks of code {other}"))),
        },
    };
    let monotonic_shift = input.u32()?;
    let meta = read_meta(input, count.div_ceil(1 << block_shift), monotonic_shift)?;
    let len_max = input.u32()?;
    input.skip(if lz4 { 4 } else { 0 })?; // the largest block
    let (data_at, data_len) = (input.i64()?, input.i64()?);
    let (addresses_at, addresses_len) = (input.i64()?, input.i64()?);
    let index_shift = input.u32()?;
    if index_shift > 31 {
        return Err(input.corrupt(format!("a term index of every 2^{index_shift} terms")));
    }
    skip_meta(input, 1 + count.div_ceil(1 << index_shift), monotonic_shift)?;
    input.skip(4 * 8)?;
    if lz4 {
        return Ok(None);
    }
    let addresses = Addresses { meta, data: range(input, addresses_at, addresses_len)? };
    let data = range(input, data_at, data_len)?;
    Ok(Some(TermsEntry { count, len_max, data, form: Form::Tokens { block_shift, addresses } }))
}
