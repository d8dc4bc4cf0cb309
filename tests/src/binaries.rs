//! The project's own programs, built as the tests themselves were.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::Context;

/// Programs that tests start.
const PROGRAMS: [&str; 3] = ["migctl", "coordinator", "worker"];

/// Where `name`, one of `migctl`, `coordinator` and `worker`, is; built first if it isn't up to date.
///
/// # Errors
/// It can't be built.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    anyhow::ensure!(PROGRAMS.contains(&name), "{name} is none of {PROGRAMS:?}");
    let folder = FOLDER.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    folder.as_ref().map(|folder| folder.join(name)).map_err(|error| anyhow::anyhow!("{error}"))
}

/// A command of `program` with these arguments, run in `directory`, without what the environment may say.
///
/// # Errors
/// It can't be built.
pub fn command(name: &str, directory: &Path, arguments: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(program(name)?);
    command.args(arguments).current_dir(directory).env_remove("RUST_LOG");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("MIGCTL_NATS_")) {
            command.env_remove(name);
        }
    }
    Ok(command)
}

fn build() -> anyhow::Result<PathBuf> {
    // A test runs from <build>/<profile>/deps; its programs are one folder up.
    let test = std::env::current_exe().context("find this test")?;
    let folder = test.parent().context("find this test's folder")?;
    let folder = if folder.ends_with("deps") { folder.parent().context("find the profile's folder")? } else { folder };
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Everything in the workspace, as `cargo test --workspace` builds it: another selection would have other features, and
    // the libraries it depends on would be built once more.
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--workspace", "--all-targets"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    // What cargo tells a test about its own package isn't meant for another build: build scripts that look at it (ring's
    // does) would run anew here, and once more in the build of the next test, with all that depends on them.
    let of_this_package = |name: &str| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.starts_with(start));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_this_package) {
            cargo.env_remove(name);
        }
    }
    let status = cargo.status().context("run cargo")?;
    anyhow::ensure!(status.success(), "the programs can't be built: {status}");
    Ok(folder.to_path_buf())
}
