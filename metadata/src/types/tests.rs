//! Items with types, and what they become.

use serde_json::json;

use super::*;

fn index(mappings: Value) -> SourceItem {
    item(Kind::Index, mappings)
}

fn item(kind: Kind, mappings: Value) -> SourceItem {
    let Value::Object(mappings) = mappings else { panic!("{mappings}") };
    SourceItem {
        kind,
        name: "logs".to_owned(),
        settings: Map::new(),
        mappings: mappings.into_iter().collect(),
        aliases: Map::new(),
        rest: Map::new(),
    }
}

fn union() -> Options {
    Options { multi_type: MultiType::Union, ..Options::default() }
}

/// Name, types and mapping of each item.
fn resolved(source: SourceItem, options: &Options) -> Vec<(String, String, Value)> {
    let items = resolve(source, options).unwrap_or_else(|refusal| panic!("{refusal}"));
    items.into_iter().map(|item| (item.name, item.types.join(","), item.mapping.into())).collect()
}

fn one(source: SourceItem, options: &Options) -> Item {
    let mut items = resolve(source, options).unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0)
}

fn notes(item: &Item) -> Vec<String> {
    item.notes.iter().map(|note| format!("{} {} {}", note.rule, note.effect.as_str(), note.at)).collect()
}

fn refused(source: SourceItem, options: &Options) -> Refusal {
    resolve(source, options).expect_err("it can't be")
}

#[test]
fn one_type_is_the_index_and_its_name_is_noted() {
    let item = one(index(json!({"doc": {"properties": {"a": {"type": "long"}}}})), &Options::default());
    assert_eq!((item.name.as_str(), item.types.len()), ("logs", 0));
    assert_eq!(Value::from(item.mapping.clone()), json!({"properties": {"a": {"type": "long"}}}));
    assert_eq!(notes(&item), ["type-removal changed mappings.doc"]);
    let item = one(index(json!({"_doc": {}})), &Options::default());
    assert_eq!(notes(&item), [""; 0]);
    let item = one(index(json!({})), &Options::default());
    assert!(item.mapping.is_empty() && item.notes.is_empty());
}

#[test]
fn types_are_split_into_indices_with_the_aliases_of_the_index() {
    let mut source = index(json!({"Access": {"properties": {"a": {"type": "long"}}}, "slow query": {}}));
    let aliases = json!({"all": {"filter": {"term": {"a": 1}}}, "current": {"is_write_index": true}});
    source.aliases = aliases.as_object().cloned().unwrap();
    let items = resolve(source, &Options::default()).unwrap();
    let names: Vec<(&str, &[String])> = items.iter().map(|item| (item.name.as_str(), item.types.as_slice())).collect();
    assert_eq!(
        names,
        [("logs-access", &["Access".to_owned()][..]), ("logs-slow_query", &["slow query".to_owned()][..])]
    );
    for item in &items {
        let aliases = json!({"all": {"filter": {"term": {"a": 1}}}, "current": {}});
        assert_eq!(Value::from(item.aliases.clone()), aliases);
    }
    assert_eq!(
        notes(&items[0]),
        ["multi-type-split changed mappings.Access", "multi-type-split dropped aliases.current"]
    );
}

#[test]
fn two_types_never_get_one_name() {
    let refusal = refused(index(json!({"a b": {}, "A_B": {}})), &Options::default());
    assert_eq!((refusal.rule, refusal.at.as_str()), ("multi-type-split", "mappings.A_B"));
    assert!(refusal.text.contains("`logs-a_b`, as that of type `a b`"), "{refusal}");
    let long = "t".repeat(252);
    let refusal = refused(index(json!({long: {}, "b": {}})), &Options::default());
    assert!(refusal.text.contains("longer than 255 bytes"), "{refusal}");
}

