//! One index of a snapshot: settings, mappings, aliases.
//!
//! In: the document `{"<index>": {settings, mappings, aliases, …}}`. Out: [`IndexMetadata`], as the server stored it.
//! Indices whose documents are not in this repository say so in [`IndexMetadata::refusal`].
//! Not here: what a setting means for a target (`metadata`), and for `_source` (`source_mode`).
//! After: Elasticsearch `IndexMetadata.Builder#fromXContent`, 1.7 `IndexMetaData.Builder#fromXContent`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::blob::Fault;
use crate::error::Error;
use crate::layout::Kept;
use crate::limits::{INFLATED_BYTES_MAX, SHARDS_MAX};
use crate::payload;
use crate::shard_path;
use crate::snapshot_info::{Snapshot, SnapshotIndex};
use crate::store::StoreErrorKind;
use crate::version::ProductVersion;

/// The mapping type of Elasticsearch 1.x to 6.x that only says what others begin with.
const DEFAULT_TYPE: &str = "_default_";

/// An index as the source cluster kept it.
#[derive(Debug, Clone)]
pub struct IndexMetadata {
    /// Its name.
    pub name: String,
    /// How many shards it has; their numbers are 0 to this.
    pub number_of_shards: u32,
    /// Whether it was closed; its files are complete all the same.
    pub closed: bool,
    /// Its settings, flat: `"index.number_of_shards": "3"`. Values are texts, null, or arrays of texts.
    pub settings: Map<String, Json>,
    /// Its mapping by type: `("_doc", {"properties": …})`. Empty where nothing was ever mapped; before Elasticsearch 6.0
    /// there may be several, and up to 6.x `_default_` among them.
    pub mappings: Vec<(String, Json)>,
    /// Its aliases: name to `{filter?, index_routing?, search_routing?, is_write_index?, is_hidden?}`.
    pub aliases: Map<String, Json>,
    /// The version that created it.
    pub version_created: ProductVersion,
    /// How many shards it could be split into, which routing depends on; before Elasticsearch 6.1 as many as it has.
    pub routing_num_shards: u32,
    /// Why its documents can't be read from this repository, and what to do instead.
    pub refusal: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    state: Option<String>,
    settings: Option<Json>,
    mappings: Option<Json>,
    aliases: Option<Json>,
    routing_num_shards: Option<u32>,
}

/// Reads the metadata of `index`.
pub(crate) async fn read(snapshot: &Snapshot, index: &SnapshotIndex) -> Result<IndexMetadata, Error> {
    let blob = snapshot.layout.index(&index.id, &index.metadata_name);
    let what = format!("the metadata of index {:?}", index.name);
    let mut document = snapshot.blobs.any_document(&blob, what).await?;
    let body = document.get_mut(&index.name).map(Json::take);
    let body = body.ok_or_else(|| {
        let found: Vec<_> = document.as_object().into_iter().flat_map(Map::keys).take(3).collect();
        snapshot.blobs.nonsense(&blob.name, format!("it is of {found:?}, not of {:?}", index.name))
    })?;
    let body =
        serde_json::from_value(body).map_err(|error| Fault::corrupt(0, format!("the index's metadata: {error}")));
    let metadata = body.and_then(|body| understand(&index.name, body, snapshot.is_shallow_copy));
    let metadata = metadata.map_err(|fault| snapshot.blobs.fault(&blob.name, fault))?;
    if blob.kept == Kept::Bare {
        let count = metadata.number_of_shards;
        if let Some(beyond) = shard_beyond(snapshot, index, count).await? {
            let what = format!("it counts {count} shards, and there is a shard {beyond} (shards count from 0)");
            return Err(snapshot.blobs.nonsense(&blob.name, what));
        }
    }
    Ok(metadata)
}

