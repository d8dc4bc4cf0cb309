//! An authority of our own, and the certificates that it makes.

use std::fmt;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// An authority that nobody trusts by himself.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct Certified {
    /// The certificate in PEM.
    pub certificate: String,
    /// The private key in PEM.
    pub key: String,
}

impl Authority {
    /// A new one of this name.
    ///
    /// # Errors
    /// No key can be made.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().context("make a key")?;
        let issuer = CertifiedIssuer::self_signed(params, key).context("make an authority")?;
        Ok(Self { issuer })
    }

    /// Its certificate in PEM, for those who are to trust it.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub(crate) fn der(&self) -> &CertificateDer<'static> {
        self.issuer.der()
    }

    /// A certificate for a server of these names and addresses.
    ///
    /// # Errors
    /// One is no name.
    pub fn server(&self, names: &[&str]) -> Result<Certified> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.certify(CertificateParams::new(names).context("name a server")?, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate for a client of this name.
    ///
    /// # Errors
    /// No key can be made.
    pub fn client(&self, name: &str) -> Result<Certified> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        self.certify(params, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn certify(&self, mut params: CertificateParams, usage: ExtendedKeyUsagePurpose) -> Result<Certified> {
        params.insert_extended_key_usage(usage);
        let key = KeyPair::generate().context("make a key")?;
        let certificate = params.signed_by(&key, &self.issuer).context("make a certificate")?;
        Ok(Certified { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

impl Certified {
    pub(crate) fn der(&self) -> Result<CertificateDer<'static>> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).context("read a certificate")
    }

    pub(crate) fn key_der(&self) -> Result<PrivateKeyDer<'static>> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).context("read a key")
    }
}
