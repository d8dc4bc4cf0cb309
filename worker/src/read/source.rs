//! `_source` as the client sent it: JSON nearly always, sometimes SMILE, CBOR or YAML.
//!
//! JSON passes as it is. The others become JSON, marked with the format they had. Only the first bytes decide, as in
//! Elasticsearch's `XContentFactory#xContentType`.

use serde_json::{Map, Number, Value};

use super::yaml;

/// The format a converted source had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceFormat {
    /// Binary JSON of Jackson.
    Smile,
    /// RFC 8949.
    Cbor,
    /// YAML 1.1.
    Yaml,
}

impl SourceFormat {
    /// As it stands in an export's `_source_format`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Smile => "smile",
            Self::Cbor => "cbor",
            Self::Yaml => "yaml",
        }
    }
}

/// What `detect` finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detected {
    /// JSON, to be passed as it is.
    Json,
    /// To be converted.
    Other(SourceFormat),
    /// None of these.
    Unknown,
}

/// The format of a source by its first bytes.
#[must_use]
pub fn detect(source: &[u8]) -> Detected {
    let text = source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source);
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    match (source, first) {
        (_, Some(b'{')) => Detected::Json,
        ([b':', b')', b'\n', ..], _) => Detected::Other(SourceFormat::Smile),
        ([0xd9, 0xd9, 0xf7, ..] | [0xbf | 0xa0..=0xbb, ..], _) => Detected::Other(SourceFormat::Cbor),
        ([b'-', b'-', b'-', ..], _) => Detected::Other(SourceFormat::Yaml),
        _ => Detected::Unknown,
    }
}

/// The source as JSON text.
///
/// # Errors
/// A sentence that says where the bytes stop making sense.
pub fn to_json(source: &[u8], format: SourceFormat) -> Result<String, String> {
    let value = match format {
        SourceFormat::Smile => {
            let value: serde_smile::value::Value =
                serde_smile::from_slice(source).map_err(|error| format!("the SMILE source can't be read: {error}"))?;
            from_smile(value)?
        }
        SourceFormat::Cbor => {
            let value: ciborium::Value =
                ciborium::from_reader(source).map_err(|error| format!("the CBOR source can't be read: {error}"))?;
            from_cbor(value)?
        }
        SourceFormat::Yaml => return yaml::to_json(source),
    };
    serde_json::to_string(&value).map_err(|error| format!("the converted source can't be written: {error}"))
}

fn from_smile(value: serde_smile::value::Value) -> Result<Value, String> {
    use serde_smile::value::Value as Smile;
    Ok(match value {
        Smile::Null => Value::Null,
        Smile::Boolean(flag) => flag.into(),
        Smile::Integer(number) => number.into(),
        Smile::Long(number) => number.into(),
        Smile::BigInteger(number) => big_number(&big_integer_text(number.as_be_bytes()))?,
        Smile::Float(number) => float(f64::from(number), &number.to_string())?,
        Smile::Double(number) => float(number, &number.to_string())?,
        Smile::BigDecimal(number) => {
            let unscaled = big_integer_text(number.unscaled_value().as_be_bytes());
            big_number(&format!("{unscaled}e{}", number.scale().wrapping_neg()))?
        }
        Smile::String(text) => text.into(),
        Smile::Binary(bytes) => base64_text(&bytes),
        Smile::Array(items) => items.into_iter().map(from_smile).collect::<Result<Vec<_>, _>>()?.into(),
        Smile::Object(fields) => {
            let mut object = Map::new();
            for (name, field) in fields {
                object.insert(name, from_smile(field)?);
            }
            object.into()
        }
    })
}

