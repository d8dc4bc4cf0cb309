//! The decompressors alone: chunks of `.fdt` taken apart beforehand, and each piece given to its library.
//!
//! Knows the formats by itself, so that nothing of the reader is measured. Left out are the last chunk, whose end is not
//! known here, and sliced ones, of which LZ4 of old does not say where a slice ends.

use std::error::Error;
use std::ops::Range;

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress};

/// Compressed chunks.
pub struct Chunks {
    data: Bytes,
    codec: String,
    method: Method,
    chunks: Vec<Chunk>,
}

/// Which library unpacks.
#[derive(Clone, Copy, PartialEq)]
enum Method {
    Lz4,
    Deflate,
    Zstd,
}

/// One chunk: its blocks, the first of which is the dictionary of the others if it has a length.
struct Chunk {
    start: u64,
    dict_len: usize,
    blocks: Vec<Block>,
}

/// Where a block is in `.fdt`, and to how many bytes it unpacks.
struct Block {
    packed: Range<usize>,
    len: usize,
}

/// What is used again from chunk to chunk.
pub struct Unpacker {
    room: Vec<u8>,
    inflate: Decompress,
    zstd: zstd::bulk::Decompressor<'static>,
}

/// A place in `.fdt`.
struct Cursor<'a> {
    data: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn byte(&mut self) -> Result<u8, Box<dyn Error>> {
        let byte = *self.data.get(self.at).ok_or("the file ends early")?;
        self.at += 1;
        Ok(byte)
    }

    fn vint(&mut self) -> Result<usize, Box<dyn Error>> {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            if byte < 0x80 {
                return Ok(value);
            }
        }
    }

    fn take(&mut self, len: usize) -> Range<usize> {
        self.at += len;
        self.at - len..self.at
    }
}

impl Chunks {
    /// Takes apart `data`, which is `.fdt`, by what is known of its chunks.
    pub fn find(data: &Bytes, lengths: &[(Range<u64>, usize)]) -> Result<Self, Box<dyn Error>> {
        // A small compound file is read at once, and its `.fdt` never streamed.
        if data.is_empty() {
            return Ok(Self { data: data.clone(), codec: String::new(), method: Method::Lz4, chunks: Vec::new() });
        }
        let name_len = usize::from(*data.get(4).ok_or("no header")?);
        let codec = String::from_utf8_lossy(data.get(5..5 + name_len).ok_or("no header")?).into_owned();
        let version = *data.get(5 + name_len + 3).ok_or("no header")?;
        let is_old = codec.contains("Lucene41") || codec.contains("Lucene50");
        let method = match codec.as_str() {
            codec if codec.contains("Fast") || codec.contains("Lucene41") => Method::Lz4,
            codec if codec.contains("High") => Method::Deflate,
            _ => Method::Zstd,
        };
        let mut cursor = Cursor { data, at: 5 + name_len + 4 };
        if !codec.contains("Lucene41") {
            cursor.take(17);
        }
        if is_old {
            cursor.vint()?;
            cursor.vint()?;
        }
        let first = cursor.at;
        let mut chunks = Vec::new();
        for (at, (range, len)) in lengths.iter().enumerate().take(lengths.len().saturating_sub(1)) {
            cursor.at = if at == 0 { first } else { range.start as usize };
            if skip_header(&mut cursor, &codec, version)? {
                let end = range.end as usize;
                let (dict_len, blocks) = blocks(&mut cursor, &codec, method, end, *len)?;
                chunks.push(Chunk { start: range.start, dict_len, blocks });
                if cursor.at != end {
                    return Err(format!("a chunk ends at {} and not at {end}", cursor.at).into());
                }
            }
        }
        Ok(Self { data: data.clone(), codec: format!("{codec} {version}"), method, chunks })
    }

    /// The codec of the file, with its version.
    pub fn codec(&self) -> &str {
        &self.codec
    }

    /// How many chunks are unpacked.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// To how many bytes they unpack.
    pub fn bytes(&self) -> usize {
        self.chunks.iter().flat_map(|chunk| &chunk.blocks).map(|block| block.len).sum()
    }

    /// Makes room for the largest.
    pub fn unpacker(&self) -> Result<Unpacker, Box<dyn Error>> {
        let len = |chunk: &Chunk| chunk.blocks.iter().map(|block| block.len).sum();
        let room = vec![0; self.chunks.iter().map(len).max().unwrap_or(0)];
        Ok(Unpacker { room, inflate: Decompress::new(false), zstd: zstd::bulk::Decompressor::new()? })
    }

