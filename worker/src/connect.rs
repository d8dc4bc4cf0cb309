//! A cluster of the configuration becomes one that can be asked.
//!
//! In: a [`ClusterSpec`]. Out: a [`Cluster`]; nobody has been spoken to yet, but secrets and certificates are read, from
//! where the configuration says, on the machine that this runs on.
//!
//! Holds: an error names the field and the place and never the secret.
//! Not here: what TLS and authentication do with them (`target`), where AWS credentials are found (`aws`).

use std::fmt::Display;
use std::path::{Path, PathBuf};

use protocol::checkpoint::Verdict;
use protocol::spec::{AuthSpec, ClusterSpec, SecretRef, TlsSpec};
use target::{Auth, Cluster, ClusterOptions, Endpoint, Product, Secret, Tls, Version};
use tokio::io::AsyncReadExt;

use crate::failure::TaskError;

/// Longest file that a secret or a certificate is read from.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Says where the secrets of Kubernetes are mounted.
const SECRETS_DIR: &str = "MIGCTL_SECRETS_DIR";
const SECRETS_DIR_DEFAULT: &str = "/etc/migctl/secrets";

/// Connects the cluster that the configuration calls `field`, `source` or `target`.
///
/// # Errors
/// An endpoint that is none; a secret or a certificate that can't be read, named by its field and its place.
pub async fn connect(spec: &ClusterSpec, field: &'static str) -> Result<Cluster, TaskError> {
    let endpoint = match Endpoint::parse(&spec.endpoint) {
        Ok(Endpoint::Cluster(url)) => url,
        Ok(Endpoint::Directory(_)) => return Err(wrong(&format!("{field}.endpoint"), "a directory is no cluster")),
        Err(error) => return Err(wrong(&format!("{field}.endpoint"), error)),
    };
    let auth = match &spec.auth {
        Some(auth) => auth_of(auth, field).await?,
        None => Auth::None,
    };
    if spec.tls.insecure && endpoint.scheme() == "https" {
        let (field, endpoint) = (format!("{field}.tls.insecure"), endpoint.as_str());
        // `migctl run` shows nothing below an error, and this must be seen.
        tracing::error!(field, endpoint, "any certificate is believed: whoever stands between can read and change all");
    }
    let version = spec.version.as_ref().map(|said| {
        let product = if said.opensearch { Product::OpenSearch } else { Product::Elasticsearch };
        let [major, minor, patch] = said.numbers;
        (product, Version { major, minor, patch })
    });
    let tls = tls_of(&spec.tls, field).await?;
    let options = ClusterOptions { field, auth, tls, version, ..ClusterOptions::new(endpoint) };
    Ok(Cluster::connect(&options)?)
}

/// Reads the secret that `field` names.
///
/// # Errors
/// It isn't there, is empty, or can't be read; named by its field and its place.
pub async fn secret(reference: &SecretRef, field: &str) -> Result<Secret, TaskError> {
    match reference {
        SecretRef::Env(variable) => {
            let field = format!("{field}.env");
            let why = match std::env::var(variable) {
                Ok(text) if text.is_empty() => "it is empty",
                Ok(text) => return Ok(Secret::read_from(format!("environment variable {variable}"), text)),
                Err(std::env::VarError::NotPresent) => "there is no such environment variable",
                Err(std::env::VarError::NotUnicode(_)) => "it is no UTF-8",
            };
            Err(wrong(&field, format!("{variable}: {why}: set it where the worker runs")))
        }
        SecretRef::File(path) => secret_file(path, &format!("{field}.file")).await,
        SecretRef::KubernetesSecret { name, key } => {
            let field = format!("{field}.kubernetesSecret");
            secret_file(&mounted(name, key).map_err(|why| wrong(&field, why))?, &field).await
        }
    }
}

async fn secret_file(path: &Path, field: &str) -> Result<Secret, TaskError> {
    let bytes = read(path, field).await?;
    let text = String::from_utf8(bytes).map_err(|_| wrong(field, format!("{} is no UTF-8", path.display())))?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if text.is_empty() {
        return Err(wrong(field, format!("{} is empty where the worker runs", path.display())));
    }
    Ok(Secret::read_from(format!("file {}", path.display()), text))
}

/// Where a key of a Kubernetes secret is mounted.
fn mounted(name: &str, key: &str) -> Result<PathBuf, String> {
    // Kubernetes' own rule for both; the files of a mount that begin with `..` are not keys.
    let fits = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !part.is_empty() && part != "." && !part.starts_with("..") && part.bytes().all(plain)
    };
    if let Some(part) = [name, key].into_iter().find(|part| !fits(part)) {
        return Err(format!("{part:?} is no name in Kubernetes: it may hold a-z, A-Z, 0-9, `-`, `_` and `.`"));
    }
    let folder = std::env::var_os(SECRETS_DIR).unwrap_or_else(|| SECRETS_DIR_DEFAULT.into());
    Ok(Path::new(&folder).join(name).join(key))
}

async fn auth_of(spec: &AuthSpec, field: &str) -> Result<Auth, TaskError> {
    Ok(match spec {
        AuthSpec::Basic { username, password } => {
            let password = secret(password, &format!("{field}.auth.basic.password")).await?;
            Auth::Basic { username: username.clone(), password }
        }
        AuthSpec::Bearer { token } => Auth::Bearer(secret(token, &format!("{field}.auth.bearer.token")).await?),
        AuthSpec::ApiKey { key } => Auth::ApiKey(secret(key, &format!("{field}.auth.apiKey.key")).await?),
        AuthSpec::Sigv4 { region, service } => {
            let credentials = aws::credentials(Some(region)).await;
            Auth::SigV4 { region: region.clone(), service: service.as_str(), credentials }
        }
    })
}

