//! What passes by itself: busy servers, answers that break off or stall.

use std::iter::repeat_n;

use snapshot::{BlobStore, StoreErrorKind, Verdict};
use tests::s3::{Fault, S3Server};

use crate::{BUCKET, store};

/// Above what is taken from a connection at once, so that answers break off in their middle.
const LEN: usize = 3_000_000;

fn content() -> Vec<u8> {
    (0..LEN).map(|at| (at % 251) as u8).collect()
}

fn server() -> S3Server {
    let server = S3Server::start().unwrap();
    std::fs::write(server.bucket(BUCKET).unwrap().join("blob"), content()).unwrap();
    server
}

#[tokio::test]
async fn answers_that_break_off_are_gone_on_with() {
    let (server, content) = (server(), content());
    let store = store(&server, "").await;
    server.fail_next([Fault::Cut(1_000_000), Fault::Cut(0), Fault::Cut(1)]);
    assert!(store.read("blob", LEN as u64).await.unwrap() == content);
    assert_eq!((server.faults_left(), server.take_requests().len()), (0, 4));

    server.fail_next([Fault::Cut(700_000), Fault::Cut(700_000)]);
    assert!(store.read_range("blob", 100..2_000_100).await.unwrap() == content[100..2_000_100]);
    assert_eq!((server.faults_left(), server.take_requests().len()), (0, 3));
}

#[tokio::test]
async fn an_answer_that_stalls_is_given_up_and_gone_on_with() {
    let (server, content) = (server(), content());
    server.fail_next([Fault::Stall(1_000)]);
    assert!(store(&server, "").await.read_range("blob", 0..5_000).await.unwrap() == content[..5_000]);
    assert_eq!(server.take_requests().len(), 2);
}

#[tokio::test]
async fn a_server_that_never_gets_through_is_said_to() {
    let server = server();
    server.fail_next(repeat_n(Fault::Cut(1), 100));
    let error = store(&server, "").await.read_range("blob", 7..90).await.unwrap_err();
    assert_eq!((error.kind, error.verdict()), (StoreErrorKind::Io, Verdict::Retry));
    let text = error.to_string();
    let begin = "blob blob of s3://backups could not be read: 6 answers broke off, the last at byte 12: ";
    assert!(text.starts_with(begin), "{text}");
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let (server, content) = (server(), content());
    let store = store(&server, "").await;
    let busy = [Fault::Says(503, "SlowDown"), Fault::Says(500, "InternalError")];
    server.fail_next(busy);
    assert!(store.read("blob", LEN as u64).await.unwrap() == content);
    server.fail_next(busy);
    assert_eq!(store.list("").await.unwrap().len(), 1);
    assert_eq!(server.faults_left(), 0);

    server.fail_next(repeat_n(Fault::Says(503, "SlowDown"), 100));
    let error = store.read_range("blob", 0..1).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Retry);
    let expected = "blob blob of s3://backups could not be read: S3 says SlowDown (HTTP 503): The test wants SlowDown";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_server_that_is_gone_may_come_back() {
    let server = server();
    let (store, url) = (store(&server, "").await, server.url());
    drop(server);
    let error = store.list("").await.unwrap_err();
    assert_eq!((error.kind, error.verdict()), (StoreErrorKind::Io, Verdict::Retry));
    let begin = format!("s3://backups could not be read: no answer came from {url}: ");
    assert!(error.to_string().starts_with(&begin), "{error}");
}
