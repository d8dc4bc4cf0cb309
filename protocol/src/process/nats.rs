//! Where NATS is and as whom to speak to it: the same options, and environment variables, of every program.
//!
//! Holds: no secret is ever an option, which everybody on the machine can read; an option is where it is. What a
//! person sees of a URL is without its password.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::bus::BusError;
use crate::bus::nats::{Login, NatsBus, NatsOptions, SecretPlace, Tls, masked};

/// How long after a try that found no server the next one comes.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Where it is where nothing is said.
pub const DEFAULT_URL: &str = "nats://127.0.0.1:4222";

/// The environment variable of the URL.
const URL: &str = "MIGCTL_NATS_URL";
/// The environment variable of the password itself.
const PASSWORD: &str = "MIGCTL_NATS_PASSWORD";
/// The environment variable of the token itself.
const TOKEN: &str = "MIGCTL_NATS_TOKEN";

const HEADING: &str = "NATS credentials";

/// Where NATS is, and as whom.
#[derive(Debug, Clone, Default, Args)]
pub struct NatsArgs {
    /// The NATS server (2.10 or newer, with JetStream); several of a cluster are separated by commas.
    #[arg(long, env = URL, hide_env_values = true, value_name = "URL")]
    pub nats: Option<String>,
    /// As this user; the password is in `MIGCTL_NATS_PASSWORD` or a file.
    #[arg(long, env = "MIGCTL_NATS_USER", help_heading = HEADING, hide_short_help = true, value_name = "NAME")]
    nats_user: Option<String>,
    /// The file with the password of `--nats-user`.
    #[arg(long, env = "MIGCTL_NATS_PASSWORD_FILE", help_heading = HEADING, hide_short_help = true, value_name = "FILE")]
    nats_password_file: Option<PathBuf>,
    /// The file with a token; or the token is in `MIGCTL_NATS_TOKEN`.
    #[arg(long, env = "MIGCTL_NATS_TOKEN_FILE", help_heading = HEADING, hide_short_help = true, value_name = "FILE")]
    nats_token_file: Option<PathBuf>,
    /// The file with the seed of a user's nkey.
    #[arg(long, env = "MIGCTL_NATS_NKEY", help_heading = HEADING, hide_short_help = true, value_name = "FILE")]
    nats_nkey: Option<PathBuf>,
    /// The `.creds` file of a user.
    #[arg(long, env = "MIGCTL_NATS_CREDS", help_heading = HEADING, hide_short_help = true, value_name = "FILE")]
    nats_creds: Option<PathBuf>,
    /// The file with the certificates (PEM) to trust, instead of those that this machine trusts.
    #[arg(long, env = "MIGCTL_NATS_CA", help_heading = HEADING, hide_short_help = true, value_name = "FILE")]
    nats_ca: Option<PathBuf>,
    /// The file with our certificate (PEM).
    #[arg(
        long,
        env = "MIGCTL_NATS_CERT",
        requires = "nats_key",
        help_heading = HEADING,
        hide_short_help = true,
        value_name = "FILE"
    )]
    nats_cert: Option<PathBuf>,
    /// The file with the key (PEM) of our certificate.
    #[arg(
        long,
        env = "MIGCTL_NATS_KEY",
        requires = "nats_cert",
        help_heading = HEADING,
        hide_short_help = true,
        value_name = "FILE"
    )]
    nats_key: Option<PathBuf>,
}

impl NatsArgs {
    /// Connects to the server that is named, or to the one of this machine.
    ///
    /// # Errors
    /// Two ways to log in at once; those of [`NatsBus::connect`].
    pub async fn connect(&self) -> Result<Arc<NatsBus>, BusError> {
        NatsBus::connect(self.options()?).await
    }

