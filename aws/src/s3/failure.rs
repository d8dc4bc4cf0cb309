//! What S3 says when it doesn't give, and what a person can do about it.
//!
//! In: the SDK's error. Out: a [`StoreError`] with S3's own code in its text.
//! After: Amazon S3 API Reference, "Error responses".

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use snapshot::{BlobStore, StoreError, StoreErrorKind};

use super::S3Store;
use crate::credentials::why_none;

/// Where Amazon says in which region a bucket is.
const REGION_HEADER: &str = "x-amz-bucket-region";

/// What was said.
#[derive(Debug)]
struct Said(String);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Said {}

fn said(kind: StoreErrorKind, location: &str, blob: &str, what: String) -> StoreError {
    StoreError { source: Some(Box::new(Said(what))), ..StoreError::new(kind, blob, location) }
}

/// The error for a place that can't be one.
pub(super) fn unusable(location: &str, what: String) -> StoreError {
    said(StoreErrorKind::Unusable, location, "", what)
}

/// The error for an answer that makes no sense, which may pass: something stands between us and the server.
pub(super) fn nonsense(location: &str, blob: &str, what: String) -> StoreError {
    said(StoreErrorKind::Io, location, blob, what)
}

/// Whether a range was refused because it begins where the object ends, or behind that.
pub(super) fn is_beyond_end<E>(error: &SdkError<E, HttpResponse>) -> bool {
    error.raw_response().is_some_and(|response| response.status().as_u16() == 416)
}

/// An error and its causes in one line, each once.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source()) {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
    }
    text
}

impl S3Store {
    /// What a request for `blob` came to.
    pub(super) async fn failure<E>(&self, blob: &str, error: SdkError<E, HttpResponse>) -> StoreError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let location = self.location();
        if let Some(why) = no_credentials(&error) {
            return said(StoreErrorKind::Unusable, &location, blob, why);
        }
        let Some(response) = error.raw_response() else {
            let why = error.source().map_or_else(|| error.to_string(), chain);
            let text = format!("no answer came from {}: {why}", self.server);
            return said(StoreErrorKind::Io, &location, blob, text);
        };
        let status = response.status().as_u16();
        let region = response.headers().get(REGION_HEADER).map(str::to_owned);
        let service = error.as_service_error();
        let code =
            service.and_then(|error| error.code()).map(str::to_owned).unwrap_or_else(|| code_of(status).to_owned());
        let message = service.and_then(|error| error.message()).unwrap_or_default();
        let mut text = format!("S3 says {code} (HTTP {status})");
        if !message.is_empty() {
            text = format!("{text}: {}", message.trim_end_matches('.'));
        }
        let (kind, advice) = self.judge(&code, status, region.as_deref()).await;
        if !advice.is_empty() {
            text = format!("{text}; {advice}");
        }
        // The bucket is missing then, not the blob; and of a blob that is missing everything is said.
        match (kind, code.as_str()) {
            (StoreErrorKind::NotFound, "NoSuchBucket") => said(kind, &format!("s3://{}", self.bucket), "", text),
            (StoreErrorKind::NotFound, _) => StoreError::new(kind, blob, location),
            _ => said(kind, &location, blob, text),
        }
    }

    /// What an error code amounts to, and what to do.
    async fn judge(&self, code: &str, status: u16, region: Option<&str>) -> (StoreErrorKind, String) {
        use StoreErrorKind::{Denied, Io, NotFound, Unusable};
        let bucket = &self.bucket;
        match code {
            "NoSuchBucket" => (NotFound, "check the bucket's name, its region and the endpoint".to_owned()),
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => {
                let who = self.who().await;
                let wanted = format!(
                    "{who} needs s3:ListBucket on arn:aws:s3:::{bucket} and s3:GetObject on arn:aws:s3:::{bucket}/{}*, \
                     and kms:Decrypt where the bucket is encrypted with a key of its own",
                    self.base
                );
                (Denied, wanted)
            }
            "InvalidObjectState" => {
                (Denied, "it is in an archive: restore the objects of the repository first".to_owned())
            }
            "InvalidAccessKeyId" | "NotSignedUp" => (
                Unusable,
                format!("{} is not known there: check the credentials where the worker runs", self.who().await),
            ),
            "SignatureDoesNotMatch" => {
                (Unusable, format!("the secret key that belongs to {} is another one", self.who().await))
            }
            "ExpiredToken" | "TokenRefreshRequired" | "InvalidToken" | "InvalidSecurity" => {
                (Unusable, format!("the session of {} has ended or is none: renew the credentials", self.who().await))
            }
            "RequestTimeTooSkewed" => (Unusable, "the clock of this machine is wrong".to_owned()),
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IncorrectEndpoint"
            | "IllegalLocationConstraintException" => {
                let other = region.map_or_else(|| "another region".to_owned(), |region| format!("the region {region}"));
                (Unusable, format!("the bucket is in {other}: set the repository's `region`"))
            }
            // What passes was tried several times by now, and may pass all the same.
            _ if status >= 500 || status == 408 || status == 429 => (Io, String::new()),
            // The answers to `HEAD` have no code, and other servers have codes of their own.
            _ if status == 404 => (NotFound, String::new()),
            _ if status == 403 => (Denied, String::new()),
            _ => (Unusable, String::new()),
        }
    }

    /// Who we are there.
    async fn who(&self) -> String {
        match self.credentials.provide_credentials().await {
            Ok(credentials) => format!("the access key {}", credentials.access_key_id()),
            Err(_) => "the access key".to_owned(),
        }
    }
}

/// What there is to say where the request was never sent, because nobody knows who we are.
fn no_credentials(error: &(dyn Error + 'static)) -> Option<String> {
    let mut causes = std::iter::successors(Some(error), |cause| (*cause).source());
    causes.find_map(|cause| cause.downcast_ref::<CredentialsError>()).map(why_none)
}

/// The code of an answer without a body, as those to `HEAD` are.
fn code_of(status: u16) -> &'static str {
    match status {
        301 | 307 => "PermanentRedirect",
        403 => "AccessDenied",
        _ => "no reason",
    }
}
