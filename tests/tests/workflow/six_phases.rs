//! All six phases between real servers, each behind a gate that a person opens; and then nothing is left.

use serde_json::Value;
use tests::rig::Rig;
use tests::servers::Product;

use crate::corpus::{Corpus, is_closed, listing};
use crate::rig::{PHASES, gates, of_phase, on_the_bus, shared, start, with_snapshot};

fn six_phases(name: &str, from: Product, to: Product) {
    let (source, target) = (shared(from), shared(to));
    let (source_http, target_http) = (source.http().unwrap(), target.http().unwrap());
    let corpus = Corpus::make(&source_http, name);
    let (source_before, target_before) = (listing(&source_http), listing(&target_http));
    let repository = tempfile::tempdir().unwrap();
    let rest = format!("{}cleanup: {{deleteSnapshot: true, unregisterRepository: true}}\n", gates("manual"));
    let config = with_snapshot(name, source, repository.path(), target, &corpus, &rest);
    let mut rig = Rig::new(name, &config).unwrap();
    start(&mut rig);
    let said = rig.does(&["submit"]);
    rig.note(&said.to_string());
    for phase in PHASES {
        let (code, _) = rig.await_phase(phase, "waiting");
        assert_eq!(code, Some(3), "a gate has an exit code of its own");
        let evidence = rig.does(&["evidence", phase]);
        assert!(evidence.output.lines().count() > 1, "{phase}: {evidence}");
        rig.note(&format!("{phase}\n{}", evidence.output));
        rig.does(&["approve", phase, "--note", "as agreed"]);
    }
    let view = rig.await_end();
    let written: u64 =
        view["indices"].as_array().unwrap().iter().map(|index| index["counts"]["written"].as_u64().unwrap()).sum();
    assert_eq!(written, corpus.len() as u64, "{view:#}");
    assert_ne!(of_phase(&view, "verify", "notes"), &Value::Array(Vec::new()));

    corpus.assert_arrived(&target_http);
    assert!(is_closed(&target_http, &corpus.closed()), "it was closed in the source");
    let blocked = target_http.get(&format!("/{name}-orders/_settings?flat_settings=true")).unwrap();
    let setting = &blocked[format!("{name}-orders")]["settings"]["index.blocks.write"];
    assert_eq!(setting, "true", "what was withheld is put on");

    rig.eventually("an empty bus", |rig| on_the_bus(rig).is_empty().then_some(()));
    assert_eq!(listing(&source_http), source_before, "the source is as it was");
    let mut target_after = listing(&target_http);
    let ours = corpus.indices();
    let is_ours = |row: &Value| row["index"].as_str().is_some_and(|index| ours.contains(index));
    target_after["indices"].as_array_mut().unwrap().retain(|row| !is_ours(row));
    assert_eq!(target_after, target_before, "the target has its new indices and nothing else");
    for index in &ours {
        let mapping = target_http.get(&format!("/{index}/_mapping")).unwrap();
        assert!(!mapping.to_string().contains("migctl"), "{mapping}");
    }
    rig.note(&format!("{} documents of {} indices", corpus.len(), ours.len()));
    corpus.remove_from(&target_http);
}

#[test]
fn elasticsearch_7_into_opensearch_2_through_all_six_phases() {
    six_phases("six-es7", Product::Elasticsearch7, Product::OpenSearch2);
}

#[test]
fn opensearch_1_into_opensearch_3_through_all_six_phases() {
    six_phases("six-os1", Product::OpenSearch1, Product::OpenSearch3);
}
