//! Where each document goes on a cluster, and as what.
//!
//! In: the destinations that metadata noted of an index, and a document. Out: its [`Way`]: the action of a bulk body, and
//! what comes into its source.
//!
//! Holds: a document whose mapping type no destination takes is an error, never left out in silence. Where documents may
//! meet under one id, what is there is never replaced.
//! Not here: what follows where something is there (`meet`).

use std::borrow::Cow;
use std::sync::Arc;

use protocol::destination::{Destination, Join, TargetIndex};
use protocol::spec::OnConflict;
use target::{Action, Op};

use super::splice;
use crate::read::Document;

/// The type of documents whose index has no types.
const NO_TYPE: &str = "_doc";

/// Finds the way of every document of one index.
pub struct Router {
    target: TargetIndex,
    on_conflict: OnConflict,
    /// Mapping types that documents were of so far, and who takes them.
    known: Vec<(Arc<str>, usize)>,
}

/// What is done with a document.
pub struct Way<'a> {
    /// Which of the destinations takes it.
    pub destination: usize,
    /// Its mapping type.
    pub doc_type: Arc<str>,
    /// Its id is written with the type before it.
    pub type_in_id: bool,
    op: Op,
    index: Option<&'a str>,
    id: Cow<'a, str>,
    routing: Option<&'a str>,
    /// The field that its source gets, and its value.
    field: Option<(&'a str, String)>,
}

impl Router {
    /// To where `target` says, with documents in the way treated as `on_conflict` says.
    #[must_use]
    pub fn new(target: TargetIndex, on_conflict: OnConflict) -> Self {
        Self { target, on_conflict, known: Vec::new() }
    }

    /// The way of a document.
    ///
    /// # Errors
    /// Its mapping type, which no destination takes.
    pub fn way<'a>(&'a mut self, document: &'a Document<'_>) -> Result<Way<'a>, String> {
        let name = document.doc_type.unwrap_or(NO_TYPE);
        let known = self.known.iter().find(|(known, _)| &**known == name);
        let (doc_type, number) = match known {
            Some(known) => known.clone(),
            None => {
                let found = (Arc::from(name), self.target.takes(name).ok_or_else(|| name.to_owned())?);
                self.known.push(found.clone());
                found
            }
        };
        let destination = self.target.destinations.get(number).ok_or_else(|| name.to_owned())?;
        let several = self.target.destinations.len() > 1;
        let is_joined = destination.join.as_ref().is_some_and(|join| join.types.contains_key(name));
        // Its children are routed by its id as it was.
        let own_id = (destination.type_in_id && is_joined).then_some(document.id);
        Ok(Way {
            destination: number,
            type_in_id: destination.type_in_id,
            op: op(self.on_conflict, destination, document),
            index: several.then_some(destination.name.as_str()),
            id: id(destination, name, document.id),
            routing: document.routing.or(own_id),
            field: destination.join.as_ref().and_then(|join| {
                let value = relation(join, destination, name, document.parent)?;
                Some((join.field.as_str(), value))
            }),
            doc_type,
        })
    }
}

impl Way<'_> {
    /// The action of the bulk body.
    #[must_use]
    pub fn action(&self) -> Action<'_> {
        Action { op: self.op, index: self.index, id: &self.id, routing: self.routing }
    }

    /// What is to be spliced into the source: a field and its value, as JSON.
    ///
    /// # Errors
    /// A sentence: the source has such a field already.
    pub fn member(&self, source: &[u8]) -> Result<Option<String>, String> {
        let Some((field, value)) = &self.field else { return Ok(None) };
        if splice::has_member(source, field) {
            return Err(format!("its source has a field `{field}` already, which is to say whose child it is"));
        }
        Ok(Some(format!("{}:{value}", serde_json::Value::from(*field))))
    }
}

/// What the target is to do with a document whose id it has.
fn op(on_conflict: OnConflict, destination: &Destination, document: &Document<'_>) -> Op {
    match on_conflict {
        _ if destination.only_creates() => Op::Create,
        OnConflict::Overwrite => Op::Index,
        OnConflict::Keep => Op::Create,
        // The reader hands out no document without one.
        OnConflict::Newer => Op::IndexVersion(document.versions.version.unwrap_or_default()),
    }
}

fn id<'a>(destination: &Destination, doc_type: &str, id: &'a str) -> Cow<'a, str> {
    if destination.type_in_id { format!("{doc_type}#{id}").into() } else { id.into() }
}

