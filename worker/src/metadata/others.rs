//! What becomes of templates, pipelines and policies: they are in the state of the cluster, which a snapshot may hold.
//!
//! Holds: one that the target can't take is reported, and keeps no document from being loaded; a data stream without its
//! template does.

use std::collections::BTreeMap;

use metadata::state::{self, DataStream, State};
use metadata::{Item, Kind, Server, SourceItem, builtin, request};
use protocol::spec::OnExisting;
use serde_json::Value;
use snapshot::Snapshot;

use super::compare::{Difference, differences};
use super::judge::{self, Judged, Refused};
use super::mark::{self, Made};
use super::report::{self, ItemReport, LeftOut, Outcome};
use super::survey::{Survey, refused, reported};
use crate::failure::TaskError;
use crate::metadata::plain;

/// The order in which they are created.
pub const ORDER: [Kind; 5] =
    [Kind::Pipeline, Kind::LegacyTemplate, Kind::ComponentTemplate, Kind::IndexTemplate, Kind::Policy];

/// What becomes of an item that is no index.
pub struct Other {
    /// As it is created; `None`: nothing is to be done.
    pub item: Option<Item>,
    /// For people and programs.
    pub report: ItemReport,
}

/// Everything of the cluster's state that goes along, and what doesn't.
#[derive(Default)]
pub struct Others {
    /// In the order in which they are created.
    pub all: Vec<Other>,
    /// What stays behind.
    pub left_out: Vec<LeftOut>,
    /// What people should know besides.
    pub notes: Vec<String>,
}

/// The cluster's state in the snapshot; empty where it holds none.
///
/// # Errors
/// The repository's.
pub async fn state(snapshot: &Snapshot) -> Result<State, TaskError> {
    Ok(state::read(snapshot.global_metadata().await?))
}

