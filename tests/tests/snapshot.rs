//! The phase snapshot against real servers: what it takes, what it finds there, and what becomes of it when something
//! breaks in its middle.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::document::Document;
use tests::http::Http;
use tests::servers::{self, Options, Product, Server};
use tests::truth::{self, Compared};
use tests::workplace::{Ended, NO_GATES, Workplace};

/// A source with indices of this scene alone, a repository, and a place to migrate from.
struct Scene {
    http: Http,
    url: String,
    name: &'static str,
    repository: TempDir,
    workplace: Workplace,
}

impl Scene {
    fn new(server: &Server, name: &'static str) -> Self {
        let repository = tempfile::tempdir().unwrap();
        let (http, url) = (server.http().unwrap(), server.url());
        Self { http, url, name, repository, workplace: Workplace::new().unwrap() }
    }

    /// `create` and `further` are lines of the configuration.
    fn configure(&self, create: &str, further: &str) {
        let Self { url, name, repository, .. } = self;
        let path = repository.path().display();
        self.workplace
            .configure(format!(
                "name: {name}\nsource: {{endpoint: '{url}'}}\nsnapshot:\n  repository: {{path: '{path}'}}\n  create: \
                 {{{create}}}\ntarget: {{endpoint: 'file:./out'}}\nindices: ['regex:{name}-.*']\n{NO_GATES}{further}"
            ))
            .unwrap();
    }

    fn run(&self) -> Ended {
        self.workplace.migctl(&["run"]).unwrap()
    }

    fn index(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }

    /// `docs` documents of about `bytes` bytes that don't compress.
    fn fill(&self, name: &str, docs: usize, bytes: usize) {
        let index = self.index(name);
        let settings = json!({"number_of_shards": 2, "number_of_replicas": 0});
        self.http.put(&format!("/{index}"), json!({"settings": settings, "mappings": {"dynamic": false}})).unwrap();
        let mut body = String::new();
        for doc in 0..docs {
            let text: String =
                std::iter::repeat_with(|| char::from(rand::random_range(b'0'..b'z'))).take(bytes).collect();
            let text = text.replace('\\', "x");
            body.push_str(&format!(
                "{{\"index\":{{\"_index\":\"{index}\",\"_id\":\"{doc}\",\"routing\":\"{}\"}}}}\n",
                doc % 7
            ));
            body.push_str(&format!("{{\"n\": {doc}.50, \"text\": \"{text}\"}}\n"));
        }
        self.http.bulk(body).unwrap();
        self.http.refresh(&index).unwrap();
        self.http.flush(&index).unwrap();
    }

    /// Every line that was written is one of `expected`, and every one of these was written.
    fn assert_arrived(&self, expected: Vec<Document>) {
        let mut lines = Vec::new();
        for file in self.workplace.out(".ndjson").unwrap() {
            lines.append(&mut fs::read(file).unwrap());
        }
        let count = expected.len();
        let arrived = truth::read(lines.as_slice(), "output");
        let report = truth::compare_documents(arrived, expected.into_iter().map(Ok), Compared::Everything).unwrap();
        assert!(report.is_equal() && report.equal == count && count > 0, "{}: {report}", self.name);
    }

    /// Names of the snapshots that repository `name` holds, as its server tells.
    fn snapshots(&self, name: &str) -> Vec<String> {
        let all = self.http.get(&format!("/_snapshot/{name}/_all")).unwrap();
        let name = |snapshot: &Value| snapshot["snapshot"].as_str().unwrap().to_owned();
        all["snapshots"].as_array().unwrap().iter().map(name).collect()
    }

    fn register(&self, name: &str, location: &Path) {
        let body = json!({"type": "fs", "settings": {"location": location.display().to_string()}});
        self.http.put(&format!("/_snapshot/{name}"), body).unwrap();
    }

    fn is_registered(&self, name: &str) -> bool {
        self.http.get("/_snapshot").unwrap().get(name).is_some()
    }

    /// Starts a run whose snapshot takes long, and returns once the source is at it.
    fn start_until_it_is_taken(&self) -> tests::processes::Program {
        let mut run = self.workplace.start(&["run"]).unwrap();
        loop {
            assert!(run.is_running().unwrap(), "{}", run.log_tail());
            let status = self.http.get("/_snapshot/_status").unwrap();
            let mut running = status["snapshots"].as_array().unwrap().iter();
            let name = format!("migctl-{}", self.name);
            let is_at_it = |one: &Value| one["repository"] == name.as_str() && one["shards_stats"]["started"] != 0;
            if running.any(is_at_it) {
                return run;
            }
            std::thread::yield_now();
        }
    }
}

const BOTH: &str = "cleanup: {deleteSnapshot: true, unregisterRepository: true}\n";
/// With a megabyte a shard, some ten seconds.
const SLOW: &str = "rateLimit: 100KiB";

fn said(ended: &Ended, code: i32, texts: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended}");
    for text in texts {
        assert!(ended.errors.contains(text), "{text:?} is not in:\n{ended}");
    }
}

