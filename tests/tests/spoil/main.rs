//! The spoil test: bits are flipped and ends are cut off in every blob of every fixture, and all that the blob matters to
//! is read as an export reads it. It ends in an error that names the place, or in exactly the true documents.
//!
//! | what is spoiled | what holds |
//! |---|---|
//! | blobs with a checksum: files of shards, `*.dat` | an error that names the blob, or the Lucene file, and where; or the blob's byte is in a part that no reader needs, and every document is true |
//! | files of Lucene 4.0 to 4.7 (Elasticsearch 1.0 and 1.1), whose format has none, and the lists of these files | nothing panics; an error, or documents of which some may be others, rejected or without a source: as many as the shard's own files count |
//! | other blobs without: the catalogue `index-N`, all metadata of Elasticsearch 1 | an error, or every document is true; what is shown beside them (settings, mappings, times) may be wrong |
//!
//! `SPOIL_SEED` repeats a run, `SPOIL_EVERY=n` tries every n-th byte of each blob instead of some.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

mod memory;
mod reading;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use memory::Memory;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reading::{Piece, Reading, is_documents};
use tests::fixtures;

/// What Lucene's headers begin with.
const MAGIC: [u8; 4] = [0x3f, 0xd7, 0x6c, 0x17];

/// Bytes of shards that are read again, in all, where not every change is tried. Debug builds read some MB in a second.
const READ_BYTES: f64 = 400e6;

/// One change of a blob.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// This bit of this byte is another.
    Flip(usize, u8),
    /// It ends here.
    Cut(usize),
}

impl Change {
    fn apply(self, blob: &[u8]) -> Vec<u8> {
        match self {
            Self::Flip(at, bit) => {
                let mut spoiled = blob.to_vec();
                spoiled[at] ^= 1 << bit;
                spoiled
            }
            Self::Cut(at) => blob[..at].to_vec(),
        }
    }
}

/// What became of the changes.
#[derive(Default)]
struct Tally {
    blobs: usize,
    /// Blobs that nobody reads.
    unread: usize,
    tried: usize,
    found: usize,
    without_effect: usize,
    /// Every document is true, but something else that is shown is not.
    shown: usize,
    /// Some documents are not true, and no checksum could tell.
    other_documents: usize,
    lies: Vec<String>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blobs, unread, tried, found, without_effect, shown, other_documents, lies } = self;
        write!(
            f,
            "{blobs} blobs read, {unread} not; {tried} changes: {found} found, {without_effect} without effect, "
        )?;
        write!(f, "{shown} in what is shown only, ")?;
        if *other_documents > 0 {
            write!(f, "{other_documents} in documents whose format has no checksum, ")?;
        }
        write!(f, "{} lies", lies.len())
    }
}

enum Outcome {
    Found,
    WithoutEffect,
    Shown,
    OtherDocuments,
    Lie(String),
}

#[test]
fn whatever_is_spoiled_is_named_or_every_document_is_true() {
    let every: Option<usize> = std::env::var("SPOIL_EVERY").ok().map(|text| text.parse().unwrap());
    let seed: u64 = std::env::var("SPOIL_SEED").map_or_else(|_| rand::random(), |text| text.parse().unwrap());
    let readings = readings();
    let share = READ_BYTES / readings.len() as f64;
    let tallies = Mutex::new(BTreeMap::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let work = || {
            while let Some((name, reading)) = readings.get(next.fetch_add(1, Ordering::Relaxed)) {
                let tally = spoil(reading, seed, every, share);
                tallies.lock().unwrap().insert(name, (reading, tally));
            }
        };
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            scope.spawn(work);
        }
    });
    let mut lies = String::new();
    println!("SPOIL_SEED={seed}");
    for (name, (reading, tally)) in &*tallies.lock().unwrap() {
        println!("{name}: {} documents in {tally}", reading.documents);
        lies.extend(tally.lies.iter().take(20).map(|lie| format!("\n{name} {lie}")));
    }
    assert!(lies.is_empty(), "SPOIL_SEED={seed}{lies}");
}

/// Every repository of every fixture.
fn readings() -> Vec<(String, Reading)> {
    let mut readings = Vec::new();
    for server in fixtures::names().unwrap() {
        let fixture = fixtures::unpack(&server).unwrap();
        for repository in fixture.repositories().unwrap() {
            let reading = Reading::new(Memory::load(&fixture.repository(&repository)));
            readings.push((format!("{server} {repository}"), reading));
        }
    }
    assert!(readings.len() >= 11, "fixtures are missing");
    readings
}

