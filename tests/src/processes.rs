//! Programs that a test starts and then kills, pauses or reads the log of.
//!
//! In: a command. Out: a [`Program`] that runs, its output in a file.
//! Holds: a program ends with its [`Program`], and with a kill: a test that fails leaves nothing running.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// How much of a log is shown where a test fails.
const LOG_TAIL_LINES: usize = 120;

/// A running program; killed when dropped.
#[derive(Debug)]
pub struct Program {
    label: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `command`; what it prints goes into `<label>.log` in `directory`, after what is there.
    ///
    /// # Errors
    /// The log can't be written, the command can't be started.
    pub fn start(label: &str, mut command: Command, directory: &Path) -> Result<Self> {
        let log = directory.join(format!("{label}.log"));
        let file = File::options().create(true).append(true).open(&log).context("open a program's log")?;
        command.stdin(Stdio::null()).stdout(file.try_clone().context("open a program's log")?).stderr(file);
        let child = command.spawn().with_context(|| format!("start {label}"))?;
        Ok(Self { label: label.to_owned(), child, log })
    }

    /// What it was called when it was started.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as `kill -9` does.
    ///
    /// # Errors
    /// The process can't be waited for.
    pub fn kill9(&mut self) -> Result<ExitStatus> {
        self.child.kill().with_context(|| format!("kill {}", self.label))?;
        self.child.wait().with_context(|| format!("wait for {}", self.label))
    }

    /// Stops it where it stands, as a suspended machine does; it notices nothing until [`Program::resume`].
    ///
    /// # Errors
    /// The signal can't be sent.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on after [`Program::pause`].
    ///
    /// # Errors
    /// The signal can't be sent.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Asks it to end in order, and waits until it has.
    ///
    /// # Errors
    /// The signal can't be sent, the process can't be waited for.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.child.wait().with_context(|| format!("wait for {}", self.label))
    }

    /// Whether it runs still.
    ///
    /// # Errors
    /// The process can't be looked after.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait().with_context(|| format!("look after {}", self.label))?.is_none())
    }

    /// What it printed so far.
    ///
    /// # Errors
    /// The log can't be read.
    pub fn log(&self) -> Result<String> {
        let bytes = std::fs::read(&self.log).with_context(|| format!("read the log of {}", self.label))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The end of what it printed, under its label: for the message of a test that fails.
    pub fn log_tail(&self) -> String {
        let log = self.log().unwrap_or_else(|error| format!("{error:#}"));
        let skipped = log.lines().count().saturating_sub(LOG_TAIL_LINES);
        let tail: Vec<&str> = log.lines().skip(skipped).collect();
        format!("--- {} ---\n{}", self.label, tail.join("\n"))
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.with_context(|| format!("{} has no process id", self.label))?;
        kill_process(pid, signal).with_context(|| format!("send a signal to {}", self.label))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that ended by itself can't be killed; either way it is waited for.
        self.kill9().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_paused_resumed_and_killed_and_its_output_kept() {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo begun; while true; do sleep 0.01; done"]);
        let mut program = Program::start("loop", command, directory.path()).unwrap();
        while !program.log().unwrap().contains("begun") {
            assert!(program.is_running().unwrap(), "{}", program.log_tail());
            std::thread::yield_now();
        }
        program.pause().unwrap();
        assert!(program.is_running().unwrap());
        program.resume().unwrap();
        assert!(!program.kill9().unwrap().success());
        assert!(!program.is_running().unwrap());
    }
}
