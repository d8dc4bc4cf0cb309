//! The files of one shard in one snapshot.
//!
//! In: the document `{files: [{name, physical_name, length, …}]}`. Out: [`ShardFiles`]: which blob, or which blobs
//! `<blob>.part0` to `.partN`, hold each Lucene file. Small files lie in the document itself (`meta_hash`): those whose
//! blob is virtual (`v__…`) always, `segments_N` and `.si` as a copy.
//! Not here: reading them (`directory`), what is in them (`lucene`).
//! After: Elasticsearch `BlobStoreIndexShardSnapshot`, of 1.7 and 7.10.

use std::collections::HashSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::blob::Blobs;
use crate::directory::ShardDirectory;
use crate::error::Error;
use crate::layout::Layout;
use crate::shard_path;
use crate::snapshot_info::{Snapshot, SnapshotIndex};

/// The first Lucene version whose files end with a CRC-32. Of older ones Elasticsearch 1.x keeps another checksum.
const CRC_SINCE: (u32, u32) = (4, 8);

/// The files of one shard.
#[derive(Debug, Clone)]
pub struct ShardFiles {
    /// The index's name.
    pub index: String,
    /// The shard's number.
    pub shard: u32,
    /// Its files; no name twice.
    pub files: Vec<ShardFile>,
    pub(crate) blobs: Blobs,
}

/// One Lucene file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardFile {
    /// Its name in Lucene's directory, e.g. `_0.cfs`.
    pub physical_name: String,
    /// Its blob, relative to the repository's root; with parts, the name that `.part<k>` is appended to.
    pub blob: String,
    /// Its length in bytes.
    pub len: u64,
    /// Bytes in each part but the last; `None` where one blob holds the file.
    pub part_size: Option<u64>,
    /// Lucene's CRC-32 of all but its last 8 bytes, in base 36 without leading zeros. `None` where the file was written
    /// before Lucene 4.8, which had none.
    pub checksum: Option<String>,
    /// The whole file, where the list holds it.
    pub inline: Option<Bytes>,
}

#[derive(Deserialize)]
struct List {
    files: Option<Vec<FileInfo>>,
}

#[derive(Deserialize)]
struct FileInfo {
    name: String,
    physical_name: String,
    length: u64,
    checksum: Option<String>,
    part_size: Option<i64>,
    /// The Lucene version; Elasticsearch 1.x may leave it out.
    written_by: Option<String>,
    meta_hash: Option<MetaHash>,
}

/// Bytes, which JSON has as base64 text.
struct MetaHash(Vec<u8>);

