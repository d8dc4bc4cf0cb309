//! Parameters of fields that were there until Elasticsearch 5, and nobody knows today.
//!
//! A server before 2.0 didn't mind a parameter that it didn't know; one of today refuses it, or, in a dynamic template,
//! rejects the document that needs it.

use serde_json::Value;

use super::from_before_6;
use super::walk::{self, Field, Place};
use super::words::is_true;
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};

const REMOVED: &str = "removed-parameters";
const GEO_POINT: &str = "geo-point-parameters";
const OBJECT_PATH: &str = "path-of-fields";

const MAPPING_20: &str = "https://www.elastic.co/guide/en/elasticsearch/reference/2.0/breaking_20_mapping_changes.html";
const MAPPING_50: &str = "https://www.elastic.co/guide/en/elasticsearch/reference/5.0/breaking_50_mapping_changes.html";

/// The rules for such parameters.
pub const RULES: &[Rule] = &[
    Rule {
        id: OBJECT_PATH,
        what: "`path: just_name` and `index_name` are dropped.",
        why: "Elasticsearch 2.0 took both away: a field has one name, its full path; `copy_to` can fill another.",
        source: MAPPING_20,
        applies: from_before_6,
        apply: path,
        examples: &[Example {
            source: "Elasticsearch 1.7.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"properties": {
                "person": {"type": "object", "path": "just_name", "properties": {"name": {"type": "text", "index_name": "who"}}},
                "a": {"type": "object", "path": "full"}, "b": {"type": "alias", "path": "full"}}}}"#,
            after: r#"{"mappings": {"properties": {
                "person": {"type": "object", "properties": {"name": {"type": "text"}}},
                "a": {"type": "object"}, "b": {"type": "alias", "path": "full"}}}}"#,
            notes: &[
                "dropped mappings.properties.person.path: its fields are found by their full path only",
                "dropped mappings.properties.person.properties.name.index_name: not found as `who` any more",
                "changed mappings.properties.a.path: gone",
            ],
        }],
    },
    Rule {
        id: GEO_POINT,
        what: "`lat_lon`, `geohash…`, `validate…`, `normalize…` and `coerce` of a `geo_point` are dropped.",
        why: "Since Elasticsearch 5.0 a point is one field, searched in one way; what is no point on earth is refused, unless \
              `ignore_malformed` says otherwise, which stands in where the source took such points.",
        source: MAPPING_50,
        applies: from_before_6,
        apply: geo_point,
        examples: &[Example {
            source: "Elasticsearch 1.7.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"properties": {
                "at": {"type": "geo_point", "lat_lon": true, "geohash_prefix": false, "validate": false, "fielddata": {"format": "compressed"}}}}}"#,
            after: r#"{"mappings": {"properties": {"at": {"type": "geo_point", "ignore_malformed": true}}}}"#,
            notes: &[
                "dropped mappings.properties.at.lat_lon: there are no fields",
                "changed mappings.properties.at.geohash_prefix: gone",
                "changed mappings.properties.at.validate: `ignore_malformed: true`",
                "changed mappings.properties.at.fielddata: gone",
            ],
        }],
    },
    Rule {
        id: REMOVED,
        what: "Parameters that only said how an old index keeps a field are dropped, and `copy_to` of multi-fields.",
        why: "Numbers, codecs and doc values need no such word any more; `copy_to` is a matter of the field itself.",
        source: MAPPING_50,
        applies: from_before_6,
        apply: removed,
        examples: &[Example {
            source: "Elasticsearch 1.7.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"properties": {
                "n": {"type": "long", "precision_step": 16, "fielddata": {"format": "doc_values"}, "norms": {"enabled": false}},
                "t": {"type": "text", "postings_format": "pulsing", "fields": {"k": {"type": "keyword", "copy_to": "all"}}},
                "b": {"type": "binary", "compress": true}}}}"#,
            after: r#"{"mappings": {"properties": {
                "n": {"type": "long"}, "t": {"type": "text", "fields": {"k": {"type": "keyword"}}}, "b": {"type": "binary"}}}}"#,
            notes: &[
                "changed mappings.properties.n: without `precision_step`, `norms`, `fielddata`",
                "changed mappings.properties.t: without `postings_format`",
                "dropped mappings.properties.t.fields.k.copy_to: a multi-field copies nothing",
                "changed mappings.properties.b: without `compress`",
            ],
        }],
    },
];

