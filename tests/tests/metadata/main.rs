//! Metadata of real snapshots on a real target: judged by it without a trace, created by rule, changed as the
//! configuration says, put on at the end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

mod configured;
mod evaluate;
mod existing;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tests::http::Http;

/// Exit code: it is done.
const DONE: i32 = 0;
/// Exit code: something can't be.
const FAILED: i32 = 4;

/// One evaluation of a migration at a time: those of one name would sweep up after each other.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The names of everything that metadata can make.
fn names(http: &Http) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for index in http.get("/_cat/indices?format=json&h=index&expand_wildcards=all").unwrap().as_array().unwrap() {
        names.insert(format!("index {}", index["index"].as_str().unwrap()));
    }
    for alias in http.get("/_cat/aliases?format=json&h=alias,index&expand_wildcards=all").unwrap().as_array().unwrap() {
        names.insert(format!("alias {} of {}", alias["alias"].as_str().unwrap(), alias["index"].as_str().unwrap()));
    }
    for path in ["/_template", "/_ingest/pipeline"] {
        // None of them is 404 for some.
        let all = http.get(path).unwrap_or_default();
        names.extend(all.as_object().into_iter().flatten().map(|(name, _)| format!("{path} {name}")));
    }
    for (path, list) in [("/_component_template", "component_templates"), ("/_index_template", "index_templates")] {
        let found = http.get(path).unwrap();
        let all = found[list].as_array().unwrap().iter();
        names.extend(all.map(|item| format!("{path} {}", item["name"].as_str().unwrap())));
    }
    names
}

/// The items of a report by kind and source.
fn item<'r>(report: &'r Value, kind: &str, source: &str) -> &'r Value {
    let items = report["items"].as_array().unwrap();
    let found = items.iter().find(|item| item["kind"] == kind && item["source"] == source);
    found.unwrap_or_else(|| panic!("{kind} {source} in {report:#}"))
}
