//! What the `_snapshot` API answers, in the forms that it had over the years.
//!
//! Holds: a field that is not there is nothing, or 0; an answer without what was asked for is an error.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::answer::Fault;

/// Causes that are followed; below are only those of the server's own plumbing.
const CAUSES_MAX: usize = 6;
/// Longest text of an error.
const REASON_BYTES_MAX: usize = 2_000;

/// A repository as the cluster has it registered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registration {
    /// `fs`, `s3`, …
    pub kind: String,
    /// Settings by their full names, `location`. Secrets are left out by the server.
    pub settings: BTreeMap<String, String>,
}

impl Registration {
    pub(super) fn body(&self) -> Value {
        json!({"type": self.kind, "settings": self.settings})
    }
}

/// How far a snapshot came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotState {
    /// It is being taken.
    InProgress,
    /// Every shard is in it.
    Success,
    /// Some shards are not.
    Partial,
    /// It can't be used.
    Failed,
    /// Something else, in the server's word: `INCOMPATIBLE`.
    Other(String),
}

/// A shard that is not in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardLost {
    /// The index.
    pub index: String,
    /// The shard's number.
    pub shard: u64,
    /// Why, in the server's words.
    pub reason: String,
}

/// A snapshot as the cluster describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotView {
    /// How far it came.
    pub state: SnapshotState,
    /// Its indices.
    pub indices: Vec<String>,
    /// What its maker said of it; null where nothing, and before Elasticsearch 7.3.
    pub metadata: Value,
    /// Why it failed, where the server says so for all of it.
    pub reason: Option<String>,
    /// Shards that are not in it.
    pub lost: Vec<ShardLost>,
    /// Shards there are.
    pub shards: u64,
}

impl SnapshotView {
    /// The retention policy that it was taken by.
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        ["policy", "sm_policy"].into_iter().find_map(|key| self.metadata.get(key)?.as_str())
    }
}

/// A snapshot that is being taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningSnapshot {
    /// The registration of its repository.
    pub repository: String,
    /// Its name.
    pub name: String,
    /// How far it is.
    pub progress: SnapshotProgress,
}

/// How far a snapshot under way is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnapshotProgress {
    /// Shards in it.
    pub shards: u64,
    /// Shards that are through.
    pub shards_done: u64,
    /// Shards that failed.
    pub shards_failed: u64,
    /// Shards whose turn has not come: nothing is known of their bytes.
    pub shards_waiting: u64,
    /// Bytes to write, of the shards that have begun.
    pub bytes: u64,
    /// Bytes written.
    pub bytes_done: u64,
}

pub(super) fn registrations(body: Value) -> Result<BTreeMap<String, Registration>, String> {
    #[derive(Deserialize)]
    struct Raw {
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        settings: Map<String, Value>,
    }
    let raw: BTreeMap<String, Raw> = read(body)?;
    let registration = |Raw { kind, settings }| {
        let mut flat = BTreeMap::new();
        flatten("", &Value::Object(settings), &mut flat);
        Registration { kind, settings: flat }
    };
    Ok(raw.into_iter().map(|(name, raw)| (name, registration(raw))).collect())
}

fn flatten(prefix: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&name, value, into);
            }
        }
        Value::String(text) => {
            into.insert(prefix.to_owned(), text.clone());
        }
        Value::Null => {}
        other => {
            into.insert(prefix.to_owned(), other.to_string());
        }
    }
}

#[derive(Deserialize)]
struct RawSnapshots {
    // Filters leave an empty list out.
    #[serde(default)]
    snapshots: Vec<Value>,
}

