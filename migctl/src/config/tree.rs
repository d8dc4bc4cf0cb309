//! YAML → a tree that knows where everything stands.
//!
//! In: the text of a file. Out: its nodes with byte ranges; what YAML allows and a configuration doesn't (aliases, tags,
//! several documents) as faults.
//! Holds: depth and size are bounded; nothing is expanded, so nothing is longer than the file; no fault repeats a value.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span};

/// Levels that a configuration may have; its deepest field is at the sixth.
const DEPTH_MAX: usize = 32;
/// A configuration is a page or two.
const BYTES_MAX: usize = 1 << 20;

/// A value in the file.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it stands, in bytes.
    pub span: Range<usize>,
    /// What it is.
    pub kind: NodeKind,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum NodeKind {
    /// A text, number, switch, or nothing; `quoted` is always a text.
    Scalar {
        /// What it says.
        text: String,
        /// It stands in quotes or is a block.
        quoted: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// Fields.
    Map(Vec<Entry>),
    /// What is among the faults already.
    Faulty,
}

/// A field and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The field's name.
    pub key: String,
    /// Where the name stands.
    pub key_span: Range<usize>,
    /// What it says.
    pub value: Node,
}

/// What can't be read.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Where.
    pub span: Range<usize>,
    /// What is wrong.
    pub what: String,
    /// What is allowed.
    pub allowed: String,
}

/// A file as it was read.
#[derive(Debug, Default)]
pub struct Tree {
    /// The outermost value, where the file could be read to its end.
    pub root: Option<Node>,
    /// What is no part of a configuration.
    pub faults: Vec<Fault>,
}

/// Reads a file.
pub fn read(text: &str) -> Tree {
    let mut builder = Builder::default();
    if text.len() > BYTES_MAX {
        builder.fault(0..0, "the file has more than 1 MiB", "a configuration is a page or two: is this another file?");
        return builder.tree;
    }
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => {
                if builder.take(event, &bytes(&span, text)).is_none() {
                    break;
                }
            }
            Err(error) => {
                builder.syntax(text, error.marker().byte_offset().unwrap_or_default(), &error.info());
                builder.tree.root = None;
                break;
            }
        }
    }
    builder.tree
}

/// The bytes of a span that hold more than blanks at its end.
fn bytes(span: &Span, text: &str) -> Range<usize> {
    let range = span.byte_range().unwrap_or_default();
    let kept = text.get(range.clone()).map_or(0, |text| text.trim_end().len());
    range.start..range.start.saturating_add(kept)
}

/// What is open around the next event.
enum Open {
    List { start: usize, items: Vec<Node> },
    Map { start: usize, entries: Vec<Entry>, key: Option<(String, Range<usize>)> },
}

#[derive(Default)]
struct Builder {
    tree: Tree,
    open: Vec<Open>,
}

impl Builder {
    /// Takes the next event; nothing once the rest can't matter.
    fn take(&mut self, event: Event<'_>, span: &Range<usize>) -> Option<()> {
        match event {
            Event::MappingStart(_, _, tag) => {
                self.tag(tag.is_some(), span);
                self.open.push(Open::Map { start: span.start, entries: Vec::new(), key: None });
            }
            Event::SequenceStart(_, _, tag) => {
                self.tag(tag.is_some(), span);
                self.open.push(Open::List { start: span.start, items: Vec::new() });
            }
            Event::MappingEnd | Event::SequenceEnd => {
                let (start, kind) = match self.open.pop()? {
                    Open::List { start, items } => (start, NodeKind::List(items)),
                    Open::Map { start, entries, .. } => (start, NodeKind::Map(entries)),
                };
                self.value(Node { span: start..span.end.max(start), kind });
            }
            Event::Scalar(text, style, _, tag) => {
                self.tag(tag.is_some(), span);
                let quoted = style != ScalarStyle::Plain;
                // For the parser nothing is `~`.
                let text = if span.is_empty() { "".into() } else { text };
                self.value(Node { span: span.clone(), kind: NodeKind::Scalar { text: text.into_owned(), quoted } });
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.fault(
                    span.clone(),
                    "this is an alias (`*NAME`), which is not read here",
                    "write out what it stands for; a text that begins with `*` stands in quotes",
                );
                self.value(Node { span: span.clone(), kind: NodeKind::Faulty });
            }
            Event::DocumentStart(..) if self.tree.root.is_some() => {
                let allowed = "one file holds one configuration: put the other one into a file of its own";
                self.fault(span.clone(), "a second document begins here", allowed);
                return None;
            }
            _ => {}
        }
        Some(())
    }

