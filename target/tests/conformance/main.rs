//! What each server really answers, and what it is taken to mean. One test per server, each with a server of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod several;

use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use target::{
    Auth, BulkBody, BulkObserver, BulkOptions, Cluster, ClusterOptions, ItemOutcome, Method, Op, Secret, TargetError,
    Url, Verdict,
};
use tests::servers::{Options, Product, Server};
use tokio_util::sync::CancellationToken;

use ItemOutcome::{AlreadyThere, Written};

#[test]
fn elasticsearch_7() {
    conforms(Product::Elasticsearch7);
}

#[test]
fn elasticsearch_8() {
    conforms(Product::Elasticsearch8);
}

#[test]
fn opensearch_1() {
    conforms(Product::OpenSearch1);
}

#[test]
fn opensearch_2() {
    conforms(Product::OpenSearch2);
}

#[test]
fn opensearch_3() {
    conforms(Product::OpenSearch3);
}

fn conforms(product: Product) {
    let settings = [
        ("http.max_content_length", "1mb"),
        ("indexing_pressure.memory.limit", "500kb"),
        // A missing index is an error in every test but the one that asks for more.
        ("action.auto_create_index", "false"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let server = Server::start_with(product, Options { settings, ..Options::default() }).unwrap();
    let mut options = ClusterOptions::new(Url::parse(&server.url()).unwrap());
    // These servers check no passwords; one of them repeats what it was sent.
    options.auth = Auth::Basic { username: "admin".into(), password: Secret::new("hunter2") };
    let cluster = Cluster::connect(&options).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        administration(&cluster, product).await;
        open_and_closed(&cluster).await;
        templates(&cluster, product).await;
        what_a_load_meets(&cluster).await;
        documents(&cluster).await;
        several::indices(&cluster).await;
        // The Elasticsearch servers here have no module for data streams.
        if product.family() == "opensearch" {
            several::data_stream(&cluster).await;
        }
        refusals_of_documents(&cluster).await;
        refusals_of_the_target(&cluster).await;
        limits_of_size(&cluster).await;
        overload(&cluster).await;
        missing_shard(&cluster).await;
    });
}

async fn administration(cluster: &Cluster, product: Product) {
    let info = cluster.info().await.unwrap();
    assert_eq!(format!("{:?}", info.product).to_lowercase(), product.family());
    assert_eq!((info.version.to_string().as_str(), info.name.as_str()), (product.version(), "migctl-tests"));
    assert!(info.uuid.len() > 10, "{info:?}");

    assert_eq!(cluster.index("orders").await.unwrap(), None);
    let body = json!({
        "settings": {"number_of_shards": 2, "number_of_replicas": 0},
        "mappings": {"_meta": {"migctl": "m"}, "properties": {"n": {"type": "long"}}},
        "aliases": {"sales": {}},
    });
    assert!(cluster.create_index("orders", &body).await.unwrap());
    assert!(!cluster.create_index("orders", &body).await.unwrap());
    let state = cluster.index("orders").await.unwrap().unwrap();
    assert_eq!((state.name.as_str(), state.uuid().unwrap().len()), ("orders", 22));
    assert!(state.created_ms() > Some(1_500_000_000_000));
    assert_eq!(state.settings.get("index.number_of_shards"), Some(&json!("2")));
    assert_eq!(state.mappings.pointer("/_meta/migctl"), Some(&json!("m")));
    assert!(state.aliases.contains_key("sales"));
    assert_eq!(cluster.index("sales").await.unwrap(), Some(state));

    cluster.put_settings("orders", &json!({"index.refresh_interval": "-1"})).await.unwrap();
    let settings = cluster.index("orders").await.unwrap().unwrap().settings;
    assert_eq!(settings.get("index.refresh_interval"), Some(&json!("-1")));

    let wrong = cluster.create_index("wrong", &json!({"settings": {"index.nope": 1}})).await.unwrap_err();
    assert_eq!(wrong.verdict(), Verdict::Stop);
    let text = wrong.to_string();
    assert!(text.starts_with("create index wrong at http://127.0.0.1:") && text.contains("index.nope"), "{text}");
    let missing = cluster.count("missing").await.unwrap_err().to_string();
    assert!(missing.contains("404 index_not_found_exception"), "{missing}");
}

