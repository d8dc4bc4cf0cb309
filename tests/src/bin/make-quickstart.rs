//! Makes `examples/quickstart/`: a snapshot that a real Elasticsearch 7.10.2 wrote, and what it answered about it.
//!
//! Out: `repository/` (a filesystem repository with the snapshot `snap-1`) and `truth.ndjson` (every document of it,
//! sorted, its source as the server spelt it). Some 500 documents in four indices, with what makes a migration
//! harder than a copy: updates and deletes over several segments, custom routing, one id under two routings, nested
//! documents, sources that are no compact JSON, external versions.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::bulk::{At, Bulk};
use tests::http::Http;
use tests::servers::{Product, Server};

const INDICES: [&str; 4] = ["books", "orders", "products", "weblogs-2024.05"];
const TITLES: [&str; 8] = ["Sea", "Night", "Straße", "Garden", "東京", "Letters", "Winter", "Économie"];
const CUSTOMERS: [&str; 5] = ["anna", "bruno", "chen", "dmitri", "esin"];
const PATHS: [&str; 6] = ["/", "/search?q=sea", "/cart", "/books/12", "/login", "/img/cover.png"];

fn main() -> Result<()> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart");
    let server = Server::start(Product::Elasticsearch7)?;
    let http = server.http()?;
    books(&http).context("write books")?;
    orders(&http).context("write orders")?;
    products(&http).context("write products")?;
    weblogs(&http).context("write weblogs")?;
    snapshot(&http, &directory.join("repository")).context("take the snapshot")?;
    let documents = write_truth(&http, &directory.join("truth.ndjson")).context("write the truth")?;
    eprintln!("{documents} documents in {}", directory.display());
    Ok(())
}

/// Nested documents, a custom analyzer, two shards; every segment but the last has deleted documents.
fn books(http: &Http) -> Result<()> {
    let settings = json!({
        "number_of_shards": 2, "number_of_replicas": 0, "refresh_interval": "-1",
        "analysis": {
            "filter": {"stops": {"type": "stop", "stopwords": ["the", "of"]}},
            "analyzer": {"title": {"type": "custom", "tokenizer": "standard", "filter": ["lowercase", "stops"]}},
        },
    });
    let editions = json!({"type": "nested", "properties": {"year": {"type": "short"}, "isbn": {"type": "keyword"}}});
    let mappings = json!({"properties": {
        "title": {"type": "text", "analyzer": "title", "fields": {"raw": {"type": "keyword"}}},
        "pages": {"type": "integer"}, "in_print": {"type": "boolean"}, "editions": editions,
    }});
    let aliases = json!({"library": {}, "in-print": {"filter": {"term": {"in_print": true}}}});
    http.put("/books", json!({"settings": settings, "mappings": mappings, "aliases": aliases}))?;
    for round in 0..3 {
        let mut bulk = Bulk::new("books");
        for n in round * 50..(round + 1) * 50 {
            bulk.index(format!("book-{n}").as_str(), book(n));
        }
        http.bulk(bulk)?;
        http.flush("books")?;
    }
    let mut bulk = Bulk::new("books");
    for n in (0..150).step_by(7) {
        bulk.update(format!("book-{n}").as_str(), json!({"in_print": false, "pages": 1}));
    }
    for n in (3..150).step_by(10) {
        bulk.delete(format!("book-{n}").as_str());
    }
    http.bulk(bulk)?;
    http.flush("books")
}

fn book(n: usize) -> Value {
    let editions: Vec<Value> =
        (0..n % 4).map(|e| json!({"year": 1950 + n % 70 + e, "isbn": format!("978-{:09}-{e}", n * 7919)})).collect();
    json!({
        "title": format!("The {} of {}", pick(&TITLES, n), pick(&TITLES, n / 8)),
        "pages": 90 + n * 13 % 700, "in_print": !n.is_multiple_of(3), "editions": editions,
    })
}

/// Custom routing: a customer's orders are in one shard, and each customer has one order with the id `cart`.
fn orders(http: &Http) -> Result<()> {
    let settings = json!({"number_of_shards": 2, "number_of_replicas": 0, "refresh_interval": "-1"});
    let mappings = json!({
        "_routing": {"required": true},
        "properties": {"customer": {"type": "keyword"}, "total": {"type": "scaled_float", "scaling_factor": 100}},
    });
    let aliases = json!({"orders-anna": {"routing": "anna", "filter": {"term": {"customer": "anna"}}}});
    http.put("/orders", json!({"settings": settings, "mappings": mappings, "aliases": aliases}))?;
    for round in 0..2 {
        let mut bulk = Bulk::new("orders");
        for n in round * 60..(round + 1) * 60 {
            let customer = pick(&CUSTOMERS, n);
            let order =
                json!({"customer": customer, "total": (n * 137 % 9000) as f64 / 100.0, "paid": n.is_multiple_of(2)});
            bulk.index((format!("order-{n}").as_str(), customer), order);
            bulk.index(("cart", customer), json!({"customer": customer, "items": n % 6}));
        }
        http.bulk(bulk)?;
        http.flush("orders")?;
    }
    let mut bulk = Bulk::new("orders");
    for n in (0..120).step_by(9) {
        bulk.delete((format!("order-{n}").as_str(), pick(&CUSTOMERS, n)));
    }
    http.bulk(bulk)?;
    http.flush("orders")?;
    http.refresh("orders")?;
    // Documents of one id and one shard replace each other; the customers were chosen to be in both shards.
    let carts = http.documents("orders")?.iter().filter(|document| document.id == "cart").count();
    ensure!(carts == 2, "{carts} documents have the id cart, in two shards");
    Ok(())
}

