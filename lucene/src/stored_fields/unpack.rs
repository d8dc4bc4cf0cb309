//! The bytes of one chunk become its documents, in buffers that are used again.
//!
//! In: a chunk and what the index says of it. Out: fields and bytes of each document. Holds: the chunk's own header
//! agrees with the index; every byte of the chunk is accounted for; nothing is allocated before the claimed size is
//! possible for so many compressed bytes.
//! After: Lucene `CompressingStoredFieldsReader.BlockState`, `Lucene90CompressingStoredFieldsReader.BlockState`.

use crate::error::Result;
use crate::input::Input;

use super::deflate::Inflater;
use super::format::{Chunking, Compression, Format};
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
    chunking: Chunking,
    /// Fields of each document.
    pub(crate) fields: Vec<u32>,
    /// Where in the output each document ends.
    pub(crate) ends: Vec<u32>,
    output: Output,
    inflater: Option<Inflater>,
    unzstd: Option<Unzstd>,
}

impl Unpacked {
    pub(crate) fn new(format: Format, chunking: Chunking) -> Self {
        Self {
            format,
            chunking,
            fields: Vec::new(),
            ends: Vec::new(),
            output: Output::default(),
            inflater: None,
            unzstd: None,
        }
    }

    /// The bytes of all documents.
    #[inline]
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
        let flags = self.header(bounds, &mut input)?;
        let total = u64::from(self.ends.last().copied().unwrap_or_default());
        if total == 0 {
            return Ok(()); // compressors write a few bytes that say "nothing"; the index knows where the next begins
        }
        let possible = (input.left() as u64).saturating_mul(self.format.compression.expansion_max());
        if total > possible {
            return Err(input.corrupt(format!("{} bytes cannot become {total}", input.left())));
        }
        let unit_bytes = self.unit_bytes(flags, total);
        let mut left = total;
        while left > 0 {
            let unit = unit_bytes.min(left);
            left -= unit;
            self.unit(&mut input, unit as usize, left == 0)?;
        }
        match input.left() {
            0 => Ok(()),
            left => Err(input.corrupt(format!("{left} bytes are left over at the end of a chunk"))),
        }
    }

    /// How many bytes are compressed in one go: those of a slice, or all.
    fn unit_bytes(&self, flags: u32, total: u64) -> u64 {
        let Some(slice_bytes) = self.chunking.slice_bytes else { return total };
        let slice_bytes = u64::from(slice_bytes.get());
        let sliced = match self.format.token_flags {
            0 => total >= 2 * slice_bytes,
            _ => flags & 1 == 1,
        };
        if sliced { slice_bytes } else { total }
    }

    /// Reads everything before the compressed bytes; gives the flags.
    fn header(&mut self, bounds: &ChunkBounds, input: &mut Input<'_>) -> Result<u32> {
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
        ints::read(self.chunking.ints, input, doc_count as usize, &mut self.fields)?;
        ints::read(self.chunking.ints, input, doc_count as usize, &mut self.ends)?;
        let mut end = 0u64;
        for slot in &mut self.ends {
            end += u64::from(*slot);
            *slot = end as u32; // checked below, before anyone uses it
        }
        if end > CHUNK_BYTES_MAX {
            return Err(input.corrupt(format!("a chunk of {end} bytes")));
        }
        Ok(token & ((1 << self.format.token_flags) - 1))
    }

    /// Unpacks what was compressed in one go: a slice, or the whole chunk; `last` of them or not.
    fn unit(&mut self, input: &mut Input<'_>, len: usize, last: bool) -> Result<()> {
        let output = &mut self.output;
        let inflater = &mut self.inflater;
        match self.format.compression {
            Compression::Lz4Whole => lz4::unpack_whole(input, len, last, output),
            Compression::Lz4Dict => lz4::unpack_dict(input, len, output),
            Compression::DeflateWhole => inflater.get_or_insert_default().unpack_whole(input, len, output),
            Compression::DeflateDict => inflater.get_or_insert_default().unpack_dict(input, len, output),
            Compression::ZstdWhole => unzstd(&mut self.unzstd, input)?.unpack_whole(input, len, output),
            Compression::ZstdDict => unzstd(&mut self.unzstd, input)?.unpack_dict(input, len, output),
            Compression::ZstdBlocks => unzstd(&mut self.unzstd, input)?.unpack_blocks(input, len, output),
        }
    }
}

