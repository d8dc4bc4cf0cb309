//! Sorted doc values: a term per document, of which some have none.
//!
//! In: where the terms are and which of them each document has. Out: the term of a document.
//! Not here: how terms are written (`terms`), how their numbers are (`values`).
//! After: Lucene `SortedDocValues`.

use crate::DocId;
use crate::error::Result;
use crate::file::File;

use super::docs_with_field::DocsWithField;
use super::meta::{DocsEntry, SortedEntry};
use super::terms::Terms;
use super::values::Values;

/// What stands in place of a term's number where every document has a place: it has none.
const NO_TERM: i64 = -1;

/// The terms of one field, for documents in ascending order.
pub struct SortedDocValues {
    file: File,
    docs: DocsWithField,
    ords: Values,
    terms: Terms,
}

impl SortedDocValues {
    pub(super) fn open(file: &File, mut entry: SortedEntry) -> Result<Self> {
        let docs = std::mem::replace(&mut entry.ords.docs, DocsEntry::None);
        Ok(Self {
            file: file.clone(),
            docs: DocsWithField::new(file, entry.ords.order, docs)?,
            ords: Values::new(file.clone(), entry.ords)?,
            terms: Terms::open(file, entry.terms)?,
        })
    }

    /// The term of `doc`, if it has one. Documents should ascend: going back is correct, but reads again.
    ///
    /// # Errors
    /// `Corrupt`, `Read`.
    pub fn get(&mut self, doc: DocId) -> Result<Option<&[u8]>> {
        let Some(ordinal) = self.docs.ordinal(doc)? else { return Ok(None) };
        match self.ords.get(ordinal)? {
            NO_TERM => Ok(None),
            term => match u64::try_from(term) {
                Ok(term) => self.terms.get(term).map(Some),
                Err(_) => Err(self.file.corrupt(0, format!("document {doc} has term {term}"))),
            },
        }
    }
}
