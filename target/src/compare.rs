//! Whether what the target has under an id is the document that was sent, or another one.
//!
//! In: items of a bulk body for which a `create` found something there. Out: one [`Held`] per item, in order.
//!
//! Holds: a document is the same where routing and source are; the source by its JSON values, numbers digit by digit,
//! members of objects in any order. Nothing is changed on the target. What is fetched at once is bounded by what was
//! sent.
//! Not here: which items are compared, and what follows.
//! After: the Multi Get API, which answers from what was written last, refreshed or not.

use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::answer::{self, Fault, RawCause};
use crate::body::BulkBody;
use crate::bulk::{BulkObserver, BulkOptions};
use crate::client::{Answer, Cluster, index_path};
use crate::effort::{Effort, Manner};
use crate::error::TargetError;
use crate::outcome::{self, Meaning};

/// Documents fetched at once at most.
const DOCS_MAX: usize = 200;

/// … and bytes of the sources that were sent: those that are there are seldom much larger.
const BYTES_MAX: usize = 1 << 20;

/// What the target has under the id of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// The same document.
    Same,
    /// Another one.
    Other {
        /// Its routing.
        routing: Option<String>,
        /// Whether that is all that differs.
        same_source: bool,
    },
    /// One of the same routing that keeps no source that could be compared.
    Unknown,
    /// Nothing any more.
    Nothing,
}

impl Cluster {
    /// Compares items of `body` with what `index` has under their ids.
    ///
    /// # Errors
    /// As [`Cluster::bulk`].
    pub async fn compare(
        &self,
        index: &str,
        body: &BulkBody,
        numbers: &[usize],
        options: &BulkOptions,
        observer: &dyn BulkObserver,
        cancel: &CancellationToken,
    ) -> Result<Vec<Held>, TargetError> {
        let path = format!("{}/_mget", index_path(index)?);
        let what = format!("compare documents of {index}");
        let mut effort = Effort::new(self, what, Manner { options, observer, cancel });
        let (mut held, mut rest) = (Vec::with_capacity(numbers.len()), numbers);
        while let Some((part, after)) = rest.split_at_checked(fitting(body, rest)).filter(|(part, _)| !part.is_empty())
        {
            held.extend(self.fetch(&path, body, part, &mut effort).await?);
            effort.success();
            rest = after;
        }
        Ok(held)
    }

    async fn fetch(
        &self,
        path: &str,
        body: &BulkBody,
        numbers: &[usize],
        effort: &mut Effort<'_>,
    ) -> Result<Vec<Held>, TargetError> {
        let docs: Vec<Value> = numbers.iter().filter_map(|number| body.key(*number)).map(wanted).collect();
        let request = json!({ "docs": docs }).to_string().into_bytes();
        loop {
            let sent = self.send(Method::POST, path, "application/json", Some(request.clone().into()));
            let answer = match effort.send(sent).await? {
                Ok(answer) => answer,
                Err(lost) if lost.advice.is_some() => return Err(effort.lost(lost)),
                Err(lost) => {
                    effort.wait(&lost.why).await?;
                    continue;
                }
            };
            match self.understand(&effort.what, body, numbers, &answer)? {
                Ok(held) => return Ok(held),
                Err(busy) => effort.wait(&busy).await?,
            }
        }
    }

    /// What an answer says of each item; inside: why the same is to be asked again.
    fn understand(
        &self,
        what: &str,
        body: &BulkBody,
        numbers: &[usize],
        answer: &Answer,
    ) -> Result<Result<Vec<Held>, String>, TargetError> {
        if !answer.is_success() {
            return self.not_now(what, answer.status, answer::fault(&answer.body)).map(Err);
        }
        let Found { docs } = serde_json::from_slice(&answer.body)
            .map_err(|error| self.malformed(what, format!("{error} in {}", answer::excerpt(&answer.body))))?;
        if docs.len() != numbers.len() {
            return Err(self.malformed(what, format!("{} were asked for, {} answered", numbers.len(), docs.len())));
        }
        let mut held = Vec::with_capacity(docs.len());
        for (number, doc) in numbers.iter().zip(docs) {
            if let Some(error) = doc.error {
                // An item has no status of its own: what no rule knows is tried again.
                return self.not_now(what, 503, error.into()).map(Err);
            }
            let (_, routing) = body.key(*number).unwrap_or_default();
            held.push(judge(routing.as_deref(), body.source(*number).unwrap_or_default(), &doc));
        }
        Ok(Ok(held))
    }

    /// Why the same is to be asked again after an error.
    fn not_now(&self, what: &str, status: u16, fault: Fault) -> Result<String, TargetError> {
        match outcome::meaning(status, Some(&fault)) {
            Meaning::Busy => Ok(format!("{status} {}: {}", fault.kind, fault.reason)),
            Meaning::Target(advice) => Err(self.refused(what, status, fault, advice)),
            Meaning::Denied => Err(self.denied(what, status, fault)),
            Meaning::Document | Meaning::AlreadyThere | Meaning::Written => {
                Err(self.refused(what, status, fault, outcome::CHECK_ENDPOINT))
            }
        }
    }
}

