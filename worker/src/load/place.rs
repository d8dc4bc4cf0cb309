//! An index or a data stream of the target while a slice is loaded into it.
//!
//! Holds: it is the one that metadata saw, when the slice begins and when it ends: a bulk into a deleted index would create
//! it anew, with guessed mappings, and a data stream that rolled over takes a document a second time.

use protocol::checkpoint::Verdict;
use protocol::destination::Destination;
use target::{Cluster, IndexState};

use crate::failure::TaskError;

/// A destination that is there.
pub struct Place {
    /// As metadata noted it.
    pub noted: Destination,
    /// The index that holds its documents: the backing index of a data stream.
    pub index: String,
}

impl Place {
    /// Finds a destination.
    ///
    /// # Errors
    /// It isn't what metadata saw; the target's.
    pub async fn find(cluster: &Cluster, noted: Destination) -> Result<Self, TaskError> {
        let found = cluster.indices(&noted.name).await?;
        match found.as_slice() {
            [state] if state.uuid() == Some(&noted.uuid) => Ok(Self { index: state.name.clone(), noted }),
            found => Err(TaskError::say(Verdict::StopLoad, changed(&noted, found))),
        }
    }

    /// Makes sure that it is still there.
    ///
    /// # Errors
    /// As [`Place::find`].
    pub async fn check(&self, cluster: &Cluster) -> Result<(), TaskError> {
        Self::find(cluster, self.noted.clone()).await.map(|_| ())
    }
}

fn changed(noted: &Destination, found: &[IndexState]) -> String {
    let Destination { name, uuid, stream, .. } = noted;
    let kind = if *stream { "data stream" } else { "index" };
    let now = match found {
        [] => "is gone".to_owned(),
        [state] => format!("is another one ({})", state.uuid().unwrap_or("of no uuid")),
        several if several.iter().any(|state| state.uuid() == Some(uuid)) => {
            return format!(
                "{kind} {name} of the target has {} indices now: it rolled over during the load, so documents may be in \
                 it twice. Delete it, keep it from rolling over until cleanup, and start a migration of another name",
                several.len()
            );
        }
        several => format!("is a name for {} other indices", several.len()),
    };
    format!(
        "{kind} {name} of the target {now}; metadata saw {uuid}: it was deleted or made anew during the load, so documents \
         are missing in it. Delete it and start a migration of another name"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn index(uuid: &str) -> IndexState {
        let settings = Map::from_iter([("index.uuid".to_owned(), json!(uuid))]);
        IndexState { name: uuid.to_owned(), settings, mappings: json!({}), aliases: Map::new() }
    }

    #[test]
    fn what_changed_is_told_apart() {
        let noted = Destination { name: "logs".into(), uuid: "u".into(), ..Destination::default() };
        let stream = Destination { stream: true, ..noted.clone() };
        for (noted, found, expected) in [
            (&noted, vec![], "index logs of the target is gone; metadata saw u: "),
            (&noted, vec![index("v")], "index logs of the target is another one (v); metadata saw u: "),
            (&noted, vec![index("v"), index("w")], "index logs of the target is a name for 2 other indices; "),
            (&stream, vec![index("u"), index("v")], "data stream logs of the target has 2 indices now: it rolled over"),
        ] {
            let text = changed(noted, &found);
            assert!(text.starts_with(expected), "{text}");
        }
    }
}
