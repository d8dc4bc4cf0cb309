//! `migctl output`: what happened in a migration, what its processes log, and what people did, by time.
//!
//! Holds: over a lost connection nothing is missed and nothing is said twice; a state that no run holds is not kept
//! locked while it is followed. Whoever closes the pipe ends it quietly.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, StdoutLock, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use protocol::bus::{Bus, BusError, Change, Entry, Happened, Happenings, SharedBus, Watch, embedded};
use protocol::clock;
use protocol::gate::AuditEntry;
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};

use super::{attach, state_dir, unknown};
use crate::cli::{BusArgs, Output, OutputArgs};
use crate::exit::Exit;
use crate::label::{Filter, label_values};
use crate::record::Record;
use crate::view;

/// How soon a lost connection is tried again, and a state that no run holds is looked at again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// How many values of a label are told where none fits.
const VALUES_SHOWN: usize = 20;
/// How often it is looked for a run that begins: all of one of a small snapshot may be over within a second.
const LOOK_FOR_RUN_EVERY: Duration = Duration::from_millis(50);
/// How often it is asked whether the migration is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Prints it, once or as it happens.
///
/// # Errors
/// No such migration; the bus's.
pub async fn output(args: OutputArgs) -> anyhow::Result<Exit> {
    let mut printer = Printer::new(&args);
    let mut seen = Seen::default();
    let (migration, mut bus) = attach(&args.bus).await?;
    if !is_there(&*bus, &migration).await? {
        return Err(unknown(&*bus, &migration).await);
    }
    loop {
        let ended = match Round::begin(&*bus, &migration, &mut seen).await {
            Ok(round) => round.run(args.follow, &mut printer).await,
            Err(error) => Err(error.into()),
        };
        match ended {
            Ok(End::Read) => {
                printer.explain_nothing(&*bus, &migration).await?;
                return Ok(Exit::Done);
            }
            Ok(End::Closed) => return Ok(Exit::Done),
            Ok(End::Removed) => return Ok(removed(&migration)),
            Ok(End::Lost) if args.follow => {}
            Ok(End::Lost) => anyhow::bail!("the connection was lost while it was read; type it again"),
            Err(error) if args.follow && is_transient(&error) => {}
            Err(error) => return Err(error),
        }
        drop(bus);
        match again(&args.bus, &migration).await? {
            Some(found) => bus = found,
            None => return Ok(removed(&migration)),
        }
    }
}

fn removed(migration: &MigrationName) -> Exit {
    eprintln!("{migration}: its state was removed; there is nothing more to follow");
    Exit::Done
}

fn is_transient(error: &anyhow::Error) -> bool {
    error.downcast_ref::<BusError>().is_some_and(BusError::is_transient)
}

async fn is_there(bus: &dyn Bus, migration: &MigrationName) -> Result<bool, BusError> {
    Ok(bus.get(Bucket::Migrations, &names::spec(migration)).await?.is_some())
}

/// The bus, once it is there again; `None`: the migration was removed.
async fn again(args: &BusArgs, migration: &MigrationName) -> anyhow::Result<Option<SharedBus>> {
    if args.nats.nats.is_some() {
        eprintln!("the connection is lost; trying again");
    }
    loop {
        if args.nats.nats.is_some() {
            tokio::time::sleep(AGAIN_AFTER).await;
        } else if !await_run(&state_dir(migration)).await? {
            return Ok(None);
        }
        let found = match attach(args).await {
            Ok((_, bus)) => is_there(&*bus, migration).await.map(|there| there.then_some(bus)).map_err(Into::into),
            Err(error) => Err(error),
        };
        match found {
            Err(error) if is_transient(&error) => {}
            found => return found,
        }
    }
}

/// Waits for a run to begin, or for as long as what people do without one may stay unseen; `false`: the state is gone.
async fn await_run(dir: &Path) -> anyhow::Result<bool> {
    let look_until = tokio::time::Instant::now() + AGAIN_AFTER;
    loop {
        if !dir.try_exists().context("look for the state")? {
            return Ok(false);
        }
        if embedded::is_alive(dir).await || tokio::time::Instant::now() >= look_until {
            return Ok(true);
        }
        tokio::time::sleep(LOOK_FOR_RUN_EVERY).await;
    }
}

/// What was handed to the printer: where following goes on.
#[derive(Debug, Default)]
struct Seen {
    /// The place after the last event.
    from: u64,
    /// Keys of the audit log.
    audit: BTreeSet<String>,
}

/// How a round of reading ended.
enum End {
    /// Everything that was there is printed.
    Read,
    /// Nobody reads what is printed.
    Closed,
    /// The migration was removed.
    Removed,
    /// The connection was lost, or no run is alive.
    Lost,
}

/// Reading over one connection.
struct Round<'a> {
    bus: &'a dyn Bus,
    migration: &'a MigrationName,
    seen: &'a mut Seen,
    happenings: Happenings,
    audit: Watch,
}

/// The next thing that was read.
enum Next {
    Record(Record),
    /// Everything that was there has been read.
    Ready,
    /// Nothing to print.
    Nothing,
    Lost,
}

impl<'a> Round<'a> {
    async fn begin(bus: &'a dyn Bus, migration: &'a MigrationName, seen: &'a mut Seen) -> Result<Self, BusError> {
        let happenings = bus.follow(migration, seen.from).await?;
        let audit = bus.watch(Bucket::Audit, &names::migration_prefix(migration)).await?;
        Ok(Self { bus, migration, seen, happenings, audit })
    }

