//! A migration from a source of its own into a target, and what the bus holds of it.

use std::path::Path;

use async_nats::jetstream;
use futures::TryStreamExt;
use serde_json::Value;
use tests::rig::Rig;
use tests::servers::{self, Product, Server};

use crate::corpus::Corpus;

/// Small slices, small requests, many checkpoints: so that there always is a middle to be stopped in.
pub const SMALL: &str =
    "sizing: {sliceBytes: 32KiB, bulkDocs: 40, bulkBytes: 64KiB, connections: 2, checkpointIntervalMs: 20}\n";

/// Every phase, in order.
pub const PHASES: [&str; 6] = ["snapshot", "register", "metadata", "load", "verify", "cleanup"];

/// The gates of every phase.
pub fn gates(kind: &str) -> String {
    let gates: Vec<String> = PHASES.iter().map(|phase| format!("{phase}: {kind}")).collect();
    format!("gates: {{{}}}\n", gates.join(", "))
}

/// The server of `product` that the tests share.
pub fn shared(product: Product) -> &'static Server {
    servers::shared(product).unwrap_or_else(|error| panic!("{error:#}"))
}

/// A configuration that takes a snapshot of `source`, and leaves nothing of it at the end.
pub fn with_snapshot(
    name: &str,
    source: &Server,
    repository: &Path,
    target: &Server,
    corpus: &Corpus,
    rest: &str,
) -> String {
    format!(
        "name: {name}\nsource: {{endpoint: '{}'}}\nsnapshot:\n  repository: {{path: '{}'}}\n  create: {{prefix: \
         {name}}}\ntarget: {{endpoint: '{}'}}\nindices: ['{}']\n{SMALL}{rest}",
        source.url(),
        repository.display(),
        target.url(),
        corpus.pattern()
    )
}

/// Starts a coordinator and two workers.
pub fn start(rig: &mut Rig) {
    rig.start_coordinator().unwrap();
    rig.start_worker("a").unwrap();
    rig.start_worker("b").unwrap();
}

/// Kills every program at once, as a power cut does.
pub fn kill_all(rig: &mut Rig) {
    for label in rig.running() {
        rig.program(label).kill9().unwrap();
    }
}

/// What a phase's view says of `field`.
pub fn of_phase<'a>(view: &'a Value, phase: &str, field: &str) -> &'a Value {
    let phases = view["phases"].as_array().unwrap();
    &phases.iter().find(|found| found["phase"] == phase).unwrap()[field]
}

/// Every subject, key and consumer on the rig's NATS server that bears the migration's name. A mark of a deleted key that
/// the server removes by itself after a while is nothing.
pub fn on_the_bus(rig: &Rig) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (url, name) = (rig.nats.url.clone(), rig.migration.clone());
    runtime.block_on(async move {
        let context = jetstream::new(async_nats::connect(url).await.unwrap());
        let mut found = Vec::new();
        let mut streams = context.stream_names();
        while let Some(stream) = streams.try_next().await.unwrap() {
            let stream = context.get_stream(&stream).await.unwrap();
            let mut subjects = stream.info_with_subjects(">").await.unwrap();
            while let Some((subject, messages)) = subjects.try_next().await.unwrap() {
                let ours = subject.split('.').any(|token| token == name);
                if ours && !is_dying_mark(&stream, &subject).await {
                    found.push(format!("{subject}: {messages}"));
                }
            }
            let mut consumers = stream.consumer_names();
            while let Some(consumer) = consumers.try_next().await.unwrap() {
                if consumer.starts_with(&name) {
                    found.push(format!("consumer {consumer}"));
                }
            }
        }
        found
    })
}

async fn is_dying_mark(stream: &jetstream::stream::Stream, subject: &str) -> bool {
    let Ok(last) = stream.get_last_raw_message_by_subject(subject).await else { return true };
    let says = |name: &str| last.headers.get(name).map(|value| value.as_str().to_owned());
    says("KV-Operation").is_some_and(|operation| operation != "PUT") && says("Nats-TTL").is_some()
}
