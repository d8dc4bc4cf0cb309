//! What an error of the target means: for this document, for now, or for the whole load.
//!
//! In: HTTP status, exception type and reason, of one item or of a whole request. Out: a [`Meaning`].
//!
//! Holds: what is about the target is never held against a document. What no rule knows is decided by its status: a 4xx
//! rejects the document, 429 and 5xx are tried again, and 401, 403, 404 and 405, which no document can cause, stop.
//! After: answers of Elasticsearch 7.10.2 and 8.19.21, OpenSearch 2.19.4 and 3.8.0, and the names of the exceptions in
//! `ElasticsearchException` and `OpenSearchException`.

use crate::answer::Fault;

/// What follows from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The document is in the target.
    Written,
    /// The target had it and kept its own.
    AlreadyThere,
    /// The target can't do it now: the same document again, later.
    Busy,
    /// The target will never take this document.
    Document,
    /// The target takes none until a person has seen to it; what to do.
    Target(&'static str),
    /// The target doesn't let us: as [`Meaning::Target`], where the credentials are what to look at.
    Denied,
}

/// One line of the table: applies where everything it names is so. The first that applies decides.
struct Rule {
    /// The exception's type; with a `*` in front, its end.
    kind: &'static str,
    /// A part of the reason; empty: any.
    says: &'static str,
    meaning: Meaning,
}

impl Rule {
    fn applies(&self, fault: &Fault) -> bool {
        let kind_fits = match self.kind.strip_prefix('*') {
            Some(end) => fault.kind.ends_with(end),
            None => fault.kind == self.kind,
        };
        kind_fits && fault.reason.contains(self.says)
    }
}

const fn rule(kind: &'static str, says: &'static str, meaning: Meaning) -> Rule {
    Rule { kind, says, meaning }
}

const BLOCKED: Meaning = Meaning::Target(
    "free disk space where the reason speaks of disk usage, or remove the block that it names (index.blocks.*, \
     cluster.blocks.*), then start the load again",
);
const CLOSED: Meaning = Meaning::Target("open the index, then start the load again");
const GONE: Meaning = Meaning::Target(
    "the index was deleted or never created: run the metadata phase again, or leave the index out of the migration",
);
const NAME: Meaning = Meaning::Target("the target can't have an index of this name: leave it out of the migration");
const ALIAS: Meaning = Meaning::Target(
    "an alias of the target has the index's name: remove or rename the alias, then run the metadata phase again",
);
const STREAM: Meaning = Meaning::Target(
    "the index belongs to a data stream of the target, which takes no documents with ids: write to a plain index",
);
const PIPELINE: Meaning = Meaning::Target(
    "the index names an ingest pipeline that the target does not have: remove index.default_pipeline and \
     index.final_pipeline for the time of the load",
);
const FULL: Meaning = Meaning::Target("a shard holds as many documents as Lucene can: use more shards in the target");
const SHARDS: Meaning = Meaning::Target("raise cluster.max_shards_per_node, or remove indices that are not needed");
const SETTINGS: Meaning = Meaning::Target(
    "the settings of the index take no documents with ids of their own: create it without them (append-only, time \
     series)",
);
const TYPE: Meaning = Meaning::Target("the index has a mapping type of another name: delete it and create it anew");

/// What to do about an answer that neither documents nor the target's state can cause.
pub(crate) const CHECK_ENDPOINT: &str = "check the endpoint, and what stands before it";
const UNEXPECTED: Meaning = Meaning::Target(CHECK_ENDPOINT);

use Meaning::{AlreadyThere, Busy, Denied, Document};

