//! How the connection is secured, and what a failure of that means.
//!
//! In: files in PEM; what rustls says. Out: a client that is set up; what to do.
//! Holds: every file is looked at before anything is sent.
//! Not here: names, passwords, tokens and nkeys (`login`).

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use async_nats::ConnectOptions;
use async_nats::rustls::crypto::ring;
use async_nats::rustls::pki_types::pem::PemObject;
use async_nats::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use async_nats::rustls::sign::CertifiedKey;
use async_nats::rustls::{self, CertificateError};

use super::login::{read, wrong};
use crate::bus::BusError;

/// Whom we believe, and what we show. Any of them makes TLS a must.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of the authorities to trust, instead of those that the machine trusts.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// Sets the client up, once every file is what it should be.
    pub(super) async fn apply(&self, mut options: ConnectOptions) -> Result<ConnectOptions, BusError> {
        if let Some(path) = &self.ca {
            certificates(path, "--nats-ca").await?;
            options = options.add_root_certificates(path.clone()).require_tls(true);
        }
        if let Some((certificate, key)) = &self.identity {
            let chain = certificates(certificate, "--nats-cert").await?;
            let text = read(key, "--nats-key").await?;
            let shown = key.display();
            let der = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| {
                wrong(format!("--nats-key: {shown} holds no private key in PEM; one that is encrypted can't be used"))
            })?;
            CertifiedKey::from_der(chain, der, &ring::default_provider()).map_err(|error| {
                let certificate = certificate.display();
                wrong(format!("--nats-key: {shown} is not the key of the certificate in {certificate}: {error}"))
            })?;
            options = options.add_client_certificate(certificate.clone(), key.clone()).require_tls(true);
        }
        Ok(options)
    }
}

/// What rustls says in an error, which may be one of reading or writing.
pub(super) fn of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.and_then(|inner| inner.downcast_ref()).or_else(|| error.downcast_ref())
}

/// What it means for the server at `shown`, and what to do.
pub(super) fn told(shown: &str, tls: &Tls, failure: &rustls::Error) -> String {
    use rustls::Error as E;
    match failure {
        E::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            let advice = match &tls.ca {
                Some(path) => format!("its authority is not in {}, which --nats-ca names", path.display()),
                None => "name a file with its authority's certificate by --nats-ca or MIGCTL_NATS_CA".to_owned(),
            };
            format!("the certificate of NATS at {shown} is not trusted: {advice}")
        }
        E::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => {
            format!("the certificate of NATS at {shown} is for another host: use a name that it has in --nats")
        }
        E::InvalidCertificate(_) => format!("the certificate of NATS at {shown} can't be used"),
        E::AlertReceived(_) if tls.identity.is_none() => {
            format!("NATS at {shown} wants a client certificate: name one with --nats-cert and --nats-key")
        }
        E::AlertReceived(_) => {
            format!("NATS at {shown} doesn't take the client certificate that --nats-cert names: have it signed anew")
        }
        E::InvalidMessage(_) => {
            format!("NATS at {shown} doesn't speak TLS: write nats:// instead of tls://, and leave --nats-ca out")
        }
        _ => format!("no TLS connection to NATS at {shown}"),
    }
}

async fn certificates(path: &Path, option: &str) -> Result<Vec<CertificateDer<'static>>, BusError> {
    let text = read(path, option).await?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(wrong(format!("{option}: {} holds no certificate in PEM", path.display()))),
    }
}
