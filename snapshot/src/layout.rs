//! What the blobs of a snapshot are called, and how their documents are kept.
//!
//! In: what is wanted. Out: the name of its blob. Nobody else spells such a name, so that what reads a snapshot need not
//! know who wrote it:
//!
//! ```text
//!                         Elasticsearch 1.x, bare JSON         since 2.0, wrapped SMILE
//! snapshot                snapshot-<key>                       snap-<key>.dat
//! global metadata         metadata-<key>                       meta-<key>.dat
//! index metadata          indices/<index>/snapshot-<key>       indices/<index>/meta-<X>.dat
//! files of a shard        indices/<index>/<n>/snapshot-<key>   indices/<index>/<n>/snap-<key>.dat
//!
//! <key>    the snapshot's name, since 5.0 its uuid       <X>    the key; since 7.9 a name of its own
//! <index>  the index's name, since 5.0 an id
//! ```
//!
//! One repository may hold all of it, because each version goes on with what those before it left: the layout is the
//! snapshot's, and where nothing says which one, the one whose blobs are there.
//! Not here: the catalogue (`lookup`), folders of shards (`shard_path`).
//! After: Elasticsearch 1.7, 2.4, 5.6 and 7.10 `BlobStoreRepository`.

/// The codec of a snapshot and, of the same name, of the files of a shard.
const SNAPSHOT_CODEC: &str = "snapshot";
/// What the list of OpenSearch's shallow copies is called instead.
const SHALLOW_PREFIX: &str = "shallow-";

/// A blob that holds a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocumentBlob {
    /// Its name, relative to the repository's root.
    pub name: String,
    /// What is around the document.
    pub kept: Kept,
}

/// What is around the document in a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Header with this codec's name, and footer with a checksum.
    Wrapped { codec: &'static str },
    /// Nothing, and so no checksum.
    Bare,
}

/// How the blobs of one snapshot are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Elasticsearch 1.x.
    Bare,
    /// Elasticsearch 2.0 and later.
    Wrapped,
}

impl Layout {
    /// The layouts that a snapshot can have, the likelier first.
    pub(crate) fn candidates(name: &str, key: &str) -> &'static [Self] {
        if name == key { &[Self::Wrapped, Self::Bare] } else { &[Self::Wrapped] }
    }

    /// What the snapshot `key` holds.
    pub(crate) fn info(self, key: &str) -> DocumentBlob {
        self.blob("", "snap-", "snapshot-", key, SNAPSHOT_CODEC)
    }

    /// The state of the cluster in the snapshot `key`.
    pub(crate) fn global(self, key: &str) -> DocumentBlob {
        self.blob("", "meta-", "metadata-", key, "metadata")
    }

    /// The metadata of the index that lies in `indices/<folder>/`.
    pub(crate) fn index(self, folder: &str, metadata_name: &str) -> DocumentBlob {
        self.blob(&format!("indices/{folder}/"), "meta-", "snapshot-", metadata_name, "index-metadata")
    }

    /// The files of the shard that lies in `folder`, which ends with `/`.
    pub(crate) fn shard(self, folder: &str, key: &str) -> DocumentBlob {
        self.blob(folder, "snap-", "snapshot-", key, SNAPSHOT_CODEC)
    }

    /// What stands in place of the files of a shard whose segments lie in a remote store.
    pub(crate) fn shallow(folder: &str, key: &str) -> String {
        format!("{folder}{SHALLOW_PREFIX}snap-{key}.dat")
    }

    fn blob(self, folder: &str, wrapped: &str, bare: &str, key: &str, codec: &'static str) -> DocumentBlob {
        match self {
            Self::Wrapped => {
                DocumentBlob { name: format!("{folder}{wrapped}{key}.dat"), kept: Kept::Wrapped { codec } }
            }
            Self::Bare => DocumentBlob { name: format!("{folder}{bare}{key}"), kept: Kept::Bare },
        }
    }
}

/// The key of the snapshot that the blob `name` in the root says something of, if it is a snapshot's.
pub(crate) fn snapshot_key(name: &str) -> Option<&str> {
    let wrapped = || name.strip_prefix("snap-")?.strip_suffix(".dat");
    name.strip_prefix("snapshot-").or_else(wrapped).filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_snapshots_are_found_again() {
        for key in ["daily", "first-2015.06.14", "a.dat", "snap-x", "snapshot-x"] {
            for layout in [Layout::Bare, Layout::Wrapped] {
                assert_eq!(snapshot_key(&layout.info(key).name), Some(key), "{layout:?}");
                assert_eq!(snapshot_key(&layout.global(key).name), None, "{layout:?}");
            }
        }
        for name in ["snap-.dat", "snapshot-", "snap-x", "index", "index-1", "tests-abc", "pending-index-2"] {
            assert_eq!(snapshot_key(name), None, "{name}");
        }
    }
}
