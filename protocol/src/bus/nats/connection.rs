//! The connection: where to, as whom, and what is known of it.
//!
//! In: URLs. Out: a client of a server that can do what is needed, or what to do about it.
//! Holds: a password never gets into a message.

use std::time::Duration;

use async_nats::connection::State;
use async_nats::{AuthError, Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use tokio::sync::watch;

use super::error::causes;
use super::login::{self, Login, wrong};
use super::tls;
use super::{NatsOptions, masked};
use crate::bus::BusError;

/// The oldest server whose buckets and streams work as needed: major and minor version.
const SERVER_MIN: (u64, u64) = (2, 10);

/// From here on marks of deleted keys can die.
const SERVER_MARKS_DIE: (u64, u64) = (2, 11);

/// How long a server may take to answer at the start.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How soon a dead connection is noticed: after two pings without an answer.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// A connection; it comes back by itself when it is lost.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) client: Client,
    /// The URL, without its password.
    pub(super) shown: String,
    /// Whether marks of deleted keys can die.
    pub(super) marks_die: bool,
    losses: watch::Receiver<u64>,
}

impl Connection {
    /// Connects to one of the servers in the URL, a list separated by commas.
    pub(super) async fn open(options: &NatsOptions) -> Result<Self, BusError> {
        let shown = masked(&options.url);
        let servers = options.url.split(',').map(|url| url.trim().parse::<ServerAddr>());
        let servers: Vec<ServerAddr> = servers.collect::<Result<_, _>>().map_err(|source| {
            let what = format!("{shown} is no NATS URL: nats://host:4222, or several separated by commas");
            BusError::Unusable { what, source: Some(Box::new(source)) }
        })?;
        let in_url = login::in_url(&servers);
        if options.login != Login::Url && (in_url.username.is_some() || in_url.token.is_some()) {
            let what = format!("{shown} has credentials, and others are given besides it: leave one of them out");
            return Err(wrong(what));
        }
        // What can't be read is told before anybody is spoken to.
        options.login.auth(&in_url, b"").await?;
        let (count_loss, losses) = watch::channel(0_u64);
        let login = options.login.clone();
        let sent = in_url.clone();
        let client = ConnectOptions::with_auth_callback(move |nonce| {
            let (login, sent) = (login.clone(), sent.clone());
            async move { login.auth(&sent, &nonce).await.map_err(AuthError::new) }
        })
        .name("migctl")
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .event_callback(move |event| {
            note(&event, &count_loss);
            std::future::ready(())
        });
        let client = options.tls.apply(client).await?.connect(servers).await;
        let client = client.map_err(|error| not_connected(&shown, options, &options.login.refused(&in_url), error))?;
        let version = client.server_info().version;
        let marks_die = match parse_version(&version) {
            Some(found) if found < SERVER_MIN => {
                let (major, minor) = SERVER_MIN;
                let what = format!("the NATS server at {shown} is {version}; {major}.{minor} or newer is needed");
                return Err(BusError::Unusable { what, source: None });
            }
            found => found.is_none_or(|found| found >= SERVER_MARKS_DIE),
        };
        Ok(Self { client, shown, marks_die, losses })
    }

    /// Whether it is there now.
    pub(super) fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// What waits until the connection is lost the next time; take it before what might be lost begins.
    pub(super) fn loss(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut losses = self.losses.clone();
        losses.mark_unchanged();
        async move {
            // An error says that the client is gone, and the connection with it.
            let _ = losses.changed().await;
        }
    }
}

fn note(event: &Event, count_loss: &watch::Sender<u64>) {
    match event {
        Event::Connected => tracing::info!("connected to NATS"),
        Event::Disconnected => {
            tracing::warn!("the connection to NATS is lost; trying again");
            count_loss.send_modify(|count| *count = count.wrapping_add(1));
        }
        Event::Closed => count_loss.send_modify(|count| *count = count.wrapping_add(1)),
        Event::ServerError(error) => tracing::warn!(%error, "NATS reports an error"),
        Event::ClientError(error) => tracing::warn!(%error, "the NATS client reports an error"),
        Event::SlowConsumer(_) | Event::LameDuckMode | Event::Draining => {
            tracing::debug!(%event, "NATS connection event");
        }
    }
}

fn not_connected(shown: &str, options: &NatsOptions, refused: &str, error: async_nats::ConnectError) -> BusError {
    let of_tls = causes(&error).find_map(tls::of).map(|failure| tls::told(shown, &options.tls, failure));
    let what = match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            format!("NATS at {shown} {refused}")
        }
        ConnectErrorKind::Tls => format!("no TLS connection to NATS at {shown}"),
        ConnectErrorKind::ServerParse
        | ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => match of_tls {
            Some(told) => told,
            None => {
                return BusError::Unavailable { what: format!("connect to NATS at {shown}"), source: Box::new(error) };
            }
        },
    };
    BusError::Unusable { what, source: Some(Box::new(error)) }
}

/// Major and minor version; `None` for a version that is written in another way.
fn parse_version(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.trim_start_matches('v').split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(parse_version("2.9.10").unwrap() < SERVER_MIN);
        assert!(parse_version("2.10.0-beta.1").unwrap() >= SERVER_MIN);
        assert!(parse_version("v2.15.1").unwrap() >= SERVER_MARKS_DIE);
        assert_eq!(parse_version("nightly"), None);
    }

    #[tokio::test]
    async fn a_wrong_url_fails_at_once_and_is_named_without_its_password() {
        let refused = Connection::open(&NatsOptions::new("nats://me:secret@127.0.0.1:1")).await.unwrap_err();
        assert!(refused.is_transient());
        assert_eq!(refused.to_string(), "the bus does not answer: connect to NATS at nats://***@127.0.0.1:1");
        let no_url = Connection::open(&NatsOptions::new("http://me:secret@host")).await.unwrap_err();
        assert!(!no_url.is_transient() && no_url.to_string().starts_with("http://***@host is no NATS URL"), "{no_url}");
    }
}
