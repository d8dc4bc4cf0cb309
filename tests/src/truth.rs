//! Compares documents with what the source's server said they are.
//!
//! In: an export (or a target's documents) and the truth: the server's own answer before the snapshot, in one file or,
//! of servers before Elasticsearch 7, in a folder with a file for each index. Out: a [`Report`] that names every
//! document that is missing, too much, twice there or different.
//!
//! Holds: a source is compared byte by byte as it was spelt; only line breaks, which cannot stand in a line, count as
//! spaces. A source that the export had to convert (SMILE, CBOR, YAML) is compared as a JSON value, numbers by value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Number, Value};

use crate::document::{Document, Key};

/// How many documents of each kind a report prints.
const PRINTED_MAX: usize = 20;
/// How much of a source a report prints, in characters.
const EXCERPT_CHARS: usize = 160;

/// What of a document must be the same; key and source always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Type, parent, times and version too, and sequence number and primary term where the truth knows them: an export
    /// of the snapshot.
    Everything,
    /// Only index, id, routing and source: the documents of a target, which gives numbers of its own and has no types.
    Content,
}

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many documents are as they should be.
    pub equal: usize,
    /// Documents of the truth that are not there.
    pub missing: Vec<String>,
    /// Documents that the truth doesn't have.
    pub unexpected: Vec<String>,
    /// Documents that came more than once.
    pub repeated: Vec<String>,
    /// Documents that are there, but not as in the truth; with the first difference.
    pub different: Vec<String>,
    /// Documents whose server kept no source, and that rightly are not there: there is nothing to move.
    pub without_source: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_equal(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.repeated.is_empty() && self.different.is_empty()
    }
}

/// Compares the lines of `export` with those of `truth`, both only for the indices that `wanted` accepts.
///
/// # Errors
/// Where a line can't be read or is no document.
pub fn compare(export: impl BufRead, truth: impl BufRead, wanted: impl Fn(&str) -> bool) -> Result<Report> {
    let chosen = |document: &Document| wanted(&document.index);
    let truth = read(truth, "truth").filter(|document| document.as_ref().map_or(true, chosen));
    let export = read(export, "export").filter(|document| document.as_ref().map_or(true, chosen));
    compare_documents(export, truth, Compared::Everything)
}

/// The documents of NDJSON, one by one; `what` names it in errors.
pub fn read(lines: impl BufRead, what: &'static str) -> impl Iterator<Item = Result<Document>> {
    lines.lines().enumerate().map(move |(n, line)| {
        let line = line.with_context(|| format!("read line {} of the {what}", n + 1))?;
        serde_json::from_str(&line).with_context(|| format!("line {} of the {what} is no document", n + 1))
    })
}

/// The truth of servers before Elasticsearch 7.
#[derive(Debug)]
pub struct Folder {
    /// The indices that it tells of; of others, such as closed ones, it knows nothing.
    pub indices: BTreeSet<String>,
    /// Their documents.
    pub documents: Vec<Document>,
}

impl Folder {
    /// Reads `folder`: one file of NDJSON for each index, which has its name.
    ///
    /// A line whose source was spelt otherwise than it is there has its text as `_source_text`.
    ///
    /// # Errors
    /// Where a file can't be read or a line is no document.
    pub fn read(folder: &Path) -> Result<Self> {
        let (mut indices, mut documents) = (BTreeSet::new(), Vec::new());
        for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
            let path = entry.context("list a folder")?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".ndjson")) else { continue };
            indices.insert(percent_decode_str(name).decode_utf8().context("decode the name of an index")?.into_owned());
            let file = File::open(&path).with_context(|| format!("open {}", path.display()))?;
            for line in BufReader::new(file).lines() {
                let document = line.context("read a line").and_then(|line| respelt(&line));
                documents.push(document.with_context(|| format!("read {}", path.display()))?);
            }
        }
        Ok(Self { indices, documents })
    }
}

/// The document of a line, its source spelt as its server spelt it.
fn respelt(line: &str) -> Result<Document> {
    #[derive(Deserialize)]
    struct Spelt {
        #[serde(rename = "_source_text")]
        text: Option<String>,
    }
    let mut document: Document = serde_json::from_str(line).context("read a document")?;
    let spelt: Spelt = serde_json::from_str(line).context("read a document")?;
    if let Some(text) = spelt.text {
        let source = RawValue::from_string(text.trim().to_owned()).context("read the text of a source")?;
        document.source = Some(source);
    }
    Ok(document)
}

