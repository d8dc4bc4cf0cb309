//! The bytes of one chunk become its documents, in buffers that are used again.
//!
//! In: a chunk and what the index says of it. Out: fields and bytes of each document. Holds: the chunk's own header
//! agrees with the index; every byte of the chunk is accounted for; nothing is allocated before the claimed size is
//! possible for so many compressed bytes.
//! After: Lucene `CompressingStoredFieldsReader.BlockState`, `Lucene90CompressingStoredFieldsReader.BlockState`.

use crate::error::Result;
use crate::input::Input;

use super::deflate::Inflater;
use super::format::{Compression, Format};
use super::index::ChunkBounds;
use super::output::Output;
use super::zstd::Unzstd;
use super::{ints, lz4};

/// Writers close a chunk at 4096 documents at the latest.
const CHUNK_DOCS_MAX: u32 = 65_536;

/// No chunk unpacks to more: Lucene adds the lengths up in 31 bits.
const CHUNK_BYTES_MAX: u64 = i32::MAX as u64;

/// The documents of the chunk that was unpacked last.
pub(crate) struct Unpacked {
    format: Format,
    slice_bytes: u32,
    /// Fields of each document.
    pub(crate) fields: Vec<u32>,
    /// Where in the output each document ends.
    pub(crate) ends: Vec<u32>,
    output: Output,
    inflater: Option<Inflater>,
    unzstd: Option<Unzstd>,
}

impl Unpacked {
    pub(crate) fn new(format: Format, slice_bytes: u32) -> Self {
        Self {
            format,
            slice_bytes,
            fields: Vec::new(),
            ends: Vec::new(),
            output: Output::default(),
            inflater: None,
            unzstd: None,
        }
    }

