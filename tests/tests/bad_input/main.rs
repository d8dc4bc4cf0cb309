//! What is wrong is said: what, where and what to do about it; with an exit code of its own, and nothing half done.
//!
//! *Before anything begins*: [`config`] and the command line. *What is read*: [`repository`] as a whole, and [`blobs`]
//! that are cut, gone or damaged. *What is written to*: a [`cluster`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not there fails the test"
)]

mod config;

mod blobs;
mod repository;

mod cluster;

use std::path::PathBuf;

use serde_json::Value;
use tests::workplace::{Ended, Workplace};

/// Exit codes as `migctl --help` lists them.
const DONE: Option<i32> = Some(0);
const ERROR: Option<i32> = Some(1);
const USAGE: Option<i32> = Some(2);
const WAITING: Option<i32> = Some(3);
const FAILED: Option<i32> = Some(4);

/// The folder of the quickstart: its repository holds `snap-1`.
fn quickstart() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart").canonicalize().unwrap()
}

/// Runs `migctl`, which must end with `code` and say each of `phrases`.
#[track_caller]
fn says(workplace: &Workplace, arguments: &[&str], code: Option<i32>, phrases: &[&str]) -> Ended {
    let ended = workplace.migctl(arguments).unwrap();
    // Shown where the test fails, and with --nocapture as a person would see it.
    eprintln!("$ migctl {}\n{ended}", arguments.join(" "));
    assert_eq!(ended.code, code);
    for phrase in phrases {
        assert!(ended.errors.contains(phrase), "it doesn't say {phrase:?}");
    }
    ended
}

/// The migration as `migctl status` tells it.
fn status(workplace: &Workplace) -> Value {
    workplace.migctl(&["status", "--output", "json"]).unwrap().json().unwrap()
}

/// What `status` tells of an index.
fn index<'a>(view: &'a Value, name: &str) -> &'a Value {
    view["indices"].as_array().unwrap().iter().find(|index| index["name"] == name).unwrap()
}

/// What `status` tells of a phase.
fn phase<'a>(view: &'a Value, name: &str) -> &'a str {
    let phases = view["phases"].as_array().unwrap();
    phases.iter().find(|phase| phase["phase"] == name).unwrap()["status"].as_str().unwrap()
}

/// A port of this machine that nobody listens at.
fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
