//! Writes stored fields as each version of Lucene does: for tests, and for measuring without a server's files.
//!
//! In: documents. Out: `.fdt`, `.fdx`, `.fdm`. Written after the formats and not after the reader, so that both can be
//! wrong only in different ways. After: Lucene `CompressingStoredFieldsWriter`, `CompressingStoredFieldsIndexWriter`,
//! `FieldsIndexWriter`, `DirectMonotonicWriter` and the compression modes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests only")]

use std::collections::BTreeMap;

use flate2::{Compress, FlushCompress};

/// The value of a stored field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    String(String),
    Bytes(Vec<u8>),
    Int(i32),
    Float(f32),
    Long(i64),
    Double(f64),
}

/// Field numbers and values of a document.
pub type Document = Vec<(u32, Value)>;

/// What writes.
#[derive(Debug, Clone)]
pub struct Writer {
    /// The codec that `.fdt` names.
    pub codec: (&'static str, u32),
    /// A chunk ends with so many bytes, and is sliced from twice as many on.
    pub chunk_bytes: usize,
    /// A chunk ends with so many documents.
    pub chunk_docs: usize,
    /// Which part of a slice or chunk is its dictionary: one of so many.
    pub dict_part: usize,
    /// In so many blocks it is divided behind the dictionary.
    pub blocks: usize,
    /// Version of packed integers: 0 in Lucene 4.1 to 4.3, 1 to 4.7, then 2.
    pub packed_version: u32,
    /// So many chunks, in powers of two, share a block of the index.
    pub index_shift: u32,
}

/// The files of a segment by their suffix.
pub type Files = BTreeMap<&'static str, Vec<u8>>;

/// What a chunk adds to the index.
struct Start {
    doc: u32,
    byte: u64,
}

impl Writer {
    /// As servers have it, for `codec`.
    pub fn usual(codec: (&'static str, u32)) -> Self {
        let (chunk_bytes, chunk_docs) = match codec.0 {
            "Lucene41StoredFieldsData" | "Lucene50StoredFieldsFastData" => (16_384, 128),
            "Lucene50StoredFieldsHighData" => (61_440, 512),
            "Lucene87StoredFieldsFastData" | "Lucene90StoredFieldsFastData" => (81_920, 1024),
            "ZstdStoredFields814" => (245_760, 2048),
            _ => (491_520, 4096),
        };
        let dict_part = if codec.0.contains("Fast") { 20 } else { 60 };
        Self { codec, chunk_bytes, chunk_docs, dict_part, blocks: 10, packed_version: 2, index_shift: 10 }
    }

    fn is(&self, part: &str) -> bool {
        self.codec.0.contains(part)
    }

    fn is_lucene41(&self) -> bool {
        self.is("Lucene41")
    }

    fn is_lucene50(&self) -> bool {
        self.is("Lucene50")
    }

    /// Since Lucene 9 the lowest byte comes first.
    fn is_little(&self) -> bool {
        !self.is("Lucene41") && !self.is("Lucene50") && !self.is("Lucene87")
    }

    fn has_footer(&self) -> bool {
        !self.is_lucene41() || self.codec.1 == 2
    }

    fn index_has_blocks(&self) -> bool {
        self.is_lucene41() || (self.is_lucene50() && self.codec.1 < 2)
    }

    /// Writes `documents` as the segment `id`.
    pub fn write(&self, id: &[u8; 16], documents: &[Document]) -> Files {
        let mut fdt = Vec::new();
        self.header(&mut fdt, self.codec, id);
        if self.is_lucene50() || (self.is_lucene41() && self.codec.1 > 0) {
            vint(&mut fdt, self.chunk_bytes as u64);
        }
        if self.is_lucene41() || self.is_lucene50() {
            vint(&mut fdt, self.packed_version.into());
        }
        let starts = self.chunks(&mut fdt, documents);
        let end = fdt.len() as u64;
        if self.is_lucene50() && self.codec.1 > 0 {
            vint(&mut fdt, starts.len() as u64);
            vint(&mut fdt, 1);
        }
        let mut files = if self.index_has_blocks() {
            BTreeMap::from([(".fdx", self.block_index(id, &starts, end))])
        } else {
            self.sequence_index(id, &starts, documents.len() as u32, end)
        };
        files.insert(".fdt", fdt);
        if self.has_footer() {
            files.values_mut().for_each(footer);
        }
        files
    }

    fn header(&self, out: &mut Vec<u8>, codec: (&str, u32), id: &[u8; 16]) {
        header(out, codec, (!self.is_lucene41()).then_some(id));
    }

    fn chunks(&self, fdt: &mut Vec<u8>, documents: &[Document]) -> Vec<Start> {
        let mut starts = Vec::new();
        let (mut open, mut first) = (Vec::new(), 0);
        for (at, document) in documents.iter().enumerate() {
            open.push((document.len() as u32, self.document(document)));
            let bytes: usize = open.iter().map(|(_, bytes)| bytes.len()).sum();
            if bytes >= self.chunk_bytes || open.len() >= self.chunk_docs || at + 1 == documents.len() {
                starts.push(Start { doc: first, byte: fdt.len() as u64 });
                self.chunk(fdt, first, &open);
                open.clear();
                first = at as u32 + 1;
            }
        }
        starts
    }

    fn chunk(&self, fdt: &mut Vec<u8>, first: u32, documents: &[(u32, Vec<u8>)]) {
        let data: Vec<u8> = documents.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        let never_slices = self.is_lucene41() && self.codec.1 == 0;
        let sliced = !never_slices && data.len() >= 2 * self.chunk_bytes;
        vint(fdt, first.into());
        let flags = match self.codec {
            ("Lucene41StoredFieldsData", _) => 0,
            (_, 3) => 1,
            _ if self.is_lucene50() => 1,
            _ => 2,
        };
        vint(fdt, (documents.len() as u64) << flags | u64::from(sliced && flags > 0));
        self.ints(fdt, &documents.iter().map(|(fields, _)| *fields).collect::<Vec<_>>());
        self.ints(fdt, &documents.iter().map(|(_, bytes)| bytes.len() as u32).collect::<Vec<_>>());
        if sliced {
            data.chunks(self.chunk_bytes).for_each(|slice| self.compress(fdt, slice));
        } else {
            self.compress(fdt, &data);
        }
    }

    fn ints(&self, out: &mut Vec<u8>, values: &[u32]) {
        if let [value] = values {
            return vint(out, (*value).into());
        }
        let most = *values.iter().max().unwrap();
        if values.iter().all(|value| *value == most) {
            out.push(0);
            return vint(out, most.into());
        }
        if !self.is_little() {
            let bits = 32 - most.leading_zeros();
            vint(out, bits.into());
            return self.packed(out, bits, values.iter().map(|value| u64::from(*value)));
        }
        let bytes = if most <= 0xFF {
            1
        } else if most <= 0xFFFF {
            2
        } else {
            4
        };
        out.push(bytes as u8 * 8);
        let groups = values.chunks_exact(128);
        let tail = groups.remainder();
        for group in groups {
            let longs = 16 * bytes;
            for i in 0..longs {
                let long = (0..8 / bytes).fold(0, |long: u64, j| {
                    long.checked_shl(8 * bytes as u32).unwrap_or(0) | u64::from(group[j * longs + i])
                });
                out.extend(long.to_le_bytes());
            }
        }
        tail.iter().for_each(|value| out.extend(&value.to_le_bytes()[..bytes]));
    }

    /// From the highest bit of the first byte on.
    fn packed(&self, out: &mut Vec<u8>, bits: u32, values: impl Iterator<Item = u64>) {
        let start = out.len();
        let mut at = 0usize;
        for value in values {
            for bit in (0..bits).rev() {
                if at.is_multiple_of(8) {
                    out.push(0);
                }
                *out.last_mut().unwrap() |= ((value >> bit & 1) as u8) << (7 - at % 8);
                at += 1;
            }
        }
        while self.packed_version == 0 && !(out.len() - start).is_multiple_of(8) {
            out.push(0);
        }
    }

    fn compress(&self, out: &mut Vec<u8>, data: &[u8]) {
        let zstd = |dict: &[u8], data: &[u8]| {
            zstd::bulk::Compressor::with_dictionary(3, dict).unwrap().compress(data).unwrap()
        };
        match self.codec.0 {
            "Lucene41StoredFieldsData" | "Lucene50StoredFieldsFastData" => out.extend(lz4_flex::block::compress(data)),
            "Lucene50StoredFieldsHighData" if data.is_empty() => out.push(0),
            "Lucene50StoredFieldsHighData" => prefixed(out, &deflate(&[], data)),
            "Lucene87StoredFieldsFastData" | "Lucene90StoredFieldsFastData" => self.compress_lz4(out, data),
            "Lucene87StoredFieldsHighData" | "Lucene90StoredFieldsHighData" => self.compress_dict(out, data, deflate),
            "ZstdStoredFields814" if data.is_empty() => {}
            "ZstdStoredFields814" => prefixed(out, &zstd(&[], data)),
            "CustomStoredFieldsZstd" => self.compress_dict(out, data, zstd),
            "CustomStoredFieldsZstdNoDict" => {
                let block_len = data.len().div_ceil(self.blocks);
                vint(out, block_len as u64);
                data.chunks(block_len.max(1)).for_each(|block| prefixed(out, &zstd(&[], block)));
            }
            other => panic!("{other} is not written"),
        }
    }

    /// Dictionary, what is behind it, and the length of a block of that.
    fn parts<'a>(&self, data: &'a [u8]) -> (&'a [u8], &'a [u8], usize) {
        let (dict, rest) = data.split_at(data.len() / self.dict_part);
        (dict, rest, rest.len().div_ceil(self.blocks))
    }

