//! LZ4 blocks behind a common dictionary, which is the beginning of the data itself.
//!
//! Layout: lengths of dictionary and block, then all compressed lengths, then the compressed bytes. A block refers to
//! itself and to the dictionary, never to another block. After: Lucene `LZ4WithPresetDictCompressionMode`.

use crate::error::Result;
use crate::input::Input;

use super::output::Output;

/// Unpacks `len` bytes to the end of `output`.
pub(crate) fn unpack(input: &mut Input<'_>, len: usize, output: &mut Output) -> Result<()> {
    let dict_len = input.vint()? as usize;
    let block_len = input.vint()? as usize;
    let Some(behind_dict) = len.checked_sub(dict_len).filter(|behind| *behind == 0 || block_len != 0) else {
        return Err(input.corrupt(format!("a dictionary of {dict_len} and blocks of {block_len} bytes for {len}")));
    };
    let blocks = if behind_dict == 0 { 0 } else { behind_dict.div_ceil(block_len) };

    // All lengths come first: `lengths` stays with them while `input` goes on to the bytes.
    let mut lengths = input.clone();
    for _ in 0..=blocks {
        input.vint()?;
    }
    let start = output.len();
    let dict_packed = input.take(lengths.vint()? as usize)?;
    block(input, dict_packed, output, start..start, dict_len)?;
    for done in 0..blocks {
        let packed = input.take(lengths.vint()? as usize)?;
        let wanted = block_len.min(behind_dict - done * block_len);
        block(input, packed, output, start..start + dict_len, wanted)?;
    }
    Ok(())
}

fn block(
    input: &Input<'_>,
    packed: &[u8],
    output: &mut Output,
    dict: std::ops::Range<usize>,
    wanted: usize,
) -> Result<()> {
    if wanted == 0 {
        return Ok(()); // written as one byte that says "nothing"
    }
    let (before, room) = output.room(wanted);
    let dict = before.get(dict).unwrap_or_default();
    match lz4_flex::block::decompress_into_with_dict(packed, room, dict) {
        Ok(found) if found == wanted => Ok(()),
        Ok(found) => Err(input.corrupt(format!("LZ4 gives {found} bytes where {wanted} are expected"))),
        Err(error) => Err(input.corrupt(format!("LZ4: {error}"))),
    }
}