/// How many of `numbers`, from the first on, are fetched at once.
fn fitting(body: &BulkBody, numbers: &[usize]) -> usize {
    let mut bytes = 0_usize;
    let small = numbers.iter().take(DOCS_MAX).take_while(|number| {
        bytes = bytes.saturating_add(body.source(**number).map_or(0, <[u8]>::len));
        bytes <= BYTES_MAX
    });
    small.count().max(1).min(numbers.len())
}

fn wanted((id, routing): (String, Option<String>)) -> Value {
    match routing {
        Some(routing) => json!({ "_id": id, "routing": routing }),
        None => json!({ "_id": id }),
    }
}

fn judge(routing: Option<&str>, source: &[u8], found: &FoundDoc<'_>) -> Held {
    if !found.found {
        return Held::Nothing;
    }
    let same_routing = found.routing.as_deref() == routing;
    match found.source {
        None if same_routing => Held::Unknown,
        Some(theirs) if same_routing && same(source, theirs.get().as_bytes()) => Held::Same,
        theirs => {
            let same_source = theirs.is_some_and(|theirs| same(source, theirs.get().as_bytes()));
            Held::Other { routing: found.routing.clone(), same_source }
        }
    }
}

/// Whether two texts are the same JSON value. What can't be parsed is the same only where it is byte by byte.
fn same(one: &[u8], other: &[u8]) -> bool {
    if one.trim_ascii() == other.trim_ascii() {
        return true;
    }
    // Numbers are kept as they are written.
    let value = |text: &[u8]| serde_json::from_slice::<Value>(text).ok();
    value(one).is_some_and(|one| value(other) == Some(one))
}

#[derive(Deserialize)]
struct Found<'a> {
    #[serde(borrow)]
    docs: Vec<FoundDoc<'a>>,
}

#[derive(Deserialize)]
struct FoundDoc<'a> {
    #[serde(default)]
    found: bool,
    #[serde(rename = "_routing")]
    routing: Option<String>,
    #[serde(borrow, rename = "_source")]
    source: Option<&'a RawValue>,
    error: Option<RawCause>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Op;

    #[test]
    fn sources_are_the_same_by_their_values_and_numbers_by_their_digits() {
        for (one, other, expected) in [
            (r#"{"a":1,"b":[1,2]}"#, r#" {"b": [1, 2], "a": 1} "#, true),
            (r#"{"a":12345678901234567890123}"#, r#"{ "a":12345678901234567890123}"#, true),
            (r#"{"a":12345678901234567890123}"#, r#"{"a":12345678901234567890124}"#, false),
            (r#"{"a":0.1}"#, r#"{"a":0.10000000000000000001}"#, false),
            (r#"{"a":"\u0062"}"#, r#"{"a":"b"}"#, true),
            (r#"{"a":1}"#, r#"{"a":"1"}"#, false),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#, false),
            ("{no json", "{no json", true),
            ("{no json", "{other", false),
        ] {
            assert_eq!(same(one.as_bytes(), other.as_bytes()), expected, "{one} and {other}");
        }
    }

    #[test]
    fn a_document_is_the_same_where_routing_and_source_are() {
        let found = |text: &'static str| serde_json::from_str::<FoundDoc<'_>>(text).unwrap();
        let held = |routing, text| judge(routing, br#"{"a":1}"#, &found(text));
        let other =
            |routing: Option<&str>, same_source| Held::Other { routing: routing.map(str::to_owned), same_source };
        assert_eq!(held(None, r#"{"found":true,"_source":{"a":1}}"#), Held::Same);
        assert_eq!(held(Some("r"), r#"{"found":true,"_routing":"r","_source":{"a":1}}"#), Held::Same);
        assert_eq!(held(Some("r"), r#"{"found":true,"_source":{"a":1}}"#), other(None, true));
        assert_eq!(held(None, r#"{"found":true,"_routing":"r","_source":{"a":2}}"#), other(Some("r"), false));
        assert_eq!(held(None, r#"{"found":true,"_source":{"a":2}}"#), other(None, false));
        assert_eq!(held(None, r#"{"found":true}"#), Held::Unknown);
        assert_eq!(held(Some("r"), r#"{"found":true}"#), other(None, false));
        assert_eq!(held(None, r#"{"found":false}"#), Held::Nothing);
    }

    #[test]
    fn what_is_fetched_at_once_is_bounded_and_never_nothing() {
        let mut body = BulkBody::default();
        let large = vec![b' '; BYTES_MAX / 2];
        body.push(Op::Create, "0", None, &vec![b' '; BYTES_MAX + 1]);
        (1..4).for_each(|id| body.push(Op::Create, &id.to_string(), None, &large));
        (0..DOCS_MAX + 1).for_each(|id| body.push(Op::Create, &id.to_string(), None, b"{}"));
        let numbers: Vec<usize> = (0..body.len()).collect();
        assert_eq!(fitting(&body, &numbers), 1, "one that is too large is fetched alone");
        assert_eq!(fitting(&body, &numbers[1..]), 2);
        assert_eq!(fitting(&body, &numbers[4..]), DOCS_MAX);
        assert_eq!(fitting(&body, &numbers[4 + DOCS_MAX..]), 1);
        assert_eq!(fitting(&body, &[]), 0);
    }
}
