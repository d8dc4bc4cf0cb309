//! What becomes of data streams: each is a stream again, whose one generation takes the documents of all.
//!
//! Holds: a stream that can't be made is refused, because its documents have no other place to go.

use metadata::state::DataStream;
use metadata::{Item, Kind, SourceItem};
use protocol::destination::Destination;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::judge;
use super::mark::{self, Made};
use super::others::Others;
use super::report::{self, ItemReport, Outcome};
use super::survey::{Survey, Wish, noted, refused};
use crate::failure::TaskError;
use crate::metadata::plain;

/// What is to happen with a data stream.
pub struct Stream {
    /// Where the documents of its indices go: all that is known before it is there.
    pub to: Destination,
    /// The mapping and what is withheld of its newest index.
    newest: Item,
    /// For people and programs.
    pub report: ItemReport,
}

impl Survey<'_> {
    /// Decides what becomes of a data stream.
    ///
    /// # Errors
    /// The target or the repository doesn't answer, or doesn't let us.
    pub async fn stream(
        &self,
        source: &SourceItem,
        stream: &DataStream,
        wish: Wish<'_>,
        others: &Others,
    ) -> Result<Result<Stream, ItemReport>, TaskError> {
        let name = source.name.as_str();
        let no =
            |reason: String| Ok(Err(ItemReport { kind: Kind::DataStream.as_str(), ..refused(name, name, reason) }));
        let held = stream.indices.iter().rev().find_map(|index| self.snapshot.index(index));
        let Some(newest) = held else { return no("none of its indices is in the snapshot".to_owned()) };
        let metadata = self.snapshot.index_metadata(newest).await?;
        let newest = match self.translation.index(&metadata).map(|mut becomes| becomes.pop()) {
            Ok(Some(newest)) => newest.item,
            Ok(None) => return no("nothing is left of its newest index".to_owned()),
            Err(refusal) => return no(format!("{refusal} (rule {})", refusal.rule)),
        };
        let there = judge::fetch(self.cluster, Kind::DataStream, self.translation.target(), name).await?;
        let (outcome, mut what) = match (&there, wish.create) {
            (Some(_), _) => (Outcome::Same, "is there and will be loaded into".to_owned()),
            (None, false) => return no("it is loaded and not created, and the target doesn't have it".to_owned()),
            (None, true) => {
                if let Err(reason) = self.has_template(name, stream, others) {
                    return no(reason);
                }
                (Outcome::Create, "create".to_owned())
            }
        };
        if stream.indices.len() > 1 {
            let count = stream.indices.len();
            what.push_str(&format!("; the documents of {count} generations go into one, and no two of one id"));
        }
        what.extend(report::words(&newest.notes).iter().map(|word| format!("; {word}")));
        let report = ItemReport { kind: Kind::DataStream.as_str(), outcome, ..refused(name, name, what) };
        let to = Destination { name: name.to_owned(), stream: true, ids_may_meet: true, ..Destination::default() };
        Ok(Ok(Stream { to, newest, report }))
    }

    /// Whether there is, or will be, a template that makes it.
    fn has_template(&self, name: &str, stream: &DataStream, others: &Others) -> Result<(), String> {
        if self.templates.of_index(name).iter().any(|template| template.makes_streams) {
            return Ok(());
        }
        let advice = "; take the snapshot with `includeGlobalState`, name the template in `metadata.indexTemplates`, make \
                      one on the target, or load the indices behind the stream as such with `metadata.dataStreams: \
                      asIndices`";
        let Some(template) = &stream.template else {
            return Err(format!("no index template of the snapshot makes it{advice}"));
        };
        let found = others
            .all
            .iter()
            .find(|other| other.report.kind == Kind::IndexTemplate.as_str() && other.report.source == *template);
        match found {
            Some(other) if other.report.outcome == Outcome::Refused => {
                Err(format!("its index template {template} can't be: {}", other.report.what))
            }
            Some(_) => Ok(()),
            None => Err(format!("its index template {template} stays behind{advice}")),
        }
    }

    /// Makes the stream, or takes the one that is there; where its documents go then.
    ///
    /// # Errors
    /// The target doesn't answer, doesn't let us, or has no place for it.
    pub async fn make_stream(
        &self,
        stream: Stream,
        known: &[Destination],
    ) -> Result<Result<Destination, ItemReport>, TaskError> {
        let Stream { to, newest, report } = stream;
        let path = judge::path(Kind::DataStream, self.translation.target(), &to.name)?;
        if report.outcome == Outcome::Create {
            let answer = self.cluster.request(Method::PUT, &path, None).await?;
            // Another try of the same command may find it made.
            if answer.status != 400 {
                self.cluster.success(&format!("create data stream {}", to.name), answer)?;
            }
        }
        let Some(found) = self.cluster.index(&to.name).await? else {
            let why = "it is not there after it was created".to_owned();
            return Ok(Err(ItemReport { outcome: Outcome::Refused, what: why, ..report }));
        };
        if let Some(known) = noted(&found, &to.name, known) {
            return Ok(Ok(known.clone()));
        }
        let was = mark::made_by(&found.mappings, self.migration);
        let created = report.outcome == Outcome::Create || was.as_ref().is_some_and(|made| made.created);
        let made = Made {
            created,
            withheld: newest.withheld.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
            ..Made::default()
        };
        if created {
            let mut item = Item { settings: Map::new(), aliases: Map::new(), ..newest };
            // What the template on the target says of itself stays.
            item.mapping.shift_remove("_meta");
            if let Some(meta) = found.mappings.get("_meta") {
                item.mapping.insert("_meta".to_owned(), meta.clone());
            }
            mark::put(&mut item, self.migration, &made);
            let mapping = Value::from(item.mapping);
            let answer = self
                .cluster
                .request(Method::PUT, &format!("/{}/_mapping", target::path_segment(&to.name)), Some(&mapping))
                .await?;
            self.cluster.success(&format!("give data stream {} the mapping of its newest index", to.name), answer)?;
        }
        let count_before = self.cluster.count(&to.name).await?;
        let uuid = found.uuid().unwrap_or_default().to_owned();
        let withheld = if created { made.withheld } else { Default::default() };
        Ok(Ok(Destination { uuid, created, count_before, withheld, ..to }))
    }
}

/// Puts aliases on that wait for the end of the load.
///
/// # Errors
/// The target doesn't answer, or doesn't let us.
pub async fn put_aliases(
    cluster: &target::Cluster,
    index: &str,
    aliases: &Map<String, Value>,
) -> Result<(), TaskError> {
    let actions: Vec<Value> = aliases
        .iter()
        .map(|(alias, body)| {
            let mut add = body.as_object().cloned().unwrap_or_default();
            add.insert("index".to_owned(), index.into());
            add.insert("alias".to_owned(), alias.as_str().into());
            json!({ "add": add })
        })
        .collect();
    let answer = cluster.request(Method::POST, "/_aliases", Some(&json!({ "actions": actions }))).await?;
    cluster.success(&format!("put aliases on index {index}"), answer)?;
    Ok(())
}
