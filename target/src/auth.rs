//! Who we are to a cluster: secrets that are never printed, and how they are shown to the server.
//!
//! In: [`Auth`]. Out: one header for all requests, or a signature for each (`sigv4`); and what to tell a person where
//! the server doesn't believe it.
//! Not here: where secrets are read, certificates (`tls`).

use std::fmt;

use aws_credential_types::provider::SharedCredentialsProvider;
use base64::Engine;
use reqwest::header::HeaderValue;

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    text: String,
    place: Option<String>,
}

impl Secret {
    /// Keeps `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), place: None }
    }

    /// Keeps `text`, which was read from `place`: `environment variable TARGET_PASSWORD`, for messages.
    #[must_use]
    pub fn read_from(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { text: text.into(), place: Some(place.into()) }
    }

    pub(crate) fn expose(&self) -> &str {
        &self.text
    }

    /// `, whose KIND is in PLACE`, where the place is known.
    fn told(&self, kind: &str) -> String {
        self.place.as_ref().map(|place| format!(", whose {kind} is in {place}")).unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How to say who we are.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// HTTP basic authentication.
    Basic {
        /// The user; holds no `:`.
        username: String,
        /// The password.
        password: Secret,
    },
    /// `Authorization: Bearer …`.
    Bearer(Secret),
    /// `Authorization: ApiKey …`: the base64 of `id:key`.
    ApiKey(Secret),
    /// Each request is signed, as Amazon wants it.
    SigV4 {
        /// The region, `eu-central-1`.
        region: String,
        /// The service's name in signatures, `es` or `aoss`.
        service: &'static str,
        /// Asked before each request; keeps what is still good.
        credentials: SharedCredentialsProvider,
    },
}

impl Auth {
    /// The header that every request carries.
    ///
    /// # Errors
    /// What HTTP can't carry.
    pub(crate) fn header(&self) -> Result<Option<HeaderValue>, &'static str> {
        let text = match self {
            Self::None | Self::SigV4 { .. } => return Ok(None),
            Self::Basic { username, .. } if username.contains(':') => {
                return Err("HTTP can't carry a user with `:` in its name");
            }
            Self::Basic { username, password } => {
                let both = format!("{username}:{}", password.expose());
                format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(both))
            }
            Self::Bearer(token) => format!("Bearer {}", token.expose()),
            Self::ApiKey(key) => format!("ApiKey {}", key.expose()),
        };
        let carried = text.bytes().all(|byte| (b' '..0x7f).contains(&byte));
        let mut value = HeaderValue::try_from(text).ok().filter(|_| carried).ok_or(match self {
            Self::ApiKey(_) => "an API key is one line of base64, and this is none",
            _ => "a token is one line of plain letters, and this is none",
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// What `field.auth` says, for messages: `target.auth.basic, whose password is in environment variable X`.
    pub(crate) fn told(&self, field: &str) -> String {
        match self {
            Self::None => format!("{field}.auth, which is not set"),
            Self::Basic { username, password } => {
                format!("{field}.auth.basic (user {username}){}", password.told("password"))
            }
            Self::Bearer(token) => format!("{field}.auth.bearer{}", token.told("token")),
            Self::ApiKey(key) => format!("{field}.auth.apiKey{}", key.told("key")),
            Self::SigV4 { region, service, .. } => format!(
                "{field}.auth.sigv4 (region {region}, service {service}) and the AWS credentials that are found where the \
                 worker runs"
            ),
        }
    }

    /// What to do where the server answers 401 or 403.
    pub(crate) fn advice(&self, field: &str, status: u16) -> String {
        match (self, status) {
            (Self::None, 401) => format!("the server wants to know who is asking: set {field}.auth"),
            (_, 401) => format!("check {}", self.told(field)),
            _ => format!("check {}, and what may be done so on the server", self.told(field)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(username: &str) -> Auth {
        let password = Secret::read_from("environment variable PASSWORD", "hunter2");
        Auth::Basic { username: username.into(), password }
    }

    #[test]
    fn a_header_says_who_we_are_and_is_not_printed() {
        for (auth, expected) in [
            (basic("admin"), "Basic YWRtaW46aHVudGVyMg=="),
            (Auth::Bearer(Secret::new("a.b-c")), "Bearer a.b-c"),
            (Auth::ApiKey(Secret::new("aWQ6a2V5")), "ApiKey aWQ6a2V5"),
        ] {
            let header = auth.header().unwrap().unwrap();
            assert_eq!(header.to_str().unwrap(), expected);
            let printed = format!("{auth:?} {header:?} {}", auth.advice("target", 401));
            assert!(!printed.contains("hunter2") && !printed.contains(expected), "{printed}");
        }
        assert_eq!(Auth::None.header(), Ok(None));
    }

    #[test]
    fn what_http_cannot_carry_is_refused() {
        assert!(basic("a:b").header().unwrap_err().contains("`:`"));
        for text in ["hunter2\nx", "hunter2\u{e9}", "hunter2\0"] {
            let error = Auth::Bearer(Secret::new(text)).header().unwrap_err();
            assert_eq!(error, "a token is one line of plain letters, and this is none");
            let error = Auth::ApiKey(Secret::new(text)).header().unwrap_err();
            assert_eq!(error, "an API key is one line of base64, and this is none");
        }
    }

    #[test]
    fn the_advice_names_the_field_and_the_place_of_the_secret() {
        let told = "source.auth.basic (user admin), whose password is in environment variable PASSWORD";
        assert_eq!(basic("admin").advice("source", 401), format!("check {told}"));
        let may = "and what may be done so on the server";
        assert_eq!(basic("admin").advice("source", 403), format!("check {told}, {may}"));
        assert!(Auth::None.advice("target", 401).ends_with("set target.auth"));
    }
}
