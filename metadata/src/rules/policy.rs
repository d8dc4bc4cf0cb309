//! Lifecycle policies: ILM of Elasticsearch as ISM of OpenSearch.
//!
//! ```text
//! phases {hot, warm, cold, frozen, delete}       states, in the order of the phases
//!   min_age                                 ─▶     a transition of the state before, by the same age
//!   actions {rollover, readonly, …}                actions, in the order in which ILM does them
//! ```
//! Both count ages from the creation of an index, or from its rollover where the policy rolls over. Holds: what is
//! deleted is deleted at the same age as before, or the policy is refused.
//! Not here: which index has a policy (`settings`); ISM policies of the source, which are documents of a system index.
//! After: Elasticsearch `TimeseriesLifecycleType`, `LifecyclePolicy`; OpenSearch index-management `Policy`, `Conditions`,
//! `RolloverActionParser`. No server with the plugin was at hand: by the documentation, and by tests of this rule.

mod actions;

use serde_json::{Map, Value, json};

use crate::item::{Effect, Item, Kind, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::settings::text;

const ID: &str = "policy-ilm-to-ism";

/// In the order in which an index goes through them.
const PHASES: [&str; 5] = ["hot", "warm", "cold", "frozen", "delete"];

/// What an index is in before its first phase, where that has an age.
const START: &str = "start";

/// The rules for policies.
pub const RULES: &[Rule] = &[
    Rule {
        id: ID,
        what: "An ILM policy becomes an ISM policy: phases become states, their ages transitions, and `rollover`, \
               `readonly`, `allocate` of replicas, `forcemerge`, `set_priority`, `delete` the same actions. `shrink`, \
               `migrate`, `freeze`, `searchable_snapshot`, `downsample`, `unfollow` and allocation to nodes are dropped, \
               each with a note. Refused is what would delete at another time than before.",
        why: "OpenSearch has ISM in place of ILM. It attaches policies by its API or by index patterns: the migrated \
              policy is attached to nothing.",
        source: "https://docs.opensearch.org/latest/im-plugin/ism/policies/, \
                 https://www.elastic.co/guide/en/elasticsearch/reference/7.17/ilm-index-lifecycle.html; no server with \
                 the plugin was at hand",
        applies: |versions| !versions.source.is_opensearch() && versions.target.is_opensearch(),
        apply: to_ism,
        examples: &[
            Example {
                source: "Elasticsearch 7.10.2",
                target: "OpenSearch 2.19.4",
                before: r#"{"kind": "policy", "policy": {"phases": {
                    "hot": {"min_age": "0ms", "actions": {"rollover": {"max_size": "50gb", "max_age": "1d"},
                        "set_priority": {"priority": 100}}},
                    "warm": {"min_age": "2d", "actions": {"forcemerge": {"max_num_segments": 1},
                        "allocate": {"number_of_replicas": 1, "require": {"box": "warm"}}}},
                    "delete": {"min_age": "30d", "actions": {"delete": {"delete_searchable_snapshot": true}}}}}}"#,
                after: r#"{"kind": "policy", "policy": {"description": "ILM policy example", "default_state": "hot", "states": [
                    {"name": "hot", "actions": [{"index_priority": {"priority": 100}},
                        {"rollover": {"min_size": "50gb", "min_index_age": "1d"}}],
                        "transitions": [{"state_name": "warm", "conditions": {"min_rollover_age": "2d"}}]},
                    {"name": "warm", "actions": [{"replica_count": {"number_of_replicas": 1}},
                        {"force_merge": {"max_num_segments": 1}}],
                        "transitions": [{"state_name": "delete", "conditions": {"min_rollover_age": "30d"}}]},
                    {"name": "delete", "actions": [{"delete": {}}], "transitions": []}]}}"#,
                notes: &[
                    "dropped phases.warm.actions.allocate.require: nodes of the source",
                    "changed policy: the states hot, warm, delete of ISM",
                    "warning policy: it is attached to nothing",
                    "warning policy: indices that were rolled over before the migration",
                ],
            },
            Example {
                source: "Elasticsearch 7.10.2",
                target: "OpenSearch 2.19.4",
                before: r#"{"kind": "policy", "policy": {"phases": {"delete": {"min_age": "7d", "actions": {"delete": {}}}}}}"#,
                after: r#"{"kind": "policy", "policy": {"description": "ILM policy example", "default_state": "start", "states": [
                    {"name": "start", "actions": [],
                        "transitions": [{"state_name": "delete", "conditions": {"min_index_age": "7d"}}]},
                    {"name": "delete", "actions": [{"delete": {}}], "transitions": []}]}}"#,
                notes: &[
                    "changed policy: the states start, delete of ISM",
                    "warning policy: it is attached to nothing",
                ],
            },
            Example {
                source: "Elasticsearch 7.10.2",
                target: "OpenSearch 2.19.4",
                before: r#"{"kind": "policy", "policy": {"phases": {"delete": {"min_age": "7d",
                    "actions": {"wait_for_snapshot": {"policy": "daily"}, "delete": {}}}}}}"#,
                after: "refused: it deletes only what is in a snapshot of the policy \"daily\"",
                notes: &[],
            },
        ],
    },
    Rule {
        id: "policy-meta",
        what: "`_meta` and `deprecated` of an ILM policy stay behind where the target doesn't have them.",
        why: "Elasticsearch before 7.16 refuses a policy with them.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.17/ilm-put-lifecycle.html",
        applies: |versions| {
            versions.target.is_elasticsearch_from(0, 0) && !versions.target.is_elasticsearch_from(7, 16)
        },
        apply: |item, versions| {
            let Some(Value::Object(policy)) = item.rest.get_mut("policy") else { return Ok(()) };
            let gone = ["_meta", "deprecated"].map(|part| (part, policy.shift_remove(part)));
            for (part, value) in gone {
                if let Some(value) = value {
                    let text = format!("{} doesn't have it; it was {value}", versions.target);
                    item.note("policy-meta", Effect::Dropped, format!("policy.{part}"), text);
                }
            }
            Ok(())
        },
        examples: &[Example {
            source: "Elasticsearch 8.19.21",
            target: "Elasticsearch 7.10.2",
            before: r#"{"kind": "policy", "policy": {"phases": {}, "_meta": {"by": "us"}}}"#,
            after: r#"{"kind": "policy", "policy": {"phases": {}}}"#,
            notes: &["dropped policy._meta: Elasticsearch 7.10.2 doesn't have it; it was {\"by\":\"us\"}"],
        }],
    },
];

