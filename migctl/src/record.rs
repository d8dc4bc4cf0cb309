//! A record: an event, a log line or an entry of the audit log, as `migctl output` prints it.
//!
//! Holds: one line per record, whatever its text holds.

use anstyle::{AnsiColor, Style};
use protocol::event::{Event, Level};
use protocol::gate::AuditEntry;
use protocol::phase::Phase;
use serde::Serialize;

use crate::table;

/// The kind of an entry of the audit log.
pub const AUDIT: &str = "audit";

/// How wide the word before the place is: the longest usual kind.
const WORD_WIDTH: usize = 12;

/// A record; its fields are those of a line of `--output json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// `log`, `audit`, or the kind of an event.
    pub kind: String,
    /// How bad it is.
    pub level: Level,
    /// In which phase.
    pub phase: Option<Phase>,
    /// The index that it is about.
    pub index: Option<String>,
    /// The shard of that index.
    pub shard: Option<u32>,
    /// The process that told it.
    pub worker: Option<String>,
    /// The person who did it.
    pub who: Option<String>,
    /// For people.
    pub text: String,
    /// What belongs to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub detail: Vec<String>,
}

impl From<Event> for Record {
    fn from(event: Event) -> Self {
        let Event { at_ms, phase, kind, text, level, index, shard, worker } = event;
        Self { at_ms, kind, level, phase, index, shard, worker, who: None, text, detail: Vec::new() }
    }
}

impl From<AuditEntry> for Record {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { at_ms, who, what, detail } = entry;
        Self {
            at_ms,
            kind: AUDIT.to_owned(),
            level: Level::Info,
            // `approve load`
            phase: what.split(' ').find_map(|word| word.parse().ok()),
            index: None,
            shard: None,
            worker: None,
            who: Some(who),
            text: what,
            detail,
        }
    }
}

impl Record {
    /// The shard: `orders/3`.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        let (index, shard) = (self.index.as_ref()?, self.shard?);
        Some(format!("{index}/{shard}"))
    }

    /// One line for people: when, what, where, and the text.
    #[must_use]
    pub fn line(&self, colours: bool) -> String {
        let is_log = self.kind == protocol::event::LOG;
        let word = if is_log { self.level.as_str() } else { &self.kind };
        let style = match (self.level, &*self.kind) {
            (Level::Error, _) => AnsiColor::Red.on_default(),
            (Level::Warn, _) => AnsiColor::Yellow.on_default(),
            (Level::Info, AUDIT) => AnsiColor::Cyan.on_default(),
            (Level::Info, _) => Style::new(),
        };
        let (time, dimmed) = (table::time(self.at_ms), Style::new().dimmed());
        let (style, dimmed) = if colours { (style, dimmed) } else { (Style::new(), Style::new()) };
        let phase = self.phase.filter(|_| self.kind != AUDIT).map(Phase::as_str);
        let place = self.place().or_else(|| self.index.clone());
        let places = [phase, place.as_deref(), self.worker.as_deref(), self.who.as_deref()];
        let place = printable(&places.into_iter().flatten().collect::<Vec<_>>().join(" "));
        let gap = if place.is_empty() { "" } else { "  " };
        let mut text = self.text.clone();
        if !self.detail.is_empty() {
            text = format!("{text} ({})", self.detail.join("; "));
        }
        let text = printable(&text);
        format!("{dimmed}{time}{dimmed:#}  {style}{word:<WORD_WIDTH$}{style:#}  {place}{gap}{text}")
    }
}

/// In one line, and without what would move the cursor: a target may put anything into its reasons.
fn printable(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: u64 = 1_795_385_679_123;

    fn failed() -> Record {
        let event = Event::new(AT, Phase::Load, "shard-failed", "orders shard 3: no\n  \u{1b}[2Jhere");
        Record::from(event.of_shard("orders", 3).by("w-1"))
    }

    #[test]
    fn a_record_is_one_line_and_colours_are_only_where_they_are_wanted() {
        let line = Event { at_ms: AT, kind: "log".to_owned(), text: "back off".to_owned(), ..Event::default() };
        let approved = AuditEntry {
            at_ms: AT,
            who: "ada@desk".to_owned(),
            what: "approve load".to_owned(),
            detail: vec!["note: as agreed".to_owned(), "evidence 12".to_owned()],
        };
        let plain = [failed(), line.into(), approved.into()].map(|record| record.line(false)).join("\n");
        insta::assert_snapshot!(plain, @r"
        2026-11-22 22:14:39  shard-failed  load orders/3 w-1  orders shard 3: no;  [2Jhere
        2026-11-22 22:14:39  info          back off
        2026-11-22 22:14:39  audit         ada@desk  approve load (note: as agreed; evidence 12)
        ");
        assert!(failed().line(true).contains("\u{1b}[31mshard-failed\u{1b}[0m"), "{:?}", failed().line(true));
    }

    #[test]
    fn a_line_of_json_has_every_field_by_name() {
        let line = serde_json::to_string(&failed()).unwrap();
        insta::assert_snapshot!(line, @r#"{"at_ms":1795385679123,"kind":"shard-failed","level":"error","phase":"load","index":"orders","shard":3,"worker":"w-1","who":null,"text":"orders shard 3: no\n  \u001b[2Jhere"}"#);
    }
}
