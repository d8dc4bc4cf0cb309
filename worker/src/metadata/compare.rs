//! What is different between what is wanted and what a target has. Pure.
//!
//! Both in the target's own words ([`Judged::shown`](super::judge::Judged)): what it leaves out because it is the default
//! is left out of both.

use serde::Serialize;
use serde_json::{Map, Value};

/// One difference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Where: `mappings.properties.title.type`.
    pub at: String,
    /// What is wanted; `None`: nothing, and there is something.
    pub wanted: Option<Value>,
    /// What is there.
    pub found: Option<Value>,
}

/// Settings that a person may have fitted to the target, and that say nothing of the documents.
const OF_THE_PLACE: [&str; 3] = ["index.number_of_replicas", "index.auto_expand_replicas", "index.routing.allocation."];

/// Everything that is different, in the order of what is wanted.
#[must_use]
pub fn differences(wanted: &Value, found: &Value) -> Vec<Difference> {
    let mut all = Vec::new();
    compare("", Some(wanted), Some(found), &mut all);
    all.retain(|difference| {
        let setting = difference.at.strip_prefix("settings.").unwrap_or_default();
        !OF_THE_PLACE.iter().any(|begin| setting.starts_with(begin))
    });
    all
}

fn compare(at: &str, wanted: Option<&Value>, found: Option<&Value>, all: &mut Vec<Difference>) {
    match (wanted, found) {
        (Some(Value::Object(wanted)), Some(Value::Object(found))) => {
            let more = found.keys().filter(|key| !wanted.contains_key(*key));
            for key in wanted.keys().chain(more) {
                let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                compare(&at, wanted.get(key), found.get(key), all);
            }
        }
        // Nothing in it, and not there, is the same.
        (None, Some(Value::Object(empty))) | (Some(Value::Object(empty)), None) if empty.is_empty() => {}
        (wanted, found) if wanted == found => {}
        (wanted, found) => {
            all.push(Difference { at: at.to_owned(), wanted: wanted.cloned(), found: found.cloned() });
        }
    }
}

/// Adds to `base` what `more` has and it lacks; where both have another value, `base` stays, and the place is named.
#[must_use]
pub fn merge(base: &mut Map<String, Value>, more: &Map<String, Value>) -> Vec<String> {
    let mut conflicts = Vec::new();
    for (key, value) in more {
        match (base.get_mut(key), value) {
            (None, value) => drop(base.insert(key.clone(), value.clone())),
            (Some(Value::Object(base)), Value::Object(more)) => {
                conflicts.extend(merge(base, more).into_iter().map(|inner| format!("{key}.{inner}")));
            }
            (Some(base), value) if *base == *value => {}
            (Some(_), _) => conflicts.push(key.clone()),
        }
    }
    conflicts
}

impl Difference {
    /// In a line.
    #[must_use]
    pub fn line(&self) -> String {
        match (&self.wanted, &self.found) {
            (Some(wanted), Some(found)) => format!("{}: {found} instead of {wanted}", self.at),
            (Some(wanted), None) => format!("{}: {wanted} is missing", self.at),
            (None, Some(found)) => format!("{}: {found} besides", self.at),
            (None, None) => self.at.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_another_missing_or_besides_is_named_by_its_path() {
        let wanted = json!({
            "settings": {"index.codec": "default", "index.number_of_replicas": "0"},
            "mappings": {"properties": {"a": {"type": "text"}, "b": {"type": "long"}}}, "aliases": {},
        });
        let found = json!({
            "settings": {"index.codec": "default", "index.number_of_replicas": "2", "index.refresh_interval": "5s"},
            "mappings": {"properties": {"a": {"type": "keyword"}}},
        });
        let lines: Vec<String> = differences(&wanted, &found).iter().map(Difference::line).collect();
        assert_eq!(
            lines,
            [
                "settings.index.refresh_interval: \"5s\" besides",
                "mappings.properties.a.type: \"keyword\" instead of \"text\"",
                "mappings.properties.b: {\"type\":\"long\"} is missing",
            ]
        );
        assert_eq!(differences(&wanted, &wanted), []);
    }

    #[test]
    fn two_mappings_are_one_where_they_agree() {
        let object = |value: Value| value.as_object().cloned().unwrap();
        let mut base = object(json!({"properties": {"a": {"type": "text"}}}));
        let more = object(json!({"properties": {"a": {"type": "keyword"}, "b": {"type": "long"}}}));
        assert_eq!(merge(&mut base, &more), ["properties.a.type"]);
        assert_eq!(Value::from(base), json!({"properties": {"a": {"type": "text"}, "b": {"type": "long"}}}));
    }
}
