//! Every fixture is read, cut and resumed anywhere, and spoiled.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

mod common;
mod sorted;
mod versions;

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use common::Shard;
use lucene::{
    Chunk, ChunkRange, Commit, Directory, LiveDocs, NumericDocValues, RangeCrc, Result, Segment, SegmentCommit,
    SegmentInfo, StoredDoc, StoredValue, combine_crc,
};

/// A live document as a line of `expected.tsv`.
type Line = Vec<String>;

fn segments(shard: &Shard) -> Result<Vec<Segment>> {
    let dir = shard.dir();
    Commit::read(&*dir)?.segments.iter().map(|commit| Segment::open(dir.clone(), commit)).collect()
}

/// What is needed to say a live document, beside its stored fields.
struct Reader {
    name: String,
    id: Option<u32>,
    source: Option<u32>,
    routing: Option<u32>,
    live: LiveDocs,
    numbers: Vec<Option<NumericDocValues>>,
    live_count: u32,
    lines: Vec<Line>,
}

impl Reader {
    fn new(segment: &Segment) -> Result<Self> {
        let number = |name| segment.field_infos().number(name);
        let numbers = ["_version", "_seq_no", "_primary_term"].iter().map(|field| segment.numeric(field));
        Ok(Self {
            name: segment.name().to_owned(),
            id: number("_uid").or(number("_id")), // the first until Elasticsearch 5
            source: number("_source"),
            routing: number("_routing"),
            live: segment.live_docs()?,
            numbers: numbers.collect::<Result<_>>()?,
            live_count: 0,
            lines: Vec::new(),
        })
    }

    fn chunk(&mut self, chunk: &Chunk<'_>) -> Result<()> {
        for doc in chunk.docs() {
            let doc = doc?;
            if self.live.is_live(doc.doc)? {
                self.live_count += 1;
                self.document(&doc)?;
            }
        }
        Ok(())
    }

    /// Documents without an id (nested ones) are counted only.
    fn document(&mut self, doc: &StoredDoc<'_>) -> Result<()> {
        let (mut id, mut source, mut routing) = (None, &[][..], "-".to_owned());
        for field in doc.fields() {
            match field? {
                (number, StoredValue::Bytes(bytes) | StoredValue::String(bytes)) if Some(number) == self.id => {
                    id = Some(bytes);
                }
                (number, StoredValue::Bytes(bytes)) if Some(number) == self.source => source = bytes,
                (number, StoredValue::String(bytes)) if Some(number) == self.routing => {
                    routing = String::from_utf8_lossy(bytes).into_owned();
                }
                _ => {}
            }
        }
        let Some(id) = id else {
            return Ok(());
        };
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut line = vec![self.name.clone(), doc.doc.to_string(), id, routing];
        for numbers in &mut self.numbers {
            let value = numbers.as_mut().map(|numbers| numbers.get(doc.doc)).transpose()?.flatten();
            line.push(value.map_or("-".to_owned(), |value| value.to_string()));
        }
        line.extend([source.len().to_string(), format!("{:08x}", crc32fast::hash(source))]);
        self.lines.push(line);
        Ok(())
    }
}

/// Reads a whole shard; an error also for a wrong checksum of `.fdt`.
fn read(shard: &Shard) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    for segment in segments(shard).map_err(|error| error.to_string())? {
        let (found, crc) = read_segment(&segment).map_err(|error| error.to_string())?;
        let footer =
            segment.stored_fields().and_then(|fields| fields.footer_crc()).map_err(|error| error.to_string())?;
        if Some(crc) != footer {
            return Err(format!("{}: the checksum of the stored fields differs", segment.name()));
        }
        if found.live_count != segment.max_doc() - segment.del_count() - segment.soft_del_count() {
            return Err(format!("{}: {} documents live", segment.name(), found.live_count));
        }
        lines.extend(found.lines);
    }
    Ok(lines)
}

