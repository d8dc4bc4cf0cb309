//! What is logged becomes lines with labels.

use std::error::Error;
use std::fmt::{self, Write};
use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::{Dropped, Line};
use crate::clock;
use crate::event::{Event, LOG, Level};

/// The crates whose lines are handed on: what others log belongs to no migration that they know of.
const OURS: [&str; 8] = ["protocol", "coordinator", "worker", "migctl", "snapshot", "lucene", "target", "aws"];

/// Longest text of a line, in bytes: the rest is in the process's own log.
const TEXT_BYTES_MAX: usize = 2_000;

/// Takes lines off the process's log.
#[derive(Debug)]
pub struct ForwardLayer {
    lines: mpsc::Sender<Line>,
    dropped: Arc<Dropped>,
}

impl ForwardLayer {
    pub(super) fn new(lines: mpsc::Sender<Line>, dropped: Arc<Dropped>) -> Self {
        Self { lines, dropped }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ForwardLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut said = Said::default();
        attributes.record(&mut said);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(said);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(said) = span.extensions_mut().get_mut::<Said>()
        {
            values.record(said);
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        if self.lines.is_closed() || !is_ours(event.metadata()) {
            return;
        }
        let mut said = Said::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(around) = span.extensions().get::<Said>() {
                said.take_labels(around);
            }
        }
        event.record(&mut said);
        let Some(migration) = said.migration.as_deref().and_then(|name| name.parse().ok()) else { return };
        if let Err(error) = self.lines.try_send((migration, said.into_event(*event.metadata().level()))) {
            let (mpsc::error::TrySendError::Full((migration, _)) | mpsc::error::TrySendError::Closed((migration, _))) =
                error;
            self.dropped.count(&migration, 1);
        }
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    let name = metadata.target().split("::").next().unwrap_or_default();
    OURS.contains(&name)
}

/// What a line or a span says.
#[derive(Debug, Default)]
struct Said {
    migration: Option<String>,
    phase: Option<String>,
    index: Option<String>,
    shard: Option<u32>,
    message: String,
    /// Further fields: ` name=value`.
    rest: String,
}

impl Said {
    fn take_labels(&mut self, around: &Self) {
        let later = |own: &mut Option<String>, other: &Option<String>| {
            if other.is_some() {
                own.clone_from(other);
            }
        };
        later(&mut self.migration, &around.migration);
        later(&mut self.phase, &around.phase);
        later(&mut self.index, &around.index);
        self.shard = around.shard.or(self.shard);
    }

    fn into_event(self, level: tracing::Level) -> Event {
        let mut text = self.message + &self.rest;
        if text.len() > TEXT_BYTES_MAX {
            text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
            text.push('…');
        }
        let level = match level {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warn,
            _ => Level::Info,
        };
        Event {
            at_ms: clock::now_ms(),
            phase: self.phase.and_then(|phase| phase.parse().ok()),
            kind: LOG.to_owned(),
            text,
            level,
            index: self.index,
            shard: self.shard,
            worker: None,
        }
    }

    fn say(&mut self, field: &Field, value: &dyn fmt::Display) {
        match field.name() {
            "message" => self.message = value.to_string(),
            "migration" => self.migration = Some(value.to_string()),
            "phase" => self.phase = Some(value.to_string()),
            "index" => self.index = Some(value.to_string()),
            "shard" => self.shard = value.to_string().parse().ok(),
            name => {
                // A string takes everything.
                let _ = write!(self.rest, " {name}={value}");
            }
        }
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.say(field, &format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.say(field, &value);
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        let mut chain = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            chain = format!("{chain}: {error}");
            cause = error.source();
        }
        self.say(field, &chain);
    }
}
