//! One segment: its documents, which of them live, and their numbers.
//!
//! In: what the commit says of it. Out: doors to its files, each opened when it is asked for. Holds: `.si`, `.fnm` and
//! the table of the compound file are read and verified at once; a segment that is not read is refused here.

use std::sync::Arc;

use crate::commit::{SegmentCommit, base36};
use crate::compound::SegmentFiles;
use crate::directory::Directory;
use crate::doc_values::{DocValues, NumericDocValues, SortedDocValues};
use crate::error::{Error, Result};
use crate::field_infos::{self, FieldInfos};
use crate::file::HELD_COMPOUND_BYTES_MAX;
use crate::live_docs::LiveDocs;
use crate::segment_info::{self, SegmentInfo};
use crate::stored_fields::StoredFields;
use crate::version::Version;

/// A segment whose small files were read.
pub struct Segment {
    commit: SegmentCommit,
    files: SegmentFiles,
    info: SegmentInfo,
    field_infos: FieldInfos,
    doc_values: DocValues,
}

impl Segment {
    /// Reads `.si`, `.cfe` where there is one, and `.fnm`.
    ///
    /// # Errors
    /// `Unsupported` for a segment that is not of Lucene 4 to 10, `Missing`, `Corrupt`, `Read`.
    pub fn open(dir: Arc<dyn Directory>, commit: &SegmentCommit) -> Result<Self> {
        let mut files = SegmentFiles::new(dir, &commit.name, commit.id);
        let info = segment_info::read(&files.outside(".si", "the commit")?, commit)?;
        if info.compound {
            files.open_compound()?;
        }
        let field_infos = match commit.field_infos_gen {
            None => field_infos::read(&files.inside(".fnm")?, commit.id.as_ref(), "")?,
            Some(generation) => {
                let suffix = base36(generation);
                let file = files.outside(&format!("_{suffix}.fnm"), "the commit")?;
                field_infos::read(&file, commit.id.as_ref(), &suffix)?
            }
        };
        let doc_values = DocValues::new(files.clone());
        Ok(Self { commit: commit.clone(), files, info, field_infos, doc_values })
    }

    /// How many bytes a read of its documents reads, nearly: `.fdt`, `.fdx` and `.fdm`, or a compound file that is read
    /// whole. Lengths of files tell it; of a compound file that is not, its table (`.cfe`) is read for it.
    ///
    /// # Errors
    /// `Missing`, and `Corrupt`, `Unsupported`, `Read` of the table.
    pub fn bytes_to_read(dir: &Arc<dyn Directory>, commit: &SegmentCommit, info: &SegmentInfo) -> Result<u64> {
        let mut files = SegmentFiles::new(Arc::clone(dir), &commit.name, commit.id);
        if info.compound {
            let whole = files.outside(".cfs", "its .si")?.len();
            if whole <= HELD_COMPOUND_BYTES_MAX {
                return Ok(whole);
            }
            files.open_compound()?;
        }
        let index: u64 =
            [".fdx", ".fdm"].iter().filter_map(|suffix| files.len_inside(suffix)).fold(0, u64::saturating_add);
        Ok(files.inside(".fdt")?.len().saturating_add(index))
    }

    /// `_0`, `_1a`: the beginning of the names of its files.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.commit.name
    }

    /// How many documents it has, dead ones included.
    #[must_use]
    pub fn max_doc(&self) -> u32 {
        self.info.max_doc
    }

    /// How many are hard-deleted.
    #[must_use]
    pub fn del_count(&self) -> u32 {
        self.commit.del_count
    }

    /// How many are soft-deleted and not hard-deleted as well.
    #[must_use]
    pub fn soft_del_count(&self) -> u32 {
        self.commit.soft_del_count
    }

    /// The Lucene version that wrote it.
    #[must_use]
    pub fn version(&self) -> Version {
        self.info.version
    }

    /// Its fields.
    #[must_use]
    pub fn field_infos(&self) -> &FieldInfos {
        &self.field_infos
    }

    /// Opens the documents: reads the headers of `.fdt` and `.fdx`, and `.fdm`.
    ///
    /// # Errors
    /// `Unsupported` for a format that is not read, `Missing`, `Corrupt`, `Read`.
    pub fn stored_fields(&self) -> Result<StoredFields> {
        StoredFields::open(&self.files, self.info.max_doc)
    }

    /// Opens the deletes, hard and soft.
    ///
    /// # Errors
    /// `Unsupported` for a format that is not read, `Missing`, `Corrupt`, `Read`.
    pub fn live_docs(&self) -> Result<LiveDocs> {
        LiveDocs::open(&self.files, &self.doc_values, &self.field_infos, &self.commit, self.info.max_doc)
    }

    /// Reads every file of which [`Segment::stored_fields`], [`Segment::live_docs`], and [`Segment::numeric`] and
    /// [`Segment::sorted`] of the fields `values`, would read parts only, once, front to back, and compares its checksum:
    /// `.fdt` and `.fdx`, the hard deletes, `.dvd` of the soft deletes and of the values. Afterwards what is read is what was written, if the store
    /// gives the same bytes again. Files of Lucene 4.0 to 4.7 have no checksum: of those no more is known.
    ///
    /// # Errors
    /// `Corrupt` with both checksums for the first file whose bytes differ; otherwise as the methods above.
    pub fn verify(&self, values: &[&str]) -> Result<()> {
        self.stored_fields()?;
        self.files.inside(".fdt")?.verify()?;
        self.files.inside(".fdx")?.verify()?;
        self.live_docs()?;
        if self.commit.soft_del_count > 0
            && let Some(field) = self.field_infos.soft_deletes()
        {
            self.doc_values.verify(field)?;
        }
        for field in values.iter().filter_map(|name| self.field_infos.get(name)) {
            match self.doc_values.verify(field) {
                Err(Error::Unsupported { .. }) => {} // not read, so nothing to verify
                result => result?,
            }
        }
        Ok(())
    }

    /// Opens the numbers of `field`; `None` where the segment has no such field, or it has no doc values.
    ///
    /// # Errors
    /// `Unsupported`, with the name of the field, for doc values that are not one number per document, or of a format
    /// that is not read, such as a plugin's; who has a use for the numbers but no need may take that for "there are
    /// none". `Missing`, `Corrupt`, `Read`.
    pub fn numeric(&self, field: &str) -> Result<Option<NumericDocValues>> {
        match self.field_infos.get(field) {
            Some(field) => self.doc_values.numbers(&self.field_infos, field),
            None => Ok(None),
        }
    }

    /// Opens the terms of `field`; `None` where the segment has no such field, or it has no doc values.
    ///
    /// Up to 16 MiB of terms are read at once, and as much of their addresses; they are asked for in no order of their
    /// own. What is larger is read block by block.
    ///
    /// # Errors
    /// `Unsupported`, with the name of the field, for doc values that are not one sorted term per document, or not of
    /// Lucene 5.4 to 7. `Missing`, `Corrupt`, `Read`.
    pub fn sorted(&self, field: &str) -> Result<Option<SortedDocValues>> {
        match self.field_infos.get(field) {
            Some(field) => self.doc_values.sorted(&self.field_infos, field),
            None => Ok(None),
        }
    }
}
