//! What the tab key offers: commands and options from clap, values from where the migration is.
//!
//! In: the words typed so far. Out: candidates; none where nobody answers at once.
//! Holds: it takes [`PATIENCE`] at most, says nothing but candidates, and looks where the command would look: by what
//! is typed, else by the environment.
//! Not here: the scripts of the shells (`clap_complete`), which call this program at each press of the key.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter};
use clap_complete::env::{self, EnvCompleter, Shells};
use protocol::ids::MigrationName;
use protocol::phase::Phase;
use protocol::process::NatsArgs;

use crate::cli::{BusArgs, Cli};
use crate::label::{LabelKey, label_values};
use crate::view;
use crate::{commands, view::View};

/// How long a press of the key may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers a shell that asks for candidates or for its script, and ends this process; returns where none asked.
///
/// Called before any thread begins: it changes the environment.
pub fn answer() {
    let shells: [&dyn EnvCompleter; 3] = [&Bash, &env::Zsh, &env::Fish];
    CompleteEnv::with_factory(command).shells(Shells(&shells)).complete();
}

/// The command line, with values.
fn command() -> Command {
    offering(Cli::command())
}

fn offering(command: Command) -> Command {
    command.mut_args(offer).mut_subcommands(offering)
}

/// By the name of an argument: the same word means the same everywhere.
fn offer(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "config" => arg.add(ArgValueCompleter::new(PathCompleter::any().filter(is_config))),
        "migration" => arg.add(ArgValueCandidates::new(migrations)),
        "phase" => arg.add(ArgValueCandidates::new(phases)),
        "labels" => arg.add(ArgValueCompleter::new(labels)),
        "shard" => arg.add(ArgValueCompleter::new(shards)),
        _ => arg,
    }
}

fn is_config(path: &Path) -> bool {
    path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known))
}

fn migrations() -> Vec<CompletionCandidate> {
    let found = ask(async |typed| {
        let nats = NatsArgs::from_arg_matches(&typed)?;
        match &nats.nats {
            Some(_) => Ok(commands::on_bus(&*commands::connect(&nats).await?).await?),
            None => Ok(commands::here()?),
        }
    });
    found.unwrap_or_default().iter().map(|name: &MigrationName| CompletionCandidate::new(name.as_str())).collect()
}

/// Every phase; with its status, where the migration is found.
fn phases() -> Vec<CompletionCandidate> {
    let view = ask(async |typed| {
        let (migration, bus) = commands::attach(&BusArgs::from_arg_matches(&typed)?).await?;
        Ok(View::read(&*bus, &migration).await?)
    });
    let view = view.flatten();
    let status = |phase: Phase| {
        let view = view.as_ref()?.phases.iter().find(|found| found.phase == phase)?;
        Some(view.status.to_owned().into())
    };
    Phase::ALL.into_iter().map(|phase| CompletionCandidate::new(phase.as_str()).help(status(phase))).collect()
}

/// `orders/`, and then `orders/0`, `orders/1`, …; an index of one shard at once.
fn shards(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let inventory = ask(async |typed| {
        let (migration, bus) = commands::attach(&BusArgs::from_arg_matches(&typed)?).await?;
        Ok(view::inventory(&*bus, &migration).await?)
    });
    let loaded = inventory.into_iter().flatten().filter(|index| index.load);
    let offered = loaded.flat_map(|index| {
        let name = index.name;
        let is_chosen = current.strip_prefix(&name).is_some_and(|rest| rest.starts_with('/'));
        match index.shards.len() {
            count if is_chosen || count == 1 => (0..count).map(|shard| format!("{name}/{shard}")).collect(),
            _ => vec![format!("{name}/")],
        }
    });
    offered.filter(|shard| shard.starts_with(current)).map(CompletionCandidate::new).collect()
}

/// `phase=`, and then `phase=load`, as they are seen on the bus.
fn labels(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let offered: Vec<String> = match current.split_once('=') {
        None => LabelKey::ALL.map(|key| format!("{}=", key.as_str())).to_vec(),
        Some((typed, _)) => {
            let Some(key) = LabelKey::ALL.into_iter().find(|key| key.as_str() == typed) else { return Vec::new() };
            let values = ask(async |typed| {
                let (migration, bus) = commands::attach(&BusArgs::from_arg_matches(&typed)?).await?;
                Ok(label_values(&*bus, &migration, key).await?)
            });
            values.into_iter().flatten().map(|value| format!("{typed}={value}")).collect()
        }
    };
    offered.into_iter().filter(|label| label.starts_with(current)).map(CompletionCandidate::new).collect()
}

/// Asks with what was typed; `None` where it is no answer, or too late.
fn ask<T>(question: impl AsyncFnOnce(ArgMatches) -> anyhow::Result<T>) -> Option<T> {
    let typed = typed(std::env::args_os(), place())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, question(typed)).await });
    // Whoever still looks up a name, or reads a file, is not waited for.
    runtime.shutdown_background();
    answer.ok()?.ok()
}