/// A shard of the index that the snapshot has, or failed to take, though there are `count`: what no checksum covers must
/// not make shards vanish.
async fn shard_beyond(snapshot: &Snapshot, index: &SnapshotIndex, count: u32) -> Result<Option<u32>, Error> {
    let failures = snapshot.failures.iter().filter(|failure| failure.index == index.name);
    if let Some(failed) = failures.map(|failure| failure.shard).find(|shard| *shard >= count) {
        return Ok(Some(failed));
    }
    let Some(folder) = shard_path::folder(index.shard_path_type, &index.id, count) else { return Ok(None) };
    match snapshot.blobs.has(&snapshot.layout.shard(&folder, &snapshot.uuid).name).await {
        Ok(is_there) => Ok(is_there.then_some(count)),
        // Who may not list can't look.
        Err(error) if error.kind == StoreErrorKind::Denied => Ok(None),
        Err(source) => Err(Error::Read { what: format!("whether index {:?} has a shard {count}", index.name), source }),
    }
}

fn understand(name: &str, body: Body, is_shallow_copy: bool) -> Result<IndexMetadata, Fault> {
    let mut settings = Map::new();
    flatten("", object(body.settings, "settings")?, &mut settings);
    gather_lists(&mut settings);
    let number_of_shards = number(&settings, "index.number_of_shards")?;
    if number_of_shards == 0 || SHARDS_MAX < number_of_shards {
        return Err(Fault::corrupt(0, format!("{number_of_shards} shards, where 1 to {SHARDS_MAX} can be")));
    }
    Ok(IndexMetadata {
        name: name.to_owned(),
        number_of_shards,
        closed: body.state.as_deref() == Some("close"),
        version_created: ProductVersion::from_id(number(&settings, "index.version.created")?),
        refusal: refusal(&settings, is_shallow_copy),
        settings,
        mappings: mappings(body.mappings)?,
        aliases: object(body.aliases, "aliases")?,
        routing_num_shards: body.routing_num_shards.unwrap_or(number_of_shards),
    })
}

fn object(value: Option<Json>, what: &str) -> Result<Map<String, Json>, Fault> {
    match value {
        None | Some(Json::Null) => Ok(Map::new()),
        Some(Json::Object(fields)) => Ok(fields),
        Some(_) => Err(Fault::corrupt(0, format!("{what} are no object"))),
    }
}

/// The servers write settings flat; nested ones, which they would read, become flat too.
fn flatten(prefix: &str, nested: Map<String, Json>, flat: &mut Map<String, Json>) {
    for (key, value) in nested {
        let key = format!("{prefix}{key}");
        match value {
            Json::Object(inner) => flatten(&format!("{key}."), inner, flat),
            value => drop(flat.insert(key, value)),
        }
    }
}

/// Before Elasticsearch 6.0 a list is kept as `"key.0"`, `"key.1"` and so on; it becomes the array that a server shows.
fn gather_lists(settings: &mut Map<String, Json>) {
    let mut lists: BTreeMap<String, BTreeMap<usize, Json>> = BTreeMap::new();
    for (key, value) in &*settings {
        let Some((list, number)) = key.rsplit_once('.') else { continue };
        // Parsed and written again, because `01` is a name.
        let number = number.parse::<usize>().ok().filter(|parsed| parsed.to_string() == number);
        if let Some(number) = number {
            lists.entry(list.to_owned()).or_default().insert(number, value.clone());
        }
    }
    for (list, values) in lists {
        let is_whole = values.keys().copied().eq(0..values.len()) && !settings.contains_key(&list);
        if is_whole {
            for number in values.keys() {
                settings.shift_remove(&format!("{list}.{number}"));
            }
            settings.insert(list, values.into_values().collect());
        }
    }
}

fn number(settings: &Map<String, Json>, key: &str) -> Result<u32, Fault> {
    let value = settings.get(key);
    let number = match value {
        Some(Json::String(text)) => text.parse().ok(),
        Some(Json::Number(number)) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        _ => None,
    };
    number.ok_or_else(|| match value {
        Some(value) => Fault::corrupt(0, format!("setting {key} is {value}, not a number")),
        None => Fault::corrupt(0, format!("setting {key} is missing")),
    })
}

