use serde_json::json;

use super::*;

fn found(state: &State) -> Vec<String> {
    state.items.iter().map(|item| format!("{} {}", item.kind, item.name)).collect()
}

fn one(state: &State, kind: Kind, name: &str) -> SourceItem {
    let found = state.items.iter().find(|item| item.kind == kind && item.name == name);
    found.unwrap_or_else(|| panic!("no {kind} {name} in {:?}, {:?}", found, state.errors)).clone()
}

/// The state that a real server of each version wrote into a snapshot.
fn real(server: &str) -> State {
    let path = format!("{}/tests/states/{server}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let state = read(serde_json::from_str(&text).unwrap());
    assert_eq!(state.errors, []);
    state
}

#[test]
fn legacy_templates_of_every_version() {
    for (server, types) in [
        ("elasticsearch-1.7.6", "access"),
        ("elasticsearch-2.4.6", "access"),
        ("elasticsearch-5.6.16", "access"),
        ("elasticsearch-6.8.23", "doc"),
    ] {
        let logs = one(&real(server), Kind::LegacyTemplate, "logs");
        let settings = json!({"index.number_of_shards": "3", "index.number_of_replicas": "0",
            "index.refresh_interval": "30s"});
        assert_eq!(Value::from(logs.settings), settings, "{server}");
        let names: Vec<&str> = logs.mappings.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [types], "{server}");
        assert!(logs.mappings[0].1["properties"]["bytes"]["type"] == "long", "{server}");
        assert_eq!(logs.aliases.len(), 2, "{server}");
        let all = one(&real(server), Kind::LegacyTemplate, "catch.all");
        assert!(all.mappings.is_empty(), "{server}");
    }
    for server in ["elasticsearch-7.10.2", "elasticsearch-8.19.21", "opensearch-1.3.20", "opensearch-3.8.0"] {
        let logs = one(&real(server), Kind::LegacyTemplate, "legacy-logs");
        assert_eq!(logs.settings["index.analysis.analyzer.low.filter"], json!(["lowercase"]), "{server}");
        let expected = json!({"order": 3, "version": 12, "index_patterns": ["legacy-logs-*", "old-*"]});
        assert_eq!(Value::from(logs.rest), expected, "{server}");
        assert_eq!(logs.mappings[0].0, "_doc");
        assert!(logs.mappings[0].1["properties"]["msg"]["analyzer"] == "low", "{server}");
    }
}

#[test]
fn everything_of_a_state_is_an_item_or_named() {
    let state = real("opensearch-2.19.4");
    assert_eq!(
        found(&state),
        [
            "pipeline lab-pipe",
            "legacy template legacy-logs",
            "legacy template legacy-base",
            "component template ct-settings",
            "component template ct-mappings",
            "index template it-ds",
            "index template it-app",
            "data stream ds-metrics-app",
        ]
    );
    assert_eq!(state.others, ["settings", "stored_scripts"]);
    let app = one(&state, Kind::IndexTemplate, "it-app");
    assert_eq!(Value::from(app.settings), json!({"index.number_of_shards": "1"}));
    assert_eq!(app.mappings, [("_doc".to_owned(), json!({"_meta": {"k": "v"}}))]);
    assert_eq!(
        Value::from(app.rest),
        json!({"index_patterns": ["app-*", "svc-*"],
        "composed_of": ["ct-settings", "ct-mappings"], "priority": 150, "version": 7, "_meta": {"by": "gendata"}})
    );
    let pipeline = one(&state, Kind::Pipeline, "lab-pipe");
    assert_eq!(pipeline.rest["processors"][0]["set"]["field"], "piped");
}

#[test]
fn data_streams_know_their_indices_and_their_template() {
    for server in ["opensearch-1.3.20", "opensearch-2.19.4", "opensearch-3.8.0", "elasticsearch-8.19.21"] {
        let stream = DataStream::of(&one(&real(server), Kind::DataStream, "ds-metrics-app")).unwrap();
        assert_eq!((stream.timestamp_field.as_str(), stream.generation), ("@timestamp", 3), "{server}");
        assert_eq!(stream.template.as_deref(), Some("it-ds"), "{server}");
        assert_eq!(stream.indices.len(), 3);
        assert!(stream.indices[2].ends_with("-000003"), "{server}: {:?}", stream.indices);
    }
    assert_eq!(DataStream::of(&one(&real("opensearch-1.3.20"), Kind::IndexTemplate, "it-ds")), None);
}