pub(super) fn snapshot(body: Value, name: &str) -> Result<Option<SnapshotView>, String> {
    #[derive(Deserialize)]
    struct Raw {
        snapshot: String,
        state: String,
        #[serde(default)]
        indices: Vec<String>,
        #[serde(default)]
        metadata: Value,
        reason: Option<String>,
        #[serde(default)]
        failures: Vec<Value>,
        #[serde(default)]
        shards: Map<String, Value>,
    }
    for raw in read::<RawSnapshots>(body)?.snapshots {
        let raw: Raw = read(raw)?;
        if raw.snapshot != name {
            continue;
        }
        return Ok(Some(SnapshotView {
            state: state(&raw.state),
            indices: raw.indices,
            metadata: raw.metadata,
            reason: raw.reason.filter(|reason| !reason.is_empty()),
            lost: raw.failures.iter().map(lost).collect(),
            shards: raw.shards.get("total").and_then(Value::as_u64).unwrap_or(0),
        }));
    }
    Ok(None)
}

fn lost(failure: &Value) -> ShardLost {
    let text = |key: &str| failure.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let shard = failure.get("shard_id").and_then(Value::as_u64).unwrap_or(0);
    ShardLost { index: text("index"), shard, reason: cut(text("reason")) }
}

fn state(word: &str) -> SnapshotState {
    match word {
        "IN_PROGRESS" | "STARTED" | "INIT" | "ABORTED" => SnapshotState::InProgress,
        "SUCCESS" => SnapshotState::Success,
        "PARTIAL" => SnapshotState::Partial,
        "FAILED" => SnapshotState::Failed,
        other => SnapshotState::Other(other.to_owned()),
    }
}

pub(super) fn running(body: Value) -> Result<Vec<RunningSnapshot>, String> {
    let text = |raw: &Value, key: &str| raw.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let all = read::<RawSnapshots>(body)?.snapshots;
    let running = |raw: &Value| RunningSnapshot {
        repository: text(raw, "repository"),
        name: text(raw, "snapshot"),
        progress: progress(raw),
    };
    Ok(all.iter().map(running).collect())
}

fn progress(raw: &Value) -> SnapshotProgress {
    let number = |path: &str| raw.pointer(path).and_then(Value::as_u64);
    let shards = |stage: &str| number(&format!("/shards_stats/{stage}")).unwrap_or(0);
    // Elasticsearch before 6.4 has its numbers flat. Since then, what is `processed` is told only while it differs.
    let flat = number("/stats/total_size_in_bytes");
    let bytes = number("/stats/incremental/size_in_bytes").or(flat).unwrap_or(0);
    let processed = number("/stats/processed/size_in_bytes").or(number("/stats/processed_size_in_bytes"));
    SnapshotProgress {
        shards: shards("total"),
        shards_done: shards("done"),
        shards_failed: shards("failed"),
        shards_waiting: shards("initializing"),
        bytes,
        bytes_done: processed.unwrap_or(bytes).min(bytes),
    }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// An error with all its causes, each said once.
pub(super) fn deep_fault(body: &[u8]) -> Option<Fault> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error")?;
    let kind = error.get("type")?.as_str()?.to_owned();
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut reason = text(error, "reason");
    let mut cause = error.get("caused_by");
    for _ in 0..CAUSES_MAX {
        let Some(found) = cause else { break };
        let (kind, why) = (text(found, "type"), text(found, "reason"));
        if !why.is_empty() && !reason.contains(&why) {
            write!(reason, "; caused by {kind}: {why}").ok()?;
        }
        cause = found.get("caused_by");
    }
    Some(Fault { kind, reason: cut(reason) })
}