fn read_segment(segment: &Segment) -> Result<(Reader, u32)> {
    let fields = segment.stored_fields()?;
    let mut reader = Reader::new(segment)?;
    let mut crc = 0;
    for range in fields.cuts(4096)? {
        let mut chunks = fields.read(&range, range.docs.start, None)?;
        while let Some(chunk) = chunks.next_chunk()? {
            reader.chunk(&chunk)?;
        }
        crc = combine_crc(crc, chunks.crc().value, range.bytes.end - range.bytes.start);
    }
    Ok((reader, crc))
}

#[test]
fn every_live_document_is_what_the_server_said() {
    for shard in common::shards() {
        let lines = read(&shard).unwrap_or_else(|error| panic!("{}: {error}", shard.name));
        assert_eq!(lines, shard.expected(), "{}", shard.name);
    }
}

#[test]
fn hard_deletes_are_the_documents_that_were_deleted() {
    let shard = Shard::open("lucene-9.12.3/hard-deletes");
    read(&shard).unwrap();
    let segment = segments(&shard).unwrap().remove(0);
    assert_eq!((segment.max_doc(), segment.del_count(), segment.soft_del_count()), (3000, 462, 0));
    let mut live = segment.live_docs().unwrap();
    for doc in (0..3000).chain([7, 0, 13]) {
        assert_eq!(live.is_live(doc).unwrap(), doc % 13 > 1, "document {doc}");
    }
    assert!(!live.any_live(13..15).unwrap() && live.any_live(13..16).unwrap() && !live.any_live(14..14).unwrap());
    assert!(!live.is_live(3000).unwrap(), "behind the last document nothing lives");
}

/// Reads `range` from `from` on, and gives what came from where.
fn resume(segment: &Segment, range: &ChunkRange, from: u32, crc: Option<RangeCrc>) -> Result<(Vec<u32>, RangeCrc)> {
    let mut chunks = segment.stored_fields()?.read(range, from, crc)?;
    let mut docs = Vec::new();
    while let Some(chunk) = chunks.next_chunk()? {
        assert!(chunk.doc_base() <= from || !docs.is_empty());
        docs.extend(chunk.docs().map(|doc| doc.unwrap().doc));
    }
    Ok((docs, chunks.crc()))
}

#[test]
fn a_segment_may_be_cut_at_any_chunk_and_resumed_at_any_document() {
    for shard in common::shards().into_iter().chain([Shard::open("lucene-9.12.3/hard-deletes")]) {
        for segment in segments(&shard).unwrap() {
            check_cuts(&shard.name, &segment);
        }
    }
}

fn check_cuts(shard: &str, segment: &Segment) {
    let fields = segment.stored_fields().unwrap();
    let parts = fields.cuts(1).unwrap();
    let whole = fields.cuts(u64::MAX).unwrap();
    assert_eq!(whole, [ChunkRange { docs: 0..segment.max_doc(), bytes: 0..fields.data_len() - 8 }], "{shard}");
    let mut combined = 0;
    for range in &parts {
        let (docs, crc) = resume(segment, range, range.docs.start, None).unwrap();
        assert!(docs.iter().copied().eq(range.docs.clone()), "{shard}: {range:?}");
        assert_eq!(crc.to, range.bytes.end);
        combined = combine_crc(combined, crc.value, range.bytes.end - range.bytes.start);
    }
    assert_eq!(Some(combined), fields.footer_crc().unwrap(), "{shard} {}", segment.name());
    assert_eq!(parts.last().map(|range| range.docs.end), Some(segment.max_doc()));
    check_resume(shard, segment, &whole[0]);
}

