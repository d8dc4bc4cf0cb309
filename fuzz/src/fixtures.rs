//! Every repository and every shard that the project has as a fixture, in memory.
//!
//! New fixtures are found by themselves: a repository is a folder with a catalogue, in one of the fixture folders or in an
//! archive there; a shard is a folder of Lucene files, or in a repository.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::executor::block_on;
use snapshot::{BlobMeta, BlobStore, Repository, ShardFiles, StoreError, StoreErrorKind};

/// Contents by name.
pub type Blobs = BTreeMap<String, Bytes>;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const LUCENE: &str = "lucene/tests/fixtures";
const REPOSITORIES: [&str; 4] =
    ["snapshot/tests/fixtures", "worker/tests/fixtures", "tests/fixtures", "examples/quickstart"];

/// Larger shards are slow to read again and again.
const SHARD_BYTES_MAX: usize = 1 << 20;

/// What the reader may look into.
const SHARD_FILES: [&str; 10] = [".si", ".cfs", ".cfe", ".fnm", ".fdt", ".fdx", ".fdm", ".liv", ".dvm", ".dvd"];

/// A named set of files.
#[derive(Clone)]
pub struct Folder {
    pub name: String,
    pub files: Blobs,
}

/// Every repository.
pub fn repositories() -> Vec<Folder> {
    let mut found = Vec::new();
    for folder in REPOSITORIES.map(|folder| Path::new(ROOT).join(folder)) {
        let mut files = Blobs::new();
        collect(&folder, &folder, &mut files);
        for (name, archive) in files.clone() {
            if let Some(name) = name.strip_suffix(".tar.zst") {
                found.extend(split(name, unpack(&archive)));
            }
        }
        found.extend(split("", files));
    }
    assert!(found.len() >= 5, "fixtures are missing");
    found
}

/// Every shard with at most [`SHARD_BYTES_MAX`] of files that are read.
pub fn shards() -> Vec<Folder> {
    let lucene = Path::new(ROOT).join(LUCENE);
    let mut files = Blobs::new();
    collect(&lucene, &lucene, &mut files);
    let mut folders: BTreeMap<String, Blobs> = BTreeMap::new();
    for (path, bytes) in files {
        if let Some((folder, name)) = path.rsplit_once('/') {
            folders.entry(folder.to_owned()).or_default().insert(name.to_owned(), bytes);
        }
    }
    let mut shards: Vec<Folder> = folders.into_iter().map(|(name, files)| Folder { name, files }).collect();
    for repository in repositories() {
        shards.extend(shards_of(&repository));
    }
    let mut seen = HashSet::new();
    shards.retain_mut(|shard| {
        shard.files.retain(|name, _| is_read(name));
        let len: usize = shard.files.values().map(Bytes::len).sum();
        0 < len && len <= SHARD_BYTES_MAX && seen.insert(shard.files.values().cloned().collect::<Vec<_>>())
    });
    assert!(shards.len() >= 15, "fixtures are missing");
    shards
}

fn is_read(name: &str) -> bool {
    name.starts_with("segments_") || name.ends_with(".del") || SHARD_FILES.iter().any(|suffix| name.ends_with(suffix))
}

/// The files below `folder`, by their path seen from `root`.
fn collect(root: &Path, folder: &Path, files: &mut Blobs) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, Bytes::from(std::fs::read(&path).unwrap()));
        }
    }
}

fn unpack(archive: &[u8]) -> Blobs {
    let mut tar = tar::Archive::new(zstd::Decoder::new(archive).unwrap());
    let mut files = Blobs::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().trim_start_matches("./").to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(name, Bytes::from(bytes));
    }
    files
}

/// The repositories among `files`: folders that hold a catalogue, `index-N` or the older `index`.
fn split(label: &str, files: Blobs) -> Vec<Folder> {
    let is_catalog = |name: &str| name == "index" || name.starts_with("index-") && !name.contains('.');
    let mut roots: Vec<String> = Vec::new();
    for path in files.keys().filter(|path| !path.contains("indices/")) {
        if let Some((folder, name)) = path.rsplit_once('/')
            && is_catalog(name)
            && !roots.iter().any(|root| root == folder)
        {
            roots.push(folder.to_owned());
        }
    }
    let of_root = |root: &String| {
        let below = |(path, bytes): (&String, &Bytes)| {
            Some((path.strip_prefix(root.as_str())?.strip_prefix('/')?.to_owned(), bytes.clone()))
        };
        Folder { name: format!("{label}/{root}"), files: files.iter().filter_map(below).collect() }
    };
    roots.iter().map(of_root).collect()
}