/// One element for each type, as `{type: mapping}`; or, in one form that the servers read, a single such object.
fn mappings(value: Option<Json>) -> Result<Vec<(String, Json)>, Fault> {
    let elements = match value {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(elements)) => elements,
        Some(single) => vec![single],
    };
    let mut mappings = Vec::new();
    for element in elements {
        match element {
            Json::Object(types) => mappings.extend(types),
            Json::String(text) => mappings.extend(mapping_in_text(&text)?),
            _ => return Err(Fault::corrupt(0, "a mapping is no object")),
        }
    }
    Ok(mappings)
}

/// JSON has no bytes: a compressed mapping is base64 text there.
fn mapping_in_text(text: &str) -> Result<Map<String, Json>, Fault> {
    let bytes = STANDARD.decode(text).map_err(|_| Fault::corrupt(0, "a mapping is a text that is not base64"))?;
    let document = payload::unpacked(&bytes, INFLATED_BYTES_MAX)?;
    payload::parse(&document).map_err(|_| Fault::corrupt(0, "a compressed mapping is no object"))
}

impl IndexMetadata {
    /// Its mapping types without `_default_`, under which no document is kept.
    pub fn mapping_types(&self) -> impl Iterator<Item = (&str, &Json)> {
        let types = self.mappings.iter().map(|(name, mapping)| (name.as_str(), mapping));
        types.filter(|(name, _)| *name != DEFAULT_TYPE)
    }
}

