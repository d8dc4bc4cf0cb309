//! What the versions of the servers spell differently, and what they can do.

use std::str::FromStr;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// A server's family and version.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    opensearch: bool,
    version: (u32, u32),
}

impl FromStr for Dialect {
    type Err = anyhow::Error;

    /// Of `elasticsearch-7.4.2` or `opensearch-2.11.1`.
    fn from_str(server: &str) -> Result<Self> {
        let (family, version) = server.split_once('-').with_context(|| format!("no server: {server}"))?;
        let opensearch = match family {
            "opensearch" => true,
            "elasticsearch" => false,
            _ => bail!("neither elasticsearch nor opensearch: {server}"),
        };
        let mut numbers = version.split('.').map(str::parse);
        let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
            bail!("no version: {version}")
        };
        Ok(Self { opensearch, version: (major, minor) })
    }
}

impl Dialect {
    /// Whether it can what Elasticsearch can since that version, at most 7.10, where OpenSearch began.
    pub fn since(self, major: u32, minor: u32) -> bool {
        self.opensearch || self.version >= (major, minor)
    }

    /// Whether an index has several mapping types.
    pub fn many_types(self) -> bool {
        !self.since(6, 0)
    }

    /// The name of the mapping type of ordinary documents; `None` where a request doesn't name it.
    pub fn doc_type(self) -> Option<&'static str> {
        (!self.since(7, 0)).then_some("doc")
    }

    /// The name of a field of an operation in a bulk request.
    pub fn bulk_name(self, name: &str) -> String {
        if self.since(6, 0) { name.to_owned() } else { format!("_{name}") }
    }

    /// The mapping of a field that holds a string as one term.
    pub fn keyword(self) -> Value {
        if self.since(5, 0) { json!({"type": "keyword"}) } else { json!({"type": "string", "index": "not_analyzed"}) }
    }

    /// The request that merges `index` into one segment.
    pub fn force_merge(self, index: &str) -> String {
        let name = if self.since(2, 1) { "_forcemerge" } else { "_optimize" };
        format!("/{index}/{name}?max_num_segments=1")
    }

    /// The codecs besides the default one, as their setting names them.
    pub fn codecs(self) -> &'static [&'static str] {
        match (self.opensearch, self.version) {
            (true, version) if version >= (2, 9) => &["best_compression", "zstd", "zstd_no_dict"],
            (false, version) if version >= (8, 16) => &["best_compression", "legacy_best_compression"],
            (false, version) if version < (2, 0) => &[],
            _ => &["best_compression"],
        }
    }

    /// Settings that make deletes leave soft-deleted documents, and those that don't; `None` where there is no choice.
    pub fn soft_deletes(self) -> Option<[Value; 2]> {
        let choice = if self.opensearch { self.version < (2, 0) } else { ((6, 5)..(8, 0)).contains(&self.version) };
        choice.then(|| [true, false].map(|on| json!({"soft_deletes": {"enabled": on}})))
    }

    /// Whether ids may stand in a stored field of their own: 5.6 has that for indices of a single type.
    pub fn single_type(self) -> bool {
        !self.opensearch && self.version == (5, 6)
    }

    /// The mapping of documents that keep when they are from; `None` where there is no such thing any more.
    pub fn timestamp(self) -> Option<Value> {
        let stored = if self.since(2, 0) { json!({"enabled": true}) } else { json!({"enabled": true, "store": true}) };
        (!self.since(5, 0)).then_some(stored)
    }

    /// Whether it knows CBOR by its first byte, as all but the first versions do.
    pub fn cbor(self) -> bool {
        self.since(1, 7)
    }

    /// What a search must ask for besides the source; `times`: whether the index has documents with a timestamp.
    pub fn search(self, times: bool) -> Value {
        if self.since(6, 7) {
            json!({"version": true, "seq_no_primary_term": true})
        } else if self.since(2, 0) {
            json!({"version": true})
        } else if times {
            json!({"version": true, "fields": ["_source", "_routing", "_parent", "_timestamp", "_ttl"]})
        } else {
            // Asked for a timestamp that isn't there it looks into the source, and fails there on long numbers.
            json!({"version": true, "fields": ["_source", "_routing", "_parent"]})
        }
    }
}
