//! Progress of a run on standard error: a bar on a terminal, plain lines elsewhere; events as they come.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use protocol::bus::SharedBus;
use protocol::event::Event;
use protocol::ids::MigrationName;

use crate::table;
use crate::view::View;

/// Between two plain lines of progress.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Events looked at for what is new.
const EVENTS_LOOKED_AT: usize = 500;

/// What has been shown.
pub struct Progress {
    bus: SharedBus,
    migration: MigrationName,
    last_event: Option<Event>,
    terminal: bool,
    /// Only while documents are loaded: a bar that was taken away can't be shown again.
    bar: Option<ProgressBar>,
    last_line: Instant,
    last_step: String,
    paused: Option<String>,
    began: Instant,
    accounted_before: u64,
}

impl Progress {
    /// Says what is run, and from where it continues.
    ///
    /// # Errors
    /// The bus's.
    pub async fn new(bus: &SharedBus, migration: &MigrationName, before: Option<&View>) -> anyhow::Result<Self> {
        let accounted_before = before.map_or(0, |view| view.total().accounted());
        let begun = |view: &&View| view.phases.iter().any(|phase| phase.ended_ms.max(phase.started_ms).is_some());
        match before.filter(begun) {
            Some(view) => {
                let done: usize = view.indices.iter().map(|index| index.shards_done).sum();
                let shards: usize = view.indices.iter().map(|index| index.shards).sum();
                let phase = view.current().map_or("the end", |phase| phase.phase.as_str());
                eprintln!(
                    "{migration}: continues at {phase}: {done} of {shards} shards loaded, {} documents accounted for",
                    table::count(accounted_before)
                );
            }
            None => eprintln!("{migration}: begins"),
        }
        let last_event = bus.events(migration, 1).await?.pop();
        let now = Instant::now();
        Ok(Self {
            bus: bus.clone(),
            migration: migration.clone(),
            last_event,
            terminal: std::io::stderr().is_terminal(),
            bar: None,
            last_line: now,
            last_step: String::new(),
            paused: None,
            began: now,
            accounted_before,
        })
    }

    /// Shows what is new.
    ///
    /// # Errors
    /// The bus's.
    pub async fn show(&mut self, view: &View) -> anyhow::Result<()> {
        let events = self.bus.events(&self.migration, EVENTS_LOOKED_AT).await?;
        let seen = events.iter().rposition(|event| Some(event) == self.last_event.as_ref());
        for event in events.iter().skip(seen.map_or(0, |at| at + 1)) {
            // How a phase waits or fails is said where the run ends, with what to do.
            if !matches!(event.kind.as_str(), "waiting" | "failed" | "rejected") {
                self.say(&event.text);
            }
        }
        if let Some(event) = events.into_iter().next_back() {
            self.last_event = Some(event);
        }
        let loading = view.phases.iter().any(|phase| phase.phase.as_str() == "load" && phase.status == "running");
        if loading {
            self.show_load(view);
        } else {
            self.clear();
            self.show_step(view);
        }
        self.show_pause(view);
        Ok(())
    }

    /// How far a phase is that isn't the load.
    fn show_step(&mut self, view: &View) {
        let told = view.preflight.progress.as_ref().or_else(|| view.current()?.progress.as_ref());
        let Some(text) = told.filter(|text| **text != self.last_step) else { return };
        if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            eprintln!("{}: {text}", view.now().name);
            self.last_step.clone_from(text);
        }
    }

    fn show_pause(&mut self, view: &View) {
        if view.paused == self.paused {
            return;
        }
        match &view.paused {
            Some(paused) => {
                self.say(&format!("{paused}; goes on after: migctl resume -m {}", self.migration));
            }
            None => self.say("goes on"),
        }
        self.paused.clone_from(&view.paused);
    }

    fn show_load(&mut self, view: &View) {
        let total = view.total();
        let live = view.live_docs();
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate to look at"
        )]
        let rate = (total.accounted().saturating_sub(self.accounted_before) as f64 / seconds) as u64;
        let message = format!("{}/s  {} rejected", table::count(rate), table::count(total.rejected));
        if self.terminal {
            let bar = self.bar.get_or_insert_with(new_bar);
            bar.set_length(live);
            bar.set_position(total.accounted());
            bar.set_message(message);
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            eprintln!("load: {} of {} documents  {message}", table::count(total.accounted()), table::count(live));
        }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    /// Takes the bar away, so that something else can be printed.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn new_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} documents  {msg}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
