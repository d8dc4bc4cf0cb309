//! What happened in a migration, and what its processes log: one record, told apart by its kind, with the labels that
//! `migctl output` selects by.
//!
//! Holds: what is absent was not known; a record of an older build reads as one without the labels it lacks.

use serde::{Deserialize, Serialize};

use crate::phase::Phase;

/// The kind of a log line; every other kind is an event proper.
pub const LOG: &str = "log";

/// Something that happened, or a line of a process's log: for `migctl output` and for people.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Event {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// In which phase; `None`: in none of them, or nobody knows.
    #[serde(default)]
    pub phase: Option<Phase>,
    /// One word: `started`, `done`, `failed`, `shard-done`, `shard-failed`, `resumed`, …, or [`LOG`].
    pub kind: String,
    /// For people.
    pub text: String,
    /// How bad it is.
    #[serde(default)]
    pub level: Level,
    /// The index that it is about, by its name in the source.
    #[serde(default)]
    pub index: Option<String>,
    /// The shard of that index.
    #[serde(default)]
    pub shard: Option<u32>,
    /// The process that tells it: a worker, a coordinator, a `migctl run`.
    #[serde(default)]
    pub worker: Option<String>,
}

impl Event {
    /// Something that happened in a phase; its kind says how bad it is.
    #[must_use]
    pub fn new(at_ms: u64, phase: Phase, kind: &str, text: impl Into<String>) -> Self {
        let level = match kind {
            "failed" | "shard-failed" => Level::Error,
            "rejected" => Level::Warn,
            _ => Level::Info,
        };
        let (kind, text) = (kind.to_owned(), text.into());
        Self { at_ms, phase: Some(phase), kind, text, level, ..Self::default() }
    }

    /// The same, about a shard.
    #[must_use]
    pub fn of_shard(self, index: &str, shard: u32) -> Self {
        Self { index: Some(index.to_owned()), shard: Some(shard), ..self }
    }

    /// The same, told by a process.
    #[must_use]
    pub fn by(self, worker: &str) -> Self {
        Self { worker: Some(worker.to_owned()), ..self }
    }

    /// Whether it is a line of a log.
    #[must_use]
    pub fn is_log(&self) -> bool {
        self.kind == LOG
    }
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    #[default]
    Info,
    /// Odd; it goes on.
    Warn,
    /// A person must look.
    Error,
}

impl Level {
    /// All of them, from good to bad.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warn, Self::Error];

    /// One word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    #[test]
    fn an_event_of_before_there_were_labels_still_reads() {
        #[derive(Serialize)]
        struct Before {
            at_ms: u64,
            phase: Phase,
            kind: String,
            text: String,
        }
        let before = Before { at_ms: 7, phase: Phase::Load, kind: "done".to_owned(), text: "all".to_owned() };
        let read: Event = wire::decode(&wire::encode(&before).unwrap()).unwrap();
        assert_eq!(read, Event::new(7, Phase::Load, "done", "all"));
    }

    #[test]
    fn every_label_survives() {
        let event = Event::new(7, Phase::Load, "shard-failed", "no").of_shard("Bücher", 3).by("w-1");
        assert_eq!(event.level, Level::Error);
        assert_eq!(wire::decode::<Event>(&wire::encode(&event).unwrap()).unwrap(), event);
        let line = Event { kind: LOG.to_owned(), phase: None, ..event };
        assert_eq!(wire::decode::<Event>(&wire::encode(&line).unwrap()).unwrap(), line);
    }
}
