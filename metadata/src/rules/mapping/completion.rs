//! Suggestions, which Elasticsearch 5.0 made anew.

use serde_json::{Map, Value};

use super::from_before_5;
use super::walk::{self, Field};
use crate::item::{Effect, Item, Refusal};
use crate::rule::{Example, Rule, Versions};

const ID: &str = "completion-fields";

/// The rule for `completion`.
pub const RULES: &[Rule] = &[Rule {
    id: ID,
    what: "`context` of a `completion` field becomes `contexts`, `index_analyzer` becomes `analyzer`; `payloads` is dropped.",
    why: "Elasticsearch 5.0 made suggestions documents: they bring their source along, and a value has `input`, `weight` and \
          `contexts`, nothing else. A document with `output`, `payload` or `context` in it is rejected.",
    source: "https://www.elastic.co/guide/en/elasticsearch/reference/5.0/breaking_50_suggester.html",
    applies: from_before_5,
    apply,
    examples: &[Example {
        source: "Elasticsearch 2.4.6",
        target: "OpenSearch 2.19.4",
        before: r#"{"mappings": {"properties": {"suggest": {"type": "completion", "payloads": true, "index_analyzer": "simple",
            "context": {"color": {"type": "category", "path": "color", "default": "red"},
                "place": {"type": "geo", "precision": ["5km", "1m"], "neighbors": true}}}}}}"#,
        after: r#"{"mappings": {"properties": {"suggest": {"type": "completion", "analyzer": "simple",
            "contexts": [{"name": "color", "type": "category", "path": "color"},
                {"name": "place", "type": "geo", "precision": "5km"}]}}}}"#,
        notes: &[
            "dropped mappings.properties.suggest.payloads: suggestions bring the document's source",
            "changed mappings.properties.suggest.index_analyzer: `analyzer`",
            "dropped mappings.properties.suggest.context.color: without `default`",
            "dropped mappings.properties.suggest.context.place: without `precision: \"1m\"`, `neighbors`",
            "changed mappings.properties.suggest.context: `contexts`",
            "warning mappings.properties.suggest: a document whose value has `output`, `payload` or `context` is rejected",
        ],
    }],
}];

fn apply(item: &mut Item, _: Versions) -> Result<(), Refusal> {
    walk::fields(item, ID, |field| {
        if field.kind() == "completion" {
            completion(field);
        }
        Ok(())
    })
}

fn completion(field: &mut Field<'_>) {
    field.drop_parameter("payloads", "suggestions bring the document's source instead");
    if let Some(analyzer) = field.definition.shift_remove("index_analyzer") {
        field.definition.insert("analyzer".to_owned(), analyzer);
        field.note_parameter("index_analyzer", Effect::Changed, "`analyzer`");
    }
    if let Some(Value::Object(old)) = field.definition.shift_remove("context") {
        let contexts: Vec<Value> = old.into_iter().map(|(name, context)| self::context(field, name, context)).collect();
        field.definition.insert("contexts".to_owned(), contexts.into());
        field.note_parameter("context", Effect::Changed, "`contexts`, a list");
    }
    field.note(Effect::Warning, "a document whose value has `output`, `payload` or `context` is rejected");
}

/// One context, with its name in it.
fn context(field: &mut Field<'_>, name: String, old: Value) -> Value {
    let mut new = Map::from_iter([("name".to_owned(), Value::from(name.clone()))]);
    let mut without = Vec::new();
    let Value::Object(old) = old else { return new.into() };
    for (key, value) in old {
        match (key.as_str(), value) {
            ("precision", Value::Array(several)) => {
                let mut several = several.into_iter();
                if let Some(first) = several.next() {
                    new.insert(key, first);
                }
                without.extend(several.map(|more| format!("`precision: {more}`")));
            }
            ("type" | "path" | "precision", value) => {
                new.insert(key, value);
            }
            ("default", _) => without.push("`default`, so that a document which names none is rejected".to_owned()),
            (other, _) => without.push(format!("`{other}`")),
        }
    }
    if !without.is_empty() {
        let text = format!("without {}", without.join(", "));
        field.note_parameter(&format!("context.{name}"), Effect::Dropped, text);
    }
    new.into()
}
