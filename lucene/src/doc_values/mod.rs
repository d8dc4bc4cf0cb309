//! Doc values: a number or a term per document, of which some have none.
//!
//! `meta` reads `.dvm` for where a field's values are (`legacy` before Lucene 7), `docs_with_field` counts which value a
//! document has (`plain_docs` before Lucene 7), `values` reads it from `.dvd`. Used for soft deletes, `_version`, `_seq_no`, `_primary_term`.
//! `sorted` are terms (`terms`, `term_addresses`), by number; used for the parents of Elasticsearch 5.
//! Memory of a cursor: the bitmap of 65,536 documents and a window of values. Not here: other kinds.
//! After: Lucene `Lucene45DocValuesFormat` to `Lucene90DocValuesFormat`.

mod docs_with_field;
mod legacy;
mod meta;
mod plain_docs;
mod sorted;
mod term_addresses;
mod terms;
mod values;

pub(crate) use docs_with_field::DocsWithField;
pub use sorted::SortedDocValues;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::DocId;
use crate::commit::base36;
use crate::compound::SegmentFiles;
use crate::error::{Error, Result};
use crate::field_infos::{DocValuesType, FieldInfo, FieldInfos};
use crate::file::File;
use meta::{DocsEntry, Files, NumericEntry};
use values::Values;

const READ: &str = "the doc values of Lucene 4.5 to 10, one number per document,";

/// What is read of a field.
struct Kind {
    types: &'static [DocValuesType],
    /// What a field's attributes may name as its format. Others are of plugins, or of Elasticsearch for time series.
    formats: &'static [&'static str],
    read: &'static str,
}

const NUMBERS: Kind = Kind {
    types: &[DocValuesType::Numeric, DocValuesType::SortedNumeric],
    formats: &["Lucene45", "Lucene49", "Lucene410", "Lucene50", "Lucene54", "Lucene70", "Lucene80", "Lucene90"],
    read: READ,
};

/// Terms are of interest in Elasticsearch 5, and in 6, which reads the indices of 5.
const TERMS: Kind = Kind {
    types: &[DocValuesType::Sorted],
    formats: &["Lucene54", "Lucene70"],
    read: "the sorted doc values of Lucene 5.4 to 7, a term per document,",
};

/// The numbers of one field, for documents in ascending order.
pub struct NumericDocValues {
    docs: DocsWithField,
    values: Values,
}

impl NumericDocValues {
    /// The value of `doc`, if it has one. Documents should ascend: going back is correct, but reads again.
    ///
    /// # Errors
    /// `Corrupt`, `Read`.
    #[inline]
    pub fn get(&mut self, doc: DocId) -> Result<Option<i64>> {
        match self.docs.ordinal(doc)? {
            Some(ordinal) => self.values.get(ordinal).map(Some),
            None => Ok(None),
        }
    }
}

/// The doc values of a segment; files that were read once are kept, as several fields are in each.
pub(crate) struct DocValues {
    files: SegmentFiles,
    open: Mutex<HashMap<String, Arc<Files>>>,
}

impl DocValues {
    pub(crate) fn new(files: SegmentFiles) -> Self {
        Self { files, open: Mutex::default() }
    }

    /// The name of the segment.
    pub(crate) fn segment(&self) -> &str {
        self.files.segment()
    }

    /// The numbers of `field`; `None` where it has no doc values.
    pub(crate) fn numbers(&self, infos: &FieldInfos, field: &FieldInfo) -> Result<Option<NumericDocValues>> {
        if field.doc_values == DocValuesType::None {
            return Ok(None);
        }
        let (data, mut entry) = self.find(infos, field)?;
        let docs = std::mem::replace(&mut entry.docs, DocsEntry::None);
        let docs = DocsWithField::new(&data, entry.order, docs)?;
        Ok(Some(NumericDocValues { docs, values: Values::new(data, entry)? }))
    }

    /// Which documents have a value of `field`, and how many; for soft deletes, whose values say nothing.
    pub(crate) fn docs(&self, infos: &FieldInfos, field: &FieldInfo) -> Result<(DocsWithField, u64)> {
        let (data, entry) = self.find(infos, field)?;
        Ok((DocsWithField::new(&data, entry.order, entry.docs)?, entry.values))
    }

    /// The terms of `field`; `None` where it has no doc values.
    pub(crate) fn sorted(&self, infos: &FieldInfos, field: &FieldInfo) -> Result<Option<SortedDocValues>> {
        if field.doc_values == DocValuesType::None {
            return Ok(None);
        }
        let files = self.files_of(field, &TERMS)?;
        SortedDocValues::open(&files.data, files.sorted(infos, field.number)?).map(Some)
    }

    /// Reads the whole file with the values of `field` for its checksum.
    pub(crate) fn verify(&self, field: &FieldInfo) -> Result<()> {
        if field.doc_values == DocValuesType::None {
            return Ok(());
        }
        let kind = if field.doc_values == DocValuesType::Sorted { &TERMS } else { &NUMBERS };
        self.files_of(field, kind)?.data.verify()
    }

    /// The file with the values of `field`, and where they are in it.
    fn find(&self, infos: &FieldInfos, field: &FieldInfo) -> Result<(File, NumericEntry)> {
        let files = self.files_of(field, &NUMBERS)?;
        let entry = files.numeric(infos, field.number)?;
        if !entry.single {
            return Err(self.refused(field, "several numbers per document".to_owned(), &NUMBERS));
        }
        Ok((files.data.clone(), entry))
    }

    /// The files with the values of `field`, if they are of that kind, in a format that is read.
    fn files_of(&self, field: &FieldInfo, kind: &Kind) -> Result<Arc<Files>> {
        if !kind.types.contains(&field.doc_values) {
            return Err(self.refused(field, format!("{:?} doc values", field.doc_values), kind));
        }
        let Some((format, number)) = &field.doc_values_format else {
            return Err(self.refused(field, "an unnamed doc values format".to_owned(), kind));
        };
        if !kind.formats.contains(&format.as_str()) {
            return Err(self.refused(field, format!("doc values format {format}"), kind));
        }
        self.files(format!("{format}_{number}"), field.doc_values_gen)
    }

    #[cold]
    fn refused(&self, field: &FieldInfo, found: String, kind: &Kind) -> Error {
        let file = format!("{}: field {}", self.files.segment(), field.name);
        Error::Unsupported { file, found, read: kind.read }
    }

    fn files(&self, format: String, generation: Option<u64>) -> Result<Arc<Files>> {
        let suffix = match generation {
            None => format,
            Some(generation) => format!("{}_{format}", base36(generation)),
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = open.get(&suffix) {
            return Ok(Arc::clone(files));
        }
        let file = |extension: &str| {
            let name = format!("_{suffix}.{extension}");
            match generation {
                None => self.files.inside(&name),
                Some(_) => self.files.outside(&name, "its .fnm"),
            }
        };
        let files = Files::open(&file("dvm")?, file("dvd")?.held_if_small()?, self.files.id(), &suffix)?;
        let files = Arc::new(files);
        open.insert(suffix, Arc::clone(&files));
        Ok(files)
    }
}
