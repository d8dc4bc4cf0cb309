//! A YAML source → the JSON that Elasticsearch itself made of it.
//!
//! In: the first document of the bytes. Out: JSON text, written as the parser goes: nothing is built up, and nothing is
//! longer than the input but for escapes. Names, their order and their repetition stay.
//!
//! Elasticsearch never resolved aliases: `*x` is the text `x`, and a merge key `<<` is a field of that name. Which plain
//! scalars are numbers, booleans and null is what versions 5 to 7 took them for, YAML 1.1 with two exceptions: integers
//! are decimal (`0x1F` and `1_000` stay texts), and so are clock times (`1:30`).
//! After: Jackson 2.8 to 2.10 `YAMLParser#_decodeScalar`, SnakeYAML 1.17 to 1.26 `Resolver`, as run on all of this.

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

/// The first document as JSON text.
///
/// # Errors
/// A sentence that says where the bytes stop making sense.
pub fn to_json(source: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(source).map_err(|error| format!("the YAML source is not UTF-8: {error}"))?;
    let options = granit_parser::options! { emit_comments: false, emit_unresolved_aliases: true };
    let mut writer = Writer::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| format!("the YAML source can't be read: {error}"))?;
        match event {
            Event::MappingStart(..) => writer.open(Open::Mapping)?,
            Event::SequenceStart(..) => writer.open(Open::Sequence)?,
            Event::MappingEnd => writer.close('}'),
            Event::SequenceEnd => writer.close(']'),
            Event::Scalar(value, style, _, tag) => writer.scalar(&value, style, tag.as_deref())?,
            Event::Alias(_) | Event::UnresolvedAlias(_) => writer.alias(span, text)?,
            // The servers read no further.
            Event::DocumentEnd => return Ok(writer.json),
            _ => {}
        }
    }
    Err("the YAML source holds no document".to_owned())
}

/// What is open around the next event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Mapping,
    Sequence,
}

#[derive(Default)]
struct Writer {
    json: String,
    /// Outermost first. The parser bounds its depth.
    open: Vec<Open>,
    /// In a mapping: a name was written, its value comes next.
    named: bool,
    /// Something stands before the next name or item.
    follows: bool,
}

impl Writer {
    fn open(&mut self, kind: Open) -> Result<(), String> {
        if self.wants_name() {
            return Err("the YAML source has a field name that is no text".to_owned());
        }
        if self.open.is_empty() && kind != Open::Mapping {
            return Err(NO_OBJECT.to_owned());
        }
        self.before_value();
        self.json.push(if kind == Open::Mapping { '{' } else { '[' });
        self.open.push(kind);
        self.follows = false;
        Ok(())
    }

    fn close(&mut self, bracket: char) {
        self.json.push(bracket);
        self.open.pop();
        self.follows = true;
    }

