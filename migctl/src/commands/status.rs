//! `migctl status`: where a migration is.

use std::time::{Duration, Instant};

use anyhow::Context;
use console::Term;
use protocol::bus::{BusError, SharedBus};
use protocol::ids::MigrationName;

use super::{attach, named, state_dir, unknown};
use crate::cli::{BusArgs, Output, StatusArgs};
use crate::exit::Exit;
use crate::view::View;

mod text;
mod tree;

#[cfg(test)]
pub use text::tests::loading as sample;
pub use text::{index_table, verdict};

/// Between two looks of `--watch`.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// Prints it, once or until the migration ends.
///
/// # Errors
/// No such migration; the bus's.
pub async fn status(args: StatusArgs) -> anyhow::Result<Exit> {
    let mut screen = Screen::new(&args);
    let mut last = None;
    loop {
        let began = Instant::now();
        let looked = match look(&args.bus).await {
            // A run that ends while it is asked leaves its state behind, or removes it: to be asked anew.
            Err(error) if is_transient(&error) => look(&args.bus).await,
            looked => looked,
        };
        let view = match (looked?, last) {
            (Looked::At(view), _) => view,
            (Looked::Nothing(_), Some(last)) => {
                screen.show(&last)?;
                eprintln!("complete; its state was removed at cleanup");
                return Ok(Exit::Done);
            }
            (Looked::Nothing(error), None) => return Err(error),
        };
        screen.show(&view)?;
        if let Some(exit) = ended(&view, args.watch) {
            return Ok(exit);
        }
        last = Some(*view);
        // Many shards take long to look at: the bus has other things to do too.
        tokio::time::sleep(WATCH_EVERY.max(began.elapsed() * 4)).await;
    }
}

fn is_transient(error: &anyhow::Error) -> bool {
    error.downcast_ref::<BusError>().is_some_and(BusError::is_transient)
}

/// How the command ends with what was seen; `None`: it goes on watching.
fn ended(view: &View, watch: bool) -> Option<Exit> {
    match view.now().status {
        "complete" => Some(Exit::Done),
        "failed" | "rejected" => Some(Exit::Failed),
        "waiting" => Some(Exit::Waiting),
        _ => (!watch).then_some(Exit::Done),
    }
}

/// What a look found.
enum Looked {
    At(Box<View>),
    /// No such migration, and what to say of that.
    Nothing(anyhow::Error),
}

/// The migration as it is now; the bus is asked anew each time: a state that no run holds is locked while it is looked
/// at, and a run may want to begin.
async fn look(args: &BusArgs) -> anyhow::Result<Looked> {
    let (migration, bus) = match attach(args).await {
        Ok(found) => found,
        Err(error) => {
            let migration = named(args)?;
            let here = args.nats.nats.is_none();
            let is_gone = here && !state_dir(&migration).try_exists().context("look for the state")?;
            return if is_gone { Ok(Looked::Nothing(error)) } else { Err(error) };
        }
    };
    view(&bus, &migration).await
}

async fn view(bus: &SharedBus, migration: &MigrationName) -> anyhow::Result<Looked> {
    Ok(match View::read(&**bus, migration).await? {
        Some(view) => Looked::At(Box::new(view)),
        None => Looked::Nothing(unknown(&**bus, migration).await),
    })
}

/// Where it is shown: on a terminal each look of `--watch` takes the place of the one before.
struct Screen {
    output: Output,
    watch: bool,
    terminal: Option<Term>,
    /// Lines that were shown last.
    lines: usize,
}

impl Screen {
    fn new(args: &StatusArgs) -> Self {
        let terminal = Some(Term::stdout()).filter(Term::is_term);
        Self { output: args.output, watch: args.watch, terminal, lines: 0 }
    }

    fn show(&mut self, view: &View) -> anyhow::Result<()> {
        match self.output {
            // A line for each look: what reads it need not know where one ends.
            Output::Json if self.watch => println!("{}", serde_json::to_string(view).context("write JSON")?),
            Output::Json => println!("{}", serde_json::to_string_pretty(view).context("write JSON")?),
            Output::Text => self.show_text(view).context("write to the terminal")?,
        }
        Ok(())
    }

    fn show_text(&mut self, view: &View) -> std::io::Result<()> {
        let now_ms = protocol::clock::now_ms();
        let Some(terminal) = &self.terminal else {
            println!("{}", text::all(view, now_ms, None));
            return Ok(());
        };
        let (rows, columns) = terminal.size();
        let text = text::all(view, now_ms, Some(usize::from(columns)));
        match self.lines {
            0 => {}
            // More than fits has scrolled away.
            lines if lines >= usize::from(rows) => terminal.clear_screen()?,
            lines => terminal.clear_last_lines(lines)?,
        }
        let columns = usize::from(columns).max(1);
        self.lines = text.lines().map(|line| line.chars().count().div_ceil(columns).max(1)).sum();
        terminal.write_line(&text)
    }
}
