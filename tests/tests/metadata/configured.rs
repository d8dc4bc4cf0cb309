//! What the configuration wants to be another: names, shards, settings, a patch, when aliases come; and two documents
//! that meet because of it.

use serde_json::json;
use tests::fixtures;
use tests::servers::{self, Product};
use tests::workplace::{Config, NO_GATES, Workplace};

use crate::{DONE, FAILED, alone, item};

#[test]
fn names_settings_and_patches_are_as_the_configuration_says_and_ids_that_meet_are_found() {
    let fixture = fixtures::unpack("elasticsearch-7.10.2").unwrap();
    let (_alone, server) = (alone(), servers::shared(Product::OpenSearch2).unwrap());
    let http = server.http().unwrap();
    let repository = fixture.repository("main");
    let more = format!(
        "{NO_GATES}\nindices: [dup-routing, app-one, lifecycle-left, join-qa]\nmetadata:\n  aliases: afterVerify\n  \
         legacyTemplates: []\n  pipelines: []\n  indexTemplates: []\n  componentTemplates: []\n  \
         rename:\n    - {{pattern: 'app-(.*)', name: 'set-$1'}}\n    - {{pattern: '(.*)', name: 'set-$1'}}\n  \
         changes:\n    - of: [dup-routing]\n      settings: {{index.number_of_shards: '1', index.number_of_routing_shards: \
         '1'}}\n    - of: [app-one]\n      settings: {{index.refresh_interval: 17s, index.default_pipeline: none-yet}}\n      \
         dropSettings: [index.number_of_replicas]\n      patch: \
         '[{{\"op\": \"add\", \"path\": \"/mappings/properties/added\", \"value\": {{\"type\": \"keyword\"}}}}]'\n"
    );
    let config = Config { endpoint: &server.url(), further: &more, ..Config::new(&repository, "snap-2") };
    let place = Workplace::with(config).unwrap();
    let ended = place.migctl(&["run", "--output", "json"]).unwrap();
    assert_eq!(ended.code, Some(DONE), "{ended}");
    let view = ended.json().unwrap();

    let of = |name: &str| http.get(&format!("/{name}?flat_settings=true")).unwrap()[name].clone();
    let one = of("set-one");
    assert_eq!(one["settings"]["index.refresh_interval"], "17s");
    assert_eq!(one["mappings"]["properties"]["added"]["type"], "keyword");
    assert_eq!(one["mappings"]["_meta"]["migctl"], json!(null), "cleanup takes our words out");
    let duplicates = of("set-dup-routing");
    assert_eq!(duplicates["settings"]["index.number_of_shards"], "1");

    // In the source one id is under several routings: in one shard only one of them can be.
    let rejected = view["dead_letters"].as_u64().unwrap();
    assert!(rejected > 0, "{view:#}");
    let letters = place.migctl(&["dead-letters", "ls", "-m", "test", "--output", "json"]).unwrap();
    let letters: Vec<serde_json::Value> =
        letters.output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(letters.len() as u64, rejected);
    for letter in &letters {
        assert_eq!(letter["index"], "dup-routing");
        assert!(letter["reason"].as_str().unwrap().contains("id collision"), "{letter:#}");
    }
    http.post("/set-dup-routing/_refresh", "").unwrap();
    let count = http.get("/set-dup-routing/_count").unwrap()["count"].as_u64().unwrap();
    assert_eq!(count + rejected, 23, "every document is there, or a dead letter");
    for name in ["set-dup-routing", "set-one", "set-lifecycle-left", "set-join-qa"] {
        http.delete(&format!("/{name}")).unwrap();
    }
}

#[test]
fn what_the_target_does_not_know_is_left_out_five_times_at_most_and_each_is_said() {
    let fixture = fixtures::unpack("elasticsearch-7.10.2").unwrap();
    let (_alone, server) = (alone(), servers::shared(Product::OpenSearch2).unwrap());
    let repository = fixture.repository("main");
    let place = Workplace::new().unwrap();
    let evaluated = |unknown: usize| {
        let settings: Vec<String> = (0..unknown).map(|number| format!("index.unheard_of_{number}: '1'")).collect();
        let further = format!(
            "indices: [merged]\nmetadata:\n  changes: [{{of: [merged], settings: {{{}}}}}]\n",
            settings.join(", ")
        );
        place
            .configure(Config { endpoint: &server.url(), further: &further, ..Config::new(&repository, "snap-2") })
            .unwrap();
        let ended = place.migctl(&["metadata", "evaluate", "--output", "json"]).unwrap();
        let report = ended.json().unwrap();
        (ended.code, item(&report, "index", "merged").clone())
    };
    let (code, index) = evaluated(3);
    assert_eq!((code, &index["outcome"]), (Some(DONE), &json!("create")), "{index:#}");
    let notes = index["notes"].as_array().unwrap();
    let left_out = notes.iter().filter(|note| note["rule"] == "target-refuses" && note["effect"] == "dropped");
    assert_eq!(left_out.count(), 3, "{index:#}");

    let (code, index) = evaluated(7);
    assert_eq!((code, &index["outcome"]), (Some(FAILED), &json!("refused")), "{index:#}");
    let what = index["what"].as_str().unwrap();
    assert!(what.contains("unknown setting [index.unheard_of_"), "the target's own words: {what}");
}
