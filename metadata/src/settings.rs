//! Settings in the flat form: `"index.number_of_shards": "3"`.
//!
//! In: settings as a snapshot keeps them, flat or nested, with `index.` before them or without. Out: flat, with it.
//! Holds: values stay as they are; an array stays an array. Not here: what becomes of a setting (`rules`).
//! After: Elasticsearch `Settings#fromXContent`, `Settings.Builder#normalizePrefix`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What stands before every setting of an index.
pub const PREFIX: &str = "index.";

/// The settings in `value`, flat.
///
/// # Errors
/// What `value` is, where it is neither an object nor null.
pub fn flat(value: Option<Value>) -> Result<Map<String, Value>, String> {
    let mut flat = Map::new();
    match value {
        None | Some(Value::Null) => {}
        Some(Value::Object(settings)) => flatten("", settings, &mut flat),
        Some(other) => return Err(format!("the settings are no object but {other}")),
    }
    gather_lists(&mut flat);
    Ok(flat.into_iter().map(|(name, value)| (prefixed(name), value)).collect())
}

/// The value of a setting as text, as all servers take it.
#[must_use]
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The whole number that a setting holds, as text or number.
#[must_use]
pub fn number(settings: &Map<String, Value>, name: &str) -> Option<i64> {
    text(settings.get(name)?).parse().ok()
}

fn prefixed(name: String) -> String {
    if name.starts_with(PREFIX) { name } else { format!("{PREFIX}{name}") }
}

fn flatten(prefix: &str, nested: Map<String, Value>, flat: &mut Map<String, Value>) {
    for (key, value) in nested {
        let key = format!("{prefix}{key}");
        match value {
            Value::Object(inner) => flatten(&format!("{key}."), inner, flat),
            value => drop(flat.insert(key, value)),
        }
    }
}

/// Before Elasticsearch 6.0 a list may be kept as `"key.0"`, `"key.1"` and so on; it becomes an array.
fn gather_lists(settings: &mut Map<String, Value>) {
    let mut lists: BTreeMap<String, BTreeMap<usize, Value>> = BTreeMap::new();
    for (key, value) in &*settings {
        let Some((list, number)) = key.rsplit_once('.') else { continue };
        if let Some(place) = number.parse::<usize>().ok().filter(|place| place.to_string() == number) {
            lists.entry(list.to_owned()).or_default().insert(place, value.clone());
        }
    }
    for (list, values) in lists {
        if settings.contains_key(&list) || !values.keys().copied().eq(0..values.len()) {
            continue;
        }
        for place in values.keys() {
            settings.shift_remove(&format!("{list}.{place}"));
        }
        settings.insert(list, values.into_values().collect());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_forms_become_flat() {
        let nested = json!({"index": {"number_of_shards": "3", "analysis": {"filter": {"f": {"words.0": "a", "words.1": "b"}}}},
            "refresh_interval": "1s", "index.sort.field": ["a"], "analysis.filter.g.gap.1": "x"});
        let expected = json!({"index.number_of_shards": "3", "index.refresh_interval": "1s", "index.sort.field": ["a"],
            "index.analysis.filter.f.words": ["a", "b"], "index.analysis.filter.g.gap.1": "x"});
        assert_eq!(Value::from(flat(Some(nested)).unwrap()), expected);
        assert!(flat(None).unwrap().is_empty() && flat(Some(Value::Null)).unwrap().is_empty());
        assert_eq!(flat(Some(json!([1]))).unwrap_err(), "the settings are no object but [1]");
    }

    #[test]
    fn numbers_are_read_from_texts_too() {
        let settings = flat(Some(json!({"a": "3", "b": 4, "c": "x"}))).unwrap();
        let number = |name: &str| number(&settings, name);
        assert_eq!([number("index.a"), number("index.b"), number("index.c")], [Some(3), Some(4), None]);
    }
}