    fn scalar(&mut self, value: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<(), String> {
        if self.wants_name() {
            self.name(value);
            return Ok(());
        }
        if self.open.is_empty() {
            return Err(NO_OBJECT.to_owned());
        }
        self.before_value();
        match resolve(value, style == ScalarStyle::Plain, tag) {
            Resolved::Text => push_text(&mut self.json, value),
            Resolved::Word(word) => self.json.push_str(word),
            Resolved::Number(number) => self.json.push_str(&number),
        }
        self.follows = true;
        Ok(())
    }

    fn alias(&mut self, span: Span, text: &str) -> Result<(), String> {
        let name = span.slice(text).and_then(|token| token.strip_prefix('*'));
        match name {
            Some(name) if !self.wants_name() && !self.open.is_empty() => {
                self.before_value();
                push_text(&mut self.json, name);
                self.follows = true;
                Ok(())
            }
            _ => Err("the YAML source has an alias where no value can be".to_owned()),
        }
    }

    fn wants_name(&self) -> bool {
        self.open.last() == Some(&Open::Mapping) && !self.named
    }

    fn name(&mut self, name: &str) {
        self.comma();
        push_text(&mut self.json, name);
        self.json.push(':');
        self.named = true;
    }

    fn before_value(&mut self) {
        if self.open.last() == Some(&Open::Sequence) {
            self.comma();
        }
        self.named = false;
    }

    fn comma(&mut self) {
        if self.follows {
            self.json.push(',');
        }
    }
}

const NO_OBJECT: &str = "the YAML source is no object";

/// What a scalar is in JSON.
#[derive(Debug, PartialEq, Eq)]
enum Resolved {
    Text,
    Word(&'static str),
    Number(String),
}

fn resolve(value: &str, plain: bool, tag: Option<&Tag>) -> Resolved {
    let found = match tag {
        Some(tag) if tag.parts() != ("", "!") => match tag.core_suffix() {
            Some("null") => Some(Resolved::Word("null")),
            Some("bool") => boolean(value),
            Some("int") => integer(value),
            Some("float") => float(value).or_else(|| float(&format!("{value}.0"))),
            _ => None,
        },
        _ if plain => null(value).or_else(|| boolean(value)).or_else(|| integer(value)).or_else(|| float(value)),
        _ => None,
    };
    found.unwrap_or(Resolved::Text)
}

fn null(value: &str) -> Option<Resolved> {
    matches!(value, "" | "~" | "null" | "Null" | "NULL").then_some(Resolved::Word("null"))
}

fn boolean(value: &str) -> Option<Resolved> {
    match value {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(Resolved::Word("true")),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(Resolved::Word("false")),
        _ => None,
    }
}

fn integer(value: &str) -> Option<Resolved> {
    let (minus, digits) = sign(value);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = without_zeros(digits);
    let minus = if digits == "0" { "" } else { minus };
    Some(Resolved::Number(format!("{minus}{digits}")))
}

/// `1.5`, `.5`, `1.`, `1e3`, `1_000.5`: in digits as they are spelt, in JSON's form.
fn float(value: &str) -> Option<Resolved> {
    let (minus, unsigned) = sign(value);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let starts_well = match whole.bytes().next() {
        Some(first) => first.is_ascii_digit() && (fraction.is_some() || exponent.is_some()),
        None => fraction.is_some_and(|fraction| fraction.bytes().any(|byte| byte.is_ascii_digit())),
    };
    if !starts_well || !digits(whole) || !fraction.is_none_or(digits) {
        return None;
    }
    let (whole, fraction) = (whole.replace('_', ""), fraction.map(|fraction| fraction.replace('_', "")));
    let mut number = format!("{minus}{}", without_zeros(&whole));
    if let Some(fraction) = fraction {
        number.push('.');
        number.push_str(if fraction.is_empty() { "0" } else { &fraction });
    }
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        number.push('e');
        number.push_str(exponent);
    }
    Some(Resolved::Number(number))
}

/// `-` or nothing, and what follows the sign.
fn sign(value: &str) -> (&'static str, &str) {
    match value.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", value.strip_prefix('+').unwrap_or(value)),
    }
}

fn without_zeros(digits: &str) -> &str {
    let rest = digits.trim_start_matches('0');
    if rest.is_empty() { "0" } else { rest }
}

