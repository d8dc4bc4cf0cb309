//! What a target answers to requests: to `_bulk`, and to questions about it.
//!
//! The answers come over a socket, because that is where the public interface begins: so what reads HTTP is in it too.
//! An input is a number of items, a question, and for each answer in turn a status and a body, up to a separator.
#![no_main]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use target::{BulkBody, BulkObserver, BulkOptions, Cluster, ClusterOptions, Op};
use tokio_util::sync::CancellationToken;

const SEPARATOR: u8 = 0xff;

/// Requests that one input answers; whoever wants more gets no more.
const REQUESTS_MAX: usize = 8;

/// What the server answers next, the last first.
static ANSWERS: Mutex<Vec<(u16, Vec<u8>)>> = Mutex::new(Vec::new());

struct Rig {
    runtime: tokio::runtime::Runtime,
    cluster: Cluster,
}

static RIG: LazyLock<Rig> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream.set_nodelay(true).expect("a socket");
            std::thread::spawn(move || serve(stream));
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cluster = {
        let _inside = runtime.enter();
        Cluster::connect(&ClusterOptions::new(url.parse().expect("a URL"))).expect("a client")
    };
    Rig { runtime, cluster }
});

libfuzzer_sys::fuzz_target!(init: fuzz::seed(seeds), |input: &[u8]| {
    let [items, question, rest @ ..] = input else { return };
    let mut answers: Vec<_> = rest.split(|byte| *byte == SEPARATOR).take(REQUESTS_MAX).map(answer).collect();
    answers.reverse();
    *ANSWERS.lock().expect("no thread panics") = answers;
    RIG.runtime.block_on(ask(usize::from(items % 8), *question));
});

/// Two bytes of status, the body.
fn answer(bytes: &[u8]) -> (u16, Vec<u8>) {
    match bytes {
        [high, low, body @ ..] => (200 + (u16::from(*high) << 8 | u16::from(*low)) % 400, body.to_vec()),
        _ => (200, Vec::new()),
    }
}

async fn ask(items: usize, question: u8) {
    let cluster = &RIG.cluster;
    match question % 5 {
        0 => bulk(cluster, items).await,
        1 => drop(cluster.info().await),
        2 => drop(cluster.index("a").await),
        3 => drop(cluster.count("a").await),
        _ => drop(cluster.refresh("a").await),
    }
}

async fn bulk(cluster: &Cluster, items: usize) {
    let mut body = BulkBody::default();
    for item in 0..items {
        body.push(Op::Create, &item.to_string(), None, b"{}");
    }
    let options = BulkOptions {
        backoff_first: Duration::ZERO,
        backoff_max: Duration::ZERO,
        give_up_after: Duration::from_secs(3600),
    };
    if let Ok(outcomes) = cluster.bulk("a", &body, &options, &WhileAnswered, &CancellationToken::new()).await {
        assert_eq!(outcomes.len(), items, "every document has its outcome");
    }
}

/// No request is sent for which there is no answer.
struct WhileAnswered;

impl BulkObserver for WhileAnswered {
    fn may_send(&self) -> bool {
        !ANSWERS.lock().expect("no thread panics").is_empty()
    }

    fn answered(&self, _: u16) {}

    fn backoff(&self, _: &str, _: Duration) {}
}

/// Answers requests of one connection.
fn serve(stream: TcpStream) {
    let mut writer = stream.try_clone().expect("a socket");
    let mut reader = BufReader::new(stream);
    loop {
        let mut len = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(text) = line.strip_prefix("content-length:") {
                len = text.trim().parse().expect("a length");
            }
            if line.is_empty() {
                break;
            }
        }
        std::io::copy(&mut reader.by_ref().take(len), &mut std::io::sink()).expect("a body");
        let (status, body) = ANSWERS.lock().expect("no thread panics").pop().unwrap_or((503, Vec::new()));
        let no_body = matches!(status, 204 | 304);
        let mut head = format!("HTTP/1.1 {status} X\r\n");
        if !no_body {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        let body = if no_body { &[][..] } else { &body };
        if writer.write_all(&[head.as_bytes(), b"\r\n", body].concat()).is_err() {
            return;
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let seed = |items: u8, question: u8, answers: &[(u16, &str)]| {
        let mut seed = vec![items, question];
        for (status, body) in answers {
            seed.extend((status - 200).to_be_bytes());
            seed.extend(body.as_bytes());
            seed.push(SEPARATOR);
        }
        seed.pop();
        seed
    };
    let mapper =
        r#"{"type":"mapper_parsing_exception","reason":"failed to parse","caused_by":{"type":"x","reason":"y"}}"#;
    let two = format!(
        r#"{{"errors":true,"items":[{{"index":{{"status":201}}}},{{"create":{{"status":400,"error":{mapper}}}}}]}}"#
    );
    let jackson = r#"{"error":{"root_cause":[],"type":"parse_exception","reason":"x at [Source: (byte[])\"PO\"; line: 1, column: 8]"},"status":400}"#;
    let busy = r#"{"errors":true,"items":[{"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"coordinating_operation_bytes=9, max_coordinating_bytes=1"}}}]}"#;
    let conflict = r#"{"errors":true,"items":[{"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"r"}}}]}"#;
    let blocked = r#"{"error":{"type":"cluster_block_exception","reason":"index [a] blocked by: [FORBIDDEN/12/index read-only]"},"status":429}"#;
    let root = r#"{"name":"n","cluster_name":"c","cluster_uuid":"u","version":{"distribution":"opensearch","number":"7.10.2"}}"#;
    let nodes = r#"{"nodes":{"x":{"version":"2.19.4","build_flavor":"default"}}}"#;
    let state = r#"{"cluster_name":"c","cluster_uuid":"u","version":4}"#;
    let index = r#"{"a":{"aliases":{},"mappings":{},"settings":{"index.uuid":"u","index.creation_date":"12"}}}"#;
    let count = r#"{"count":3,"_shards":{"total":2,"successful":2,"skipped":0,"failed":0}}"#;
    vec![
        seed(2, 0, &[(200, &two)]),
        seed(1, 0, &[(200, r#"{"errors":false,"items":[{"index":{"status":200}}]}"#)]),
        seed(1, 0, &[(200, busy), (200, conflict)]),
        seed(3, 0, &[(400, jackson), (200, &two), (200, conflict)]),
        seed(
            4,
            0,
            &[(503, ""), (503, r#"{"error":"text"}"#), (502, "<html>"), (200, &two), (413, "too large"), (200, &two)],
        ),
        seed(1, 0, &[(429, blocked)]),
        seed(1, 0, &[(401, ""), (200, "{}")]),
        seed(0, 1, &[(200, root), (200, nodes)]),
        seed(0, 1, &[(405, ""), (200, nodes), (200, state)]),
        seed(0, 2, &[(200, index)]),
        seed(
            0,
            2,
            &[(404, r#"{"error":{"type":"index_not_found_exception","reason":"no such index [a]"},"status":404}"#)],
        ),
        seed(0, 3, &[(200, count)]),
        seed(0, 4, &[(200, count)]),
    ]
}
