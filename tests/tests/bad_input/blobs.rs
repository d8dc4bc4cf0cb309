//! Blobs that are cut, gone or damaged: their shard fails by name, the others finish; once they are mended the same
//! command completes what is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use snapshot::{FsStore, Repository};
use tests::fixtures::{self, Fixture};
use tests::workplace::{Config, NO_GATES, Workplace};

use crate::{DONE, FAILED, index, phase, says, status};

const SNAPSHOT: &str = "snap-2";
const INDICES: [&str; 3] = ["logs-bc", "merged", "orders"];

/// The blobs of the files with this ending of a shard, relative to the repository: the newest segment's last.
fn blobs(repository: &Path, index: &str, shard: u32, end: &str) -> Vec<PathBuf> {
    let found = async {
        let repository = Repository::open(Arc::new(FsStore::open(repository).unwrap())).await.unwrap();
        let snapshot = repository.snapshot(SNAPSHOT).await.unwrap();
        let entry = snapshot.indices.iter().find(|entry| entry.name == index).unwrap();
        let mut files = snapshot.shard(entry, shard).await.unwrap().files;
        files.retain(|file| file.inline.is_none() && file.physical_name.ends_with(end));
        files.sort_by_key(|file| (file.physical_name.len(), file.physical_name.clone()));
        files.into_iter().map(|file| file.blob.into()).collect()
    };
    tokio::runtime::Runtime::new().unwrap().block_on(found)
}

/// A workplace for the three indices of the fixture.
fn workplace(fixture: &Fixture, sizing: &str) -> Workplace {
    let further = format!("{NO_GATES}{sizing}indices: [{}]\n", INDICES.join(", "));
    let repository = fixture.repository("main");
    Workplace::with(Config { further: &further, ..Config::new(&repository, SNAPSHOT) }).unwrap()
}

/// Spoils the blob, runs, mends it, runs again; `reason` has `BLOB` where the blob is named.
fn spoiled(spoilt_index: &str, end: &str, reason: &str, spoil: impl Fn(&Path)) {
    let fixture = fixtures::unpack("elasticsearch-7.10.2").unwrap();
    let workplace = workplace(&fixture, "");
    let name = blobs(&fixture.repository("main"), spoilt_index, 0, end).pop().unwrap();
    let path = fixture.repository("main").join(&name);
    let whole = fs::read(&path).unwrap();
    spoil(&path);

    let reason = reason.replace("BLOB", &name.display().to_string());
    let named = format!("{spoilt_index} shard 0: ");
    let expected =
        ["error: load failed: 1 of 5 shards failed; the others are loaded", &named, &reason, "mend it and run"];
    let ended = says(&workplace, &["run"], FAILED, &expected);
    assert!(ended.output.lines().any(|line| line.contains(spoilt_index) && line.ends_with("no")), "no table");
    let view = status(&workplace);
    assert_eq!((phase(&view, "load"), phase(&view, "verify")), ("failed", "pending"));
    for name in INDICES {
        let index = index(&view, name);
        let failed = u64::from(name == spoilt_index);
        assert_eq!(index["shards_failed"], failed, "{index:#}");
        assert_eq!(index["shards_done"], index["shards"].as_u64().unwrap() - failed, "{index:#}");
        assert_eq!(index["adds_up"], failed == 0, "{index:#}");
    }

    fs::write(&path, whole).unwrap();
    let again =
        says(&workplace, &["run"], DONE, &["test: continues at load: 4 of 5 shards loaded", "test is complete"]);
    assert_eq!(again.errors.matches(" is loaded\n").count(), 1, "only what failed is done again");
    let report = workplace.compare(&fixture.truth("main-snap-2"), |index| INDICES.contains(&index)).unwrap();
    assert!(report.is_equal() && report.equal == 785, "{report}");
    assert!(workplace.out(".part").unwrap().is_empty());
}

/// Changes the bytes of a file.
fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_stored_fields_file_that_is_cut_fails_its_shard() {
    spoiled("orders", ".fdt", "blob BLOB of ", |path| rewrite(path, |bytes| bytes.truncate(bytes.len() / 2)));
}

#[test]
fn a_compound_file_that_is_cut_fails_its_shard() {
    spoiled("logs-bc", ".cfs", "blob BLOB of ", |path| rewrite(path, |bytes| bytes.truncate(bytes.len() - 1)));
}

#[test]
fn a_blob_that_is_gone_fails_its_shard() {
    spoiled("orders", ".fdt", "blob BLOB of ", |path| fs::remove_file(path).unwrap());
}

#[test]
fn bytes_that_cannot_be_decompressed_fail_their_shard() {
    spoiled("orders", ".fdt", " (blob BLOB)", |path| rewrite(path, |bytes| damage(bytes)));
}

#[test]
fn a_bit_that_only_the_checksum_notices_fails_its_shard_and_is_not_kept() {
    spoiled("orders", ".fdt", "the stored fields of segment _8 are damaged: CRC-32 is ", other_letter);
}

