//! What becomes of an index besides documents: open, closed, and what its mapping says about itself.
//!
//! Holds: every call may be repeated: an index that is as it should be stays so.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::admin::IndexState;
use crate::client::{Cluster, index_path};
use crate::error::TargetError;

impl IndexState {
    /// Whether it is closed: it takes no documents and counts none.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        // Put on by every close since Elasticsearch 7.2, and gone after an open.
        self.settings.get("index.verified_before_close").and_then(Value::as_str) == Some("true")
    }
}

impl Cluster {
    /// Opens an index, and waits until its primary shards are there.
    ///
    /// # Errors
    /// As [`Cluster::success`]; [`TargetError::Unavailable`] where not every primary came up in time;
    /// [`TargetError::IndexName`].
    pub async fn open_index(&self, name: &str) -> Result<(), TargetError> {
        let what = format!("open index {name}");
        let answer = self.request(Method::POST, &format!("{}/_open", index_path(name)?), None).await?;
        let opened: Acknowledged = self.read(&what, &self.success(&what, answer)?)?;
        self.all_of_it(what, opened.acknowledged && opened.shards_acknowledged)
    }

    /// Closes an index; what was acknowledged before is on disk then.
    ///
    /// # Errors
    /// As [`Cluster::success`]; [`TargetError::Unavailable`] where not every copy was closed in time;
    /// [`TargetError::IndexName`].
    pub async fn close_index(&self, name: &str) -> Result<(), TargetError> {
        let what = format!("close index {name}");
        let answer = self.request(Method::POST, &format!("{}/_close", index_path(name)?), None).await?;
        let closed: Acknowledged = self.read(&what, &self.success(&what, answer)?)?;
        // Where it was closed already, no shard is said to have answered.
        self.all_of_it(what, closed.acknowledged)
    }

    /// Puts `meta` in the place of what the mapping of an index, open or closed, has under `_meta`.
    ///
    /// # Errors
    /// As [`Cluster::success`]; [`TargetError::IndexName`].
    pub async fn put_meta(&self, name: &str, meta: &Map<String, Value>) -> Result<(), TargetError> {
        let body = json!({ "_meta": meta });
        let answer = self.request(Method::PUT, &format!("{}/_mapping", index_path(name)?), Some(&body)).await?;
        self.success(&format!("note in the mapping of index {name}"), answer).map(|_| ())
    }

    fn all_of_it(&self, what: String, done: bool) -> Result<(), TargetError> {
        if done {
            return Ok(());
        }
        let last = "it is under way, and not every shard has answered yet".to_owned();
        Err(self.unavailable(what, 1, std::time::Duration::ZERO, last))
    }
}

#[derive(Deserialize)]
struct Acknowledged {
    acknowledged: bool,
    #[serde(default)]
    shards_acknowledged: bool,
}
