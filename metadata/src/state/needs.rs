//! What somebody's own items stand on, though it came with the source.
//!
//! A data stream `logs-web-prod` may be made from the template `logs` that Elasticsearch brings along, and a template of
//! one's own be composed of `logs@mappings`. What comes with a product stays behind, but not where it is needed.

use serde_json::Value;

use super::{DataStream, State};
use crate::builtin;
use crate::item::{Kind, SourceItem};
use crate::settings::text;

/// Settings that name a pipeline.
const PIPELINES: [&str; 2] = ["index.default_pipeline", "index.final_pipeline"];

impl State {
    /// Whether something of somebody's own needs the item: a data stream its index template, an index template its
    /// component templates, either of them the pipelines in their settings.
    #[must_use]
    pub fn needs(&self, item: &SourceItem) -> bool {
        match item.kind {
            Kind::IndexTemplate => self.goes_along(Kind::DataStream).any(|stream| {
                DataStream::of(stream).and_then(|stream| stream.template).is_some_and(|template| template == item.name)
            }),
            Kind::ComponentTemplate => self.goes_along(Kind::IndexTemplate).any(|template| {
                let components = template.rest.get("composed_of").and_then(Value::as_array);
                components.into_iter().flatten().any(|component| *component == item.name)
            }),
            Kind::Pipeline => {
                let kinds = [Kind::LegacyTemplate, Kind::ComponentTemplate, Kind::IndexTemplate];
                let names_it = |template: &SourceItem| {
                    PIPELINES
                        .iter()
                        .any(|name| template.settings.get(*name).is_some_and(|name| text(name) == item.name))
                };
                kinds.into_iter().any(|kind| self.goes_along(kind).any(names_it))
            }
            Kind::Index | Kind::LegacyTemplate | Kind::DataStream | Kind::Policy => false,
        }
    }

    /// The items of a kind that somebody made, and those that are needed by such.
    fn goes_along(&self, kind: Kind) -> impl Iterator<Item = &SourceItem> {
        let of_kind = self.items.iter().filter(move |item| item.kind == kind);
        of_kind.filter(|item| builtin::whose(item).is_none() || self.needs(item))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::state;

    #[test]
    fn what_comes_with_a_product_goes_along_where_it_is_needed() {
        let managed = json!({"managed": true});
        let stream = json!({"timestamp_field": {"name": "@timestamp"}, "indices": []});
        let composed =
            |of: Value| json!({"index_patterns": ["logs-*-*"], "composed_of": of, "data_stream": {}, "_meta": managed});
        let component = |settings: Value| json!({"template": {"settings": settings}, "_meta": managed});
        let state = state::read(json!({
            "ingest": {"pipeline": [{"id": "logs@default-pipeline", "config": {"_meta": managed}},
                {"id": "unused", "config": {"_meta": managed}}]},
            "component_template": {"component_template": {
                "logs@settings": component(json!({"index.default_pipeline": "logs@default-pipeline"})),
                "ecs@mappings": component(json!({})), "metrics@settings": component(json!({}))}},
            "index_template": {"index_template": {"logs": composed(json!(["logs@settings"])),
                "metrics": {"index_patterns": ["metrics-*-*"], "composed_of": ["metrics@settings"], "data_stream": {},
                    "_meta": managed},
                "own": {"index_patterns": ["own-*"], "composed_of": ["ecs@mappings"]}}},
            "data_stream": {"data_stream": {"logs-web-prod": stream}},
        }));
        assert_eq!(state.errors, []);
        let needed: Vec<&str> =
            state.items.iter().filter(|item| state.needs(item)).map(|item| item.name.as_str()).collect();
        assert_eq!(needed, ["logs@default-pipeline", "logs@settings", "ecs@mappings", "logs"]);
    }
}