/// What nothing of a field depends on any more, whatever its type.
const OF_ANY: [&str; 6] = [
    "precision_step",
    "postings_format",
    "doc_values_format",
    "numeric_resolution",
    "rounding_mode",
    "compress_threshold",
];

/// What only says something about text.
const OF_TEXT: [&str; 8] = [
    "norms",
    "omit_norms",
    "fielddata",
    "term_vector",
    "analyzer",
    "index_analyzer",
    "search_analyzer",
    "position_offset_gap",
];

/// The types that text is nothing to.
const NOT_TEXT: [&str; 13] = [
    "long",
    "integer",
    "short",
    "byte",
    "double",
    "float",
    "half_float",
    "scaled_float",
    "date",
    "boolean",
    "ip",
    "binary",
    "geo_point",
];

fn removed(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    walk::fields(item, REMOVED, |field| {
        let mut gone: Vec<&str> = Vec::new();
        let is_text = !NOT_TEXT.contains(&field.kind());
        let is_binary = field.kind() == "binary";
        let of_text = OF_TEXT.iter().filter(|_| !is_text);
        for key in OF_ANY.iter().chain(of_text).chain(["compress"].iter().filter(|_| is_binary)) {
            if field.definition.shift_remove(*key).is_some() {
                gone.push(key);
            }
        }
        if !gone.is_empty() {
            field.note(Effect::Changed, format!("without `{}`, which changes nothing", gone.join("`, `")));
        }
        if field.place == Place::MultiField {
            field.drop_parameter("copy_to", "a multi-field copies nothing; the field itself can");
        }
        Ok(())
    })
}

fn path(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    walk::fields(item, OBJECT_PATH, |field| {
        if field.kind() != "alias" {
            match field.definition.get("path").and_then(Value::as_str) {
                Some("just_name") => {
                    field.drop_parameter("path", "its fields are found by their full path only");
                }
                Some("full") => {
                    field.definition.shift_remove("path");
                    field.note_parameter("path", Effect::Changed, "gone; it is so anyway");
                }
                _ => {}
            }
        }
        if let Some(name) = field.definition.shift_remove("index_name") {
            let name = name.as_str().unwrap_or_default().to_owned();
            if name == field.name {
                field.note_parameter("index_name", Effect::Changed, "gone; it is so anyway");
            } else {
                let text = format!("not found as `{name}` any more; `copy_to` can fill such a field");
                field.note_parameter("index_name", Effect::Dropped, text);
            }
        }
        Ok(())
    })
}

fn geo_point(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    walk::fields(item, GEO_POINT, |field| {
        if field.kind() == "geo_point" {
            for key in ["lat_lon", "geohash", "geohash_prefix", "geohash_precision"] {
                if let Some(value) = field.definition.shift_remove(key) {
                    had_parts(field, key, &value);
                }
            }
            let lenient =
                ["validate", "validate_lat", "validate_lon", "normalize", "normalize_lat", "normalize_lon", "coerce"];
            for key in lenient {
                if let Some(value) = field.definition.shift_remove(key) {
                    took_any(field, key, is_true(&value));
                }
            }
            if field.definition.shift_remove("fielddata").is_some() {
                field.note_parameter("fielddata", Effect::Changed, "gone; points are in doc values");
            }
        }
        Ok(())
    })
}

/// `lat`, `lon` and `geohash` were fields of their own.
fn had_parts(field: &mut Field<'_>, key: &str, value: &Value) {
    if key == "geohash_precision" || !is_true(value) {
        field.note_parameter(key, Effect::Changed, "gone; a point is one field");
    } else {
        field.note_parameter(key, Effect::Dropped, "there are no fields `lat`, `lon` and `geohash` in it to search in");
    }
}

/// Points that aren't on earth were taken: as they were, or moved to where they belong.
fn took_any(field: &mut Field<'_>, key: &str, is_on: bool) {
    let took = if key.starts_with("validate") { !is_on } else { is_on };
    if took {
        field.definition.insert("ignore_malformed".to_owned(), true.into());
        field.note_parameter(
            key,
            Effect::Changed,
            "`ignore_malformed: true`: what is no point is kept, and not searched",
        );
    } else {
        field.note_parameter(key, Effect::Changed, "gone; it is so anyway");
    }
}
