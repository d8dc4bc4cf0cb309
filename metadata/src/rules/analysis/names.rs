//! Parts that go by another name now.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Parameter, Reference, defines, edit, words};
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::settings::text;

/// The rules for names.
pub const RULES: &[Rule] = &[
    Rule {
        id: "analysis-underscores",
        what: "Types and parameters of analysis in camel case are written with underscores: `minGram` becomes `min_gram`.",
        why: "Before Elasticsearch 5.0 both were read. Now a type is refused, and a parameter is ignored without a word.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/5.0/breaking_50_settings_changes.html; tried on \
                 Elasticsearch 1.7, 7.10, OpenSearch 1.3, 2.19, 3.8",
        applies: |versions| versions.source.is_elasticsearch_before(5, 0),
        apply: underscores,
        examples: &[Example {
            source: "Elasticsearch 1.7.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.analysis.filter.parts.type": "wordDelimiter",
                "index.analysis.filter.parts.preserveOriginal": "true", "index.analysis.filter.grams.type": "nGram"}}"#,
            after: r#"{"settings": {"index.analysis.filter.parts.type": "word_delimiter",
                "index.analysis.filter.parts.preserve_original": "true", "index.analysis.filter.grams.type": "nGram"}}"#,
            notes: &[
                "changed index.analysis.filter.parts.type: word_delimiter",
                "changed index.analysis.filter.parts.preserveOriginal: preserve_original",
            ],
        }],
    },
    Rule {
        id: "analysis-renamed",
        what: "`nGram`, `edgeNGram`, `PathHierarchy`, `htmlStrip`, `delimited_payload_filter` become `ngram`, \
               `edge_ngram`, `path_hierarchy`, `html_strip`, `delimited_payload`, as types and where analyzers name \
               them, unless a part of that name is defined.",
        why: "They are the same parts; the old names are refused since Elasticsearch 7.0, some of them since OpenSearch \
              2.0 or 3.0.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.0/breaking-changes-7.0.html; tried on \
                 Elasticsearch 6.8, 7.10, OpenSearch 1.3, 2.19, 3.8",
        applies: |_| true,
        apply: renamed,
        examples: &[
            Example {
                source: "Elasticsearch 5.6.16",
                target: "OpenSearch 3.8.0",
                before: r#"{"settings": {"index.analysis.tokenizer.t.type": "nGram",
                    "index.analysis.analyzer.a.tokenizer": "t", "index.analysis.analyzer.a.char_filter": "htmlStrip",
                    "index.analysis.analyzer.a.filter": ["lowercase", "edgeNGram", "delimited_payload_filter"]}}"#,
                after: r#"{"settings": {"index.analysis.tokenizer.t.type": "ngram",
                    "index.analysis.analyzer.a.tokenizer": "t", "index.analysis.analyzer.a.char_filter": ["html_strip"],
                    "index.analysis.analyzer.a.filter": ["lowercase", "edge_ngram", "delimited_payload"]}}"#,
                notes: &[
                    "changed index.analysis.tokenizer.t.type: ngram; it was nGram",
                    "changed index.analysis.analyzer.a.char_filter: html_strip; it was htmlStrip",
                    "changed index.analysis.analyzer.a.filter: edge_ngram; it was edgeNGram",
                    "changed index.analysis.analyzer.a.filter: delimited_payload; it was delimited_payload_filter",
                ],
            },
            Example {
                source: "Elasticsearch 6.8.23",
                target: "OpenSearch 2.19.4",
                before: r#"{"settings": {"index.analysis.filter.nGram.type": "nGram",
                    "index.analysis.analyzer.a.tokenizer": "standard", "index.analysis.analyzer.a.filter": ["nGram", "m"],
                    "index.analysis.filter.m.type": "multiplexer",
                    "index.analysis.filter.m.filters": ["lowercase, edgeNGram", "nGram"]}}"#,
                after: r#"{"settings": {"index.analysis.filter.nGram.type": "ngram",
                    "index.analysis.analyzer.a.tokenizer": "standard", "index.analysis.analyzer.a.filter": ["nGram", "m"],
                    "index.analysis.filter.m.type": "multiplexer",
                    "index.analysis.filter.m.filters": ["lowercase, edge_ngram", "nGram"]}}"#,
                notes: &[
                    "changed index.analysis.filter.nGram.type: ngram",
                    "changed index.analysis.filter.m.filters: edge_ngram; it was edgeNGram",
                ],
            },
        ],
    },
    Rule {
        id: "edge-ngram-of-one",
        what: "Where an analyzer names the tokenizer `edge_ngram` without defining it, one of that name is defined, of one \
               letter.",
        why: "Before Elasticsearch 7.3 the tokenizer of that name gave the first letter only; now it gives one and two.",
        source: "Elasticsearch CommonAnalysisPlugin; tokens compared between Elasticsearch 1.7, 6.8 and OpenSearch 1.3, \
                 2.19, 3.8",
        applies: |versions| versions.source.is_elasticsearch_before(7, 3),
        apply: edge_ngram_of_one,
        examples: &[Example {
            source: "Elasticsearch 6.8.23",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.analysis.analyzer.a.tokenizer": "edge_ngram"}}"#,
            after: r#"{"settings": {"index.analysis.analyzer.a.tokenizer": "edge_ngram",
                "index.analysis.tokenizer.edge_ngram.type": "edge_ngram",
                "index.analysis.tokenizer.edge_ngram.min_gram": "1", "index.analysis.tokenizer.edge_ngram.max_gram": "1"}}"#,
            notes: &["changed index.analysis.tokenizer.edge_ngram: of one letter, as before"],
        }],
    },
    Rule {
        id: "default-index-analyzer",
        what: "The analyzer `default_index` is called `default`.",
        why: "Since Elasticsearch 5.0 the old name is refused; `default_search` stays.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/5.0/breaking_50_mapping_changes.html; tried on \
                 Elasticsearch 7.10, OpenSearch 1.3, 2.19, 3.8",
        applies: |versions| versions.source.is_elasticsearch_before(5, 0),
        apply: default_index,
        examples: &[Example {
            source: "Elasticsearch 2.4.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.analysis.analyzer.default_index.type": "german"}}"#,
            after: r#"{"settings": {"index.analysis.analyzer.default.type": "german"}}"#,
            notes: &["changed index.analysis.analyzer.default_index: default"],
        }],
    },
    Rule {
        id: "analyzer-alias",
        what: "An analyzer with aliases is defined once more under each of them.",
        why: "Since Elasticsearch 5.0 analyzers have no aliases, and a field that names one is refused.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/5.0/breaking_50_settings_changes.html",
        applies: |versions| versions.source.is_elasticsearch_before(5, 0),
        apply: aliases,
        examples: &[Example {
            source: "Elasticsearch 2.4.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.analysis.analyzer.a.type": "english", "index.analysis.analyzer.a.alias": ["b"]}}"#,
            after: r#"{"settings": {"index.analysis.analyzer.a.type": "english", "index.analysis.analyzer.b.type": "english"}}"#,
            notes: &["changed index.analysis.analyzer.a.alias: b is an analyzer of its own"],
        }],
    },
];

