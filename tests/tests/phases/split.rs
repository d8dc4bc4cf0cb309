//! An index with several mapping types goes to several indices, each document to that of its type.

use protocol::phase::Phase;
use serde_json::json;
use tests::fixtures;
use tests::servers::{self, Product};

use crate::place::{self, arrived, by_name, truth, type_of};
use crate::rig::{Rig, spec};

#[test]
fn each_type_arrives_in_its_index_and_both_are_verified_and_put_right() {
    let fixture = fixtures::unpack("elasticsearch-2.4.6").unwrap();
    let server = servers::shared(Product::OpenSearch2).unwrap();
    let http = server.http().unwrap();
    let further = json!({
        "indices": ["products"],
        "gates": {"metadata": "manual", "load": "auto", "verify": "auto", "cleanup": "auto"},
        "sizing": {"bulkDocs": 50},
    });
    let mut rig = Rig::running(spec(fixture.repository("main"), "second", &server.url(), further));
    let made = json!({"migration": rig.name(), "withheld": {}});
    let mapping = json!({"dynamic": false, "_meta": {"own": 1, "migctl": made}});
    rig.decide(|index| {
        ["product", "review_log"]
            .map(|of| {
                let mut to = place::index(&http, &format!("split-{of}"), index.shards.len(), &[of], &mapping);
                to.withheld.insert("index.blocks.write".to_owned(), "true".to_owned());
                to
            })
            .into()
    });
    rig.done(Phase::Verify);
    let notes = rig.done(Phase::Cleanup);

    let counts = rig.counts("products");
    assert_eq!((counts.written, counts.already_there, counts.rejected), (347, 0, 0));
    for (of, count) in [("product", 306), ("review_log", 41)] {
        let name = format!("split-{of}");
        let expected = by_name(truth(&fixture, "products").into_iter().filter(|document| type_of(document) == of));
        assert_eq!(expected.len(), count);
        assert_eq!(arrived(&http, &name), expected);
        assert_eq!(rig.destination(&name).count_after, Some(count as u64));
        let now = http.get(&format!("/{name}?flat_settings=true")).unwrap();
        assert_eq!(now[&name]["settings"]["index.blocks.write"], "true", "{notes:?}");
        assert_eq!(now[&name]["mappings"]["_meta"], json!({"own": 1}));
        http.delete(&format!("/{name}")).unwrap();
    }
    assert!(rig.dead_letters().is_empty());
}

#[test]
fn documents_of_a_type_that_nobody_takes_fail_the_shard_by_name() {
    let fixture = fixtures::unpack("elasticsearch-5.6.16").unwrap();
    let server = servers::shared(Product::OpenSearch2).unwrap();
    let http = server.http().unwrap();
    let further = json!({"indices": ["products"], "gates": {"metadata": "manual", "load": "auto"}});
    let mut rig = Rig::running(spec(fixture.repository("main"), "second", &server.url(), further));
    rig.decide(|_| vec![place::index(&http, "half", 1, &["product"], &json!({}))]);
    let reason = rig.failed(Phase::Load);
    assert!(reason.contains("of mapping type review_log, which metadata gave no destination"), "{reason}");
    http.delete("/half").unwrap();
}
