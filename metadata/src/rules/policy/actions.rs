//! The actions of a phase, as ISM has them.

use serde_json::{Map, Value, json};

use super::{ID, refusal};
use crate::item::{Effect, Item, Refusal};
use crate::settings::text;

/// In the order in which ILM does them, whatever the order in the policy.
const ORDER: [&str; 14] = [
    "set_priority",
    "unfollow",
    "rollover",
    "readonly",
    "downsample",
    "rollup",
    "allocate",
    "migrate",
    "shrink",
    "forcemerge",
    "searchable_snapshot",
    "freeze",
    "wait_for_snapshot",
    "delete",
];

/// The actions of a phase, with a note for each that is dropped.
pub fn of_phase(item: &mut Item, phase: &str, body: &Value) -> Result<Vec<Value>, Refusal> {
    let Some(Value::Object(actions)) = body.get("actions") else { return Ok(Vec::new()) };
    if let Some(unknown) = actions.keys().find(|action| !ORDER.contains(&action.as_str())) {
        return Err(refusal(format!("phases.{phase}.actions.{unknown}"), "no action of that name is known"));
    }
    let mut all = Vec::new();
    for (name, body) in ORDER.iter().filter_map(|name| Some((*name, actions.get(*name)?))) {
        let at = format!("phases.{phase}.actions.{name}");
        match name {
            "rollover" => all.push(rollover(&at, body)?),
            "wait_for_snapshot" => {
                let policy = body.get("policy").unwrap_or(&Value::Null);
                let text = format!(
                    "it deletes only what is in a snapshot of the policy {policy}, and ISM can't wait for that: what is in \
                     no snapshot would be deleted"
                );
                return Err(refusal(at, text));
            }
            _ => all.extend(simple(item, &at, name, body)),
        }
    }
    Ok(all)
}

fn simple(item: &mut Item, at: &str, name: &str, body: &Value) -> Option<Value> {
    let mut drop = |at: &str, text: &str| item.note(ID, Effect::Dropped, at, text);
    match name {
        "set_priority" => {
            let priority = body.get("priority").filter(|priority| !priority.is_null());
            let Some(priority) = priority else {
                drop(at, "ISM can't take a priority away");
                return None;
            };
            Some(json!({"index_priority": {"priority": priority}}))
        }
        "readonly" => Some(json!({"read_only": {}})),
        "forcemerge" => {
            if let Some(codec) = body.get("index_codec") {
                drop(&format!("{at}.index_codec"), &format!("ISM changes no codec; it was {codec}"));
            }
            let segments = body.get("max_num_segments").cloned().unwrap_or_else(|| json!(1));
            Some(json!({"force_merge": {"max_num_segments": segments}}))
        }
        "allocate" => {
            for (part, value) in
                body.as_object().into_iter().flatten().filter(|(part, _)| *part != "number_of_replicas")
            {
                if value.as_object().is_none_or(|nodes| !nodes.is_empty()) {
                    drop(&format!("{at}.{part}"), &format!("nodes of the source; it was {value}"));
                }
            }
            let replicas = body.get("number_of_replicas").filter(|replicas| !replicas.is_null())?;
            Some(json!({"replica_count": {"number_of_replicas": replicas}}))
        }
        "delete" => Some(json!({"delete": {}})),
        "migrate" if body.get("enabled").is_some_and(|enabled| text(enabled) == "false") => None,
        _ => {
            drop(at, lost(name));
            None
        }
    }
}

/// What is no more without the action.
fn lost(action: &str) -> &'static str {
    match action {
        "shrink" => "ISM's shrink makes another index, which no policy has: the index keeps its shards",
        "searchable_snapshot" => "the index stays on its nodes, in full size",
        "downsample" | "rollup" => "documents stay as they are, and take their room",
        "freeze" => "OpenSearch freezes nothing: the index stays open",
        "migrate" => "OpenSearch has no data tiers of that kind: the index stays on its nodes",
        "unfollow" => "no index follows another",
        _ => "ISM doesn't have it",
    }
}

/// `max_size` is when it rolls over: `min_size` there.
fn rollover(at: &str, body: &Value) -> Result<Value, Refusal> {
    let mut conditions = Map::new();
    for (name, value) in body.as_object().into_iter().flatten() {
        let to = match name.as_str() {
            "max_size" => "min_size",
            "max_age" => "min_index_age",
            "max_docs" => "min_doc_count",
            "max_primary_shard_size" => "min_primary_shard_size",
            // It is what ISM does too: an empty index isn't rolled over for nothing.
            "min_docs" if text(value).parse::<u64>().is_ok_and(|docs| docs <= 1) => continue,
            _ => {
                let text =
                    "ISM doesn't know this condition: indices would be rolled over, and deleted, at another time";
                return Err(refusal(format!("{at}.{name}"), text));
            }
        };
        conditions.insert(to.to_owned(), value.clone());
    }
    if conditions.is_empty() {
        return Err(refusal(at, "it has no condition, and ISM would roll over at once"));
    }
    Ok(json!({"rollover": conditions}))
}
