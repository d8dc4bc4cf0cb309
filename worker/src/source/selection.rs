//! Which indices of the source the snapshot is to hold.
//!
//! In: the configuration's patterns, and what there is. Out: the exact list, in which a data stream stands for its
//! backing indices where all of them go along: only so it is in the snapshot as a stream.
//!
//! Holds: no pattern that matches nothing passes, and nothing that was selected is left out in silence.

use std::collections::BTreeSet;

use protocol::spec::Spec;
use target::snapshots::{DataStream, Dialect, SourceIndex};

/// Names listed before a list is cut.
const NAMES_SHOWN: usize = 10;

/// What a snapshot is asked to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Indices and data streams, by name.
    pub names: Vec<String>,
    /// How many indices these are.
    pub indices: u64,
}

/// Selects by the configuration.
///
/// # Errors
/// A pattern that matches nothing; nothing at all; closed indices where the version can't take them.
pub fn select(
    spec: &Spec,
    indices: &[SourceIndex],
    streams: &[DataStream],
    dialect: Dialect,
) -> Result<Selection, String> {
    let own = spec.snapshot.create.as_ref().and_then(|create| create.indices.as_deref());
    let (field, patterns) = match own {
        Some(own) => ("snapshot.create.indices", Some(own)),
        None => ("indices", spec.indices.as_deref()),
    };
    let known: Vec<&str> = indices.iter().map(|index| index.name.as_str()).collect();
    let of_streams: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
    for pattern in patterns.unwrap_or_default() {
        if !known.iter().chain(&of_streams).any(|name| pattern.matches(name)) {
            return Err(format!("{field}: {pattern} matches no index of the source; it has {}", shorten(&known)));
        }
    }
    let stream_is_meant = |index: &str| {
        let of = streams.iter().find(|stream| stream.indices.iter().any(|behind| behind == index));
        of.is_some_and(|stream| spec.snapshots(&stream.name))
    };
    let is_meant = |index: &&SourceIndex| spec.snapshots(&index.name) || stream_is_meant(&index.name);
    let selected: Vec<&SourceIndex> = indices.iter().filter(is_meant).collect();
    if selected.is_empty() {
        let why = "the source has no index but system indices, which go along only where `indices` names them";
        return Err(format!("{field}: {why}; it has {}", shorten(&known)));
    }
    let closed: Vec<&str> = selected.iter().filter(|index| index.closed).map(|index| index.name.as_str()).collect();
    if !closed.is_empty() && !dialect.takes_closed() {
        return Err(format!(
            "{} {} can't take closed indices into a snapshot: open them for it (POST /INDEX/_open), or leave them out \
             with `{field}`: {}",
            dialect.product.as_str(),
            dialect.version,
            shorten(&closed)
        ));
    }
    let mut rest: BTreeSet<&str> = selected.iter().map(|index| index.name.as_str()).collect();
    let mut names = Vec::new();
    for stream in streams {
        if !stream.indices.is_empty() && stream.indices.iter().all(|index| rest.contains(index.as_str())) {
            names.push(stream.name.clone());
            for index in &stream.indices {
                rest.remove(index.as_str());
            }
        }
    }
    names.extend(rest.into_iter().map(str::to_owned));
    names.sort_unstable();
    Ok(Selection { names, indices: selected.len() as u64 })
}

/// A list of names that fits a line or two.
#[must_use]
pub fn shorten(names: &[&str]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown = names.iter().take(NAMES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use target::{Product, Version};

    use super::*;

    fn spec(indices: &[&str], own: Option<&[&str]>) -> Spec {
        let spec = serde_json::json!({
            "name": "t",
            "snapshot": {"repository": {"path": "/r"}, "create": {"indices": own}},
            "target": {"endpoint": "file:out"},
            "indices": if indices.is_empty() { serde_json::Value::Null } else { indices.into() },
        });
        serde_json::from_value(spec).unwrap()
    }

    fn source(names: &[&str]) -> Vec<SourceIndex> {
        names
            .iter()
            .map(|name| SourceIndex { name: name.trim_start_matches('!').into(), closed: name.starts_with('!') })
            .collect()
    }

    fn elasticsearch(major: u32) -> Dialect {
        Dialect { product: Product::Elasticsearch, version: Version { major, minor: 0, patch: 0 } }
    }

    #[test]
    fn the_list_is_exact_and_a_whole_stream_goes_by_its_name() {
        let indices = source(&["a", "b", ".kibana", ".ds-logs-1", ".ds-logs-2", ".ds-half-1", ".ds-half-2"]);
        let stream = |name: &str, indices: [&str; 2]| DataStream {
            name: name.into(),
            indices: indices.map(str::to_owned).to_vec(),
        };
        let streams = [stream("logs", [".ds-logs-1", ".ds-logs-2"]), stream("half", [".ds-half-1", ".ds-half-2"])];
        let all = select(&spec(&[], None), &indices, &streams, elasticsearch(8)).unwrap();
        assert_eq!((all.names, all.indices), (vec!["a".into(), "b".into(), "half".into(), "logs".into()], 6));
        let some = ["a", "regex:\\.ds-logs-.*", ".ds-half-2"];
        let some = select(&spec(&some, None), &indices, &streams, elasticsearch(8)).unwrap();
        assert_eq!((some.names, some.indices), (vec![".ds-half-2".into(), "a".into(), "logs".into()], 4));
        let stream = select(&spec(&["logs"], None), &indices, &streams, elasticsearch(8)).unwrap();
        assert_eq!((stream.names, stream.indices), (vec!["logs".into()], 2));
        let own = select(&spec(&["a"], Some(&["b"])), &indices, &streams, elasticsearch(8)).unwrap();
        assert_eq!(own.names, ["b"]);
    }

    #[test]
    fn what_can_not_be_is_said_with_what_there_is() {
        let indices = source(&["orders", "!old", ".kibana"]);
        let error =
            |spec: &Spec, indices: &[SourceIndex], major| select(spec, indices, &[], elasticsearch(major)).unwrap_err();
        let why = error(&spec(&["ordres"], None), &indices, 8);
        assert_eq!(why, "indices: ordres matches no index of the source; it has orders, old, .kibana");
        let why = error(&spec(&["orders"], Some(&["regex:x.*"])), &indices, 8);
        assert!(why.starts_with("snapshot.create.indices: regex:x.* matches no index"), "{why}");
        let why = error(&spec(&[], None), &source(&[".kibana"]), 8);
        assert!(why.contains("no index but system indices"), "{why}");
        let why = error(&spec(&[], None), &indices, 6);
        assert!(why.contains("Elasticsearch 6.0.0 can't take closed indices") && why.ends_with(": old"), "{why}");
        assert_eq!(select(&spec(&[], None), &indices, &[], elasticsearch(8)).unwrap().names, ["old", "orders"]);
    }
}
