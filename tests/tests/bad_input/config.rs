//! Configurations and command lines that are not valid: refused before anything is made.

use tests::workplace::{CONFIG, Config, Workplace};

use crate::{ERROR, USAGE, closed_port, quickstart, says};

#[test]
fn a_configuration_that_is_not_valid_is_refused_by_line_field_and_what_is_allowed() {
    let repository = quickstart().join("repository");
    let valid = Config { further: "", ..Config::new(&repository, "snap-1") }.to_string();
    let workplace = Workplace::new().unwrap();
    let with = |line: &str| format!("{valid}{line}\n");
    for (text, phrases) in [
        (
            with("sizing: {slizeBytes: 1MiB}"),
            &[
                "error: sizing.slizeBytes: there is no such field in sizing",
                "--> migration.yaml:7:10",
                "did you mean `sliceBytes`?",
            ][..],
        ),
        (
            with("targets: {}"),
            &["error: targets: there is no such field", "--> migration.yaml:7:1", "did you mean `target`?"],
        ),
        (
            with("sizing: {bulkDocs: many}"),
            &["migration.yaml:7:20", "a whole number from 1 to 4294967295 is expected here"],
        ),
        (
            with("sizing: {bulkBytes: 3 apples}"),
            &["migration.yaml:7:21", "\"3 apples\" is no size: `4MiB` is one, and so is `1500000`"],
        ),
        (
            with("gates: {load: maybe}"),
            &["error: gates.load: the text \"maybe\" is none of the words", "allowed here: manual, auto"],
        ),
        (with("gates: {lode: auto}"), &["error: gates.lode: there is no such field in gates", "did you mean `load`?"]),
        (
            with("indices: [orders, 'logs-*']"),
            &["error: indices[1]: ", "\"logs-*\" holds '*', which no index name can have", "`regex:logs-.*`?"],
        ),
        (
            with("indices: ['regex:(']"),
            &["error: indices[0]: ", "\"regex:(\" is no regular expression: unclosed group"],
        ),
        (
            valid.replace("name: test", "name: My_Migration"),
            &["migration.yaml:1:7", "\"My_Migration\" is not allowed: 1 to 40 of a-z, 0-9 and '-'"],
        ),
        (valid.replace("name: test\n", ""), &["error: name: it is missing", "Names the migration"]),
        (
            valid.replace("snap-1", "[snap-1]"),
            &["error: snapshot.externallyManagedSnapshot: a list stands where a text"],
        ),
        (
            valid.replace("file:./out", "ftp://elsewhere"),
            &["error: target.endpoint: ", "it must begin with http://, https:// or file:"],
        ),
        ("name: [".to_owned(), &["error: this is not YAML: "]),
        (
            with("sizing: {bulkDocs: 0}\nrecoverSource: 1"),
            &["2 errors", "error: sizing.bulkDocs: ", "error: recoverSource: ", "true or false is expected here"],
        ),
    ] {
        workplace.configure(&text).unwrap();
        let expected = [&["error: migration.yaml is not a valid configuration"], phrases].concat();
        let ended = says(&workplace, &["run"], USAGE, &expected);
        assert!(ended.output.is_empty());
        says(&workplace, &["submit"], USAGE, &expected);
        let made: Vec<_> =
            std::fs::read_dir(workplace.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(made, [CONFIG], "nothing was made");
    }
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let workplace = Workplace::new().unwrap();
    let phrases = ["read the configuration migration.yaml; -c FILE names another one", "No such file"];
    says(&workplace, &["run"], USAGE, &phrases);
    says(&workplace, &["run", "-c", "other.yaml"], USAGE, &["read the configuration other.yaml"]);
}

#[test]
fn a_command_line_that_is_not_understood_is_explained() {
    let workplace = Workplace::new().unwrap();
    says(&workplace, &["run", "--approve"], USAGE, &["unexpected argument '--approve'", "'--approve-all'"]);
    says(&workplace, &["rum"], USAGE, &["unrecognized subcommand 'rum'", "'run'"]);
    says(&workplace, &["run", "--memory", "plenty"], USAGE, &["--memory <SIZE>"]);
    says(
        &workplace,
        &["approve", "lode"],
        USAGE,
        &["\"lode\" is no phase; the phases are snapshot, register, metadata, load"],
    );
    let export = ["snapshot", "export", "--repo", ".", "--snapshot", "s", "--index", "logs-*"];
    says(&workplace, &export, USAGE, &["--index <PATTERN>", "did you mean `regex:logs-.*`?"]);
}

#[test]
fn a_migration_that_nobody_began_and_a_bus_that_is_down_are_told_apart() {
    let repository = quickstart().join("repository");
    let workplace = Workplace::with(Config::new(&repository, "snap-1")).unwrap();
    let here = ["find the state of a `migctl run` of test here", "give --nats URL", ".migctl/test holds no migration"];
    says(&workplace, &["status"], ERROR, &here);
    says(&workplace, &["approve", "load"], ERROR, &here);
    let url = format!("nats://127.0.0.1:{}", closed_port());
    let place = format!("connect to NATS at {url}");
    let down = ["there is no NATS server to talk to; start one, or name another with --nats URL", &place, "refused"];
    says(&workplace, &["submit", "--nats", &url], ERROR, &down);
    says(&workplace, &["status", "--nats", &url], ERROR, &down);
}