async fn open_and_closed(cluster: &Cluster) {
    let body = json!({
        "settings": {"number_of_shards": 2, "number_of_replicas": 0},
        "mappings": {"_meta": {"own": 1}, "properties": {"n": {"type": "long"}}},
    });
    assert!(cluster.create_index("shut", &body).await.unwrap());
    let state = || async { cluster.index("shut").await.unwrap().unwrap() };
    assert!(!state().await.is_closed());
    for _ in 0..2 {
        cluster.close_index("shut").await.unwrap();
        assert!(state().await.is_closed());
    }
    let count = cluster.count("shut").await.unwrap_err().to_string();
    assert!(count.contains("closed"), "{count}");
    let meta = |value: &Value| value.as_object().unwrap().clone();
    cluster.put_meta("shut", &meta(&json!({"own": 1, "migctl": {"opened": true}}))).await.unwrap();
    for _ in 0..2 {
        cluster.open_index("shut").await.unwrap();
        assert!(!state().await.is_closed());
    }
    assert_eq!(cluster.count("shut").await.unwrap(), 0);
    assert_eq!(state().await.mappings.pointer("/_meta/migctl/opened"), Some(&json!(true)));
    cluster.put_meta("shut", &meta(&json!({"own": 1}))).await.unwrap();
    let mappings = state().await.mappings;
    assert_eq!(mappings.pointer("/_meta"), Some(&json!({"own": 1})));
    assert_eq!(mappings.pointer("/properties/n/type"), Some(&json!("long")));
}

async fn put(cluster: &Cluster, path: &str, body: Value) {
    let answer = cluster.request(Method::PUT, path, Some(&body)).await.unwrap();
    cluster.success(path, answer).unwrap();
}

async fn templates(cluster: &Cluster, product: Product) {
    let block = json!({"template": {"settings": {"index.blocks.write": true}}});
    put(cluster, "/_component_template/part", block).await;
    let whole = json!({"index_patterns": ["new-*"], "composed_of": ["part"], "priority": 900, "template": {}});
    put(cluster, "/_index_template/whole", whole).await;
    // Data streams are no part of the core of Elasticsearch 7.
    let has_streams = product != Product::Elasticsearch7;
    if has_streams {
        let stream = json!({"index_patterns": ["stream-*"], "data_stream": {}, "priority": 900});
        put(cluster, "/_index_template/stream", stream).await;
    }
    let old = json!({"index_patterns": ["old-*"], "order": 3, "settings": {"index": {"refresh_interval": "7s"}}});
    put(cluster, "/_template/old", old).await;
    let found = cluster.templates().await.unwrap();
    let [whole] = found.of_index("new-1")[..] else { panic!("{found:?}") };
    assert_eq!((whole.name.as_str(), whole.settings.get("index.blocks.write")), ("whole", Some(&"true".to_owned())));
    let streams = found.of_index("stream-1").iter().filter(|template| template.makes_streams).count();
    assert_eq!((streams, whole.makes_streams), (usize::from(has_streams), false));
    let [old] = found.of_index("old-1")[..] else { panic!("{found:?}") };
    assert_eq!((old.name.as_str(), old.settings.get("index.refresh_interval")), ("old", Some(&"7s".to_owned())));
    assert_eq!(found.of_index("other"), Vec::<&target::Template>::new());
}

async fn what_a_load_meets(cluster: &Cluster) {
    let status = cluster.health().await.unwrap();
    assert!(["green", "yellow"].contains(&status.as_str()), "{status}");
    let settings = cluster.cluster_settings().await.unwrap();
    assert_eq!(settings.get("cluster.blocks.read_only").unwrap_or("false"), "false");
    assert!(settings.get("cluster.routing.allocation.disk.watermark.flood_stage").is_some(), "{settings:?}");
    put(cluster, "/_cluster/settings", json!({"transient": {"cluster.blocks.read_only": true}})).await;
    let settings = cluster.cluster_settings().await.unwrap();
    assert_eq!(settings.get("cluster.blocks.read_only"), Some("true"));
    put(cluster, "/_cluster/settings", json!({"transient": {"cluster.blocks.read_only": null}})).await;

    let nodes = cluster.nodes().await.unwrap();
    let [node] = &nodes[..] else { panic!("{nodes:?}") };
    assert_eq!(node.request_bytes_max, Some(1 << 20));
    let (total, free) = node.disk.unwrap();
    assert!(free > 0 && free < total, "{node:?}");
    assert_eq!(cluster.who_are_we().await.unwrap(), None, "these servers ask nobody");

    cluster.put_settings("shut", &json!({"index.blocks.write": true})).await.unwrap();
    cluster.close_index("shut").await.unwrap();
    let all = cluster.settings_of_all("index.blocks.*,index.final_pipeline").await.unwrap();
    assert_eq!(all.get("shut").and_then(|settings| settings.get("index.blocks.write")), Some(&json!("true")));
}

