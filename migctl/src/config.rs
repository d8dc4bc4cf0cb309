//! The configuration file: YAML → [`Spec`], with errors that name line, field and what is allowed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

use anyhow::Context;
use protocol::spec::{RepositorySpec, Spec};
use serde_saphyr::{MessageFormatter, UserMessageFormatter};

/// Reads a configuration file. Relative paths in it are meant from the directory that `migctl` runs in, and become
/// absolute, because a worker runs elsewhere.
///
/// # Errors
/// The file can't be read, or isn't what a configuration must be.
pub fn load(file: &Path) -> anyhow::Result<Spec> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("read the configuration {}; -c FILE names another one", file.display()))?;
    let name = file.display().to_string();
    let spec = parse(&text, &name).map_err(|what| anyhow::anyhow!("{name} is not a valid configuration\n{what}"))?;
    let here = std::env::current_dir().context("find the current directory")?;
    absolute(spec, &here).with_context(|| format!("{name} is not a valid configuration"))
}

/// Parses the text of a configuration, the file `name`.
fn parse(text: &str, name: &str) -> Result<Spec, String> {
    let path = RefCell::new(String::new());
    let parsed = serde_saphyr::with_deserializer_from_str(text, |deserializer| {
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            *path.borrow_mut() = error.path().to_string();
            error.into_inner()
        })
    });
    parsed.map_err(|error| {
        // `?` stands for the key that is wrong itself: line and column show it.
        let path = path.into_inner();
        let path = path.trim_end_matches('?').trim_end_matches('.');
        let field = if path.is_empty() { "at the top level".to_owned() } else { format!("in {path}") };
        let words = serde_saphyr::render_options! { source_name: Some(name), formatter: &Words };
        let what = error.render_with_options(words);
        format!("{field}: {}", what.strip_prefix("error: ").unwrap_or(&what))
    })
}

/// What is wrong, for somebody who wrote the file and not the program.
struct Words;

impl MessageFormatter for Words {
    fn format_message<'a>(&self, error: &'a serde_saphyr::Error) -> Cow<'a, str> {
        match error {
            serde_saphyr::Error::InvalidScalar { ty: "boolean", .. } => Cow::Borrowed("true or false is expected here"),
            // Other scalars that are parsed are numbers: of documents, bytes, milliseconds.
            serde_saphyr::Error::InvalidScalar { .. } => Cow::Borrowed("a whole number is expected here"),
            serde_saphyr::Error::SerdeInvalidValue { expected, .. } if expected.starts_with("a nonzero") => {
                Cow::Borrowed("a whole number above 0 is expected here")
            }
            // What `bytesize` calls what it reads.
            serde_saphyr::Error::SerdeInvalidValue { expected, .. } if expected == "parsable string" => {
                Cow::Borrowed("a size is expected here, for example 4MiB")
            }
            _ => UserMessageFormatter.format_message(error),
        }
    }
}

fn absolute(mut spec: Spec, here: &Path) -> anyhow::Result<Spec> {
    if let RepositorySpec::Path(path) = &mut spec.snapshot.repository {
        *path = join(here, path);
    }
    match target::Endpoint::parse(&spec.target.endpoint).context("in target.endpoint")? {
        target::Endpoint::Directory(path) => {
            spec.target.endpoint = format!("file:{}", join(here, &path).display());
        }
        target::Endpoint::Cluster(_) => {}
    }
    Ok(spec)
}

/// `path` seen from `here`, without `.` parts.
fn join(here: &Path, path: &Path) -> PathBuf {
    here.join(path).components().filter(|part| *part != std::path::Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "
name: quickstart
snapshot:
  repository: {path: repo}
  externallyManagedSnapshot: snap-1
target:
  endpoint: file:./out
";

    #[test]
    fn a_small_file_is_enough_and_paths_become_absolute() {
        let spec = absolute(parse(MINIMAL, "m.yaml").unwrap(), Path::new("/here")).unwrap();
        assert_eq!(spec.snapshot.repository, RepositorySpec::Path("/here/repo".into()));
        assert_eq!(spec.target.endpoint, "file:/here/out");
        assert_eq!(spec.max_rejected, 1_000);
    }

    #[test]
    fn an_unknown_field_is_named_with_its_place() {
        let error = parse(&format!("{MINIMAL}sizing:\n  slizeBytes: 1MiB\n"), "m.yaml").unwrap_err();
        assert!(error.contains("sizing") && error.contains("slizeBytes") && error.contains("sliceBytes"), "{error}");
        assert!(error.contains("m.yaml:9:"), "{error}");
    }

    #[test]
    fn a_star_among_the_indices_is_explained() {
        let error = parse(&format!("{MINIMAL}indices: ['logs-*']\n"), "m.yaml").unwrap_err();
        assert!(error.contains("indices[0]") && error.contains("did you mean `regex:logs-.*`"), "{error}");
    }

    #[test]
    fn words_are_those_of_a_configuration() {
        for (line, expected) in [
            ("sizing: {bulkDocs: many}", "in sizing.bulkDocs: line 8 column 20: a whole number is expected here"),
            ("recoverSource: 1", "in recoverSource: line 8 column 16: true or false is expected here"),
            ("sizing: {bulkDocs: 0}", "in sizing.bulkDocs: line 8 column 10: a whole number above 0 is expected here"),
            (
                "sizing: {bulkBytes: big}",
                "in sizing.bulkBytes: line 8 column 10: a size is expected here, for example 4MiB",
            ),
            (
                "gates: {load: maybe}",
                "in gates: line 8 column 15: unknown variant `maybe`, expected one of manual, auto",
            ),
            ("name: twice", "at the top level: line 8 column 1: duplicate mapping key `name` is not allowed here"),
        ] {
            let error = parse(&format!("{MINIMAL}{line}\n"), "m.yaml").unwrap_err();
            assert_eq!(error.lines().next(), Some(expected), "{error}");
        }
    }
}
