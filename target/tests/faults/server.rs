//! An HTTP server that does wrong on demand: what a real one can't be made to do.
//!
//! In: a script, one [`Reply`] per request. Out: what was asked. A request beyond the script is answered with 599.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use target::{Cluster, ClusterOptions, Url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a request is answered with.
pub enum Reply {
    /// A status and a body.
    Answer(u16, String),
    /// 200 and an answer per item, made from the item's id: a status, and an error type for those that fail.
    Items(fn(&str) -> (u16, &'static str)),
    /// These bytes, then the connection closes.
    Raw(String),
    /// The connection closes.
    Close,
    /// Nothing, and the connection stays open.
    Hang,
}

/// A request as it came.
pub struct Request {
    pub head: String,
    pub body: String,
}

impl Request {
    /// The ids of the items in the body.
    pub fn ids(&self) -> Vec<String> {
        let actions = self.body.lines().step_by(2);
        let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["index"]["_id"].as_str().unwrap().to_owned();
        actions.map(id).collect()
    }
}

/// The running server; ends when dropped.
pub struct Server {
    url: Url,
    requests: Arc<Mutex<Vec<Request>>>,
    script: Arc<Mutex<VecDeque<Reply>>>,
    task: JoinSet<()>,
}

impl Server {
    pub async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new(Mutex::new(script.into_iter().collect()));
        let mut task = JoinSet::new();
        task.spawn(accept(listener, Arc::clone(&requests), Arc::clone(&script)));
        Self { url, requests, script, task }
    }

    pub fn options(&self) -> ClusterOptions {
        ClusterOptions::new(self.url.clone())
    }

    pub fn cluster(&self) -> Cluster {
        Cluster::connect(&self.options()).unwrap()
    }

    /// Ends the server; its port is closed then.
    pub async fn stop(mut self) {
        self.task.shutdown().await;
    }

    /// Whether nothing was asked yet.
    pub fn is_unused(&self) -> bool {
        self.requests.lock().unwrap().is_empty()
    }

    /// What was asked so far; the whole script must be used up.
    pub fn requests(&self) -> Vec<Request> {
        assert_eq!(self.script.lock().unwrap().len(), 0, "replies were left over");
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    /// The ids of each bulk request so far, as one word each.
    pub fn bulks(&self) -> Vec<String> {
        self.requests().iter().map(|request| request.ids().join(" ")).collect()
    }
}

async fn accept(listener: TcpListener, requests: Arc<Mutex<Vec<Request>>>, script: Arc<Mutex<VecDeque<Reply>>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(converse(stream, Arc::clone(&requests), Arc::clone(&script)));
    }
}

async fn converse(mut stream: TcpStream, requests: Arc<Mutex<Vec<Request>>>, script: Arc<Mutex<VecDeque<Reply>>>) {
    while let Some(request) = read(&mut stream).await {
        let reply = script.lock().unwrap().pop_front();
        let answer = match &reply {
            None => http(599, "beyond the script"),
            Some(Reply::Answer(status, body)) => http(*status, body),
            Some(Reply::Items(item)) => http(200, &items(&request, *item)),
            Some(Reply::Raw(bytes)) => bytes.clone(),
            Some(Reply::Close | Reply::Hang) => String::new(),
        };
        requests.lock().unwrap().push(request);
        if matches!(reply, Some(Reply::Hang)) {
            std::future::pending::<()>().await;
        }
        if stream.write_all(answer.as_bytes()).await.is_err() || matches!(reply, Some(Reply::Raw(_) | Reply::Close)) {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let length: usize = length.unwrap_or(0);
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { head, body: String::from_utf8(bytes[end..].to_vec()).unwrap() })
}

fn http(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn items(request: &Request, item: fn(&str) -> (u16, &'static str)) -> String {
    let answers: Vec<Value> = request
        .ids()
        .iter()
        .map(|id| match item(id) {
            (status, "") => json!({"index": {"status": status}}),
            (status, kind) => json!({"index": {"status": status, "error": {"type": kind, "reason": "because"}}}),
        })
        .collect();
    let errors = answers.iter().any(|answer| answer["index"].get("error").is_some());
    json!({"errors": errors, "items": answers}).to_string()
}

/// The error of a whole request.
pub fn error(status: u16, kind: &str, reason: &str) -> Reply {
    Reply::Answer(status, json!({"error": {"type": kind, "reason": reason}, "status": status}).to_string())
}

/// Every item is written.
pub fn written() -> Reply {
    Reply::Items(|_| (201, ""))
}
