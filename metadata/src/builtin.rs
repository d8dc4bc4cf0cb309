//! What the products make themselves: templates, pipelines and policies that a migration leaves behind.
//!
//! Holds: exact names, and what says of itself that it is managed. Nothing is left behind because its name begins like a
//! product's: `apm-x`, `kibana-logs` and `metricbeat-y` are their owner's. Names with a dot before them are the products'
//! everywhere, by the rule for indices.

use serde_json::Value;

use crate::item::{Kind, SourceItem};

/// Something that a product makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: &'static str,
    /// Which product makes it.
    pub whose: &'static str,
}

const ELASTICSEARCH: &str = "Elasticsearch";

const fn of_elasticsearch(kind: Kind, name: &'static str) -> BuiltIn {
    BuiltIn { kind, name, whose: ELASTICSEARCH }
}

/// What is told by its name, because it doesn't say that it is managed (Elasticsearch 7).
pub const BUILT_IN: &[BuiltIn] = &[
    of_elasticsearch(Kind::LegacyTemplate, "ilm-history"),
    of_elasticsearch(Kind::IndexTemplate, "ilm-history"),
    of_elasticsearch(Kind::IndexTemplate, "logs"),
    of_elasticsearch(Kind::IndexTemplate, "metrics"),
    of_elasticsearch(Kind::IndexTemplate, "synthetics"),
    of_elasticsearch(Kind::ComponentTemplate, "data-streams-mappings"),
    of_elasticsearch(Kind::ComponentTemplate, "logs-mappings"),
    of_elasticsearch(Kind::ComponentTemplate, "logs-settings"),
    of_elasticsearch(Kind::ComponentTemplate, "metrics-mappings"),
    of_elasticsearch(Kind::ComponentTemplate, "metrics-settings"),
    of_elasticsearch(Kind::ComponentTemplate, "synthetics-mappings"),
    of_elasticsearch(Kind::ComponentTemplate, "synthetics-settings"),
    of_elasticsearch(Kind::Pipeline, "xpack_monitoring_6"),
    of_elasticsearch(Kind::Pipeline, "xpack_monitoring_7"),
    of_elasticsearch(Kind::Policy, "ilm-history-ilm-policy"),
    of_elasticsearch(Kind::Policy, "logs"),
    of_elasticsearch(Kind::Policy, "metrics"),
    of_elasticsearch(Kind::Policy, "ml-size-based-ilm-policy"),
    of_elasticsearch(Kind::Policy, "slm-history-ilm-policy"),
    of_elasticsearch(Kind::Policy, "synthetics"),
    of_elasticsearch(Kind::Policy, "watch-history-ilm-policy"),
];

/// Which product makes this item; `None`: somebody else does.
#[must_use]
pub fn whose(item: &SourceItem) -> Option<&'static str> {
    let known = BUILT_IN.iter().find(|known| known.kind == item.kind && known.name == item.name);
    known.map(|known| known.whose).or_else(|| is_managed(item).then_some(ELASTICSEARCH))
}

/// Whether it says so itself: `_meta.managed`, of a policy in its body.
fn is_managed(item: &SourceItem) -> bool {
    let own = item.rest.get("_meta");
    let meta = own.or_else(|| item.rest.get("policy")?.get("_meta"));
    meta.and_then(|meta| meta.get("managed")).and_then(Value::as_bool).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn item(kind: Kind, name: &str, rest: &Value) -> SourceItem {
        SourceItem {
            kind,
            name: name.to_owned(),
            settings: Map::new(),
            mappings: Vec::new(),
            aliases: Map::new(),
            rest: rest.as_object().cloned().unwrap(),
        }
    }

    #[test]
    fn what_is_a_user_s_own_goes_along_whatever_it_is_called() {
        for name in ["apm-x", "kibana-logs", "metricbeat-y", "logs-mine", "logs2"] {
            assert_eq!(whose(&item(Kind::IndexTemplate, name, &json!({}))), None, "{name}");
        }
        assert_eq!(whose(&item(Kind::Pipeline, "logs", &json!({}))), None);
    }

    #[test]
    fn what_is_the_product_s_is_known_by_its_name_or_by_what_it_says() {
        assert_eq!(whose(&item(Kind::IndexTemplate, "logs", &json!({}))), Some(ELASTICSEARCH));
        let managed = json!({"_meta": {"managed": true}});
        assert_eq!(whose(&item(Kind::Pipeline, "any", &managed)), Some(ELASTICSEARCH));
        assert_eq!(whose(&item(Kind::Policy, "any", &json!({"policy": managed}))), Some(ELASTICSEARCH));
        assert_eq!(whose(&item(Kind::Policy, "any", &json!({"_meta": {"managed": "no"}}))), None);
    }
}
