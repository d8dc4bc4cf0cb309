//! Indices that a test makes on the target for a migration to load into, and documents of a truth.

use std::collections::BTreeMap;

use protocol::destination::Destination;
use serde_json::{Value, json};
use tests::document::Document;
use tests::fixtures::Fixture;
use tests::http::Http;
use tests::truth::Folder;

/// Makes an index of `shards` shards, to be loaded with documents of `types`; empty: of any.
pub fn index(http: &Http, name: &str, shards: usize, types: &[&str], mapping: &Value) -> Destination {
    // As the metadata phase does: by it the routing is the source's where the number of shards is.
    let settings = json!({"number_of_shards": shards, "number_of_routing_shards": shards, "number_of_replicas": 0});
    http.put(&format!("/{name}"), json!({"settings": settings, "mappings": mapping})).unwrap();
    let types = types.iter().map(|name| (*name).to_owned()).collect();
    Destination { types, created: true, ..found(http, name) }
}

/// A destination that is there, as metadata would note it.
pub fn found(http: &Http, name: &str) -> Destination {
    let settings = http.get(&format!("/{name}/_settings?flat_settings=true")).unwrap();
    let [index] = settings.as_object().unwrap().values().collect::<Vec<_>>()[..] else { panic!("{settings}") };
    let uuid = index["settings"]["index.uuid"].as_str().unwrap().to_owned();
    Destination { name: name.to_owned(), uuid, ..Destination::default() }
}

/// The open documents of an index in the snapshot `second` of a server before Elasticsearch 7.
pub fn truth(fixture: &Fixture, index: &str) -> Vec<Document> {
    let folder = Folder::read(&fixture.truth_folder("second")).unwrap();
    folder.documents.into_iter().filter(|document| document.index == index).collect()
}

/// The type of a document; `_doc` where it has none.
pub fn type_of(document: &Document) -> &str {
    document.mapping_type.as_deref().unwrap_or("_doc")
}

/// Id and routing, which name a document in one index.
pub type Name = (String, Option<String>);

/// Sources by what names the document; none may come twice.
pub fn by_name(documents: impl IntoIterator<Item = Document>) -> BTreeMap<Name, Value> {
    let mut all = BTreeMap::new();
    for document in documents {
        let source = serde_json::from_str(document.source.as_ref().unwrap().get()).unwrap();
        assert_eq!(all.insert((document.id, document.routing), source), None);
    }
    all
}

/// What an index of the target has.
pub fn arrived(http: &Http, index: &str) -> BTreeMap<Name, Value> {
    http.refresh(index).unwrap();
    by_name(http.documents(index).unwrap())
}
