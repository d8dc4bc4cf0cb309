//! Vectors of Elasticsearch, which become those of OpenSearch.

use serde_json::{Map, Value};

use super::walk::{self, Field};
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::server::Server;

const DENSE: &str = "dense-vector-to-knn-vector";

pub(super) const ENGINES: &str =
    "https://docs.opensearch.org/latest/mappings/supported-field-types/knn-methods-engines/";

/// The rules for vectors.
pub const RULES: &[Rule] = &[Rule {
    id: DENSE,
    what: "`dense_vector` becomes `knn_vector`; one that is searched gets an `hnsw` method, and the index `index.knn: true`.",
    why: "Both are lists of numbers found by their nearest neighbours. A `dot_product` of floats is `cosinesimil`, as \
              Elasticsearch takes vectors of length 1 only; quantised vectors are kept whole. The target needs the k-NN plugin.",
    source: ENGINES,
    applies: |versions| versions.source.is_elasticsearch_from(7, 0) && versions.target.is_opensearch(),
    apply: dense,
    examples: &[
        Example {
            source: "Elasticsearch 8.19.21",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"properties": {"v": {"type": "dense_vector", "dims": 768, "index": true,
                    "similarity": "cosine", "index_options": {"type": "int8_hnsw", "m": 16, "ef_construction": 100}}}}}"#,
            after: r#"{"settings": {"index.knn": "true"}, "mappings": {"properties": {"v": {"type": "knn_vector",
                    "dimension": 768, "method": {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil",
                    "parameters": {"m": 16, "ef_construction": 100}}}}}}"#,
            notes: &[
                "changed mappings.properties.v.index_options: not quantised",
                "changed mappings.properties.v: knn_vector, found by lucene's hnsw in cosinesimil",
                "changed index.knn: true",
            ],
        },
        Example {
            source: "Elasticsearch 7.10.2",
            target: "OpenSearch 1.3.20",
            before: r#"{"mappings": {"properties": {"v": {"type": "dense_vector", "dims": 3}}}}"#,
            after: r#"{"mappings": {"properties": {"v": {"type": "knn_vector", "dimension": 3}}}}"#,
            notes: &["changed mappings.properties.v: knn_vector, for scripts only, as before"],
        },
        Example {
            source: "Elasticsearch 8.19.21",
            target: "OpenSearch 3.8.0",
            before: r#"{"mappings": {"properties": {
                    "bytes": {"type": "dense_vector", "dims": 8, "element_type": "byte", "similarity": "dot_product"},
                    "bits": {"type": "dense_vector", "dims": 64, "element_type": "bit"},
                    "none": {"type": "dense_vector"}}}}"#,
            after: r#"{"settings": {"index.knn": "true"}, "mappings": {"properties": {
                    "bytes": {"type": "knn_vector", "dimension": 8, "data_type": "byte", "method":
                        {"name": "hnsw", "engine": "lucene", "space_type": "innerproduct"}},
                    "bits": {"type": "knn_vector", "dimension": 64, "data_type": "binary", "method":
                        {"name": "hnsw", "engine": "faiss", "space_type": "hamming"}},
                    "none": {"type": "object", "enabled": false}}}}"#,
            notes: &[
                "changed mappings.properties.bytes: knn_vector, found by lucene's hnsw in innerproduct",
                "warning mappings.properties.bits: a document whose vector is a hexadecimal text is rejected",
                "changed mappings.properties.bits: knn_vector, found by faiss's hnsw in hamming",
                "dropped mappings.properties.none: kept and not searched; it has no `dims` so far",
                "changed index.knn: true",
            ],
        },
    ],
}];

fn dense(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    let mut is_searched = false;
    walk::fields(item, DENSE, |field| {
        if field.kind() == "dense_vector" {
            is_searched |= knn_vector(field, versions);
        }
        Ok(())
    })?;
    if is_searched && !is_on(item) {
        item.settings.insert("index.knn".to_owned(), "true".into());
        item.note(DENSE, Effect::Changed, "index.knn", "true, so that neighbours can be found");
    }
    Ok(())
}

