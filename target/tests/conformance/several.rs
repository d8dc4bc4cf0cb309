//! One body for several indices and data streams, and what is under the ids of documents that were there already.

use super::*;
use target::{Action, Held};

fn push(body: &mut BulkBody, index: &str, id: &str, routing: Option<&str>, source: &[u8]) {
    body.push_parts(&Action { op: Op::Create, index: Some(index), id, routing }, &[source]);
}

async fn into_several(cluster: &Cluster, body: &BulkBody) -> Vec<ItemOutcome> {
    cluster.bulk_into_several(body, &patient(), &Log::default(), &CancellationToken::new()).await.unwrap()
}

async fn compare(cluster: &Cluster, index: &str, body: &BulkBody) -> Vec<Held> {
    let numbers: Vec<usize> = (0..body.len()).collect();
    cluster.compare(index, body, &numbers, &patient(), &Log::default(), &CancellationToken::new()).await.unwrap()
}

/// Each document is in its index; what is there is the same by routing and value, though nothing was refreshed.
pub async fn indices(cluster: &Cluster) {
    create(cluster, "one", json!({"refresh_interval": "-1"}), json!({"dynamic": false})).await;
    create(cluster, "two", json!({"refresh_interval": "-1"}), json!({"dynamic": false})).await;
    let mut body = BulkBody::default();
    push(&mut body, "one", "1", None, b"{\"n\":12345678901234567890.10,\n\"a\":1}");
    push(&mut body, "two", "1", Some("a,b"), b"{}");
    push(&mut body, "one", "2", None, b"{\"n\":2}");
    assert_eq!(into_several(cluster, &body).await, [Written, Written, Written]);
    assert_eq!(into_several(cluster, &body).await, [AlreadyThere, AlreadyThere, AlreadyThere]);
    let count = async |index| {
        cluster.refresh(index).await.unwrap();
        cluster.count(index).await.unwrap()
    };
    assert_eq!((count("one").await, count("two").await), (2, 1));

    let mut body = BulkBody::default();
    body.push(Op::Create, "1", None, b"{ \"a\":1, \"n\":12345678901234567890.10}");
    body.push(Op::Create, "1", None, b"{\"a\":1,\"n\":12345678901234567890.11}");
    body.push(Op::Create, "1", Some("r"), b"{\"a\":1,\"n\":12345678901234567890.10}");
    body.push(Op::Create, "3", None, b"{}");
    let other = |same_source| Held::Other { routing: None, same_source };
    assert_eq!(compare(cluster, "one", &body).await, [Held::Same, other(false), other(true), Held::Nothing]);
    let mut body = BulkBody::default();
    body.push(Op::Create, "1", Some("a,b"), b"{}");
    body.push(Op::Create, "1", None, b"{}");
    let routed = Held::Other { routing: Some("a,b".to_owned()), same_source: true };
    assert_eq!(compare(cluster, "two", &body).await, [Held::Same, routed]);
    create(cluster, "sourceless", json!({}), json!({"_source": {"enabled": false}})).await;
    assert_eq!(bulk(cluster, "sourceless", &body).await.unwrap(), [Written, AlreadyThere]);
    let unrouted = Held::Other { routing: Some("a,b".to_owned()), same_source: false };
    assert_eq!(compare(cluster, "sourceless", &body).await, [Held::Unknown, unrouted]);

    let answer = cluster.compare("missing", &body, &[0], &patient(), &Log::default(), &CancellationToken::new()).await;
    assert_eq!(answer.unwrap_err().verdict(), Verdict::Stop);
}

/// A data stream takes creates, and rejects a document with a routing, and no other for its sake.
pub async fn data_stream(cluster: &Cluster) {
    let template = json!({"index_patterns": ["events"], "data_stream": {},
        "template": {"settings": {"number_of_replicas": 0}}});
    ask(cluster, Method::PUT, "/_index_template/events", Some(template)).await;
    ask(cluster, Method::PUT, "/_data_stream/events", None).await;
    let mut body = BulkBody::default();
    let source = b"{\"@timestamp\":\"2024-02-02T01:01:07.037Z\"}";
    body.push(Op::Create, "1", None, source);
    body.push(Op::Create, "2", None, source);
    assert_eq!(bulk(cluster, "events", &body).await.unwrap(), [Written, Written]);
    assert_eq!(bulk(cluster, "events", &body).await.unwrap(), [AlreadyThere, AlreadyThere]);
    let [backing] = &cluster.indices("events").await.unwrap()[..] else { panic!("one backing index") };
    assert_eq!(compare(cluster, &backing.name, &body).await, [Held::Same, Held::Same]);
    cluster.refresh("events").await.unwrap();
    assert_eq!(cluster.count("events").await.unwrap(), 2);
    cluster.put_settings("events", &json!({"index.refresh_interval": "7s"})).await.unwrap();

    let mut routed = BulkBody::default();
    routed.push(Op::Create, "3", Some("r"), source);
    routed.push(Op::Create, "4", None, source);
    let outcomes = bulk(cluster, "events", &routed).await.unwrap();
    let [ItemOutcome::Rejected { kind, reason, .. }, Written] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(kind == "illegal_argument_exception" && reason.contains("specifies a custom routing"), "{kind} {reason}");

    ask(cluster, Method::POST, "/events/_rollover", None).await;
    assert_eq!(cluster.indices("events").await.unwrap().len(), 2);
    ask(cluster, Method::DELETE, "/_data_stream/events", None).await;
    ask(cluster, Method::DELETE, "/_index_template/events", None).await;
    assert_eq!(cluster.indices("events").await.unwrap(), []);
}
