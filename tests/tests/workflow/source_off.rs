//! A source that is gone: everything after the snapshot needs the repository only.

use serde_json::json;
use tests::rig::Rig;
use tests::servers::{Product, Server};

use crate::corpus::Corpus;
use crate::rig::{SMALL, gates, shared, start, with_snapshot};

#[test]
fn a_snapshot_that_others_took_is_migrated_without_a_source() {
    let name = "external";
    let mut source = Server::start(Product::Elasticsearch7).unwrap();
    let target = shared(Product::OpenSearch2);
    let http = source.http().unwrap();
    let corpus = Corpus::make(&http, name);
    let repository = tempfile::tempdir().unwrap();
    let location = repository.path().join("repository");
    http.put("/_snapshot/theirs", json!({"type": "fs", "settings": {"location": location}})).unwrap();
    let wanted = json!({"indices": format!("{name}-*"), "expand_wildcards": "all"});
    http.put("/_snapshot/theirs/nightly?wait_for_completion=true", wanted).unwrap();
    source.kill9().unwrap();

    let config = format!(
        "name: {name}\nsnapshot:\n  repository: {{path: '{}'}}\n  externallyManagedSnapshot: nightly\ntarget: \
         {{endpoint: '{}'}}\nindices: ['{}']\n{SMALL}{}",
        location.display(),
        target.url(),
        corpus.pattern(),
        gates("auto")
    );
    let mut rig = Rig::new(name, &config).unwrap();
    start(&mut rig);
    rig.does(&["submit"]);
    rig.await_end();
    let http = target.http().unwrap();
    corpus.assert_arrived(&http);
    rig.note(&format!("{} documents", corpus.len()));
    corpus.remove_from(&http);
}

#[test]
fn a_source_that_is_switched_off_after_its_snapshot_is_not_missed() {
    let name = "switched-off";
    let mut source = Server::start(Product::Elasticsearch7).unwrap();
    let target = shared(Product::OpenSearch2);
    let corpus = Corpus::make(&source.http().unwrap(), name);
    let repository = tempfile::tempdir().unwrap();
    let rest = "gates: {metadata: auto, load: auto, cleanup: auto, register: manual}\n";
    let config = with_snapshot(name, &source, repository.path(), target, &corpus, rest);
    let mut rig = Rig::new(name, &config).unwrap();
    start(&mut rig);
    rig.does(&["submit"]);
    rig.await_phase("register", "waiting");
    source.kill9().unwrap();
    rig.does(&["approve", "register"]);
    rig.await_end();
    let http = target.http().unwrap();
    corpus.assert_arrived(&http);
    rig.note(&format!("{} documents", corpus.len()));
    corpus.remove_from(&http);
}
