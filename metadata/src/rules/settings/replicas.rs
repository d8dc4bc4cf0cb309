//! Replicas that the target has room for.

use crate::item::{Effect, Item};
use crate::settings::{number, text};
use crate::types::About;

/// What [`fit`] does, for the documentation; its notes bear the id.
pub const ABOUT: About = About {
    id: "replicas-fit",
    what: "The number of replicas is made to fit the target's data nodes, and to be spread evenly over the zones that \
           allocation is forced to.",
    why: "More copies than nodes leave an index yellow for good; and where copies must be balanced over zones, an index \
          whose copies can't be divided by them is refused. What expands by itself stays.",
    source: "https://docs.opensearch.org/latest/tuning-your-cluster/",
};

const REPLICAS: &str = "index.number_of_replicas";

/// Makes the number of replicas fit a target with `data_nodes`, whose copies are spread over `zones`: values of the
/// awareness attributes that allocation is forced to, 1 where there are none.
///
/// More copies than nodes leave an index yellow for good; and where copies must be balanced over zones, an index whose
/// copies can't be divided by them is refused.
pub fn fit(item: &mut Item, data_nodes: u32, zones: u32) {
    let expands = item.settings.get("index.auto_expand_replicas").is_some_and(|value| text(value) != "false");
    let replicas = number(&item.settings, REPLICAS).and_then(|replicas| u32::try_from(replicas).ok());
    let Some(replicas) = replicas.filter(|_| !expands) else { return };
    let (data_nodes, zones) = (data_nodes.max(1), zones.max(1));
    let copies = replicas.saturating_add(1);
    let balanced = copies.div_ceil(zones).saturating_mul(zones);
    let room = (data_nodes / zones).max(1).saturating_mul(zones);
    let fitting = balanced.min(room).saturating_sub(1);
    if fitting == replicas {
        return;
    }
    item.settings.insert(REPLICAS.to_owned(), fitting.to_string().into());
    let nodes = format!("{data_nodes} data {}", if data_nodes == 1 { "node" } else { "nodes" });
    let zones = if zones == 1 { String::new() } else { format!(" in {zones} zones") };
    item.note(
        ABOUT.id,
        Effect::Changed,
        REPLICAS,
        format!("{fitting}; it was {replicas}, and the target has {nodes}{zones}"),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::item::SourceItem;
    use crate::types;

    fn fitted(settings: Value, data_nodes: u32, zones: u32) -> (Value, Vec<String>) {
        let Value::Object(settings) = settings else { panic!("{settings}") };
        let source = SourceItem { settings, ..SourceItem::index("a", Map::new(), Vec::new(), Map::new(), 1) };
        let mut item = types::resolve(source, &types::Options::default()).unwrap().remove(0);
        fit(&mut item, data_nodes, zones);
        (
            item.settings.get(REPLICAS).cloned().unwrap_or_default(),
            item.notes.into_iter().map(|note| note.text).collect(),
        )
    }

    #[test]
    fn copies_fit_nodes_and_zones() {
        let of = |replicas: u32, data_nodes, zones| fitted(json!({REPLICAS: replicas.to_string()}), data_nodes, zones);
        assert_eq!(of(1, 1, 1), (json!("0"), vec!["0; it was 1, and the target has 1 data node".to_owned()]));
        assert_eq!(of(2, 3, 1), (json!("2"), vec![]));
        assert_eq!(of(5, 3, 1).0, json!("2"));
        assert_eq!(
            of(1, 6, 3),
            (json!("2"), vec!["2; it was 1, and the target has 6 data nodes in 3 zones".to_owned()])
        );
        assert_eq!(of(3, 4, 3).0, json!("2"), "six copies have no room, three have");
        assert_eq!(of(0, 9, 3).0, json!("2"));
        assert_eq!(of(u32::MAX, 2, 2).0, json!("1"));
    }

    #[test]
    fn what_expands_by_itself_or_says_nothing_stays() {
        assert_eq!(fitted(json!({REPLICAS: "3", "index.auto_expand_replicas": "0-all"}), 1, 1).1, Vec::<String>::new());
        assert_eq!(fitted(json!({REPLICAS: 3, "index.auto_expand_replicas": "false"}), 1, 1).0, json!("0"));
        assert_eq!(fitted(json!({REPLICAS: "many"}), 1, 1).0, json!("many"));
        assert_eq!(fitted(json!({}), 1, 1).0, Value::Null);
    }
}