fn push_text(json: &mut String, text: &str) {
    // Text always serialises.
    json.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(scalar: &str) -> String {
        let json = to_json(format!("---\nk: {scalar}\n").as_bytes()).unwrap();
        json.strip_prefix("{\"k\":").and_then(|rest| rest.strip_suffix('}')).unwrap().to_owned()
    }

    /// What the libraries of Elasticsearch 5 to 7 say of the same text.
    #[test]
    fn scalars_are_what_the_servers_took_them_for() {
        for (scalar, json) in [
            ("1", "1"),
            ("-1", "-1"),
            ("-0", "0"),
            ("007", "7"),
            ("018", "18"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("1.5", "1.5"),
            ("+1.5", "1.5"),
            (".5", "0.5"),
            ("-.5", "-0.5"),
            ("1.", "1.0"),
            ("1e3", "1e3"),
            ("1.e3", "1.0e3"),
            ("1E+3", "1e+3"),
            ("1_0.5", "10.5"),
            ("0.1_", "0.1"),
            ("true", "true"),
            ("Yes", "true"),
            ("OFF", "false"),
            ("~", "null"),
            ("Null", "null"),
            ("", "null"),
            ("#c", "null"),
            ("!!int \"7\"", "7"),
            ("!!float 1", "1.0"),
            ("!!bool yes", "true"),
            ("!!null x", "null"),
            ("! 1", "1"),
        ] {
            assert_eq!(value(scalar), json, "{scalar}");
        }
    }

    #[test]
    fn everything_else_is_text() {
        for (scalar, text) in [
            ("0x1F", "0x1F"),
            ("0o17", "0o17"),
            ("1_000", "1_000"),
            ("_1", "_1"),
            ("1:30", "1:30"),
            ("190:20:30.15", "190:20:30.15"),
            (".inf", ".inf"),
            ("NaN", "NaN"),
            ("y", "y"),
            ("tRue", "tRue"),
            ("nULL", "nULL"),
            ("2001-12-14", "2001-12-14"),
            (".", "."),
            ("+", "+"),
            ("1..2", "1..2"),
            ("1e", "1e"),
            ("e1", "e1"),
            ("\"1\"", "1"),
            ("'true'", "true"),
            ("!!str 1", "1"),
            ("!foo 1", "1"),
            ("!!binary aGVsbG8=", "aGVsbG8="),
            ("it's", "it's"),
            ("x #c", "x"),
            ("é😀", "é😀"),
            ("\"a\\n\\u00e9\\x41\"", "a\néA"),
            ("|-\n  a\n  b", "a\nb"),
            ("|\n  a\n  b", "a\nb\n"),
            (">\n  a\n  b\n\n  c", "a b\nc\n"),
            ("a\n  b", "a b"),
            ("'x\n\n  y'", "x\ny"),
        ] {
            assert_eq!(value(scalar), serde_json::to_string(text).unwrap(), "{scalar}");
        }
    }

    #[test]
    fn objects_and_lists_of_both_styles() {
        for (yaml, json) in [
            ("a:\n- 1\n-\n  b: 3\n- - 4\n  - 5", r#"{"a":[1,{"b":3},[4,5]]}"#),
            ("a: {b: [x, {c: d}], e}\nf: []", r#"{"a":{"b":["x",{"c":"d"}],"e":null},"f":[]}"#),
            ("1: a\ntrue: b\n~: c\n? d\n: e", r#"{"1":"a","true":"b","~":"c","d":"e"}"#),
            ("a: 1\na: 2", r#"{"a":1,"a":2}"#),
            ("a: 1\n---\nb: 2", r#"{"a":1}"#),
            ("a: 1\n...\nrest: [", r#"{"a":1}"#),
            (
                "a: &x {q: 1}\nb: *x\nc: [*x, *nope]\nd:\n  <<: *x",
                r#"{"a":{"q":1},"b":"x","c":["x","nope"],"d":{"<<":"x"}}"#,
            ),
            ("{}", "{}"),
        ] {
            assert_eq!(to_json(format!("---\n{yaml}\n").as_bytes()).unwrap(), json, "{yaml}");
        }
    }

    #[test]
    fn what_the_servers_refused_is_refused() {
        for yaml in ["x", "[1]", "", "? [a]\n: b", "*x : 1", "a: \"x", "a: [1", "a: b: c", "k: @x", "a: \u{1}"] {
            assert!(to_json(format!("---\n{yaml}\n").as_bytes()).is_err(), "{yaml}");
        }
        assert!(to_json(b"---\na: \xff").is_err());
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let deep = format!("---\na: {}", "[".repeat(100_000));
        assert!(to_json(deep.as_bytes()).unwrap_err().contains("can't be read"));
        // Expanded, this would be 10^9 texts.
        let mut laughs = "---\na0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
        for n in 1..9 {
            let before = n - 1;
            let list = vec![format!("*a{before}"); 10].join(", ");
            laughs.push_str(&format!("a{n}: &a{n} [{list}]\n"));
        }
        assert!(to_json(laughs.as_bytes()).unwrap().len() < 2 * laughs.len());
    }

    proptest! {
        #[test]
        fn nothing_panics_and_what_comes_out_is_json(yaml in "[-a:{}\\[\\]*&!|>\"'#, \n01.eE+_~\t]{0,64}") {
            if let Ok(json) = to_json(format!("---\n{yaml}").as_bytes()) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
            }
        }
    }
}
