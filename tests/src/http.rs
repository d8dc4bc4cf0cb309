//! Talks to a test server: JSON in, JSON out, and whole indices as documents.
//!
//! Holds: blocks the caller, inside an async runtime as outside of one; every request has a time limit.

use std::sync::LazyLock;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::document::Document;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
const SCROLL_PAGE_DOCS: usize = 500;

/// A client for one server.
#[derive(Debug, Clone)]
pub struct Http {
    base: String,
    client: reqwest::Client,
}

/// What a server said, whether it agreed or not.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON, if the server agreed.
    ///
    /// # Errors
    /// With the server's words for any status but 2xx, and where the body is no JSON.
    pub fn json(&self) -> Result<Value> {
        let said = String::from_utf8_lossy(&self.body);
        if !(200..300).contains(&self.status) {
            bail!("status {}: {said}", self.status);
        }
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {said}"))
    }
}

impl Http {
    /// A client for the server at `url`.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn new(url: &str) -> Result<Self> {
        // An error means that the process has a provider already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).build().context("make an HTTP client")?;
        Ok(Self { base: url.trim_end_matches('/').to_owned(), client })
    }

    /// Sends one request; `path` begins with a slash and is encoded already.
    ///
    /// # Errors
    /// Where no whole answer comes.
    pub fn send(&self, method: Method, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Result<Answer> {
        let body = body.into();
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.base));
        if !body.is_empty() {
            request = request.header("content-type", content_type).body(body);
        }
        let exchange = async move {
            let response = request.send().await?;
            let status = response.status().as_u16();
            Ok(Answer { status, body: response.bytes().await?.to_vec() })
        };
        let answer: Result<Answer, reqwest::Error> = wait_for(exchange)?;
        answer.with_context(|| format!("{method} {path}"))
    }

    /// GET.
    ///
    /// # Errors
    /// Where the server can't be asked or disagrees; so of all below.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.json(Method::GET, path, "")
    }

    /// DELETE.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub fn delete(&self, path: &str) -> Result<Value> {
        self.json(Method::DELETE, path, "")
    }

    /// PUT; `body` is a [`Value`] or the text itself.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub fn put(&self, path: &str, body: impl ToString) -> Result<Value> {
        self.json(Method::PUT, path, &body.to_string())
    }

    /// POST; `body` is a [`Value`] or the text itself.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub fn post(&self, path: &str, body: impl ToString) -> Result<Value> {
        self.json(Method::POST, path, &body.to_string())
    }

    /// `_bulk` with the lines of `body`, each ended by a line break.
    ///
    /// # Errors
    /// As [`Http::get`], and with the first item that failed.
    pub fn bulk(&self, body: impl Into<Vec<u8>>) -> Result<Value> {
        let answer = self.send(Method::POST, "/_bulk", "application/x-ndjson", body)?.json().context("POST /_bulk")?;
        if answer.get("errors") == Some(&json!(false)) {
            return Ok(answer);
        }
        let failed =
            |item: &&Value| item.as_object().into_iter().flatten().any(|(_, result)| result.get("error").is_some());
        let first = answer.get("items").and_then(Value::as_array).into_iter().flatten().find(failed);
        bail!("bulk failed: {}", first.unwrap_or(&answer))
    }

    /// Makes what was written to `index` visible to searches.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub fn refresh(&self, index: &str) -> Result<()> {
        self.post(&format!("/{}/_refresh", encoded(index)), "").map(drop)
    }

    /// Writes what `index` holds in memory as a segment.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub fn flush(&self, index: &str) -> Result<()> {
        self.post(&format!("/{}/_flush?force=true", encoded(index)), "").map(drop)
    }

    /// Every document of the one index `index` that is visible, in no particular order, its source as the server
    /// answers it.
    ///
    /// # Errors
    /// As [`Http::get`], and where a shard fails.
    pub fn documents(&self, index: &str) -> Result<Vec<Document>> {
        let query = json!({"size": SCROLL_PAGE_DOCS, "sort": ["_doc"], "version": true, "seq_no_primary_term": true});
        let mut page = self.page(&format!("/{}/_search?scroll=2m", encoded(index)), &query)?;
        let mut documents = Vec::new();
        while !page.hits.hits.is_empty() {
            documents.append(&mut page.hits.hits);
            page = self.page("/_search/scroll", &json!({"scroll": "2m", "scroll_id": page.scroll_id}))?;
        }
        let scroll = json!({"scroll_id": page.scroll_id}).to_string();
        self.json(Method::DELETE, "/_search/scroll", &scroll)?;
        Ok(documents)
    }

    fn page(&self, path: &str, query: &Value) -> Result<Page> {
        let answer = self.send(Method::POST, path, "application/json", query.to_string())?;
        answer.json().with_context(|| format!("POST {path}"))?;
        // Once more from the text: a source must not pass through a `Value`.
        let page: Page = serde_json::from_slice(&answer.body).context("read a page of a search")?;
        if page.shards.failed > 0 {
            bail!("POST {path}: {} shards failed: {}", page.shards.failed, String::from_utf8_lossy(&answer.body));
        }
        Ok(page)
    }

    fn json(&self, method: Method, path: &str, body: &str) -> Result<Value> {
        let answer = self.send(method.clone(), path, "application/json", body)?;
        answer.json().with_context(|| format!("{method} {path}"))
    }
}

/// `name` as one segment of a path.
pub fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

/// One page of a search, as much of it as is needed.
#[derive(Deserialize)]
struct Page {
    #[serde(rename = "_scroll_id")]
    scroll_id: String,
    #[serde(rename = "_shards")]
    shards: Shards,
    hits: Hits,
}

#[derive(Deserialize)]
struct Shards {
    failed: u32,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<Document>,
}

/// Runs `future` on a runtime of this module's own: a test's runtime must not be blocked on from within.
fn wait_for<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> Result<T> {
    static RUNTIME: LazyLock<std::io::Result<Runtime>> =
        LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build());
    let runtime = RUNTIME.as_ref().map_err(|error| anyhow::anyhow!("start a runtime: {error}"))?;
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime.spawn(async move { sender.send(future.await).ok() });
    receiver.recv().context("the request was dropped")
}
