//! `record-answers FIXTURE [URL [DIRECTORY]]`: what a fixture's server answers about its snapshot.
//!
//! In: a fixture, `elasticsearch-7.10.2` for example, and a running, empty server of the same version at URL, which may
//! read repositories below DIRECTORY (its `path.repo`; `/tmp` where none is named). Without URL the server is started,
//! if the tests know how to. Out: `tests/fixtures/answers/<FIXTURE>.json`.
//!
//! Holds: a query that answers nothing proves nothing and is refused.

#![allow(clippy::indexing_slicing, reason = "what is not there is null, and null is looked at")]

mod metadata;
mod queries;

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tests::answers::{Answer, Answers, ITEMS, Query, names};
use tests::fixtures::{self, Fixture};
use tests::http::Http;
use tests::servers::{Product, Server};

/// What a plugin of a full distribution left behind on an index is unknown to a server without it.
const IGNORED_SETTINGS: [&str; 3] = ["index.lifecycle.*", "index.plugins.*", "index.opendistro.*"];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, url, directory) = match arguments.as_slice() {
        [name] => (name, None, "/tmp"),
        [name, url] => (name, Some(url), "/tmp"),
        [name, url, directory] => (name, Some(url), directory.as_str()),
        _ => bail!("usage: record-answers FIXTURE [URL [DIRECTORY]]"),
    };
    let set = queries::of(name)?;
    let server = match url {
        Some(_) => None,
        None => Some(Server::start(product(name)?)?),
    };
    let url = url.cloned().or_else(|| server.as_ref().map(Server::url)).context("no server")?;
    let http = Http::new(&url)?;
    let fixture = fixtures::unpack_below(Path::new(directory), name)?;
    let (indices, streams) = restore(&http, &fixture, &set).context("restore the snapshot")?;
    let (queries, lacking) = ask_all(&http, &set).context("ask")?;
    let answers = Answers {
        version: metadata::version(&http)?,
        repository: set.repository.to_owned(),
        snapshot: set.snapshot.to_owned(),
        indices: metadata::indices(&http, &indices, set.closed)?,
        items: ITEMS.iter().map(|(api, list)| ((*api).to_owned(), names(&http, api, *list))).collect(),
        data_streams: metadata::data_streams(streams, &indices),
        lacking,
        queries,
    };
    let path = Answers::path(name);
    std::fs::write(&path, lines(&answers)?).with_context(|| format!("write {}", path.display()))?;
    println!("{}: {} indices, {} queries", path.display(), answers.indices.len(), answers.queries.len());
    Ok(())
}

fn product(fixture: &str) -> Result<Product> {
    let is_of = |product: &&Product| fixture.ends_with(&product.to_string());
    Product::ALL.iter().find(is_of).copied().context("name the URL of such a server: the tests can't start one")
}

/// Restores what the fixture has files of, with templates and aliases; which indices and data streams it has.
fn restore(http: &Http, fixture: &Fixture, set: &queries::Set) -> Result<(Vec<String>, Vec<String>)> {
    let location = fixture.repository(set.repository);
    http.put("/_snapshot/read", json!({"type": "fs", "settings": {"location": location, "readonly": true}}))?;
    let told = http.get(&format!("/_snapshot/read/{}", set.snapshot))?;
    let names = |field: &str| metadata::strings(&told["snapshots"][0][field]);
    let files = |index: &String| !set.without_files.contains(&index.as_str());
    let ordinary = names("indices").into_iter().filter(|index| files(index) && !index.starts_with(".ds-"));
    let wanted: Vec<String> = ordinary.chain(names("data_streams")).collect();
    let body = json!({
        "indices": wanted.join(","), "include_global_state": true, "ignore_index_settings": IGNORED_SETTINGS,
    });
    let answer = http.post(&format!("/_snapshot/read/{}/_restore?wait_for_completion=true", set.snapshot), body)?;
    let shards = &answer["snapshot"]["shards"];
    ensure!(shards["failed"] == 0, "not every shard could be restored: {shards}");
    Ok((names("indices").into_iter().filter(files).collect(), names("data_streams")))
}

type Lacking = std::collections::BTreeMap<String, String>;

/// Every query with its answer, and those that this server can't answer.
fn ask_all(http: &Http, set: &queries::Set) -> Result<(Vec<Query>, Lacking)> {
    let (mut answered, mut lacking, mut refused) = (Vec::new(), Lacking::new(), String::new());
    for mut query in set.queries.clone() {
        let label = query.label();
        // Analyzers belong to the index, types or not.
        let kind = query.kind.as_ref().filter(|_| query.api == "_search");
        let place = kind.map_or_else(|| query.index.clone(), |kind| format!("{}/{kind}", query.index));
        let mut body = query.body.clone();
        if set.asks_for_fields && query.api == "_search" {
            body["fields"] = json!(["_routing", "_parent"]);
        }
        let answer = query.ask(http, &place, &body);
        if let Some(reason) = set.lacks(&query) {
            if matches!(&answer, Ok(answer) if *answer != Answer::default()) {
                writeln!(refused, "{label}: it is answered, though it is said that {reason}")?;
            }
            lacking.insert(label, reason.to_owned());
            continue;
        }
        match answer {
            Ok(answer) if answer == Answer::default() => writeln!(refused, "{label}: the answer is nothing")?,
            Ok(answer) => {
                query.answer = answer;
                answered.push(query);
            }
            Err(error) => writeln!(refused, "{label}: {error:#}")?,
        }
    }
    ensure!(refused.is_empty(), "these prove nothing:\n{refused}");
    Ok((answered, lacking))
}

/// As JSON with a line for each index and query, so that a change of one is a change of a line.
fn lines(answers: &Answers) -> Result<String> {
    let Value::Object(members) = serde_json::to_value(answers)? else { bail!("no object") };
    let mut text = String::from("{\n");
    for (name, value) in &members {
        let end = if Some(name) == members.keys().next_back() { "" } else { "," };
        let inner: Vec<String> = match value {
            Value::Array(items) => items.iter().map(Value::to_string).collect(),
            Value::Object(items) => items.iter().map(|(key, value)| format!("{}: {value}", json!(key))).collect(),
            single => {
                writeln!(text, " {}: {single}{end}", json!(name))?;
                continue;
            }
        };
        let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
        let separator = if inner.is_empty() { "" } else { "\n  " };
        writeln!(text, " {}: {open}{separator}{}\n {close}{end}", json!(name), inner.join(",\n  "))?;
    }
    text.push_str("}\n");
    Ok(text)
}
