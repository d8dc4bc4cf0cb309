//! A repository in S3, or in what speaks like it.
//!
//! In: bucket, path, region, endpoint; the credentials of the machine we run on. Out: a [`BlobStore`]. A blob's name is
//! its key behind the path: `s3://bucket/backups/prod` has `index-7` in the key `backups/prod/index-7`.
//!
//! Holds: a read gives exactly what was asked for, though answers break off or stall; it holds no more in memory than
//! was asked for. What S3 refuses is said with its own code and what to do.
//! Not here: who we are (`credentials`), retries of whole requests (the SDK's standard ones).

mod body;
mod failure;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{ResponseChecksumValidation, StalledStreamProtectionConfig};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use bytes::Bytes;
use snapshot::limits::LISTED_MAX;
use snapshot::store::is_inside;
use snapshot::{BlobMeta, BlobStore, StoreError, StoreErrorKind};

use crate::{chain, credentials};

/// Times that the SDK sends a request which fails in a way that passes; it waits up to 20 s in between.
const ATTEMPTS: u32 = 5;
/// Without a connection for so long, a request has failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a byte for so long, a connection is dead.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct S3Options {
    /// The bucket.
    pub bucket: String,
    /// The folder in the bucket, `backups/prod`; `None`: its root.
    pub path: Option<String>,
    /// The bucket's region; `None`: the one that is configured on this machine.
    pub region: Option<String>,
    /// A server that is not Amazon's; it is asked with the bucket in the path.
    pub endpoint: Option<String>,
}

impl S3Options {
    /// The bucket and path of `s3://bucket/path`; `None` for what doesn't begin like that.
    #[must_use]
    pub fn of_url(url: &str) -> Option<Self> {
        let (bucket, path) = match url.strip_prefix("s3://")?.split_once('/') {
            Some((bucket, path)) => (bucket, Some(path.to_owned())),
            None => (url.strip_prefix("s3://")?, None),
        };
        Some(Self { bucket: bucket.to_owned(), path, region: None, endpoint: None })
    }
}

/// The blobs below a path of a bucket.
#[derive(Debug, Clone)]
pub struct S3Store {
    client: Client,
    credentials: SharedCredentialsProvider,
    /// Who is asked, for people.
    server: String,
    bucket: String,
    /// The path with `/` at its end, or nothing.
    base: String,
}

impl S3Store {
    /// The repository at the place that `options` name, as the machine we run on. Nobody is asked for it yet: whether
    /// it is there comes out at the first read.
    ///
    /// # Errors
    /// Where that can't be the name of a place, or no region is known.
    pub async fn open(options: &S3Options) -> Result<Self, StoreError> {
        Self::open_as(options, None).await
    }

    /// [`S3Store::open`] as somebody else.
    ///
    /// # Errors
    /// As [`S3Store::open`].
    pub async fn open_as(options: &S3Options, who: Option<SharedCredentialsProvider>) -> Result<Self, StoreError> {
        let S3Options { bucket, path, region, endpoint } = options;
        let path = path.as_deref().unwrap_or_default().trim_matches('/');
        let base = if path.is_empty() { String::new() } else { format!("{path}/") };
        let unusable = |what: &str| failure::unusable(&location(bucket, &base), what.to_owned());
        if bucket.is_empty() || bucket.contains('/') {
            return Err(unusable("that is no name of a bucket"));
        }
        let is_url = |endpoint: &String| ["http://", "https://"].iter().any(|scheme| endpoint.starts_with(scheme));
        if !endpoint.as_ref().is_none_or(is_url) {
            return Err(unusable("its endpoint is no URL; http://… and https://… are"));
        }
        let loader = match endpoint {
            Some(endpoint) => chain::loader_of_others(region.as_deref()).endpoint_url(endpoint),
            None => chain::loader(region.as_deref()),
        };
        let config = loader.load().await;
        let Some(region) = config.region() else {
            return Err(unusable("its region is not known here: say it in the repository's `region` or in AWS_REGION"));
        };
        let server = config.endpoint_url().map_or_else(|| format!("S3 in {region}"), str::to_owned);
        let credentials = who.unwrap_or_else(|| credentials::of(&config));
        let client = Client::from_conf(client_config(&config, &credentials));
        Ok(Self { client, credentials, server, bucket: bucket.clone(), base })
    }

    /// The key of a blob.
    fn key(&self, blob: &str) -> Result<String, StoreError> {
        if blob.is_empty() || !is_inside(blob) {
            return Err(StoreError::new(StoreErrorKind::BadName, blob, self.location()));
        }
        Ok(format!("{}{blob}", self.base))
    }

