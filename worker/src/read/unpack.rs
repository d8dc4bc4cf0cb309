//! A source that Elasticsearch 1.x compressed because its mapping said so, and what it was.
//!
//! LZF is what 1.x writes; DEFLATE is what 2.x could write in its place. Neither says how long the whole is, so it is
//! unpacked within a bound. Which of them it is only the first bytes tell, none of which begins another format.
//! After: Elasticsearch 2.x `CompressorFactory`, `DeflateCompressor`.

use std::io::Read;

use flate2::read::DeflateDecoder;
use snapshot::lzf;

/// A source is never longer: a request was at most 100 MB unless somebody raised it, and no target takes more.
const SOURCE_BYTES_MAX: usize = 256 << 20;

/// Before raw DEFLATE.
const DEFLATED: &[u8] = b"DFL\0";

/// What `source` was before it was compressed; `None`: it isn't.
///
/// # Errors
/// A sentence that says what is wrong with the bytes.
pub fn unpack(source: &[u8]) -> Option<Result<Vec<u8>, String>> {
    if lzf::is_compressed(source) {
        let unpacked = lzf::decompress(source, SOURCE_BYTES_MAX);
        return Some(unpacked.map_err(|error| format!("its source can't be decompressed: {error}")));
    }
    Some(inflate(source.strip_prefix(DEFLATED)?, SOURCE_BYTES_MAX))
}

fn inflate(deflated: &[u8], len_max: usize) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    let mut decoder = DeflateDecoder::new(deflated).take(len_max as u64 + 1);
    decoder.read_to_end(&mut unpacked).map_err(|error| format!("its source can't be decompressed: {error}"))?;
    if unpacked.len() > len_max {
        return Err(format!("its source can't be decompressed: it unpacks to more than {len_max} bytes"));
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn both_compressions_and_none() {
        assert_eq!(unpack(b"ZV\0\0\x02{}").unwrap().unwrap(), b"{}");
        let packed = [DEFLATED, &deflated(b"{\"a\":1}")].concat();
        assert_eq!(unpack(&packed).unwrap().unwrap(), b"{\"a\":1}");
        for plain in [&b"{}"[..], b"ZVx", b"", b"DFL", b"---\na: 1"] {
            assert!(unpack(plain).is_none(), "{plain:?}");
        }
    }

    #[test]
    fn what_is_cut_or_too_long_is_refused() {
        let packed = deflated(&[b'x'; 1000]);
        assert_eq!(inflate(&packed, 1000).unwrap().len(), 1000);
        assert!(inflate(&packed, 999).unwrap_err().contains("more than 999 bytes"));
        assert!(inflate(packed.get(..packed.len() / 2).unwrap(), 1000).is_err());
        assert!(unpack(b"ZV\x01\0\x02\0\x02").unwrap().is_err());
        assert!(unpack(b"DFL\0").unwrap().is_err());
    }
}
