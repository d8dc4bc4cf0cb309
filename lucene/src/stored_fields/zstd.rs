//! zstd frames, in the three layouts that servers write.
//!
//! After: Elasticsearch `Zstd814StoredFieldsFormat`; OpenSearch custom-codecs `ZstdCompressionMode`,
//! `ZstdNoDictCompressionMode`.

use zstd::bulk::Decompressor;

use crate::error::Result;
use crate::input::Input;

use super::dict_blocks::unpack_dict_blocks;
use super::output::Output;

/// Unpacks frames, one after the other, in one context.
pub(crate) struct Unzstd {
    context: Decompressor<'static>,
    has_dict: bool,
}

impl Unzstd {
    /// Fails only where zstd cannot allocate its context.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self { context: Decompressor::new()?, has_dict: false })
    }

    /// One frame behind its compressed length.
    pub(crate) fn unpack_whole(&mut self, input: &mut Input<'_>, len: usize, output: &mut Output) -> Result<()> {
        let packed = input.prefixed()?;
        let (_, room) = output.room(len);
        self.frame(&[], packed, room).map_err(|what| input.corrupt(what))
    }

    /// A dictionary, which is the beginning of the data itself, and frames that refer to it.
    pub(crate) fn unpack_dict(&mut self, input: &mut Input<'_>, len: usize, output: &mut Output) -> Result<()> {
        unpack_dict_blocks(input, len, output, |dict, packed, room| self.frame(dict, packed, room))
    }

    /// Frames that stand on their own.
    pub(crate) fn unpack_blocks(&mut self, input: &mut Input<'_>, len: usize, output: &mut Output) -> Result<()> {
        let block_len = input.vint()? as usize;
        if block_len == 0 {
            return Err(input.corrupt("blocks of no bytes"));
        }
        let mut left = len;
        while left > 0 {
            let packed = input.prefixed()?;
            let wanted = block_len.min(left);
            let (_, room) = output.room(wanted);
            self.frame(&[], packed, room).map_err(|what| input.corrupt(what))?;
            left -= wanted;
        }
        Ok(())
    }

    fn frame(&mut self, dict: &[u8], packed: &[u8], room: &mut [u8]) -> Result<(), String> {
        // Blocks behind one dictionary follow each other, and the dictionary's own frame, which has none, precedes them:
        // so it is loaded once.
        if self.has_dict == dict.is_empty() {
            self.context.set_dictionary(dict).map_err(|error| format!("zstd dictionary: {error}"))?;
            self.has_dict = !dict.is_empty();
        }
        let found = self.context.decompress_to_buffer(packed, room).map_err(|error| format!("zstd: {error}"))?;
        if found != room.len() {
            return Err(format!("zstd gives {found} bytes where {} are expected", room.len()));
        }
        Ok(())
    }
}
