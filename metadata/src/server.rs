//! A product and its version, of the source or of the target.

use std::fmt;
use std::str::FromStr;

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Product {
    /// Elasticsearch, of any licence.
    Elasticsearch,
    /// OpenSearch.
    OpenSearch,
}

/// A product and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    /// The product.
    pub product: Product,
    /// Major, minor, patch.
    pub version: [u32; 3],
}

impl Server {
    /// Elasticsearch of that major and minor version, or a later one.
    #[must_use]
    pub fn is_elasticsearch_from(&self, major: u32, minor: u32) -> bool {
        self.product == Product::Elasticsearch && self.version >= [major, minor, 0]
    }

    /// Elasticsearch before that major and minor version.
    #[must_use]
    pub fn is_elasticsearch_before(&self, major: u32, minor: u32) -> bool {
        self.product == Product::Elasticsearch && self.version < [major, minor, 0]
    }

    /// OpenSearch.
    #[must_use]
    pub fn is_opensearch(&self) -> bool {
        self.product == Product::OpenSearch
    }

    /// OpenSearch of that major and minor version, or a later one.
    #[must_use]
    pub fn is_opensearch_from(&self, major: u32, minor: u32) -> bool {
        self.is_opensearch() && self.version >= [major, minor, 0]
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let product = match self.product {
            Product::Elasticsearch => "Elasticsearch",
            Product::OpenSearch => "OpenSearch",
        };
        let [major, minor, patch] = self.version;
        write!(f, "{product} {major}.{minor}.{patch}")
    }
}

/// A text that is no product and version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no server: `Elasticsearch 7.10.2` and `OpenSearch 2.19.4` are")]
pub struct ServerError(pub String);

impl FromStr for Server {
    type Err = ServerError;

    fn from_str(text: &str) -> Result<Self, ServerError> {
        let parse = || {
            let (product, version) = text.split_once(' ')?;
            let product = match product.to_ascii_lowercase().as_str() {
                "elasticsearch" => Product::Elasticsearch,
                "opensearch" => Product::OpenSearch,
                _ => return None,
            };
            let numbers: Option<Vec<u32>> = version.split('.').map(|number| number.parse().ok()).collect();
            Some(Self { product, version: numbers?.try_into().ok()? })
        };
        parse().ok_or_else(|| ServerError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_product_and_three_numbers() {
        let server: Server = "OpenSearch 2.19.4".parse().unwrap();
        assert_eq!(server.to_string(), "OpenSearch 2.19.4");
        assert!(server.is_opensearch_from(2, 19) && !server.is_opensearch_from(3, 0));
        let server: Server = "elasticsearch 6.8.23".parse().unwrap();
        assert!(server.is_elasticsearch_before(7, 0) && server.is_elasticsearch_from(6, 8));
        for text in ["", "6.8.23", "Solr 9.0.0", "OpenSearch 2.19", "OpenSearch 2.x.0"] {
            assert!(text.parse::<Server>().is_err(), "{text}");
        }
    }
}