/// Kind, old name, new name.
const RENAMED: &[(&str, &str, &str)] = &[
    ("filter", "nGram", "ngram"),
    ("filter", "porterStem", "porter_stem"),
    ("filter", "edgeNGram", "edge_ngram"),
    ("filter", "delimited_payload_filter", "delimited_payload"),
    ("tokenizer", "nGram", "ngram"),
    ("tokenizer", "edgeNGram", "edge_ngram"),
    ("tokenizer", "PathHierarchy", "path_hierarchy"),
    ("char_filter", "htmlStrip", "html_strip"),
];

fn new_name(kind: &str, name: &str) -> Option<&'static str> {
    let renamed = RENAMED.iter().find(|(of, old, _)| *of == kind && *old == name);
    renamed.map(|(_, _, new)| *new)
}

fn renamed(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let before = item.settings.clone();
    let mut notes = Vec::new();
    for (name, value) in &mut item.settings {
        let Some(parameter) = Parameter::of(name) else { continue };
        if parameter.name == "type" {
            if let Some(new) = new_name(parameter.kind, &text(value)) {
                notes.push((name.clone(), format!("{new}; it was {}", text(value))));
                *value = new.into();
            }
            continue;
        }
        let at = name.clone();
        edit(parameter, value, |kind, word| match new_name(kind, word).filter(|_| !defines(&before, kind, word)) {
            Some(new) => {
                notes.push((at.clone(), format!("{new}; it was {word}")));
                Reference::Renamed(new.to_owned())
            }
            None => Reference::Stays,
        });
    }
    for (at, text) in notes {
        item.note("analysis-renamed", Effect::Changed, at, text);
    }
    Ok(())
}

