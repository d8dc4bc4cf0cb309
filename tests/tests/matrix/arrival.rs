//! The target, compared with what the source answered.

use std::fmt;

use anyhow::Result;
use serde_json::{Value, json};
use tests::answers::{Answer, Answers, ITEMS, Index, Query, SETTINGS, names};
use tests::http::{Http, encoded};

/// Longer ones of a server are cut.
const WORDS_MAX: usize = 400;
/// So many of what is missing are named.
const NAMED_MAX: usize = 5;

/// The field that parents and children are linked by, where `_parent` linked them.
const JOIN_FIELD: &str = "parent_join";

/// One thing that is not as it was in the source.
#[derive(Debug)]
pub struct Finding {
    /// What: `query orders: a boolean`, `aliases of orders`.
    pub of: String,
    /// How it differs.
    pub why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.of, self.why)
    }
}

/// Everything that differs, but of the indices `without`.
pub fn findings(answers: &Answers, without: &[&str], dead_letters: u64, http: &Http) -> Vec<Finding> {
    let mut found = Vec::new();
    if dead_letters > 0 {
        found.push(Finding { of: "dead letters".to_owned(), why: dead_letters.to_string() });
    }
    let came = |name: &str| !without.contains(&name);
    for (name, index) in answers.indices.iter().filter(|(name, _)| !name.starts_with('.') && came(name)) {
        for place in places(name, index) {
            arrived(http, &place, index, &mut found);
        }
    }
    streams(answers, http, &mut found);
    items(answers, http, &mut found);
    for query in answers.queries.iter().filter(|query| came(&query.index)) {
        let (index, body) = target_form(answers, query);
        let answer = query.ask(http, &index, &body);
        if let Some(why) = differs(query, answer) {
            found.push(Finding { of: format!("query {}", query.label()), why });
        }
    }
    found
}

/// An index of the target, and what comes there.
struct Place {
    name: String,
    types: Vec<String>,
    documents: u64,
}

/// Where the documents of an index go: an index of several types is split, but parents and children stay together.
fn places(name: &str, index: &Index) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let root = |kind: &String| {
        let mut root = kind;
        while let Some(parent) = index.parents.get(root) {
            root = parent;
        }
        format!("{name}-{}", root.trim_start_matches('.').to_lowercase())
    };
    for (kind, documents) in &index.documents {
        let name = root(kind);
        match places.iter_mut().find(|place| place.name == name) {
            Some(place) => {
                place.types.push(kind.clone());
                place.documents += documents;
            }
            None => places.push(Place { name, types: vec![kind.clone()], documents: *documents }),
        }
    }
    if let [only] = places.as_mut_slice() {
        only.name = name.to_owned();
    }
    places
}

/// Where the target is asked, and what.
fn target_form(answers: &Answers, query: &Query) -> (String, Value) {
    let body = query.target.as_ref().unwrap_or(&query.body).clone();
    let place = query.kind.as_ref().and_then(|kind| {
        let places = places(&query.index, answers.indices.get(&query.index)?);
        places.into_iter().find(|place| place.types.contains(kind))
    });
    match (place, &query.kind) {
        // Of parents and children in one index, the join field tells the type.
        (Some(place), Some(kind)) if place.types.len() > 1 => {
            let of_type = json!({"term": {JOIN_FIELD: kind}});
            (place.name, json!({"query": {"bool": {"must": [body["query"]], "filter": [of_type]}}}))
        }
        (Some(place), _) => (place.name, body),
        (None, _) => (query.index.clone(), body),
    }
}

fn arrived(http: &Http, place: &Place, index: &Index, found: &mut Vec<Finding>) {
    let Place { name, documents, .. } = place;
    let path = format!("/{}", encoded(name));
    let mut differ = |what: &str, why: String| found.push(Finding { of: format!("{what} {name}"), why });
    let there = match http.get(&path) {
        Ok(there) => there[name].clone(),
        Err(error) => return differ("index", short(&format!("{error:#}"))),
    };
    let settings = &there["settings"]["index"];
    let is_closed = settings["verified_before_close"] == "true";
    if is_closed != index.closed {
        differ("index", format!("closed: {is_closed} instead of {}", index.closed));
    }
    if is_closed {
        // What is asked of it needs it open.
        http.post(&format!("{path}/_open?wait_for_active_shards=1"), "").unwrap();
    }
    http.refresh(name).unwrap();
    let count = http.get(&format!("{path}/_count")).unwrap()["count"].clone();
    if count != *documents {
        differ("documents of", format!("{count} instead of {documents}"));
    }
    if there["aliases"] != Value::Object(index.aliases.clone()) {
        differ("aliases of", format!("{} instead of {}", there["aliases"], json!(index.aliases)));
    }
    for name in SETTINGS {
        let (there, wanted) = (&settings[name], index.settings.get(name).unwrap_or(&Value::Null));
        if there != wanted {
            differ(&format!("setting {name} of"), format!("{there} instead of {wanted}"));
        }
    }
}

fn streams(answers: &Answers, http: &Http, found: &mut Vec<Finding>) {
    for (stream, backing) in &answers.data_streams {
        let documents: u64 = backing.iter().flat_map(|index| answers.indices[index].documents.values()).sum();
        let path = format!("/_data_stream/{}", encoded(stream));
        let count = http.get(&path).and_then(|_| {
            http.refresh(stream)?;
            http.get(&format!("/{}/_count", encoded(stream)))
        });
        let why = match count {
            Ok(told) if told["count"] == documents => continue,
            Ok(told) => format!("{} documents instead of {documents}", told["count"]),
            Err(error) => short(&format!("{error:#}")),
        };
        found.push(Finding { of: format!("data stream {stream}"), why });
    }
}

fn items(answers: &Answers, http: &Http, found: &mut Vec<Finding>) {
    for (api, list) in ITEMS {
        let there = names(http, api, list);
        for name in answers.items[api].iter().filter(|name| !there.contains(name)) {
            found.push(Finding { of: format!("{api}/{name}"), why: "it is not there".to_owned() });
        }
    }
}

/// How an answer differs from the source's.
fn differs(query: &Query, answer: Result<Answer>) -> Option<String> {
    let answer = match answer {
        Ok(answer) if answer == query.answer => return None,
        Ok(answer) => answer,
        Err(error) => return Some(short(&format!("{error:#}"))),
    };
    if answer.hits == query.answer.hits {
        return Some(format!("{} instead of {}", json!(answer.aggregations), json!(query.answer.aggregations)));
    }
    let missing: Vec<_> = query.answer.hits.iter().filter(|hit| !answer.hits.contains(hit)).collect();
    let further: Vec<_> = answer.hits.iter().filter(|hit| !query.answer.hits.contains(hit)).collect();
    let named = |hits: &[&Vec<String>]| json!(hits.iter().take(NAMED_MAX).collect::<Vec<_>>()).to_string();
    Some(format!(
        "{} hits instead of {}; missing {} {}; further {} {}",
        answer.hits.len(),
        query.answer.hits.len(),
        missing.len(),
        named(&missing),
        further.len(),
        named(&further)
    ))
}

fn short(words: &str) -> String {
    words.chars().take(WORDS_MAX).collect()
}
