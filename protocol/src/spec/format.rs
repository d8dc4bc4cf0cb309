//! What texts of the configuration must look like: named in the schema as `format`, checked here by that name.
//!
//! `endpoint` and `http-endpoint` are checked by whoever knows addresses (`target`).

use bytesize::ByteSize;
use schemars::{Schema, SchemaGenerator, json_schema};

use super::{Gate, ServerVersion};
use crate::ids::MigrationName;
use crate::pattern::Pattern;
use crate::phase::Phase;

/// Whether a text has the format.
///
/// # Errors
/// What is allowed, as the end of a sentence that begins with the field's name.
pub fn check(format: &str, text: &str) -> Result<(), String> {
    match format {
        "migration-name" => text.parse::<MigrationName>().map(drop).map_err(|error| error.to_string()),
        "index-pattern" => text.parse::<Pattern>().map(drop).map_err(|error| error.to_string()),
        "server-version" => text.parse::<ServerVersion>().map(drop).map_err(|error| error.to_string()),
        "size" => match text.parse::<ByteSize>() {
            Ok(size) if size.as_u64() > 0 => Ok(()),
            Ok(_) => Err("a size must be above 0".to_owned()),
            Err(_) => Err(format!("{text:?} is no size: `4MiB` is one, and so is `1500000`")),
        },
        "regular-expression" => regex::Regex::new(text).map(drop).map_err(|error| {
            let why = error.to_string();
            format!("{text:?} is no regular expression: {}", why.lines().last().unwrap_or_default().trim_start())
        }),
        "json-patch" => serde_json::from_str::<json_patch::Patch>(text)
            .map(drop)
            .map_err(|error| format!("a list of operations as RFC 6902 has them is expected: {error}")),
        // What stands here may be the secret itself by mistake: it is never repeated.
        "variable" if !is_variable(text) => {
            Err("this is no name of an environment variable: letters, digits and `_`, not beginning with a digit"
                .into())
        }
        "kubernetes-name" if !is_dns_name(text) => {
            Err("this is no name of a Kubernetes secret: a-z, 0-9, `-` and `.`, at most 253".into())
        }
        "kubernetes-key" if !is_secret_key(text) => {
            Err("this is no key of a Kubernetes secret: letters, digits, `-`, `_` and `.`, at most 253".into())
        }
        _ => Ok(()),
    }
}

fn is_variable(text: &str) -> bool {
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins_well && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_dns_name(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    (1..=253).contains(&text.len()) && text.bytes().all(legal) && !text.starts_with(['.', '-'])
}

fn is_secret_key(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=253).contains(&text.len()) && text.bytes().all(legal) && !matches!(text, "." | "..")
}

pub(super) fn size(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "size"})
}

pub(super) fn optional_size(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "null"], "format": "size"})
}

pub(super) fn variable(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "variable", "examples": ["SEARCH_PASSWORD"]})
}

pub(super) fn secret_file(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "examples": ["/etc/migctl/password"]})
}

pub(super) fn repository_path(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "examples": ["/mnt/backups"]})
}

/// One field per phase, so that editors complete them, with its own default.
pub(super) fn gates(generator: &mut SchemaGenerator) -> Schema {
    let gate = generator.subschema_for::<Gate>();
    let fields: serde_json::Map<_, _> = Phase::ALL
        .into_iter()
        .map(|phase| {
            let mut field = gate.clone();
            field.insert("description".to_owned(), format!("The gate in front of {phase}.").into());
            field.insert("default".to_owned(), serde_json::json!(Gate::default_of(phase)));
            (phase.to_string(), field.to_value())
        })
        .collect();
    json_schema!({"type": "object", "properties": fields, "additionalProperties": false})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_repeated() {
        for format in ["variable", "kubernetes-name", "kubernetes-key"] {
            let error = check(format, "Hunter2 ist's!").unwrap_err();
            assert!(!error.contains("unter2"), "{error}");
        }
        assert!(check("kubernetes-key", "..").is_err() && check("kubernetes-name", "../etc").is_err());
    }

    #[test]
    fn every_format_takes_what_it_should() {
        for (format, text) in [
            ("migration-name", "a-1"),
            ("index-pattern", "regex:logs-.*"),
            ("server-version", "opensearch 2.19"),
            ("size", "1500000"),
            ("variable", "_A1"),
            ("kubernetes-name", "search.credentials"),
            ("kubernetes-key", "tls.key"),
        ] {
            assert_eq!(check(format, text), Ok(()), "{format}");
        }
        assert!(check("size", "0").is_err() && check("size", "big").is_err());
    }
}
