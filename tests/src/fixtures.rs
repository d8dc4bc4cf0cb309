//! Snapshots that real servers wrote, from `tests/fixtures/`.
//!
//! In: a fixture's name (`README.md` there says what each holds). Out: its repositories and its truth as files in a
//! directory of its own, which a test may spoil as it likes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
/// Snapshots share most of their bytes with each other and with the truth: a window over all of it finds them.
const ZSTD_LEVEL: i32 = 22;
const ZSTD_WINDOW_LOG: u32 = 27;

/// An unpacked fixture; its files go when it is dropped.
#[derive(Debug)]
pub struct Fixture {
    directory: TempDir,
}

/// Unpacks the fixture `name`, for example `elasticsearch-7.10.2`.
///
/// # Errors
/// Where there is no such fixture or it can't be unpacked.
pub fn unpack(name: &str) -> Result<Fixture> {
    unpack_below(&std::env::temp_dir(), name)
}

/// [`unpack`], into a new folder in `parent`: a server reads repositories only where it was told it may.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_below(parent: &Path, name: &str) -> Result<Fixture> {
    let archive = Path::new(DIRECTORY).join(format!("{name}.tar.zst"));
    let file = File::open(&archive).with_context(|| format!("open {}", archive.display()))?;
    let directory = tempfile::Builder::new().prefix("migctl-fixture-").tempdir_in(parent).context("create a folder")?;
    let tar = zstd::Decoder::new(file).context("read a fixture")?;
    tar::Archive::new(tar).unpack(directory.path()).with_context(|| format!("unpack {}", archive.display()))?;
    Ok(Fixture { directory })
}

