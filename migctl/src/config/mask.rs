//! Which parts of a file may be a secret: they are never shown, in no message and no source line.
//!
//! Holds: whatever stands where a secret, or who we are, belongs is hidden, unless it names a place of a secret. A
//! secret that is hidden under another name is not known to be one.

use std::ops::Range;

use protocol::spec::format;

use super::tree::{Entry, Node, NodeKind};

/// Stands for a secret, whatever its length.
const SHOWN: &str = "***";

/// Fields within `auth` that hold no secret.
const PUBLIC: [&str; 4] = ["username", "user", "region", "service"];
/// Fields that say where a secret is.
const PLACES: [&str; 3] = ["env", "file", "kubernetesSecret"];

/// A file whose secrets are hidden.
#[derive(Debug)]
pub struct Masked {
    /// What may be shown.
    pub text: String,
    /// What was hidden: ranges of the file, in order, apart from each other.
    hidden: Vec<Range<usize>>,
}

impl Masked {
    /// Hides what may be a secret in a file that could be read.
    pub fn of_tree(text: &str, root: &Node) -> Self {
        let mut found = Vec::new();
        look(root, Place::Elsewhere, &mut found);
        Self::new(text, found)
    }

    /// Hides what may be a secret in a file that could not be read: the rest of every line that names one, and the lines
    /// without a name behind it.
    pub fn of_lines(text: &str) -> Self {
        let (mut found, mut start, mut secret) = (Vec::new(), 0_usize, false);
        for line in text.split_inclusive('\n') {
            let end = start.saturating_add(line.trim_end().len());
            if let Some(colon) = line.match_indices(':').map(|(at, _)| at).find(|at| begins_secret(line, *at)) {
                secret = true;
                found.push(start.saturating_add(colon).saturating_add(1)..end);
            } else if line.contains(':') {
                secret = false;
            } else if secret {
                found.push(start..end);
            }
            start = start.saturating_add(line.len());
        }
        Self::new(text, found)
    }

    fn new(text: &str, mut ranges: Vec<Range<usize>>) -> Self {
        ranges.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
        let (mut shown, mut hidden, mut at) = (String::with_capacity(text.len()), Vec::new(), 0_usize);
        for range in ranges {
            // What follows a name may begin with blanks, which are no secret.
            let blanks = text.get(range.clone()).map_or(0, |text| text.len() - text.trim_start().len());
            let range = range.start.saturating_add(blanks)..range.end;
            if range.start < at || range.is_empty() {
                continue;
            }
            shown.push_str(text.get(at..range.start).unwrap_or_default());
            shown.push_str(SHOWN);
            at = range.end;
            hidden.push(range);
        }
        shown.push_str(text.get(at..).unwrap_or_default());
        Self { text: shown, hidden }
    }

    /// Where a range of the file is in what is shown.
    pub fn shown(&self, range: &Range<usize>) -> Range<usize> {
        let (start, end) = (self.at(range.start, false), self.at(range.end, true));
        let start = self.text.floor_char_boundary(start.min(self.text.len()));
        start..self.text.ceil_char_boundary(end.clamp(start, self.text.len()))
    }

    /// Where a place of the file is in what is shown; of what is hidden, the beginning or the end.
    fn at(&self, place: usize, end: bool) -> usize {
        let (mut longer, mut shorter) = (0_usize, 0_usize);
        for hidden in self.hidden.iter().take_while(|hidden| hidden.start < place) {
            if place < hidden.end {
                let start = (hidden.start + longer).saturating_sub(shorter);
                return if end { start + SHOWN.len() } else { start };
            }
            longer += SHOWN.len();
            shorter += hidden.len();
        }
        (place + longer).saturating_sub(shorter)
    }

    /// Whether a part of the range is hidden.
    pub fn hides(&self, range: &Range<usize>) -> bool {
        self.hidden.iter().any(|hidden| hidden.start < range.end && range.start < hidden.end)
    }
}

/// Where a field is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Elsewhere,
    /// In `auth`, or in one of its kinds.
    Auth,
    /// Where it is said where a secret is.
    Secret,
}

fn look(node: &Node, place: Place, found: &mut Vec<Range<usize>>) {
    match &node.kind {
        NodeKind::Map(entries) => entries.iter().for_each(|entry| field(entry, place, found)),
        NodeKind::List(items) => items.iter().for_each(|item| look(item, place, found)),
        NodeKind::Scalar { .. } | NodeKind::Faulty => {}
    }
}

fn field(entry: &Entry, place: Place, found: &mut Vec<Range<usize>>) {
    let (key, value) = (entry.key.as_str(), &entry.value);
    // From behind the name: a tag or an anchor before the value may be the secret, too.
    let all = entry.key_span.end.saturating_add(1)..value.span.end;
    let is_map = matches!(value.kind, NodeKind::Map(_));
    let is_hidden = match place {
        // No variable can be called so: it is rather the secret itself.
        Place::Secret if key == "env" => {
            is_map || value.text().is_none_or(|name| format::check("variable", name).is_err())
        }
        Place::Secret if PLACES.contains(&key) => key == "kubernetesSecret" && !is_map,
        Place::Secret => {
            // `{hunter2}` is a field of that name.
            if strsim_closest(key).is_none() {
                found.push(entry.key_span.start..value.span.end.max(entry.key_span.end));
                return;
            }
            true
        }
        Place::Auth if PUBLIC.contains(&key) => false,
        Place::Auth => !is_map,
        Place::Elsewhere => !is_map && (is_secret_name(key, "") || key == "auth" || is_address_with_user(key, value)),
    };
    if is_hidden {
        found.push(all);
        return;
    }
    let inside = match place {
        // A Kubernetes secret's name and key are no secrets.
        Place::Secret => return,
        Place::Auth if key == "apiKey" => Place::Auth,
        _ if is_secret_name(key, "") => Place::Secret,
        Place::Elsewhere if key == "auth" => Place::Auth,
        other => other,
    };
    look(value, inside, found);
}