    /// What a page of a listing names, without the empty objects that some tools write for folders.
    fn listed(&self, prefix: &str, page: &ListObjectsV2Output, blobs: &mut Vec<BlobMeta>) -> Result<(), StoreError> {
        for object in page.contents() {
            let name =
                object.key().and_then(|key| key.strip_prefix(&self.base)).filter(|name| name.starts_with(prefix));
            let len = object.size().and_then(|len| u64::try_from(len).ok());
            let (Some(name), Some(len)) = (name, len) else {
                let what = format!("its list has {:?}, which is no blob there", object.key().unwrap_or_default());
                return Err(failure::nonsense(&self.location(), prefix, what));
            };
            if name.ends_with('/') {
                continue;
            }
            if blobs.len() == LISTED_MAX {
                return Err(StoreError::new(StoreErrorKind::TooMany { max: LISTED_MAX }, prefix, self.location()));
            }
            blobs.push(BlobMeta { name: name.to_owned(), len });
        }
        Ok(())
    }
}

#[async_trait]
impl BlobStore for S3Store {
    async fn list(&self, prefix: &str) -> Result<Vec<BlobMeta>, StoreError> {
        if !is_inside(prefix) {
            return Err(StoreError::new(StoreErrorKind::BadName, prefix, self.location()));
        }
        let (mut blobs, mut continuation) = (Vec::new(), None);
        loop {
            let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(format!("{}{prefix}", self.base));
            let page = list.delimiter("/").set_continuation_token(continuation.clone()).send().await;
            let page = match page {
                Ok(page) => page,
                Err(error) => return Err(self.failure(prefix, error).await),
            };
            self.listed(prefix, &page, &mut blobs)?;
            if page.is_truncated() != Some(true) {
                return Ok(blobs);
            }
            // An end that is none would hide the newest catalogue.
            let next = page.next_continuation_token.filter(|next| Some(next) != continuation.as_ref());
            if next.is_none() {
                let what = "its list goes on, but doesn't say where".to_owned();
                return Err(failure::nonsense(&self.location(), prefix, what));
            }
            continuation = next;
        }
    }

    async fn read(&self, blob: &str, len_max: u64) -> Result<Bytes, StoreError> {
        self.whole(blob, &self.key(blob)?, len_max).await
    }

    async fn read_range(&self, blob: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.part(blob, &self.key(blob)?, range).await
    }

    fn location(&self) -> String {
        location(&self.bucket, &self.base)
    }

    fn around(&self) -> Option<(Arc<dyn BlobStore>, String)> {
        let bucket = Self { base: String::new(), ..self.clone() };
        (!self.base.is_empty()).then(|| (Arc::new(bucket) as _, self.base.clone()))
    }
}

fn client_config(config: &SdkConfig, credentials: &SharedCredentialsProvider) -> aws_sdk_s3::Config {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(SILENCE_MAX).build();
    aws_sdk_s3::config::Builder::from(config)
        .credentials_provider(credentials.clone())
        .force_path_style(config.endpoint_url().is_some())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts)
        // `body` watches that, and goes on where an answer stalled.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // Some servers send the checksum of the whole object along with a part of it.
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .build()
}

fn location(bucket: &str, base: &str) -> String {
    format!("s3://{bucket}/{base}").trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let of = |url| S3Options::of_url(url).map(|options| (options.bucket, options.path));
        assert_eq!(of("s3://b"), Some(("b".to_owned(), None)));
        assert_eq!(of("s3://b/a/c/"), Some(("b".to_owned(), Some("a/c/".to_owned()))));
        assert_eq!(of("/data/s3"), None);
    }

    #[tokio::test]
    async fn what_can_be_no_place() {
        let open = |bucket: &str, endpoint: &str| {
            let (bucket, endpoint) = (bucket.to_owned(), Some(endpoint.to_owned()));
            async { S3Store::open(&S3Options { bucket, endpoint, ..S3Options::default() }).await }
        };
        let said = open("b", "localhost:8333").await.unwrap_err().to_string();
        assert_eq!(said, "s3://b can't be used: its endpoint is no URL; http://… and https://… are");
        assert!(open("", "http://localhost").await.unwrap_err().to_string().contains("no name of a bucket"));
        let options = S3Options {
            bucket: "b".to_owned(),
            path: Some("/a/c/".to_owned()),
            endpoint: Some("http://localhost".to_owned()),
            ..S3Options::default()
        };
        let store = S3Store::open(&options).await.unwrap();
        assert_eq!(
            (store.location(), store.key("index-0").unwrap()),
            ("s3://b/a/c".to_owned(), "a/c/index-0".to_owned())
        );
        for name in ["", "../x", "indices//x", "/x"] {
            assert_eq!(store.key(name).unwrap_err().kind, StoreErrorKind::BadName, "{name}");
        }
        let (bucket, base) = store.around().unwrap();
        assert_eq!((bucket.location(), base), ("s3://b".to_owned(), "a/c/".to_owned()));
        assert!(bucket.around().is_none());
    }
}
