//! What would get in the way of the load, and is put on at cleanup.

use super::{is, take};
use crate::item::{Effect, Item, Kind, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::settings::text;

/// What waits until cleanup.
pub const RULES: &[Rule] = &[
    Rule {
        id: "withheld-until-cleanup",
        what: "Pipelines as settings, blocks, and how many copies must be there before a write are put on at cleanup. \
               In legacy templates they stay, as those are created after the indices and make no data streams.",
        why: "A pipeline would process again what was processed before it was stored, a block would refuse the load, \
              and a write that waits for copies would wait for replicas that the load doesn't have.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.17/index-modules.html#dynamic-index-settings",
        applies: |_| true,
        apply: withhold,
        examples: &[
            Example {
                source: "Elasticsearch 7.10.2",
                target: "OpenSearch 2.19.4",
                before: r#"{"settings": {"index.default_pipeline": "geo", "index.blocks.write": "true",
                    "index.blocks.read": "false"}}"#,
                after: r#"{"withheld": {"index.default_pipeline": "geo", "index.blocks.write": "true"}}"#,
                notes: &[
                    "withheld index.default_pipeline: \"geo\" is put on at cleanup",
                    "withheld index.blocks.write: \"true\" is put on at cleanup",
                ],
            },
            Example {
                source: "Elasticsearch 7.10.2",
                target: "OpenSearch 2.19.4",
                before: r#"{"kind": "legacy template", "settings": {"index.default_pipeline": "geo"}}"#,
                after: r#"{"kind": "legacy template", "settings": {"index.default_pipeline": "geo"}}"#,
                notes: &[],
            },
        ],
    },
    Rule {
        id: "search-pipeline-setting",
        what: "`search.default_pipeline` stays behind.",
        why: "Search pipelines are not migrated, and a search through one that isn't there fails.",
        source: "https://docs.opensearch.org/latest/search-plugins/search-pipelines/using-search-pipeline/",
        applies: |versions| versions.source.is_opensearch(),
        apply: |item, _| {
            for (name, value) in take(item, |name, _| name == "index.search.default_pipeline") {
                let text =
                    format!("it was {value}; search pipelines are not migrated: create it, then put the setting on");
                item.note("search-pipeline-setting", Effect::Dropped, name, text);
            }
            Ok(())
        },
        examples: &[Example {
            source: "OpenSearch 2.19.4",
            target: "OpenSearch 3.8.0",
            before: r#"{"settings": {"index.search.default_pipeline": "rerank"}}"#,
            after: "{}",
            notes: &["dropped index.search.default_pipeline: it was \"rerank\""],
        }],
    },
];

const NAMES: &[&str] =
    &["index.default_pipeline", "index.final_pipeline", "index.blocks.", "index.write.wait_for_active_shards"];

/// A block that a server puts on by itself where a disk is nearly full.
pub const DISK_IS_FULL: &str = "index.blocks.read_only_allow_delete";

/// Whether what an item's settings say can get in the way of the load: data streams are made from templates.
pub fn is_in_the_way(kind: Kind) -> bool {
    matches!(kind, Kind::Index | Kind::IndexTemplate | Kind::ComponentTemplate)
}

fn withhold(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    if !is_in_the_way(item.kind) {
        return Ok(());
    }
    let waits = |name: &str| name != DISK_IS_FULL && NAMES.iter().any(|pattern| is(pattern, name));
    for (name, value) in take(item, |name, _| waits(name)) {
        if name.starts_with("index.blocks.") && text(&value) == "false" {
            continue;
        }
        let text = format!("{value} is put on at cleanup");
        item.note("withheld-until-cleanup", Effect::Withheld, name.as_str(), text);
        item.withheld.insert(name, value);
    }
    Ok(())
}
