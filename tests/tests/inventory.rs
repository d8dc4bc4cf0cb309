//! What register and the inventory tasks find in repositories that a real server wrote, and in damaged ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::bus::embedded::EmbeddedBus;
use protocol::bus::{self, Bus};
use protocol::ids::WorkerId;
use protocol::names::{self, Bucket};
use protocol::plan::{CataloguePage, InventoryIndex, InventoryPage};
use protocol::spec::{Spec, Submission};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::fixtures;
use tokio_util::sync::CancellationToken;
use worker::context::{Context, Migration};
use worker::failure::TaskError;
use worker::inventory;
use worker::lease::{Asked, Pulse};
use worker::phases::register;

/// A migration on a bus of its own.
struct Rig {
    directory: TempDir,
    bus: Arc<EmbeddedBus>,
    repository: PathBuf,
    snapshot: &'static str,
}

impl Rig {
    async fn new(repository: &Path, snapshot: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bus = EmbeddedBus::open(&directory.path().join("bus")).await.unwrap();
        Self { directory, bus, repository: repository.to_owned(), snapshot }
    }

    /// What a worker that has done nothing yet knows of the migration, as it is submitted with `lists`.
    async fn submit(&self, number: u32, lists: Value) -> (Context, Arc<Migration>) {
        let mut spec = json!({"name": "m", "target": {"endpoint": format!("file:{}", self.directory.path().display())},
            "snapshot": {"repository": {"path": self.repository}, "externallyManagedSnapshot": self.snapshot}});
        spec.as_object_mut().unwrap().extend(lists.as_object().unwrap().clone());
        let spec: Spec = serde_json::from_value(spec).unwrap();
        let key = names::spec(&spec.name);
        let submission = Submission { number, spec: spec.clone(), redo: None };
        self.bus.put(Bucket::Migrations, &key, bus::bytes(&key, &submission).unwrap()).await.unwrap();
        let context = Context::new(self.bus.clone(), WorkerId::new("w"), 1 << 20);
        let migration = context.migration(&spec.name).await.unwrap();
        (context, migration)
    }

    async fn catalogue(&self) -> Vec<CataloguePage> {
        let mut pages = Vec::new();
        while let Some(page) = self.page(names::catalogue(&"m".parse().unwrap(), pages.len().try_into().unwrap())).await
        {
            pages.push(page);
        }
        pages
    }

    async fn page<T: serde::de::DeserializeOwned>(&self, key: String) -> Option<T> {
        bus::read(&*self.bus, Bucket::Migrations, &key).await.unwrap().map(|(page, _)| page)
    }

    /// Registers, takes every page, and gives the inventory by name.
    async fn registered(&self, number: u32, lists: Value) -> BTreeMap<String, InventoryIndex> {
        let (context, migration) = self.submit(number, lists).await;
        register::run(&context, &migration).await.unwrap();
        let mut indices = BTreeMap::new();
        for (page, catalogue) in (0..).zip(self.catalogue().await) {
            take(&context, &migration, page).await;
            let taken: InventoryPage = self.page(names::inventory(&migration.name, page)).await.unwrap();
            assert_eq!((taken.submission, taken.pages), (number, catalogue.pages));
            indices.extend(taken.indices.into_iter().map(|index| (index.name.clone(), index)));
        }
        indices
    }
}

async fn take(context: &Context, migration: &Migration, page: u32) {
    let pulse = Pulse::new(Asked::now());
    inventory::take_page(context, migration, page, pulse, CancellationToken::new()).await.unwrap();
}

fn quickstart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart/repository")
}

