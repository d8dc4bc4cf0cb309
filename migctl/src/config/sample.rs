//! The sample: every field with its meaning and default, as a file that is valid as it stands.
//!
//! Prose begins with `# ` and a word. `#NAME:` is a field that the sample leaves out, because it has no default or
//! excludes another one; the `#` alone is to be removed.

use serde_json::Value;

use super::model::{Field, Kind, Section, configuration};
use super::yaml;

/// What the sample uses of what has no default.
const USED: [&str; 4] = ["source", "source.auth", "snapshot.create", "target.auth"];

/// What stands in the sample instead of the example of a field that occurs more than once.
const EXAMPLES: [(&str, &str); 4] = [
    ("source.endpoint", "https://old.example.com:9200"),
    ("source.auth.basic.password.env", "SOURCE_PASSWORD"),
    ("target.endpoint", "https://new.example.com:9200"),
    ("target.auth.basic.password.env", "TARGET_PASSWORD"),
];

const HEAD: &str = "\
# yaml-language-server: $schema=migration.schema.json
# The line above tells editors where to complete from: migctl configure schema > migration.schema.json
#
# Every option of a migration. What begins with `#` and no blank is an option that is left out here, because it has no
# default or excludes another one: remove the `#` to use it.
";

/// Columns that prose takes, its indentation included.
const COLUMNS: usize = 118;

/// The sample.
///
/// # Errors
/// As [`configuration`].
pub fn sample() -> anyhow::Result<String> {
    let mut sample = HEAD.to_owned();
    let section = configuration()?;
    for field in &section.fields {
        sample.push('\n');
        write(field, &field.name, "", is_used(field, &field.name), true, &mut sample);
    }
    Ok(sample)
}

/// Whether a field stands in the sample without a `#`.
fn is_used(field: &Field, path: &str) -> bool {
    match &field.kind {
        Kind::Section(section) if !field.required && field.default.is_some() => {
            section.fields.iter().any(|inner| is_used(inner, &format!("{path}.{}", inner.name)))
        }
        _ => field.required || field.default.is_some() || USED.contains(&path),
    }
}

/// Writes a field whose lines begin with `prefix`, its meaning first, with that of its words.
fn write(field: &Field, path: &str, prefix: &str, used: bool, words: bool, sample: &mut String) {
    for line in prose(field).into_iter().filter(|line| words || !line.starts_with("- ")) {
        for line in wrapped(&line, COLUMNS.saturating_sub(prefix.len())) {
            sample.push_str(&format!("{prefix}# {line}\n"));
        }
    }
    let prefix = if used { prefix.to_owned() } else { format!("{prefix}#") };
    match &field.kind {
        Kind::Section(section) => {
            sample.push_str(&format!("{prefix}{}:\n", field.name));
            fields(section, path, &format!("{prefix}  "), sample);
        }
        _ => sample.push_str(&format!("{prefix}{}: {}\n", field.name, yaml::inline(&value(field, path)))),
    }
}

fn fields(section: &Section, path: &str, prefix: &str, sample: &mut String) {
    let path_of = |field: &Field| format!("{path}.{}", field.name);
    // Of fields that exclude each other the first one; where none has a default, all: the section has the `#`.
    let none = !section.one_of && !section.fields.iter().any(|field| is_used(field, &path_of(field)));
    let all = none && !USED.contains(&path);
    let mut before: Option<&Field> = None;
    for field in &section.fields {
        let path = path_of(field);
        let used = if section.one_of { before.is_none() } else { all || is_used(field, &path) };
        // Words that several fields in a row take are explained once.
        let words = before.is_none_or(|before| before.kind != field.kind);
        write(field, &path, prefix, used, words, sample);
        before = Some(field);
    }
}

fn value(field: &Field, path: &str) -> Value {
    let example = EXAMPLES.iter().find(|(chosen, _)| *chosen == path).map(|(_, example)| Value::from(*example));
    field.default.clone().or(example).or_else(|| field.example.clone()).unwrap_or_default()
}