/// The place of a secret that was meant by a name.
fn strsim_closest(key: &str) -> Option<&'static str> {
    PLACES.into_iter().find(|place| strsim::jaro_winkler(place, key) > 0.8)
}

fn is_address_with_user(key: &str, value: &Node) -> bool {
    let text = value.text().unwrap_or_default();
    text.contains('@') && (key == "endpoint" || text.contains("://"))
}

/// Whether a field's name says that its value is secret. `before` is what stands before it in its line.
fn is_secret_name(name: &str, before: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = ["password", "passwort", "passwd", "secret", "token", "passphrase", "credential"];
    (words.iter().any(|word| name.contains(word)) || name.ends_with("key") || name.ends_with("basicauth"))
        && name != "kubernetessecret"
        && !before.contains("kubernetesSecret")
}

/// Whether a secret may follow this colon of a line.
fn begins_secret(line: &str, colon: usize) -> bool {
    let (before, rest) = line.split_at(colon);
    let rest = rest.trim_start_matches(':').trim();
    let name = before.trim_end_matches(['"', '\'', ' ']);
    let name = name.rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').next().unwrap_or_default();
    let is_section = rest.starts_with('{') || rest.is_empty();
    let names_place = PLACES
        .iter()
        .any(|place| rest.trim_start_matches(['{', ' ']).strip_prefix(place).is_some_and(|rest| rest.starts_with(':')));
    let is_kind = matches!(name, "auth" | "basic" | "bearer") && !is_section;
    let is_address = rest.contains('@') && (name == "endpoint" || rest.contains("://"));
    (is_secret_name(name, before) && !names_place) || is_kind || is_address
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    fn shown(text: &str) -> String {
        let tree = tree::read(text);
        tree.root.map_or_else(|| Masked::of_lines(text), |root| Masked::of_tree(text, &root)).text
    }

    #[test]
    fn what_stands_where_a_secret_belongs_is_hidden() {
        for text in [
            "target: {auth: {basic: {username: admin, password: hunter2}}}",
            "target:\n  auth:\n    basic:\n      username: admin\n      password: \"hunter2\" # ours",
            "auth: hunter2",
            "auth: [a, hunter2]",
            "auth: {basic: 'admin:hunter2'}",
            "auth: {basic: {pass: hunter2}}",
            "auth: {bearer: hunter2}",
            "auth: {bearer: {token: {value: hunter2}}}",
            "auth: {bearer: {token: {hunter2}}}",
            "auth: {bearer: {token: {hunter2: x}}}",
            "auth: {bearer: {token: [hunter2]}}",
            "auth: {bearer: {token: {env: 'hunter2!'}}}",
            "auth: {bearer: {token: {env: [hunter2]}}}",
            "auth: {apiKey: {key: !hunter2 x}}",
            "auth: {apiKey: {key: &hunter2 x}}",
            "auth: {apiKey: {key: *hunter2}}",
            "auth: {sigv4: {region: x, secretKey: hunter2}}",
            "auth: {basic: {password: {kubernetesSecret: hunter2}}}",
            "basicAuth: {username: admin, password: hunter2}",
            "tls:\n  clientKey: |\n    -----BEGIN\n    hunter2\n",
            "endpoint: https://admin:hunter2@example.com",
            "x: [https://admin@example.com, {y: 'https://a:hunter2@example.com'}]",
            "password: hunter2: x",
            "password: 'hunter2",
            "clientKey: |\n    -----BEGIN\n  hunter2\nhunter2",
            "endpoint: [https://admin:hunter2@example.com",
            "auth: {basic: {username: x, password: hunter2}",
        ] {
            let shown = shown(text);
            assert!(!shown.contains("hunter2") && shown.contains("***"), "{text}\n{shown}");
        }
    }

    #[test]
    fn the_place_of_a_secret_is_shown() {
        for text in [
            "auth: {basic: {username: admin, password: {env: A}}}",
            "auth: {basic: {password: {file: /a}}}",
            "auth: {apiKey: {key: {kubernetesSecret: {name: a, key: b}}}}",
            "s3: {s3RoleArn: x}",
            "password: {env: A}\nb: [",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn places_move_with_what_is_hidden() {
        let text = "a: {token: a-long-secret, b: 1, key: x, d: 2}";
        let masked = Masked::of_tree(text, &tree::read(text).root.unwrap());
        assert_eq!(masked.text, "a: {token: ***, b: 1, key: ***, d: 2}");
        for (part, expected) in [("b", "b"), ("d", "d"), ("a-long-secret", "***"), ("x", "***"), ("long", "***")] {
            let at = text.find(part).unwrap();
            assert_eq!(&masked.text[masked.shown(&(at..at + part.len()))], expected, "{part}");
        }
    }
}