    /// The bytes of all documents.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.output.as_slice()
    }

    /// Forgets the chunk, so that none is there if the next one cannot be read.
    pub(crate) fn clear(&mut self) {
        self.fields.clear();
        self.ends.clear();
        self.output.clear();
    }

    /// Unpacks the chunk that `input` holds from its first byte to its last.
    pub(crate) fn unpack(&mut self, bounds: &ChunkBounds, mut input: Input<'_>) -> Result<()> {
        self.clear();
        input.set_order(self.format.order);
        let sliced = self.header(bounds, &mut input)?;
        let total = u64::from(self.ends.last().copied().unwrap_or_default());
        if total == 0 {
            return Ok(()); // compressors write a few bytes that say "nothing"; the index knows where the next begins
        }
        let possible = (input.left() as u64).saturating_mul(self.format.compression.expansion_max());
        if total > possible {
            return Err(input.corrupt(format!("{} bytes cannot become {total}", input.left())));
        }
        let unit_bytes = if sliced { u64::from(self.slice_bytes) } else { total };
        let mut left = total;
        while left > 0 {
            let unit = unit_bytes.min(left);
            self.unit(&mut input, unit as usize)?;
            left -= unit;
        }
        match input.left() {
            0 => Ok(()),
            left => Err(input.corrupt(format!("{left} bytes are left over at the end of a chunk"))),
        }
    }

    /// Reads everything before the compressed bytes; gives whether these are sliced.
    fn header(&mut self, bounds: &ChunkBounds, input: &mut Input<'_>) -> Result<bool> {
        let doc_base = input.vint()?;
        let token = input.vint()?;
        let doc_count = token >> self.format.token_flags;
        if doc_base != bounds.docs.start || doc_count != bounds.docs.end - bounds.docs.start {
            let what =
                format!("a chunk of {doc_count} documents from {doc_base} where the index has {:?}", bounds.docs);
            return Err(input.corrupt(what));
        }
        if doc_count > CHUNK_DOCS_MAX {
            return Err(input.corrupt(format!("{doc_count} documents in one chunk")));
        }
        ints::read(self.format.ints, input, doc_count as usize, &mut self.fields)?;
        ints::read(self.format.ints, input, doc_count as usize, &mut self.ends)?;
        let mut end = 0u64;
        for slot in &mut self.ends {
            end += u64::from(*slot);
            *slot = end as u32; // checked below, before anyone uses it
        }
        if end > CHUNK_BYTES_MAX {
            return Err(input.corrupt(format!("a chunk of {end} bytes")));
        }
        Ok(token & 1 == 1)
    }

    /// Unpacks what was compressed in one go: a slice, or the whole chunk.
    fn unit(&mut self, input: &mut Input<'_>, len: usize) -> Result<()> {
        let output = &mut self.output;
        let unzstd = match self.format.compression {
            Compression::Lz4 => return lz4::unpack(input, len, output),
            Compression::Deflate => {
                return self.inflater.get_or_insert_with(Inflater::new).unpack(input, len, output);
            }
            _ => match &mut self.unzstd {
                Some(unzstd) => unzstd,
                None => {
                    let unzstd = Unzstd::new().map_err(|error| input.corrupt(format!("zstd: {error}")))?;
                    self.unzstd.insert(unzstd)
                }
            },
        };
        match self.format.compression {
            Compression::ZstdDict => unzstd.unpack_dict(input, len, output),
            Compression::ZstdBlocks => unzstd.unpack_blocks(input, len, output),
            _ => unzstd.unpack_whole(input, len, output),
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, FlushCompress};
    use proptest::prelude::*;

    use super::*;
    use crate::header::Codec;
    use crate::input::Order;

    const CODECS: [(&str, u32); 6] = [
        ("Lucene87StoredFieldsFastData", 3),
        ("Lucene87StoredFieldsHighData", 4),
        ("Lucene90StoredFieldsFastData", 1),
        ("ZstdStoredFields814", 1),
        ("CustomStoredFieldsZstd", 1),
        ("CustomStoredFieldsZstdNoDict", 1),
    ];

    fn format(codec: (&str, u32)) -> Format {
        let dir: std::sync::Arc<dyn crate::Directory> = std::sync::Arc::new(crate::testing::Memory::of("f", vec![]));
        let file = crate::file::File::open(&dir, "f".into(), "the test").unwrap();
        Format::of(&Codec { name: codec.0, version: codec.1 }, &file).unwrap()
    }

    fn vint(mut value: usize, bytes: &mut Vec<u8>) {
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
    }

    fn deflate(dict: &[u8], data: &[u8]) -> Vec<u8> {
        let mut compress = Compress::new(flate2::Compression::new(6), false);
        if !dict.is_empty() {
            compress.set_dictionary(dict).unwrap();
        }
        let mut packed = Vec::with_capacity(data.len() * 2 + 64);
        compress.compress_vec(data, &mut packed, FlushCompress::Finish).unwrap();
        packed
    }

    fn zstd(dict: &[u8], data: &[u8]) -> Vec<u8> {
        zstd::bulk::Compressor::with_dictionary(3, dict).unwrap().compress(data).unwrap()
    }

    /// One unit as its writer lays it out, with blocks of `block_len` bytes behind a dictionary of `dict_len`.
    fn unit(compression: Compression, data: &[u8], dict_len: usize, block_len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let (dict, rest) = data.split_at(dict_len.min(data.len()));
        let blocks = rest.chunks(block_len);
        let prefixed = |bytes: &mut Vec<u8>, packed: Vec<u8>| {
            vint(packed.len(), bytes);
            bytes.extend(packed);
        };
        match compression {
            Compression::Lz4 => {
                vint(dict.len(), &mut bytes);
                vint(block_len, &mut bytes);
                let mut all = vec![lz4_flex::block::compress(dict)];
                all.extend(blocks.map(|block| lz4_flex::block::compress_with_dict(block, dict)));
                all.iter().for_each(|packed| vint(packed.len(), &mut bytes));
                bytes.extend(all.concat());
            }
            Compression::Deflate | Compression::ZstdDict => {
                let pack = if compression == Compression::Deflate { deflate } else { zstd };
                vint(dict.len(), &mut bytes);
                vint(block_len, &mut bytes);
                prefixed(&mut bytes, if dict.is_empty() { Vec::new() } else { pack(&[], dict) });
                blocks.for_each(|block| prefixed(&mut bytes, pack(dict, block)));
            }
            Compression::ZstdWhole => prefixed(&mut bytes, zstd(&[], data)),
            Compression::ZstdBlocks => {
                vint(block_len, &mut bytes);
                data.chunks(block_len).for_each(|block| prefixed(&mut bytes, zstd(&[], block)));
            }
        }
        bytes
    }

    /// A chunk of two documents that begins at document 5.
    fn chunk(format: &Format, data: &[u8], slice_bytes: Option<usize>, dict_len: usize, block_len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        vint(5, &mut bytes);
        vint(2 << format.token_flags | usize::from(slice_bytes.is_some()), &mut bytes);
        let lengths = [data.len() / 3, data.len() - data.len() / 3];
        for values in [[1, 1], lengths] {
            match format.ints {
                super::super::format::Ints::Packed => {
                    bytes.push(16);
                    values.iter().for_each(|value| bytes.extend((*value as u16).to_be_bytes()));
                }
                super::super::format::Ints::Grouped => {
                    bytes.push(16);
                    values.iter().for_each(|value| bytes.extend((*value as u16).to_le_bytes()));
                }
            }
        }
        for piece in data.chunks(slice_bytes.unwrap_or(usize::MAX)) {
            bytes.extend(unit(format.compression, piece, dict_len, block_len));
        }
        bytes
    }

    const BOUNDS: ChunkBounds = ChunkBounds { docs: 5..7, bytes: 0..0 };

    fn unpack(format: Format, slice_bytes: usize, bytes: &[u8]) -> Result<Unpacked> {
        let mut unpacked = Unpacked::new(format, slice_bytes as u32);
        unpacked.unpack(&BOUNDS, Input::new("_0.fdt", bytes, 0, Order::Big))?;
        Ok(unpacked)
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked_sliced_or_not(
            data in prop::collection::vec(prop::sample::select(b"abcabcabc{}".to_vec()), 3..4000),
            codec in prop::sample::select(CODECS.to_vec()),
            slice_bytes in prop::option::of(50usize..2000),
            dict_len in 0usize..60,
            block_len in 1usize..700,
            cut in any::<prop::sample::Index>(),
            bit in any::<prop::sample::Index>(),
        ) {
            let format = format(codec);
            let bytes = chunk(&format, &data, slice_bytes, dict_len, block_len);
            let slice = slice_bytes.unwrap_or(1);
            let unpacked = unpack(format, slice, &bytes).unwrap();
            prop_assert_eq!(unpacked.bytes(), &data);
            prop_assert_eq!(&unpacked.ends, &[data.len() as u32 / 3, data.len() as u32]);

            prop_assert!(unpack(format, slice, &bytes[..cut.index(bytes.len())]).is_err(), "cut off");
            let mut spoiled = bytes.clone();
            let at = bit.index(bytes.len() * 8);
            spoiled[at / 8] ^= 1 << (at % 8);
            let _ = unpack(format, slice, &spoiled); // other bytes may come of it; the file's checksum finds them
        }
    }

    #[test]
    fn lengths_that_cannot_be_are_refused_before_anything_is_allocated() {
        let format = format(CODECS[2]);
        let huge = [5, 8, 0, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x03, 0, 0, 0, 0]; // two documents of 2^30 - 1 bytes
        assert!(unpack(format, 1, &huge).err().unwrap().to_string().contains("cannot become"));
        let larger = [5, 8, 0, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0, 0, 0];
        assert!(unpack(format, 1, &larger).err().unwrap().to_string().contains("a chunk of 8589934590 bytes"));
        let other = [6, 8, 0, 1, 0, 1];
        assert!(unpack(format, 1, &other).err().unwrap().to_string().contains("where the index has 5..7"));
        let nothing = [5, 8, 0, 0, 0, 0, 0, 0, 1, 0]; // nested documents: no fields, and what LZ4 writes for no bytes
        assert_eq!(unpack(format, 1, &nothing).unwrap().ends, [0, 0]);
    }
}
