//! The files of one shard in one snapshot: `<shard folder>/snap-<uuid>.dat`.
//!
//! In: the SMILE document `{files: [{name, physical_name, length, …}]}`. Out: [`ShardFiles`]: which blob, or which blobs
//! `<blob>.part0` to `.partN`, hold each Lucene file. Small files lie in the document itself (`meta_hash`): those whose
//! blob is virtual (`v__…`) always, `segments_N` and `.si` as a copy.
//! Not here: reading them (`directory`), what is in them (`lucene`).
//! After: Elasticsearch `BlobStoreIndexShardSnapshot`.

use std::collections::HashSet;

use bytes::Bytes;
use serde::Deserialize;
use serde_bytes::ByteBuf;

use crate::blob::Blobs;
use crate::directory::ShardDirectory;
use crate::error::Error;
use crate::shard_path;
use crate::snapshot_info::{Snapshot, SnapshotIndex};

/// What the list of OpenSearch's shallow copies is called instead.
const SHALLOW_PREFIX: &str = "shallow-";
/// The `shard_path_type` whose folders lie outside of a repository with a base path.
const HASHED_PREFIX: u32 = 1;

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
    /// Lucene's CRC-32 of all but its last 8 bytes, in base 36 without leading zeros.
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
    meta_hash: Option<ByteBuf>,
}

/// Reads the list of files of shard `shard` of `index`.
pub(crate) async fn read(snapshot: &Snapshot, index: &SnapshotIndex, shard: u32) -> Result<ShardFiles, Error> {
    let failure = snapshot.failures.iter().find(|failure| failure.index == index.name && failure.shard == shard);
    if let Some(failure) = failure {
        return Err(Error::ShardFailed {
            snapshot: snapshot.name.clone(),
            index: index.name.clone(),
            shard,
            reason: failure.reason.clone(),
        });
    }
    let blobs = &snapshot.blobs;
    let folder = shard_path::folder(index.shard_path_type, &index.id, shard).ok_or_else(|| Error::Unsupported {
        blob: format!("indices/{}/{shard}", index.id),
        location: blobs.0.location(),
        what: format!("its folder is named in a way (shard_path_type {}) that is not known", index.shard_path_type),
    })?;
    let list_name = format!("snap-{}.dat", snapshot.uuid);
    let blob = format!("{folder}{list_name}");
    let words = format!("shard {shard} of index {:?}", index.name);
    let list: List = match blobs.document(&blob, "snapshot", format!("the files of {words}")).await {
        Ok(list) => list,
        Err(error) if error.is_not_found() => {
            let shallow = format!("{folder}{SHALLOW_PREFIX}{list_name}");
            return Err(why_not_found(blobs, index.shard_path_type, &shallow, words, error).await);
        }
        Err(error) => return Err(error),
    };
    let mut names = HashSet::new();
    let mut files = Vec::new();
    for info in list.files.unwrap_or_default() {
        let file = understand(&folder, info).map_err(|what| blobs.nonsense(&blob, what))?;
        if !names.insert(file.physical_name.clone()) {
            return Err(blobs.nonsense(&blob, format!("it lists {:?} twice", file.physical_name)));
        }
        files.push(file);
    }
    Ok(ShardFiles { index: index.name.clone(), shard, files, blobs: blobs.clone() })
}

/// The reason why a list is not there, where one can be known; else `error`.
async fn why_not_found(blobs: &Blobs, path_type: u32, shallow: &str, words: String, error: Error) -> Error {
    match blobs.has(shallow).await {
        Ok(true) => Error::Shallow { what: words },
        Ok(false) if path_type == HASHED_PREFIX => Error::Unsupported {
            blob: shallow.trim_start_matches(SHALLOW_PREFIX).to_owned(),
            location: blobs.0.location(),
            what:
                "its folder is a hashed prefix of the bucket (cluster.snapshot.shard.path.type), which is found only \
                   where the repository has no base_path"
                    .to_owned(),
        },
        Ok(false) | Err(_) => error,
    }
}

fn understand(folder: &str, info: FileInfo) -> Result<ShardFile, String> {
    let FileInfo { name, physical_name, length: len, checksum, part_size, meta_hash } = info;
    let is_virtual = name.starts_with("v__");
    if !(is_virtual || name.starts_with("__")) || name.contains('/') {
        return Err(format!("{physical_name:?} is in {name:?}, which is no name of a blob"));
    }
    let has_copy = is_virtual || physical_name.starts_with("segments_") || physical_name.ends_with(".si");
    // For other files, or above 1 MiB, `meta_hash` is a hash or a part of the content.
    let inline = meta_hash.map(|bytes| Bytes::from(bytes.into_vec()));
    let inline = inline.filter(|bytes| has_copy && bytes.len() as u64 == len);
    if is_virtual && inline.is_none() {
        return Err(format!("{physical_name:?} is in no blob, and its {len} bytes are not in the list"));
    }
    // Zero and less mean one part, and so does a size that the file does not reach: 2^63 - 1 is written for "no limit".
    let part_size = part_size.and_then(|size| u64::try_from(size).ok()).filter(|size| 0 < *size && *size < len);
    Ok(ShardFile { blob: format!("{folder}{name}"), physical_name, len, part_size, checksum, inline })
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
        FileInfo { name, physical_name, length, checksum: None, part_size, meta_hash: hash.map(ByteBuf::from) }
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
    fn part_sizes_that_make_parts() {
        let part_size = |size| understand("f/", file("__a", "_0.fdt", 100, size, None)).unwrap().part_size;
        for one in [None, Some(i64::MAX), Some(-1), Some(0), Some(100)] {
            assert_eq!(part_size(one), None, "{one:?}");
        }
        assert_eq!(part_size(Some(99)), Some(99));
    }
}
