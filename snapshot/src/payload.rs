//! A document as it was stored: compressed or not, SMILE or JSON, and told from each other by the first bytes.
//!
//! In: the payload of a metadata blob, or bytes that a document holds. Out: the document, as text or parsed.
//!
//! ```text
//! `DFL\0` and raw deflate        since Elasticsearch 2.0, where the repository compresses
//! `ZSTD\0` and a zstd frame      since OpenSearch 2.x, where its `compression_type` is zstd
//! `ZV` and 0 or 1                LZF, Elasticsearch 1.x
//! `:)\n`                         SMILE, since Elasticsearch 2.0
//! `{`                            JSON, Elasticsearch 1.x and all catalogues
//! ```
//!
//! Holds: never panics on any input; never holds more than it was allowed.
//! Not here: header and checksum around it (`blob`), what the document says.
//! After: Elasticsearch `CompressorFactory`, `DeflateCompressor`, `XContentFactory#xContentType`; OpenSearch
//! `ZstdCompressor`.

use std::borrow::Cow;
use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::blob::Fault;
use crate::lzf;
use crate::xcontent;

const DEFLATED: &[u8] = b"DFL\0";
const ZSTD_COMPRESSED: &[u8] = b"ZSTD\0";
const SMILE: &[u8] = b":)\n";
/// What a zstd frame may look back on, as a power of two in bytes; OpenSearch's level needs 21.
const ZSTD_WINDOW_LOG_MAX: u32 = 25;

/// Whether `bytes` say of themselves that they are compressed in a way that is read.
pub(crate) fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(DEFLATED) || bytes.starts_with(ZSTD_COMPRESSED) || lzf::is_compressed(bytes)
}

/// Whether `bytes` may be a JSON object.
pub(crate) fn is_json(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

/// The document of a payload, which may be compressed; at most `len_max` bytes. Offsets count from the payload.
pub(crate) fn unpacked(payload: &[u8], len_max: usize) -> Result<Cow<'_, [u8]>, Fault> {
    if let Some(deflated) = payload.strip_prefix(DEFLATED) {
        return inflate(deflated, len_max).map(Cow::Owned);
    }
    if let Some(frame) = payload.strip_prefix(ZSTD_COMPRESSED) {
        return unzstd(frame, len_max).map(Cow::Owned);
    }
    if lzf::is_compressed(payload) {
        let unpacked = lzf::decompress(payload, len_max);
        return unpacked.map(Cow::Owned).map_err(|error| Fault::corrupt(error.offset, error.to_string()));
    }
    if payload.starts_with(SMILE) || is_json(payload) {
        return Ok(Cow::Borrowed(payload));
    }
    let start = payload.get(..8).unwrap_or(payload);
    let what =
        format!("its document begins with {start:02x?}, which is neither SMILE nor JSON, and no compression known");
    Err(Fault::Unsupported { what })
}

/// Parses a document. Only where it is JSON the offset is known; else it is 0.
pub(crate) fn parse<T: DeserializeOwned>(document: &[u8]) -> Result<T, Fault> {
    if document.starts_with(SMILE) {
        return serde_smile::from_slice(document).map_err(|error| unexpected(0, &error));
    }
    parse_json(document, |bytes| serde_json::from_slice(bytes))
}

/// Parses a JSON document with `parse`.
pub(crate) fn parse_json<T>(
    document: &[u8],
    parse: impl FnOnce(&[u8]) -> Result<T, serde_json::Error>,
) -> Result<T, Fault> {
    parse(document).map_err(|error| unexpected(offset_of(document, &error), &error))
}

/// Parses a document of any shape; what it keeps as bytes stands in its place, see `xcontent`.
pub(crate) fn parse_any(document: &[u8]) -> Result<Json, Fault> {
    if document.starts_with(SMILE) { xcontent::to_json(parse(document)?) } else { parse(document) }
}

fn unexpected(offset: usize, error: &dyn std::fmt::Display) -> Fault {
    Fault::corrupt(offset, format!("not the expected document: {error}"))
}

/// The byte at which a JSON error happened; the parser counts lines and columns.
fn offset_of(bytes: &[u8], error: &serde_json::Error) -> usize {
    let lines_before = error.line().saturating_sub(1);
    let skipped: usize = bytes.split_inclusive(|byte| *byte == b'\n').take(lines_before).map(<[u8]>::len).sum();
    skipped.saturating_add(error.column()).min(bytes.len())
}

