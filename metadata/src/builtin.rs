//! What either product brings along by itself, and what therefore stays behind.
//!
//! In: an item of the source. Out: whose it is. The list is short and exact on purpose: a user's own `apm-x`,
//! `kibana-logs`, `metricbeat-y` or `logs-mine` is theirs and goes along.
//! Not here: indices and data streams, which are selected by their names; what a user selects; names with a dot before
//! them, which are the products' everywhere unless they are selected; what something of one's own needs, which goes along
//! all the same (`State::needs`).

use std::fmt;

use serde_json::Value;

use crate::item::{Kind, SourceItem};

/// Names of items that come with a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// This, and no other.
    Exact(&'static str),
    /// This, and then nothing but digits and what separates them.
    Numbered(&'static str),
    /// Any name; but `_meta` says `managed: true`, and not by Fleet, whose templates people's own data streams need.
    Managed,
}

/// Items that come with a product.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// Of which kinds.
    pub kinds: &'static [Kind],
    /// Which of them.
    pub names: Names,
    /// Whose they are.
    pub whose: &'static str,
}

const TEMPLATES: &[Kind] = &[Kind::LegacyTemplate, Kind::ComponentTemplate, Kind::IndexTemplate];
const COMPOSABLE: &[Kind] = &[Kind::ComponentTemplate, Kind::IndexTemplate, Kind::Pipeline, Kind::Policy];

/// All of them.
pub const BUILT_IN: &[BuiltIn] = &[
    BuiltIn { kinds: COMPOSABLE, names: Names::Managed, whose: "Elasticsearch, as it says itself by `managed: true`" },
    BuiltIn {
        kinds: &[Kind::LegacyTemplate, Kind::IndexTemplate],
        names: Names::Numbered("ilm-history"),
        whose: "Elasticsearch (history of ILM)",
    },
    BuiltIn {
        kinds: &[Kind::Policy],
        names: Names::Exact("ilm-history-ilm-policy"),
        whose: "Elasticsearch (history of ILM)",
    },
    BuiltIn {
        kinds: &[Kind::Policy],
        names: Names::Exact("slm-history-ilm-policy"),
        whose: "Elasticsearch (history of SLM)",
    },
    BuiltIn {
        kinds: &[Kind::Policy],
        names: Names::Exact("watch-history-ilm-policy"),
        whose: "Elasticsearch (Watcher)",
    },
    BuiltIn {
        kinds: &[Kind::Policy],
        names: Names::Exact("ml-size-based-ilm-policy"),
        whose: "Elasticsearch (machine learning)",
    },
    BuiltIn { kinds: &[Kind::Policy], names: Names::Exact("kibana-event-log-policy"), whose: "Kibana (its event log)" },
    BuiltIn { kinds: TEMPLATES, names: Names::Exact("watches"), whose: "Elasticsearch (Watcher)" },
    BuiltIn { kinds: TEMPLATES, names: Names::Exact("triggered_watches"), whose: "Elasticsearch (Watcher)" },
    BuiltIn { kinds: TEMPLATES, names: Names::Exact("watch_history"), whose: "Elasticsearch (Watcher)" },
    BuiltIn { kinds: TEMPLATES, names: Names::Exact("security_audit_log"), whose: "Elasticsearch (Security)" },
    BuiltIn { kinds: TEMPLATES, names: Names::Exact("security-index-template"), whose: "Elasticsearch (Security)" },
    BuiltIn { kinds: TEMPLATES, names: Names::Numbered("kibana_index_template:.kibana"), whose: "Kibana" },
    BuiltIn {
        kinds: &[Kind::Pipeline],
        names: Names::Numbered("xpack_monitoring_"),
        whose: "Elasticsearch (Monitoring)",
    },
    BuiltIn { kinds: TEMPLATES, names: Names::Exact("tenant_template"), whose: "OpenSearch (tenants of Dashboards)" },
    BuiltIn { kinds: TEMPLATES, names: Names::Exact("ss4o_metrics_template"), whose: "OpenSearch (Observability)" },
    BuiltIn { kinds: TEMPLATES, names: Names::Exact("ss4o_traces_template"), whose: "OpenSearch (Observability)" },
    BuiltIn {
        kinds: TEMPLATES,
        names: Names::Exact("query_insights_top_queries_template"),
        whose: "OpenSearch (Query Insights)",
    },
];

