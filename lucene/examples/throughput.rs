//! How fast stored fields, live docs and numbers come out of a shard's files, on one core and from memory.
//!
//! `cargo run --release -p lucene --example throughput -- DIRECTORY [PASSES]`; the resource measured is the CPU.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use lucene::{Commit, Directory, Segment};

struct Memory(BTreeMap<String, Bytes>);

impl Directory for Memory {
    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn len(&self, name: &str) -> Option<u64> {
        self.0.get(name).map(|bytes| bytes.len() as u64)
    }

    fn read(&self, name: &str, range: Range<u64>) -> io::Result<Bytes> {
        let bytes = self.0.get(name).ok_or(io::ErrorKind::NotFound)?;
        if range.end > bytes.len() as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes.slice(range.start as usize..range.end as usize))
    }

    fn stream(&self, name: &str, range: Range<u64>) -> io::Result<Box<dyn io::Read + Send>> {
        Ok(Box::new(io::Cursor::new(self.read(name, range)?)))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("the directory of a shard's Lucene files is wanted")?;
    let passes: u32 = args.next().map_or(Ok(1), |passes| passes.parse())?;
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(&folder)? {
        let entry = entry?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?.into());
    }
    let dir: Arc<dyn Directory> = Arc::new(Memory(files));
    for commit in Commit::read(&*dir)?.segments {
        measure(&Segment::open(Arc::clone(&dir), &commit)?, passes)?;
    }
    Ok(())
}

fn measure(segment: &Segment, passes: u32) -> Result<(), Box<dyn Error>> {
    let fields = segment.stored_fields()?;
    let whole = fields.cuts(u64::MAX)?.into_iter().next().ok_or("no cut")?;
    let (mut bytes, mut docs, mut numbers_sum) = (0u64, 0u64, 0i64);
    let start = Instant::now();
    for _ in 0..passes {
        let mut live = segment.live_docs()?;
        let mut numbers = segment.numeric("_seq_no")?;
        let mut chunks = fields.read(&whole, 0, None)?;
        while let Some(chunk) = chunks.next_chunk()? {
            bytes += chunk.bytes_len() as u64;
            for doc in chunk.docs() {
                let doc = doc?;
                if !live.is_live(doc.doc)? {
                    continue;
                }
                for field in doc.fields() {
                    field?;
                }
                if let Some(numbers) = &mut numbers {
                    numbers_sum = numbers_sum.wrapping_add(numbers.get(doc.doc)?.unwrap_or(0));
                }
                docs += 1;
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} (Lucene {}): {docs} live documents, {:.1} MB unpacked in {seconds:.2} s = {:.0} MB/s (sum {numbers_sum})",
        segment.name(),
        segment.version(),
        bytes as f64 / 1e6,
        bytes as f64 / 1e6 / seconds
    );
    Ok(())
}
