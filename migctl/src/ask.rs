//! Questions on a terminal.
//!
//! Holds: a question that is no longer wanted can be dropped, and what is typed then answers no other. The reader is a
//! thread of its own, because one of the runtime's would keep the process from ending.

use std::io::{BufRead, IsTerminal, Write};
use std::thread;

use anyhow::Context;
use tokio::sync::mpsc;

/// Whether there is somebody to ask.
#[must_use]
pub fn is_possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Reads answers, once the first question was asked.
#[derive(Debug, Default)]
pub struct Terminal {
    lines: Option<mpsc::Receiver<String>>,
}

impl Terminal {
    /// Puts a question; [`Terminal::answer`] waits for what is typed from now on.
    ///
    /// # Errors
    /// Standard error is closed; the reader can't be started.
    pub fn put(&mut self, question: &str) -> anyhow::Result<()> {
        match &mut self.lines {
            Some(lines) => while lines.try_recv().is_ok() {},
            None => self.lines = Some(start_reader()?),
        }
        eprint!("{question} [y/N] ");
        std::io::stderr().flush().context("ask")
    }

    /// Whether the answer is yes; the end of the input is a no.
    pub async fn answer(&mut self) -> bool {
        let line = match &mut self.lines {
            Some(lines) => lines.recv().await,
            None => None,
        };
        matches!(line.as_deref().map(str::trim), Some("y" | "Y" | "yes"))
    }

    /// Asks; whether the answer is yes.
    ///
    /// # Errors
    /// As [`Terminal::put`].
    pub async fn ask(&mut self, question: &str) -> anyhow::Result<bool> {
        self.put(question)?;
        Ok(self.answer().await)
    }
}

fn start_reader() -> anyhow::Result<mpsc::Receiver<String>> {
    let (answers, lines) = mpsc::channel(1);
    let read = move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if answers.blocking_send(line).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("answers".to_owned()).spawn(read).context("start to read answers")?;
    Ok(lines)
}
