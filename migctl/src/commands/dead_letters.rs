//! `migctl dead-letters`: the documents that the target rejected, each with the reason.
//!
//! Holds: they are read page by page, however many there are.

use std::collections::BTreeMap;

use anyhow::Context;
use console::Term;
use protocol::bus::SharedBus;
use protocol::ids::MigrationName;
use protocol::state::DeadLetter;
use regex::Regex;
use serde::Serialize;
use serde_json::Value;

use super::{attach, unknown};
use crate::cli::{BusArgs, DeadLettersCommand, Output, WhichLetters};
use crate::exit::Exit;
use crate::table;

/// Dead letters read at once: each may hold 64 KiB.
const PAGE: usize = 100;
/// Longest id in a table.
const ID_MAX: usize = 32;

/// One of them, as it is printed.
#[derive(Serialize)]
struct Letter<'a> {
    index: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing: Option<&'a str>,
    status: u16,
    kind: &'a str,
    reason: &'a str,
    shard: u32,
    segment: &'a str,
    doc: u32,
    source: Option<Value>,
}

/// So many of one reason.
#[derive(Serialize)]
struct Group<'a> {
    index: &'a str,
    kind: &'a str,
    reason: &'a str,
    count: u64,
}

/// Lists, shows or counts them.
///
/// # Errors
/// No such migration; the bus's.
pub async fn dead_letters(command: DeadLettersCommand) -> anyhow::Result<Exit> {
    match command {
        DeadLettersCommand::Ls { bus, which, limit, output } => ls(&bus, &which, limit, output).await,
        DeadLettersCommand::Show { id, bus, which } => show(&bus, &which, &id).await,
        DeadLettersCommand::Count { bus, which, output } => count(&bus, &which, output).await,
    }
}

async fn ls(args: &BusArgs, which: &WhichLetters, limit: u64, output: Output) -> anyhow::Result<Exit> {
    let mut letters = Letters::open(args, which).await?;
    let (mut rows, mut shown) = (Vec::new(), 0);
    while shown < limit {
        let Some(letter) = letters.next().await? else { break };
        shown += 1;
        match output {
            Output::Json => println!("{}", serde_json::to_string(&Letter::of(&letter)).context("write JSON")?),
            Output::Text => rows.push(row(&letter)),
        }
    }
    let more = letters.next().await?.is_some();
    if output == Output::Text && !rows.is_empty() {
        let text = table::table(&["index", "id", "position", "error", "reason"], &[], rows);
        print_within(&text);
    }
    if shown == 0 {
        eprintln!("no dead letters{}", letters.of());
    } else if more {
        eprintln!("there are more: --limit {}", limit.saturating_mul(10));
    }
    Ok(Exit::Done)
}

fn row(letter: &DeadLetter) -> Vec<String> {
    vec![
        letter.index.clone(),
        table::shorten(&letter.id, ID_MAX),
        position(letter),
        error(letter),
        one_line(&letter.reason),
    ]
}

async fn show(args: &BusArgs, which: &WhichLetters, id: &str) -> anyhow::Result<Exit> {
    let mut letters = Letters::open(args, which).await?;
    let mut found = 0;
    while let Some(letter) = letters.next().await? {
        if letter.id != id {
            continue;
        }
        found += 1;
        println!("index     {}\nid        {}", letter.index, letter.id);
        if let Some(routing) = &letter.routing {
            println!("routing   {routing}");
        }
        println!("position  {}\nerror     {}\nreason    {}", position(&letter), error(&letter), letter.reason);
        match source(&letter) {
            Some(Value::String(text)) => println!("source    {text}"),
            Some(source) => println!("source    {}", serde_json::to_string_pretty(&source).context("write JSON")?),
            None => println!("source    not kept: above 64 KiB; `migctl snapshot export` has it"),
        }
    }
    if found == 0 {
        anyhow::bail!("no dead letter{} has the id {id}; `migctl dead-letters ls` shows them", letters.of());
    }
    Ok(Exit::Done)
}

async fn count(args: &BusArgs, which: &WhichLetters, output: Output) -> anyhow::Result<Exit> {
    let mut letters = Letters::open(args, which).await?;
    let common = Common::new()?;
    let mut groups: BTreeMap<(String, String, String), u64> = BTreeMap::new();
    while let Some(letter) = letters.next().await? {
        let reason = common.of(&one_line(&letter.reason));
        *groups.entry((letter.index.clone(), error(&letter), reason)).or_default() += 1;
    }
    let mut groups: Vec<Group<'_>> =
        groups.iter().map(|((index, kind, reason), count)| Group { index, kind, reason, count: *count }).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    if output == Output::Json {
        println!("{}", serde_json::to_string_pretty(&groups).context("write JSON")?);
    } else if groups.is_empty() {
        eprintln!("no dead letters{}", letters.of());
    } else {
        let row = |group: &Group<'_>| {
            vec![group.index.to_owned(), table::count(group.count), group.kind.to_owned(), group.reason.to_owned()]
        };
        print_within(&table::table(&["index", "count", "error", "reason"], &[1], groups.iter().map(row).collect()));
    }
    Ok(Exit::Done)
}

