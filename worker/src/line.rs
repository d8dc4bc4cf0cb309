//! One document as one line of JSON: what `snapshot export` prints and a `file:` target holds.
//!
//! ```text
//! {"_index":…,"_id":…,"_routing":…?,"_type":…?,"_parent":…?,"_timestamp":…?,"_ttl":…?,"_version":…?,"_seq_no":…?,
//!  "_primary_term":…?,"_source_format":…?,"_source":…}                                               (one line)
//! ```
//! `_routing` only if there is one, `_type` only if it isn't `_doc`; `_parent` (the parent's id) and the numbers only if
//! they are there; `_source_format` only if the source was not JSON. `_timestamp` and `_ttl` are milliseconds since
//! 1970: when the document is from, and when it is to be deleted. The source's bytes are as they are, but line breaks
//! are spaces.

use crate::read::{Document, Source};

/// Writes lines of one index.
#[derive(Debug, Clone)]
pub struct LineWriter {
    /// `{"_index":"…","_id":`, the same for all of them.
    head: Vec<u8>,
}

impl LineWriter {
    /// For documents of `index`.
    #[must_use]
    pub fn new(index: &str) -> Self {
        let mut head = b"{\"_index\":".to_vec();
        push_json(&mut head, index);
        head.extend_from_slice(b",\"_id\":");
        Self { head }
    }

    /// Appends the line of `document`, with its line break.
    pub fn push(&self, document: &Document<'_>, line: &mut Vec<u8>) {
        line.extend_from_slice(&self.head);
        push_json(line, document.id);
        for (name, text) in [
            (",\"_routing\":", document.routing),
            (",\"_type\":", document.doc_type),
            (",\"_parent\":", document.parent),
        ] {
            if let Some(text) = text {
                line.extend_from_slice(name.as_bytes());
                push_json(line, text);
            }
        }
        for (name, number) in [
            (",\"_timestamp\":", document.timestamp),
            (",\"_ttl\":", document.expires),
            (",\"_version\":", document.versions.version),
            (",\"_seq_no\":", document.versions.seq_no),
            (",\"_primary_term\":", document.versions.primary_term),
        ] {
            if let Some(number) = number {
                line.extend_from_slice(name.as_bytes());
                line.extend_from_slice(number.to_string().as_bytes());
            }
        }
        if let Source::Converted(_, format) = document.source {
            line.extend_from_slice(b",\"_source_format\":\"");
            line.extend_from_slice(format.as_str().as_bytes());
            line.push(b'"');
        }
        line.extend_from_slice(b",\"_source\":");
        push_one_line(line, document.source.bytes());
        line.extend_from_slice(b"}\n");
    }
}

/// Appends `json` with every line break as a space: outside a string it is white space, inside one it can't be.
fn push_one_line(line: &mut Vec<u8>, json: &[u8]) {
    let start = line.len();
    line.extend_from_slice(json);
    let Some(copied) = line.get_mut(start..) else { return };
    let breaks: Vec<usize> = memchr::memchr2_iter(b'\n', b'\r', copied).collect();
    for at in breaks {
        if let Some(byte) = copied.get_mut(at) {
            *byte = b' ';
        }
    }
}

fn push_json(line: &mut Vec<u8>, text: &str) {
    // Text always serialises, and writing to memory never fails.
    let _ = serde_json::to_writer(line, text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{Versions, source::SourceFormat};

    fn line(document: &Document<'_>) -> String {
        let mut line = Vec::new();
        LineWriter::new("a\"b").push(document, &mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn everything_optional_is_left_out_or_in_its_place() {
        let bare = Document {
            id: "1",
            doc_type: None,
            routing: None,
            parent: None,
            timestamp: None,
            expires: None,
            source: Source::Converted(b"{}", SourceFormat::Smile),
            recovered: true,
            versions: Versions::default(),
        };
        assert_eq!(line(&bare), "{\"_index\":\"a\\\"b\",\"_id\":\"1\",\"_source_format\":\"smile\",\"_source\":{}}\n");
        let full = Document {
            id: "i\n",
            doc_type: Some("tweet"),
            routing: Some("r"),
            parent: Some("p"),
            timestamp: Some(-1),
            expires: Some(2),
            source: Source::Json(b"{\n \"x\": 1\r\n}"),
            recovered: false,
            versions: Versions { version: Some(3), seq_no: Some(7), primary_term: Some(1) },
        };
        assert_eq!(
            line(&full),
            "{\"_index\":\"a\\\"b\",\"_id\":\"i\\n\",\"_routing\":\"r\",\"_type\":\"tweet\",\"_parent\":\"p\",\"_timestamp\":-1,\
             \"_ttl\":2,\"_version\":3,\"_seq_no\":7,\"_primary_term\":1,\"_source\":{  \"x\": 1  }}\n"
        );
    }
}
