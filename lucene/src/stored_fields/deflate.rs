//! DEFLATE blocks, without a zlib header: one for all of the data, or several behind a common dictionary, which is the
//! beginning of the data itself.
//!
//! Layout of one: its compressed length and its bytes. Layout of several: lengths of dictionary and block, then each
//! compressed length and its bytes. After: Lucene `CompressionMode#HIGH_COMPRESSION`,
//! `DeflateWithPresetDictCompressionMode`.

use flate2::{Decompress, FlushDecompress, Status};

use crate::error::Result;
use crate::input::Input;

use super::dict_blocks::unpack_dict_blocks;
use super::format::Compression;
use super::output::Output;

/// Inflates blocks, one after the other, in one allocation.
pub(crate) struct Inflater(Decompress);

impl Default for Inflater {
    fn default() -> Self {
        Self(Decompress::new(false))
    }
}

impl Inflater {
    /// Unpacks one block of `len` bytes to the end of `output`.
    pub(crate) fn unpack_whole(&mut self, input: &mut Input<'_>, len: usize, output: &mut Output) -> Result<()> {
        let packed = input.prefixed()?;
        fits(packed, len).map_err(|what| input.corrupt(what))?;
        let (_, room) = output.room(len);
        self.inflate(&[], packed, room).map_err(|what| input.corrupt(what))
    }

    /// Unpacks `len` bytes in blocks behind a dictionary to the end of `output`.
    pub(crate) fn unpack_dict(&mut self, input: &mut Input<'_>, len: usize, output: &mut Output) -> Result<()> {
        unpack_dict_blocks(input, len, output, fits, |dict, packed, room| self.inflate(dict, packed, room))
    }

    fn inflate(&mut self, dict: &[u8], packed: &[u8], room: &mut [u8]) -> Result<(), String> {
        let failed = |error: flate2::DecompressError| format!("DEFLATE: {error}");
        self.0.reset(false);
        if !dict.is_empty() {
            self.0.set_dictionary(dict).map_err(failed)?;
        }
        let status = self.0.decompress(packed, room, FlushDecompress::Finish).map_err(failed)?;
        let found = self.0.total_out();
        if status != Status::StreamEnd || found != room.len() as u64 {
            return Err(format!("DEFLATE gives {found} bytes where {} are expected", room.len()));
        }
        Ok(())
    }
}

/// Whether a block can become so many bytes.
fn fits(packed: &[u8], wanted: usize) -> Result<(), String> {
    let possible = (packed.len() as u64).saturating_mul(Compression::DeflateWhole.expansion_max());
    if wanted as u64 > possible {
        return Err(format!("DEFLATE: {} bytes cannot become {wanted}", packed.len()));
    }
    Ok(())
}
