//! Where documents go on the target, as metadata decided it: the load follows it, verify counts by it, cleanup ends it.
//!
//! Not here: why it was decided so (the crate `metadata`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::IndexNo;

/// What metadata did for each index of the source, and what verify found: one KV value per page of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TargetPage {
    /// By index number.
    pub indices: BTreeMap<IndexNo, TargetIndex>,
}

/// Where the documents of one index of the source go: to several places where its mapping types are split, and to places
/// that other indices name too where these are united.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TargetIndex {
    /// Every mapping type is taken by exactly one of them.
    #[serde(default)]
    pub destinations: Vec<Destination>,
}

impl TargetIndex {
    /// One destination for all.
    #[must_use]
    pub fn one(destination: Destination) -> Self {
        Self { destinations: vec![destination] }
    }

    /// Which of the destinations takes documents of this mapping type; `None`: none does. Documents of a source without
    /// types are of `_doc`.
    #[must_use]
    pub fn takes(&self, doc_type: &str) -> Option<usize> {
        let named = |destination: &Destination| destination.types.iter().any(|name| name == doc_type);
        let all_others = |destination: &Destination| destination.types.is_empty();
        self.destinations.iter().position(named).or_else(|| self.destinations.iter().position(all_others))
    }
}

/// An index or a data stream of the target, and how documents of one index of the source go there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Destination {
    /// Mapping types of the source whose documents come here; empty: all that no other destination names.
    #[serde(default)]
    pub types: Vec<String>,
    /// Its name on the target.
    pub name: String,
    /// It is a data stream, with one backing index.
    #[serde(default)]
    pub stream: bool,
    /// The uuid of the index, for a data stream of its backing index; another one during the load means that it was
    /// deleted and made again.
    pub uuid: String,
    /// Whether this migration created it.
    pub created: bool,
    /// Documents in it before the load.
    pub count_before: u64,
    /// Documents in it at verify.
    pub count_after: Option<u64>,
    /// Settings withheld at creation, put on at cleanup.
    pub withheld: BTreeMap<String, String>,
    /// It is closed at cleanup: it was closed in the source, or on the target before it was opened for the load.
    #[serde(default)]
    pub close: bool,
    /// Two documents of the source may meet here under one id: of several mapping types, of several indices, or of two
    /// routings where the number of shards is another one. A document that is there is compared, and never replaced.
    #[serde(default)]
    pub ids_may_meet: bool,
    /// Ids are written with their mapping type before them, `tweet#7`, so that those of several types stay apart.
    #[serde(default)]
    pub type_in_id: bool,
    /// What was `_parent` becomes a join field.
    #[serde(default)]
    pub join: Option<Join>,
}

impl Destination {
    /// Documents only ever go with `create`: what is there under an id stays, whatever else is wanted.
    #[must_use]
    pub fn only_creates(&self) -> bool {
        self.stream || self.compares()
    }

    /// What is there under the id of a document is compared with it. A document without a routing is routed by its id: with
    /// a type before it, it may come to the shard of another one of the same type and id, and a routing.
    #[must_use]
    pub fn compares(&self) -> bool {
        self.ids_may_meet || self.type_in_id
    }
}

/// How documents with `_parent` (Elasticsearch before 6) become documents with a join field, in their source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Join {
    /// The join field in the destination's mapping.
    pub field: String,
    /// By mapping type. Documents of a type that is not in here get no such field.
    pub types: BTreeMap<String, Relation>,
}

/// What documents of one mapping type are in a join.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Relation {
    /// The relation's name in the destination's mapping.
    pub name: String,
    /// The mapping type of their parents; `None`: they have none.
    #[serde(default)]
    pub parent: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_goes_where_it_is_named_else_where_no_type_is() {
        let to = |types: &[&str]| {
            let types = types.iter().map(|name| (*name).to_owned()).collect();
            Destination { types, ..Destination::default() }
        };
        let split = TargetIndex { destinations: vec![to(&[]), to(&["user", "_doc"])] };
        assert_eq!((split.takes("user"), split.takes("_doc"), split.takes("tweet")), (Some(1), Some(1), Some(0)));
        assert_eq!(TargetIndex::one(to(&["user"])).takes("tweet"), None);
        assert_eq!(TargetIndex::one(to(&[])).takes("_doc"), Some(0));
    }
}
