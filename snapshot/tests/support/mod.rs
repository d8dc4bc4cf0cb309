//! A repository in memory, which tests spoil, and the fixtures to fill it.

// Each test binary uses a part of it.
#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use lucene::directory::Directory;
use serde::Serialize;
use serde_json::{Map, Value};
use snapshot::{BlobMeta, BlobStore, Error, Repository, ShardDirectory, ShardFiles, StoreError, StoreErrorKind};

/// Server and repository of every fixture.
pub const FIXTURES: [(&str, &str); 4] = [
    ("elasticsearch-7.10.2", "main"),
    ("elasticsearch-8.19.21", "main"),
    ("elasticsearch-8.19.21", "chunked"),
    ("opensearch-2.19.4", "main"),
];

/// The same of versions before, and of repositories that one version after the other went on with.
pub const OLDER: [(&str, &str); 10] = [
    ("elasticsearch-1.7.6", "main"),
    ("elasticsearch-1.7.6", "plain"),
    ("elasticsearch-1.7.6", "chunk"),
    ("elasticsearch-2.4.6", "main"),
    ("elasticsearch-1.7.6-in-2.4.6", "upgraded"),
    ("elasticsearch-5.6.16", "main"),
    ("elasticsearch-6.8.23", "main"),
    ("mixed", "1.7-2.4"),
    ("mixed", "2.4-5.1"),
    ("mixed", "1.7-8.19"),
];

pub fn fixture_path(server: &str, repository: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(server).join(repository)
}

pub fn truth(server: &str, repository: &str) -> Value {
    let path = fixture_path(server, &format!("{repository}.truth.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A blob and the range of it that was read.
pub type RangeRead = (String, Range<u64>);

/// Blobs in memory.
#[derive(Clone, Default)]
pub struct MemoryStore {
    pub blobs: BTreeMap<String, Bytes>,
    /// Blobs, or prefixes of listings, that may not be read.
    pub denied: BTreeSet<String>,
    /// The ranges that were read.
    pub ranges: Arc<Mutex<Vec<RangeRead>>>,
    /// The blobs that were read as a whole.
    pub reads: Arc<Mutex<BTreeSet<String>>>,
}

impl MemoryStore {
    pub fn fixture(server: &str, repository: &str) -> Self {
        let mut store = Self::default();
        let root = fixture_path(server, repository);
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                    store.blobs.insert(name, Bytes::from(std::fs::read(&path).unwrap()));
                }
            }
        }
        assert!(store.blobs.len() > 5, "{server} {repository} is there");
        store
    }

    /// The names of blobs for which `test` holds.
    pub fn names(&self, test: impl Fn(&str) -> bool) -> Vec<String> {
        self.blobs.keys().filter(|name| test(name)).cloned().collect()
    }

    pub fn put(&mut self, name: &str, bytes: impl Into<Bytes>) {
        self.blobs.insert(name.to_owned(), bytes.into());
    }

    pub fn arc(&self) -> Arc<dyn BlobStore> {
        Arc::new(self.clone())
    }

    pub async fn open(&self) -> Result<Repository, Error> {
        Repository::open(self.arc()).await
    }

    fn get(&self, blob: &str) -> Result<&Bytes, StoreError> {
        if self.denied.contains(blob) {
            return Err(self.error(StoreErrorKind::Denied, blob));
        }
        self.blobs.get(blob).ok_or_else(|| self.error(StoreErrorKind::NotFound, blob))
    }

    fn error(&self, kind: StoreErrorKind, blob: &str) -> StoreError {
        StoreError::new(kind, blob, self.location())
    }
}

#[async_trait]
impl BlobStore for MemoryStore {
    async fn list(&self, prefix: &str) -> Result<Vec<BlobMeta>, StoreError> {
        if self.denied.contains(prefix) {
            return Err(self.error(StoreErrorKind::Denied, prefix));
        }
        let direct = |name: &&String| name.strip_prefix(prefix).is_some_and(|rest| !rest.contains('/'));
        let names = self.blobs.keys().filter(direct);
        Ok(names.map(|name| BlobMeta { name: name.clone(), len: self.blobs[name].len() as u64 }).collect())
    }

