//! `migctl configure` as it is typed: the program itself, pipes, and an editor that is a script.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "what is not there fails the test")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const VALID: &str = "\
name: test
snapshot:
  repository: {path: repo}
  externallyManagedSnapshot: snap-1
target:
  endpoint: file:./out
";

fn migctl(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_migctl"));
    command.arg("configure").args(arguments).current_dir(directory);
    command.env_remove("VISUAL").env_remove("EDITOR").stdin(Stdio::null());
    command
}

/// Runs it to its end, with `input` through a pipe.
fn fed(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> (String, String) {
    (String::from_utf8(output.stdout.clone()).unwrap(), String::from_utf8(output.stderr.clone()).unwrap())
}

#[test]
fn the_sample_is_valid_through_a_pipe() {
    let place = tempfile::tempdir().unwrap();
    let mut sample = migctl(place.path(), &["sample"]).stdout(Stdio::piped()).spawn().unwrap();
    let validate = migctl(place.path(), &["validate"]).stdin(sample.stdout.take().unwrap()).output().unwrap();
    assert!(sample.wait().unwrap().success());
    let (out, err) = said(&validate);
    assert_eq!((validate.status.code(), out.as_str()), (Some(0), "standard input is valid: migration my-migration\n"));
    assert!(err.contains("reading the configuration from standard input"), "{err}");
}

#[test]
fn the_schema_is_one_and_the_sample_names_it() {
    let place = tempfile::tempdir().unwrap();
    let (schema, _) = said(&migctl(place.path(), &["schema"]).output().unwrap());
    let schema: Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["properties"]["gates"]["properties"]["load"]["default"], "manual");
    assert_eq!(schema["$defs"]["Sizing"]["properties"]["sliceBytes"]["default"], "128MiB");
    let (sample, _) = said(&migctl(place.path(), &["sample"]).output().unwrap());
    assert!(sample.starts_with("# yaml-language-server: $schema=migration.schema.json\n"), "{sample}");
}