/// Compares `actual` documents with the `expected` ones.
///
/// # Errors
/// The first error of either.
pub fn compare_documents(
    actual: impl IntoIterator<Item = Result<Document>>,
    expected: impl IntoIterator<Item = Result<Document>>,
    compared: Compared,
) -> Result<Report> {
    let key = |document: &Document| match compared {
        Compared::Everything => document.key(),
        Compared::Content => Key { mapping_type: None, ..document.key() },
    };
    let mut awaited: BTreeMap<Key, Document> = BTreeMap::new();
    for document in expected {
        let document = document?;
        awaited.insert(key(&document), document);
    }
    let mut report = Report::default();
    let mut seen: BTreeSet<Key> = BTreeSet::new();
    for document in actual {
        let document = document?;
        let key = key(&document);
        if seen.contains(&key) {
            report.repeated.push(key.to_string());
            continue;
        }
        match awaited.remove(&key) {
            None => report.unexpected.push(key.to_string()),
            Some(truth) => match difference(&document, &truth, compared) {
                None => report.equal += 1,
                Some(found) => report.different.push(format!("{key}: {found}")),
            },
        }
        seen.insert(key);
    }
    for (key, truth) in awaited {
        let list = if truth.source.is_some() { &mut report.missing } else { &mut report.without_source };
        list.push(key.to_string());
    }
    Ok(report)
}

/// The first difference that counts, for a person.
fn difference(found: &Document, truth: &Document, compared: Compared) -> Option<String> {
    if compared == Compared::Everything {
        if found.parent != truth.parent {
            return Some(format!("parent {:?}, should be {:?}", found.parent, truth.parent));
        }
        let numbers = [
            ("timestamp", found.timestamp, truth.timestamp),
            ("version", found.version, truth.version),
            // Elasticsearch tells them since 6.7; documents have them since 6.0.
            ("sequence number", found.seq_no.filter(|_| truth.seq_no.is_some()), truth.seq_no),
            ("primary term", found.primary_term.filter(|_| truth.primary_term.is_some()), truth.primary_term),
        ];
        for (name, found, truth) in numbers {
            if found != truth {
                return Some(format!("{name} {}, should be {}", number(found), number(truth)));
            }
        }
        // The one says when, the other how long it was then: only that there is one can be compared.
        if found.ttl.is_some() != truth.ttl.is_some() {
            return Some(format!("time to live {}, should be {}", number(found.ttl), number(truth.ttl)));
        }
    }
    let (Some(found_source), Some(truth_source)) = (found.source_line(), truth.source_line()) else {
        let words = |document: &Document| if document.source.is_some() { "a source" } else { "no source" };
        return (found.source.is_some() || truth.source.is_some())
            .then(|| format!("{}, should be {}", words(found), words(truth)));
    };
    let same = if found.source_format.is_some() {
        same_text_values(&found_source, &truth_source)
    } else {
        found_source == truth_source
    };
    (!same).then(|| source_difference(&found_source, &truth_source))
}

fn number(number: Option<i64>) -> String {
    number.map_or_else(|| "missing".to_owned(), |number| number.to_string())
}

fn source_difference(found: &str, truth: &str) -> String {
    let same_bytes = found.bytes().zip(truth.bytes()).take_while(|(found, truth)| found == truth).count();
    // A little of what is still the same shows a person where they are.
    let start = same_bytes.saturating_sub(EXCERPT_CHARS / 4);
    let excerpt = |text: &str| {
        let from = text.char_indices().filter(|(at, _)| *at >= start).map(|(_, char)| char);
        from.take(EXCERPT_CHARS).collect::<String>()
    };
    format!("source differs at byte {same_bytes}: …{}…, should be …{}…", excerpt(found), excerpt(truth))
}

fn same_text_values(found: &str, truth: &str) -> bool {
    match (serde_json::from_str::<Value>(found), serde_json::from_str::<Value>(truth)) {
        (Ok(found), Ok(truth)) => same_values(&found, &truth),
        _ => false,
    }
}

fn same_values(found: &Value, truth: &Value) -> bool {
    match (found, truth) {
        (Value::Number(found), Value::Number(truth)) => same_numbers(found, truth),
        (Value::Array(found), Value::Array(truth)) => {
            found.len() == truth.len() && found.iter().zip(truth).all(|(found, truth)| same_values(found, truth))
        }
        (Value::Object(found), Value::Object(truth)) => {
            found.len() == truth.len()
                && found.iter().all(|(name, found)| truth.get(name).is_some_and(|truth| same_values(found, truth)))
        }
        _ => found == truth,
    }
}

