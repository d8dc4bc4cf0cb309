//! Indices behind a data stream of the source go into a data stream of the target, all into one generation.

use std::fs::File;
use std::io::BufReader;

use protocol::destination::Destination;
use protocol::phase::Phase;
use serde_json::json;
use tests::document::Document;
use tests::fixtures;
use tests::servers::{self, Product};
use tests::truth;

use crate::place::{self, by_name};
use crate::rig::{Rig, spec};

const BEHIND: &str = "regex:\\.ds-ds-metrics-app-.*";

#[test]
fn documents_are_created_in_a_stream_and_one_that_rolls_over_stops_the_load() {
    let fixture = fixtures::unpack("opensearch-2.19.4").unwrap();
    let server = servers::shared(Product::OpenSearch2).unwrap();
    let http = server.http().unwrap();
    let template = json!({"index_patterns": ["metrics-*"], "data_stream": {},
        "template": {"settings": {"number_of_replicas": 0}}});
    http.put("/_index_template/metrics", template).unwrap();
    http.put("/_data_stream/metrics-app", "").unwrap();
    let further = json!({
        "indices": [BEHIND],
        "onConflict": "newer",
        "gates": {"metadata": "manual", "load": "auto", "verify": "manual", "cleanup": "auto"},
    });
    let mut rig = Rig::running(spec(fixture.repository("main"), "snap-2", &server.url(), further));
    let withheld = [("index.refresh_interval".to_owned(), "7s".to_owned())];
    rig.decide(|_| {
        let to = place::found(&http, "metrics-app");
        vec![Destination { stream: true, created: true, ids_may_meet: true, withheld: withheld.clone().into(), ..to }]
    });
    rig.waits(Phase::Verify);

    let file = BufReader::new(File::open(fixture.truth("main-snap-2")).unwrap());
    let all: Vec<Document> = truth::read(file, "truth").collect::<Result<_, _>>().unwrap();
    let expected = by_name(all.into_iter().filter(|document| document.index.starts_with(".ds-ds-metrics-app-")));
    assert_eq!(expected.len(), 120);
    let backing = ".ds-metrics-app-000001";
    let arrived = || place::arrived(&http, backing);
    assert_eq!(arrived(), expected);
    let counts = |rig: &Rig| {
        let generations = (1..=3).map(|number| rig.counts(&format!(".ds-ds-metrics-app-00000{number}")));
        generations.map(|counts| (counts.written, counts.already_there, counts.rejected)).collect::<Vec<_>>()
    };
    assert_eq!(counts(&rig), [(40, 0, 0); 3]);

    rig.load_again();
    rig.waits(Phase::Verify);
    assert_eq!(counts(&rig), [(0, 40, 0); 3]);
    assert_eq!(arrived(), expected);
    rig.approve(Phase::Verify);
    rig.done(Phase::Verify);
    assert_eq!(rig.destination("metrics-app").count_after, Some(120));
    rig.done(Phase::Cleanup);
    let settings = http.get(&format!("/{backing}/_settings?flat_settings=true")).unwrap();
    assert_eq!(settings[backing]["settings"]["index.refresh_interval"], "7s");

    // Each document would come a second time, into the new generation.
    http.post("/metrics-app/_rollover", "").unwrap();
    rig.load_again();
    let reason = rig.failed(Phase::Load);
    assert!(reason.contains("data stream metrics-app of the target has 2 indices now: it rolled over"), "{reason}");
    http.delete("/_data_stream/metrics-app").unwrap();
    http.delete("/_index_template/metrics").unwrap();
}
