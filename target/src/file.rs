//! Lines in a directory: one file per slice, of which the bytes that a checkpoint covers survive any crash.
//!
//! In: lines. Out: `<index>/<shard>-<slice>.ndjson` below the directory, once the slice is finished; until then the
//! same with `.part` at the end.
//!
//! Holds: [`SliceFile::sync`] returns a length only when the disk has that many bytes and the file's name; a file is cut
//! to the checkpoint's length when it is opened, so what a crash left after it is gone; one process writes a file at a
//! time; no name leaves the directory. Sync, with plain `std::fs`: the caller brings the thread.
//! Not here: what a line looks like, and when a checkpoint is due.

mod index_dir;
mod name;

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::TargetError;

const DONE: &str = ".ndjson";
const PART: &str = ".ndjson.part";

/// A directory of documents.
#[derive(Debug, Clone)]
pub struct DirectoryTarget {
    out: PathBuf,
}

/// The file of one slice.
#[derive(Debug)]
pub struct SliceFile {
    paths: Paths,
    len: u64,
    state: State,
}

#[derive(Debug)]
struct Paths {
    out: PathBuf,
    directory: PathBuf,
    part: PathBuf,
    done: PathBuf,
}

#[derive(Debug)]
enum State {
    /// Written to; held under a lock.
    Open { file: File, named_on_disk: bool },
    /// A call failed: how much of the file is good, only a checkpoint knows.
    Failed,
    /// Has its final name.
    Done,
}

impl DirectoryTarget {
    /// The directory `out`, which is made where it is missing.
    ///
    /// # Errors
    /// [`TargetError::File`] where it can't be made.
    pub fn open(out: PathBuf) -> Result<Self, TargetError> {
        fs::create_dir_all(&out).map_err(|error| TargetError::file(&out, "create directory", error))?;
        Ok(Self { out })
    }

    /// The file of a slice, as it was when it had `resume_len` bytes: 0 for a slice that has no checkpoint yet.
    ///
    /// A file that has its final name already is done if it has `resume_len` bytes. If it has more, the crash came
    /// before the checkpoint, and it is a part again. Without a checkpoint it stays until the new one takes its place.
    ///
    /// # Errors
    /// [`TargetError::FileChanged`] where it is shorter than `resume_len`, [`TargetError::FileBusy`] where another
    /// process writes it, [`TargetError::File`] and [`TargetError::DiskFull`].
    pub fn slice(&self, index: &str, shard: u32, slice: &str, resume_len: u64) -> Result<SliceFile, TargetError> {
        let paths = Paths::new(&self.out, index, shard, slice);
        fs::create_dir_all(&paths.directory)
            .map_err(|error| TargetError::file(&paths.directory, "create directory", error))?;
        if resume_len > 0 && len(&paths.part)?.is_none() {
            match len(&paths.done)? {
                Some(found) if found == resume_len => {
                    return Ok(SliceFile { paths, len: resume_len, state: State::Done });
                }
                Some(found) if found > resume_len => rename(&paths.done, &paths.part)?,
                found => return Err(changed(&paths.done, found, resume_len)),
            }
        }
        let file = open_part(&paths.part, resume_len)?;
        Ok(SliceFile { paths, len: resume_len, state: State::Open { file, named_on_disk: false } })
    }
}

impl SliceFile {
    /// Adds bytes at the end: whole lines, with their line breaks.
    ///
    /// # Errors
    /// [`TargetError::DiskFull`] and [`TargetError::File`], after which the file must be opened again;
    /// [`TargetError::FileChanged`] where the file is done and there are more bytes for it.
    pub fn append(&mut self, lines: &[u8]) -> Result<(), TargetError> {
        if let State::Done = self.state {
            let found = Some(self.len);
            return Err(changed(&self.paths.done, found, self.len.saturating_add(lines.len() as u64)));
        }
        self.with_file("write", |_, file, _| file.write_all(lines))?;
        self.len = self.len.saturating_add(lines.len() as u64);
        Ok(())
    }

