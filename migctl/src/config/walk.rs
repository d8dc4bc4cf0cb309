//! A tree against the fields of the configuration: everything that is wrong with single fields, and the value.
//!
//! In: the nodes of a file, the [`Section`] they should be. Out: [`Problem`]s, and a JSON value in which whatever is wrong
//! is left out or stands as an example, so that the rules across fields can be looked at all the same.
//! Holds: no text that may be a secret is repeated.

use serde_json::{Map, Value};

use super::mask::Masked;
use super::model::{Field, Kind, Section};
use super::problem::Problem;
use super::tree::{Entry, Node, NodeKind};
use super::yaml;

mod scalar;

/// What a secret may be written as.
const SECRET_HELP: &str = "write `{env: NAME}`, `{file: PATH}` or `{kubernetesSecret: {name: NAME, key: KEY}}`; a secret that was in a file \
     others can read is no secret any more: change it";

/// How alike two names are that mean the same.
const ALIKE: f64 = 0.8;

/// Walks a file once.
pub struct Walk<'a> {
    masked: &'a Masked,
    /// What is wrong so far.
    pub problems: Vec<Problem>,
}

/// What a field says.
enum Found {
    Value(Value),
    /// As if it were not there.
    Absent,
    /// It is among the problems.
    Faulty,
}

/// Where a value is: its path, and the place to point at where it has none itself.
struct At<'a> {
    path: &'a str,
    key: std::ops::Range<usize>,
}

impl<'a> Walk<'a> {
    /// A walk through a file whose secrets are these.
    pub fn new(masked: &'a Masked) -> Self {
        Self { masked, problems: Vec::new() }
    }

    /// The whole file; null where it has no fields.
    pub fn file(&mut self, section: &Section, root: &Node) -> Value {
        let at = At { path: "", key: root.span.start..root.span.start };
        match self.section(section, root, &at) {
            Found::Value(value) => value,
            Found::Absent | Found::Faulty => Value::Null,
        }
    }

    fn section(&mut self, section: &Section, node: &Node, at: &At<'_>) -> Found {
        let entries = match &node.kind {
            NodeKind::Map(entries) => entries.as_slice(),
            // `create:` and nothing behind it is a section in which nothing is said.
            NodeKind::Scalar { .. } if node.is_blank() && !at.path.is_empty() => &[],
            NodeKind::Faulty => return Found::Faulty,
            _ => return self.no_section(section, node, at),
        };
        let mut value = Map::new();
        let mut seen: Vec<&Entry> = Vec::new();
        let mut meant: Vec<&str> = Vec::new();
        for entry in entries {
            let path = join(at.path, &entry.key);
            if let Some(first) = seen.iter().find(|seen| seen.key == entry.key) {
                self.twice(path, entry, first);
                continue;
            }
            let Some(field) = section.field(&entry.key) else {
                meant.extend(self.unknown(section, entry, at));
                continue;
            };
            seen.push(entry);
            match self.field(field, entry, &path) {
                Found::Value(found) => drop(value.insert(field.name.clone(), found)),
                Found::Absent if !field.required => {}
                Found::Absent | Found::Faulty if field.required || section.one_of => {
                    value.insert(field.name.clone(), example(&field.kind, field.example.as_ref()));
                }
                Found::Absent | Found::Faulty => {}
            }
        }
        let strange = entries.len() > seen.len();
        if section.one_of {
            self.one_of(section, &seen, strange, at);
            // Two are wrong, and so is none: the rules across fields then look at one.
            if value.len() != 1 {
                return Found::Value(example(&Kind::Section(section.clone()), None));
            }
        }
        for field in section.fields.iter().filter(|field| field.required) {
            if value.contains_key(&field.name) {
                continue;
            }
            value.insert(field.name.clone(), example(&field.kind, field.example.as_ref()));
            if !seen.iter().any(|seen| seen.key == field.name) && !meant.contains(&field.name.as_str()) {
                self.missing(field, entries, at);
            }
        }
        Found::Value(Value::Object(value))
    }

    fn no_section(&mut self, section: &Section, node: &Node, at: &At<'_>) -> Found {
        if node.is_null() {
            return Found::Absent;
        }
        let mut problem = self.problem(at, node);
        if section.is_secret() || (section.name == "AuthSpec" && node.text().is_some()) {
            problem.what = "a secret seems to stand here in clear".to_owned();
            problem.expected = "secrets are never in the file".to_owned();
            problem.help = Some(SECRET_HELP.to_owned());
        } else {
            problem.what = format!("{} stands where fields are expected", self.describe(node));
            problem.expected = fields_expected(section).to_owned();
            problem.allowed = Some(section.names().join(", "));
        }
        self.problems.push(problem);
        Found::Faulty
    }