fn refusal(at: impl Into<String>, text: impl Into<String>) -> Refusal {
    Refusal { rule: ID, at: at.into(), text: text.into() }
}

fn to_ism(item: &mut Item, versions: Versions) -> Result<(), Refusal> {
    if item.kind != Kind::Policy {
        return Ok(());
    }
    let Some(Value::Object(policy)) = item.rest.get("policy").cloned() else {
        return Err(refusal("policy", "it is no object"));
    };
    let Some(Value::Object(phases)) = policy.get("phases") else { return Err(refusal("phases", "there are none")) };
    if let Some(unknown) = phases.keys().find(|phase| !PHASES.contains(&phase.as_str())) {
        return Err(refusal(format!("phases.{unknown}"), "no phase of that name is known"));
    }
    let states = states(item, phases, versions)?;
    let names: Vec<&str> = states.iter().filter_map(|state| state.get("name")?.as_str()).collect();
    let text = format!("the states {} of ISM", names.join(", "));
    let default_state = names.first().copied().unwrap_or(START);
    let ism =
        json!({"description": format!("ILM policy {}", item.name), "default_state": default_state, "states": states});
    if let Some(meta) = policy.get("_meta") {
        item.note(ID, Effect::Dropped, "policy._meta", format!("ISM has no place for it; it was {meta}"));
    }
    item.note(ID, Effect::Changed, "policy", text);
    let text = "it is attached to nothing: attach it with `POST _plugins/_ism/add/INDEX`, or give it an `ism_template`";
    item.note(ID, Effect::Warning, "policy", text);
    if rolls_over(phases) {
        let text = "indices that were rolled over before the migration have no time of rollover that ISM knows: it moves \
                    them on no further than their first state";
        item.note(ID, Effect::Warning, "policy", text);
    }
    item.rest.insert("policy".to_owned(), ism);
    Ok(())
}

/// The states, each with the transition to the next.
fn states(item: &mut Item, phases: &Map<String, Value>, versions: Versions) -> Result<Vec<Value>, Refusal> {
    let mut states: Vec<(String, Vec<Value>, Option<Value>)> = Vec::new();
    let age = if rolls_over(phases) { "min_rollover_age" } else { "min_index_age" };
    if rolls_over(phases) && !versions.target.is_opensearch_from(1, 2) {
        let text = format!("{} doesn't know the age since a rollover", versions.target);
        return Err(refusal("phases.hot.actions.rollover", text));
    }
    for (name, phase) in PHASES.iter().filter_map(|name| Some((*name, phases.get(*name)?))) {
        let min_age = phase.get("min_age").map(text).filter(|age| !is_zero(age));
        let actions = actions::of_phase(item, name, phase)?;
        if actions.is_empty() && name != "hot" {
            continue;
        }
        if states.is_empty() && min_age.is_some() {
            states.push((START.to_owned(), Vec::new(), None));
        }
        // The first phase begins before there is a rollover.
        let of_age =
            if states.len() == 1 && states.iter().all(|state| state.0 == START) { "min_index_age" } else { age };
        let condition = min_age.map(|min_age| json!({of_age: min_age}));
        if let Some((_, _, transition)) = states.last_mut() {
            let mut next = json!({"state_name": name});
            if let (Some(condition), Some(next)) = (condition, next.as_object_mut()) {
                next.insert("conditions".to_owned(), condition);
            }
            *transition = Some(next);
        }
        states.push((name.to_owned(), actions, None));
    }
    let states = states.into_iter().map(|(name, actions, transition)| {
        let transitions: Vec<Value> = transition.into_iter().collect();
        json!({"name": name, "actions": actions, "transitions": transitions})
    });
    let states: Vec<Value> = states.collect();
    if states.is_empty() { Err(refusal("phases", "nothing in them can be done by ISM")) } else { Ok(states) }
}

fn rolls_over(phases: &Map<String, Value>) -> bool {
    phases.get("hot").and_then(|hot| hot.get("actions")?.get("rollover")).is_some()
}

/// Whether a time is none: `0ms`, `0d`, `0`.
fn is_zero(time: &str) -> bool {
    let digits = time.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    !digits.is_empty() && digits.bytes().all(|digit| digit == b'0')
}

#[cfg(test)]
mod tests;
