//! What differs in the frame of templates and data streams: patterns, parts that only some versions have.

use serde_json::{Value, json};

use crate::item::{Effect, Item, Kind, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::server::Server;

/// The rules for templates.
pub const RULES: &[Rule] = &[
    Rule {
        id: "template-to-index-patterns",
        what: "`template` of a legacy template becomes `index_patterns`.",
        why: "Since Elasticsearch 6.0 a template has a list of patterns, and since 8.0 the single one is refused.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/6.0/breaking_60_indices_changes.html; refused by \
                 Elasticsearch 8.19",
        applies: |versions| versions.source.is_elasticsearch_before(6, 0),
        apply: index_patterns,
        examples: &[Example {
            source: "Elasticsearch 5.6.16",
            target: "OpenSearch 2.19.4",
            before: r#"{"kind": "legacy template", "template": "logs-*", "order": 1}"#,
            after: r#"{"kind": "legacy template", "order": 1, "index_patterns": ["logs-*"]}"#,
            notes: &["changed template: index_patterns: logs-*"],
        }],
    },
    Rule {
        id: "template-parts",
        what: "Parts of templates that the target doesn't have stay behind: `lifecycle`, `data_stream_options`, \
               `allow_auto_create`, `ignore_missing_component_templates`, `deprecated`, `context`, `warmers`, …; times of \
               creation and change without a note.",
        why: "The target refuses a template with a part that it doesn't know.",
        source: "tried on Elasticsearch 7.10, 8.19, OpenSearch 1.3, 2.19, 3.8",
        applies: |_| true,
        apply: parts,
        examples: &[
            Example {
                source: "Elasticsearch 8.19.21",
                target: "OpenSearch 2.19.4",
                before: r#"{"kind": "index template", "index_patterns": ["logs-*"], "priority": 5, "allow_auto_create": true,
                    "deprecated": false, "template": {"lifecycle": {"data_retention": "7d"}}}"#,
                after: r#"{"kind": "index template", "index_patterns": ["logs-*"], "priority": 5}"#,
                notes: &[
                    "dropped allow_auto_create: OpenSearch 2.19.4 doesn't have it; it was true",
                    "dropped template.lifecycle: OpenSearch 2.19.4 doesn't have it; it was {\"data_retention\":\"7d\"}",
                ],
            },
            Example {
                source: "Elasticsearch 1.7.6",
                target: "OpenSearch 2.19.4",
                before: r#"{"kind": "legacy template", "order": 0, "warmers": {"w": {}}}"#,
                after: r#"{"kind": "legacy template", "order": 0}"#,
                notes: &["dropped warmers"],
            },
        ],
    },
    Rule {
        id: "template-data-stream",
        what: "`data_stream` of a template is written as the target reads it: with `timestamp_field` for OpenSearch, \
               without it for Elasticsearch. A stream by another field than `@timestamp` is refused for Elasticsearch.",
        why: "Elasticsearch knows that one field only and refuses the word; OpenSearch ignores `hidden`, \
              `allow_custom_routing` and `failure_store`.",
        source: "https://docs.opensearch.org/latest/im-plugin/data-streams/; tried on Elasticsearch 8.19, OpenSearch 1.3, \
                 2.19, 3.8",
        applies: |_| true,
        apply: data_stream,
        examples: &[
            Example {
                source: "Elasticsearch 8.19.21",
                target: "OpenSearch 2.19.4",
                before: r#"{"kind": "index template", "data_stream": {"hidden": true, "allow_custom_routing": false}}"#,
                after: r#"{"kind": "index template", "data_stream": {}}"#,
                notes: &["dropped data_stream.hidden: OpenSearch 2.19.4 doesn't have it"],
            },
            Example {
                source: "OpenSearch 1.3.20",
                target: "Elasticsearch 8.19.21",
                before: r#"{"kind": "index template", "data_stream": {"timestamp_field": {"name": "@timestamp"}}}"#,
                after: r#"{"kind": "index template", "data_stream": {}}"#,
                notes: &[],
            },
            Example {
                source: "OpenSearch 2.19.4",
                target: "Elasticsearch 8.19.21",
                before: r#"{"kind": "index template", "data_stream": {"timestamp_field": {"name": "time"}}}"#,
                after: "refused: data streams of Elasticsearch go by `@timestamp`, not by \"time\"",
                notes: &[],
            },
        ],
    },
    Rule {
        id: "template-for-everything",
        what: "A template whose pattern is `*` stays, with a warning.",
        why: "It is applied to every index that is created on the target from then on, also to those of others.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.17/index-templates.html",
        applies: |_| true,
        apply: for_everything,
        examples: &[Example {
            source: "Elasticsearch 7.10.2",
            target: "OpenSearch 2.19.4",
            before: r#"{"kind": "legacy template", "index_patterns": ["*"]}"#,
            after: r#"{"kind": "legacy template", "index_patterns": ["*"]}"#,
            notes: &["warning index_patterns: `*` is for every index"],
        }],
    },
];

