//! Certificates: whom we trust, who we are, and what to do where a connection fails over them.
//!
//! In: [`Tls`], and the errors of requests. Out: a client that trusts whom the machine trusts and the given
//! authorities; and for an error that waiting doesn't mend, what a person can do.
//! Not here: files; they were read before.

use std::error::Error;
use std::io;

use reqwest::{Certificate, ClientBuilder, Identity, Url};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, CertificateError, RootCertStore};

use crate::auth::Secret;
use crate::error::{TargetError, chain};

/// Certificates of a cluster.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Authorities (PEM) that are trusted besides those of this machine.
    pub ca_pem: Option<Vec<u8>>,
    /// Our certificate with its chain (PEM), and its private key (PEM).
    pub identity_pem: Option<(Vec<u8>, Secret)>,
    /// Believe any certificate.
    pub insecure: bool,
}

impl Tls {
    /// Whom the client of `url` trusts, and who it is; `field` is the cluster's in the configuration.
    pub(crate) fn configure(
        &self,
        builder: ClientBuilder,
        url: &Url,
        field: &str,
    ) -> Result<ClientBuilder, TargetError> {
        if url.scheme() != "https" {
            // Nobody is asked for a certificate, so a machine that trusts no authority will do.
            return Ok(builder.tls_certs_only([]));
        }
        let mut builder = builder.tls_danger_accept_invalid_certs(self.insecure);
        if let Some(pem) = &self.ca_pem {
            let wrong = |why: String| certificates(format!("{field}.tls.caFile"), why);
            builder = builder.tls_certs_merge(authorities(pem).map_err(wrong)?);
        }
        if let Some((pem, key)) = &self.identity_pem {
            builder = builder.identity(identity(pem, key, field)?);
        }
        Ok(builder)
    }

    /// The error of a client that could not be made.
    pub(crate) fn unfit(&self, error: reqwest::Error, field: &str) -> TargetError {
        match tls_error(&error) {
            Some(rustls::Error::InconsistentKeys(_)) => certificates(
                format!("{field}.tls.clientKey"),
                format!("it is not the key of {field}.tls.clientCertificate"),
            ),
            Some(error) if self.identity_pem.is_some() => {
                certificates(format!("{field}.tls.clientCertificate"), error.to_string())
            }
            Some(error) => certificates(
                format!("{field}.tls.caFile"),
                format!("it is needed, since this machine's own certificates can't be used: {error}"),
            ),
            None => TargetError::Client(error),
        }
    }
}

fn certificates(field: String, why: String) -> TargetError {
    TargetError::Certificates { field, why }
}

fn authorities(pem: &[u8]) -> Result<Vec<Certificate>, String> {
    let mut store = RootCertStore::empty();
    let mut found = Vec::new();
    for certificate in parsed(pem)? {
        store.add(certificate.clone()).map_err(|error| format!("a certificate in it can't be used: {error}"))?;
        found.push(Certificate::from_der(&certificate).map_err(|error| chain(&error))?);
    }
    Ok(found)
}

fn identity(pem: &[u8], key: &Secret, field: &str) -> Result<Identity, TargetError> {
    let own = format!("{field}.tls.clientCertificate");
    parsed(pem).map_err(|why| certificates(own.clone(), why))?;
    if PrivateKeyDer::from_pem_slice(key.expose().as_bytes()).is_err() {
        let why = "it holds no private key in PEM; one that is encrypted with a password can't be used";
        return Err(certificates(format!("{field}.tls.clientKey"), why.to_owned()));
    }
    let both = [pem, b"\n", key.expose().as_bytes()].concat();
    Identity::from_pem(&both).map_err(|error| certificates(own, chain(&error)))
}

/// Every certificate in the text; there is at least one.
fn parsed(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| format!("it can't be read as PEM: {error}"))?;
    if found.is_empty() {
        return Err("it holds no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned());
    }
    Ok(found)
}

/// A connection as far as it says what an error on it means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connection<'a> {
    /// The cluster's field in the configuration.
    pub field: &'static str,
    /// What it says of certificates.
    pub tls: &'a Facts,
    /// Whether the server ever answered: then TLS is not what keeps it from it.
    pub heard: bool,
}

/// What is known of a client's TLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    /// The address begins with `https`.
    pub https: bool,
    /// We have a certificate of our own.
    pub identity: bool,
    /// Authorities were given.
    pub authorities: bool,
}

/// What to do about an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Waiting doesn't mend it.
    Stop(String),
    /// It may be so; the same again may do.
    Maybe(String),
}