#[test]
fn what_is_taken_is_what_there_is_and_cleanup_leaves_nothing_behind() {
    for product in Product::ALL {
        let scene = Scene::new(servers::shared(product).unwrap(), "taken");
        scene.fill("open", 100, 100);
        scene.fill("closed", 20, 100);
        let documents = ["open", "closed"].map(|name| scene.http.documents(&scene.index(name)).unwrap()).concat();
        scene.http.post(&format!("/{}/_close", scene.index("closed")), "").unwrap();
        // Its shards are opened anew as those of a closed index; until then it is red.
        scene.http.get("/_cluster/health?expand_wildcards=all&wait_for_status=yellow&timeout=120s").unwrap();
        scene.configure("prefix: old", BOTH);
        let ended = scene.run();
        said(&ended, 0, &["registered repository migctl-taken on the source", ": 2 indices, 4 shards", ": deleted\n"]);
        scene.assert_arrived(documents);
        assert!(!scene.is_registered("migctl-taken"), "{product}");
        scene.register("look", scene.repository.path());
        assert!(scene.snapshots("look").is_empty(), "{product}");
        scene.http.delete("/_snapshot/look").unwrap();
    }
}

#[test]
fn what_others_made_is_used_and_left() {
    let scene = Scene::new(servers::shared(Product::OpenSearch2).unwrap(), "others");
    scene.fill("a", 10, 10);
    scene.register("theirs", scene.repository.path());
    scene.http.put("/_snapshot/theirs/backup?wait_for_completion=true", json!({"indices": "others-a"})).unwrap();

    // A name that is taken.
    scene.configure("repositoryName: theirs, name: backup", BOTH);
    said(&scene.run(), 4, &["snapshot backup", "that this migration did not take: give another snapshot.create.name"]);
    // Another place.
    let elsewhere = tempfile::tempdir().unwrap();
    scene.register("elsewhere", elsewhere.path());
    scene.configure("repositoryName: elsewhere", BOTH);
    let (there, here) = (elsewhere.path().display().to_string(), scene.repository.path().display().to_string());
    let why = format!("its location is {there:?}, the configuration's is {here:?}");
    said(&scene.run(), 4, &[why.as_str(), "give another snapshot.create.repositoryName"]);
    assert_eq!(scene.snapshots("theirs"), ["backup"]);
    // A second registration of the same place.
    scene.configure("name: ours", BOTH);
    said(&scene.run(), 0, &["warning: theirs is registered for the same place", "snapshot ours: deleted"]);
    scene.workplace.wipe().unwrap();
    // As was warned: two registrations wrote to one place, and the first one is disabled until it is made anew.
    scene.configure("repositoryName: theirs, name: ours", BOTH);
    said(&scene.run(), 4, &["another registration of the same place, writes to this repository"]);
    scene.http.delete("/_snapshot/theirs").unwrap();
    scene.register("theirs", scene.repository.path());

    let left = "repository theirs: left as it is, this migration did not make it";
    said(&scene.run(), 0, &["repository theirs of the source, which was there", "snapshot ours: deleted", left]);
    scene.assert_arrived(scene.http.documents("others-a").unwrap());
    assert_eq!(scene.snapshots("theirs"), ["backup"]);
    for name in ["theirs", "elsewhere"] {
        assert!(scene.is_registered(name));
        scene.http.delete(&format!("/_snapshot/{name}")).unwrap();
    }
}

#[test]
fn without_being_asked_cleanup_leaves_what_was_made() {
    let scene = Scene::new(servers::shared(Product::OpenSearch1).unwrap(), "kept");
    scene.fill("a", 10, 10);
    scene.configure("name: mine, includeGlobalState: false", "");
    said(&scene.run(), 0, &["snapshot mine: left as it is, cleanup.deleteSnapshot is not set"]);
    assert_eq!(scene.snapshots("migctl-kept"), ["mine"]);
    let snapshot = scene.http.get("/_snapshot/migctl-kept/mine").unwrap();
    assert_eq!(snapshot["snapshots"][0]["metadata"], json!({"migctl": {"migration": "kept"}}));
    assert_eq!(snapshot["snapshots"][0]["include_global_state"], false);
    scene.http.delete("/_snapshot/migctl-kept").unwrap();
}

#[test]
fn whoever_continues_follows_the_same_snapshot() {
    let scene = Scene::new(servers::shared(Product::Elasticsearch7).unwrap(), "killed");
    scene.fill("a", 200, 10_000);
    scene.configure(SLOW, "");
    for _ in 0..3 {
        let mut run = scene.start_until_it_is_taken();
        run.kill9().unwrap();
    }
    let ended = scene.run();
    said(&ended, 0, &["killed is complete"]);
    assert!(!ended.errors.contains("of 1 indices begins"), "it was begun before: {ended}");
    let name = scene.snapshots("migctl-killed");
    assert_eq!(name.len(), 1, "{name:?}");
    scene.assert_arrived(scene.http.documents("killed-a").unwrap());
    scene.http.delete("/_snapshot/migctl-killed").unwrap();
}

