//! OpenSearch 3.8.0 writes its snapshot into S3 by itself; from there it goes into another cluster, and as lines.

use std::collections::BTreeSet;

use serde_json::json;
use tests::binaries;
use tests::bulk::{At, Bulk};
use tests::document::Document;
use tests::http::Http;
use tests::s3::S3Server;
use tests::servers::{self, Product, Server};
use tests::truth::{self, Compared, Report};
use tests::workplace::{NO_GATES, Workplace};

use crate::BUCKET;

const SNAPSHOT: &str = "snap-1";
/// Indices of the source, and their shards.
const INDICES: [(&str, u32); 2] = [("s3-orders", 3), ("s3-notes", 1)];

/// Fills the source; its documents.
fn fill(http: &Http) -> Vec<Document> {
    for (index, shards) in INDICES {
        let settings = json!({"number_of_shards": shards, "number_of_replicas": 0});
        http.put(&format!("/{index}"), json!({"settings": settings})).unwrap();
        for round in 0..3 {
            let mut bulk = Bulk::new(index);
            for number in 0..200 {
                let id = format!("{index}-{}", round * 150 + number);
                let routing = format!("r{}", number % 7);
                let at = At { id: Some(&id), routing: (number % 7 == 0).then_some(&routing) };
                bulk.index(at, json!({"number": number, "round": round, "text": "é ".repeat(number)}));
            }
            http.bulk(bulk).unwrap();
            http.flush(index).unwrap();
        }
        http.refresh(index).unwrap();
    }
    documents(http)
}

fn documents(http: &Http) -> Vec<Document> {
    INDICES.iter().flat_map(|(index, _)| http.documents(index).unwrap()).collect()
}

fn compared(found: Vec<Document>, expected: &[Document]) -> Report {
    let expected = expected.iter().cloned().map(Ok);
    truth::compare_documents(found.into_iter().map(Ok), expected, Compared::Content).unwrap()
}

/// Registers a repository on the source, and takes the snapshot into it.
fn take(http: &Http, repository: &str, path: &str, path_type: &str) {
    let settings = json!({
        "bucket": BUCKET,
        "base_path": path,
        "shard_path_type": path_type,
        // The server of these tests encrypts nothing.
        "server_side_encryption_type": "bucket_default",
    });
    http.put(&format!("/_snapshot/{repository}"), json!({"type": "s3", "settings": settings})).unwrap();
    let taken = format!("/_snapshot/{repository}/{SNAPSHOT}?wait_for_completion=true");
    let answer = http.put(&taken, json!({"indices": "s3-*"})).unwrap();
    assert_eq!(answer["snapshot"]["state"], "SUCCESS", "{answer}");
}

/// Runs the migration of the snapshot at `path` into `endpoint`.
fn run(server: &S3Server, path: &str, endpoint: &str) -> Workplace {
    let workplace = Workplace::with(format!(
        "name: test\nsnapshot:\n  repository:\n    s3: {{bucket: {BUCKET}, path: {path}, endpoint: '{}'}}\n  \
         externallyManagedSnapshot: {SNAPSHOT}\ntarget: {{endpoint: '{endpoint}'}}\n{NO_GATES}",
        server.url()
    ))
    .unwrap();
    let mut command = binaries::command("migctl", workplace.path(), &["run"]).unwrap();
    let output = command.envs(server.environment()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{told}", output.status);
    workplace
}

#[test]
fn what_opensearch_writes_into_s3_arrives_with_the_source_switched_off() {
    let server = S3Server::start().unwrap();
    server.bucket(BUCKET).unwrap();
    let source = Server::start_with(Product::OpenSearch3, server.source()).unwrap();
    let http = source.http().unwrap();
    let expected = fill(&http);
    assert!(expected.iter().any(|document| document.routing.is_some()));
    assert!(expected.len() > 1_000, "only {}", expected.len());
    take(&http, "fixed", "nightly/fixed", "fixed");
    take(&http, "hashed", "nightly/hashed", "hashed_prefix");
    drop(source);

    let target = servers::shared(Product::OpenSearch3).unwrap();
    run(&server, "nightly/fixed", &target.url());
    let report = compared(documents(&target.http().unwrap()), &expected);
    assert!(report.is_equal() && report.equal == expected.len(), "{report}");

    // Its shards lie beside the path: `<hash>/nightly/hashed/indices/…`.
    let folders = std::fs::read_dir(server.bucket(BUCKET).unwrap()).unwrap();
    let folders: BTreeSet<_> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(folders.len() > 2, "{folders:?}");
    let workplace = run(&server, "nightly/hashed", "file:./out");
    let mut found = Vec::new();
    for file in workplace.out(".ndjson").unwrap() {
        let lines = std::fs::read(file).unwrap();
        found.extend(truth::read(lines.as_slice(), "out").map(Result::unwrap));
    }
    let report = compared(found, &expected);
    assert!(report.is_equal() && report.equal == expected.len(), "{report}");
}

#[test]
fn a_source_with_the_wrong_keys_says_so_when_the_repository_is_registered() {
    let server = S3Server::start().unwrap();
    server.bucket(BUCKET).unwrap();
    let source = Server::start_with(Product::OpenSearch3, server.source()).unwrap();
    let settings = json!({"bucket": BUCKET, "client": "wrong", "server_side_encryption_type": "bucket_default"});
    let error =
        source.http().unwrap().put("/_snapshot/wrong", json!({"type": "s3", "settings": settings})).unwrap_err();
    assert!(format!("{error:#}").contains("repository_verification_exception"), "{error:#}");
}
