//! `make-snapshots SERVER URL DIRECTORY [REPOSITORY]`: the fixture of one more server.
//!
//! In: a running, empty server, `elasticsearch-7.4.2` for example, at URL, whose `path.repo` has the new directory
//! DIRECTORY in it. Out: `tests/fixtures/versions/<SERVER>.tar.zst`: its repositories with `snap-1`, `snap-2` and
//! `snap-ch`, and what it answered about each. How such a server is started is no matter of this program.
//!
//! With REPOSITORY, that of an older server (or an earlier DIRECTORY's `repo-main`): its `snap-2` is restored and some
//! documents are changed, in place of filling the server; so segments of both versions lie side by side.

#![allow(clippy::indexing_slicing, reason = "to assign to a member of a JSON object is to add it")]

mod cluster;
mod data;
mod dialect;
mod truth;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tests::fixtures;

use cluster::Cluster;
use dialect::Dialect;

/// Small enough to cut the larger blobs into parts.
const CHUNK_SIZE: &str = "20kb";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (server, url, directory, restored) = match arguments.as_slice() {
        [server, url, directory] => (server, url, directory, None),
        [server, url, directory, repository] => (server, url, directory, Some(repository)),
        _ => bail!("usage: make-snapshots SERVER URL DIRECTORY [REPOSITORY]"),
    };
    let dialect: Dialect = server.parse()?;
    let mut cluster = Cluster::connect(url, dialect)?;
    fs::create_dir_all(directory).with_context(|| format!("create {directory}"))?;
    let directory = Path::new(directory).canonicalize().with_context(|| format!("find {directory}"))?;
    fs::create_dir(directory.join("truth")).context("create the folder of the truth, which must be new")?;
    let main = Repository::create(&cluster, &directory, "main", json!({"compress": true}))?;
    let name = match restored {
        None => {
            data::first(&mut cluster).context("fill the server")?;
            main.snapshot(&mut cluster, "snap-1", "main-snap-1")?;
            data::second(&mut cluster).context("change what is there")?;
            main.snapshot(&mut cluster, "snap-2", "main-snap-2")?;
            let chunked = json!({"compress": false, "chunk_size": CHUNK_SIZE});
            let chunked = Repository::create(&cluster, &directory, "chunked", chunked)?;
            chunked.snapshot(&mut cluster, "snap-ch", "chunked-snap-ch")?;
            server.clone()
        }
        Some(repository) => {
            cluster.restore(Path::new(repository), "snap-2").context("restore")?;
            data::third(&mut cluster).context("change what was restored")?;
            main.snapshot(&mut cluster, "snap-2", "main-snap-2")?;
            format!("upgraded-{server}")
        }
    };
    fixtures::pack(&directory, &format!("versions/{name}"))
}

/// A repository that the server writes to.
struct Repository {
    name: &'static str,
    truth: PathBuf,
}

impl Repository {
    /// `<directory>/repo-<name>`.
    fn create(cluster: &Cluster, directory: &Path, name: &'static str, mut settings: Value) -> Result<Self> {
        let location = directory.join(format!("repo-{name}"));
        settings["location"] = json!(location);
        let body = json!({"type": "fs", "settings": settings});
        cluster.http.put(&format!("/_snapshot/{name}"), body).context("create a repository")?;
        Ok(Self { name, truth: directory.join("truth") })
    }

    /// Takes the snapshot `name` of all indices, and writes what the server has as `truth/<truth>.ndjson`.
    fn snapshot(&self, cluster: &mut Cluster, name: &str, truth: &str) -> Result<()> {
        let documents =
            truth::write(cluster, &self.truth.join(format!("{truth}.ndjson"))).context("write the truth")?;
        let wanted = json!({"indices": cluster.indices().join(","), "include_global_state": true});
        let path = format!("/_snapshot/{}/{name}?wait_for_completion=true", self.name);
        let answer = cluster.http.put(&path, wanted)?;
        let state = answer.pointer("/snapshot/state").and_then(Value::as_str);
        ensure!(state == Some("SUCCESS"), "the snapshot ended as {answer}");
        println!("{name}: {documents} documents in {} indices", cluster.indices().len());
        Ok(())
    }
}
