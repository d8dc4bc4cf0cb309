//! Finds the catalogue of a repository, or says what lies in its place.
//!
//! In: a store. Out: the newest catalogue `index-N`; for Elasticsearch 1.x and 2.x, which have none, what the names of the
//! blobs tell. Empty folders and folders of something else are recognised here, because the first thing that a new user
//! gets wrong is the path.
//!
//! Listing is authoritative, in either case. The hints (`index.latest`, and `index` of the old versions) may be stale or
//! not there, and are believed only where listing is denied.
//! Not here: the JSON of the catalogue (`catalog`).
//! After: Elasticsearch `BlobStoreRepository#getRepositoryData`, 1.7 and 2.4 `BlobStoreRepository#snapshots`.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::blob::Blobs;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::layout::{DocumentBlob, Kept, snapshot_key};
use crate::limits::CATALOG_BYTES_MAX;
use crate::payload;
use crate::store::{BlobMeta, StoreError, StoreErrorKind};

/// Times the newest catalogue is looked for: a server that writes the next one deletes it under our hands.
const CATALOG_ATTEMPTS: usize = 5;
/// Names that an error lists before it counts the rest.
const NAMES_SHOWN: usize = 20;
/// The old versions' list of snapshots.
const NAMES_BLOB: &str = "index";
/// Where Elasticsearch 5.2 to 6.x list the snapshots that they can't read.
const INCOMPATIBLE_BLOB: &str = "incompatible-snapshots";

/// How a repository says which snapshots it has.
enum Found {
    /// By a catalogue of this name.
    Catalog(String),
    /// By the names of blobs, which are those of these snapshots.
    Names(Vec<String>),
}

/// The catalogue of a repository.
pub(crate) async fn catalog(blobs: &Blobs) -> Result<Catalog, Error> {
    let mut attempt = 1;
    let (name, bytes) = loop {
        let name = match find(blobs).await? {
            Found::Catalog(name) => name,
            Found::Names(names) => {
                let mut catalog = Catalog::default();
                catalog.add_named(names);
                return Ok(catalog);
            }
        };
        match blobs.0.read(&name, CATALOG_BYTES_MAX).await {
            Ok(bytes) => break (name, bytes),
            Err(error) if error.kind == StoreErrorKind::NotFound && attempt < CATALOG_ATTEMPTS => attempt += 1,
            Err(source) => return Err(Error::Read { what: "the repository's catalogue".to_owned(), source }),
        }
    };
    if !payload::is_json(&bytes) {
        return Err(blobs.nonsense(&name, "the catalogue is no JSON (is the repository encrypted?)"));
    }
    let mut catalog = payload::parse_json(&bytes, Catalog::parse).map_err(|fault| blobs.fault(&name, fault))?;
    catalog.add_named(incompatible(blobs).await?);
    Ok(catalog)
}

/// Listing is authoritative; who may not list believes the hints.
async fn find(blobs: &Blobs) -> Result<Found, Error> {
    let listed = match blobs.0.list("index-").await {
        Ok(listed) => listed,
        Err(error) if error.kind == StoreErrorKind::Denied => return hint(blobs, error).await,
        Err(source) if source.kind == StoreErrorKind::NotFound => {
            return Err(Error::NoSuchPlace { location: blobs.0.location(), source });
        }
        Err(source) => return Err(Error::Read { what: "the list of catalogues".to_owned(), source }),
    };
    match listed.iter().filter_map(|blob| generation(&blob.name)).max() {
        Some(generation) => Ok(Found::Catalog(format!("index-{generation}"))),
        None => names(blobs).await.map(Found::Names),
    }
}

