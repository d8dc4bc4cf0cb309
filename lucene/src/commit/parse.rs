//! The formats of `segments_N`, 0 to 10: Lucene 4.0 to 10.
//!
//! In: the bytes of the file. Out: [`Commit`]. Holds: big-endian in all versions; nothing may be left over.

use crate::error::Result;
use crate::footer;
use crate::header;
use crate::input::{Counts, Input, Order};
use crate::version::{READ, Version};

use super::{Commit, PREFIX, SegmentCommit, is_segment_name};

/// What is new in each format, by the Lucene version that began with it.
mod since {
    /// 4.6: generations of field infos and of doc values.
    pub(super) const UPDATES: u32 = 1;
    /// 4.8: a footer in place of the bare checksum.
    pub(super) const FOOTER: u32 = 2;
    /// 4.9: generations of doc values count on their own.
    pub(super) const DOC_VALUES_GEN: u32 = 3;
    /// 5.0: ids, of the commit and of its segments.
    pub(super) const IDS: u32 = 4;
    /// 5.1: counts of variable length.
    pub(super) const VARIABLE_COUNTS: u32 = 5;
    /// 5.3: the Lucene version that wrote the commit, and the oldest among its segments.
    pub(super) const VERSION: u32 = 6;
    /// 7.0: the version that created the index; every segment has an id.
    pub(super) const CREATED: u32 = 7;
    /// 7.2: the counter is a variable-length long.
    pub(super) const LONG_COUNTER: u32 = 8;
    /// 7.4: soft deletes.
    pub(super) const SOFT_DELETES: u32 = 9;
    /// 8.6: the commit of a segment has an id; still so in Lucene 10.
    pub(super) const COMMIT_IDS: u32 = 10;
}

/// Bytes of the checksum that a commit before Lucene 4.8 ends with.
const BARE_CRC_BYTES: usize = 8;

pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Commit> {
    let mut head = Input::new(file, bytes, 0, Order::Big);
    let codec = header::read_codec(&mut head)?;
    let format = codec.version;
    if codec.name != "segments" || format > since::COMMIT_IDS {
        return Err(codec.unsupported(file, READ));
    }
    let body = match format {
        since::FOOTER.. => footer::verified_body(file, bytes)?,
        _ => verified_without_footer(file, bytes)?,
    };
    let mut input = Input::new(file, body, 0, Order::Big);
    input.skip(head.offset() as usize)?;
    if format >= since::IDS {
        let (_, suffix) = header::read_id(&mut input)?;
        if file.strip_prefix(PREFIX).map(str::as_bytes) != Some(suffix) {
            return Err(input.corrupt("it was written under another name"));
        }
    }
    parse_body(file, format, &mut input)
}

/// The file without the checksum at its end, once that holds.
fn verified_without_footer<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a [u8]> {
    let whole = Input::new(file, bytes, 0, Order::Big);
    let short = || whole.corrupt("it is too short to be a commit");
    let (body, crc) = bytes.split_last_chunk::<BARE_CRC_BYTES>().ok_or_else(short)?;
    let (expected, found) = (u64::from_be_bytes(*crc), u64::from(crc32fast::hash(body)));
    if found != expected {
        return Err(whole.corrupt(format!("its CRC-32 is {found:08x} where its end says {expected:08x}")));
    }
    Ok(body)
}

fn version(input: &mut Input<'_>) -> Result<Version> {
    Ok(Version::new(input.vint()?, input.vint()?, input.vint()?))
}

fn parse_body(file: &str, format: u32, input: &mut Input<'_>) -> Result<Commit> {
    let counts = if format >= since::VARIABLE_COUNTS { Counts::Variable } else { Counts::Fixed };
    let lucene_version = if format >= since::VERSION { Some(version(input)?) } else { None };
    if format >= since::CREATED {
        let _created_major = input.vint()?;
    }
    let _changes = input.i64()?;
    if format >= since::LONG_COUNTER {
        input.vlong()?;
    } else {
        input.skip(4)?;
    }
    let count = input.u32()?;
    if format >= since::VERSION && count > 0 {
        let _oldest = version(input)?;
    }
    let mut segments = Vec::new();
    for _ in 0..count {
        segments.push(segment(format, counts, input)?);
    }
    let user_data = input.map(counts)?;
    if input.left() != 0 {
        return Err(input.corrupt(format!("{} bytes are left over", input.left())));
    }
    Ok(Commit { file: file.to_owned(), lucene_version, segments, user_data })
}

fn segment(format: u32, counts: Counts, input: &mut Input<'_>) -> Result<SegmentCommit> {
    let name = input.str()?.to_owned();
    if !is_segment_name(&name) {
        return Err(input.corrupt(format!("{name:?} is no name of a segment")));
    }
    let id = segment_id(format, input)?;
    let codec = input.str()?.to_owned();
    let del_gen = optional_generation(input)?;
    let del_count = input.u32()?;
    let field_infos_gen = if format >= since::UPDATES { optional_generation(input)? } else { None };
    if format >= since::DOC_VALUES_GEN {
        let _doc_values_gen = optional_generation(input)?;
    }
    let soft_del_count = if format >= since::SOFT_DELETES { input.u32()? } else { 0 };
    if format >= since::COMMIT_IDS && flag(input)? {
        input.skip(16)?;
    }
    skip_updates(format, counts, input)?;
    Ok(SegmentCommit { name, id, codec, del_gen, del_count, field_infos_gen, soft_del_count })
}

/// Between Lucene 5 and 6 a commit may have segments of Lucene 4, which have no id.
fn segment_id(format: u32, input: &mut Input<'_>) -> Result<Option<[u8; 16]>> {
    let has_id = match format {
        since::CREATED.. => true,
        since::IDS.. => flag(input)?,
        _ => false,
    };
    if !has_id {
        return Ok(None);
    }
    Ok(input.take(16)?.first_chunk::<16>().copied())
}

/// Steps over the names of the files that updates of doc values wrote: field infos and numbers tell them as well.
fn skip_updates(format: u32, counts: Counts, input: &mut Input<'_>) -> Result<()> {
    if format >= since::DOC_VALUES_GEN {
        input.skip_set(counts)?;
    }
    if format >= since::UPDATES {
        // Per field, before Lucene 4.9 per generation.
        let key_bytes = if format >= since::DOC_VALUES_GEN { 4 } else { 8 };
        for _ in 0..input.u32()? {
            input.skip(key_bytes)?;
            input.skip_set(counts)?;
        }
    }
    Ok(())
}

fn flag(input: &mut Input<'_>) -> Result<bool> {
    match input.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(input.corrupt(format!("{other} where 0 or 1 is expected"))),
    }
}

fn optional_generation(input: &mut Input<'_>) -> Result<Option<u64>> {
    match input.i64()? {
        -1 => Ok(None),
        number => u64::try_from(number).map(Some).map_err(|_| input.corrupt("a negative generation")),
    }
}
