//! Meta fields: `_all`, `_timestamp`, `_ttl`, `_id`, `_routing`, …

use serde_json::Value;

use super::walk;
use super::words::is_true;
use super::{from_before_6, from_before_8};
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::{Kind, Product};

const ALL: &str = "all-field";
const EXPIRY: &str = "timestamp-and-ttl";
const PARAMETERS: &str = "meta-field-parameters";
const STREAM: &str = "data-stream-timestamp";

const META_20: &str = "https://www.elastic.co/guide/en/elasticsearch/reference/2.0/breaking_20_mapping_changes.html";
const META_50: &str = "https://www.elastic.co/guide/en/elasticsearch/reference/5.0/breaking_50_mapping_changes.html";

/// The rules for meta fields.
pub const RULES: &[Rule] = &[
    Rule {
        id: ALL,
        what: "`_all` and `include_in_all` are dropped.",
        why: "Elasticsearch 6.0 took the field away; `copy_to` into a field of one's own does the same, and queries without \
              a field ask all fields.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/6.0/breaking_60_mappings_changes.html",
        applies: from_before_8,
        apply: all,
        examples: &[
            Example {
                source: "Elasticsearch 5.6.16",
                target: "OpenSearch 2.19.4",
                before: r#"{"mappings": {"_all": {"enabled": true}, "properties": {
                    "a": {"type": "text", "include_in_all": false}}}}"#,
                after: r#"{"mappings": {"properties": {"a": {"type": "text"}}}}"#,
                notes: &[
                    "dropped mappings._all: queries of `_all` find nothing",
                    "changed mappings.properties.a.include_in_all: gone",
                ],
            },
            Example {
                source: "Elasticsearch 6.8.23",
                target: "OpenSearch 3.8.0",
                before: r#"{"mappings": {"_all": {"enabled": false}}}"#,
                after: r#"{"mappings": {}}"#,
                notes: &["changed mappings._all: gone, as it was off"],
            },
        ],
    },
    Rule {
        id: EXPIRY,
        what: "`_timestamp` and `_ttl` are dropped.",
        why: "Elasticsearch 5.0 took both away: nothing deletes documents by their age but a lifecycle of indices. \
              What a document had there stays in the snapshot, and in lines written from it.",
        source: META_50,
        applies: from_before_6,
        apply: expiry,
        examples: &[Example {
            source: "Elasticsearch 2.4.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"_timestamp": {"enabled": true}, "_ttl": {"enabled": true, "default": "30d"}}}"#,
            after: r#"{"mappings": {}}"#,
            notes: &[
                "dropped mappings._timestamp: the time of indexing isn't in the documents",
                "dropped mappings._ttl: documents don't expire any more",
            ],
        }],
    },
    Rule {
        id: PARAMETERS,
        what: "`_id`, `_type`, `_index`, `_uid`, `_analyzer`, `_boost`, `_size` and `path` of `_routing` are dropped.",
        why: "Since Elasticsearch 2.0 what they said is fixed, or comes with the request; documents keep the ids and the \
              routing that they have. `_size` needs a plugin.",
        source: META_20,
        applies: from_before_8,
        apply: parameters,
        examples: &[Example {
            source: "Elasticsearch 1.7.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"_id": {"path": "sku"}, "_type": {"index": "no"}, "_size": {"enabled": false},
                "_routing": {"required": true, "path": "shop"}, "_field_names": {"index": "no"}}}"#,
            after: r#"{"mappings": {"_routing": {"required": true}}}"#,
            notes: &[
                "dropped mappings._id.path: documents keep their ids; new ones must bring theirs",
                "dropped mappings._routing.path: documents keep their routing; new ones must bring theirs",
                "changed mappings._type: gone",
                "changed mappings._size: gone, as it was off",
                "changed mappings._field_names: gone",
            ],
        }],
    },
    Rule {
        id: STREAM,
        what: "`_data_stream_timestamp` of an index is dropped.",
        why: "It belongs to the index behind a data stream, where the target puts it itself.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.17/data-streams.html",
        applies: |_| true,
        apply: stream,
        examples: &[Example {
            source: "OpenSearch 2.19.4",
            target: "OpenSearch 3.8.0",
            before: r#"{"mappings": {"_data_stream_timestamp": {"enabled": true}}}"#,
            after: r#"{"mappings": {}}"#,
            notes: &["changed mappings._data_stream_timestamp: gone"],
        }],
    },
];

