//! Puts together the body of a `_bulk` request.

use serde_json::{Value, json};

/// The lines of one `_bulk` request for one index; sent with [`crate::http::Http::bulk`].
#[derive(Debug)]
pub struct Bulk {
    index: String,
    body: String,
}

/// Where an operation finds its document.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// The id; `None` lets the server make one.
    pub id: Option<&'a str>,
    /// The custom routing.
    pub routing: Option<&'a str>,
}

impl<'a> From<&'a str> for At<'a> {
    fn from(id: &'a str) -> Self {
        Self { id: Some(id), routing: None }
    }
}

impl<'a> From<(&'a str, &'a str)> for At<'a> {
    /// From id and routing.
    fn from((id, routing): (&'a str, &'a str)) -> Self {
        Self { id: Some(id), routing: Some(routing) }
    }
}

impl At<'_> {
    /// An id of the server's choice.
    pub const ANYWHERE: Self = Self { id: None, routing: None };
}

impl Bulk {
    /// An empty body for `index`.
    pub fn new(index: &str) -> Self {
        Self { index: index.to_owned(), body: String::new() }
    }

    /// Writes `source`, a [`Value`] or a text without line breaks, over whatever is there.
    pub fn index<'a>(&mut self, at: impl Into<At<'a>>, source: impl ToString) {
        self.action("index", at.into());
        self.line(&source.to_string());
    }

    /// Merges `part` into the document that is there.
    pub fn update<'a>(&mut self, at: impl Into<At<'a>>, part: Value) {
        self.action("update", at.into());
        self.line(&json!({"doc": part}).to_string());
    }

    /// Deletes the document that is there.
    pub fn delete<'a>(&mut self, at: impl Into<At<'a>>) {
        self.action("delete", at.into());
    }

    /// Size of the body so far, in bytes.
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    fn action(&mut self, name: &str, at: At<'_>) {
        let mut target = json!({"_index": self.index});
        for (key, value) in [("_id", at.id), ("routing", at.routing)] {
            if let (Some(target), Some(value)) = (target.as_object_mut(), value) {
                target.insert(key.to_owned(), value.into());
            }
        }
        self.line(&json!({name: target}).to_string());
    }

    fn line(&mut self, line: &str) {
        self.body.push_str(line);
        self.body.push('\n');
    }
}

impl From<Bulk> for Vec<u8> {
    fn from(bulk: Bulk) -> Self {
        bulk.body.into_bytes()
    }
}
