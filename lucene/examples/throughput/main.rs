//! How fast stored fields come out of a shard's files, on one core and from memory, beside the decompressor alone.
//!
//! `cargo run --release -p lucene --example throughput [DIRECTORY]`: the directory of a shard's Lucene files; without one
//! a segment is made for each compression. Printed are, in MB of unpacked stored fields per second: the decompressor
//! alone, called on compressed chunks whose place is known; the whole way of a reader, with checksum, unpacking, live
//! docs and all fields of all documents; and how much of the first is left of it. The resource measured is the CPU.

mod alone;
mod synthesis;
#[allow(dead_code, reason = "its documents have no numbers")]
#[path = "../../src/stored_fields/writer.rs"]
mod writer;

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use lucene::{ChunkRange, Commit, Directory, Segment, StoredFields};

/// Each is measured so often, in turn; the best counts, because nothing but other programs make it slower.
const ROUNDS: u32 = 20;

/// Measured is so much of `.fdt` at a time, some milliseconds: other programs disturb one or another, but hardly the
/// same one every time. Much less, and the processor would know by heart what comes next, which no real reader meets.
const PART_BYTES: u64 = 512 << 10;

/// The files of a shard, which notes what is streamed.
struct Memory {
    files: BTreeMap<String, Bytes>,
    streamed: Mutex<Bytes>,
}

impl Directory for Memory {
    fn names(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    fn len(&self, name: &str) -> Option<u64> {
        self.files.get(name).map(|bytes| bytes.len() as u64)
    }

    fn read(&self, name: &str, range: Range<u64>) -> io::Result<Bytes> {
        let bytes = self.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        if range.end > bytes.len() as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes.slice(range.start as usize..range.end as usize))
    }

    fn stream(&self, name: &str, range: Range<u64>) -> io::Result<Box<dyn io::BufRead + Send>> {
        let bytes = self.read(name, range)?;
        if let Ok(mut streamed) = self.streamed.lock() {
            *streamed = bytes.clone();
        }
        Ok(Box::new(io::Cursor::new(bytes)))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "{:<42} {:>6} {:>9} {:>6} {:>9} {:>9} {:>7}",
        "codec", "chunks", "MB", "ratio", "alone", "reader", "share"
    );
    match std::env::args().nth(1) {
        Some(folder) => {
            let mut files = BTreeMap::new();
            for entry in std::fs::read_dir(&folder)? {
                let entry = entry?;
                files.insert(entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?.into());
            }
            measure_shard(files)
        }
        None => {
            let documents = synthesis::documents();
            synthesis::CODECS.iter().try_for_each(|codec| measure_shard(synthesis::shard(*codec, &documents)))
        }
    }
}

fn measure_shard(files: BTreeMap<String, Bytes>) -> Result<(), Box<dyn Error>> {
    let dir = Arc::new(Memory { files, streamed: Mutex::default() });
    for commit in Commit::read(&*dir)?.segments {
        let segment = Segment::open(dir.clone(), &commit)?;
        let name = segment.name().to_owned();
        measure(&dir, &segment).map_err(|error| format!("segment {name}: {error}"))?;
    }
    Ok(())
}

fn measure(dir: &Memory, segment: &Segment) -> Result<(), Box<dyn Error>> {
    let fields = segment.stored_fields()?;
    let whole = fields.cuts(u64::MAX)?.into_iter().next().ok_or("no cut")?;
    let (bytes, _) = read(segment, &fields, &whole)?;
    let data = dir.streamed.lock().map_err(|_| "a reader panicked")?.clone();
    let chunks = alone::Chunks::find(&data, &lengths(&fields)?)?;
    if chunks.len() == 0 {
        println!("{:<42} nothing to compare: one chunk, sliced ones, or a small compound file", segment.name());
        return Ok(());
    }
    let mut unpacker = chunks.unpacker()?;
    let (mut alone, mut reader) = (Duration::ZERO, Duration::ZERO);
    for part in fields.cuts(PART_BYTES)? {
        let (mut alone_best, mut reader_best) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            chunks.unpack(&part.bytes, &mut unpacker)?;
            alone_best = alone_best.min(start.elapsed());
            let start = Instant::now();
            read(segment, &fields, &part)?;
            reader_best = reader_best.min(start.elapsed());
        }
        alone += alone_best;
        reader += reader_best;
    }
    let alone = chunks.bytes() as f64 / 1e6 / alone.as_secs_f64();
    let reader = bytes as f64 / 1e6 / reader.as_secs_f64();
    println!(
        "{:<42} {:>6} {:>9.1} {:>6.2} {alone:>9.0} {reader:>9.0} {:>6.0}%",
        chunks.codec(),
        chunks.len(),
        bytes as f64 / 1e6,
        bytes as f64 / data.len() as f64,
        100.0 * reader / alone
    );
    Ok(())
}

/// Reads the live documents of `part`; gives the bytes of all, and something of each field so that none is left out.
fn read(segment: &Segment, fields: &StoredFields, part: &ChunkRange) -> lucene::Result<(u64, u64)> {
    let (mut bytes, mut sum) = (0u64, 0u64);
    let mut live = segment.live_docs()?;
    let mut chunks = fields.read(part, part.docs.start, None)?;
    while let Some(chunk) = chunks.next_chunk_if(|docs| live.any_live(docs))? {
        bytes += chunk.bytes_len() as u64;
        for doc in chunk.docs() {
            let doc = doc?;
            if !live.is_live(doc.doc)? {
                continue;
            }
            for field in doc.fields() {
                sum = sum.wrapping_add(u64::from(field?.0));
            }
        }
    }
    Ok((bytes, std::hint::black_box(sum)))
}

/// Where each chunk is in `.fdt`, and to how many bytes it unpacks.
fn lengths(fields: &StoredFields) -> lucene::Result<Vec<(Range<u64>, usize)>> {
    let mut lengths = Vec::new();
    for range in fields.cuts(1)? {
        let mut chunks = fields.read(&range, range.docs.start, None)?;
        let bytes = chunks.next_chunk()?.map_or(0, |chunk| chunk.bytes_len());
        lengths.push((range.bytes.clone(), bytes));
    }
    Ok(lengths)
}
