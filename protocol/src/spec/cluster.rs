//! A cluster: where it is, who we are there, whom we trust.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::format;

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ClusterSpec {
    /// `http://…` or `https://…`; for a target also `file:DIRECTORY`, which takes the documents as lines of JSON.
    #[schemars(extend("format" = "endpoint"), example = "https://search.example.com:9200")]
    pub endpoint: String,
    /// Product and version, `elasticsearch 7.10.2` or `opensearch 2.19.4`; needed only where the server doesn't tell
    /// them (serverless collections).
    #[serde(default)]
    #[schemars(example = "opensearch 2.19.4")]
    pub version: Option<ServerVersion>,
    /// Who we are; absent: nobody in particular.
    #[serde(default)]
    pub auth: Option<AuthSpec>,
    /// Certificates.
    #[serde(default)]
    pub tls: TlsSpec,
}

/// Who we are to a cluster: one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum AuthSpec {
    /// User and password.
    Basic {
        /// The user.
        #[schemars(example = &"admin")]
        username: String,
        /// Where the password is.
        password: SecretRef,
    },
    /// `Authorization: Bearer …`.
    Bearer {
        /// Where the token is.
        token: SecretRef,
    },
    /// `Authorization: ApiKey …`.
    ApiKey {
        /// Where the key is: the base64 of `id:key`, as Elasticsearch hands it out (`encoded`).
        key: SecretRef,
    },
    /// Requests signed for Amazon OpenSearch Service, with the credentials that the AWS chain finds where the worker
    /// runs (environment, profile, web identity, instance).
    Sigv4 {
        /// The region.
        #[schemars(example = "eu-central-1")]
        region: String,
        /// Which service.
        #[serde(default)]
        service: SigV4Service,
    },
}

/// Amazon's name of the service that a request is signed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SigV4Service {
    /// Domains of Amazon OpenSearch Service.
    #[default]
    Es,
    /// Serverless collections.
    Aoss,
}

impl SigV4Service {
    /// As it is signed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es => "es",
            Self::Aoss => "aoss",
        }
    }
}

/// Certificates.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct TlsSpec {
    /// Certificates (PEM) of the authorities to trust, where those of the machine that the worker runs on don't do.
    #[schemars(example = "/etc/migctl/ca.pem")]
    pub ca_file: Option<PathBuf>,
    /// Our certificate (PEM, with its chain), for mutual TLS.
    #[schemars(example = "/etc/migctl/client.pem")]
    pub client_certificate: Option<PathBuf>,
    /// Where the private key (PEM) of `clientCertificate` is.
    pub client_key: Option<SecretRef>,
    /// Believe any certificate: whoever stands between can read and change everything. Said loudly at each start.
    pub insecure: bool,
}

/// Where a secret is: one of these. It is read where the worker runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SecretRef {
    /// In this environment variable.
    Env(#[schemars(schema_with = "format::variable")] String),
    /// In this file; one line break at its end doesn't count.
    File(#[schemars(schema_with = "format::secret_file")] PathBuf),
    /// In this key of a Kubernetes secret, mounted as `$MIGCTL_SECRETS_DIR/NAME/KEY`
    /// (`/etc/migctl/secrets` where the variable is not set).
    KubernetesSecret {
        /// The secret's name.
        #[schemars(extend("format" = "kubernetes-name"), example = "search-credentials")]
        name: String,
        /// The key in it.
        #[schemars(extend("format" = "kubernetes-key"), example = &"password")]
        key: String,
    },
}

/// Product and version of a server: `elasticsearch 7.10.2`, `opensearch 2.19`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerVersion {
    /// Whether it is OpenSearch rather than Elasticsearch.
    pub opensearch: bool,
    /// Major, minor, patch; what isn't told is 0.
    pub numbers: [u32; 3],
}

/// A text that is no product and version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version of a server: `elasticsearch 7.10.2` and `opensearch 2.19` are")]
pub struct VersionError(pub String);

impl FromStr for ServerVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let wrong = || VersionError(text.to_owned());
        let (product, version) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let opensearch = match product.to_ascii_lowercase().as_str() {
            "opensearch" => true,
            "elasticsearch" => false,
            _ => return Err(wrong()),
        };
        let mut numbers = [0; 3];
        let mut parts = version.trim().split('.');
        for (at, number) in numbers.iter_mut().enumerate() {
            match parts.next() {
                Some(part) => *number = part.parse().map_err(|_| wrong())?,
                None if at > 0 => break,
                None => return Err(wrong()),
            }
        }
        parts.next().is_none().then_some(Self { opensearch, numbers }).ok_or_else(wrong)
    }
}

impl JsonSchema for ServerVersion {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ServerVersion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "server-version"})
    }
}

impl TryFrom<String> for ServerVersion {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<ServerVersion> for String {
    fn from(version: ServerVersion) -> Self {
        version.to_string()
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let product = if self.opensearch { "opensearch" } else { "elasticsearch" };
        let [major, minor, patch] = self.numbers;
        write!(f, "{product} {major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_product_and_up_to_three_numbers() {
        for (text, expected) in [
            ("elasticsearch 7.10.2", "elasticsearch 7.10.2"),
            ("OpenSearch 2.19", "opensearch 2.19.0"),
            ("opensearch 3", "opensearch 3.0.0"),
        ] {
            assert_eq!(text.parse::<ServerVersion>().unwrap().to_string(), expected);
        }
        for text in ["", "7.10.2", "solr 9", "elasticsearch", "elasticsearch x", "elasticsearch 7.10.2.1", "es 7"] {
            let error = text.parse::<ServerVersion>().unwrap_err().to_string();
            assert!(error.contains("`elasticsearch 7.10.2`"), "{text}: {error}");
        }
    }
}
