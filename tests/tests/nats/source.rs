//! A snapshot for one test, made by the shared OpenSearch 2.19: enough small documents to be stopped in the middle of.

use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;
use tests::bulk::Bulk;
use tests::document::{Document, Key};
use tests::http::Http;
use tests::servers::{self, Product, Server};
use tests::truth::{Compared, compare_documents};

/// The snapshot's name.
pub const SNAPSHOT: &str = "snap-1";

/// Each round becomes a segment or more.
const ROUNDS: u64 = 4;
const DOCS_PER_ROUND: u64 = 2_500;

/// The server that is source, before the snapshot, and target, after it.
pub fn cluster() -> &'static Server {
    servers::shared(Product::OpenSearch2).unwrap_or_else(|error| panic!("{error:#}"))
}

/// A repository with one snapshot of two indices, and what is in them; the indices themselves are gone.
pub struct Source {
    directory: TempDir,
    /// The indices, by name: `<name>-a` and `<name>-b`, one shard each.
    pub indices: Vec<SourceIndex>,
}

/// One index of the snapshot.
pub struct SourceIndex {
    /// Its name.
    pub name: String,
    /// Its documents in the order of its segments and the Lucene documents in them; none is deleted, so that a
    /// document's place here is the number of Lucene documents before it.
    pub documents: Vec<Document>,
}

impl Source {
    /// Makes it.
    pub fn make(name: &str) -> Self {
        let http = cluster().http().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let indices: Vec<SourceIndex> = [format!("{name}-a"), format!("{name}-b")]
            .into_iter()
            .map(|index| SourceIndex::make(&http, index))
            .collect();
        let names: Vec<&str> = indices.iter().map(|index| index.name.as_str()).collect();
        let names = names.join(",");
        let settings = json!({"type": "fs", "settings": {"location": directory.path().join("repository")}});
        http.put(&format!("/_snapshot/{name}"), settings).unwrap();
        let wanted = json!({"indices": names, "include_global_state": false});
        http.put(&format!("/_snapshot/{name}/{SNAPSHOT}?wait_for_completion=true"), wanted).unwrap();
        http.delete(&format!("/_snapshot/{name}")).unwrap();
        http.delete(&format!("/{names}")).unwrap();
        Self { directory, indices }
    }

    /// The repository.
    pub fn repository(&self) -> PathBuf {
        self.directory.path().join("repository")
    }

    /// How many documents there are.
    pub fn len(&self) -> usize {
        self.indices.iter().map(|index| index.documents.len()).sum()
    }

    /// What is on the target now.
    pub fn on_target(&self) -> Vec<Document> {
        let http = cluster().http().unwrap();
        let all = self.indices.iter().flat_map(|index| {
            http.refresh(&index.name).unwrap();
            http.documents(&index.name).unwrap()
        });
        all.collect()
    }

    /// Fails the test unless the target has every document as the source had it, and no other; the documents that were
    /// written more than once.
    pub fn assert_arrived(&self) -> Vec<Key> {
        let found = self.on_target();
        let again = found.iter().filter(|document| document.version > Some(1)).map(Document::key).collect();
        let expected = self.indices.iter().flat_map(|index| index.documents.iter().cloned());
        let report = compare_documents(found.into_iter().map(Ok), expected.map(Ok), Compared::Content).unwrap();
        assert!(report.is_equal() && report.equal == self.len(), "{report}");
        again
    }
}

impl SourceIndex {
    fn make(http: &Http, name: String) -> Self {
        let settings = json!({"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"});
        let mappings = json!({"dynamic": false, "properties": {"round": {"type": "integer"}}});
        http.put(&format!("/{name}"), json!({"settings": settings, "mappings": mappings})).unwrap();
        let mut random = 1_u64;
        for round in 0..ROUNDS {
            let mut bulk = Bulk::new(&name);
            for n in round * DOCS_PER_ROUND..(round + 1) * DOCS_PER_ROUND {
                let source = json!({"n": n, "round": round, "text": text(&mut random)});
                // One in five has a routing of its own; with one shard that moves nothing, but it has to arrive.
                if n.is_multiple_of(5) {
                    bulk.index((format!("doc-{n}").as_str(), format!("r{}", n % 7).as_str()), source);
                } else {
                    bulk.index(format!("doc-{n}").as_str(), source);
                }
            }
            http.bulk(bulk).unwrap();
            http.flush(&name).unwrap();
        }
        http.refresh(&name).unwrap();
        // One shard, sorted by `_doc`: this is the order of its segments.
        let documents = http.documents(&name).unwrap();
        assert_eq!(documents.len() as u64, ROUNDS * DOCS_PER_ROUND);
        Self { name, documents }
    }
}

/// Three hundred characters that don't compress well, so that slices of a few hundred documents are possible.
fn text(random: &mut u64) -> String {
    let words = (0..20).map(|_| {
        // Knuth's constants for a linear congruential generator.
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:x}", *random >> 8)
    });
    words.collect::<Vec<_>>().join(" ")
}