async fn documents(cluster: &Cluster) {
    let odd = "é \"\\\t\u{1}😀/%";
    let packed = body(&[("1", b"{\"n\":1}"), (odd, b"{\n\"n\":\r\n2}"), ("1", b"{\"n\":3}"), ("2", b"{}")]);
    assert_eq!(bulk(cluster, "orders", &packed).await.unwrap(), [Written, Written, Written, Written]);
    cluster.refresh("orders").await.unwrap();
    assert_eq!(cluster.count("orders").await.unwrap(), 3);
    let path = format!("/orders/_doc/{}", "%C3%A9%20%22%5C%09%01%F0%9F%98%80%2F%25");
    let found = cluster.request(Method::GET, &path, None).await.unwrap();
    let found: Value = serde_json::from_slice(&found.body).unwrap();
    assert_eq!((found.get("_id"), found.get("_source")), (Some(&json!(odd)), Some(&json!({"n": 2}))));

    let mut packed = BulkBody::default();
    packed.push(Op::Create, "2", None, b"{\"n\":9}");
    packed.push(Op::Create, "3", Some("a,b"), b"{\"n\":9}");
    assert_eq!(bulk(cluster, "orders", &packed).await.unwrap(), [AlreadyThere, Written]);
    // The same version once more, as a redo sends it, is written; a lower one is not.
    for (version, outcome) in [(4, Written), (6, Written), (5, AlreadyThere), (6, Written)] {
        let mut packed = BulkBody::default();
        packed.push(Op::IndexVersion(version), "v0", None, b"{\"n\":4}");
        assert_eq!(bulk(cluster, "orders", &packed).await.unwrap(), [outcome], "version {version}");
    }
    let routed = cluster.request(Method::GET, "/orders/_doc/3?routing=a%2Cb", None).await.unwrap();
    let routed: Value = serde_json::from_slice(&routed.body).unwrap();
    assert_eq!(routed.get("_routing"), Some(&json!("a,b")));
}

async fn refusals_of_documents(cluster: &Cluster) {
    let mappings = json!({"dynamic": "strict", "properties": {"n": {"type": "long"}, "k": {"type": "keyword"}}});
    create(cluster, "strict", json!({}), mappings).await;
    let immense = json!({"k": "x".repeat(40_000)}).to_string();
    let too_long = "x".repeat(513);
    let bad: [(&str, &[u8]); 11] = [
        ("conflict", b"{\"n\":\"abc\"}"),
        ("strict", b"{\"m\":1}"),
        ("cut", b"{\"n\":1"),
        ("text", b"not json"),
        ("array", b"[1]"),
        ("two", b"{\"n\":1}{\"n\":2}"),
        ("utf8", b"{\"k\":\"\xff\"}"),
        ("twice", b"{\"k\":\"a\",\"k\":\"b\"}"),
        ("", b"{\"n\":1}"),
        ("immense", immense.as_bytes()),
        (&too_long, b"{\"n\":1}"),
    ];
    for (id, source) in bad {
        let packed = body(&[("before", b"{\"n\":1}"), (id, source), ("after", b"{\"n\":1}")]);
        let outcomes = bulk(cluster, "strict", &packed).await.unwrap();
        let [Written, ItemOutcome::Rejected { status: 400, kind, reason }, Written] = outcomes.as_slice() else {
            panic!("{id}: {outcomes:?}");
        };
        assert!(!kind.is_empty() && !reason.is_empty(), "{id}: {kind} {reason}");
        assert!(!reason.contains("HTTP/1.1") && !reason.contains("uthorization"), "{id}: {reason}");
    }
    cluster.refresh("strict").await.unwrap();
    assert_eq!(cluster.count("strict").await.unwrap(), 2);

    create(cluster, "routed", json!({}), json!({"_routing": {"required": true}})).await;
    let outcomes = bulk(cluster, "routed", &body(&[("1", b"{}")])).await.unwrap();
    assert!(matches!(outcomes.as_slice(), [ItemOutcome::Rejected { kind, .. }] if kind == "routing_missing_exception"));

    create(cluster, "few", json!({"index.mapping.total_fields.limit": 2}), json!({})).await;
    let outcomes = bulk(cluster, "few", &body(&[("1", b"{\"a\":1,\"b\":1}"), ("2", b"{\"c\":1}")])).await.unwrap();
    assert!(matches!(outcomes.as_slice(), [Written, ItemOutcome::Rejected { reason, .. }] if reason.contains("Limit")));
}

