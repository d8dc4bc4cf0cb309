//! What index templates would put on an index that is about to be created.
//!
//! In: the composable and the legacy templates of a cluster. Out: those that apply to a name, and their settings.
//! Holds: nothing is changed. Where a composable template applies, legacy ones don't; of composable ones the highest
//! priority counts. After: `MetadataIndexTemplateService#findV2Template` and `#findV1Templates`.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::Cluster;
use crate::error::TargetError;

/// The templates of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Templates {
    composable: Vec<Template>,
    legacy: Vec<Template>,
}

/// A template, with what its components bring.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Names of indices that it applies to, with `*`.
    pub patterns: Vec<String>,
    /// Whether indices of such names can only be made as data streams.
    pub makes_streams: bool,
    /// Its settings by their full names, e.g. `index.final_pipeline`.
    pub settings: BTreeMap<String, String>,
    /// `priority` or `order`.
    rank: i64,
}

impl Templates {
    /// The templates that apply to a new index of that name; a later one's settings win.
    pub fn of_index(&self, name: &str) -> Vec<&Template> {
        let applies = |template: &&Template| template.patterns.iter().any(|pattern| is_match(pattern, name));
        if let Some(one) = self.composable.iter().filter(applies).max_by_key(|template| template.rank) {
            return vec![one];
        }
        let mut several: Vec<&Template> = self.legacy.iter().filter(applies).collect();
        several.sort_by_key(|template| template.rank);
        several
    }
}

impl Cluster {
    /// The templates of the cluster.
    ///
    /// # Errors
    /// As [`Cluster::success`].
    pub async fn templates(&self) -> Result<Templates, TargetError> {
        let components: Option<Components> = self.ask_if_there("/_component_template").await?;
        let components: BTreeMap<String, BTreeMap<String, String>> = components
            .unwrap_or_default()
            .component_templates
            .into_iter()
            .map(|named| (named.name, flat(named.component_template.template.settings.as_ref())))
            .collect();
        let composable: Option<Composables> = self.ask_if_there("/_index_template").await?;
        let composable = composable.unwrap_or_default().index_templates.into_iter();
        let composable = composable.map(|named| named.index_template.with(named.name, &components)).collect();
        let legacy: Option<BTreeMap<String, Legacy>> = self.ask_if_there("/_template").await?;
        let legacy = legacy.unwrap_or_default().into_iter().map(|(name, legacy)| legacy.named(name)).collect();
        Ok(Templates { composable, legacy })
    }

    /// What is there; `None` where the server has no such API: Elasticsearch before 7.8 takes the path for an index.
    async fn ask_if_there<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, TargetError> {
        let what = "ask for index templates";
        let answer = self.request(Method::GET, path, None).await?;
        if matches!(answer.status, 400 | 404 | 405) {
            return Ok(None);
        }
        self.read(what, &self.success(what, answer)?).map(Some)
    }
}

#[derive(Deserialize, Default)]
struct Components {
    component_templates: Vec<NamedComponent>,
}

#[derive(Deserialize)]
struct NamedComponent {
    name: String,
    component_template: Component,
}

#[derive(Deserialize)]
struct Component {
    template: Body,
}

#[derive(Deserialize, Default)]
struct Body {
    settings: Option<Value>,
}

#[derive(Deserialize, Default)]
struct Composables {
    index_templates: Vec<NamedComposable>,
}

#[derive(Deserialize)]
struct NamedComposable {
    name: String,
    index_template: Composable,
}

#[derive(Deserialize)]
struct Composable {
    index_patterns: Vec<String>,
    #[serde(default)]
    composed_of: Vec<String>,
    #[serde(default)]
    template: Body,
    #[serde(default)]
    priority: i64,
    data_stream: Option<Value>,
}

impl Composable {
    fn with(self, name: String, components: &BTreeMap<String, BTreeMap<String, String>>) -> Template {
        let mut settings = BTreeMap::new();
        for component in self.composed_of.iter().filter_map(|name| components.get(name)) {
            settings.extend(component.clone());
        }
        settings.extend(flat(self.template.settings.as_ref()));
        let makes_streams = self.data_stream.is_some();
        Template { name, patterns: self.index_patterns, makes_streams, settings, rank: self.priority }
    }
}

#[derive(Deserialize)]
struct Legacy {
    index_patterns: Vec<String>,
    #[serde(default)]
    order: i64,
    settings: Option<Value>,
}

impl Legacy {
    fn named(self, name: String) -> Template {
        let settings = flat(self.settings.as_ref());
        Template { name, patterns: self.index_patterns, makes_streams: false, settings, rank: self.order }
    }
}

/// Settings by their full names, whichever way they are nested.
fn flat(settings: Option<&Value>) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    flatten("", settings.unwrap_or(&Value::Null), &mut flat);
    let full = |name: String| if name.starts_with("index.") { name } else { format!("index.{name}") };
    flat.into_iter().map(|(name, value)| (full(name), value)).collect()
}

fn flatten(prefix: &str, value: &Value, flat: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&path, field, flat);
            }
        }
        Value::Null => {}
        Value::String(text) => drop(flat.insert(prefix.to_owned(), text.clone())),
        other => drop(flat.insert(prefix.to_owned(), other.to_string())),
    }
}

/// Whether `name` is what `pattern` says, where `*` stands for anything.
fn is_match(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name) in
            [("*", "a"), ("a", "a"), ("logs-*", "logs-"), ("*-2024*", "logs-2024.01"), ("a*b*", "acbd")]
        {
            assert!(is_match(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("a", "ab"), ("logs-*", "log"), ("*-x", "a-y"), ("ab*ba", "aba"), ("a*b*c", "ac")] {
            assert!(!is_match(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn settings_are_found_however_they_are_nested() {
        for settings in [
            json!({"index": {"final_pipeline": "p"}}),
            json!({"index.final_pipeline": "p"}),
            json!({"final_pipeline": "p"}),
        ] {
            assert_eq!(flat(Some(&settings)), BTreeMap::from([("index.final_pipeline".to_owned(), "p".to_owned())]));
        }
        let blocks = flat(Some(&json!({"index": {"blocks": {"write": true}, "codec": null}})));
        assert_eq!(blocks, BTreeMap::from([("index.blocks.write".to_owned(), "true".to_owned())]));
    }

    #[test]
    fn one_composable_template_counts_and_legacy_ones_in_their_order_where_there_is_none() {
        let template = |name: &str, pattern: &str, rank| Template {
            name: name.to_owned(),
            patterns: vec![pattern.to_owned()],
            rank,
            ..Template::default()
        };
        let templates = Templates {
            composable: vec![template("low", "logs-*", 1), template("high", "logs-a*", 5)],
            legacy: vec![template("second", "*", 7), template("first", "o*", -1), template("other", "x*", 0)],
        };
        let names = |index| templates.of_index(index).iter().map(|found| found.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names("logs-a1"), ["high"]);
        assert_eq!(names("logs-b"), ["low"]);
        assert_eq!(names("orders"), ["first", "second"]);
    }
}