    async fn run(mut self, follow: bool, printer: &mut Printer) -> anyhow::Result<End> {
        let mut records = Vec::new();
        let is_whole = self.read_all(&mut records).await?;
        // Each process has its own clock, and the audit log is another one.
        records.sort_by_key(|record| record.at_ms);
        if printer.print(&records)? == Pipe::Closed {
            return Ok(End::Closed);
        }
        match (is_whole, follow) {
            (false, _) => Ok(End::Lost),
            (true, false) => Ok(End::Read),
            (true, true) => self.follow(printer).await,
        }
    }

    /// Everything that is there; `false`: as far as the connection held.
    async fn read_all(&mut self, records: &mut Vec<Record>) -> Result<bool, BusError> {
        loop {
            match self.happened().await {
                Next::Record(record) => records.push(record),
                Next::Nothing => {}
                Next::Ready => break,
                Next::Lost => return Ok(false),
            }
        }
        loop {
            match self.audited().await? {
                Next::Record(record) => records.push(record),
                Next::Nothing => {}
                Next::Ready => return Ok(true),
                Next::Lost => return Ok(false),
            }
        }
    }

    async fn follow(mut self, printer: &mut Printer) -> anyhow::Result<End> {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let next = tokio::select! {
                // What was read is printed before it is said that nothing more comes.
                biased;
                happened = self.happenings.recv() => self.seen.event(happened),
                change = self.audit.recv() => self.seen.audit(change)?,
                _ = look.tick() => {
                    if !is_there(self.bus, self.migration).await? {
                        return Ok(End::Removed);
                    }
                    Next::Nothing
                }
            };
            match next {
                Next::Record(record) => {
                    if printer.print(&[record])? == Pipe::Closed {
                        return Ok(End::Closed);
                    }
                }
                Next::Ready | Next::Nothing => {}
                Next::Lost => return Ok(End::Lost),
            }
        }
    }

    async fn happened(&mut self) -> Next {
        self.seen.event(self.happenings.recv().await)
    }

    async fn audited(&mut self) -> Result<Next, BusError> {
        self.seen.audit(self.audit.recv().await)
    }
}

impl Seen {
    fn event(&mut self, happened: Option<Happened>) -> Next {
        match happened {
            Some(Happened::Event(place, event)) => {
                self.from = place.saturating_add(1);
                Next::Record(event.into())
            }
            Some(Happened::Ready) => Next::Ready,
            None => Next::Lost,
        }
    }

    fn audit(&mut self, change: Option<Change>) -> Result<Next, BusError> {
        match change {
            Some(Change::Put(key, entry)) => self.audited(key, &entry),
            Some(Change::Deleted(_)) => Ok(Next::Nothing),
            Some(Change::Ready) => Ok(Next::Ready),
            None => Ok(Next::Lost),
        }
    }

    fn audited(&mut self, key: String, entry: &Entry) -> Result<Next, BusError> {
        if self.audit.contains(&key) {
            return Ok(Next::Nothing);
        }
        let record = view::decode::<AuditEntry>(&key, entry)?.into();
        self.audit.insert(key);
        Ok(Next::Record(record))
    }
}

/// Whether somebody reads what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pipe {
    Open,
    Closed,
}

/// Prints what is wanted.
struct Printer {
    filter: Filter,
    since_ms: u64,
    output: Output,
    colours: bool,
    is_empty: bool,
    to: BufWriter<StdoutLock<'static>>,
}

impl Printer {
    fn new(args: &OutputArgs) -> Self {
        Self {
            filter: Filter::new(args.labels.clone()),
            since_ms: args.since.map_or(0, |since| since.at_ms(clock::now_ms())),
            output: args.output,
            colours: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            is_empty: true,
            to: BufWriter::new(io::stdout().lock()),
        }
    }

    /// Where nothing was printed: what the labels that were asked for say here.
    async fn explain_nothing(&self, bus: &dyn Bus, migration: &MigrationName) -> Result<(), BusError> {
        for key in self.filter.keys().filter(|_| self.is_empty) {
            let values = label_values(bus, migration, key).await?;
            let shown: Vec<&str> = values.iter().take(VALUES_SHOWN).map(String::as_str).collect();
            let more = if values.len() > shown.len() { ", …" } else { "" };
            let shown = if shown.is_empty() { "nothing yet" } else { &shown.join(", ") };
            eprintln!("nothing fits; {} is here: {shown}{more}", key.as_str());
        }
        Ok(())
    }

    fn print(&mut self, records: &[Record]) -> anyhow::Result<Pipe> {
        match self.write(records) {
            Ok(()) => Ok(Pipe::Open),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Pipe::Closed),
            Err(error) => Err(error).context("write to standard output"),
        }
    }

    fn write(&mut self, records: &[Record]) -> io::Result<()> {
        for record in records.iter().filter(|record| record.at_ms >= self.since_ms && self.filter.takes(record)) {
            self.is_empty = false;
            match self.output {
                Output::Text => writeln!(self.to, "{}", record.line(self.colours))?,
                Output::Json => {
                    serde_json::to_writer(&mut self.to, record)?;
                    writeln!(self.to)?;
                }
            }
        }
        self.to.flush()
    }
}