async fn refusals_of_the_target(cluster: &Cluster) {
    create(cluster, "open", json!({}), json!({})).await;
    stops(cluster, "missing", "index_not_found_exception", "run the metadata phase again").await;
    stops(cluster, "UPPER", "", "").await;

    create(cluster, "blocked", json!({"index.blocks.write": true}), json!({})).await;
    stops(cluster, "blocked", "403 cluster_block_exception", "remove the block").await;
    create(cluster, "flooded", json!({}), json!({})).await;
    cluster.put_settings("flooded", &json!({"index.blocks.read_only_allow_delete": true})).await.unwrap();
    stops(cluster, "flooded", "flood-stage watermark", "free disk space").await;
    set(cluster, json!({"cluster.blocks.read_only": true})).await;
    stops(cluster, "open", "cluster read-only", "remove the block").await;
    set(cluster, json!({"cluster.blocks.read_only": null})).await;

    create(cluster, "closed", json!({}), json!({})).await;
    ask(cluster, Method::POST, "/closed/_close", None).await;
    stops(cluster, "closed", "400 index_closed_exception", "open the index").await;

    create(cluster, "piped", json!({"index.final_pipeline": "nope"}), json!({})).await;
    stops(cluster, "piped", "pipeline with id [nope] does not exist", "remove index.default_pipeline").await;

    let alias = |index: &str| json!({"add": {"index": index, "alias": "several"}});
    ask(cluster, Method::POST, "/_aliases", Some(json!({"actions": [alias("open"), alias("blocked")]}))).await;
    stops(cluster, "several", "no write index is defined", "an alias of the target").await;

    set(cluster, json!({"action.auto_create_index": "true", "cluster.max_shards_per_node": 1})).await;
    stops(cluster, "one-more", "validation_exception", "raise cluster.max_shards_per_node").await;
    set(cluster, json!({"action.auto_create_index": null, "cluster.max_shards_per_node": null})).await;
    assert_eq!(bulk(cluster, "open", &body(&[("1", b"{}")])).await.unwrap(), [Written]);
}

async fn limits_of_size(cluster: &Cluster) {
    create(
        cluster,
        "sizes",
        json!({}),
        json!({"properties": {"k": {"type": "keyword", "index": false, "doc_values": false}}}),
    )
    .await;
    let document = |bytes: usize| json!({"k": "x".repeat(bytes)}).to_string().into_bytes();
    let (small, large, larger, huge) =
        (document(200_000), document(600_000), document(2_000_000), document(50_000_000));

    // Four are above the indexing pressure limit together, eight above what HTTP takes.
    for count in [4, 8] {
        let mut packed = BulkBody::default();
        (0..count).for_each(|id| packed.push(Op::Index, &id.to_string(), None, &small));
        assert_eq!(bulk(cluster, "sizes", &packed).await.unwrap(), vec![Written; count]);
    }
    for source in [large, larger, huge] {
        let outcomes = bulk(cluster, "sizes", &body(&[("a", b"{}"), ("b", &source), ("c", b"{}")])).await.unwrap();
        let [Written, ItemOutcome::Rejected { status: 413, kind, .. }, Written] = outcomes.as_slice() else {
            panic!("{} bytes: {outcomes:?}", source.len());
        };
        assert_eq!(kind, "too_large");
    }
}

