//! A repository in a folder: `fs` repositories, and copies of others.
//!
//! Holds: nothing outside the folder is read through a blob's name (symbolic links inside it are followed: they are the
//! operator's); no async thread waits for the disk.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;

use super::{BlobMeta, BlobStore, StoreError, StoreErrorKind, is_inside};
use crate::limits::LISTED_MAX;

/// The blobs below a folder.
#[derive(Debug, Clone)]
pub struct FsStore {
    root: PathBuf,
}

impl FsStore {
    /// The repository in the folder `root`. Nothing is read yet: whether it is there comes out at the first read.
    ///
    /// # Errors
    /// Where `root` is empty, or relative and the working directory is gone.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, StoreError> {
        let root = root.as_ref();
        let absolute = std::path::absolute(root);
        absolute
            .map(|root| Self { root })
            .map_err(|source| StoreError::from_io(source, "", format!("the path {:?}", root.display().to_string())))
    }

    /// Runs `work` on a thread that may wait for the disk.
    async fn blocking<T: Send + 'static>(
        &self,
        blob: &str,
        work: impl FnOnce(&Place) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        tracing::trace!(blob, "asked of the store");
        let place = Place { root: self.root.clone(), blob: blob.to_owned() };
        let done = tokio::task::spawn_blocking(move || work(&place)).await;
        // Only a runtime that shuts down loses the task, and to its caller that is a read that failed.
        done.unwrap_or_else(|lost| Err(StoreError::from_io(io::Error::other(lost), blob, self.location())))
    }
}

#[async_trait]
impl BlobStore for FsStore {
    async fn list(&self, prefix: &str) -> Result<Vec<BlobMeta>, StoreError> {
        self.blocking(prefix, Place::list).await
    }

    async fn read(&self, blob: &str, len_max: u64) -> Result<Bytes, StoreError> {
        self.blocking(blob, move |place| place.read(len_max)).await
    }

    async fn read_range(&self, blob: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.blocking(blob, move |place| place.read_range(range)).await
    }

    fn location(&self) -> String {
        self.root.display().to_string()
    }
}

/// One blob, or prefix of a listing, of one store.
struct Place {
    root: PathBuf,
    blob: String,
}

