//! What Amazon's tools agree on: which places are asked for credentials, and by which HTTP client.
//!
//! Not here: single sign-on and `aws login`, which are for persons and would be two more SDKs to build.

use std::sync::LazyLock;

use aws_config::{BehaviorVersion, ConfigLoader};
use aws_sdk_s3::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// One client, and so one pool of connections, for the whole process.
static HTTP: LazyLock<SharedHttpClient> =
    LazyLock::new(|| Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https());

/// The configuration that a client begins with.
pub(crate) fn loader() -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(HTTP.clone())
}