/// Makes a `knn_vector` of the field; whether its neighbours are to be found.
fn knn_vector(field: &mut Field<'_>, versions: Versions) -> bool {
    let old = std::mem::take(field.definition);
    let word = |key: &str| old.get(key).and_then(Value::as_str);
    let is_bits = word("element_type") == Some("bit");
    let has_bits = versions.target.is_opensearch_from(2, 16);
    let Some(dims) = old.get("dims").filter(|_| !is_bits || has_bits) else {
        *field.definition = unsearched();
        let why = if is_bits { "OpenSearch has vectors of bits since 2.16" } else { "it has no `dims` so far" };
        field.note(Effect::Dropped, format!("kept and not searched; {why}"));
        return false;
    };
    field.set_kind("knn_vector");
    field.definition.insert("dimension".to_owned(), dims.clone());
    match word("element_type") {
        Some("byte") if versions.target.is_opensearch_from(2, 9) => {
            field.definition.insert("data_type".to_owned(), "byte".into());
        }
        Some("bit") => {
            field.definition.insert("data_type".to_owned(), "binary".into());
            field.note(Effect::Warning, "a document whose vector is a hexadecimal text is rejected");
        }
        _ => {}
    }
    // What a field is that doesn't say: searched since 8.11.
    let is_searched = match old.get("index") {
        Some(index) => super::words::is_true(index),
        None => versions.source.is_elasticsearch_from(8, 11),
    };
    if !is_searched {
        field.note(Effect::Changed, "knn_vector, for scripts only, as before");
        return false;
    }
    let (engine, space) = found_by(&old, versions.target);
    let mut method = Map::from_iter(
        [("name", "hnsw"), ("engine", engine), ("space_type", space)]
            .map(|(key, value)| (key.to_owned(), value.into())),
    );
    let options = old.get("index_options").and_then(Value::as_object);
    let parameters = options.into_iter().flatten().filter(|(key, _)| matches!(key.as_str(), "m" | "ef_construction"));
    let parameters: Map<String, Value> = parameters.map(|(key, value)| (key.clone(), value.clone())).collect();
    if !parameters.is_empty() {
        method.insert("parameters".to_owned(), parameters.into());
    }
    if options.and_then(|options| options.get("type")).is_some_and(|of| of != "hnsw") {
        field.note_parameter("index_options", Effect::Changed, "not quantised, and found by hnsw");
    }
    field.definition.insert("method".to_owned(), method.into());
    field.note(Effect::Changed, format!("knn_vector, found by {engine}'s hnsw in {space}"));
    true
}

/// The engine and the space of a `dense_vector`.
fn found_by(old: &Map<String, Value>, target: Server) -> (&'static str, &'static str) {
    let element = old.get("element_type").and_then(Value::as_str).unwrap_or("float");
    let similarity = old.get("similarity").and_then(Value::as_str).unwrap_or("cosine");
    let space = match (element, similarity) {
        ("bit", _) => return ("faiss", "hamming"),
        (_, "l2_norm") => "l2",
        ("byte", "dot_product") | (_, "max_inner_product") => "innerproduct",
        _ => "cosinesimil",
    };
    let lucene_from = if space == "innerproduct" { (2, 13) } else { (2, 2) };
    let is_lucene = target.is_opensearch_from(lucene_from.0, lucene_from.1);
    (if is_lucene { "lucene" } else { "nmslib" }, space)
}

/// What takes any value and is asked for none.
pub(super) fn unsearched() -> Map<String, Value> {
    Map::from_iter([("type".to_owned(), "object".into()), ("enabled".to_owned(), false.into())])
}

/// Whether neighbours are to be found in the index at all.
pub(super) fn is_on(item: &Item) -> bool {
    item.settings.get("index.knn").is_some_and(super::words::is_true)
}