/// Made when it is needed first.
fn unzstd<'a>(made: &'a mut Option<Unzstd>, input: &Input<'_>) -> Result<&'a mut Unzstd> {
    match made {
        Some(unzstd) => Ok(unzstd),
        None => {
            let unzstd = Unzstd::new().map_err(|error| input.corrupt(format!("zstd: {error}")))?;
            Ok(made.insert(unzstd))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::header::Codec;
    use crate::input::Order;
    use crate::{Directory, testing};

    /// Unpacks a chunk of documents 5 and 6.
    fn unpack(name: &str, version: u32, bytes: &[u8]) -> Result<Unpacked> {
        let dir: Arc<dyn Directory> = Arc::new(testing::Memory::of("f", vec![]));
        let file = crate::file::File::open(&dir, "f".into(), "the test").unwrap();
        let format = Format::of(&Codec { name, version }, &file).unwrap();
        let mut unpacked = Unpacked::new(format, format.chunking());
        let bounds = ChunkBounds { docs: 5..7, bytes: 0..0 };
        unpacked.unpack(&bounds, Input::new("_0.fdt", bytes, 0, Order::Big))?;
        Ok(unpacked)
    }

    #[test]
    fn lengths_that_cannot_be_are_refused_before_anything_is_allocated() {
        let error = |bytes: &[u8]| unpack("Lucene90StoredFieldsFastData", 1, bytes).err().unwrap().to_string();
        let huge = [5, 8, 0, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x03, 0, 0, 0, 0]; // two documents of 2^30 - 1 bytes
        assert!(error(&huge).contains("cannot become"));
        let larger = [5, 8, 0, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0, 0, 0];
        assert!(error(&larger).contains("a chunk of 8589934590 bytes"));
        let other = [6, 8, 0, 1, 0, 1];
        assert!(error(&other).contains("where the index has 5..7"));
    }

    /// Nested documents have no fields at all, and each compressor its way to say "no bytes".
    #[test]
    fn chunks_without_any_field_are_read_whatever_stands_for_nothing() {
        for (name, version, token, nothing) in [
            ("Lucene41StoredFieldsData", 2, 2, &[0][..]),
            ("Lucene50StoredFieldsFastData", 1, 2 << 1, &[0]),
            ("Lucene50StoredFieldsHighData", 1, 2 << 1, &[0]),
            ("Lucene90StoredFieldsFastData", 1, 2 << 2, &[0, 0, 1, 0]),
            ("Lucene90StoredFieldsHighData", 1, 2 << 2, &[0, 0, 0]),
            ("ZstdStoredFields814", 1, 2 << 2, &[]),
            ("CustomStoredFieldsZstdNoDict", 1, 2 << 2, &[0]),
        ] {
            let bytes = [&[5, token, 0, 0, 0, 0], nothing].concat();
            assert_eq!(unpack(name, version, &bytes).unwrap().ends, [0, 0], "{name}");
        }
    }

    /// A match may end the data although writers end it with literals.
    #[test]
    fn what_follows_a_block_is_not_swallowed() {
        let chunk = |rest: &[u8]| [&[5, 4, 0, 1, 0, 2, 0x40, b'a', b'b', b'c', b'd'], rest].concat();
        let unpacked = unpack("Lucene50StoredFieldsFastData", 1, &chunk(&[])).unwrap();
        assert_eq!((unpacked.bytes(), &unpacked.ends[..]), (&b"abcd"[..], &[2, 4][..]));
        assert!(unpack("Lucene50StoredFieldsFastData", 1, &chunk(&[0])).is_err());
    }
}