/// What a field means: paragraphs.
pub fn prose(field: &Field) -> Vec<String> {
    let mut lines = vec![field.doc.split_whitespace().collect::<Vec<_>>().join(" ")];
    if let Kind::Word(words) = &field.kind {
        let explained = words.iter().map(|word| format!("- `{}`: {}", word.word, word.doc.replace('\n', " ")));
        lines.extend(explained);
    }
    if let Kind::List { item, .. } = &field.kind
        && let Kind::Section(section) = &**item
    {
        for inner in &section.fields {
            let words = if let Kind::Word(words) = &inner.kind { words.as_slice() } else { &[] };
            let words: Vec<String> = words.iter().map(|word| format!("`{}`", word.word)).collect();
            let words = if words.is_empty() { String::new() } else { format!(" One of {}.", words.join(", ")) };
            let doc = inner.doc.split_whitespace().collect::<Vec<_>>().join(" ");
            let example = inner.example.as_ref().filter(|_| words.is_empty());
            let example = example.map(|example| format!(" For example `{}`.", yaml::inline(example)));
            lines.push(format!("- `{}`: {doc}{words}{}", inner.name, example.unwrap_or_default()));
        }
    }
    if let (Some(_), Some(example)) = (&field.default, &field.example) {
        lines.push(format!("For example `{}`.", yaml::inline(example)));
    }
    lines
}

fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() < columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::tree::{self, Node, NodeKind};

    /// The sample with every option in use.
    fn everything() -> String {
        let lines = sample().unwrap();
        let used = lines.lines().filter_map(|line| {
            let text = line.trim_start_matches([' ', '#']);
            let lead = &line[..line.len() - text.len()];
            let is_prose = text.is_empty() || (lead.ends_with("# ") && !lead.ends_with("#  "));
            (!is_prose).then(|| format!("{}{text}", lead.replace('#', "")))
        });
        used.collect::<Vec<_>>().join("\n")
    }

    fn said(node: &Node, path: &str, found: &mut BTreeMap<String, String>) {
        if let NodeKind::Map(entries) = &node.kind {
            for entry in entries {
                let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                let text = entry.value.text().unwrap_or_default().to_owned();
                assert!(found.insert(path.clone(), text).is_none(), "{path} stands twice in the sample");
                said(&entry.value, &path, found);
            }
        }
    }

    fn wanted(section: &Section, path: &str, fields: &mut BTreeMap<String, Option<Value>>) {
        for field in &section.fields {
            let path = if path.is_empty() { field.name.clone() } else { format!("{path}.{}", field.name) };
            let scalar = matches!(field.kind, Kind::Text(_) | Kind::Whole { .. } | Kind::Switch | Kind::Word(_));
            fields.insert(path.clone(), field.default.clone().filter(|_| scalar));
            if let Kind::Section(section) = &field.kind {
                wanted(section, &path, fields);
            }
        }
    }

    #[test]
    fn the_sample_shows_every_field_of_the_schema_with_its_default() {
        let text = everything();
        let tree = tree::read(&text);
        assert!(tree.faults.is_empty(), "{:?}\n{text}", tree.faults);
        let (mut found, mut fields) = (BTreeMap::new(), BTreeMap::new());
        said(&tree.root.unwrap(), "", &mut found);
        wanted(&configuration().unwrap(), "", &mut fields);
        assert_eq!(found.keys().collect::<Vec<_>>(), fields.keys().collect::<Vec<_>>());
        for (path, default) in fields {
            if let Some(default) = default {
                assert_eq!(found[&path], default.to_string().trim_matches('"'), "{path}");
            }
        }
        for path in USED.iter().chain(EXAMPLES.iter().map(|(path, _)| path)) {
            assert!(found.contains_key(*path), "{path} is no field");
        }
    }

    #[test]
    fn the_sample_is_valid_as_it_stands_and_fits_the_page() {
        let text = sample().unwrap();
        let spec = crate::config::check(&text, "sample").unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(spec.sizing, protocol::spec::Sizing::default());
        assert_eq!(spec.max_rejected, 1_000);
        assert!(text.lines().all(|line| line.chars().count() <= 120));
        insta::assert_snapshot!(text);
    }
}
