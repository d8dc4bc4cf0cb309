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
        fits(packed, len).map_err(|what| input.corrupt(what))?;
        let (_, room) = output.room(len);
        self.frame(&[], packed, room).map_err(|what| input.corrupt(what))
    }

    /// A dictionary, which is the beginning of the data itself, and frames that refer to it.
    pub(crate) fn unpack_dict(&mut self, input: &mut Input<'_>, len: usize, output: &mut Output) -> Result<()> {
        unpack_dict_blocks(input, len, output, fits, |dict, packed, room| self.frame(dict, packed, room))
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
            fits(packed, wanted).map_err(|what| input.corrupt(what))?;
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

/// Whether a frame becomes so many bytes, as far as it says so itself; what servers write does. Some kilobytes of zstd
/// can become gigabytes: no bound tells a length that is spoiled from one that is not.
fn fits(packed: &[u8], wanted: usize) -> Result<(), String> {
    match zstd::zstd_safe::get_frame_content_size(packed) {
        Ok(Some(found)) if found != wanted as u64 => {
            Err(format!("zstd gives {found} bytes where {wanted} are expected"))
        }
        Ok(_) => Ok(()),
        Err(_) => Err("zstd: it is no frame".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Order;

    /// A length of 1 GiB was taken at its word where as many compressed bytes could have become as much.
    #[test]
    fn no_room_is_made_for_a_length_that_the_frame_does_not_have() {
        let frame = zstd::bulk::compress(&[7; 3000], 3).unwrap();
        let prefixed = [&[frame.len() as u8][..], &frame].concat();
        let unpack = |len| {
            let mut output = Output::default();
            let mut input = Input::new("_0.fdt", &prefixed, 0, Order::Little);
            (Unzstd::new().unwrap().unpack_whole(&mut input, len, &mut output).map_err(|e| e.to_string()), output.len())
        };
        assert_eq!(unpack(3000), (Ok(()), 3000));
        let (result, len) = unpack(1 << 30);
        assert!(result.unwrap_err().contains("zstd gives 3000 bytes where 1073741824 are expected"));
        assert_eq!(len, 0);
    }
}
