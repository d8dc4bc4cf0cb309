//! OpenSearch 3.8.0 writes its snapshot into S3 by itself; from there it goes into another cluster, and as lines.

use std::path::PathBuf;

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

/// Runs a migration of the bucket's folder `path` into `endpoint`, with the rest of `snapshot` and of the
/// configuration.
fn run(server: &S3Server, path: &str, snapshot: &str, endpoint: &str, further: &str) -> Workplace {
    let workplace = Workplace::with(format!(
        "name: test\nsnapshot:\n  repository:\n    s3: {{bucket: {BUCKET}, path: {path}, endpoint: '{}'}}\n  \
         {snapshot}\n\
         target: {{endpoint: '{endpoint}'}}\n{NO_GATES}{further}",
        server.url()
    ))
    .unwrap();
    let mut command = binaries::command("migctl", workplace.path(), &["run"]).unwrap();
    let output = command.envs(server.environment()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    eprintln!("{told}");
    assert!(output.status.success(), "{}", output.status);
    workplace
}

/// The documents that a migration wrote as lines.
fn lines(workplace: &Workplace) -> Vec<Document> {
    let files = workplace.out(".ndjson").unwrap();
    let read = |file: PathBuf| {
        let lines = std::fs::read(file).unwrap();
        truth::read(lines.as_slice(), "out").map(Result::unwrap).collect::<Vec<_>>()
    };
    files.into_iter().flat_map(read).collect()
}

/// The keys below the folders that shards are in.
fn shards(server: &S3Server) -> Vec<PathBuf> {
    let (mut keys, mut folders) = (Vec::new(), vec![server.bucket(BUCKET).unwrap()]);
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.components().any(|part| part.as_os_str() == "indices") {
                keys.push(path);
            }
        }
    }
    keys
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
    let external = format!("externallyManagedSnapshot: {SNAPSHOT}");
    run(&server, "nightly/fixed", &external, &target.url(), "");
    let report = compared(documents(&target.http().unwrap()), &expected);
    assert!(report.is_equal() && report.equal == expected.len(), "{report}");

    // Its shards lie beside the path: `<hash>/nightly/hashed/indices/…`.
    assert!(shards(&server).iter().any(|key| !key.starts_with(server.bucket(BUCKET).unwrap().join("nightly"))));
    let report = compared(lines(&run(&server, "nightly/hashed", &external, "file:./out", "")), &expected);
    assert!(report.is_equal() && report.equal == expected.len(), "{report}");
}

#[test]
fn a_migration_takes_the_snapshot_into_s3_itself_and_removes_it_at_the_end() {
    let server = S3Server::start().unwrap();
    server.bucket(BUCKET).unwrap();
    let source = Server::start_with(Product::OpenSearch3, server.source()).unwrap();
    let http = source.http().unwrap();
    let expected = fill(&http);
    let create = "create: {repositorySettings: {server_side_encryption_type: bucket_default}}";
    let of_source = format!("source: {{endpoint: '{}'}}\nindices: ['regex:s3-.*']\n", source.url());
    let report = compared(lines(&run(&server, "prod/eu", create, "file:./out", &of_source)), &expected);
    assert!(report.is_equal() && report.equal == expected.len(), "{report}");
    let kept = http.get("/_snapshot/migctl-test/_all").unwrap();
    assert_eq!(kept["snapshots"].as_array().unwrap().len(), 1, "{kept}");
    assert!(!shards(&server).is_empty());

    let removed = format!("{of_source}cleanup: {{deleteSnapshot: true, unregisterRepository: true}}\n");
    http.delete("/_snapshot/migctl-test").unwrap();
    let report = compared(lines(&run(&server, "prod/us", create, "file:./out", &removed)), &expected);
    assert!(report.is_equal() && report.equal == expected.len(), "{report}");
    assert_eq!(http.get("/_snapshot").unwrap(), json!({}));
    let left = shards(&server);
    assert!(left.iter().all(|key| !key.starts_with(server.bucket(BUCKET).unwrap().join("prod/us"))), "{left:?}");
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