/// The name of every fixture there is, with the folder it is in: what [`unpack`] takes.
///
/// # Errors
/// Where their folder can't be read.
pub fn names() -> Result<Vec<String>> {
    let (mut names, mut folders) = (Vec::new(), vec![Path::new(DIRECTORY).to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().with_context(|| format!("list {}", folder.display()))? {
            let path = entry.context("list the fixtures")?.path();
            let name = path.strip_prefix(DIRECTORY).context("name a fixture")?.to_str();
            names.extend(name.and_then(|name| name.strip_suffix(".tar.zst")).map(str::to_owned));
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    names.sort();
    Ok(names)
}

/// Packs `directory` as the fixture `name`. The same files give the same archive.
///
/// # Errors
/// A file can't be read, or the archive not written.
pub fn pack(directory: &Path, name: &str) -> Result<()> {
    let archive = Path::new(DIRECTORY).join(format!("{name}.tar.zst"));
    let mut files = Vec::new();
    list(directory, &mut files)?;
    files.sort();
    let mut encoder = zstd::Encoder::new(File::create(&archive)?, ZSTD_LEVEL)?;
    encoder.window_log(ZSTD_WINDOW_LOG)?;
    let mut tar = tar::Builder::new(encoder);
    for file in files {
        let content = fs::read(&file)?;
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, file.strip_prefix(directory)?, content.as_slice())?;
    }
    tar.into_inner()?.finish()?;
    println!("{}: {} bytes", archive.display(), fs::metadata(&archive)?.len());
    Ok(())
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

impl Fixture {
    /// The names of its repositories.
    ///
    /// # Errors
    /// Where its folder can't be read.
    pub fn repositories(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in self.directory.path().read_dir().context("list a fixture")? {
            let name = entry.context("list a fixture")?.file_name();
            names.extend(name.to_str().and_then(|name| name.strip_prefix("repo-")).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// The repository `name`: `main`, `chunked` and so on.
    pub fn repository(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("repo-{name}"))
    }

    /// The documents that the server had in it when the snapshot `name` was taken: `main-snap-1` or `main-snap-2`.
    pub fn truth(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("truth/{name}.ndjson"))
    }

    /// The same of a server before Elasticsearch 7: a folder with a file for each index
    /// ([`truth::Folder`](crate::truth::Folder)).
    pub fn truth_folder(&self, snapshot: &str) -> PathBuf {
        self.directory.path().join(format!("truth/{snapshot}/docs"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::document::Document;
    use crate::servers::{self, Product};
    use crate::truth::{Compared, compare_documents, read};

    const WITH_TRUTH: [&str; 5] =
        ["elasticsearch-7.10.2", "elasticsearch-8.19.21", "opensearch-1.3.20", "opensearch-2.19.4", "opensearch-3.8.0"];

    #[test]
    fn the_truth_of_every_fixture_has_as_many_documents_as_its_server_counted() {
        for name in WITH_TRUTH {
            let fixture = unpack(name).unwrap();
            for truth in ["main-snap-1", "main-snap-2"] {
                let file = fixture.truth(truth);
                let counts = std::fs::read(file.with_extension("counts.json")).unwrap();
                let mut missing: BTreeMap<String, i64> = serde_json::from_slice(&counts).unwrap();
                for line in std::fs::read_to_string(&file).unwrap().lines() {
                    let document: Document = serde_json::from_str(line).unwrap();
                    *missing.get_mut(&document.index).unwrap() -= 1;
                }
                assert!(missing.len() > 20, "{name} {truth}");
                assert!(missing.values().all(|count| *count == 0), "{name} {truth}: {missing:?}");
            }
            for repository in ["main", "chunked"] {
                let latest = std::fs::read(fixture.repository(repository).join("index.latest")).unwrap();
                let generation = u64::from_be_bytes(latest.try_into().unwrap());
                assert!(fixture.repository(repository).join(format!("index-{generation}")).is_file(), "{name}");
            }
        }
    }
    #[test]
    fn a_server_that_restores_a_snapshot_answers_what_its_truth_says() {
        let fixture = unpack("elasticsearch-7.10.2").unwrap();
        let big = unpack("elasticsearch-7.10.2-big").unwrap();
        let quickstart = Path::new(DIRECTORY).join("../../examples/quickstart");
        let snapshots = [
            (fixture.repository("main"), "snap-1", fixture.truth("main-snap-1"), "*,-big-docs"),
            (fixture.repository("main"), "snap-2", fixture.truth("main-snap-2"), "*,-big-docs"),
            (big.repository("chunked"), "snap-ch", big.truth("main-snap-2"), "big-docs"),
            (quickstart.join("repository"), "snap-1", quickstart.join("truth.ndjson"), "*"),
        ];
        let http = servers::shared(Product::Elasticsearch7).unwrap().http().unwrap();
        for (repository, snapshot, truth, indices) in snapshots {
            http.delete("/_all?expand_wildcards=all").unwrap();
            let settings = json!({"location": repository.canonicalize().unwrap(), "readonly": true});
            http.put("/_snapshot/restored", json!({"type": "fs", "settings": settings})).unwrap();
            // What a plugin of a full distribution left behind on an index is unknown to a server without it.
            let wanted = json!({"indices": indices, "ignore_index_settings": ["index.lifecycle.*"]});
            http.post(&format!("/_snapshot/restored/{snapshot}/_restore?wait_for_completion=true"), wanted).unwrap();
            http.post("/_all/_open?expand_wildcards=all", "").unwrap();
            http.get("/_cluster/health?wait_for_no_initializing_shards=true&timeout=60s").unwrap();
            let restored = http.get("/_all/_settings?expand_wildcards=all").unwrap();
            let documents = restored.as_object().unwrap().keys().flat_map(|index| {
                http.refresh(index).unwrap();
                http.documents(index).unwrap()
            });
            let truth = read(std::io::BufReader::new(File::open(&truth).unwrap()), "truth");
            let report = compare_documents(documents.map(Ok), truth, Compared::Everything).unwrap();
            assert!(report.is_equal() && report.equal > 20, "{} {snapshot}: {report}", repository.display());
        }
    }
}