fn check_resume(shard: &str, segment: &Segment, whole: &ChunkRange) {
    let fields = segment.stored_fields().unwrap();
    let expected = RangeCrc { value: fields.footer_crc().unwrap().unwrap(), to: whole.bytes.end };
    let mut chunks = fields.read(whole, 0, None).unwrap();
    let mut places = Vec::new();
    while let Some(chunk) = chunks.next_chunk().unwrap() {
        places.push((chunk.doc_base()..chunk.doc_base() + chunk.doc_count(), chunk.crc_before()));
    }
    assert_eq!(chunks.crc(), expected, "{shard}");
    for (docs, crc) in places {
        for from in [docs.start, docs.start + (docs.end - docs.start) / 2, docs.end - 1] {
            for crc in [Some(crc), None] {
                let (found, total) = resume(segment, whole, from, crc).unwrap();
                assert!(found.iter().copied().eq(docs.start..whole.docs.end), "{shard}: from {from}");
                assert_eq!(total, expected, "{shard}: from {from}");
            }
        }
        let late = RangeCrc { to: crc.to + 1, ..crc };
        let error = fields.read(whole, docs.start, Some(late)).err().expect("a checksum of other bytes");
        assert!(error.to_string().contains("the checksum ends at"), "{error}");
    }
    let (found, total) = resume(segment, whole, whole.docs.end, Some(expected)).unwrap();
    assert!(found.is_empty() && total == expected, "{shard}: at the end");
}

#[test]
fn a_range_of_another_segment_is_refused() {
    let segment = segments(&Shard::open("lucene-9.12.3/hard-deletes")).unwrap().remove(0);
    let fields = segment.stored_fields().unwrap();
    let part = fields.cuts(1).unwrap()[1].clone();
    let (docs, bytes) = (part.docs, part.bytes);
    for wrong in [
        ChunkRange { docs: docs.start + 1..docs.end, bytes: bytes.clone() },
        ChunkRange { docs: docs.start..docs.end - 1, bytes: bytes.clone() },
        ChunkRange { docs: docs.clone(), bytes: bytes.start + 1..bytes.end },
        ChunkRange { docs: docs.clone(), bytes: bytes.start..bytes.end + 1 },
        ChunkRange { docs: docs.start..u32::MAX, bytes: bytes.clone() },
    ] {
        let error = fields.read(&wrong, docs.start, None).err().expect("no such range");
        assert!(matches!(error, lucene::Error::Position { .. }) && !error.is_io(), "{error}");
    }
    let range = ChunkRange { docs: docs.clone(), bytes };
    assert!(fields.read(&range, docs.start - 1, None).is_err(), "before the range");
    assert!(fields.read(&range, docs.end + 1, None).is_err(), "behind the range");
}

/// Whatever happens to a byte: an error, a checksum that differs, or a byte that nobody reads; never other documents.
#[test]
fn spoiled_bytes_are_found_or_do_not_matter() {
    let small = [
        "elasticsearch-1.7.6/family-1",
        "elasticsearch-2.4.6/family-2",
        "elasticsearch-5.6.16/family-join-2",
        "elasticsearch-6.8.23/softdel-1",
        "elasticsearch-1.7.6-in-2.4.6/merged-0",
        "elasticsearch-5.6.16-in-6.8.23/merged-0",
        "elasticsearch-7.10.2/hard-deletes-0",
        "elasticsearch-8.19.21/app-one-0",
        "opensearch-1.3.20/ext-version-1",
        "opensearch-2.19.4/app-one-0",
        "opensearch-3.8.0/deletes-heavy-0",
    ];
    for name in small {
        let shard = Shard::open(name);
        let (mut found, mut same) = (0, 0);
        for (file, bytes) in shard.files.iter().filter(|(file, _)| *file != "expected.tsv") {
            for at in (0..bytes.len()).step_by(1 + bytes.len() / 200) {
                let mut flipped = bytes.to_vec();
                flipped[at] ^= 1 << (at % 8);
                for spoiled in [flipped, bytes[..at].to_vec()] {
                    match read(&shard.with(file, spoiled)) {
                        Err(_) => found += 1,
                        Ok(lines) => {
                            assert_eq!(lines, shard.expected(), "{name}: {file} at {at}");
                            same += 1;
                        }
                    }
                }
            }
        }
        assert!(found > same / 4, "{name}: {found} found, {same} without effect");
    }
}

