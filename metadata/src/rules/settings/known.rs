//! The settings of indices that targets have.
//!
//! After: `GET INDEX/_settings?include_defaults` of real servers, release notes for the versions between them. What is
//! missing here stays behind with a note; what is here by mistake a target refuses, and says so when it is asked.

use super::is;
use crate::server::{Product, Server};

/// In every version since Elasticsearch 7.0 and OpenSearch 1.0. Whole names, or beginnings that end with a dot.
const BOTH: &[&str] = &[
    "index.allocation.max_retries",
    "index.analysis.",
    "index.analyze.max_token_count",
    "index.auto_expand_replicas",
    "index.blocks.",
    "index.codec",
    "index.compound_format",
    "index.default_pipeline",
    "index.fielddata.cache",
    "index.final_pipeline",
    "index.flush_after_merge",
    "index.format",
    "index.gc_deletes",
    "index.hidden",
    "index.highlight.max_analyzed_offset",
    "index.indexing.slowlog.reformat",
    "index.indexing.slowlog.source",
    "index.indexing.slowlog.threshold.",
    "index.load_fixed_bitset_filters_eagerly",
    "index.mapping.coerce",
    "index.mapping.depth.limit",
    "index.mapping.field_name_length.limit",
    "index.mapping.ignore_malformed",
    "index.mapping.nested_fields.limit",
    "index.mapping.nested_objects.limit",
    "index.mapping.total_fields.limit",
    "index.max_docvalue_fields_search",
    "index.max_inner_result_window",
    "index.max_ngram_diff",
    "index.max_refresh_listeners",
    "index.max_regex_length",
    "index.max_rescore_window",
    "index.max_result_window",
    "index.max_script_fields",
    "index.max_shingle_diff",
    "index.max_slices_per_scroll",
    "index.max_terms_count",
    "index.merge.policy.deletes_pct_allowed",
    "index.merge.policy.expunge_deletes_allowed",
    "index.merge.policy.floor_segment",
    "index.merge.policy.max_merge_at_once",
    "index.merge.policy.max_merged_segment",
    "index.merge.policy.segments_per_tier",
    "index.merge.scheduler.auto_throttle",
    "index.merge.scheduler.max_merge_count",
    "index.merge.scheduler.max_thread_count",
    "index.number_of_replicas",
    "index.number_of_routing_shards",
    "index.number_of_shards",
    "index.optimize_auto_generated_id",
    "index.percolator.map_unmapped_fields_as_text",
    "index.priority",
    "index.queries.cache.enabled",
    "index.query.default_field",
    "index.query.parse.allow_unmapped_fields",
    "index.query_string.lenient",
    "index.refresh_interval",
    "index.requests.cache.enable",
    "index.routing_partition_size",
    "index.search.idle.after",
    "index.search.slowlog.threshold.",
    "index.shard.check_on_startup",
    "index.similarity.",
    "index.sort.",
    "index.store.preload",
    "index.store.stats_refresh_interval",
    "index.store.type",
    "index.translog.durability",
    "index.translog.flush_threshold_size",
    "index.translog.generation_threshold_size",
    "index.translog.sync_interval",
    "index.unassigned.node_left.delayed_timeout",
    "index.warmer.enabled",
    "index.write.wait_for_active_shards",
];

/// Major and minor.
type Version = (u32, u32);

/// It is in all that came after.
const NEWEST: Version = (u32::MAX, 0);

/// Since which version of Elasticsearch, and before which. The first that fits a name counts.
const ELASTICSEARCH: &[(&str, Version, Version)] = &[
    ("index.bloom_filter_for_id_field.enabled", (8, 7), NEWEST),
    ("index.highlight.weight_matches_mode.enabled", (8, 10), NEWEST),
    ("index.indexing.slowlog.include.user", (8, 14), NEWEST),
    ("index.indexing.slowlog.level", (7, 0), (8, 0)),
    ("index.lifecycle.", (7, 0), NEWEST),
    ("index.mapping.dimension_fields.limit", (7, 16), NEWEST),
    ("index.mapping.ignore_above", (8, 17), NEWEST),
    ("index.mapping.total_fields.ignore_dynamic_beyond_limit", (8, 14), NEWEST),
    ("index.max_adjacency_matrix_filters", (7, 0), (8, 0)),
    ("index.merge.policy.max_merge_at_once_explicit", (7, 0), (8, 0)),
    ("index.merge.policy.merge_factor", (8, 8), NEWEST),
    ("index.merge.policy.reclaim_deletes_weight", (7, 0), (8, 0)),
    ("index.merge.policy.type", (8, 8), NEWEST),
    ("index.mode", (8, 18), NEWEST),
    ("index.search.slowlog.include.user", (8, 14), NEWEST),
    ("index.search.slowlog.level", (7, 0), (8, 0)),
    ("index.translog.flush_threshold_age", (8, 8), NEWEST),
];

