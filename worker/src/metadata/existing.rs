//! Indices that are on the target already: whether they can be loaded into, and how they differ from what is wanted.

use metadata::{Item, request};
use protocol::destination::Destination;
use protocol::spec::OnExisting;
use serde_json::{Map, Value};
use target::IndexState;

use super::compare::{Difference, differences};
use super::judge::{Judged, Refused};
use super::mark;
use super::obstacle::{self, Obstacle};
use super::report::{self, ItemReport, Outcome};
use super::survey::{Action, Decided, NOT_CREATED, Survey, Taken, Wish, noted, refused, reported};
use super::translation::Become;
use crate::failure::TaskError;
use crate::metadata::plain;

impl Survey<'_> {
    pub(super) async fn existing(
        &self,
        wish: Wish<'_>,
        each: Become,
        found: IndexState,
        mut to: Destination,
        known: &[Destination],
    ) -> Result<Result<Decided, String>, TaskError> {
        let taken = match self.fit(wish, &to.name, &found, known) {
            Ok(taken) => taken,
            Err(reason) => return Ok(Err(reason)),
        };
        let ours = self.is_ours(&found, &to.name, known);
        // Who has others' documents in it said with `onConflict` what becomes of them.
        let others_write = !ours && !found.is_closed() && self.cluster.count(&to.name).await? > 0;
        let routed_otherwise = each.routed_anew || is_routed_otherwise(&each.item, &found);
        to.ids_may_meet |= routed_otherwise && !others_write;
        let mut what = self.how_it_is(wish, &found, ours).await?;
        let (mut outcome, mut different, mut update) = (Outcome::Same, Vec::new(), None);
        if ours {
            // Of several that become one, the first created it: its mapping may lack fields of this one.
            update = to.ids_may_meet.then(|| Item { settings: Map::new(), aliases: Map::new(), ..each.item.clone() });
        } else if wish.create {
            let judged = match self.judge.judge(each.item.clone()).await? {
                Ok(judged) => judged,
                Err(Refused(reason)) if self.spec.on_existing != OnExisting::Keep => return Ok(Err(reason)),
                Err(_) => Judged { item: each.item.clone(), shown: request::body(&each.item) },
            };
            different = differences(&judged.shown, &mark::body(&found));
            if !different.is_empty() {
                let lines: Vec<String> = different.iter().map(Difference::line).collect();
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                let text = format!("different from the source's: {}", report::first(&lines));
                match self.spec.on_existing {
                    OnExisting::Fail => return Ok(Err(format!("it is there and {text}"))),
                    OnExisting::Keep => outcome = Outcome::Kept,
                    OnExisting::Update => (outcome, update) = (Outcome::Update, Some(judged.item)),
                }
                what.push_str(&format!("; {text}"));
            }
        }
        if routed_otherwise && others_write && wish.load {
            what.push_str(
                "; it is routed in another way than the source: documents of one id and several routings may \
                           overwrite each other",
            );
        }
        what.extend(taken.1.iter().map(|note| format!("; {note}")));
        let report = reported(wish.name, &each.item, outcome, what, different);
        let taken = Taken { found, update, ..taken.0 };
        Ok(Ok(Decided { action: Action::Take(Box::new(taken)), to, report }))
    }

    /// An index that is loaded into and that nothing is known of but that it is there.
    pub(super) async fn there_only(
        &self,
        wish: Wish<'_>,
        to: Destination,
        known: &[Destination],
    ) -> Result<Result<Decided, ItemReport>, TaskError> {
        let Some(found) = self.cluster.index(&to.name).await? else {
            return Ok(Err(refused(wish.name, &to.name, NOT_CREATED.to_owned())));
        };
        let (taken, notes) = match self.fit(wish, &to.name, &found, known) {
            Ok(fit) => fit,
            Err(reason) => return Ok(Err(refused(wish.name, &to.name, reason))),
        };
        let mut what = self.how_it_is(wish, &found, false).await?;
        what.extend(notes.iter().map(|note| format!("; {note}")));
        let report = ItemReport { outcome: Outcome::Kept, ..refused(wish.name, &to.name, what) };
        Ok(Ok(Decided { action: Action::Take(Box::new(Taken { found, ..taken })), to, report }))
    }

    /// What must be done to an index that is there before it can be loaded into, and words for it; else why it can't.
    fn fit(
        &self,
        wish: Wish<'_>,
        name: &str,
        found: &IndexState,
        known: &[Destination],
    ) -> Result<(Taken, Vec<String>), String> {
        if found.name != name {
            return Err(format!(
                "{name} is an alias of index {} on the target: remove or rename the alias there, and submit again",
                found.name
            ));
        }
        let made = mark::made_by(&found.mappings, self.migration);
        let open = found.is_closed() && wish.load;
        let (mut notes, mut take_off) = (Vec::new(), Vec::new());
        if wish.load {
            let noted = noted(found, name, known);
            let (own, others): (Vec<Obstacle>, Vec<Obstacle>) =
                obstacle::of_index(&found.settings).into_iter().partition(|obstacle| put_on_by_us(obstacle, noted));
            if !others.is_empty() {
                return Err(others.into_iter().map(|obstacle| obstacle.why).collect::<Vec<_>>().join("; "));
            }
            take_off = own.into_iter().map(|obstacle| obstacle.setting).collect();
            if open {
                notes.push("it is closed: opened for the load, closed again at cleanup".to_owned());
            }
            if !take_off.is_empty() {
                notes.push(format!("taken off until cleanup once more: {}", take_off.join(", ")));
            }
        }
        Ok((Taken { found: found.clone(), made, open, take_off, update: None }, notes))
    }

    fn is_ours(&self, found: &IndexState, name: &str, known: &[Destination]) -> bool {
        let made = mark::made_by(&found.mappings, self.migration);
        noted(found, name, known).is_some_and(|noted| noted.created) || made.is_some_and(|made| made.created)
    }

    async fn how_it_is(&self, wish: Wish<'_>, found: &IndexState, ours: bool) -> Result<String, TaskError> {
        let documents = if found.is_closed() {
            String::new()
        } else {
            format!(" with {} documents", self.cluster.count(&found.name).await?)
        };
        Ok(match (ours, wish.load) {
            (true, _) => format!("created by this migration, is there{documents}"),
            (false, true) => format!("is there{documents} and will be loaded into"),
            (false, false) => format!("is there{documents} and stays as it is"),
        })
    }
}

/// Whether cleanup of this migration put the setting on, so that it may be taken off again.
fn put_on_by_us(obstacle: &Obstacle, noted: Option<&Destination>) -> bool {
    let withheld = noted.filter(|noted| noted.created).and_then(|noted| noted.withheld.get(obstacle.setting));
    withheld == Some(&obstacle.value)
}

/// Whether documents are in other shards than they would be in the index as it is wanted.
fn is_routed_otherwise(item: &Item, found: &IndexState) -> bool {
    ["index.number_of_shards", "index.routing_partition_size"].iter().any(|setting| {
        let of = |settings: &Map<String, Value>| settings.get(*setting).map_or_else(|| "1".to_owned(), plain);
        of(&item.settings) != of(&found.settings)
    })
}