/// Prints a table in the width of the terminal; a file or a pipe gets all of it.
fn print_within(text: &str) {
    let terminal = Term::stdout();
    for line in text.lines() {
        match terminal.is_term() {
            true => println!("{}", table::cut(line, usize::from(terminal.size().1))),
            false => println!("{line}"),
        }
    }
}

/// Those that are asked for, page by page.
struct Letters<'a> {
    bus: SharedBus,
    migration: MigrationName,
    which: &'a WhichLetters,
    page: std::vec::IntoIter<DeadLetter>,
    /// `None`: there is no further page.
    next: Option<u64>,
}

impl<'a> Letters<'a> {
    async fn open(args: &BusArgs, which: &'a WhichLetters) -> anyhow::Result<Self> {
        let (migration, bus) = attach(args).await?;
        let key = protocol::names::spec(&migration);
        if bus.get(protocol::names::Bucket::Migrations, &key).await?.is_none() {
            return Err(unknown(&*bus, &migration).await);
        }
        Ok(Self { bus, migration, which, page: Vec::new().into_iter(), next: Some(0) })
    }

    async fn next(&mut self) -> anyhow::Result<Option<DeadLetter>> {
        loop {
            let WhichLetters { index, kind } = self.which;
            let wanted = |letter: &DeadLetter| {
                index.as_ref().is_none_or(|index| *index == letter.index)
                    && kind.as_ref().is_none_or(|kind| *kind == letter.kind)
            };
            if let Some(letter) = self.page.find(wanted) {
                return Ok(Some(letter));
            }
            let Some(from) = self.next else { return Ok(None) };
            let page = self.bus.dead_letters(&self.migration, from, PAGE).await?;
            self.page = page.letters.into_iter();
            self.next = page.next;
        }
    }

    /// What was asked for, in words.
    fn of(&self) -> String {
        let WhichLetters { index, kind } = self.which;
        let index = index.iter().map(|index| format!(" of index {index}"));
        let kind = kind.iter().map(|kind| format!(" with the error {kind}"));
        index.chain(kind).collect()
    }
}

impl<'a> Letter<'a> {
    fn of(letter: &'a DeadLetter) -> Self {
        let DeadLetter { index, id, routing, status, kind, reason, shard, segment, doc, source: _ } = letter;
        let (status, shard, doc) = (*status, *shard, *doc);
        Self {
            index,
            id,
            routing: routing.as_deref(),
            status,
            kind,
            reason,
            shard,
            segment,
            doc,
            source: source(letter),
        }
    }
}

fn source(letter: &DeadLetter) -> Option<Value> {
    let bytes = letter.source.as_ref()?;
    let text = || Value::String(String::from_utf8_lossy(bytes).into_owned());
    Some(serde_json::from_slice(bytes).unwrap_or_else(|_| text()))
}

fn position(letter: &DeadLetter) -> String {
    format!("{}/{}/{}", letter.shard, letter.segment, letter.doc)
}

/// What the target called it; what we found ourselves has no status.
fn error(letter: &DeadLetter) -> String {
    match letter.status {
        0 => letter.kind.clone(),
        status => format!("{status} {}", letter.kind),
    }
}

fn one_line(reason: &str) -> String {
    reason.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A reason without what differs from document to document: numbers, and what stands in quotes.
struct Common {
    /// An apostrophe within a word quotes nothing.
    quoted: Regex,
    number: Regex,
}

impl Common {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { quoted: Regex::new(r"(^|\W)'[^']*'")?, number: Regex::new("[0-9]+")? })
    }

    fn of(&self, reason: &str) -> String {
        let text = self.quoted.replace_all(reason, "$1'…'");
        self.number.replace_all(&text, "#").into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_differ_by_document_only_are_one() {
        let patterns = Common::new().unwrap();
        let common = |reason: &str| patterns.of(reason);
        let reason = |id: u32, value: &str| {
            format!(
                "failed to parse field [age] of type [long] in document with id '{id}'. Preview of field's value: '{value}'"
            )
        };
        assert_eq!(common(&reason(7, "old")), common(&reason(8, "young")));
        assert_eq!(
            common("object mapping for [a] tried to parse field [a] as object, line 12, column 345"),
            "object mapping for [a] tried to parse field [a] as object, line #, column #"
        );
        assert_ne!(common("field [a]"), common("field [b]"));
    }
}
