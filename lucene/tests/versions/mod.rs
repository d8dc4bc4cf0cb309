//! Segments that Lucene itself wrote, in every version whose formats differ: commit, fields, deletes, numbers, documents.
//!
//! Each `lucene-<version>/values` was written by the same program. Segment 0: document i of 320 has the numbers that
//! [`number`] tells and other kinds of doc values between them; segment 1: 700 documents with few fields; both have hard
//! deletes. Since Lucene 4.6 numbers were updated, since 7.4 documents were replaced softly.

use std::collections::BTreeSet;

use crate::common::Shard;
use lucene::{Commit, Error, Result, Segment, SegmentInfo, StoredValue};

const DOCS: u32 = 320;
const MORE_DOCS: u32 = 700;

/// Version, codec of segments, whether numbers were updated, whether documents were soft-deleted.
const VERSIONS: [(&str, &str, bool, bool); 16] = [
    ("4.2.1", "Lucene42", false, false),
    ("4.5.1", "Lucene45", false, false),
    ("4.7.2", "Lucene46", true, false),
    ("4.8.1", "Lucene46", true, false),
    ("4.9.1", "Lucene49", true, false),
    ("5.0.0", "Lucene50", true, false),
    ("5.2.1", "Lucene50", true, false),
    ("5.3.2", "Lucene53", true, false),
    ("6.2.1", "Lucene62", true, false),
    ("7.1.0", "Lucene70", true, false),
    ("7.3.1", "Lucene70", true, false),
    ("7.4.0", "Lucene70", true, true),
    ("8.0.0", "Lucene80", true, true),
    ("8.5.2", "Lucene84", true, true),
    ("9.0.0", "Lucene90", true, true),
    ("9.4.2", "Lucene94", true, true),
];

fn shard(version: &str) -> Shard {
    Shard::open(&format!("lucene-{version}/values"))
}

fn segments(shard: &Shard) -> Vec<Segment> {
    let commit = Commit::read(&*shard.dir()).unwrap_or_else(|error| panic!("{}: {error}", shard.name));
    let open = |commit| Segment::open(shard.dir(), commit).unwrap_or_else(|error| panic!("{}: {error}", shard.name));
    commit.segments.iter().map(open).collect()
}

/// What document `i` of segment 0 has in `field`.
fn number(field: &str, i: u32) -> Option<i64> {
    let n = i64::from(i);
    match field {
        "_version" => Some(n % 10 + 1),
        "n_delta" => Some(n * 7919 % 1_000_003),
        "n_gcd" => Some(1000 * n + 17),
        "n_table" => Some([1, 1_000_000, -5, 99_999_999_999, 42][i as usize % 5]),
        "n_const" => Some(7),
        "n_sparse" => (i % 300 == 7).then_some(3 * n),
        "n_huge" => Some(n.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64)),
        "n_missing" => (!i.is_multiple_of(3)).then_some(n * n),
        "z_last" => Some(n & 0xFF),
        other => panic!("{other}"),
    }
}

fn is_hard_deleted(i: u32) -> bool {
    i % 7 == 3
}

/// From 4.7 to 4.9 segments said no more than `4.7`.
fn version_in_si(version: &str) -> String {
    match version.rsplit_once('.') {
        Some((short @ ("4.7" | "4.8" | "4.9"), _)) => format!("{short}.0"),
        _ => version.to_owned(),
    }
}

#[test]
fn commits_and_segments_say_who_wrote_them() {
    let mut formats = BTreeSet::new();
    for (version, codec, _, soft) in VERSIONS {
        let shard = shard(version);
        formats.insert(shard.files["segments_3"][16]);
        let commit = Commit::read(&*shard.dir()).unwrap();
        assert_eq!(commit.segments.len(), if soft { 3 } else { 2 }, "{version}");
        for segment in &commit.segments {
            let info = SegmentInfo::read(&shard.dir(), segment).unwrap();
            assert_eq!((info.version.to_string(), segment.codec.as_str()), (version_in_si(version), codec));
            assert_eq!((segment.id.is_none(), info.compound), (version.starts_with('4'), true), "{version}");
            let mode = (!version.starts_with('4')).then_some("BEST_SPEED");
            assert_eq!(info.stored_fields_mode(), mode, "{version}");
            assert_eq!((segment.refusal(), info.refusal()), (None, None), "{version}");
        }
    }
    assert_eq!(formats, (0..=10).collect(), "formats of commits");
}

