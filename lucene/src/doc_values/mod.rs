//! Numeric doc values: a number per document, of which some have none.
//!
//! `meta` reads `.dvm` for where a field's values are, `docs_with_field` counts which value a document has,
//! `values` reads it from `.dvd`. Used for soft deletes, `_version`, `_seq_no`, `_primary_term`.
//! Memory of a cursor: the bitmap of 65,536 documents and a window of values. Not here: other kinds of doc values.
//! After: Lucene `Lucene80DocValuesFormat`, `Lucene90DocValuesFormat`.

mod docs_with_field;
mod meta;
mod values;

pub(crate) use docs_with_field::DocsWithField;

use crate::DocId;
use crate::commit::base36;
use crate::compound::SegmentFiles;
use crate::error::{Error, Result};
use crate::field_infos::{DocValuesType, FieldInfo, FieldInfos};
use crate::file::File;
use meta::NumericEntry;
use values::Values;

const READ: &str = "the doc values of Lucene 8.7 to 10, one number per document,";

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

/// The numbers of `field`; `None` where it has no doc values.
pub(crate) fn open(files: &SegmentFiles, infos: &FieldInfos, field: &FieldInfo) -> Result<Option<NumericDocValues>> {
    if field.doc_values == DocValuesType::None {
        return Ok(None);
    }
    let (data, entry) = find(files, infos, field)?;
    let docs = DocsWithField::new(&data, entry.order, &entry.docs)?;
    Ok(Some(NumericDocValues { docs, values: Values::new(data, entry)? }))
}

/// Which documents have a value of `field`, and how many; for soft deletes, whose values say nothing.
pub(crate) fn open_docs(files: &SegmentFiles, infos: &FieldInfos, field: &FieldInfo) -> Result<(DocsWithField, u64)> {
    let (data, entry) = find(files, infos, field)?;
    Ok((DocsWithField::new(&data, entry.order, &entry.docs)?, entry.values))
}

/// The file with the values of `field`, and where they are in it.
fn find(files: &SegmentFiles, infos: &FieldInfos, field: &FieldInfo) -> Result<(File, NumericEntry)> {
    let refused = |found: String| Error::Unsupported {
        file: format!("{}: field {}", files.segment(), field.name),
        found,
        read: READ,
    };
    if !matches!(field.doc_values, DocValuesType::Numeric | DocValuesType::SortedNumeric) {
        return Err(refused(format!("{:?} doc values", field.doc_values)));
    }
    let Some((format, number)) = &field.doc_values_format else {
        return Err(refused("an unnamed doc values format".to_owned()));
    };
    if !matches!(format.as_str(), "Lucene80" | "Lucene90") {
        return Err(refused(format!("doc values format {format}")));
    }
    let suffix = match field.doc_values_gen {
        None => format!("{format}_{number}"),
        Some(generation) => format!("{}_{format}_{number}", base36(generation)),
    };
    let file = |extension: &str| {
        let name = format!("_{suffix}.{extension}");
        match field.doc_values_gen {
            None => files.inside(&name),
            Some(_) => files.outside(&name, "its .fnm"),
        }
    };
    let data = file("dvd")?.held_if_small()?;
    let entry = meta::find(&file("dvm")?, &data, files.id(), &suffix, infos, field.number)?;
    if !entry.single {
        return Err(refused("several numbers per document".to_owned()));
    }
    Ok((data, entry))
}
