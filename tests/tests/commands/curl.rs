//! `migctl curl`: from here, or by a worker, and on record.

use serde_json::Value;
use tests::servers::{self, Product};

use crate::desk::{DONE, Desk, ERROR, USAGE, WAITING};

/// A request of the migration `asked`.
fn asked<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["curl"], arguments, &["-m", "asked"]].concat()
}

#[test]
fn a_cluster_is_asked_from_here_or_by_a_worker_and_it_is_on_record() {
    let server = servers::shared(Product::OpenSearch2).unwrap();
    let mut desk = Desk::staffed();
    let plain = format!("endpoint: '{}'", server.url());
    let password = "auth: {basic: {username: loader, password: {env: DESK_PASSWORD}}}";
    desk.configure_to("asked", &format!("{plain}, {password}"), "");
    desk.says(&["submit", "-c", "asked.yaml"], DONE, &[]);
    desk.await_phase("asked", "metadata", "waiting");

    // The password is where the worker is.
    let advice = ["DESK_PASSWORD: there is no such environment variable", "--via-worker"];
    desk.says(&asked(&["target", "/"]), ERROR, &advice);
    let ended = desk.says(&asked(&["target", "/", "--via-worker"]), DONE, &[]);
    assert_eq!(ended.json().unwrap()["version"]["distribution"], "opensearch");
    let settings = r#"{"settings": {"number_of_replicas": 0}}"#;
    desk.says(
        &asked(&["target", "asked-of", "-X", "put", "-d", settings, "--via-worker"]),
        DONE,
        &["\"acknowledged\":true"],
    );
    let lines = "{\"index\": {\"_id\": \"1\"}}\n{\"a\": 1}\n";
    desk.says(
        &asked(&["target", "/asked-of/_bulk?refresh=true", "-d", lines, "--via-worker"]),
        DONE,
        &["\"errors\":false"],
    );
    let missing = asked(&["target", "/asked-of/_doc/none", "--via-worker"]);
    desk.says(&missing, ERROR, &["\"found\":false", "GET /asked-of/_doc/none of the target: HTTP status 404"]);
    desk.says(&asked(&["source", "/", "--via-worker"]), ERROR, &["there is no `source` in the configuration"]);
    desk.says(&asked(&["target", "/a b", "--via-worker"]), ERROR, &["GET /a b", "it is no path"]);

    // From here, by a configuration that is no migration's yet: there is no log that it could stand in.
    desk.configure_to("fresh", &plain, "");
    let ended = desk.says(&["curl", "target", "/asked-of/_count", "-c", "fresh.yaml"], DONE, &[]);
    assert_eq!(ended.json().unwrap()["count"], 1);
    desk.says(&["curl", "source", "/", "-c", "fresh.yaml"], ERROR, &["the configuration has no `source`"]);
    desk.says(&["curl", "both", "/"], USAGE, &["source, target"]);
    desk.configure("lines", "");
    desk.says(
        &["curl", "target", "/", "-c", "lines.yaml"],
        ERROR,
        &["the target is a directory: there is nobody to ask"],
    );

    let entries = desk.says(&["audit", "-m", "asked", "--output", "json"], DONE, &[]).json().unwrap();
    let done: Vec<&str> = entries.as_array().unwrap().iter().map(|entry| entry["what"].as_str().unwrap()).collect();
    assert_eq!(
        done.iter().filter(|what| what.starts_with("curl ")).collect::<Vec<_>>(),
        [
            &"curl target GET / via a worker",
            &"curl target PUT /asked-of via a worker",
            &"curl target POST /asked-of/_bulk?refresh=true via a worker",
            &"curl target GET /asked-of/_doc/none via a worker",
            &"curl source GET / via a worker",
            &"curl target GET /a b via a worker",
        ]
    );
    assert_eq!(desk.migctl(&["status", "-m", "asked"]).code, Some(WAITING));
    server.http().unwrap().delete("/asked-of").unwrap();
    let keys: Value = desk.view("asked").unwrap();
    assert_eq!(keys["migration"], "asked");
}