#[test]
fn zstd_of_opensearch_is_read_with_every_kind_of_value() {
    for name in ["lucene-9.12.3/zstd", "lucene-9.12.3/zstd-no-dict"] {
        let shard = Shard::open(name);
        let segment = Segment::open(shard.dir(), &bare_commit(&shard)).unwrap();
        let fields = segment.stored_fields().unwrap();
        let range = fields.cuts(u64::MAX).unwrap().remove(0);
        let mut chunks = fields.read(&range, 0, None).unwrap();
        let mut docs = 0;
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            for doc in chunk.docs() {
                check_numbers(&segment, &doc.unwrap());
                docs += 1;
            }
        }
        assert_eq!(docs, 101, "{name}");
        assert_eq!(Some(chunks.crc().value), fields.footer_crc().unwrap(), "{name}");
    }
}

/// What the commit would say of segment `_0`; its id stands in `.si`, behind the codec's name and version.
fn bare_commit(shard: &Shard) -> SegmentCommit {
    let info = &shard.files["_0.si"];
    let id_at = 4 + 1 + usize::from(info[4]) + 4;
    SegmentCommit {
        name: "_0".into(),
        id: Some(info[id_at..id_at + 16].try_into().unwrap()),
        codec: "Lucene912".into(),
        del_gen: None,
        del_count: 0,
        field_infos_gen: None,
        soft_del_count: 0,
    }
}

/// Document i was written as `{"i":i,…}`, 1000·i, 1.5·i, -0.1·i, -i.
fn check_numbers(segment: &Segment, doc: &StoredDoc<'_>) {
    let i = doc.doc;
    let number = |name| segment.field_infos().number(name).unwrap();
    for field in doc.fields() {
        let (field, value) = field.unwrap();
        match value {
            StoredValue::Bytes(source) if field == number("_source") => {
                let start = format!("{{\"i\":{i}");
                assert!(source.starts_with(start.as_bytes()) || source == b"{}", "document {i}");
            }
            StoredValue::Long(n) if field == number("n") => assert_eq!(n, 1000 * i64::from(i)),
            StoredValue::Float(f) if field == number("f") => assert_eq!(f, 1.5 * i as f32),
            StoredValue::Double(d) if field == number("d") => assert_eq!(d, -0.1 * f64::from(i)),
            StoredValue::Int(k) if field == number("k") => assert_eq!(k, -(i as i32)),
            other => panic!("document {i}: {:?} is {other:?}", segment.field_infos().name(field)),
        }
    }
}

/// Shards with a `stored.tsv`: a line per document, dead or alive, with segment, document, number of stored fields, and
/// length and CRC-32 of `_source`.
const STORED: [&str; 3] = [
    "elasticsearch-1.7.6/big-documents-1",
    "elasticsearch-5.6.16-in-6.8.23/best-compression-1",
    "elasticsearch-6.8.23/best-compression-1",
];

fn stored(shard: &Shard) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    for segment in segments(shard).map_err(|error| error.to_string())? {
        let crc = stored_in(&segment, &mut lines).map_err(|error| error.to_string())?;
        let footer = segment.stored_fields().and_then(|fields| fields.footer_crc());
        if footer.map_err(|error| error.to_string())? != Some(crc) {
            return Err(format!("{}: the checksum of the stored fields differs", segment.name()));
        }
    }
    Ok(lines)
}

fn stored_in(segment: &Segment, lines: &mut Vec<Line>) -> Result<u32> {
    let fields = segment.stored_fields()?;
    let mut chunks = fields.read(&fields.cuts(u64::MAX)?[0], 0, None)?;
    while let Some(chunk) = chunks.next_chunk()? {
        for doc in chunk.docs() {
            let doc = doc?;
            let (mut count, mut source) = (0, &[][..]);
            for field in doc.fields() {
                count += 1;
                match field? {
                    (number, StoredValue::Bytes(bytes)) if segment.field_infos().number("_source") == Some(number) => {
                        source = bytes;
                    }
                    _ => {}
                }
            }
            let crc = format!("{:08x}", crc32fast::hash(source));
            let (doc, count, len) = (doc.doc.to_string(), count.to_string(), source.len().to_string());
            lines.push(vec![segment.name().to_owned(), doc, count, len, crc]);
        }
    }
    Ok(chunks.crc().value)
}

