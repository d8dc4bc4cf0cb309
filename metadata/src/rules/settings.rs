//! Settings: what goes along, what waits until cleanup, what stays.
//!
//! In: flat settings of an index or a template. Out: those that the target has, in the words that it has for them.
//! These rules come last, as others may set a setting. Not here: analysis (`analysis`).

mod known;
mod lifecycle;
mod mode;
pub mod replicas;
mod values;
mod withheld;

use serde_json::Value;

use crate::item::{Effect, Item, Kind, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::settings::text;

pub use values::lenient_boolean;

/// What reads settings as the words of the target.
pub const VALUES: &[Rule] = values::RULES;

/// The modes of indices.
pub const MODES: &[Rule] = mode::RULES;

/// Lifecycles of indices.
pub const LIFECYCLES: &[Rule] = lifecycle::RULES;

/// What waits until cleanup.
pub const WITHHELD: &[Rule] = withheld::RULES;

/// What doesn't go along.
pub const LEFT: &[Rule] = &[
    Rule {
        id: "settings-private",
        what: "Settings that a server writes for itself stay behind, without a note: `uuid`, `version.*`, \
               `creation_date`, `provided_name`, `history.*`, `resize.*`, and defaults that it writes down \
               (`soft_deletes.enabled: true`, `replication.type: DOCUMENT`, `_tier_preference: data_content`).",
        why: "Nobody set them, and a target refuses most of them.",
        source: "Elasticsearch IndexMetadata, IndexSettings; tried on OpenSearch 1.3, 2.19, 3.8, Elasticsearch 7.10, 8.19",
        applies: |_| true,
        apply: private,
        examples: &[Example {
            source: "Elasticsearch 7.10.2",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.number_of_shards": "1", "index.uuid": "f7hk", "index.version.created": "7100299",
                "index.creation_date": "1", "index.soft_deletes.enabled": "true", "index.provided_name": "a"}}"#,
            after: r#"{"settings": {"index.number_of_shards": "1"}}"#,
            notes: &[],
        }],
    },
    Rule {
        id: "settings-of-the-cluster",
        what: "Settings about nodes, disks and recovery of the source cluster stay behind: `routing.allocation.*`, \
               tiers, `soft_deletes.*`, `translog.retention.*`, `remote_store.*`, the block that a server puts on where a \
               disk is nearly full, ….",
        why: "They name nodes and places that another cluster doesn't have, or histories that a new index doesn't have; \
              an index that asks for them would stay red.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.10/shard-allocation-filtering.html",
        applies: |_| true,
        apply: of_the_cluster,
        examples: &[Example {
            source: "Elasticsearch 7.17.29",
            target: "Elasticsearch 8.19.21",
            before: r#"{"settings": {"index.routing.allocation.require.box": "hot", "index.translog.retention.size": "1gb"}}"#,
            after: "{}",
            notes: &[
                "dropped index.routing.allocation.require.box: it was \"hot\"",
                "dropped index.translog.retention.size: it was \"1gb\"",
            ],
        }],
    },
    Rule {
        id: "settings-unknown",
        what: "Settings that the target doesn't have stay behind.",
        why: "It would refuse the index.",
        source: "GET INDEX/_settings?include_defaults of Elasticsearch 6.8, 7.10, 8.19 and OpenSearch 1.3, 2.19, 3.8",
        applies: |_| true,
        apply: unknown,
        examples: &[
            Example {
                source: "Elasticsearch 5.6.16",
                target: "OpenSearch 2.19.4",
                before: r#"{"settings": {"index.mapper.dynamic": "false", "index.max_result_window": "20000",
                    "index.search.slowlog.threshold.query.warn": "1s"}}"#,
                after: r#"{"settings": {"index.max_result_window": "20000",
                    "index.search.slowlog.threshold.query.warn": "1s"}}"#,
                notes: &["dropped index.mapper.dynamic: OpenSearch 2.19.4 doesn't have it; it was \"false\""],
            },
            Example {
                source: "OpenSearch 2.19.4",
                target: "OpenSearch 1.3.20",
                before: r#"{"settings": {"index.merge.policy": "log_byte_size", "index.knn": "true"}}"#,
                after: r#"{"settings": {"index.knn": "true"}}"#,
                notes: &["dropped index.merge.policy: OpenSearch 1.3.20 doesn't have it"],
            },
        ],
    },
];

/// Whole names, or beginnings that end with a dot.
const PRIVATE: &[&str] = &[
    "index.uuid",
    "index.creation_date",
    "index.creation_date_string",
    "index.provided_name",
    "index.version.",
    "index.history.",
    "index.history_uuid",
    "index.resize.",
    "index.shrink.",
    "index.split.",
    "index.verified_before_close",
    "index.verified_read_only",
    "index.legacy.",
    "index.mapping.single_type",
    "index.shard_limit.group",
    "index.failure_store.",
    "index.context.",
    "index.downsample.",
    "index.rollup.",
    "index.fast_refresh",
];

/// What a server writes down without being asked.
const DEFAULTS: &[(&str, &[&str])] = &[
    ("index.soft_deletes.enabled", &["true"]),
    ("index.replication.type", &["DOCUMENT"]),
    ("index.mapper.dynamic", &["true"]),
    ("index.routing.allocation.include._tier_preference", &["data_content", "data_hot", "data_hot,data_content"]),
];

/// Beginnings of names.
const OF_THE_CLUSTER: &[&str] = &[
    withheld::DISK_IS_FULL,
    "index.routing.allocation.",
    "index.routing.rebalance.",
    "index.allocation.existing_shards_allocator",
    "index.recovery.",
    "index.gateway.",
    "index.data_path",
    "index.shadow_replicas",
    "index.shared_filesystem",
    "index.soft_deletes.",
    "index.translog.retention.",
    "index.remote_store.",
    "index.search.throttled",
    "index.frozen",
    "index.tiering.",
    "index.warm",
];

/// Whether `name` is `pattern`, or begins with it where that ends with a dot.
fn is(pattern: &str, name: &str) -> bool {
    name == pattern || (pattern.ends_with('.') && name.starts_with(pattern))
}

/// Takes the settings that `wanted` says yes to.
pub fn take(item: &mut Item, wanted: impl Fn(&str, &Value) -> bool) -> Vec<(String, Value)> {
    let names: Vec<String> =
        item.settings.iter().filter(|(name, value)| wanted(name, value)).map(|(name, _)| name.clone()).collect();
    names.into_iter().filter_map(|name| item.settings.shift_remove(&name).map(|value| (name, value))).collect()
}

fn private(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    take(item, |name, value| {
        let is_default = |(setting, values): &(&str, &[&str])| {
            *setting == name && values.iter().any(|default| text(value).eq_ignore_ascii_case(default))
        };
        value.is_null() || PRIVATE.iter().any(|private| is(private, name)) || DEFAULTS.iter().any(is_default)
    });
    Ok(())
}

fn of_the_cluster(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    for (name, value) in take(item, |name, _| OF_THE_CLUSTER.iter().any(|begin| name.starts_with(begin))) {
        let text = format!("it was {value}, and is about the source cluster");
        item.note("settings-of-the-cluster", Effect::Dropped, name, text);
    }
    Ok(())
}

fn unknown(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    // What the rest of a pipeline or policy says is no setting.
    debug_assert!(item.settings.is_empty() || !matches!(item.kind, Kind::Pipeline | Kind::Policy));
    for (name, value) in take(item, |name, _| !known::has(versions.target, name)) {
        let text = format!("{} doesn't have it; it was {value}", versions.target);
        item.note("settings-unknown", Effect::Dropped, name, text);
    }
    Ok(())
}
