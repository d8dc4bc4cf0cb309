//! A target that is busy, broken, or not a target: nothing is lost, nothing is guessed, and it ends.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod server;
mod signing;

use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;
use target::{
    Auth, BulkBody, BulkObserver, BulkOptions, Cluster, ItemOutcome, Method, Op, Product, Secret, TargetError, Verdict,
};
use tokio_util::sync::CancellationToken;

use server::{Reply, Server, error, written};

#[derive(Default)]
struct Log {
    statuses: Mutex<Vec<u16>>,
    reasons: Mutex<Vec<String>>,
}

impl BulkObserver for Log {
    fn answered(&self, status: u16) {
        self.statuses.lock().unwrap().push(status);
    }

    fn backoff(&self, reason: &str, _wait: Duration) {
        self.reasons.lock().unwrap().push(reason.to_owned());
    }
}

impl Log {
    fn statuses(&self) -> Vec<u16> {
        self.statuses.lock().unwrap().clone()
    }

    fn reasons(&self) -> Vec<String> {
        self.reasons.lock().unwrap().clone()
    }
}

fn body(ids: &[&str]) -> BulkBody {
    let mut body = BulkBody::default();
    for id in ids {
        body.push(Op::Index, id, None, b"{}");
    }
    body
}

/// Waits too short to be noticed, and patience that outlasts every script.
fn options() -> BulkOptions {
    BulkOptions {
        backoff_first: Duration::from_millis(1),
        backoff_max: Duration::from_millis(2),
        give_up_after: Duration::from_secs(60),
    }
}

async fn bulk(cluster: &Cluster, ids: &[&str], log: &Log) -> Result<Vec<ItemOutcome>, TargetError> {
    cluster.bulk("orders", &body(ids), &options(), log, &CancellationToken::new()).await
}

fn rejected(status: u16, kind: &str, reason: &str) -> ItemOutcome {
    ItemOutcome::Rejected { status, kind: kind.into(), reason: reason.into() }
}

use ItemOutcome::Written;

#[tokio::test]
async fn a_bulk_request_says_what_the_api_wants() {
    let server = Server::start([written()]).await;
    let mut options = server.options();
    options.auth = Auth::Basic { username: "admin".into(), password: Secret::new("hunter2") };
    let cluster = Cluster::connect(&options).unwrap();
    assert_eq!(bulk(&cluster, &["1"], &Log::default()).await.unwrap(), [Written]);
    let requests = server.requests();
    let head = requests[0].head.to_ascii_lowercase();
    assert!(head.starts_with("post /orders/_bulk?pipeline=_none&filter_path=errors,items.*.status,"), "{head}");
    assert!(head.contains("content-type: application/x-ndjson\r\n"), "{head}");
    assert!(head.contains("authorization: basic ywrtaw46ahvudgvymg==\r\n"), "{head}");
    assert_eq!(requests[0].body, "{\"index\":{\"_id\":\"1\"}}\n{}\n");
}

