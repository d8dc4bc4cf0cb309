//! Settings that both have, in other words.

use serde_json::Value;

use super::is;
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::server::Server;
use crate::settings::text;

/// What reads settings as the words of the target.
pub const RULES: &[Rule] = &[
    Rule {
        id: "setting-units",
        what: "Times and sizes without a unit get `ms` or `b`.",
        why: "Before Elasticsearch 2.0 that is what they meant; since then a number alone is refused.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/2.0/breaking_20_setting_changes.html; refused \
                 by OpenSearch 1.3 to 3.8",
        applies: |versions| versions.source.is_elasticsearch_before(2, 0),
        apply: units,
        examples: &[Example {
            source: "Elasticsearch 1.7.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.refresh_interval": "5000", "index.translog.flush_threshold_size": "1000000",
                "index.gc_deletes": "-1", "index.number_of_shards": "5"}}"#,
            after: r#"{"settings": {"index.refresh_interval": "5000ms", "index.translog.flush_threshold_size": "1000000b",
                "index.gc_deletes": "-1", "index.number_of_shards": "5"}}"#,
            notes: &["changed index.refresh_interval: 5000ms", "changed index.translog.flush_threshold_size: 1000000b"],
        }],
    },
    Rule {
        id: "setting-booleans",
        what: "`0`, `off`, `no` become `false`; `1`, `on`, `yes` and other words `true`.",
        why: "Since Elasticsearch 6.0 only `true` and `false` are taken.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/6.0/breaking_60_settings_changes.html; refused \
                 by OpenSearch 1.3 to 3.8",
        applies: |versions| versions.source.is_elasticsearch_before(6, 0),
        apply: booleans,
        examples: &[Example {
            source: "Elasticsearch 2.4.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.requests.cache.enable": "1", "index.blocks.write": "off"}}"#,
            after: r#"{"settings": {"index.requests.cache.enable": "true", "index.blocks.write": "false"}}"#,
            notes: &["changed index.requests.cache.enable: true", "changed index.blocks.write: false"],
        }],
    },
    Rule {
        id: "index-codec",
        what: "A codec that the target lacks becomes the nearest that it has: `best_compression` or `default`.",
        why: "Codecs say how documents are packed, not what they are. OpenSearch has `lz4` and `zlib` as other names \
              since 2.9, and `zstd`, `zstd_no_dict` and `qat_*` with a plugin.",
        source: "https://docs.opensearch.org/latest/im-plugin/index-codecs/; tried on OpenSearch 1.3, 2.19, 3.8, \
                 Elasticsearch 7.10, 8.19",
        applies: |_| true,
        apply: codec,
        examples: &[
            Example {
                source: "OpenSearch 2.19.4",
                target: "Elasticsearch 8.19.21",
                before: r#"{"settings": {"index.codec": "zstd_no_dict"}}"#,
                after: r#"{"settings": {"index.codec": "best_compression"}}"#,
                notes: &["changed index.codec: best_compression; it was \"zstd_no_dict\""],
            },
            Example {
                source: "Elasticsearch 1.7.6",
                target: "OpenSearch 3.8.0",
                before: r#"{"settings": {"index.codec": "Lucene410"}}"#,
                after: r#"{"settings": {"index.codec": "default"}}"#,
                notes: &["changed index.codec: default; it was \"Lucene410\""],
            },
        ],
    },
    Rule {
        id: "store-type",
        what: "A store type that is gone stays behind: the target chooses one.",
        why: "`default`, `memory`, `ram` and names of mounted snapshots are refused as unknown.",
        source: "Elasticsearch IndexModule.Type; tried on OpenSearch 1.3, 2.19, 3.8, Elasticsearch 7.10, 8.19",
        applies: |_| true,
        apply: store_type,
        examples: &[Example {
            source: "Elasticsearch 2.4.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.store.type": "default"}}"#,
            after: "{}",
            notes: &["dropped index.store.type: it was \"default\""],
        }],
    },
    Rule {
        id: "dfr-models-removed",
        what: "A DFR similarity of the models `be`, `d`, `p`, or of the after effect `no`, becomes `BM25`.",
        why: "These are gone since Elasticsearch 7.0: documents are found as before, in another order.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.0/breaking-changes-7.0.html; tried on \
                 OpenSearch 1.3, 2.19, 3.8, Elasticsearch 7.10, 8.19",
        applies: |versions| versions.source.is_elasticsearch_before(7, 0),
        apply: similarity,
        examples: &[Example {
            source: "Elasticsearch 5.6.16",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.similarity.d.type": "DFR", "index.similarity.d.basic_model": "be",
                "index.similarity.d.after_effect": "l", "index.similarity.mine.type": "BM25"}}"#,
            after: r#"{"settings": {"index.similarity.d.type": "BM25", "index.similarity.mine.type": "BM25"}}"#,
            notes: &["dropped index.similarity.d: BM25; it was DFR of be"],
        }],
    },
];

