//! Targets that are down, are none, take nothing, or refuse a document.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;

use serde_json::json;
use tests::document::Document;
use tests::fixtures;
use tests::http::Http;
use tests::servers::{self, Product};
use tests::truth::{self, Compared};
use tests::workplace::{Config, NO_GATES, Workplace};

use crate::{DONE, FAILED, closed_port, index, phase, quickstart, says, status};

/// Compares an index of the target with the truth.
fn compare(http: &Http, truth: &Path, index: &str) -> truth::Report {
    http.refresh(index).unwrap();
    let truth = truth::read(BufReader::new(File::open(truth).unwrap()), "truth");
    let expected = truth.filter(|document| document.as_ref().is_ok_and(|document: &Document| document.index == index));
    let arrived = http.documents(index).unwrap().into_iter().map(Ok);
    truth::compare_documents(arrived, expected, Compared::Content).unwrap()
}

fn count(http: &Http, index: &str) -> u64 {
    http.refresh(index).unwrap();
    http.get(&format!("/{index}/_count")).unwrap()["count"].as_u64().unwrap()
}

/// A listener that answers every connection with these bytes, and then says nothing more.
fn server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = [0; 1024];
            let read = connection.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET "));
            connection.write_all(answer).unwrap();
            open.push(connection);
        }
    });
    url
}

