//! Parameters of parts: words for true and false, files on the nodes.

use super::Parameter;
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::rules::settings::lenient_boolean;
use crate::settings::text;

/// The rules for parameters.
pub const RULES: &[Rule] = &[
    Rule {
        id: "analysis-booleans",
        what: "`0`, `off`, `no` in parameters of analysis become `false`; `1`, `on`, `yes` and other words `true`.",
        why: "Since Elasticsearch 6.0 only `true` and `false` are taken.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/6.0/breaking_60_settings_changes.html; refused \
                 by Elasticsearch 6.8, 7.10, OpenSearch 1.3, 2.19, 3.8",
        applies: |versions| versions.source.is_elasticsearch_before(6, 0),
        apply: booleans,
        examples: &[Example {
            source: "Elasticsearch 2.4.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.analysis.filter.w.type": "word_delimiter",
                "index.analysis.filter.w.preserve_original": "1", "index.analysis.filter.w.catenate_all": "no"}}"#,
            after: r#"{"settings": {"index.analysis.filter.w.type": "word_delimiter",
                "index.analysis.filter.w.preserve_original": "true", "index.analysis.filter.w.catenate_all": "false"}}"#,
            notes: &[
                "changed index.analysis.filter.w.preserve_original: true",
                "changed index.analysis.filter.w.catenate_all: false",
            ],
        }],
    },
    Rule {
        id: "analysis-files",
        what: "Parameters that name a file stay, with a warning.",
        why: "The file must lie on every node of the target, and is in no snapshot.",
        source: "https://docs.opensearch.org/latest/analyzers/token-filters/synonym/; refused without the file by \
                 Elasticsearch 7.10, OpenSearch 1.3, 2.19, 3.8",
        applies: |_| true,
        apply: files,
        examples: &[Example {
            source: "Elasticsearch 7.10.2",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.analysis.filter.s.type": "synonym",
                "index.analysis.filter.s.synonyms_path": "analysis/synonyms.txt"}}"#,
            after: r#"{"settings": {"index.analysis.filter.s.type": "synonym",
                "index.analysis.filter.s.synonyms_path": "analysis/synonyms.txt"}}"#,
            notes: &[
                "warning index.analysis.filter.s.synonyms_path: \"analysis/synonyms.txt\" must lie in the configuration",
            ],
        }],
    },
];

const BOOLEANS: &[&str] = &[
    "articles_case",
    "catenate_all",
    "catenate_numbers",
    "catenate_words",
    "consume_all_tokens",
    "dedup",
    "expand",
    "generate_number_parts",
    "generate_word_parts",
    "ignore_case",
    "keep_empty",
    "lenient",
    "longest_only",
    "lowercase",
    "only_longest_match",
    "only_on_same_position",
    "output_unigrams",
    "output_unigrams_if_no_shingles",
    "preserve_original",
    "query_mode",
    "recursive",
    "remove_trailing",
    "reverse",
    "split_on_case_change",
    "split_on_numerics",
    "stem_english_possessive",
];

fn booleans(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let mut notes = Vec::new();
    for (name, value) in &mut item.settings {
        let is_boolean = Parameter::of(name).is_some_and(|parameter| BOOLEANS.contains(&parameter.name));
        if is_boolean && let Some(new) = lenient_boolean(&text(value)) {
            notes.push((name.clone(), format!("{new}; it was {value}")));
            *value = new.into();
        }
    }
    for (at, text) in notes {
        item.note("analysis-booleans", Effect::Changed, at, text);
    }
    Ok(())
}

fn files(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let paths =
        item.settings.iter().filter(|(name, _)| Parameter::of(name).is_some_and(|it| it.name.ends_with("_path")));
    let paths: Vec<(String, String)> = paths.map(|(name, value)| (name.clone(), value.to_string())).collect();
    for (at, path) in paths {
        let text = format!("{path} must lie in the configuration directory of every node of the target");
        item.note("analysis-files", Effect::Warning, at, text);
    }
    Ok(())
}
