//! What of a whole cluster would stand in the way of a load. Nothing is changed.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::client::Cluster;
use crate::error::TargetError;

/// Settings that say which values an awareness attribute has: `….zone.values: a,b`.
const FORCED: &str = "cluster.routing.allocation.awareness.force.";

/// The cluster's own settings, flat, with the defaults of what was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ClusterSettings {
    transient: Map<String, Value>,
    persistent: Map<String, Value>,
    defaults: Map<String, Value>,
}

impl ClusterSettings {
    /// The value that counts.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = |settings: &'_ Map<String, Value>| settings.get(name).is_some();
        let map = [&self.transient, &self.persistent, &self.defaults].into_iter().find(|map| value(map))?;
        map.get(name)?.as_str()
    }

    /// Over how many zones copies must be spread: the values of the awareness attribute that has most of them, 1 where
    /// allocation isn't forced to any.
    #[must_use]
    pub fn zones(&self) -> u32 {
        let forced = [&self.transient, &self.persistent, &self.defaults].into_iter().flat_map(Map::iter);
        let forced = forced.filter(|(name, _)| name.starts_with(FORCED) && name.ends_with(".values"));
        let values = |value: &Value| match value {
            Value::Array(values) => values.len(),
            value => value.as_str().unwrap_or_default().split(',').filter(|zone| !zone.trim().is_empty()).count(),
        };
        let most = forced.map(|(_, value)| values(value)).max().unwrap_or(1);
        u32::try_from(most).unwrap_or(u32::MAX).max(1)
    }
}

/// A node as a load meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeState {
    /// Its name.
    pub name: String,
    /// Bytes of the disks that its data is on, and how many are free; `None` where it doesn't say.
    pub disk: Option<(u64, u64)>,
    /// Bytes of a request that it takes at most.
    pub request_bytes_max: Option<u64>,
}

impl Cluster {
    /// The cluster's status: `green`, `yellow`, `red`.
    ///
    /// # Errors
    /// As [`Cluster::success`].
    pub async fn health(&self) -> Result<String, TargetError> {
        let what = "ask the cluster's health";
        let answer = self.request(Method::GET, "/_cluster/health", None).await?;
        let health: Health = self.read(what, &self.success(what, answer)?)?;
        Ok(health.status)
    }

    /// Nodes that hold data.
    ///
    /// # Errors
    /// As [`Cluster::success`].
    pub async fn data_nodes(&self) -> Result<u32, TargetError> {
        let what = "ask how many nodes there are";
        let answer = self.request(Method::GET, "/_cluster/health", None).await?;
        let health: Health = self.read(what, &self.success(what, answer)?)?;
        Ok(health.number_of_data_nodes)
    }

    /// The cluster's settings.
    ///
    /// # Errors
    /// As [`Cluster::success`].
    pub async fn cluster_settings(&self) -> Result<ClusterSettings, TargetError> {
        let what = "ask the cluster's settings";
        let path = "/_cluster/settings?flat_settings=true&include_defaults=true\
                    &filter_path=transient,persistent,defaults.cluster*";
        let answer = self.request(Method::GET, path, None).await?;
        self.read(what, &self.success(what, answer)?)
    }

    /// Every node.
    ///
    /// # Errors
    /// As [`Cluster::success`].
    pub async fn nodes(&self) -> Result<Vec<NodeState>, TargetError> {
        let what = "ask the nodes";
        let path = "/_nodes/http?filter_path=nodes.*.name,nodes.*.http.max_content_length_in_bytes";
        let answer = self.request(Method::GET, path, None).await?;
        let nodes: Nodes<Info> = self.read(what, &self.success(what, answer)?)?;
        let path = "/_nodes/stats/fs?filter_path=nodes.*.fs.total";
        let answer = self.request(Method::GET, path, None).await?;
        let mut stats: Nodes<Stats> = self.read(what, &self.success(what, answer)?)?;
        let nodes = nodes.nodes.into_iter().map(|(id, node)| NodeState {
            name: node.name,
            disk: stats.nodes.remove(&id).and_then(|stats| stats.fs.total.sizes()),
            request_bytes_max: node.http.map(|http| http.max_content_length_in_bytes),
        });
        Ok(nodes.collect())
    }

    /// Whom the cluster takes us for; `None` where it asks nobody.
    ///
    /// # Errors
    /// As [`Cluster::success`], where it refuses who we are.
    pub async fn who_are_we(&self) -> Result<Option<String>, TargetError> {
        for path in ["/_plugins/_security/api/account", "/_security/_authenticate"] {
            let what = "ask who we are";
            let answer = self.request(Method::GET, path, None).await?;
            if matches!(answer.status, 400 | 404 | 405 | 500) {
                // No such API, or one that is switched off.
                continue;
            }
            let account: Account = self.read(what, &self.success(what, answer)?)?;
            return Ok(account.username.or(account.user_name));
        }
        Ok(None)
    }

    /// Of every index, open or closed, those of its settings whose names are among `names`, which may hold `*`.
    ///
    /// # Errors
    /// As [`Cluster::success`].
    pub async fn settings_of_all(&self, names: &str) -> Result<BTreeMap<String, Map<String, Value>>, TargetError> {
        let what = "ask the settings of all indices";
        let path = format!("/_all/_settings/{names}?flat_settings=true&expand_wildcards=all");
        let answer = self.request(Method::GET, &path, None).await?;
        let indices: BTreeMap<String, IndexSettings> = self.read(what, &self.success(what, answer)?)?;
        Ok(indices.into_iter().map(|(name, index)| (name, index.settings)).collect())
    }
}

#[derive(Deserialize)]
struct Health {
    status: String,
    #[serde(default)]
    number_of_data_nodes: u32,
}

#[derive(Deserialize)]
struct IndexSettings {
    settings: Map<String, Value>,
}

#[derive(Deserialize)]
struct Account {
    username: Option<String>,
    user_name: Option<String>,
}

#[derive(Deserialize)]
struct Nodes<T> {
    #[serde(default = "BTreeMap::new")]
    nodes: BTreeMap<String, T>,
}

#[derive(Deserialize)]
struct Info {
    name: String,
    http: Option<HttpInfo>,
}

#[derive(Deserialize)]
struct HttpInfo {
    max_content_length_in_bytes: u64,
}

#[derive(Deserialize)]
struct Stats {
    fs: Disks,
}

#[derive(Deserialize)]
struct Disks {
    total: Disk,
}

#[derive(Deserialize)]
struct Disk {
    total_in_bytes: Option<u64>,
    available_in_bytes: Option<u64>,
}

impl Disk {
    fn sizes(&self) -> Option<(u64, u64)> {
        Some((self.total_in_bytes?, self.available_in_bytes?))
    }
}
