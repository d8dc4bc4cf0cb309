//! Where coordinator, workers and `migctl` don't meet.

use std::time::{Duration, Instant};

use tests::binaries;
use tests::nats::NatsServer;
use tests::processes::Program;
use tests::workplace::Workplace;

use crate::{OUT, config, nobody, shows, snapshot, stub};

pub const ROWS: &[&str] = &[ABSENT, OLD, NO_WORKER];

const ABSENT: &str = "there is no NATS server to talk to";
const OLD: &str = "2.10 or newer is needed";
const NO_WORKER: &str = "no worker is there";

/// How long a step may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

#[test]
fn a_server_that_is_absent_or_old() {
    let workplace = Workplace::with(config(&snapshot(), OUT, "")).unwrap();
    for (url, row) in [(nobody().replace("http", "nats"), ABSENT), (stub::nats("2.9.25"), OLD)] {
        let ended = workplace.migctl(&["submit", "--nats", &url]).unwrap();
        assert_ne!(ended.code, Some(0), "{ended}");
        shows(&ended.errors, row);
    }
}

#[test]
fn nobody_who_works() {
    let workplace = Workplace::with(config(&snapshot(), OUT, "")).unwrap();
    let nats = NatsServer::start().unwrap();
    let command = binaries::command("migctl", workplace.path(), &["submit", "--nats", &nats.url]).unwrap();
    let submit = Program::start("submit", command, workplace.path()).unwrap();
    let begun = Instant::now();
    while !submit.log().unwrap().contains(NO_WORKER) {
        assert!(begun.elapsed() < DEADLINE, "{}", submit.log_tail());
        std::thread::sleep(Duration::from_millis(100));
    }
    shows(&submit.log().unwrap(), NO_WORKER);
}
