//! A stream asks ahead, within bounds, and for nothing outside of its range.

// The helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::io::Read;
use std::ops::Range;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lucene::directory::Directory;
use serde::Serialize;
use snapshot::limits::{PIECE_BYTES, PIECES_AHEAD};
use snapshot::{BlobMeta, BlobStore, Repository, ShardDirectory, StoreError};
use support::{MemoryStore, wrapped};
use tokio::runtime::Handle;
use tokio::sync::Barrier;

/// How long to wait for what must happen before a test that would hang fails.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Serialize)]
struct List {
    files: Vec<File>,
}

#[derive(Serialize)]
struct File {
    name: &'static str,
    physical_name: &'static str,
    length: u64,
    part_size: Option<i64>,
}

/// Ten pieces and a bit, no two bytes in a row alike.
fn content() -> &'static [u8] {
    static CONTENT: LazyLock<Vec<u8>> =
        LazyLock::new(|| (0..PIECE_BYTES * 10 + 123).map(|at| (at % 251) as u8).collect());
    &CONTENT
}

/// A repository whose shard `typed-idx` 0 has `_0.fdt`, in one blob, and `_1.fdt`, in parts of 700,000 bytes.
async fn store() -> MemoryStore {
    let mut store = MemoryStore::fixture("elasticsearch-7.10.2", "main");
    let snapshot = store.open().await.unwrap().snapshot("snap-1").await.unwrap();
    let folder = format!("indices/{}/0", snapshot.index("typed-idx").unwrap().id);
    let length = content().len() as u64;
    let one = File { name: "__one", physical_name: "_0.fdt", length, part_size: Some(i64::MAX) };
    let parts = File { name: "__parts", physical_name: "_1.fdt", length, part_size: Some(700_000) };
    let list = wrapped("snapshot", &List { files: vec![one, parts] });
    store.put(&format!("{folder}/snap-{}.dat", snapshot.uuid), list);
    store.put(&format!("{folder}/__one"), content());
    for (number, part) in content().chunks(700_000).enumerate() {
        store.put(&format!("{folder}/__parts.part{number}"), part.to_vec());
    }
    store
}

async fn directory(store: Arc<dyn BlobStore>) -> ShardDirectory {
    let snapshot = Repository::open(store).await.unwrap().snapshot("snap-1").await.unwrap();
    let shard = snapshot.shard(snapshot.index("typed-idx").unwrap(), 0).await.unwrap();
    shard.directory(Handle::current())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(work)).await.expect("it hangs").unwrap()
}

#[tokio::test]
async fn a_stream_gives_its_range_and_asks_for_no_byte_more() {
    let store = store().await;
    let ranges = store.ranges.clone();
    let directory = directory(store.arc()).await;
    let read = move || {
        let len = content().len() as u64;
        for (start, end) in [(0, len), (5, 6), (PIECE_BYTES - 1, 3 * PIECE_BYTES + 1), (len - 7, len), (9, 9)] {
            for name in ["_0.fdt", "_1.fdt"] {
                ranges.lock().unwrap().clear();
                let mut streamed = Vec::new();
                directory.stream(name, start..end).unwrap().read_to_end(&mut streamed).unwrap();
                assert!(streamed == content()[start as usize..end as usize], "{name} {start}..{end}");
                let asked = ranges.lock().unwrap().iter().map(|(_, range)| range.end - range.start).sum::<u64>();
                assert_eq!(asked, end - start, "{name} {start}..{end}");
                assert!(directory.read(name, start..end).unwrap() == streamed, "{name} {start}..{end}");
            }
        }
    };
    blocking(read).await;
}

#[tokio::test]
async fn what_is_not_read_is_asked_for_only_a_little_ahead() {
    let store = store().await;
    let ranges = store.ranges.clone();
    let directory = directory(store.arc()).await;
    let read = move || {
        let mut reader = directory.stream("_0.fdt", 0..content().len() as u64).unwrap();
        for piece in 0..5 {
            reader.read_exact(&mut vec![0; PIECE_BYTES as usize]).unwrap();
            let asked = ranges.lock().unwrap().len();
            assert!((piece + 1..=piece + 1 + PIECES_AHEAD).contains(&asked), "{asked} pieces after {piece}");
        }
    };
    blocking(read).await;
}

/// Answers no range until as many as are to be asked ahead are asked for.
struct Together {
    inner: MemoryStore,
    barrier: Barrier,
}

#[async_trait]
impl BlobStore for Together {
    async fn list(&self, prefix: &str) -> Result<Vec<BlobMeta>, StoreError> {
        self.inner.list(prefix).await
    }

    async fn read(&self, blob: &str, len_max: u64) -> Result<Bytes, StoreError> {
        self.inner.read(blob, len_max).await
    }

    async fn read_range(&self, blob: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.barrier.wait().await;
        self.inner.read_range(blob, range).await
    }

    fn location(&self) -> String {
        self.inner.location()
    }
}

#[tokio::test]
async fn pieces_are_on_their_way_at_the_same_time() {
    let barrier = Barrier::new(PIECES_AHEAD);
    let directory = directory(Arc::new(Together { inner: store().await, barrier })).await;
    let read = move || {
        let end = PIECE_BYTES * 3 * PIECES_AHEAD as u64;
        let mut streamed = Vec::new();
        directory.stream("_0.fdt", 0..end).unwrap().read_to_end(&mut streamed).unwrap();
        assert!(streamed == content()[..end as usize]);
    };
    blocking(read).await;
}

#[tokio::test]
async fn reads_on_their_way_end_with_the_stream() {
    // Nothing ever answers: one more would have to ask.
    let barrier = Barrier::new(PIECES_AHEAD + 1);
    let store: Arc<dyn BlobStore> = Arc::new(Together { inner: store().await, barrier });
    let directory = directory(store.clone()).await;
    let holders = Arc::strong_count(&store);
    let stream = directory.stream("_0.fdt", 0..PIECE_BYTES * 4).unwrap();
    assert!(holders < Arc::strong_count(&store), "reads hold the store");
    drop(stream);
    let ended = async {
        while holders < Arc::strong_count(&store) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("a read outlives its stream");
}
