//! Segments → documents: `_id`, `_routing`, `_source` and version numbers of every live document, from any document on.
//!
//! In: a range of a segment, and how far it was read before. Out: one [`Read`] per live document, in document order,
//! borrowed from the decompressed chunk, and the CRC of the bytes at every chunk.
//! Holds: every live document of the range is told exactly once.
//! Not here: which ranges there are (`plan`), where the documents go (`load`).

pub mod source;
pub mod uid;

use lucene::{LiveDocs, NumericDocValues, Segment, StoredDoc, StoredValue};
use protocol::checkpoint::SkipReason;

use source::{Detected, SourceFormat};

/// A live document.
#[derive(Debug)]
pub struct Document<'a> {
    /// `_id`.
    pub id: &'a str,
    /// `_routing`, where one was given.
    pub routing: Option<&'a str>,
    /// `_source`.
    pub source: Source<'a>,
    /// `_version`, `_seq_no` and `_primary_term`, where they were asked for and are there.
    pub versions: Versions,
}

/// `_source` as JSON text.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// As it is stored; it may hold line breaks.
    Json(&'a [u8]),
    /// Converted from another format.
    Converted(&'a [u8], SourceFormat),
}

impl<'a> Source<'a> {
    /// The JSON text.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Json(bytes) | Self::Converted(bytes, _) => bytes,
        }
    }
}

/// The version numbers of a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Versions {
    /// `_version`.
    pub version: Option<i64>,
    /// `_seq_no`.
    pub seq_no: Option<i64>,
    /// `_primary_term`.
    pub primary_term: Option<i64>,
}

/// What a live Lucene document turns out to be.
#[derive(Debug)]
pub enum Read<'a> {
    /// A document.
    Document(Document<'a>),
    /// A nested child: part of its root document's source.
    Nested,
    /// Nothing to send.
    Skipped(SkipReason),
    /// A document whose source can't be made JSON.
    Unreadable {
        /// `_id`.
        id: &'a str,
        /// `_routing`, where one was given.
        routing: Option<&'a str>,
        /// What is wrong with it.
        reason: String,
    },
}

/// Who takes the documents of a range.
pub trait Visitor {
    /// Why it wants no more.
    type Stop;

    /// A chunk begins; `crc` is the CRC of the range's bytes before it.
    fn chunk(&mut self, crc: lucene::RangeCrc);

    /// A live document.
    ///
    /// # Errors
    /// The visitor wants no more.
    fn doc(&mut self, doc: lucene::DocId, read: Read<'_>) -> Result<(), Self::Stop>;
}

/// Why reading a range ended early.
#[derive(Debug)]
pub enum ReadError<S> {
    /// The segment can't be read.
    Lucene(lucene::Error),
    /// A document in it makes no sense.
    Document {
        /// Segment.
        segment: String,
        /// Lucene document.
        doc: lucene::DocId,
        /// What is wrong.
        what: &'static str,
    },
    /// The visitor wanted no more.
    Stopped(S),
}

impl<S> From<lucene::Error> for ReadError<S> {
    fn from(error: lucene::Error) -> Self {
        Self::Lucene(error)
    }
}

/// A part of a segment that is read front to back.
pub struct RangeReader<'a> {
    segment: &'a Segment,
    live_docs: LiveDocs,
    versions: Option<VersionCursors>,
    fields: FieldNumbers,
    scratch: Scratch,
}

/// Reused from document to document.
#[derive(Default)]
struct Scratch {
    id: String,
    converted: String,
}

struct FieldNumbers {
    id: Option<u32>,
    routing: Option<u32>,
    source: Option<u32>,
}

struct VersionCursors {
    version: Option<NumericDocValues>,
    seq_no: Option<NumericDocValues>,
    primary_term: Option<NumericDocValues>,
}

impl<'a> RangeReader<'a> {
    /// Opens what is needed of `segment`; version numbers only if they are wanted, because they cost reads.
    ///
    /// # Errors
    /// The segment's files can't be read.
    pub fn open(segment: &'a Segment, with_versions: bool) -> Result<Self, lucene::Error> {
        let infos = segment.field_infos();
        let fields = FieldNumbers {
            id: infos.number("_id"),
            routing: infos.number("_routing"),
            source: infos.number("_source"),
        };
        let versions = if with_versions {
            Some(VersionCursors {
                version: segment.numeric("_version")?,
                seq_no: segment.numeric("_seq_no")?,
                primary_term: segment.numeric("_primary_term")?,
            })
        } else {
            None
        };
        Ok(Self { segment, live_docs: segment.live_docs()?, versions, fields, scratch: Scratch::default() })
    }