const RULES: &[Rule] = &[
    rule("version_conflict_engine_exception", "", AlreadyThere),
    // Blocks: 403 FORBIDDEN, and 429 TOO_MANY_REQUESTS for the disk's flood stage, which only a person ends. The two
    // that come with SERVICE_UNAVAILABLE (no cluster manager, state not recovered) pass by themselves.
    rule("cluster_block_exception", "SERVICE_UNAVAILABLE", Busy),
    rule("cluster_block_exception", "", BLOCKED),
    rule("index_closed_exception", "", CLOSED),
    rule("index_not_found_exception", "", GONE),
    rule("type_missing_exception", "", GONE),
    rule("security_exception", "", Denied),
    rule("invalid_index_name_exception", "", NAME),
    // The same type as for bad documents, but about what stands where the index should.
    rule("illegal_argument_exception", "no write index is defined for alias", ALIAS),
    rule("illegal_argument_exception", "has more than one indices associated with it", ALIAS),
    rule("illegal_argument_exception", "has index routing associated with it", ALIAS),
    rule("illegal_argument_exception", "op_type of create are allowed in data streams", STREAM),
    rule("illegal_argument_exception", "targeting backing indices is disallowed", STREAM),
    // Those without a routing are taken all the same.
    rule("illegal_argument_exception", "specifies a custom routing", Document),
    rule("illegal_argument_exception", "pipeline with id [", PIPELINE),
    // Lucene's and the engine's words: "number … cannot exceed", "Number … can't exceed".
    rule("illegal_argument_exception", "umber of documents in the index can", FULL),
    rule("illegal_argument_exception", "final mapping would have more than 1 type", TYPE),
    rule("illegal_argument_exception", "is in time series mode", SETTINGS),
    rule("validation_exception", "is not allowed with a custom document id", SETTINGS),
    rule("validation_exception", "shards, but this cluster currently has", SHARDS),
    // Overload and movement in the cluster. Most come with 429 or 5xx, some with 400 or 404: shards that move, tasks
    // that were cancelled because a connection broke.
    rule("*rejected_execution_exception", "", Busy),
    rule("circuit_breaking_exception", "", Busy),
    rule("unavailable_shards_exception", "", Busy),
    rule("no_shard_available_action_exception", "", Busy),
    rule("process_cluster_event_timeout_exception", "", Busy),
    rule("*_not_discovered_exception", "", Busy),
    rule("node_closed_exception", "", Busy),
    rule("*timeout_exception", "", Busy),
    rule("shard_not_found_exception", "", Busy),
    rule("illegal_index_shard_state_exception", "", Busy),
    rule("index_shard_closed_exception", "", Busy),
    rule("index_shard_not_started_exception", "", Busy),
    rule("index_shard_relocated_exception", "", Busy),
    rule("task_cancelled_exception", "", Busy),
    // About the document, and about it in this mapping: another document may pass.
    rule("mapper_parsing_exception", "", Document),
    rule("document_parsing_exception", "", Document),
    rule("strict_dynamic_mapping_exception", "", Document),
    rule("illegal_argument_exception", "", Document), // e.g. immense terms, limit of total fields, empty id
    rule("max_bytes_length_exceeded_exception", "", Document),
    rule("routing_missing_exception", "", Document),
    rule("action_request_validation_exception", "", Document), // id too long
];

/// What an answer means, for one item or for a whole request.
pub(crate) fn meaning(status: u16, fault: Option<&Fault>) -> Meaning {
    match fault {
        None if (200..300).contains(&status) => Meaning::Written,
        None => of_status(status),
        Some(fault) => named(fault).unwrap_or_else(|| of_status(status)),
    }
}

/// Whether one document can fail the whole request so: an id that is too long does, before any item is looked at.
pub(crate) fn is_validation(fault: &Fault) -> bool {
    fault.kind == "action_request_validation_exception"
}

fn named(fault: &Fault) -> Option<Meaning> {
    RULES.iter().find(|rule| rule.applies(fault)).map(|rule| rule.meaning)
}

