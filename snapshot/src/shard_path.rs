//! In which folder the blobs of a shard lie.
//!
//! In: the catalogue's `shard_path_type`, index id, shard number. Out: a folder below the root, with `/` at its end.
//! OpenSearch 2.17 and later may spread shards over an object store's partitions by a hash in front of the path:
//!
//! ```text
//! 0 fixed          indices/<id>/<n>/
//! 1 hashed prefix  <hash>/<base path>/indices/<id>/<n>/      below the bucket, not below the base path
//! 2 hashed infix   <hash>/indices/<id>/<n>/
//! ```
//!
//! Without a base path 1 and 2 are the same; with one, 1 lies outside of the repository's root. A cluster may be told to
//! put a text of its own before the hash (`cluster.snapshot.shard.path.prefix`); what came out is noted in a blob, which
//! is read only where a folder is not where it should be. Only shards move: an index's `meta-X.dat` stays.
//! After: OpenSearch `RemoteStoreEnums.PathType`, `PathHashAlgorithm.FNV_1A_COMPOSITE_1`, `SnapshotShardPaths`.

use serde::Deserialize;

use crate::blob::Blobs;
use crate::error::Error;
use crate::layout::{DocumentBlob, Kept};
use crate::snapshot_info::SnapshotIndex;

/// The `shard_path_type` whose folders lie outside of a repository with a base path.
const HASHED_PREFIX: u32 = 1;
/// Parts of a folder below the root: hash, `indices`, id, number.
const HASHED_PARTS: usize = 4;

/// The base64url alphabet.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The folder of shard `shard` of the index with the id `index_id`; `None` for a type that is not known.
pub(crate) fn folder(shard_path_type: u32, index_id: &str, shard: u32) -> Option<String> {
    let fixed = format!("indices/{index_id}/{shard}/");
    match shard_path_type {
        0 => Some(fixed),
        1 | 2 => Some(format!("{}/{fixed}", composite(fnv_1a(&format!("{shard}{index_id}"))))),
        _ => None,
    }
}

/// Where the shard lies from the bucket on, if that is beside the repository in `base`, a folder with `/` at its end.
pub(crate) fn beside(shard_path_type: u32, base: &str, folder: &str) -> Option<String> {
    let (hash, rest) = folder.split_once('/').filter(|_| shard_path_type == HASHED_PREFIX)?;
    Some(format!("{hash}/{base}{rest}"))
}

/// Where the shard lies by the repository's own notes, with `/` at its end: for a hashed prefix from the bucket on, else
/// from the repository's root. `None` where there are no notes that can be read.
pub(crate) async fn noted(blobs: &Blobs, index: &SnapshotIndex, shard: u32) -> Option<String> {
    #[derive(Deserialize)]
    struct Notes {
        paths: Vec<String>,
    }
    if index.shard_path_type == 0 {
        return None;
    }
    let listed = blobs.0.list(&format!("snapshot_shard_paths/snapshot_path_{}", index.id)).await.ok()?;
    // An index that was made again with more shards has several.
    for blob in listed {
        let blob = DocumentBlob { name: blob.name, kept: Kept::Bare };
        let Ok(notes) = blobs.document::<Notes>(&blob, "where shards lie".to_owned()).await else { continue };
        let Some(path) = usize::try_from(shard).ok().and_then(|shard| notes.paths.get(shard)) else { continue };
        let path = path.trim_end_matches('/');
        let parts: Vec<&str> = path.split('/').collect();
        let base_parts =
            if index.shard_path_type == HASHED_PREFIX { 0 } else { parts.len().saturating_sub(HASHED_PARTS) };
        return Some(format!("{}/", parts.get(base_parts..).unwrap_or_default().join("/")));
    }
    None
}

/// The error for a shard in a hashed folder that lies outside of the root; `None` where it does not. `folder` is where it
/// would be inside.
pub(crate) fn outside(
    blobs: &Blobs,
    index: &SnapshotIndex,
    what: &str,
    folder: &str,
    noted: Option<&str>,
) -> Option<Error> {
    let (hash, rest) = folder.split_once('/').filter(|_| index.shard_path_type == HASHED_PREFIX)?;
    let place = match noted {
        // One part more than in the path, because it ends with `/`.
        Some(noted) if HASHED_PARTS.saturating_add(1) < noted.split('/').count() => noted.to_owned(),
        Some(_) => return None,
        None => format!("{hash}/<base_path>/{rest}"),
    };
    let (what, folder, location) = (what.to_owned(), folder.to_owned(), blobs.0.location());
    Some(Error::OutsideRepository { what, place, folder, location })
}

/// The first 6 bits of `hash` as a letter, the next 14 as zeros and ones.
fn composite(hash: u64) -> String {
    let letter = usize::try_from(hash >> 58).ok().and_then(|bits| ALPHABET.get(bits));
    format!("{}{:014b}", char::from(*letter.unwrap_or(&b'_')), hash >> 44 & 0x3fff)
}

fn fnv_1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_known_from_the_algorithm_and_from_opensearch() {
        assert_eq!(fnv_1a(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv_1a("hello world"), 0x779a_65e7_023c_d2e7);
        assert_eq!(fnv_1a("1sH3kJO5TyeskNekv2YTbA0segmentsdata").cast_signed(), -8_975_854_101_357_662_761);
        // 0x779a6… is 011101 11100110100110 …, and 29 is `d`.
        assert_eq!(composite(0x779a_65e7_023c_d2e7), "d11100110100110");
        assert_eq!(composite(u64::MAX), "_11111111111111");
    }

    #[test]
    fn types() {
        assert_eq!(folder(0, "id", 3).unwrap(), "indices/id/3/");
        let hashed = folder(2, "id", 3).unwrap();
        assert_eq!(hashed.split_once('/').unwrap(), (composite(fnv_1a("3id")).as_str(), "indices/id/3/"));
        assert_eq!(folder(1, "id", 3).unwrap(), hashed);
        assert_eq!(folder(3, "id", 3), None);
    }
}
