//! What a phase command does, with all its I/O: each restartable, each answering with notes or a reason.

pub mod preflight;

pub mod snapshot;

pub mod register;

pub mod metadata;

pub mod verify;

pub mod cleanup;

pub(crate) mod reporter;

use protocol::bus;
use protocol::names::{self, Bucket};
use protocol::state::CommandResult;
use protocol::task::Command;

use crate::context::{Context, Migration};
use crate::failure::TaskError;

/// Lines of an answer that are kept: it travels in one message, however many indices there are.
const LINES_MAX: usize = 100;

/// The first lines, and how many more there were.
fn bounded(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(LINES_MAX);
    if more > 0 {
        lines.truncate(LINES_MAX);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// Executes a phase command and stores its answer.
///
/// # Errors
/// The bus's, and given up: anything else is the answer.
pub async fn execute(context: &Context, migration: &Migration, command: Command) -> Result<(), TaskError> {
    let outcome = match command {
        Command::Preflight => preflight::run(context, migration).await,
        Command::Snapshot => snapshot::run(context, migration).await,
        Command::Register => register::run(context, migration).await,
        Command::Evaluate => metadata::evaluate(context, migration).await,
        Command::Metadata => metadata::run(context, migration).await,
        Command::Verify => verify::run(context, migration).await,
        Command::Cleanup => cleanup::run(context, migration).await,
    };
    let outcome = match outcome {
        Ok(notes) => Ok(bounded(notes)),
        Err(TaskError::Failed { reason, .. }) => Err(bounded(reason.lines().map(str::to_owned).collect()).join("\n")),
        Err(error) => return Err(error),
    };
    let key = names::result(&migration.name, command);
    let result = CommandResult { submission: migration.submission, outcome, worker: context.worker.clone() };
    context.bus.put(Bucket::Migrations, &key, bus::bytes(&key, &result)?).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_bound_and_says_what_it_leaves_out() {
        let lines = |count: usize| (0..count).map(|line| line.to_string()).collect::<Vec<_>>();
        assert_eq!(bounded(lines(LINES_MAX)), lines(LINES_MAX));
        let cut = bounded(lines(LINES_MAX + 3));
        assert_eq!((cut.len(), cut.last().map(String::as_str)), (LINES_MAX + 1, Some("and 3 more")));
    }
}
