//! Each row of `docs/troubleshooting.md`, produced on purpose: what the table says is printed is what a person sees.
//!
//! *What is taken*: a [`source`] that won't; *what is read*: a [`repository`], or one in [`s3`]; *what is written to*:
//! a [`target`]; and [`bus`], where all meet.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

mod source;

mod repository;
mod s3;

mod target;

mod bus;

mod stub;

use std::path::PathBuf;

use tests::binaries;
use tests::workplace::{Ended, NO_GATES, Workplace};

const TABLES: &str = include_str!("../../../docs/troubleshooting.md");

/// What the tests of this binary produce, in the order of the tables.
const PRODUCED: [&[&str]; 5] = [source::ROWS, repository::ROWS, s3::ROWS, target::ROWS, bus::ROWS];

/// The first cells of the tables.
fn rows() -> Vec<&'static str> {
    let cells = TABLES.lines().filter_map(|line| line.strip_prefix("| `"));
    cells.map(|line| line.split_once("` | ").unwrap().0).collect()
}

#[test]
fn every_row_is_produced_and_says_what_to_do() {
    assert_eq!(rows(), PRODUCED.concat());
    for line in TABLES.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells.len() == 3 && cells.iter().all(|cell| cell.len() > 9), "{line}");
    }
}

/// Checks that what was printed is in the tables, and that it was.
#[track_caller]
fn shows(printed: &str, row: &str) {
    eprintln!("{printed}");
    assert!(rows().contains(&row), "there is no row for {row:?}");
    assert!(printed.contains(row), "it doesn't say {row:?}");
}

/// The folder of the quickstart: its repository holds `snap-1`.
fn quickstart() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart").canonicalize().unwrap()
}

/// `snapshot:` of a configuration that reads the quickstart's.
fn snapshot() -> String {
    format!("repository: {{path: '{}'}}, externallyManagedSnapshot: snap-1", quickstart().join("repository").display())
}

/// A configuration of these parts.
fn config(snapshot: &str, target: &str, further: &str) -> String {
    format!("name: test\nsnapshot: {{{snapshot}}}\ntarget: {{{target}}}\n{NO_GATES}{further}")
}

/// Where documents go when that is not the question.
const OUT: &str = "endpoint: 'file:./out'";

/// Runs a migration, which must fail; what it printed.
#[track_caller]
fn fails(config: &str, environment: &[(&str, String)]) -> String {
    let Ended { code, output, errors } = run(config, environment);
    assert_eq!(code, Some(4), "{errors}{output}");
    errors
}

/// Runs a migration in an environment without other AWS credentials.
fn run(config: &str, environment: &[(&str, String)]) -> Ended {
    let workplace = Workplace::with(config).unwrap();
    let mut command = binaries::command("migctl", workplace.path(), &["run"]).unwrap();
    let nowhere = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"].map(|name| (name, "/dev/null"));
    command.env("AWS_EC2_METADATA_DISABLED", "true").envs(nowhere);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"] {
        command.env_remove(name);
    }
    let output = command.envs(environment.iter().cloned()).output().unwrap();
    Ended {
        code: output.status.code(),
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The URL of a port of this machine that nobody listens at.
fn nobody() -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}")
}
