//! As whom the programs speak to NATS: each way to log in, at a real server that wants it, by all three programs.

use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

use nkeys::KeyPair;
use tempfile::TempDir;
use tests::binaries;
use tests::front::Authority;
use tests::nats::NatsServer;
use tests::processes::Program;

mod jwt;

/// How long a step may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// What every program is told: options, and environment variables.
type Told<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)]);

/// A server that wants to know with whom it speaks, and a folder for secrets.
struct Guarded {
    nats: NatsServer,
    folder: TempDir,
}

impl Guarded {
    /// One with these lines in its configuration; `{dir}` is its folder.
    fn new(folder: TempDir, lines: &str) -> Self {
        write_config(&folder, lines);
        let config = folder.path().join("nats.conf");
        Self { nats: NatsServer::start_with(&["-c", config.to_str().unwrap()]).unwrap(), folder }
    }

    fn file(&self, name: &str, content: &str) -> String {
        file(&self.folder, name, content)
    }

    /// What `program` says and how it ends, connected to `url`.
    fn run(&self, program: &str, url: &str, (options, environment): Told<'_>) -> Output {
        let command = if program == "migctl" { "list" } else { "start" };
        let mut command = binaries::command(program, self.folder.path(), &[command, "--nats", url]).unwrap();
        command.args(options).envs(environment.iter().copied()).output().unwrap()
    }

    /// All three connect.
    #[track_caller]
    fn takes(&self, url: &str, told: Told<'_>) {
        let listed = self.run("migctl", url, told);
        let said = String::from_utf8_lossy(&listed.stderr).into_owned();
        assert!(listed.status.success() && said.contains("no migration is here"), "{said}");
        for program in ["coordinator", "worker"] {
            let program = self.start(program, url, told);
            await_connections(&program, 1);
        }
    }

    fn start(&self, program: &str, url: &str, (options, environment): Told<'_>) -> Program {
        let mut command = binaries::command(program, self.folder.path(), &["start", "--nats", url]).unwrap();
        command.args(options).envs(environment.iter().copied());
        let label = format!("{program}-{}", fs::read_dir(self.folder.path()).unwrap().count());
        Program::start(&label, command, self.folder.path()).unwrap()
    }

    /// None of them connects, each says so in these words, and none tells the secret.
    #[track_caller]
    fn refuses(&self, url: &str, told: Told<'_>, words: &[&str]) {
        for program in ["migctl", "coordinator", "worker"] {
            let ended = self.run(program, url, told);
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            eprintln!("{said}");
            assert_eq!(ended.status.code(), Some(1), "{program}: {said}");
            for words in words {
                assert!(said.contains(words), "{program} doesn't say {words:?}: {said}");
            }
            assert!(!said.contains("s3cret") && !said.contains("SUA"), "{said}");
        }
    }
}

fn write_config(folder: &TempDir, lines: &str) {
    let lines = lines.replace("{dir}", folder.path().to_str().unwrap());
    file(folder, "nats.conf", &format!("jetstream {{}}\n{lines}\n"));
}

