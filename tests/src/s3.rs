//! An S3 server over a folder, inside the test's process: it checks signatures, and fails when it is told to.
//!
//! A folder in its folder is a bucket, a file below that an object. What real S3 does and this one doesn't: a missing
//! bucket is said to be a missing key by everything but listings.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll};

use anyhow::{Context, Result};
use async_trait::async_trait;
use bytes::Bytes;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, S3Result, s3_error};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::servers::Options;

/// The only access key that the server knows.
pub const ACCESS_KEY: &str = "AKIAMIGCTLTESTS";
/// Its secret.
pub const SECRET_KEY: &str = "a/secret+key";

/// What the server does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It answers any request with this status and code.
    Says(u16, &'static str),
    /// It closes the connection after so many bytes of an object.
    Cut(usize),
    /// It sends so many bytes of an object, and then nothing, for ever.
    Stall(usize),
}

/// What the connections share.
#[derive(Debug, Default)]
struct Shared {
    faults: Mutex<VecDeque<Fault>>,
    requests: Mutex<Vec<String>>,
}

/// A running server; ends when it is dropped.
#[derive(Debug)]
pub struct S3Server {
    port: u16,
    folder: TempDir,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

impl S3Server {
    /// Starts a server without buckets.
    ///
    /// # Errors
    /// No port, or no folder.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("migctl-s3-").tempdir().context("create the server's folder")?;
        let files = s3s_fs::FileSystem::new(folder.path()).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(OneKey);
        let (service, shared) = (service.build(), Arc::new(Shared::default()));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("make the server's runtime")?;
        // Bound before the runtime has it: a test may be in a runtime of its own, where none can be waited for.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("take a port")?;
        listener.set_nonblocking(true).context("take a port")?;
        let port = listener.local_addr().context("take a port")?.port();
        runtime.spawn(serve(listener, service, shared.clone()));
        Ok(Self { port, folder, shared, runtime: Some(runtime) })
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The folder of the bucket `name`, made if need be.
    ///
    /// # Errors
    /// It can't be made.
    pub fn bucket(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        Ok(folder)
    }

    /// Copies the tree `from` to the key prefix `to` of the bucket `name`.
    ///
    /// # Errors
    /// It can't be read or written.
    pub fn upload(&self, name: &str, to: &str, from: &Path) -> Result<()> {
        copy(from, &self.bucket(name)?.join(to))
    }

    /// The next requests that they are about meet these faults, one each.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.shared.faults).extend(faults);
    }

    /// The faults that no request has met yet.
    #[must_use]
    pub fn faults_left(&self) -> usize {
        lock(&self.shared.faults).len()
    }

    /// The requests so far, `GET /bucket/key?query`, and takes them away.
    #[must_use]
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.shared.requests))
    }

    /// A server of OpenSearch 3 that writes snapshots here: by its client `default`, and by `wrong`, which has another
    /// secret key.
    #[must_use]
    pub fn source(&self) -> Options {
        let mut options = Options { repository_s3: true, ..Options::default() };
        for (client, secret_key) in [("default", SECRET_KEY), ("wrong", "another secret key")] {
            let setting = |name: &str, value: &str| (format!("s3.client.{client}.{name}"), value.to_owned());
            let settings = [("endpoint", self.url().as_str()), ("path_style_access", "true"), ("region", "us-east-1")]
                .map(|(name, value)| setting(name, value));
            options.settings.extend(settings);
            options.secrets.extend([setting("access_key", ACCESS_KEY), setting("secret_key", secret_key)]);
        }
        options
    }

    /// What the environment of a program must say for it to have this server's keys; no other place is looked at.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        environment(ACCESS_KEY, SECRET_KEY)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // To wait for it is forbidden inside a runtime, where the test may be.
            runtime.shutdown_background();
        }
    }
}

/// What the environment of a program must say for it to have these keys.
#[must_use]
pub fn environment(access_key: &str, secret_key: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", access_key.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", secret_key.to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
}

