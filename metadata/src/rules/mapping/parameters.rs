//! Parameters that only one product has, and fields that are computed when they are asked for.

use serde_json::Value;

use super::walk::{self, Field};
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};

const PARAMETERS: &str = "parameters-of-one-product";
const RUNTIME: &str = "runtime-fields";
const DERIVED: &str = "derived-fields";
const DYNAMIC: &str = "dynamic-runtime";

/// Parameters that OpenSearch doesn't have, and what is no more without them.
const OF_ELASTICSEARCH: [(&str, Effect, &str); 8] = [
    ("time_series_dimension", Effect::Changed, "gone; it only says something in an index of time series"),
    ("time_series_dimensions", Effect::Changed, "gone; it only says something in an index of time series"),
    ("time_series_metric", Effect::Changed, "gone; it only says something in an index of time series"),
    ("synthetic_source_keep", Effect::Changed, "gone; sources are stored as they came"),
    ("store_array_source", Effect::Changed, "gone; sources are stored as they came"),
    ("script", Effect::Dropped, "what the script made of documents isn't in them"),
    ("on_script_error", Effect::Changed, "gone with `script`"),
    ("inference_id", Effect::Dropped, "the target has no such model"),
];

/// Types that take no `meta` in OpenSearch.
const WITHOUT_META: [&str; 5] = ["join", "percolator", "object", "nested", "alias"];

/// The rules for parameters.
pub const RULES: &[Rule] = &[
    Rule {
        id: RUNTIME,
        what: "`runtime` fields are dropped.",
        why: "They are computed by a script when asked for, and OpenSearch has none; its `derived` fields (since 2.15) are \
              alike, and their scripts are another matter.",
        source: "https://docs.opensearch.org/latest/mappings/supported-field-types/derived/",
        applies: |versions| versions.source.is_elasticsearch_from(7, 11) && versions.target.is_opensearch(),
        apply: runtime,
        examples: &[Example {
            source: "Elasticsearch 8.19.21",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"runtime": {"day": {"type": "keyword", "script": {"source": "emit('x')"}}}, "properties": {}}}"#,
            after: r#"{"mappings": {"properties": {}}}"#,
            notes: &["dropped mappings.runtime.day: it was computed when asked for"],
        }],
    },
    Rule {
        id: DERIVED,
        what: "`derived` fields are dropped where the target has none.",
        why: "OpenSearch computes them when asked for, since 2.15; Elasticsearch has `runtime` fields, whose scripts are another matter.",
        source: "https://docs.opensearch.org/latest/mappings/supported-field-types/derived/",
        applies: |versions| !versions.target.is_opensearch_from(2, 15),
        apply: derived,
        examples: &[Example {
            source: "OpenSearch 2.19.4",
            target: "OpenSearch 1.3.20",
            before: r#"{"mappings": {"derived": {"day": {"type": "keyword", "script": {"source": "emit('x')"}}}}}"#,
            after: r#"{"mappings": {}}"#,
            notes: &["dropped mappings.derived.day: it was computed when asked for"],
        }],
    },
    Rule {
        id: DYNAMIC,
        what: "`dynamic: runtime` becomes `dynamic: true`, `strict_allow_templates` and `false_allow_templates` become `strict` \
               and `false` where the target doesn't have them.",
        why: "OpenSearch has no runtime fields, so that a new field is indexed; whether templates are allowed it can say since 2.19.",
        source: "https://docs.opensearch.org/latest/mappings/mapping-parameters/dynamic/",
        applies: |_| true,
        apply: dynamic,
        examples: &[
            Example {
                source: "Elasticsearch 8.19.21",
                target: "OpenSearch 2.19.4",
                before: r#"{"mappings": {"dynamic": "runtime", "properties": {"o": {"type": "object", "dynamic": "runtime"}}}}"#,
                after: r#"{"mappings": {"dynamic": "true", "properties": {"o": {"type": "object", "dynamic": "true"}}}}"#,
                notes: &["changed mappings.dynamic: true", "changed mappings.properties.o.dynamic: true"],
            },
            Example {
                source: "OpenSearch 2.19.4",
                target: "OpenSearch 1.3.20",
                before: r#"{"mappings": {"dynamic": "strict_allow_templates"}}"#,
                after: r#"{"mappings": {"dynamic": "strict"}}"#,
                notes: &["dropped mappings.dynamic: strict, also where a template"],
            },
        ],
    },
    Rule {
        id: PARAMETERS,
        what: "Parameters that the target doesn't have are dropped: `time_series_…`, `synthetic_source_keep`, `script`, \
               `meta` of objects, `ignore_malformed` of booleans, `mode` and `compression_level` of vectors before 2.17.",
        why: "It would refuse the index for one of them.",
        source: "https://docs.opensearch.org/latest/mappings/mapping-parameters/index/",
        applies: |versions| versions.target.is_opensearch(),
        apply: parameters,
        examples: &[
            Example {
                source: "Elasticsearch 8.19.21",
                target: "OpenSearch 2.19.4",
                before: r#"{"mappings": {"properties": {
                    "host": {"type": "keyword", "time_series_dimension": true},
                    "sum": {"type": "long", "script": {"source": "emit(1)"}, "on_script_error": "continue"},
                    "on": {"type": "boolean", "ignore_malformed": true}, "q": {"type": "percolator", "meta": {"a": "b"}}}}}"#,
                after: r#"{"mappings": {"properties": {
                    "host": {"type": "keyword"}, "sum": {"type": "long"}, "on": {"type": "boolean"}, "q": {"type": "percolator"}}}}"#,
                notes: &[
                    "changed mappings.properties.host.time_series_dimension: gone",
                    "dropped mappings.properties.sum.script: what the script made of documents isn't in them",
                    "changed mappings.properties.sum.on_script_error: gone with `script`",
                    "dropped mappings.properties.on.ignore_malformed: a document with anything else is rejected",
                    "changed mappings.properties.q.meta: gone",
                ],
            },
            Example {
                source: "OpenSearch 3.8.0",
                target: "OpenSearch 2.13.0",
                before: r#"{"mappings": {"properties": {
                    "v": {"type": "knn_vector", "dimension": 8, "mode": "on_disk", "compression_level": "16x"}}}}"#,
                after: r#"{"mappings": {"properties": {"v": {"type": "knn_vector", "dimension": 8}}}}"#,
                notes: &[
                    "dropped mappings.properties.v.mode: vectors are kept whole, in memory",
                    "dropped mappings.properties.v.compression_level: vectors are kept whole, in memory",
                ],
            },
        ],
    },
];

