//! What a cluster answers, as far as it is looked at.
//!
//! In: bytes of answers. Out: the type and reason of an error, and one [`ItemAnswer`] per item of a bulk request.
//!
//! Holds: texts are cut to a bound and never repeat the request. (Elasticsearch before 8 quotes the first bytes of its
//! buffer where it can't parse a document, and these are the head of the HTTP request with the password in it.)
//! Not here: what an error means (`outcome`).

use serde::Deserialize;

/// Longest text kept of an error: dead letters and messages hold it.
const TEXT_BYTES_MAX: usize = 2_000;

/// An error in the words of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The exception's name, e.g. `mapper_parsing_exception`; empty where there is none.
    pub kind: String,
    /// What it says, with what the first cause says.
    pub reason: String,
}

/// The answer for one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ItemAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// Its error, where there is one.
    pub fault: Option<Fault>,
}

/// Reads the answer to a bulk request of `sent` items.
///
/// Every item's status is asked for and looked at, also where `errors` is false: only so a missing answer is noticed,
/// for 25 bytes and less than a tenth of a microsecond per document.
///
/// # Errors
/// What is wrong with the answer, where it isn't one for `sent` items.
pub(crate) fn bulk_items(body: &[u8], sent: usize) -> Result<Vec<ItemAnswer>, String> {
    let answer: RawBulk = serde_json::from_slice(body).map_err(|error| format!("{error} in {}", excerpt(body)))?;
    if answer.items.len() != sent {
        return Err(format!("{} items were sent, {} were answered", sent, answer.items.len()));
    }
    let items: Vec<ItemAnswer> = answer.items.into_iter().map(|item| item.action.into()).collect();
    if !answer.errors && items.iter().any(|item| item.fault.is_some()) {
        return Err("it says `errors: false` and holds an error".to_owned());
    }
    Ok(items)
}

/// Reads an answer that isn't a success.
pub(crate) fn fault(body: &[u8]) -> Fault {
    match serde_json::from_slice(body) {
        Ok(RawFailure { error: RawError::Object(error) }) => error.into(),
        Ok(RawFailure { error: RawError::Text(reason) }) => Fault { kind: String::new(), reason: shorten(&reason) },
        Err(_) if body.is_empty() => Fault { kind: String::new(), reason: "an empty answer".to_owned() },
        Err(_) => Fault { kind: String::new(), reason: excerpt(body) },
    }
}

/// The beginning of an answer, for messages.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let (start, cut) = body.split_at_checked(200).map_or((body, false), |(start, rest)| (start, !rest.is_empty()));
    format!("{:?}{}", String::from_utf8_lossy(start), if cut { "…" } else { "" })
}

#[derive(Deserialize)]
struct RawBulk {
    errors: bool,
    // Without a single item, `filter_path` leaves the field out.
    #[serde(default)]
    items: Vec<RawItem>,
}

/// `{"index": {…}}`: the key is the operation.
#[derive(Deserialize)]
struct RawItem {
    #[serde(alias = "index", alias = "create")]
    action: RawAction,
}

#[derive(Deserialize)]
struct RawAction {
    status: u16,
    error: Option<RawCause>,
}