    fn compress_lz4(&self, out: &mut Vec<u8>, data: &[u8]) {
        let (dict, rest, block_len) = self.parts(data);
        vint(out, dict.len() as u64);
        vint(out, block_len as u64);
        let mut packed = vec![lz4_flex::block::compress(dict)];
        let blocks = rest.chunks(block_len.max(1));
        packed.extend(blocks.map(|block| lz4_flex::block::compress_with_dict(block, dict)));
        packed.iter().for_each(|packed| vint(out, packed.len() as u64));
        out.extend(packed.concat());
    }

    fn compress_dict(&self, out: &mut Vec<u8>, data: &[u8], pack: impl Fn(&[u8], &[u8]) -> Vec<u8>) {
        let (dict, rest, block_len) = self.parts(data);
        vint(out, dict.len() as u64);
        vint(out, block_len as u64);
        let packed_dict = if dict.is_empty() { Vec::new() } else { pack(&[], dict) };
        prefixed(out, &packed_dict);
        rest.chunks(block_len.max(1)).for_each(|block| prefixed(out, &pack(dict, block)));
    }

    fn document(&self, document: &Document) -> Vec<u8> {
        let mut out = Vec::new();
        for (field, value) in document {
            let kind = match value {
                Value::String(_) => 0,
                Value::Bytes(_) => 1,
                Value::Int(_) => 2,
                Value::Float(_) => 3,
                Value::Long(_) => 4,
                Value::Double(_) => 5,
            };
            vint(&mut out, u64::from(*field) << 3 | kind);
            match value {
                Value::String(text) => prefixed(&mut out, text.as_bytes()),
                Value::Bytes(bytes) => prefixed(&mut out, bytes),
                Value::Int(value) if self.is_lucene41() => out.extend(value.to_be_bytes()),
                Value::Float(value) if self.is_lucene41() => out.extend(value.to_be_bytes()),
                Value::Long(value) if self.is_lucene41() => out.extend(value.to_be_bytes()),
                Value::Double(value) if self.is_lucene41() => out.extend(value.to_be_bytes()),
                Value::Int(value) => vint(&mut out, u64::from((value << 1 ^ value >> 31) as u32)),
                Value::Float(value) => self.float(&mut out, *value),
                Value::Long(value) => long(&mut out, *value),
                Value::Double(value) => self.double(&mut out, *value),
            }
        }
        out
    }

