//! HTTP with one cluster: who we are, how long we wait, and raw requests.
//!
//! In: [`ClusterOptions`]. Out: a [`Cluster`], a cheap handle on a pool of connections, whose calls are in this file,
//! in [`admin`](crate::admin) and in [`bulk`](mod@crate::bulk).
//!
//! Holds: secrets are in headers and nowhere else; an answer is never held beyond a bound; redirects are not followed and
//! proxies of the environment are not used, so what is said goes to the endpoint and nowhere else.
//! Not here: what answers mean, who we are (`auth`), certificates (`tls`).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, Url};
use serde_json::Value;

use crate::admin::{Product, Version};
use crate::answer;
use crate::auth::Auth;
use crate::error::{TargetError, chain};
use crate::outcome::{self, Meaning};
use crate::sigv4::{Signer, Unsigned};
use crate::tls::{Advice, Connection, Facts, Tls};

/// Longest answer that is read; mappings and error texts of thousands of documents are far below.
const ANSWER_BYTES_MAX: usize = 128 << 20;

/// How to reach a cluster.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The address, from [`Endpoint::Cluster`](crate::Endpoint::Cluster).
    pub endpoint: Url,
    /// What the configuration calls it, `source` or `target`: messages name its fields.
    pub field: &'static str,
    /// Who we are.
    pub auth: Auth,
    /// Certificates.
    pub tls: Tls,
    /// What it is where it doesn't say so itself.
    pub version: Option<(Product, Version)>,
    /// Time to connect, TLS included.
    pub connect_timeout: Duration,
    /// Time from the first byte sent to the last byte received. Above the minute for which a server waits for a shard
    /// before it answers 503, and below the two minutes after which a worker without an event loses its task.
    pub request_timeout: Duration,
}

impl ClusterOptions {
    /// A target; no authentication, 10 s to connect, 90 s for a request.
    #[must_use]
    pub fn new(endpoint: Url) -> Self {
        let (connect_timeout, request_timeout) = (Duration::from_secs(10), Duration::from_secs(90));
        let (auth, tls) = (Auth::None, Tls::default());
        Self { endpoint, field: "target", auth, tls, version: None, connect_timeout, request_timeout }
    }
}

/// One cluster. Clones share the connections.
#[derive(Clone)]
pub struct Cluster {
    http: Client,
    /// The address without a slash at its end.
    base: Arc<str>,
    who: Arc<Who>,
    /// Whether it ever answered.
    heard: Arc<AtomicBool>,
}

/// What was said of the cluster when it was connected.
struct Who {
    field: &'static str,
    auth: Auth,
    signer: Option<Signer>,
    tls: Facts,
    version: Option<(Product, Version)>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client would print its headers.
        f.debug_tuple("Cluster").field(&self.base).finish()
    }
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// No answer.
#[derive(Debug)]
pub(crate) struct Lost {
    /// What happened instead.
    pub why: String,
    /// There was no connection, so nothing was sent.
    pub unsent: bool,
    /// Waiting doesn't mend it; what does.
    pub advice: Option<String>,
}

impl Lost {
    fn new(why: String) -> Self {
        Self { why, unsent: false, advice: None }
    }
}

impl Cluster {
    /// Makes a client; nothing is sent before the first call.
    ///
    /// # Errors
    /// [`TargetError::Endpoint`] for a user or a token that HTTP can't carry, [`TargetError::Certificates`] for
    /// certificates that are none, [`TargetError::Client`] where TLS can't be set up.
    pub fn connect(options: &ClusterOptions) -> Result<Self, TargetError> {
        // Fails where somebody else of this process installed a provider before: as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let base = options.endpoint.as_str().trim_end_matches('/');
        let mut headers = HeaderMap::new();
        if let Some(value) = options.auth.header().map_err(|why| endpoint_error(base, why))? {
            headers.insert(AUTHORIZATION, value);
        }
        let builder = Client::builder()
            .default_headers(headers)
            .connect_timeout(options.connect_timeout)
            .timeout(options.request_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // A connection per request in flight: one that breaks takes one request with it.
            .http1_only();
        let builder = options.tls.configure(builder, &options.endpoint, options.field)?;
        let http = builder.build().map_err(|error| options.tls.unfit(error, options.field))?;
        Ok(Self { http, base: Arc::from(base), who: Arc::new(Who::new(options)), heard: Arc::default() })
    }

    /// The address, for messages.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.base
    }

