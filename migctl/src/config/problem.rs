//! What is wrong in a file, and how it is shown: as a compiler would.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;

use super::mask::Masked;

/// Columns after which a list of what is allowed goes on in the next line.
const NOTE_COLUMNS: usize = 100;

/// One thing that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    /// The field's path; empty for the file itself.
    pub field: String,
    /// Where it is, in bytes of the file.
    pub span: Range<usize>,
    /// What was found.
    pub what: String,
    /// What is expected there: stands at the caret.
    pub expected: String,
    /// What is allowed, where that is a list.
    pub allowed: Option<String>,
    /// What to do.
    pub help: Option<String>,
    /// Another place that it is about.
    pub also: Option<(Range<usize>, &'static str)>,
    /// What was probably meant by a misspelt name or word.
    pub meant: Option<String>,
}

/// A file with everything that is wrong in it, in the order of the file.
#[derive(Debug)]
pub struct Report {
    /// The file.
    pub file: String,
    text: Masked,
    problems: Vec<Problem>,
}

/// A problem for programs.
#[derive(Debug, Serialize)]
struct Row<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    field: &'a str,
    problem: &'a str,
    expected: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

impl Report {
    /// A report about a file.
    pub fn new(file: &str, text: Masked, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.span.start);
        Self { file: file.to_owned(), text, problems }
    }

    /// How many things are wrong.
    pub fn len(&self) -> usize {
        self.problems.len()
    }

    /// A list for programs.
    ///
    /// # Errors
    /// It can't be written as JSON.
    pub fn json(&self) -> serde_json::Result<String> {
        let rows: Vec<Row<'_>> = self.problems.iter().map(|problem| self.row(problem)).collect();
        serde_json::to_string_pretty(&rows)
    }

    fn row<'a>(&'a self, problem: &'a Problem) -> Row<'a> {
        let before = self.text.text.get(..self.text.shown(&problem.span).start).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
        Row {
            file: &self.file,
            line,
            column,
            field: &problem.field,
            problem: &problem.what,
            expected: &problem.expected,
            allowed: problem.allowed.as_deref(),
            suggestion: problem.meant.as_deref(),
            help: problem.help.as_deref(),
        }
    }

    /// Everything that is wrong, drawn into the file, with colours or without.
    pub fn render(&self, colours: bool) -> String {
        let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.term_width(120);
        let drawn: Vec<String> = self.problems.iter().map(|problem| self.draw(problem, &renderer)).collect();
        let errors = if self.len() == 1 { "1 error".to_owned() } else { format!("{} errors", self.len()) };
        format!("{} is not a valid configuration: {errors}\n\n{}", self.file, drawn.join("\n\n"))
    }

    /// A text of many lines is shown by its first.
    fn first_line(&self, span: Range<usize>) -> Range<usize> {
        let line = self.text.text.get(span.clone()).and_then(|text| text.find('\n'));
        line.map_or(span.clone(), |length| span.start..span.start.saturating_add(length))
    }

    fn draw(&self, problem: &Problem, renderer: &Renderer) -> String {
        let title = if problem.field.is_empty() {
            problem.what.clone()
        } else {
            format!("{}: {}", problem.field, problem.what)
        };
        let (kind, span) = (AnnotationKind::Primary, self.first_line(self.text.shown(&problem.span)));
        let mut snippet = Snippet::source(self.text.text.as_str()).path(self.file.as_str());
        snippet = snippet.annotation(kind.span(span).label(problem.expected.as_str()));
        if let Some((place, label)) = &problem.also {
            snippet = snippet.annotation(AnnotationKind::Context.span(self.text.shown(place)).label(*label));
        }
        let mut group = Level::ERROR.primary_title(title).element(snippet);
        if let Some(allowed) = &problem.allowed {
            group = group.element(Level::NOTE.message(wrapped(&format!("allowed here: {allowed}"))));
        }
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(wrapped(help)));
        }
        renderer.render(&[group])
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Report {}

fn wrapped(text: &str) -> String {
    let (mut lines, mut columns) = (String::new(), 0);
    for word in text.split(' ') {
        let wide = word.chars().count();
        if columns > 0 && columns + 1 + wide > NOTE_COLUMNS {
            lines.push('\n');
            columns = 0;
        } else if columns > 0 {
            lines.push(' ');
            columns += 1;
        }
        lines.push_str(word);
        columns += wide;
    }
    lines
}
