//! `segments_N`: the segments of one commit and which of their documents are deleted.
//!
//! In: a directory. Out: its newest commit. Holds: the checksum and every count are checked; the file is big-endian in
//! all versions. Formats 7 to 10 (Lucene 7 to 10) are read, so that an older segment is refused by its own name;
//! before that the commit itself is refused. After: Lucene `SegmentInfos#readCommit`.

use std::collections::BTreeMap;

use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::footer;
use crate::header;
use crate::input::{Input, Order};
use crate::version::{READ, Version};

/// A commit holds kilobytes: some hundred bytes per segment.
const COMMIT_BYTES_MAX: u64 = 64 << 20;

const PREFIX: &str = "segments_";

/// Since this format the commit names the Lucene version that wrote it.
const FORMAT_VERSIONED: u32 = 6;
/// The oldest format that is read: Lucene 7.0.
const FORMAT_MIN: u32 = 7;
/// Since this format (Lucene 7.2) a counter is a variable-length long.
const FORMAT_LONG_COUNTER: u32 = 8;
/// Since this format (Lucene 7.4) there are soft deletes.
const FORMAT_SOFT_DELETES: u32 = 9;
/// Since this format (Lucene 8.6) the commit of a segment has an id; still so in Lucene 10.
const FORMAT_MAX: u32 = 10;

/// A point in time of a shard: its segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The file it was read from.
    pub file: String,
    /// The Lucene version that wrote the commit; a segment may be older.
    pub lucene_version: Version,
    /// The segments, mostly oldest first.
    pub segments: Vec<SegmentCommit>,
    /// What Elasticsearch and OpenSearch note in a commit: `history_uuid`, `max_seq_no`, …
    pub user_data: BTreeMap<String, String>,
}

/// What a commit says of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentCommit {
    /// `_0`, `_1a`: the beginning of the names of its files.
    pub name: String,
    /// What every file of the segment must repeat; `None`: a segment of Lucene 4, whose files have no id.
    pub id: Option<[u8; 16]>,
    /// The codec of the whole segment, for people: each file names its own format.
    pub codec: String,
    /// Generation of the hard deletes (`.liv`); `None`: there are none.
    pub del_gen: Option<u64>,
    /// Hard-deleted documents.
    pub del_count: u32,
    /// Generation of the field infos (`.fnm`); `None`: as the segment was written.
    pub field_infos_gen: Option<u64>,
    /// Soft-deleted documents that are not hard-deleted as well.
    pub soft_del_count: u32,
}

impl Commit {
    /// Reads the `segments_N` with the largest N.
    ///
    /// # Errors
    /// `Missing` without any such file, `Unsupported` for a commit before Lucene 7, `Corrupt`, `Read`.
    pub fn read(dir: &dyn Directory) -> Result<Self> {
        let newest = dir.names().into_iter().filter_map(|name| Some((generation(&name)?, name))).max();
        let Some((_, file)) = newest else {
            return Err(Error::Missing { file: "segments_N".into(), wanted_by: "every Lucene index".into() });
        };
        let bytes = read_file(dir, &file)?;
        parse(&file, &bytes)
    }
}

/// `segments_1a` → 46; base 36, lower case.
fn generation(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?;
    let legal = digits.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    u64::from_str_radix(digits, 36).ok().filter(|_| legal)
}

/// Whether Lucene would name a segment so: `_` and a number in base 36. Files, keys and subjects are named after it.
fn is_segment_name(name: &str) -> bool {
    let digits = name.strip_prefix('_').unwrap_or_default();
    !digits.is_empty() && digits.len() <= 13 && digits.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// A generation as file names spell it.
pub(crate) fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('?'));
        number /= 36;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

fn read_file(dir: &dyn Directory, file: &str) -> Result<bytes::Bytes> {
    let missing = || Error::Missing { file: file.to_owned(), wanted_by: "the list of files".to_owned() };
    let len = dir.len(file).ok_or_else(missing)?;
    if len > COMMIT_BYTES_MAX {
        let what = format!("{len} bytes are not believed: at most {COMMIT_BYTES_MAX} are read");
        return Err(Error::Corrupt { file: file.to_owned(), offset: 0, what });
    }
    dir.read(file, 0..len).map_err(|source| Error::Read { file: file.to_owned(), offset: 0, len, source })
}

fn parse(file: &str, bytes: &[u8]) -> Result<Commit> {
    let mut head = Input::new(file, bytes, 0, Order::Big);
    let codec = header::read_codec(&mut head)?;
    if codec.name != "segments" || codec.version > FORMAT_MAX {
        return Err(codec.unsupported(file, READ));
    }
    if codec.version < FORMAT_MIN {
        return Err(too_old(file, codec.version, head));
    }
    let body = footer::verified_body(file, bytes)?;
    let mut input = Input::new(file, body, 0, Order::Big);
    input.skip(head.offset() as usize)?;
    let (_, suffix) = header::read_id(&mut input)?;
    if file.strip_prefix(PREFIX).map(str::as_bytes) != Some(suffix) {
        return Err(input.corrupt("it was written under another name"));
    }
    parse_body(file, codec.version, &mut input)
}

