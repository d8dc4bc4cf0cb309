//! What the stored `_source` of an index's documents is, before any of them is read.
//!
//! In: settings and mappings. Out: [`SourceMode`], for warnings: what is read in the end is what the segments hold.
//! Not here: `_source` itself.
//! After: Elasticsearch 8.19 and 9.2 `SourceFieldMapper`, `IndexMode`, `IndexSettings`; OpenSearch 3.x `IndexSettings`, its
//! k-NN plugin's `KNNSettings`.

use serde_json::{Map, Value as Json};

use crate::index_metadata::IndexMetadata;
use crate::version::{Product, ProductVersion};

/// Since when time series indices have a synthetic source unless they say otherwise: Elasticsearch 8.7.
const SYNTHETIC_TIME_SERIES_SINCE: (u32, u32) = (8, 7);
/// Since which index version vectors are left out of the source unless the index says otherwise: Elasticsearch 9.2.
const WITHOUT_VECTORS_SINCE: u32 = 9_035_000;
/// Field types whose values may be left out.
const VECTOR_TYPES: [&str; 5] = ["dense_vector", "sparse_vector", "rank_vectors", "semantic_text", "knn_vector"];

/// What the stored `_source` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceMode {
    /// What was indexed.
    Stored,
    /// What was indexed, without the vectors.
    WithoutVectors,
    /// A part of what was indexed.
    Filtered {
        /// The fields that are kept, as patterns; all where there are none.
        includes: Vec<String>,
        /// The fields that are not, as patterns.
        excludes: Vec<String>,
    },
    /// Nothing: Elasticsearch makes a source up from doc values when it is asked for one.
    Synthetic,
    /// Nothing: OpenSearch derives a source from doc values when it is asked for one.
    Derived,
    /// Nothing.
    Disabled,
}

impl SourceMode {
    /// Which of two an index is better described by: the one that keeps less.
    fn severity(&self) -> u8 {
        match self {
            Self::Stored => 0,
            Self::WithoutVectors => 1,
            Self::Filtered { .. } => 2,
            Self::Synthetic => 3,
            Self::Derived => 4,
            Self::Disabled => 5,
        }
    }
}

impl IndexMetadata {
    /// What the stored `_source` of its documents is; where its mapping types differ, of those that keep least.
    #[must_use]
    pub fn source_mode(&self) -> SourceMode {
        let of_settings = of_settings(&self.settings, self.version_created);
        let types = self.mapping_types().map(|(_, mapping)| of_type(mapping, &of_settings, self));
        types.max_by_key(SourceMode::severity).unwrap_or(of_settings)
    }
}

fn is(settings: &Map<String, Json>, key: &str, value: &str) -> bool {
    settings.get(key).is_some_and(|found| text_of(found) == value)
}

/// Settings are texts, mappings may have the values themselves.
fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn of_settings(settings: &Map<String, Json>, created: ProductVersion) -> SourceMode {
    if is(settings, "index.derived_source.enabled", "true") {
        return SourceMode::Derived;
    }
    match settings.get("index.mapping.source.mode").map(text_of).as_deref() {
        Some("synthetic") => return SourceMode::Synthetic,
        Some("disabled") => return SourceMode::Disabled,
        Some(_) => return SourceMode::Stored,
        None => {}
    }
    let is_time_series = is(settings, "index.mode", "time_series");
    let is_synthetic = is(settings, "index.mode", "logsdb")
        || is_time_series && SYNTHETIC_TIME_SERIES_SINCE <= (created.major, created.minor);
    if is_synthetic { SourceMode::Synthetic } else { SourceMode::Stored }
}

/// What a type's documents have, given what the settings say of all.
fn of_type(mapping: &Json, of_settings: &SourceMode, index: &IndexMetadata) -> SourceMode {
    let source = mapping.get("_source");
    let option = |key: &str| source.and_then(|source| source.get(key));
    if option("enabled").is_some_and(|enabled| text_of(enabled) == "false") {
        return SourceMode::Disabled;
    }
    let mode = match option("mode").map(text_of).as_deref() {
        Some("synthetic") => SourceMode::Synthetic,
        Some("disabled") => SourceMode::Disabled,
        Some("stored") => SourceMode::Stored,
        _ => of_settings.clone(),
    };
    if mode != SourceMode::Stored {
        return mode;
    }
    let (includes, excludes) = (patterns(option("includes")), patterns(option("excludes")));
    if !includes.is_empty() || !excludes.is_empty() {
        return SourceMode::Filtered { includes, excludes };
    }
    if leaves_out_vectors(index) && has_vectors(mapping) { SourceMode::WithoutVectors } else { SourceMode::Stored }
}

/// One pattern may stand for a list of one.
fn patterns(value: Option<&Json>) -> Vec<String> {
    match value {
        Some(Json::Array(patterns)) => patterns.iter().map(text_of).collect(),
        Some(Json::String(pattern)) => vec![pattern.clone()],
        _ => Vec::new(),
    }
}

