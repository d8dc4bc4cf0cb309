//! What is in the way is named before anything begins, and nothing is changed by looking.

use protocol::ids::{IndexNo, WorkerId};
use protocol::names::Bucket;
use protocol::plan::{InventoryIndex, InventoryPage, InventoryShard};
use protocol::state::WorkerStatus;
use protocol::task::Command;
use serde_json::{Value, json};
use tests::http::Http;
use tests::servers::{Product, Server};

use crate::rig::{Rig, quickstart, spec};

/// The cluster's metadata. Of indices that were made to be judged, their tombstones stay for a while.
fn state_of(http: &Http) -> Value {
    let mut state = http.get("/_cluster/state/metadata").unwrap()["metadata"].clone();
    state.as_object_mut().unwrap().remove("index-graveyard");
    state
}

fn inventory(names: &[(&str, bool, bool)]) -> InventoryPage {
    let index = |(no, (name, create, load)): (u32, &(&str, bool, bool))| InventoryIndex {
        no: IndexNo(no),
        name: (*name).to_owned(),
        create: *create,
        load: *load,
        shards: vec![InventoryShard::default()],
        ..InventoryIndex::default()
    };
    InventoryPage { submission: 1, indices: (0..).zip(names).map(index).collect(), pages: 1 }
}

#[test]
fn everything_in_the_way_is_named_at_once_and_looking_changes_nothing() {
    let server = Server::start(Product::OpenSearch2).unwrap();
    let http = server.http().unwrap();
    let rig = |further| Rig::idle(spec(quickstart(), "snap-1", &server.url(), further));

    // Nothing is in the way.
    let notes = rig(json!({})).execute(Command::Preflight).unwrap();
    for expected in ["it is opensearch 2.19.4", "supported", "4 to create, 4 to load", "0 of these names are there"] {
        assert!(notes.iter().any(|note| note.contains(expected)), "{expected}: {notes:#?}");
    }

    http.put("/weblogs-2024.05", json!({"settings": {"index.final_pipeline": "twice"}})).unwrap();
    http.put("/books", json!({"settings": {"index.blocks.write": true}})).unwrap();
    let settings = json!({"index.final_pipeline": "thrice"});
    http.put("/_index_template/late", json!({"index_patterns": ["ord*"], "template": {"settings": settings}})).unwrap();
    let settings = json!({"index.default_pipeline": "first"});
    http.put("/_template/early", json!({"index_patterns": ["prod*"], "settings": settings})).unwrap();
    let before = state_of(&http);
    let said = rig(json!({
        "indices": ["books", "orders", "products", "weblogs-2024.05", "regex:no-such-.*"],
        "sizing": {"bulkBytes": "200MB"},
    }))
    .execute(Command::Preflight)
    .unwrap_err();
    for expected in [
        "index weblogs-2024.05: it has the final_pipeline twice on the target",
        "index books: it has a write block on the target: set index.blocks.write to null there",
        "new index orders: template late of the target would give it index.final_pipeline: thrice",
        "indices: regex:no-such-.* matches no index of snapshot snap-1; it has books, orders, products, weblogs-2024.05",
        "requests to the target: it takes 100.0 MiB (http.max_content_length) and sizing.bulkBytes is",
        "worker by-hand: it was started with --memory 64.0 MiB, and a batch of sizing.bulkBytes",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert!(said.starts_with("6 of ") && !said.contains("template early"), "{said}");

    // The same of what metadata would do.
    let migration = rig(json!({}));
    let all = ["books", "orders", "products", "weblogs-2024.05"].map(|name| (name, true, true));
    migration.put_inventory(&inventory(&all));
    let said = migration.execute(Command::Evaluate).unwrap_err();
    for expected in ["3 indices can't be", "weblogs-2024.05: it has the final_pipeline", "orders: template late"] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    migration.put_inventory(&inventory(&[
        ("books", true, false),
        ("orders", false, false),
        ("products", true, true),
        ("weblogs-2024.05", false, false),
    ]));
    let notes = migration.execute(Command::Evaluate).unwrap();
    let [counts, books, products, ..] = &notes[..] else { panic!("{notes:#?}") };
    assert_eq!(counts, "1 index to create, 1 other item to create, 1 index already there");
    assert!(books.starts_with("books: is there with 0 documents and stays as it is; different from the source's: "));
    assert!(products.starts_with("products: create with 1 shard"), "{products}");
    assert!(products.ends_with("template early of the target gives it the default_pipeline first"), "{products}");

    assert_eq!(state_of(&http), before, "looking changes nothing");

    http.put("/_cluster/settings", json!({"transient": {"cluster.blocks.read_only": true}})).unwrap();
    let said = rig(json!({"indices": ["products"]})).execute(Command::Preflight).unwrap_err();
    assert!(said.contains("blocks of the target: cluster.blocks.read_only: nothing can be created"), "{said}");
}

#[test]
fn a_target_that_is_down_hides_nothing_of_the_repository() {
    let spec = spec(quickstart(), "snap-9", "http://127.0.0.1:9", json!({}));
    let said = Rig::idle(spec).execute(Command::Preflight).unwrap_err();
    assert!(said.contains("target http://127.0.0.1:9: the target does not answer: check target.endpoint"), "{said}");
    assert!(said.contains("repository: ") && said.contains("snap-9"), "{said}");
}

#[test]
fn a_target_that_can_not_be_opened_hides_nothing_and_every_worker_is_looked_at() {
    let auth = json!({"basic": {"username": "loader", "password": {"env": "MIGCTL_NO_SUCH_VARIABLE"}}});
    let rig = Rig::idle(spec(
        quickstart(),
        "snap-1",
        "http://127.0.0.1:1",
        json!({
            "indices": ["regex:no-such-.*"],
            "target": {"endpoint": "http://127.0.0.1:1", "auth": auth},
            "sizing": {"bulkBytes": "16MB"},
        }),
    ));
    let other = WorkerStatus {
        id: WorkerId::new("other"),
        version: "0.1.0".to_owned(),
        slots: 1,
        memory_bytes: 8_000_000,
        doing: Vec::new(),
    };
    rig.put(Bucket::Workers, other.id.as_str(), &other);
    let said = rig.execute(Command::Preflight).unwrap_err();
    for expected in [
        "target: target.auth.basic.password.env: MIGCTL_NO_SUCH_VARIABLE: there is no such environment variable",
        "indices: regex:no-such-.* matches no index of snapshot snap-1",
        &format!("worker {}: it was started with --memory 7.6 MiB", other.id),
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert!(said.starts_with("3 of ") && !said.contains("worker by-hand"), "{said}");
}