#[test]
fn a_source_that_restarts_in_the_middle_is_waited_for() {
    let mut server = Server::start(Product::OpenSearch3).unwrap();
    let scene = Scene::new(&server, "away");
    scene.fill("a", 200, 10_000);
    scene.configure(SLOW, "");
    let mut run = scene.start_until_it_is_taken();
    server.kill9().unwrap();
    while !run.log().unwrap().contains("the source does not answer") {
        assert!(run.is_running().unwrap(), "{}", run.log_tail());
        std::thread::yield_now();
    }
    server.restart().unwrap();
    while run.is_running().unwrap() {
        std::thread::yield_now();
    }
    let log = run.log_tail();
    assert!(run.kill9().unwrap().success(), "{log}");
    assert!(log.contains("away is complete"), "{log}");
    scene.assert_arrived(scene.http.documents("away-a").unwrap());
}

/// The folder of a shard of the server's data that holds Lucene files.
fn shard_folder(server: &Server, uuid: &str, shard: u32) -> PathBuf {
    let home = fs::read_link(format!("/proc/{}/cwd", server.pid())).unwrap();
    let mut folders = vec![home.join("data")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(format!("indices/{uuid}/{shard}/index")) {
                return path;
            }
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    panic!("no folder of {uuid} shard {shard} in {}", home.display());
}

#[test]
fn a_lost_shard_is_named_and_the_others_go_where_that_is_allowed() {
    let server = Server::start(Product::Elasticsearch7).unwrap();
    let scene = Scene::new(&server, "lost");
    scene.fill("a", 100, 100);
    let documents = scene.http.documents("lost-a").unwrap();
    let uuid = scene.http.get("/lost-a/_settings").unwrap()["lost-a"]["settings"]["index"]["uuid"].clone();
    // The server has the files open, and reads them anew for a snapshot.
    let folder = shard_folder(&server, uuid.as_str().unwrap(), 1);
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let stored: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "cfs" || end == "fdt")).collect();
    assert!(!stored.is_empty(), "{}", folder.display());
    for file in stored {
        fs::remove_file(file).unwrap();
    }

    scene.configure("", "");
    let ended = scene.run();
    said(&ended, 4, &["is partial: 1 of 2 shards are not in it", "lost-a shard 1: ", "migctl retry snapshot"]);
    let first = scene.snapshots("migctl-lost");
    assert_eq!(first.len(), 1);
    // Submitted again it is the same one, until somebody wants another.
    said(&scene.run(), 4, &["is partial: 1 of 2 shards"]);
    assert_eq!(scene.snapshots("migctl-lost"), first);

    let config = fs::read_to_string(scene.workplace.path().join("migration.yaml")).unwrap();
    scene.workplace.configure(config.replace("snapshot:\n", "snapshot:\n  allowPartial: true\n")).unwrap();
    said(&scene.run(), 0, &["is partial: 1 of 2 shards are not in it", "lost is complete"]);
    assert_eq!(scene.snapshots("migctl-lost"), first);
    let lines: usize = scene
        .workplace
        .out(".ndjson")
        .unwrap()
        .iter()
        .map(|file| fs::read_to_string(file).unwrap().lines().count())
        .sum();
    assert!((1..documents.len()).contains(&lines), "{lines} of {}", documents.len());
}

#[test]
fn what_can_not_be_is_said_with_what_to_do() {
    let allowed = tempfile::tempdir().unwrap();
    let settings = vec![("path.repo".to_owned(), allowed.path().display().to_string())];
    let server = Server::start_with(Product::OpenSearch1, Options { settings, ..Options::default() }).unwrap();
    let scene = Scene::new(&server, "wrong");
    scene.fill("a", 10, 10);

    scene.configure("indices: [wrong-b]", "");
    said(&scene.run(), 4, &["snapshot.create.indices: wrong-b matches no index of the source; it has wrong-a"]);
    scene.configure("", "");
    said(&scene.run(), 4, &["put the repository below a directory of the source's path.repo"]);
    assert!(!scene.is_registered("migctl-wrong"));

    // The source writes elsewhere than the worker reads.
    let elsewhere = allowed.path().join("elsewhere");
    scene.configure(&format!("pathOnSource: '{}'", elsewhere.display()), "");
    let (there, here) = (elsewhere.display(), scene.repository.path().display());
    let both = format!("The source writes to {there}, the worker reads {here}: both must be the same directory");
    said(&scene.run(), 4, &["it can't be read from where the worker runs", &both]);
    // Once it is mounted there the same snapshot does.
    let taken = scene.snapshots("migctl-wrong");
    fs::remove_dir(scene.repository.path()).unwrap();
    std::os::unix::fs::symlink(&elsewhere, scene.repository.path()).unwrap();
    said(&scene.run(), 0, &["wrong is complete"]);
    assert_eq!(scene.snapshots("migctl-wrong"), taken);
    fs::remove_file(scene.repository.path()).unwrap();

    scene.workplace.wipe().unwrap();
    fs::create_dir(scene.repository.path()).unwrap();
    let file = allowed.path().join("file");
    fs::write(&file, "").unwrap();
    scene.configure(&format!("pathOnSource: '{}', repositoryName: in-a-file", file.join("x").display()), "");
    said(&scene.run(), 4, &["every node of the source must see the repository's directory"]);
}
