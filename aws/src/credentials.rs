//! Who we are to Amazon: keys, found where Amazon's tools look for them, and found again before they expire.
//!
//! In: nothing but the machine we run on. Out: a provider to be asked before every request, and the reason where it has
//! nothing. The places, in their order: environment, profile, web identity, container, instance.
//! Holds: the places are asked again only when what they gave is about to expire; keys are never logged.

use std::error::Error;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_async::time::SharedTimeSource;
use tokio::sync::Mutex;

use crate::chain;

/// How long before they expire credentials are asked for again: Amazon has new ones five minutes before.
const REFRESH_BEFORE: Duration = Duration::from_secs(4 * 60);

/// How long credentials are kept that don't say when they expire.
const KEPT: Duration = Duration::from_secs(15 * 60);

/// Where the chain looks, in its order, as [`why_none`] says it.
const PLACES: &str = "the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), the profile (AWS_PROFILE in \
                      ~/.aws/config and ~/.aws/credentials), web identity (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN), \
                      the container (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI) and the instance's metadata \
                      service";

/// The credentials of the machine we run on; `region` is where roles are assumed, absent: the one that is configured
/// here.
///
/// Nobody is asked for credentials yet: whether there are any comes out when the provider is asked. It keeps what it
/// gave until shortly before that expires, so it may be asked for every request.
pub async fn credentials(region: Option<&str>) -> SharedCredentialsProvider {
    of(&chain::loader(region).load().await)
}

/// The credentials of `config`, kept.
pub(crate) fn of(config: &SdkConfig) -> SharedCredentialsProvider {
    let clock = config.time_source().unwrap_or_default();
    match config.credentials_provider() {
        Some(chain) => SharedCredentialsProvider::new(Kept { chain, clock, kept: Mutex::new(None) }),
        None => SharedCredentialsProvider::new(Nothing),
    }
}

/// Why a provider had no credentials, for a person, with what can be done.
#[must_use]
pub fn why_none(error: &CredentialsError) -> String {
    let causes = causes(error);
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            format!("no AWS credentials were found: looked at {PLACES}")
        }
        CredentialsError::InvalidConfiguration(_) => format!("the AWS credentials are not configured right: {causes}"),
        _ => format!("the AWS credentials could not be fetched: {causes}"),
    }
}

/// What lies below an error, the topmost first; the error itself where nothing does.
fn causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}

/// What a chain gave, until shortly before it expires.
#[derive(Debug)]
struct Kept {
    chain: SharedCredentialsProvider,
    clock: SharedTimeSource,
    /// Held while the chain is asked, so that it is asked once however many requests wait.
    kept: Mutex<Option<Known>>,
}

#[derive(Debug)]
struct Known {
    credentials: Credentials,
    ask_again: std::time::SystemTime,
}

impl Kept {
    async fn current(&self) -> provider::Result {
        let mut kept = self.kept.lock().await;
        let now = self.clock.now();
        if let Some(known) = kept.as_ref().filter(|known| now < known.ask_again) {
            return Ok(known.credentials.clone());
        }
        match self.chain.provide_credentials().await {
            Ok(credentials) => {
                let ask_again = match credentials.expiry() {
                    Some(expiry) => expiry.checked_sub(REFRESH_BEFORE).unwrap_or(now),
                    None => now.checked_add(KEPT).unwrap_or(now),
                };
                *kept = Some(Known { credentials: credentials.clone(), ask_again });
                Ok(credentials)
            }
            // The place they come from is down; they are good for some minutes yet.
            Err(error) => match kept.as_ref().map(|known| &known.credentials) {
                Some(old) if old.expiry().is_some_and(|expiry| now < expiry) => {
                    tracing::warn!(error = why_none(&error), "AWS credentials could not be renewed yet");
                    Ok(old.clone())
                }
                _ => Err(error),
            },
        }
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.current())
    }
}

/// A chain without places.
#[derive(Debug)]
struct Nothing;

impl ProvideCredentials for Nothing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded_no_source()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{SystemTime, UNIX_EPOCH};

    use aws_smithy_async::time::TimeSource;

    use super::*;

    /// Gives credentials that are good for ten minutes, numbered; from minute 30 on it has none.
    #[derive(Debug)]
    struct Place(Clock, AtomicU64);

    #[derive(Debug, Clone, Default)]
    struct Clock(Arc<AtomicU64>);

    impl TimeSource for Clock {
        fn now(&self) -> SystemTime {
            UNIX_EPOCH + Duration::from_secs(60 * self.0.load(Ordering::SeqCst))
        }
    }

    impl ProvideCredentials for Place {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            if self.0.now() >= UNIX_EPOCH + Duration::from_secs(60 * 30) {
                return future::ProvideCredentials::ready(Err(CredentialsError::provider_error("it is down")));
            }
            let number = self.1.fetch_add(1, Ordering::SeqCst);
            let expiry = self.0.now() + Duration::from_secs(600);
            let credentials = Credentials::new(number.to_string(), "secret", None, Some(expiry), "test");
            future::ProvideCredentials::ready(Ok(credentials))
        }
    }

    #[tokio::test]
    async fn credentials_are_kept_until_shortly_before_they_expire() {
        let clock = Clock::default();
        let place = Place(clock.clone(), AtomicU64::new(0));
        let kept = Kept {
            chain: SharedCredentialsProvider::new(place),
            clock: SharedTimeSource::new(clock.clone()),
            kept: Mutex::new(None),
        };
        for (minute, expected) in [(0, "0"), (5, "0"), (6, "1"), (11, "1"), (25, "2"), (31, "2"), (34, "2")] {
            clock.0.store(minute, Ordering::SeqCst);
            let given = kept.provide_credentials().await.unwrap();
            assert_eq!(given.access_key_id(), expected, "minute {minute}");
        }
        clock.0.store(35, Ordering::SeqCst);
        let error = kept.provide_credentials().await.unwrap_err();
        assert_eq!(why_none(&error), "the AWS credentials could not be fetched: it is down");
    }
}
