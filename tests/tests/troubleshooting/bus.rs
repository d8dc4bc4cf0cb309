//! Where coordinator, workers and `migctl` don't meet.

use std::time::{Duration, Instant};

use tests::binaries;
use tests::front::Authority;
use tests::nats::NatsServer;
use tests::processes::Program;
use tests::workplace::Workplace;

use crate::{OUT, config, nobody, shows, snapshot, stub};

pub const ROWS: &[&str] = &[ABSENT, NO_LOGIN, REFUSED, NO_FILE, NO_SEED, NOT_TRUSTED, NO_CERTIFICATE, OLD, NO_WORKER];

const ABSENT: &str = "there is no NATS server to talk to";
const NO_LOGIN: &str = "wants credentials";
const REFUSED: &str = "refuses the credentials";
const NO_FILE: &str = "name a file that this process may read";
const NO_SEED: &str = "holds no nkey seed of a user";
const NOT_TRUSTED: &str = "is not trusted";
const NO_CERTIFICATE: &str = "wants a client certificate";
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
fn a_server_that_lets_not_everybody_in() {
    let workplace = Workplace::with(config(&snapshot(), OUT, "")).unwrap();
    std::fs::write(workplace.path().join("public"), "UAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
        .unwrap();
    let guarded = NatsServer::start_with(&["-js", "--auth", "t0ken"]).unwrap();
    let wrong = guarded.url.replace("://", "://wrong@");
    for (url, options, row) in [
        (&guarded.url, &[][..], NO_LOGIN),
        (&wrong, &[], REFUSED),
        (&guarded.url, &["--nats-token-file", "none"], NO_FILE),
        (&guarded.url, &["--nats-nkey", "public"], NO_SEED),
    ] {
        let ended = workplace.migctl(&[&["submit", "--nats", url], options].concat()).unwrap();
        assert_eq!(ended.code, Some(1), "{ended}");
        shows(&ended.errors, row);
        assert!(!ended.errors.contains("no NATS server"), "{ended}");
    }
}

#[test]
fn a_server_that_wants_certificates() {
    let workplace = Workplace::with(config(&snapshot(), OUT, "")).unwrap();
    let authority = Authority::new("ours").unwrap();
    let server = authority.server(&["127.0.0.1"]).unwrap();
    let files = [("ca.pem", authority.pem()), ("server.pem", server.certificate), ("server.key", server.key)];
    let [ca, certificate, key] = files.map(|(name, content)| {
        let path = workplace.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let verified = ["--tlsverify", "--tlscert", &certificate, "--tlskey", &key, "--tlscacert", &ca];
    let nats = NatsServer::start_with(&[&["-js"], &verified[..]].concat()).unwrap();
    for (options, row) in [(&[][..], NOT_TRUSTED), (&["--nats-ca", "ca.pem"], NO_CERTIFICATE)] {
        let ended = workplace.migctl(&[&["submit", "--nats", &nats.url], options].concat()).unwrap();
        assert_eq!(ended.code, Some(1), "{ended}");
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
