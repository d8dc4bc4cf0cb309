//! One field in `.fnm`: what each version adds, in the order in which it stands there.
//!
//! After: Lucene `Lucene40FieldInfosFormat`, `Lucene42FieldInfosFormat`, `Lucene46FieldInfosFormat`,
//! `Lucene50FieldInfosFormat`, `Lucene60FieldInfosFormat`, `Lucene90FieldInfosFormat`, `Lucene94FieldInfosFormat`.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::header::Codec;
use crate::input::{Counts, Input, Order};

use super::{DocValuesType, FieldInfo};

/// The bit of a field that marks soft deletes.
const SOFT_DELETES: u8 = 0x08;

/// A field takes at least so many bytes: the least are those of Lucene 4.
pub(super) const BYTES_MIN: usize = 8;

/// What differs between versions.
pub(super) enum Layout {
    Lucene4(Lucene4),
    Lucene5(Lucene5),
}

/// Flags, kinds of doc values and of norms are in two bytes.
pub(super) struct Lucene4 {
    /// Doc values have a generation (4.6).
    generation: bool,
    /// Kinds of doc values are those of today (4.2).
    doc_values: bool,
}

/// As it has been since Lucene 5, with more and more at the end.
pub(super) struct Lucene5 {
    order: Order,
    counts: Counts,
    /// A byte for the skip index (10).
    skip_index: bool,
    points: Points,
    /// Bytes of vector encoding and similarity after the vector's dimension; 0: no vectors.
    vector_bytes: usize,
}

#[derive(PartialEq, Eq)]
enum Points {
    /// Before 6.
    None,
    /// One number of dimensions.
    Plain,
    /// Two: of the data and of the index (8).
    Indexed,
}

impl Layout {
    pub(super) fn of(codec: &Codec<'_>) -> Option<Self> {
        let lucene_5 = |order, counts, skip_index, points, vector_bytes| {
            Some(Self::Lucene5(Lucene5 { order, counts, skip_index, points, vector_bytes }))
        };
        let (big, little, variable) = (Order::Big, Order::Little, Counts::Variable);
        match (codec.name, codec.version) {
            ("Lucene40FieldInfos", 0) => Some(Self::Lucene4(Lucene4 { generation: false, doc_values: false })),
            ("Lucene42FieldInfos", 0) => Some(Self::Lucene4(Lucene4 { generation: false, doc_values: true })),
            ("Lucene46FieldInfos", 0..=2) => Some(Self::Lucene4(Lucene4 { generation: true, doc_values: true })),
            ("Lucene50FieldInfos", 0) => lucene_5(big, Counts::Fixed, false, Points::None, 0),
            ("Lucene50FieldInfos", 1) => lucene_5(big, variable, false, Points::None, 0),
            ("Lucene60FieldInfos", 0 | 1) => lucene_5(big, variable, false, Points::Plain, 0),
            ("Lucene60FieldInfos", 2) => lucene_5(big, variable, false, Points::Indexed, 0),
            ("Lucene90FieldInfos", 0) => lucene_5(little, variable, false, Points::Indexed, 1),
            ("Lucene94FieldInfos", 0 | 1) => lucene_5(little, variable, false, Points::Indexed, 2),
            ("Lucene94FieldInfos", 2) => lucene_5(little, variable, true, Points::Indexed, 2),
            _ => None,
        }
    }
}

pub(super) fn read(layout: &Layout, input: &mut Input<'_>) -> Result<FieldInfo> {
    let name = input.str()?.to_owned();
    let number = input.vint()?;
    match layout {
        Layout::Lucene4(layout) => lucene_4(name, number, layout, input),
        Layout::Lucene5(layout) => lucene_5(name, number, layout, input),
    }
}

fn lucene_4(name: String, number: u32, layout: &Lucene4, input: &mut Input<'_>) -> Result<FieldInfo> {
    let _flags = input.u8()?;
    let kinds = input.u8()?;
    let doc_values = match layout.doc_values {
        true => doc_values_type(kinds & 0x0F, input)?,
        false => DocValuesType::None, // of 4.0 and 4.1, in a format that is not read
    };
    let doc_values_gen = if layout.generation { generation(input)? } else { None };
    let mut attributes = input.map(Counts::Fixed)?;
    Ok(FieldInfo {
        name,
        number,
        soft_deletes: false,
        doc_values,
        skip_index: false,
        doc_values_gen,
        doc_values_format: doc_values_format(&mut attributes),
        doc_values_compressed: false,
    })
}

fn lucene_5(name: String, number: u32, layout: &Lucene5, input: &mut Input<'_>) -> Result<FieldInfo> {
    input.set_order(layout.order);
    let bits = input.u8()?;
    let _index_options = input.u8()?;
    let kind = input.u8()?;
    let doc_values = doc_values_type(kind, input)?;
    let skip_index = layout.skip_index && input.u8()? != 0;
    let doc_values_gen = generation(input)?;
    let mut attributes = input.map(layout.counts)?;
    if layout.points != Points::None && input.vint()? != 0 {
        if layout.points == Points::Indexed {
            input.vint()?;
        }
        input.vint()?;
    }
    if layout.vector_bytes != 0 {
        input.vint()?;
        input.skip(layout.vector_bytes)?;
    }
    let mode = attributes.remove("Lucene80DocValuesFormat.mode");
    Ok(FieldInfo {
        name,
        number,
        soft_deletes: bits & SOFT_DELETES != 0,
        doc_values,
        skip_index,
        doc_values_gen,
        doc_values_format: doc_values_format(&mut attributes),
        doc_values_compressed: mode.as_deref() == Some("BEST_COMPRESSION"),
    })
}

fn doc_values_format(attributes: &mut BTreeMap<String, String>) -> Option<(String, String)> {
    let format = attributes.remove("PerFieldDocValuesFormat.format");
    format.zip(attributes.remove("PerFieldDocValuesFormat.suffix"))
}

fn generation(input: &mut Input<'_>) -> Result<Option<u64>> {
    match input.i64()? {
        -1 => Ok(None),
        number => u64::try_from(number).map(Some).map_err(|_| input.corrupt("a negative generation")),
    }
}

fn doc_values_type(kind: u8, input: &Input<'_>) -> Result<DocValuesType> {
    Ok(match kind {
        0 => DocValuesType::None,
        1 => DocValuesType::Numeric,
        2 => DocValuesType::Binary,
        3 => DocValuesType::Sorted,
        4 => DocValuesType::SortedSet,
        5 => DocValuesType::SortedNumeric,
        other => return Err(input.corrupt(format!("{other} is no kind of doc values"))),
    })
}