    /// The last `len` bytes of a number in the order of the format.
    fn number(&self, out: &mut Vec<u8>, value: u64, len: usize) {
        match self.is_little() {
            true => out.extend(&value.to_le_bytes()[..len]),
            false => out.extend(&value.to_be_bytes()[8 - len..]),
        }
    }

    fn float(&self, out: &mut Vec<u8>, value: f32) {
        let (whole, bits) = (value as i32, value.to_bits());
        if value == whole as f32 && (-1..=0x7D).contains(&whole) && bits != 1 << 31 {
            out.push(0x80 | (1 + whole) as u8);
        } else if bits >> 31 == 0 {
            out.push((bits >> 24) as u8);
            self.number(out, u64::from(bits >> 8 & 0xFFFF), 2);
            out.push(bits as u8);
        } else {
            out.push(0xFF);
            self.number(out, bits.into(), 4);
        }
    }

    fn double(&self, out: &mut Vec<u8>, value: f64) {
        let (whole, bits) = (value as i32, value.to_bits());
        if value == f64::from(whole) && (-1..=0x7C).contains(&whole) && bits != 1 << 63 {
            out.push(0x80 | (1 + whole) as u8);
        } else if value == f64::from(value as f32) {
            out.push(0xFE);
            self.number(out, (value as f32).to_bits().into(), 4);
        } else if bits >> 63 == 0 {
            out.push((bits >> 56) as u8);
            self.number(out, bits >> 24 & 0xFFFF_FFFF, 4);
            self.number(out, bits >> 8 & 0xFFFF, 2);
            out.push(bits as u8);
        } else {
            out.push(0xFF);
            self.number(out, bits, 8);
        }
    }