#[test]
fn checksums_that_are_compared_before_keep_a_damaged_shard_from_the_target() {
    let fixture = fixtures::unpack("elasticsearch-7.10.2").unwrap();
    let workplace = workplace(&fixture, "checksum: before\n");
    let repository = fixture.repository("main");
    let blob = blobs(&repository, "orders", 0, ".fdt").pop().unwrap();
    let whole = fs::read(repository.join(&blob)).unwrap();
    other_letter(&repository.join(&blob));
    let named = format!("(blob {})", blob.display());
    let expected = ["orders shard 0: _8.fdt is corrupt at byte 0: its CRC-32 is ", &named];
    says(&workplace, &["run"], FAILED, &expected);
    let written: Vec<PathBuf> = workplace.out(".ndjson").unwrap();
    assert_eq!(written.len(), 4, "a file for each of the other shards: {written:?}");
    assert!(workplace.out(".part").unwrap().is_empty());

    fs::write(repository.join(&blob), whole).unwrap();
    says(&workplace, &["run"], DONE, &["test is complete"]);
    let report = workplace.compare(&fixture.truth("main-snap-2"), |index| INDICES.contains(&index)).unwrap();
    assert!(report.is_equal() && report.equal == 785, "{report}");
}

/// Changes a letter in a document: letters are letters in LZ4 too, so it decompresses as well.
fn other_letter(path: &Path) {
    rewrite(path, |bytes| {
        let word = bytes.windows(8).rposition(|window| window.iter().all(u8::is_ascii_lowercase)).unwrap();
        bytes[word + 4] = if bytes[word + 4] == b'x' { b'y' } else { b'x' };
    });
}

/// Zeros in the middle of the stored fields: no sequence of LZ4, whose distances are at least 1.
fn damage(bytes: &mut [u8]) {
    const MAGIC: &[u8] = &[0x3f, 0xd7, 0x6c, 0x17];
    let find = |what: &[u8], from: usize| bytes[from..].windows(what.len()).position(|window| window == what);
    let start = find(b"StoredFieldsFastData", 0).unwrap();
    // In a compound file another one follows.
    let end = find(MAGIC, start).map_or(bytes.len(), |len| start + len);
    let middle = usize::midpoint(start, end);
    bytes[middle..middle + 50].fill(0);
}

#[test]
fn an_index_without_metadata_is_named_at_once_and_can_be_left_out() {
    // The fixture's repository names `big-docs`, and doesn't hold it.
    let fixture = fixtures::unpack("opensearch-1.3.20").unwrap();
    let repository = fixture.repository("main");
    let workplace = Workplace::with(Config::new(&repository, SNAPSHOT)).unwrap();
    let expected =
        ["shards can't be read; leave their indices out with `indices`", "big-docs shard 0: ", "is not there"];
    says(&workplace, &["run"], FAILED, &expected);
    assert!(workplace.out("").unwrap().is_empty());
    let further = format!("{NO_GATES}indices: ['regex:[^.b].*', 'regex:\\.ds-.*']\n");
    workplace.configure(Config { further: &further, ..Config::new(&repository, SNAPSHOT) }).unwrap();
    says(&workplace, &["run"], DONE, &["test is complete"]);
    let report = workplace.compare(&fixture.truth("main-snap-2"), |index| index != "big-docs").unwrap();
    assert!(report.is_equal() && report.equal > 1_500, "{report}");
}

#[test]
fn an_unfinished_file_that_somebody_shortened_is_refused_until_it_is_put_back() {
    let fixture = fixtures::unpack("elasticsearch-7.10.2").unwrap();
    let workplace = workplace(&fixture, "sizing: {bulkDocs: 1, checkpointIntervalMs: 1}\n");
    // Several segments share a slice: those before the damaged one are written.
    let newest = blobs(&fixture.repository("main"), "orders", 2, ".cfs").pop().unwrap();
    let path = fixture.repository("main").join(newest);
    let whole = fs::read(&path).unwrap();
    rewrite(&path, |bytes| damage(bytes));
    assert_eq!(workplace.migctl(&["run"]).unwrap().code, FAILED);
    fs::write(&path, whole).unwrap();

    let part = workplace.out(".ndjson.part").unwrap().remove(0);
    let written = fs::read(&part).unwrap();
    assert!(written.len() > 100, "{} has only {} bytes", part.display(), written.len());
    fs::write(&part, &written[..10]).unwrap();
    let place = part.display().to_string();
    let expected =
        [&place, "holds 10 bytes, but ", " bytes were on disk at the last checkpoint", "changed by somebody else"];
    let advice = "put it back, or start the migration over with an empty directory";
    says(&workplace, &["run"], FAILED, &[&["error: load failed: ", advice], &expected[..]].concat());
    assert_eq!(fs::read(&part).unwrap(), written[..10], "it was left alone");

    fs::write(&part, written).unwrap();
    says(&workplace, &["run"], DONE, &["orders shard 2 slice ", " continues at document ", "test is complete"]);
    let report = workplace.compare(&fixture.truth("main-snap-2"), |index| INDICES.contains(&index)).unwrap();
    assert!(report.is_equal() && report.equal == 785, "{report}");
}
