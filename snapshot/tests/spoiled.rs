//! Damaged, missing and forbidden blobs: an error that names the blob, never a panic, never wrong bytes.

// The helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;

use std::io::Read;

use bytes::Bytes;
use lucene::directory::Directory;
use snapshot::{Error, ShardFile, Verdict};
use support::{FIXTURES, MemoryStore, chain, with_checksum};

/// Reads everything but the data that `spoiled` may matter to: every snapshot, and of the indices and shards that the
/// fixture kept those whose folder it is in; or all of them.
async fn read_all(store: &MemoryStore, spoiled: &str) -> Result<usize, Error> {
    let repository = store.open().await?;
    let mut read = 0;
    for listed in repository.snapshots() {
        let snapshot = repository.snapshot(&listed.name).await?;
        snapshot.global_metadata().await?;
        for index in &snapshot.indices {
            let folder = format!("indices/{}/", index.id);
            let is_here = spoiled.starts_with(&folder);
            let is_elsewhere = spoiled.starts_with("indices/") && !is_here;
            if is_elsewhere || !is_here && store.names(|name| name.starts_with(&folder)).is_empty() {
                continue;
            }
            let metadata = snapshot.index_metadata(index).await?;
            for shard in 0..metadata.number_of_shards {
                read += match snapshot.shard(index, shard).await {
                    // The server could not snapshot it.
                    Err(Error::ShardFailed { .. }) => 0,
                    shard => shard?.files.len(),
                };
            }
        }
    }
    Ok(read)
}

/// What is spoiled: the fixtures of today's versions, and smaller ones that hold what older versions left.
fn fixtures() -> impl Iterator<Item = (&'static str, &'static str)> {
    let more =
        [("mixed", "1.7-2.4"), ("mixed", "2.4-5.1"), ("mixed", "1.7-8.19"), ("opensearch-2.19.4", "hashed-infix")];
    FIXTURES.into_iter().chain(more)
}

/// The blobs with metadata for which `test` holds; only those that somebody asks for, because a repository may hold what
/// an unfinished snapshot left.
async fn metadata(store: &MemoryStore, test: fn(&str) -> bool) -> Vec<String> {
    store.reads.lock().unwrap().clear();
    assert!(read_all(store, "").await.unwrap() > 0);
    let reads = store.reads.lock().unwrap().clone();
    store.names(|name| reads.contains(name) && test(name))
}

fn is_wrapped(name: &str) -> bool {
    name.ends_with(".dat")
}

/// What Elasticsearch 1.x leaves.
fn is_bare(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap();
    file.starts_with("snapshot-") || file.starts_with("metadata-")
}

/// About 40 positions, all of the ends among them.
fn positions(len: usize) -> impl Iterator<Item = usize> {
    (0..len).filter(move |at| *at < 12 || len - 17 < *at || at % (len / 12).max(1) == 0)
}

fn flipped(bytes: &Bytes, at: usize) -> Vec<u8> {
    let mut spoiled = bytes.to_vec();
    spoiled[at] ^= 1 << (at % 8);
    spoiled
}

#[tokio::test]
async fn every_flipped_bit_and_every_cut_of_metadata_is_found() {
    for (server, repository) in fixtures() {
        let mut store = MemoryStore::fixture(server, repository);
        for name in metadata(&store, is_wrapped).await {
            let good = store.blobs[&name].clone();
            for at in positions(good.len()) {
                for spoiled in [flipped(&good, at), good[..at].to_vec()] {
                    store.put(&name, spoiled);
                    let error = read_all(&store, &name).await.unwrap_err();
                    assert!(matches!(error, Error::Corrupt { .. }), "{server} {name} at {at}: {error:?}");
                    assert_eq!(error.verdict(), Verdict::Fail);
                    assert!(chain(&error).starts_with(&format!("blob {name} of memory is corrupt")), "{error}");
                }
            }
            store.put(&name, good);
        }
    }
}

#[tokio::test]
async fn metadata_that_lies_under_a_right_checksum_never_panics() {
    let mut errors = 0;
    for (server, repository) in fixtures() {
        let mut store = MemoryStore::fixture(server, repository);
        for name in metadata(&store, is_wrapped).await {
            let good = store.blobs[&name].clone();
            for at in positions(good.len()) {
                store.put(&name, with_checksum(flipped(&good, at)));
                if let Err(error) = read_all(&store, &name).await {
                    let text = chain(&error);
                    // A spoiled name of a blob is one that is not there.
                    let is_named = text.contains(&name) || text.contains("is not there") || text.contains("is no name");
                    let is_refused = matches!(error, Error::UnsupportedVersion { .. } | Error::NotUsable { .. });
                    assert!(is_named || is_refused, "{name} at {at}: {text}");
                    errors += 1;
                }
            }
            store.put(&name, good);
        }
    }
    assert!(errors > 500, "{errors}");
}