fn file(folder: &TempDir, name: &str, content: &str) -> String {
    let path: PathBuf = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Waits until the program has connected so many times.
#[track_caller]
fn await_connections(program: &Program, wanted: usize) {
    let begun = Instant::now();
    while program.log().unwrap().matches("connected to NATS").count() < wanted {
        assert!(begun.elapsed() < DEADLINE, "{}", program.log_tail());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_token_from_the_environment_or_a_file_which_may_change_meanwhile() {
    let mut guarded = Guarded::new(folder(), "authorization {token: s3cret-1}");
    let url = guarded.nats.url.clone();
    let token = guarded.file("token", "s3cret-1\n");
    guarded.takes(&url, (&[], &[("MIGCTL_NATS_TOKEN", "s3cret-1")]));
    guarded.takes(&url, (&[], &[("MIGCTL_NATS_TOKEN_FILE", &token)]));
    guarded.refuses(&url, (&[], &[]), &["NATS at nats://127.0.0.1:", "wants credentials", "--nats-token-file"]);
    let wrong = (&[][..], &[("MIGCTL_NATS_TOKEN", "s3cret-2")][..]);
    guarded.refuses(&url, wrong, &["refuses the credentials, the token in environment variable MIGCTL_NATS_TOKEN"]);
    let nowhere = ["--nats-token-file", "/none/token"];
    guarded.refuses(
        &url,
        (&nowhere, &[]),
        &["--nats-token-file: /none/token can't be read", "name a file that this process may read"],
    );
    let two = (&["--nats-token-file", &token, "--nats-nkey", &token][..], &[][..]);
    guarded.refuses(&url, two, &["more than one way to log in"]);
    let both = url.replace("://", "://me:s3cret@");
    guarded.refuses(&both, (&[], &[("MIGCTL_NATS_TOKEN", "s3cret-1")]), &["nats://***@127", "leave one of them out"]);

    // What was replaced counts at the next connection, without a restart.
    let worker = guarded.start("worker", &url, (&["--nats-token-file", &token], &[]));
    await_connections(&worker, 1);
    guarded.file("token", "s3cret-2\n");
    write_config(&guarded.folder, "authorization {token: s3cret-2}");
    guarded.nats.restart().unwrap();
    await_connections(&worker, 2);
}

#[test]
fn a_user_and_a_password_that_no_command_line_holds() {
    let guarded = Guarded::new(folder(), "authorization {user: shop, password: 'p@ss/s3cret'}");
    let url = guarded.nats.url.clone();
    let password = guarded.file("password", "p@ss/s3cret");
    guarded.takes(&url, (&["--nats-user", "shop"], &[("MIGCTL_NATS_PASSWORD", "p@ss/s3cret")]));
    guarded.takes(&url, (&["--nats-password-file", &password], &[("MIGCTL_NATS_USER", "shop")]));
    guarded.takes(&url.replace("://", "://shop:p%40ss%2Fs3cret@"), (&[], &[]));
    let wrong = guarded.file("wrong", "s3cret\n");
    guarded.refuses(
        &url,
        (&["--nats-user", "shop", "--nats-password-file", &wrong], &[]),
        &["refuses the credentials, user shop with the password in file", "/wrong: correct them"],
    );
    guarded.refuses(
        &url.replace("://", "://shop:s3cret@"),
        (&[], &[]),
        &["NATS at nats://***@127.0.0.1:", "refuses the credentials, user and password in the URL"],
    );
}

#[test]
fn the_seed_of_an_nkey() {
    let key = KeyPair::new_user();
    let guarded = Guarded::new(folder(), &format!("authorization {{users: [{{nkey: {}}}]}}", key.public_key()));
    let url = guarded.nats.url.clone();
    let seed = guarded.file("me.nk", &format!("{}\n", key.seed().unwrap()));
    guarded.takes(&url, (&["--nats-nkey", &seed], &[]));
    guarded.takes(&url, (&[], &[("MIGCTL_NATS_NKEY", &seed)]));
    let other = guarded.file("other.nk", &KeyPair::new_user().seed().unwrap());
    guarded.refuses(&url, (&["--nats-nkey", &other], &[]), &["refuses the credentials, the nkey in file", "/other.nk"]);
    let public = guarded.file("public", &key.public_key());
    guarded.refuses(&url, (&["--nats-nkey", &public], &[]), &["/public holds no nkey seed of a user"]);
}

#[test]
fn a_creds_file_of_an_operator_s_account() {
    let trust = jwt::Trust::new();
    let guarded = Guarded::new(folder(), &trust.server_config());
    let url = guarded.nats.url.clone();
    let creds = guarded.file("me.creds", &trust.creds());
    guarded.takes(&url, (&["--nats-creds", &creds], &[]));
    guarded.takes(&url, (&[], &[("MIGCTL_NATS_CREDS", &creds)]));
    let other = guarded.file("other.creds", &jwt::Trust::new().creds());
    let said = ["refuses the credentials, what is in file", "/other.creds: correct them"];
    guarded.refuses(&url, (&["--nats-creds", &other], &[]), &said);
    let no_jwt = guarded.file("seed", &KeyPair::new_user().seed().unwrap());
    guarded.refuses(&url, (&["--nats-creds", &no_jwt], &[]), &["/seed holds no JWT of a user"]);
}

#[test]
fn tls_with_an_authority_of_one_s_own_and_a_client_certificate() {
    let (authority, other) = (Authority::new("ours").unwrap(), Authority::new("others").unwrap());
    let folder = folder();
    let server = authority.server(&["127.0.0.1"]).unwrap();
    let ca = file(&folder, "ca.pem", &authority.pem());
    file(&folder, "server.pem", &server.certificate);
    file(&folder, "server.key", &server.key);
    let guarded = Guarded::new(
        folder,
        "tls {cert_file: '{dir}/server.pem', key_file: '{dir}/server.key', ca_file: '{dir}/ca.pem', verify: true}",
    );
    let url = guarded.nats.url.clone();
    let pair = |name: &str, authority: &Authority| {
        let certified = authority.client("migctl").unwrap();
        let certificate = guarded.file(&format!("{name}.pem"), &certified.certificate);
        (certificate, guarded.file(&format!("{name}.key"), &certified.key))
    };
    let ((certificate, key), (others, others_key)) = (pair("client", &authority), pair("other", &other));
    let with = ["--nats-ca", &ca, "--nats-cert", &certificate, "--nats-key", &key];
    guarded.takes(&url, (&with, &[]));
    guarded.takes(&url.replace("nats://", "tls://"), (&with, &[]));
    let in_environment = [("MIGCTL_NATS_CA", &*ca), ("MIGCTL_NATS_CERT", &*certificate), ("MIGCTL_NATS_KEY", &*key)];
    guarded.takes(&url, (&[], &in_environment));

    guarded.refuses(&url, (&["--nats-ca", &ca], &[]), &["wants a client certificate: name one with --nats-cert"]);
    let unsigned = ["--nats-ca", &ca, "--nats-cert", &others, "--nats-key", &others_key];
    guarded.refuses(&url, (&unsigned, &[]), &["doesn't take the client certificate that --nats-cert names"]);
    let mixed = ["--nats-ca", &ca, "--nats-cert", &certificate, "--nats-key", &others_key];
    guarded.refuses(&url, (&mixed, &[]), &["other.key is not the key of the certificate in"]);
    guarded.refuses(&url, (&["--nats-ca", &others], &[]), &["is not trusted: its authority is not in", "other.pem"]);
    guarded.refuses(&url, (&["--nats-ca", &key], &[]), &["client.key holds no certificate in PEM"]);
    let by_name = url.replace("127.0.0.1", "localhost");
    guarded.refuses(&by_name, (&with, &[]), &["is for another host: use a name that it has in --nats"]);

    let plain = NatsServer::start().unwrap();
    guarded.refuses(&plain.url, (&["--nats-ca", &ca], &[]), &["doesn't speak TLS"]);
}
