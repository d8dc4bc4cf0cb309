use serde_json::{Map, json};

use super::*;
use crate::item::SourceItem;
use crate::rule::translate;
use crate::types;

fn translated(phases: Value, target: &str) -> Result<(Value, Vec<String>), String> {
    let rest = Map::from_iter([("policy".to_owned(), json!({"phases": phases}))]);
    let source = SourceItem::index("p", Map::new(), Vec::new(), Map::new(), 1);
    let source = SourceItem { kind: Kind::Policy, settings: Map::new(), rest, ..source };
    let item = types::resolve(source, &types::Options::default()).unwrap().remove(0);
    let versions = Versions { source: "Elasticsearch 8.19.21".parse().unwrap(), target: target.parse().unwrap() };
    let item = translate(item, versions).map_err(|refusal| refusal.to_string())?;
    let dropped = item.notes.iter().filter(|note| note.effect == Effect::Dropped).map(|note| note.at.clone());
    Ok((item.rest["policy"].clone(), dropped.collect()))
}

#[test]
fn what_would_delete_at_another_time_is_refused() {
    for (hot, target, reason) in [
        (
            json!({"rollover": {"max_primary_shard_docs": 5}}),
            "OpenSearch 2.19.4",
            "max_primary_shard_docs: ISM doesn't know",
        ),
        (json!({"rollover": {"max_age": "1d", "min_size": "1gb"}}), "OpenSearch 2.19.4", "min_size: ISM doesn't know"),
        (json!({"rollover": {}}), "OpenSearch 2.19.4", "would roll over at once"),
        (json!({"rollover": {"max_age": "1d"}}), "OpenSearch 1.1.0", "doesn't know the age since a rollover"),
        (json!({"unheard_of": {}}), "OpenSearch 2.19.4", "no action of that name"),
    ] {
        let phases = json!({"hot": {"actions": hot}, "delete": {"min_age": "7d", "actions": {"delete": {}}}});
        let refused = translated(phases, target).unwrap_err();
        assert!(refused.contains(reason), "{refused}");
    }
    assert!(translated(json!({"tepid": {}}), "OpenSearch 2.19.4").unwrap_err().contains("phases.tepid"));
    assert!(translated(json!({}), "OpenSearch 2.19.4").unwrap_err().contains("nothing in them"));
    assert!(translated(json!([]), "OpenSearch 2.19.4").unwrap_err().contains("there are none"));
}

#[test]
fn what_is_lost_is_noted_and_phases_without_actions_are_passed() {
    let phases = json!({
        "hot": {"actions": {"rollover": {"max_docs": 5, "min_docs": 1}}},
        "warm": {"actions": {"shrink": {"number_of_shards": 1}, "migrate": {"enabled": false}}},
        "cold": {"min_age": "5d", "actions": {"freeze": {}, "readonly": {}, "set_priority": {"priority": null},
            "downsample": {"fixed_interval": "1h"}, "allocate": {"include": {}, "total_shards_per_node": 3}}},
        "frozen": {"min_age": "6d", "actions": {"searchable_snapshot": {"snapshot_repository": "r"}}},
        "delete": {"min_age": "0d", "actions": {"delete": {}}},
    });
    let (policy, dropped) = translated(phases, "OpenSearch 2.19.4").unwrap();
    assert_eq!(
        policy["states"],
        json!([
            {"name": "hot", "actions": [{"rollover": {"min_doc_count": 5}}],
                "transitions": [{"state_name": "cold", "conditions": {"min_rollover_age": "5d"}}]},
            {"name": "cold", "actions": [{"read_only": {}}], "transitions": [{"state_name": "delete"}]},
            {"name": "delete", "actions": [{"delete": {}}], "transitions": []},
        ])
    );
    assert_eq!(
        dropped,
        [
            "phases.warm.actions.shrink",
            "phases.cold.actions.set_priority",
            "phases.cold.actions.downsample",
            "phases.cold.actions.allocate.total_shards_per_node",
            "phases.cold.actions.freeze",
            "phases.frozen.actions.searchable_snapshot",
        ]
    );
}

#[test]
fn a_first_phase_with_an_age_waits_in_a_state_of_its_own() {
    let hot = json!({"min_age": "1h", "actions": {"rollover": {"max_age": "1d"}}});
    let (policy, _) = translated(json!({"hot": hot}), "OpenSearch 2.19.4").unwrap();
    assert_eq!(policy["default_state"], "start");
    let transition = &policy["states"][0]["transitions"][0];
    assert_eq!(*transition, json!({"state_name": "hot", "conditions": {"min_index_age": "1h"}}));
}

#[test]
fn elasticsearch_keeps_its_policies() {
    let phases =
        json!({"delete": {"min_age": "7d", "actions": {"wait_for_snapshot": {"policy": "daily"}, "delete": {}}}});
    let (policy, _) = translated(phases.clone(), "Elasticsearch 8.19.21").unwrap();
    assert_eq!(policy, json!({"phases": phases}));
}
