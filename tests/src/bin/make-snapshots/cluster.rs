//! The server that is filled: creates indices and writes documents, in its dialect.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::document::Document;
use tests::http::{Http, encoded};

use crate::dialect::Dialect;
use crate::truth;

/// A server and the indices that were made on it.
pub struct Cluster {
    /// The server.
    pub http: Http,
    /// What it speaks.
    pub dialect: Dialect,
    indices: Vec<String>,
    /// The documents of indices that are closed by now.
    pub closed: Vec<Document>,
}

/// One operation of a bulk request.
pub struct Op {
    action: &'static str,
    source: Option<String>,
    fields: Vec<(&'static str, Value)>,
}

impl Op {
    /// Writes `source`, JSON without line breaks, over what is there.
    pub fn index(id: &str, source: impl ToString) -> Self {
        Self { action: "index", source: Some(source.to_string()), fields: vec![("id", id.into())] }
    }

    /// Writes `source` under an id of the server's making.
    pub fn index_anew(source: impl ToString) -> Self {
        Self { action: "index", source: Some(source.to_string()), fields: Vec::new() }
    }

    /// Merges `part` into the document that is there.
    pub fn update(id: &str, part: Value) -> Self {
        Self { action: "update", source: Some(json!({"doc": part}).to_string()), fields: vec![("id", id.into())] }
    }

    /// Deletes the document that is there.
    pub fn delete(id: &str) -> Self {
        Self { action: "delete", source: None, fields: vec![("id", id.into())] }
    }

    /// With `routing`, `parent`, `version`, `version_type`, `timestamp` or `type`.
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    fn lines(&self, index: &str, dialect: Dialect) -> String {
        let mut target = json!({"_index": index});
        if let Some(doc_type) = dialect.doc_type() {
            target["_type"] = json!(doc_type);
        }
        for (name, value) in &self.fields {
            let spelt = if matches!(*name, "id" | "type") { format!("_{name}") } else { dialect.bulk_name(name) };
            target[spelt] = value.clone();
        }
        let mut lines = format!("{}\n", json!({self.action: target}));
        if let Some(source) = &self.source {
            lines.push_str(source);
            lines.push('\n');
        }
        lines
    }
}

impl Cluster {
    /// The server at `url`; it must be of the dialect's version and have no index.
    pub fn connect(url: &str, dialect: Dialect) -> Result<Self> {
        let http = Http::new(url)?;
        let state = http.get("/_cluster/state/metadata")?;
        let indices = state.pointer("/metadata/indices").and_then(Value::as_object).context("no cluster state")?;
        ensure!(indices.is_empty(), "the server has indices");
        Ok(Self { http, dialect, indices: Vec::new(), closed: Vec::new() })
    }

    /// The names of all indices, the closed ones too.
    pub fn indices(&self) -> &[String] {
        &self.indices
    }

    /// Creates an index of ordinary documents.
    pub fn create(&mut self, index: &str, shards: u32, settings: Value, mapping: Value) -> Result<()> {
        match self.dialect.doc_type() {
            Some(doc_type) => self.create_typed(index, shards, settings, json!({doc_type: mapping})),
            None => self.create_typed(index, shards, settings, mapping),
        }
    }

    /// Creates an index with `mappings` as the request has them.
    pub fn create_typed(&mut self, index: &str, shards: u32, settings: Value, mappings: Value) -> Result<()> {
        // Only what this program asks for becomes a segment.
        let mut all = json!({"number_of_shards": shards, "number_of_replicas": 0, "refresh_interval": "-1"});
        for (name, value) in settings.as_object().into_iter().flatten() {
            all[name] = value.clone();
        }
        self.http.put(&format!("/{index}"), json!({"settings": {"index": all}, "mappings": mappings}))?;
        self.http.get(&format!("/_cluster/health/{index}?wait_for_status=green&timeout=60s"))?;
        self.indices.push(index.to_owned());
        Ok(())
    }

    /// Applies `ops` to `index` and makes them a segment in each shard that got some.
    pub fn write(&self, index: &str, ops: &[Op]) -> Result<()> {
        let body: String = ops.iter().map(|op| op.lines(index, self.dialect)).collect();
        self.http.bulk(body).with_context(|| format!("write to {index}"))?;
        self.http.flush(index)
    }

    /// Writes one document as it is; `query` begins with `?` or is empty.
    pub fn put(&self, index: &str, id: &str, query: &str, content_type: &str, body: &[u8]) -> Result<()> {
        let doc_type = self.dialect.doc_type().unwrap_or("_doc");
        let path = format!("/{index}/{doc_type}/{}{query}", encoded(id));
        let answer = self.http.send(Method::PUT, &path, content_type, body)?;
        // A server answers in the format that it was asked in.
        ensure!(answer.status < 300, "PUT {path}: {}", String::from_utf8_lossy(&answer.body));
        Ok(())
    }

    /// Closes `index` and keeps what was in it.
    pub fn close(&mut self, index: &str) -> Result<()> {
        self.closed.extend(truth::documents(self, index)?);
        self.http.post(&format!("/{index}/_close"), "")?;
        Ok(())
    }

    /// Restores all open indices of the snapshot in the repository at `location`.
    pub fn restore(&mut self, location: &Path, snapshot: &str) -> Result<()> {
        let location = location.canonicalize().context("find the repository")?;
        let settings = json!({"location": location, "readonly": true});
        self.http.put("/_snapshot/restored", json!({"type": "fs", "settings": settings}))?;
        let path = format!("/_snapshot/restored/{snapshot}/_restore?wait_for_completion=true");
        self.http.post(&path, json!({"indices": "*,-closed", "ignore_unavailable": true}))?;
        self.http.get("/_cluster/health?wait_for_status=green&timeout=60s")?;
        let settings = self.http.get("/_all/_settings")?;
        self.indices = settings.as_object().context("no settings")?.keys().cloned().collect();
        Ok(())
    }
}