#[test]
fn stored_fields_of_lucene_4_to_7_are_read_from_anywhere_and_spoiled() {
    for name in STORED {
        let shard = Shard::open(name);
        let expected = shard.table("stored.tsv");
        assert_eq!(stored(&shard).unwrap(), expected, "{name}");
        for segment in segments(&shard).unwrap() {
            check_cuts(name, &segment);
        }
        for (file, bytes) in shard.files.iter().filter(|(file, _)| *file != "stored.tsv") {
            for at in (0..bytes.len()).step_by(1 + bytes.len() / 10) {
                let mut flipped = bytes.to_vec();
                flipped[at] ^= 1 << (at % 8);
                for spoiled in [flipped, bytes[..at].to_vec()] {
                    if let Ok(lines) = stored(&shard.with(file, spoiled)) {
                        assert_eq!(lines, expected, "{name}: {file} at {at}");
                    }
                }
            }
        }
    }
}

#[test]
fn chunks_that_nobody_wants_are_counted_into_the_checksum_only() {
    let segment = segments(&Shard::open("lucene-9.12.3/hard-deletes")).unwrap().remove(0);
    let fields = segment.stored_fields().unwrap();
    let whole = fields.cuts(u64::MAX).unwrap().remove(0);
    let wanted = fields.cuts(1).unwrap()[1].docs.clone();
    let mut chunks = fields.read(&whole, 0, None).unwrap();
    let chunk = chunks.next_chunk_if(|docs| Ok(docs == wanted)).unwrap().unwrap();
    assert_eq!((chunk.doc_base(), chunk.doc_count()), (wanted.start, wanted.end - wanted.start));
    assert!(chunks.next_chunk_if(|_| Ok(false)).unwrap().is_none());
    assert_eq!(Some(chunks.crc().value), fields.footer_crc().unwrap());
}

#[test]
fn commits_of_older_servers_say_what_is_in_them() {
    let commit = |name: &str| Commit::read(&*Shard::open(name).dir()).unwrap();
    let newest = commit("elasticsearch-6.8.23/versions-0");
    assert_eq!(newest.lucene_version.map(|version| version.to_string()), Some("7.7.3".to_owned()));
    let info = SegmentInfo::read(&Shard::open("elasticsearch-6.8.23/versions-0").dir(), &newest.segments[0]).unwrap();
    assert_eq!((info.version.to_string(), info.stored_fields_mode()), ("7.7.3".to_owned(), Some("BEST_SPEED")));
    assert_eq!(commit("elasticsearch-5.6.16/versions-0").segments[0].codec, "Lucene62");
    assert_eq!(commit("elasticsearch-2.4.6/versions-0").segments[0].codec, "Lucene54");
    let oldest = commit("elasticsearch-1.7.6/versions-0");
    assert_eq!((oldest.segments[0].codec.as_str(), oldest.segments[0].id), ("Lucene410", None));
    assert_eq!(oldest.lucene_version, None);
}

#[test]
fn segments_of_an_upgraded_server_are_of_two_versions() {
    for (name, versions) in [
        ("elasticsearch-1.7.6-in-2.4.6/merged-0", ["4.10.4", "5.5.4"]),
        ("elasticsearch-5.6.16-in-6.8.23/merged-0", ["6.6.1", "7.7.3"]),
    ] {
        let found: Vec<String> =
            segments(&Shard::open(name)).unwrap().iter().map(|segment| segment.version().to_string()).collect();
        assert_eq!(found, versions, "{name}");
    }
}

/// Plugins bring codecs and files of their own, which matter only where a format that is needed is another.
#[test]
fn codecs_and_files_that_are_not_known_do_not_matter() {
    let mut shard = Shard::open("elasticsearch-8.19.21/app-one-0");
    shard
        .files
        .insert("_0_NativeEngines990KnnVectorsFormat_0.vec".into(), bytes::Bytes::from_static(b"no Lucene file"));
    shard.files.insert("_0_Completion101_0.lkp".into(), bytes::Bytes::new());
    let mut commit = Commit::read(&*shard.dir()).unwrap().segments.remove(0);
    commit.codec = "KNN9120Codec".into();
    let segment = Segment::open(shard.dir(), &commit).unwrap();
    let (found, _) = read_segment(&segment).unwrap();
    assert_eq!(found.lines, shard.expected());
}