fn spoil(reading: &Reading, seed: u64, every: Option<usize>, share: f64) -> Tally {
    let mut random = StdRng::seed_from_u64(seed);
    let mut tally = Tally { blobs: reading.matters.len(), ..Tally::default() };
    tally.unread = reading.store.names().filter(|name| !reading.matters.contains_key(*name)).count();
    for (blob, pieces) in &reading.matters {
        let original = reading.store.original(blob).clone();
        // Where no checksum finds a change at once, more of them are worth a try.
        let worth = if is_checked(reading, blob) { 1.0 } else { 10.0 };
        let tries = worth * share / tally.blobs as f64 / reading.cost(pieces) as f64;
        for change in changes(original.len(), tries, every, &mut random) {
            reading.store.spoil(blob, change.apply(&original));
            tally.tried += 1;
            match judge(reading, blob, pieces) {
                Outcome::Found => tally.found += 1,
                Outcome::WithoutEffect => tally.without_effect += 1,
                Outcome::Shown => tally.shown += 1,
                Outcome::OtherDocuments => tally.other_documents += 1,
                Outcome::Lie(what) => tally.lies.push(format!("{blob} {change:?}: {what}")),
            }
        }
    }
    tally
}

/// Some changes of a blob of `len` bytes, or a flip and a cut at every n-th.
fn changes(len: usize, tries: f64, every: Option<usize>, random: &mut StdRng) -> Vec<Change> {
    let at: Vec<usize> = match every {
        Some(every) => (random.random_range(0..every)..len).step_by(every).collect(),
        None => {
            let tries = tries as usize + usize::from(random.random_bool(tries.fract()));
            (0..tries).map(|_| random.random_range(0..len.max(1))).collect()
        }
    };
    let both = |at| [Change::Flip(at, random.random_range(0..8)), Change::Cut(at)];
    let changes = at.into_iter().flat_map(both);
    changes.filter(|change| !matches!(change, Change::Flip(at, _) if len <= *at)).collect()
}

/// Whether every byte of the blob is under a checksum: a file of a shard (or a part of one), or wrapped as one.
fn is_checked(reading: &Reading, blob: &str) -> bool {
    reading.store.original(blob).starts_with(&MAGIC) || blob.contains("__")
}

fn judge(reading: &Reading, blob: &str, pieces: &[Piece]) -> Outcome {
    let is_checked = is_checked(reading, blob);
    let mut outcome = Outcome::WithoutEffect;
    for piece in pieces {
        let is_bare = is_documents(piece) && blob.contains("__") && !reading.has_footer(piece, blob);
        let is_checked = is_checked && !is_bare;
        let next = match reading.read(piece) {
            Err(error) if !is_checked || is_named(reading, blob, piece, &error) => Outcome::Found,
            Err(error) => return Outcome::Lie(format!("{piece:?} does not say where: {error}")),
            Ok(answer) if answer == reading.answers[piece] => Outcome::WithoutEffect,
            Ok(_) if is_bare => Outcome::OtherDocuments, // as many, which is checked where they are read
            Ok(answer) if is_checked || is_documents(piece) => {
                return Outcome::Lie(format!("{piece:?} gives {answer}, was {}", reading.answers[piece]));
            }
            Ok(_) => followed(reading, piece),
        };
        outcome = match (outcome, next) {
            (_, lie @ Outcome::Lie(_)) => return lie,
            (Outcome::OtherDocuments, _) | (_, Outcome::OtherDocuments) => Outcome::OtherDocuments,
            (Outcome::Found, _) | (_, Outcome::Found) => Outcome::Found,
            (Outcome::Shown, _) | (_, Outcome::Shown) => Outcome::Shown,
            (before, _) => before,
        };
    }
    outcome
}

/// Whether the error says in which blob or file, and where in it.
fn is_named(reading: &Reading, blob: &str, piece: &Piece, error: &str) -> bool {
    // A codec that nobody knows stands in the header.
    let places = [" at byte ", " bytes, the snapshot says ", " was written by "];
    let says_where = places.iter().any(|place| error.contains(place));
    let files = reading.lucene_files(piece, blob);
    // The checksum and the account of a segment are of all of it.
    let is_of_segment = |file: &&str| {
        let segment = file[1..].split(['_', '.']).next().unwrap_or_default();
        error.contains(&format!("segment _{segment} "))
    };
    let names_file = |file: &&str| error.contains(*file);
    (says_where && (error.contains(blob) || files.iter().any(names_file))) || files.iter().any(is_of_segment)
}

/// What comes of it where what leads to documents is not what it was, and can be read: an error further on, or the same
/// documents.
fn followed(reading: &Reading, piece: &Piece) -> Outcome {
    let answers = reading.follow(piece);
    if answers.values().any(Result::is_err) {
        return Outcome::Found;
    }
    let other = answers.iter().find(|(documents, answer)| reading.answers.get(documents) != answer.as_ref().ok());
    match other {
        None => Outcome::Shown,
        Some((documents, _)) if reading.is_bare(documents) => Outcome::OtherDocuments,
        Some((documents, answer)) => {
            Outcome::Lie(format!("{documents:?} gives {answer:?}, was {:?}", reading.answers.get(documents)))
        }
    }
}