/// Whether something was on that is on only where it says so.
fn is_on(said: &Value, default: bool) -> bool {
    said.get("enabled").map_or(default, is_true)
}

fn all(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    if let Some(said) = item.mapping.shift_remove("_all") {
        // On unless the type said otherwise, until 6.0.
        if is_on(&said, versions.source.is_elasticsearch_before(6, 0)) {
            let text = "queries of `_all` find nothing; `copy_to` can fill a field of one's own";
            item.note(ALL, Effect::Dropped, "mappings._all", text);
        } else {
            item.note(ALL, Effect::Changed, "mappings._all", "gone, as it was off");
        }
    }
    if item.mapping.shift_remove("include_in_all").is_some() {
        item.note(ALL, Effect::Changed, "mappings.include_in_all", "gone with `_all`");
    }
    walk::fields(item, ALL, |field| {
        if field.definition.shift_remove("include_in_all").is_some() {
            field.note_parameter("include_in_all", Effect::Changed, "gone with `_all`");
        }
        Ok(())
    })
}

fn expiry(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let lost = [
        ("_timestamp", "the time of indexing isn't in the documents"),
        ("_ttl", "documents don't expire any more; delete whole indices by a lifecycle policy"),
    ];
    for (key, text) in lost {
        let Some(said) = item.mapping.shift_remove(key) else { continue };
        let (effect, text) =
            if is_on(&said, false) { (Effect::Dropped, text) } else { (Effect::Changed, "gone, as it was off") };
        item.note(EXPIRY, effect, format!("mappings.{key}"), text);
    }
    Ok(())
}

fn parameters(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    for (key, lost) in [
        ("_id", "documents keep their ids; new ones must bring theirs"),
        ("_routing", "documents keep their routing; new ones must bring theirs"),
    ] {
        let Some(Value::Object(said)) = item.mapping.get_mut(key) else { continue };
        if said.shift_remove("path").is_some() {
            if said.is_empty() {
                item.mapping.shift_remove(key);
            }
            item.note(PARAMETERS, Effect::Dropped, format!("mappings.{key}.path"), lost);
        }
    }
    for key in ["_id", "_type", "_index", "_uid", "_analyzer", "_boost", "_size"] {
        let Some(said) = item.mapping.shift_remove(key) else { continue };
        let (effect, text) = match key {
            "_analyzer" => {
                (Effect::Dropped, "each field has the analyzer of its own mapping, whatever a document names")
            }
            "_boost" => {
                (Effect::Dropped, "no document counts more than another; `function_score` can say so in a query")
            }
            "_size" if is_on(&said, false) => {
                (Effect::Dropped, "the size of sources isn't indexed; that takes a plugin")
            }
            "_size" => (Effect::Changed, "gone, as it was off"),
            _ => (Effect::Changed, "gone; it is what it is"),
        };
        item.note(PARAMETERS, effect, format!("mappings.{key}"), text);
    }
    // What else they could say — `store`, `index`, … — is fixed too.
    let is_8 = versions.target.product == Product::Elasticsearch && versions.target.version >= [8, 0, 0];
    let keeps: [(&str, &[&str]); 2] =
        [("_routing", &["required"]), ("_field_names", if is_8 { &[] } else { &["enabled"] })];
    for (key, keeps) in keeps {
        let Some(Value::Object(said)) = item.mapping.get_mut(key) else { continue };
        let before = said.len();
        said.retain(|parameter, _| keeps.contains(&parameter.as_str()));
        let (is_less, is_empty) = (said.len() < before, said.is_empty());
        if is_less && is_empty {
            item.mapping.shift_remove(key);
        }
        if is_less {
            item.note(PARAMETERS, Effect::Changed, format!("mappings.{key}"), "gone but for what can be chosen");
        }
    }
    Ok(())
}

fn stream(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    if item.kind == Kind::Index && item.mapping.shift_remove("_data_stream_timestamp").is_some() {
        item.note(
            STREAM,
            Effect::Changed,
            "mappings._data_stream_timestamp",
            "gone; the target puts it where it belongs",
        );
    }
    Ok(())
}
