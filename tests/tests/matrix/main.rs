//! Metadata arrives: from each server that wrote a fixture into each target, by an ordinary configuration.
//!
//! In: a fixture, and what its server answered about it (`tests/fixtures/answers`). What is asked of a target once the
//! migration is complete: is every index there, with its documents, its analysis and its aliases, every template and
//! data stream, and does each query, which depends on a mapping, answer the same. What can't be the same is listed in
//! `differences`, each with its reason; an entry that no longer differs fails as well.
//!
//! The metadata of each source is evaluated on each target, which must take it. All of each source goes into one target,
//! so that each source and each target has its turn. All pairs:
//!
//!     MIGCTL_MATRIX=all cargo test --workspace --test matrix -- --nocapture
//!
//! A source's name in place of `all` takes that one into every target.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

mod arrival;
mod differences;
mod migration;
mod target;

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tests::answers::Answers;
use tests::servers::{Product, Server};

use arrival::Finding;
use differences::Step;
use migration::Migration;

/// Each source, and the target that it goes into unless all pairs are wanted.
const SOURCES: [(&str, Product); 13] = [
    ("elasticsearch-1.7.6", Product::OpenSearch2),
    ("elasticsearch-2.4.6", Product::OpenSearch3),
    ("elasticsearch-5.6.16", Product::OpenSearch1),
    ("elasticsearch-6.8.23", Product::OpenSearch3),
    ("elasticsearch-7.10.2", Product::OpenSearch2),
    ("versions/elasticsearch-7.17.29", Product::OpenSearch1),
    ("elasticsearch-8.19.21", Product::OpenSearch3),
    ("opensearch-1.3.20", Product::OpenSearch2),
    ("opensearch-2.19.4", Product::OpenSearch3),
    ("opensearch-3.8.0", Product::OpenSearch3),
    ("metadata/elasticsearch-7.10.2", Product::OpenSearch3),
    ("metadata/elasticsearch-8.19.21", Product::OpenSearch2),
    ("metadata/opensearch-2.19.4", Product::OpenSearch3),
];

const WANTED: &str = "MIGCTL_MATRIX";

#[test]
fn into_opensearch_1() {
    into(Product::OpenSearch1);
}

#[test]
fn into_opensearch_2() {
    into(Product::OpenSearch2);
}

#[test]
fn into_opensearch_3() {
    into(Product::OpenSearch3);
}

/// The sources that go into `product` this time.
fn sources(product: Product) -> Vec<&'static str> {
    let wanted = std::env::var(WANTED).unwrap_or_default();
    let known = |(name, _): &(&str, Product)| *name == wanted;
    assert!(
        ["", "all"].contains(&wanted.as_str()) || SOURCES.iter().any(known),
        "{WANTED}={wanted:?} is no source: say `all` or one of {SOURCES:?}"
    );
    let is_wanted = |(name, target): &&(&'static str, Product)| match wanted.as_str() {
        "" => *target == product,
        "all" => true,
        one => *name == one,
    };
    SOURCES.iter().filter(is_wanted).map(|(name, _)| *name).collect()
}

/// One target at a time: memory and processors are for one.
fn into(product: Product) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let server = Server::start(product).unwrap_or_else(|error| panic!("{error:#}"));
    let mut failed = String::new();
    let mut judge = |what: &str, source: &str, begun: Instant, found: &[Finding], step: Step| {
        let wrong = differences::unexpected(step, source, product, found);
        println!("{what} {source} into {product}: {:.1} s, {} wrong", begun.elapsed().as_secs_f64(), wrong.len());
        for finding in wrong {
            println!("  {finding}");
            failed.push_str(&format!("\n{source} into {product}: {finding}"));
        }
    };
    for (source, _) in SOURCES {
        let begun = Instant::now();
        let answers = Answers::read(source).unwrap();
        target::wipe(&server.http().unwrap()).unwrap();
        judge("metadata of", source, begun, &migration::evaluate(source, &answers, &server.url()), Step::Evaluation);
        assert_eq!(target::left(&server.http().unwrap()), Vec::<String>::new(), "of {source}, after it was evaluated");
    }
    for source in sources(product) {
        let begun = Instant::now();
        judge("all of", source, begun, &findings(source, product, &server), Step::Migration);
    }
    assert!(failed.is_empty(), "{failed}");
}

/// What of `source` is not on `server` as it was in the source.
fn findings(source: &str, product: Product, server: &Server) -> Vec<Finding> {
    let answers = Answers::read(source).unwrap();
    let http = server.http().unwrap();
    target::wipe(&http).unwrap();
    let without = differences::refused(source, product);
    let migrated = Migration::new(source, &answers, &server.url(), &without).and_then(|migration| migration.run());
    match migrated {
        Ok(dead_letters) => arrival::findings(&answers, &without, dead_letters, &http),
        Err(error) => vec![migration::failed(&error)],
    }
}
