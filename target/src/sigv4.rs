//! Signs requests for Amazon OpenSearch Service.
//!
//! In: a request as it will be sent. Out: the same with the headers of AWS Signature Version 4: method, path, query,
//! headers and body can't be changed on the way, and nobody can send it much later.
//!
//! Holds: credentials are asked for before each request, so a request that is sent again is signed anew, with those
//! that are good by then. The path is encoded once more for the signature, as of every service but S3.
//! Not here: where credentials come from.

use std::time::SystemTime;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use reqwest::Request;
use reqwest::header::{HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use crate::error::chain;

/// Bodies above this are hashed on a thread that may block.
const HASHED_HERE_BYTES_MAX: usize = 64 << 10;

/// What signs the requests to one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub region: String,
    pub service: &'static str,
    pub credentials: SharedCredentialsProvider,
}

/// Why a request could not be signed.
#[derive(Debug)]
pub(crate) enum Unsigned {
    /// There are no credentials, and waiting makes none.
    NoCredentials(String),
    /// The place that the credentials come from doesn't answer as it should.
    NotNow(String),
}

impl Signer {
    /// Puts a signature of this moment on the request.
    pub(crate) async fn sign(&self, request: &mut Request, body: &Bytes) -> Result<(), Unsigned> {
        let credentials = self.credentials.provide_credentials().await.map_err(Unsigned::from)?;
        let hash = hash(body).await.map_err(Unsigned::NotNow)?;
        let mut settings = SigningSettings::default();
        // Serverless collections refuse a request without `x-amz-content-sha256`, the others take it.
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        #[expect(clippy::disallowed_methods, reason = "a signature is of the moment in which it is sent")]
        let now = SystemTime::now();
        let identity = credentials.into();
        let failed = |error: &dyn std::error::Error| Unsigned::NoCredentials(format!("sign: {}", chain(error)));
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(now)
            .settings(settings)
            .build()
            .map_err(|error| failed(&error))?
            .into();
        let headers = request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let body = SignableBody::Precomputed(hash);
        let signable = SignableRequest::new(request.method().as_str(), request.url().as_str(), headers, body)
            .map_err(|error| failed(&error))?;
        let (signature, _) = sign(signable, &params).map_err(|error| failed(&error))?.into_parts();
        for header in signature.into_parts().0 {
            let mut value = HeaderValue::from_str(header.value()).map_err(|error| failed(&error))?;
            value.set_sensitive(true);
            request.headers_mut().insert(HeaderName::from_static(header.name()), value);
        }
        Ok(())
    }
}

impl From<CredentialsError> for Unsigned {
    fn from(error: CredentialsError) -> Self {
        let why = chain(&error);
        match error {
            CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => {
                Self::NoCredentials(why)
            }
            _ => Self::NotNow(why),
        }
    }
}

async fn hash(body: &Bytes) -> Result<String, String> {
    let hex = |body: &[u8]| Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    if body.len() <= HASHED_HERE_BYTES_MAX {
        return Ok(hex(body));
    }
    let body = body.clone();
    tokio::task::spawn_blocking(move || hex(&body)).await.map_err(|error| error.to_string())
}
