//! Formats of dates: Joda-Time's until Elasticsearch 6, those of `java.time` since 7.
//!
//! After: Elasticsearch 7.0 "Migrating from Joda-Time to Java time"; what is read and written was tried value by value on
//! OpenSearch 3.8.0.

use serde_json::Value;

use super::joda;
use super::walk::{self, Field, Place};
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};

const NUMBERS: &str = "date-numbers";
const FORMATS: &str = "date-formats";

/// The rules for dates.
pub const RULES: &[Rule] = &[
    Rule {
        id: NUMBERS,
        what: "A date gets the format that it had without saying so: `date_optional_time`, and the numbers it took.",
        why: "Until Elasticsearch 1.7 a date took numbers whatever its format, and its default took one-digit months; now only a \
              format says so.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/2.0/breaking_20_mapping_changes.html",
        applies: |versions| versions.source.is_elasticsearch_before(2, 0),
        apply: numbers,
        examples: &[Example {
            source: "Elasticsearch 1.7.6",
            target: "OpenSearch 2.19.4",
            before: r#"{"mappings": {"properties": {
                "a": {"type": "date", "format": "yyyy-MM-dd"}, "b": {"type": "date"},
                "c": {"type": "date", "format": "dateOptionalTime", "numeric_resolution": "seconds"}},
                "dynamic_templates": [{"dates": {"match_mapping_type": "date", "mapping": {"type": "date"}}}]}}"#,
            after: r#"{"mappings": {"properties": {
                "a": {"type": "date", "format": "yyyy-MM-dd||epoch_millis"},
                "b": {"type": "date", "format": "date_optional_time||epoch_millis"},
                "c": {"type": "date", "format": "dateOptionalTime||epoch_second"}},
                "dynamic_templates": [{"dates": {"match_mapping_type": "date", "mapping": {"type": "date"}}}]}}"#,
            notes: &[
                "changed mappings.properties.a.format: yyyy-MM-dd||epoch_millis",
                "changed mappings.properties.b.format: date_optional_time||epoch_millis",
                "changed mappings.properties.c.format: dateOptionalTime||epoch_second",
            ],
        }],
    },
    Rule {
        id: FORMATS,
        what: "A date's format gets the letters of today, a second pattern that reads as leniently as the first one did, and \
               names with `_`.",
        why: "`YYYY` became the year of a week, so that 2015-06-14 would be read as 2014-12-28; `dd` reads two digits and no \
              longer one; `Z` reads neither `Z` nor `+02:00`. The first pattern of a format is the one that dates are written by.",
        source: "https://www.elastic.co/guide/en/elasticsearch/reference/7.0/migrate-to-java-time.html",
        applies: |versions| {
            versions.source.is_elasticsearch_before(7, 0) && !versions.target.is_elasticsearch_before(7, 0)
        },
        apply: formats,
        examples: &[
            Example {
                source: "Elasticsearch 2.4.6",
                target: "OpenSearch 2.19.4",
                before: r#"{"mappings": {"dynamic_date_formats": ["dateOptionalTime", "YYYY/MM/dd"], "properties": {
                    "day": {"type": "date", "format": "YYYY-MM-dd"},
                    "at": {"type": "date", "format": "yyyy-MM-dd'T'HH:mm:ss.SSSZ||epoch_millis"},
                    "compact": {"type": "date", "format": "yyyyMMddHHmmss"}}}}"#,
                after: r#"{"mappings": {"dynamic_date_formats": ["date_optional_time", "yyyy/MM/dd||yyyy/M/d"], "properties": {
                    "day": {"type": "date", "format": "yyyy-MM-dd||yyyy-M-d"},
                    "at": {"type": "date", "format": "yyyy-MM-dd'T'HH:mm:ss.SSSZ||yyyy-M-d'T'H:m:s.[SSS][SS][S][XXX][XX]||epoch_millis"},
                    "compact": {"type": "date", "format": "yyyyMMddHHmmss"}}}}"#,
                notes: &[
                    "changed mappings.dynamic_date_formats: date_optional_time",
                    "changed mappings.dynamic_date_formats: yyyy/MM/dd||yyyy/M/d",
                    "changed mappings.properties.day.format: yyyy-MM-dd||yyyy-M-d",
                    "changed mappings.properties.at.format: yyyy-MM-dd'T'HH:mm:ss.SSSZ||",
                ],
            },
            Example {
                source: "Elasticsearch 6.8.23",
                target: "OpenSearch 3.8.0",
                before: r#"{"mappings": {"properties": {
                    "a": {"type": "date", "format": "8uuuu-MM-dd||strictDateTimeNoMillis"},
                    "b": {"type": "date", "format": "xxxx-'W'ww-e"},
                    "c": {"type": "date", "format": "yyMMdd"},
                    "d": {"type": "date_range", "format": "CC-yy"}}}}"#,
                after: r#"{"mappings": {"properties": {
                    "a": {"type": "date", "format": "uuuu-MM-dd||strict_date_time_no_millis"},
                    "b": {"type": "date", "format": "week_date"},
                    "c": {"type": "date", "format": "yyMMdd"},
                    "d": {"type": "date_range", "format": "CC-yy"}}}}"#,
                notes: &[
                    "changed mappings.properties.a.format: uuuu-MM-dd||strict_date_time_no_millis",
                    "changed mappings.properties.b.format: week_date",
                    "warning mappings.properties.c.format: `yy` is 2000 to 2099 now",
                    "warning mappings.properties.d.format: no pattern has centuries",
                    "warning mappings.properties.d.format: `yy` is 2000 to 2099 now",
                ],
            },
        ],
    },
];

