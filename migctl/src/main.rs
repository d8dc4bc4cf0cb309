//! `migctl`: what a person types and sees.
//!
//! [`cli`] is what can be typed, [`commands`] a file per command: request → answer → text or JSON. [`config`] reads the
//! configuration file, [`view`] what is on the bus, [`complete`] answers the tab key. Data goes to standard output, everything else to standard error.

mod ask;
mod cli;
mod commands;
mod complete;
mod config;
mod exit;
mod hint;
mod label;
#[cfg(test)]
mod made;
mod person;
mod record;
mod table;
mod ticker;
mod view;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command, MetadataCommand, SnapshotCommand};
use exit::Exit;
use protocol::forward::Lines;

fn main() -> ExitCode {
    complete::answer();
    run()
}

#[tokio::main]
async fn run() -> ExitCode {
    let cli = Cli::parse();
    let verbose = cli.verbose;
    let lines = start_logging(verbose);
    let result = match cli.command {
        Command::Run(args) => commands::run::run(args, lines).await,
        Command::Submit(args) => commands::submit::submit(args).await,
        Command::List(args) => commands::list::list(args).await,
        Command::Status(args) => commands::status::status(args).await,
        Command::Output(args) => commands::output::output(args).await,
        Command::Evidence(args) => commands::decide::evidence(args).await,
        Command::Approve(args) => commands::decide::approve(args).await,
        Command::Reject(args) => commands::decide::reject(args).await,
        Command::Pause(args) => commands::wish::pause(args).await,
        Command::Resume(args) => commands::wish::resume(args).await,
        Command::Stop(args) => commands::wish::stop(args).await,
        Command::Retry(args) => commands::retry::retry(args).await,
        Command::DeadLetters(command) => commands::dead_letters::dead_letters(command).await,
        Command::Curl(args) => commands::curl::curl(args).await,
        Command::Metadata(MetadataCommand::Evaluate(args)) => commands::metadata::metadata(args, false).await,
        Command::Metadata(MetadataCommand::Migrate(args)) => commands::metadata::metadata(args, true).await,
        Command::Audit(args) => commands::audit::audit(args).await,
        Command::Forget(args) => commands::forget::forget(args).await,
        Command::Configure(command) => commands::configure::configure(command).await,
        Command::Man { directory } => commands::man::man(&directory),
        Command::Snapshot(SnapshotCommand::Ls { repo, output }) => commands::snapshot::ls(&repo, output).await,
        Command::Snapshot(SnapshotCommand::Inspect(args)) => commands::inspect::inspect(args).await,
        Command::Snapshot(SnapshotCommand::Export(arguments)) => commands::export::export(arguments).await,
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            let code = if error.downcast_ref::<exit::Invalid>().is_some() { Exit::Usage } else { Exit::Error };
            eprintln!("error: {}", if verbose > 0 { exit::chain(&error) } else { exit::line(&error) });
            code.into()
        }
    }
}

fn start_logging(verbose: u8) -> Lines {
    let level = match verbose {
        0 => tracing::Level::ERROR,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    protocol::process::log_to_stderr(level)
}
