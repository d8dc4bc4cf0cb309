//! An HTTPS server that stands before a real one and lets only those through who can say who they are.
//!
//! In: the address of a server that knows no authentication. Out: a [`Front`] with a certificate of an [`Authority`],
//! which asks for a client certificate where it is told to, checks what the [`Guard`] wants, answers others with the
//! words of the real products, and hands everything else on as it came.
//!
//! Holds: nothing that is checked here uses the code that is tested; a signature is computed anew from Amazon's
//! description ([`sigv4`]).

pub mod authority;
pub mod guard;
pub mod sigv4;

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use authority::Authority;
pub use guard::Guard;

use guard::Refusal;

/// What a [`Front`] is like.
#[derive(Debug)]
pub struct Options<'a> {
    /// The server behind, `http://127.0.0.1:9200`.
    pub behind: String,
    /// What is asked of everybody.
    pub guard: Guard,
    /// Who made the certificate of the front.
    pub authority: &'a Authority,
    /// The names in it.
    pub names: &'a [&'a str],
    /// Who made the certificates that clients must have; `None`: they need none.
    pub clients: Option<&'a Authority>,
    /// It tells nobody what it is, as serverless collections do.
    pub tells_nothing: bool,
}

impl<'a> Options<'a> {
    /// A front for this machine that asks for no client certificate.
    pub fn new(behind: &str, authority: &'a Authority, guard: Guard) -> Self {
        let names = &["127.0.0.1", "localhost"];
        Self { behind: behind.to_owned(), guard, authority, names, clients: None, tells_nothing: false }
    }
}

/// A running front; ends when dropped.
#[derive(Debug)]
pub struct Front {
    port: u16,
    passed: Arc<AtomicUsize>,
    runtime: Option<Runtime>,
}

impl Front {
    /// Starts to listen on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// A certificate can't be made, or nothing can be listened on.
    pub fn start(options: &Options<'_>) -> Result<Self> {
        let acceptor = TlsAcceptor::from(Arc::new(tls(options)?));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        // Not tokio's: a test may call this inside its own runtime, which must not be blocked on.
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("listen")?;
        listener.set_nonblocking(true).context("listen")?;
        let port = listener.local_addr().context("ask for the port")?.port();
        let passed = Arc::new(AtomicUsize::new(0));
        let door = Arc::new(Door {
            behind: options.behind.clone(),
            guard: options.guard.clone(),
            tells_nothing: options.tells_nothing,
            client: reqwest::Client::builder().no_proxy().build().context("make an HTTP client")?,
            passed: passed.clone(),
        });
        runtime.spawn(accept(listener, acceptor, door));
        Ok(Self { port, passed, runtime: Some(runtime) })
    }

    /// `https://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Requests that were let through so far.
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background(); // a test's own runtime may be around: nothing may block
        }
    }
}

fn tls(options: &Options<'_>) -> Result<ServerConfig> {
    // An error means that the process has a provider already.
    rustls::crypto::ring::default_provider().install_default().ok();
    let builder = ServerConfig::builder();
    let builder = match options.clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der().clone()).context("trust an authority")?;
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().context("verify clients")?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let certificate = options.authority.server(options.names)?;
    builder.with_single_cert(vec![certificate.der()?], certificate.key_der()?).context("use a certificate")
}

async fn accept(listener: std::net::TcpListener, acceptor: TlsAcceptor, door: Arc<Door>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(stream, acceptor.clone(), door.clone()));
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, door: Arc<Door>) {
    let stream = match acceptor.accept(stream).into_fallible().await {
        Ok(stream) => stream,
        Err((_, stream)) => return part(stream).await.unwrap_or_default(),
    };
    let service = service_fn(|request| door.answer(request));
    // A client that goes away in the middle is its own business.
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

/// Ends a connection whose other side has sent more than was read: were it just closed, the alert that tells the client
/// why could be lost.
async fn part(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

/// What every request passes.
struct Door {
    behind: String,
    guard: Guard,
    tells_nothing: bool,
    client: reqwest::Client,
    passed: Arc<AtomicUsize>,
}

impl Door {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let answer = self.pass(request).await;
        Ok(answer.unwrap_or_else(|error| response(StatusCode::BAD_GATEWAY, "text/plain", format!("{error:#}").into())))
    }

    async fn pass(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.context("read the request")?.to_bytes();
        if let Err(Refusal { status, body }) = self.guard.check(&head, &body) {
            let kind = if body.starts_with('{') { "application/json" } else { "text/plain" };
            return Ok(response(StatusCode::from_u16(status)?, kind, body.into()));
        }
        let path = head.uri.path_and_query().context("a path")?.as_str();
        if self.tells_nothing && head.method == Method::GET && (path == "/" || path.starts_with("/_nodes")) {
            return Ok(response(StatusCode::NOT_FOUND, "text/plain", Bytes::new()));
        }
        self.passed.fetch_add(1, Ordering::SeqCst);
        let mut onward = self.client.request(head.method, format!("{}{path}", self.behind)).body(body);
        if let Some(kind) = head.headers.get("content-type") {
            onward = onward.header("content-type", kind);
        }
        let answer = onward.send().await.context("ask the server behind")?;
        let status = answer.status();
        let kind =
            answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
        Ok(response(status, &kind, answer.bytes().await.context("read the answer of the server behind")?))
    }
}

fn response(status: StatusCode, kind: &str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    if let Ok(kind) = kind.parse() {
        response.headers_mut().insert("content-type", kind);
    }
    response
}