/// Which product makes this item; `None`: it is somebody's own.
#[must_use]
pub fn whose(item: &SourceItem) -> Option<&'static str> {
    find(item).map(|entry| entry.whose)
}

/// The entry that `item` falls under.
fn find(item: &SourceItem) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|entry| entry.kinds.contains(&item.kind) && entry.names.mean(item))
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => write!(f, "`{name}`"),
            Self::Numbered(prefix) => write!(f, "`{prefix}` and numbers"),
            Self::Managed => f.write_str("any, with `managed: true` in `_meta`, but not by Fleet"),
        }
    }
}

impl Names {
    fn mean(self, item: &SourceItem) -> bool {
        let is_of_number = |letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '.' | '_');
        match self {
            Self::Exact(name) => item.name == name,
            Self::Numbered(prefix) => item.name.strip_prefix(prefix).is_some_and(|rest| rest.chars().all(is_of_number)),
            Self::Managed => is_managed(item),
        }
    }
}

fn is_managed(item: &SourceItem) -> bool {
    let meta = item.rest.get("_meta").or_else(|| item.rest.get("policy")?.get("_meta"));
    let says = |key: &str| meta.and_then(|meta| meta.get(key));
    says("managed") == Some(&Value::Bool(true)) && says("managed_by").is_none_or(|by| by != "fleet")
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn item(kind: Kind, name: &str, meta: Value) -> SourceItem {
        let rest = match meta {
            Value::Null => Map::new(),
            meta if kind == Kind::Policy => Map::from_iter([("policy".to_owned(), json!({"_meta": meta}))]),
            meta => Map::from_iter([("_meta".to_owned(), meta)]),
        };
        SourceItem { kind, rest, ..SourceItem::index(name, Map::new(), Vec::new(), Map::new(), 1) }
    }

    #[test]
    fn what_people_made_goes_along() {
        let own = [
            "apm-x",
            "kibana-logs",
            "kibana",
            "metricbeat-y",
            "logs-mine",
            "logs",
            "metrics",
            "ilm-history-mine",
            "watches-2",
            "searchguard-logs",
            "synthetics-x",
            "profiling-y",
            "ss4o_logs",
            "security_audit_log-2020.01.01",
        ];
        for name in own {
            for kind in Kind::ALL {
                assert!(find(&item(kind, name, Value::Null)).is_none(), "{kind} {name}");
            }
        }
        assert!(
            find(&item(Kind::IndexTemplate, "logs-nginx", json!({"managed": true, "managed_by": "fleet"}))).is_none()
        );
        assert!(find(&item(Kind::IndexTemplate, "mine", json!({"managed": false}))).is_none());
        assert!(find(&item(Kind::Index, "watches", Value::Null)).is_none(), "it is a template's name only");
    }

    #[test]
    fn what_products_bring_stays() {
        for (kind, name) in [
            (Kind::IndexTemplate, "ilm-history"),
            (Kind::LegacyTemplate, "ilm-history-2"),
            (Kind::LegacyTemplate, "triggered_watches"),
            (Kind::LegacyTemplate, "kibana_index_template:.kibana_7"),
            (Kind::Pipeline, "xpack_monitoring_6"),
            (Kind::IndexTemplate, "ss4o_metrics_template"),
        ] {
            assert!(find(&item(kind, name, Value::Null)).is_some(), "{kind} {name}");
        }
        let managed = json!({"managed": true, "description": "default logs template"});
        for kind in [Kind::IndexTemplate, Kind::ComponentTemplate, Kind::Pipeline, Kind::Policy] {
            assert!(find(&item(kind, "logs", managed.clone())).is_some(), "{kind}");
        }
    }
}