#[tokio::test]
async fn no_documents_are_no_request() {
    let server = Server::start([]).await;
    assert_eq!(bulk(&server.cluster(), &[], &Log::default()).await.unwrap(), []);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_name_that_is_several_indices_is_never_sent() {
    let server = Server::start([]).await;
    let sent =
        server.cluster().bulk("a,b", &body(&["1"]), &options(), &Log::default(), &CancellationToken::new()).await;
    assert!(matches!(sent, Err(TargetError::IndexName { .. })), "{sent:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_busy_or_broken_target_gets_the_same_again() {
    let html = "<html>502 Bad Gateway</html>";
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"errors\":false,\"items\":[{\"ind";
    for (fault, reason) in [
        (error(429, "es_rejected_execution_exception", "queue is full"), "429 es_rejected_execution_exception: queue"),
        (error(503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master];"), "no master"),
        (error(500, "surprise_exception", "what"), "500 surprise_exception: what"),
        (Reply::Answer(502, html.into()), "502 : \"<html>502"),
        (Reply::Answer(504, String::new()), "an empty answer"),
        (Reply::Raw(half.into()), "body"),
        (Reply::Raw("HTTP/1.1 200 OK\r\n".into()), "closed"),
        (Reply::Raw("220 smtp.example.com ready\r\n".into()), "HTTP"),
        (Reply::Close, "closed"),
        (Reply::Answer(200, "<html>login</html>".into()), "<html>login"),
        (
            Reply::Answer(200, json!({"errors": false, "items": [{"index": {"status": 201}}]}).to_string()),
            "1 were answered",
        ),
        (Reply::Answer(200, json!({"errors": false}).to_string()), "0 were answered"),
    ] {
        let server = Server::start([fault, written()]).await;
        let log = Log::default();
        assert_eq!(bulk(&server.cluster(), &["1", "2"], &log).await.unwrap(), [Written, Written], "{reason}");
        assert_eq!(server.bulks(), ["1 2", "1 2"], "{reason}");
        let reasons = log.reasons();
        assert!(reasons.len() == 1 && reasons[0].contains(reason), "{reason} is not in {reasons:?}");
    }
}

#[tokio::test]
async fn a_target_that_hangs_is_asked_again() {
    let server = Server::start([Reply::Hang, written()]).await;
    let mut options = server.options();
    options.request_timeout = Duration::from_millis(200);
    let log = Log::default();
    assert_eq!(bulk(&Cluster::connect(&options).unwrap(), &["1"], &log).await.unwrap(), [Written]);
    assert_eq!(server.bulks(), ["1", "1"]);
    assert!(log.reasons()[0].contains("timed out"), "{:?}", log.reasons());
    assert_eq!(log.statuses(), [200]);
}

#[tokio::test]
async fn only_busy_items_are_sent_again_and_order_is_kept() {
    let mixed = Reply::Items(|id| match id {
        "b" | "e" => (429, "es_rejected_execution_exception"),
        "c" => (400, "mapper_parsing_exception"),
        "d" => (409, "version_conflict_engine_exception"),
        _ => (201, ""),
    });
    let again = Reply::Items(|id| match id {
        "b" => (503, "unavailable_shards_exception"),
        _ => (400, "document_parsing_exception"),
    });
    let server = Server::start([mixed, again, written()]).await;
    let log = Log::default();
    assert_eq!(
        bulk(&server.cluster(), &["a", "b", "c", "d", "e"], &log).await.unwrap(),
        [
            Written,
            Written,
            rejected(400, "mapper_parsing_exception", "because"),
            ItemOutcome::AlreadyThere,
            rejected(400, "document_parsing_exception", "because"),
        ]
    );
    assert_eq!(server.bulks(), ["a b c d e", "b e", "b"]);
    assert_eq!(log.statuses(), [200, 200, 200]);
    assert_eq!(
        log.reasons(),
        [
            r#"2 of 5 documents: 429 es_rejected_execution_exception: because for {"index":{"_id":"b"}}"#,
            r#"1 of 2 documents: 503 unavailable_shards_exception: because for {"index":{"_id":"b"}}"#,
        ]
    );
}

#[tokio::test]
async fn what_is_about_the_target_stops_and_rejects_nothing() {
    let blocked = Reply::Items(|id| if id == "2" { (403, "cluster_block_exception") } else { (201, "") });
    for (reply, said) in [
        (blocked, ["403 cluster_block_exception: because", "remove the block"]),
        (Reply::Items(|_| (404, "index_not_found_exception")), ["404 index_not_found", "metadata phase"]),
        (Reply::Items(|_| (400, "index_closed_exception")), ["400 index_closed", "open the index"]),
        (
            error(401, "security_exception", "unable to authenticate"),
            ["401 security", "the server wants to know who is asking: set target.auth"],
        ),
        (Reply::Answer(403, "Forbidden".into()), ["403 : \"Forbidden\"", "check target.auth"]),
        (error(400, "illegal_argument_exception", "unknown parameter [pipeline]"), ["400 illegal", "endpoint"]),
        (Reply::Answer(302, String::new()), ["302 ", "endpoint"]),
        (Reply::Answer(405, "{\"error\":\"Incorrect HTTP method\"}".into()), ["405 : Incorrect", "endpoint"]),
    ] {
        let server = Server::start([reply]).await;
        let refused = bulk(&server.cluster(), &["1", "2"], &Log::default()).await.unwrap_err();
        assert_eq!(refused.verdict(), Verdict::Stop, "{refused}");
        let text = refused.to_string();
        assert!(text.starts_with("bulk into orders at http://127.0.0.1:"), "{text}");
        assert!(said.iter().all(|part| text.contains(part)), "{said:?} is not in {text}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_goes_in_halves() {
    let too_large = || Reply::Answer(413, String::new());
    // 1 2 3 4 5 → 1 2 | 3 4 5 → 3 | 4 5 → 4 | 5, where 3 is too large whatever it travels with.
    let server =
        Server::start([too_large(), written(), too_large(), too_large(), too_large(), written(), written()]).await;
    let log = Log::default();
    let outcomes = bulk(&server.cluster(), &["1", "2", "3", "4", "5"], &log).await.unwrap();
    assert_eq!(server.bulks(), ["1 2 3 4 5", "1 2", "3 4 5", "3", "4 5", "4", "5"]);
    let reason = "a request of 25 bytes is too large: an empty answer";
    assert_eq!(outcomes, [Written, Written, rejected(413, "too_large", reason), Written, Written]);
    assert!(log.reasons().is_empty(), "nothing to wait for: {:?}", log.reasons());
}

#[tokio::test]
async fn a_body_above_the_indexing_pressure_limit_goes_in_halves() {
    let reason = "rejected execution of coordinating operation [coordinating_and_primary_bytes=0, replica_bytes=0, \
                  all_bytes=0, coordinating_operation_bytes=32339020, max_coordinating_and_primary_bytes=21474836]";
    let server = Server::start([error(429, "rejected_execution_exception", reason), written(), written()]).await;
    assert_eq!(bulk(&server.cluster(), &["1", "2"], &Log::default()).await.unwrap(), [Written, Written]);
    assert_eq!(server.bulks(), ["1 2", "1", "2"]);
}

#[tokio::test]
async fn what_fails_again_and_again_goes_in_halves() {
    let full = || error(429, "circuit_breaking_exception", "[parent] Data too large");
    let server = Server::start([full(), full(), full(), written(), Reply::Close, written()]).await;
    assert_eq!(bulk(&server.cluster(), &["1", "2", "3"], &Log::default()).await.unwrap(), [Written, Written, Written]);
    assert_eq!(server.bulks(), ["1 2 3", "1 2 3", "1 2 3", "1", "2 3", "2 3"]);
}

#[tokio::test]
async fn an_id_that_fails_the_whole_request_is_found_and_rejected() {
    let invalid = || error(400, "action_request_validation_exception", "Validation Failed: 1: id [x…] is too long");
    let server = Server::start([invalid(), written(), invalid(), invalid(), written()]).await;
    let outcomes = bulk(&server.cluster(), &["1", "2", "x", "4"], &Log::default()).await.unwrap();
    let reason = "Validation Failed: 1: id [x…] is too long";
    let x = rejected(400, "action_request_validation_exception", reason);
    assert_eq!(outcomes, [Written, Written, x, Written]);
    assert_eq!(server.bulks(), ["1 2 x 4", "1 2", "x 4", "x", "4"]);
}

#[tokio::test]
async fn answers_that_cannot_be_understood_end_it() {
    let server = Server::start((0..5).map(|_| Reply::Answer(200, "<html>login</html>".into()))).await;
    let gave_up = bulk(&server.cluster(), &["1"], &Log::default()).await.unwrap_err();
    assert!(matches!(gave_up, TargetError::Malformed { .. }), "{gave_up}");
    assert_eq!(gave_up.verdict(), Verdict::Stop);
    assert!(gave_up.to_string().contains("<html>login"), "{gave_up}");
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn a_target_that_stays_busy_is_given_up_with_what_was_tried() {
    let busy = || Reply::Items(|id| if id == "2" { (503, "unavailable_shards_exception") } else { (201, "") });
    let server = Server::start([busy()]).await;
    let no_patience = BulkOptions { give_up_after: Duration::ZERO, ..options() };
    let cancel = CancellationToken::new();
    let cluster = server.cluster();
    let gave_up = cluster.bulk("orders", &body(&["1", "2"]), &no_patience, &Log::default(), &cancel).await.unwrap_err();
    assert_eq!(gave_up.verdict(), Verdict::Retry);
    let text = gave_up.to_string();
    for part in ["bulk into orders at http://", "unavailable_shards_exception", r#"{"_id":"2"}"#] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let server = Server::start([]).await;
    let cluster = server.cluster();
    server.stop().await;
    let gone = cluster.request(Method::GET, "/", None).await.unwrap_err();
    assert_eq!(gone.verdict(), Verdict::Retry);
    assert!(gone.to_string().contains("refused"), "{gone}");
    let log = Log::default();
    let short = BulkOptions { give_up_after: Duration::from_millis(500), ..options() };
    let gone = cluster.bulk("orders", &body(&["1", "2"]), &short, &log, &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(gone, TargetError::Unavailable { attempts: 2.., .. }), "{gone}");
    assert!(log.statuses().is_empty() && !log.reasons().is_empty());
}

#[tokio::test]
async fn a_cancelled_call_ends_in_whatever_it_was_doing() {
    struct CancelOnBackoff(CancellationToken);
    impl BulkObserver for CancelOnBackoff {
        fn answered(&self, _status: u16) {}
        fn backoff(&self, _reason: &str, _wait: Duration) {
            self.0.cancel();
        }
    }
    let waits_long = BulkOptions {
        backoff_first: Duration::from_secs(3_600),
        backoff_max: Duration::from_secs(3_600),
        give_up_after: Duration::from_secs(86_400),
    };
    let server = Server::start([Reply::Answer(503, String::new())]).await;
    let cancel = CancellationToken::new();
    let observer = CancelOnBackoff(cancel.clone());
    let ended = server.cluster().bulk("orders", &body(&["1"]), &waits_long, &observer, &cancel).await;
    assert!(matches!(ended, Err(TargetError::Cancelled)), "{ended:?}");
    assert_eq!(server.requests().len(), 1);

    let ended = server.cluster().bulk("orders", &body(&["1"]), &waits_long, &observer, &cancel).await;
    assert!(matches!(ended, Err(TargetError::Cancelled)), "{ended:?}");
    assert!(server.requests().is_empty(), "a cancelled call sends nothing");

    let server = Server::start([Reply::Hang]).await;
    let cancel = CancellationToken::new();
    let documents = body(&["1"]);
    let cluster = server.cluster();
    let (ended, ()) = tokio::join!(cluster.bulk("orders", &documents, &waits_long, &observer, &cancel), async {
        while server.is_unused() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    });
    assert!(matches!(ended, Err(TargetError::Cancelled)), "{ended:?}");
}

#[tokio::test]
async fn a_repeat_is_asked_for_before_it_is_sent() {
    /// As a worker whose lease ran out while it was paused in a backoff.
    struct OnlyOnce(Mutex<bool>);
    impl BulkObserver for OnlyOnce {
        fn may_send(&self) -> bool {
            !std::mem::replace(&mut *self.0.lock().unwrap(), true)
        }
        fn answered(&self, _status: u16) {}
        fn backoff(&self, _reason: &str, _wait: Duration) {}
    }
    let server = Server::start([Reply::Answer(503, String::new())]).await;
    let options = BulkOptions { backoff_first: Duration::from_millis(1), ..BulkOptions::default() };
    let (observer, cancel) = (OnlyOnce(Mutex::new(false)), CancellationToken::new());
    let ended = server.cluster().bulk("orders", &body(&["1"]), &options, &observer, &cancel).await;
    assert!(matches!(ended, Err(TargetError::Cancelled)), "{ended:?}");
    assert_eq!(server.requests().len(), 1, "the repeat was never sent");
}

#[tokio::test]
async fn who_the_cluster_is_is_found_out_where_the_root_is_silent_or_lies() {
    let node = |node: serde_json::Value| Reply::Answer(200, json!({"nodes": {"a": node}}).to_string());
    let state = || Reply::Answer(200, json!({"cluster_name": "c", "cluster_uuid": "u"}).to_string());
    let silent = || Reply::Answer(405, "{\"error\":\"Incorrect HTTP method\",\"status\":405}".into());
    let compatible = json!({"cluster_name": "c", "cluster_uuid": "u",
        "version": {"distribution": "opensearch", "number": "7.10.2"}});
    for (script, product, version) in [
        (
            vec![silent(), node(json!({"version": "8.19.21", "build_flavor": "default"})), state()],
            Product::Elasticsearch,
            "8.19.21",
        ),
        (vec![silent(), node(json!({"version": "2.19.4"})), state()], Product::OpenSearch, "2.19.4"),
        (
            vec![Reply::Answer(200, compatible.to_string()), node(json!({"version": "1.3.20"}))],
            Product::OpenSearch,
            "1.3.20",
        ),
    ] {
        let server = Server::start(script).await;
        let info = server.cluster().info().await.unwrap();
        assert_eq!((info.product, info.version.to_string()), (product, version.to_owned()));
        assert_eq!((info.name.as_str(), info.uuid.as_str()), ("c", "u"));
        server.requests();
    }
}

#[tokio::test]
async fn a_count_of_some_shards_is_no_count() {
    let partial = json!({"count": 5, "_shards": {"total": 2, "successful": 1, "skipped": 0, "failed": 1}});
    let server = Server::start([Reply::Answer(200, partial.to_string())]).await;
    let partly = server.cluster().count("orders").await.unwrap_err();
    assert_eq!(partly.verdict(), Verdict::Retry);
    assert!(partly.to_string().contains("1 of 2 shards succeeded"), "{partly}");
}
