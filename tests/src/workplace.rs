//! A person's directory: a configuration in it, `migctl` run in it, and what came of it.
//!
//! Holds: nothing leaves the directory, which goes when the [`Workplace`] is dropped.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::binaries;
use crate::document::Document;
use crate::processes::Program;
use crate::truth::{self, Compared, Report};

/// The configuration's file, which `migctl` looks for by itself.
pub const CONFIG: &str = "migration.yaml";

/// Where a [`Config`] sends documents, unless it says otherwise.
pub const OUT: &str = "file:./out";

/// Lines of a configuration that let every phase begin by itself.
pub const NO_GATES: &str = "gates: {metadata: auto, load: auto, cleanup: auto}\n";

/// The configuration of a migration called `test`.
#[derive(Debug, Clone, Copy)]
pub struct Config<'a> {
    /// The repository's directory.
    pub repository: &'a Path,
    /// The snapshot's name.
    pub snapshot: &'a str,
    /// The target.
    pub endpoint: &'a str,
    /// Further lines.
    pub further: &'a str,
}

impl<'a> Config<'a> {
    /// Into [`OUT`], with [`NO_GATES`].
    pub fn new(repository: &'a Path, snapshot: &'a str) -> Self {
        Self { repository, snapshot, endpoint: OUT, further: NO_GATES }
    }
}

impl fmt::Display for Config<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, snapshot, endpoint, further } = self;
        write!(
            f,
            "name: test\nsnapshot:\n  repository: {{path: '{}'}}\n  externallyManagedSnapshot: {snapshot}\ntarget:\n  \
             endpoint: '{endpoint}'\n{further}",
            repository.display()
        )
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it printed as data.
    pub output: String,
    /// What it said to the person.
    pub errors: String,
}

impl Ended {
    /// What it printed as JSON.
    ///
    /// # Errors
    /// It is no JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.output).with_context(|| self.to_string())
    }
}

impl fmt::Display for Ended {
    /// All of it, for the message of a test that fails.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {:?}\n{}{}", self.code, self.errors, self.output)
    }
}

/// A directory to run `migctl` in.
#[derive(Debug)]
pub struct Workplace {
    directory: TempDir,
}

impl Workplace {
    /// An empty one.
    ///
    /// # Errors
    /// The directory can't be made.
    pub fn new() -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("migctl-run-").tempdir().context("create a folder")?;
        Ok(Self { directory })
    }

    /// One with this configuration.
    ///
    /// # Errors
    /// As [`Workplace::new`] and [`Workplace::configure`].
    pub fn with(config: impl fmt::Display) -> Result<Self> {
        let workplace = Self::new()?;
        workplace.configure(config)?;
        Ok(workplace)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes the configuration, in place of what was there.
    ///
    /// # Errors
    /// It can't be written.
    pub fn configure(&self, config: impl fmt::Display) -> Result<()> {
        fs::write(self.path().join(CONFIG), config.to_string()).context("write the configuration")
    }

    /// Runs `migctl` to its end.
    ///
    /// # Errors
    /// It can't be started.
    pub fn migctl(&self, arguments: &[&str]) -> Result<Ended> {
        let output = binaries::command("migctl", self.path(), arguments)?.output().context("run migctl")?;
        Ok(Ended {
            code: output.status.code(),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Starts `migctl`; what it prints goes to the end of `migctl.log`.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start(&self, arguments: &[&str]) -> Result<Program> {
        Program::start("migctl", binaries::command("migctl", self.path(), arguments)?, self.path())
    }

    /// Every file under `out` whose name ends so, in order.
    ///
    /// # Errors
    /// A folder can't be read.
    pub fn out(&self, end: &str) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        let mut folders = vec![self.path().join("out")];
        while let Some(folder) = folders.pop() {
            if !folder.try_exists().context("look for a folder")? {
                continue;
            }
            for entry in fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))? {
                let entry = entry.context("list a folder")?;
                if entry.file_type().context("look at a file")?.is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name().to_string_lossy().ends_with(end) {
                    found.push(entry.path());
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Compares every line of `out` with the documents of `truth`, a file or a folder, whose indices `wanted` accepts.
    ///
    /// # Errors
    /// A file can't be read; a line is no document, or has no end.
    pub fn compare(&self, truth: &Path, wanted: impl Fn(&str) -> bool) -> Result<Report> {
        let mut lines = Vec::new();
        for file in self.out(".ndjson")? {
            lines.append(&mut fs::read(&file).with_context(|| format!("read {}", file.display()))?);
            anyhow::ensure!(lines.last().is_none_or(|byte| *byte == b'\n'), "{} ends within a line", file.display());
        }
        let truth: Vec<Document> = if truth.is_dir() {
            truth::Folder::read(truth)?.documents
        } else {
            let truth = fs::read(truth).with_context(|| format!("read {}", truth.display()))?;
            truth::read(truth.as_slice(), "truth").collect::<Result<_>>()?
        };
        // What is there besides the wanted counts as unexpected.
        let expected = truth.into_iter().filter(|document| wanted(&document.index)).map(Ok);
        truth::compare_documents(truth::read(lines.as_slice(), "output"), expected, Compared::Everything)
    }

    /// Forgets every run: its state and what it wrote.
    ///
    /// # Errors
    /// A folder can't be removed.
    pub fn wipe(&self) -> Result<()> {
        for folder in ["out", ".migctl"] {
            let folder = self.path().join(folder);
            if folder.try_exists().context("look for a folder")? {
                fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
            }
        }
        Ok(())
    }
}
