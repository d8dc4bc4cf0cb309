//! One go through everything: decided, and, where it is wanted, done.
//!
//! Holds: indices come before templates, because a template's mappings and aliases merge into an index that is created
//! after it; streams come after the templates that they are made from. Policies wait for cleanup: they would act on what
//! is loaded.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use metadata::{Item, Kind, request};
use protocol::checkpoint::Verdict;
use protocol::destination::{Destination, TargetIndex};
use protocol::ids::IndexNo;
use protocol::plan::InventoryIndex;
use reqwest::Method;
use serde_json::{Map, Value};

use super::judge::{self, Refused};
use super::ledger::{Ledger, Page};
use super::mark::{self, Made};
use super::others::{ORDER, Other, Others};
use super::report::{ItemReport, Outcome, Report};
use super::streams;
use super::survey::{Action, Decided, Survey, Taken, Wish, noted};
use crate::failure::TaskError;

/// Indices that are asked for, or created, at once.
const AT_ONCE: usize = 8;

/// One go.
pub struct Settle<'a> {
    /// What is asked.
    pub survey: &'a Survey<'a>,
    /// Which indices there are.
    pub ledger: Ledger<'a>,
    /// It is done, not only decided.
    pub create: bool,
    /// Called with how many items are through.
    pub progress: &'a (dyn Fn(usize) + Sync),
}

/// The indices behind one data stream: page, number, what is wanted, what was noted.
#[derive(Default)]
struct Behind {
    members: Vec<(u32, IndexNo)>,
    create: bool,
    load: bool,
    known: Vec<Destination>,
}

