//! The metadata blobs: read, checked, parsed.
//!
//! In: the name of a blob, and how its document is kept (`layout`). Out: the document. Since Elasticsearch 2.0 blobs are
//! wrapped, and of these every later step may assume that the bytes are the ones the server wrote:
//!
//! ```text
//! 3fd76c17 | codec: vint length, text | version: u32 = 1 | payload … | c02893e8 | 0: u32 | crc32 of all before: u64
//! ```
//!
//! Elasticsearch 1.x stores the bare payload, without a checksum.
//!
//! Holds: never panics on any input; asks for no blob whose name could leave the repository.
//! Not here: the payload (`payload`), what the document says (who asks).
//! After: Lucene `CodecUtil`, Elasticsearch `ChecksumBlobStoreFormat`, 1.x `BlobStoreRepository`.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::error::Error;
use crate::layout::{DocumentBlob, Kept};
use crate::limits::{INFLATED_BYTES_MAX, METADATA_BYTES_MAX};
use crate::payload;
use crate::store::{BlobStore, StoreError, StoreErrorKind, is_inside};

const HEADER_MAGIC: [u8; 4] = [0x3f, 0xd7, 0x6c, 0x17];
/// Magic and algorithm 0.
const FOOTER_START: [u8; 8] = [0xc0, 0x28, 0x93, 0xe8, 0, 0, 0, 0];
const FOOTER_LEN: usize = 16;
const CRC_LEN: usize = 8;
const WRAP_VERSION: u32 = 1;

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
    /// Reads the document in `blob`; `what` says in words which one it is.
    pub(crate) async fn document<T: DeserializeOwned>(&self, blob: &DocumentBlob, what: String) -> Result<T, Error> {
        let bytes = self.read(&blob.name, what).await?;
        let document = parsed(&bytes, blob.kept, payload::parse);
        document.map_err(|fault| self.fault(&blob.name, fault))
    }

    /// Reads the document in `blob` whatever its shape.
    pub(crate) async fn any_document(&self, blob: &DocumentBlob, what: String) -> Result<Json, Error> {
        let bytes = self.read(&blob.name, what).await?;
        let document = parsed(&bytes, blob.kept, payload::parse_any);
        document.map_err(|fault| self.fault(&blob.name, fault))
    }

    async fn read(&self, name: &str, what: String) -> Result<Bytes, Error> {
        let bytes = match is_inside(name) {
            true => self.0.read(name, METADATA_BYTES_MAX).await,
            // Names of indices and snapshots come out of other blobs.
            false => Err(StoreError::new(StoreErrorKind::BadName, name, self.0.location())),
        };
        bytes.map_err(|source| Error::Read { what, source })
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

/// What `parse` makes of the document in a blob.
fn parsed<T>(bytes: &[u8], kept: Kept, parse: impl FnOnce(&[u8]) -> Result<T, Fault>) -> Result<T, Fault> {
    let (start, payload) = match kept {
        Kept::Wrapped { codec } => unwrapped(bytes, codec)?,
        Kept::Bare => (0, bytes),
    };
    let later = |fault, start: usize| match fault {
        Fault::Corrupt { offset, what } => Fault::Corrupt { offset: offset.saturating_add(start), what },
        unsupported @ Fault::Unsupported { .. } => unsupported,
    };
    let document = payload::unpacked(payload, INFLATED_BYTES_MAX).map_err(|fault| later(fault, start))?;
    parse(&document).map_err(|fault| match fault {
        // An offset in what was unpacked is no place in the blob.
        Fault::Corrupt { what, .. } if payload::is_packed(payload) => Fault::Corrupt { offset: start, what },
        fault => later(fault, start),
    })
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

#[cfg(test)]
mod tests {
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

    fn fault(bytes: &[u8], kept: Kept) -> String {
        match parsed(bytes, kept, payload::parse::<Json>).unwrap_err() {
            Fault::Corrupt { offset, what } => format!("{offset}: {what}"),
            Fault::Unsupported { what } => what,
        }
    }

    const SNAPSHOT: Kept = Kept::Wrapped { codec: "snapshot" };

    #[test]
    fn what_is_wrong_is_said() {
        let document = serde_smile::to_vec(&json!({"a": 1})).unwrap();
        let good = wrapped("snapshot", 1, &document);
        assert_eq!(parsed(&good, SNAPSHOT, payload::parse::<Json>).unwrap(), json!({"a": 1}));
        assert!(fault(b"", SNAPSHOT).contains("header"));
        assert!(fault(b"{\"a\":1}", SNAPSHOT).contains("encrypted?"));
        let metadata = Kept::Wrapped { codec: "metadata" };
        assert!(fault(&good, metadata).contains("its codec is \"snapshot\", not \"metadata\""));
        assert!(fault(&wrapped("snapshot", 2, &document), SNAPSHOT).contains("format version 2"));
        assert!(fault(&wrapped("snapshot", 1, b"LZMA\0xyz"), SNAPSHOT).contains("no compression known"));
        assert!(fault(&wrapped("snapshot", 1, b":)\n\x05\xfa"), SNAPSHOT).starts_with("17: not the expected document"));
        assert!(fault(&wrapped("snapshot", 1, b"DFL\0"), SNAPSHOT).starts_with("21: its deflated payload is cut"));
    }

    #[test]
    fn bare_documents_have_no_header() {
        assert_eq!(parsed(b"{\"a\":1}", Kept::Bare, payload::parse::<Json>).unwrap(), json!({"a": 1}));
        assert!(fault(b"{\"a\":}", Kept::Bare).starts_with("6: not the expected document"));
        assert!(fault(b"ZV\x00\x00\x06{\"a\":}", Kept::Bare).starts_with("0: not the expected document"));
        assert!(fault(&wrapped("snapshot", 1, b"{}"), Kept::Bare).contains("neither SMILE nor JSON"));
    }
}
