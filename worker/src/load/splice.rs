//! A member comes into a JSON object as its first one, and nothing else of it is touched or looked at.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

/// `source` with `member` (`"name":value`) in it, in parts that follow each other. What is no object stays as it is.
#[must_use]
pub fn with_member<'a>(source: &'a [u8], member: &'a str) -> [&'a [u8]; 4] {
    let brace = source.iter().position(|byte| !byte.is_ascii_whitespace());
    let parts = brace.filter(|at| source.get(*at) == Some(&b'{')).and_then(|at| source.split_at_checked(at + 1));
    let Some((head, rest)) = parts else { return [source, b"", b"", b""] };
    let comma: &[u8] = if rest.trim_ascii_start().starts_with(b"}") { b"" } else { b"," };
    [head, member.as_bytes(), comma, rest]
}

/// Whether the object `source` has a member `name`. Only a source in which the name occurs is parsed.
#[must_use]
pub fn has_member(source: &[u8], name: &str) -> bool {
    let quoted = serde_json::Value::from(name).to_string();
    if memchr::memmem::find(source, quoted.as_bytes()).is_none() {
        return false;
    }
    serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(source).is_ok_and(|members| members.contains_key(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_comes_first_and_the_rest_stays_as_it_is() {
        for (source, expected) in [
            (r#"{"a":1}"#, r#"{"j":0,"a":1}"#),
            (r#" { "a" : 12345678901234567890.10 } "#, r#" {"j":0, "a" : 12345678901234567890.10 } "#),
            ("{}", r#"{"j":0}"#),
            ("{ \n}", "{\"j\":0 \n}"),
            (r#"{"a":{}}"#, r#"{"j":0,"a":{}}"#),
            ("[1]", "[1]"),
            ("", ""),
            ("  ", "  "),
        ] {
            let spliced = with_member(source.as_bytes(), r#""j":0"#).concat();
            assert_eq!(String::from_utf8(spliced).unwrap(), expected, "{source}");
        }
    }

    #[test]
    fn only_a_member_of_the_object_itself_counts() {
        for (source, expected) in [
            (r#"{"j":1}"#, true),
            (r#"{"a":1, "j" : {}}"#, true),
            (r#"{"a":{"j":1}}"#, false),
            (r#"{"a":"j"}"#, false),
            (r#"{"jj":1}"#, false),
            (r#"{"a":["j"]}"#, false),
            ("{}", false),
            (r#"["j"]"#, false),
        ] {
            assert_eq!(has_member(source.as_bytes(), "j"), expected, "{source}");
        }
        assert!(has_member(br#"{"a\"b":1}"#, "a\"b"));
    }
}
