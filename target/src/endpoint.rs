//! Which target is meant: `http://…`, `https://…`, or `file:DIRECTORY`.
//!
//! In: the text of the configuration. Out: an [`Endpoint`], or an error that says what to write instead.
//! Holds: no password is ever repeated in an error, since none is accepted in an address.

use std::path::PathBuf;

use url::Url;

use crate::error::TargetError;

/// Where documents go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A cluster; the address may have a path (a reverse proxy), but no user, query or fragment.
    Cluster(Url),
    /// A directory of files with one document per line.
    Directory(PathBuf),
}

impl Endpoint {
    /// Reads an address.
    ///
    /// # Errors
    /// [`TargetError::Endpoint`] for anything but the three forms.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        if let Some(path) = text.strip_prefix("file:") {
            return directory(path).map(Self::Directory).map_err(|why| wrong(text, why));
        }
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => wrong(text, "it must begin with http://, https:// or file:"),
            other => wrong(text, &other.to_string()),
        })?;
        check_cluster(&url).map_err(|why| wrong(text, why))?;
        Ok(Self::Cluster(url))
    }
}

/// `file:out`, `file:/out` and `file:///out`; a path is taken as it is, `%` has no meaning in it.
fn directory(path: &str) -> Result<PathBuf, &'static str> {
    let path = match path.strip_prefix("//") {
        Some(absolute) if absolute.starts_with('/') => absolute,
        Some(_) => return Err("a file: address has no host: write file:DIRECTORY or file:///DIRECTORY"),
        None => path,
    };
    if path.is_empty() {
        return Err("the directory is missing: write file:DIRECTORY");
    }
    Ok(PathBuf::from(path))
}

fn check_cluster(url: &Url) -> Result<(), &'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it must begin with http://, https:// or file:");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address holds no user: put the user into `auth`");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("an address has no `?` and no `#`");
    }
    Ok(())
}

fn wrong(text: &str, why: &str) -> TargetError {
    // What stands before an `@` may be a password.
    let shown = if text.contains('@') { "(not shown: it may hold a password)" } else { text };
    TargetError::Endpoint { text: shown.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_are_read() {
        let cluster = |text: &str| Endpoint::Cluster(Url::parse(text).unwrap());
        for text in ["http://localhost:9200", "https://search.example.com", "https://example.com/search/"] {
            assert_eq!(Endpoint::parse(text).unwrap(), cluster(text));
        }
        for (text, path) in [("file:out", "out"), ("file:/a b%20", "/a b%20"), ("file:///a/b", "/a/b")] {
            assert_eq!(Endpoint::parse(text).unwrap(), Endpoint::Directory(PathBuf::from(path)));
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_to_write_instead() {
        for (text, said) in [
            ("localhost:9200", "it must begin with http://"),
            ("search.example.com", "it must begin with http://"),
            ("", "it must begin with http://"),
            ("ftp://example.com", "it must begin with http://"),
            ("http://", "host"),
            ("http://example.com?x=1", "no `?`"),
            ("http://example.com#x", "no `#`"),
            ("file:", "the directory is missing"),
            ("file://host/out", "has no host"),
        ] {
            let error = Endpoint::parse(text).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains(text), "{text}: {error}");
        }
    }

    #[test]
    fn a_user_is_refused_and_its_password_is_not_repeated() {
        for text in ["https://admin:hunter2@example.com", "hunter2@example.com:9200", "http://admin:hunter2@[::"] {
            let error = Endpoint::parse(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let error = Endpoint::parse("https://admin@example.com").unwrap_err().to_string();
        assert!(error.contains("put the user into `auth`"), "{error}");
    }
}
