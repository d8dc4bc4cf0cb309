//! `migctl man`: the man pages of all three programs, from the same words as `--help`.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use crate::cli::Cli;
use crate::exit::Exit;

/// Writes a page for every command.
///
/// # Errors
/// The disk's.
pub fn man(directory: &Path) -> anyhow::Result<Exit> {
    let written = || format!("write man pages into {}", directory.display());
    std::fs::create_dir_all(directory).with_context(written)?;
    for program in [Cli::command(), coordinator::cli::Cli::command(), worker::cli::Cli::command()] {
        clap_mangen::generate_to(program, directory).with_context(written)?;
    }
    Ok(Exit::Done)
}
