//! SMILE values become JSON values.
//!
//! In: index and global metadata as [`serde_smile::value::Value`]; out: [`serde_json::Value`]. Where the server keeps a
//! document as bytes (compressed mappings, pipelines, filters of aliases), the document itself stands in their place;
//! other bytes become base64 text, as the servers show them.
//!
//! Holds: numbers keep their digits, objects their order; the documents found inside stay below one common bound.
//! Not here: `_source` documents, which are never parsed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value as Json};
use serde_smile::value::Value as Smile;

use crate::blob::Fault;
use crate::limits::INFLATED_BYTES_MAX;
use crate::payload;

/// Bytes of a big integer above which it is no number any more; 10,000 digits.
const BIG_INTEGER_BYTES_MAX: usize = 4096;

/// Converts `value`.
pub(crate) fn to_json(value: Smile) -> Result<Json, Fault> {
    Converter { inflated_left: INFLATED_BYTES_MAX }.value(value)
}

struct Converter {
    /// Bytes that the documents inside may still inflate to, all together.
    inflated_left: usize,
}

impl Converter {
    // As deep as the parser went, which stops at 128.
    fn value(&mut self, value: Smile) -> Result<Json, Fault> {
        Ok(match value {
            Smile::Null => Json::Null,
            Smile::Boolean(value) => Json::Bool(value),
            Smile::Integer(value) => Json::from(value),
            Smile::Long(value) => Json::from(value),
            Smile::Float(value) => number(&format!("{value:?}")),
            Smile::Double(value) => number(&format!("{value:?}")),
            Smile::BigInteger(value) => number(&decimal(value.as_be_bytes())?),
            Smile::BigDecimal(value) => {
                let digits = decimal(value.unscaled_value().as_be_bytes())?;
                number(&format!("{digits}e{}", -i64::from(value.scale())))
            }
            Smile::String(value) => Json::String(value),
            Smile::Binary(bytes) => self.binary(bytes)?,
            Smile::Array(values) => values.into_iter().map(|value| self.value(value)).collect::<Result<_, _>>()?,
            Smile::Object(fields) => {
                let convert = |(name, value)| Ok((name, self.value(value)?));
                Json::Object(fields.into_iter().map(convert).collect::<Result<Map<_, _>, Fault>>()?)
            }
        })
    }

    fn binary(&mut self, bytes: Vec<u8>) -> Result<Json, Fault> {
        if !payload::is_packed(&bytes) {
            let document = if bytes.starts_with(b"{") { serde_json::from_slice(&bytes).ok() } else { None };
            return Ok(document.unwrap_or_else(|| Json::String(STANDARD.encode(&bytes))));
        }
        let document = payload::unpacked(&bytes, self.inflated_left)?;
        self.inflated_left = self.inflated_left.saturating_sub(document.len());
        payload::parse(&document).map_err(|fault| match fault {
            Fault::Corrupt { what, .. } => Fault::corrupt(0, format!("a compressed document inside is {what}")),
            unsupported @ Fault::Unsupported { .. } => unsupported,
        })
    }
}

/// A number by its text; JSON has no infinities and no NaN.
fn number(text: &str) -> Json {
    text.parse::<Number>().map_or(Json::Null, Json::Number)
}

/// The decimal text of a two's complement big-endian integer.
fn decimal(bytes: &[u8]) -> Result<String, Fault> {
    if BIG_INTEGER_BYTES_MAX < bytes.len() {
        return Err(Fault::corrupt(0, format!("an integer of {} bytes", bytes.len())));
    }
    let is_negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut magnitude: Vec<u8> = bytes.iter().map(|byte| if is_negative { !byte } else { *byte }).collect();
    if is_negative {
        // Two's complement: invert and add one. It can't overflow: the inverted first bit is 0.
        for byte in magnitude.iter_mut().rev() {
            let (sum, carry) = byte.overflowing_add(1);
            *byte = sum;
            if !carry {
                break;
            }
        }
    }
    let mut digits = Vec::new();
    while magnitude.iter().any(|byte| *byte != 0) {
        let mut remainder = 0_u16;
        for byte in &mut magnitude {
            let dividend = remainder << 8 | u16::from(*byte);
            *byte = u8::try_from(dividend / 10).unwrap_or(u8::MAX);
            remainder = dividend % 10;
        }
        digits.push(u8::try_from(remainder).unwrap_or_default());
    }
    let sign = if is_negative { "-" } else { "" };
    let digits: String = digits.iter().rev().map(|digit| char::from(b'0'.saturating_add(*digit))).collect();
    Ok(format!("{sign}{}", if digits.is_empty() { "0" } else { &digits }))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use serde_json::json;
    use serde_smile::value::{BigDecimal, BigInteger};

    use super::*;

    fn deflated(document: &[u8]) -> Smile {
        let mut encoder = DeflateEncoder::new(b"DFL\0".to_vec(), Compression::default());
        encoder.write_all(document).unwrap();
        Smile::Binary(encoder.finish().unwrap())
    }

    #[test]
    fn numbers_keep_their_digits() {
        for (bytes, text) in [
            (&[][..], "0"),
            (&[0], "0"),
            (&[0x80], "-128"),
            (&[0xff, 0xff], "-1"),
            (&[0x01, 0, 0, 0, 0, 0, 0, 0, 0], "18446744073709551616"),
            (&[0xff, 0, 0, 0, 0, 0, 0, 0, 0], "-18446744073709551616"),
        ] {
            let value = to_json(Smile::BigInteger(BigInteger::from_be_bytes(bytes.to_vec()))).unwrap();
            assert_eq!(value.to_string(), text, "{bytes:?}");
        }
        let decimal = BigDecimal::new(BigInteger::from_be_bytes(vec![125]), 2);
        assert_eq!(to_json(Smile::BigDecimal(decimal)).unwrap().as_f64(), Some(1.25));
        assert_eq!(to_json(Smile::Double(0.1)).unwrap().to_string(), "0.1");
        assert_eq!(to_json(Smile::Float(0.1)).unwrap().to_string(), "0.1");
        assert_eq!(to_json(Smile::Double(f64::NAN)).unwrap(), Json::Null);
        assert_eq!(to_json(Smile::Long(i64::MIN)).unwrap().to_string(), i64::MIN.to_string());
        assert!(to_json(Smile::BigInteger(BigInteger::from_be_bytes(vec![1; BIG_INTEGER_BYTES_MAX + 1]))).is_err());
    }

    #[test]
    fn documents_kept_as_bytes_stand_in_their_place() {
        let mapping = json!({"_doc": {"properties": {"a": {"type": "keyword"}}}});
        let array = Smile::Array(vec![
            deflated(mapping.to_string().as_bytes()),
            deflated(&serde_smile::to_vec(&mapping).unwrap()),
            Smile::Binary(br#"{"processors":[]}"#.to_vec()),
            Smile::Binary(b"{ no json".to_vec()),
        ]);
        let expected = json!([mapping, mapping, {"processors": []}, "eyBubyBqc29u"]);
        assert_eq!(to_json(array).unwrap(), expected);
        assert!(to_json(deflated(b"{ no json")).is_err());
        assert!(to_json(Smile::Binary(b"DFL\0\xff".to_vec())).is_err());
    }

    #[test]
    fn documents_inside_share_one_bound() {
        let document = format!("{:1000}", "{}");
        let mut converter = Converter { inflated_left: 2500 };
        let values = (0..3).map(|_| deflated(document.as_bytes())).collect();
        assert!(converter.value(Smile::Array(values)).is_err(), "the third is too much");
    }
}