    fn block_index(&self, id: &[u8; 16], starts: &[Start], end: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let name = self.codec.0.replace("Data", "Index");
        self.header(&mut out, (&name, self.codec.1), id);
        vint(&mut out, self.packed_version.into());
        for block in starts.chunks(1 << self.index_shift) {
            vint(&mut out, block.len() as u64);
            let steps = (block.len() as u64 - 1).max(1);
            let docs: Vec<i64> = block.iter().map(|start| start.doc.into()).collect();
            let bytes: Vec<i64> = block.iter().map(|start| start.byte as i64).collect();
            for values in [docs, bytes] {
                let step = (values[values.len() - 1] - values[0]) / steps as i64;
                let departure = |(k, value): (usize, &i64)| value - values[0] - step * k as i64;
                let departures = values.iter().enumerate().map(departure);
                let zigzag: Vec<u64> = departures.map(|value| (value << 1 ^ value >> 63) as u64).collect();
                let bits = (64 - zigzag.iter().max().unwrap().leading_zeros()).max(1);
                vint(&mut out, values[0] as u64);
                vint(&mut out, step as u64);
                vint(&mut out, bits.into());
                self.packed(&mut out, bits, zigzag.into_iter());
            }
        }
        out.push(0);
        if self.has_footer() {
            vint(&mut out, end);
        }
        out
    }

    fn sequence_index(&self, id: &[u8; 16], starts: &[Start], max_doc: u32, end: u64) -> Files {
        let (mut fdm, mut fdx) = (Vec::new(), Vec::new());
        let name = if self.is_little() { "Lucene90FieldsIndex" } else { "Lucene85FieldsIndex" };
        let version = if self.is_lucene50() { 0 } else { self.codec.1 };
        header(&mut fdm, (&format!("{name}Meta"), version), Some(id));
        header(&mut fdx, (&format!("{name}Idx"), 0), Some(id));
        if !self.is_lucene50() {
            vint(&mut fdm, self.chunk_bytes as u64);
        }
        if self.is("Lucene87") {
            vint(&mut fdm, 2);
        }
        self.number(&mut fdm, max_doc.into(), 4);
        self.number(&mut fdm, self.index_shift.into(), 4);
        self.number(&mut fdm, starts.len() as u64 + 1, 4);
        let docs = starts.iter().map(|start| u64::from(start.doc)).chain([max_doc.into()]).collect::<Vec<_>>();
        let bytes = starts.iter().map(|start| start.byte).chain([end]).collect::<Vec<_>>();
        for values in [docs, bytes] {
            self.number(&mut fdm, fdx.len() as u64, 8);
            self.sequence(&mut fdm, &mut fdx, &values);
        }
        self.number(&mut fdm, fdx.len() as u64, 8);
        self.number(&mut fdm, end, 8);
        if self.is_little() || self.codec.1 >= 4 {
            vint(&mut fdm, starts.len() as u64);
        }
        if !self.is_lucene50() {
            vint(&mut fdm, 1);
            vint(&mut fdm, 1);
        }
        BTreeMap::from([(".fdm", fdm), (".fdx", fdx)])
    }

