//! `.fnm`: the fields of a segment, by number and by name, and where their doc values are.
//!
//! In: the file of the current generation. Out: [`FieldInfos`]. Holds: numbers are unique, not dense. Norms, postings,
//! points and vectors are skipped. After: Lucene `Lucene60FieldInfosFormat`, `Lucene90FieldInfosFormat`,
//! `Lucene94FieldInfosFormat`.

use std::collections::HashMap;

use crate::error::Result;
use crate::file::{File, Whole};
use crate::header::{self, Codec};
use crate::input::{Input, Order};
use crate::version::READ;

/// The bit of a field that marks soft deletes.
const SOFT_DELETES: u8 = 0x08;

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

/// What differs between versions of the record of a field.
struct Layout {
    order: Order,
    /// A byte for the skip index (Lucene 10).
    skip_index: bool,
    /// Index dimensions of points (Lucene 8).
    point_index_dims: bool,
    /// Bytes of vector encoding and similarity after the vector's dimension; 0: no vectors.
    vector_bytes: usize,
}

fn layout(codec: &Codec<'_>) -> Option<Layout> {
    let layout =
        |order, skip_index, vector_bytes| Some(Layout { order, skip_index, point_index_dims: true, vector_bytes });
    match (codec.name, codec.version) {
        ("Lucene60FieldInfos", 0 | 1) => {
            Some(Layout { order: Order::Big, skip_index: false, point_index_dims: false, vector_bytes: 0 })
        }
        ("Lucene60FieldInfos", 2) => layout(Order::Big, false, 0),
        ("Lucene90FieldInfos", 0) => layout(Order::Little, false, 1),
        ("Lucene94FieldInfos", 0 | 1) => layout(Order::Little, false, 2),
        ("Lucene94FieldInfos", 2) => layout(Order::Little, true, 2),
        _ => None,
    }
}

/// Reads `.fnm`; `suffix` is its generation in base 36, or empty.
pub(crate) fn read(file: &File, id: Option<&[u8; 16]>, suffix: &str) -> Result<FieldInfos> {
    let whole = Whole::read(file)?;
    let mut input = whole.body();
    let codec = header::read(&mut input, id, suffix)?;
    let layout = layout(&codec).ok_or_else(|| codec.unsupported(file.label(), READ))?;
    input.set_order(layout.order);
    let mut infos = FieldInfos::default();
    for at in 0..input.count(15)? {
        let field = record(&layout, &mut input)?;
        let name_is_new = infos.by_name.insert(field.name.clone(), at).is_none();
        let number_is_new = infos.by_number.insert(field.number, at).is_none();
        if !name_is_new || !number_is_new {
            return Err(input.corrupt(format!("field {} ({}) is there twice", field.name, field.number)));
        }
        infos.fields.push(field);
    }
    Ok(infos)
}

fn record(layout: &Layout, input: &mut Input<'_>) -> Result<FieldInfo> {
    let name = input.str()?.to_owned();
    let number = input.vint()?;
    let bits = input.u8()?;
    let _index_options = input.u8()?;
    let doc_values = doc_values_type(input)?;
    let skip_index = layout.skip_index && input.u8()? != 0;
    let doc_values_gen = match input.i64()? {
        -1 => None,
        number => Some(u64::try_from(number).map_err(|_| input.corrupt("a negative generation"))?),
    };
    let mut attributes = input.map()?;
    if input.vint()? != 0 {
        if layout.point_index_dims {
            input.vint()?;
        }
        input.vint()?;
    }
    if layout.vector_bytes != 0 {
        input.vint()?;
        input.skip(layout.vector_bytes)?;
    }
    let format = attributes.remove("PerFieldDocValuesFormat.format");
    let suffix = attributes.remove("PerFieldDocValuesFormat.suffix");
    let mode = attributes.remove("Lucene80DocValuesFormat.mode");
    Ok(FieldInfo {
        name,
        number,
        soft_deletes: bits & SOFT_DELETES != 0,
        doc_values,
        skip_index,
        doc_values_gen,
        doc_values_format: format.zip(suffix),
        doc_values_compressed: mode.as_deref() == Some("BEST_COMPRESSION"),
    })
}

fn doc_values_type(input: &mut Input<'_>) -> Result<DocValuesType> {
    Ok(match input.u8()? {
        0 => DocValuesType::None,
        1 => DocValuesType::Numeric,
        2 => DocValuesType::Binary,
        3 => DocValuesType::Sorted,
        4 => DocValuesType::SortedSet,
        5 => DocValuesType::SortedNumeric,
        other => return Err(input.corrupt(format!("{other} is no kind of doc values"))),
    })
}