    async fn read(&self, blob: &str, len_max: u64) -> Result<Bytes, StoreError> {
        self.reads.lock().unwrap().insert(blob.to_owned());
        let bytes = self.get(blob)?;
        let len = bytes.len() as u64;
        if len_max < len { Err(self.error(StoreErrorKind::TooLarge { len, len_max }, blob)) } else { Ok(bytes.clone()) }
    }

    async fn read_range(&self, blob: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.ranges.lock().unwrap().push((blob.to_owned(), range.clone()));
        let bytes = self.get(blob)?;
        let len = bytes.len() as u64;
        if len < range.end {
            return Err(self.error(StoreErrorKind::Truncated { len, wanted: range.end }, blob));
        }
        Ok(bytes.slice(range.start as usize..range.end as usize))
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}

/// `nested` settings as they are stored: flat.
pub fn flat(prefix: &str, nested: &Value, out: &mut Map<String, Value>) {
    for (key, value) in nested.as_object().unwrap() {
        match value {
            Value::Object(_) => flat(&format!("{prefix}{key}."), value, out),
            value => drop(out.insert(format!("{prefix}{key}"), value.clone())),
        }
    }
}

fn base_36(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit(number % 36, 36).unwrap());
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

/// Every file of the shard is whole by its own checksum, and reads alike in every way to read it.
pub fn check_files(at: &str, shard: &ShardFiles, directory: &ShardDirectory) {
    assert_eq!(directory.names().len(), shard.files.len(), "{at}");
    let mut random = 1_u64;
    for file in &shard.files {
        let (at, name) = (format!("{at} {}", file.physical_name), &file.physical_name);
        assert_eq!(directory.len(name), Some(file.len), "{at}");
        let whole = directory.read(name, 0..file.len).unwrap();
        let (body, stored) = whole.split_last_chunk::<8>().unwrap();
        let crc = crc32fast::hash(body);
        assert_eq!(u64::from_be_bytes(*stored), u64::from(crc), "{at}");
        // Elasticsearch 1.x and 2.x have none for the commit of an empty shard, of which they don't know who wrote it.
        let is_old = at.starts_with("elasticsearch-1.7.6") || at.starts_with("elasticsearch-2.4.6 ");
        let may_lack_one = is_old && name.starts_with("segments_") && shard.files.len() == 1;
        let expected = (!may_lack_one).then(|| base_36(crc));
        assert_eq!(file.checksum, expected, "{at}");
        for _ in 0..20 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (a, b) = ((random >> 33) % (file.len + 1), (random >> 7) % (file.len + 1));
            let (start, end) = (a.min(b), a.max(b));
            let expected = &whole[start as usize..end as usize];
            assert_eq!(directory.read(name, start..end).unwrap(), expected, "{at} {start}..{end}");
            let mut streamed = Vec::new();
            directory.stream(name, start..end).unwrap().read_to_end(&mut streamed).unwrap();
            assert_eq!(streamed, expected, "{at} {start}..{end}");
        }
    }
}

/// A metadata blob as a server would write it.
pub fn wrapped(codec: &str, document: &impl Serialize) -> Bytes {
    let mut bytes = vec![0x3f, 0xd7, 0x6c, 0x17, codec.len() as u8];
    bytes.extend(codec.as_bytes());
    bytes.extend(1_u32.to_be_bytes());
    bytes.extend(serde_smile::to_vec(document).unwrap());
    bytes.extend([0xc0, 0x28, 0x93, 0xe8, 0, 0, 0, 0]);
    bytes.extend([0; 8]);
    with_checksum(bytes)
}

/// `blob` with the checksum that its bytes have.
pub fn with_checksum(mut blob: Vec<u8>) -> Bytes {
    let at = blob.len() - 8;
    let crc = crc32fast::hash(&blob[..at]);
    blob[at..].copy_from_slice(&u64::from(crc).to_be_bytes());
    Bytes::from(blob)
}

/// An error and its causes, as a person sees them.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
