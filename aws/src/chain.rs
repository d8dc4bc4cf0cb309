//! What Amazon's tools agree on: which places are asked for credentials and a region, and by which HTTP client.
//!
//! Not here: single sign-on and `aws login`, which are for persons and would be two more SDKs to build.

use std::sync::LazyLock;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_sdk_s3::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// What servers that are not Amazon's call their only region, most of them.
const REGION_OF_OTHERS: &str = "us-east-1";

/// One client, and so one pool of connections, for the whole process.
static HTTP: LazyLock<SharedHttpClient> =
    LazyLock::new(|| Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https());

/// The configuration that a client begins with; without a `region`, the one that is configured on this machine.
pub(crate) fn loader(region: Option<&str>) -> ConfigLoader {
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(HTTP.clone());
    match region {
        Some(region) => loader.region(Region::new(region.to_owned())),
        None => loader,
    }
}

/// As [`loader`], for a server that is not Amazon's: the region rarely means anything there, so nobody is asked for it
/// over the network.
pub(crate) fn loader_of_others(region: Option<&str>) -> ConfigLoader {
    let configured = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
        .or_else(Region::new(REGION_OF_OTHERS));
    match region {
        Some(region) => loader(Some(region)),
        None => loader(None).region(configured),
    }
}
