//! `migctl configure edit`: the person's editor on the file, and what is wrong with it afterwards.

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::wrong;
use crate::config::sample;
use crate::exit::Exit;
use crate::hint;

/// Opens the editor until the file is valid, or the person wants it otherwise.
///
/// # Errors
/// The editor can't be started; the file can't be read or written.
pub fn edit(file: &Path) -> anyhow::Result<Exit> {
    let shown = file.display();
    let before = match std::fs::read_to_string(file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::write(file, sample::sample()?).with_context(|| format!("write {shown}"))?;
            eprintln!("{shown} is new: it begins as the sample");
            None
        }
        Err(error) => return Err(error).with_context(|| format!("read {shown}")),
    };
    loop {
        open_editor(file)?;
        let text = std::fs::read_to_string(file).with_context(|| format!("read {shown}"))?;
        let Some(wrong) = wrong(&text, file)? else {
            eprintln!("{shown} is valid");
            hint::next(&format!("migctl run -c {shown}, or migctl submit -c {shown}"));
            return Ok(Exit::Done);
        };
        eprintln!("error: {wrong}\n");
        match ask()? {
            Answer::Again => {}
            Answer::Keep => {
                eprintln!("{shown} stays as it is, and is not valid");
                return Ok(Exit::Usage);
            }
            Answer::PutBack => {
                match &before {
                    Some(before) => std::fs::write(file, before).with_context(|| format!("write {shown}"))?,
                    None => std::fs::remove_file(file).with_context(|| format!("remove {shown}"))?,
                }
                eprintln!("{shown} is as it was before");
                return Ok(Exit::Usage);
            }
        }
    }
}

/// Runs `$VISUAL`, `$EDITOR` or `vi`; the variables may hold arguments, so a shell takes them apart, as for git.
fn open_editor(file: &Path) -> anyhow::Result<()> {
    let set = |name: &str| std::env::var(name).ok().filter(|editor| !editor.trim().is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{editor} \"$@\"")).arg(&editor).arg(file);
    let ended = command.status().with_context(|| format!("start the editor {editor}"))?;
    anyhow::ensure!(
        ended.success(),
        "the editor {editor} ended with {ended}; VISUAL or EDITOR names another one; nothing else was done"
    );
    Ok(())
}

/// What becomes of a file that is not valid.
enum Answer {
    Again,
    Keep,
    PutBack,
}

/// Asks until there is an answer; no answer at all keeps what was written.
fn ask() -> anyhow::Result<Answer> {
    loop {
        eprint!("[e]dit again, [k]eep it as it is, [p]ut back what was there before? ");
        std::io::stderr().flush().context("ask")?;
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line).context("read the answer")? == 0 {
            eprintln!();
            return Ok(Answer::Keep);
        }
        match line.trim().to_ascii_lowercase().as_str() {
            "e" | "edit" => return Ok(Answer::Again),
            "k" | "keep" => return Ok(Answer::Keep),
            "p" | "put" | "put back" => return Ok(Answer::PutBack),
            _ => {}
        }
    }
}
