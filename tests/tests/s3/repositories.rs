//! Repositories that real servers wrote, copied into a bucket.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use snapshot::{BlobStore, Repository};
use tests::fixtures;
use tests::s3::S3Server;
use tests::truth::{self, Compared, Folder};
use tests::workplace::Ended;

use crate::{BUCKET, migctl, store};

/// A repository of OpenSearch 2.19.4 of the crate `snapshot`.
fn opensearch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../snapshot/tests/fixtures/opensearch-2.19.4").join(name)
}

fn export(server: &S3Server, path: &str, snapshot: &str, more: &[&str]) -> Ended {
    let (repo, url) = (format!("s3://{BUCKET}/{path}"), server.url());
    let arguments = ["snapshot", "export", "--repo", &repo, "--s3-endpoint", &url, "--snapshot", snapshot];
    migctl(&server.environment(), &[&arguments[..], more].concat())
}

#[test]
fn every_document_of_a_server() {
    let server = S3Server::start().unwrap();
    for (name, repository, path, snapshot) in
        [("elasticsearch-7.10.2", "main", "backups/prod", "snap-2"), ("opensearch-3.8.0", "chunked", "", "snap-ch")]
    {
        let fixture = fixtures::unpack(name).unwrap();
        server.upload(BUCKET, path, &fixture.repository(repository)).unwrap();
        let truth = || BufReader::new(File::open(fixture.truth("main-snap-2")).unwrap());
        let wanted = |index: &str| repository == "main" || index == "orders" || index == "join-qa";
        let documents = truth::read(truth(), "truth").map(|document| document.unwrap().index);
        let indices: BTreeSet<String> = documents.filter(|index| wanted(index)).collect();
        let more: Vec<&str> = indices.iter().flat_map(|index| ["--index", index]).collect();
        let ended = export(&server, path, snapshot, &more);
        assert_eq!(ended.code, Some(0), "{}", ended.errors);
        let report = truth::compare(ended.output.as_bytes(), truth(), wanted).unwrap();
        assert!(report.is_equal() && report.equal > 300, "{name}\n{report}");
    }
}

#[test]
fn every_document_of_a_server_without_catalogue() {
    let server = S3Server::start().unwrap();
    let fixture = fixtures::unpack("elasticsearch-1.7.6").unwrap();
    server.upload(BUCKET, "old", &fixture.repository("chunk")).unwrap();
    let Folder { indices, documents } = Folder::read(&fixture.truth_folder("second")).unwrap();
    let named: Vec<&str> = indices.iter().flat_map(|index| ["--index", index]).collect();
    let ended = export(&server, "old", "second", &named);
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let found = truth::read(ended.output.as_bytes(), "export");
    let report = truth::compare_documents(found, documents.into_iter().map(Ok), Compared::Everything).unwrap();
    assert!(report.is_equal() && report.equal == 865, "{report}");
}

#[test]
fn shards_whose_hash_comes_before_the_path_of_the_repository() {
    let server = S3Server::start().unwrap();
    server.upload(BUCKET, "infix", &opensearch("hashed-infix")).unwrap();
    let infix = export(&server, "infix", "s1", &["--index", "three"]);
    assert_eq!((infix.code, infix.output.lines().count()), (Some(0), 7), "{}", infix.errors);

    // The same snapshot with hashed prefixes: only the catalogue and the place of the shards differ.
    let (folder, bucket) = (opensearch("hashed-infix"), server.bucket(BUCKET).unwrap());
    for entry in folder.read_dir().unwrap() {
        let (name, path) = entry.map(|entry| (entry.file_name().into_string().unwrap(), entry.path())).unwrap();
        if name.starts_with("index-") {
            let catalogue = std::fs::read_to_string(path).unwrap();
            let prefixed = catalogue.replace("\"shard_path_type\":2", "\"shard_path_type\":1");
            assert_ne!(catalogue, prefixed);
            std::fs::create_dir_all(bucket.join("some/base")).unwrap();
            std::fs::write(bucket.join("some/base").join(name), prefixed).unwrap();
        } else if path.join("indices").is_dir() {
            server.upload(BUCKET, &format!("{name}/some/base/indices"), &path.join("indices")).unwrap();
        } else {
            server.upload(BUCKET, &format!("some/base/{name}"), &path).unwrap();
        }
    }
    let prefix = export(&server, "some/base", "s1", &["--index", "three"]);
    assert_eq!(prefix.code, Some(0), "{}", prefix.errors);
    assert_eq!(prefix.output, infix.output);
}

#[tokio::test]
async fn lists_of_shards_at_every_kind_of_path() {
    let server = S3Server::start().unwrap();
    for (fixture, path) in [("hashed-infix", "some/base"), ("hashed-prefix", ""), ("hashed-outside", "some/base")] {
        let place = if fixture == "hashed-infix" { "infix/some/base" } else { "" };
        let bucket = server.bucket(BUCKET).unwrap();
        std::fs::remove_dir_all(&bucket).unwrap();
        server.upload(BUCKET, place, &opensearch(fixture)).unwrap();
        let path = if place.is_empty() { path } else { place };
        let repository: Arc<dyn BlobStore> = Arc::new(store(&server, path).await);
        let snapshot = Repository::open(repository).await.unwrap().snapshot("s1").await.unwrap();
        let index = snapshot.index("three").unwrap();
        for shard in 0..3 {
            let files = snapshot.shard(index, shard).await.unwrap_or_else(|error| panic!("{fixture}: {error}"));
            assert!(!files.files.is_empty());
        }
    }
}