fn refusal(settings: &Map<String, Json>, is_shallow_copy: bool) -> Option<String> {
    let text = |key: &str| settings.get(key).and_then(Json::as_str);
    let mounted = |index: String, snapshot: &str, repository: &str| {
        let [snapshot, repository] = [snapshot, repository].map(|key| text(key).unwrap_or("(not named)"));
        format!(
            "it is a searchable snapshot, which has no files of its own: its documents are in {index} of snapshot \
             {snapshot:?} in repository {repository:?}; migrate it from there"
        )
    };
    match text("index.store.type") {
        Some("snapshot") => {
            let index = text("index.store.snapshot.index_name").unwrap_or("(not named)");
            let (snapshot, repository) = ("index.store.snapshot.snapshot_name", "index.store.snapshot.repository_name");
            Some(mounted(format!("index {index:?}"), snapshot, repository))
        }
        // The name that the index has there is not among the settings, only that of its folder.
        Some("remote_snapshot") => {
            let id = text("index.searchable_snapshot.index.id").unwrap_or("(not named)");
            let snapshot = "index.searchable_snapshot.snapshot_id.name";
            let repository = "index.searchable_snapshot.repository";
            Some(mounted(format!("the index of the folder indices/{id}"), snapshot, repository))
        }
        _ if is_shallow_copy && text("index.remote_store.enabled") == Some("true") => {
            let store = text("index.remote_store.segment.repository").unwrap_or("(not named)");
            Some(format!(
                "its segment files are in the remote store {store:?}, the snapshot is a shallow copy; take one with \
                 the repository setting `remote_store_index_shallow_copy: false`"
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_json(body: &Json, is_shallow_copy: bool) -> Result<IndexMetadata, String> {
        let body = serde_json::from_value(body.clone()).unwrap();
        understand("a", body, is_shallow_copy).map_err(|fault| format!("{fault:?}"))
    }

    fn with_settings(more: Json) -> Json {
        let mut body = json!({"state": "open", "settings": {
            "index.number_of_shards": "2", "index.version.created": "7100299"}});
        for (key, value) in more.as_object().unwrap() {
            body["settings"][key] = value.clone();
        }
        body
    }

    #[test]
    fn all_forms_of_settings_and_mappings() {
        let mut body = with_settings(json!({"index": {"analysis": {"filter": ["a", "b"]}}, "index.x": null}));
        body["mappings"] = json!([{"t1": {"properties": {}}}, {"t2": {}}]);
        body["state"] = json!("close");
        let metadata = read_json(&body, false).unwrap();
        assert_eq!(metadata.settings["index.analysis.filter"], json!(["a", "b"]));
        assert_eq!(metadata.mappings, [("t1".to_owned(), json!({"properties": {}})), ("t2".to_owned(), json!({}))]);
        assert!(metadata.closed && metadata.refusal.is_none());
        assert_eq!(metadata.version_created.to_string(), "Elasticsearch 7.10.2");
        body["mappings"] = json!({"_doc": {"dynamic": "strict"}});
        assert_eq!(read_json(&body, false).unwrap().mappings.len(), 1);
        // `{"t":{}}` in one stored chunk of LZF.
        let packed = STANDARD.encode(b"ZV\x00\x00\x08{\"t\":{}}");
        body["mappings"] = json!([packed, {"_default_": {"dynamic": false}}]);
        let metadata = read_json(&body, false).unwrap();
        assert_eq!(metadata.mappings.len(), 2);
        assert_eq!(metadata.mapping_types().collect::<Vec<_>>(), [("t", &json!({}))]);
        for wrong in [json!(["?"]), json!(["e30="]), json!(["WlYAAAU="]), json!([1]), json!("x")] {
            body["mappings"] = wrong.clone();
            assert_eq!(read_json(&body, false).is_ok(), wrong == json!(["e30="]), "{wrong}");
        }
    }

    #[test]
    fn numbered_settings_become_the_lists_that_they_were() {
        let numbered = json!({"index.analysis.filter.0": "a", "index.analysis.filter.1": "b", "index.gap.1": "x",
            "index.one.0": "y", "index.both": "z", "index.both.0": "z", "index.odd.00": "w"});
        let settings = read_json(&with_settings(numbered), false).unwrap().settings;
        assert_eq!(settings["index.analysis.filter"], json!(["a", "b"]));
        assert_eq!(settings["index.one"], json!(["y"]));
        for key in ["index.gap.1", "index.both", "index.both.0", "index.odd.00"] {
            assert!(settings[key].is_string(), "{key}");
        }
        assert!(!settings.contains_key("index.analysis.filter.0"));
    }

    #[test]
    fn settings_that_make_no_sense_are_named() {
        for (key, value) in [
            ("index.number_of_shards", json!("many")),
            ("index.number_of_shards", json!("-1")),
            ("index.number_of_shards", json!("0")),
            ("index.number_of_shards", json!("4000000000")),
            ("index.version.created", json!([])),
        ] {
            let error = read_json(&with_settings(json!({key: value})), false).unwrap_err();
            assert!(error.contains("shards") || error.contains("index.version.created"), "{error}");
        }
        assert!(read_json(&json!({"settings": {}}), false).unwrap_err().contains("index.number_of_shards is missing"));
        assert!(read_json(&json!({"settings": "x"}), false).unwrap_err().contains("settings are no object"));
    }

    #[test]
    fn indices_without_files_of_their_own_are_refused() {
        let elasticsearch = json!({"index.store.type": "snapshot", "index.store.snapshot.index_name": "orders",
            "index.store.snapshot.snapshot_name": "daily", "index.store.snapshot.repository_name": "cold"});
        let refusal = read_json(&with_settings(elasticsearch), false).unwrap().refusal.unwrap();
        assert!(refusal.contains(r#"index "orders" of snapshot "daily" in repository "cold""#), "{refusal}");
        let opensearch = json!({"index.store.type": "remote_snapshot", "index.searchable_snapshot.repository": "cold"});
        let refusal = read_json(&with_settings(opensearch), false).unwrap().refusal.unwrap();
        assert!(refusal.contains(r#"snapshot "(not named)" in repository "cold""#), "{refusal}");
        let remote = json!({"index.remote_store.enabled": "true", "index.remote_store.segment.repository": "segs"});
        assert!(read_json(&with_settings(remote.clone()), false).unwrap().refusal.is_none());
        let refusal = read_json(&with_settings(remote), true).unwrap().refusal.unwrap();
        assert!(refusal.contains(r#"remote store "segs""#), "{refusal}");
        assert!(read_json(&with_settings(json!({"index.store.type": "fs"})), true).unwrap().refusal.is_none());
    }
}