impl Connection<'_> {
    /// What to do about an error that kept a request from its answer, where that is known.
    pub(crate) fn advice(&self, error: &reqwest::Error) -> Option<Advice> {
        match tls_error(error) {
            Some(error) => self.of_tls(error),
            None if self.heard || error.is_timeout() => None,
            None => self.of_silence(error),
        }
    }

    fn of_tls(&self, error: &rustls::Error) -> Option<Advice> {
        let Self { field, tls, .. } = self;
        Some(Advice::Stop(match error {
            rustls::Error::InvalidCertificate(error) => self.of_certificate(error),
            rustls::Error::AlertReceived(alert) => return self.of_alert(*alert),
            rustls::Error::InvalidMessage(_) if tls.https && !self.heard => {
                format!("what answers there doesn't speak TLS: write http:// in {field}.endpoint, or mend its port")
            }
            rustls::Error::PeerIncompatible(_) => "the server must speak TLS 1.2 or 1.3".to_owned(),
            _ => return None,
        }))
    }

    fn of_certificate(&self, error: &CertificateError) -> String {
        let Self { field, tls, .. } = self;
        match error {
            CertificateError::UnknownIssuer | CertificateError::BadSignature if tls.authorities => format!(
                "the server's certificate is of an authority that neither {field}.tls.caFile nor this machine has: put \
                 the authority's certificate into that file"
            ),
            CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
                "the server's certificate is of an authority that this machine doesn't trust: name a file with the \
                 authority's certificate in {field}.tls.caFile"
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("the server's certificate is for another host: use a name that it has in {field}.endpoint")
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the server's certificate has expired: renew it, or set this machine's clock".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet: set this machine's clock".to_owned()
            }
            _ => "the server's certificate can't be used: make it a new one".to_owned(),
        }
    }

    /// The server ended the connection, and said so.
    fn of_alert(&self, alert: AlertDescription) -> Option<Advice> {
        use AlertDescription as Alert;
        let Self { field, tls, .. } = self;
        let (wanted, unfit) = (
            format!(
                "the server wants a client certificate: set {field}.tls.clientCertificate and {field}.tls.clientKey"
            ),
            format!(
                "the server doesn't take {field}.tls.clientCertificate: it must be valid, and of an authority that the \
                 server trusts"
            ),
        );
        match alert {
            Alert::CertificateRequired
            | Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::CertificateUnknown
            | Alert::AccessDenied => Some(Advice::Stop(if tls.identity { unfit } else { wanted })),
            Alert::UnknownCA
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::DecryptError
                if tls.identity =>
            {
                Some(Advice::Stop(unfit))
            }
            // Servers of TLS 1.2 say so of many things, a missing client certificate among them.
            Alert::HandshakeFailure if tls.identity => {
                Some(Advice::Stop(format!("server and client have no cipher in common, or {unfit}")))
            }
            Alert::HandshakeFailure => {
                Some(Advice::Stop(format!("server and client have no cipher in common, or {wanted}")))
            }
            Alert::ProtocolVersion | Alert::InsufficientSecurity => {
                Some(Advice::Stop("the server must speak TLS 1.2 or 1.3".to_owned()))
            }
            Alert::UnrecognisedName => {
                Some(Advice::Stop(format!("the server has another name: use that in {field}.endpoint")))
            }
            _ => None,
        }
    }

    /// There was a connection, which broke before the first answer.
    fn of_silence(&self, error: &reqwest::Error) -> Option<Advice> {
        let Self { field, tls, .. } = self;
        let broken = find(error, &|error| match error.downcast_ref::<io::Error>() {
            Some(error) => matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
            )
            .then_some(()),
            None => None,
        });
        // What is no connection's error is HTTP's: bytes that are no answer, or an end before it.
        let connected = broken.is_some() || !error.is_connect();
        match (connected, tls.https, tls.identity) {
            (false, ..) => None,
            (true, false, _) => {
                Some(Advice::Maybe(format!("if the server speaks TLS, write https:// in {field}.endpoint")))
            }
            (true, true, false) => Some(Advice::Maybe(format!(
                "if the server wants a client certificate, set {field}.tls.clientCertificate; if it doesn't speak TLS, \
                 write http:// in {field}.endpoint"
            ))),
            (true, true, true) => {
                Some(Advice::Maybe(format!("if the server doesn't speak TLS, write http:// in {field}.endpoint")))
            }
        }
    }
}

fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    find(error, &|error| error.downcast_ref::<rustls::Error>())
}

/// The first thing that is found in an error or below it. An [`io::Error`] keeps what it wraps out of the chain of sources.
fn find<'a, T>(error: &'a (dyn Error + 'static), look: &dyn Fn(&'a (dyn Error + 'static)) -> Option<T>) -> Option<T> {
    if let Some(found) = look(error) {
        return Some(found);
    }
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    if let Some(wrapped) = wrapped {
        return find(wrapped, look);
    }
    error.source().and_then(|source| find(source, look))
}