/// The shards of every snapshot that can be read; an error here is not what is looked for.
fn shards_of(repository: &Folder) -> Vec<Folder> {
    let store = Arc::new(Memory { blobs: Arc::new(repository.files.clone()), replaced: None });
    let Ok(opened) = block_on(Repository::open(store)) else { return Vec::new() };
    let mut shards = Vec::new();
    for listed in opened.snapshots() {
        let Ok(snapshot) = block_on(opened.snapshot(&listed.name)) else { continue };
        for index in &snapshot.indices {
            let Ok(metadata) = block_on(snapshot.index_metadata(index)) else { continue };
            for shard in 0..metadata.number_of_shards {
                let Ok(files) = block_on(snapshot.shard(index, shard)) else { continue };
                let name = format!("{}/{}/{}/{shard}", repository.name, listed.name, index.name);
                shards.push(Folder { name, files: assemble(&files, &repository.files) });
            }
        }
    }
    shards
}

/// The Lucene files of a shard; those whose blobs the fixture left out are missing.
fn assemble(shard: &ShardFiles, blobs: &Blobs) -> Blobs {
    let wanted = shard.files.iter().filter(|file| is_read(&file.physical_name));
    let whole = |file: &snapshot::ShardFile| {
        if let Some(inline) = &file.inline {
            return Some(inline.clone());
        }
        let Some(part_size) = file.part_size else { return blobs.get(&file.blob).cloned() };
        let mut stitched = Vec::new();
        for part in 0..file.len.div_ceil(part_size) {
            stitched.extend_from_slice(blobs.get(&format!("{}.part{part}", file.blob))?);
        }
        Some(Bytes::from(stitched))
    };
    wanted.filter_map(|file| Some((file.physical_name.clone(), whole(file)?))).collect()
}

/// Blobs as a store, one of them replaced.
#[derive(Clone)]
pub struct Memory {
    pub blobs: Arc<Blobs>,
    pub replaced: Option<(String, Bytes)>,
}

impl Memory {
    fn get(&self, blob: &str) -> Result<&Bytes, StoreError> {
        let replaced = self.replaced.as_ref().filter(|(name, _)| name == blob).map(|(_, bytes)| bytes);
        let found = replaced.or_else(|| self.blobs.get(blob));
        found.ok_or_else(|| StoreError::new(StoreErrorKind::NotFound, blob, self.location()))
    }
}

#[async_trait]
impl BlobStore for Memory {
    async fn list(&self, prefix: &str) -> Result<Vec<BlobMeta>, StoreError> {
        let from = self.blobs.range(prefix.to_owned()..);
        let names = from.map(|(name, _)| name).take_while(|name| name.starts_with(prefix));
        let direct = names.filter(|name| !name[prefix.len()..].contains('/'));
        direct.map(|name| Ok(BlobMeta { name: name.clone(), len: self.get(name)?.len() as u64 })).collect()
    }

    async fn read(&self, blob: &str, len_max: u64) -> Result<Bytes, StoreError> {
        let bytes = self.get(blob)?;
        let len = bytes.len() as u64;
        match len_max < len {
            true => Err(StoreError::new(StoreErrorKind::TooLarge { len, len_max }, blob, self.location())),
            false => Ok(bytes.clone()),
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

/// `_id` and `_source` of every document of every shard, as they are stored.
pub fn documents() -> Vec<(Bytes, Bytes)> {
    let mut documents = Vec::new();
    for shard in shards() {
        let dir: Arc<dyn lucene::Directory> = Arc::new(lucene::MemoryDirectory(shard.files));
        let Ok(commit) = lucene::Commit::read(&*dir) else { continue };
        for commit in &commit.segments {
            let Ok(segment) = lucene::Segment::open(Arc::clone(&dir), commit) else { continue };
            let _ = stored(&segment, &mut documents);
        }
    }
    documents
}

fn stored(segment: &lucene::Segment, documents: &mut Vec<(Bytes, Bytes)>) -> lucene::Result<()> {
    let number = |name| segment.field_infos().number(name);
    let (id, uid, source) = (number("_id"), number("_uid"), number("_source"));
    let fields = segment.stored_fields()?;
    for range in fields.cuts(u64::MAX)? {
        let mut chunks = fields.read(&range, range.docs.start, None)?;
        while let Some(chunk) = chunks.next_chunk()? {
            for doc in chunk.docs() {
                let mut found = (Bytes::new(), Bytes::new());
                for field in doc?.fields() {
                    if let (number, lucene::StoredValue::Bytes(bytes) | lucene::StoredValue::String(bytes)) = field? {
                        match Some(number) {
                            number if number == id || number == uid => found.0 = Bytes::copy_from_slice(bytes),
                            number if number == source => found.1 = Bytes::copy_from_slice(bytes),
                            _ => {}
                        }
                    }
                }
                documents.push(found);
            }
        }
    }
    Ok(())
}
