//! The configuration file: YAML → [`Spec`], with every error at once.
//!
//! In: a file, or standard input. Out: the specification with absolute paths, or a [`Report`]. Text → [`tree`] →
//! [`walk`] against the fields of the schema ([`model`]) → rules across fields ([`Spec::problems`]).
//! Holds: what may be a secret is shown nowhere ([`mask`]).

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use protocol::spec::{AuthSpec, ClusterSpec, RepositorySpec, SecretRef, Spec};

mod mask;
pub mod model;
mod problem;
#[cfg(test)]
mod reference;
pub mod sample;
mod tree;
mod walk;
pub mod yaml;

use mask::Masked;
use problem::Problem;
pub use problem::Report;
use walk::Walk;

/// Why there is no specification.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file can't be read at all.
    #[error("{0}")]
    Read(String),
    /// It is no configuration.
    #[error("{0}")]
    Invalid(Report),
    /// A mistake in the program.
    #[error("{0:#}")]
    Program(anyhow::Error),
}

/// Reads a configuration file, `-` for standard input. Relative paths in it are meant from the directory that `migctl`
/// runs in, and become absolute, because a worker runs elsewhere.
///
/// # Errors
/// The file can't be read, or isn't what a configuration must be.
pub fn load(file: &Path) -> Result<Spec, Error> {
    let (name, text) = read(file)?;
    let spec = check(&text, &name)?;
    let here = std::env::current_dir().map_err(|error| Error::Read(format!("find the current directory: {error}")))?;
    absolute(spec, &here).map_err(Error::Program)
}

/// The name to show of a file, and its text.
pub fn read(file: &Path) -> Result<(String, String), Error> {
    let name = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(file).map(|read| bytes = read)
    };
    read.map_err(|error| Error::Read(format!("read the configuration {name}; -c FILE names another one: {error}")))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::Read(format!("{name} is not a valid configuration: it is no text in UTF-8")))?;
    Ok((name, text))
}

/// Checks the text of a configuration, the file `name`.
///
/// # Errors
/// Everything that is wrong in it.
pub fn check(text: &str, name: &str) -> Result<Spec, Error> {
    let fields = model::configuration().map_err(Error::Program)?;
    let tree = tree::read(text);
    let mut problems: Vec<Problem> = tree.faults.iter().map(fault).collect();
    let Some(root) = tree.root else {
        if problems.is_empty() {
            problems.push(empty());
        }
        return Err(Error::Invalid(Report::new(name, Masked::of_lines(text), problems)));
    };
    let masked = Masked::of_tree(text, &root);
    let mut walk = Walk::new(&masked);
    if root.is_blank() || root.is_null() {
        walk.problems.push(empty());
    }
    let value = if walk.problems.is_empty() { walk.file(&fields, &root) } else { serde_json::Value::Null };
    problems.append(&mut walk.problems);
    match serde_json::from_value::<Spec>(value) {
        Ok(spec) => {
            problems.extend(across(&spec, &problems, &root));
            if problems.is_empty() {
                return Ok(spec);
            }
        }
        // What is wrong already may be the reason.
        Err(error) if problems.is_empty() => {
            return Err(Error::Program(anyhow::anyhow!("the schema allows what the program can't read: {error}")));
        }
        Err(_) => {}
    }
    // A name that is no word has no place in the tree that could be hidden.
    let masked = if tree.faults.is_empty() { masked } else { Masked::of_lines(text) };
    Err(Error::Invalid(Report::new(name, masked, problems)))
}

fn fault(fault: &tree::Fault) -> Problem {
    Problem {
        span: fault.span.clone(),
        what: fault.what.clone(),
        expected: fault.allowed.clone(),
        ..Problem::default()
    }
}

fn empty() -> Problem {
    Problem {
        what: "the file is empty".to_owned(),
        expected: "fields are expected here".to_owned(),
        help: Some("`migctl configure sample > migration.yaml` begins one".to_owned()),
        ..Problem::default()
    }
}

/// The rules across fields, but for those that look at a field which is wrong by itself.
fn across(spec: &Spec, problems: &[Problem], root: &tree::Node) -> Vec<Problem> {
    let blamed: Vec<&str> = problems
        .iter()
        .flat_map(|problem| [Some(problem.field.as_str()), problem.meant.as_deref()])
        .flatten()
        .filter(|path| !path.is_empty())
        .collect();
    let is_below = |path: &str, other: &str| {
        path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let broken = spec.problems().into_iter().filter(|broken| {
        // Where fields of a section exclude each other, the section itself is only the place to say so.
        let is_place = broken.also.iter().any(|also| is_below(also, &broken.field));
        let mut looked = broken.also.iter().chain((!is_place).then_some(&broken.field));
        !looked.any(|path| blamed.iter().any(|blamed| is_below(path, blamed)))
    });
    broken
        .map(|broken| Problem {
            span: root.find(&broken.field),
            field: broken.field,
            what: broken.what,
            help: Some(broken.advice),
            ..Problem::default()
        })
        .collect()
}

/// What must be said at every start.
pub fn warnings(spec: &Spec) -> Vec<String> {
    let clusters = [("source", spec.source.as_ref()), ("target", Some(&spec.target))];
    clusters
        .into_iter()
        .filter(|(_, cluster)| cluster.is_some_and(|cluster| cluster.tls.insecure))
        .map(|(at, _)| {
            format!(
                "WARNING: {at}.tls.insecure is set: any certificate of the {at} is believed, so whoever stands between can \
                 read and change every document and our credentials; name the authority in {at}.tls.caFile instead"
            )
        })
        .collect()
}

fn absolute(mut spec: Spec, here: &Path) -> anyhow::Result<Spec> {
    if let RepositorySpec::Path(path) = &mut spec.snapshot.repository {
        *path = join(here, path);
    }
    if let target::Endpoint::Directory(path) =
        target::Endpoint::parse(&spec.target.endpoint).context("target.endpoint")?
    {
        spec.target.endpoint = format!("file:{}", join(here, &path).display());
    }
    for cluster in spec.source.iter_mut().chain([&mut spec.target]) {
        let ClusterSpec { auth, tls, .. } = cluster;
        for path in [&mut tls.ca_file, &mut tls.client_certificate].into_iter().flatten() {
            *path = join(here, path);
        }
        let secret = auth.as_mut().and_then(|auth| match auth {
            AuthSpec::Basic { password, .. } => Some(password),
            AuthSpec::Bearer { token } => Some(token),
            AuthSpec::ApiKey { key } => Some(key),
            AuthSpec::Sigv4 { .. } => None,
        });
        for secret in [secret, tls.client_key.as_mut()].into_iter().flatten() {
            if let SecretRef::File(path) = secret {
                *path = join(here, path);
            }
        }
    }
    Ok(spec)
}

/// `path` seen from `here`, without `.` parts.
fn join(here: &Path, path: &Path) -> PathBuf {
    here.join(path).components().filter(|part| *part != std::path::Component::CurDir).collect()
}

#[cfg(test)]
mod tests;