    /// Waits until everything appended is on disk. Out: the length, for the checkpoint.
    ///
    /// # Errors
    /// [`TargetError::DiskFull`] and [`TargetError::File`], after which the file must be opened again.
    pub fn sync(&mut self) -> Result<u64, TargetError> {
        if let State::Done = self.state {
            return Ok(self.len);
        }
        self.with_file("flush to disk", |paths, file, named_on_disk| {
            file.sync_data()?;
            if !*named_on_disk {
                // A file is found after a crash only if its name, and its directory's name, are on disk too.
                sync_directory(&paths.directory)?;
                sync_directory(&paths.out)?;
                *named_on_disk = true;
            }
            Ok(())
        })?;
        Ok(self.len)
    }

    /// Gives the file its final name, with everything on disk. Done twice, it changes nothing. Out: the length.
    ///
    /// # Errors
    /// [`TargetError::DiskFull`] and [`TargetError::File`], after which the file must be opened again.
    pub fn finish(&mut self) -> Result<u64, TargetError> {
        if let State::Done = self.state {
            return Ok(self.len);
        }
        self.sync()?;
        self.with_file("give the final name to", |paths, _, _| {
            fs::rename(&paths.part, &paths.done)?;
            sync_directory(&paths.directory)
        })?;
        self.state = State::Done;
        Ok(self.len)
    }

    /// Runs one step on the open file. After an error nobody knows what the file holds: a failed flush may have dropped
    /// what was written, and the next one would say that all is well.
    fn with_file(
        &mut self,
        doing: &'static str,
        step: impl FnOnce(&Paths, &mut File, &mut bool) -> io::Result<()>,
    ) -> Result<(), TargetError> {
        let State::Open { file, named_on_disk } = &mut self.state else {
            return Err(TargetError::FileUnknown { path: self.paths.part.clone() });
        };
        step(&self.paths, file, named_on_disk).map_err(|error| {
            self.state = State::Failed;
            TargetError::file(&self.paths.part, doing, error)
        })
    }
}

impl Paths {
    fn new(out: &Path, index: &str, shard: u32, slice: &str) -> Self {
        let directory = out.join(name::encoded(index, ""));
        let file = |suffix: &str| directory.join(name::encoded(&format!("{shard}-{slice}"), suffix));
        let (part, done) = (file(PART), file(DONE));
        Self { out: out.to_path_buf(), directory, part, done }
    }
}

/// Opens, locks and cuts the part; it is made only where nothing should be in it.
fn open_part(path: &Path, resume_len: u64) -> Result<File, TargetError> {
    let open = File::options().write(true).create(resume_len == 0).truncate(false).open(path);
    let mut file = open.map_err(|error| TargetError::file(path, "open", error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(TargetError::FileBusy { path: path.to_path_buf() }),
        // A file system without locks: the slice's lease is what keeps two workers apart then.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(TargetError::file(path, "lock", error)),
    }
    // Whoever held the lock until now may have given the file its final name.
    let found = len(path)?;
    if found.is_none() {
        return Err(TargetError::FileBusy { path: path.to_path_buf() });
    }
    if found < Some(resume_len) {
        return Err(changed(path, found, resume_len));
    }
    file.set_len(resume_len).map_err(|error| TargetError::file(path, "cut", error))?;
    file.seek(SeekFrom::Start(resume_len)).map_err(|error| TargetError::file(path, "seek in", error))?;
    Ok(file)
}

/// Length of a file; `None` where there is none.
fn len(path: &Path) -> Result<Option<u64>, TargetError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(TargetError::file(path, "look at", error)),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), TargetError> {
    fs::rename(from, to).map_err(|error| TargetError::file(from, "rename", error))
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn changed(path: &Path, found: Option<u64>, expected: u64) -> TargetError {
    let found = found.map_or("is missing".to_owned(), |len| format!("holds {len} bytes"));
    TargetError::FileChanged { path: path.to_path_buf(), found, expected: format!("{expected} bytes") }
}

#[cfg(test)]
mod tests;