/// Whether the field is of dates, or may become one.
fn is_date(field: &Field<'_>) -> bool {
    match field.kind() {
        "date" | "date_range" => true,
        kind => kind.starts_with("{dynamic") && field.definition.contains_key("format"),
    }
}

fn numbers(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    walk::fields(item, NUMBERS, |field| {
        if !is_date(field) {
            return Ok(());
        }
        let resolution = field.definition.shift_remove("numeric_resolution");
        let epoch = match resolution.as_ref().and_then(Value::as_str).map(str::to_lowercase).as_deref() {
            Some("s" | "seconds") => "epoch_second",
            None | Some("ms" | "milliseconds") => "epoch_millis",
            Some(other) => {
                let text = format!("numbers are milliseconds and no longer {other}");
                field.note_parameter("numeric_resolution", Effect::Dropped, text);
                "epoch_millis"
            }
        };
        let format = match field.definition.get("format").and_then(Value::as_str) {
            Some(format) => format,
            // What comes up as a date gets the format by which it was seen to be one.
            None if field.place == Place::Template => return Ok(()),
            None => "date_optional_time",
        };
        if !format.contains("epoch_") {
            let format = format!("{format}||{epoch}");
            field.definition.insert("format".to_owned(), format.clone().into());
            field.note_parameter("format", Effect::Changed, format);
        }
        Ok(())
    })
}

fn formats(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    for key in ["dynamic_date_formats", "date_formats"] {
        let Some(Value::Array(formats)) = item.mapping.get_mut(key) else { continue };
        let mut notes = Vec::new();
        for format in formats {
            let Value::String(old) = &*format else { continue };
            let new = joda::to_java(old);
            notes.extend(new.warnings.into_iter().map(|text| (Effect::Warning, text.to_owned())));
            if new.format != *old {
                notes.push((Effect::Changed, new.format.clone()));
                *format = new.format.into();
            }
        }
        for (effect, text) in notes {
            item.note(FORMATS, effect, format!("mappings.{key}"), text);
        }
    }
    walk::fields(item, FORMATS, |field| {
        let Some(Value::String(old)) = field.definition.get("format") else { return Ok(()) };
        if !is_date(field) {
            return Ok(());
        }
        let new = joda::to_java(old);
        let is_changed = new.format != *old;
        for text in new.warnings {
            field.note_parameter("format", Effect::Warning, text);
        }
        if is_changed {
            field.note_parameter("format", Effect::Changed, new.format.clone());
            field.definition.insert("format".to_owned(), new.format.into());
        }
        Ok(())
    })
}
