//! Modes of indices that keep documents in other forms.

use serde_json::Value;

use super::{is, take};
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::settings::text;

/// The modes of indices.
pub const RULES: &[Rule] = &[
    Rule {
        id: "index-mode",
        what: "An index of mode `time_series` or `logsdb` becomes an ordinary one; what these modes are set by stays \
               behind. `lookup` stays where the target has it.",
        why: "A time series makes the ids of its documents itself, and refuses those that are sent; OpenSearch has no \
              modes. An ordinary index answers the same searches and takes more room.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/8.19/tsds-index-settings.html",
        applies: |versions| versions.source.is_elasticsearch_from(7, 16),
        apply: mode,
        examples: &[
            Example {
                source: "Elasticsearch 8.19.21",
                target: "OpenSearch 2.19.4",
                before: r#"{"settings": {"index.mode": "time_series", "index.routing_path": ["host"],
                    "index.time_series.start_time": "2026-01-01T00:00:00Z"}}"#,
                after: "{}",
                notes: &[
                    "dropped index.mode: it was \"time_series\", and is an ordinary index",
                    "dropped index.routing_path: it was [\"host\"]",
                    "dropped index.time_series.start_time",
                ],
            },
            Example {
                source: "Elasticsearch 8.19.21",
                target: "OpenSearch 2.19.4",
                before: r#"{"settings": {"index.mode": "standard"}}"#,
                after: "{}",
                notes: &[],
            },
        ],
    },
    Rule {
        id: "source-mode",
        what: "Settings that keep `_source` in another form than it came in stay behind.",
        why: "Documents are written as they are read, and the target keeps them so.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/8.19/mapping-source-field.html",
        applies: |versions| versions.source.is_elasticsearch_from(8, 4) || versions.source.is_opensearch_from(3, 2),
        apply: source_mode,
        examples: &[Example {
            source: "Elasticsearch 8.19.21",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.mapping.source.mode": "synthetic"}}"#,
            after: "{}",
            notes: &["dropped index.mapping.source.mode: it was \"synthetic\"; documents are kept as they were read"],
        }],
    },
    Rule {
        id: "append-only",
        what: "`append_only.enabled` and settings of indices that pull their documents stay behind.",
        why: "Such indices refuse documents that are sent with their ids.",
        source: "https://docs.opensearch.org/latest/im-plugin/append-only-index/",
        applies: |versions| versions.source.is_opensearch_from(2, 19),
        apply: |item, _| {
            let is_one = |name: &str, _: &Value| is("index.append_only.", name) || is("index.ingestion_source.", name);
            for (name, value) in take(item, is_one).into_iter().filter(|(_, value)| text(value) != "false") {
                item.note(
                    "append-only",
                    Effect::Dropped,
                    name,
                    format!("it was {value}; documents couldn't be loaded"),
                );
            }
            Ok(())
        },
        examples: &[Example {
            source: "OpenSearch 3.8.0",
            target: "OpenSearch 3.8.0",
            before: r#"{"settings": {"index.append_only.enabled": "true"}}"#,
            after: "{}",
            notes: &["dropped index.append_only.enabled: it was \"true\""],
        }],
    },
];

const OF_MODES: &[&str] = &["index.routing_path", "index.time_series.", "index.logsdb."];
const OF_SOURCES: &[&str] = &[
    "index.mapping.source.mode",
    "index.mapping.synthetic_source.",
    "index.mapping.synthetic_source_keep",
    "index.recovery.use_synthetic_source",
    "index.derived_source.",
];

fn mode(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    let keeps = |value: &Value| text(value) == "lookup" && versions.target.is_elasticsearch_from(8, 18);
    for (name, value) in take(item, |name, value| name == "index.mode" && !keeps(value)) {
        if text(&value) != "standard" {
            item.note("index-mode", Effect::Dropped, name, format!("it was {value}, and is an ordinary index"));
        }
    }
    for (name, value) in take(item, |name, _| OF_MODES.iter().any(|pattern| is(pattern, name))) {
        item.note("index-mode", Effect::Dropped, name, format!("it was {value}"));
    }
    Ok(())
}

fn source_mode(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    for (name, value) in take(item, |name, _| OF_SOURCES.iter().any(|pattern| is(pattern, name))) {
        if text(&value) != "stored" && text(&value) != "false" {
            let text = format!("it was {value}; documents are kept as they were read");
            item.note("source-mode", Effect::Dropped, name, text);
        }
    }
    Ok(())
}
