//! Ingest pipelines: processors that one product only has, parts that some versions only have.

use serde_json::{Map, Value};

use crate::item::{Effect, Item, Kind, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::server::Server;

/// The rules for pipelines.
pub const RULES: &[Rule] = &[
    Rule {
        id: "pipeline-processors",
        what: "A pipeline with a processor that the target doesn't have is refused, with the processor's name.",
        why: "Without one of its steps a pipeline makes other documents than before, and nobody would see it.",
        source: "https://docs.opensearch.org/latest/ingest-pipelines/processors/index-processors/, \
                 https://www.elastic.co/guide/en/elasticsearch/reference/8.19/processors.html; tried on Elasticsearch \
                 6.8, 7.10, OpenSearch 2.19, 3.8",
        applies: |versions| versions.source.product != versions.target.product || versions.target.is_opensearch(),
        apply: processors,
        examples: &[
            Example {
                source: "Elasticsearch 8.19.21",
                target: "OpenSearch 2.19.4",
                before: r#"{"kind": "pipeline", "processors": [{"foreach": {"field": "users", "processor":
                    {"enrich": {"policy_name": "users", "field": "_ingest._value", "target_field": "user"}}}}]}"#,
                after: "refused: it needs the processor enrich, which OpenSearch 2.19.4 doesn't have",
                notes: &[],
            },
            Example {
                source: "OpenSearch 2.19.4",
                target: "Elasticsearch 8.19.21",
                before: r#"{"kind": "pipeline", "processors": [], "on_failure": [{"copy": {"source_field": "a"}}]}"#,
                after: "refused: it needs the processor copy, which Elasticsearch 8.19.21 doesn't have",
                notes: &[],
            },
            Example {
                source: "Elasticsearch 7.10.2",
                target: "OpenSearch 2.19.4",
                before: r#"{"kind": "pipeline", "processors": [{"set": {"field": "a", "value": {"enrich": {}}}}]}"#,
                after: r#"{"kind": "pipeline", "processors": [{"set": {"field": "a", "value": {"enrich": {}}}}]}"#,
                notes: &[],
            },
        ],
    },
    Rule {
        id: "pipeline-parts",
        what: "`_meta`, `deprecated` and other parts of a pipeline that the target doesn't have stay behind; times of \
               creation and change without a note.",
        why: "The target refuses a pipeline with a part that it doesn't know; none of them changes what it does.",
        source: "refused by Elasticsearch 7.10, OpenSearch 2.19, 3.8",
        applies: |_| true,
        apply: parts,
        examples: &[Example {
            source: "Elasticsearch 8.19.21",
            target: "OpenSearch 2.19.4",
            before: r#"{"kind": "pipeline", "description": "d", "version": 3, "processors": [], "_meta": {"by": "us"},
                "created_date_millis": 1}"#,
            after: r#"{"kind": "pipeline", "description": "d", "version": 3, "processors": []}"#,
            notes: &["dropped _meta: OpenSearch 2.19.4 doesn't have it; it was {\"by\":\"us\"}"],
        }],
    },
];

/// Processors that Elasticsearch has and OpenSearch doesn't.
const ELASTICSEARCH_ONLY: &[&str] = &[
    "cef",
    "circle",
    "enrich",
    "geo_grid",
    "inference",
    "ip_location",
    "network_direction",
    "normalize_for_stream",
    "recover_failure_document",
    "redact",
    "registered_domain",
    "reroute",
    "set_security_user",
    "terminate",
    "uri_parts",
];

/// Processors that OpenSearch has and Elasticsearch doesn't.
const OPENSEARCH_ONLY: &[&str] = &[
    "acl_routing",
    "copy",
    "hierarchical_routing",
    "ip2geo",
    "ml_inference",
    "remove_by_pattern",
    "sparse_encoding",
    "temporal_routing",
    "text_chunking",
    "text_embedding",
    "text_image_embedding",
];

/// Processors that OpenSearch has since a version.
const OPENSEARCH_SINCE: &[(&str, (u32, u32))] = &[
    ("acl_routing", (3, 3)),
    ("community_id", (2, 13)),
    ("copy", (2, 12)),
    ("fingerprint", (2, 16)),
    ("hierarchical_routing", (3, 3)),
    ("remove_by_pattern", (2, 12)),
    ("temporal_routing", (3, 3)),
];

fn has_processor(target: Server, name: &str) -> bool {
    if !target.is_opensearch() {
        return !OPENSEARCH_ONLY.contains(&name);
    }
    let since = OPENSEARCH_SINCE.iter().find(|(processor, _)| *processor == name);
    !ELASTICSEARCH_ONLY.contains(&name)
        && since.is_none_or(|(_, (major, minor))| target.is_opensearch_from(*major, *minor))
}

fn processors(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    if item.kind != Kind::Pipeline {
        return Ok(());
    }
    let mut names = Vec::new();
    for list in ["processors", "on_failure"] {
        gather(item.rest.get(list), list, &mut names);
    }
    let missing = names.into_iter().find(|(_, name)| !has_processor(versions.target, name));
    missing.map_or(Ok(()), |(at, name)| {
        let text = format!(
            "it needs the processor {name}, which {} doesn't have; without it documents would come out otherwise. Make a \
             pipeline of that name on the target by hand, or leave it out",
            versions.target
        );
        Err(Refusal { rule: "pipeline-processors", at, text })
    })
}

/// The processors of a list, with those inside them: `{NAME: {…, "on_failure": […]}}`, `{"foreach": {"processor": {…}}}`.
///
/// JSON of a snapshot is at most 128 deep, so this may call itself.
fn gather(list: Option<&Value>, at: &str, names: &mut Vec<(String, String)>) {
    for (number, processor) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
        if let Value::Object(processor) = processor {
            gather_one(processor, &format!("{at}[{number}]"), names);
        }
    }
}

fn gather_one(processor: &Map<String, Value>, at: &str, names: &mut Vec<(String, String)>) {
    for (name, body) in processor {
        let at = format!("{at}.{name}");
        gather(body.get("on_failure"), &format!("{at}.on_failure"), names);
        if name == "foreach"
            && let Some(Value::Object(inner)) = body.get("processor")
        {
            gather_one(inner, &format!("{at}.processor"), names);
        }
        names.push((at, name.clone()));
    }
}

fn parts(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    if item.kind != Kind::Pipeline {
        return Ok(());
    }
    let target = versions.target;
    let has = |part: &str| match part {
        "description" | "version" | "processors" | "on_failure" => true,
        "_meta" => target.is_elasticsearch_from(7, 16),
        "deprecated" => target.is_elasticsearch_from(8, 12),
        "field_access_pattern" => target.is_elasticsearch_from(9, 2),
        _ => false,
    };
    let gone: Vec<String> = item.rest.keys().filter(|part| !has(part)).cloned().collect();
    for part in gone {
        let Some(value) = item.rest.shift_remove(&part) else { continue };
        if !part.starts_with("created_date") && !part.starts_with("modified_date") {
            item.note("pipeline-parts", Effect::Dropped, part, format!("{target} doesn't have it; it was {value}"));
        }
    }
    Ok(())
}
