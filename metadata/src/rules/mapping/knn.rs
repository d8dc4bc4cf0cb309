//! Vectors of OpenSearch, and the engines that find them.

use serde_json::{Map, Value, json};

use super::vectors::{ENGINES, is_on};
use super::walk::{self, Field};
use crate::item::{Effect, Item, Kind, Refusal};
use crate::rule::{Example, Rule, Versions};

const SETTINGS: &str = "knn-settings-to-method";
const WITHOUT: &str = "method-without-knn";
const NMSLIB: &str = "nmslib-to-faiss";

/// The settings of an index that said what its vectors are found by, and the parameter of a method that says so now.
const SPACE: &str = "index.knn.space_type";
const PARAMETERS: [(&str, &str); 2] =
    [("index.knn.algo_param.m", "m"), ("index.knn.algo_param.ef_construction", "ef_construction")];

/// The rules for `knn_vector`.
pub const RULES: &[Rule] = &[
    Rule {
        id: SETTINGS,
        what: "`index.knn.space_type` and `index.knn.algo_param.*` go to the method of each `knn_vector` that has none.",
        why: "OpenSearch 3.0 took these settings away; a field says what it is found by.",
        source: "https://docs.opensearch.org/3.0/breaking-changes/",
        applies: |versions| versions.target.is_opensearch_from(3, 0) && versions.source.is_opensearch(),
        apply: settings,
        examples: &[Example {
            source: "OpenSearch 2.19.4",
            target: "OpenSearch 3.8.0",
            before: r#"{"settings": {"index.knn": "true", "index.knn.space_type": "cosinesimil", "index.knn.algo_param.m": "24"},
                "mappings": {"properties": {"v": {"type": "knn_vector", "dimension": 4}}}}"#,
            after: r#"{"settings": {"index.knn": "true"}, "mappings": {"properties": {"v": {"type": "knn_vector",
                "dimension": 4, "method": {"name": "hnsw", "engine": "faiss", "space_type": "cosinesimil", "parameters": {"m": 24}}}}}}"#,
            notes: &[
                "changed index.knn.space_type: said by the method of each field",
                "changed index.knn.algo_param.m: said by the method of each field",
                "changed mappings.properties.v.method: faiss's hnsw in cosinesimil",
            ],
        }],
    },
    Rule {
        id: WITHOUT,
        what: "`method` of a `knn_vector` is dropped from an index that isn't `index.knn: true`.",
        why: "Early versions of OpenSearch took it and made nothing of it; later ones refuse it.",
        source: ENGINES,
        applies: |versions| versions.target.is_opensearch() && versions.source.is_opensearch(),
        apply: without_knn,
        examples: &[Example {
            source: "OpenSearch 1.3.20",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"properties": {"v": {"type": "knn_vector", "dimension": 4, "method": {"name": "hnsw"}}}}}"#,
            after: r#"{"mappings": {"properties": {"v": {"type": "knn_vector", "dimension": 4}}}}"#,
            notes: &["changed mappings.properties.v.method: gone; nothing was found by it"],
        }],
    },
    Rule {
        id: NMSLIB,
        what: "The engine `nmslib` becomes `faiss`.",
        why: "OpenSearch 3.0 makes no new index of nmslib; faiss finds by the same graph with the same parameters.",
        source: "https://docs.opensearch.org/3.0/breaking-changes/",
        applies: |versions| versions.target.is_opensearch_from(3, 0),
        apply: nmslib,
        examples: &[Example {
            source: "OpenSearch 1.3.20",
            target: "OpenSearch 3.8.0",
            before: r#"{"mappings": {"properties": {
                "v": {"type": "knn_vector", "dimension": 4, "method": {"name": "hnsw", "engine": "nmslib", "space_type": "l2"}},
                "w": {"type": "knn_vector", "dimension": 4, "method": {"name": "hnsw", "engine": "nmslib", "space_type": "linf"}}}}}"#,
            after: r#"{"mappings": {"properties": {
                "v": {"type": "knn_vector", "dimension": 4, "method": {"name": "hnsw", "engine": "faiss", "space_type": "l2"}},
                "w": {"type": "knn_vector", "dimension": 4, "method": {"name": "hnsw", "engine": "faiss", "space_type": "linf"}}}}}"#,
            notes: &[
                "changed mappings.properties.v.method.engine: faiss",
                "changed mappings.properties.w.method.engine: faiss",
                "warning mappings.properties.w.method.space_type: no engine of OpenSearch 3 finds by linf",
            ],
        }],
    },
];

fn without_knn(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    if item.kind != Kind::Index || is_on(item) {
        return Ok(());
    }
    walk::fields(item, WITHOUT, |field| {
        if field.kind() == "knn_vector" && field.definition.shift_remove("method").is_some() {
            field.note_parameter("method", Effect::Changed, "gone; nothing was found by it, as `index.knn` is off");
        }
        Ok(())
    })
}

fn settings(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    let mut said = |key: &str| {
        let value = item.settings.shift_remove(key)?;
        item.note(SETTINGS, Effect::Changed, key, "said by the method of each field that had none");
        Some(value)
    };
    let space = said(SPACE);
    let parameters: Map<String, Value> = PARAMETERS
        .into_iter()
        .filter_map(|(key, name)| {
            let value = said(key)?;
            let number = value.as_str().and_then(|text| text.parse::<u64>().ok()).map(Value::from);
            Some((name.to_owned(), number.unwrap_or(value)))
        })
        .collect();
    if space.is_none() && parameters.is_empty() {
        return Ok(());
    }
    let space = space.as_ref().and_then(Value::as_str).unwrap_or("l2");
    let method = match parameters.is_empty() {
        true => json!({"name": "hnsw", "engine": "faiss", "space_type": space}),
        false => json!({"name": "hnsw", "engine": "faiss", "space_type": space, "parameters": parameters}),
    };
    // A template's mapping may come to an index that is searched by another template's word.
    if item.kind == Kind::Index && !is_on(item) {
        return Ok(());
    }
    walk::fields(item, SETTINGS, |field| {
        let has_own =
            ["method", "model_id", "mode", "space_type"].iter().any(|key| field.definition.contains_key(*key));
        if field.kind() == "knn_vector" && !has_own {
            field.definition.insert("method".to_owned(), method.clone());
            field.note_parameter("method", Effect::Changed, format!("faiss's hnsw in {space}"));
            warn_of_space(field, space);
        }
        Ok(())
    })
}

fn nmslib(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    walk::fields(item, NMSLIB, |field| {
        let Some(Value::Object(method)) = field.definition.get_mut("method") else { return Ok(()) };
        if method.get("engine").is_none_or(|engine| engine != "nmslib") {
            return Ok(());
        }
        method.insert("engine".to_owned(), "faiss".into());
        let space = method.get("space_type").and_then(Value::as_str).unwrap_or("l2").to_owned();
        field.note_parameter("method.engine", Effect::Changed, "faiss");
        warn_of_space(field, &space);
        Ok(())
    })
}

/// Says so where only nmslib had the space.
fn warn_of_space(field: &mut Field<'_>, space: &str) {
    if matches!(space, "l1" | "linf") {
        let text = format!("no engine of OpenSearch 3 finds by {space}; give the field another space by a patch");
        field.note_parameter("method.space_type", Effect::Warning, text);
    }
}
