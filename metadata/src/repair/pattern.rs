//! The fixed sentences in which servers name what they don't take.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What an error names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A setting.
    Setting(String),
    /// A parameter of fields of that name, or of that path.
    Parameter {
        /// The field.
        field: String,
        /// The parameter.
        parameter: String,
    },
    /// A parameter of the mapping itself.
    RootParameter(String),
    /// Component templates that aren't there.
    Components(Vec<String>),
    /// A part of what a template or pipeline consists of.
    Part {
        /// Of what: the word of the server.
        of: String,
        /// The part.
        part: String,
    },
}

/// A sentence of servers.
struct Pattern {
    /// The types of errors that say it.
    types: &'static [&'static str],
    regex: LazyLock<Regex>,
    read: fn(&Captures<'_>) -> Vec<Named>,
}

/// A pattern whose expression a test compiles.
macro_rules! pattern {
    ($types:expr, $regex:literal, $read:expr) => {
        Pattern {
            types: $types,
            #[allow(clippy::unwrap_used, reason = "a test compiles each")]
            regex: LazyLock::new(|| Regex::new($regex).unwrap()),
            read: $read,
        }
    };
}

const ARGUMENT: &str = "illegal_argument_exception";
/// What OpenSearch 3 calls it where it is about settings.
const SETTINGS: &str = "settings_exception";
const INVALID: &[&str] = &["invalid_index_template_exception", "validation_exception", ARGUMENT, SETTINGS];
const MAPPER: &[&str] = &["mapper_parsing_exception"];

static PATTERNS: [Pattern; 10] = [
    pattern!(INVALID, r"(?:^|: |\[)unknown setting \[([^\]]+)\]", setting),
    pattern!(INVALID, r"private index setting \[([^\]]+)\] can not be set explicitly", setting),
    pattern!(&[ARGUMENT], r"^unknown value for \[([^\]]+)\] must be one of \[", setting),
    pattern!(&[ARGUMENT], r"^failed to parse setting \[([^\]]+)\] with value \[", setting),
    pattern!(&[ARGUMENT], r"^Failed to parse value \[.*\] for setting \[([^\]]+)\]", setting),
    pattern!(MAPPER, r"^unknown parameter \[([^\]]+)\] on mapper \[([^\]]+)\] of type \[", |found| {
        vec![Named::Parameter { field: group(found, 2), parameter: group(found, 1) }]
    }),
    pattern!(
        MAPPER,
        r"^(?:Mapping definition for \[([^\]]+)\]|Root mapping definition) has unsupported parameters:(.+)$",
        |found| {
            let field = group(found, 1);
            let named = |parameter: String| match field.as_str() {
                "" => Named::RootParameter(parameter),
                field => Named::Parameter { field: field.to_owned(), parameter },
            };
            unsupported(&group(found, 2)).into_iter().map(named).collect()
        }
    ),
    pattern!(INVALID, r" specifies component templates \[([^\]]+)\] that do not exist", |found| {
        vec![Named::Components(group(found, 1).split(", ").map(str::to_owned).collect())]
    }),
    pattern!(
        &["x_content_parse_exception"],
        r"\[(index_template|component_template|template|data_stream_template)\] unknown field \[([^\]]+)\]",
        |found| vec![Named::Part { of: group(found, 1), part: group(found, 2) }]
    ),
    pattern!(
        &["parse_exception"],
        r"^(?:unknown key|pipeline \[.*\] doesn't support one or more provided configuration parameters) \[([^\]]+)\]",
        |found| {
            let parts = group(found, 1);
            parts.split(", ").map(|part| Named::Part { of: String::new(), part: part.to_owned() }).collect()
        }
    ),
];

/// What an error of that type and reason names.
pub fn named(kind: &str, reason: &str) -> Vec<Named> {
    let patterns = PATTERNS.iter().filter(|pattern| pattern.types.contains(&kind));
    patterns.flat_map(|pattern| pattern.regex.captures_iter(reason).flat_map(|found| (pattern.read)(&found))).collect()
}

fn setting(found: &Captures<'_>) -> Vec<Named> {
    vec![Named::Setting(group(found, 1))]
}

fn group(found: &Captures<'_>, number: usize) -> String {
    found.get(number).map(|group| group.as_str().to_owned()).unwrap_or_default()
}

/// The names in ` [name : value] [name : value]`. A value may hold what looks like one: then there is none of that name.
fn unsupported(list: &str) -> Vec<String> {
    let starts = list.match_indices(" [").filter_map(|(at, begin)| list.get(at + begin.len()..));
    starts.filter_map(|rest| rest.split_once(" : ")).map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        for pattern in &PATTERNS {
            assert!(pattern.regex.captures_len() > 1);
        }
    }

    #[test]
    fn lists_are_taken_apart() {
        assert_eq!(unsupported("  [foo : 1] [bar : {x=[1, 2]}]"), ["foo", "bar"]);
        assert!(unsupported("").is_empty() && unsupported("  [foo]").is_empty());
        let reason = "pipeline [p] doesn't support one or more provided configuration parameters [a, b]";
        assert_eq!(named("parse_exception", reason).len(), 2);
    }

    #[test]
    fn another_type_of_error_names_nothing() {
        for (kind, reason) in [
            ("mapper_parsing_exception", "unknown setting [index.foo]"),
            ("illegal_argument_exception", "setting [index.foo] is odd"),
            ("illegal_argument_exception", "unknown parameter [foo] on mapper [a] of type [keyword]"),
            ("", ""),
        ] {
            assert_eq!(named(kind, reason), [], "{kind}: {reason}");
        }
    }
}