#[tokio::test]
async fn a_spoiled_catalogue_never_panics_and_a_cut_one_is_named() {
    for (server, repository) in fixtures().filter(|fixture| *fixture != ("mixed", "1.7-2.4")) {
        let mut store = MemoryStore::fixture(server, repository);
        let name = store.names(|name| name.starts_with("index-")).pop().unwrap();
        let good = store.blobs[&name].clone();
        for at in positions(good.len()).chain((0..good.len()).step_by(101)) {
            // JSON without a checksum: some flips only change a name, and then something else is missing.
            store.put(&name, flipped(&good, at));
            let _ = read_all(&store, &name).await;
            store.put(&name, good.slice(..at));
            let text = chain(&store.open().await.unwrap_err());
            assert!(text.starts_with(&format!("blob {name} of memory is corrupt at byte ")), "{text}");
        }
    }
}

#[tokio::test]
async fn spoiled_documents_without_a_checksum_never_panic_and_cut_ones_are_named() {
    let (mut errors, mut tried) = (0, 0);
    for (server, repository) in [("elasticsearch-1.7.6", "plain"), ("mixed", "1.7-2.4"), ("mixed", "1.7-8.19")] {
        let mut store = MemoryStore::fixture(server, repository);
        let blobs = metadata(&store, is_bare).await;
        assert!(blobs.len() > 4, "{blobs:?}");
        for name in blobs {
            let good = store.blobs[&name].clone();
            for at in positions(good.len()).chain((0..good.len()).step_by(37)) {
                // Some flips only change a name or a number, and nothing can tell.
                store.put(&name, flipped(&good, at));
                errors += usize::from(read_all(&store, &name).await.is_err());
                tried += 1;
                store.put(&name, good.slice(..at));
                let text = chain(&read_all(&store, &name).await.unwrap_err());
                assert!(text.starts_with(&format!("blob {name} of memory ")), "{name} cut at {at}: {text}");
            }
            store.put(&name, good);
        }
    }
    assert!(tried / 2 < errors, "{errors} of {tried}");
}

/// How many shards each index has that a repository of one snapshot holds; some of its indices a fixture leaves out.
async fn shards(store: &MemoryStore, left_out: &[String]) -> Result<BTreeMap<String, u32>, Error> {
    let snapshot = store.open().await?.snapshot("second").await?;
    let mut shards = BTreeMap::new();
    for index in snapshot.indices.iter().filter(|index| !left_out.contains(&index.name)) {
        shards.insert(index.name.clone(), snapshot.index_metadata(index).await?.number_of_shards);
    }
    Ok(shards)
}

#[tokio::test]
async fn no_flipped_bit_without_a_checksum_hides_an_index_or_a_shard() {
    let mut store = MemoryStore::fixture("elasticsearch-1.7.6", "plain");
    let snapshot = store.open().await.unwrap().snapshot("second").await.unwrap();
    let names = snapshot.indices.iter().map(|index| index.name.clone());
    let left_out: Vec<String> =
        names.filter(|name| !store.blobs.contains_key(&format!("indices/{name}/snapshot-second"))).collect();
    let whole = shards(&store, &left_out).await.unwrap();
    assert!(whole.values().any(|count| *count > 1), "{whole:?}");
    let mut tried = 0;
    for name in store.names(|name| name.ends_with("snapshot-second") && name.matches('/').count() != 3) {
        let good = store.blobs[&name].clone();
        for (at, bit) in (0..good.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut spoiled = good.to_vec();
            spoiled[at] ^= 1 << bit;
            store.put(&name, spoiled);
            if let Ok(found) = shards(&store, &left_out).await {
                // A shard too many has no files, and that is an error when they are asked for.
                let hidden = whole.iter().find(|(index, count)| found.get(*index) < Some(*count));
                assert_eq!(hidden, None, "{name} bit {bit} of byte {at}");
            }
            tried += 1;
        }
        store.put(&name, good);
    }
    assert!(tried > 8_000, "{tried}");
}

