//! `migctl metadata evaluate` asks the target, and leaves nothing there.

use std::collections::BTreeSet;

use tests::fixtures;
use tests::servers::{Product, Server};
use tests::workplace::{Config, Workplace};

use crate::{DONE, item, names};

#[test]
fn what_is_evaluated_leaves_nothing_also_when_it_is_killed() {
    let fixture = fixtures::unpack("elasticsearch-2.4.6").unwrap();
    let server = Server::start(Product::OpenSearch2).unwrap();
    let http = server.http().unwrap();
    let repository = fixture.repository("main");
    let further = "indices: [alerts, family, legacy-meta, merged, nosource, products, versions]\n";
    let config = Config { endpoint: &server.url(), further, ..Config::new(&repository, "second") };
    let place = Workplace::with(config).unwrap();
    http.put("/already", "{}").unwrap();
    let before = names(&http);

    // Killed while something is being judged.
    let mut killed = place.start(&["metadata", "evaluate"]).unwrap();
    while !names(&http).iter().any(|name| name.contains("migctl-evaluate-")) {
        assert!(killed.is_running().unwrap(), "nothing was ever seen to be judged: {}", killed.log_tail());
    }
    killed.kill9().unwrap();
    let ended = place.migctl(&["metadata", "evaluate", "--output", "json"]).unwrap();
    assert_eq!(ended.code, Some(DONE), "{ended}");
    assert_eq!(names(&http), before);

    let report = ended.json().unwrap();
    let split = report["items"].as_array().unwrap().iter().filter(|item| item["source"] == "products");
    let split: BTreeSet<&str> = split.map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(split, ["products-product", "products-review_log"].into());
    let family = item(&report, "index", "family");
    assert_eq!((family["name"].as_str(), family["outcome"].as_str()), (Some("family"), Some("create")));
    let rules: Vec<&str> =
        family["notes"].as_array().unwrap().iter().map(|note| note["rule"].as_str().unwrap()).collect();
    assert!(rules.contains(&"parent-to-join") && rules.contains(&"string-to-text-or-keyword"), "{rules:?}");
    assert_eq!(item(&report, "legacy template", "logs")["outcome"], "create");
    assert!(family.get("before").is_none(), "only with --diff");

    let shown = place.migctl(&["metadata", "evaluate", "--diff"]).unwrap();
    assert_eq!(shown.code, Some(DONE), "{shown}");
    for words in ["legacy template", "string-to-text-or-keyword", "  -   ", "\"type\": \"string\"", "_ttl: "] {
        assert!(shown.output.contains(words), "{words:?} in {shown}");
    }
    assert!(shown.output.lines().all(|line| line.starts_with(' ') || !line.contains("migctl-evaluate")), "{shown}");
    assert_eq!(names(&http), before);

    // The same once more, and it stays.
    let made = place.migctl(&["metadata", "migrate", "--output", "json"]).unwrap();
    assert_eq!(made.code, Some(DONE), "{made}");
    let made = made.json().unwrap();
    assert_eq!(item(&made, "index", "family")["outcome"], "created");
    let mapping = http.get("/family/_mapping").unwrap()["family"]["mappings"].clone();
    let join = mapping["properties"].as_object().unwrap().values().find(|field| field["type"] == "join");
    assert!(join.is_some(), "{mapping:#}");
    assert!(names(&http).iter().any(|name| name == "/_template logs"));
    assert!(!names(&http).iter().any(|name| name.contains("migctl-evaluate-")));
    let again = place.migctl(&["metadata", "evaluate", "--output", "json"]).unwrap().json().unwrap();
    assert!(again["items"].as_array().unwrap().iter().all(|item| item["outcome"] == "same"), "{again:#}");
}
