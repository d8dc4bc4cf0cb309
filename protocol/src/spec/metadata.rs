//! What goes along besides documents, and how it is changed on the way.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pattern::Pattern;

/// The metadata phase. How everything is translated is in docs/metadata.md.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct MetadataSpec {
    /// Which indices are created on the target; absent: those of `indices`. One that is loaded and not created must be
    /// on the target.
    #[schemars(example = ["orders", "regex:logs-.*"])]
    pub indices: Option<Vec<Pattern>>,
    /// Which legacy templates (`_template`) go along; absent: all that are not built into the product. `[]`: none.
    #[schemars(example = ["regex:logs.*"], extend("minItems" = 0))]
    pub legacy_templates: Option<Vec<Pattern>>,
    /// Which component templates go along, by the same rule.
    #[schemars(example = ["regex:logs.*"], extend("minItems" = 0))]
    pub component_templates: Option<Vec<Pattern>>,
    /// Which composable index templates go along, by the same rule.
    #[schemars(example = ["regex:logs.*"], extend("minItems" = 0))]
    pub index_templates: Option<Vec<Pattern>>,
    /// Which ingest pipelines go along, by the same rule.
    #[schemars(example = ["geoip-clients"], extend("minItems" = 0))]
    pub pipelines: Option<Vec<Pattern>>,
    /// Which lifecycle policies go along, by the same rule: ILM to Elasticsearch; to OpenSearch as ISM, where the meaning
    /// can be kept.
    #[schemars(example = ["regex:keep-.*"], extend("minItems" = 0))]
    pub policies: Option<Vec<Pattern>>,
    /// What becomes of data streams; `indices` selects them by the stream's name.
    pub data_streams: DataStreams,
    /// When aliases are put on.
    pub aliases: Aliases,
    /// What becomes of an index, template, pipeline or policy that the target has under the same name.
    pub on_existing: OnExisting,
    /// What becomes of an index with several mapping types (Elasticsearch before 6).
    pub multi_type: MultiType,
    /// The ids of documents where several types come into one index.
    pub union_ids: UnionIds,
    /// What becomes of `_parent` (Elasticsearch before 6), where parents and children come into one index.
    pub parent: Parent,
    /// Other names on the target. Of an index the first rule counts whose pattern matches its whole name; of a type in an
    /// index with several the first that matches `INDEX/TYPE`. Several may get one name.
    #[schemars(example = serde_json::json!([{"pattern": "old-(.*)", "name": "new-$1"}]))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rename: Vec<Rename>,
    /// What is to be another than the rules make it, in this order, after them.
    #[schemars(example = serde_json::json!([{"of": ["regex:logs-.*"], "settings": {"index.number_of_replicas": "1"}}]))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ItemChange>,
}

/// What becomes of data streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DataStreams {
    /// They are streams again: all their documents go into one generation, and rollover and lifecycle begin at cleanup.
    #[default]
    AsStreams,
    /// Each index behind a stream becomes an ordinary index, named as it is without the leading dot.
    AsIndices,
}

/// When aliases are put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Aliases {
    /// With the index: who asks the target by an alias sees documents as they arrive.
    #[default]
    WithIndex,
    /// At cleanup, when everything has been verified.
    AfterVerify,
}

/// What becomes of what the target has under the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnExisting {
    /// It stays as it is; what is different is shown.
    #[default]
    Keep,
    /// Templates, pipelines and policies are replaced; an index gets the mappings, dynamic settings and aliases that it
    /// lacks.
    Update,
    /// What is different is an error.
    Fail,
}

/// What becomes of an index with several mapping types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MultiType {
    /// An index for each type, `INDEX-TYPE`; types that are parent and child stay together.
    #[default]
    Split,
    /// One index with the fields of all types. Documents of two types may have the same id: the first one stays, the other
    /// becomes a dead letter.
    Union,
}

/// The ids of documents where several types come into one index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UnionIds {
    /// They stay.
    #[default]
    AsTheyAre,
    /// `TYPE#ID`: no two documents meet.
    TypePrefixed,
}

/// What becomes of `_parent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Parent {
    /// A field of type `join`, which is added to the documents: `has_child` and `has_parent` go on working.
    #[default]
    Join,
    /// Only the routing, which the documents have anyway: nothing is added, and the link can't be queried.
    Routing,
}

/// Another name on the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rename {
    /// A regular expression that must match the whole name.
    #[schemars(extend("format" = "regular-expression"), example = &"old-(.*)")]
    pub pattern: String,
    /// The name on the target; `$1` is what the first group of the pattern matched.
    #[schemars(example = &"new-$1")]
    pub name: String,
}

/// A change of some items, after the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ItemChange {
    /// Which items, by their names in the source.
    #[schemars(example = ["regex:logs-.*"])]
    pub of: Vec<Pattern>,
    /// What kind of item.
    #[serde(default)]
    pub kind: ItemKind,
    /// Settings that they get: number of shards and replicas, codec, refresh interval, anything that the target knows.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"index.number_of_shards": "6", "index.codec": "best_compression"}))]
    pub settings: BTreeMap<String, String>,
    /// Settings that they don't get, by their full names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["index.sort.field", "index.sort.order"])]
    pub drop_settings: Vec<String>,
    /// A JSON Patch (RFC 6902) of what is sent to the target: an object with `settings`, `mappings` and `aliases`, for
    /// templates what their API takes.
    #[serde(default)]
    #[schemars(
        extend("format" = "json-patch"),
        example = &r#"[{"op": "remove", "path": "/mappings/properties/legacy"}]"#
    )]
    pub patch: Option<String>,
}

/// A kind of item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ItemKind {
    /// An index, or the index behind a data stream.
    #[default]
    Index,
    /// A legacy template.
    LegacyTemplate,
    /// A component template.
    ComponentTemplate,
    /// A composable index template.
    IndexTemplate,
    /// An ingest pipeline.
    Pipeline,
    /// A lifecycle policy.
    Policy,
}