fn of_status(status: u16) -> Meaning {
    match status {
        408 | 429 | 500.. => Meaning::Busy,
        401 | 403 => Denied,
        404 | 405 => UNEXPECTED,
        400..=499 => Meaning::Document,
        // Success has no error, and redirects are not followed: a bulk request sent twice by a proxy is no bulk request.
        _ => UNEXPECTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A case for every rule, in the order of the table; reasons are those of real servers where one could be made to
    /// say it, else of its source.
    const CASES: &[(u16, &str, &str, Meaning)] = &[
        (409, "version_conflict_engine_exception", "[1]: version conflict, document already exists", AlreadyThere),
        (503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master];", Busy),
        (403, "cluster_block_exception", "index [b] blocked by: [FORBIDDEN/8/index write (api)];", BLOCKED),
        (400, "index_closed_exception", "closed", CLOSED),
        (404, "index_not_found_exception", "no such index [missing]", GONE),
        (404, "type_missing_exception", "type[_doc] missing", GONE),
        (403, "security_exception", "no permissions for [indices:data/write/bulk]", Denied),
        (400, "invalid_index_name_exception", "Invalid index name [Upper], must be lowercase", NAME),
        (400, "illegal_argument_exception", "no write index is defined for alias [aa]. The write index may be", ALIAS),
        (400, "illegal_argument_exception", "Alias [a] has more than one indices associated with it [[b, c]]", ALIAS),
        (400, "illegal_argument_exception", "Alias [rt] has index routing associated with it [q], and was", ALIAS),
        (
            400,
            "illegal_argument_exception",
            "only write ops with an op_type of create are allowed in data streams",
            STREAM,
        ),
        (
            400,
            "illegal_argument_exception",
            "index request with op_type=index and no if_primary_term and if_seq_no \
            set targeting backing indices is disallowed, target corresponding data stream [ds-1] instead",
            STREAM,
        ),
        (
            400,
            "illegal_argument_exception",
            "index request targeting data stream [ds-1] specifies a custom routing.",
            Document,
        ),
        (400, "illegal_argument_exception", "pipeline with id [nope] does not exist", PIPELINE),
        (400, "illegal_argument_exception", "Number of documents in the index can't exceed [2147483519]", FULL),
        (
            400,
            "illegal_argument_exception",
            "Rejecting mapping update to [t] as the final mapping would have more \
            than 1 type: [_doc, foo]",
            TYPE,
        ),
        (
            400,
            "illegal_argument_exception",
            "specifying routing is not supported because the destination index [t] is \
            in time series mode",
            SETTINGS,
        ),
        (
            400,
            "validation_exception",
            "Validation Failed: 1: Operation [INDEX] is not allowed with a custom document \
            id 1 as setting `index.append_only.enabled` is enabled for this index: ao;",
            SETTINGS,
        ),
        (
            400,
            "validation_exception",
            "Validation Failed: 1: this action would add [2] total shards, but this cluster \
            currently has [8]/[1] maximum shards open;",
            SHARDS,
        ),
        (429, "es_rejected_execution_exception", "rejected execution of primary operation", Busy),
        (429, "circuit_breaking_exception", "[parent] Data too large, data for [<http_request>]", Busy),
        (503, "unavailable_shards_exception", "[unalloc][0] primary shard is not active Timeout: [1s]", Busy),
        (503, "no_shard_available_action_exception", "", Busy),
        (
            503,
            "process_cluster_event_timeout_exception",
            "failed to process cluster event (put-mapping) within 30s",
            Busy,
        ),
        (503, "cluster_manager_not_discovered_exception", "", Busy),
        (500, "node_closed_exception", "node closed", Busy),
        (500, "timeout_exception", "Failed to acknowledge mapping update within [30s]", Busy),
        (404, "shard_not_found_exception", "no such shard", Busy),
        (404, "illegal_index_shard_state_exception", "CurrentState[RECOVERING] operation only allowed", Busy),
        (404, "index_shard_closed_exception", "CurrentState[CLOSED] Closed", Busy),
        (404, "index_shard_not_started_exception", "CurrentState[RECOVERING] Shard not started", Busy),
        (404, "index_shard_relocated_exception", "Shard is relocated", Busy),
        (400, "task_cancelled_exception", "task cancelled [channel was closed]", Busy),
        (400, "mapper_parsing_exception", "failed to parse field [n] of type [long] in document with id '2'", Document),
        (400, "document_parsing_exception", "[1:7] failed to parse field [n] of type [long]", Document),
        (400, "strict_dynamic_mapping_exception", "mapping set to strict, dynamic introduction of [m]", Document),
        (400, "illegal_argument_exception", "Limit of total fields [3] has been exceeded", Document),
        (400, "max_bytes_length_exceeded_exception", "bytes can be at most 32766 in length; got 40000", Document),
        (400, "routing_missing_exception", "routing is required for [route]/[1]", Document),
        (400, "action_request_validation_exception", "id [x] is too long, must be no longer than 512 bytes", Document),
    ];

    fn fault(kind: &str, reason: &str) -> Fault {
        Fault { kind: kind.into(), reason: reason.into() }
    }

    #[test]
    fn every_rule_decides_its_case() {
        assert_eq!(CASES.len(), RULES.len());
        for (number, (status, kind, reason, expected)) in CASES.iter().enumerate() {
            let fault = fault(kind, reason);
            assert_eq!(meaning(*status, Some(&fault)), *expected, "{kind}: {reason}");
            assert_eq!(RULES.iter().position(|rule| rule.applies(&fault)), Some(number), "{kind}: {reason}");
        }
    }

    #[test]
    fn further_answers_of_real_servers() {
        for (status, kind, reason, expected) in [
            (
                429,
                "cluster_block_exception",
                "index [flood] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded \
                flood-stage watermark, index has read-only-allow-delete block];",
                BLOCKED,
            ),
            (429, "rejected_execution_exception", "rejected execution of [..] queue capacity = 20", Busy),
            (503, "master_not_discovered_exception", "", Busy),
            (400, "illegal_argument_exception", "if _id is specified it must not be empty", Document),
            (400, "illegal_argument_exception", "number of documents in the index cannot exceed 2147483519", FULL),
            (400, "illegal_argument_exception", "Document contains at least one immense term in field=\"k\"", Document),
            (
                400,
                "validation_exception",
                "Validation Failed: 1: this action would add [2] shards, but this cluster \
                currently has [9]/[1] maximum normal shards open;",
                SHARDS,
            ),
        ] {
            assert_eq!(meaning(status, Some(&fault(kind, reason))), expected, "{kind}: {reason}");
        }
    }

    #[test]
    fn what_no_rule_knows_is_decided_by_its_status() {
        let unknown = fault("surprise_exception", "");
        for (status, expected) in [
            (400, Document),
            (409, Document),
            (413, Document),
            (401, Denied),
            (403, Denied),
            (404, UNEXPECTED),
            (405, UNEXPECTED),
            (302, UNEXPECTED),
            (408, Busy),
            (429, Busy),
            (500, Busy),
            (503, Busy),
        ] {
            assert_eq!(meaning(status, Some(&unknown)), expected, "{status}");
            assert!(status < 400 || meaning(status, None) == expected, "{status}");
        }
        assert_eq!(meaning(200, None), Meaning::Written);
        assert_eq!(meaning(201, None), Meaning::Written);
    }

    #[test]
    fn whole_requests_fail_with_the_same_words() {
        assert_eq!(meaning(429, Some(&fault("circuit_breaking_exception", "Data too large"))), Busy);
        assert_eq!(meaning(502, Some(&fault("", "<html>"))), Busy);
        let block = fault("cluster_block_exception", "blocked by: [FORBIDDEN/6/cluster read-only (api)];");
        assert_eq!(meaning(403, Some(&block)), BLOCKED);
        assert_eq!(meaning(401, Some(&fault("", "an empty answer"))), Denied);
        assert!(is_validation(&fault("action_request_validation_exception", "id [x] is too long")));
        assert!(!is_validation(&fault("illegal_argument_exception", "must be terminated by a newline")));
    }
}
