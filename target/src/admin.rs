//! What is asked of a cluster besides documents: who it is, and its indices.
//!
//! Holds: no call retries by itself; whether another try helps is the error's [`verdict`](TargetError::verdict).
//! Not here: what settings and mappings should be.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::answer;
use crate::client::{Answer, Cluster, index_path};
use crate::error::TargetError;

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Elasticsearch, of any licence.
    Elasticsearch,
    /// OpenSearch.
    OpenSearch,
}

impl Product {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Elasticsearch => "Elasticsearch",
            Self::OpenSearch => "OpenSearch",
        }
    }
}

/// A version, without what follows the third number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let (numbers, _) = text.split_once('-').unwrap_or((text, ""));
        let mut parts = numbers.split('.').map(|part| part.parse().ok());
        Some(Self { major: parts.next()??, minor: parts.next()??, patch: parts.next()?? })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Who a cluster is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterInfo {
    /// Whose server.
    pub product: Product,
    /// Of the node that answered.
    pub version: Version,
    /// The cluster's name.
    pub name: String,
    /// The cluster's uuid; `_na_` before it has formed.
    pub uuid: String,
}

/// An index as the cluster describes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct IndexState {
    /// Its own name; another than was asked for where that was an alias.
    #[serde(skip)]
    pub name: String,
    /// The settings by their full names, e.g. `index.number_of_shards`.
    pub settings: Map<String, Value>,
    /// The mappings.
    pub mappings: Value,
    /// The aliases by name.
    pub aliases: Map<String, Value>,
}

impl IndexState {
    /// Changes whenever the index is deleted and created again.
    #[must_use]
    pub fn uuid(&self) -> Option<&str> {
        self.settings.get("index.uuid")?.as_str()
    }

    /// When it was created, in milliseconds since 1970.
    #[must_use]
    pub fn created_ms(&self) -> Option<u64> {
        self.settings.get("index.creation_date")?.as_str()?.parse().ok()
    }
}

impl Cluster {
    /// Who the cluster is.
    ///
    /// # Errors
    /// As [`Cluster::success`]; [`TargetError::Malformed`] where it is neither Elasticsearch nor OpenSearch.
    pub async fn info(&self) -> Result<ClusterInfo, TargetError> {
        let what = "ask the version";
        let answer = self.request(Method::GET, "/", None).await?;
        // Some servers don't answer here (405 where the module for it is missing, 404 behind some proxies), and of these
        // some answer nowhere: serverless collections, and servers that don't let us ask.
        if let (403..=405, Some((product, version))) = (answer.status, self.said_version()) {
            if let Ok(told) = self.info_of_node(what).await {
                return Ok(told);
            }
            self.let_in(what).await?;
            return Ok(ClusterInfo { product, version, name: String::new(), uuid: "_na_".to_owned() });
        }
        if matches!(answer.status, 404 | 405) {
            return self.info_of_node(what).await;
        }
        let root: Root = self.read(what, &self.success(what, answer)?)?;
        let product = match root.version.distribution.as_deref() {
            Some("opensearch") => Product::OpenSearch,
            None => Product::Elasticsearch,
            Some(other) => return Err(self.malformed(what, format!("unknown distribution {other:?}"))),
        };
        let mut number = root.version.number;
        if product == Product::OpenSearch && number == "7.10.2" {
            // `compatibility.override_main_response_version` makes OpenSearch say so here, and here only.
            number = self.node(what).await?.version;
        }
        let version = self.version(what, &number)?;
        Ok(ClusterInfo { product, version, name: root.cluster_name, uuid: root.cluster_uuid })
    }

    /// Creates an index; `false` where there is one of that name.
    ///
    /// # Errors
    /// As [`Cluster::success`]; [`TargetError::IndexName`].
    pub async fn create_index(&self, name: &str, body: &Value) -> Result<bool, TargetError> {
        let answer = self.request(Method::PUT, &index_path(name)?, Some(body)).await?;
        if answer.status == 400 && answer::fault(&answer.body).kind == "resource_already_exists_exception" {
            return Ok(false);
        }
        self.success(&format!("create index {name}"), answer).map(|_| true)
    }

    /// Describes an index; `None` where there is none.
    ///
    /// # Errors
    /// As [`Cluster::success`]; [`TargetError::Malformed`] where the name is an alias of several indices.
    pub async fn index(&self, name: &str) -> Result<Option<IndexState>, TargetError> {
        let mut states = self.indices(name).await?;
        let last = states.pop();
        if states.is_empty() {
            return Ok(last);
        }
        let count = states.len() + 1;
        Err(self.malformed(&format!("describe index {name}"), format!("{count} indices go by this name")))
    }

    /// Describes the indices that go by a name: one, those of an alias, those of a data stream, or none.
    ///
    /// # Errors
    /// As [`Cluster::success`]; [`TargetError::IndexName`].
    pub async fn indices(&self, name: &str) -> Result<Vec<IndexState>, TargetError> {
        let what = format!("describe index {name}");
        let path = format!("{}?flat_settings=true", index_path(name)?);
        let answer = self.request(Method::GET, &path, None).await?;
        if answer.status == 404 && answer::fault(&answer.body).kind == "index_not_found_exception" {
            return Ok(Vec::new());
        }
        let states: BTreeMap<String, IndexState> = self.read(&what, &self.success(&what, answer)?)?;
        Ok(states.into_iter().map(|(name, state)| IndexState { name, ..state }).collect())
    }

