//! Stored fields → what a live document is.
//!
//! | created in | id and type | parent |
//! |---|---|---|
//! | Elasticsearch 1, 2 | `_uid`, text `type#id` | `_parent`, text `type#id` |
//! | Elasticsearch 5 | `_uid` | in doc values (`parents`) |
//! | Elasticsearch 5.6, `index.mapping.single_type` | `_id`, text | none |
//! | Elasticsearch 6 on, OpenSearch | `_id`, bytes (`uid`) | none: a join field, in the source |
//!
//! Holds: a document that says what it is in a way no server writes is an error, never guessed at.

use lucene::{FieldInfos, StoredDoc, StoredValue};
use protocol::checkpoint::SkipReason;

use super::parents::Parents;
use super::source::{self, Detected};
use super::{Document, Read, ReadError, ReadOptions, Source, Versions, uid, unpack};

/// The stored fields that say what a document is, by number; `None`: the segment hasn't the field.
pub(super) struct FieldNumbers {
    uid: Option<u32>,
    id: Option<u32>,
    routing: Option<u32>,
    parent: Option<u32>,
    timestamp: Option<u32>,
    ttl: Option<u32>,
    source: Option<u32>,
    recovery_source: Option<u32>,
}

impl FieldNumbers {
    pub(super) fn of(infos: &FieldInfos, options: &ReadOptions) -> Self {
        Self {
            uid: infos.number("_uid"),
            id: infos.number("_id"),
            routing: infos.number("_routing"),
            parent: infos.number("_parent"),
            timestamp: infos.number("_timestamp"),
            ttl: infos.number("_ttl"),
            source: infos.number("_source"),
            recovery_source: infos.number("_recovery_source").filter(|_| options.recover_source),
        }
    }
}

/// Reused from document to document.
#[derive(Default)]
pub(super) struct Scratch {
    id: String,
    unpacked: Vec<u8>,
    converted: String,
}

/// What is wrong with one document's stored fields.
pub(super) enum Fault {
    Lucene(lucene::Error),
    Document(&'static str),
}

impl Fault {
    pub(super) fn at<S>(self, segment: &str, doc: lucene::DocId) -> ReadError<S> {
        match self {
            Self::Lucene(error) => ReadError::Lucene(error),
            Self::Document(what) => ReadError::Document { segment: segment.to_owned(), doc, what },
        }
    }
}

/// Says what a live document is. `doc_type` is its type if it has none of its own.
pub(super) fn identify<'r>(
    numbers: &FieldNumbers,
    doc_type: Option<&'r str>,
    stored: &StoredDoc<'r>,
    versions: Versions,
    parents: &'r mut Parents<'_>,
    scratch: &'r mut Scratch,
) -> Result<Read<'r>, Fault> {
    let mut found = Found::collect(numbers, stored)?;
    if let (Some(stored_uid), None) = (found.uid, found.parent) {
        let (own_type, _) = split(text(stored_uid, "the stored _uid is no text")?)?;
        found.parent_beside = parents.get(stored.doc, own_type)?;
    }
    understand(&found, doc_type, versions, scratch)
}

fn understand<'r>(
    found: &Found<'r>,
    doc_type: Option<&'r str>,
    versions: Versions,
    scratch: &'r mut Scratch,
) -> Result<Read<'r>, Fault> {
    let Scratch { id, unpacked, converted } = scratch;
    id.clear();
    let (mut doc_type, mut parent, mut timestamp, mut expires) = (doc_type, None, None, None);
    if let Some(stored_uid) = found.uid {
        let (own_type, own_id) = split(text(stored_uid, "the stored _uid is no text")?)?;
        id.push_str(own_id);
        doc_type = Some(own_type);
        // Later versions have no such fields of their own: what is called so there is a user's.
        parent = match found.parent {
            Some(value) => Some(split(text(value, "the stored _parent is no text")?)?.1),
            None => found.parent_beside,
        };
        timestamp = found.timestamp.and_then(long);
        expires = found.ttl.and_then(long);
    } else if let Some(stored_id) = found.id {
        match stored_id {
            StoredValue::Bytes(encoded) => uid::decode_id(encoded, id).map_err(Fault::Document)?,
            plain => id.push_str(text(plain, "the stored _id is no text")?),
        }
    } else {
        // Every root document stores which it is. A nested child stores nothing, unless a field of it is a stored one.
        let nested = found.source.is_none() && found.recovery_source.is_none();
        return Ok(if nested { Read::Nested } else { Read::Skipped(SkipReason::NoId) });
    }
    let routing = found.routing.map(|value| text(value, "the stored _routing is no text")).transpose()?;
    // Elasticsearch 1 could be told not to store what it routes by; without it a child goes where its parent is.
    let routing = routing.or(parent);
    let recovered = found.recovery_source.is_some();
    let Some(bytes) = found.recovery_source.or(found.source) else {
        return Ok(Read::Skipped(SkipReason::NoSource));
    };
    let StoredValue::Bytes(bytes) = bytes else { return Err(Fault::Document("the stored _source is not binary")) };
    let id = id.as_str();
    let source = match readable(bytes, unpacked, converted) {
        Ok(source) => source,
        Err(reason) => return Ok(Read::Unreadable { id, routing, reason }),
    };
    let doc_type = doc_type.filter(|name| *name != "_doc");
    Ok(Read::Document(Document { id, doc_type, routing, parent, timestamp, expires, source, recovered, versions }))
}

