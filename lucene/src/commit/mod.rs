//! `segments_N`: the segments of one commit and which of their documents are deleted.
//!
//! In: a directory. Out: its newest commit. Holds: the checksum and every count are checked. One commit may have
//! segments of two major versions, because an upgraded server leaves old ones as they are.
//! Not here: how each format is laid out (`parse`). After: Lucene `SegmentInfos#readCommit`.

mod parse;

use std::collections::BTreeMap;

use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::segment_info::SegmentInfo;
use crate::version::Version;

/// A commit holds kilobytes: some hundred bytes per segment.
const COMMIT_BYTES_MAX: u64 = 64 << 20;

const PREFIX: &str = "segments_";

/// A point in time of a shard: its segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The file it was read from.
    pub file: String,
    /// The Lucene version that wrote the commit, which before Lucene 5.3 none says; a segment may be older.
    pub lucene_version: Option<Version>,
    /// The segments, mostly oldest first.
    pub segments: Vec<SegmentCommit>,
    /// What Elasticsearch and OpenSearch note in a commit: `history_uuid`, `max_seq_no`, …
    pub user_data: BTreeMap<String, String>,
}

/// What a commit says of one segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// `Missing` without any such file, `Unsupported` for a commit of Lucene 3 or 11, `Corrupt`, `Read`.
    pub fn read(dir: &dyn Directory) -> Result<Self> {
        let newest = dir.names().into_iter().filter_map(|name| Some((generation(&name)?, name))).max();
        let Some((_, file)) = newest else {
            return Err(Error::Missing { file: "segments_N".into(), wanted_by: "every Lucene index".into() });
        };
        let bytes = read_file(dir, &file)?;
        parse::parse(&file, &bytes)
    }
}

impl SegmentCommit {
    /// Its codec, and how its stored fields are compressed where that isn't the default: for people.
    #[must_use]
    pub fn codec_and_mode(&self, info: &SegmentInfo) -> String {
        match info.stored_fields_mode() {
            None | Some("BEST_SPEED") => self.codec.clone(),
            Some(mode) => format!("{}:{}", self.codec, mode.to_ascii_lowercase()),
        }
    }

    /// Why the documents of this segment can't be read, where its codec alone tells so; what a look at the commit, which
    /// snapshots keep inline, finds out at no cost. `None` for codecs that are not known: those are tried, because each
    /// file names its own format.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let why = match self.codec.as_str() {
            codec if codec.starts_with("QAT") => {
                "compresses stored fields as Intel QAT does, which is not read; reindex into an index with another \
                 index.codec"
            }
            "Lucene3x" | "Lucene40" => {
                "keeps stored fields as Lucene 3 did, which is not read; have the old server merge the index into one \
                 segment, or reindex"
            }
            _ => return None,
        };
        Some(format!("segment {}: its codec {} {why}", self.name, self.codec))
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

    #[test]
    fn codecs_that_keep_documents_otherwise_are_refused_and_no_others() {
        let refusal = |codec: &str| {
            let commit = SegmentCommit { codec: codec.to_owned(), ..SegmentCommit::default() };
            commit.refusal()
        };
        let said = refusal("QATLZ4912").expect("refused");
        assert!(said.contains("QATLZ4912") && said.contains("index.codec"), "{said}");
        assert!(refusal("Lucene3x").is_some());
        for codec in ["Lucene410", "Lucene104", "KNN9120Codec", "ZSTD99", "Elasticsearch816", "of the future"] {
            assert_eq!(refusal(codec), None, "{codec}");
        }
    }
}