    /// The same for a process that nobody looks at: a server that isn't there yet is waited for, because machines start
    /// in any order.
    ///
    /// # Errors
    /// What no waiting mends.
    pub async fn wait_and_connect(&self) -> Result<Arc<NatsBus>, BusError> {
        loop {
            match self.connect().await {
                Err(error) if error.is_transient() => {
                    let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                    tracing::warn!(nats = self.shown(), why, "waits for NATS");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                connected => return connected,
            }
        }
    }

    /// The URL without password or token.
    #[must_use]
    pub fn shown(&self) -> String {
        masked(self.url())
    }

    /// What must be typed for another command to find the same server: nothing, where the environment says it.
    #[must_use]
    pub fn to_type(&self) -> String {
        match &self.nats {
            Some(url) if std::env::var(URL).as_ref() != Ok(url) => format!(" --nats {}", masked(url)),
            Some(_) | None => String::new(),
        }
    }

    fn url(&self) -> &str {
        self.nats.as_deref().unwrap_or(DEFAULT_URL)
    }

    fn options(&self) -> Result<NatsOptions, BusError> {
        let identity = self.nats_cert.clone().zip(self.nats_key.clone());
        let tls = Tls { ca: self.nats_ca.clone(), identity };
        Ok(NatsOptions { login: self.login()?, tls, ..NatsOptions::new(self.url()) })
    }

    fn login(&self) -> Result<Login, BusError> {
        let wrong = |what: &str| BusError::Unusable { what: what.to_owned(), source: None };
        let password = place(self.nats_password_file.as_ref(), PASSWORD);
        let user = match (&self.nats_user, password) {
            (Some(name), Some(password)) => Some(Login::User { name: name.clone(), password }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(wrong(
                    "--nats-user has no password: set MIGCTL_NATS_PASSWORD, or name its file with --nats-password-file",
                ));
            }
            (None, Some(_)) => {
                return Err(wrong(
                    "there is a password for NATS and no user: name one with --nats-user or MIGCTL_NATS_USER",
                ));
            }
        };
        let token = place(self.nats_token_file.as_ref(), TOKEN).map(Login::Token);
        let nkey = self.nats_nkey.clone().map(Login::Nkey);
        let creds = self.nats_creds.clone().map(Login::Creds);
        let mut given = [user, token, nkey, creds].into_iter().flatten();
        match (given.next(), given.next()) {
            (login, None) => Ok(login.unwrap_or_default()),
            (_, Some(_)) => Err(wrong(
                "more than one way to log in to NATS: of --nats-user, --nats-token-file, --nats-nkey, --nats-creds and \
                 their environment variables leave only one",
            )),
        }
    }
}

/// A file that is named comes before a variable that is set.
fn place(file: Option<&PathBuf>, variable: &'static str) -> Option<SecretPlace> {
    let in_environment = || std::env::var_os(variable).map(|_| SecretPlace::Variable(variable));
    file.cloned().map(SecretPlace::File).or_else(in_environment)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        nats: NatsArgs,
    }

    fn login(arguments: &[&str]) -> Result<Login, String> {
        let cli = Cli::try_parse_from([&["program"], arguments].concat()).map_err(|error| error.to_string())?;
        cli.nats.login().map_err(|error| error.to_string())
    }

    #[test]
    fn there_is_one_way_to_log_in() {
        assert_eq!(login(&[]), Ok(Login::Url));
        assert_eq!(login(&["--nats-nkey", "me.nk"]), Ok(Login::Nkey("me.nk".into())));
        let password = SecretPlace::File("p".into());
        let user = Login::User { name: "me".to_owned(), password };
        assert_eq!(login(&["--nats-user", "me", "--nats-password-file", "p"]), Ok(user));
        for (arguments, said) in [
            (&["--nats-nkey", "me.nk", "--nats-creds", "me.creds"][..], "more than one way"),
            (&["--nats-user", "me"], "has no password"),
            (&["--nats-password-file", "p"], "and no user"),
            (&["--nats-cert", "c.pem"], "--nats-key <FILE>"),
        ] {
            let error = login(arguments).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
