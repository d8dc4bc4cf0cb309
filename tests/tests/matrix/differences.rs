//! What can't be on a target as it was in the source, each with its reason.
//!
//! Holds: an entry that no longer differs is reported, so none outlives its reason.

use tests::servers::Product;

use crate::arrival::Finding;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The metadata was translated, and judged by the target.
    Evaluation,
    /// All of it was migrated.
    Migration,
}

/// A finding that is expected.
struct Difference {
    step: Step,
    /// The fixtures of which, by the beginnings of their names.
    sources: &'static [&'static str],
    /// Into which targets.
    targets: &'static [Product],
    /// [`Finding::of`].
    of: &'static str,
    /// Why it can't be the same.
    reason: &'static str,
}

const ALL: &[Product] = &[Product::OpenSearch1, Product::OpenSearch2, Product::OpenSearch3];
const SINCE_7: &[&str] = &["elasticsearch-7.10", "elasticsearch-8", "opensearch"];
const WITH_TIMES: &[&str] = &["elasticsearch-1", "elasticsearch-2"];
const ES_1: &[&str] = &["elasticsearch-1"];
const WITH_LAB_PIPE: &[&str] = &["elasticsearch-7.10", "opensearch-2", "opensearch-3"];
const WITH_STEPS: &[&str] = &["metadata/elasticsearch-7", "metadata/opensearch-2"];
const BEFORE_3: &[Product] = &[Product::OpenSearch1, Product::OpenSearch2];
const OPENSEARCH_1: &[Product] = &[Product::OpenSearch1];
const BEFORE_7: &[&str] = &["elasticsearch-1", "elasticsearch-2", "elasticsearch-5", "elasticsearch-6"];

const NO_SOURCE: &str = "the source kept no `_source` of its documents, so there is nothing to index again";
const NOT_IN_SOURCE: &str = "its `_source` leaves the field out, so the snapshot has no value to index again";
const NO_PROCESSORS: &str = "the target, as the tests start it, has no ingest processors";

const NO_MODULE: &str = "the target, as the tests start it, has no module for shapes";
const MEET: &str =
    "one id under two routings, which the target's hash puts into one shard: the second is a dead letter";
const NO_TIME: &str = "`_timestamp` is beside the `_source`, and no version since 5 has such a field";
const RENAMED: &str = "its parts have the names that are not deprecated; what it makes of texts is asked besides";
const POSITIONS: &str = "Lucene 10 counts the steps of a path as positions; the terms are the same";
const STORED: &str = "every index of OpenSearch stores its sources, and has no word for it";
const ONE_FIELD: &str = "before OpenSearch 3.6 the fields `a` and `a.b` can't stand side by side: neither is searched";
const NO_VECTORS: &str = "the target, as the tests start it, has no plugin for vectors";

