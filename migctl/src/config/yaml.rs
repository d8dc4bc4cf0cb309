//! JSON values as lines of YAML that people read.

use serde_json::{Map, Value};

/// A value in one line: texts in quotes only where YAML would take them for something else.
pub fn inline(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) if text.chars().any(char::is_control) => value.to_string(),
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{}: {}", key(name), inline(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// Fields as lines, each section indented by two.
pub fn block(fields: &Map<String, Value>) -> String {
    let mut lines = String::new();
    write(fields, 0, &mut lines);
    lines
}

fn write(fields: &Map<String, Value>, indent: usize, lines: &mut String) {
    for (name, value) in fields {
        let name = key(name);
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                lines.push_str(&format!("{:indent$}{name}:\n", ""));
                write(inner, indent.saturating_add(2), lines);
            }
            value => lines.push_str(&format!("{:indent$}{name}: {}\n", "", inline(value))),
        }
    }
}

fn key(name: &str) -> String {
    inline(&Value::from(name))
}

fn is_plain(text: &str) -> bool {
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.'));
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':' | '@' | ' ');
    let is_word = matches!(text.to_ascii_lowercase().as_str(), "null" | "true" | "false" | "yes" | "no" | "on" | "off");
    begins_well
        && text.chars().all(legal)
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !is_word
        && text.parse::<f64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tree;

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            "a",
            "https://a:9200",
            "regex:a.*",
            "it's",
            "1",
            "1e3",
            "null",
            "a: b",
            "a:",
            "*x",
            "",
            " a",
            "a\nb",
            "é",
            "- a",
        ] {
            let line = format!("k: {}\nl: [{0}]", inline(&Value::from(text)));
            let tree = tree::read(&line);
            let root = tree.root.unwrap();
            let tree::NodeKind::Map(entries) = &root.kind else { panic!("{line}") };
            assert_eq!(entries[0].value.text(), Some(text), "{line}");
            assert!(!entries[0].value.is_null() && (!entries[0].value.is_blank()), "{line}");
            let tree::NodeKind::List(items) = &entries[1].value.kind else { panic!("{line}") };
            assert_eq!(items[0].text(), Some(text), "{line}");
        }
    }
}