fn edge_ngram_of_one(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    const NAME: &str = "edge_ngram";
    let names_it = |name: &str, value: &Value| {
        Parameter::of(name).is_some_and(|it| it.refers_to() == Some("tokenizer")) && value == NAME
    };
    let is_named = item.settings.iter().any(|(name, value)| names_it(name, value));
    if !is_named || defines(&item.settings, "tokenizer", NAME) {
        return Ok(());
    }
    for (parameter, value) in [("type", NAME), ("min_gram", "1"), ("max_gram", "1")] {
        item.settings.insert(super::setting("tokenizer", NAME, parameter), value.into());
    }
    let at = "index.analysis.tokenizer.edge_ngram";
    item.note("edge-ngram-of-one", Effect::Changed, at, "of one letter, as before");
    Ok(())
}

fn underscores(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let mut settings = serde_json::Map::new();
    let mut notes = Vec::new();
    for (name, mut value) in std::mem::take(&mut item.settings) {
        let Some(parameter) = Parameter::of(&name) else {
            settings.insert(name, value);
            continue;
        };
        let is_type = parameter.name == "type";
        if is_type && let Some(new) = type_in_underscores(parameter.kind, &text(&value)) {
            notes.push((name.clone(), format!("{new}; it was {value}")));
            value = new.into();
        }
        let in_underscores = in_underscores(parameter.name);
        if is_type || in_underscores == parameter.name {
            settings.insert(name, value);
        } else {
            let new = super::setting(parameter.kind, parameter.part, &in_underscores);
            settings.entry(new).or_insert(value);
            notes.push((name, in_underscores));
        }
    }
    item.settings = settings;
    for (at, text) in notes {
        item.note("analysis-underscores", Effect::Changed, at, text);
    }
    Ok(())
}

/// The name of a type as it is written now; `None`: it is, or it is a name that another rule knows.
fn type_in_underscores(kind: &str, name: &str) -> Option<String> {
    let is_camel = name.bytes().any(|letter| letter.is_ascii_uppercase()) && !name.contains('.');
    (is_camel && new_name(kind, name).is_none()).then(|| in_underscores(name))
}

/// `minGram` as `min_gram`.
fn in_underscores(name: &str) -> String {
    let mut new = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !new.is_empty() && !new.ends_with(['.', '_']) {
            new.push('_');
        }
        new.push(letter.to_ascii_lowercase());
    }
    new
}

fn default_index(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let is_one = |name: &str| Parameter::of(name).is_some_and(|it| it.kind == "analyzer" && it.part == "default_index");
    if !item.settings.keys().any(|name| is_one(name)) {
        return Ok(());
    }
    // Where both are there, documents were analyzed by this one.
    item.settings.retain(|name, _| Parameter::of(name).is_none_or(|it| it.kind != "analyzer" || it.part != "default"));
    let renamed = std::mem::take(&mut item.settings).into_iter().map(|(name, value)| match Parameter::of(&name) {
        Some(parameter) if is_one(&name) => (super::setting("analyzer", "default", parameter.name), value),
        _ => (name, value),
    });
    item.settings = renamed.collect();
    item.note("default-index-analyzer", Effect::Changed, "index.analysis.analyzer.default_index", "default");
    Ok(())
}

fn aliases(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let is_alias =
        |name: &str, _: &Value| Parameter::of(name).is_some_and(|it| it.kind == "analyzer" && it.name == "alias");
    for (name, value) in crate::rules::settings::take(item, is_alias) {
        let Some(parameter) = Parameter::of(&name) else { continue };
        for alias in words(&value).into_iter().collect::<BTreeSet<_>>() {
            if defines(&item.settings, "analyzer", &alias) {
                continue;
            }
            let beginning = super::setting("analyzer", parameter.part, "");
            let copies = item.settings.iter().filter_map(|(name, value)| {
                let rest = name.strip_prefix(&beginning)?;
                Some((super::setting("analyzer", &alias, rest), value.clone()))
            });
            let copies: Vec<(String, Value)> = copies.collect();
            item.settings.extend(copies);
            item.note("analyzer-alias", Effect::Changed, name.as_str(), format!("{alias} is an analyzer of its own"));
        }
    }
    Ok(())
}
