//! Segments → documents: id, type, routing, source and numbers of every live document, from any document on.
//!
//! In: a range of a segment, and how far it was read before. Out: one [`Read`] per live document, in document order,
//! borrowed from the decompressed chunk, and the CRC of the bytes at every chunk.
//! Holds: every live document of the range is told exactly once.
//! Not here: which ranges there are (`plan`), where the documents go (`load`).

mod document;
mod parents;
pub mod source;
pub mod uid;
pub mod unpack;
mod yaml;

use std::collections::BTreeMap;

use lucene::{LiveDocs, NumericDocValues, Segment};
use protocol::checkpoint::SkipReason;
use snapshot::IndexMetadata;

use document::{FieldNumbers, Scratch, identify};
use parents::Parents;
use source::SourceFormat;

/// A live document.
#[derive(Debug)]
pub struct Document<'a> {
    /// `_id`, or the id of `_uid`.
    pub id: &'a str,
    /// Its mapping type; `None` stands for `_doc` too.
    pub doc_type: Option<&'a str>,
    /// `_routing`, where one was given; else the parent's id.
    pub routing: Option<&'a str>,
    /// The id of `_parent`. Elasticsearch 5 has it in doc values, which are read if `parent_types` says so.
    pub parent: Option<&'a str>,
    /// `_timestamp` of Elasticsearch 1 and 2, in milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// When the `_ttl` of Elasticsearch 1 and 2 is over, in milliseconds since 1970: what it stores under that name.
    pub expires: Option<i64>,
    /// `_source`.
    pub source: Source<'a>,
    /// The source is that of `_recovery_source`: `_source` is filtered, or isn't kept.
    pub recovered: bool,
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

/// What of documents is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The type of documents that store none of their own ([`doc_type`]).
    pub doc_type: Option<String>,
    /// Whose child a type is ([`parent_types`]): parents that aren't stored cost reads too.
    pub parent_types: BTreeMap<String, String>,
    /// Version numbers too, which cost reads.
    pub versions: VersionsWanted,
    /// `_recovery_source` instead of `_source`, where a merge has not pruned it yet.
    pub recover_source: bool,
}

/// Which of [`Versions`] are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VersionsWanted {
    /// None.
    #[default]
    Nothing,
    /// All that there are.
    All,
    /// `_version`, without which no document can go on: it is what the target compares.
    Version,
}

/// The fields of [`Versions`], in its order.
pub const VERSION_FIELDS: [&str; 3] = ["_version", "_seq_no", "_primary_term"];

/// The mapping type of an index whose documents store none of their own; `None`: it is `_doc`, or there are no types.
#[must_use]
pub fn doc_type(metadata: &IndexMetadata) -> Option<String> {
    let names = metadata.mappings.iter().map(|(name, _)| name);
    names.into_iter().find(|name| *name != "_default_").filter(|name| *name != "_doc").cloned()
}

/// The types of an index whose documents have parents, each with the type of those; empty since Elasticsearch 6.
#[must_use]
pub fn parent_types(metadata: &IndexMetadata) -> BTreeMap<String, String> {
    let parent = |mapping: &serde_json::Value| Some(mapping.get("_parent")?.get("type")?.as_str()?.to_owned());
    metadata.mapping_types().filter_map(|(name, mapping)| Some((name.to_owned(), parent(mapping)?))).collect()
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
    /// A document keeps no `_version`, or none that can be compared, and [`VersionsWanted::Version`] is wanted.
    Unversioned {
        /// Segment.
        segment: String,
        /// Lucene document.
        doc: lucene::DocId,
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
    versions: VersionCursors,
    versions_wanted: VersionsWanted,
    fields: FieldNumbers,
    doc_type: Option<String>,
    parents: Parents<'a>,
    scratch: Scratch,
}

#[derive(Default)]
struct VersionCursors {
    version: Option<NumericDocValues>,
    seq_no: Option<NumericDocValues>,
    primary_term: Option<NumericDocValues>,
}

impl<'a> RangeReader<'a> {
    /// Opens what is needed of `segment`.
    ///
    /// # Errors
    /// The segment's files can't be read.
    pub fn open(segment: &'a Segment, options: ReadOptions) -> Result<Self, lucene::Error> {
        let fields = FieldNumbers::of(segment.field_infos(), &options);
        let [version, seq_no, primary_term] = VERSION_FIELDS;
        let versions = match options.versions {
            VersionsWanted::Nothing => VersionCursors::default(),
            VersionsWanted::Version => {
                VersionCursors { version: numbers(segment, version)?, ..VersionCursors::default() }
            }
            VersionsWanted::All => VersionCursors {
                version: numbers(segment, version)?,
                seq_no: numbers(segment, seq_no)?,
                primary_term: numbers(segment, primary_term)?,
            },
        };
        let versions_wanted = options.versions;
        let (live_docs, doc_type) = (segment.live_docs()?, options.doc_type);
        let parents = Parents::of(segment, options.parent_types);
        Ok(Self {
            segment,
            live_docs,
            versions,
            versions_wanted,
            fields,
            doc_type,
            parents,
            scratch: Scratch::default(),
        })
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
        // A chunk whose documents are all dead is not unpacked.
        let live_docs = &mut self.live_docs;
        while let Some(chunk) = chunks.next_chunk_if(|docs| live_docs.any_live(docs.start.max(from_doc)..docs.end))? {
            visitor.chunk(chunk.crc_before());
            for stored in chunk.docs() {
                let stored = stored?;
                if stored.doc < from_doc || !live_docs.is_live(stored.doc)? {
                    continue;
                }
                let doc = stored.doc;
                let (doc_type, versions) = (self.doc_type.as_deref(), self.versions.get(doc)?);
                let read = identify(&self.fields, doc_type, &stored, versions, &mut self.parents, &mut self.scratch)
                    .map_err(|fault| fault.at(self.segment.name(), doc))?;
                let comparable = versions.version.is_some_and(|version| version >= 1);
                if self.versions_wanted == VersionsWanted::Version && !comparable && matches!(read, Read::Document(_)) {
                    return Err(ReadError::Unversioned { segment: self.segment.name().to_owned(), doc });
                }
                visitor.doc(doc, read).map_err(ReadError::Stopped)?;
            }
        }
        Ok(chunks.crc())
    }
}

/// The numbers of `field`, which a document does without where they are in a format that isn't read.
fn numbers(segment: &Segment, field: &str) -> Result<Option<NumericDocValues>, lucene::Error> {
    match segment.numeric(field) {
        Err(lucene::Error::Unsupported { .. }) => Ok(None),
        numbers => numbers,
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
