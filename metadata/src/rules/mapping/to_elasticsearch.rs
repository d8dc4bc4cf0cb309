//! What OpenSearch has and Elasticsearch calls otherwise, and what Elasticsearch 8 no longer takes.

use serde_json::Value;

use super::vectors::unsearched;
use super::walk::{self, Field};
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::server::Product;

const TYPES: &str = "types-of-opensearch";
const GONE: &str = "parameters-gone-in-8";

/// What said how shapes were kept in a tree of prefixes.
const OF_TREES: [&str; 6] = ["tree", "tree_levels", "precision", "strategy", "distance_error_pct", "points_only"];

/// The rules for Elasticsearch as the target.
pub const RULES: &[Rule] = &[
    Rule {
        id: TYPES,
        what: "`flat_object` becomes `flattened`, `knn_vector` becomes `dense_vector`, `xy_point` and `xy_shape` become `point` \
               and `shape`.",
        why: "They take the same values; how a vector's neighbours are found, Elasticsearch says in its own words.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/8.19/mapping-types.html",
        applies: |versions| versions.source.is_opensearch() && versions.target.product == Product::Elasticsearch,
        apply: types,
        examples: &[
            Example {
                source: "OpenSearch 2.19.4",
                target: "Elasticsearch 8.19.21",
                before: r#"{"mappings": {"properties": {"o": {"type": "flat_object"}, "p": {"type": "xy_point"},
                    "v": {"type": "knn_vector", "dimension": 4, "method": {"name": "hnsw", "engine": "faiss",
                        "space_type": "innerproduct", "parameters": {"m": 24, "ef_construction": 100, "ef_search": 50}}},
                    "w": {"type": "knn_vector", "model_id": "m"}}}}"#,
                after: r#"{"mappings": {"properties": {"o": {"type": "flattened"}, "p": {"type": "point"},
                    "v": {"type": "dense_vector", "dims": 4, "index": true, "similarity": "max_inner_product",
                        "index_options": {"type": "hnsw", "m": 24, "ef_construction": 100}},
                    "w": {"type": "object", "enabled": false}}}}"#,
                notes: &[
                    "changed mappings.properties.o: flattened",
                    "changed mappings.properties.p: point",
                    "changed mappings.properties.v: dense_vector, found by hnsw in max_inner_product",
                    "dropped mappings.properties.w: kept and not searched; it has no `dimension`",
                ],
            },
            Example {
                source: "OpenSearch 1.3.20",
                target: "Elasticsearch 7.10.2",
                before: r#"{"mappings": {"properties": {"v": {"type": "knn_vector", "dimension": 4, "method": {"name": "hnsw"}}}}}"#,
                after: r#"{"mappings": {"properties": {"v": {"type": "dense_vector", "dims": 4}}}}"#,
                notes: &["dropped mappings.properties.v: dense_vector, for scripts only"],
            },
        ],
    },
    Rule {
        id: GONE,
        what: "`boost` of a field, and `tree`, `precision`, `strategy`, … of a `geo_shape`, are dropped.",
        why: "Elasticsearch 8.0 refuses them: a query says what counts more, and shapes are kept in another way.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/8.19/migrating-8.0.html",
        applies: |versions| versions.target.is_elasticsearch_from(8, 0),
        apply: gone,
        examples: &[Example {
            source: "Elasticsearch 6.8.23",
            target: "Elasticsearch 8.19.21",
            before: r#"{"mappings": {"properties": {
                "t": {"type": "text", "boost": 2}, "s": {"type": "geo_shape", "tree": "quadtree", "precision": "1m"}}}}"#,
            after: r#"{"mappings": {"properties": {"t": {"type": "text"}, "s": {"type": "geo_shape"}}}}"#,
            notes: &[
                "dropped mappings.properties.t.boost: counts like any other; a query can say otherwise",
                "changed mappings.properties.s: without `tree`, `precision`",
            ],
        }],
    },
];

fn types(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    walk::fields(item, TYPES, |field| {
        let new = match field.kind() {
            "flat_object" => "flattened",
            "xy_point" => "point",
            "xy_shape" => "shape",
            "knn_vector" => {
                dense_vector(field, versions);
                return Ok(());
            }
            _ => return Ok(()),
        };
        field.set_kind(new);
        field.note(Effect::Changed, new.to_owned());
        Ok(())
    })
}

fn dense_vector(field: &mut Field<'_>, versions: Versions) {
    let old = std::mem::take(field.definition);
    let Some(dimension) = old.get("dimension") else {
        *field.definition = unsearched();
        field.note(Effect::Dropped, "kept and not searched; it has no `dimension`");
        return;
    };
    let mut say = |key: &str, value: Value| field.definition.insert(key.to_owned(), value);
    say("type", "dense_vector".into());
    say("dims", dimension.clone());
    let method = old.get("method").and_then(Value::as_object);
    let Some(method) = method.filter(|_| versions.target.is_elasticsearch_from(8, 0)) else {
        field.note(Effect::Dropped, "dense_vector, for scripts only");
        return;
    };
    if old.get("data_type").is_some_and(|of| of == "byte") {
        say("element_type", "byte".into());
    }
    let space = method.get("space_type").or_else(|| old.get("space_type")).and_then(Value::as_str);
    let similarity = match space {
        Some("cosinesimil") => "cosine",
        Some("innerproduct") => "max_inner_product",
        _ => "l2_norm",
    };
    say("index", true.into());
    say("similarity", similarity.into());
    if let Some(Value::Object(parameters)) = method.get("parameters") {
        let kept = parameters.iter().filter(|(key, _)| matches!(key.as_str(), "m" | "ef_construction"));
        let mut options = serde_json::Map::from_iter([("type".to_owned(), "hnsw".into())]);
        options.extend(kept.map(|(key, value)| (key.clone(), value.clone())));
        say("index_options", options.into());
    }
    field.note(Effect::Changed, format!("dense_vector, found by hnsw in {similarity}"));
}

fn gone(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    walk::fields(item, GONE, |field| {
        field.drop_parameter("boost", "counts like any other; a query can say otherwise");
        if field.kind() == "geo_shape" {
            let mut without = Vec::new();
            for key in OF_TREES {
                if field.definition.shift_remove(key).is_some() {
                    without.push(format!("`{key}`"));
                }
            }
            if !without.is_empty() {
                field.note(Effect::Changed, format!("without {}", without.join(", ")));
            }
        }
        Ok(())
    })
}
