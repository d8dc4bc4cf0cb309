//! What a front asks for, and how the real products refuse those who don't have it.

use base64::Engine;
use http::request::Parts;
use serde_json::json;

use super::sigv4;

/// What is asked of every request.
#[derive(Debug, Clone)]
pub enum Guard {
    /// Nothing.
    Nothing,
    /// A user and a password.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: String,
        /// Whether the user may write documents.
        writes: bool,
    },
    /// A bearer token.
    Bearer(String),
    /// An API key: the base64 of `id:key`.
    ApiKey(String),
    /// A signature.
    SigV4(sigv4::Expected),
}

/// An answer to somebody who is not let through.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Guard {
    /// Whether the request is let through.
    ///
    /// # Errors
    /// It isn't.
    pub fn check(&self, head: &Parts, body: &[u8]) -> Result<(), Refusal> {
        let given = head.headers.get("authorization").and_then(|value| value.to_str().ok());
        let path = head.uri.path();
        match self {
            Self::Nothing => Ok(()),
            Self::SigV4(expected) => expected
                .check(head, body)
                .map_err(|said| Refusal { status: 403, body: json!({"message": said}).to_string() }),
            Self::Basic { username, password, writes } => {
                let both = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
                match given {
                    None => {
                        Err(elasticsearch(&format!("missing authentication credentials for REST request [{path}]")))
                    }
                    Some(given) if given != format!("Basic {both}") => Err(elasticsearch(&format!(
                        "unable to authenticate user [{username}] for REST request [{path}]"
                    ))),
                    Some(_) if !writes && path.ends_with("/_bulk") => Err(no_permissions(username)),
                    Some(_) => Ok(()),
                }
            }
            // OpenSearch says no more.
            Self::Bearer(token) if given != Some(&format!("Bearer {token}")) => {
                Err(Refusal { status: 401, body: "Unauthorized".to_owned() })
            }
            Self::ApiKey(key) if given != Some(&format!("ApiKey {key}")) => Err(elasticsearch(
                "unable to authenticate with provided credentials and anonymous access is not allowed for this request",
            )),
            Self::Bearer(_) | Self::ApiKey(_) => Ok(()),
        }
    }
}

/// As the security of Elasticsearch says it.
fn elasticsearch(reason: &str) -> Refusal {
    let header = json!({"WWW-Authenticate": ["Basic realm=\"security\" charset=\"UTF-8\"", "Bearer realm=\"security\"", "ApiKey"]});
    let error = json!({"type": "security_exception", "reason": reason, "header": header});
    let mut whole = error.clone();
    if let Some(whole) = whole.as_object_mut() {
        whole.insert("root_cause".to_owned(), json!([error]));
    }
    Refusal { status: 401, body: json!({"error": whole, "status": 401}).to_string() }
}

/// As the security of OpenSearch says it.
fn no_permissions(username: &str) -> Refusal {
    let reason = format!(
        "no permissions for [indices:data/write/bulk] and User [name={username}, backend_roles=[], requestedTenant=null]"
    );
    let cause = json!({"type": "security_exception", "reason": reason});
    let error = json!({"root_cause": [cause], "type": "security_exception", "reason": reason});
    Refusal { status: 403, body: json!({"error": error, "status": 403}).to_string() }
}
