//! Parts that are gone.

use serde_json::Value;

use super::{Parameter, Reference, defines, edit, setting, types};
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::rules::settings::take;
use crate::settings::text;

/// The rules for parts that are gone.
pub const RULES: &[Rule] = &[
    Rule {
        id: "standard-filter",
        what: "The token filter `standard` is left out, and filters of that type.",
        why: "It did nothing since Elasticsearch 1.0, and is refused since 7.0.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.0/breaking-changes-7.0.html; refused by \
                 Elasticsearch 7.10, OpenSearch 1.3, 2.19, 3.8",
        // Templates of 7.x may have been there before.
        applies: |versions| versions.source.is_elasticsearch_before(8, 0),
        apply: standard_filter,
        examples: &[Example {
            source: "Elasticsearch 5.6.16",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.analysis.analyzer.a.filter": ["standard", "lowercase", "mine"],
                "index.analysis.analyzer.a.tokenizer": "standard", "index.analysis.filter.mine.type": "standard"}}"#,
            after: r#"{"settings": {"index.analysis.analyzer.a.filter": ["lowercase"],
                "index.analysis.analyzer.a.tokenizer": "standard"}}"#,
            notes: &[
                "changed index.analysis.filter.mine: left out",
                "changed index.analysis.analyzer.a.filter: without standard, mine",
            ],
        }],
    },
    Rule {
        id: "standard-html-strip",
        what: "An analyzer of type `standard_html_strip` becomes one of type `standard`.",
        why: "The type is refused since Elasticsearch 7.0. In spite of its name it stripped nothing: its tokens are those \
              of `standard`, so that searches find what they found.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.0/breaking-changes-7.0.html; tokens compared \
                 between Elasticsearch 1.7, 6.8, 7.10 and OpenSearch 1.3, 2.19, 3.8",
        // Templates of 7.x may have been there before.
        applies: |versions| versions.source.is_elasticsearch_before(8, 0),
        apply: standard_html_strip,
        examples: &[Example {
            source: "Elasticsearch 2.4.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.analysis.analyzer.a.type": "standard_html_strip",
                "index.analysis.analyzer.a.stopwords": ["of"]}}"#,
            after: r#"{"settings": {"index.analysis.analyzer.a.type": "standard",
                "index.analysis.analyzer.a.stopwords": ["of"]}}"#,
            notes: &["changed index.analysis.analyzer.a.type: standard; it stripped nothing"],
        }],
    },
    Rule {
        id: "position-increments",
        what: "`enable_position_increments` and `update_offsets` of token filters are left out.",
        why: "Whatever they say, filters with them are refused since Elasticsearch 5.0 at the latest: positions are always \
              counted.",
        source: "Elasticsearch StopTokenFilterFactory, TrimTokenFilterFactory; refused by Elasticsearch 6.8, 7.10, \
                 OpenSearch 1.3, 2.19, 3.8",
        applies: |versions| versions.source.is_elasticsearch_before(6, 0),
        apply: |item, _| {
            let is_one = |name: &str, _: &Value| {
                let names = ["enable_position_increments", "update_offsets"];
                Parameter::of(name).is_some_and(|it| it.kind == "filter" && names.contains(&it.name))
            };
            for (name, value) in take(item, is_one) {
                item.note(
                    "position-increments",
                    Effect::Dropped,
                    name,
                    format!("it was {value}; positions are counted"),
                );
            }
            Ok(())
        },
        examples: &[Example {
            source: "Elasticsearch 1.7.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.analysis.filter.s.type": "stop",
                "index.analysis.filter.s.enable_position_increments": "false"}}"#,
            after: r#"{"settings": {"index.analysis.filter.s.type": "stop"}}"#,
            notes: &["dropped index.analysis.filter.s.enable_position_increments: it was \"false\""],
        }],
    },
    Rule {
        id: "stemmers-removed",
        what: "The stemmers `lovins`, `kp` and `dutch_kp` become `english` and `dutch`.",
        why: "Lucene 10 has them no more. Words are cut differently: the loaded documents and searches agree, but find \
              slightly other documents than before.",
        source: "Lucene 10.0 release notes; refused by OpenSearch 3.8",
        applies: |versions| versions.target.is_opensearch_from(3, 0) || versions.target.is_elasticsearch_from(9, 0),
        apply: stemmers,
        examples: &[Example {
            source: "OpenSearch 2.19.4",
            target: "OpenSearch 3.8.0",
            before: r#"{"settings": {"index.analysis.filter.nl.type": "stemmer", "index.analysis.filter.nl.language": "dutch_kp",
                "index.analysis.filter.en.type": "snowball", "index.analysis.filter.en.language": "Lovins"}}"#,
            after: r#"{"settings": {"index.analysis.filter.nl.type": "stemmer", "index.analysis.filter.nl.language": "dutch",
                "index.analysis.filter.en.type": "snowball", "index.analysis.filter.en.language": "English"}}"#,
            notes: &[
                "dropped index.analysis.filter.nl.language: dutch; it was dutch_kp",
                "dropped index.analysis.filter.en.language: English; it was Lovins",
            ],
        }],
    },
];

fn standard_filter(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let mut gone: Vec<String> = Vec::new();
    for (part, _) in types(&item.settings, "filter").into_iter().filter(|(_, of)| of == "standard") {
        let beginning = setting("filter", &part, "");
        item.settings.retain(|name, _| !name.starts_with(&beginning));
        let at = beginning.trim_end_matches('.');
        item.note("standard-filter", Effect::Changed, at, "left out: it did nothing");
        gone.push(part);
    }
    if !defines(&item.settings, "filter", "standard") {
        gone.push("standard".to_owned());
    }
    let mut notes = Vec::new();
    for (name, value) in &mut item.settings {
        let Some(parameter) = Parameter::of(name) else { continue };
        let mut without = Vec::new();
        edit(parameter, value, |kind, word| {
            let is_gone = kind == "filter" && gone.iter().any(|filter| filter == word);
            if is_gone {
                without.push(word.to_owned());
            }
            if is_gone { Reference::Gone } else { Reference::Stays }
        });
        if !without.is_empty() {
            notes.push((name.clone(), format!("without {}", without.join(", "))));
        }
    }
    for (at, text) in notes {
        item.note("standard-filter", Effect::Changed, at, text);
    }
    Ok(())
}

fn standard_html_strip(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    for (part, _) in types(&item.settings, "analyzer").into_iter().filter(|(_, of)| of == "standard_html_strip") {
        let at = setting("analyzer", &part, "type");
        item.settings.insert(at.clone(), "standard".into());
        let text = "standard; it stripped nothing, in spite of its name: the tokens are as before";
        item.note("standard-html-strip", Effect::Changed, at, text);
    }
    Ok(())
}

fn stemmers(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let mut notes = Vec::new();
    for (part, of) in types(&item.settings, "filter") {
        for parameter in ["language", "name"] {
            let at = setting("filter", &part, parameter);
            let Some(value) = item.settings.get_mut(&at) else { continue };
            let before = text(value);
            let after = match (of.as_str(), before.to_ascii_lowercase().as_str()) {
                ("stemmer", "lovins") => "english",
                ("stemmer", "kp" | "dutch_kp" | "dutchkp") => "dutch",
                ("snowball", "lovins") => "English",
                ("snowball", "kp") => "Dutch",
                _ => continue,
            };
            *value = after.into();
            notes.push((at, format!("{after}; it was {before}, which Lucene has no more")));
        }
    }
    for (at, text) in notes {
        item.note("stemmers-removed", Effect::Dropped, at, text);
    }
    Ok(())
}