/// Since which version of OpenSearch, and before which. The first that fits a name counts.
const OPENSEARCH: &[(&str, Version, Version)] = &[
    ("index.auto_expand_search_replicas", (3, 0), NEWEST),
    ("index.check_pending_flush.enabled", (2, 12), NEWEST),
    ("index.codec.compression_level", (2, 9), NEWEST),
    ("index.composite_index", (2, 18), NEWEST),
    ("index.composite_index.", (2, 18), NEWEST),
    ("index.indexing.slowlog.level", (1, 0), NEWEST),
    // Since 3.0 they are parameters of each field.
    ("index.knn.algo_param.ef_construction", (1, 0), (3, 0)),
    ("index.knn.algo_param.m", (1, 0), (3, 0)),
    ("index.knn.space_type", (1, 0), (3, 0)),
    ("index.knn", (1, 0), NEWEST),
    ("index.knn.", (1, 0), NEWEST),
    ("index.max_adjacency_matrix_filters", (1, 0), NEWEST),
    ("index.max_slices_per_pit", (2, 4), NEWEST),
    ("index.merge.log_byte_size_policy.", (2, 10), NEWEST),
    ("index.merge.policy", (2, 10), NEWEST),
    ("index.merge.policy.max_merge_at_once_explicit", (1, 0), (2, 0)),
    ("index.merge.policy.reclaim_deletes_weight", (1, 0), NEWEST),
    ("index.merge_on_flush.", (2, 0), NEWEST),
    ("index.number_of_search_replicas", (3, 0), NEWEST),
    ("index.optimize_doc_id_lookup.", (2, 12), NEWEST),
    ("index.plugins.index_state_management.", (1, 0), NEWEST),
    ("index.query.derived_field.enabled", (2, 15), NEWEST),
    ("index.query.max_nested_depth", (2, 18), NEWEST),
    // Tried by those that came before, it was an experiment.
    ("index.replication.type", (2, 7), NEWEST),
    ("index.search.concurrent.", (2, 12), NEWEST),
    ("index.search.concurrent_segment_search.mode", (2, 17), NEWEST),
    ("index.search.concurrent_segment_search.enabled", (2, 12), NEWEST),
    ("index.search.slowlog.level", (1, 0), NEWEST),
    ("index.store.hybrid.nio.extensions", (2, 13), NEWEST),
    ("index.unreferenced_file_cleanup.enabled", (2, 9), NEWEST),
    ("index.use_compound_file", (2, 15), NEWEST),
];

/// Whether indices of `target` can have the setting.
pub fn has(target: Server, name: &str) -> bool {
    let table = match target.product {
        Product::Elasticsearch => ELASTICSEARCH,
        Product::OpenSearch => OPENSEARCH,
    };
    let [major, minor, _] = target.version;
    let found = table.iter().find(|(pattern, _, _)| is(pattern, name));
    match found {
        Some((_, since, before)) => (*since..*before).contains(&(major, minor)),
        None => BOTH.iter().any(|pattern| is(pattern, name)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn settings_come_and_go_with_versions() {
        let has = |server: &str, name: &str| super::has(server.parse().unwrap(), name);
        assert!(
            has("OpenSearch 1.3.20", "index.knn.algo_param.m") && !has("OpenSearch 3.0.0", "index.knn.algo_param.m")
        );
        assert!(
            has("OpenSearch 3.0.0", "index.knn.algo_param.ef_search") && !has("Elasticsearch 8.19.21", "index.knn")
        );
        assert!(has("Elasticsearch 7.10.2", "index.sort.field") && has("OpenSearch 3.8.0", "index.sort.field"));
        assert!(!has("OpenSearch 3.8.0", "index.sorted") && !has("OpenSearch 1.3.20", "index.merge.policy"));
        assert!(has("Elasticsearch 7.17.29", "index.search.slowlog.level"));
        assert!(!has("Elasticsearch 8.19.21", "index.search.slowlog.level"));
    }

    #[test]
    fn no_name_stands_twice() {
        for names in [
            BOTH.to_vec(),
            ELASTICSEARCH.iter().map(|known| known.0).collect(),
            OPENSEARCH.iter().map(|known| known.0).collect(),
        ] {
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        }
    }
}
