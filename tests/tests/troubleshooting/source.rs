//! Sources that no snapshot can be taken of.

use serde_json::json;
use tests::s3::S3Server;
use tests::servers::{Options, Product, Server};

use crate::{OUT, config, fails, nobody, shows, stub};

pub const ROWS: &[&str] = &[UNREACHABLE, NO_SECRET, UNAUTHORIZED, PATH_REPO, CREDENTIALS, NO_PLUGIN];

const UNREACHABLE: &str = "the source does not answer";
const NO_SECRET: &str = "there is no such environment variable: set it where the worker runs";
const UNAUTHORIZED: &str = "refused with 401";
const PATH_REPO: &str = "put the repository below a directory of the source's path.repo";
const CREDENTIALS: &str = "check the credentials of the source's S3 client";
const NO_PLUGIN: &str = "repository type [s3] does not exist";

const BUCKET: &str = "backups";

/// A configuration that takes a snapshot of `source` into `repository`.
fn taking(source: &str, repository: &str, create: &str) -> String {
    let snapshot = format!("repository: {{{repository}}}, create: {{{create}}}");
    config(&snapshot, OUT, &format!("source: {{{source}}}\n"))
}

#[test]
fn a_source_that_is_down_or_does_not_know_us() {
    let folder = tempfile::tempdir().unwrap();
    let repository = format!("path: '{}'", folder.path().display());
    let of = |source: &str| fails(&taking(source, &repository, ""), &[("MIGCTL_TEST_PASSWORD", "wrong".to_owned())]);
    shows(&of(&format!("endpoint: '{}'", nobody())), UNREACHABLE);

    let refuses = stub::answering("401 Unauthorized", r#"{"error":{"type":"security_exception"},"status":401}"#);
    let with = |variable: &str| {
        of(&format!("endpoint: '{refuses}', auth: {{basic: {{username: admin, password: {{env: {variable}}}}}}}"))
    };
    let printed = with("MIGCTL_NO_SUCH_PASSWORD");
    shows(&printed, NO_SECRET);
    assert!(printed.contains("source.auth.basic.password.env: MIGCTL_NO_SUCH_PASSWORD"));
    let printed = with("MIGCTL_TEST_PASSWORD");
    shows(&printed, UNAUTHORIZED);
    assert!(printed.contains("source.auth.basic") && printed.contains("environment variable MIGCTL_TEST_PASSWORD"));
}

#[test]
fn a_source_that_does_not_write_to_the_repository() {
    let server = S3Server::start().unwrap();
    server.bucket(BUCKET).unwrap();
    let allowed = tempfile::tempdir().unwrap();
    let mut options = server.source();
    options.settings.push(("path.repo".to_owned(), allowed.path().display().to_string()));
    let source = Server::start_with(Product::OpenSearch3, options).unwrap();
    source.http().unwrap().put("/orders/_doc/1", json!({"n": 1})).unwrap();
    let endpoint = format!("endpoint: '{}'", source.url());

    let elsewhere = tempfile::tempdir().unwrap();
    let repository = format!("path: '{}'", elsewhere.path().display());
    shows(&fails(&taking(&endpoint, &repository, ""), &[]), PATH_REPO);

    let repository = format!("s3: {{bucket: {BUCKET}, endpoint: '{}'}}", server.url());
    let settings = "repositorySettings: {client: wrong, server_side_encryption_type: bucket_default}";
    shows(&fails(&taking(&endpoint, &repository, settings), &server.environment()), CREDENTIALS);
}

#[test]
fn a_source_without_the_plugin() {
    let server = S3Server::start().unwrap();
    server.bucket(BUCKET).unwrap();
    let source = Server::start_with(Product::OpenSearch2, Options::default()).unwrap();
    source.http().unwrap().put("/orders/_doc/1", json!({"n": 1})).unwrap();
    let repository = format!("s3: {{bucket: {BUCKET}, endpoint: '{}'}}", server.url());
    let taking = taking(&format!("endpoint: '{}'", source.url()), &repository, "");
    let printed = fails(&taking, &server.environment());
    shows(&printed, NO_PLUGIN);
    assert!(printed.contains("install the plugin repository-s3"));
}
