//! The line after a command that says what is typed next, for a person who sits there.
//!
//! Holds: only where standard error is a terminal, and never beside JSON: a script gets what it asked for.

use std::io::IsTerminal;

use protocol::ids::MigrationName;

use crate::cli::{BusArgs, Output};

/// Says what is typed next.
pub fn next(command: &str) {
    if std::io::stderr().is_terminal() {
        eprintln!("next: {command}");
    }
}

/// As [`next`], after a command that can print JSON.
pub fn after(output: Output, command: &str) {
    if output == Output::Text {
        next(command);
    }
}

/// `migctl <words> -m <migration>`, on the bus that `args` name.
#[must_use]
pub fn about(words: &str, migration: &MigrationName, args: &BusArgs) -> String {
    format!("migctl {words} -m {migration}{}", args.nats.to_type())
}
