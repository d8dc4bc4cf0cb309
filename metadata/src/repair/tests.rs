use std::collections::BTreeMap;

use serde_json::{Map, json};

use super::*;
use crate::item::SourceItem;
use crate::types;

const SERVERS: [&str; 5] =
    ["elasticsearch-7.10.2", "elasticsearch-8.19.21", "opensearch-1.3.20", "opensearch-2.19.4", "opensearch-3.8.0"];

/// What is left out after each of the recorded answers; nothing: it is refused.
const REPAIRS: [(&str, &[&str]); 39] = [
    ("analyzer", &[]),
    ("boolean", &[]),
    ("codec", &["index.codec"]),
    ("components that are not there", &["composed_of", "composed_of"]),
    ("field of the root _all", &["mappings._all"]),
    ("number", &["index.max_result_window"]),
    ("parameter", &["mappings.properties.a.foo"]),
    ("parameter in a component template", &["mappings.properties.a.foo"]),
    ("parameter in a dynamic template", &["mappings.dynamic_templates.x.mapping.foo"]),
    ("parameter in a legacy template", &["mappings.properties.a.foo"]),
    ("parameter in an index template", &["mappings.properties.a.foo"]),
    ("parameter of a date", &["mappings.properties.a.foo"]),
    ("parameter of a geo_point", &["mappings.properties.a.foo"]),
    ("parameter of a multi-field", &["mappings.properties.a.fields.raw.foo"]),
    ("parameter of a nested", &["mappings.properties.a.foo"]),
    ("parameter of a text", &["mappings.properties.a.foo"]),
    ("parameter of an object", &["mappings.properties.a.foo"]),
    ("parameter of the root", &["mappings.foo"]),
    ("parameter of the root in an index template", &["mappings.foo"]),
    ("part of a component template", &["foo"]),
    ("part of a data stream", &["data_stream.foo"]),
    ("part of a legacy template", &["foo"]),
    ("part of a pipeline", &["foo"]),
    ("part of an index template", &["foo"]),
    ("part of template", &["template.foo"]),
    ("private setting", &["index.search.throttled", "index.verified_before_close"]),
    ("private setting 2", &["index.version.upgraded"]),
    ("processor", &[]),
    ("size", &["index.translog.flush_threshold_size"]),
    ("time", &["index.refresh_interval"]),
    ("too small", &["index.max_result_window"]),
    ("two parameters", &["mappings.properties.a.properties.b.bar"]),
    ("two unknown settings", &["index.bar"]),
    ("type", &[]),
    ("unknown setting", &["index.foo"]),
    ("unknown setting in a component template", &["index.foo"]),
    ("unknown setting in a legacy template", &["index.foo"]),
    ("unknown setting in an index template", &["index.foo"]),
    ("unknown setting with a suggestion", &["index.mapping.total_field.limit"]),
];

/// An item whose body is `request`.
fn item(kind: Kind, request: &Value) -> Item {
    let is_composable = matches!(kind, Kind::IndexTemplate | Kind::ComponentTemplate);
    let mut rest = request.as_object().cloned().unwrap();
    let mut inner = if is_composable { rest.shift_remove("template") } else { Some(rest.clone().into()) };
    let mut part = |name: &str| -> Map<String, Value> {
        rest.shift_remove(name);
        let part = inner.as_mut().and_then(|inner| inner.as_object_mut()?.shift_remove(name));
        part.map(|part| part.as_object().cloned().unwrap()).unwrap_or_default()
    };
    let (settings, mapping) = (part("settings"), part("mappings"));
    if is_composable && let Some(inner) = inner {
        rest.insert("template".to_owned(), inner);
    }
    let source = SourceItem::index("i", Map::new(), vec![("_doc".to_owned(), mapping.into())], Map::new(), 1);
    types::resolve(SourceItem { kind, settings, rest, ..source }, &types::Options::default()).unwrap().remove(0)
}

#[test]
fn what_real_servers_name_is_left_out_once() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for server in SERVERS {
        let path = format!("{}/tests/errors/{server}.json", env!("CARGO_MANIFEST_DIR"));
        let cases: Map<String, Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for (name, case) in &cases {
            let (name, expected) =
                REPAIRS.iter().find(|(of, _)| of == name).unwrap_or_else(|| panic!("{server}: {name}"));
            let kind = Kind::ALL.into_iter().find(|kind| case["kind"] == kind.as_str()).unwrap();
            let mut item = item(kind, &case["request"]);
            item.notes.clear();
            assert_eq!(repair(&mut item, &case["error"]), !expected.is_empty(), "{server}: {name}");
            let places: Vec<&str> = item.notes.iter().map(|note| note.at.as_str()).collect();
            assert_eq!(places, *expected, "{server}: {name}");
            assert!(item.notes.iter().all(|note| note.rule == RULE && note.effect == Effect::Dropped));
            assert!(!repair(&mut item, &case["error"]), "{server}: {name} again");
            *seen.entry(*name).or_default() += 1;
        }
    }
    let unseen: Vec<&str> = REPAIRS.iter().map(|(name, _)| *name).filter(|name| !seen.contains_key(name)).collect();
    assert!(unseen.is_empty(), "{unseen:?}");
}

#[test]
fn whatever_a_target_answers_nothing_else_is_touched() {
    let body =
        json!({"settings": {"index.foo": "1"}, "mappings": {"properties": {"a": {"type": "keyword", "foo": 1}}}});
    let before = item(Kind::Index, &body);
    let mut deep = json!({"type": "illegal_argument_exception", "reason": "unknown setting [index.foo]"});
    for _ in 0..CAUSES_MAX {
        deep = json!({"type": "x", "caused_by": deep});
    }
    for error in [
        json!(null),
        json!("unknown setting [index.foo]"),
        json!({"type": "mapper_parsing_exception", "reason": "unknown setting [index.foo]"}),
        json!({"type": "mapper_parsing_exception", "reason": "unknown parameter [foo] on mapper [b] of type [keyword]"}),
        json!({"type": "illegal_argument_exception", "reason": ["unknown setting [index.foo]"]}),
        json!({"type": "x_content_parse_exception", "reason": "[index_template] unknown field [index_patterns]"}),
        deep,
    ] {
        let mut item = before.clone();
        assert!(!repair(&mut item, &error), "{error}");
        assert_eq!(item, before);
    }
}

#[test]
fn settings_that_wait_are_left_out_too() {
    let mut item = item(Kind::Index, &json!({}));
    item.withheld.insert("index.foo".to_owned(), json!("1"));
    assert!(repair(&mut item, &json!({"type": "settings_exception", "reason": "unknown setting [index.foo]"})));
    assert!(item.withheld.is_empty() && item.notes.len() == 1);
}
