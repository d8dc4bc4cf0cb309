//! What of an index on the target, or of a template there, a load can't be right under. Pure.

use serde_json::{Map, Value};
use target::{Template, Templates};

/// Settings of an existing index under which a load can't be right.
const IN_THE_WAY: &[(&str, &str)] = &[
    ("index.blocks.write", "it has a write block"),
    ("index.blocks.read", "it has a read block, so nothing in it can be counted"),
    ("index.blocks.metadata", "its metadata is blocked"),
    ("index.blocks.read_only", "it is read-only"),
    ("index.blocks.read_only_allow_delete", "it is read-only because a disk was full"),
];

/// The setting that no request can switch off.
const FINAL_PIPELINE: &str = "index.final_pipeline";

/// The settings that this file asks about, as the path of a request names them.
pub const SETTINGS: &str = "index.blocks.*,index.final_pipeline";

/// A setting in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// Its full name.
    pub setting: &'static str,
    /// Its value.
    pub value: String,
    /// What it is, and what to do.
    pub why: String,
}

/// What is in the way in an index with these flat `settings`.
#[must_use]
pub fn of_index(settings: &Map<String, Value>) -> Vec<Obstacle> {
    let value = |name: &str| settings.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut found = Vec::new();
    for (setting, what) in IN_THE_WAY.iter().copied().filter(|(setting, _)| value(setting) == "true") {
        let why = format!("{what} on the target: set {setting} to null there, or delete the index, and submit again");
        found.push(Obstacle { setting, value: "true".to_owned(), why });
    }
    let pipeline = value(FINAL_PIPELINE);
    if is_pipeline(pipeline) {
        let why = format!(
            "it has the final_pipeline {pipeline} on the target, which would process every document once more: set \
             {FINAL_PIPELINE} to _none there and submit again"
        );
        found.push(Obstacle { setting: FINAL_PIPELINE, value: pipeline.to_owned(), why });
    }
    found
}

/// What templates of the target would put in the way of a new index of that name, and what to do. `own` are the settings
/// that it is created with, which count more than a template's.
#[must_use]
pub fn of_templates(templates: &Templates, name: &str, own: Option<&Map<String, Value>>) -> Vec<String> {
    let applying = templates.of_index(name);
    let mut found = Vec::new();
    for template in applying.iter().filter(|template| template.makes_streams) {
        found.push(format!(
            "template {} of the target makes data streams of such names, so no plain index can be created: narrow its \
             index_patterns there, and submit again",
            template.name
        ));
    }
    let settings = IN_THE_WAY.iter().map(|(setting, _)| *setting).chain([FINAL_PIPELINE]);
    for setting in settings.filter(|setting| !own.is_some_and(|own| own.contains_key(*setting))) {
        // The last one counts.
        let by = |template: &&&Template| template.settings.contains_key(setting);
        let Some((template, value)) =
            applying.iter().rev().find(by).and_then(|by| Some((by, by.settings.get(setting)?)))
        else {
            continue;
        };
        let harm = match setting {
            FINAL_PIPELINE if is_pipeline(value) => "which would process every document once more",
            FINAL_PIPELINE => continue,
            _ if value == "true" => "so it would take no documents",
            _ => continue,
        };
        found.push(format!(
            "template {} of the target would give it {setting}: {value}, {harm}: take the setting out of the template, \
             or narrow its index_patterns, for the time of the migration, and submit again",
            template.name
        ));
    }
    found
}

/// The default pipeline that templates would give a new index, and the template: no bulk of ours runs through it.
#[must_use]
pub fn default_pipeline(templates: &Templates, name: &str) -> Option<String> {
    let setting = "index.default_pipeline";
    let applying = templates.of_index(name);
    let template = applying.iter().rev().find(|template| template.settings.contains_key(setting))?;
    let pipeline = template.settings.get(setting).filter(|value| is_pipeline(value))?;
    Some(format!("template {} of the target gives it the default_pipeline {pipeline}", template.name))
}

fn is_pipeline(value: &str) -> bool {
    !value.is_empty() && value != "_none"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn everything_in_the_way_is_named() {
        let found = of_index(&settings(&json!({
            "index.blocks.write": "true", "index.blocks.read_only": "false", "index.final_pipeline": "p",
            "index.default_pipeline": "q",
        })));
        let names: Vec<&str> = found.iter().map(|obstacle| obstacle.setting).collect();
        assert_eq!(names, ["index.blocks.write", "index.final_pipeline"]);
        assert!(found.iter().all(|obstacle| obstacle.why.ends_with("submit again")), "{found:?}");
        assert!(of_index(&settings(&json!({"index.final_pipeline": "_none"}))).is_empty());
    }
}
