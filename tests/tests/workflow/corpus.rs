//! A small source cluster with something of everything that a migration has to get right.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::bulk::Bulk;
use tests::document::Document;
use tests::http::Http;
use tests::truth::{Compared, compare_documents};

/// Documents of the index that takes longest.
const LOG_LINES: usize = 6_000;

/// Indices on a source, and what is in them.
pub struct Corpus {
    /// Begins the name of each index.
    prefix: String,
    /// Every document that has to arrive.
    documents: Vec<Document>,
}

impl Corpus {
    /// Fills the source at `http` with indices whose names begin with `prefix`.
    pub fn make(http: &Http, prefix: &str) -> Self {
        let orders = format!("{prefix}-orders");
        let logs = format!("{prefix}-logs-1");
        let archive = format!("{prefix}-archive");
        fill_orders(http, &orders);
        fill_logs(http, &logs);
        fill_archive(http, &archive);
        // What the migration is not to touch.
        http.put(&format!("/{prefix}-left/_doc/1"), "{}").unwrap();
        let documents = [&orders, &logs, &archive].into_iter().flat_map(|index| {
            http.refresh(index).unwrap();
            http.documents(index).unwrap()
        });
        let documents = documents.collect();
        http.post(&format!("/{archive}/_close"), "").unwrap();
        Self { prefix: prefix.to_owned(), documents }
    }

    /// How many documents have to arrive.
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// A pattern for the indices that go along.
    pub fn pattern(&self) -> String {
        format!("regex:{}-(orders|logs-1|archive)", self.prefix)
    }

    /// Names of the indices that go along.
    pub fn indices(&self) -> BTreeSet<String> {
        self.documents.iter().map(|document| document.index.clone()).collect()
    }

    /// The index that is closed in the source.
    pub fn closed(&self) -> String {
        format!("{}-archive", self.prefix)
    }

    /// Fails the test unless the target at `http` has every document as the source had it, and no other.
    pub fn assert_arrived(&self, http: &Http) {
        let found: Vec<Document> = self
            .indices()
            .iter()
            .flat_map(|index| {
                let opened = *index == self.closed() && is_closed(http, index);
                if opened {
                    http.post(&format!("/{index}/_open?wait_for_active_shards=1"), "").unwrap();
                }
                http.refresh(index).unwrap();
                let documents = http.documents(index).unwrap();
                if opened {
                    http.post(&format!("/{index}/_close"), "").unwrap();
                }
                documents
            })
            .collect();
        let expected = self.documents.iter().cloned();
        let report = compare_documents(found.into_iter().map(Ok), expected.map(Ok), Compared::Content).unwrap();
        assert!(report.is_equal() && report.equal == self.len(), "{report}");
    }

    /// Removes what the target got.
    pub fn remove_from(&self, http: &Http) {
        for index in self.indices() {
            http.delete(&format!("/{index}")).unwrap();
        }
    }
}

/// Whether the index is closed.
pub fn is_closed(http: &Http, index: &str) -> bool {
    let rows = http.get(&format!("/_cat/indices/{index}?format=json&h=status&expand_wildcards=all")).unwrap();
    rows[0]["status"] == "close"
}

/// Two shards, nested documents, routing, updates, deletes, an alias, a block that must come back.
fn fill_orders(http: &Http, index: &str) {
    let body = json!({
        "settings": {"number_of_shards": 2, "number_of_replicas": 0},
        "mappings": {"properties": {"lines": {"type": "nested"}, "customer": {"type": "keyword"}}},
        "aliases": {(format!("{index}-all")): {}},
    });
    http.put(&format!("/{index}"), body).unwrap();
    let mut bulk = Bulk::new(index);
    for n in 0..400 {
        let source = json!({"n": n, "customer": format!("c{}", n % 17), "lines": [{"sku": n}, {"sku": n + 1}]});
        let id = format!("order {n}/é");
        if n % 3 == 0 {
            bulk.index((id.as_str(), format!("c{}", n % 17).as_str()), source);
        } else {
            bulk.index(id.as_str(), source);
        }
    }
    http.bulk(bulk).unwrap();
    http.flush(index).unwrap();
    let mut bulk = Bulk::new(index);
    for n in (0..400).step_by(7) {
        let id = format!("order {n}/é");
        let routing = format!("c{}", n % 17);
        match (n % 3 == 0, n % 2 == 0) {
            (true, true) => bulk.delete((id.as_str(), routing.as_str())),
            (true, false) => bulk.update((id.as_str(), routing.as_str()), json!({"changed": true})),
            (false, true) => bulk.delete(id.as_str()),
            (false, false) => bulk.update(id.as_str(), json!({"changed": true})),
        }
    }
    http.bulk(bulk).unwrap();
    http.put(&format!("/{index}/_settings"), json!({"index.blocks.write": true})).unwrap();
}

/// One shard, several segments, enough of them to be stopped in the middle of.
fn fill_logs(http: &Http, index: &str) {
    let settings = json!({"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"});
    let mappings = json!({"properties": {"message": {"type": "text"}}});
    http.put(&format!("/{index}"), json!({"settings": settings, "mappings": mappings})).unwrap();
    for round in 0..4 {
        let mut bulk = Bulk::new(index);
        for n in round * LOG_LINES / 4..(round + 1) * LOG_LINES / 4 {
            let message = format!("{:x} asked for /page/{} in {:x} ms", n * 7_919, n, (n * 104_729) % 65_537);
            bulk.index(format!("line-{n}").as_str(), json!({"n": n, "message": message, "tags": vec![n % 11; 40]}));
        }
        http.bulk(bulk).unwrap();
        http.flush(index).unwrap();
    }
}

/// Closed in the source: on the target it must be loaded, and closed again.
fn fill_archive(http: &Http, index: &str) {
    let settings = json!({"number_of_shards": 1, "number_of_replicas": 0});
    http.put(&format!("/{index}"), json!({"settings": settings})).unwrap();
    let mut bulk = Bulk::new(index);
    for n in 0..50 {
        bulk.index(format!("old-{n}").as_str(), json!({"year": 1900 + n}));
    }
    http.bulk(bulk).unwrap();
    http.flush(index).unwrap();
}

/// Everything on a cluster that a migration could have left behind: repositories, snapshots, templates, pipelines,
/// settings, and the indices' names.
pub fn listing(http: &Http) -> Value {
    let get = |path: &str| http.get(path).unwrap_or(Value::Null);
    let repositories = get("/_snapshot");
    let snapshots: Vec<Value> = repositories
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| get(&format!("/_snapshot/{name}/_all")))
        .collect();
    let mut indices: Vec<Value> = get("/_cat/indices?format=json&h=index,status&expand_wildcards=all&s=index")
        .as_array()
        .cloned()
        .unwrap_or_default();
    indices.retain(|row| !row["index"].as_str().is_some_and(|name| name.starts_with('.')));
    json!({
        "repositories": repositories,
        "snapshots": snapshots,
        "settings": get("/_cluster/settings?flat_settings=true"),
        "templates": get("/_template"),
        "composable": get("/_index_template"),
        "pipelines": get("/_ingest/pipeline"),
        "indices": indices,
    })
}
