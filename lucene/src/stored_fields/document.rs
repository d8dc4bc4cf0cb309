//! One document: its stored fields, one after the other.
//!
//! In: the bytes of a document. Out: field numbers and values that borrow from them. Holds: no field reaches past the
//! document, and the fields fill it. Not here: what the fields mean (`_id`, `_source`).
//! After: Lucene `CompressingStoredFieldsReader#readField` and its `readZFloat`, `readZDouble`, `readTLong`.

use crate::DocId;
use crate::error::{Error, Result};
use crate::input::{Input, Order, zigzag};

use super::format::Numbers;

/// A document of a chunk.
#[derive(Debug, Clone, Copy)]
pub struct StoredDoc<'a> {
    /// Its number in the segment.
    pub doc: DocId,
    pub(crate) fields: u32,
    pub(crate) bytes: &'a [u8],
    pub(crate) order: Order,
    pub(crate) numbers: Numbers,
    pub(crate) file: &'a str,
    /// Where in the file the chunk begins, for errors.
    pub(crate) chunk: u64,
}

/// The value of a stored field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StoredValue<'a> {
    /// A string: UTF-8, but unchecked.
    String(&'a [u8]),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A 32-bit integer.
    Int(i32),
    /// A 32-bit float.
    Float(f32),
    /// A 64-bit integer.
    Long(i64),
    /// A 64-bit float.
    Double(f64),
}

impl<'a> StoredDoc<'a> {
    /// Whether nothing is stored, as for nested documents.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields == 0
    }

    /// Length in bytes of all stored fields together.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// Field numbers and values, in the order of writing; a field may come several times. Ends after the first error.
    #[must_use]
    #[inline]
    pub fn fields(&self) -> Fields<'a> {
        Fields {
            input: Input::new(self.file, self.bytes, 0, self.order),
            numbers: self.numbers,
            left: self.fields,
            ended: false,
            doc: self.doc,
            chunk: self.chunk,
        }
    }
}

/// The fields of a [`StoredDoc`].
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    input: Input<'a>,
    numbers: Numbers,
    left: u32,
    ended: bool,
    doc: DocId,
    chunk: u64,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, StoredValue<'a>)>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if self.left == 0 {
            self.ended = true;
            return match self.input.left() {
                0 => None,
                left => Some(Err(self.located(self.input.corrupt(format!("{left} bytes follow the last field"))))),
            };
        }
        self.left -= 1;
        match field(&mut self.input, self.numbers) {
            Ok(field) => Some(Ok(field)),
            Err(error) => {
                self.ended = true;
                Some(Err(self.located(error)))
            }
        }
    }
}

impl Fields<'_> {
    /// Offsets in unpacked bytes help nobody: name the document and where its chunk is.
    #[cold]
    fn located(&self, error: Error) -> Error {
        match error.at(self.chunk) {
            Error::Corrupt { file, offset, what } => {
                Error::Corrupt { file, offset, what: format!("document {}: {what}", self.doc) }
            }
            other => other,
        }
    }
}

#[inline]
fn field<'a>(input: &mut Input<'a>, numbers: Numbers) -> Result<(u32, StoredValue<'a>)> {
    let key = input.vlong()?;
    let field = u32::try_from(key >> 3).map_err(|_| input.corrupt("a field number above 32 bits"))?;
    let value = match key & 7 {
        0 => StoredValue::String(input.prefixed()?),
        1 => StoredValue::Bytes(input.prefixed()?),
        kind => number(kind, input, numbers)?,
    };
    Ok((field, value))
}

#[inline(never)] // most fields are none
fn number<'a>(kind: u64, input: &mut Input<'a>, numbers: Numbers) -> Result<StoredValue<'a>> {
    Ok(match (kind, numbers) {
        (2, Numbers::Variable) => StoredValue::Int(zigzag(u64::from(input.vint()?)) as i32),
        (3, Numbers::Variable) => StoredValue::Float(float(input)?),
        (4, Numbers::Variable) => StoredValue::Long(long(input)?),
        (5, Numbers::Variable) => StoredValue::Double(double(input)?),
        (2, Numbers::Fixed) => StoredValue::Int(input.i32()?),
        (3, Numbers::Fixed) => StoredValue::Float(f32::from_bits(input.u32()?)),
        (4, Numbers::Fixed) => StoredValue::Long(input.i64()?),
        (5, Numbers::Fixed) => StoredValue::Double(f64::from_bits(input.u64()?)),
        _ => return Err(input.corrupt(format!("{kind} is no kind of stored field"))),
    })
}

/// Small whole numbers take a byte, other positive numbers 4, all others 5.
fn float(input: &mut Input<'_>) -> Result<f32> {
    let first = input.u8()?;
    if first == 0xFF {
        return input.u32().map(f32::from_bits);
    }
    if first & 0x80 != 0 {
        return Ok(f32::from(first & 0x7F) - 1.0);
    }
    let middle = u32::from(input.u16()?);
    let last = u32::from(input.u8()?);
    Ok(f32::from_bits(u32::from(first) << 24 | middle << 8 | last))
}