fn cut(mut text: String) -> String {
    if text.len() > REASON_BYTES_MAX {
        text.truncate(text.floor_char_boundary(REASON_BYTES_MAX));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registrations_are_flat_whether_the_server_nests_them_or_not() {
        let body = json!({
            "a": {"type": "fs", "uuid": "x", "settings": {"location": "/repo", "compress": "true"}},
            "b": {"type": "s3", "settings": {"bucket": "b", "client": {"name": "c"}, "readonly": true}},
        });
        let all = registrations(body).unwrap();
        assert_eq!(all["a"].settings["location"], "/repo");
        assert_eq!(all["b"].settings["client.name"], "c");
        assert_eq!(all["b"].settings["readonly"], "true");
        assert!(registrations(json!({"a": {}})).is_err());
    }

    #[test]
    fn a_snapshot_is_found_by_its_name_in_every_form() {
        // Elasticsearch 1.7.
        let body = json!({"snapshots": [{"snapshot": "s", "indices": ["a"], "state": "PARTIAL", "failures":
            [{"index": "a", "reason": "why", "shard_id": 3, "node_id": "n", "status": "INTERNAL_SERVER_ERROR"}],
            "shards": {"total": 5, "failed": 1, "successful": 4}}]});
        let view = snapshot(body, "s").unwrap().unwrap();
        let lost = ShardLost { index: "a".into(), shard: 3, reason: "why".into() };
        assert_eq!((view.state, view.lost, view.shards), (SnapshotState::Partial, vec![lost], 5));
        // Elasticsearch 8.
        let body = json!({"snapshots": [{"snapshot": "s", "uuid": "u", "repository": "r", "state": "SUCCESS",
            "metadata": {"policy": "daily"}, "indices": [], "failures": []}], "total": 1, "remaining": 0});
        let view = snapshot(body.clone(), "s").unwrap().unwrap();
        assert_eq!((view.state.clone(), view.policy()), (SnapshotState::Success, Some("daily")));
        assert_eq!(snapshot(body, "t").unwrap(), None);
        assert!(snapshot(json!({"snapshots": [{"snapshot": "s"}]}), "s").is_err());
    }

    #[test]
    fn progress_is_read_before_and_since_elasticsearch_6_4() {
        let shards = json!({"initializing": 1, "started": 1, "finalizing": 0, "done": 2, "failed": 1, "total": 5});
        let progress = |stats: Value| {
            let one = json!({"snapshot": "s", "repository": "r", "shards_stats": shards, "stats": stats});
            let [found] = &running(json!({"snapshots": [one]})).unwrap()[..] else { panic!("one runs") };
            assert_eq!((found.repository.as_str(), found.name.as_str()), ("r", "s"));
            found.progress
        };
        let old = json!({"number_of_files": 3, "processed_files": 1, "total_size_in_bytes": 100,
            "processed_size_in_bytes": 40, "start_time_in_millis": 1, "time_in_millis": 2});
        let new = json!({"incremental": {"file_count": 3, "size_in_bytes": 100},
            "processed": {"file_count": 1, "size_in_bytes": 40}, "total": {"file_count": 9, "size_in_bytes": 900}});
        let expected = SnapshotProgress {
            shards: 5,
            shards_done: 2,
            shards_failed: 1,
            shards_waiting: 1,
            bytes: 100,
            bytes_done: 40,
        };
        assert_eq!(progress(old), expected);
        assert_eq!(progress(new), expected);
        assert_eq!(progress(json!({"incremental": {"file_count": 3, "size_in_bytes": 100}})).bytes_done, 100);
        assert_eq!(running(json!({})).unwrap(), []);
    }

    #[test]
    fn every_cause_is_told_once() {
        let body = json!({"error": {"type": "repository_verification_exception", "reason": "[r] path is not accessible",
            "caused_by": {"type": "i_o_exception", "reason": "Unable to upload", "caused_by": {"type": "sdk_exception",
            "reason": "Access Denied", "caused_by": {"type": "x", "reason": "Access Denied"}}}}});
        let fault = deep_fault(body.to_string().as_bytes()).unwrap();
        assert_eq!(fault.kind, "repository_verification_exception");
        assert_eq!(
            fault.reason,
            "[r] path is not accessible; caused by i_o_exception: Unable to upload; caused by sdk_exception: Access \
             Denied"
        );
        assert_eq!(deep_fault(br#"{"error":"SnapshotMissingException[[r:s] is missing]","status":404}"#), None);
    }
}
