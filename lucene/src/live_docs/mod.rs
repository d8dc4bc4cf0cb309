//! Which documents live: neither hard-deleted (`.liv`, `.del`) nor soft-deleted (a doc value that is there).
//!
//! In: the file of the current generation and the soft-deletes field. Out: a yes or no per document. Holds: one window
//! of hard deletes and one block of soft ones; the file of hard deletes is read once in full when it is opened, for its
//! checksum and to count; where the counts of the commit are zero, nothing is opened.
//! Not here: `.liv` (`bitmap`), `.del` of Lucene 4 (`bit_vector`). After: Lucene `SoftDeletesDirectoryReaderWrapper`.

mod bit_vector;
mod bitmap;

use std::ops::Range;

use crate::DocId;
use crate::commit::{SegmentCommit, base36};
use crate::compound::SegmentFiles;
use crate::doc_values::{DocValues, DocsWithField};
use crate::error::{Error, Result};
use crate::field_infos::FieldInfos;
use bitmap::Bitmap;

/// The live documents of a segment, for documents in ascending order.
pub struct LiveDocs {
    hard: Option<Bitmap>,
    soft: Option<DocsWithField>,
    max_doc: u32,
}

impl LiveDocs {
    pub(crate) fn open(
        files: &SegmentFiles,
        doc_values: &DocValues,
        infos: &FieldInfos,
        commit: &SegmentCommit,
        max_doc: u32,
    ) -> Result<Self> {
        let hard = match commit.del_gen {
            Some(generation) => Some(open_hard(files, generation, commit.del_count, max_doc)?),
            None if commit.del_count == 0 => None,
            None => return Err(no_deletes(files.segment(), format!("{} hard deletes in no file", commit.del_count))),
        };
        let soft = match commit.soft_del_count {
            0 => None,
            count => Some(open_soft(doc_values, infos, count)?),
        };
        Ok(Self { hard, soft, max_doc })
    }

    /// Whether `doc` lives; not so from the end of the segment on. Documents should ascend: going back is correct, but
    /// reads again.
    ///
    /// # Errors
    /// `Corrupt`, `Read`.
    #[inline]
    pub fn is_live(&mut self, doc: DocId) -> Result<bool> {
        if doc >= self.max_doc {
            return Ok(false);
        }
        if let Some(hard) = &mut self.hard
            && !hard.get(doc)?
        {
            return Ok(false);
        }
        match &mut self.soft {
            Some(soft) => Ok(soft.ordinal(doc)?.is_none()),
            None => Ok(true),
        }
    }

    /// Whether any of `docs` lives; looks no further than the first that does.
    ///
    /// # Errors
    /// `Corrupt`, `Read`.
    pub fn any_live(&mut self, docs: Range<DocId>) -> Result<bool> {
        for doc in docs {
            if self.is_live(doc)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn open_hard(files: &SegmentFiles, generation: u64, del_count: u32, max_doc: u32) -> Result<Bitmap> {
    let Some(live) = max_doc.checked_sub(del_count) else {
        return Err(no_deletes(files.segment(), format!("{del_count} of {max_doc} documents are deleted")));
    };
    let suffix = base36(generation);
    match files.id() {
        Some(id) => bitmap::open(files.outside(&format!("_{suffix}.liv"), "the commit")?, id, &suffix, live, max_doc),
        None => bit_vector::open(files.outside(&format!("_{suffix}.del"), "the commit")?, live, max_doc),
    }
}

fn no_deletes(segment: &str, what: String) -> Error {
    Error::Corrupt { file: segment.to_owned(), offset: 0, what }
}

fn open_soft(doc_values: &DocValues, infos: &FieldInfos, count: u32) -> Result<DocsWithField> {
    let segment = doc_values.segment();
    let Some(field) = infos.soft_deletes() else {
        return Err(no_deletes(segment, format!("{count} soft deletes without a field for them")));
    };
    let (docs, values) = doc_values.docs(infos, field)?;
    if values < u64::from(count) {
        return Err(no_deletes(segment, format!("{count} soft deletes, but field {} has {values} values", field.name)));
    }
    Ok(docs)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Commit;
    use crate::testing::Memory;

    /// The bitmap of Lucene 5 to 8, from a segment whose other files are not read: 8 of 9 documents live.
    #[test]
    fn big_endian_live_docs_of_a_real_server_are_read_and_counted() {
        const SEGMENTS: &[u8] = include_bytes!("../../tests/fixtures/elasticsearch-6.8.23/versions-0/segments_3");
        const LIVE_DOCS: &[u8] = include_bytes!("../../tests/fixtures/elasticsearch-6.8.23/versions-0/_4_1.liv");
        let commit = Commit::read(&Memory::of("segments_3", SEGMENTS.to_vec())).unwrap().segments.remove(0);
        let files = SegmentFiles::new(Arc::new(Memory::of("_4_1.liv", LIVE_DOCS.to_vec())), &commit.name, commit.id);
        let doc_values = DocValues::new(files.clone());
        let open = |commit: &SegmentCommit, max_doc| {
            LiveDocs::open(&files, &doc_values, &FieldInfos::default(), commit, max_doc)
        };
        let mut live = open(&commit, 9).unwrap();
        let alive: Vec<u32> = (0..10).filter(|doc| live.is_live(*doc).unwrap()).collect();
        assert_eq!(alive, [0, 1, 2, 3, 4, 6, 7, 8]);

        let miscounted = SegmentCommit { del_count: 2, ..commit.clone() };
        assert!(open(&miscounted, 9).err().unwrap().to_string().contains("8 of 9 documents live"));
        assert!(open(&commit, 65).err().unwrap().to_string().contains("it is not for 65 documents"));
        let lost = SegmentCommit { del_gen: None, ..commit };
        assert!(open(&lost, 9).is_err(), "deletes without a file");
    }
}
