//! The body of a `_bulk` request while it is being packed.
//!
//! In: ids, routings and sources, and indices where there are several. Out: the bytes to send, and where each item begins and ends in them, so that items
//! can be sent again without being packed again.
//!
//! ```text
//! {"index":{"_index":"…","_id":"…","routing":"…"}}\n
//! {… source on one line …}\n
//! ```
//!
//! Holds: an item is two lines whatever is in its id or source. Where one index is meant by all of them, it stands in the
//! request's path.
//! Not here: when a body is full. After: the Bulk API of Elasticsearch 7 and OpenSearch 1, which is unchanged since.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

/// What the target does with a document whose id it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Replaces it.
    Index,
    /// Keeps it: the outcome is [`AlreadyThere`](crate::ItemOutcome::AlreadyThere).
    Create,
    /// Replaces it unless its version is higher than this one, which the document then has; else as for `Create`.
    IndexVersion(i64),
}

impl Op {
    fn as_str(self) -> &'static str {
        match self {
            Self::Index | Self::IndexVersion(_) => "index",
            Self::Create => "create",
        }
    }
}

/// What is to be done with a document, and where.
#[derive(Debug, Clone, Copy)]
pub struct Action<'a> {
    /// What.
    pub op: Op,
    /// In which index or data stream; `None`: in that of the request.
    pub index: Option<&'a str>,
    /// Under which `_id`.
    pub id: &'a str,
    /// By which `_routing`, where one was given.
    pub routing: Option<&'a str>,
}

/// A bulk body. Ids must differ within it, unless all that meet are created: where some items are sent
/// again, they arrive after the others.
///
/// The bytes are shared with the requests that carry them, and reused after [`clear`](Self::clear).
#[derive(Debug, Clone, Default)]
pub struct BulkBody {
    bytes: Arc<Vec<u8>>,
    items: Vec<Item>,
}

/// Offsets of one item.
#[derive(Debug, Clone, Copy)]
struct Item {
    /// Of the action line.
    start: usize,
    /// Of the source's line.
    source: usize,
    /// After the source's line break.
    end: usize,
}

impl BulkBody {
    /// Packs a document for the request's index. Line breaks in `source` become spaces, which JSON does not mind; else it
    /// is sent as it is.
    pub fn push(&mut self, op: Op, id: &str, routing: Option<&str>, source: &[u8]) {
        self.push_parts(&Action { op, index: None, id, routing }, &[source]);
    }

    /// The same for any index, with a source that comes in parts.
    pub fn push_parts(&mut self, action: &Action<'_>, source: &[&[u8]]) {
        let Action { op, index, id, routing } = *action;
        // Copies only if a request still holds the bytes, and `clear` sees to it that none does.
        let bytes = Arc::make_mut(&mut self.bytes);
        let start = bytes.len();
        bytes.extend_from_slice(b"{\"");
        bytes.extend_from_slice(op.as_str().as_bytes());
        bytes.extend_from_slice(b"\":{");
        if let Some(index) = index {
            bytes.extend_from_slice(b"\"_index\":");
            push_json_string(bytes, index);
            bytes.push(b',');
        }
        bytes.extend_from_slice(b"\"_id\":");
        push_json_string(bytes, id);
        if let Some(routing) = routing {
            bytes.extend_from_slice(b",\"routing\":");
            push_json_string(bytes, routing);
        }
        if let Op::IndexVersion(version) = op {
            bytes.extend_from_slice(format!(",\"version\":{version},\"version_type\":\"external_gte\"").as_bytes());
        }
        bytes.extend_from_slice(b"}}\n");
        let source_start = bytes.len();
        for part in source {
            push_on_one_line(bytes, part);
        }
        bytes.push(b'\n');
        self.items.push(Item { start, source: source_start, end: bytes.len() });
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Bytes of the body.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// The source of an item as it is sent, without the line break at its end; `None` where there is no such item.
    #[must_use]
    pub fn source(&self, number: usize) -> Option<&[u8]> {
        let item = self.items.get(number)?;
        self.bytes.get(item.source..item.end.checked_sub(1)?)
    }

    /// Id and routing of an item, read back from its action line.
    #[must_use]
    pub fn key(&self, number: usize) -> Option<(String, Option<String>)> {
        let item = self.items.get(number)?;
        let line = self.bytes.get(item.start..item.source)?;
        let action: serde_json::Value = serde_json::from_slice(line).ok()?;
        let fields = action.as_object()?.values().next()?;
        let text = |name: &str| fields.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        Some((text("_id")?, text("routing")))
    }

    /// Empties the body and keeps its memory, unless a request that was given up still holds it.
    pub fn clear(&mut self) {
        self.items.clear();
        match Arc::get_mut(&mut self.bytes) {
            Some(bytes) => bytes.clear(),
            None => self.bytes = Arc::new(Vec::with_capacity(self.bytes.capacity())),
        }
    }

    /// The action line of an item, for messages.
    pub(crate) fn action(&self, number: usize) -> String {
        let line = self.items.get(number).and_then(|item| self.bytes.get(item.start..item.source)).unwrap_or_default();
        String::from_utf8_lossy(line).trim_end().to_owned()
    }

    /// The bytes of some items, by ascending number: without copying where they stand side by side.
    pub(crate) fn gather(&self, numbers: &[usize]) -> Bytes {
        let item = |number: &usize| self.items.get(*number);
        let side_by_side = numbers.iter().zip(numbers.iter().skip(1)).all(|(this, next)| this + 1 == *next);
        if side_by_side {
            let start = numbers.first().and_then(item).map_or(0, |first| first.start);
            let end = numbers.last().and_then(item).map_or(0, |last| last.end);
            return Bytes::from_owner(Shared { bytes: Arc::clone(&self.bytes), range: start..end });
        }
        let ranges = numbers.iter().filter_map(item).map(|item| item.start..item.end);
        let mut bytes = Vec::with_capacity(ranges.clone().map(|range| range.len()).sum());
        for range in ranges {
            bytes.extend_from_slice(self.bytes.get(range).unwrap_or_default());
        }
        Bytes::from(bytes)
    }
}

/// A part of the body, held by a request.
struct Shared {
    bytes: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(self.range.clone()).unwrap_or_default()
    }
}