    /// Changes settings of an open index that can be changed so.
    ///
    /// # Errors
    /// As [`Cluster::success`]; [`TargetError::IndexName`].
    pub async fn put_settings(&self, name: &str, settings: &Value) -> Result<(), TargetError> {
        let answer = self.request(Method::PUT, &format!("{}/_settings", index_path(name)?), Some(settings)).await?;
        self.success(&format!("change settings of index {name}"), answer).map(|_| ())
    }

    /// Documents that a search finds, nested ones not counted: those up to the last refresh.
    ///
    /// # Errors
    /// As [`Cluster::success`]; [`TargetError::Unavailable`] where not every shard was counted.
    pub async fn count(&self, name: &str) -> Result<u64, TargetError> {
        let what = format!("count index {name}");
        let answer = self.request(Method::GET, &format!("{}/_count", index_path(name)?), None).await?;
        let Count { count, shards } = self.read(&what, &self.success(&what, answer)?)?;
        if shards.successful == shards.total {
            return Ok(count);
        }
        Err(self.not_every_shard(what, &shards))
    }

    /// Makes what was written so far visible to searches.
    ///
    /// # Errors
    /// As [`Cluster::success`]; [`TargetError::Unavailable`] where not every shard did.
    pub async fn refresh(&self, name: &str) -> Result<(), TargetError> {
        let what = format!("refresh index {name}");
        let answer = self.request(Method::POST, &format!("{}/_refresh", index_path(name)?), None).await?;
        let Refreshed { shards } = self.read(&what, &self.success(&what, answer)?)?;
        // Not `successful`: copies that are assigned to no node count in `total`.
        if shards.failed == 0 {
            return Ok(());
        }
        Err(self.not_every_shard(what, &shards))
    }

    /// What [`Cluster::info`] says, where the root doesn't answer.
    async fn info_of_node(&self, what: &str) -> Result<ClusterInfo, TargetError> {
        let node = self.node(what).await?;
        let answer = self.request(Method::GET, "/_cluster/state/version", None).await?;
        let state: ClusterState = self.read(what, &self.success(what, answer)?)?;
        let version = self.version(what, &node.version)?;
        // Elasticsearch names its flavour since 6.3, OpenSearch never; its versions began anew at 1.
        let elasticsearch = node.build_flavor.is_some() || version.major >= 5;
        let product = if elasticsearch { Product::Elasticsearch } else { Product::OpenSearch };
        Ok(ClusterInfo { product, version, name: state.cluster_name, uuid: state.cluster_uuid })
    }

    /// Asks what everybody may ask who may do anything: a cluster that doesn't tell its version is not taken for one that
    /// lets us in.
    async fn let_in(&self, what: &str) -> Result<(), TargetError> {
        let answer = self.request(Method::GET, "/_cat/indices?h=index", None).await?;
        self.success(what, answer).map(|_| ())
    }

    /// The node that answers.
    async fn node(&self, what: &str) -> Result<Node, TargetError> {
        let path = "/_nodes/_local?filter_path=nodes.*.version,nodes.*.build_flavor";
        let answer = self.request(Method::GET, path, None).await?;
        let nodes: Nodes = self.read(what, &self.success(what, answer)?)?;
        nodes.nodes.into_values().next().ok_or_else(|| self.malformed(what, "no node describes itself".to_owned()))
    }

    fn version(&self, what: &str, number: &str) -> Result<Version, TargetError> {
        Version::parse(number).ok_or_else(|| self.malformed(what, format!("{number:?} is no version")))
    }

    fn not_every_shard(&self, what: String, shards: &Shards) -> TargetError {
        let last = format!("{} of {} shards succeeded", shards.successful, shards.total);
        self.unavailable(what, 1, Duration::ZERO, last)
    }

    /// What an answer says.
    ///
    /// # Errors
    /// [`TargetError::Malformed`] where it is something else.
    pub fn read<T: DeserializeOwned>(&self, what: &str, answer: &Answer) -> Result<T, TargetError> {
        serde_json::from_slice(&answer.body)
            .map_err(|error| self.malformed(what, format!("{error} in {}", answer::excerpt(&answer.body))))
    }
}

#[derive(Deserialize)]
struct Root {
    // Elasticsearch 1 doesn't say them, at first none of the two.
    #[serde(default)]
    cluster_name: String,
    #[serde(default)]
    cluster_uuid: String,
    version: RootVersion,
}

#[derive(Deserialize)]
struct RootVersion {
    number: String,
    distribution: Option<String>,
}

#[derive(Deserialize)]
struct Nodes {
    nodes: BTreeMap<String, Node>,
}

#[derive(Deserialize)]
struct Node {
    version: String,
    build_flavor: Option<String>,
}

#[derive(Deserialize)]
struct ClusterState {
    cluster_name: String,
    cluster_uuid: String,
}

#[derive(Deserialize)]
struct Count {
    count: u64,
    #[serde(rename = "_shards")]
    shards: Shards,
}

#[derive(Deserialize)]
struct Refreshed {
    #[serde(rename = "_shards")]
    shards: Shards,
}

#[derive(Deserialize)]
struct Shards {
    total: u32,
    successful: u32,
    failed: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_three_numbers_and_what_follows_is_ignored() {
        let version = |major, minor, patch| Some(Version { major, minor, patch });
        assert_eq!(Version::parse("8.19.21"), version(8, 19, 21));
        assert_eq!(Version::parse("3.0.0-beta1-SNAPSHOT"), version(3, 0, 0));
        for text in ["", "8", "8.1", "8.x.1", "a.b.c"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
        assert!(Version::parse("7.10.2") > Version::parse("7.9.3"));
    }
}
