//! The reference in `docs/commands.md`: every command of the three programs, made from clap; and what each of them
//! must have.
//!
//! Only tests call it: the file is checked in, and a test fails when it is no longer what clap says.

use std::fmt::Write;

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::Cli;
use crate::{exit, made};

/// Begins the part of the file that is made.
const MARK: &str = "<!-- From here on this file is made from the command line";

/// Arguments that are told once, not with every command.
const OF_ALL: &str = "NATS credentials";

fn programs() -> [Command; 3] {
    [Cli::command(), coordinator::cli::Cli::command(), worker::cli::Cli::command()]
}

/// Every command that does something, with the program's name and the commands above before its own.
fn leaves(command: &Command, path: &str) -> Vec<(String, Command)> {
    let path = format!("{path} {}", command.get_name()).trim_start().to_owned();
    let mut inner = command.get_subcommands().filter(|command| !command.is_hide_set()).peekable();
    if inner.peek().is_none() {
        return vec![(path, command.clone())];
    }
    inner.flat_map(|command| leaves(command, &path)).collect()
}

fn reference() -> String {
    let mut text = "\n## Exit codes\n\n| code | meaning |\n|---|---|\n".to_owned();
    for exit in exit::Exit::ALL {
        writeln!(text, "| {} | {} |", exit.code(), exit.meaning()).unwrap();
    }
    text.push_str("\n`coordinator` and `worker` end with 0 when they were asked to stop, else with 1 or 2.\n");
    text.push_str("\n## NATS\n\nEvery command that has `--nats` has these too.\n\n");
    let worker = worker::cli::Cli::command();
    let start = worker.find_subcommand("start").unwrap();
    table(&mut text, start.get_arguments().filter(|arg| arg.get_help_heading() == Some(OF_ALL)));
    for program in programs() {
        write!(text, "\n## {}\n\n{}.\n", program.get_name(), program.get_about().unwrap()).unwrap();
        for (path, command) in leaves(&program, "") {
            section(&mut text, &path, command);
        }
    }
    text
}

fn section(text: &mut String, path: &str, mut command: Command) {
    let usage = command.clone().bin_name(path).render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    write!(text, "\n### {path}\n\n{}.\n\n    {usage}\n\n", command.get_about().unwrap()).unwrap();
    command.build();
    let told_once =
        |arg: &Arg| arg.get_help_heading() == Some(OF_ALL) || ["help", "verbose"].contains(&arg.get_id().as_str());
    let arguments: Vec<&Arg> = command.get_arguments().filter(|arg| !told_once(arg) && !arg.is_hide_set()).collect();
    if !arguments.is_empty() {
        table(text, arguments.into_iter());
        text.push('\n');
    }
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut is_code = false;
    for line in after.lines().filter(|line| !line.is_empty()) {
        if line.starts_with("  ") != is_code || line.starts_with("Example") {
            is_code = line.starts_with("  ");
            text.push('\n');
        }
        if is_code { writeln!(text, "  {line}").unwrap() } else { writeln!(text, "{line}").unwrap() }
    }
}

fn table<'a>(text: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    text.push_str("| argument | default | meaning |\n|---|---|---|\n");
    for arg in arguments {
        let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let variable = arg.get_env().map(|name| format!(" `{}`.", name.display())).unwrap_or_default();
        let stop = if help.ends_with(['.', '…']) { "" } else { "." };
        writeln!(
            text,
            "| `{}` | {} | {} |",
            shown(arg),
            default(arg),
            format!("{help}{stop}{variable}").replace('|', "\\|")
        )
        .unwrap();
    }
}

/// `-c, --config <FILE>`.
fn shown(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let value = names.iter().map(|name| format!("<{name}>")).collect::<Vec<_>>().join(" ");
    let options = [arg.get_short().map(|short| format!("-{short}")), arg.get_long().map(|long| format!("--{long}"))];
    let options = options.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    match (options.is_empty(), takes_value) {
        (true, _) => value,
        (false, true) => format!("{options} {value}"),
        (false, false) => options,
    }
}

fn default(arg: &Arg) -> String {
    let values: Vec<String> = arg.get_default_values().iter().map(|value| value.display().to_string()).collect();
    let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    match (values.concat().is_empty() || !takes_value, arg.is_required_set()) {
        (_, true) => "required".to_owned(),
        (true, _) => "—".to_owned(),
        (false, _) => format!("`{}`", values.join(" ")),
    }
}

#[test]
fn the_reference_is_what_clap_says() {
    made::assert_is("commands.md", MARK, &reference(), "the doc comments of migctl/src/cli");
}

#[test]
fn every_command_has_an_example_that_is_typed_as_it_stands() {
    for program in programs() {
        for (path, command) in leaves(&program, "") {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let (_, examples) = after.split_once("Example").unwrap_or_else(|| panic!("{path} has no Example"));
            let examples: Vec<&str> = examples.lines().filter_map(|line| line.strip_prefix("  ")).collect();
            assert!(examples.iter().any(|line| line.contains(&path)), "{path}: {examples:?}");
            for line in after.lines() {
                assert!(line.chars().count() <= 120, "{path}: {line}");
            }
        }
    }
}

#[test]
fn what_has_a_configuration_takes_the_one_that_is_here() {
    let mut commands = 0;
    for (path, command) in leaves(&Cli::command(), "") {
        let Some(config) = command.get_arguments().find(|arg| arg.get_id() == "config") else { continue };
        commands += 1;
        let told = config.get_help().unwrap().to_string();
        // Of two commands a pipe comes first.
        let is_default = config.get_default_values() == ["migration.yaml"] || told.contains("else migration.yaml");
        assert!(config.get_short() == Some('c') && is_default, "{path}: {told}");
    }
    assert!(commands > 10, "{commands}");
}