#[derive(Deserialize)]
struct RawFailure {
    error: RawError,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawError {
    Object(RawCause),
    Text(String),
}

#[derive(Deserialize)]
pub(crate) struct RawCause {
    #[serde(rename = "type")]
    kind: String,
    reason: Option<String>,
    caused_by: Option<Box<RawCause>>,
}

impl From<RawAction> for ItemAnswer {
    fn from(action: RawAction) -> Self {
        Self { status: action.status, fault: action.error.map(Fault::from) }
    }
}

impl From<RawCause> for Fault {
    fn from(error: RawCause) -> Self {
        let mut reason = shorten(&error.reason.unwrap_or_default());
        if let Some(cause) = error.caused_by {
            let cause_reason = shorten(&cause.reason.unwrap_or_default());
            // Newer servers repeat the cause in the reason.
            if cause_reason.is_empty() || !reason.contains(&cause_reason) {
                reason = shorten(&format!("{reason}; caused by {}: {cause_reason}", cause.kind));
            }
        }
        Self { kind: shorten(&error.kind), reason }
    }
}

/// Drops quoted request bytes, and what is longer than anyone reads.
fn shorten(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    // Jackson: ` at [Source: (byte[])"<up to 500 bytes>"; line: 1, column: 8]`
    while let Some((before, quoted)) = rest.split_once("[Source: (") {
        kept.push_str(before);
        kept.push_str("[Source: (not repeated)");
        rest = quoted.rfind("\"; line:").and_then(|end| quoted.get(end + 1..)).unwrap_or("]");
    }
    kept.push_str(rest);
    if kept.len() > TEXT_BYTES_MAX {
        kept.truncate(kept.floor_char_boundary(TEXT_BYTES_MAX));
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_has_its_answer() {
        let body = br#"{"took":3,"errors":true,"items":[{"index":{"status":201}},{"create":{"status":409,
            "error":{"type":"version_conflict_engine_exception","reason":"[1]: version conflict"}}},
            {"index":{"status":503,"error":{"type":"no_shard_available_action_exception","reason":null}}}]}"#;
        let fault = |kind: &str, reason: &str| Some(Fault { kind: kind.into(), reason: reason.into() });
        assert_eq!(
            bulk_items(body, 3).unwrap(),
            [
                ItemAnswer { status: 201, fault: None },
                ItemAnswer { status: 409, fault: fault("version_conflict_engine_exception", "[1]: version conflict") },
                ItemAnswer { status: 503, fault: fault("no_shard_available_action_exception", "") },
            ]
        );
    }

    #[test]
    fn an_answer_that_does_not_fit_is_no_answer() {
        let one = br#"{"errors":false,"items":[{"index":{"status":201}}]}"#;
        assert!(bulk_items(one, 1).is_ok());
        for sent in [0, 2] {
            assert!(bulk_items(one, sent).unwrap_err().contains("1 were answered"));
        }
        for end in 0..one.len() {
            assert!(bulk_items(&one[..end], 1).is_err(), "cut at {end}");
        }
        for wrong in [
            r#"{"items":[{"index":{"status":201}}]}"#,
            r#"{"errors":false,"items":[{"index":{}}]}"#,
            r#"{"errors":false,"items":[{"delete":{"status":200}}]}"#,
            r#"{"errors":false}"#,
            r#"{"errors":false,"items":[{"index":{"status":400,"error":{"type":"x","reason":"y"}}}]}"#,
            "<html>",
        ] {
            assert!(bulk_items(wrong.as_bytes(), 1).is_err(), "{wrong}");
        }
    }

    #[test]
    fn failures_of_whole_requests_are_read_in_every_form() {
        let read = |body: &str| fault(body.as_bytes());
        let object = read(r#"{"error":{"root_cause":[],"type":"a_exception","reason":"b"},"status":400}"#);
        assert_eq!(object, Fault { kind: "a_exception".into(), reason: "b".into() });
        assert_eq!(read(r#"{"error":"Incorrect HTTP method","status":405}"#).reason, "Incorrect HTTP method");
        assert_eq!(read("<html>no</html>").reason, "\"<html>no</html>\"");
        assert_eq!(read("").reason, "an empty answer");
        assert!(read(&"x".repeat(1_000)).reason.len() < 250);
    }

    #[test]
    fn the_first_cause_is_told_once() {
        let body = |reason: &str| {
            format!(r#"{{"error":{{"type":"k","reason":"{reason}","caused_by":{{"type":"c","reason":"why"}}}}}}"#)
        };
        assert_eq!(fault(body("failed").as_bytes()).reason, "failed; caused by c: why");
        assert_eq!(fault(body("failed: why").as_bytes()).reason, "failed: why");
    }

    #[test]
    fn the_request_is_never_repeated_and_texts_are_bounded() {
        // As Elasticsearch 7.10.2 answers a document with a duplicate key.
        let quoted = "Duplicate field 'k'\n at [Source: (byte[])\"POST /t/_bulk HTTP/1.1\r\nAuthorization: Basic \
                      aHVudGVyMg==\r\n\r\n{\"k\":\"a\"; line: 1}\"; line: 1, column: 13]";
        assert_eq!(shorten(quoted), "Duplicate field 'k'\n at [Source: (not repeated); line: 1, column: 13]");
        let cut = quoted.split_once("aHVud").unwrap().0;
        assert_eq!(shorten(cut), "Duplicate field 'k'\n at [Source: (not repeated)]");
        let long = shorten(&"é".repeat(5_000));
        assert!(long.len() < TEXT_BYTES_MAX + 4 && long.ends_with("é…"), "{}", long.len());
    }
}