fn leaves_out_vectors(index: &IndexMetadata) -> bool {
    let ProductVersion { product, index_version, .. } = index.version_created;
    let said = index.settings.get(match product {
        Product::Elasticsearch => "index.mapping.exclude_source_vectors",
        // Its default is written into the settings of every new index.
        Product::OpenSearch => "index.knn.derived_source.enabled",
    });
    let by_default = product == Product::Elasticsearch && index_version.is_some_and(|id| WITHOUT_VECTORS_SINCE <= id);
    said.map_or(by_default, |said| text_of(said) == "true")
}

// As deep as the parser went, which stops at 128.
fn has_vectors(mapping: &Json) -> bool {
    let properties = mapping.get("properties").and_then(Json::as_object);
    properties.into_iter().flat_map(Map::values).any(|field| {
        let kind = field.get("type").and_then(Json::as_str);
        kind.is_some_and(|kind| VECTOR_TYPES.contains(&kind)) || has_vectors(field)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mode(created: u32, settings: &Json, mappings: &[(&str, Json)]) -> SourceMode {
        let metadata = IndexMetadata {
            name: "a".to_owned(),
            number_of_shards: 1,
            closed: false,
            settings: settings.as_object().unwrap().clone(),
            mappings: mappings.iter().map(|(name, mapping)| ((*name).to_owned(), mapping.clone())).collect(),
            aliases: Map::new(),
            version_created: ProductVersion::from_id(created),
            routing_num_shards: 1,
            refusal: None,
        };
        metadata.source_mode()
    }

    #[test]
    fn mappings_say_it_by_type() {
        let (off, plain) = (json!({"_source": {"enabled": false}}), json!({"properties": {}}));
        let some = json!({"_source": {"includes": ["a.*"], "excludes": "a.b"}});
        let filtered = SourceMode::Filtered { includes: vec!["a.*".to_owned()], excludes: vec!["a.b".to_owned()] };
        let none = json!({});
        assert_eq!(mode(1_070_699, &none, &[]), SourceMode::Stored);
        assert_eq!(mode(1_070_699, &none, &[("t", plain.clone()), ("u", off.clone())]), SourceMode::Disabled);
        assert_eq!(mode(1_070_699, &none, &[("t", some), ("u", plain.clone())]), filtered);
        assert_eq!(mode(1_070_699, &none, &[("_default_", off), ("u", plain)]), SourceMode::Stored);
        let synthetic = json!({"_source": {"mode": "synthetic"}});
        assert_eq!(mode(8_100_099, &none, &[("_doc", synthetic)]), SourceMode::Synthetic);
        let empty = json!({"_source": {"excludes": []}});
        assert_eq!(mode(7_100_299, &none, &[("_doc", empty)]), SourceMode::Stored);
    }

    #[test]
    fn settings_say_it_for_all() {
        let plain = [("_doc", json!({}))];
        let opensearch = 3_000_099 ^ 0x0800_0000;
        for (created, key, value, expected) in [
            (8_537_000, "index.mapping.source.mode", "synthetic", SourceMode::Synthetic),
            (8_537_000, "index.mapping.source.mode", "disabled", SourceMode::Disabled),
            (8_537_000, "index.mode", "logsdb", SourceMode::Synthetic),
            (8_070_099, "index.mode", "time_series", SourceMode::Synthetic),
            (8_060_299, "index.mode", "time_series", SourceMode::Stored),
            (8_537_000, "index.mode", "standard", SourceMode::Stored),
            (opensearch, "index.derived_source.enabled", "true", SourceMode::Derived),
            (opensearch, "index.derived_source.enabled", "false", SourceMode::Stored),
        ] {
            assert_eq!(mode(created, &json!({key: value}), &plain), expected, "{created} {key} {value}");
        }
        let fallen_back = json!({"index.mode": "logsdb", "index.mapping.source.mode": "stored"});
        assert_eq!(mode(8_537_000, &fallen_back, &plain), SourceMode::Stored);
    }

    #[test]
    fn vectors_are_left_out_where_there_are_any() {
        let deep = json!({"properties": {"a": {"properties": {"v": {"type": "dense_vector"}}}}});
        let knn = json!({"properties": {"v": {"type": "knn_vector"}}});
        let none = json!({"properties": {"v": {"type": "float"}}});
        let opensearch = 3_000_099 ^ 0x0800_0000;
        let key = "index.mapping.exclude_source_vectors";
        for (created, settings, mapping, expected) in [
            (9_041_000, json!({}), &deep, SourceMode::WithoutVectors),
            (9_041_000, json!({}), &none, SourceMode::Stored),
            (9_041_000, json!({key: "false"}), &deep, SourceMode::Stored),
            (9_034_000, json!({}), &deep, SourceMode::Stored),
            (9_034_000, json!({key: "true"}), &deep, SourceMode::WithoutVectors),
            (opensearch, json!({"index.knn.derived_source.enabled": "true"}), &knn, SourceMode::WithoutVectors),
            (opensearch, json!({"index.knn": "true"}), &knn, SourceMode::Stored),
        ] {
            assert_eq!(mode(created, &settings, &[("_doc", mapping.clone())]), expected, "{created} {settings}");
        }
    }
}