    /// A request of any kind: `path` begins with `/` and is sent as it is (see [`index_path`]).
    ///
    /// # Errors
    /// [`TargetError::Unavailable`] where there is no answer. An answer is no error, whatever its status:
    /// [`Cluster::success`] makes it one.
    pub async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, TargetError> {
        self.raw(method, path, "application/json", body.map(|value| value.to_string().into_bytes())).await
    }

    /// The same with a body of any kind.
    ///
    /// # Errors
    /// As [`Cluster::request`].
    pub async fn raw(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, TargetError> {
        let what = format!("{method} {path}");
        let sent = self.send(method, path, content_type, body.map(Bytes::from)).await;
        sent.map_err(|lost| self.lost(what, 1, Duration::ZERO, lost))
    }

    /// The answer if it is a success; `what` was asked, e.g. `create index orders`.
    ///
    /// # Errors
    /// [`TargetError::Unavailable`] where the target says that it can't at the moment, else [`TargetError::Refused`].
    pub fn success(&self, what: &str, answer: Answer) -> Result<Answer, TargetError> {
        if answer.is_success() {
            return Ok(answer);
        }
        let fault = answer::fault(&answer.body);
        match outcome::meaning(answer.status, Some(&fault)) {
            Meaning::Busy => {
                let last = format!("{} {}: {}", answer.status, fault.kind, fault.reason);
                Err(self.unavailable(what.to_owned(), 1, Duration::ZERO, last))
            }
            Meaning::Target(advice) => Err(self.refused(what, answer.status, fault, advice)),
            Meaning::Denied => Err(self.denied(what, answer.status, fault)),
            Meaning::Document | Meaning::AlreadyThere | Meaning::Written => {
                Err(self.refused(what, answer.status, fault, ""))
            }
        }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: Option<Bytes>,
    ) -> Result<Answer, Lost> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(body) = &body {
            request = request.header(CONTENT_TYPE, content_type).body(body.clone());
        }
        let mut request = request.build().map_err(|error| self.no_answer(error))?;
        if let Some(signer) = &self.who.signer {
            let signed = signer.sign(&mut request, &body.unwrap_or_default()).await;
            signed.map_err(|unsigned| self.unsigned(unsigned))?;
        }
        let mut response = self.http.execute(request).await.map_err(|error| self.no_answer(error))?;
        self.heard.store(true, Ordering::Relaxed);
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.no_answer(error))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(Lost::new(format!("the answer is above {ANSWER_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body: Bytes::from(body) })
    }

    fn no_answer(&self, error: reqwest::Error) -> Lost {
        let Who { field, tls, .. } = &*self.who;
        let connection = Connection { field, tls, heard: self.heard.load(Ordering::Relaxed) };
        let advice = connection.advice(&error);
        let unsent = error.is_connect();
        let why = chain(&error.without_url());
        match advice {
            Some(Advice::Stop(advice)) => Lost { why, unsent, advice: Some(advice) },
            Some(Advice::Maybe(hint)) => Lost { why: format!("{why}; {hint}"), unsent, advice: None },
            None => Lost { why, unsent, advice: None },
        }
    }

    fn unsigned(&self, unsigned: Unsigned) -> Lost {
        let told = self.who.auth.told(self.who.field);
        match unsigned {
            Unsigned::NoCredentials(why) => Lost { why, unsent: true, advice: Some(format!("check {told}")) },
            Unsigned::NotNow(why) => Lost { why: format!("{why}; see {told}"), unsent: true, advice: None },
        }
    }

    /// No answer came to `what`.
    pub(crate) fn lost(&self, what: String, attempts: u32, elapsed: Duration, lost: Lost) -> TargetError {
        match lost.advice {
            Some(advice) => TargetError::Barred { endpoint: self.base.to_string(), what, why: lost.why, advice },
            None => self.unavailable(what, attempts, elapsed, lost.why),
        }
    }

    /// What it is said to be, for where it doesn't tell.
    pub(crate) fn said_version(&self) -> Option<(Product, Version)> {
        self.who.version
    }

    pub(crate) fn unavailable(&self, what: String, attempts: u32, elapsed: Duration, last: String) -> TargetError {
        TargetError::Unavailable { endpoint: self.base.to_string(), what, attempts, elapsed, last }
    }

    pub(crate) fn refused(&self, what: &str, status: u16, fault: answer::Fault, advice: &str) -> TargetError {
        let answer::Fault { kind, reason } = fault;
        let (endpoint, what, advice) = (self.base.to_string(), what.to_owned(), advice.into());
        TargetError::Refused { endpoint, what, status, kind, reason, advice }
    }

    /// It doesn't let us: who we are said to be is what a person looks at.
    pub(crate) fn denied(&self, what: &str, status: u16, fault: answer::Fault) -> TargetError {
        self.refused(what, status, fault, &self.who.auth.advice(self.who.field, status))
    }

    pub(crate) fn malformed(&self, what: &str, why: String) -> TargetError {
        TargetError::Malformed { endpoint: self.base.to_string(), what: what.to_owned(), why }
    }
}

fn endpoint_error(base: &str, why: &str) -> TargetError {
    TargetError::Endpoint { text: base.to_owned(), why: why.to_owned() }
}

impl Who {
    fn new(options: &ClusterOptions) -> Self {
        let signer = match &options.auth {
            Auth::SigV4 { region, service, credentials } => {
                Some(Signer { region: region.clone(), service, credentials: credentials.clone() })
            }
            Auth::None | Auth::Basic { .. } | Auth::Bearer(_) | Auth::ApiKey(_) => None,
        };
        let tls = Facts {
            https: options.endpoint.scheme() == "https",
            identity: options.tls.identity_pem.is_some(),
            authorities: options.tls.ca_pem.is_some(),
        };
        Self { field: options.field, auth: options.auth.clone(), signer, tls, version: options.version }
    }
}

/// `/{name}`, for the path of a request; a name with other characters than plain ones is percent-encoded.
///
/// # Errors
/// [`TargetError::IndexName`] for what no index can be called, since it would mean something else: several indices, an
/// API, or another path.
pub fn index_path(name: &str) -> Result<String, TargetError> {
    let wrong = |why| Err(TargetError::IndexName { name: name.to_owned(), why });
    match name {
        "" => return wrong("it is empty"),
        "." | ".." => return wrong("it is a step in a path"),
        _ => {}
    }
    if name.len() > 255 {
        return wrong("it is longer than 255 bytes");
    }
    if name.starts_with(['_', '-', '+']) {
        return wrong("it begins with `_`, `-` or `+`");
    }
    if name.contains(|c: char| "\\/*?\"<>|,# ".contains(c) || c.is_control()) {
        return wrong("it holds one of \\ / * ? \" < > | , # or a space");
    }
    Ok(format!("/{}", path_segment(name)))
}

/// A name of whatever kind as one step of a path.
#[must_use]
pub fn path_segment(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, PLAIN).to_string()
}

const PLAIN: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

#[cfg(test)]
mod tests {
    use base64::Engine;