/// The arguments of the innermost command, as far as they are typed: what comes after the shell's `--`.
///
/// Without the word at `at`, which is just being typed, and the option before it: half a value is none.
fn typed(words: impl Iterator<Item = OsString>, at: Option<usize>) -> Option<ArgMatches> {
    let words: Vec<OsString> = words.skip_while(|word| word != "--").skip(1).collect();
    let at = at.unwrap_or(words.len().saturating_sub(1));
    let (mut words, at) = joined(words, at);
    let is_option = |word: &OsString| word.to_str().is_some_and(|word| word.starts_with('-') && !word.contains('='));
    let from = if at.checked_sub(1).and_then(|before| words.get(before)).is_some_and(is_option) { at - 1 } else { at };
    if from > 0 && at < words.len() {
        words.drain(from..=at);
    }
    let mut matches = Cli::command().ignore_errors(true).try_get_matches_from(words).ok()?;
    while let Some((_, inner)) = matches.remove_subcommand() {
        matches = inner;
    }
    Some(matches)
}

/// Which word is being typed, as bash and zsh say; in fish it is the last.
fn place() -> Option<usize> {
    std::env::var("_CLAP_COMPLETE_INDEX").ok()?.parse().ok()
}

/// The words as they were typed, and where the one at `at` is then: bash takes `phase=load` and `host:4222` apart.
fn joined(words: impl IntoIterator<Item = OsString>, at: usize) -> (Vec<OsString>, usize) {
    let mut whole: Vec<OsString> = Vec::new();
    let (mut is_open, mut moved) = (false, at);
    for (number, word) in words.into_iter().enumerate() {
        let is_break = word == "=" || word == ":";
        match whole.last_mut() {
            Some(last) if is_break || is_open => last.push(word),
            Some(_) | None => whole.push(word),
        }
        is_open = is_break;
        if number == at {
            moved = whole.len().saturating_sub(1);
        }
    }
    (whole, moved)
}

/// The bash of `clap_complete`, for which a label is one word.
struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        env::Bash.name()
    }

    fn is(&self, name: &str) -> bool {
        env::Bash.is(name)
    }

    fn write_registration(
        &self,
        var: &str,
        name: &str,
        bin: &str,
        completer: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut script = Vec::new();
        env::Bash.write_registration(var, name, bin, completer, &mut script)?;
        // Right after a `=` bash says that nothing is typed, and the `=` must stay to be seen.
        let script = String::from_utf8_lossy(&script);
        let (typed, kept) =
            ("words[COMP_CWORD]=\"$2\"", "[[ \"${words[COMP_CWORD]}\" == = ]] || words[COMP_CWORD]=\"$2\"");
        out.write_all(script.replace(typed, kept).as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        folder: Option<&Path>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let said = |name: &str| std::env::var(name).ok();
        let at = place().unwrap_or_default();
        let between = said("_CLAP_IFS").unwrap_or_else(|| "\n".to_owned());
        let count = words.len();
        let (words, at) = joined(words, at);
        let current = words.get(at).map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
        // What bash took for words of their own it keeps by itself.
        let kept = current.rfind(['=', ':']).filter(|_| words.len() < count).and_then(|end| current.get(..=end));
        let candidates = clap_complete::engine::complete(command, words, at, folder)?;
        let candidates = candidates.iter().map(|candidate| candidate.get_value().to_string_lossy());
        let shown = candidates.map(|text| text.strip_prefix(kept.unwrap_or_default()).unwrap_or(&text).to_owned());
        out.write_all(shown.collect::<Vec<_>>().join(&between).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> BusArgs {
        let words = ["migctl", "--"].into_iter().chain(line.split(' ')).map(OsString::from);
        BusArgs::from_arg_matches(&typed(words, None).unwrap()).unwrap()
    }

    #[test]
    fn a_half_typed_line_says_where_to_look() {
        let args = found("migctl retry --nats nats://elsewhere -m shop --shard ");
        assert_eq!(args.nats.nats.as_deref(), Some("nats://elsewhere"));
        assert_eq!(args.migration.unwrap().as_str(), "shop");
        let args = found("migctl approve -c other.yaml -m ");
        assert_eq!((args.config.as_path(), args.migration), (Path::new("other.yaml"), None));
        let args = found("migctl approve --nats nats : //here : 4222 -m s");
        assert_eq!(args.nats.nats.as_deref(), Some("nats://here:4222"));
    }

    #[test]
    fn what_bash_took_apart_is_one_word_again() {
        let words = |text: &str| -> Vec<OsString> { text.split(' ').map(OsString::from).collect() };
        for (apart, at, whole, moved) in [
            ("migctl output -l phase = lo", 5, "migctl output -l phase=lo", 3),
            ("migctl output -l phase =", 4, "migctl output -l phase=", 3),
            ("migctl list --nats nats : //h : 4222 -m s", 9, "migctl list --nats nats://h:4222 -m s", 5),
            ("migctl status -m s", 3, "migctl status -m s", 3),
        ] {
            assert_eq!(joined(words(apart), at), (words(whole), moved));
        }
    }

    #[test]
    fn every_command_line_is_one_that_clap_builds() {
        command().debug_assert();
    }
}