fn is_template(kind: Kind) -> bool {
    matches!(kind, Kind::LegacyTemplate | Kind::ComponentTemplate | Kind::IndexTemplate)
}

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

/// Whether templates of that kind have the part on that server.
fn has_part(kind: Kind, target: Server, part: &str) -> bool {
    match (kind, part) {
        (Kind::LegacyTemplate, "index_patterns" | "order" | "version")
        | (Kind::ComponentTemplate, "version" | "_meta")
        | (Kind::IndexTemplate, "index_patterns" | "composed_of" | "priority" | "version" | "_meta" | "data_stream") => {
            true
        }
        (Kind::ComponentTemplate | Kind::IndexTemplate, "deprecated") => target.is_elasticsearch_from(8, 12),
        (Kind::IndexTemplate, "allow_auto_create") => target.is_elasticsearch_from(7, 11),
        (Kind::IndexTemplate, "ignore_missing_component_templates") => target.is_elasticsearch_from(8, 7),
        (_, "template.lifecycle") => target.is_elasticsearch_from(8, 11),
        (_, "template.data_stream_options") => target.is_elasticsearch_from(8, 19),
        _ => false,
    }
}

fn parts(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    if !is_template(item.kind) {
        return Ok(());
    }
    let mut gone = Vec::new();
    let (kind, target) = (item.kind, versions.target);
    if kind != Kind::LegacyTemplate
        && let Some(Value::Object(template)) = item.rest.get_mut("template")
    {
        take_parts(template, "template.", kind, target, &mut gone);
        if template.is_empty() {
            item.rest.shift_remove("template");
        }
    }
    let template = item.rest.shift_remove("template");
    take_parts(&mut item.rest, "", kind, target, &mut gone);
    if let Some(template) = template {
        item.rest.insert("template".to_owned(), template);
    }
    gone.retain(|(name, value)| {
        !name.starts_with("created_date") && !name.starts_with("modified_date") && *value != json!(false)
    });
    gone.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (name, value) in gone {
        item.note("template-parts", Effect::Dropped, name, format!("{target} doesn't have it; it was {value}"));
    }
    Ok(())
}

fn take_parts(
    parts: &mut serde_json::Map<String, Value>,
    prefix: &str,
    kind: Kind,
    target: Server,
    gone: &mut Vec<(String, Value)>,
) {
    parts.retain(|name, value| {
        let path = format!("{prefix}{name}");
        let stays = has_part(kind, target, &path);
        if !stays {
            gone.push((path, value.take()));
        }
        stays
    });
}

fn data_stream(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    let refuse = |field: &Value| {
        let text = format!("data streams of Elasticsearch go by `@timestamp`, not by {field}");
        Refusal { rule: "template-data-stream", at: "data_stream.timestamp_field".to_owned(), text }
    };
    let is_elasticsearch = !versions.target.is_opensearch();
    let other_field = |field: Option<&Value>| field.filter(|field| is_elasticsearch && *field != "@timestamp").cloned();
    if item.kind == Kind::DataStream {
        return other_field(item.rest.get("timestamp_field")).map_or(Ok(()), |field| Err(refuse(&field)));
    }
    let Some(Value::Object(stream)) = item.rest.get_mut("data_stream") else { return Ok(()) };
    if let Some(field) = other_field(stream.get("timestamp_field").and_then(|field| field.get("name"))) {
        return Err(refuse(&field));
    }
    if is_elasticsearch {
        stream.shift_remove("timestamp_field");
        return Ok(());
    }
    let gone: Vec<(String, Value)> = stream
        .iter()
        .filter(|(name, _)| *name != "timestamp_field")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    stream.retain(|name, _| name == "timestamp_field");
    for (name, value) in gone.into_iter().filter(|(_, value)| *value != json!(false)) {
        let text = format!("{} doesn't have it; it was {value}", versions.target);
        item.note("template-data-stream", Effect::Dropped, format!("data_stream.{name}"), text);
    }
    Ok(())
}

fn for_everything(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    if is_template(item.kind) && is_for_everything(item) {
        let text = "`*` is for every index that is created on the target, also those of others";
        item.note("template-for-everything", Effect::Warning, "index_patterns", text);
    }
    Ok(())
}

/// Whether one of its patterns is for all indices.
pub fn is_for_everything(item: &Item) -> bool {
    let patterns = item.rest.get("index_patterns").and_then(Value::as_array);
    let mut patterns = patterns.into_iter().flatten().filter_map(Value::as_str);
    patterns.any(|pattern| !pattern.is_empty() && pattern.chars().all(|letter| letter == '*'))
}