/// Small whole numbers take a byte, what fits a float 5, other positive numbers 8, all others 9.
fn double(input: &mut Input<'_>) -> Result<f64> {
    let first = input.u8()?;
    match first {
        0xFF => return input.u64().map(f64::from_bits),
        0xFE => return input.u32().map(|bits| f64::from(f32::from_bits(bits))),
        _ => {}
    }
    if first & 0x80 != 0 {
        return Ok(f64::from(first & 0x7F) - 1.0);
    }
    let high = u64::from(input.u32()?);
    let middle = u64::from(input.u16()?);
    let last = u64::from(input.u8()?);
    Ok(f64::from_bits(u64::from(first) << 56 | high << 24 | middle << 8 | last))
}

/// Zig-zag, in units of a second, an hour or a day where it is a round time in milliseconds.
fn long(input: &mut Input<'_>) -> Result<i64> {
    let first = input.u8()?;
    let mut bits = u64::from(first & 0x1F);
    if first & 0x20 != 0 {
        bits |= input.vlong()? << 5;
    }
    let unit = match first >> 6 {
        0 => 1,
        1 => 1_000,
        2 => 3_600_000,
        _ => 86_400_000,
    };
    Ok(zigzag(bits).wrapping_mul(unit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn doc(bytes: &[u8], fields: u32, order: Order, numbers: Numbers) -> Vec<(u32, StoredValue<'_>)> {
        let doc = StoredDoc { doc: 7, fields, bytes, order, numbers, file: "_0.fdt", chunk: 54 };
        doc.fields().map(|field| field.unwrap()).collect()
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let bytes = [
            &[0x08, 2, b'h', b'i'][..],                  // field 1, string
            &[0x11, 1, 0xFF],                            // field 2, bytes
            &[0x1A, 3],                                  // field 3, int -2
            &[0x23, 0x81],                               // field 4, float 0
            &[0x23, 0x3F, 0x80, 0, 0],                   // field 4, float 1 in full
            &[0x23, 0xFF, 0xBF, 0x80, 0, 0],             // field 4, float -1
            &[0x2C, 0xC2],                               // field 5, long: one day
            &[0x2C, 0x21, 1],                            // field 5, long: zig-zag of 33
            &[0x35, 0x8B],                               // field 6, double 10
            &[0x35, 0xFE, 0x3F, 0x80, 0, 0],             // field 6, double 1 as a float
            &[0x35, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0],       // field 6, double 1 in full
            &[0x35, 0xFF, 0xBF, 0xF0, 0, 0, 0, 0, 0, 0], // field 6, double -1
        ]
        .concat();
        let expected = [
            (1, StoredValue::String(b"hi")),
            (2, StoredValue::Bytes(&[0xFF])),
            (3, StoredValue::Int(-2)),
            (4, StoredValue::Float(0.0)),
            (4, StoredValue::Float(1.0)),
            (4, StoredValue::Float(-1.0)),
            (5, StoredValue::Long(86_400_000)),
            (5, StoredValue::Long(-17)),
            (6, StoredValue::Double(10.0)),
            (6, StoredValue::Double(1.0)),
            (6, StoredValue::Double(1.0)),
            (6, StoredValue::Double(-1.0)),
        ];
        assert_eq!(doc(&bytes, 12, Order::Big, Numbers::Variable), expected);
    }

    #[test]
    fn lucene_9_turned_the_parts_of_a_number() {
        assert_eq!(
            doc(&[0x23, 0x3F, 0x34, 0x12, 0x56], 1, Order::Little, Numbers::Variable)[0].1,
            StoredValue::Float(f32::from_bits(0x3F123456))
        );
    }

    #[test]
    fn lucene_4_wrote_numbers_in_full() {
        let bytes = [
            &[0x1A, 0xFF, 0xFF, 0xFF, 0xFE][..],   // field 3, int -2
            &[0x23, 0xBF, 0x80, 0, 0],             // field 4, float -1
            &[0x2C, 0, 0, 0, 0, 0, 0, 1, 0],       // field 5, long 256
            &[0x35, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0], // field 6, double 1
        ]
        .concat();
        let expected = [
            (3, StoredValue::Int(-2)),
            (4, StoredValue::Float(-1.0)),
            (5, StoredValue::Long(256)),
            (6, StoredValue::Double(1.0)),
        ];
        assert_eq!(doc(&bytes, 4, Order::Big, Numbers::Fixed), expected);
    }

    #[test]
    fn too_many_or_too_few_bytes_are_found_and_named() {
        let error = |bytes: &[u8], fields| {
            let (order, numbers) = (Order::Big, Numbers::Variable);
            let doc = StoredDoc { doc: 7, fields, bytes, order, numbers, file: "_0.fdt", chunk: 54 };
            let mut found = doc.fields();
            let error = found.find_map(Result::err).map(|error| error.to_string());
            assert!(error.is_none() || found.next().is_none(), "it ends after an error");
            error.unwrap_or_default()
        };
        assert_eq!(error(&[0x08, 0], 1), "");
        assert!(error(&[0x08, 0, 0], 1).starts_with("_0.fdt is corrupt at byte 54: document 7: 1 bytes follow"));
        assert!(error(&[0x08, 5, b'h'], 1).contains("document 7"));
        assert!(error(&[0x0E], 1).contains("6 is no kind of stored field"));
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, fields: u32, fixed: bool) {
            let (order, numbers) = (Order::Little, if fixed { Numbers::Fixed } else { Numbers::Variable });
            let doc = StoredDoc { doc: 0, fields, bytes: &bytes, order, numbers, file: "f", chunk: 0 };
            prop_assert!(doc.fields().count() <= bytes.len() + 1);
        }
    }
}
