//! Lifecycles: which policy an index has, and its rollover alias.

use super::withheld::is_in_the_way;
use super::{is, take};
use crate::item::{Effect, Item, Kind, Refusal};
use crate::rule::{Example, Rule, Versions};
use crate::settings::text;

const ILM: &str = "index.lifecycle.";
const ISM: &str = "index.plugins.index_state_management.";
/// What it was called before OpenSearch 1.0.
const ISM_BEFORE: &str = "index.opendistro.index_state_management.";

/// Lifecycles of indices.
pub const RULES: &[Rule] = &[
    Rule {
        id: "ilm-origination-date",
        what: "An index with an ILM policy gets the time of its creation as `lifecycle.origination_date`.",
        why: "Policies count an index's age from its creation, which on the target is the migration: what is due for \
              deletion today would live on.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.17/ilm-settings.html",
        applies: |versions| versions.target.is_elasticsearch_from(7, 5),
        apply: origination_date,
        examples: &[Example {
            source: "Elasticsearch 7.10.2",
            target: "Elasticsearch 8.19.21",
            before: r#"{"settings": {"index.lifecycle.name": "logs", "index.creation_date": "1600000000000"}}"#,
            after: r#"{"settings": {"index.lifecycle.name": "logs", "index.creation_date": "1600000000000",
                "index.lifecycle.origination_date": "1600000000000"}}"#,
            notes: &["changed index.lifecycle.origination_date: 1600000000000"],
        }],
    },
    Rule {
        id: "ilm-withheld",
        what: "The ILM policy of an index or composable template, and its rollover alias, are put on at cleanup.",
        why: "A policy would roll over, shrink or delete what is being loaded.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.17/ilm-settings.html",
        applies: |versions| versions.target.is_elasticsearch_from(0, 0),
        apply: |item, _| {
            if is_in_the_way(item.kind) {
                withhold(item, "ilm-withheld", ILM, ILM);
            }
            Ok(())
        },
        examples: &[Example {
            source: "Elasticsearch 7.10.2",
            target: "Elasticsearch 8.19.21",
            before: r#"{"settings": {"index.lifecycle.name": "logs", "index.lifecycle.rollover_alias": "logs-now"}}"#,
            after: r#"{"withheld": {"index.lifecycle.name": "logs", "index.lifecycle.rollover_alias": "logs-now"}}"#,
            notes: &[
                "withheld index.lifecycle.name: \"logs\"",
                "withheld index.lifecycle.rollover_alias: \"logs-now\"",
            ],
        }],
    },
    Rule {
        id: "ilm-to-ism",
        what: "The rollover alias of ILM becomes that of ISM, put on at cleanup; the name of the policy stays behind.",
        why: "OpenSearch has ISM in place of ILM, and attaches policies by its own API or by the index patterns of a \
              policy. Ages count from the creation of an index, which is the migration.",
        source: "https://docs.opensearch.org/latest/im-plugin/ism/settings/",
        // Whoever created the index, it may have been given a policy later.
        applies: |versions| versions.target.is_opensearch(),
        apply: ilm_to_ism,
        examples: &[Example {
            source: "Elasticsearch 7.10.2",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.lifecycle.name": "logs", "index.lifecycle.rollover_alias": "logs-now",
                    "index.lifecycle.indexing_complete": "true"}}"#,
            after: r#"{"withheld": {"index.plugins.index_state_management.rollover_alias": "logs-now"}}"#,
            notes: &[
                "dropped index.lifecycle.name: \"logs\": attach the ISM policy that replaces it with `POST \
                     _plugins/_ism/add/INDEX`; the index's age counts from the migration",
                "changed index.lifecycle.rollover_alias: index.plugins.index_state_management.rollover_alias: \"logs-now\"",
                "dropped index.lifecycle.indexing_complete",
            ],
        }],
    },
    Rule {
        id: "ism-settings",
        what: "Settings of ISM are put on at cleanup, by the names that they have since OpenSearch 1.0; `policy_id` \
               stays behind.",
        why: "A policy would roll over or delete what is being loaded; and a setting attaches none any more.",
        source: "https://docs.opensearch.org/latest/im-plugin/ism/settings/",
        applies: |versions| versions.target.is_opensearch(),
        apply: ism,
        examples: &[Example {
            source: "OpenSearch 1.3.20",
            target: "OpenSearch 2.19.4",
            before: r#"{"settings": {"index.opendistro.index_state_management.rollover_alias": "now",
                "index.plugins.index_state_management.policy_id": "logs"}}"#,
            after: r#"{"withheld": {"index.plugins.index_state_management.rollover_alias": "now"}}"#,
            notes: &[
                "dropped index.plugins.index_state_management.policy_id: \"logs\": attach it with",
                "withheld index.opendistro.index_state_management.rollover_alias: \"now\"",
            ],
        }],
    },
];

fn origination_date(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    const DATE: &str = "index.lifecycle.origination_date";
    let has_policy = item.settings.contains_key("index.lifecycle.name") && !item.settings.contains_key(DATE);
    let parses_name =
        item.settings.get("index.lifecycle.parse_origination_date").is_some_and(|yes| text(yes) == "true");
    if item.kind != Kind::Index || !has_policy || parses_name {
        return Ok(());
    }
    if let Some(date) = item.settings.get("index.creation_date").map(text) {
        item.settings.insert(DATE.to_owned(), date.clone().into());
        let text = format!("{date}, when the source created the index: its age goes on");
        item.note("ilm-origination-date", Effect::Changed, DATE, text);
    }
    Ok(())
}

/// Withholds what begins with `before`, by names that begin with `after`.
fn withhold(item: &mut Item, rule: &'static str, before: &str, after: &str) {
    for (name, value) in take(item, |name, _| is(before, name)) {
        item.note(rule, Effect::Withheld, name.as_str(), format!("{value} is put on at cleanup"));
        let rest = name.strip_prefix(before).unwrap_or(&name);
        item.withheld.insert(format!("{after}{rest}"), value);
    }
}

fn ilm_to_ism(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    for (name, value) in take(item, |name, _| is(ILM, name)) {
        match name.strip_prefix(ILM) {
            Some("rollover_alias") => {
                let new = format!("{ISM}rollover_alias");
                item.note("ilm-to-ism", Effect::Changed, name, format!("{new}: {value}, put on at cleanup"));
                item.withheld.insert(new, value);
            }
            Some("name") => {
                let text = format!(
                    "{value}: attach the ISM policy that replaces it with `POST _plugins/_ism/add/INDEX`; the index's \
                     age counts from the migration"
                );
                item.note("ilm-to-ism", Effect::Dropped, name, text);
            }
            _ => item.note("ilm-to-ism", Effect::Dropped, name, format!("OpenSearch has no ILM; it was {value}")),
        }
    }
    Ok(())
}

fn ism(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    for (name, value) in take(item, |name, _| [ISM, ISM_BEFORE].iter().any(|ism| name == format!("{ism}policy_id"))) {
        let text = format!("{value}: attach it with `POST _plugins/_ism/add/INDEX`; its ages count from the migration");
        item.note("ism-settings", Effect::Dropped, name, text);
    }
    if is_in_the_way(item.kind) {
        withhold(item, "ism-settings", ISM, ISM);
        withhold(item, "ism-settings", ISM_BEFORE, ISM);
    }
    Ok(())
}
