//! Terms of documents, as Lucene 6.6 and 7.7 wrote them, and the parents that Elasticsearch 5.6 keeps so.
//!
//! Each `lucene-<version>/sorted` was written by the same program: [`term`] tells what document i of 3001 has in each
//! field. With 100 terms, with 2001 of one length, and with 2401 of which some are long, Lucene chooses another form
//! for each; with a term in one of 300 documents also another one for which documents those are.

use lucene::{Commit, Error, Result, Segment};

use crate::common::Shard;

const DOCS: u32 = 3001;
const FIELDS: [&str; 6] = ["all_one", "few", "fixed", "half_one", "many", "sparse"];

fn term(field: &str, i: u32) -> Option<String> {
    let n = i * 7919 % DOCS;
    let letter = char::from(b'a' + (n % 26) as u8).to_string();
    match field {
        "all_one" => Some("same".to_owned()),
        "few" => Some(format!("term{}", i % 100)),
        "fixed" => (!i.is_multiple_of(3)).then(|| format!("{n:04}")),
        "half_one" => Some(if i.is_multiple_of(2) { "even" } else { "" }.to_owned()),
        "many" => {
            let long = if n % 500 == 7 { 300 } else { 0 };
            (!i.is_multiple_of(5)).then(|| format!("parent-{n}{}", letter.repeat(long)))
        }
        "sparse" => (i % 300 == 7).then(|| format!("s{n}")),
        other => panic!("{other}"),
    }
}

fn segment(shard: &Shard) -> Result<Segment> {
    let commit = Commit::read(&*shard.dir())?;
    Segment::open(shard.dir(), &commit.segments[0])
}

#[test]
fn terms_are_what_was_written_in_any_form() {
    for version in ["6.6.1", "7.7.3"] {
        let segment = segment(&Shard::open(&format!("lucene-{version}/sorted"))).unwrap();
        for field in FIELDS {
            let mut terms = segment.sorted(field).unwrap().unwrap();
            for i in (0..DOCS).chain((0..DOCS).rev().step_by(7)) {
                let found = terms.get(i).unwrap_or_else(|error| panic!("{version} {field} {i}: {error}"));
                assert_eq!(found.map(String::from_utf8_lossy).as_deref(), term(field, i).as_deref(), "{field} {i}");
            }
        }
        assert!(segment.sorted("no_such_field").unwrap().is_none());
        let error = segment.sorted("set").err().expect("a set is not one term").to_string();
        assert!(error.contains("field set was written by SortedSet doc values"), "{error}");
        assert!(matches!(segment.numeric("few"), Err(Error::Unsupported { .. })), "terms are no numbers");
        segment.verify(&FIELDS).unwrap();
    }
}

#[test]
fn terms_of_other_formats_are_refused_by_name() {
    for (version, format) in
        [("4.9.1", "Lucene49"), ("5.2.1", "Lucene50"), ("8.0.0", "Lucene80"), ("9.0.0", "Lucene90")]
    {
        let segment = segment(&Shard::open(&format!("lucene-{version}/values"))).unwrap();
        let error = segment.sorted("b_sorted").err().expect("refused").to_string();
        assert!(error.contains(&format!("b_sorted was written by doc values format {format};")), "{error}");
    }
}

#[test]
fn parents_of_elasticsearch_5_are_what_the_server_said() {
    let shard = Shard::open("elasticsearch-5.6.16/family-2");
    let said = String::from_utf8(shard.files["parents.tsv"].to_vec()).unwrap();
    let mut lines = Vec::new();
    for commit in Commit::read(&*shard.dir()).unwrap().segments {
        let segment = Segment::open(shard.dir(), &commit).unwrap();
        let mut live = segment.live_docs().unwrap();
        let mut parents = ["_parent#parent", "_parent#child"].map(|field| segment.sorted(field).unwrap());
        for doc in 0..segment.max_doc() {
            if live.is_live(doc).unwrap() {
                let mut line = vec![segment.name().to_owned(), doc.to_string()];
                for terms in &mut parents {
                    let parent = terms.as_mut().and_then(|terms| terms.get(doc).unwrap());
                    line.push(parent.map_or("-".into(), |id| String::from_utf8(id.to_vec()).unwrap()));
                }
                lines.push(line.join("\t"));
            }
        }
    }
    assert_eq!(lines, said.lines().collect::<Vec<_>>());
}

/// Every term that can still be asked for; an error or any bytes, but always an end.
#[test]
fn spoiled_bytes_are_no_more_than_wrong() {
    for version in ["6.6.1", "7.7.3"] {
        let shard = Shard::open(&format!("lucene-{version}/sorted"));
        let read = |shard: &Shard| -> Result<()> {
            let segment = segment(shard)?;
            for field in FIELDS {
                let Some(mut terms) = segment.sorted(field)? else { continue };
                for i in (0..DOCS).step_by(50) {
                    terms.get(i)?;
                }
            }
            Ok(())
        };
        let (mut refused, mut passed) = (0, 0);
        let (file, bytes) = shard.files.iter().find(|(file, _)| file.ends_with(".dvm")).unwrap();
        for at in 0..bytes.len() - 16 {
            for spoiled in [bytes[at] ^ 1, bytes[at] ^ 0x80, 0xFF] {
                let mut bytes = bytes[..bytes.len() - 8].to_vec();
                bytes[at] = spoiled;
                bytes.extend(u64::from(crc32fast::hash(&bytes)).to_be_bytes());
                match read(&shard.with(file, bytes)) {
                    Ok(()) => passed += 1,
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(refused > passed / 4, "{version}: {refused} refused, {passed} passed");
    }
}