const DIFFERENCES: &[Difference] = &[
    migrated(SINCE_7, ALL, "documents of src-disabled", NO_SOURCE),
    migrated(BEFORE_7, ALL, "documents of nosource", NO_SOURCE),
    migrated(&["versions/"], ALL, "documents of unsourced", NO_SOURCE),
    migrated(SINCE_7, ALL, "query src-excludes: a field that its source leaves out", NOT_IN_SOURCE),
    migrated(BEFORE_7, ALL, "query partialsource: a field that its source leaves out", NOT_IN_SOURCE),
    migrated(&["elasticsearch-5"], ALL, "setting mapping of family-join", "every index has a single type by now"),
    migrated(ES_1, ALL, "dead letters", MEET),
    migrated(ES_1, ALL, "documents of products-product", MEET),
    migrated(ES_1, ALL, "query products/product: an id under several routings", MEET),
    migrated(ES_1, ALL, "query products/product: what is absent", MEET),
    migrated(WITH_TIMES, ALL, "query legacy-meta: the time of a document", NO_TIME),
    migrated(&["metadata/elasticsearch-7"], ALL, "setting analysis of grams", RENAMED),
    migrated(&["metadata/elasticsearch-7"], &[Product::OpenSearch3], "query grams: path", POSITIONS),
    refused_by(&["elasticsearch-5", "elasticsearch-6"], OPENSEARCH_1, "pipeline tag-it", NO_PROCESSORS),
    migrated(&["elasticsearch-5", "elasticsearch-6"], OPENSEARCH_1, "_ingest/pipeline/tag-it", NO_PROCESSORS),
    refused_by(WITH_LAB_PIPE, OPENSEARCH_1, "pipeline lab-pipe", NO_PROCESSORS),
    migrated(WITH_LAB_PIPE, OPENSEARCH_1, "_ingest/pipeline/lab-pipe", NO_PROCESSORS),
    refused_by(WITH_STEPS, OPENSEARCH_1, "pipeline on-arrival", NO_PROCESSORS),
    migrated(WITH_STEPS, OPENSEARCH_1, "_ingest/pipeline/on-arrival", NO_PROCESSORS),
    refused_by(WITH_STEPS, OPENSEARCH_1, "pipeline at-last", NO_PROCESSORS),
    migrated(WITH_STEPS, OPENSEARCH_1, "_ingest/pipeline/at-last", NO_PROCESSORS),
    refused_by(&["opensearch-2", "opensearch-3"], OPENSEARCH_1, "index fields-zoo", NO_MODULE),
    refused_by(&["metadata/elasticsearch-8"], ALL, "index vectors", NO_VECTORS),
    migrated(&["metadata/elasticsearch-8"], ALL, "setting mapping of logs-kind", STORED),
    migrated(&["metadata/elasticsearch-8"], BEFORE_3, "query at-runtime: a name with a dot", ONE_FIELD),
];

/// [`Finding::of`] of a migration that failed.
pub const FAILED: &str = "the migration";

type Names = &'static [&'static str];

const fn migrated(sources: Names, targets: &'static [Product], of: &'static str, reason: &'static str) -> Difference {
    Difference { step: Step::Migration, sources, targets, of, reason }
}

const fn refused_by(sources: Names, targets: &'static [Product], of: &'static str, reason: &'static str) -> Difference {
    Difference { step: Step::Evaluation, sources, targets, of, reason }
}

/// The indices of `source` that `target` refuses, which so are left out of the migration.
pub fn refused(source: &str, target: Product) -> Vec<&'static str> {
    let is_of = |difference: &&Difference| difference.step == Step::Evaluation && difference.is_of(source, target);
    DIFFERENCES.iter().filter(is_of).filter_map(|difference| difference.of.strip_prefix("index ")).collect()
}

impl Difference {
    fn is_of(&self, source: &str, target: Product) -> bool {
        self.sources.iter().any(|name| source.starts_with(name)) && self.targets.contains(&target)
    }
}

/// What is wrong with these findings: those that nobody expects, and the expected ones that are missing.
pub fn unexpected(step: Step, source: &str, target: Product, found: &[Finding]) -> Vec<String> {
    let is_of = |difference: &&Difference| difference.step == step && difference.is_of(source, target);
    let expected: Vec<&Difference> = DIFFERENCES.iter().filter(is_of).collect();
    let is_new = |finding: &&Finding| expected.iter().all(|difference| difference.of != finding.of);
    let is_gone = |difference: &&&Difference| found.iter().all(|finding| finding.of != difference.of);
    let new = found.iter().filter(is_new).map(Finding::to_string);
    // Where the migration failed nothing was looked at.
    let was_looked_at = found.iter().all(|finding| finding.of != FAILED);
    let gone = expected.iter().filter(is_gone).filter(|_| was_looked_at);
    let gone = gone
        .map(|difference| format!("{}: it is the same by now; listed because {}", difference.of, difference.reason));
    new.chain(gone).collect()
}