/// The source as JSON; in the buffers where it isn't stored so.
fn readable<'r>(stored: &'r [u8], unpacked: &'r mut Vec<u8>, converted: &'r mut String) -> Result<Source<'r>, String> {
    let bytes = match unpack::unpack(stored) {
        Some(bytes) => {
            *unpacked = bytes?;
            unpacked.as_slice()
        }
        None => stored,
    };
    match source::detect(bytes) {
        Detected::Json => Ok(Source::Json(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))),
        Detected::Other(format) => {
            *converted = source::to_json(bytes, format)?;
            Ok(Source::Converted(converted.as_bytes(), format))
        }
        Detected::Unknown => Err("its source is neither JSON nor SMILE, CBOR or YAML".to_owned()),
    }
}

/// The values of a document that say what it is. A field that is there several times counts as it is last.
#[derive(Default)]
struct Found<'r> {
    uid: Option<StoredValue<'r>>,
    id: Option<StoredValue<'r>>,
    routing: Option<StoredValue<'r>>,
    parent: Option<StoredValue<'r>>,
    /// The parent's id, from doc values.
    parent_beside: Option<&'r str>,
    timestamp: Option<StoredValue<'r>>,
    ttl: Option<StoredValue<'r>>,
    source: Option<StoredValue<'r>>,
    recovery_source: Option<StoredValue<'r>>,
}

impl<'r> Found<'r> {
    fn collect(numbers: &FieldNumbers, stored: &StoredDoc<'r>) -> Result<Self, Fault> {
        let mut found = Self::default();
        for field in stored.fields() {
            let (number, value) = field.map_err(Fault::Lucene)?;
            let number = Some(number);
            let place = match number {
                _ if number == numbers.source => &mut found.source,
                _ if number == numbers.id => &mut found.id,
                _ if number == numbers.routing => &mut found.routing,
                _ if number == numbers.uid => &mut found.uid,
                _ if number == numbers.recovery_source => &mut found.recovery_source,
                _ if number == numbers.parent => &mut found.parent,
                _ if number == numbers.timestamp => &mut found.timestamp,
                _ if number == numbers.ttl => &mut found.ttl,
                _ => continue,
            };
            *place = Some(value);
        }
        Ok(found)
    }
}

fn text<'r>(value: StoredValue<'r>, fault: &'static str) -> Result<&'r str, Fault> {
    let StoredValue::String(bytes) = value else { return Err(Fault::Document(fault)) };
    std::str::from_utf8(bytes).map_err(|_| Fault::Document(fault))
}

fn split(stored_uid: &str) -> Result<(&str, &str), Fault> {
    uid::split_uid(stored_uid).map_err(Fault::Document)
}