fn generation(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("index-")?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// The snapshots of a repository without a catalogue, which Elasticsearch 1.x and 2.x leave; or the error for a place
/// that is none of these either.
async fn names(blobs: &Blobs) -> Result<Vec<String>, Error> {
    let listed = match blobs.0.list("").await {
        Ok(listed) => listed,
        Err(source) => return Err(Error::Read { what: "what lies in the place of a repository".to_owned(), source }),
    };
    // `snap-<uuid>.dat` alone is what is left of a later repository that lost its catalogue.
    let is_old = |blob: &BlobMeta| blob.name == NAMES_BLOB || blob.name.starts_with("snapshot-");
    if !listed.iter().any(is_old) {
        return Err(Error::NotARepository { location: blobs.0.location(), found: found_text(&listed) });
    }
    Ok(listed.iter().filter_map(|blob| snapshot_key(&blob.name)).map(str::to_owned).collect())
}

/// `index.latest` is the generation as 8 bytes; where there is none, `index` may list names.
async fn hint(blobs: &Blobs, list_denied: StoreError) -> Result<Found, Error> {
    let (name, latest) = ("index.latest", blobs.0.read("index.latest", 8).await);
    let Ok(bytes) = latest else {
        return hint_of_names(blobs).await?.map(Found::Names).ok_or_else(|| {
            let what = "the list of catalogues, or index.latest in its place".to_owned();
            Error::Read { what, source: list_denied }
        });
    };
    let generation = <[u8; 8]>::try_from(bytes.as_ref()).map(u64::from_be_bytes);
    generation
        .map(|generation| Found::Catalog(format!("index-{generation}")))
        .map_err(|_| blobs.nonsense(name, format!("it is {} bytes, not 8", bytes.len())))
}

async fn hint_of_names(blobs: &Blobs) -> Result<Option<Vec<String>>, Error> {
    #[derive(Deserialize)]
    struct Names {
        snapshots: Vec<String>,
    }
    let names: Option<Names> = bare(blobs, NAMES_BLOB).await?;
    Ok(names.map(|names| names.snapshots))
}

/// The names of the snapshots that the catalogue leaves out because the server that wrote it can't read them.
async fn incompatible(blobs: &Blobs) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct Incompatible {
        #[serde(default, rename = "incompatible-snapshots")]
        snapshots: Vec<Json>,
    }
    let found: Option<Incompatible> = bare(blobs, INCOMPATIBLE_BLOB).await?;
    let name = |entry: &Json| entry.get("name").unwrap_or(entry).as_str().map(str::to_owned);
    Ok(found.iter().flat_map(|found| &found.snapshots).filter_map(name).collect())
}

/// A bare document in the root; `None` where it is not there, which a store that may not be listed calls denied.
async fn bare<T: serde::de::DeserializeOwned>(blobs: &Blobs, name: &str) -> Result<Option<T>, Error> {
    let blob = DocumentBlob { name: name.to_owned(), kept: Kept::Bare };
    match blobs.document(&blob, format!("the repository's {name}")).await {
        Ok(document) => Ok(Some(document)),
        Err(Error::Read { source, .. }) if matches!(source.kind, StoreErrorKind::NotFound | StoreErrorKind::Denied) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn found_text(listed: &[BlobMeta]) -> String {
    let mut names: Vec<&str> = listed.iter().map(|blob| blob.name.as_str()).collect();
    names.sort_unstable();
    match names.as_slice() {
        [] => "no files lie there at all".to_owned(),
        _ => format!("what lies there is {}", shown(names.into_iter())),
    }
}

/// Some names, and how many more there are.
pub(crate) fn shown<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(NAMES_SHOWN);
    let mut text = names.take(NAMES_SHOWN).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    if 0 < more {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_are_generations() {
        assert_eq!(generation("index-0"), Some(0));
        assert_eq!(generation("index-12"), Some(12));
        for name in ["index-", "index-+1", "index-1a", "index-99999999999999999999", "pending-index-1", "index.latest"]
        {
            assert_eq!(generation(name), None, "{name}");
        }
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..25).map(|n| format!("s{n}")).collect();
        let text = shown(names.iter().map(String::as_str));
        assert!(text.starts_with("\"s0\", \"s1\"") && text.ends_with("\"s19\" and 5 more"), "{text}");
    }
}