    /// Tells `visitor` every live document of `range` from `from_doc` on; the CRC of the whole range.
    ///
    /// `crc` is what an earlier reader had at the start of the chunk that holds `from_doc`.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read<V: Visitor>(
        &mut self,
        range: &lucene::ChunkRange,
        from_doc: lucene::DocId,
        crc: Option<lucene::RangeCrc>,
        visitor: &mut V,
    ) -> Result<lucene::RangeCrc, ReadError<V::Stop>> {
        let mut chunks = self.segment.stored_fields()?.read(range, from_doc, crc)?;
        while let Some(chunk) = chunks.next_chunk()? {
            visitor.chunk(chunk.crc_before());
            for stored in chunk.docs() {
                let stored = stored?;
                if stored.doc < from_doc || !self.live_docs.is_live(stored.doc)? {
                    continue;
                }
                let doc = stored.doc;
                let versions = self.versions.as_mut().map(|cursors| cursors.get(doc)).transpose()?;
                let read = identify(&self.fields, &stored, versions.unwrap_or_default(), &mut self.scratch)
                    .map_err(|fault| fault.at(self.segment.name(), doc))?;
                visitor.doc(doc, read).map_err(ReadError::Stopped)?;
            }
        }
        Ok(chunks.crc())
    }
}

impl VersionCursors {
    fn get(&mut self, doc: lucene::DocId) -> Result<Versions, lucene::Error> {
        let get = |cursor: &mut Option<NumericDocValues>| match cursor {
            Some(cursor) => cursor.get(doc),
            None => Ok(None),
        };
        Ok(Versions {
            version: get(&mut self.version)?,
            seq_no: get(&mut self.seq_no)?,
            primary_term: get(&mut self.primary_term)?,
        })
    }
}

/// What is wrong with one document's stored fields.
enum Fault {
    Lucene(lucene::Error),
    Document(&'static str),
}

impl Fault {
    fn at<S>(self, segment: &str, doc: lucene::DocId) -> ReadError<S> {
        match self {
            Self::Lucene(error) => ReadError::Lucene(error),
            Self::Document(what) => ReadError::Document { segment: segment.to_owned(), doc, what },
        }
    }
}

fn identify<'r>(
    numbers: &FieldNumbers,
    stored: &StoredDoc<'r>,
    versions: Versions,
    scratch: &'r mut Scratch,
) -> Result<Read<'r>, Fault> {
    // Nested children have no stored field at all; every root document stores its `_id`.
    if stored.is_empty() {
        return Ok(Read::Nested);
    }
    let (mut has_id, mut routing, mut source) = (false, None, None);
    scratch.id.clear();
    for field in stored.fields() {
        let (number, value) = field.map_err(Fault::Lucene)?;
        let number = Some(number);
        if number == numbers.id {
            match value {
                StoredValue::Bytes(encoded) => uid::decode_id(encoded, &mut scratch.id).map_err(Fault::Document)?,
                StoredValue::String(plain) => scratch.id.push_str(text(plain, "the stored _id is not UTF-8")?),
                _ => return Err(Fault::Document("the stored _id is a number")),
            }
            has_id = true;
        } else if number == numbers.routing {
            let StoredValue::String(bytes) = value else {
                return Err(Fault::Document("the stored _routing is no text"));
            };
            routing = Some(text(bytes, "the stored _routing is not UTF-8")?);
        } else if number == numbers.source {
            let StoredValue::Bytes(bytes) = value else {
                return Err(Fault::Document("the stored _source is not binary"));
            };
            source = Some(bytes);
        }
    }
    if !has_id {
        return Ok(Read::Skipped(SkipReason::NoId));
    }
    let Some(source) = source else { return Ok(Read::Skipped(SkipReason::NoSource)) };
    let id = scratch.id.as_str();
    let source = match source::detect(source) {
        Detected::Json => Source::Json(source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source)),
        Detected::Binary(format) => match source::to_json(source, format) {
            Ok(json) => {
                scratch.converted = json;
                Source::Converted(scratch.converted.as_bytes(), format)
            }
            Err(reason) => return Ok(Read::Unreadable { id, routing, reason }),
        },
        Detected::Yaml => {
            return Ok(Read::Unreadable { id, routing, reason: "its source is YAML, which is not read".to_owned() });
        }
        Detected::Unknown => {
            let reason = "its source is neither JSON nor SMILE nor CBOR".to_owned();
            return Ok(Read::Unreadable { id, routing, reason });
        }
    };
    Ok(Read::Document(Document { id, routing, source, versions }))
}

fn text<'a>(bytes: &'a [u8], fault: &'static str) -> Result<&'a str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| Fault::Document(fault))
}