#[tokio::test]
async fn missing_and_forbidden_metadata_is_named() {
    for (server, repository) in fixtures() {
        let store = MemoryStore::fixture(server, repository);
        for name in metadata(&store, is_wrapped).await {
            let mut without = store.clone();
            without.blobs.remove(&name);
            // A snapshot without the state of the cluster need not have that blob; one of 2.x does not say.
            let may_be_missing = repository == "chunked" && name.starts_with("meta-") || name == "meta-by-2.dat";
            // Without a catalogue, a snapshot is listed by this blob.
            let is_listed_by = repository == "1.7-2.4" && name == "snap-by-2.dat";
            if !may_be_missing && !is_listed_by {
                let error = read_all(&without, &name).await.unwrap_err();
                assert!(chain(&error).ends_with(&format!("blob {name} of memory is not there")), "{}", chain(&error));
            }
            let mut denied = store.clone();
            denied.denied.insert(name.clone());
            let error = read_all(&denied, &name).await.unwrap_err();
            assert!(chain(&error).ends_with(&format!("blob {name} of memory may not be read")), "{}", chain(&error));
            assert_eq!(error.verdict(), Verdict::Fail);
        }
    }
}

/// What reading `file` gives from the index `orders` in parts, once `spoil` has changed the repository, by read and by
/// stream.
async fn read_orders(spoil: impl FnOnce(&mut MemoryStore, &ShardFile)) -> [std::io::Result<usize>; 2] {
    let mut store = MemoryStore::fixture("elasticsearch-8.19.21", "chunked");
    let file = {
        let snapshot = store.open().await.unwrap().snapshot("snap-ch").await.unwrap();
        let index = snapshot.index("orders").unwrap();
        let shards = [snapshot.shard(index, 0).await, snapshot.shard(index, 1).await, snapshot.shard(index, 2).await];
        let mut files = shards.into_iter().flat_map(|shard| shard.unwrap().files);
        files.find(|file| file.part_size.is_some()).unwrap()
    };
    spoil(&mut store, &file);
    let snapshot = store.open().await.unwrap().snapshot("snap-ch").await.unwrap();
    let shard: u32 = file.blob.split('/').nth(2).unwrap().parse().unwrap();
    let files = snapshot.shard(snapshot.index("orders").unwrap(), shard).await.unwrap();
    let directory = files.directory(tokio::runtime::Handle::current());
    let work = move || {
        let read = directory.read(&file.physical_name, 0..file.len).map(|bytes| bytes.len());
        let mut reader = directory.stream(&file.physical_name, 0..file.len).unwrap();
        let streamed = reader.read_to_end(&mut Vec::new());
        if streamed.is_err() {
            assert!(reader.read(&mut [0]).is_err(), "after an error only errors");
        }
        [read, streamed]
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn data_that_is_missing_forbidden_or_cut_is_named() {
    use std::io::ErrorKind;
    let part = |file: &ShardFile| format!("{}.part1", file.blob);
    for result in read_orders(|_, _| ()).await {
        assert!(result.unwrap() > 50_000);
    }
    for result in read_orders(|store, file| drop(store.blobs.remove(&part(file)))).await {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().ends_with(".part1 of memory is not there"), "{error}");
    }
    for result in read_orders(|store, file| store.denied.extend([part(file)])).await {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.to_string().contains(".part1 of memory may not be read"), "{error}");
    }
    let cut = |store: &mut MemoryStore, file: &ShardFile| {
        let bytes = store.blobs[&part(file)].clone();
        store.put(&part(file), bytes.slice(..100));
    };
    for result in read_orders(cut).await {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert!(error.to_string().contains(".part1 of memory is 100 bytes, the snapshot says "), "{error}");
    }
}

#[tokio::test]
async fn ranges_that_a_file_does_not_have_are_refused() {
    use std::io::ErrorKind;
    let store = MemoryStore::fixture("opensearch-2.19.4", "main");
    let snapshot = store.open().await.unwrap().snapshot("snap-2").await.unwrap();
    let files = snapshot.shard(snapshot.index("app-one").unwrap(), 0).await.unwrap();
    let directory = files.directory(tokio::runtime::Handle::current());
    let work = move || {
        for file in &files.files {
            let (name, len) = (&file.physical_name, file.len);
            for (start, end, kind) in [
                (0, len + 1, ErrorKind::UnexpectedEof),
                (u64::MAX - 1, u64::MAX, ErrorKind::UnexpectedEof),
                (2, 1, ErrorKind::InvalidInput),
            ] {
                assert_eq!(directory.read(name, start..end).unwrap_err().kind(), kind, "{name} {start}..{end}");
                assert_eq!(directory.stream(name, start..end).err().unwrap().kind(), kind, "{name} {start}..{end}");
            }
            assert!(directory.read(name, len..len).unwrap().is_empty());
        }
        assert_eq!(directory.len("_9.fdt"), None);
        assert_eq!(directory.read("_9.fdt", 0..0).unwrap_err().kind(), ErrorKind::NotFound);
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}
