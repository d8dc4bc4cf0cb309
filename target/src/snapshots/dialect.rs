//! What a version can do with snapshots.

use serde_json::{Map, Value, json};

use crate::admin::{Product, Version};

/// Product and version, as far as snapshots differ by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Whose server.
    pub product: Product,
    /// Its version.
    pub version: Version,
}

impl Dialect {
    fn since(self, major: u32, minor: u32) -> bool {
        self.product == Product::OpenSearch || (self.version.major, self.version.minor) >= (major, minor)
    }

    /// Whether migrations from it are supported: Elasticsearch 1 to 9, OpenSearch 1 to 3.
    #[must_use]
    pub fn is_supported(self) -> bool {
        let newest = if self.product == Product::OpenSearch { 3 } else { 9 };
        (1..=newest).contains(&self.version.major)
    }

    /// Whether a snapshot keeps what its maker says of it.
    #[must_use]
    pub fn keeps_metadata(self) -> bool {
        self.since(7, 3)
    }

    /// Whether shards of closed indices are in a snapshot.
    #[must_use]
    pub fn takes_closed(self) -> bool {
        self.since(7, 2)
    }

    /// Whether it takes several snapshots at once.
    #[must_use]
    pub fn takes_several(self) -> bool {
        self.since(7, 9)
    }

    /// Whether it verifies repositories when asked to.
    #[must_use]
    pub fn verifies(self) -> bool {
        self.since(1, 4)
    }

    /// Whether it has data streams.
    #[must_use]
    pub fn has_data_streams(self) -> bool {
        self.since(7, 9)
    }

    /// The body that asks for a snapshot of exactly `names`, indices and data streams.
    #[must_use]
    pub fn snapshot_body(self, names: &[String], global_state: bool, partial: bool, metadata: &Value) -> Value {
        let mut body = Map::new();
        body.insert("indices".to_owned(), json!(names));
        body.insert("ignore_unavailable".to_owned(), json!(false));
        body.insert("include_global_state".to_owned(), json!(global_state));
        body.insert("partial".to_owned(), json!(partial));
        if self.keeps_metadata() {
            body.insert("metadata".to_owned(), metadata.clone());
        }
        // The global state would bring the system indices of every feature along.
        if self.product == Product::Elasticsearch && self.since(7, 12) {
            body.insert("feature_states".to_owned(), json!(["none"]));
        }
        body.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_version_knows_is_asked_of_it() {
        let keys = |product, major, minor| -> Vec<String> {
            let dialect = Dialect { product, version: Version { major, minor, patch: 0 } };
            let body = dialect.snapshot_body(&["a".to_owned()], true, false, &json!({"migctl": {}}));
            body.as_object().unwrap().keys().cloned().collect()
        };
        let always = ["indices", "ignore_unavailable", "include_global_state", "partial"];
        assert_eq!(keys(Product::Elasticsearch, 1, 0), always);
        assert_eq!(keys(Product::Elasticsearch, 7, 2), always);
        let with = |more: &[&'static str]| [&always[..], more].concat();
        assert_eq!(keys(Product::Elasticsearch, 7, 3), with(&["metadata"]));
        assert_eq!(keys(Product::OpenSearch, 1, 0), with(&["metadata"]));
        assert_eq!(keys(Product::Elasticsearch, 7, 12), with(&["metadata", "feature_states"]));
    }
}
