//! The reference in `docs/configuration.md`: a table of every field, made from the schema.
//!
//! Only a test calls it: the file is checked in, and the test fails when it is no longer what the schema says.

use std::collections::BTreeMap;

use serde_json::Value;

use super::model::{Field, Kind, Section, configuration};
use super::{sample, yaml};
use crate::made;

/// Begins the part of the file that is made.
const MARK: &str = "<!-- From here on this file is made from the schema";

/// The tables: first the fields at the top, then one for each section.
fn reference() -> String {
    let section = configuration().unwrap();
    let mut tables = Tables::default();
    let top: Vec<&Field> = section.fields.iter().filter(|field| !matches!(field.kind, Kind::Section(_))).collect();
    tables.head("Fields of their own");
    top.into_iter().for_each(|field| tables.row(field, &field.name));
    for field in &section.fields {
        if let Kind::Section(inner) = &field.kind {
            tables.head(&format!("`{}`", field.name));
            tables.text.insert_str(tables.text.len() - TABLE.len(), &format!("{}\n\n", paragraph(field)));
            tables.fields(inner, &field.name);
        }
    }
    tables.text
}

const TABLE: &str = "| field | default | meaning |\n|---|---|---|\n";

#[derive(Default)]
struct Tables {
    text: String,
    /// Where a section was explained that stands in several places.
    explained: BTreeMap<String, String>,
}

impl Tables {
    fn head(&mut self, title: &str) {
        self.text.push_str(&format!("\n### {title}\n\n{TABLE}"));
    }

    fn fields(&mut self, section: &Section, path: &str) {
        if let Some(before) = self.explained.get(&section.name) {
            self.text.push_str(&format!("| `{path}.…` | | as `{before}.…` |\n"));
            return;
        }
        if !section.name.is_empty() {
            self.explained.insert(section.name.clone(), path.to_owned());
        }
        for field in &section.fields {
            let path = format!("{path}.{}", field.name);
            self.row(field, &path);
            if let Kind::Section(inner) = &field.kind {
                self.fields(inner, &path);
            }
        }
    }

    fn row(&mut self, field: &Field, path: &str) {
        let default = match (&field.default, field.required, &field.kind) {
            (_, true, _) => "required".to_owned(),
            (Some(default), _, Kind::Section(_)) if default.is_object() => String::new(),
            (Some(default), _, _) => format!("`{}`", yaml::inline(default)),
            (None, _, _) => "—".to_owned(),
        };
        self.text.push_str(&format!("| `{path}` | {default} | {} |\n", paragraph(field).replace('|', "\\|")));
    }
}

fn paragraph(field: &Field) -> String {
    let lines = sample::prose(field);
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_start_matches("- ")).collect();
    let mut text = lines.join(" ");
    if let (None, Some(example), false) = (&field.default, &field.example, matches!(field.kind, Kind::Section(_))) {
        let example = if let Value::String(text) = example { text.clone() } else { yaml::inline(example) };
        text.push_str(&format!(" Example: `{example}`."));
    }
    text
}

#[test]
fn the_reference_is_what_the_schema_says() {
    made::assert_is("configuration.md", MARK, &reference(), "the doc comments of protocol/src/spec");
}