#[test]
fn a_file_is_validated_for_people_and_for_programs() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("migration.yaml");
    std::fs::write(&file, VALID).unwrap();
    let validate = |arguments: &[&str]| migctl(place.path(), &[&["validate"], arguments].concat()).output().unwrap();
    assert_eq!(said(&validate(&[])).0, "migration.yaml is valid: migration test\n");
    assert_eq!(said(&validate(&["--output", "json"])).0, "[]\n");

    std::fs::write(&file, format!("{VALID}maxRejekted: 5\nindices: ['*']\n")).unwrap();
    let text = validate(&[]);
    let (out, err) = said(&text);
    assert_eq!((text.status.code(), out.as_str()), (Some(2), ""));
    for phrase in [
        "error: migration.yaml is not a valid configuration: 2 errors",
        "--> migration.yaml:7:1",
        "did you mean `maxRejected`?",
        "--> migration.yaml:8:11",
        "did you mean `regex:.*`?",
    ] {
        assert!(err.contains(phrase), "{phrase}\n{err}");
    }
    let json = validate(&["--output", "json"]);
    let rows: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((json.status.code(), rows.as_array().unwrap().len()), (Some(2), 2));
    assert_eq!((&rows[0]["field"], &rows[0]["line"]), (&"maxRejekted".into(), &7.into()));

    let through = fed(migctl(place.path(), &["validate", "-c", "-"]), VALID);
    assert_eq!(said(&through).0, "standard input is valid: migration test\n");
    let missing = validate(&["-c", "other.yaml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(said(&missing).1.contains("read the configuration other.yaml; -c FILE names another one: No such file"));
}

#[test]
fn the_view_shows_defaults_and_where_secrets_are_and_never_a_secret() {
    let place = tempfile::tempdir().unwrap();
    let auth = "https://t\n  auth: {basic: {username: u, password: {env: MIGCTL_TEST_PASSWORD}}}\n  \
                tls: {clientCertificate: c.pem, clientKey: {file: key.pem}, insecure: true}";
    std::fs::write(place.path().join("migration.yaml"), VALID.replace("file:./out", auth)).unwrap();
    let view = |arguments: &[&str]| {
        let mut command = migctl(place.path(), &[&["view"], arguments].concat());
        command.env("MIGCTL_TEST_PASSWORD", "hunter2").output().unwrap()
    };
    let (out, err) = said(&view(&[]));
    for phrase in [
        "  load: manual\n",
        "  sliceBytes: 128MiB\n",
        "        env: MIGCTL_TEST_PASSWORD\n",
        "# target.auth.basic.password: {env: MIGCTL_TEST_PASSWORD}: there\n",
        "# target.tls.clientKey: {file: ",
    ] {
        assert!(out.contains(phrase), "{phrase}\n{out}");
    }
    assert!(err.contains("WARNING: target.tls.insecure is set"), "{err}");
    // What is shown is a configuration itself.
    let again = fed(migctl(place.path(), &["validate"]), &out);
    assert_eq!(again.status.code(), Some(0), "{out}");

    let (json, _) = said(&view(&["--output", "json"]));
    let shown: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(shown["configuration"]["gates"]["verify"], "auto");
    assert_eq!(shown["secrets"][0]["resolves"], true);
    assert_eq!(shown["secrets"][1]["resolves"], false);
    assert!(shown["secrets"][1]["reason"].as_str().unwrap().contains("key.pem"));
    assert!(!out.contains("hunter2") && !json.contains("hunter2"));
}

/// Edits with a script, which gets the file as `$1`, and these answers.
fn edit(place: &Path, script: &str, answers: &str) -> Output {
    let mut command = migctl(place, &["edit"]);
    std::fs::write(place.join("editor.sh"), format!("set -e\necho edited >> edits\n{script}")).unwrap();
    command.env("EDITOR", "sh ./editor.sh");
    fed(command, answers)
}

#[test]
fn editing_begins_with_the_sample_and_validates() {
    let place = tempfile::tempdir().unwrap();
    let ended = edit(place.path(), "grep -q yaml-language-server \"$1\"", "");
    assert_eq!(ended.status.code(), Some(0), "{:?}", said(&ended));
    assert!(said(&ended).1.contains("migration.yaml is new: it begins as the sample"));
    assert!(said(&ended).1.contains("migration.yaml is valid"));
}

#[test]
fn a_file_that_was_made_wrong_is_edited_again_kept_or_put_back() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("migration.yaml");
    let read = || std::fs::read_to_string(&file).unwrap();
    let edits = || std::fs::read_to_string(place.path().join("edits")).unwrap().lines().count();

    // The first time it adds a wrong line, the second time it takes it away.
    std::fs::write(&file, VALID).unwrap();
    let script = "if grep -q nonsense \"$1\"; then sed -i /nonsense/d \"$1\"; else echo 'nonsense: 1' >> \"$1\"; fi";
    let again = edit(place.path(), script, "what\ne\n");
    assert_eq!((again.status.code(), edits(), read().as_str()), (Some(0), 2, VALID));
    assert!(said(&again).1.contains("nonsense: there is no such field"));

    let put_back = edit(place.path(), "echo 'nonsense: 1' >> \"$1\"", "p\n");
    assert_eq!((put_back.status.code(), edits(), read().as_str()), (Some(2), 3, VALID));

    for answers in ["k\n", ""] {
        let kept = edit(place.path(), "echo 'nonsense: 1' >> \"$1\"", answers);
        assert_eq!(kept.status.code(), Some(2));
        assert!(read().contains("nonsense"));
    }

    std::fs::remove_file(&file).unwrap();
    let new = edit(place.path(), "echo 'nonsense: 1' > \"$1\"", "p\n");
    assert_eq!((new.status.code(), file.try_exists().unwrap()), (Some(2), false));

    std::fs::write(&file, VALID).unwrap();
    let failed = edit(place.path(), "exit 3", "");
    assert_eq!((failed.status.code(), read().as_str()), (Some(1), VALID));
    assert!(said(&failed).1.contains("the editor sh ./editor.sh ended with exit status: 3"), "{:?}", said(&failed));
}