fn from_cbor(value: ciborium::Value) -> Result<Value, String> {
    use ciborium::Value as Cbor;
    Ok(match value {
        Cbor::Null => Value::Null,
        Cbor::Bool(flag) => flag.into(),
        Cbor::Integer(number) => big_number(&i128::from(number).to_string())?,
        Cbor::Float(number) => float(number, &number.to_string())?,
        Cbor::Text(text) => text.into(),
        Cbor::Bytes(bytes) => base64_text(&bytes),
        Cbor::Array(items) => items.into_iter().map(from_cbor).collect::<Result<Vec<_>, _>>()?.into(),
        Cbor::Map(fields) => {
            let mut object = Map::new();
            for (name, field) in fields {
                let Cbor::Text(name) = name else {
                    return Err("the CBOR source has a field name that is no text".to_owned());
                };
                object.insert(name, from_cbor(field)?);
            }
            object.into()
        }
        // Tag 55799 only says "this is CBOR".
        Cbor::Tag(_, inner) => from_cbor(*inner)?,
        _ => return Err("the CBOR source holds a type that JSON has no word for".to_owned()),
    })
}

fn base64_text(bytes: &[u8]) -> Value {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes).into()
}

/// A float as the shortest text that reads back as it; JSON has no word for infinities.
fn float(number: f64, shortest: &str) -> Result<Value, String> {
    if !number.is_finite() {
        return Err(format!("the source holds the number {number}, which JSON can't say"));
    }
    let text = if shortest.contains(['.', 'e', 'E']) { shortest.to_owned() } else { format!("{shortest}.0") };
    big_number(&text)
}

fn big_number(text: &str) -> Result<Value, String> {
    let number: Number =
        serde_json::from_str(text).map_err(|error| format!("{text} can't be written as a JSON number: {error}"))?;
    Ok(Value::Number(number))
}

/// Decimal text of a big-endian two's-complement integer (Java's `BigInteger#toByteArray`).
fn big_integer_text(bytes: &[u8]) -> String {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    // Digits in base 10^9, least significant first.
    let mut digits: Vec<u64> = vec![0];
    for byte in bytes {
        let byte = if negative { !byte } else { *byte };
        carry(&mut digits, 256, u64::from(byte));
    }
    if negative {
        carry(&mut digits, 1, 1);
    }
    let mut groups = digits.iter().rev();
    let mut text = if negative { "-".to_owned() } else { String::new() };
    text.push_str(&groups.next().copied().unwrap_or_default().to_string());
    for group in groups {
        text.push_str(&format!("{group:09}"));
    }
    text
}

/// `digits = digits × factor + addend`, in base 10^9.
fn carry(digits: &mut Vec<u64>, factor: u64, addend: u64) {
    const BASE: u64 = 1_000_000_000;
    let mut rest = addend;
    for digit in digits.iter_mut() {
        let value = *digit * factor + rest;
        *digit = value % BASE;
        rest = value / BASE;
    }
    if rest > 0 {
        digits.push(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_format() {
        assert_eq!(detect(b" \n{\"a\":1}"), Detected::Json);
        assert_eq!(detect(b"\xef\xbb\xbf{}"), Detected::Json);
        assert_eq!(detect(b":)\n\x00\xfa\xfb"), Detected::Other(SourceFormat::Smile));
        assert_eq!(detect(b"\xbf\xff"), Detected::Other(SourceFormat::Cbor));
        assert_eq!(detect(b"\xa0"), Detected::Other(SourceFormat::Cbor));
        assert_eq!(detect(b"---\na: 1"), Detected::Other(SourceFormat::Yaml));
        assert_eq!(detect(b"index closed"), Detected::Unknown);
        assert_eq!(detect(b""), Detected::Unknown);
    }

    #[test]
    fn cbor_keeps_names_order_and_numbers() {
        let cbor =
            b"\xbf\x61b\x01\x61a\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00\x61n\x3b\xff\xff\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(to_json(cbor, SourceFormat::Cbor).unwrap(), r#"{"b":1,"a":1.5,"n":-18446744073709551616}"#);
        assert!(to_json(b"\xbf\x61b", SourceFormat::Cbor).is_err());
    }

    #[test]
    fn big_integers_are_written_out() {
        assert_eq!(big_integer_text(&[0x01, 0, 0, 0, 0, 0, 0, 0, 0]), "18446744073709551616");
        assert_eq!(big_integer_text(&[0xff]), "-1");
        assert_eq!(big_integer_text(&[0x80, 0]), "-32768");
        assert_eq!(big_integer_text(&[]), "0");
    }
}
