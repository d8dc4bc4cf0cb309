//! The metadata blobs `*.dat`: unwrapped, checked, inflated.
//!
//! In: a blob. Out: its SMILE document. Readers call this first, so every later step may assume the bytes are the ones
//! the server wrote.
//!
//! ```text
//! 3fd76c17 | codec: vint length, text | version: u32 = 1 | payload … | c02893e8 | 0: u32 | crc32 of all before: u64
//! payload: `DFL\0` and raw deflate of the document, or the document itself        (integers big endian)
//! ```
//!
//! Holds: never panics on any input; never holds more than it was allowed.
//! Not here: what the document says (`xcontent`, and who asks).
//! After: Lucene `CodecUtil`, Elasticsearch `ChecksumBlobStoreFormat`, `DeflateCompressor`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use flate2::{Decompress, FlushDecompress, Status};
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::limits::{INFLATED_BYTES_MAX, METADATA_BYTES_MAX};
use crate::store::{BlobStore, StoreError};

const HEADER_MAGIC: [u8; 4] = [0x3f, 0xd7, 0x6c, 0x17];
/// Magic and algorithm 0.
const FOOTER_START: [u8; 8] = [0xc0, 0x28, 0x93, 0xe8, 0, 0, 0, 0];
const FOOTER_LEN: usize = 16;
const CRC_LEN: usize = 8;
const WRAP_VERSION: u32 = 1;
const DEFLATED: &[u8] = b"DFL\0";
const ZSTD_COMPRESSED: &[u8] = b"ZSTD\0";
const SMILE: &[u8] = b":)\n";

/// What is wrong with bytes, and at which of them.
#[derive(Debug)]
pub(crate) enum Fault {
    /// No server wrote this.
    Corrupt { offset: usize, what: String },
    /// A server wrote this, in a way that is not read.
    Unsupported { what: String },
}

impl Fault {
    pub(crate) fn corrupt(offset: usize, what: impl Into<String>) -> Self {
        Self::Corrupt { offset, what: what.into() }
    }
}

/// A store, and how its metadata is read.
#[derive(Clone)]
pub(crate) struct Blobs(pub(crate) Arc<dyn BlobStore>);

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Blobs").field(&self.0.location()).finish()
    }
}

impl Blobs {
    /// Reads the document in the metadata blob `name` of codec `codec`; `what` says in words which one it is.
    pub(crate) async fn document<T: DeserializeOwned>(
        &self,
        name: &str,
        codec: &str,
        what: String,
    ) -> Result<T, Error> {
        let bytes = self.0.read(name, METADATA_BYTES_MAX).await.map_err(|source| Error::Read { what, source })?;
        parse(&bytes, codec).map_err(|fault| self.fault(name, fault))
    }

    /// Whether a blob of exactly this name is there.
    pub(crate) async fn has(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.0.list(name).await?.iter().any(|blob| blob.name == name))
    }

    /// The error that `fault` in the blob `name` amounts to.
    pub(crate) fn fault(&self, name: &str, fault: Fault) -> Error {
        let (blob, location) = (name.to_owned(), self.0.location());
        match fault {
            Fault::Corrupt { offset, what } => Error::Corrupt { blob, location, offset: offset as u64, what },
            Fault::Unsupported { what } => Error::Unsupported { blob, location, what },
        }
    }

    /// The error that a document which parses but makes no sense amounts to.
    pub(crate) fn nonsense(&self, name: &str, what: impl Into<String>) -> Error {
        self.fault(name, Fault::corrupt(0, what))
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8], codec: &str) -> Result<T, Fault> {
    let (start, payload) = unwrapped(bytes, codec)?;
    let document = inflated(payload, INFLATED_BYTES_MAX).map_err(|fault| match fault {
        Fault::Corrupt { offset, what } => Fault::Corrupt { offset: offset.saturating_add(start), what },
        unsupported @ Fault::Unsupported { .. } => unsupported,
    })?;
    // The parser does not say where it stopped: the whole document is the place.
    serde_smile::from_slice(&document)
        .map_err(|error| Fault::corrupt(start, format!("not the expected document: {error}")))
}

/// The payload of a wrapped blob, and the offset at which it begins.
fn unwrapped<'a>(bytes: &'a [u8], codec_wanted: &str) -> Result<(usize, &'a [u8]), Fault> {
    if !bytes.starts_with(&HEADER_MAGIC) {
        let start = bytes.get(..4).unwrap_or(bytes);
        let what = format!("it begins with {start:02x?}, not with Lucene's header (is the repository encrypted?)");
        return Err(Fault::corrupt(0, what));
    }
    let body_len = bytes.len().checked_sub(FOOTER_LEN);
    let (body, footer) = body_len
        .and_then(|len| bytes.split_at_checked(len))
        .ok_or_else(|| Fault::corrupt(0, format!("{} bytes are too few for header and footer", bytes.len())))?;
    let (Some(footer_start), Some(stored)) = (footer.first_chunk::<CRC_LEN>(), footer.last_chunk::<CRC_LEN>()) else {
        return Err(Fault::corrupt(body.len(), "no footer"));
    };
    if *footer_start != FOOTER_START {
        return Err(Fault::corrupt(body.len(), "it does not end with Lucene's footer, so it was cut or overwritten"));
    }
    let checksummed = bytes.strip_suffix(stored).unwrap_or(bytes);
    let computed = u64::from(crc32fast::hash(checksummed));
    let stored = u64::from_be_bytes(*stored);
    if computed != stored {
        let what = format!("its checksum is {computed:08x} and should be {stored:08x}");
        return Err(Fault::corrupt(checksummed.len(), what));
    }
    let (codec, version, payload) = header(body).ok_or_else(|| Fault::corrupt(4, "its header is cut"))?;
    if codec != codec_wanted.as_bytes() {
        let what = format!("its codec is {:?}, not {codec_wanted:?}", String::from_utf8_lossy(codec));
        return Err(Fault::corrupt(4, what));
    }
    if version != WRAP_VERSION {
        let what = format!("format version {version} of {codec_wanted:?}; version {WRAP_VERSION} is read");
        return Err(Fault::Unsupported { what });
    }
    Ok((body.len().saturating_sub(payload.len()), payload))
}