    /// Unpacks those within `part` of `.fdt`, one over the other.
    pub fn unpack(&self, part: &Range<u64>, unpacker: &mut Unpacker) -> Result<(), Box<dyn Error>> {
        let first = self.chunks.partition_point(|chunk| chunk.start < part.start);
        let chunks = self.chunks.iter().skip(first).take_while(|chunk| chunk.start < part.end);
        for chunk in chunks {
            let mut done = 0;
            if self.method == Method::Zstd && chunk.dict_len > 0 {
                unpacker.zstd.set_dictionary(&[])?;
            }
            for block in &chunk.blocks {
                let (before, rest) = unpacker.room.split_at_mut(done);
                let dict = if done == 0 { &[] } else { before.get(..chunk.dict_len).ok_or("no dictionary")? };
                let room = rest.get_mut(..block.len).ok_or("no room")?;
                let packed = self.data.get(block.packed.clone()).ok_or("no block")?;
                let found = match self.method {
                    Method::Lz4 if dict.is_empty() => lz4_flex::block::decompress_into(packed, room)?,
                    Method::Lz4 => lz4_flex::block::decompress_into_with_dict(packed, room, dict)?,
                    Method::Deflate => {
                        unpacker.inflate.reset(false);
                        if !dict.is_empty() {
                            unpacker.inflate.set_dictionary(dict)?;
                        }
                        unpacker.inflate.decompress(packed, room, FlushDecompress::Finish)?;
                        unpacker.inflate.total_out() as usize
                    }
                    Method::Zstd => {
                        if done > 0 && done == chunk.dict_len {
                            unpacker.zstd.set_dictionary(dict)?;
                        }
                        unpacker.zstd.decompress_to_buffer(packed, room)?
                    }
                };
                if found != block.len {
                    return Err(format!("{found} bytes came of a block of {}", block.len).into());
                }
                done += found;
            }
        }
        Ok(())
    }
}

/// Steps to the compressed bytes; false for a sliced chunk.
fn skip_header(cursor: &mut Cursor<'_>, codec: &str, version: u8) -> Result<bool, Box<dyn Error>> {
    cursor.vint()?;
    let token = cursor.vint()?;
    let (docs, sliced) = match (codec, version) {
        ("Lucene41StoredFieldsData", _) => (token, false),
        (codec, _) if codec.starts_with("Lucene50") => (token >> 1, token & 1 == 1),
        (_, 3) => (token >> 1, token & 1 == 1),
        _ => (token >> 2, token & 1 == 1),
    };
    let is_packed = ["Lucene41", "Lucene50", "Lucene87"].iter().any(|start| codec.starts_with(start));
    for _ in 0..2 {
        let bits = if docs == 1 { 0 } else { usize::from(cursor.byte()?) };
        match bits {
            0 => drop(cursor.vint()?),
            _ if is_packed => drop(cursor.take((docs * bits).div_ceil(8))),
            _ => drop(cursor.take(docs * bits / 8)),
        }
    }
    Ok(!sliced)
}

/// Takes the compressed bytes of a chunk, which unpacks to `len` bytes, apart: length of the dictionary, and the blocks.
fn blocks(
    cursor: &mut Cursor<'_>,
    codec: &str,
    method: Method,
    end: usize,
    len: usize,
) -> Result<(usize, Vec<Block>), Box<dyn Error>> {
    let is_old = codec.contains("Lucene41") || codec.contains("Lucene50");
    if is_old && method == Method::Lz4 {
        return Ok((0, vec![Block { packed: cursor.take(end - cursor.at), len }]));
    }
    if is_old || codec == "ZstdStoredFields814" {
        let packed_len = cursor.vint()?;
        return Ok((0, vec![Block { packed: cursor.take(packed_len), len }]));
    }
    let dict_len = if codec.ends_with("NoDict") { 0 } else { cursor.vint()? };
    let block_len = cursor.vint()?.max(1);
    let mut lens = if codec.ends_with("NoDict") { vec![] } else { vec![dict_len] };
    lens.extend((dict_len..len).step_by(block_len).map(|at| block_len.min(len - at)));
    let mut packed_lens = Vec::new();
    if method == Method::Lz4 {
        for _ in &lens {
            packed_lens.push(cursor.vint()?);
        }
    }
    let mut blocks = Vec::new();
    for (at, len) in lens.into_iter().enumerate() {
        let packed_len = match packed_lens.get(at) {
            Some(packed_len) => *packed_len,
            None => cursor.vint()?,
        };
        let packed = cursor.take(packed_len);
        if len > 0 {
            blocks.push(Block { packed, len });
        }
    }
    Ok((dict_len, blocks))
}