/// What a document of `doc_type` is in the join, as JSON. A child that has lost its parent is sent without one: what the
/// target makes of it counts.
fn relation(join: &Join, destination: &Destination, doc_type: &str, parent: Option<&str>) -> Option<String> {
    let relation = join.types.get(doc_type)?;
    let parent = relation.parent.as_deref().zip(parent);
    let parent = parent.map(|(parent_type, parent)| id(destination, parent_type, parent));
    Some(match parent {
        Some(parent) => serde_json::json!({ "name": relation.name, "parent": parent }).to_string(),
        None => serde_json::json!({ "name": relation.name }).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use protocol::destination::Relation;

    use super::*;
    use crate::read::{Source, Versions};

    fn document<'a>(doc_type: Option<&'a str>, id: &'a str, parent: Option<&'a str>) -> Document<'a> {
        let versions = Versions { version: Some(7), ..Versions::default() };
        let source = Source::Json(b"{}");
        Document {
            id,
            doc_type,
            routing: parent,
            parent,
            timestamp: None,
            expires: None,
            source,
            recovered: false,
            versions,
        }
    }

    fn to(name: &str, types: &[&str]) -> Destination {
        let types = types.iter().map(|name| (*name).to_owned()).collect();
        Destination { name: name.to_owned(), types, ..Destination::default() }
    }

    #[test]
    fn one_destination_is_not_named_and_several_are() {
        let mut one = Router::new(TargetIndex::one(to("a", &[])), OnConflict::Overwrite);
        for doc_type in [None, Some("tweet")] {
            let document = document(doc_type, "1", None);
            let way = one.way(&document).unwrap();
            assert_eq!((way.action().index, way.action().id, way.action().op), (None, "1", Op::Index));
        }
        let split = TargetIndex { destinations: vec![to("t", &["tweet"]), to("u", &["user"])] };
        let mut split = Router::new(split, OnConflict::Overwrite);
        for (doc_type, index) in [("user", "u"), ("tweet", "t"), ("user", "u")] {
            let document = document(Some(doc_type), "1", None);
            assert_eq!(split.way(&document).unwrap().action().index, Some(index));
        }
        for (doc_type, name) in [(Some("other"), "other"), (None, "_doc")] {
            assert_eq!(split.way(&document(doc_type, "1", None)).err().as_deref(), Some(name));
        }
    }

    #[test]
    fn what_may_meet_and_streams_are_created_whatever_is_wanted() {
        for on_conflict in [OnConflict::Overwrite, OnConflict::Newer, OnConflict::Keep] {
            let op = |destination| {
                let document = document(None, "1", None);
                Router::new(TargetIndex::one(destination), on_conflict).way(&document).unwrap().op
            };
            let expected = match on_conflict {
                OnConflict::Overwrite => Op::Index,
                OnConflict::Newer => Op::IndexVersion(7),
                OnConflict::Keep => Op::Create,
            };
            assert_eq!(op(to("a", &[])), expected);
            assert_eq!(op(Destination { ids_may_meet: true, ..to("a", &[]) }), Op::Create);
            assert_eq!(op(Destination { stream: true, ..to("a", &[]) }), Op::Create);
            assert_eq!(op(Destination { type_in_id: true, ..to("a", &[]) }), Op::Create);
        }
    }

    #[test]
    fn a_join_says_name_and_parent_and_with_types_in_ids_parents_are_routed_as_their_children() {
        let relation =
            |name: &str, parent: Option<&str>| Relation { name: name.into(), parent: parent.map(str::to_owned) };
        let types = [
            ("question".to_owned(), relation("question", None)),
            ("answer".to_owned(), relation("answer", Some("question"))),
        ];
        let join = Some(Join { field: "link".into(), types: types.into() });
        let plain = Destination { join, ..to("a", &[]) };
        let sent = |destination: &Destination, doc_type, id, parent| {
            let mut router = Router::new(TargetIndex::one(destination.clone()), OnConflict::Overwrite);
            let document = document(Some(doc_type), id, parent);
            let way = router.way(&document).unwrap();
            let member = way.member(b"{\"a\":\"link\"}").unwrap();
            (way.id.to_string(), way.routing.map(str::to_owned), member.unwrap_or_default())
        };
        let expected = |id: &str, routing: Option<&str>, member: &str| {
            (id.to_owned(), routing.map(str::to_owned), member.to_owned())
        };
        assert_eq!(sent(&plain, "question", "7", None), expected("7", None, r#""link":{"name":"question"}"#));
        let child = r#""link":{"name":"answer","parent":"7"}"#;
        assert_eq!(sent(&plain, "answer", "8", Some("7")), expected("8", Some("7"), child));
        assert_eq!(sent(&plain, "answer", "8", None), expected("8", None, r#""link":{"name":"answer"}"#));
        assert_eq!(sent(&plain, "other", "7", None), expected("7", None, ""));

        let typed = Destination { type_in_id: true, ..plain };
        let parent = r#""link":{"name":"question"}"#;
        assert_eq!(sent(&typed, "question", "7", None), expected("question#7", Some("7"), parent));
        let child = r#""link":{"name":"answer","parent":"question#7"}"#;
        assert_eq!(sent(&typed, "answer", "8", Some("7")), expected("answer#8", Some("7"), child));
        assert_eq!(sent(&typed, "other", "7", None), expected("other#7", None, ""));

        let mut router = Router::new(TargetIndex::one(typed), OnConflict::Overwrite);
        let document = document(Some("question"), "7", None);
        let reason = router.way(&document).unwrap().member(b"{\"link\":1}").unwrap_err();
        assert!(reason.contains("a field `link` already"), "{reason}");
    }
}