/// Splits the body into codec name, version and payload. Codec names are short, so that their vint is one byte.
fn header(body: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let (_magic, rest) = body.split_at_checked(HEADER_MAGIC.len())?;
    let (&codec_len, rest) = rest.split_first()?;
    let (codec, rest) = rest.split_at_checked(usize::from(codec_len))?;
    let (version, payload) = rest.split_first_chunk::<4>()?;
    Some((codec, u32::from_be_bytes(*version), payload))
}

/// The document of a payload, which may be compressed; at most `len_max` bytes. Offsets count from the payload.
pub(crate) fn inflated(payload: &[u8], len_max: usize) -> Result<Cow<'_, [u8]>, Fault> {
    if let Some(deflated) = payload.strip_prefix(DEFLATED) {
        return inflate(deflated, len_max).map(Cow::Owned);
    }
    if payload.starts_with(SMILE) {
        return Ok(Cow::Borrowed(payload));
    }
    let what = match payload.starts_with(ZSTD_COMPRESSED) {
        true => "its metadata is compressed with zstd, and only deflate is read: set the repository's \
                 `compression_type` to `deflate` and take a new snapshot"
            .to_owned(),
        false => format!("its payload begins with {:02x?}, which is neither SMILE nor deflated", start_of(payload)),
    };
    Err(Fault::Unsupported { what })
}

/// Whether `bytes` say of themselves that they are deflated.
pub(crate) fn is_deflated(bytes: &[u8]) -> bool {
    bytes.starts_with(DEFLATED)
}

/// Whether `bytes` say of themselves that they are a SMILE document.
pub(crate) fn is_smile(bytes: &[u8]) -> bool {
    bytes.starts_with(SMILE)
}

fn start_of(bytes: &[u8]) -> &[u8] {
    bytes.get(..8).unwrap_or(bytes)
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use serde_json::json;

    use super::*;

    fn wrapped(codec: &str, version: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = HEADER_MAGIC.to_vec();
        bytes.push(u8::try_from(codec.len()).unwrap());
        bytes.extend(codec.as_bytes());
        bytes.extend(version.to_be_bytes());
        bytes.extend(payload);
        bytes.extend(FOOTER_START);
        let crc = crc32fast::hash(&bytes);
        bytes.extend(u64::from(crc).to_be_bytes());
        bytes
    }

    fn deflated(document: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(DEFLATED.to_vec(), Compression::default());
        encoder.write_all(document).unwrap();
        encoder.finish().unwrap()
    }

    fn fault(bytes: &[u8], codec: &str) -> String {
        match parse::<serde_json::Value>(bytes, codec).unwrap_err() {
            Fault::Corrupt { offset, what } => format!("{offset}: {what}"),
            Fault::Unsupported { what } => what,
        }
    }

    #[test]
    fn a_document_comes_out_plain_or_deflated() {
        let value = json!({"name": "s", "files": [1, 2, 3]});
        let document = serde_smile::to_vec(&value).unwrap();
        for payload in [document.clone(), deflated(&document)] {
            let bytes = wrapped("snapshot", 1, &payload);
            assert_eq!(parse::<serde_json::Value>(&bytes, "snapshot").unwrap(), value);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let document = serde_smile::to_vec(&json!({"a": 1})).unwrap();
        let good = wrapped("snapshot", 1, &document);
        assert!(fault(b"", "snapshot").contains("header"));
        assert!(fault(b"{\"a\":1}", "snapshot").contains("encrypted?"));
        assert!(fault(&good, "metadata").contains("its codec is \"snapshot\", not \"metadata\""));
        assert!(fault(&wrapped("snapshot", 2, &document), "snapshot").contains("format version 2"));
        assert!(fault(&wrapped("snapshot", 1, b"ZSTD\0xyz"), "snapshot").contains("zstd"));
        assert!(fault(&wrapped("snapshot", 1, b"junk"), "snapshot").contains("neither SMILE nor deflated"));
        assert!(
            fault(&wrapped("snapshot", 1, b":)\n\x05\xfa"), "snapshot").starts_with("17: not the expected document")
        );
        let cut = deflated(&document);
        assert!(fault(&wrapped("snapshot", 1, &cut[..cut.len() - 1]), "snapshot").ends_with("payload is cut"));
    }

    #[test]
    fn a_bomb_stops_at_the_bound() {
        let bomb = deflated(&vec![0; 1 << 20]);
        let error = inflated(&bomb, 1000).unwrap_err();
        assert!(matches!(&error, Fault::Corrupt { what, .. } if what.contains("more than 1000 bytes")), "{error:?}");
        assert_eq!(inflated(&bomb, (1 << 20) + 1).unwrap().len(), 1 << 20);
    }
}
