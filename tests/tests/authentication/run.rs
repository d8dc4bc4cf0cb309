//! A whole migration through the front, and nothing of its secrets in what is printed or stored.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use tests::binaries;
use tests::document::Document;
use tests::front::sigv4::Expected;
use tests::front::{Authority, Front, Guard, Options};
use tests::http::Http;
use tests::truth::{self, Compared};
use tests::workplace::Workplace;

use super::{Rig, server};

const PASSWORD: &str = "correct-horse-battery-staple";
/// The base64 of `admin:` and the password.
const ENCODED: &str = "YWRtaW46Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ==";
const SECRET_KEY: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00";
const SESSION: &str = "IQoJb3JpZ2luX2VjEEXAMPLETOKEN";

/// The migrations of this file write to one index.
static ALONE: Mutex<()> = Mutex::new(());

fn config(front: &Front, target: &str) -> String {
    let quickstart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart").canonicalize().unwrap();
    format!(
        "name: test\nsnapshot:\n  repository: {{path: '{}'}}\n  externallyManagedSnapshot: snap-1\n\
         gates: {{metadata: auto, load: auto, cleanup: auto}}\nindices: [books]\ntarget:\n  endpoint: '{}'\n{target}",
        quickstart.join("repository").display(),
        front.url()
    )
}

/// Runs the migration, and finds none of `secrets` in what is said or stored: whether it ended well, and what it said.
fn run(workplace: &Workplace, secrets: &[&str], prepare: impl FnOnce(&mut Command)) -> (bool, String) {
    let mut command = binaries::command("migctl", workplace.path(), &["run", "-vv"]).unwrap();
    prepare(&mut command);
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let found: Vec<_> = secrets.iter().filter(|secret| said.contains(**secret)).collect();
    assert!(found.is_empty(), "{found:?} was said");
    for file in files(workplace.path()) {
        let bytes = fs::read(&file).unwrap();
        let holds = |secret: &&str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!secrets.iter().any(holds), "{} holds a secret", file.display());
    }
    (output.status.success(), said)
}

/// As [`run`], to its end, and compares what arrived.
fn migrates(workplace: &Workplace, secrets: &[&str], prepare: impl FnOnce(&mut Command)) -> String {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (done, said) = run(workplace, secrets, prepare);
    assert!(done, "{said}");
    let http = server().http().unwrap();
    arrived(&http);
    http.delete("/books").unwrap();
    workplace.wipe().unwrap();
    said
}

fn arrived(http: &Http) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart");
    http.refresh("books").unwrap();
    let truth = fs::read(folder.join("truth.ndjson")).unwrap();
    let expected = truth::read(truth.as_slice(), "truth")
        .filter(|document| document.as_ref().is_ok_and(|document: &Document| document.index == "books"));
    let arrived = http.documents("books").unwrap().into_iter().map(Ok);
    let report = truth::compare_documents(arrived, expected, Compared::Content).unwrap();
    assert!(report.is_equal() && report.equal == 135, "{report}");
}

/// Every file below, the secrets' own folder left out.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match (path.is_dir(), path.ends_with("secrets")) {
            (_, true) => {}
            (true, false) => found.extend(files(&path)),
            (false, false) => found.push(path),
        }
    }
    found
}

#[test]
fn a_migration_runs_with_every_kind_of_secret_and_tells_none() {
    let rig = Rig::new();
    let clients = Authority::new("clients").unwrap();
    let guard = Guard::Basic { username: "admin".into(), password: PASSWORD.into(), writes: true };
    let options = Options { clients: Some(&clients), ..Options::new(&server().url(), &rig.authority, guard) };
    let front = Front::start(&options).unwrap();
    let client = clients.client("migctl").unwrap();

    let workplace = Workplace::new().unwrap();
    let secrets = workplace.path().join("secrets/target");
    fs::create_dir_all(&secrets).unwrap();
    for (name, content) in
        [("ca.pem", rig.authority.pem()), ("client.pem", client.certificate), ("tls.key", client.key.clone())]
    {
        fs::write(secrets.join(name), content).unwrap();
    }
    fs::write(secrets.join("password"), format!("{PASSWORD}\n")).unwrap();
    let key_line = client.key.lines().nth(1).unwrap().to_owned();
    let told = [PASSWORD, ENCODED, key_line.as_str(), "PRIVATE KEY"];

    let auth = |password: &str, key: &str| {
        let tls = format!(
            "{{caFile: secrets/target/ca.pem, clientCertificate: secrets/target/client.pem, clientKey: {key}}}"
        );
        config(&front, &format!("  auth: {{basic: {{username: admin, password: {password}}}}}\n  tls: {tls}\n"))
    };

    workplace.configure(auth("{env: TARGET_PASSWORD}", "{file: secrets/target/tls.key}")).unwrap();
    let (done, said) = run(&workplace, &["wrong-horse", "PRIVATE KEY"], |command| {
        command.env("RUST_LOG", "trace").env("TARGET_PASSWORD", "wrong-horse");
    });
    let advice = "check target.auth.basic (user admin), whose password is in environment variable TARGET_PASSWORD";
    assert!(!done && said.contains("unable to authenticate user [admin]") && said.contains(advice), "{said}");
    assert!(!files(&workplace.path().join(".migctl")).is_empty(), "what is stored is looked into");

    for (password, key) in [
        ("{env: TARGET_PASSWORD}", "{env: TARGET_KEY}"),
        ("{file: secrets/target/password}", "{file: secrets/target/tls.key}"),
        ("{kubernetesSecret: {name: target, key: password}}", "{kubernetesSecret: {name: target, key: tls.key}}"),
    ] {
        workplace.configure(auth(password, key)).unwrap();
        let passed = front.passed();
        migrates(&workplace, &told, |command| {
            command.env("RUST_LOG", "trace").env("MIGCTL_SECRETS_DIR", workplace.path().join("secrets"));
            command.env("TARGET_PASSWORD", PASSWORD).env("TARGET_KEY", &client.key);
        });
        assert!(front.passed() > passed);
    }
}

#[test]
fn a_migration_signs_with_the_credentials_of_the_environment_and_says_what_is_insecure() {
    let rig = Rig::new();
    let expected = Expected {
        region: "eu-central-1".into(),
        service: "es".into(),
        access_key: "AKIDEXAMPLE".into(),
        secret_key: SECRET_KEY.into(),
        session_token: Some(SESSION.into()),
    };
    let front = Front::start(&Options::new(&server().url(), &rig.authority, Guard::SigV4(expected))).unwrap();
    let workplace = Workplace::new().unwrap();
    workplace.configure(config(&front, "  auth: {sigv4: {region: eu-central-1}}\n  tls: {insecure: true}\n")).unwrap();
    let said = migrates(&workplace, &[SECRET_KEY, SESSION], |command| {
        command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        command.env("AWS_SESSION_TOKEN", SESSION).env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("HOME", workplace.path()).env("RUST_LOG", "trace");
    });
    assert!(said.contains("any certificate is believed") && said.contains("target.tls.insecure"), "{said}");
}
