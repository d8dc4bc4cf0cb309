//! `_id` and `_source` of a document, as stored: what comes out is text, JSON, one line.
#![no_main]

use fuzz::fixtures;
use serde_json::Value;
use target::{BulkBody, Op};
use worker::line::LineWriter;
use worker::read::source::{self, Detected, SourceFormat};
use worker::read::{Document, Source, Versions, uid, unpack};

const ID: u8 = 0;
const DETECTED: u8 = 1;
const FORMATS: [SourceFormat; 3] = [SourceFormat::Smile, SourceFormat::Cbor, SourceFormat::Yaml];

libfuzzer_sys::fuzz_target!(init: fuzz::seed(seeds), |input: &[u8]| {
    match input.split_first() {
        Some((&ID, stored)) => id(stored),
        Some((&DETECTED, stored)) => detected(stored),
        Some((selector, stored)) => converted(stored, FORMATS[usize::from(*selector) % FORMATS.len()]),
        None => {}
    }
});

fn id(stored: &[u8]) {
    let text = String::from_utf8_lossy(stored);
    if let Ok((doc_type, id)) = uid::split_uid(&text) {
        assert_eq!(format!("{doc_type}#{id}"), text);
    }
    let mut id = String::from("before");
    if uid::decode_id(stored, &mut id).is_ok() {
        assert!(id.starts_with("before"));
        lines(&id, Source::Json(b"{}"), true);
    }
}

fn detected(stored: &[u8]) {
    let unpacked = match unpack::unpack(stored) {
        Some(Ok(unpacked)) => unpacked,
        Some(Err(_)) => return,
        None => stored.to_vec(),
    };
    match source::detect(&unpacked) {
        Detected::Json => lines("id", Source::Json(&unpacked), false),
        Detected::Other(format) => converted(&unpacked, format),
        Detected::Unknown => {}
    }
}

fn converted(stored: &[u8], format: SourceFormat) {
    if let Ok(json) = source::to_json(stored, format) {
        serde_json::from_str::<serde::de::IgnoredAny>(&json).expect("what is converted is JSON");
        lines("id", Source::Converted(json.as_bytes(), format), true);
    }
}

/// A document is one line, and in a request two, whatever is in it.
fn lines(id: &str, source: Source<'_>, is_json: bool) {
    let mut line = Vec::new();
    let some = Some(id);
    let document = Document {
        id,
        doc_type: some,
        routing: some,
        parent: some,
        timestamp: Some(1),
        expires: None,
        source,
        recovered: false,
        versions: Versions::default(),
    };
    LineWriter::new(id).push(&document, &mut line);
    assert_eq!(breaks(&line), 1);
    assert!(!is_json || serde_json::from_slice::<serde::de::IgnoredAny>(&line).is_ok(), "a line is JSON");
    let mut body = BulkBody::default();
    body.push(Op::Index, id, Some(id), source.bytes());
    assert_eq!((body.len(), body.key(0)), (1, Some((id.to_owned(), Some(id.to_owned())))));
    assert_eq!(breaks(body.source(0).expect("it was pushed")), 0);
}

fn breaks(line: &[u8]) -> usize {
    line.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count()
}

/// Ids and sources of the fixtures, and JSON among them in the other formats.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![
        vec![ID, 0xfe, 0x12, 0x3f],
        vec![ID, 0xfd, 0xfe],
        b"\0type#id".to_vec(),
        b"\x01ZV\0\0\x02{}".to_vec(),
        b"\x01---\na: [1, x]\nb: {c: 'd'}\n".to_vec(),
    ];
    let mut json_count = 0;
    for (number, (id, source)) in fixtures::documents().into_iter().enumerate() {
        if number % 20 == 0 {
            seeds.push([&[ID], id.as_ref()].concat());
        }
        match serde_json::from_slice::<Value>(&source) {
            Ok(_) if json_count >= 100 || number % 20 != 0 => continue,
            Ok(value) => {
                json_count += 1;
                let smile = serde_smile::to_vec(&value).expect("JSON is SMILE");
                let mut cbor = vec![DETECTED];
                ciborium::into_writer(&value, &mut cbor).expect("JSON is CBOR");
                seeds.extend([[&[DETECTED], smile.as_slice()].concat(), cbor]);
            }
            Err(_) => {}
        }
        seeds.push([&[DETECTED], source.as_ref()].concat());
    }
    seeds
}
