//! How far apart the sizes of n-grams and shingles may be.

use serde_json::{Map, Value};

use super::{setting, types};
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::settings::{number, text};

/// The rules for limits.
pub const RULES: &[Rule] = &[
    Rule {
        id: "max-ngram-diff",
        what: "`index.max_ngram_diff` becomes as large as the largest difference of an n-gram tokenizer or filter.",
        why: "Since Elasticsearch 7.0 a difference above 1 is refused where the index doesn't allow it.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.0/breaking-changes-7.0.html; refused by \
                 Elasticsearch 7.10, OpenSearch 1.3, 2.19, 3.8",
        applies: |versions| versions.source.is_elasticsearch_before(7, 0),
        apply: ngrams,
        examples: &[
            Example {
                source: "Elasticsearch 5.6.16",
                target: "OpenSearch 2.19.4",
                before: r#"{"settings": {"index.analysis.filter.grams.type": "ngram",
                    "index.analysis.filter.grams.min_gram": "3", "index.analysis.filter.grams.max_gram": "20"}}"#,
                after: r#"{"settings": {"index.analysis.filter.grams.type": "ngram",
                    "index.analysis.filter.grams.min_gram": "3", "index.analysis.filter.grams.max_gram": "20",
                    "index.max_ngram_diff": "17"}}"#,
                notes: &["changed index.max_ngram_diff: 17: filter grams needs it"],
            },
            Example {
                source: "Elasticsearch 6.8.23",
                target: "OpenSearch 2.19.4",
                before: r#"{"settings": {"index.analysis.tokenizer.t.type": "ngram"}}"#,
                after: r#"{"settings": {"index.analysis.tokenizer.t.type": "ngram"}}"#,
                notes: &[],
            },
        ],
    },
    Rule {
        id: "max-shingle-diff",
        what: "`index.max_shingle_diff` becomes as large as the largest difference of a shingle filter.",
        why: "Since Elasticsearch 7.0 a difference above 3 is refused where the index doesn't allow it; single words that \
              go along count as one more.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.0/breaking-changes-7.0.html; refused by \
                 Elasticsearch 7.10, OpenSearch 1.3, 2.19, 3.8",
        applies: |versions| versions.source.is_elasticsearch_before(7, 0),
        apply: shingles,
        examples: &[Example {
            source: "Elasticsearch 5.6.16",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.analysis.filter.s.type": "shingle",
                "index.analysis.filter.s.max_shingle_size": "5"}}"#,
            after: r#"{"settings": {"index.analysis.filter.s.type": "shingle",
                "index.analysis.filter.s.max_shingle_size": "5", "index.max_shingle_diff": "4"}}"#,
            notes: &["changed index.max_shingle_diff: 4: filter s needs it"],
        }],
    },
];

/// Raises a limit to what the parts need.
fn raise(item: &mut Item, rule: &'static str, limit: &str, default: i64, needed: impl Iterator<Item = (String, i64)>) {
    let allowed = number(&item.settings, limit).unwrap_or(default);
    if let Some((part, difference)) = needed.filter(|(_, difference)| *difference > allowed).max_by_key(|of| of.1) {
        item.settings.insert(limit.to_owned(), difference.to_string().into());
        item.note(rule, Effect::Changed, limit, format!("{difference}: {part} needs it"));
    }
}

fn difference(settings: &Map<String, Value>, kind: &str, part: &str, min: (&str, i64), max: (&str, i64)) -> i64 {
    let of = |(name, default): (&str, i64)| number(settings, &setting(kind, part, name)).unwrap_or(default);
    of(max).saturating_sub(of(min))
}

fn ngrams(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let settings = &item.settings;
    let needed = ["tokenizer", "filter"].into_iter().flat_map(|kind| {
        let parts = types(settings, kind).into_iter().filter(|(_, of)| of == "ngram" || of == "nGram");
        let needed = parts.map(move |(part, _)| {
            let difference = difference(settings, kind, &part, ("min_gram", 1), ("max_gram", 2));
            (format!("{kind} {part}"), difference)
        });
        needed.collect::<Vec<_>>()
    });
    let needed: Vec<(String, i64)> = needed.collect();
    raise(item, "max-ngram-diff", "index.max_ngram_diff", 1, needed.into_iter());
    Ok(())
}

fn shingles(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let settings = &item.settings;
    let parts = types(settings, "filter").into_iter().filter(|(_, of)| of == "shingle");
    let needed = parts.map(|(part, _)| {
        let sizes = difference(settings, "filter", &part, ("min_shingle_size", 2), ("max_shingle_size", 2));
        let unigrams = settings.get(&setting("filter", &part, "output_unigrams")).map(text);
        let more = i64::from(unigrams.as_deref() != Some("false"));
        (format!("filter {part}"), sizes.saturating_add(more))
    });
    let needed: Vec<(String, i64)> = needed.collect();
    raise(item, "max-shingle-diff", "index.max_shingle_diff", 3, needed.into_iter());
    Ok(())
}
