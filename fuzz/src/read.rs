//! Reads what a shard has. Errors are what inputs should end with; what must hold all the same is asserted.

use std::sync::Arc;

use lucene::{Commit, Segment, SegmentCommit};
use worker::line::LineWriter;
use worker::read::{RangeReader, Read, ReadOptions, VersionsWanted, Visitor};

use crate::files::Case;

/// Documents of a segment that are asked for one by one: a bitmap of 65,536 and a bit of the next.
const DOCS_ASKED_MAX: u32 = 70_000;

/// The segment that the case is about.
pub fn segment(case: &Case) -> Option<Segment> {
    let commit = match Commit::read(&*case.dir) {
        Ok(commit) => commit.segments.into_iter().find(|segment| segment.name == case.segment)?,
        Err(_) => bare_commit(case)?,
    };
    Segment::open(Arc::clone(&case.dir), &commit).ok()
}

/// What the commit would say, where the fixture has none.
fn bare_commit(case: &Case) -> Option<SegmentCommit> {
    let name = format!("{}.si", case.segment);
    let info = case.dir.read(&name, 0..case.dir.len(&name)?).ok()?;
    let id_at = 4 + 1 + usize::from(*info.get(4)?) + 4;
    Some(SegmentCommit {
        name: case.segment.clone(),
        id: Some(info.get(id_at..id_at + 16)?.try_into().ok()?),
        codec: String::new(),
        del_gen: None,
        del_count: 0,
        field_infos_gen: None,
        soft_del_count: 0,
    })
}

/// Every range of the stored fields, cut in two ways, and every field of every document.
pub fn stored_fields(segment: &Segment) {
    let Ok(fields) = segment.stored_fields() else { return };
    let _ = fields.footer_crc();
    for size in [1, u64::MAX] {
        let Ok(cuts) = fields.cuts(size) else { return };
        assert_eq!(cuts.first().map(|cut| cut.docs.start), Some(0));
        assert_eq!(cuts.last().map(|cut| cut.docs.end), Some(segment.max_doc()), "every document is in a range");
        assert!(
            cuts.windows(2).all(|two| two[0].docs.end == two[1].docs.start && two[0].bytes.end == two[1].bytes.start)
        );
        for range in cuts {
            let Ok(mut chunks) = fields.read(&range, range.docs.start, None) else { continue };
            let mut next = range.docs.start;
            while let Ok(Some(chunk)) = chunks.next_chunk() {
                assert_eq!(chunk.doc_base(), next, "chunks have no gap");
                next += chunk.doc_count();
                for doc in chunk.docs().flatten() {
                    doc.fields().take_while(Result::is_ok).for_each(drop);
                }
            }
            assert!(next <= range.docs.end, "no document comes from outside of the range");
        }
    }
}

/// Whether each document lives: the same going up and going back.
pub fn live_docs(segment: &Segment) {
    let Ok(mut live_docs) = segment.live_docs() else { return };
    let docs = 0..segment.max_doc().saturating_add(1).min(DOCS_ASKED_MAX);
    let mut up = Vec::new();
    for doc in docs.clone() {
        let Ok(live) = live_docs.is_live(doc) else { return };
        up.push(live);
    }
    for doc in docs.rev().step_by(1 + up.len() / 50) {
        assert_eq!(live_docs.is_live(doc).ok(), up.get(doc as usize).copied());
    }
    let _ = live_docs.is_live(segment.max_doc().saturating_sub(1));
}

/// The numbers of each field that has some.
pub fn numbers(segment: &Segment) {
    for field in ["_version", "_seq_no", "_primary_term", "__soft_deletes"] {
        let Ok(Some(mut numbers)) = segment.numeric(field) else { continue };
        let docs = 0..segment.max_doc().saturating_add(1).min(DOCS_ASKED_MAX);
        let mut last = None;
        for doc in docs {
            match numbers.get(doc) {
                Ok(number) => last = Some((doc, number)),
                Err(_) => break,
            }
        }
        let _ = numbers.get(segment.max_doc().saturating_sub(1));
        let _ = numbers.get(0);
        if let Some((doc, number)) = last {
            assert_eq!(numbers.get(doc).ok(), Some(number), "going back changes nothing");
        }
    }
}

/// The terms of each field that may have some.
pub fn terms(segment: &Segment) {
    for field in ["_parent#parent", "_parent#child", "all_one", "few", "fixed", "half_one", "many", "sparse"] {
        let Ok(Some(mut terms)) = segment.sorted(field) else { continue };
        let docs = 0..segment.max_doc().saturating_add(1).min(DOCS_ASKED_MAX);
        let mut last = None;
        for doc in docs {
            match terms.get(doc) {
                Ok(term) => last = Some((doc, term.map(<[u8]>::to_vec))),
                Err(_) => break,
            }
        }
        let _ = terms.get(0);
        if let Some((doc, term)) = last {
            assert_eq!(terms.get(doc).ok(), Some(term.as_deref()), "going back changes nothing");
        }
    }
}

/// Documents as a worker reads them, each a line.
pub fn documents(segment: &Segment) {
    let Ok(fields) = segment.stored_fields() else { return };
    let parents = [("child", "parent"), ("grandchild", "child")].map(|(child, parent)| (child.into(), parent.into()));
    let options = ReadOptions {
        doc_type: Some("a-type".to_owned()),
        parent_types: parents.into(),
        versions: VersionsWanted::All,
        recover_source: true,
    };
    let Ok(mut reader) = RangeReader::open(segment, options) else { return };
    let mut lines = Lines { writer: LineWriter::new("an-index"), line: Vec::new(), last: None };
    for range in fields.cuts(u64::MAX).unwrap_or_default() {
        let _ = reader.read(&range, range.docs.start, None, &mut lines);
    }
}

struct Lines {
    writer: LineWriter,
    line: Vec<u8>,
    last: Option<u32>,
}

impl Visitor for Lines {
    type Stop = ();

    fn chunk(&mut self, _: lucene::RangeCrc) {}

    fn doc(&mut self, doc: lucene::DocId, read: Read<'_>) -> Result<(), ()> {
        assert!(self.last.replace(doc) < Some(doc), "documents ascend");
        if let Read::Document(document) = read {
            self.line.clear();
            self.writer.push(&document, &mut self.line);
            let breaks = self.line.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
            assert!(breaks == 1 && self.line.ends_with(b"}\n"), "a document is one line");
        }
        Ok(())
    }
}
