//! What lies in a migration's folder: the database, and while it runs its process id and its socket.
//!
//! Holds: socket and process id belong to whoever has the database locked; they are made after it is locked and
//! removed before it is unlocked. Only this user can connect.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use crate::bus::BusError;

const DATABASE: &str = "state.redb";
const SOCKET: &str = "bus.sock";
const PID: &str = "run.pid";

/// Longest path that fits a socket address on every system (108 bytes on Linux, 104 elsewhere), with its closing zero.
const SOCKET_PATH_MAX: usize = 103;

/// The database's path.
pub(super) fn database(dir: &Path) -> PathBuf {
    dir.join(DATABASE)
}

/// Makes the folder, for this user alone.
pub(super) fn prepare(dir: &Path) -> Result<(), BusError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|source| unusable(format!("{} can't be made: choose another folder", dir.display()), source))
}

/// The process that has the folder in use, as far as it is known.
pub(super) fn owner(dir: &Path) -> Option<String> {
    let pid = std::fs::read_to_string(dir.join(PID)).ok()?;
    pid.trim().parse::<u32>().ok().map(|pid| pid.to_string())
}

/// The files of a run; they go when this is dropped.
#[derive(Debug)]
pub(super) struct RunFiles {
    dir: PathBuf,
}

impl RunFiles {
    /// Takes the folder for this process and listens; to be called with the database locked.
    pub(super) fn claim(dir: &Path) -> Result<(Self, UnixListener), BusError> {
        let claimed = Self { dir: dir.to_owned() };
        let pid = dir.join(PID);
        std::fs::write(&pid, std::process::id().to_string())
            .map_err(|source| unusable(format!("{} can't be written", pid.display()), source))?;
        let listener = listen(dir)
            .map_err(|source| unusable(format!("can't listen at {}", dir.join(SOCKET).display()), source))?;
        Ok((claimed, listener))
    }
}

impl Drop for RunFiles {
    fn drop(&mut self) {
        for name in [SOCKET, PID] {
            // Left behind they do no harm: the next run replaces them.
            let _ = std::fs::remove_file(self.dir.join(name));
        }
    }
}

/// Listens under another name first, so that nobody else can connect before the permissions are set, and what a
/// killed run left behind is replaced at once.
fn listen(dir: &Path) -> io::Result<UnixListener> {
    let fresh = format!("{SOCKET}.new");
    let path = dir.join(&fresh);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let short = ShortPath::of(dir, &fresh)?;
    let listener = UnixListener::bind(&short.path)?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    std::fs::rename(&path, dir.join(SOCKET))?;
    Ok(listener)
}

/// Connects to the run that has the folder in use.
pub(super) async fn connect(dir: &Path) -> io::Result<UnixStream> {
    let short = ShortPath::of(dir, SOCKET)?;
    UnixStream::connect(&short.path).await
}

/// A path that fits a socket address, valid as long as this lives.
struct ShortPath {
    path: PathBuf,
    _dir: Option<File>,
}

impl ShortPath {
    fn of(dir: &Path, name: &str) -> io::Result<Self> {
        let path = dir.join(name);
        if path.as_os_str().len() <= SOCKET_PATH_MAX {
            return Ok(Self { path, _dir: None });
        }
        if !cfg!(target_os = "linux") {
            let what = format!("the path has more than {SOCKET_PATH_MAX} bytes: start migctl from a shorter folder");
            return Err(io::Error::new(io::ErrorKind::InvalidFilename, what));
        }
        let dir = File::open(dir)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{name}", dir.as_raw_fd()));
        Ok(Self { path, _dir: Some(dir) })
    }
}

fn unusable(what: String, source: io::Error) -> BusError {
    BusError::Unusable { what, source: Some(Box::new(source)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_private_replaces_a_stale_one_and_fits_a_long_path() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("d".repeat(120));
        prepare(&dir).unwrap();
        for file in [SOCKET, "bus.sock.new", PID] {
            std::fs::write(dir.join(file), "left by a run that was killed").unwrap();
        }
        assert!(connect(&dir).await.is_err());
        let (files, _listener) = RunFiles::claim(&dir).unwrap();
        assert_eq!(std::fs::metadata(dir.join(SOCKET)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(owner(&dir), Some(std::process::id().to_string()));
        connect(&dir).await.unwrap();
        drop(files);
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
    }
}