#[test]
fn the_template_of_a_stream_is_that_of_the_highest_priority_and_aliases_name_streams() {
    let template = |pattern: &str, priority: u64, stream: Value| json!({"index_patterns": [pattern], "priority": priority, "data_stream": stream});
    let stream = json!({"timestamp_field": {"name": "@timestamp"}, "generation": 1,
        "indices": [{"index_name": ".ds-logs-web-000001", "index_uuid": "u"}]});
    let state = read(json!({
        "index_template": {"index_template": {"low": template("logs-*", 1, json!({})),
            "high": template("logs-*-*", 200, json!({})), "web": template("*-web", 7, json!({"hidden": false})),
            "no stream": template("logs-web", 900, Value::Null)}},
        "data_stream": {"data_stream": {"logs-web": stream}, "data_stream_aliases": {
            "web": {"data_streams": ["logs-web", "gone"], "write_data_stream": "logs-web",
                "filters": {"logs-web": {"term": {"a": 1}}}},
            "other": {"data_streams": ["gone"]}}},
    }));
    assert_eq!(state.errors, []);
    let item = one(&state, Kind::DataStream, "logs-web");
    assert_eq!(DataStream::of(&item).unwrap().template.as_deref(), Some("web"));
    assert_eq!(Value::from(item.aliases), json!({"web": {"filter": {"term": {"a": 1}}, "is_write_index": true}}));
}

#[test]
fn all_forms_of_templates_are_read() {
    let state = read(json!({"templates": {
        "flat": {"index_patterns": ["a"], "settings": {"index.number_of_shards": "1"}, "mappings": {"_doc": {}, "t": {}},
            "aliases": [{"x": {}}, "y"]},
        "texts": {"template": "b*", "settings": null, "mappings": ["{\"t\": {\"dynamic\": \"strict\"}}"]},
    }, "component_template": {"component_template": {
        "typed": {"template": {"mappings": "{\"_doc\": {\"dynamic\": false}}", "lifecycle": {"data_retention": "7d"}}},
        "nothing": {"version": 1},
    }}, "index_lifecycle": {"policies": {"p": {"policy": {"phases": {}}, "headers": {"authorization": "secret"},
        "version": 3, "modified_date": 1}}, "operation_mode": "RUNNING"}}));
    assert_eq!(state.errors, []);
    let flat = one(&state, Kind::LegacyTemplate, "flat");
    assert_eq!((flat.mappings.len(), Value::from(flat.aliases)), (2, json!({"x": {}, "y": {}})));
    let texts = one(&state, Kind::LegacyTemplate, "texts");
    assert_eq!(texts.mappings, [("t".to_owned(), json!({"dynamic": "strict"}))]);
    assert_eq!(Value::from(texts.rest), json!({"template": "b*"}));
    let typed = one(&state, Kind::ComponentTemplate, "typed");
    assert_eq!(typed.mappings, [("_doc".to_owned(), json!({"dynamic": false}))]);
    assert_eq!(Value::from(typed.rest), json!({"template": {"lifecycle": {"data_retention": "7d"}}}));
    assert!(one(&state, Kind::ComponentTemplate, "nothing").mappings.is_empty());
    let policy = one(&state, Kind::Policy, "p");
    assert_eq!(Value::from(policy.rest), json!({"policy": {"phases": {}}}), "credentials stay behind");
}

#[test]
fn nonsense_is_named_and_the_others_go_on() {
    let state = read(json!({
        "templates": {"no patterns": {"settings": {}}, "settings": {"index_patterns": ["a"], "settings": [1]},
            "mapping": {"index_patterns": ["a"], "mappings": ["no JSON"]}, "list": [], "good": {"index_patterns": ["a"]},
            "aliases": {"template": "a", "aliases": 3}},
        "index_template": {"index_template": {"none": {"index_patterns": []}, "text": {"index_patterns": ["a"],
            "template": 1}}},
        "component_template": {"component_template": [1]},
        "data_stream": {"data_stream": {"a": {}, "b": {"timestamp_field": {"name": "t"}},
            "c": {"timestamp_field": {"name": "t"}, "indices": [{}]}}, "data_stream_aliases": []},
        "ingest": {"pipeline": [{"config": {}}, {"id": "x"}, {"id": "y", "config": "{"}, {"id": "z", "config": "{}"}]},
        "index_lifecycle": {"policies": {"p": {}}},
    }));
    assert_eq!(found(&state), ["pipeline z", "legacy template good"]);
    let errors: Vec<String> = state.errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "pipeline (all): one has no `id`: {\"config\":{}}",
            "pipeline x: it has no `config`",
            "pipeline y: it is a text that is no JSON object",
            "policy p: it has no `policy`",
            "legacy template no patterns: it says no index patterns",
            "legacy template settings: the settings are no object but [1]",
            "legacy template mapping: a mapping: it is a text that is no JSON object",
            "legacy template list: it is no object but []",
            "legacy template aliases: the aliases are no object but 3",
            "component template (all): they are no object but [1]",
            "index template none: it says no index patterns",
            "index template text: `template`: it is no object but 1",
            "data stream a: it has no `timestamp_field`",
            "data stream b: it has no `indices`",
            "data stream c: an index of it has no name: {}",
            "data stream (all): their aliases are no object but []",
        ]
    );
    assert_eq!(read(json!([1])).errors.len(), 1);
    assert_eq!(read(json!({})), State::default());
}
