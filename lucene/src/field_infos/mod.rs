//! `.fnm`: the fields of a segment, by number and by name, and where their doc values are.
//!
//! In: the file of the current generation. Out: [`FieldInfos`]. Holds: numbers are unique, not dense. Norms, postings,
//! points and vectors are skipped. Not here: how each version lays a field out (`record`).
//! After: Lucene `FieldInfosFormat`.

mod record;

use std::collections::HashMap;

use crate::error::Result;
use crate::file::{File, Whole};
use crate::header;
use crate::version::READ;
use record::Layout;

/// What Elasticsearch (6.5 and later) and OpenSearch call the field; asked for where no field has the bit.
const SOFT_DELETES_NAME: &str = "__soft_deletes";

/// The fields of a segment.
#[derive(Debug, Clone, Default)]
pub struct FieldInfos {
    fields: Vec<FieldInfo>,
    by_name: HashMap<String, usize>,
    by_number: HashMap<u32, usize>,
}

/// One field, as far as doc values need it.
#[derive(Debug, Clone)]
pub(crate) struct FieldInfo {
    pub(crate) name: String,
    pub(crate) number: u32,
    soft_deletes: bool,
    pub(crate) doc_values: DocValuesType,
    /// Whether a skip index over the doc values precedes their entry in `.dvm`.
    pub(crate) skip_index: bool,
    /// Generation of the doc values; `None`: as the segment was written.
    pub(crate) doc_values_gen: Option<u64>,
    /// `PerFieldDocValuesFormat.format` and `.suffix`: the middle of the file name.
    pub(crate) doc_values_format: Option<(String, String)>,
    /// `Lucene80DocValuesFormat.mode` is `BEST_COMPRESSION`, which changes binary entries.
    pub(crate) doc_values_compressed: bool,
}

/// Kinds of doc values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocValuesType {
    None,
    Numeric,
    Binary,
    Sorted,
    SortedSet,
    SortedNumeric,
}

impl FieldInfos {
    /// The number that stored fields use for `name`.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        self.get(name).map(|field| field.number)
    }

    /// The name of field `number`.
    #[must_use]
    pub fn name(&self, number: u32) -> Option<&str> {
        self.by_number(number).map(|field| field.name.as_str())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&FieldInfo> {
        self.fields.get(*self.by_name.get(name)?)
    }

    pub(crate) fn by_number(&self, number: u32) -> Option<&FieldInfo> {
        self.fields.get(*self.by_number.get(&number)?)
    }

    /// The field whose documents are soft-deleted where they have a value.
    pub(crate) fn soft_deletes(&self) -> Option<&FieldInfo> {
        self.fields.iter().find(|field| field.soft_deletes).or_else(|| self.get(SOFT_DELETES_NAME))
    }
}

/// Reads `.fnm`; `suffix` is its generation in base 36, or empty.
pub(crate) fn read(file: &File, id: Option<&[u8; 16]>, suffix: &str) -> Result<FieldInfos> {
    let whole = Whole::read(file)?;
    let mut input = whole.body();
    let codec = header::read(&mut input, id, suffix)?;
    let layout = Layout::of(&codec).ok_or_else(|| codec.unsupported(file.label(), READ))?;
    let mut infos = FieldInfos::default();
    for at in 0..input.count(record::BYTES_MIN)? {
        let field = record::read(&layout, &mut input)?;
        let name_is_new = infos.by_name.insert(field.name.clone(), at).is_none();
        let number_is_new = infos.by_number.insert(field.number, at).is_none();
        if !name_is_new || !number_is_new {
            return Err(input.corrupt(format!("field {} ({}) is there twice", field.name, field.number)));
        }
        infos.fields.push(field);
    }
    if input.left() != 0 {
        return Err(input.corrupt(format!("{} bytes are left over", input.left())));
    }
    Ok(infos)
}
