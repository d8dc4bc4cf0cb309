//! The layout that DEFLATE and OpenSearch's zstd share: a dictionary and blocks, each behind its compressed length.

use crate::error::Result;
use crate::input::Input;

use super::output::Output;

/// Unpacks `len` bytes to the end of `output`. `fits` is asked whether a compressed block can become so many bytes,
/// before room is made for them; `unpack` is given the dictionary (empty for the dictionary itself), a compressed block
/// and the room that it must fill.
pub(crate) fn unpack_dict_blocks(
    input: &mut Input<'_>,
    len: usize,
    output: &mut Output,
    fits: impl Fn(&[u8], usize) -> Result<(), String>,
    mut unpack: impl FnMut(&[u8], &[u8], &mut [u8]) -> Result<(), String>,
) -> Result<()> {
    let dict_len = input.vint()? as usize;
    let block_len = input.vint()? as usize;
    let Some(behind_dict) = len.checked_sub(dict_len).filter(|behind| *behind == 0 || block_len != 0) else {
        return Err(input.corrupt(format!("a dictionary of {dict_len} and blocks of {block_len} bytes for {len}")));
    };
    let start = output.len();
    let dict_packed = input.prefixed()?;
    if dict_len != 0 {
        fits(dict_packed, dict_len).map_err(|what| input.corrupt(what))?;
        let (_, room) = output.room(dict_len);
        unpack(&[], dict_packed, room).map_err(|what| input.corrupt(what))?;
    }
    let mut left = behind_dict;
    while left > 0 {
        let packed = input.prefixed()?;
        let wanted = block_len.min(left);
        fits(packed, wanted).map_err(|what| input.corrupt(what))?;
        let (before, room) = output.room(wanted);
        let dict = before.get(start..start + dict_len).unwrap_or_default();
        unpack(dict, packed, room).map_err(|what| input.corrupt(what))?;
        left -= wanted;
    }
    Ok(())
}
