//! As whom we speak to the server.
//!
//! In: places of secrets. Out: what the client sends, read anew at each connection, so that a token or a `.creds` file
//! that was replaced counts without a restart.
//!
//! Holds: an error names the option and the place, never the secret.
//! Not here: certificates (`tls`).
//! After: NATS' `nkeys.ParseDecoratedUserNKey` (a seed is a line of its own) and `ParseDecoratedJWT`.

use std::fmt;
use std::path::{Path, PathBuf};

use async_nats::{Auth, ServerAddr};
use nkeys::{KeyPair, KeyPairType};
use percent_encoding::percent_decode_str;
use tokio::io::AsyncReadExt;

use crate::bus::BusError;

/// Longest file that a secret or a certificate is read from.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// As whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Login {
    /// As the URL says; as nobody, where it says nothing.
    #[default]
    Url,
    /// A name and a password.
    User {
        /// The name.
        name: String,
        /// Where the password is.
        password: SecretPlace,
    },
    /// A token.
    Token(SecretPlace),
    /// The file with the seed of a user's nkey.
    Nkey(PathBuf),
    /// The file with a user's JWT and seed, as `nsc` writes it.
    Creds(PathBuf),
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// In this environment variable.
    Variable(&'static str),
    /// In this file; one line break at its end doesn't count.
    File(PathBuf),
}

impl fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

impl Login {
    /// What is sent with this `nonce` of the server.
    pub(super) async fn auth(&self, in_url: &Auth, nonce: &[u8]) -> Result<Auth, BusError> {
        let mut auth = Auth::new();
        match self {
            Self::Url => return Ok(in_url.clone()),
            Self::User { name, password } => {
                auth.username = Some(name.clone());
                auth.password = Some(secret(password, "--nats-password-file").await?);
            }
            Self::Token(place) => auth.token = Some(secret(place, "--nats-token-file").await?),
            Self::Nkey(path) => {
                let key = seed(path, "--nats-nkey", &read(path, "--nats-nkey").await?)?;
                auth.nkey = Some(key.public_key());
                auth.signature = Some(sign(&key, nonce)?);
            }
            Self::Creds(path) => {
                let text = read(path, "--nats-creds").await?;
                let key = seed(path, "--nats-creds", &text)?;
                let jwt = jwt(&text).ok_or_else(|| {
                    let why = "holds no JWT of a user; it is a file that `nsc generate creds` writes";
                    wrong(format!("--nats-creds: {} {why}", path.display()))
                })?;
                auth.jwt = Some(jwt.to_owned());
                auth.signature = Some(sign(&key, nonce)?);
            }
        }
        Ok(auth)
    }

    /// Which credentials they are, and what to do where they are refused.
    pub(super) fn refused(&self, in_url: &Auth) -> String {
        let what = match self {
            Self::Url if in_url.token.is_some() => "the token in the URL".to_owned(),
            Self::Url if in_url.username.is_some() => "user and password in the URL".to_owned(),
            Self::Url => {
                return "wants credentials: name them with --nats-user, --nats-token-file, --nats-nkey or --nats-creds, \
                        or their environment variables (--help tells them)"
                    .to_owned();
            }
            Self::User { name, password } => format!("user {name} with the password in {password}"),
            Self::Token(place) => format!("the token in {place}"),
            Self::Nkey(path) => format!("the nkey in file {}", path.display()),
            Self::Creds(path) => format!("what is in file {}", path.display()),
        };
        format!("refuses the credentials, {what}: correct them, or have the server's administrator allow them")
    }
}

/// The client takes no credentials from URLs by itself: `user:password@`, or `token@`.
pub(super) fn in_url(servers: &[ServerAddr]) -> Auth {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut auth = Auth::new();
    let Some(server) = servers.iter().find(|server| server.has_user_pass()) else { return auth };
    match (server.username(), server.password()) {
        (Some(user), Some(password)) => {
            auth.username = Some(decoded(user));
            auth.password = Some(decoded(password));
        }
        (Some(token), None) => auth.token = Some(decoded(token)),
        (None, _) => {}
    }
    auth
}

