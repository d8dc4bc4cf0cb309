//! What is said of files that are no configuration.

use super::*;

const MINIMAL: &str = "\
name: quickstart
snapshot:
  repository: {path: repo}
  externallyManagedSnapshot: snap-1
target:
  endpoint: file:./out
";

/// The whole message about a file, as `migctl` prints it.
fn said(text: &str) -> String {
    match check(text, "m.yaml") {
        Ok(_) => "valid".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_small_file_is_enough_and_paths_become_absolute() {
    let auth = "  auth: {basic: {username: u, password: {file: p}}}\n  tls: {caFile: ca, clientCertificate: /c, clientKey: {file: k}}\n";
    let text = format!("{}{auth}", MINIMAL.replace("file:./out", "https://t"));
    let spec = absolute(check(&text, "m.yaml").unwrap(), Path::new("/here")).unwrap();
    assert_eq!(spec.snapshot.repository, RepositorySpec::Path("/here/repo".into()));
    assert_eq!(spec.max_rejected, 1_000);
    let json = serde_json::to_value(&spec.target).unwrap();
    assert_eq!(json["auth"]["basic"]["password"]["file"], "/here/p");
    assert_eq!(json["tls"]["caFile"], "/here/ca");
    assert_eq!(json["tls"]["clientCertificate"], "/c");
    assert_eq!(json["tls"]["clientKey"]["file"], "/here/k");
    let spec = absolute(check(MINIMAL, "m.yaml").unwrap(), Path::new("/here")).unwrap();
    assert_eq!(spec.target.endpoint, "file:/here/out");
}

/// Further lines behind the small file.
fn with(lines: &str) -> String {
    format!("{MINIMAL}{lines}")
}

/// The small file for a cluster, with further lines for it.
fn cluster(lines: &str) -> String {
    with(lines).replace("file:./out", "https://search.example.com")
}

/// Whole messages; `cargo insta review`, or INSTA_UPDATE=always, renews them.
#[test]
fn wrong_files_are_explained() {
    let taken =
        "name: move\nsource: {endpoint: https://old.example.com}\ntarget: {endpoint: https://new.example.com}\n";
    let wrong = [
        ("empty", String::new()),
        ("only_comments", "# name: test\n".to_owned()),
        ("a_list", "- name: test\n- target: x\n".to_owned()),
        ("no_yaml", "name: [\n".to_owned()),
        ("tab", with("sizing:\n\tbulkDocs: 5\n")),
        ("an_alias_and_a_tag", with("indices: &all [orders]\nload:\n  indices: *all\nmaxRejected: !!int 5\n")),
        ("two_documents", with("---\nname: other\n")),
        ("misspelt_at_the_top", with("maxRejekted: 5\n")),
        ("misspelt_in_a_section", with("sizing: {slizeBytes: 1MiB}\n")),
        ("misspelt_deep", cluster("  auth:\n    basic:\n      user_name: admin\n      password: {envv: PASSWORD}\n")),
        ("misspelt_required", MINIMAL.replace("endpoint:", "endpont:")),
        ("unknown_and_unlike", with("transform: {script: x}\n")),
        ("wrong_types", with("sizing: {bulkDocs: many, connections: [2], memory: {a: b}}\nrecoverSource: 1\nindices: orders\n")),
        ("quoted", with("maxRejected: \"5\"\nrecoverSource: 'yes'\n")),
        ("nothing_said", with("maxRejected:\nindices:\nchecksum: ~\n").replace("repo}", "}")),
        ("missing", "snapshot:\n  repository: {s3: {region: eu-central-1}}\ntarget:\n".to_owned()),
        ("unknown_words", with("gates: {lode: auto, load: maybe}\nonConflict: overrite\n")),
        ("patterns", with("indices: [orders, 'logs-*', 'regex:(', 'regex:(?!x)', '']\n")),
        ("no_patterns", with("indices: []\n")),
        ("sizes", with("sizing: {bulkBytes: 3 apples, sliceBytes: 0, memory: 1MiB}\n")),
        ("memory_for_one_request", with("sizing: {bulkBytes: 8MiB, memory: 15MiB}\n")),
        ("zero", with("sizing: {bulkDocs: 0, connections: -1, maxAttempts: 99999999999, checkpointIntervalMs: 1.5}\n")),
        ("migration_name", MINIMAL.replace("quickstart", "My_Migration")),
        ("versions", cluster("  version: 7.10.2\n")),
        ("endpoints", MINIMAL.replace("file:./out", "search.example.com:9200")),
        ("endpoint_with_a_user", MINIMAL.replace("file:./out", "https://admin:hunter2@search.example.com")),
        ("secret_in_clear", cluster("  auth: {basic: {username: admin, password: hunter2}, extra: 1}\n")),
        ("secret_as_a_field", cluster("  auth:\n    bearer:\n      token: {hunter2}\n  tls: {clientKey: [hunter2]}\n")),
        ("secret_in_broken_yaml", cluster("  auth:\n    bearer: {token: 'hunter2}\n")),
        ("secret_as_a_variable", cluster("  auth: {bearer: {token: {env: 'hunter2!'}}}\n")),
        ("basic_auth_of_before", cluster("  basicAuth: {username: admin, passwordEnv: PASSWORD}\n")),
        ("no_password", cluster("  auth: {basic: {username: admin}}\n")),
        ("unknown_authentication", cluster("  auth: {kerberos: {realm: x}}\n")),
        ("two_authentications", cluster("  auth:\n    bearer: {token: {env: A}}\n    apiKey: {key: {env: B}}\n")),
        ("no_authentication", cluster("  auth: {}\n")),
        ("user_with_a_colon", cluster("  auth: {basic: {username: 'a:b', password: {env: A}}}\n")),
        ("twice", with("name: again\nsizing: {bulkDocs: 5, bulkDocs: 6}\n")),
        ("both_snapshots", with("").replace("snapshot:\n", "snapshot:\n  create: {}\n") + "source: {endpoint: https://old.example.com}\n"),
        ("no_snapshot", MINIMAL.replace("  externallyManagedSnapshot: snap-1\n", "")),
        ("create_without_source", MINIMAL.replace("externallyManagedSnapshot: snap-1", "create:")),
        (
            "snapshot_names",
            format!(
                "{taken}snapshot:\n  repository: {{path: repo}}\n  create:\n    name: _Nightly\n    prefix: 'a b'\n    \
                 repositoryName: a/b\n    repositorySettings: {{secret_key: hunter2, location: /x, compress: true}}\n"
            ),
        ),
        (
            "bucket",
            format!(
                "{taken}snapshot:\n  repository:\n    s3:\n      bucket: My_Bucket\n      path: /backups\n      endpoint: minio:9000\n      \
                 s3RoleArn: arn:aws:iam::1:user/x\n  create: {{pathOnSource: /x}}\n"
            ),
        ),
        (
            "role_without_create",
            with("").replace("{path: repo}", "{s3: {bucket: backups, s3RoleArn: 'arn:aws:iam::123456789012:role/x'}}"),
        ),
        ("path_and_s3", MINIMAL.replace("{path: repo}", "{path: repo, s3: {bucket: backups}}")),
        ("source_is_a_directory", with("source: {endpoint: 'file:./in'}\n")),
        ("directory_with_too_much", with("  auth: {bearer: {token: {env: A}}}\n  tls: {caFile: ca.pem}\nonConflict: keep\n")),
        ("tls_over_http", cluster("  tls: {insecure: true, caFile: ca.pem}\n").replace("https:", "http:")),
        ("half_a_client_certificate", cluster("  tls: {clientCertificate: c.pem}\n")),
        ("sigv4_over_http", cluster("  auth: {sigv4: {region: eu-central-1, service: ess}}\n").replace("https:", "http:")),
        ("nothing_to_delete", with("cleanup: {deleteSnapshot: true, unregisterRepository: true}\n")),
        (
            "ten_errors",
            "name: A\nsnapshot: {repository: {path: [x]}, allowPartial: 2}\ntarget: {endpoint: x, tls: {insecur: true}}\n\
             indices: ['*']\nsizing: {bulkDocs: 0}\nmaxRejected: many\ngates: {load: maybe}\n"
                .to_owned(),
        ),
    ];
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (name, text) in wrong {
        let said = said(&text);
        assert!(!said.contains("hunter2"), "{name}: {said}");
        settings.bind(|| insta::assert_snapshot!(name, said));
    }
}

#[test]
fn a_file_with_ten_errors_has_ten() {
    let text = "name: A\nsnapshot: {repository: {path: [x]}, allowPartial: 2}\n\
                target: {endpoint: x, tls: {insecur: true}}\nindices: ['*']\nsizing: {bulkDocs: 0}\nmaxRejected: many\n\
                gates: {load: maybe}\n";
    let Err(Error::Invalid(report)) = check(text, "m.yaml") else { panic!("valid") };
    let rows: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
    let fields: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["field"].as_str().unwrap()).collect();
    assert_eq!(
        fields,
        [
            "name",
            "snapshot",
            "snapshot.repository.path",
            "snapshot.allowPartial",
            "target.endpoint",
            "target.tls.insecur",
            "indices[0]",
            "sizing.bulkDocs",
            "maxRejected",
            "gates.load"
        ]
    );
    let insecure = &rows[5];
    assert_eq!((&insecure["line"], &insecure["column"]), (&3.into(), &29.into()), "{insecure}");
    assert_eq!(insecure["suggestion"], "target.tls.insecure");
    assert_eq!(report.len(), 10);
}

#[test]
fn what_is_unusual_and_right_is_taken() {
    for text in [
        with("maxRejected: 0\nsizing:\ngates:\n"),
        MINIMAL.replace("snap-1", "20261120"),
        with("sizing: {bulkBytes: 1500000, sliceBytes: \"2MB\"}\n"),
        with("source: ~\nindices: null\n"),
        with("\"maxRejected\": 5 # a comment\n...\n"),
        cluster("  auth: {sigv4: {region: x, service: aoss}}\n")
            .replace("https://search.example.com", "http://[::1]:9"),
        format!("\u{feff}{MINIMAL}").replace('\n', "\r\n"),
    ] {
        assert_eq!(said(&text), "valid", "{text}");
    }
}

#[test]
fn insecure_is_said_loudly_and_by_name() {
    let spec = check(&cluster("  tls: {insecure: true}\n"), "m.yaml").unwrap();
    let warnings = warnings(&spec);
    assert!(warnings.len() == 1 && warnings[0].starts_with("WARNING: target.tls.insecure is set"), "{warnings:?}");
    assert!(super::warnings(&check(MINIMAL, "m.yaml").unwrap()).is_empty());
}
