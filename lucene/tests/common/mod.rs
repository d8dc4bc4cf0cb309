//! The fixtures as directories in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use lucene::{Directory, MemoryDirectory};

/// The files of a shard.
#[derive(Clone)]
pub struct Shard {
    pub name: String,
    pub files: BTreeMap<String, Bytes>,
}

impl Shard {
    /// The fixture `<server>-<version>/<shard>`.
    pub fn open(name: &str) -> Self {
        let files = entries(&root().join(name))
            .into_iter()
            .map(|path| (file_name(&path), Bytes::from(std::fs::read(&path).unwrap())))
            .collect();
        Self { name: name.to_owned(), files }
    }

    pub fn dir(&self) -> Arc<dyn Directory> {
        Arc::new(MemoryDirectory(self.files.clone()))
    }

    /// The same shard, but for one file.
    pub fn with(&self, file: &str, bytes: Vec<u8>) -> Self {
        let mut other = self.clone();
        other.files.insert(file.to_owned(), Bytes::from(bytes));
        other
    }

    /// `expected.tsv`, a line for each live document.
    pub fn expected(&self) -> Vec<Vec<String>> {
        self.table("expected.tsv")
    }

    /// A file of lines with fields between tabs.
    pub fn table(&self, name: &str) -> Vec<Vec<String>> {
        let text = String::from_utf8(self.files[name].to_vec()).unwrap();
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }
}

/// Every fixture that has an `expected.tsv`.
pub fn shards() -> Vec<Shard> {
    let servers = entries(&root()).into_iter().filter(|path| path.is_dir());
    let shards: Vec<Shard> = servers
        .flat_map(|server| entries(&server))
        .filter(|shard| shard.join("expected.tsv").try_exists().unwrap())
        .map(|shard| Shard::open(&format!("{}/{}", file_name(shard.parent().unwrap()), file_name(&shard))))
        .collect();
    assert!(shards.len() >= 26, "fixtures are missing: {} of 26 shards", shards.len());
    shards
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}