fn push_json_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

fn push_on_one_line(out: &mut Vec<u8>, source: &[u8]) {
    let mut rest = source;
    while let Some(at) = memchr::memchr2(b'\n', b'\r', rest) {
        let Some((line, after)) = rest.split_at_checked(at) else { break };
        out.extend_from_slice(line);
        out.push(b' ');
        rest = after.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn an_item_is_two_lines_whatever_is_in_it() {
        let mut body = BulkBody::default();
        body.push(Op::Index, "1", None, b"{\n  \"a\": 1\r\n}\n");
        body.push(Op::Create, "a\"b\\c\nd\u{1}é😀", Some("r\""), b"{}");
        body.push(Op::Index, "", Some(""), b"");
        body.push(Op::IndexVersion(7), "v", Some("r"), b"{}");
        let lines: Vec<&str> = text(&body.bytes).split('\n').collect();
        assert_eq!(lines[0], r#"{"index":{"_id":"1"}}"#);
        assert_eq!(lines[1], "{   \"a\": 1  } ");
        let action: serde_json::Value = serde_json::from_str(lines[2]).unwrap();
        assert_eq!(action, serde_json::json!({"create": {"_id": "a\"b\\c\nd\u{1}é😀", "routing": "r\""}}));
        let versioned = r#"{"index":{"_id":"v","routing":"r","version":7,"version_type":"external_gte"}}"#;
        assert_eq!(lines[3..], ["{}", r#"{"index":{"_id":"","routing":""}}"#, "", versioned, "{}", ""]);
        assert_eq!(body.source(1), Some(b"{}".as_slice()));
        assert_eq!(body.source(2), Some(b"".as_slice()));
        assert_eq!(body.key(3), Some(("v".to_owned(), Some("r".to_owned()))));
        assert_eq!(body.source(4), None);
        assert_eq!(body.action(0), r#"{"index":{"_id":"1"}}"#);
        assert_eq!((body.len(), body.byte_len()), (4, body.bytes.len()));
    }

    #[test]
    fn an_action_may_name_its_index_and_a_source_may_come_in_parts() {
        let mut body = BulkBody::default();
        let action = Action { op: Op::Create, index: Some("a\"b"), id: "1", routing: Some("r") };
        body.push_parts(&action, &[b"{", b"\"j\":1", b",", b"\n\"a\":2}"]);
        let item = "{\"create\":{\"_index\":\"a\\\"b\",\"_id\":\"1\",\"routing\":\"r\"}}\n{\"j\":1, \"a\":2}\n";
        assert_eq!(text(&body.bytes), item);
        assert_eq!(body.source(0), Some(br#"{"j":1, "a":2}"#.as_slice()));
        assert_eq!(body.key(0), Some(("1".to_owned(), Some("r".to_owned()))));
    }

    #[test]
    fn items_are_gathered_and_neighbours_are_not_copied() {
        let mut body = BulkBody::default();
        for id in ["0", "1", "2", "3"] {
            body.push(Op::Index, id, None, id.as_bytes());
        }
        let item = |id: &str| format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{id}\n");
        let all = body.gather(&[0, 1, 2, 3]);
        assert_eq!(all.as_ptr(), body.bytes.as_ptr());
        assert_eq!(all.len(), body.byte_len());
        assert_eq!(text(&body.gather(&[1, 2])), item("1") + &item("2"));
        assert_eq!(text(&body.gather(&[0, 3])), item("0") + &item("3"));
        assert_eq!(text(&body.gather(&[2])), item("2"));
        assert!(body.gather(&[]).is_empty());
    }

    #[test]
    fn memory_is_reused_and_never_changed_under_a_request() {
        let mut body = BulkBody::default();
        body.push(Op::Index, "1", None, &[b'x'; 1000]);
        let memory = body.bytes.as_ptr();
        drop(body.gather(&[0]));
        body.clear();
        body.push(Op::Index, "2", None, b"y");
        assert_eq!(body.bytes.as_ptr(), memory);

        let in_flight = body.gather(&[0]);
        body.clear();
        assert!(body.is_empty() && body.byte_len() == 0);
        body.push(Op::Index, "3", None, b"z");
        assert_eq!(text(&in_flight), "{\"index\":{\"_id\":\"2\"}}\ny\n");
    }
}
