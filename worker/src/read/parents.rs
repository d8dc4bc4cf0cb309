//! Parents of documents as Elasticsearch 5 keeps them: not stored, but in doc values of `_parent#<the parent's type>`.
//!
//! In: which type is whose child, and a document. Out: the id of its parent. Holds: doc values are opened when the first
//! document asks for them, so what stores its parents costs nothing.
//! After: Elasticsearch 5 `ParentFieldMapper`, which gives the parents themselves a value in that field too: their own id.

use std::collections::{BTreeMap, HashMap};

use lucene::{DocId, Segment, SortedDocValues};

use super::document::Fault;

/// The parents of a segment's documents.
pub(super) struct Parents<'a> {
    segment: &'a Segment,
    /// Child type to parent type.
    types: BTreeMap<String, String>,
    /// What was opened, by parent type.
    cursors: HashMap<String, Option<SortedDocValues>>,
}

impl<'a> Parents<'a> {
    pub(super) fn of(segment: &'a Segment, types: BTreeMap<String, String>) -> Self {
        Self { segment, types, cursors: HashMap::new() }
    }

    /// The id of the parent of `doc`, which is of type `doc_type`.
    pub(super) fn get(&mut self, doc: DocId, doc_type: &str) -> Result<Option<&str>, Fault> {
        let Some(parent_type) = self.types.get(doc_type) else { return Ok(None) };
        if !self.cursors.contains_key(parent_type) {
            let cursor = self.segment.sorted(&format!("_parent#{parent_type}")).map_err(Fault::Lucene)?;
            self.cursors.insert(parent_type.clone(), cursor);
        }
        let Some(Some(cursor)) = self.cursors.get_mut(parent_type) else { return Ok(None) };
        let id = cursor.get(doc).map_err(Fault::Lucene)?;
        let text =
            |id| std::str::from_utf8(id).map_err(|_| Fault::Document("the _parent in its doc values is no text"));
        id.map(text).transpose()
    }
}
