//! One document, as a server answers it, as an export writes it and as a truth file holds it.
//!
//! In all three it is a JSON object of the same names; members that are not named here are ignored. The source stays
//! the text it was.

use std::borrow::Cow;
use std::fmt;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A document with its metadata. Numbers and names that its server doesn't have are `None`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Document {
    /// The index it is in.
    #[serde(rename = "_index")]
    pub index: String,
    /// Its id; unique in an index only together with type and routing.
    #[serde(rename = "_id")]
    pub id: String,
    /// The routing it was given.
    #[serde(rename = "_routing", default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<String>,
    /// Its mapping type, on servers that have types; `None` stands for `_doc` too.
    #[serde(rename = "_type", default, skip_serializing_if = "Option::is_none", deserialize_with = "not_doc")]
    pub mapping_type: Option<String>,
    /// The id of its parent, before join fields.
    #[serde(rename = "_parent", default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// When it is from, in milliseconds since 1970: Elasticsearch 1 and 2.
    #[serde(rename = "_timestamp", default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
    /// When it is to be deleted; in a server's answer, how many milliseconds are left.
    #[serde(rename = "_ttl", default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// How often it was written, or what the writer said.
    #[serde(rename = "_version", default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// The number of the operation that wrote it, in its shard: since Elasticsearch 6.
    #[serde(rename = "_seq_no", default, skip_serializing_if = "Option::is_none")]
    pub seq_no: Option<i64>,
    /// The term of the primary that wrote it: since Elasticsearch 6.
    #[serde(rename = "_primary_term", default, skip_serializing_if = "Option::is_none")]
    pub primary_term: Option<i64>,
    /// What its source was before the export made JSON of it: `smile`, `cbor` or `yaml`; `None` for JSON.
    #[serde(rename = "_source_format", default, skip_serializing_if = "Option::is_none")]
    pub source_format: Option<String>,
    /// Its source; `None` where the mapping keeps none.
    #[serde(rename = "_source", default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Box<RawValue>>,
}

/// What names a document in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its index.
    pub index: String,
    /// Its mapping type, as [`Document::mapping_type`].
    pub mapping_type: Option<String>,
    /// Its id.
    pub id: String,
    /// Its routing.
    pub routing: Option<String>,
}

impl Document {
    /// Its key.
    pub fn key(&self) -> Key {
        let Self { index, mapping_type, id, routing, .. } = self.clone();
        Key { index, mapping_type, id, routing }
    }

    /// Its source on one line: line breaks become spaces, which inside JSON they can only mean.
    pub fn source_line(&self) -> Option<Cow<'_, str>> {
        let source = self.source.as_ref()?.get();
        Some(if source.contains(['\n', '\r']) { source.replace(['\n', '\r'], " ").into() } else { source.into() })
    }

    /// The document as one line of an export or a truth file, without the line break.
    ///
    /// # Errors
    /// None that these types can cause.
    pub fn to_line(&self) -> Result<String> {
        let head = Self { source: None, ..self.clone() };
        let mut line = serde_json::to_string(&head).context("write a document")?;
        if let Some(source) = self.source_line() {
            line.truncate(line.len() - 1);
            line.push_str(",\"_source\":");
            line.push_str(&source);
            line.push('}');
        }
        Ok(line)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.index)?;
        if let Some(mapping_type) = &self.mapping_type {
            write!(f, "{mapping_type}/")?;
        }
        write!(f, "{:?}", self.id)?;
        self.routing.as_ref().map_or(Ok(()), |routing| write!(f, " routing {routing:?}"))
    }
}

fn not_doc<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|mapping_type| mapping_type != "_doc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_becomes_a_line_with_its_source_untouched() {
        let hit = "{\"_index\":\"i\",\"_type\":\"_doc\",\"_id\":\"a\\\"b\",\"_score\":null,\"_version\":2,\
            \"_seq_no\":7,\"_primary_term\":1,\"_routing\":\"r\",\"_source\":{\"n\": 1.10,\r\n \
            \"big\":12345678901234567890123},\"sort\":[0]}";
        let document: Document = serde_json::from_str(hit).unwrap();
        assert_eq!(
            document.to_line().unwrap(),
            "{\"_index\":\"i\",\"_id\":\"a\\\"b\",\"_routing\":\"r\",\"_version\":2,\"_seq_no\":7,\"_primary_term\":1,\
            \"_source\":{\"n\": 1.10,   \"big\":12345678901234567890123}}"
        );
        assert_eq!(document.key().to_string(), "i/\"a\\\"b\" routing \"r\"");
    }

    #[test]
    fn a_type_other_than_doc_and_a_missing_source_are_kept() {
        let line =
            "{\"_index\":\"i\",\"_id\":\"1\",\"_type\":\"invoice\",\"_version\":1,\"_seq_no\":0,\"_primary_term\":1}";
        let document: Document = serde_json::from_str(line).unwrap();
        assert_eq!(document.to_line().unwrap(), line);
        assert_eq!(document.key().to_string(), "i/invoice/\"1\"");
    }

    #[test]
    fn what_old_servers_say_and_what_they_cannot_say() {
        let line = "{\"_index\":\"i\",\"_id\":\"1\",\"_routing\":\"p\",\"_parent\":\"p\",\"_timestamp\":7,\"_ttl\":9,\"_version\":1}";
        let document: Document = serde_json::from_str(line).unwrap();
        assert_eq!(document.to_line().unwrap(), line);
        assert!(document.seq_no.is_none() && document.primary_term.is_none());
    }
}