fn long(value: StoredValue<'_>) -> Option<i64> {
    match value {
        StoredValue::Long(number) => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::source::SourceFormat;

    const SOURCE: Option<StoredValue<'_>> = Some(StoredValue::Bytes(b"{}"));

    fn string(text: &str) -> Option<StoredValue<'_>> {
        Some(StoredValue::String(text.as_bytes()))
    }

    /// What `found` is, in an index of the type `of_index`, for `see` to look at.
    fn seen<T>(found: &Found<'_>, see: impl FnOnce(Result<Read<'_>, Fault>) -> T) -> T {
        see(understand(found, Some("of_index"), Versions::default(), &mut Scratch::default()))
    }

    fn document<T>(found: &Found<'_>, see: impl FnOnce(Document<'_>) -> T) -> T {
        seen(found, |read| match read {
            Ok(Read::Document(document)) => see(document),
            Ok(other) => panic!("{other:?}"),
            Err(Fault::Document(what)) => panic!("{what}"),
            Err(Fault::Lucene(error)) => panic!("{error}"),
        })
    }

    #[test]
    fn a_uid_says_type_and_id_whatever_else_is_stored() {
        let found = Found {
            uid: string("tweet#a#b"),
            id: string("a#b"),
            routing: string("r"),
            parent: string("user#p#q"),
            timestamp: Some(StoredValue::Long(7)),
            ttl: Some(StoredValue::Long(9)),
            source: SOURCE,
            ..Found::default()
        };
        document(&found, |document| {
            assert_eq!((document.doc_type, document.id, document.routing), (Some("tweet"), "a#b", Some("r")));
            assert_eq!((document.parent, document.timestamp, document.expires), (Some("p#q"), Some(7), Some(9)));
        });
        let unrouted = Found { routing: None, ..found };
        document(&unrouted, |document| assert_eq!(document.routing, Some("p#q"), "where its parent is"));
        let beside = Found { parent: None, parent_beside: Some("user#p"), routing: string("r"), ..unrouted };
        document(&beside, |document| {
            assert_eq!((document.parent, document.routing), (Some("user#p"), Some("r")), "an id without a type");
        });
        let untyped = Found { uid: string("_doc#1"), source: SOURCE, ..Found::default() };
        document(&untyped, |document| assert_eq!((document.doc_type, document.id), (None, "1")));
    }

    #[test]
    fn an_id_alone_has_the_type_of_the_index_and_no_old_metadata() {
        for id in [string("7"), Some(StoredValue::Bytes(&[0xfe, 0x7f]))] {
            let (parent, timestamp) = (string("user#p"), Some(StoredValue::Long(7)));
            let found = Found { id, parent, timestamp, source: SOURCE, ..Found::default() };
            document(&found, |document| {
                assert_eq!((document.doc_type, document.id), (Some("of_index"), "7"));
                assert_eq!((document.parent, document.routing, document.timestamp), (None, None, None));
            });
        }
    }

    #[test]
    fn a_recovered_source_is_the_one_that_counts() {
        let recovery_source = Some(StoredValue::Bytes(b"{\"full\":1}"));
        for source in [None, SOURCE] {
            let found = Found { id: string("1"), source, recovery_source, ..Found::default() };
            document(&found, |document| {
                assert_eq!((document.source.bytes(), document.recovered), (&b"{\"full\":1}"[..], true));
            });
        }
    }

    #[test]
    fn what_is_compressed_may_be_of_any_format() {
        let yaml = [&b"ZV\0\0\x08"[..], b"---\na: 1"].concat();
        let found = Found { id: string("1"), source: Some(StoredValue::Bytes(&yaml)), ..Found::default() };
        document(&found, |document| {
            let Source::Converted(json, SourceFormat::Yaml) = document.source else { panic!("{:?}", document.source) };
            assert_eq!(json, b"{\"a\":1}");
        });
        for source in [&b"ZV\0\0\x09---"[..], b"index closed", b"---\n- 1"] {
            let found = Found { id: string("1"), source: Some(StoredValue::Bytes(source)), ..Found::default() };
            seen(&found, |read| assert!(matches!(read, Ok(Read::Unreadable { id: "1", .. })), "{source:?}"));
        }
    }

    #[test]
    fn documents_that_are_none_are_told_apart() {
        let nested = Found::default();
        seen(&nested, |read| assert!(matches!(read, Ok(Read::Nested))));
        let nameless = Found { source: SOURCE, ..Found::default() };
        seen(&nameless, |read| assert!(matches!(read, Ok(Read::Skipped(SkipReason::NoId)))));
        let bare = Found { id: string("1"), ..Found::default() };
        seen(&bare, |read| assert!(matches!(read, Ok(Read::Skipped(SkipReason::NoSource)))));
    }

    #[test]
    fn what_no_server_stores_is_an_error() {
        let (id, number) = (string("1"), Some(StoredValue::Int(1)));
        for found in [
            Found { uid: string("no type"), ..Found::default() },
            Found { uid: Some(StoredValue::Bytes(b"t#1")), ..Found::default() },
            Found { uid: Some(StoredValue::String(b"t#\xff")), ..Found::default() },
            Found { uid: string("t#1"), parent: string("no type"), source: SOURCE, ..Found::default() },
            Found { id: number, ..Found::default() },
            Found { id, routing: number, source: SOURCE, ..Found::default() },
            Found { id, source: string("{}"), ..Found::default() },
        ] {
            seen(&found, |read| assert!(matches!(read, Err(Fault::Document(_)))));
        }
    }
}
