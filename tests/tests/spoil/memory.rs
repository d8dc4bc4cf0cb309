//! Repositories in memory: blobs that can be spoiled, and a note of which were read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use snapshot::{BlobMeta, BlobStore, StoreError, StoreErrorKind};

/// A repository.
pub struct Memory {
    blobs: BTreeMap<String, Bytes>,
    spoiled: Mutex<Option<(String, Bytes)>>,
    read: Mutex<BTreeSet<String>>,
}

impl Memory {
    /// The files below `root`.
    pub fn load(root: &Path) -> Self {
        let mut blobs = BTreeMap::new();
        collect(root, root, &mut blobs);
        assert!(!blobs.is_empty(), "{}", root.display());
        Self { blobs, spoiled: Mutex::default(), read: Mutex::default() }
    }

    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.blobs.keys()
    }

    pub fn original(&self, blob: &str) -> &Bytes {
        &self.blobs[blob]
    }

    /// From here on `blob` is `bytes`, and no other is spoiled.
    pub fn spoil(&self, blob: &str, bytes: Vec<u8>) {
        *self.spoiled.lock().unwrap() = Some((blob.to_owned(), Bytes::from(bytes)));
    }

    /// The blobs that were read since this was asked last.
    pub fn take_read(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.read.lock().unwrap())
    }

    fn get(&self, blob: &str) -> Result<Bytes, StoreError> {
        if let Some((name, bytes)) = &*self.spoiled.lock().unwrap()
            && name == blob
        {
            return Ok(bytes.clone());
        }
        let found = self.blobs.get(blob).cloned();
        let found = found.ok_or_else(|| StoreError::new(StoreErrorKind::NotFound, blob, self.location()))?;
        self.read.lock().unwrap().insert(blob.to_owned());
        Ok(found)
    }
}

fn collect(root: &Path, folder: &Path, blobs: &mut BTreeMap<String, Bytes>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, blobs);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            blobs.insert(name, Bytes::from(std::fs::read(&path).unwrap()));
        }
    }
}

#[async_trait]
impl BlobStore for Memory {
    async fn list(&self, prefix: &str) -> Result<Vec<BlobMeta>, StoreError> {
        let from = self.blobs.range(prefix.to_owned()..).take_while(|(name, _)| name.starts_with(prefix));
        let direct = from.filter(|(name, _)| !name[prefix.len()..].contains('/'));
        Ok(direct.map(|(name, bytes)| BlobMeta { name: name.clone(), len: bytes.len() as u64 }).collect())
    }

    async fn read(&self, blob: &str, len_max: u64) -> Result<Bytes, StoreError> {
        let bytes = self.get(blob)?;
        let len = bytes.len() as u64;
        match len_max < len {
            true => Err(StoreError::new(StoreErrorKind::TooLarge { len, len_max }, blob, self.location())),
            false => Ok(bytes),
        }
    }

    async fn read_range(&self, blob: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        let bytes = self.get(blob)?;
        let len = bytes.len() as u64;
        match len < range.end {
            true => Err(StoreError::new(StoreErrorKind::Truncated { len, wanted: range.end }, blob, self.location())),
            false => Ok(bytes.slice(range.start as usize..range.end as usize)),
        }
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}