fn inflate(deflated: &[u8], len_max: usize) -> Result<Vec<u8>, Fault> {
    const STEP: usize = 16 << 10;
    let mut inflater = Decompress::new(false);
    let mut out = Vec::new();
    loop {
        let taken = usize::try_from(inflater.total_in()).unwrap_or(usize::MAX);
        let offset = taken.saturating_add(DEFLATED.len());
        let room = len_max.saturating_sub(out.len());
        if room == 0 {
            return Err(Fault::corrupt(offset, format!("it inflates to more than {len_max} bytes")));
        }
        // Grows with what comes out, as `Vec` does, never with what the bytes claim.
        out.reserve(room.min(STEP));
        let len_before = out.len();
        let rest = deflated.get(taken..).unwrap_or_default();
        match inflater.decompress_vec(rest, &mut out, FlushDecompress::None) {
            Ok(Status::StreamEnd) => return Ok(out),
            Ok(Status::Ok | Status::BufError) => {
                if out.len() == len_before && inflater.total_in() == taken as u64 {
                    return Err(Fault::corrupt(offset, "its deflated payload is cut"));
                }
            }
            Err(error) => return Err(Fault::corrupt(offset, format!("its payload does not inflate: {error}"))),
        }
    }
}

fn unzstd(frame: &[u8], len_max: usize) -> Result<Vec<u8>, Fault> {
    let wrong = |error: io::Error| Fault::corrupt(ZSTD_COMPRESSED.len(), format!("its payload is no zstd: {error}"));
    let mut decoder = zstd::stream::read::Decoder::with_buffer(frame).map_err(wrong)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(wrong)?;
    let mut out = Vec::new();
    decoder.take(len_max as u64).read_to_end(&mut out).map_err(wrong)?;
    if out.len() == len_max {
        return Err(Fault::corrupt(ZSTD_COMPRESSED.len(), format!("it unpacks to more than {len_max} bytes")));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use serde_json::json;

    use super::*;

    fn deflated(document: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(DEFLATED.to_vec(), Compression::default());
        encoder.write_all(document).unwrap();
        encoder.finish().unwrap()
    }

    fn zstded(document: &[u8]) -> Vec<u8> {
        [ZSTD_COMPRESSED, &zstd::stream::encode_all(document, 3).unwrap()].concat()
    }

    #[test]
    fn a_document_comes_out_however_it_is_kept() {
        // No numbers: JSON values would not write SMILE's.
        let value = json!({"name": "s", "files": ["a", null, true]});
        let smile = serde_smile::to_vec(&value).unwrap();
        let json = value.to_string().into_bytes();
        let lzf = [b"ZV\x00\x00", &[u8::try_from(json.len()).unwrap()][..], &json].concat();
        let pretty = format!(" \n{value:#}").into_bytes();
        let zstd = zstded(&smile);
        for payload in [deflated(&smile), smile, deflated(&json), json, lzf, zstd, pretty] {
            let document = unpacked(&payload, 1000).unwrap();
            assert_eq!(parse::<Json>(&document).unwrap(), value);
            assert_eq!(parse_any(&document).unwrap(), value);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let text = |payload: &[u8]| match unpacked(payload, 1000).unwrap_err() {
            Fault::Corrupt { offset, what } => format!("{offset}: {what}"),
            Fault::Unsupported { what } => what,
        };
        assert!(text(b"ZSTD\0xyz").starts_with("5: its payload is no zstd"));
        let cut = zstded(b"{}");
        assert!(text(&cut[..cut.len() - 1]).starts_with("5: its payload is no zstd"));
        assert!(text(b"junk").contains("neither SMILE nor JSON"));
        assert!(text(b"").contains("neither SMILE nor JSON"));
        assert!(text(b"ZV\x00\x00\x05{").starts_with("6: LZF data is wrong at byte 6: it is cut"));
        let cut = deflated(b"{}");
        assert!(text(&cut[..cut.len() - 1]).ends_with("payload is cut"));
        let error = parse::<Json>(b"{\n\"a\": x}").unwrap_err();
        assert!(matches!(&error, Fault::Corrupt { offset: 8, .. }), "{error:?}");
    }

    #[test]
    fn a_bomb_stops_at_the_bound() {
        let zeros = vec![0; 1 << 20];
        for bomb in [deflated(&zeros), zstded(&zeros)] {
            let error = unpacked(&bomb, 1000).unwrap_err();
            assert!(
                matches!(&error, Fault::Corrupt { what, .. } if what.contains("more than 1000 bytes")),
                "{error:?}"
            );
            assert_eq!(unpacked(&bomb, (1 << 20) + 1).unwrap().len(), 1 << 20);
        }
    }
}
