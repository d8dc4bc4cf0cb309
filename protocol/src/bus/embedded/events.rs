//! Events and log lines in the file, and whoever follows them.
//!
//! In: events, in the order they happen. Out: the newest, or all from a place on and then what happens.
//! Holds: events and log lines share one order and have room of their own: a process that logs a lot pushes out log
//! lines and no event.

use std::sync::Arc;

use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::store::Store;
use crate::bus::Happened;
use crate::event::Event;
use crate::wire;

/// `(migration, place)` to an event.
const EVENTS: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("events");
/// `(migration, place)` to a log line; no place is in both tables.
const LOG: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("log");

/// Events kept per migration: a few hours of a busy migration, some megabytes.
const EVENTS_MAX: u64 = 10_000;
/// Log lines kept per migration.
const LOG_MAX: u64 = 5_000;
/// So many above their number are kept until they are pushed out together: counting them reads them all.
const TRIM_EVERY: u64 = 256;

/// Events read at once.
const PAGE: usize = 256;
/// Events handed on that nobody has taken yet.
const HANDED_MAX: usize = 64;

type Row = (&'static str, u64);

/// Makes the tables.
pub(super) fn prepare(txn: &WriteTransaction) -> Result<(), redb::Error> {
    txn.open_table(EVENTS)?;
    txn.open_table(LOG)?;
    Ok(())
}

/// Appends an event, or a log line where `is_log` says so.
pub(super) fn append(txn: &WriteTransaction, migration: &str, event: &[u8], is_log: bool) -> Result<(), redb::Error> {
    let (mut events, mut log) = (txn.open_table(EVENTS)?, txn.open_table(LOG)?);
    let newest = newest_place(&events, migration)?.max(newest_place(&log, migration)?);
    // From 1 on: 0 is before the first.
    let place = newest.map_or(1, |place| place.saturating_add(1));
    let (table, max) = if is_log { (&mut log, LOG_MAX) } else { (&mut events, EVENTS_MAX) };
    table.insert((migration, place), event)?;
    if place.is_multiple_of(TRIM_EVERY) {
        trim(table, migration, max)?;
    }
    Ok(())
}

fn newest_place(
    table: &impl ReadableTable<(&'static str, u64), &'static [u8]>,
    migration: &str,
) -> Result<Option<u64>, redb::Error> {
    let newest = table.range((migration, 0)..=(migration, u64::MAX))?.next_back().transpose()?;
    Ok(newest.map(|row| row.0.value().1))
}

/// Keeps the newest `max` of a migration.
fn trim(table: &mut Table<'_, Row, &'static [u8]>, migration: &str, max: u64) -> Result<(), redb::Error> {
    let keep = usize::try_from(max).unwrap_or(usize::MAX);
    let mut kept = table.range((migration, 0)..=(migration, u64::MAX))?.rev().take(keep);
    let oldest = kept.try_fold(None, |_, row| row.map(|row| Some(row.0.value().1)))?;
    drop(kept);
    let Some(oldest) = oldest else { return Ok(()) };
    table.retain_in((migration, 0)..(migration, oldest), |_, _| false)?;
    Ok(())
}

/// Removes all of a migration.
pub(super) fn remove(txn: &WriteTransaction, migration: &str) -> Result<(), redb::Error> {
    for table in [EVENTS, LOG] {
        txn.open_table(table)?.retain_in((migration, 0)..=(migration, u64::MAX), |_, _| false)?;
    }
    Ok(())
}

/// The newest `limit` events, oldest first.
pub(super) fn newest(txn: &ReadTransaction, migration: &str, limit: usize) -> Result<Vec<Vec<u8>>, redb::Error> {
    let table = txn.open_table(EVENTS)?;
    let newest = table.range((migration, 0)..=(migration, u64::MAX))?.rev().take(limit);
    let mut events = newest.map(|row| Ok(row?.1.value().to_vec())).collect::<Result<Vec<_>, redb::Error>>()?;
    events.reverse();
    Ok(events)
}

/// Events and log lines from a place on, a page of them, in order.
pub(super) fn page(txn: &ReadTransaction, migration: &str, from: u64) -> Result<Vec<(u64, Vec<u8>)>, redb::Error> {
    let mut page = Vec::new();
    for table in [EVENTS, LOG] {
        for row in txn.open_table(table)?.range((migration, from)..=(migration, u64::MAX))?.take(PAGE) {
            let row = row?;
            page.push((row.0.value().1, row.1.value().to_vec()));
        }
    }
    page.sort_unstable_by_key(|(place, _)| *place);
    page.truncate(PAGE);
    Ok(page)
}

/// Who follows: where it is read, and where it is fed.
pub(super) fn channel() -> (mpsc::Sender<Happened>, mpsc::Receiver<Happened>) {
    mpsc::channel(HANDED_MAX)
}

/// Follows the events of one migration.
pub(super) struct Follower {
    pub(super) store: Arc<Store>,
    pub(super) migration: String,
    pub(super) from: u64,
    /// Changes with every event. `None`: no run is alive, and nothing more happens.
    pub(super) news: Option<watch::Receiver<u64>>,
}

impl Follower {
    /// Tells what is there and then what happens, until nobody reads, nothing more can happen, or the bus is closed.
    pub(super) async fn run(mut self, told: mpsc::Sender<Happened>, cancel: CancellationToken) {
        let feed = async {
            self.tell_all(&told).await?;
            told.send(Happened::Ready).await.ok()?;
            let mut news = self.news.take()?;
            loop {
                // What happened meanwhile counts as seen before it is read: so none is missed.
                news.mark_unchanged();
                self.tell_all(&told).await?;
                tokio::select! {
                    changed = news.changed() => changed.ok()?,
                    () = told.closed() => return None,
                }
            }
        };
        let _: Option<Option<()>> = cancel.run_until_cancelled(feed).await;
    }

    /// Tells everything from the current place on; `None`: following is to end.
    async fn tell_all(&mut self, told: &mpsc::Sender<Happened>) -> Option<()> {
        loop {
            let (store, migration, from) = (Arc::clone(&self.store), self.migration.clone(), self.from);
            let read = move || store.events_from(&migration, from);
            let page = tokio::task::spawn_blocking(read).await.ok()?;
            let page = page.inspect_err(|error| tracing::warn!(%error, "events can't be read")).ok()?;
            if page.is_empty() {
                return Some(());
            }
            for (place, bytes) in page {
                self.from = place.saturating_add(1);
                match wire::decode::<Event>(&bytes) {
                    Ok(event) => told.send(Happened::Event(place, event)).await.ok()?,
                    // One of a newer build must not hide all that follow.
                    Err(error) => tracing::warn!(place, %error, "left out an event that can't be read"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::Write;
    use super::*;

    fn write(n: u64, is_log: bool) -> Write {
        Write::Event { migration: "m".to_owned(), event: n.to_be_bytes().to_vec(), is_log }
    }

    #[test]
    fn the_newest_are_kept_and_a_chatty_log_pushes_out_no_event() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("state"), true).unwrap();
        store.apply(vec![write(0, false)]).unwrap();
        store.apply((1..=LOG_MAX + TRIM_EVERY * 2).map(|n| write(n, true)).collect()).unwrap();
        assert_eq!(store.events("m", usize::MAX).unwrap(), [0_u64.to_be_bytes()]);
        let (mut places, mut from) = (Vec::new(), 0);
        loop {
            let page = store.events_from("m", from).unwrap();
            let Some((last, _)) = page.last() else { break };
            from = last + 1;
            places.extend(page.into_iter().map(|(place, _)| place));
        }
        assert!(places.is_sorted() && places[0] == 1 && *places.last().unwrap() == LOG_MAX + TRIM_EVERY * 2 + 1);
        let lines = places.len() as u64 - 1;
        assert!((LOG_MAX..LOG_MAX + TRIM_EVERY).contains(&lines), "{lines}");

        store.apply((0..EVENTS_MAX + TRIM_EVERY).map(|n| write(n, false)).collect()).unwrap();
        let events = store.events("m", usize::MAX).unwrap().len() as u64;
        assert!((EVENTS_MAX..EVENTS_MAX + TRIM_EVERY).contains(&events), "{events}");
        let newest = [EVENTS_MAX + TRIM_EVERY - 2, EVENTS_MAX + TRIM_EVERY - 1].map(|n| n.to_be_bytes().to_vec());
        assert_eq!(store.events("m", 2).unwrap(), newest);
        assert!(store.events("other", 10).unwrap().is_empty());
    }
}