impl Settle<'_> {
    /// Goes through everything.
    ///
    /// # Errors
    /// The target, the repository or the bus doesn't answer, or doesn't let us.
    pub async fn all(&self) -> Result<Report, TaskError> {
        let mut report = Report::default();
        let mut streams: BTreeMap<String, Behind> = BTreeMap::new();
        for number in 0.. {
            let page = self.ledger.page(number).await?;
            let more = page.more;
            self.page(number, page, &mut report, &mut streams).await?;
            if !more {
                break;
            }
        }
        let others = self.survey.others(&ORDER).await?;
        report.notes.extend(others.notes.iter().cloned());
        report.left_out.extend(others.left_out.iter().cloned());
        let mut reports = Vec::new();
        for other in &others.all {
            reports.push(self.other(other).await?);
            (self.progress)(report.items.len().saturating_add(reports.len()));
        }
        for (name, behind) in &streams {
            reports.push(self.stream(name, behind, &others).await?);
        }
        report.items.extend(reports);
        Ok(report)
    }

    async fn page(
        &self,
        number: u32,
        page: Page,
        report: &mut Report,
        streams: &mut BTreeMap<String, Behind>,
    ) -> Result<(), TaskError> {
        // What was noted before stays, also of indices that are no longer selected: cleanup owes them something.
        let Page { indices, known, .. } = page;
        let of = |no: IndexNo| known.get(&no).map(|noted| noted.destinations.as_slice()).unwrap_or_default();
        let mut plain = Vec::with_capacity(indices.len());
        for index in indices.into_iter().filter(|index| index.create || index.load) {
            match self.survey.stream_of(&index.name) {
                Some((stream, _)) => {
                    let behind = streams.entry(stream.name.clone()).or_default();
                    behind.members.push((number, index.no));
                    behind.create |= index.create;
                    behind.load |= index.load;
                    behind.known.extend(of(index.no).iter().cloned());
                }
                None => plain.push(index),
            }
        }
        let mut done: Vec<BoxFuture<'_, Result<_, TaskError>>> = Vec::with_capacity(plain.len());
        for index in &plain {
            let known = of(index.no);
            done.push(Box::pin(async move { Ok((index.no, self.index(index, known).await?)) }));
        }
        // Of several that become one the first must be there before the second is looked at.
        let at_once = if self.survey.spec.rename.is_empty() { AT_ONCE } else { 1 };
        let mut done = futures::stream::iter(done).buffered(at_once);
        let mut result = known.clone();
        while let Some((no, (destinations, reports))) = done.try_next().await? {
            report.items.extend(reports);
            (self.progress)(report.items.len());
            if !destinations.is_empty() {
                result.insert(no, TargetIndex { destinations });
            }
        }
        if self.create { self.ledger.note(number, result).await } else { Ok(()) }
    }

    /// One index of the source: where its documents go, and what became of it.
    async fn index(
        &self,
        index: &InventoryIndex,
        known: &[Destination],
    ) -> Result<(Vec<Destination>, Vec<ItemReport>), TaskError> {
        let wish = Wish { name: &index.name, create: index.create, load: index.load };
        let (mut destinations, mut reports) = (Vec::new(), Vec::new());
        for decided in self.survey.index(wish, known).await? {
            match decided {
                Ok(decided) if self.create => {
                    let (destination, report) = self.execute(decided, known).await?;
                    destinations.extend(destination);
                    reports.push(report);
                }
                Ok(decided) => reports.push(decided.report),
                Err(refused) => reports.push(refused),
            }
        }
        Ok((destinations, reports))
    }

    async fn execute(
        &self,
        decided: Decided,
        known: &[Destination],
    ) -> Result<(Option<Destination>, ItemReport), TaskError> {
        let Decided { action, to, report } = decided;
        let taken = match action {
            Action::Take(taken) => *taken,
            Action::Create(mut item, made) => {
                mark::put(&mut item, self.survey.migration, &made);
                let path = judge::path(Kind::Index, self.survey.translation.target(), &to.name)?;
                if let Err(Refused(what)) = judge::put(self.survey.cluster, &mut item, &path, request::body).await? {
                    // Another try of the same command may find it made.
                    if !what.contains("resource_already_exists_exception") {
                        return Ok((None, ItemReport { outcome: Outcome::Refused, what, ..report }));
                    }
                }
                let gone = || TaskError::say(Verdict::Retry, format!("{} is gone right after it was created", to.name));
                let found = self.survey.cluster.index(&to.name).await?.ok_or_else(gone)?;
                let made = mark::made_by(&found.mappings, self.survey.migration);
                Taken { found, made, open: false, take_off: Vec::new(), update: None }
            }
        };
        let outcome = if report.outcome == Outcome::Create { Outcome::Created } else { report.outcome };
        if let Some(Err(Refused(what))) = self.update(&taken).await? {
            return Ok((None, ItemReport { outcome: Outcome::Refused, what, ..report }));
        }
        let destination = self.take(taken, to, known).await?;
        Ok((Some(destination), ItemReport { outcome, ..report }))
    }

    /// Gives an index that is there what it lacks.
    async fn update(&self, taken: &Taken) -> Result<Option<Result<(), Refused>>, TaskError> {
        let Some(item) = &taken.update else { return Ok(None) };
        let (cluster, name) = (self.survey.cluster, target::path_segment(&taken.found.name));
        let mut mapping = item.mapping.clone();
        mapping.shift_remove("_meta");
        let settings: Map<String, Value> = item
            .settings
            .iter()
            .filter(|(name, value)| taken.found.settings.get(*name) != Some(value) && is_dynamic(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let requests = [
            (Method::PUT, format!("/{name}/_mapping"), Value::from(mapping)),
            (Method::PUT, format!("/{name}/_settings"), Value::from(settings)),
        ];
        for (method, path, body) in requests {
            if body.as_object().is_some_and(Map::is_empty) {
                continue;
            }
            let answer = cluster.request(method, &path, Some(&body)).await?;
            if !answer.is_success() {
                return Ok(Some(Err(judge::refusal(cluster, &path, answer)?)));
            }
        }
        if !item.aliases.is_empty() {
            streams::put_aliases(cluster, &taken.found.name, &item.aliases).await?;
        }
        Ok(Some(Ok(())))
    }

    /// Makes an index that is on the target fit for the load, and says what is known of it.
    async fn take(&self, taken: Taken, to: Destination, known: &[Destination]) -> Result<Destination, TaskError> {
        let Taken { found, made, open, take_off, update: _ } = taken;
        let (cluster, name) = (self.survey.cluster, &found.name);
        if open {
            if made.is_none() {
                let meta = mark::meta_of_opened(&found.mappings, self.survey.migration);
                cluster.put_meta(name, &meta).await?;
            }
            cluster.open_index(name).await?;
        }
        if !take_off.is_empty() {
            let nothing = take_off.iter().map(|setting| ((*setting).to_owned(), Value::Null)).collect::<Map<_, _>>();
            cluster.put_settings(name, &nothing.into()).await?;
        }
        // Another try of the same migration keeps what the first one noted: by now there may be documents of ours.
        if let Some(known) = noted(&found, name, known) {
            return Ok(Destination { close: known.close || open, ..known.clone() });
        }
        let Made { created, withheld, close, .. } = made.unwrap_or_default();
        let count_before = if found.is_closed() && !open { 0 } else { cluster.count(name).await? };
        let uuid = found.uuid().unwrap_or_default().to_owned();
        let close = close || open;
        Ok(Destination { name: name.clone(), uuid, created, count_before, withheld, close, ..to })
    }

    async fn other(&self, other: &Other) -> Result<ItemReport, TaskError> {
        let report = other.report.clone();
        let is_now = report.kind != Kind::Policy.as_str();
        match (&other.item, self.create && is_now) {
            (Some(item), true) => self.make(item, report).await,
            _ => Ok(report),
        }
    }

    /// Creates or replaces an item that is no index.
    async fn make(&self, item: &Item, report: ItemReport) -> Result<ItemReport, TaskError> {
        let mut item = item.clone();
        let path = judge::path(item.kind, self.survey.translation.target(), &item.name)?;
        Ok(match judge::put(self.survey.cluster, &mut item, &path, request::body).await? {
            Ok(()) if report.outcome == Outcome::Create => ItemReport { outcome: Outcome::Created, ..report },
            Ok(()) => report,
            Err(Refused(what)) => ItemReport { outcome: Outcome::Refused, what, ..report },
        })
    }

    async fn stream(&self, name: &str, behind: &Behind, others: &Others) -> Result<ItemReport, TaskError> {
        let survey = self.survey;
        let found = survey.state.items.iter().find(|item| item.kind == Kind::DataStream && item.name == name);
        let Some((source, stream)) = found.and_then(|item| Some((item, metadata::state::DataStream::of(item)?))) else {
            return Err(TaskError::say(
                Verdict::StopLoad,
                format!("data stream {name} is not in the snapshot any more"),
            ));
        };
        let wish = Wish { name, create: behind.create, load: behind.load };
        let decided = match survey.stream(source, &stream, wish, others).await? {
            Ok(decided) if self.create => decided,
            Ok(decided) => return Ok(decided.report),
            Err(refused) => return Ok(refused),
        };
        let report = decided.report.clone();
        let destination = match survey.make_stream(decided, &behind.known).await? {
            Ok(destination) => destination,
            Err(refused) => return Ok(refused),
        };
        for (number, no) in &behind.members {
            let mut known = self.ledger.page(*number).await?.known;
            known.insert(*no, TargetIndex::one(destination.clone()));
            self.ledger.note(*number, known).await?;
        }
        let outcome = if report.outcome == Outcome::Create { Outcome::Created } else { report.outcome };
        Ok(ItemReport { outcome, ..report })
    }
}

/// Whether a setting of an open index can be changed; the others say how its documents are stored.
fn is_dynamic(setting: &str) -> bool {
    let fixed = ["index.number_of_shards", "index.number_of_routing_shards", "index.routing_partition_size"];
    let groups = ["index.analysis.", "index.sort.", "index.similarity.", "index.codec", "index.knn", "index.store."];
    !fixed.contains(&setting) && !groups.iter().any(|group| setting.starts_with(group))
}
