//! What a cluster has that can be put into a snapshot, and whether we may.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::Cluster;
use crate::error::TargetError;

/// What it takes to register a repository and take a snapshot.
const PRIVILEGES: [&str; 6] = [
    "cluster:monitor/state",
    "cluster:admin/repository/get",
    "cluster:admin/repository/put",
    "cluster:admin/snapshot/create",
    "cluster:admin/snapshot/get",
    "cluster:admin/snapshot/status",
];

/// An index of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceIndex {
    /// Its name.
    pub name: String,
    /// Whether it is closed.
    pub closed: bool,
}

/// A data stream of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataStream {
    /// Its name.
    pub name: String,
    /// Its backing indices.
    pub indices: Vec<String>,
}

impl Cluster {
    /// Every index: open and closed, hidden and system, by name.
    ///
    /// # Errors
    /// As [`Cluster::success`].
    pub async fn source_indices(&self) -> Result<Vec<SourceIndex>, TargetError> {
        #[derive(Deserialize)]
        struct State {
            #[serde(default)]
            metadata: Metadata,
        }
        #[derive(Deserialize, Default)]
        struct Metadata {
            // Filters leave an empty object out.
            #[serde(default)]
            indices: BTreeMap<String, Index>,
        }
        #[derive(Deserialize)]
        struct Index {
            state: String,
        }
        let what = "list the indices";
        // The one list that depends on no option: what counts as hidden differs from version to version.
        let path = "/_cluster/state/metadata?filter_path=metadata.indices.*.state";
        let answer = self.request(Method::GET, path, None).await?;
        let state: State = self.json(what, &self.success(what, answer)?)?;
        let index = |(name, index): (String, Index)| SourceIndex { name, closed: index.state == "close" };
        Ok(state.metadata.indices.into_iter().map(index).collect())
    }

    /// Every data stream; none where the server knows none.
    ///
    /// # Errors
    /// As [`Cluster::success`].
    pub async fn data_streams(&self) -> Result<Vec<DataStream>, TargetError> {
        #[derive(Deserialize)]
        struct Streams {
            data_streams: Vec<Stream>,
        }
        #[derive(Deserialize)]
        struct Stream {
            name: String,
            indices: Vec<Backing>,
        }
        #[derive(Deserialize)]
        struct Backing {
            index_name: String,
        }
        let what = "list the data streams";
        let answer = self.request(Method::GET, "/_data_stream", None).await?;
        // A server without the module takes it for the name of an index, or knows no such path.
        if matches!(answer.status, 400 | 404 | 405) {
            return Ok(Vec::new());
        }
        let streams: Streams = self.json(what, &self.success(what, answer)?)?;
        let names = |backing: Vec<Backing>| backing.into_iter().map(|one| one.index_name).collect();
        Ok(streams
            .data_streams
            .into_iter()
            .map(|Stream { name, indices }| DataStream { name, indices: names(indices) })
            .collect())
    }

    /// Indices with a shard that no node has.
    ///
    /// # Errors
    /// As [`Cluster::success`].
    pub async fn red_indices(&self) -> Result<BTreeSet<String>, TargetError> {
        #[derive(Deserialize)]
        struct Health {
            #[serde(default)]
            indices: BTreeMap<String, Index>,
        }
        #[derive(Deserialize)]
        struct Index {
            status: String,
        }
        let what = "ask for the health of the indices";
        let path = "/_cluster/health?level=indices&filter_path=indices.*.status";
        let answer = self.request(Method::GET, path, None).await?;
        let health: Health = self.json(what, &self.success(what, answer)?)?;
        Ok(health.indices.into_iter().filter(|(_, index)| index.status == "red").map(|(name, _)| name).collect())
    }

    /// What we would need and may not do; `None` where the cluster doesn't tell.
    ///
    /// # Errors
    /// [`TargetError::Unavailable`].
    pub async fn missing_privileges(&self) -> Result<Option<Vec<String>>, TargetError> {
        let body = json!({"cluster": PRIVILEGES});
        let answer = self.request(Method::POST, "/_security/user/_has_privileges", Some(&body)).await?;
        Ok(serde_json::from_slice::<Value>(&answer.body).ok().filter(|_| answer.is_success()).and_then(|body| {
            let told = body.get("cluster")?.as_object()?;
            let denied = told.iter().filter(|(_, granted)| **granted == Value::Bool(false));
            Some(denied.map(|(name, _)| name.clone()).collect())
        }))
    }
}