    fn value(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.tree.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match (key.take(), node.kind) {
                (Some((key, key_span)), kind) => {
                    entries.push(Entry { key, key_span, value: Node { span: node.span, kind } });
                }
                (None, NodeKind::Scalar { text, .. }) => *key = Some((text, node.span)),
                (None, NodeKind::Faulty) => *key = Some((String::new(), node.span)),
                (None, _) => {
                    *key = Some((String::new(), node.span.clone()));
                    self.fault(node.span, "a field's name is a word, not a list and not fields", "write `NAME: VALUE`");
                }
            },
        }
    }

    fn tag(&mut self, there: bool, span: &Range<usize>) {
        if there {
            let allowed = "leave out the `!` and the word behind it; a text that begins with `!` stands in quotes";
            self.fault(span.clone(), "this has a tag (`!NAME`), which is not read here", allowed);
        }
    }

    fn syntax(&mut self, text: &str, at: usize, why: &str) {
        let at = text.floor_char_boundary(at.min(text.len()));
        let line = text.get(..at).map_or("", |before| before.rsplit('\n').next().unwrap_or_default());
        let rest = text.get(at..).unwrap_or_default().lines().next().unwrap_or_default();
        let indent = |line: &str| line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t');
        if indent(&format!("{line}{rest}")) {
            let start = at.saturating_sub(line.len());
            let tab = text.get(start..).and_then(|line| line.find('\t')).map_or(at, |tab| start.saturating_add(tab));
            self.fault(tab..tab.saturating_add(1), "a tab indents this line", "YAML wants spaces: two a level");
            return;
        }
        let end = at.saturating_add(rest.chars().next().map_or(0, char::len_utf8));
        self.fault(
            at..end,
            format!("this is not YAML: {why}"),
            "fields are `NAME: VALUE`, one a line, indented with spaces",
        );
    }

    fn fault(&mut self, span: Range<usize>, what: impl Into<String>, allowed: impl Into<String>) {
        self.tree.faults.push(Fault { span, what: what.into(), allowed: allowed.into() });
    }
}

impl Node {
    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Nothing stands there at all.
    pub fn is_blank(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar { text, quoted: false } if text.is_empty())
    }

    /// It says that there is nothing.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar { text, quoted: false } if matches!(text.as_str(), "~" | "null" | "Null" | "NULL"))
    }

    /// Where the field of that path stands, or the innermost of those around it: its value where that is a word, else
    /// its name.
    pub fn find(&self, path: &str) -> Range<usize> {
        let mut found = self.span.start..self.span.start;
        let (mut node, mut rest) = (self, path);
        while let NodeKind::Map(entries) = &node.kind {
            if found.is_empty()
                && let Some(first) = entries.first()
            {
                found = first.key_span.clone();
            }
            // The names of settings may hold dots themselves.
            let entry = entries.iter().find(|entry| {
                rest.strip_prefix(entry.key.as_str()).is_some_and(|after| after.is_empty() || after.starts_with('.'))
            });
            let Some(entry) = entry else { break };
            rest = rest.get(entry.key.len()..).unwrap_or_default().trim_start_matches('.');
            node = &entry.value;
            found = if node.text().is_some_and(|text| !text.is_empty()) {
                node.span.clone()
            } else {
                entry.key_span.clone()
            };
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_text() {
        let text = "name: Zoë\nsnapshot:\n  repository: {path: repo}\n  x.y: [a, 'b']\n";
        let tree = read(text);
        assert!(tree.faults.is_empty(), "{:?}", tree.faults);
        let root = tree.root.unwrap();
        for (path, expected) in [
            ("name", "Zoë"),
            ("snapshot", "snapshot"),
            ("snapshot.create.name", "snapshot"),
            ("snapshot.repository.path", "repo"),
            ("snapshot.x.y", "x.y"),
            ("target", "name"),
        ] {
            assert_eq!(&text[root.find(path)], expected, "{path}");
        }
    }

    #[test]
    fn depth_size_and_aliases_are_bounded() {
        for text in [
            format!("a: {}", "[".repeat(100_000)),
            format!("a: {}1{}", "[".repeat(40), "]".repeat(40)),
            format!("a: {}", "x".repeat(BYTES_MAX)),
        ] {
            let tree = read(&text);
            assert_eq!((tree.faults.len(), tree.root.is_none()), (1, true), "{:?}", tree.faults);
        }
        let tree = read("a: &a [1]\nb: *a\nc: *nope\nd: !x 1\n? [k]\n: v\n");
        assert_eq!(tree.faults.len(), 4, "{:?}", tree.faults);
        assert!(tree.root.is_some());
    }
}
