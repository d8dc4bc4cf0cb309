//! Which documents live: neither hard-deleted (`.liv`) nor soft-deleted (a doc value that is there).
//!
//! In: `.liv` of the current generation and the soft-deletes field. Out: a yes or no per document. Holds: one block of
//! 65,536 documents of each; where the counts of the commit are zero, nothing is opened.
//! After: Lucene `Lucene50LiveDocsFormat`, `Lucene90LiveDocsFormat`, `SoftDeletesDirectoryReaderWrapper`.

use std::ops::Range;

use crate::DocId;
use crate::commit::{SegmentCommit, base36};
use crate::compound::SegmentFiles;
use crate::doc_values::{DocValues, DocsWithField};
use crate::error::{Error, Result};
use crate::field_infos::FieldInfos;
use crate::file::File;
use crate::input::{Input, Order};
use crate::version::READ;

/// Words of the bitmap that are read and held at a time.
const WINDOW_WORDS: u64 = 1024;

/// The live documents of a segment, for documents in ascending order.
pub struct LiveDocs {
    hard: Option<Bitmap>,
    soft: Option<DocsWithField>,
    max_doc: u32,
}

/// `.liv`: a bit per document, set where it lives.
struct Bitmap {
    file: File,
    order: Order,
    start: u64,
    words_total: u64,
    window: Range<u64>,
    words: Vec<u64>,
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
            Some(generation) => Some(Bitmap::open(files, generation, commit.del_count, max_doc)?),
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

impl Bitmap {
    fn open(files: &SegmentFiles, generation: u64, del_count: u32, max_doc: u32) -> Result<Self> {
        let suffix = base36(generation);
        let file = files.outside(&format!("_{suffix}.liv"), "the commit")?.held_if_small()?;
        let (order, body) = file.header(files.id(), &suffix, |codec| match (codec.name, codec.version) {
            ("Lucene50LiveDocs", 0) => Ok(Order::Big),
            ("Lucene90LiveDocs", 0) => Ok(Order::Little),
            _ => Err(codec.unsupported(file.label(), READ)),
        })?;
        let words_total = u64::from(max_doc).div_ceil(64);
        let start = body.start;
        if start + 8 * words_total != body.end {
            return Err(file.corrupt(start, format!("it is not for {max_doc} documents")));
        }
        let mut bitmap = Self { file, order, start, words_total, window: 0..0, words: Vec::new() };
        bitmap.check_count(del_count, max_doc)?;
        Ok(bitmap)
    }

    /// Counts the deletes where that costs no more than the first window.
    fn check_count(&mut self, del_count: u32, max_doc: u32) -> Result<()> {
        if self.words_total > WINDOW_WORDS {
            return Ok(());
        }
        self.load(0)?;
        let live: u32 = self.words.iter().map(|word| word.count_ones()).sum();
        if live.checked_add(del_count) != Some(max_doc) {
            let what = format!("{live} of {max_doc} documents live, but the commit says that {del_count} do not");
            return Err(self.file.corrupt(self.start, what));
        }
        Ok(())
    }

    #[inline]
    fn get(&mut self, doc: DocId) -> Result<bool> {
        let word = u64::from(doc / 64);
        if !self.window.contains(&word) {
            self.load(word)?;
        }
        let word = self.words.get((word - self.window.start) as usize).copied().unwrap_or_default();
        Ok(word >> (doc % 64) & 1 == 1)
    }

    fn load(&mut self, word: u64) -> Result<()> {
        let first = word / WINDOW_WORDS * WINDOW_WORDS;
        let end = (first + WINDOW_WORDS).min(self.words_total);
        let at = self.start + 8 * first;
        self.window = 0..0; // in case of an error
        let bytes = self.file.read(at..self.start + 8 * end)?;
        let mut input = Input::new(self.file.label(), &bytes, at, self.order);
        self.words.clear();
        for _ in first..end {
            self.words.push(input.u64()?);
        }
        self.window = first..end;
        Ok(())
    }
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
        const SEGMENTS: &[u8] = include_bytes!("../tests/fixtures/elasticsearch-6.8.23/versions-0/segments_3");
        const LIVE_DOCS: &[u8] = include_bytes!("../tests/fixtures/elasticsearch-6.8.23/versions-0/_4_1.liv");
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