    use super::*;
    use crate::auth::Secret;

    #[test]
    fn no_name_reaches_another_path() {
        assert_eq!(index_path("logs-2024.01.01_a").unwrap(), "/logs-2024.01.01_a");
        assert_eq!(index_path(".kibana").unwrap(), "/.kibana");
        assert_eq!(index_path("é%2f:&=").unwrap(), "/%C3%A9%252f%3A%26%3D");
        let long = "x".repeat(256);
        for name in ["", ".", "..", "_all", "-a", "+a", "a/b", "a\\b", "*", "a,b", "a?b", "a#b", "a b", "a\n", &long] {
            let error = index_path(name).unwrap_err();
            assert!(matches!(error, TargetError::IndexName { .. }), "{name:?}: {error}");
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let mut options = ClusterOptions::new(Url::parse("http://localhost:9200").unwrap());
        options.auth = Auth::Basic { username: "admin".into(), password: Secret::new("hunter2") };
        let cluster = Cluster::connect(&options).unwrap();
        let encoded = base64::engine::general_purpose::STANDARD.encode("admin:hunter2");
        let printed = format!("{options:?} {cluster:?} {:?} {}", Secret::new("hunter2"), Secret::new("hunter2"));
        assert!(!printed.contains("hunter2") && !printed.contains(&encoded), "{printed}");
        assert!(printed.contains("***"));
    }

    #[test]
    fn a_user_that_http_cannot_carry_is_refused() {
        let mut options = ClusterOptions::new(Url::parse("http://localhost:9200").unwrap());
        options.auth = Auth::Basic { username: "a:b".into(), password: Secret::new("hunter2") };
        let error = Cluster::connect(&options).unwrap_err().to_string();
        assert!(error.contains("`:`") && !error.contains("hunter2"), "{error}");
    }
}