/// Names the Lucene version where the commit does.
fn too_old(file: &str, format: u32, mut input: Input<'_>) -> Error {
    let named = format >= FORMAT_VERSIONED && header::read_id(&mut input).is_ok();
    let found = match version(&mut input).ok().filter(|_| named) {
        Some(version) => format!("Lucene {version}"),
        None => match format {
            0..=3 => format!("Lucene 4 (commit format {format})"),
            _ => format!("Lucene 5 (commit format {format})"),
        },
    };
    Error::Unsupported { file: file.to_owned(), found, read: READ }
}

fn version(input: &mut Input<'_>) -> Result<Version> {
    Ok(Version::new(input.vint()?, input.vint()?, input.vint()?))
}

fn parse_body(file: &str, format: u32, input: &mut Input<'_>) -> Result<Commit> {
    let lucene_version = version(input)?;
    let _created_major = input.vint()?;
    let _changes = input.i64()?;
    if format < FORMAT_LONG_COUNTER {
        input.skip(4)?;
    } else {
        input.vlong()?;
    }
    let count = input.u32()?;
    if count > 0 {
        let _oldest = version(input)?;
    }
    let mut segments = Vec::new();
    for _ in 0..count {
        segments.push(segment(format, input)?);
    }
    let user_data = input.map()?;
    if input.left() != 0 {
        return Err(input.corrupt(format!("{} bytes are left over", input.left())));
    }
    Ok(Commit { file: file.to_owned(), lucene_version, segments, user_data })
}

fn segment(format: u32, input: &mut Input<'_>) -> Result<SegmentCommit> {
    let name = input.str()?.to_owned();
    if !is_segment_name(&name) {
        return Err(input.corrupt(format!("{name:?} is no name of a segment")));
    }
    let id = input.take(16)?.first_chunk::<16>().copied();
    let codec = input.str()?.to_owned();
    let del_gen = optional_generation(input)?;
    let del_count = input.u32()?;
    let field_infos_gen = optional_generation(input)?;
    let _doc_values_gen = optional_generation(input)?;
    let soft_del_count = if format >= FORMAT_SOFT_DELETES { input.u32()? } else { 0 };
    if format >= FORMAT_MAX {
        match input.u8()? {
            0 => {}
            1 => input.skip(16)?,
            marker => return Err(input.corrupt(format!("marker {marker} where 0 or 1 is expected"))),
        }
    }
    input.skip_set()?;
    for _ in 0..input.u32()? {
        input.skip(4)?;
        input.skip_set()?;
    }
    Ok(SegmentCommit { name, id, codec, del_gen, del_count, field_infos_gen, soft_del_count })
}

fn optional_generation(input: &mut Input<'_>) -> Result<Option<u64>> {
    match input.i64()? {
        -1 => Ok(None),
        number => u64::try_from(number).map(Some).map_err(|_| input.corrupt("a negative generation")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lucene_would_name_a_segment_is_one() {
        assert!(is_segment_name("_0") && is_segment_name("_1a"));
        for name in ["", "_", "0", "_A", "_0/../x", "_0 *", "_0.1", "_00000000000000"] {
            assert!(!is_segment_name(name), "{name:?}");
        }
    }

    #[test]
    fn generations_are_base_36() {
        assert_eq!(generation("segments_1a"), Some(46));
        assert_eq!(generation("segments_1A"), None);
        assert_eq!(generation("segments_"), None);
        assert_eq!(generation("pending_segments_2"), None);
        for number in [0, 9, 10, 35, 36, 46, u64::from(u32::MAX)] {
            assert_eq!(generation(&format!("segments_{}", base36(number))), Some(number));
        }
    }

    fn header(format: u32) -> Vec<u8> {
        let mut bytes = vec![0x3F, 0xD7, 0x6C, 0x17, 8];
        bytes.extend(b"segments");
        bytes.extend(format.to_be_bytes());
        bytes
    }

    #[test]
    fn a_commit_too_old_or_too_new_says_what_it_is() {
        let error = |bytes: &[u8]| parse("segments_2", bytes).expect_err("not read").to_string();
        let mut lucene_6 = header(6);
        lucene_6.extend([0; 16]);
        lucene_6.extend([1, b'2', 6, 6, 1]);
        assert_eq!(error(&lucene_6), "segments_2 was written by Lucene 6.6.1; Lucene 8.7 to 10 are read");
        assert!(error(&header(3)).contains("Lucene 4 (commit format 3)"));
        assert!(error(&header(11)).contains("segments version 11"));
    }
}