impl Place {
    fn list(&self) -> Result<Vec<BlobMeta>, StoreError> {
        if !is_inside(&self.blob) {
            return Err(self.error(StoreErrorKind::BadName));
        }
        let (folder, start) = self.blob.rsplit_once('/').unwrap_or(("", &self.blob));
        let path = if folder.is_empty() { self.root.clone() } else { self.path(folder)? };
        let entries = match std::fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.is_empty() => return Ok(Vec::new()),
            // Not the prefix is missing then, but the repository.
            Err(error) if folder.is_empty() => {
                return Err(StoreError::from_io(error, "", self.root.display().to_string()));
            }
            Err(error) => return Err(self.io(error)),
        };
        let mut blobs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| self.io(error))?;
            let file_name = entry.file_name();
            // No server writes a name that is not UTF-8.
            let Some(name) = file_name.to_str().filter(|name| name.starts_with(start)) else { continue };
            let metadata = match std::fs::metadata(entry.path()) {
                Ok(metadata) => metadata,
                // Deleted since the folder was opened.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(self.io(error)),
            };
            if !metadata.is_file() {
                continue;
            }
            if blobs.len() == LISTED_MAX {
                return Err(self.error(StoreErrorKind::TooMany { max: LISTED_MAX }));
            }
            let name = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            blobs.push(BlobMeta { name, len: metadata.len() });
        }
        Ok(blobs)
    }

    fn read(&self, len_max: u64) -> Result<Bytes, StoreError> {
        let (file, metadata) = self.open()?;
        let len = metadata.len();
        if len_max < len {
            return Err(self.error(StoreErrorKind::TooLarge { len, len_max }));
        }
        self.exactly(file, 0..len, len)
    }

    fn read_range(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        let (mut file, metadata) = self.open()?;
        if metadata.len() < range.end {
            return Err(self.error(StoreErrorKind::Truncated { len: metadata.len(), wanted: range.end }));
        }
        file.seek(SeekFrom::Start(range.start)).map_err(|error| self.io(error))?;
        self.exactly(file, range, metadata.len())
    }

    /// Reads `range` from where `file` stands; it lies within `len`, the file's length.
    fn exactly(&self, file: File, range: Range<u64>, len: u64) -> Result<Bytes, StoreError> {
        let wanted = range.end.saturating_sub(range.start);
        let capacity = usize::try_from(wanted)
            .map_err(|_| self.error(StoreErrorKind::TooLarge { len, len_max: usize::MAX as u64 }))?;
        let mut bytes = Vec::with_capacity(capacity);
        file.take(wanted).read_to_end(&mut bytes).map_err(|error| self.io(error))?;
        if (bytes.len() as u64) < wanted {
            // Cut since its length was asked for.
            let len = range.start.saturating_add(bytes.len() as u64);
            return Err(self.error(StoreErrorKind::Truncated { len, wanted: range.end }));
        }
        Ok(Bytes::from(bytes))
    }

    fn open(&self) -> Result<(File, Metadata), StoreError> {
        let path = self.path(&self.blob)?;
        // Before it is opened: to open a pipe would wait for its other end.
        let metadata = std::fs::metadata(&path).map_err(|error| self.io(error))?;
        if !metadata.is_file() {
            return Err(self.error(StoreErrorKind::NotFound));
        }
        let file = File::open(&path).map_err(|error| self.io(error))?;
        Ok((file, metadata))
    }

    fn path(&self, name: &str) -> Result<PathBuf, StoreError> {
        let relative = Path::new(name);
        // The second is about what this system takes for a path, as `C:\` is to others.
        let stays_inside = is_inside(name) && relative.components().all(|part| matches!(part, Component::Normal(_)));
        if name.is_empty() || !stays_inside {
            return Err(self.error(StoreErrorKind::BadName));
        }
        Ok(self.root.join(relative))
    }

    fn io(&self, source: io::Error) -> StoreError {
        StoreError::from_io(source, &self.blob, self.root.display().to_string())
    }

    fn error(&self, kind: StoreErrorKind) -> StoreError {
        StoreError::new(kind, &self.blob, self.root.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, FsStore) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("root/indices/a")).unwrap();
        std::fs::write(folder.path().join("outside"), b"secret").unwrap();
        std::fs::write(folder.path().join("root/index-0"), b"0123456789").unwrap();
        std::fs::write(folder.path().join("root/index.latest"), b"").unwrap();
        std::fs::write(folder.path().join("root/indices/a/__x"), b"x").unwrap();
        let store = FsStore::open(folder.path().join("root")).unwrap();
        (folder, store)
    }

    #[tokio::test]
    async fn lists_one_folder_by_prefix() {
        let (_folder, store) = store();
        assert_eq!(store.list("index-").await.unwrap(), [BlobMeta { name: "index-0".to_owned(), len: 10 }]);
        assert_eq!(store.list("").await.unwrap().len(), 2, "folders are no blobs");
        assert_eq!(store.list("indices/a/").await.unwrap()[0].name, "indices/a/__x");
        assert!(store.list("indices/b/").await.unwrap().is_empty());
        let gone = FsStore::open(store.root.join("nowhere")).unwrap().list("").await.unwrap_err();
        assert_eq!(gone.kind, StoreErrorKind::NotFound);
        assert!(gone.to_string().ends_with("nowhere is not there"), "{gone}");
    }

    #[tokio::test]
    async fn reads_what_was_asked_for_or_says_why_not() {
        let (_folder, store) = store();
        assert_eq!(store.read("index-0", 10).await.unwrap(), "0123456789");
        assert_eq!(store.read("index-0", 9).await.unwrap_err().kind, StoreErrorKind::TooLarge { len: 10, len_max: 9 });
        assert_eq!(store.read_range("index-0", 3..7).await.unwrap(), "3456");
        assert_eq!(store.read_range("index-0", 10..10).await.unwrap(), "");
        let cut = store.read_range("index-0", 5..11).await.unwrap_err();
        assert_eq!(cut.kind, StoreErrorKind::Truncated { len: 10, wanted: 11 });
        assert!(cut.to_string().contains("index-0") && cut.to_string().contains("is 10 bytes"), "{cut}");
        for missing in ["index-1", "indices/a", "index-0/x"] {
            assert_eq!(store.read(missing, 9).await.unwrap_err().kind, StoreErrorKind::NotFound, "{missing}");
        }
    }

    #[tokio::test]
    async fn names_of_all_kinds_are_taken_verbatim() {
        let (_folder, store) = store();
        for name in ["weird+name@é-日本", "e\u{301}%2F%", "..a", "a b", "C:\\x"] {
            std::fs::create_dir(store.root.join("indices").join(name)).unwrap();
            std::fs::write(store.root.join("indices").join(name).join("snapshot-ß"), name).unwrap();
            let blob = format!("indices/{name}/snapshot-ß");
            assert_eq!(store.read(&blob, 99).await.unwrap(), name);
            assert_eq!(store.list(&format!("indices/{name}/snap")).await.unwrap()[0].name, blob);
        }
    }

    #[tokio::test]
    async fn a_name_never_leaves_the_root() {
        let (folder, store) = store();
        let absolute = folder.path().join("outside").display().to_string();
        for name in
            ["../outside", "indices/../../outside", absolute.as_str(), "", "..", "indices/./a/__x", "indices//a"]
        {
            assert_eq!(store.read(name, 99).await.unwrap_err().kind, StoreErrorKind::BadName, "{name}");
            assert_eq!(store.read_range(name, 0..1).await.unwrap_err().kind, StoreErrorKind::BadName, "{name}");
        }
        assert_eq!(store.list("../").await.unwrap_err().kind, StoreErrorKind::BadName);
        assert_eq!(store.read("index-0\0", 99).await.unwrap_err().kind, StoreErrorKind::Io);
    }
}