#[test]
fn every_document_lives_or_not_and_is_there() {
    for (version, _, _, soft) in VERSIONS {
        let segments = segments(&shard(version));
        let is_dead = [
            &(|i| is_hard_deleted(i) || soft && i % 10 == 5) as &dyn Fn(u32) -> bool,
            &|i| i == 1 || i == MORE_DOCS - 5,
            &|_| false,
        ];
        let expected = [DOCS, MORE_DOCS, 32];
        for (at, segment) in segments.iter().enumerate() {
            assert_eq!(segment.max_doc(), expected[at], "{version}");
            let mut live = segment.live_docs().unwrap_or_else(|error| panic!("{version}: {error}"));
            for doc in 0..segment.max_doc() {
                assert_eq!(live.is_live(doc).unwrap(), !is_dead[at](doc), "{version}: document {doc} of segment {at}");
            }
            check_documents(version, at, segment);
        }
    }
}

fn check_documents(version: &str, at: usize, segment: &Segment) {
    let source = segment.field_infos().number("_source");
    let fields = segment.stored_fields().unwrap_or_else(|error| panic!("{version}: {error}"));
    let whole = fields.cuts(u64::MAX).unwrap().remove(0);
    let mut chunks = fields.read(&whole, 0, None).unwrap();
    let mut docs = 0;
    while let Some(chunk) = chunks.next_chunk().unwrap_or_else(|error| panic!("{version}: {error}")) {
        for doc in chunk.docs() {
            let doc = doc.unwrap();
            let number = [doc.doc, DOCS + doc.doc, 10 * doc.doc + 5][at];
            let found = doc.fields().map(Result::unwrap).find(|(field, _)| Some(*field) == source);
            let expected = format!("{{\"i\":{number}}}");
            assert_eq!(found.map(|(_, value)| value), Some(StoredValue::Bytes(expected.as_bytes())), "{version}");
            docs += 1;
        }
    }
    assert_eq!(docs, segment.max_doc(), "{version}");
}

/// The fields whose numbers [`number`] tells.
const NUMBERS: [&str; 9] =
    ["_version", "n_delta", "n_gcd", "n_table", "n_const", "n_sparse", "n_huge", "n_missing", "z_last"];

#[test]
fn numbers_are_what_was_written_in_any_encoding() {
    for (version, _, updated, _) in VERSIONS.into_iter().filter(|(version, ..)| *version != "4.2.1") {
        let segments = segments(&shard(version));
        let segment = &segments[0];
        for field in NUMBERS {
            let open = || segment.numeric(field).unwrap_or_else(|error| panic!("{version}: {field}: {error}"));
            let mut numbers = open().expect("the field is there");
            for i in (0..DOCS).chain([7, 3, DOCS - 1, 0]) {
                assert_eq!(numbers.get(i).unwrap(), number(field, i), "{version}: {field} of document {i}");
            }
        }
        let mut numbers = segment.numeric("n_upd").unwrap().expect("the field is there");
        for i in (0..DOCS).filter(|i| !is_hard_deleted(*i)) {
            let expected = if updated && i % 2 == 0 { -1 } else { i64::from(i) };
            assert_eq!(numbers.get(i).unwrap(), Some(expected), "{version}: document {i}");
        }
        assert!(segment.numeric("nothing").unwrap().is_none(), "{version}");
        for field in ["a_bin", "b_sorted", "c_set"] {
            assert!(matches!(segment.numeric(field), Err(Error::Unsupported { .. })), "{version}: {field}");
        }
    }
}