#[test]
fn names_are_given_to_indices_and_to_types() {
    let names = [("(.*)/(access|error)", "web-$1"), (".*/slow", "db"), ("l(.*)", "new-l$1"), ("logs", "never")];
    let names = names.map(|(pattern, name)| Naming::new(pattern, name).unwrap());
    let options = Options { names: names.into(), ..Options::default() };
    let properties = |name: &str| json!({"properties": {name: {"type": "long"}}});
    let source = || index(json!({"access": properties("a"), "error": properties("e"), "slow": {}, "slower": {}}));
    let web = json!({"properties": {"a": {"type": "long"}, "e": {"type": "long"}}});
    let of = |name: &str, types: &str, mapping: &Value| (name.to_owned(), types.to_owned(), mapping.clone());
    let empty = json!({});
    assert_eq!(
        resolved(source(), &options),
        [of("web-logs", "access,error", &web), of("db", "slow", &empty), of("new-logs-slower", "slower", &empty)]
    );
    let union = Options { multi_type: MultiType::Union, ..options.clone() };
    assert_eq!(resolved(source(), &union)[2], of("new-logs", "slower", &empty));
    assert_eq!(one(index(json!({"slow": {}})), &options).name, "new-logs");
    assert_eq!(one(item(Kind::LegacyTemplate, json!({})), &options).name, "logs");
}

#[test]
fn parents_and_children_stay_together_and_are_joined() {
    let family = json!({
        "child": {"_parent": {"type": "parent"}, "_routing": {"required": true}, "properties": {"age": {"type": "integer"}}},
        "grandchild": {"_parent": {"type": "child"}, "_routing": {"required": true}},
        "parent": {"properties": {"name": {"type": "string"}}},
    });
    let item = one(index(family.clone()), &Options::default());
    assert_eq!(item.name, "logs");
    assert_eq!(
        Value::from(item.mapping.clone()),
        json!({"properties": {
            "parent_join": {"type": "join", "relations": {"child": ["grandchild"], "parent": ["child"]}},
            "age": {"type": "integer"},
            "name": {"type": "string"},
        }})
    );
    let types = [("child", Some("parent")), ("grandchild", Some("child")), ("parent", None)];
    let types = types.map(|(name, parent)| (name.to_owned(), parent.map(str::to_owned)));
    assert_eq!(item.join, Some(Join { field: "parent_join".to_owned(), types: types.into() }));
    assert_eq!(
        notes(&item),
        [
            "parent-to-join changed mappings.child._parent",
            "parent-to-join changed mappings.grandchild._parent",
            "multi-type-union changed mappings.parent",
            "multi-type-union warning mappings._routing",
        ]
    );
    // With another type beside them, the family is named after its root.
    let mut more = family.clone();
    more["other"] = json!({"properties": {"parent_join": {"type": "long"}}});
    let names: Vec<(String, String)> =
        resolved(index(more.clone()), &Options::default()).into_iter().map(|(name, types, _)| (name, types)).collect();
    let of = |name: &str, types: &str| (name.to_owned(), types.to_owned());
    assert_eq!(names, [of("logs-parent", "child,grandchild,parent"), of("logs-other", "other")]);
    let union = one(index(more), &union());
    assert_eq!(union.join.unwrap().field, "parent_join_");
    // By routing only, nothing keeps them together.
    let routing = Options { parent: Parent::Routing, ..Options::default() };
    let split = resolved(index(family), &routing);
    let child = json!({"_routing": {"required": true}, "properties": {"age": {"type": "integer"}}});
    assert_eq!(split[0], ("logs-child".to_owned(), "child".to_owned(), child));
    assert_eq!(split.len(), 3);
    let circle = json!({"a": {"_parent": {"type": "b"}}, "b": {"_parent": {"type": "a"}}});
    assert_eq!(refused(index(circle), &Options::default()).rule, "parent-to-join");
}

#[test]
fn a_union_has_the_fields_of_all_types() {
    let source = index(json!({
        "access": {
            "_all": {"enabled": false}, "dynamic": "strict", "_meta": {"team": "ops"},
            "dynamic_templates": [{"ids": {"match": "*_id", "mapping": {"type": "string"}}}],
            "properties": {
                "host": {"type": "string", "index": "analyzed"},
                "request": {"properties": {"ms": {"type": "double"}}},
            },
        },
        "error": {
            "_meta": {"team": "dev", "more": 1}, "date_detection": false,
            "dynamic_templates": [{"ids": {"match": "*_id", "mapping": {"type": "string"}}}],
            "properties": {
                "host": {"type": "string", "fields": {"raw": {"type": "string", "index": "not_analyzed"}}},
                "request": {"properties": {"path": {"type": "string"}}},
            },
        },
    }));
    let item = one(source, &union());
    assert_eq!(
        Value::from(item.mapping.clone()),
        json!({
            "_all": {"enabled": false},
            "dynamic": "true",
            "_meta": {"team": "ops", "more": 1},
            "date_detection": false,
            "properties": {
                "host": {
                    "type": "string", "index": "analyzed",
                    "fields": {"raw": {"type": "string", "index": "not_analyzed"}},
                },
                "request": {"properties": {"ms": {"type": "double"}, "path": {"type": "string"}}},
            },
            "dynamic_templates": [{"ids": {"match": "*_id", "mapping": {"type": "string"}}}],
        })
    );
    assert_eq!(
        notes(&item),
        [
            "multi-type-union changed mappings.error",
            "multi-type-union warning mappings.dynamic",
            "multi-type-union warning mappings.date_detection",
        ]
    );
}

