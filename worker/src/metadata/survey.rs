//! What becomes of each index of the source on the target: asks, and changes nothing that stays.
//!
//! In: what the snapshot says of an index, what this migration noted of it before, what the target has. Out: for each
//! index that it becomes an [`Action`] and words for it, or why it can't be.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use metadata::state::State;
use metadata::{Item, request};
use protocol::checkpoint::Verdict;
use protocol::destination::Destination;
use protocol::spec::{MetadataSpec, UnionIds};
use serde_json::{Map, Value};
use snapshot::Snapshot;
use target::{Cluster, IndexState, Templates};

use super::compare::{Difference, merge};
use super::judge::{Judge, Judged, Refused};
use super::mark::Made;
use super::obstacle;
use super::others;
use super::report::{self, ItemReport, NoteReport, Outcome};
use super::there::There;
use super::translation::{Become, Place, Translation};
use crate::context::find_index;
use crate::failure::TaskError;
use crate::metadata::plain;

/// One migration's look at its target.
pub struct Survey<'a> {
    pub(super) migration: &'a str,
    pub(super) spec: &'a MetadataSpec,
    pub(super) snapshot: &'a Snapshot,
    pub(super) cluster: &'a Cluster,
    pub(super) translation: Translation,
    pub(super) judge: Judge<'a>,
    pub(super) state: State,
    pub(super) templates: Templates,
    there: There,
    /// Names on the target, each with the indices of the source that become it.
    becoming: Mutex<HashMap<String, Becoming>>,
}

/// What comes together in one index of the target.
#[derive(Default)]
struct Becoming {
    sources: Vec<String>,
    mapping: Map<String, Value>,
}

/// An index of the source, as far as it concerns metadata.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// Its name in the source.
    pub name: &'a str,
    /// It is created where it is missing.
    pub create: bool,
    /// Its documents are loaded.
    pub load: bool,
}

/// What is to happen with one index of the target.
pub enum Action {
    /// It is created, as the item says.
    Create(Box<Item>, Made),
    /// It is there, and taken as it is.
    Take(Box<Taken>),
}

/// An index that is on the target.
pub struct Taken {
    /// As the target describes it.
    pub found: IndexState,
    /// What this migration noted in its mapping.
    pub made: Option<Made>,
    /// It is opened for the load, and closed again at cleanup.
    pub open: bool,
    /// What cleanup put on, before it was to be loaded again.
    pub take_off: Vec<&'static str>,
    /// Mappings, settings and aliases that it gets, where what is there is updated.
    pub update: Option<Item>,
}

/// What is to happen, where the documents go, and words for it.
pub struct Decided {
    /// What is to happen.
    pub action: Action,
    /// Where the documents go: all that is known before it is there.
    pub to: Destination,
    /// For people and programs.
    pub report: ItemReport,
}

impl<'a> Survey<'a> {
    /// A survey; what an earlier one left behind is removed.
    ///
    /// # Errors
    /// The target doesn't answer, or doesn't let us.
    pub async fn new(
        migration: &'a str,
        spec: &'a MetadataSpec,
        snapshot: &'a Snapshot,
        cluster: &'a Cluster,
    ) -> Result<Self, TaskError> {
        let info = cluster.info().await?;
        let place = place(cluster).await;
        let translation =
            Translation::new(spec, &info, place).map_err(|error| TaskError::new(Verdict::StopLoad, &error))?;
        let judge = Judge::new(cluster, translation.target(), migration);
        judge.sweep().await?;
        let (templates, there) = (templates(cluster).await, There::look(cluster).await);
        let (state, becoming) = (others::state(snapshot).await?, Mutex::default());
        Ok(Self { migration, spec, snapshot, cluster, translation, judge, state, templates, there, becoming })
    }

    /// Removes what was made to be judged.
    ///
    /// # Errors
    /// The target doesn't answer, or doesn't let us.
    pub async fn end(&self) -> Result<(), TaskError> {
        self.judge.sweep().await
    }