/// Versions that another system gave, and sources as people and programs write them.
fn products(http: &Http) -> Result<()> {
    let settings = json!({"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"});
    let mappings = json!({"properties": {"raw": {"type": "object", "enabled": false}}});
    let aliases = json!({"shop": {"is_write_index": true}});
    http.put("/products", json!({"settings": settings, "mappings": mappings, "aliases": aliases}))?;
    let sources = [
        "{\"raw\": {\"big\": 12345678901234567890123, \"price\": 1.10, \"minus\": -0, \"exp\": 1E+2}}",
        "{\n  \"raw\" : {\n    \"pretty\" : [ 1,\n 2 ]\n  }\n}",
        "{\"raw\":{\"text\":\"\\u00e9\\/\\ud83d\\ude00 é😀\",\"\":[],\"dot.ted\":null}}",
        "{}",
    ];
    for n in 0..40 {
        let version = 1_700_000_000_000_u64 + n;
        let path = format!("/products/_doc/{n}?version={version}&version_type=external");
        http.put(&path, sources.iter().cycle().nth(n as usize).context("no source")?)?;
        if n == 20 {
            http.flush("products")?;
        }
    }
    for n in (0..40).step_by(8) {
        http.delete(&format!("/products/_doc/{n}?version={}&version_type=external", 1_800_000_000_000_u64))?;
    }
    http.flush("products")
}

/// Log lines with ids of the server's making, in an index that a template made and that is compressed best.
fn weblogs(http: &Http) -> Result<()> {
    let template = json!({
        "settings": {"number_of_shards": 1, "number_of_replicas": 0, "codec": "best_compression",
                     "refresh_interval": "-1"},
        "mappings": {"properties": {"@timestamp": {"type": "date"}, "client": {"type": "ip"},
                                    "path": {"type": "keyword"}, "status": {"type": "short"}}},
        "aliases": {"weblogs": {}},
    });
    http.put(
        "/_index_template/weblogs",
        json!({"index_patterns": ["weblogs-*"], "priority": 10, "template": template}),
    )?;
    let index = "weblogs-2024.05";
    let mut first_id = None;
    for round in 0..4 {
        let mut bulk = Bulk::new(index);
        for n in round * 50..(round + 1) * 50 {
            bulk.index(At::ANYWHERE, log_line(n));
        }
        let answer = http.bulk(bulk)?;
        first_id = answer.pointer("/items/0/index/_id").and_then(Value::as_str).map(str::to_owned);
        http.flush(index)?;
    }
    let mut bulk = Bulk::new(index);
    bulk.delete(first_id.context("the server gave no id")?.as_str());
    http.bulk(bulk)?;
    http.flush(index)
}

fn log_line(n: usize) -> Value {
    json!({
        "@timestamp": format!("2024-05-{:02}T{:02}:{:02}:00.{:03}Z", 1 + n / 10, n % 24, n * 7 % 60, n * 37 % 1000),
        "client": format!("192.0.2.{}", n * 31 % 250), "method": if n.is_multiple_of(9) { "POST" } else { "GET" },
        "path": pick(&PATHS, n), "status": if n.is_multiple_of(17) { 404 } else { 200 }, "bytes": n * 977 % 40_000,
        "agent": "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0",
    })
}

fn pick<'a>(choices: &[&'a str], n: usize) -> &'a str {
    choices.iter().cycle().nth(n).copied().unwrap_or_default()
}

fn snapshot(http: &Http, repository: &Path) -> Result<()> {
    if repository.try_exists()? {
        fs::remove_dir_all(repository).context("remove the old repository")?;
    }
    fs::create_dir_all(repository).context("create the repository")?;
    let location: PathBuf = repository.canonicalize().context("find the repository")?;
    http.put("/_snapshot/quickstart", json!({"type": "fs", "settings": {"location": location}}))?;
    let wanted = json!({"indices": INDICES.join(","), "include_global_state": true});
    let answer = http.put("/_snapshot/quickstart/snap-1?wait_for_completion=true", wanted)?;
    let state = answer.pointer("/snapshot/state").and_then(Value::as_str);
    ensure!(state == Some("SUCCESS"), "the snapshot ended as {answer}");
    Ok(())
}

fn write_truth(http: &Http, file: &Path) -> Result<usize> {
    let mut documents = Vec::new();
    for index in INDICES {
        http.refresh(index)?;
        documents.extend(http.documents(index)?);
    }
    documents.sort_by_key(|document| document.key());
    let lines = documents.iter().map(|document| Ok(document.to_line()? + "\n")).collect::<Result<String>>()?;
    fs::write(file, lines)?;
    Ok(documents.len())
}