/// More at once than the target takes: it says 429, and everything arrives.
async fn overload(cluster: &Cluster) {
    create(cluster, "busy", json!({}), json!({})).await;
    let log = Log::default();
    let source = json!({"k": "x".repeat(50_000)}).to_string();
    let bodies: Vec<BulkBody> = (0..16)
        .map(|number| {
            body(&[0, 1, 2, 3].map(|id| format!("{number}-{id}")).each_ref().map(|id| (id.as_str(), source.as_bytes())))
        })
        .collect();
    let cancel = CancellationToken::new();
    let options = patient();
    let calls = bodies.iter().map(|packed| cluster.bulk("busy", packed, &options, &log, &cancel));
    for outcomes in futures::future::join_all(calls).await {
        assert_eq!(outcomes.unwrap(), [Written, Written, Written, Written]);
    }
    cluster.refresh("busy").await.unwrap();
    assert_eq!(cluster.count("busy").await.unwrap(), 64);
}

/// A shard that no node holds: 503 for its items, until it is back.
async fn missing_shard(cluster: &Cluster) {
    set(cluster, json!({"cluster.routing.allocation.enable": "none"})).await;
    let path = "/unassigned?wait_for_active_shards=0";
    ask(cluster, Method::PUT, path, Some(json!({"settings": {"number_of_replicas": 0}}))).await;
    let uncounted = cluster.count("unassigned").await.unwrap_err();
    assert_eq!(uncounted.verdict(), Verdict::Retry, "{uncounted}");

    let mut impatient = ClusterOptions::new(Url::parse(cluster.endpoint()).unwrap());
    impatient.request_timeout = Duration::from_millis(300);
    let short = Cluster::connect(&impatient).unwrap();
    let log = Log::default();
    let packed = body(&[("1", b"{}")]);
    let cancel = CancellationToken::new();
    let options = patient();
    let write = short.bulk("unassigned", &packed, &options, &log, &cancel);
    let heal = async {
        while log.0.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        set(cluster, json!({"cluster.routing.allocation.enable": null})).await;
    };
    let (outcomes, ()) = tokio::join!(write, heal);
    assert_eq!(outcomes.unwrap(), [Written]);
}

/// Reasons to wait.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl BulkObserver for Log {
    fn answered(&self, _status: u16) {}

    fn backoff(&self, reason: &str, _wait: Duration) {
        self.0.lock().unwrap().push(reason.to_owned());
    }
}

fn patient() -> BulkOptions {
    let (backoff_first, backoff_max) = (Duration::from_millis(10), Duration::from_millis(200));
    BulkOptions { backoff_first, backoff_max, give_up_after: Duration::from_secs(60) }
}

fn body(documents: &[(&str, &[u8])]) -> BulkBody {
    let mut body = BulkBody::default();
    for (id, source) in documents {
        body.push(Op::Index, id, None, source);
    }
    body
}

async fn bulk(cluster: &Cluster, index: &str, body: &BulkBody) -> Result<Vec<ItemOutcome>, TargetError> {
    cluster.bulk(index, body, &patient(), &Log::default(), &CancellationToken::new()).await
}

/// A bulk request into `index` ends the load, with these words.
async fn stops(cluster: &Cluster, index: &str, said: &str, advice: &str) {
    let refused = bulk(cluster, index, &body(&[("1", b"{}"), ("2", b"{}")])).await.unwrap_err();
    assert_eq!(refused.verdict(), Verdict::Stop, "{index}: {refused}");
    let text = refused.to_string();
    assert!(text.contains(said) && text.contains(advice), "{index}: {text}");
}

async fn create(cluster: &Cluster, name: &str, settings: Value, mappings: Value) {
    let mut body = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0}, "mappings": mappings});
    if let (Some(all), Value::Object(more)) = (body.get_mut("settings").and_then(Value::as_object_mut), settings) {
        all.extend(more);
    }
    assert!(cluster.create_index(name, &body).await.unwrap());
}

async fn ask(cluster: &Cluster, method: Method, path: &str, body: Option<Value>) {
    let answer = cluster.request(method, path, body.as_ref()).await.unwrap();
    cluster.success(path, answer).unwrap();
}

async fn set(cluster: &Cluster, settings: Value) {
    ask(cluster, Method::PUT, "/_cluster/settings", Some(json!({"transient": settings}))).await;
}