impl<'de> Deserialize<'de> for MetaHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = MetaHash;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes, or base64 text")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<MetaHash, E> {
                Ok(MetaHash(bytes.to_vec()))
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<MetaHash, E> {
                Ok(MetaHash(bytes))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<MetaHash, E> {
                STANDARD.decode(text).map(MetaHash).map_err(|error| E::custom(format!("meta_hash: {error}")))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Reads the list of files of shard `shard` of `index`.
pub(crate) async fn read(snapshot: &Snapshot, index: &SnapshotIndex, shard: u32) -> Result<ShardFiles, Error> {
    let failure = snapshot.failures.iter().find(|failure| failure.shard == shard && failure.index == index.name);
    if let Some(failure) = failure {
        return Err(Error::ShardFailed {
            snapshot: snapshot.name.clone(),
            index: index.name.clone(),
            shard,
            reason: failure.reason.clone(),
        });
    }
    let words = format!("shard {shard} of index {:?}", index.name);
    let Found { blobs, folder, blob, list } = find(snapshot, index, shard, &words).await?;
    let mut names = HashSet::new();
    let mut files = Vec::new();
    for info in list.files.unwrap_or_default() {
        let file = understand(&folder, info).map_err(|what| blobs.nonsense(&blob, what))?;
        if !names.insert(file.physical_name.clone()) {
            return Err(blobs.nonsense(&blob, format!("it lists {:?} twice", file.physical_name)));
        }
        files.push(file);
    }
    Ok(ShardFiles { index: index.name.clone(), shard, files, blobs })
}

/// A shard's list.
struct Found {
    /// The store that the shard is in.
    blobs: Blobs,
    /// Its folder there.
    folder: String,
    /// The list's blob.
    blob: String,
    list: List,
}

/// The list of the shard, wherever it lies.
async fn find(snapshot: &Snapshot, index: &SnapshotIndex, shard: u32, words: &str) -> Result<Found, Error> {
    let blobs = &snapshot.blobs;
    let (path_type, id) = (index.shard_path_type, &index.id);
    let folder = shard_path::folder(path_type, id, shard).ok_or_else(|| Error::Unsupported {
        blob: format!("indices/{id}/{shard}"),
        location: blobs.0.location(),
        what: format!("its folder is named in a way (shard_path_type {path_type}) that is not known"),
    })?;
    let around = blobs.0.around();
    let beside = around.and_then(|(store, base)| Some((Blobs(store), shard_path::beside(path_type, &base, &folder)?)));
    if let Some((around, beside)) = &beside
        && let Ok(found) = look(snapshot, around, beside, words).await?
    {
        return Ok(found);
    }
    let error = match look(snapshot, blobs, &folder, words).await? {
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    let mut places = beside.into_iter().collect::<Vec<_>>();
    places.push((blobs.clone(), folder.clone()));
    for (blobs, folder) in &places {
        if blobs.has(&Layout::shallow(folder, &snapshot.uuid)).await.unwrap_or(false) {
            return Err(Error::Shallow { what: words.to_owned() });
        }
    }
    let noted = shard_path::noted(blobs, index, shard).await;
    if let Some(noted) = &noted {
        for (blobs, folder) in &places {
            if noted != folder
                && let Ok(found) = look(snapshot, blobs, noted, words).await?
            {
                return Ok(found);
            }
        }
    }
    Err(shard_path::outside(blobs, index, words, &folder, noted.as_deref()).unwrap_or(error))
}

/// The list of the shard in `folder`, or the error that it is not there.
async fn look(snapshot: &Snapshot, blobs: &Blobs, folder: &str, words: &str) -> Result<Result<Found, Error>, Error> {
    let blob = snapshot.layout.shard(folder, &snapshot.uuid);
    match blobs.document(&blob, format!("the files of {words}")).await {
        Ok(list) => Ok(Ok(Found { blobs: blobs.clone(), folder: folder.to_owned(), blob: blob.name, list })),
        Err(error) if error.is_not_found() => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

fn understand(folder: &str, info: FileInfo) -> Result<ShardFile, String> {
    let FileInfo { name, physical_name, length: len, checksum, part_size, written_by, meta_hash } = info;
    let is_virtual = name.starts_with("v__");
    if !(is_virtual || name.starts_with("__")) || name.contains('/') {
        return Err(format!("{physical_name:?} is in {name:?}, which is no name of a blob"));
    }
    let has_copy = is_virtual || physical_name.starts_with("segments_") || physical_name.ends_with(".si");
    // For other files, or above 1 MiB, `meta_hash` is a hash or a part of the content.
    let inline = meta_hash.map(|MetaHash(bytes)| Bytes::from(bytes));
    let inline = inline.filter(|bytes| has_copy && bytes.len() as u64 == len);
    if is_virtual && inline.is_none() {
        return Err(format!("{physical_name:?} is in no blob, and its {len} bytes are not in the list"));
    }
    // Zero and less mean one part, and so does a size that the file does not reach: 2^63 - 1 is written for "no limit".
    let part_size = part_size.and_then(|size| u64::try_from(size).ok()).filter(|size| 0 < *size && *size < len);
    let checksum = checksum.filter(|_| written_by.is_some_and(|version| has_crc(&version)));
    Ok(ShardFile { blob: format!("{folder}{name}"), physical_name, len, part_size, checksum, inline })
}

/// Of a Lucene version as Elasticsearch writes it: `4.10.4`, in 1.3 `LUCENE_4_9`, before that `LUCENE_48`.
fn has_crc(version: &str) -> bool {
    let (major, minor) = match version.strip_prefix("LUCENE_") {
        None => major_and_minor(version.split_once('.')),
        Some(constant) if constant.contains('_') => major_and_minor(constant.split_once('_')),
        Some(digits) => major_and_minor(digits.split_at_checked(1)),
    };
    CRC_SINCE <= (major, minor)
}

/// The two numbers at the beginning of a version that is split behind the first; 0 for what is none.
fn major_and_minor(split: Option<(&str, &str)>) -> (u32, u32) {
    let (major, rest) = split.unwrap_or_default();
    let minor = rest.split(['.', '_']).next().unwrap_or_default();
    (major.parse().unwrap_or_default(), minor.parse().unwrap_or_default())
}

impl ShardFiles {
    /// Bytes of all files together, as Lucene sees them.
    #[must_use]
    pub fn total_len(&self) -> u64 {
        self.files.iter().fold(0, |total, file| total.saturating_add(file.len))
    }

    /// The files as Lucene's directory. It reads on `runtime` and waits for that on the calling thread, which therefore
    /// must be none of the runtime's async threads; see [`ShardDirectory`].
    #[must_use]
    pub fn directory(&self, runtime: tokio::runtime::Handle) -> ShardDirectory {
        ShardDirectory::new(&self.files, self.blobs.0.clone(), runtime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, physical_name: &str, length: u64, part_size: Option<i64>, hash: Option<&[u8]>) -> FileInfo {
        let (name, physical_name) = (name.to_owned(), physical_name.to_owned());
        let meta_hash = hash.map(|bytes| MetaHash(bytes.to_vec()));
        FileInfo { name, physical_name, length, checksum: None, part_size, written_by: None, meta_hash }
    }

    #[test]
    fn bytes_of_the_list_stand_in_only_for_a_whole_file() {
        let inline = |info| understand("f/", info).map(|file| file.inline);
        assert_eq!(inline(file("v__a", "_0.cfe", 2, None, Some(b"xy"))).unwrap().unwrap(), "xy");
        assert_eq!(inline(file("__a", "_0.si", 2, None, Some(b"xy"))).unwrap().unwrap(), "xy");
        assert_eq!(inline(file("__a", "segments_4", 2, None, Some(b"xy"))).unwrap().unwrap(), "xy");
        assert_eq!(inline(file("__a", "_0.si", 3, None, Some(b"xy"))), Ok(None));
        assert_eq!(inline(file("__a", "_0.fdt", 2, None, Some(b"xy"))), Ok(None), "may be a hash");
        assert!(inline(file("v__a", "_0.si", 3, None, Some(b"xy"))).unwrap_err().contains("3 bytes"));
        assert!(inline(file("v__a", "_0.si", 3, None, None)).is_err());
        for name in ["a", "", "../a", "__a/../../b", "snap-x.dat"] {
            assert!(inline(file(name, "_0.si", 3, None, None)).unwrap_err().contains("no name of a blob"), "{name}");
        }
    }

    #[test]
    fn both_ways_to_write_bytes() {
        let json = r#"{"name":"v__a","physical_name":"_0.si","length":3,"meta_hash":"AQID"}"#;
        let info: FileInfo = serde_json::from_str(json).unwrap();
        assert_eq!(understand("f/", info).unwrap().inline.unwrap(), [1, 2, 3].as_slice());
        let error = serde_json::from_str::<FileInfo>(&json.replace("AQID", "AQ?D")).err().unwrap();
        assert!(error.to_string().contains("meta_hash"), "{error}");
        assert!(serde_json::from_str::<FileInfo>(&json.replace("\"AQID\"", "7")).is_err());
    }

    #[test]
    fn checksums_of_files_that_end_with_one() {
        for (version, has) in [
            ("4.10.4", true),
            ("4.8.0", true),
            ("9.12.3", true),
            ("4.7.2", false),
            ("LUCENE_4_9", true),
            ("LUCENE_48", true),
            ("LUCENE_46", false),
            ("LUCENE_4_7", false),
            ("LUCENE_", false),
            ("", false),
        ] {
            assert_eq!(has_crc(version), has, "{version}");
        }
        let mut info = file("__a", "_0.fdt", 9, None, None);
        (info.checksum, info.written_by) = (Some("1zz".to_owned()), Some("4.6".to_owned()));
        assert_eq!(understand("f/", info).unwrap().checksum, None);
    }

    #[test]
    fn part_sizes_that_make_parts() {
        let part_size = |size| understand("f/", file("__a", "_0.fdt", 100, size, None)).unwrap().part_size;
        for one in [None, Some(i64::MAX), Some(-1), Some(0), Some(100)] {
            assert_eq!(part_size(one), None, "{one:?}");
        }
        assert_eq!(part_size(Some(99)), Some(99));
    }
}
