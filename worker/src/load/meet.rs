//! A document was to be created and something is there: the same document, or another one under its id.
//!
//! In: a batch and the target's answers. Out: the answers, in which a document that met another one is rejected. The same
//! one counts as already there: it was sent before, by whoever had the slice then, or comes twice in the source.
//! Holds: only destinations that compare are asked. What is there is never changed.

use protocol::checkpoint::Verdict;
use target::{BulkBody, Held, ItemOutcome};

use super::batch::Item;
use super::place::Place;
use crate::failure::TaskError;

/// The kind of the dead letters.
const COLLISION: &str = "id_collision";

/// The items of a batch that were already there in `places[number]`, if it compares.
#[must_use]
pub fn to_compare(place: &Place, number: usize, items: &[Item], outcomes: &[ItemOutcome]) -> Vec<usize> {
    if !place.noted.compares() {
        return Vec::new();
    }
    let there = items
        .iter()
        .zip(outcomes)
        .enumerate()
        .filter(|(_, (item, outcome))| item.destination == number && matches!(outcome, ItemOutcome::AlreadyThere));
    there.map(|(at, _)| at).collect()
}

/// What becomes of an item of `body` that met what `place` holds; `None`: it is as it was answered.
///
/// # Errors
/// What was there is gone by now.
pub fn met(
    place: &Place,
    body: &BulkBody,
    at: usize,
    item: &Item,
    held: Held,
) -> Result<Option<ItemOutcome>, TaskError> {
    let name = &place.noted.name;
    let (id, routing) = body.key(at).unwrap_or_default();
    let this = || {
        let doc_type = item.doc_type.as_deref().filter(|name| *name != "_doc");
        let of_type = doc_type.map_or_else(String::new, |name| format!("of type {name}, "));
        format!("{of_type}{}", routed(routing.as_deref()))
    };
    let reason = match held {
        Held::Same => return Ok(None),
        Held::Nothing => {
            let reason = format!("document {id} was in {name} of the target, and is gone: somebody deletes there");
            return Err(TaskError::say(Verdict::Retry, reason));
        }
        Held::Unknown => format!(
            "id collision: {name} of the target has a document under this id and keeps no source that could be \
             compared; it stays, and may be this one ({})",
            this()
        ),
        Held::Other { routing: theirs, same_source } => {
            let equal = if same_source { ", with an equal source" } else { "" };
            format!(
                "id collision: {name} of the target has another document under this id ({}{equal}), which stays; this \
                 one ({}) is not written",
                routed(theirs.as_deref()),
                this()
            )
        }
    };
    Ok(Some(ItemOutcome::Rejected { status: 409, kind: COLLISION.to_owned(), reason }))
}

fn routed(routing: Option<&str>) -> String {
    routing.map_or_else(|| "without routing".to_owned(), |routing| format!("routing {routing}"))
}

#[cfg(test)]
mod tests {
    use protocol::destination::Destination;
    use target::Op;

    use super::*;

    fn place(ids_may_meet: bool) -> Place {
        let noted = Destination { name: "union".into(), ids_may_meet, ..Destination::default() };
        Place { noted, index: "union".into() }
    }

    fn item(destination: usize) -> Item {
        let doc_type = Some("comment".into());
        Item { range: 0, doc: 3, source_len: 2, recovered: false, destination, doc_type, type_in_id: false }
    }

    #[test]
    fn only_what_was_there_where_ids_may_meet_is_compared() {
        let items = [item(1), item(0), item(1), item(1)];
        let there = || ItemOutcome::AlreadyThere;
        let outcomes = [there(), there(), ItemOutcome::Written, there()];
        assert_eq!(to_compare(&place(true), 1, &items, &outcomes), [0, 3]);
        assert_eq!(to_compare(&place(true), 0, &items, &outcomes), [1]);
        assert_eq!(to_compare(&place(false), 1, &items, &outcomes), [0; 0]);
    }

    #[test]
    fn another_document_is_told_with_both_routings_and_the_type() {
        let mut body = BulkBody::default();
        body.push(Op::Create, "7", Some("a"), b"{}");
        let met = |held| met(&place(true), &body, 0, &item(0), held);
        assert_eq!(met(Held::Same).unwrap(), None);
        let reason = |held| match met(held).unwrap() {
            Some(ItemOutcome::Rejected { status: 409, kind, reason }) if kind == COLLISION => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            reason(Held::Other { routing: None, same_source: true }),
            "id collision: union of the target has another document under this id (without routing, with an equal \
             source), which stays; this one (of type comment, routing a) is not written"
        );
        assert!(reason(Held::Unknown).contains("may be this one (of type comment, routing a)"));
        assert!(matches!(met(Held::Nothing), Err(TaskError::Failed { verdict: Verdict::Retry, .. })));
    }
}
