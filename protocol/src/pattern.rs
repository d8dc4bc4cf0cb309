//! Index patterns: the one rule everywhere in the product.
//!
//! A pattern is an exact name. With the prefix `regex:` it is a regular expression (the dialect of the `regex` crate:
//! no look-around, no back-references) that must match the whole name. `*` alone has no meaning, and since no index
//! can have it in its name, it is an error that says what was probably meant.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Selects index names.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    text: String,
    regex: Option<Regex>,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A character that no index name has.
    #[error("{text:?} holds {found:?}, which no index name can have; did you mean `regex:{suggestion}`?")]
    Wildcard {
        /// The text.
        text: String,
        /// The character.
        found: char,
        /// The same wish as a regular expression.
        suggestion: String,
    },
    /// Not a regular expression.
    #[error("{text:?} is no regular expression: {why}")]
    Regex {
        /// The text.
        text: String,
        /// The parser's words.
        why: String,
    },
    /// Nothing at all.
    #[error("an index pattern can't be empty")]
    Empty,
}

impl Pattern {
    /// Whether the pattern selects the index of that name.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.regex.as_ref().map_or(self.text == name, |regex| regex.is_match(name))
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if let Some(expression) = text.strip_prefix("regex:") {
            let regex = Regex::new(&format!("^(?:{expression})$")).map_err(|error| {
                // The lines before it draw the expression and point into it.
                let why = error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                PatternError::Regex { text: text.to_owned(), why }
            })?;
            return Ok(Self { text: text.to_owned(), regex: Some(regex) });
        }
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if let Some(found) = text.chars().find(|c| matches!(c, '*' | '?' | ',')) {
            let suggestion =
                regex::escape(text).replace(r"\-", "-").replace(r"\*", ".*").replace(r"\?", ".").replace(',', "|");
            return Err(PatternError::Wildcard { text: text.to_owned(), found, suggestion });
        }
        Ok(Self { text: text.to_owned(), regex: None })
    }
}

impl JsonSchema for Pattern {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "index-pattern", "pattern": "^(regex:.*|[^*?,]+)$"})
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

/// Whether the index is the product's own rather than the user's: its name begins with `.`, and it is no backing index
/// of a data stream.
#[must_use]
pub fn is_system(name: &str) -> bool {
    name.starts_with('.') && !name.starts_with(".ds-")
}

/// Whether an index goes along: by the patterns, or where there are none, unless it is a system index.
#[must_use]
pub fn selects(patterns: Option<&[Pattern]>, name: &str) -> bool {
    patterns.map_or(!is_system(name), |patterns| patterns.iter().any(|pattern| pattern.matches(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_exact_and_a_regex_matches_whole_names() {
        let exact: Pattern = "logs-2024.01.01".parse().unwrap();
        assert!(exact.matches("logs-2024.01.01"));
        assert!(!exact.matches("logs-2024x01.01"));
        let regex: Pattern = "regex:logs-.*|orders".parse().unwrap();
        assert!(regex.matches("logs-1") && regex.matches("orders"));
        assert!(!regex.matches("my-logs-1") && !regex.matches("orders-2"));
    }

    #[test]
    fn a_star_is_an_error_that_says_what_was_meant() {
        let error = "logs-*".parse::<Pattern>().unwrap_err().to_string();
        assert!(error.contains("did you mean `regex:logs-.*`?"), "{error}");
        let error = "*".parse::<Pattern>().unwrap_err().to_string();
        assert!(error.contains("did you mean `regex:.*`?"), "{error}");
        let error = "regex:(".parse::<Pattern>().unwrap_err().to_string();
        assert_eq!(error, "\"regex:(\" is no regular expression: unclosed group");
        assert!("".parse::<Pattern>().is_err());
    }

    #[test]
    fn system_indices_stay_behind_unless_named() {
        assert!(!selects(None, ".kibana_1"));
        assert!(selects(None, ".ds-logs-000001") && selects(None, "orders"));
        let named: Vec<Pattern> = vec![".kibana_1".parse().unwrap()];
        assert!(selects(Some(&named), ".kibana_1") && !selects(Some(&named), "orders"));
    }
}