/// A copy that may be spoilt.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inventory_says_what_the_server_said() {
    let fixture = fixtures::unpack("elasticsearch-7.10.2").unwrap();
    let rig = Rig::new(&fixture.repository("main"), "snap-2").await;
    let lists = json!({"load": {"indices": ["orders", "nested-catalog", "src-disabled"]},
        "metadata": {"indices": ["orders", "src-disabled", "odd-json"]}});
    let found = rig.registered(1, lists).await;
    assert_eq!(found.len(), 4);
    let orders = &found["orders"];
    assert!(orders.create && orders.load && orders.warnings.is_empty(), "{orders:#?}");
    assert_eq!((orders.version_created.as_str(), orders.closed), ("Elasticsearch 7.10.2", false));
    assert_eq!(
        (&orders.lucene_versions[..], &orders.codecs[..]),
        (&["8.7.0".to_owned()][..], &["Lucene87".to_owned()][..])
    );
    for shard in &orders.shards {
        assert!(shard.lucene_docs > 0 && shard.segments > 0 && shard.refused.is_none(), "{shard:#?}");
        assert!(0 < shard.read_bytes && shard.read_bytes < shard.bytes, "{shard:#?}");
    }
    let live = |name: &str| found[name].shards.iter().map(|shard| shard.lucene_docs).sum::<u64>();
    assert_eq!(live("src-disabled"), 30);
    assert!(found["src-disabled"].warnings[0].starts_with("it keeps no _source"), "{:?}", found["src-disabled"]);
    assert!(!found["nested-catalog"].create && found["nested-catalog"].load && live("nested-catalog") > 100);
    // Only its settings go along: nothing of it is read.
    assert!(found["odd-json"].create && !found["odd-json"].load && live("odd-json") == 0);
    assert!(!found["odd-json"].shards.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_keeps_its_number_and_a_page_is_taken_once() {
    let rig = Rig::new(&quickstart(), "snap-1").await;
    let first = rig.registered(1, json!({"indices": ["orders", "products"]})).await;
    assert_eq!((first["orders"].no.0, first["products"].no.0), (0, 1));
    assert!(first["orders"].shards.len() > 1 && first["orders"].repository_id.len() == 22);

    let second = rig.registered(2, json!({"indices": ["books", "products"]})).await;
    assert_eq!((second["orders"].no.0, second["products"].no.0, second["books"].no.0), (0, 1, 2));
    assert!(!second["orders"].create && !second["orders"].load && second["orders"].shards.is_empty());
    assert_eq!(second["products"].shards, first["products"].shards);

    let key = names::inventory(&"m".parse().unwrap(), 0);
    let before = rig.bus.get(Bucket::Migrations, &key).await.unwrap().unwrap();
    let (context, migration) = rig.submit(2, json!({"indices": ["books", "products"]})).await;
    take(&context, &migration, 0).await;
    assert_eq!(rig.bus.get(Bucket::Migrations, &key).await.unwrap().unwrap(), before);
    // A task of a migration that is gone finds nothing to do.
    take(&context, &migration, 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_read_is_named_by_shard_and_the_rest_is_found() {
    let spoilt = tempfile::tempdir().unwrap();
    copy(&quickstart(), spoilt.path());
    let rig = Rig::new(spoilt.path(), "snap-1").await;
    let good = rig.registered(1, json!({})).await;
    let folder = |name: &str| spoilt.path().join("indices").join(&good[name].repository_id);
    let named = |folder: &Path, start: &str| {
        let mut entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
        entries.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(start)).unwrap()
    };
    let missing = named(&folder("orders").join("1"), "snap-");
    fs::remove_file(&missing).unwrap();
    // No disk reads a link to itself, now or later: what may pass is tried again, and does not pass.
    let endless = named(&folder("books").join("0"), "snap-");
    fs::remove_file(&endless).unwrap();
    symlink(&endless, &endless).unwrap();
    fs::write(named(&folder("products"), "meta-"), b"no metadata").unwrap();

    let found = rig.registered(2, json!({})).await;
    let refused = |name: &str, shard: usize| found[name].shards[shard].refused.clone().unwrap();
    assert!(refused("orders", 1).contains(missing.file_name().unwrap().to_str().unwrap()), "{}", refused("orders", 1));
    assert_eq!(found["orders"].shards[0], good["orders"].shards[0]);
    assert!(refused("books", 0).contains("could not be read"), "{}", refused("books", 0));
    assert_eq!(found["books"].shards[1], good["books"].shards[1]);
    assert_eq!(found["products"].shards.len(), 1);
    assert!(refused("products", 0).contains("meta-"), "{}", refused("products", 0));
    assert_eq!(found["weblogs-2024.05"], InventoryIndex { ..good["weblogs-2024.05"].clone() });

    // The whole repository is gone when the pages are taken: each index is named.
    let (context, migration) = rig.submit(3, json!({})).await;
    register::run(&context, &migration).await.unwrap();
    let (context, migration) = rig.submit(3, json!({})).await;
    fs::rename(spoilt.path().join("indices"), spoilt.path().join("lost")).unwrap();
    fs::rename(spoilt.path().join("index-0"), spoilt.path().join("lost-0")).unwrap();
    take(&context, &migration, 0).await;
    let page: InventoryPage = rig.page(names::inventory(&migration.name, 0)).await.unwrap();
    assert_eq!(page.indices.len(), good.len());
    for index in &page.indices {
        let reason = index.shards[0].refused.as_ref().unwrap();
        assert!(reason.contains("is no snapshot repository"), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pattern_that_matches_nothing_is_named_with_its_list() {
    let rig = Rig::new(&quickstart(), "snap-1").await;
    let lists = json!({"indices": ["books", "regex:nothing.*"], "metadata": {"indices": ["bokks"]},
        "load": {"indices": ["books", "orders-1"]}});
    let (context, migration) = rig.submit(1, lists).await;
    let Err(TaskError::Failed { reason, .. }) = register::run(&context, &migration).await else {
        panic!("it went on");
    };
    let has = "matches no index of snapshot snap-1; it has books, orders, products, weblogs-2024.05";
    let expected = ["indices: regex:nothing.*", "metadata.indices: bokks", "load.indices: orders-1"];
    assert_eq!(reason, expected.map(|start| format!("{start} {has}")).join("\n"));
    assert!(rig.catalogue().await.is_empty());

    let (context, migration) = rig.submit(2, json!({"indices": []})).await;
    let nothing = register::run(&context, &migration).await.unwrap_err().to_string();
    assert!(nothing.starts_with("no index of snapshot snap-1 goes along"), "{nothing}");
}
