//! Which server wrote a snapshot or created an index, out of the one number that it leaves.
//!
//! Elasticsearch writes `major * 1_000_000 + minor * 10_000 + patch * 100 + build`, and from 8.11 on an *index version*
//! in its place, which says less: it counts changes of the format from 8_500_000 on (8.19.21 writes 8_537_000).
//! OpenSearch writes the decimal number with bit 27 flipped. After Elasticsearch `Version`, `IndexVersion`, OpenSearch
//! `Version`.

use std::fmt;

/// The versions that are read, for messages; [`ProductVersion::is_read`] is the rule.
pub const VERSIONS_READ: &str = "Elasticsearch 1.x to 9.x, OpenSearch 1.x to 3.x";

/// The bit that OpenSearch flips in its version number.
const OPENSEARCH_BIT: u32 = 0x0800_0000;
/// The first index version; no release has this number in the decimal scheme.
const FIRST_INDEX_VERSION: u32 = 8_500_000;

/// The two products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Product {
    /// Elasticsearch.
    Elasticsearch,
    /// OpenSearch.
    OpenSearch,
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elasticsearch => "Elasticsearch",
            Self::OpenSearch => "OpenSearch",
        })
    }
}

/// A product and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProductVersion {
    /// The product.
    pub product: Product,
    /// E.g. 7 of 7.10.2.
    pub major: u32,
    /// E.g. 10 of 7.10.2. With an `index_version` only the least that it can be.
    pub minor: u32,
    /// E.g. 2 of 7.10.2. Unknown, and 0, with an `index_version`.
    pub patch: u32,
    /// The number that Elasticsearch 8.11 and later leave in place of their version.
    pub index_version: Option<u32>,
}

impl ProductVersion {
    /// Reads `version_id` of a snapshot or `index.version.created` of an index.
    #[must_use]
    pub fn from_id(id: u32) -> Self {
        if id & OPENSEARCH_BIT != 0 {
            return Self::decimal(Product::OpenSearch, id ^ OPENSEARCH_BIT);
        }
        if id < FIRST_INDEX_VERSION {
            return Self::decimal(Product::Elasticsearch, id);
        }
        let major = id / 1_000_000;
        let minor = if major == 8 { 11 } else { 0 };
        Self { product: Product::Elasticsearch, major, minor, patch: 0, index_version: Some(id) }
    }

    fn decimal(product: Product, id: u32) -> Self {
        let (major, minor, patch) = (id / 1_000_000, id / 10_000 % 100, id / 100 % 100);
        Self { product, major, minor, patch, index_version: None }
    }

    /// The version without the product: `7.10.2`, or `9.0 or later (index version 9009000)`.
    #[must_use]
    pub fn number(&self) -> String {
        let Self { major, minor, patch, index_version, .. } = self;
        match index_version {
            Some(id) => format!("{major}.{minor} or later (index version {id})"),
            None => format!("{major}.{minor}.{patch}"),
        }
    }

    /// Whether snapshots of this version are read.
    #[must_use]
    pub fn is_read(&self) -> bool {
        match self.product {
            Product::Elasticsearch => (1..=9).contains(&self.major),
            Product::OpenSearch => (1..=3).contains(&self.major),
        }
    }
}

impl fmt::Display for ProductVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.product, self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_real_servers() {
        for (id, text, is_read) in [
            (7_100_299, "Elasticsearch 7.10.2", true),
            (8_010_099, "Elasticsearch 8.1.0", true),
            (8_537_000, "Elasticsearch 8.11 or later (index version 8537000)", true),
            (136_408_227, "OpenSearch 2.19.4", true),
            (135_249_827, "OpenSearch 1.3.20", true),
            (9_009_000, "Elasticsearch 9.0 or later (index version 9009000)", true),
            (10_000_000, "Elasticsearch 10.0 or later (index version 10000000)", false),
            (7_090_399, "Elasticsearch 7.9.3", true),
            (6_082_399, "Elasticsearch 6.8.23", true),
            (5_061_699, "Elasticsearch 5.6.16", true),
            (2_040_699, "Elasticsearch 2.4.6", true),
            (1_000_099, "Elasticsearch 1.0.0", true),
            (901_399, "Elasticsearch 0.90.13", false),
        ] {
            let version = ProductVersion::from_id(id);
            assert_eq!((version.to_string().as_str(), version.is_read()), (text, is_read), "{id}");
        }
        assert!(!ProductVersion::from_id(4_000_099 ^ OPENSEARCH_BIT).is_read());
        assert!(!ProductVersion::from_id(u32::MAX).is_read());
    }
}
