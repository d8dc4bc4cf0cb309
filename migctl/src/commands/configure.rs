//! `migctl configure`: help with the configuration file, from nothing to a valid one.

use std::io::{IsTerminal, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{has_colours, invalid};
use crate::cli::{ConfigureCommand, Output};
use crate::config::{self, model, sample};
use crate::exit::Exit;
use crate::hint;

mod edit;
mod view;

/// Runs a command of `configure`.
///
/// # Errors
/// The file can't be read or written.
pub async fn configure(command: ConfigureCommand) -> anyhow::Result<Exit> {
    match command {
        ConfigureCommand::Sample => {
            let printed = print(&sample::sample()?)?;
            let is_kept = !std::io::stdout().is_terminal();
            hint::next(if is_kept { "migctl configure edit" } else { "migctl configure sample > migration.yaml" });
            Ok(printed)
        }
        ConfigureCommand::Schema => {
            print(&format!("{}\n", serde_json::to_string_pretty(&model::schema()).context("write JSON")?))
        }
        ConfigureCommand::Validate { config, output } => validate(&which(config), output),
        ConfigureCommand::Edit { config } => edit::edit(&config),
        ConfigureCommand::View { config, output } => view::view(&which(config), output).await,
    }
}

/// Prints to whoever reads; one that has read enough is no failure.
fn print(text: &str) -> anyhow::Result<Exit> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("write to standard output"),
        _ => Ok(Exit::Done),
    }
}

/// The file that is meant: the one that is named; else what comes through a pipe; else the one that every command takes.
fn which(config: Option<PathBuf>) -> PathBuf {
    config.unwrap_or_else(|| if is_piped() { "-" } else { "migration.yaml" }.into())
}

/// Whether another command's output, or a file, comes in.
fn is_piped() -> bool {
    let input = std::fs::metadata("/dev/stdin").map(|input| input.file_type());
    input.is_ok_and(|input| input.is_fifo() || input.is_file())
}

fn validate(file: &Path, output: Output) -> anyhow::Result<Exit> {
    if file == Path::new("-") {
        eprintln!("reading the configuration from standard input; -c FILE names a file");
    }
    match (config::load(file), output) {
        (Ok(spec), Output::Text) => {
            for warning in config::warnings(&spec) {
                eprintln!("{warning}");
            }
            println!("{} is valid: migration {}", shown(file), spec.name);
            if file != Path::new("-") {
                hint::next(&format!("migctl run -c {0}, or migctl submit -c {0}", file.display()));
            }
            Ok(Exit::Done)
        }
        (Ok(_), Output::Json) => print("[]\n"),
        (Err(config::Error::Invalid(report)), Output::Json) => {
            print(&format!("{}\n", report.json().context("write JSON")?))?;
            Ok(Exit::Usage)
        }
        (Err(error), _) => Err(invalid(error)),
    }
}

fn shown(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() }
}

/// What is wrong with a text, as it is shown; nothing where it is valid.
fn wrong(text: &str, file: &Path) -> anyhow::Result<Option<String>> {
    match config::check(text, &shown(file)) {
        Ok(_) => Ok(None),
        Err(config::Error::Invalid(report)) => Ok(Some(report.render(has_colours()))),
        Err(error) => Err(invalid(error)),
    }
}