async fn tls_of(spec: &TlsSpec, field: &str) -> Result<Tls, TaskError> {
    let ca_pem = match &spec.ca_file {
        Some(path) => Some(read(path, &format!("{field}.tls.caFile")).await?),
        None => None,
    };
    let identity_pem = match (&spec.client_certificate, &spec.client_key) {
        (Some(path), Some(key)) => {
            let certificate = read(path, &format!("{field}.tls.clientCertificate")).await?;
            Some((certificate, secret(key, &format!("{field}.tls.clientKey")).await?))
        }
        (Some(_), None) => return Err(wrong(&format!("{field}.tls.clientCertificate"), "its clientKey is missing")),
        (None, Some(_)) => return Err(wrong(&format!("{field}.tls.clientKey"), "its clientCertificate is missing")),
        (None, None) => None,
    };
    Ok(Tls { ca_pem, identity_pem, insecure: spec.insecure })
}

async fn read(path: &Path, field: &str) -> Result<Vec<u8>, TaskError> {
    let shown = path.display();
    let unreadable =
        |error: std::io::Error| wrong(field, format!("{shown} can't be read where the worker runs: {error}"));
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).await.map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(wrong(field, format!("{shown} is above {} KiB: is it the right file?", FILE_BYTES_MAX >> 10)));
    }
    Ok(bytes)
}

fn wrong(field: &str, why: impl Display) -> TaskError {
    TaskError::say(Verdict::StopLoad, format!("{field}: {why}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    async fn reason(reference: &SecretRef) -> String {
        secret(reference, "target.auth.basic.password").await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_secret_is_read_from_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let place = format!("file {}", path.display());
        for (content, expected) in [
            ("hunter2", "hunter2"),
            ("hunter2\n", "hunter2"),
            ("hunter2\r\n", "hunter2"),
            ("hunter2\n\n", "hunter2\n"),
            (" hunter2 ", " hunter2 "),
        ] {
            fs::write(&path, content).unwrap();
            let read = secret(&SecretRef::File(path.clone()), "f").await.unwrap();
            assert_eq!(read, Secret::read_from(place.clone(), expected), "{content:?}");
        }
        // Cargo sets this one.
        let read = secret(&SecretRef::Env("CARGO_PKG_NAME".into()), "f").await.unwrap();
        assert_eq!(read, Secret::read_from("environment variable CARGO_PKG_NAME", "worker"));
    }

    #[tokio::test]
    async fn a_secret_that_is_not_there_is_named_by_field_and_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            SecretRef::File(path)
        };
        for (reference, said) in [
            (SecretRef::Env("MIGCTL_NONE".into()), "password.env: MIGCTL_NONE: there is no such environment variable"),
            (SecretRef::File(folder.path().join("none")), "none can't be read where the worker runs: No such file"),
            (SecretRef::File(folder.path().into()), "can't be read where the worker runs: Is a directory"),
            (file("empty", b"\n"), "empty is empty"),
            (file("bytes", b"hunter2\xff"), "bytes is no UTF-8"),
            (file("long", &[b'x'; 65_537]), "long is above 64 KiB"),
        ] {
            let reason = reason(&reference).await;
            assert!(reason.starts_with("target.auth.basic.password.") && reason.contains(said), "{reason}");
            assert!(!reason.contains("hunter2"), "{reason}");
        }
        assert!(secret(&file("long", &[b'x'; 65_536]), "f").await.is_ok());
    }

    #[tokio::test]
    async fn a_kubernetes_secret_does_not_leave_its_folder() {
        let reference = |name: &str, key: &str| SecretRef::KubernetesSecret { name: name.into(), key: key.into() };
        for (name, key) in [
            ("..", "passwd"),
            ("a", ".."),
            ("a", "../b"),
            ("/etc", "passwd"),
            ("a", ""),
            ("", "a"),
            (".", "a"),
            ("a", "..data"),
            ("a/b", "c"),
            ("a", "b\0"),
        ] {
            let reason = reason(&reference(name, key)).await;
            assert!(reason.contains("is no name in Kubernetes"), "{name} {key}: {reason}");
        }
        let reason = reason(&reference("target", "admin.password_1")).await;
        let path = "password.kubernetesSecret: /etc/migctl/secrets/target/admin.password_1 can't be read";
        assert!(reason.contains(path), "{reason}");
    }

    #[tokio::test]
    async fn half_an_identity_and_files_that_are_no_certificates_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let no_pem = folder.path().join("no.pem");
        fs::write(&no_pem, "hello").unwrap();
        let cluster =
            |tls: TlsSpec| ClusterSpec { endpoint: "https://localhost:9200".into(), version: None, auth: None, tls };
        let (certificate, key) = (Some(no_pem.clone()), Some(SecretRef::File(no_pem.clone())));
        for (tls, said) in [
            (
                TlsSpec { ca_file: Some(no_pem.clone()), ..TlsSpec::default() },
                "source.tls.caFile: it holds no certificate in PEM",
            ),
            (
                TlsSpec { client_certificate: certificate.clone(), ..TlsSpec::default() },
                "source.tls.clientCertificate: its clientKey is missing",
            ),
            (
                TlsSpec { client_key: key.clone(), ..TlsSpec::default() },
                "source.tls.clientKey: its clientCertificate is missing",
            ),
            (
                TlsSpec { client_certificate: certificate, client_key: key, ..TlsSpec::default() },
                "source.tls.clientCertificate: it holds no certificate in PEM",
            ),
        ] {
            let error = connect(&cluster(tls), "source").await.unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        let directory = ClusterSpec { endpoint: "file:out".into(), ..cluster(TlsSpec::default()) };
        let error = connect(&directory, "source").await.unwrap_err().to_string();
        assert_eq!(error, "source.endpoint: a directory is no cluster");
    }
}
