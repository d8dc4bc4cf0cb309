//! For the fixtures that were made for their metadata.

use serde_json::{Value, json};
use tests::answers::Query;

use super::{Set, analyze, filter, search};

/// What every one is asked, and what this one alone.
pub fn set(fixture: &str) -> Set {
    let mut queries = every();
    queries.extend(match fixture {
        "metadata/elasticsearch-7.10.2" => grams(),
        "metadata/elasticsearch-8.19.21" => of_elasticsearch_8(),
        _ => of_opensearch_2(),
    });
    Set {
        repository: "main",
        snapshot: "snap",
        without_files: &[],
        closed: None,
        asks_for_fields: false,
        queries,
        lacking: Vec::new(),
    }
}

fn every() -> Vec<Query> {
    let all = || json!({"query": {"match_all": {}}});
    let untouched = json!({"query": {"bool": {"must": [{"match_all": {}}], "must_not": [{"exists": {"field": "arrived_in"}}, {"exists": {"field": "last_in"}}]}}});
    let typed = |name: &str, query: Value| search("typed", name, filter(query));
    let tuned = |name: &str, query: Value| search("tuned", name, filter(query));
    vec![
        search("piped", "what no pipeline touched", untouched),
        search("piped", "a keyword", filter(json!({"term": {"word": "w1"}}))),
        search("blocked", "an alias of blocked indices", filter(json!({"range": {"n": {"lt": 3}}}))),
        search("of-anna", "two of six shards", all()),
        search("partitioned", "a keyword", filter(json!({"term": {"of": "esin"}}))),
        tuned("a raw form that isn't too long", json!({"exists": {"field": "title.raw"}})),
        tuned("a value for null", json!({"term": {"price": 9.5}})),
        tuned("numbers that are some", json!({"exists": {"field": "year"}})),
        tuned("a number that is none", json!({"term": {"_ignored": "year"}})),
        search("tuned", "the beginning of a word", json!({"query": {"prefix": {"note": "wint"}}})),
        search("tuned", "a word in the field for words", json!({"query": {"query_string": {"query": "series AND 7"}}})),
        search(
            "tuned",
            "the order of the index",
            json!({"query": {"range": {"year": {"gte": 1995}}}, "sort": [{"year": "desc"}, {"price": "asc"}]}),
        ),
        typed("a day in words", json!({"range": {"day": {"gte": "2024-02-03", "lt": "2024-02-08"}}})),
        typed("a day in seconds", json!({"term": {"day": "1707004800"}})),
        typed("a day without signs", json!({"range": {"plain": {"gte": "20240703", "lt": "20240706"}}})),
        typed("a day within days", json!({"term": {"span": "05.03.2024"}})),
        typed(
            "a time in a zone",
            json!({"range": {"at": {"gte": "2024-04-02T22:30:00+00:00", "lt": "2024-04-04T22:00:00Z"}}}),
        ),
        typed("a child", json!({"nested": {"path": "people", "query": {"term": {"people.name": "p3"}}}})),
        typed("a child in its parent", json!({"term": {"people.name": "p3"}})),
        typed("a keyword by a dynamic template", json!({"term": {"zip_code": "03"}})),
        typed("a text by a dynamic template", json!({"match": {"x_code": "WORDS"}})),
        typed("its raw form", json!({"term": {"x_code.exact": "some words"}})),
        typed("a fraction by a dynamic template", json!({"range": {"measured.height": {"gt": 2.5, "lt": 4.5}}})),
        typed("a date that was noticed", json!({"range": {"seen": {"gte": "2024/05/03", "lt": "2024/05/06"}}})),
        typed("another date that was noticed", json!({"range": {"also": {"gte": "03.06.2024", "lt": "06.06.2024"}}})),
        typed("a number that was noticed", json!({"range": {"count": {"gte": 9, "lt": 20}}})),
    ]
}

fn grams() -> Vec<Query> {
    let matches = |field: &str, words: &str| json!({"query": {"match": {field: words}}});
    let by = |analyzer: &str, text: &str| json!({"analyzer": analyzer, "text": text});
    vec![
        search("grams", "pieces of words", matches("pieces", "arb")),
        search("grams", "starts of words", matches("starts", "wint")),
        search("grams", "the top of a path", filter(json!({"term": {"path": "/var/log"}}))),
        search("grams", "bits of words without tags", matches("bits", "tte")),
        search("grams", "heads of words", matches("heads", "s")),
        search("grams", "words side by side", filter(json!({"term": {"pairs": "winter garden"}}))),
        search("grams", "a text with more weight", matches("boosted", "harbour")),
        analyze("grams", "pieces", by("pieces", "Lamp post")),
        analyze("grams", "starts", by("starts", "Lamp post")),
        analyze("grams", "path", by("path", "/a/b/c")),
        analyze("grams", "bits", by("bits", "<i>Lamp</i> post")),
        analyze("grams", "heads", by("heads", "Lamp post")),
        analyze("grams", "pairs", by("pairs", "one two three")),
    ]
}

fn of_elasticsearch_8() -> Vec<Query> {
    vec![
        search("flattened", "a value of an object", filter(json!({"term": {"labels.os": "os1"}}))),
        search("flattened", "a deep value of an object", filter(json!({"term": {"labels.deep.rack": "7"}}))),
        search("vectors", "a keyword beside vectors", filter(json!({"term": {"word": "v3"}}))),
        search("at-runtime", "a number at runtime", filter(json!({"range": {"late": {"gte": 3}}}))),
        search("at-runtime", "a keyword at runtime", filter(json!({"term": {"said": "s3"}}))),
        search("at-runtime", "a name with a dot", filter(json!({"range": {"metrics.cpu.max": {"gte": 4}}}))),
        search("logs-kind", "a text", json!({"query": {"match": {"msg": "7"}}})),
        search(
            "logs-kind",
            "a range of times",
            filter(json!({"range": {"@timestamp": {"gte": "2024-01-01T00:03:00Z", "lt": "2024-01-01T00:06:00Z"}}})),
        ),
        search("clicks-web", "a keyword in a data stream", filter(json!({"term": {"host": "h1"}}))),
    ]
}

fn of_opensearch_2() -> Vec<Query> {
    let young = |name: &str, query: Value| search("young", name, filter(query));
    vec![
        young("a value of an object", json!({"term": {"labels.os": "os1"}})),
        young("a deep value of an object", json!({"term": {"labels.deep.rack": "r7"}})),
        young("a pattern", json!({"wildcard": {"pattern": "*og/3*"}})),
        young("a constant", json!({"term": {"same": "always"}})),
        young("a text without norms", json!({"match": {"message": "7"}})),
        young("a large number", json!({"range": {"big": {"gt": 18_446_744_073_709_551_005_u64}}})),
        young("another name of a field", json!({"range": {"link": {"gte": 9}}})),
        young("a derived field", json!({"term": {"double_n": 8}})),
        search("set-up", "a number", filter(json!({"term": {"n": 1}}))),
        search("clicks-web", "a keyword in a data stream", filter(json!({"term": {"host": "h1"}}))),
    ]
}
