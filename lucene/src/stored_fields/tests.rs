//! What is written in every format is read back, from any document on; what is spoiled never panics.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;

use super::writer::{Document, Files, Value, Writer};
use super::*;
use crate::testing::Memory;

/// Every codec that is read, with its versions.
const CODECS: [(&str, u32); 18] = [
    ("Lucene41StoredFieldsData", 0),
    ("Lucene41StoredFieldsData", 1),
    ("Lucene41StoredFieldsData", 2),
    ("Lucene50StoredFieldsFastData", 0),
    ("Lucene50StoredFieldsFastData", 1),
    ("Lucene50StoredFieldsFastData", 2),
    ("Lucene50StoredFieldsHighData", 0),
    ("Lucene50StoredFieldsHighData", 1),
    ("Lucene50StoredFieldsHighData", 2),
    ("Lucene87StoredFieldsFastData", 3),
    ("Lucene87StoredFieldsFastData", 4),
    ("Lucene87StoredFieldsHighData", 3),
    ("Lucene87StoredFieldsHighData", 4),
    ("Lucene90StoredFieldsFastData", 1),
    ("Lucene90StoredFieldsHighData", 1),
    ("ZstdStoredFields814", 1),
    ("CustomStoredFieldsZstd", 1),
    ("CustomStoredFieldsZstdNoDict", 1),
];

const ID: [u8; 16] = *b"0123456789abcdef";

fn open(codec: &str, files: &Files, max_doc: usize) -> Result<StoredFields> {
    let memory = files
        .iter()
        .fold(Memory::default(), |memory, (suffix, bytes)| memory.and(&format!("_0{suffix}"), bytes.clone()));
    let id = (!codec.contains("Lucene41")).then_some(ID);
    StoredFields::open(&SegmentFiles::new(Arc::new(memory), "_0", id), max_doc as u32)
}

fn value() -> impl Strategy<Value = Value> {
    let text = "[a-c\"{}:, ]{0,40}";
    prop_oneof![
        3 => text.prop_map(Value::String),
        3 => (text, 1usize..20).prop_map(|(text, times)| Value::Bytes(text.repeat(times).into_bytes())),
        1 => any::<i32>().prop_map(Value::Int),
        1 => prop_oneof![any::<f32>(), (-2i8..127).prop_map(f32::from)].prop_map(Value::Float),
        1 => (any::<i64>(), prop::sample::select(vec![1, 1000, 3_600_000, 86_400_000]), 0u32..63)
            .prop_map(|(value, unit, shift)| Value::Long((value >> shift).wrapping_mul(unit))),
        1 => prop_oneof![any::<f64>(), any::<f32>().prop_map(f64::from), (-2i8..127).prop_map(f64::from)]
            .prop_map(Value::Double),
    ]
}

fn documents() -> impl Strategy<Value = Vec<Document>> {
    let document = prop::collection::vec((0u32..300, value()), 0..5);
    let huge = "[a-z]{1,9}".prop_map(|text| vec![(7, Value::String(text.repeat(1000)))]);
    prop::collection::vec(prop_oneof![30 => document, 1 => huge], 1..80)
}

prop_compose! {
    fn writer()(
        codec in prop::sample::select(CODECS.to_vec()),
        chunk_bytes in 20usize..3000,
        chunk_docs in 1usize..40,
        dict_part in 1usize..60,
        blocks in 1usize..12,
        packed_version in 0u32..3,
        index_shift in 2u32..=10,
    ) -> Writer {
        let packed_version = if codec.0.contains("Lucene41") { packed_version } else { 2 };
        Writer { codec, chunk_bytes, chunk_docs, dict_part, blocks, packed_version, index_shift }
    }
}

fn owned(value: StoredValue<'_>) -> Value {
    match value {
        StoredValue::String(bytes) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
        StoredValue::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        StoredValue::Int(value) => Value::Int(value),
        StoredValue::Float(value) => Value::Float(value),
        StoredValue::Long(value) => Value::Long(value),
        StoredValue::Double(value) => Value::Double(value),
    }
}

/// A text of the document in which NaN equals itself.
fn text(document: &Document) -> String {
    format!("{document:?}")
}

fn read_doc(doc: &StoredDoc<'_>) -> Result<String> {
    let fields = doc.fields().map(|field| field.map(|(number, value)| (number, owned(value))));
    Ok(text(&fields.collect::<Result<_>>()?))
}

/// Reads `range` from `from` on: documents with their numbers, and the checksum at the end.
fn read(
    fields: &StoredFields,
    range: &ChunkRange,
    from: DocId,
    wanted: impl Fn(Range<DocId>) -> bool,
) -> Result<(Vec<(DocId, String)>, RangeCrc)> {
    let mut chunks = fields.read(range, from, None)?;
    let mut docs = Vec::new();
    while let Some(chunk) = chunks.next_chunk_if(|docs| Ok(wanted(docs)))? {
        for doc in chunk.docs() {
            let doc = doc?;
            docs.push((doc.doc, read_doc(&doc)?));
        }
    }
    Ok((docs, chunks.crc()))
}