/// Lucene 5.4 to 6 list the documents of a field that fewer than one in a hundred have, if there are enough of them.
#[test]
fn numbers_of_few_documents_are_found_in_any_order() {
    let shard = Shard::open("lucene-6.2.1/sparse");
    let segment = segments(&shard).remove(0);
    for field in ["n_sparse", "z_last"] {
        let mut numbers = segment.numeric(field).unwrap().expect("the field is there");
        for i in (0..1500).chain([7, 1207, 300, 0]) {
            assert_eq!(numbers.get(i).unwrap(), number(field, i), "{field} of document {i}");
        }
    }
}

#[test]
fn numbers_of_a_format_that_is_not_read_are_refused_by_its_name_and_nothing_else_is() {
    let segment = segments(&shard("4.2.1")).remove(0);
    let error = segment.numeric("_version").err().expect("the doc values of Lucene 4.2").to_string();
    assert!(error.contains("_0: field _version") && error.contains("Lucene42"), "{error}");
    assert!(segment.live_docs().is_ok());
}

/// Everything that is read of a shard, once it was verified.
fn read(shard: &Shard) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    for commit in &Commit::read(&*shard.dir())?.segments {
        let segment = Segment::open(shard.dir(), commit)?;
        segment.verify(&NUMBERS)?;
        let mut live = segment.live_docs()?;
        for doc in 0..segment.max_doc() {
            found.push(u64::from(live.is_live(doc)?));
        }
        for field in NUMBERS {
            let numbers = match segment.numeric(field) {
                Err(Error::Unsupported { .. }) => None,
                numbers => numbers?,
            };
            let Some(mut numbers) = numbers else { continue };
            for doc in 0..segment.max_doc() {
                found.extend(numbers.get(doc)?.map(|number| number as u64));
            }
        }
        let fields = segment.stored_fields()?;
        let mut chunks = fields.read(&fields.cuts(u64::MAX)?.remove(0), 0, None)?;
        while let Some(chunk) = chunks.next_chunk()? {
            found.push(u64::from(chunk.doc_count()));
        }
        found.push(u64::from(chunks.crc().value));
    }
    Ok(found)
}

/// Whatever happens to a byte: an error, or a byte that nobody reads. Where Lucene wrote no checksums, other numbers too,
/// but never a panic.
#[test]
fn spoiled_bytes_are_found_where_there_are_checksums() {
    for (version, ..) in VERSIONS {
        let shard = shard(version);
        let truth = read(&shard).unwrap_or_else(|error| panic!("{version}: {error}"));
        let has_checksums = !["4.2.1", "4.5.1", "4.7.2"].contains(&version);
        for (file, bytes) in &shard.files {
            let step = 1 + bytes.len() / 12;
            for at in (bytes.len() * version.len() % step..bytes.len()).step_by(step) {
                let mut flipped = bytes.to_vec();
                flipped[at] ^= 1 << (at % 8);
                for spoiled in [flipped, bytes[..at].to_vec()] {
                    if let Ok(found) = read(&shard.with(file, spoiled)) {
                        assert!(!has_checksums || found == truth, "{version}: {file} at {at}");
                    }
                }
            }
        }
    }
}

#[test]
fn what_differs_in_the_middle_of_a_large_file_is_found_before_it_is_read() {
    let shard = Shard::open("opensearch-1.3.20/orders-1");
    let commit = Commit::read(&*shard.dir()).unwrap();
    let soft = commit.segments.iter().find(|segment| segment.name == "_8").unwrap();
    let verify = |shard: &Shard| Segment::open(shard.dir(), soft).unwrap().verify(&["_version"]);
    verify(&shard).unwrap();
    for file in ["_8.fdt", "_8.fdx", "_8_Lucene80_0.dvd"] {
        let mut spoiled = shard.files[file].to_vec();
        let middle = spoiled.len() / 2;
        spoiled[middle] ^= 4;
        let error = verify(&shard.with(file, spoiled)).expect_err("spoiled").to_string();
        assert!(error.starts_with(&format!("{file} is corrupt")) && error.contains("its CRC-32 is"), "{error}");
    }
}