/// Knows [`ACCESS_KEY`]; says of others what Amazon says.
struct OneKey;

#[async_trait]
impl S3Auth for OneKey {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == ACCESS_KEY {
            return Ok(SecretKey::from(SECRET_KEY));
        }
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        Err(s3_error!(InvalidAccessKeyId, "{}", message))
    }
}

async fn serve(listener: std::net::TcpListener, service: S3Service, shared: Arc<Shared>) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        connections.spawn(connection(stream, service.clone(), shared.clone()));
        // Those that ended are let go of.
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, service: S3Service, shared: Arc<Shared>) {
    let answer = service_fn(move |request: http::Request<Incoming>| {
        let (service, shared) = (service.clone(), shared.clone());
        async move { answer(&service, &shared, request).await }
    });
    // The client sees how it ended; nobody else wants to know.
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), answer)
        .await
        .ok();
}

async fn answer(
    service: &S3Service,
    shared: &Shared,
    request: http::Request<Incoming>,
) -> Result<http::Response<Body>, HttpError> {
    lock(&shared.requests).push(format!("{} {}", request.method(), request.uri()));
    let is_object = request.method() == http::Method::GET && request.uri().path().matches('/').count() > 1;
    let fault = take_fault(shared, is_object);
    let request = request.map(Body::from);
    match fault {
        Some(Fault::Says(status, code)) => Ok(refusal(status, code)),
        Some(Fault::Cut(after)) => Ok(service.call(request).await?.map(|body| spoiled(body, after, true))),
        Some(Fault::Stall(after)) => Ok(service.call(request).await?.map(|body| spoiled(body, after, false))),
        None => service.call(request).await,
    }
}

fn take_fault(shared: &Shared, is_object: bool) -> Option<Fault> {
    let mut faults = lock(&shared.faults);
    match faults.front()? {
        Fault::Says(..) => faults.pop_front(),
        Fault::Cut(_) | Fault::Stall(_) if is_object => faults.pop_front(),
        _ => None,
    }
}

fn refusal(status: u16, code: &str) -> http::Response<Body> {
    let text = format!("<Error><Code>{code}</Code><Message>The test wants {code}.</Message></Error>");
    let mut response = http::Response::new(Body::from(text));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("x-amz-bucket-region", http::HeaderValue::from_static("eu-central-1"));
    response
}

fn spoiled(body: Body, after: usize, cut: bool) -> Body {
    Body::http_body_unsync(Spoiled { body: Box::pin(body), left: after, paused: false, cut })
}

/// The beginning of a body.
struct Spoiled {
    body: Pin<Box<Body>>,
    left: usize,
    paused: bool,
    /// Whether it then ends, or stalls.
    cut: bool,
}

impl hyper::body::Body for Spoiled {
    type Data = Bytes;
    type Error = s3s::StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, s3s::StdError>>> {
        if self.left == 0 {
            if !self.paused {
                // What was sent so far must not stay in the server's buffer.
                self.paused = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let over = std::io::Error::other("the test wants the body to end here");
            return if self.cut { Poll::Ready(Some(Err(over.into()))) } else { Poll::Pending };
        }
        let frame = task::ready!(self.body.as_mut().poll_frame(context));
        Poll::Ready(frame.map(|frame| {
            let frame = frame?;
            let Ok(mut data) = frame.into_data() else { return Ok(Frame::data(Bytes::new())) };
            data.truncate(self.left);
            self.left -= data.len();
            Ok(Frame::data(data))
        }))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        std::fs::create_dir_all(to).with_context(|| format!("create {}", to.display()))?;
        for entry in std::fs::read_dir(from).with_context(|| format!("list {}", from.display()))? {
            let entry = entry.with_context(|| format!("list {}", from.display()))?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    }
    std::fs::copy(from, to).with_context(|| format!("copy {} to {}", from.display(), to.display()))?;
    Ok(())
}
