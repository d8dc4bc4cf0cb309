//! The page `docs/metadata-rules.md`, made from the rules.
//!
//! A test of the crate's public face: what the page needs, another program could ask for too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

#[path = "../../migctl/src/made.rs"]
mod made;

use std::fmt::Write;

use metadata::rule::{Example, Rule, Versions};
use metadata::rules::settings::replicas;
use metadata::types::About;
use metadata::{Server, builtin, repair, rules, types};
use serde_json::Value;

/// The line from which on the page is made.
const MARK: &str = "<!-- From here on";

/// Versions that stand for those around them; between which of them a rule applies is what the page says.
const SERVERS: &[&str] = &[
    "Elasticsearch 1.7.6",
    "Elasticsearch 2.4.6",
    "Elasticsearch 5.6.16",
    "Elasticsearch 6.8.23",
    "Elasticsearch 7.10.2",
    "Elasticsearch 7.17.29",
    "Elasticsearch 8.19.21",
    "OpenSearch 1.3.20",
    "OpenSearch 2.19.4",
    "OpenSearch 3.8.0",
];

/// The first of them that is a target.
const FIRST_TARGET: usize = 4;

fn servers(names: &[&str]) -> Vec<Server> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// `Elasticsearch 1.7 – 6.8`; `any` where it is all of them.
fn named(chosen: &[Server], all: &[Server]) -> String {
    if chosen.len() == all.len() {
        return "any".to_owned();
    }
    let mut runs: Vec<(Server, Server)> = Vec::new();
    let mut before: Option<usize> = None;
    for server in chosen {
        let at = all.iter().position(|other| other == server).unwrap();
        match runs.last_mut() {
            Some((first, last)) if before == Some(at - 1) && first.product == server.product => *last = *server,
            _ => runs.push((*server, *server)),
        }
        before = Some(at);
    }
    let short = |server: &Server| format!("{}.{}", server.version[0], server.version[1]);
    let runs = runs.iter().map(|(first, last)| {
        let product = first.to_string();
        let product = product.split(' ').next().unwrap();
        if first == last {
            format!("{product} {}", short(first))
        } else {
            format!("{product} {} – {}", short(first), short(last))
        }
    });
    runs.collect::<Vec<_>>().join(", ")
}

/// Between which versions a rule has something to do.
fn between(rule: &Rule) -> String {
    let (sources, targets) = (servers(SERVERS), servers(&SERVERS[FIRST_TARGET..]));
    let applies = |source: Server, target: Server| (rule.applies)(Versions { source, target });
    let from: Vec<Server> =
        sources.iter().copied().filter(|source| targets.iter().any(|target| applies(*source, *target))).collect();
    let to: Vec<Server> =
        targets.iter().copied().filter(|target| sources.iter().any(|source| applies(*source, *target))).collect();
    assert!(!from.is_empty() && !to.is_empty(), "{} applies between none of the servers of the page", rule.id);
    match (named(&from, &sources).as_str(), named(&to, &targets).as_str()) {
        ("any", "any") => "between any versions".to_owned(),
        (from, "any") => format!("from {from}"),
        ("any", to) => format!("to {to}"),
        (from, to) => format!("from {from} to {to}"),
    }
}

fn compact(json: &str) -> String {
    serde_json::from_str::<Value>(json).unwrap_or_else(|error| panic!("{error}: {json}")).to_string()
}

fn example(page: &mut String, example: &Example) {
    let after = if example.after.starts_with("refused: ") { example.after.to_owned() } else { compact(example.after) };
    writeln!(page, "\n{} → {}:\n", example.source, example.target).unwrap();
    let before = compact(example.before);
    let same = if before == after { "the same".to_owned() } else { after };
    writeln!(page, "    {before}\n    → {same}").unwrap();
}

fn about(page: &mut String, about: &About) {
    let About { id, what, why, source } = about;
    writeln!(page, "\n### `{id}`\n\n{what} {why}\n\n*{source}*").unwrap();
}

fn page() -> String {
    let mut page = String::new();
    page.push_str("\n## Types\n");
    types::ABOUT.iter().for_each(|decision| about(&mut page, decision));
    for subject in rules::SUBJECTS {
        writeln!(page, "\n## {}", subject.title).unwrap();
        for rule in subject.rules.iter().copied().flatten() {
            let Rule { id, what, why, source, .. } = rule;
            writeln!(page, "\n### `{id}`\n\n{what} {why}\n\n*{}; {source}*", between(rule)).unwrap();
            example(&mut page, rule.examples.first().unwrap());
        }
    }
    page.push_str("\n## What the target decides\n");
    for decision in [replicas::ABOUT, repair::ABOUT] {
        about(&mut page, &decision);
    }
    page.push_str(
        "\n## What comes with a product\n\nIt stays behind, unless a list of the configuration names its kind, or something of one's own needs it: a data \
         stream its template, a template its components.\n",
    );
    page.push_str("\n| kinds | names | whose |\n|---|---|---|\n");
    for entry in builtin::BUILT_IN {
        let kinds: Vec<&str> = entry.kinds.iter().map(|kind| kind.as_str()).collect();
        writeln!(page, "| {} | {} | {} |", kinds.join(", "), entry.names, entry.whose).unwrap();
    }
    page
}

#[test]
fn the_reference_is_what_the_rules_say() {
    made::assert_is("metadata-rules.md", MARK, &page(), "the rules of the crate `metadata`");
}
