//! LZ4 blocks: one for all of the data, or several behind a common dictionary, which is the beginning of the data.
//!
//! Layout of one: nothing but the block, which ends when all of the data is there. Layout of several: lengths of
//! dictionary and block, then all compressed lengths, then the compressed bytes; a block refers to itself and to the
//! dictionary, never to another block. After: Lucene `LZ4#decompress`, `LZ4WithPresetDictCompressionMode`.

use crate::error::Result;
use crate::input::Input;

use super::format::Compression;
use super::output::Output;

/// Matches are longer than they say by so many bytes.
const MATCH_BYTES_MIN: usize = 4;

/// Unpacks one block of `len` bytes to the end of `output`; if it is the `last` in `input`, it goes to its end.
pub(crate) fn unpack_whole(input: &mut Input<'_>, len: usize, last: bool, output: &mut Output) -> Result<()> {
    // A slice doesn't say how long it is packed. A chunk doesn't either, but there the index does.
    let packed_len = if last { input.left() } else { packed_len(input.clone(), len)? };
    let packed = input.take(packed_len)?;
    let start = output.len();
    block(input, packed, output, start..start, len)
}

/// How many bytes the block that unpacks to `len` bytes takes: steps through it without copying anything.
fn packed_len(mut input: Input<'_>, len: usize) -> Result<usize> {
    let before = input.left();
    let mut unpacked = 0usize;
    loop {
        let token = usize::from(input.u8()?);
        let literals = length(token >> 4, &mut input)?;
        input.skip(literals)?;
        unpacked += literals;
        if unpacked >= len {
            return Ok(before - input.left());
        }
        input.skip(2)?; // how far back the match is
        unpacked += length(token & 15, &mut input)? + MATCH_BYTES_MIN;
    }
}

/// A length of which the token has `start`. It grows by 255 per byte at most, so it stays far below any limit.
fn length(start: usize, input: &mut Input<'_>) -> Result<usize> {
    let mut len = start;
    if start == 15 {
        loop {
            let byte = input.u8()?;
            len += usize::from(byte);
            if byte != 255 {
                break;
            }
        }
    }
    Ok(len)
}

/// Unpacks `len` bytes in blocks behind a dictionary to the end of `output`.
pub(crate) fn unpack_dict(input: &mut Input<'_>, len: usize, output: &mut Output) -> Result<()> {
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
    if wanted as u64 > (packed.len() as u64).saturating_mul(Compression::Lz4Whole.expansion_max()) {
        return Err(input.corrupt(format!("LZ4: {} bytes cannot become {wanted}", packed.len())));
    }
    let (before, room) = output.room(wanted);
    let found = match before.get(dict).unwrap_or_default() {
        [] => lz4_flex::block::decompress_into(packed, room),
        dict => lz4_flex::block::decompress_into_with_dict(packed, room, dict),
    };
    match found {
        Ok(found) if found == wanted => Ok(()),
        Ok(found) => Err(input.corrupt(format!("LZ4 gives {found} bytes where {wanted} are expected"))),
        Err(error) => Err(input.corrupt(format!("LZ4: {error}"))),
    }
}