#[test]
fn types_that_contradict_each_other_are_no_union() {
    let keyword = json!({"type": "string", "index": "not_analyzed"});
    let source = index(json!({
        "access": {"properties": {"o": {"properties": {"host": keyword}}}},
        "error": {"properties": {"o": {"properties": {"host": {"type": "string"}}}}},
    }));
    let refusal = refused(source, &union());
    assert_eq!(refusal.at, "mappings.properties.o.properties.host");
    let expected =
        r#"the types `access` and `error` can't be one: it is {"type":"string","index":"not_analyzed"} in one"#;
    assert!(refusal.text.starts_with(expected), "{refusal}");
    let source = index(json!({
        "a": {"dynamic_templates": [{"t": {"mapping": {"type": "long"}}}]},
        "b": {"dynamic_templates": [{"t": {"mapping": {"type": "short"}}}]},
    }));
    assert_eq!(refused(source, &union()).at, "mappings.dynamic_templates.t");
}

#[test]
fn what_types_begin_with_goes_into_templates_only() {
    let mappings = json!({
        "_default_": {"_all": {"enabled": false}, "properties": {"@timestamp": {"type": "date"}}},
        "doc": {"properties": {"a": {"type": "long"}}},
    });
    let template = one(item(Kind::LegacyTemplate, mappings.clone()), &Options::default());
    let properties = json!({"a": {"type": "long"}, "@timestamp": {"type": "date"}});
    assert_eq!(Value::from(template.mapping), json!({"_all": {"enabled": false}, "properties": properties}));
    let index = one(index(mappings), &Options::default());
    assert_eq!(Value::from(index.mapping.clone()), json!({"properties": {"a": {"type": "long"}}}));
    assert_eq!(notes(&index)[0], "default-mapping dropped mappings._default_");
    let only = json!({"_default_": {"properties": {"a": {"type": "long"}}}});
    let only = one(item(Kind::LegacyTemplate, only), &Options::default());
    assert_eq!(Value::from(only.mapping), json!({"properties": {"a": {"type": "long"}}}));
}

#[test]
fn a_templates_types_are_always_one() {
    let mappings = json!({"a": {"properties": {"x": {"type": "long"}}}, "b": {"properties": {"y": {"type": "long"}}}});
    let template = one(item(Kind::LegacyTemplate, mappings), &Options::default());
    assert_eq!(Value::from(template.mapping), json!({"properties": {"x": {"type": "long"}, "y": {"type": "long"}}}));
}

#[test]
fn stored_queries_get_an_index_that_knows_the_fields_they_ask_for() {
    let source = index(json!({
        ".percolator": {"properties": {"query": {"type": "object", "enabled": false}, "who": {"type": "string"}}},
        "doc": {"properties": {"message": {"type": "string"}, "who": {"type": "long"}}},
    }));
    let items = resolved(source, &Options::default());
    let properties = json!({"query": {"type": "percolator"}, "who": {"type": "string"}, "message": {"type": "string"}});
    assert_eq!(items[0], ("logs-percolator".to_owned(), ".percolator".to_owned(), json!({"properties": properties})));
    assert_eq!(items[1].0, "logs-doc");
}

#[test]
fn what_is_no_mapping_or_too_deep_is_refused() {
    assert!(refused(index(json!({"doc": [1]})), &Options::default()).text.contains("no object but [1]"));
    let mut deep = json!({});
    for _ in 0..DEPTH_MAX {
        deep = json!({"o": deep});
    }
    assert!(resolve(index(json!({"doc": deep.clone()})), &Options::default()).is_ok());
    let refusal = refused(index(json!({"doc": {"o": deep}})), &Options::default());
    assert!(refusal.text.contains("nested deeper than 200"), "{refusal}");
}