    fn field(&mut self, field: &Field, entry: &Entry, path: &str) -> Found {
        let at = At { path, key: entry.key_span.clone() };
        let found = self.value(&field.kind, &entry.value, &at);
        // `~` for what must be there says no more than nothing.
        if matches!(found, Found::Absent) && field.required {
            let mut problem = self.problem(&at, &entry.value);
            problem.what = "it must be there, and nothing is said".to_owned();
            problem.expected = "a value is expected here".to_owned();
            self.problems.push(problem);
            return Found::Faulty;
        }
        found
    }

    fn value(&mut self, kind: &Kind, node: &Node, at: &At<'_>) -> Found {
        match kind {
            Kind::Section(section) => self.section(section, node, at),
            Kind::List { item, may_be_empty } => self.list(item, *may_be_empty, node, at),
            Kind::Texts => self.texts(node, at),
            scalar => self.scalar(scalar, node, at),
        }
    }

    fn list(&mut self, item: &Kind, may_be_empty: bool, node: &Node, at: &At<'_>) -> Found {
        let NodeKind::List(items) = &node.kind else {
            if node.is_null() {
                return Found::Absent;
            }
            if !matches!(node.kind, NodeKind::Faulty) {
                let mut problem = self.problem(at, node);
                problem.what = format!("{} stands where a list is expected", self.describe(node));
                problem.expected = "a list is expected here".to_owned();
                problem.help = Some("write `[orders, customers]`, or one item a line behind `- `".to_owned());
                self.problems.push(problem);
            }
            return Found::Faulty;
        };
        if items.is_empty() && !may_be_empty {
            let mut problem = self.problem(at, node);
            problem.what = "the list is empty, so it selects nothing".to_owned();
            problem.expected = "at least one item is expected here".to_owned();
            problem.help = Some("leave the field out for its default".to_owned());
            self.problems.push(problem);
            return Found::Faulty;
        }
        let mut values = Vec::with_capacity(items.len());
        for (number, node) in items.iter().enumerate() {
            let path = format!("{}[{number}]", at.path);
            let at = At { path: &path, key: at.key.clone() };
            if let Found::Value(value) = self.value(item, node, &at) {
                values.push(value);
            } else if node.is_null() {
                self.blank(node, &at);
            }
        }
        if values.len() == items.len() { Found::Value(Value::Array(values)) } else { Found::Faulty }
    }

    fn texts(&mut self, node: &Node, at: &At<'_>) -> Found {
        let entries = match &node.kind {
            NodeKind::Map(entries) => entries,
            NodeKind::Faulty => return Found::Faulty,
            _ if node.is_null() || node.is_blank() => return Found::Absent,
            _ => {
                let mut problem = self.problem(at, node);
                problem.what = format!("{} stands where names with texts are expected", self.describe(node));
                problem.expected = "`NAME: TEXT` is expected here".to_owned();
                self.problems.push(problem);
                return Found::Faulty;
            }
        };
        let mut value = Map::new();
        for entry in entries {
            let path = join(at.path, &entry.key);
            if let Some(first) = entries.iter().find(|first| first.key == entry.key)
                && first.key_span != entry.key_span
            {
                self.twice(path, entry, first);
                continue;
            }
            let at = At { path: &path, key: entry.key_span.clone() };
            if let Found::Value(found) = self.scalar(&Kind::Text(None), &entry.value, &at) {
                value.insert(entry.key.clone(), found);
            }
        }
        Found::Value(Value::Object(value))
    }

    fn one_of(&mut self, section: &Section, seen: &[&Entry], strange: bool, at: &At<'_>) {
        let names = section.names().join(", ");
        match seen {
            [] if !strange => self.problems.push(Problem {
                field: at.path.to_owned(),
                span: at.key.clone(),
                what: "nothing is said of it".to_owned(),
                expected: "one field is expected below this".to_owned(),
                allowed: Some(format!("one of {names}")),
                ..Problem::default()
            }),
            [first, second, ..] => self.problems.push(Problem {
                field: at.path.to_owned(),
                span: second.key_span.clone(),
                what: format!("`{}` and `{}` exclude each other", first.key, second.key),
                expected: "one of the two is too much".to_owned(),
                allowed: Some(format!("one of {names}")),
                also: Some((first.key_span.clone(), "the other one")),
                ..Problem::default()
            }),
            _ => {}
        }
    }

    fn twice(&mut self, path: String, entry: &Entry, first: &Entry) {
        self.problems.push(Problem {
            field: path,
            span: entry.key_span.clone(),
            what: "it is said twice".to_owned(),
            expected: "here again".to_owned(),
            also: Some((first.key_span.clone(), "first here")),
            help: Some("keep one of the two".to_owned()),
            ..Problem::default()
        });
    }

