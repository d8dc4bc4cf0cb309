//! Where downloaded servers live, and how several test binaries share them.
//!
//! Holds: whatever is under [`tools_dir`] may be deleted at any time; the next test makes it again.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The folder of everything that tests provision: `.tools` in the workspace.
#[must_use]
pub fn tools_dir() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).join(".tools")
}

/// Holds everybody else off until it is dropped; also when its process is killed.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits for the lock `name` of [`tools_dir`].
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn acquire(name: &str) -> anyhow::Result<Self> {
        let dir = tools_dir();
        std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
        let path = dir.join(format!("{name}.lock"));
        let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        file.lock().with_context(|| format!("lock {}", path.display()))?;
        Ok(Self { _file: file })
    }
}
