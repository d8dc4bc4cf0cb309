//! What an index's folder holds besides the files of its slices: its metadata, and how many lines there are in all.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use super::{DONE, DirectoryTarget, PART, Paths, sync_directory};
use crate::error::TargetError;

/// The file that holds an index's metadata. No slice's file has this name: theirs begin with a digit.
const METADATA: &str = "index.json";

/// Bytes read at once while lines are counted.
const BUFFER: usize = 1 << 20;

impl DirectoryTarget {
    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.out
    }

    /// Writes the metadata of an index beside its documents, in place of what was there.
    ///
    /// # Errors
    /// [`TargetError::DiskFull`] and [`TargetError::File`].
    pub fn write_metadata(&self, index: &str, text: &[u8]) -> Result<(), TargetError> {
        let directory = Paths::new(&self.out, index, 0, "").directory;
        fs::create_dir_all(&directory).map_err(|error| TargetError::file(&directory, "create directory", error))?;
        let (new, done) = (directory.join(format!("{METADATA}.part")), directory.join(METADATA));
        let write = || {
            let mut file = fs::File::create(&new)?;
            file.write_all(text)?;
            file.sync_data()?;
            fs::rename(&new, &done)?;
            sync_directory(&directory)
        };
        write().map_err(|error| TargetError::file(&done, "write", error))
    }

    /// Lines in the finished files of an index.
    ///
    /// # Errors
    /// [`TargetError::FileChanged`] where a slice is not finished, [`TargetError::File`].
    pub fn count_lines(&self, index: &str) -> Result<u64, TargetError> {
        let directory = Paths::new(&self.out, index, 0, "").directory;
        let fault = |error| TargetError::file(&directory, "list", error);
        let mut buffer = vec![0; BUFFER];
        let mut lines = 0;
        for entry in fs::read_dir(&directory).map_err(fault)? {
            let path = entry.map_err(fault)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.ends_with(PART) {
                let found = "is not finished".to_owned();
                return Err(TargetError::FileChanged { path, found, expected: "a finished file".to_owned() });
            }
            if name.ends_with(DONE) {
                lines += count(&path, &mut buffer).map_err(|error| TargetError::file(&path, "read", error))?;
            }
        }
        Ok(lines)
    }
}

fn count(path: &Path, buffer: &mut [u8]) -> std::io::Result<u64> {
    let mut file = fs::File::open(path)?;
    let mut lines = 0;
    loop {
        let read = file.read(buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { return Ok(lines) };
        lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_finished_files_count_and_an_unfinished_one_is_named() {
        let out = tempfile::tempdir().unwrap();
        let target = DirectoryTarget::open(out.path().to_path_buf()).unwrap();
        target.write_metadata("orders", b"{}\n").unwrap();
        let mut done = target.slice("orders", 0, "_0-0-2", 0).unwrap();
        done.append(b"{}\n{}\n").unwrap();
        done.finish().unwrap();
        assert_eq!(target.count_lines("orders").unwrap(), 2);
        let mut part = target.slice("orders", 1, "_0-0-2", 0).unwrap();
        part.append(b"{}\n").unwrap();
        let error = target.count_lines("orders").unwrap_err().to_string();
        assert!(error.contains("1-_0-0-2.ndjson.part"), "{error}");
    }
}