#[test]
fn a_target_that_does_not_answer_is_told_before_anything_begins() {
    let repository = quickstart().join("repository");
    let down = format!("http://127.0.0.1:{}", closed_port());
    let silent = server(b"");
    let other = server(b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n<html>hi</html");
    let advice = "the target does not answer: check target.endpoint, that it is up, and that it can be reached from where the worker runs";
    for (endpoint, phrases) in [
        (&down, [advice, "Connection refused"]),
        (&silent, [advice, "accepts a connection, and no answer came in 15s"]),
        (&other, ["the answer can't be understood", "is this Elasticsearch or OpenSearch?"]),
    ] {
        let workplace = Workplace::with(Config { endpoint, ..Config::new(&repository, "snap-1") }).unwrap();
        let expected = [&["error: preflight failed: ", endpoint, "mend it and run"], &phrases[..]].concat();
        says(&workplace, &["run"], FAILED, &expected);
        assert_eq!(phase(&status(&workplace), "register"), "pending");
    }
}

#[test]
fn a_password_that_is_not_there_is_named_by_its_variable() {
    let repository = quickstart().join("repository");
    let password = "{username: admin, password: {env: MIGCTL_NO_SUCH_PASSWORD}}";
    let endpoint = &format!("http://127.0.0.1:9200'\n  auth: {{basic: {password}}}\n#'");
    let workplace = Workplace::with(Config { endpoint, ..Config::new(&repository, "snap-1") }).unwrap();
    let expected = "target.auth.basic.password.env: MIGCTL_NO_SUCH_PASSWORD: there is no such environment variable: set \
                    it where the worker runs";
    says(&workplace, &["run"], FAILED, &["error: preflight failed: ", expected]);
}

#[test]
fn an_index_with_a_write_block_is_refused_before_any_document_moves() {
    let server = servers::shared(Product::OpenSearch2).unwrap();
    let http = server.http().unwrap();
    http.put("/weblogs-2024.05", json!({"settings": {"index.blocks.write": true, "index.number_of_replicas": 0}}))
        .unwrap();
    let repository = quickstart().join("repository");
    let (endpoint, further) = (server.url(), format!("{NO_GATES}indices: [books, weblogs-2024.05]\n"));
    let config = Config { endpoint: &endpoint, further: &further, ..Config::new(&repository, "snap-1") };
    let workplace = Workplace::with(config).unwrap();

    let expected = [
        "error: preflight failed: 1 of ",
        "weblogs-2024.05: it has a write block on the target: set index.blocks.write to null there, or delete the index",
        "mend it and run",
    ];
    says(&workplace, &["run"], FAILED, &expected);
    assert_eq!(phase(&status(&workplace), "load"), "pending");
    assert_eq!(count(&http, "weblogs-2024.05"), 0);
    let books = http.get("/books").unwrap_err().to_string();
    assert!(books.contains("404") || books.contains("/books"), "nothing is made: {books}");

    http.put("/weblogs-2024.05/_settings", json!({"index.blocks.write": null})).unwrap();
    says(&workplace, &["run"], DONE, &["test: begins", "test is complete"]);
    for (index, documents) in [("books", 135), ("weblogs-2024.05", 199)] {
        let report = compare(&http, &quickstart().join("truth.ndjson"), index);
        assert!(report.is_equal() && report.equal == documents, "{index}: {report}");
    }
}

/// One document of 23 has the field `bin`.
#[test]
fn a_document_that_a_strict_mapping_refuses_is_a_dead_letter_and_the_rest_flows() {
    let server = servers::shared(Product::OpenSearch2).unwrap();
    let http = server.http().unwrap();
    let fixture = fixtures::unpack("elasticsearch-7.10.2-big").unwrap();
    let repository = fixture.repository("chunked");
    let create = || {
        let fields = json!({"blob": {"type": "text", "index": false}, "n": {"type": "long"}, "a": {"type": "keyword"}});
        let settings = json!({"index.number_of_replicas": 0});
        let body = json!({"settings": settings, "mappings": {"dynamic": "strict", "properties": fields}});
        http.put("/big-docs", body).unwrap();
    };
    let (endpoint, further) = (server.url(), format!("{NO_GATES}indices: [big-docs]\n"));
    let config = Config { endpoint: &endpoint, further: &further, ..Config::new(&repository, "snap-ch") };
    let workplace = Workplace::with(config).unwrap();
    let check = |row: &str| {
        let table: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(table, ["big-docs", "23", "22", "0", "1", "0", "0", "yes"]);
        let view = status(&workplace);
        assert_eq!(
            (&view["dead_letters"], &index(&view, "big-docs")["adds_up"]),
            (&json!(1), &json!(true)),
            "{view:#}"
        );
        let report = compare(&http, &fixture.truth("main-snap-2"), "big-docs");
        assert_eq!((report.equal, report.missing.as_slice()), (22, &["big-docs/\"rnd\"".to_owned()][..]), "{report}");
        assert!(report.unexpected.is_empty() && report.different.is_empty() && report.repeated.is_empty(), "{report}");
    };

    create();
    let ended =
        says(&workplace, &["run"], DONE, &["1 dead letter: migctl dead-letters ls -m test", "test is complete"]);
    check(ended.output.lines().find(|line| line.contains("big-docs")).unwrap());
    dead_letters_tell(&workplace);

    // The same where nobody allows a rejected document.
    http.delete("/big-docs").unwrap();
    workplace.wipe().unwrap();
    create();
    let further = format!("{further}maxRejected: 0\n");
    workplace.configure(Config { further: &further, ..config }).unwrap();
    let expected = "error: load failed: the target rejected 1 documents and maxRejected is 0: look at the dead letters, \
                    then mend the target or raise maxRejected, and submit again";
    says(&workplace, &["run"], FAILED, &[expected, "1 dead letter: "]);
    assert_eq!(phase(&status(&workplace), "verify"), "pending");
    workplace.configure(config).unwrap();
    let ended = says(&workplace, &["run"], DONE, &["test: continues at load", "1 dead letter: ", "test is complete"]);
    check(ended.output.lines().find(|line| line.contains("big-docs")).unwrap());
}

/// What people are told of the one dead letter.
fn dead_letters_tell(workplace: &Workplace) {
    let asked = |further: &[&str]| workplace.migctl(&[&["dead-letters"], further, &["-m", "test"]].concat()).unwrap();
    let listed = asked(&["ls", "--output", "json"]);
    let letter: serde_json::Value = serde_json::from_str(&listed.output).unwrap();
    let known = [&letter["index"], &letter["id"], &letter["status"], &letter["kind"]];
    assert_eq!(known, [&json!("big-docs"), &json!("rnd"), &json!(400), &json!("strict_dynamic_mapping_exception")]);
    assert!(letter["reason"].as_str().unwrap().contains("[bin]"), "{letter:#}");
    let listed = asked(&["ls"]);
    assert!(
        listed.output.contains("big-docs") && listed.output.contains("400 strict_dynamic_mapping_exception"),
        "{listed}"
    );
    let counted = asked(&["count", "--output", "json"]).json().unwrap();
    assert_eq!((&counted[0]["count"], &counted[0]["index"]), (&json!(1), &json!("big-docs")), "{counted:#}");
    let shown = asked(&["show", "rnd"]);
    for expected in ["index     big-docs", "error     400 strict_dynamic_mapping_exception", "source    "] {
        assert!(shown.output.contains(expected), "{expected}\n{shown}");
    }
    let none = asked(&["ls", "--index", "books"]);
    assert!(none.output.is_empty() && none.errors.contains("no dead letters of index books"), "{none}");
    let none = asked(&["show", "other"]);
    assert_eq!(none.code, Some(1), "{none}");
    assert!(none.errors.contains("no dead letter has the id other"), "{none}");
}
