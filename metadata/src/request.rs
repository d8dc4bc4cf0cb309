//! The request that creates an item on a target: `PUT` to its [`api`] with its [`body`].

use serde_json::{Map, Value, json};

use crate::item::{Item, Kind};
use crate::rules::template::is_for_everything;
use crate::server::Server;

/// The path of the API for items of this kind, to which `/` and a name are added; for an index there is nothing before.
#[must_use]
pub fn api(kind: Kind, target: Server) -> &'static str {
    match kind {
        Kind::Index => "",
        Kind::LegacyTemplate => "/_template",
        Kind::ComponentTemplate => "/_component_template",
        Kind::IndexTemplate => "/_index_template",
        Kind::DataStream => "/_data_stream",
        Kind::Pipeline => "/_ingest/pipeline",
        Kind::Policy if target.is_opensearch() => "/_plugins/_ism/policies",
        Kind::Policy => "/_ilm/policy",
    }
}

/// The item as the target's API takes it.
#[must_use]
pub fn body(item: &Item) -> Value {
    let mut body = item.rest.clone();
    let parts = [("settings", &item.settings), ("mappings", &item.mapping), ("aliases", &item.aliases)];
    let parts = parts.into_iter().filter(|(_, part)| !part.is_empty());
    let parts: Map<String, Value> = parts.map(|(name, part)| (name.to_owned(), part.clone().into())).collect();
    match item.kind {
        Kind::IndexTemplate | Kind::ComponentTemplate => {
            // What a template has beside the three is in `rest`, e.g. `lifecycle`.
            let mut template = match body.shift_remove("template") {
                Some(Value::Object(template)) => template,
                _ => Map::new(),
            };
            template.extend(parts);
            if item.kind == Kind::IndexTemplate && is_for_everything(item) {
                // Without settings, servers but Elasticsearch 8 stumble over a null there.
                template.entry("settings").or_insert_with(|| json!({}));
            }
            if !template.is_empty() || item.kind == Kind::ComponentTemplate {
                body.insert("template".to_owned(), template.into());
            }
        }
        Kind::DataStream => return json!({}),
        _ => body.extend(parts),
    }
    body.into()
}

/// Makes an item say what `body` does, in the form of [`body`]: the other way round.
///
/// # Errors
/// What `body` has in the place of an object.
pub fn take_body(item: &mut Item, body: Value) -> Result<(), String> {
    let object = |value: Value, what: &str| match value {
        Value::Object(fields) => Ok(fields),
        other => Err(format!("{what} is no object but {other}")),
    };
    let mut rest = object(body, "the item")?;
    let mut parts = match item.kind {
        Kind::IndexTemplate | Kind::ComponentTemplate => match rest.shift_remove("template") {
            Some(template) => object(template, "template")?,
            None => Map::new(),
        },
        _ => std::mem::take(&mut rest),
    };
    let mut part = |name: &str| parts.shift_remove(name).map_or_else(|| Ok(Map::new()), |part| object(part, name));
    (item.settings, item.mapping, item.aliases) = (part("settings")?, part("mappings")?, part("aliases")?);
    match item.kind {
        Kind::IndexTemplate | Kind::ComponentTemplate if !parts.is_empty() => {
            rest.insert("template".to_owned(), parts.into());
        }
        Kind::IndexTemplate | Kind::ComponentTemplate => {}
        _ => rest = parts,
    }
    item.rest = rest;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_taken_as_it_is_given() {
        let mut item = Item {
            kind: Kind::IndexTemplate,
            name: "t".to_owned(),
            types: Vec::new(),
            settings: Map::new(),
            mapping: Map::new(),
            aliases: Map::new(),
            rest: Map::new(),
            join: None,
            withheld: std::collections::BTreeMap::new(),
            notes: Vec::new(),
        };
        let composable = json!({
            "index_patterns": ["a"], "priority": 1,
            "template": {"lifecycle": {}, "settings": {"index.codec": "default"}, "mappings": {"dynamic": "strict"}},
        });
        let legacy = json!({"order": 1, "settings": {"index.codec": "default"}, "aliases": {"a": {}}});
        for (kind, given) in [(Kind::IndexTemplate, composable), (Kind::LegacyTemplate, legacy)] {
            item.kind = kind;
            take_body(&mut item, given.clone()).unwrap();
            assert_eq!(body(&item), given);
            assert_eq!(item.settings.len(), 1);
        }
        assert_eq!(take_body(&mut item, json!({"settings": 1})).unwrap_err(), "settings is no object but 1");
        item.kind = Kind::IndexTemplate;
        take_body(&mut item, json!({"index_patterns": ["*"]})).unwrap();
        assert_eq!(body(&item), json!({"index_patterns": ["*"], "template": {"settings": {}}}));
    }
}