    /// Decides what becomes of an index; `known` is what was noted of it before. An entry for each index of the target
    /// that it becomes; those that can't be are refused in the report, and have no action.
    ///
    /// # Errors
    /// The target or the repository doesn't answer, or doesn't let us.
    pub async fn index(
        &self,
        wish: Wish<'_>,
        known: &[Destination],
    ) -> Result<Vec<Result<Decided, ItemReport>>, TaskError> {
        let metadata = match self.snapshot.index_metadata(find_index(self.snapshot, wish.name)?).await {
            Ok(metadata) => metadata,
            Err(error) => match TaskError::from(error) {
                // The others are looked at all the same.
                TaskError::Failed { verdict, reason } if verdict != Verdict::Retry => {
                    return Ok(vec![Err(refused(wish.name, wish.name, reason))]);
                }
                error => return Err(error),
            },
        };
        let becomes = match self.translation.index(&metadata) {
            Ok(becomes) => becomes,
            Err(refusal) if wish.create || metadata.mapping_types().count() > 1 => {
                return Ok(vec![Err(refused(wish.name, wish.name, format!("{refusal} (rule {})", refusal.rule)))]);
            }
            // It is only loaded, into what others made: what it was is no matter.
            Err(_) => {
                let to = Destination { name: self.translation.name(wish.name), ..Destination::default() };
                return Ok(vec![self.there_only(wish, to, known).await?]);
            }
        };
        let mut decided = Vec::with_capacity(becomes.len());
        for each in becomes {
            let name = each.item.name.clone();
            let mut done = match self.one(wish, each, metadata.closed, known).await? {
                Ok(done) => Ok(done),
                Err(reason) => Err(refused(wish.name, &name, reason)),
            };
            let report = match &mut done {
                Ok(decided) => &mut decided.report,
                Err(report) => report,
            };
            report.before = Some(source_body(&metadata));
            decided.push(done);
        }
        Ok(decided)
    }

    /// What becomes of one of the indices that an index of the source becomes; else why it can't be.
    async fn one(
        &self,
        wish: Wish<'_>,
        each: Become,
        closed: bool,
        known: &[Destination],
    ) -> Result<Result<Decided, String>, TaskError> {
        let shared = match self.meet(wish.name, &each.item) {
            Ok(shared) => shared,
            Err(reason) => return Ok(Err(reason)),
        };
        let item = &each.item;
        let type_in_id = self.spec.union_ids == UnionIds::TypePrefixed;
        let to = Destination {
            types: item.types.clone(),
            name: item.name.clone(),
            ids_may_meet: shared || (each.types_meet && !type_in_id),
            type_in_id: each.types_meet && type_in_id,
            join: item.join.as_ref().map(join),
            ..Destination::default()
        };
        if let Err(error) = target::index_path(&to.name) {
            return Ok(Err(error.to_string()));
        }
        let found = if self.there.may_have(&to.name) { self.cluster.index(&to.name).await? } else { None };
        match found {
            Some(found) => self.existing(wish, each, found, to, known).await,
            None if !wish.create => Ok(Err(NOT_CREATED.to_owned())),
            None => self.missing(wish, each, closed, to).await,
        }
    }

    /// Notes that `source` becomes `item`, and whether others do too.
    fn meet(&self, source: &str, item: &Item) -> Result<bool, String> {
        let mut becoming = self.becoming.lock().unwrap_or_else(PoisonError::into_inner);
        let one = becoming.entry(item.name.clone()).or_default();
        if !one.sources.iter().any(|known| known == source) {
            one.sources.push(source.to_owned());
        }
        let others: Vec<&str> = one.sources.iter().map(String::as_str).filter(|known| *known != source).collect();
        // Only where names are given on purpose is there anything to be merged, and to be kept for it.
        let conflicts = match self.spec.rename.is_empty() {
            true => Vec::new(),
            false => merge(&mut one.mapping, &item.mapping),
        };
        if let (Some(first), false) = (conflicts.first(), others.is_empty()) {
            return Err(format!(
                "{} becomes {} too, and their mappings contradict each other at {first}: give one of them another name \
                 with `metadata.rename`, or change its mapping with `metadata.changes`",
                report::first(&others),
                item.name
            ));
        }
        let named = self.spec.rename.iter().any(|rename| rename.pattern.contains('/'));
        if !others.is_empty() && self.spec.rename.is_empty() {
            return Err(format!(
                "{} is {} too: give one of them another name with `metadata.rename`",
                report::first(&others),
                item.name
            ));
        }
        Ok(!others.is_empty() || self.is_shared(&item.name) || (named && !item.types.is_empty()))
    }

    /// Whether several indices of the snapshot get this name.
    fn is_shared(&self, name: &str) -> bool {
        let has_name = |index: &&snapshot::SnapshotIndex| self.translation.name(&index.name) == name;
        !self.spec.rename.is_empty() && self.snapshot.indices.iter().filter(has_name).nth(1).is_some()
    }