const TIMES: &[&str] = &[
    "index.refresh_interval",
    "index.gc_deletes",
    "index.translog.sync_interval",
    "index.unassigned.node_left.delayed_timeout",
    "index.indexing.slowlog.threshold.",
    "index.search.slowlog.threshold.",
];
const SIZES: &[&str] = &[
    "index.translog.flush_threshold_size",
    "index.merge.policy.floor_segment",
    "index.merge.policy.max_merged_segment",
];
const BOOLEANS: &[&str] = &[
    "index.blocks.",
    "index.load_fixed_bitset_filters_eagerly",
    "index.mapping.coerce",
    "index.mapping.ignore_malformed",
    "index.merge.scheduler.auto_throttle",
    "index.queries.cache.enabled",
    "index.query.parse.allow_unmapped_fields",
    "index.query_string.lenient",
    "index.requests.cache.enable",
    "index.warmer.enabled",
];
/// What turns something off; before Elasticsearch 6.0 every other word turns it on.
const OFF: [&str; 4] = ["false", "0", "off", "no"];
const STORES: [&str; 5] = ["fs", "niofs", "mmapfs", "hybridfs", "simplefs"];

/// Gives the settings that `names` means the text that `other` makes of theirs, where it makes one.
fn reword(item: &mut Item, rule: &'static str, names: &[&str], other: impl Fn(&str) -> Option<String>) {
    let mut done = Vec::new();
    for (name, value) in &mut item.settings {
        let new = if names.iter().any(|pattern| is(pattern, name)) { other(&text(value)) } else { None };
        if let Some(new) = new {
            done.push((name.clone(), format!("{new}; it was {value}")));
            *value = new.into();
        }
    }
    for (name, text) in done {
        item.note(rule, Effect::Changed, name, text);
    }
}

fn units(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let is_number = |text: &str| text != "0" && !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    for (names, unit) in [(TIMES, "ms"), (SIZES, "b")] {
        reword(item, "setting-units", names, |text| is_number(text).then(|| format!("{text}{unit}")));
    }
    Ok(())
}

fn booleans(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    reword(item, "setting-booleans", BOOLEANS, lenient_boolean);
    Ok(())
}

/// What Elasticsearch before 6.0 took a word for; `None`: it is one of the two that are still taken.
pub fn lenient_boolean(text: &str) -> Option<String> {
    (text != "true" && text != "false").then(|| (!OFF.contains(&text)).to_string())
}

fn codec(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    reword(item, "index-codec", &["index.codec"], |codec| {
        let nearest = match codec {
            "best_compression" | "zlib" | "legacy_best_compression" => "best_compression",
            packed if packed.starts_with("zstd") || packed.starts_with("qat_") => "best_compression",
            _ => "default",
        };
        (!has_codec(versions.target, codec)).then(|| nearest.to_owned())
    });
    Ok(())
}

fn has_codec(target: Server, codec: &str) -> bool {
    match codec {
        "default" | "best_compression" | "lucene_default" => true,
        "lz4" | "zlib" | "zstd" | "zstd_no_dict" => target.is_opensearch_from(2, 9),
        "qat_lz4" | "qat_deflate" => target.is_opensearch_from(2, 14),
        "qat_zstd" => target.is_opensearch_from(3, 0),
        "legacy_default" | "legacy_best_compression" => target.is_elasticsearch_from(8, 16),
        _ => false,
    }
}

fn store_type(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let is_gone = |value: &Value| !STORES.contains(&text(value).as_str());
    for (name, value) in super::take(item, |name, value| name == "index.store.type" && is_gone(value)) {
        item.note("store-type", Effect::Dropped, name, format!("it was {value}; the target chooses one"));
    }
    Ok(())
}

fn similarity(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    const PREFIX: &str = "index.similarity.";
    let types = item.settings.iter().filter_map(|(name, value)| {
        let similarity = name.strip_prefix(PREFIX)?.strip_suffix(".type")?;
        let of = |part: &str| item.settings.get(&format!("{PREFIX}{similarity}.{part}")).map(text).unwrap_or_default();
        let (model, after_effect) = (of("basic_model"), of("after_effect"));
        let is_gone = ["be", "d", "p"].contains(&model.as_str()) || after_effect == "no";
        (text(value) == "DFR" && is_gone).then(|| (similarity.to_owned(), format!("DFR of {model} and {after_effect}")))
    });
    for (similarity, before) in types.collect::<Vec<_>>() {
        let all = format!("{PREFIX}{similarity}.");
        super::take(item, |name, _| name.starts_with(&all) && !name.ends_with(".type"));
        item.settings.insert(format!("{all}type"), "BM25".into());
        let text = format!("BM25; it was {before}, which is gone: scores differ");
        item.note("dfr-models-removed", Effect::Dropped, format!("{PREFIX}{similarity}"), text);
    }
    Ok(())
}