fn all(fields: &StoredFields) -> Result<Vec<(DocId, String)>> {
    let whole = fields.cuts(u64::MAX)?.remove(0);
    let (docs, crc) = read(fields, &whole, 0, |_| true)?;
    match fields.footer_crc()? {
        Some(expected) if expected != crc.value => Err(fields.position("its checksum differs".into())),
        _ => Ok(docs),
    }
}

/// Chunks of hundreds of documents, sliced ones, ones without any field, and several blocks of the index.
#[test]
fn segments_with_the_parameters_of_servers_are_read() {
    let document = |at: u32| match at {
        2000 => vec![(1, Value::String("huge ".repeat(300_000)))],
        3000..6000 => vec![],
        _ => {
            vec![(0, Value::Bytes(at.to_be_bytes().to_vec())), (1, Value::String(format!("{{\"at\":{at}}}").repeat(9)))]
        }
    };
    let documents: Vec<Document> = (0..7_000).map(document).collect();
    let expected: Vec<_> = documents.iter().zip(0..).map(|(document, at)| (at, text(document))).collect();
    for codec in CODECS {
        let writer = Writer { index_shift: 5, ..Writer::usual(codec) };
        let fields = open(codec.0, &writer.write(&ID, &documents), documents.len()).unwrap();
        assert!(all(&fields).unwrap() == expected, "{codec:?}");
        for (range, from) in fields
            .cuts(50_000)
            .unwrap()
            .iter()
            .flat_map(|range| [(range, range.docs.start), (range, range.docs.end - 1)])
        {
            let (docs, _) = read(&fields, range, from, |_| true).unwrap();
            assert!(docs.first().is_some_and(|(doc, _)| *doc <= from), "{codec:?} from {from}");
            assert!(docs.iter().all(|(doc, text)| *text == expected[*doc as usize].1), "{codec:?} from {from}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_from_anywhere(documents in documents(), writer in writer(), place: Index) {
        let files = writer.write(&ID, &documents);
        let fields = open(writer.codec.0, &files, documents.len()).unwrap();
        let expected: Vec<_> = documents.iter().zip(0..).map(|(document, at)| (at, text(document))).collect();
        prop_assert_eq!(&all(&fields).unwrap(), &expected);

        let cuts = fields.cuts(1).unwrap();
        let (mut found, mut crc) = (Vec::new(), 0);
        for range in &cuts {
            let (docs, part) = read(&fields, range, range.docs.start, |_| true).unwrap();
            found.extend(docs);
            crc = crate::combine_crc(crc, part.value, range.bytes.end - range.bytes.start);
        }
        prop_assert_eq!(&found, &expected);
        let fdt = &files[".fdt"];
        let covered = if fields.footer_crc().unwrap().is_some() { fdt.len() - 8 } else { fdt.len() };
        prop_assert_eq!(crc, crc32fast::hash(&fdt[..covered]));

        let whole = fields.cuts(u64::MAX).unwrap().remove(0);
        let from = place.index(documents.len()) as u32;
        let chunk = cuts.iter().find(|range| range.docs.contains(&from)).unwrap().docs.clone();
        let (found, from_crc) = read(&fields, &whole, from, |_| true).unwrap();
        prop_assert_eq!(&found, &expected[chunk.start as usize..]);
        let (found, skip_crc) = read(&fields, &whole, 0, |docs| docs == chunk).unwrap();
        prop_assert_eq!(&found, &expected[chunk.start as usize..chunk.end as usize]);
        prop_assert_eq!([from_crc.value, skip_crc.value], [crc; 2]);
    }

    /// Where there is a checksum, what is spoiled is an error, or was never looked at.
    #[test]
    fn spoiled_files_give_an_error_or_the_same_documents(
        documents in documents(),
        writer in writer(),
        place: Index,
        bit in 0u8..8,
        cut: bool,
    ) {
        let files = writer.write(&ID, &documents);
        let expected: Vec<_> = documents.iter().zip(0..).map(|(document, at)| (at, text(document))).collect();
        for (suffix, bytes) in &files {
            let at = place.index(bytes.len());
            let mut spoiled = files.clone();
            let file = spoiled.get_mut(suffix).unwrap();
            if cut { file.truncate(at) } else { file[at] ^= 1 << bit };
            let found = open(writer.codec.0, &spoiled, documents.len()).and_then(|fields| all(&fields));
            let has_footer = writer.codec != ("Lucene41StoredFieldsData", 0) && writer.codec.1 != 1
                || !writer.codec.0.contains("Lucene41");
            if let Ok(found) = found && has_footer {
                prop_assert_eq!(&found, &expected, "{} at {}", suffix, at);
            }
        }
    }
}