/// Takes away the fields that a mapping has under `key`, each with a note.
fn computed(item: &mut Item, rule: &'static str, key: &str) {
    let Some(fields) = item.mapping.shift_remove(key) else { return };
    let names: Vec<&String> = fields.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    if names.is_empty() {
        item.note(rule, Effect::Changed, format!("mappings.{key}"), "gone; it names no field");
    }
    for name in names {
        let text = "it was computed when asked for; ask by a script";
        item.note(rule, Effect::Dropped, format!("mappings.{key}.{name}"), text);
    }
}

fn runtime(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    computed(item, RUNTIME, "runtime");
    Ok(())
}

fn derived(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    computed(item, DERIVED, "derived");
    Ok(())
}

/// What `dynamic` is to be instead, and what that means.
fn instead(said: &Value, versions: Versions) -> Option<(&'static str, Effect, &'static str)> {
    let is_opensearch = versions.target.is_opensearch();
    let lost = "also where a template would say what a field is to be";
    match said.as_str()? {
        "runtime" if is_opensearch => Some(("true", Effect::Changed, "new fields are indexed")),
        "strict_allow_templates" if !versions.target.is_opensearch_from(2, 16) => {
            Some(("strict", Effect::Dropped, lost))
        }
        "false_allow_templates" if !versions.target.is_opensearch_from(3, 3) => Some(("false", Effect::Dropped, lost)),
        _ => None,
    }
}

fn dynamic(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    if let Some((new, effect, text)) = item.mapping.get("dynamic").and_then(|said| instead(said, versions)) {
        item.mapping.insert("dynamic".to_owned(), new.into());
        item.note(DYNAMIC, effect, "mappings.dynamic", format!("{new}, {text}"));
    }
    walk::fields(item, DYNAMIC, |field| {
        if let Some((new, effect, text)) = field.definition.get("dynamic").and_then(|said| instead(said, versions)) {
            field.definition.insert("dynamic".to_owned(), new.into());
            field.note_parameter("dynamic", effect, format!("{new}, {text}"));
        }
        Ok(())
    })
}

fn parameters(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    walk::fields(item, PARAMETERS, |field| {
        for (key, effect, text) in OF_ELASTICSEARCH {
            drop(field, key, effect, text);
        }
        if WITHOUT_META.contains(&field.kind()) {
            drop(field, "meta", Effect::Changed, "gone; no search asks for it");
        }
        if field.kind() == "boolean" {
            drop(field, "ignore_malformed", Effect::Dropped, "a document with anything else is rejected");
        }
        if field.kind() == "knn_vector" && !versions.target.is_opensearch_from(2, 17) {
            for key in ["mode", "compression_level"] {
                drop(field, key, Effect::Dropped, "vectors are kept whole, in memory");
            }
        }
        Ok(())
    })
}

fn drop(field: &mut Field<'_>, key: &str, effect: Effect, text: &str) {
    if field.definition.shift_remove(key).is_some() {
        field.note_parameter(key, effect, text);
    }
}