    fn missing(&mut self, field: &Field, entries: &[Entry], at: &At<'_>) {
        let span = if at.path.is_empty() { entries.first().map(|entry| entry.key_span.clone()) } else { None };
        self.problems.push(Problem {
            field: join(at.path, &field.name),
            span: span.unwrap_or_else(|| at.key.clone()),
            what: "it is missing".to_owned(),
            expected: format!(
                "`{}` belongs {}",
                field.name,
                if at.path.is_empty() { "beside this" } else { "below this" }
            ),
            help: Some(format!("{}{}", one_line(&field.doc), for_example(field))),
            ..Problem::default()
        });
    }

    /// What was meant, if that can be guessed.
    fn unknown<'s>(&mut self, section: &'s Section, entry: &Entry, at: &At<'_>) -> Option<&'s str> {
        let meant = closest(&entry.key, section.names());
        let is_hidden = self.masked.hides(&entry.key_span);
        let is_clear = section.is_secret() && meant.is_none();
        let what = match at.path {
            _ if is_clear => "a secret seems to stand here in clear".to_owned(),
            "" => "there is no such field".to_owned(),
            section => format!("there is no such field in {section}"),
        };
        let expected = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if is_clear => "secrets are never in the file".to_owned(),
            None => "unknown field".to_owned(),
        };
        self.problems.push(Problem {
            field: if is_hidden { at.path.to_owned() } else { join(at.path, &entry.key) },
            span: entry.key_span.clone(),
            what,
            expected,
            allowed: Some(section.names().join(", ")),
            help: is_clear.then(|| SECRET_HELP.to_owned()),
            meant: meant.map(|meant| join(at.path, meant)),
            ..Problem::default()
        });
        meant
    }

    /// A problem of this value; it has no words yet.
    fn problem(&self, at: &At<'_>, node: &Node) -> Problem {
        let span =
            if node.is_blank() || matches!(node.kind, NodeKind::Map(_)) { at.key.clone() } else { node.span.clone() };
        Problem { field: at.path.to_owned(), span, ..Problem::default() }
    }

    /// What was found, in words that repeat no secret.
    fn describe(&self, node: &Node) -> String {
        match &node.kind {
            NodeKind::List(_) => "a list".to_owned(),
            NodeKind::Map(_) | NodeKind::Faulty => "something with fields".to_owned(),
            NodeKind::Scalar { .. } if node.is_blank() => "nothing".to_owned(),
            NodeKind::Scalar { .. } if self.masked.hides(&node.span) => "a text".to_owned(),
            NodeKind::Scalar { text, quoted } => match text.parse::<f64>() {
                Ok(_) if !quoted => format!("the number {text}"),
                _ if text.chars().count() > 60 => "a long text".to_owned(),
                _ => format!("the text {text:?}"),
            },
        }
    }
}

fn fields_expected(section: &Section) -> &'static str {
    if section.one_of {
        "one field is expected here, as in `NAME: …`"
    } else {
        "fields are expected here, as in `NAME: …`"
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// What a field that has no default may look like.
fn for_example(field: &Field) -> String {
    let example =
        field.example.as_ref().map(|example| format!(" For example `{}: {}`.", field.name, yaml::inline(example)));
    example.unwrap_or_default()
}

/// A doc comment without line breaks.
fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The name that was probably meant.
fn closest<'n>(found: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let plain = |name: &str| name.to_ascii_lowercase().replace(['-', '_'], "");
    let wanted = plain(found);
    let likeness = |name: &str| strsim::jaro_winkler(&plain(name), &wanted);
    let best = names.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= ALIKE).then_some(best)
}

/// Something valid in place of what is not.
fn example(kind: &Kind, shown: Option<&Value>) -> Value {
    match (kind, shown) {
        (Kind::Section(section), _) => {
            let first = section.fields.iter().take(usize::from(section.one_of));
            let needed = section.fields.iter().filter(|field| field.required);
            let fields = first.chain(needed);
            Value::Object(
                fields.map(|field| (field.name.clone(), example(&field.kind, field.example.as_ref()))).collect(),
            )
        }
        (_, Some(shown)) => shown.clone(),
        (Kind::Text(_), None) => Value::from("example"),
        (Kind::Whole { least, .. }, None) => Value::from(*least),
        (Kind::Switch, None) => Value::from(false),
        (Kind::Word(words), None) => words.first().map_or(Value::Null, |word| Value::from(word.word.clone())),
        (Kind::List { item, .. }, None) => Value::Array(vec![example(item, None)]),
        (Kind::Texts, None) => Value::Object(Map::new()),
    }
}
