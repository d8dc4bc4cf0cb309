//! Policies of a cluster that delete snapshots: Elasticsearch's snapshot lifecycle management (SLM, since 7.4) and
//! OpenSearch's snapshot management (SM, since 2.1).
//!
//! SLM deletes only what it took itself (`metadata.policy`), and so does SM (`metadata.sm_policy`), unless since
//! OpenSearch 3.3 a policy names others by `deletion.snapshot_pattern`.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

use crate::admin::Product;
use crate::client::Cluster;
use crate::error::TargetError;
use crate::snapshots::Dialect;

/// A policy that deletes snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Its name.
    pub name: String,
    /// The registration of the repository whose snapshots it deletes.
    pub repository: String,
    /// When it does, as the policy has it: `{"expire_after":"30d"}`.
    pub when: String,
    /// Snapshots of others that it deletes too: names with `*`, separated by commas.
    pub pattern: Option<String>,
}

impl RetentionPolicy {
    /// Whether it deletes a snapshot of that name which it did not take.
    #[must_use]
    pub fn reaches(&self, snapshot: &str) -> bool {
        self.pattern.as_deref().is_some_and(|all| all.split(',').any(|one| fits(one.trim(), snapshot)))
    }
}

impl Cluster {
    /// The policies that delete snapshots; none where the server has no such thing.
    ///
    /// # Errors
    /// As [`Cluster::success`].
    pub async fn retention_policies(&self, dialect: Dialect) -> Result<Vec<RetentionPolicy>, TargetError> {
        let (path, read): (_, fn(&Value) -> Vec<RetentionPolicy>) = match dialect.product {
            Product::Elasticsearch => ("/_slm/policy", slm),
            Product::OpenSearch => ("/_plugins/_sm/policies?size=1000", sm),
        };
        let what = "ask for policies that delete snapshots";
        let answer = self.request(Method::GET, path, None).await?;
        if matches!(answer.status, 400 | 404 | 405) {
            return Ok(Vec::new());
        }
        let answer = self.success(what, answer)?;
        Ok(read(&self.json(what, &answer)?))
    }
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned)
}

fn slm(body: &Value) -> Vec<RetentionPolicy> {
    let policy = |(name, one): (&String, &Value)| {
        let when =
            one.pointer("/policy/retention").filter(|when| when.as_object().is_some_and(|all| !all.is_empty()))?;
        let repository = text(one, "/policy/repository")?;
        Some(RetentionPolicy { name: name.clone(), repository, when: when.to_string(), pattern: None })
    };
    body.as_object().into_iter().flatten().filter_map(policy).collect()
}

fn sm(body: &Value) -> Vec<RetentionPolicy> {
    let policy = |one: &Value| {
        let one = one.get("sm_policy")?;
        let deletion = one.get("deletion").filter(|deletion| deletion.is_object())?;
        if one.get("enabled") == Some(&Value::Bool(false)) {
            return None;
        }
        let when: BTreeMap<String, Value> =
            deletion.get("condition").and_then(Value::as_object).cloned().unwrap_or_default().into_iter().collect();
        Some(RetentionPolicy {
            name: text(one, "/name")?,
            repository: text(one, "/snapshot_config/repository")?,
            when: serde_json::to_string(&when).unwrap_or_default(),
            pattern: text(deletion, "/snapshot_pattern").filter(|pattern| !pattern.is_empty()),
        })
    };
    body.get("policies").and_then(Value::as_array).into_iter().flatten().filter_map(policy).collect()
}

/// Whether `name` fits `pattern`, in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == name };
    let Some(rest) = name.strip_prefix(head) else { return false };
    // Where the next `*` begins is tried from every place on.
    (0..=rest.len()).filter_map(|at| rest.get(at..)).any(|rest| fits(tail, rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn snapshot_lifecycle_management_is_read_as_documented() {
        let body = json!({
            "daily-snapshots": {"version": 1, "modified_date_millis": 4_081_757_400_000_u64, "policy": {
                "schedule": "0 30 1 * * ?", "name": "<daily-snap-{now/d}>", "repository": "my_repository",
                "config": {"indices": ["data-*"], "include_global_state": false},
                "retention": {"expire_after": "30d", "min_count": 5, "max_count": 50}},
                "stats": {"policy": "daily-snapshots"}, "next_execution_millis": 1},
            "keeps-all": {"version": 1, "policy": {"name": "<x>", "repository": "r", "schedule": "0 0 0 * * ?"}},
        });
        let [policy] = &slm(&body)[..] else { panic!("one deletes") };
        assert_eq!((policy.name.as_str(), policy.repository.as_str()), ("daily-snapshots", "my_repository"));
        assert_eq!(policy.when, r#"{"expire_after":"30d","min_count":5,"max_count":50}"#);
        assert!(!policy.reaches("daily-snap-1"));
        assert!(slm(&json!({})).is_empty() && slm(&json!([])).is_empty());
    }

    #[test]
    fn snapshot_management_is_read_as_documented() {
        let policy = |name: &str, more: Value| {
            let mut policy = json!({"name": name, "schema_version": 15, "enabled": true,
                "creation": {"schedule": {"cron": {"expression": "0 8 * * *", "timezone": "UTC"}}},
                "snapshot_config": {"indices": "*", "repository": "s3-repo", "partial": "true"}});
            policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"_id": format!("{name}-sm-policy"), "_seq_no": 1, "_primary_term": 1, "sm_policy": policy})
        };
        let deletion = json!({"schedule": {}, "condition": {"max_age": "7d", "min_count": 7}, "time_limit": "1h"});
        let mut others = deletion.clone();
        others["snapshot_pattern"] = json!("external-*, mig*-2024*");
        let body = json!({"total_policies": 4, "policies": [
            policy("own", json!({"deletion": deletion})),
            policy("others", json!({"deletion": others})),
            policy("off", json!({"deletion": deletion, "enabled": false})),
            policy("never", json!({})),
        ]});
        let found = sm(&body);
        let names: Vec<&str> = found.iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(names, ["own", "others"]);
        assert_eq!(found[0].when, r#"{"max_age":"7d","min_count":7}"#);
        assert!(!found[0].reaches("external-1"));
        assert!(found[1].reaches("external-1") && found[1].reaches("migrate-20240101-0000-abcde"));
        assert!(!found[1].reaches("snap-external-1") && !found[1].reaches("mig-2023"));
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, expected) in
            [("a", "a", true), ("a", "ab", false), ("a*", "a", true), ("*b*d", "abcd", true), ("*b*d", "abcde", false)]
        {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
