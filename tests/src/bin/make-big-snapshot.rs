//! `make-big-snapshot DIRECTORY [--docs 1000000]`: a snapshot large enough to measure with.
//!
//! Out: in `DIRECTORY` a filesystem repository with the snapshot `snap-1` of an Elasticsearch 7.10.2, holding the one
//! index `weblogs` (one shard): lines of a web server's log of 500 to 650 bytes, the same ones each time, with ids of
//! the server's making.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tests::bulk::{At, Bulk};
use tests::http::Http;
use tests::servers::{Options, Product, Server};

const DOCS_DEFAULT: u64 = 1_000_000;
const BULK_BYTES: usize = 5 << 20;
const HEAP_MIB: u32 = 1024;
const INDEX: &str = "weblogs";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (directory, docs) = match arguments.as_slice() {
        [directory] => (directory, DOCS_DEFAULT),
        [directory, option, docs] if option == "--docs" => (directory, docs.parse().context("--docs wants a number")?),
        _ => bail!("usage: make-big-snapshot DIRECTORY [--docs {DOCS_DEFAULT}]"),
    };
    std::fs::create_dir_all(directory).with_context(|| format!("create {directory}"))?;
    let repository = Path::new(directory).canonicalize().with_context(|| format!("find {directory}"))?;
    let options = Options { heap_mib: HEAP_MIB, ..Options::default() };
    let server = Server::start_with(Product::Elasticsearch7, options)?;
    let http = server.http()?;
    load(&http, docs).context("load")?;
    snapshot(&http, &repository).context("take the snapshot")
}

fn load(http: &Http, docs: u64) -> Result<()> {
    let settings = json!({
        "number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1",
        "translog": {"durability": "async", "flush_threshold_size": "1gb"},
    });
    let mappings = json!({"properties": {
        "@timestamp": {"type": "date"}, "host": {"type": "keyword"}, "client": {"type": "ip"},
        "method": {"type": "keyword"}, "url": {"type": "keyword"}, "status": {"type": "short"},
        "bytes": {"type": "integer"}, "took_ms": {"type": "float"}, "referrer": {"type": "keyword"},
        "agent": {"type": "keyword"}, "trace": {"type": "keyword"}, "message": {"type": "text"},
    }});
    http.put(&format!("/{INDEX}"), json!({"settings": settings, "mappings": mappings}))?;
    let started = Instant::now();
    let mut lines = LogLines::new();
    let mut source_bytes = 0;
    let mut bulk = Bulk::new(INDEX);
    for n in 1..=docs {
        let line = lines.next_line();
        source_bytes += line.len();
        bulk.index(At::ANYWHERE, line);
        if bulk.len() >= BULK_BYTES || n == docs {
            http.bulk(std::mem::replace(&mut bulk, Bulk::new(INDEX)))?;
            eprintln!("{n} documents, {} MiB of sources, {:.0?}", source_bytes >> 20, started.elapsed());
        }
    }
    http.flush(INDEX)?;
    http.refresh(INDEX)?;
    let count = http.get(&format!("/{INDEX}/_count"))?;
    let found = count.get("count").and_then(Value::as_u64);
    ensure!(found == Some(docs), "{docs} documents were sent, the server has {count}");
    Ok(())
}

fn snapshot(http: &Http, repository: &Path) -> Result<()> {
    http.put("/_snapshot/big", json!({"type": "fs", "settings": {"location": repository}}))?;
    http.put("/_snapshot/big/snap-1", json!({"indices": INDEX, "include_global_state": false}))?;
    loop {
        // A large one takes longer than a request may: it is asked after.
        let answer = http.get("/_snapshot/big/snap-1")?;
        match answer.pointer("/snapshots/0/state").and_then(Value::as_str) {
            Some("IN_PROGRESS") => std::thread::sleep(std::time::Duration::from_millis(500)),
            Some("SUCCESS") => return Ok(()),
            _ => bail!("the snapshot ended as {answer}"),
        }
    }
}

/// Log lines whose values repeat as they do in real logs: a few very often, most of them seldom.
struct LogLines {
    random: Random,
    millis: u64,
    clients: Vec<String>,
    agents: Vec<String>,
    paths: Vec<String>,
}

impl LogLines {
    fn new() -> Self {
        let mut random = Random(42);
        let clients = (0..50_000)
            .map(|_| {
                format!("{}.{}.{}.{}", 1 + random.below(222), random.below(256), random.below(256), random.below(256))
            })
            .collect();
        let agents = (0..600).map(|n| agent(&mut random, n)).collect();
        let words = ["account", "search", "cart", "product", "image", "api", "order", "blog", "help", "video", "book"];
        let paths = (0..6_000)
            .map(|n| {
                let parts: Vec<&str> = (0..1 + random.below(4)).map(|_| random.often_first(&words)).collect();
                format!("/{}-{n}{}", parts.join("/"), random.often_first(&["", ".html", ".js", ".png", "/"]))
            })
            .collect();
        Self { random, millis: 1_714_521_600_000, clients, agents, paths }
    }

    fn next_line(&mut self) -> String {
        let random = &mut self.random;
        self.millis += random.below(70);
        let time = timestamp(self.millis);
        let client = random.often_first(&self.clients);
        let method = random.often_first(&["GET", "GET", "POST", "HEAD", "PUT", "DELETE"]);
        let status = random.often_first(&[200, 200, 200, 304, 404, 301, 302, 403, 500, 503]);
        let url = format!("{}?sid={:016x}", random.often_first(&self.paths), random.next());
        let referrer = format!("https://shop.example{}", random.often_first(&self.paths));
        let bytes = random.below(200) * random.below(200);
        json!({
            "@timestamp": time, "host": format!("web-{:02}.eu-{}.example", random.below(48), random.below(3)),
            "client": client, "method": method, "url": url, "status": status, "bytes": bytes,
            "took_ms": random.below(400_000) as f64 / 1000.0, "referrer": referrer,
            "agent": random.often_first(&self.agents), "trace": format!("{:016x}{:016x}", random.next(), random.next()),
            "message": format!("{client} - - [{time}] \"{method} {url} HTTP/1.1\" {status} {bytes} \"{referrer}\""),
        })
        .to_string()
    }
}

fn agent(random: &mut Random, n: u64) -> String {
    let (major, build) = (80 + random.below(60), random.below(6000));
    match n % 3 {
        0 => format!(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/{major}.0.{build}.0 Safari/537.36"
        ),
        1 => format!(
            "Mozilla/5.0 (iPhone; CPU iPhone OS {}_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
             Version/{major}.0 Mobile/15E{build} Safari/604.1",
            major / 8
        ),
        _ => format!("Mozilla/5.0 (X11; Linux x86_64; rv:{major}.0) Gecko/{build} Firefox/{major}.0"),
    }
}

/// Within one month, which is as far as these logs go.
fn timestamp(millis: u64) -> String {
    let in_may = millis - 1_714_521_600_000;
    let (seconds, minutes, hours) = (in_may / 1000, in_may / 60_000, in_may / 3_600_000);
    format!(
        "2024-05-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        1 + hours / 24 % 31,
        hours % 24,
        minutes % 60,
        seconds % 60,
        in_may % 1000
    )
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every machine and in every year.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// One of `choices`; the first ones much more often (by the cube of an even distribution).
    fn often_first<T: Clone + Default>(&mut self, choices: &[T]) -> T {
        let even = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        choices.get((even.powi(3) * choices.len() as f64) as usize).cloned().unwrap_or_default()
    }
}