async fn secret(place: &SecretPlace, option: &str) -> Result<String, BusError> {
    let text = match place {
        SecretPlace::Variable(name) => {
            std::env::var(name).map_err(|error| wrong(format!("{name}: {error}: set it")))?
        }
        SecretPlace::File(path) => read(path, option).await?,
    };
    let secret = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if secret.is_empty() {
        return Err(wrong(format!("{option}: {place} is empty: put the secret there")));
    }
    Ok(secret.to_owned())
}

/// The key of the first line that is a user's seed.
fn seed(path: &Path, option: &str, text: &str) -> Result<KeyPair, BusError> {
    let keys = text.lines().filter_map(|line| KeyPair::from_seed(line.trim()).ok());
    keys.into_iter().find(|key| matches!(key.key_pair_type(), KeyPairType::User)).ok_or_else(|| {
        let shown = path.display();
        wrong(format!("{option}: {shown} holds no nkey seed of a user: a line of its own that begins with SU"))
    })
}

/// The line after `-----BEGIN NATS USER JWT-----`.
fn jwt(text: &str) -> Option<&str> {
    let mut lines = text.lines().map(str::trim).skip_while(|line| !line.contains("BEGIN NATS USER JWT")).skip(1);
    lines.find(|line| !line.is_empty()).filter(|line| !line.starts_with("---"))
}

fn sign(key: &KeyPair, nonce: &[u8]) -> Result<Vec<u8>, BusError> {
    key.sign(nonce).map_err(|error| wrong(format!("the nkey can't sign: {error}")))
}

/// The text of a file that `option` names.
pub(super) async fn read(path: &Path, option: &str) -> Result<String, BusError> {
    let shown = path.display();
    let unreadable =
        |error| wrong(format!("{option}: {shown} can't be read ({error}): name a file that this process may read"));
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).await.map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(wrong(format!("{option}: {shown} is above {} KiB: is it the right file?", FILE_BYTES_MAX >> 10)));
    }
    String::from_utf8(bytes).map_err(|_| wrong(format!("{option}: {shown} is no UTF-8: is it the right file?")))
}

/// It can't be done as it was typed.
pub(super) fn wrong(what: String) -> BusError {
    BusError::Unusable { what, source: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_creds_file_has_a_jwt_and_a_seed_and_others_have_not() {
        let key = KeyPair::new_user();
        let text = format!(
            "-----BEGIN NATS USER JWT-----\neyJ0.eyJ9.c2ln\n------END NATS USER JWT------\n\n*** IMPORTANT ***\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            key.seed().unwrap()
        );
        assert_eq!(jwt(&text), Some("eyJ0.eyJ9.c2ln"));
        let path = Path::new("me.creds");
        assert_eq!(seed(path, "--nats-creds", &text).unwrap().public_key(), key.public_key());
        assert_eq!(jwt("-----BEGIN NATS USER JWT-----\n------END NATS USER JWT------"), None);
        assert_eq!(jwt("hello"), None);
        for other in [KeyPair::new_account().seed().unwrap(), key.public_key(), String::new()] {
            let error = seed(path, "--nats-nkey", &other).map(|key| key.public_key()).unwrap_err().to_string();
            assert!(error.starts_with("--nats-nkey: me.creds holds no nkey seed of a user"), "{error}");
            assert!(other.is_empty() || !error.contains(&other), "{error}");
        }
    }

    #[tokio::test]
    async fn a_secret_is_read_without_the_break_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for (content, expected) in [("t0ken", Ok("t0ken")), ("t0ken\r\n", Ok("t0ken")), ("\n", Err("is empty"))] {
            std::fs::write(&path, content).unwrap();
            let found = secret(&SecretPlace::File(path.clone()), "--nats-token-file").await;
            match expected {
                Ok(secret) => assert_eq!(found.unwrap(), secret),
                Err(words) => assert!(found.unwrap_err().to_string().contains(words)),
            }
        }
    }
}
