//! What differs in the frame of templates: patterns, order, priority.

use serde_json::Value;

use crate::item::{Effect, Item, Kind, Refusal};
use crate::rule::{Example, Rule, Versions};

/// The rules for templates.
pub const RULES: &[Rule] = &[Rule {
    id: "template-to-index-patterns",
    what: "`template` of a legacy template becomes `index_patterns`.",
    why: "Since Elasticsearch 6.0 a template has a list of patterns, and since 7.0 the single one is refused.",
    source: "https://www.elastic.co/guide/en/elasticsearch/reference/6.0/breaking_60_indices_changes.html",
    applies: |versions| versions.source.is_elasticsearch_before(6, 0),
    apply: index_patterns,
    examples: &[Example {
        source: "Elasticsearch 5.6.16",
        target: "OpenSearch 2.19.4",
        before: r#"{"kind": "legacy template", "template": "logs-*", "order": 1}"#,
        after: r#"{"kind": "legacy template", "order": 1, "index_patterns": ["logs-*"]}"#,
        notes: &["changed template: index_patterns: logs-*"],
    }],
}];

fn index_patterns(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    if item.kind != Kind::LegacyTemplate || item.rest.contains_key("index_patterns") {
        return Ok(());
    }
    if let Some(Value::String(pattern)) = item.rest.shift_remove("template") {
        let text = format!("index_patterns: {pattern}");
        item.rest.insert("index_patterns".to_owned(), vec![pattern].into());
        item.note("template-to-index-patterns", Effect::Changed, "template", text);
    }
    Ok(())
}