impl Survey<'_> {
    /// The target.
    #[must_use]
    pub fn target(&self) -> Server {
        self.translation.target()
    }

    /// Whether the cluster's state has items of this kind.
    #[must_use]
    pub fn has(&self, kind: Kind) -> bool {
        self.state.items.iter().any(|item| item.kind == kind)
    }

    /// The names of templates that data streams are made from.
    pub fn templates_of_streams(&self) -> impl Iterator<Item = &str> {
        let makes = |item: &&SourceItem| item.kind == Kind::IndexTemplate && item.rest.contains_key("data_stream");
        self.state.items.iter().filter(makes).map(|item| item.name.as_str())
    }

    /// What becomes of everything of these kinds, of which none is an index. Asks the target.
    ///
    /// # Errors
    /// The target doesn't answer, or doesn't let us.
    pub async fn others(&self, kinds: &[Kind]) -> Result<Others, TaskError> {
        let mut others = Others::default();
        others.notes.extend(self.state.errors.iter().map(|error| format!("left out, it makes no sense: {error}")));
        if !self.state.others.is_empty() {
            let parts = self.state.others.join(", ");
            others.notes.push(format!("not looked at in the state of the cluster: {parts}"));
        }
        for &kind in kinds {
            for source in self.state.items.iter().filter(|item| item.kind == kind) {
                match self.why_left(source) {
                    Some(why) => {
                        others.left_out.push(LeftOut { kind: kind.as_str(), name: source.name.clone(), why });
                    }
                    None => others.all.push(self.other(source).await?),
                }
            }
        }
        Ok(others)
    }

    /// Why an item stays behind; `None`: it goes along.
    fn why_left(&self, item: &SourceItem) -> Option<String> {
        let Self { translation, .. } = self;
        if !translation.is_named(item.kind)
            && let Some(whose) = builtin::whose(item)
            && !self.state.needs(item)
        {
            return Some(format!("built into {whose}"));
        }
        match translation.selects(item.kind, &item.name) {
            true => None,
            false if translation.is_named(item.kind) => Some("in no list of the configuration".to_owned()),
            false => Some("a name with a dot before it is the product's".to_owned()),
        }
    }

    async fn other(&self, source: &SourceItem) -> Result<Other, TaskError> {
        let before = Some(source_body(source));
        let mut done = self.judged(source).await?;
        done.report.before = before;
        Ok(done)
    }

    async fn judged(&self, source: &SourceItem) -> Result<Other, TaskError> {
        let (kind, name) = (source.kind, source.name.as_str());
        let no = |reason: String| {
            let report = ItemReport { kind: kind.as_str(), ..refused(name, name, reason) };
            Other { item: None, report }
        };
        let item = match self.translation.other(source.clone(), self.snapshot.version) {
            Ok(item) => self.without_what_waits(item),
            Err(refusal) => return Ok(no(format!("{refusal} (rule {})", refusal.rule))),
        };
        let judged = match self.judge.judge(item).await? {
            Ok(judged) => judged,
            Err(Refused(reason)) => return Ok(no(reason)),
        };
        let Judged { item, shown } = judged;
        let words = report::words(&item.notes);
        let with_words = |mut what: String| {
            what.extend(words.iter().map(|word| format!("; {word}")));
            what
        };
        let found = judge::fetch(self.cluster, kind, self.translation.target(), name).await?;
        let Some(found) = found else {
            let report = reported(name, &item, Outcome::Create, with_words("create".to_owned()), Vec::new());
            return Ok(Other { item: Some(item), report });
        };
        let different = differences(&mark::without(&shown), &mark::without(&found));
        if different.is_empty() {
            let report =
                reported(name, &item, Outcome::Same, with_words("the target has the same".to_owned()), different);
            return Ok(Other { item: None, report });
        }
        let lines: Vec<String> = different.iter().map(Difference::line).collect();
        let text = report::first(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        Ok(match self.spec.on_existing {
            OnExisting::Keep => {
                let what = with_words(format!("the target's stays, which is different: {text}"));
                Other { item: None, report: reported(name, &item, Outcome::Kept, what, different) }
            }
            OnExisting::Update => {
                let what = with_words(format!("the target's is replaced, which is different: {text}"));
                let report = reported(name, &item, Outcome::Update, what, different);
                Other { item: Some(item), report }
            }
            OnExisting::Fail => {
                no(format!("it is there and different: {text}; change it there, or `metadata.onExisting`"))
            }
        })
    }

    /// A template that a stream is made from says at first nothing that would process its documents, or end their
    /// generation; any other one is complete from the beginning, since it applies to nothing of ours.
    fn without_what_waits(&self, mut item: Item) -> Item {
        let is_of_stream = item.kind == Kind::IndexTemplate && item.rest.contains_key("data_stream");
        if is_of_stream || item.withheld.is_empty() {
            if is_of_stream {
                let withheld = item.withheld.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
                let made = Made { created: true, withheld, ..Made::default() };
                mark::put(&mut item, self.migration, &made);
            }
            return item;
        }
        let withheld: BTreeMap<String, Value> = std::mem::take(&mut item.withheld);
        item.settings.extend(withheld);
        item.notes.retain(|note| note.effect != metadata::Effect::Withheld);
        item
    }

    /// The data stream that an index of the snapshot is behind, where streams are to be streams.
    #[must_use]
    pub fn stream_of(&self, index: &str) -> Option<(&SourceItem, DataStream)> {
        if self.spec.data_streams == protocol::spec::DataStreams::AsIndices {
            return None;
        }
        let streams = self.state.items.iter().filter_map(|item| Some((item, DataStream::of(item)?)));
        streams.into_iter().find(|(_, stream)| stream.indices.iter().any(|name| name == index))
    }
}

/// An item as the source kept it, in the form of its API.
fn source_body(source: &SourceItem) -> Value {
    let mappings = match source.mappings.as_slice() {
        [] => serde_json::Map::new(),
        [(_, Value::Object(mapping))] => mapping.clone(),
        several => several.iter().map(|(name, mapping)| (name.clone(), mapping.clone())).collect(),
    };
    request::body(&Item {
        kind: source.kind,
        name: source.name.clone(),
        types: Vec::new(),
        settings: source.settings.clone(),
        mapping: mappings,
        aliases: source.aliases.clone(),
        rest: source.rest.clone(),
        join: None,
        withheld: BTreeMap::new(),
        notes: Vec::new(),
    })
}
