//! What is to happen with one index on the target: asks, and changes nothing.
//!
//! In: what the snapshot says of the index, what this migration noted of it before, what the target has. Out: an
//! [`Action`] and words for it, or why it can't be.

use protocol::checkpoint::Verdict;
use protocol::destination::Destination;
use protocol::plan::InventoryIndex;
use snapshot::Snapshot;
use target::{Cluster, IndexState, Templates};

use super::obstacle::{self, Obstacle};
use crate::context::{Migration, TargetHandle, find_index};
use crate::failure::TaskError;
use crate::phases::translate::{self, Creation, Made};

/// What is to happen.
pub enum Action {
    /// Nothing: it is neither created nor loaded.
    Leave,
    /// It is created.
    Create(Creation),
    /// It is there, and taken as it is.
    Take(Box<Taken>),
    /// Lines need no index to go to.
    Lines,
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
}

/// An action and words for it.
pub struct Decided {
    /// What is to happen.
    pub action: Action,
    /// The same in words; empty where it is nothing.
    pub what: String,
    /// What people should know besides.
    pub notes: Vec<String>,
}

/// Decides what is to happen with `index`; `known` is what was noted of it before.
///
/// # Errors
/// Why it can't be created or loaded into, with what to do; the target's and the repository's.
pub async fn decide(
    migration: &Migration,
    snapshot: &Snapshot,
    templates: &Templates,
    index: &InventoryIndex,
    known: Option<&Destination>,
) -> Result<Decided, TaskError> {
    if !index.create && !index.load {
        return Ok(Decided { action: Action::Leave, what: String::new(), notes: Vec::new() });
    }
    match migration.target()? {
        TargetHandle::Cluster(cluster) => match cluster.index(&index.name).await? {
            Some(found) => existing(migration, snapshot, cluster, index, found, known).await,
            None => missing(migration, snapshot, templates, index).await,
        },
        TargetHandle::Directory(_) => lines(migration, snapshot, index).await,
    }
}

async fn missing(
    migration: &Migration,
    snapshot: &Snapshot,
    templates: &Templates,
    index: &InventoryIndex,
) -> Result<Decided, TaskError> {
    if !index.create {
        return Err(no("it is loaded and not created, and the target doesn't have it: name it in `metadata.indices` \
                       too, or create it there, and submit again"));
    }
    let creation = creation(migration, snapshot, index, true).await?;
    let obstacles = obstacle::of_templates(templates, &index.name, creation.settings());
    if !obstacles.is_empty() {
        return Err(no(obstacles.join("; ")));
    }
    let shards = index.shards.len();
    let mut what = format!("create with {shards} {}", if shards == 1 { "shard" } else { "shards" });
    if !index.load {
        what.push_str(", to stay empty");
    }
    let mut notes = told(&creation);
    if index.closed {
        notes.push("closed at cleanup, as it is in the source".to_owned());
    }
    notes.extend(obstacle::default_pipeline(templates, &index.name));
    Ok(Decided { action: Action::Create(creation), what, notes })
}

async fn existing(
    migration: &Migration,
    snapshot: &Snapshot,
    cluster: &Cluster,
    index: &InventoryIndex,
    found: IndexState,
    known: Option<&Destination>,
) -> Result<Decided, TaskError> {
    if found.name != index.name {
        return Err(no(format!(
            "{} is an alias of index {} on the target: remove or rename the alias there, and submit again",
            index.name, found.name
        )));
    }
    let known = known.filter(|known| Some(known.uuid.as_str()) == found.uuid());
    let made = translate::made_by(&found.mappings, migration.name.as_str());
    let ours = known.is_some_and(|known| known.created) || made.as_ref().is_some_and(|made| made.created);
    let closed = found.is_closed();
    let open = closed && index.load;
    let (mut notes, mut take_off) = (Vec::new(), Vec::new());
    if index.load {
        // Types that would meet under one id do so in any index.
        creation(migration, snapshot, index, index.create).await?;
        let (own, others): (Vec<Obstacle>, Vec<Obstacle>) =
            obstacle::of_index(&found.settings).into_iter().partition(|obstacle| put_on_by_us(obstacle, known));
        if !others.is_empty() {
            return Err(no(others.into_iter().map(|obstacle| obstacle.why).collect::<Vec<_>>().join("; ")));
        }
        take_off = own.into_iter().map(|obstacle| obstacle.setting).collect();
        if open {
            notes.push("it is closed: opened for the load, closed again at cleanup".to_owned());
        }
        if !take_off.is_empty() {
            notes.push(format!("taken off until cleanup once more: {}", take_off.join(", ")));
        }
    }
    let documents =
        if closed { String::new() } else { format!(" with {} documents", cluster.count(&index.name).await?) };
    let what = match (ours, index.load) {
        (true, _) => format!("created by this migration, is there{documents}"),
        (false, true) => format!("is there{documents} and will be loaded into"),
        (false, false) => format!("is there{documents} and stays as it is"),
    };
    Ok(Decided { action: Action::Take(Box::new(Taken { found, made, open, take_off })), what, notes })
}

async fn lines(migration: &Migration, snapshot: &Snapshot, index: &InventoryIndex) -> Result<Decided, TaskError> {
    if !index.create {
        return Ok(Decided { action: Action::Lines, what: "documents without metadata".to_owned(), notes: Vec::new() });
    }
    let creation = creation(migration, snapshot, index, true).await?;
    let what = if index.load { "documents and metadata" } else { "metadata without documents" };
    let notes = told(&creation);
    Ok(Decided { action: Action::Create(creation), what: what.to_owned(), notes })
}

/// What creates the index; `create`: it is really to be created, so that it must be possible.
async fn creation(
    migration: &Migration,
    snapshot: &Snapshot,
    index: &InventoryIndex,
    create: bool,
) -> Result<Creation, TaskError> {
    let metadata = snapshot.index_metadata(find_index(snapshot, &index.name)?).await?;
    if let (TargetHandle::Cluster(_), Some(reason)) =
        (migration.target()?, translate::too_many_types(&metadata.mappings))
    {
        return Err(no(reason));
    }
    match translate::creation(&metadata, migration.name.as_str()) {
        Err(reason) if create => Err(no(reason)),
        Err(_) => Ok(Creation::default()),
        Ok(creation) => Ok(creation),
    }
}

/// What a person may miss or wonder about.
fn told(creation: &Creation) -> Vec<String> {
    let mut notes = Vec::new();
    if !creation.withheld.is_empty() {
        let names: Vec<&str> = creation.withheld.keys().map(String::as_str).collect();
        notes.push(format!("withheld until cleanup: {}", names.join(", ")));
    }
    if !creation.dropped.is_empty() {
        notes.push(format!("settings left behind: {}", creation.dropped.join(", ")));
    }
    notes
}

/// Whether cleanup of this migration put the setting on, so that it may be taken off again.
fn put_on_by_us(obstacle: &Obstacle, known: Option<&Destination>) -> bool {
    let withheld = known.filter(|known| known.created).and_then(|known| known.withheld.get(obstacle.setting));
    withheld == Some(&obstacle.value)
}

fn no(reason: impl std::fmt::Display) -> TaskError {
    TaskError::say(Verdict::StopLoad, reason)
}