#[test]
fn doc_values_of_an_unknown_format_are_refused_by_name_where_they_are_needed() {
    let mut shard = Shard::open("opensearch-1.3.20/orders-1");
    for (_, bytes) in shard.files.iter_mut().filter(|(file, _)| file.ends_with(".fnm")) {
        *bytes = renamed(bytes, b"Lucene80", b"ES87TSDB").into();
    }
    for segment in segments(&shard).unwrap() {
        let version = segment.numeric("_version").err().expect("of a plugin");
        assert!(matches!(version, lucene::Error::Unsupported { .. }), "{version}");
        assert!(version.to_string().contains("field _version was written by doc values format ES87TSDB"), "{version}");
        match segment.live_docs() {
            Ok(_) => assert_eq!(segment.soft_del_count(), 0, "soft deletes are not ignored"),
            Err(error) => assert!(error.to_string().contains("field __soft_deletes"), "{error}"),
        }
        assert!(segment.stored_fields().is_ok());
    }
    assert!(segments(&shard).unwrap().iter().any(|segment| segment.soft_del_count() > 0), "or nothing was tested");
}

/// The file with `from` replaced by `to`, which is as long, and a right checksum.
fn renamed(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut renamed = bytes[..bytes.len() - 8].to_vec();
    for at in 0..renamed.len() - from.len() {
        if renamed[at..].starts_with(from) {
            renamed[at..at + to.len()].copy_from_slice(to);
        }
    }
    let crc = u64::from(crc32fast::hash(&renamed));
    renamed.extend(crc.to_be_bytes());
    renamed
}

#[test]
fn a_file_that_is_not_there_is_named_with_who_wants_it() {
    let mut shard = Shard::open("lucene-9.12.3/hard-deletes");
    shard.files.remove("_0_2.liv");
    let error = segments(&shard).unwrap()[0].live_docs().err().expect("missing").to_string();
    assert_eq!(error, "_0_2.liv is missing: the commit names it");
    shard.files.remove("segments_3");
    assert!(segments(&shard).err().expect("no commit").to_string().starts_with("segments_N is missing"));
}

/// A shard whose `.fdt` cannot be read beyond some byte.
struct Failing {
    shard: Arc<dyn Directory>,
    after: u64,
}

impl Directory for Failing {
    fn names(&self) -> Vec<String> {
        self.shard.names()
    }

    fn len(&self, name: &str) -> Option<u64> {
        self.shard.len(name)
    }

    fn read(&self, name: &str, range: Range<u64>) -> io::Result<bytes::Bytes> {
        self.shard.read(name, range)
    }

    fn stream(&self, name: &str, range: Range<u64>) -> io::Result<Box<dyn io::BufRead + Send>> {
        let readable = self.shard.stream(name, range.start..range.end.min(self.after))?;
        Ok(Box::new(readable.chain(Broken)))
    }
}

struct Broken;

impl io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl io::BufRead for Broken {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Err(io::ErrorKind::ConnectionReset.into())
    }

    fn consume(&mut self, _: usize) {}
}

#[test]
fn a_store_that_fails_in_the_middle_is_told_from_bytes_that_are_wrong() {
    let shard = Shard::open("opensearch-1.3.20/orders-1");
    let dir: Arc<dyn Directory> = Arc::new(Failing { shard: shard.dir(), after: 1000 });
    let commit = Commit::read(&*dir).unwrap();
    let fields = Segment::open(Arc::clone(&dir), &commit.segments[0]).unwrap().stored_fields().unwrap();
    let whole = fields.cuts(u64::MAX).unwrap().remove(0);
    let mut chunks = fields.read(&whole, 0, None).unwrap();
    let error = chunks.next_chunk().err().expect("the store fails");
    assert!(error.is_io() && matches!(error, lucene::Error::Read { offset: 54, .. }), "{error}");
    let error = chunks.next_chunk().err().expect("nobody knows where the stream stands");
    assert!(matches!(error, lucene::Error::Position { .. }), "{error}");
}
