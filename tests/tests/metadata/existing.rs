//! What the target has under the same name: kept, updated, or an error.

use serde_json::json;
use tests::fixtures;
use tests::servers::{self, Product};
use tests::workplace::{Config, Workplace};

use crate::{DONE, FAILED, alone, item};

#[test]
fn what_is_there_is_compared_and_treated_as_it_is_said() {
    let fixture = fixtures::unpack("elasticsearch-7.10.2").unwrap();
    let (_alone, server) = (alone(), servers::shared(Product::OpenSearch2).unwrap());
    let http = server.http().unwrap();
    let repository = fixture.repository("main");
    let target = server.url();
    let place = Workplace::new().unwrap();
    let evaluate = |what: &str, on_existing: &str| {
        let more = format!(
            "indices: [orders]\nmetadata:\n  onExisting: {on_existing}\n  legacyTemplates: []\n  pipelines: []\n  \
             indexTemplates: []\n  componentTemplates: [ct-settings]\n  rename: [{{pattern: orders, name: there-orders}}]"
        );
        let config = Config { endpoint: &target, further: &more, ..Config::new(&repository, "snap-2") };
        place.configure(config).unwrap();
        place.migctl(&["metadata", what, "--output", "json"]).unwrap()
    };

    http.put("/there-orders", json!({"mappings": {"properties": {"own": {"type": "keyword"}}}})).unwrap();
    http.put("/_component_template/ct-settings", json!({"template": {"settings": {"index.codec": "default"}}}))
        .unwrap();
    let kept = evaluate("migrate", "keep");
    assert_eq!(kept.code, Some(DONE), "{kept}");
    let kept = kept.json().unwrap();
    let index = item(&kept, "index", "orders");
    assert_eq!((&index["outcome"], &index["name"]), (&json!("kept"), &json!("there-orders")));
    let differences = index["differences"].as_array().unwrap();
    assert!(differences.iter().any(|difference| difference["at"] == "mappings.properties.own"), "{index:#}");
    assert_eq!(item(&kept, "component template", "ct-settings")["outcome"], "kept");
    let fields = || http.get("/there-orders/_mapping").unwrap()["there-orders"]["mappings"]["properties"].clone();
    assert_eq!(fields().as_object().unwrap().len(), 1);

    let failed = evaluate("evaluate", "fail");
    assert_eq!(failed.code, Some(FAILED), "{failed}");
    let report = failed.json().unwrap();
    assert_eq!(item(&report, "index", "orders")["outcome"], "refused");
    assert_eq!(item(&report, "component template", "ct-settings")["outcome"], "refused");

    let updated = evaluate("migrate", "update");
    assert_eq!(updated.code, Some(DONE), "{updated}");
    assert_eq!(item(&updated.json().unwrap(), "component template", "ct-settings")["outcome"], "update");
    let fields = fields();
    assert!(fields["own"]["type"] == "keyword" && fields.as_object().unwrap().len() > 3, "{fields:#}");
    let again = evaluate("evaluate", "keep").json().unwrap();
    assert_eq!(item(&again, "component template", "ct-settings")["outcome"], "same");
    http.delete("/there-orders").unwrap();
}