    fn sequence(&self, fdm: &mut Vec<u8>, fdx: &mut Vec<u8>, values: &[u64]) {
        let start = fdx.len();
        for block in values.chunks(1 << self.index_shift) {
            let steps = (block.len() - 1).max(1);
            let slope = (block[block.len() - 1] - block[0]) as f32 / steps as f32;
            let line = |(k, value): (usize, &u64)| *value as i64 - (slope * k as f32) as i64;
            let min = block.iter().enumerate().map(line).min().unwrap();
            let departures: Vec<u64> = block.iter().enumerate().map(|at| (line(at) - min) as u64).collect();
            let most = departures.iter().max().unwrap();
            let direct = [0, 1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64];
            let bits = *direct.iter().find(|bits| 64 - most.leading_zeros() <= **bits).unwrap();
            self.number(fdm, min as u64, 8);
            self.number(fdm, slope.to_bits().into(), 4);
            self.number(fdm, (fdx.len() - start) as u64, 8);
            fdm.push(bits as u8);
            if self.is_little() {
                packed_little(fdx, bits, &departures);
            } else {
                self.packed(fdx, bits, departures.into_iter());
            }
            fdx.extend([0; 3]);
        }
    }
}

/// From the lowest bit of the first byte on.
fn packed_little(out: &mut Vec<u8>, bits: u32, values: &[u64]) {
    let mut at = 0usize;
    for value in values {
        for bit in 0..bits {
            if at.is_multiple_of(8) {
                out.push(0);
            }
            *out.last_mut().unwrap() |= ((value >> bit & 1) as u8) << (at % 8);
            at += 1;
        }
    }
}

/// Zig-zag, in the largest of a day, an hour, a second and a millisecond of which it is a multiple.
fn long(out: &mut Vec<u8>, value: i64) {
    let units = [(0xC0, 86_400_000), (0x80, 3_600_000), (0x40, 1000), (0, 1)];
    let (mark, unit) = units.into_iter().find(|(_, unit)| value % unit == 0).unwrap();
    let value = value / unit;
    let zigzag = (value << 1 ^ value >> 63) as u64;
    let more = zigzag >> 5;
    out.push(mark | (zigzag & 0x1F) as u8 | if more != 0 { 0x20 } else { 0 });
    if more != 0 {
        vint(out, more);
    }
}

/// Writes codec and version, and what follows them since Lucene 5.
pub fn header(out: &mut Vec<u8>, codec: (&str, u32), id: Option<&[u8; 16]>) {
    out.extend(0x3FD7_6C17_u32.to_be_bytes());
    prefixed(out, codec.0.as_bytes());
    out.extend(codec.1.to_be_bytes());
    if let Some(id) = id {
        out.extend(id);
        out.push(0);
    }
}

/// Writes the end of a file.
pub fn footer(out: &mut Vec<u8>) {
    out.extend((!0x3FD7_6C17_u32).to_be_bytes());
    out.extend([0; 4]);
    let crc = crc32fast::hash(out);
    out.extend(u64::from(crc).to_be_bytes());
}

/// Writes a variable-length number.
pub fn vint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes bytes behind their length.
pub fn prefixed(out: &mut Vec<u8>, bytes: &[u8]) {
    vint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn deflate(dict: &[u8], data: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(flate2::Compression::new(6), false);
    if !dict.is_empty() {
        compress.set_dictionary(dict).unwrap();
    }
    let mut packed = Vec::with_capacity(data.len() + data.len() / 100 + 64);
    let status = compress.compress_vec(data, &mut packed, FlushCompress::Finish).unwrap();
    assert_eq!(status, flate2::Status::StreamEnd);
    packed
}