    async fn missing(
        &self,
        wish: Wish<'_>,
        each: Become,
        closed: bool,
        mut to: Destination,
    ) -> Result<Result<Decided, String>, TaskError> {
        let Become { item, aliases_later, routed_anew, .. } = each;
        let mut obstacles = obstacle::of_templates(&self.templates, &item.name, Some(&item.settings));
        obstacles.extend(item.aliases.iter().chain(&aliases_later).filter_map(|(alias, body)| {
            let writes = body.get("is_write_index").and_then(Value::as_bool).unwrap_or_default();
            self.there.in_the_way(&item.name, alias, writes)
        }));
        if !obstacles.is_empty() {
            return Ok(Err(obstacles.join("; ")));
        }
        let item = match self.judge.judge(item).await? {
            Ok(Judged { item, .. }) => item,
            Err(Refused(reason)) => return Ok(Err(reason)),
        };
        let shards = item.settings.get("index.number_of_shards").map_or_else(|| "1".to_owned(), plain);
        let mut what = format!("create with {shards} {}", if shards == "1" { "shard" } else { "shards" });
        if !wish.load {
            what.push_str(", to stay empty");
        }
        let mut words = report::words(&item.notes);
        if !aliases_later.is_empty() {
            let names: Vec<&str> = aliases_later.keys().map(String::as_str).collect();
            words.push(format!("aliases put on at cleanup: {}", report::first(&names)));
        }
        if closed {
            words.push("closed at cleanup, as it is in the source".to_owned());
        }
        to.ids_may_meet |= routed_anew;
        if to.ids_may_meet && wish.load {
            words.push(IDS_MAY_MEET.to_owned());
        }
        words.extend(obstacle::default_pipeline(&self.templates, &item.name));
        what.extend(words.iter().map(|word| format!("; {word}")));
        let withheld = item.withheld.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
        let made = Made { created: true, withheld, aliases: aliases_later, close: closed };
        let report = reported(wish.name, &item, Outcome::Create, what, Vec::new());
        Ok(Ok(Decided { action: Action::Create(Box::new(item), made), to, report }))
    }
}

pub(super) const NOT_CREATED: &str = "it is loaded and not created, and the target doesn't have it: name it in `metadata.indices` \
                           too, or create it there, and submit again";

/// Said at the gate where it may be.
const IDS_MAY_MEET: &str = "two documents may have one id here: the first stays, a different one becomes a dead letter";

/// Where copies can go. Who may not ask finds room for all of them.
async fn place(cluster: &Cluster) -> Place {
    let asked =
        async { Ok::<_, target::TargetError>((cluster.data_nodes().await?, cluster.cluster_settings().await?)) };
    match asked.await {
        Ok((data_nodes, settings)) => Place { data_nodes, zones: settings.zones() },
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "ask the target for its nodes");
            Place { data_nodes: u32::MAX, zones: 1 }
        }
    }
}

/// The templates of the target. Where they can't be asked for, what they do is found when an index is created.
async fn templates(cluster: &Cluster) -> Templates {
    cluster.templates().await.unwrap_or_else(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "ask the target for its index templates");
        Templates::default()
    })
}

/// What was noted of an index of the target, if it is still the same one.
pub fn noted<'k>(found: &IndexState, name: &str, known: &'k [Destination]) -> Option<&'k Destination> {
    known.iter().find(|known| known.name == name && Some(known.uuid.as_str()) == found.uuid())
}

fn join(join: &metadata::types::Join) -> protocol::destination::Join {
    let relation = |name: &String, parent: &Option<String>| protocol::destination::Relation {
        name: name.clone(),
        parent: parent.clone(),
    };
    let types: BTreeMap<_, _> =
        join.types.iter().map(|(name, parent)| (name.clone(), relation(name, parent))).collect();
    protocol::destination::Join { field: join.field.clone(), types }
}

pub(super) fn reported(
    source: &str,
    item: &Item,
    outcome: Outcome,
    what: String,
    differences: Vec<Difference>,
) -> ItemReport {
    ItemReport {
        kind: item.kind.as_str(),
        source: source.to_owned(),
        name: item.name.clone(),
        outcome,
        what,
        notes: item.notes.iter().map(NoteReport::from).collect(),
        differences,
        before: None,
        after: Some(request::body(item)),
    }
}

pub(super) fn refused(source: &str, name: &str, what: String) -> ItemReport {
    ItemReport {
        kind: metadata::Kind::Index.as_str(),
        source: source.to_owned(),
        name: name.to_owned(),
        outcome: Outcome::Refused,
        what,
        notes: Vec::new(),
        differences: Vec::new(),
        before: None,
        after: None,
    }
}

/// An index as the source kept it; a mapping for each type where there are several.
#[must_use]
pub fn source_body(index: &snapshot::IndexMetadata) -> Value {
    let mapping = match index.mappings.as_slice() {
        [(_, mapping)] => mapping.clone(),
        several => several.iter().map(|(name, mapping)| (name.clone(), mapping.clone())).collect(),
    };
    serde_json::json!({ "settings": index.settings, "mappings": mapping, "aliases": index.aliases })
}