/// `5`, `5.0` and `5e0` are one number; integers beyond what a float holds are compared digit by digit.
fn same_numbers(found: &Number, truth: &Number) -> bool {
    let (found, truth) = (found.to_string(), truth.to_string());
    match (found.parse::<i128>(), truth.parse::<i128>()) {
        (Ok(found), Ok(truth)) => found == truth,
        _ => found == truth || matches!((found.parse::<f64>(), truth.parse::<f64>()), (Ok(a), Ok(b)) if a == b),
    }
}

impl fmt::Display for Report {
    /// One line of counts, then the first documents of each kind that is wrong.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong = [
            ("missing", &self.missing),
            ("unexpected", &self.unexpected),
            ("repeated", &self.repeated),
            ("different", &self.different),
        ];
        write!(f, "{} equal", self.equal)?;
        for (name, documents) in wrong {
            write!(f, ", {} {name}", documents.len())?;
        }
        write!(f, ", {} without source", self.without_source.len())?;
        for (name, documents) in wrong {
            for document in documents.iter().take(PRINTED_MAX) {
                write!(f, "\n{name}: {document}")?;
            }
            if documents.len() > PRINTED_MAX {
                write!(f, "\n{name}: … and {} more", documents.len() - PRINTED_MAX)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "\"_version\":1,\"_seq_no\":0,\"_primary_term\":1";

    fn compared(export: &[String], truth: &[String]) -> Report {
        compare(export.join("\n").as_bytes(), truth.join("\n").as_bytes(), |index| index != "other").unwrap()
    }

    fn line(id: &str, rest: &str) -> String {
        format!("{{\"_index\":\"i\",\"_id\":\"{id}\",{HEAD}{rest}}}")
    }

    #[test]
    fn every_way_of_being_wrong_is_told_apart() {
        let truth = [
            line("same", ",\"_source\":{\"a\": 1}"),
            line("lost", ",\"_source\":{}"),
            line("respelt", ",\"_source\":{\"a\":1.10}"),
            line("bare", ""),
        ];
        let export = [
            line("respelt", ",\"_source\":{\"a\":1.1}"),
            line("same", ",\"_source\":{\"a\": 1}"),
            line("same", ",\"_source\":{\"a\": 1}"),
            line("new", ",\"_source\":{}"),
            line("x", ",\"_source\":{}").replace("\"i\"", "\"other\""),
        ];
        let report = compared(&export, &truth);
        assert_eq!(report.equal, 1);
        assert_eq!(report.missing, ["i/\"lost\""]);
        assert_eq!(report.unexpected, ["i/\"new\""]);
        assert_eq!(report.repeated, ["i/\"same\""]);
        assert_eq!(report.without_source, ["i/\"bare\""]);
        assert_eq!(
            report.different,
            ["i/\"respelt\": source differs at byte 8: …{\"a\":1.1}…, should be …{\"a\":1.10}…"]
        );
        assert!(!report.is_equal());
        assert!(compared(&truth[..1], &truth[..1]).is_equal());
    }

    #[test]
    fn one_id_under_two_routings_is_two_documents() {
        let routed = |routing: &str| line("a", &format!(",\"_routing\":\"{routing}\",\"_source\":{{}}"));
        let report = compared(&[routed("r"), routed("s")], &[routed("s"), routed("r")]);
        assert_eq!((report.equal, report.is_equal()), (2, true));
        let report = compared(&[routed("r"), routed("r")], &[routed("s"), routed("r")]);
        assert_eq!(report.missing, ["i/\"a\" routing \"s\""]);
    }

    #[test]
    fn a_converted_source_is_compared_by_value_and_its_metadata_exactly() {
        let truth = [line("a", ",\"_source\": {\"n\":5,\"m\":12345678901234567890123,\"l\":[1.50]}")];
        let export = |source: &str| [line("a", &format!(",\"_source_format\":\"cbor\",\"_source\":{source}"))];
        assert!(compared(&export("{\"l\":[1.5],\"m\":12345678901234567890123,\"n\":5.0}"), &truth).is_equal());
        assert!(!compared(&export("{\"l\":[1.5],\"m\":12345678901234567890124,\"n\":5.0}"), &truth).is_equal());
        assert!(!compared(&export("{\"l\":[1.5],\"n\":5}"), &truth).is_equal());
        let other = [truth[0].replace("\"_version\":1", "\"_version\":2")];
        assert_eq!(compared(&other, &truth).different, ["i/\"a\": version 2, should be 1"]);
        let elder = [truth[0].replace(",\"_seq_no\":0", "")];
        assert!(compared(&truth, &elder).is_equal(), "the truth need not know sequence numbers");
        assert_eq!(compared(&elder, &truth).different, ["i/\"a\": sequence number missing, should be 0"]);
        let documents = |lines: &[String]| read(std::io::Cursor::new(lines.join("\n")), "export").collect::<Vec<_>>();
        let report = compare_documents(documents(&other), documents(&truth), Compared::Content).unwrap();
        assert!(report.is_equal(), "{report}");
    }

    #[test]
    fn types_have_ids_of_their_own_and_parents_are_compared() {
        let typed = |rest: &str| line("a", &format!(",{rest},\"_source\":{{}}"));
        let truth = [typed("\"_type\":\"t\""), typed("\"_type\":\"u\",\"_parent\":\"p\"")];
        let report = compared(&truth, &truth);
        assert_eq!((report.equal, report.is_equal()), (2, true));
        let report = compared(&[typed("\"_type\":\"u\""), typed("\"_type\":\"v\"")], &truth);
        assert_eq!(report.different, ["i/u/\"a\": parent None, should be Some(\"p\")"]);
        assert_eq!((report.missing, report.unexpected), (vec!["i/t/\"a\"".to_owned()], vec!["i/v/\"a\"".to_owned()]));
        let report = compared(&[typed("\"_type\":\"u\",\"_parent\":\"q\"")], &truth);
        assert_eq!(report.different, ["i/u/\"a\": parent Some(\"q\"), should be Some(\"p\")"]);
    }

    #[test]
    fn times_and_numbers_are_there_or_not() {
        let truth = [line("a", ",\"_timestamp\":7,\"_ttl\":100,\"_source\":{}")];
        let export = [line("a", ",\"_timestamp\":7,\"_ttl\":123456,\"_source\":{}")];
        assert!(compared(&export, &truth).is_equal());
        for (from, to, found) in [
            (",\"_ttl\":123456", "", "time to live missing, should be 100"),
            ("\"_timestamp\":7", "\"_timestamp\":8", "timestamp 8, should be 7"),
            ("\"_seq_no\":0,", "", "sequence number missing, should be 0"),
        ] {
            let export = [export[0].replace(from, to)];
            assert_eq!(compared(&export, &truth).different, [format!("i/\"a\": {found}")]);
        }
    }

    #[test]
    fn a_folder_tells_sources_as_they_were_spelt() {
        let folder = tempfile::tempdir().unwrap();
        let lines = [
            r#"{"_index": "é", "_type": "t", "_id": "1", "_version": 1, "_source": {"a b": ["c \" d", 1]}}"#,
            r#"{"_index": "é", "_type": "t", "_id": "2", "_version": 1, "_source": {"a": 1}, "_source_text": "\n{ \"a\": 1.0}"}"#,
            r#"{"_index": "é", "_type": "t", "_id": "3", "_version": 1, "fields": {"a": [1]}}"#,
        ];
        std::fs::write(folder.path().join("%C3%A9.ndjson"), lines.join("\n")).unwrap();
        std::fs::write(folder.path().join(".empty.ndjson"), "").unwrap();
        let truth = Folder::read(folder.path()).unwrap();
        assert_eq!(truth.indices.iter().map(String::as_str).collect::<Vec<_>>(), [".empty", "é"]);
        let sources: Vec<_> = truth.documents.iter().map(|document| document.source_line()).collect();
        assert_eq!(sources, [Some(r#"{"a b": ["c \" d", 1]}"#.into()), Some(r#"{ "a": 1.0}"#.into()), None]);
        std::fs::write(folder.path().join("broken.ndjson"), "{}").unwrap();
        assert!(format!("{:#}", Folder::read(folder.path()).unwrap_err()).contains("broken.ndjson"));
    }

    #[test]
    fn a_line_that_is_no_document_is_named() {
        let error = compare("{}\n".as_bytes(), "".as_bytes(), |_| true).expect_err("no document");
        assert_eq!(error.to_string(), "line 1 of the export is no document");
    }
}
