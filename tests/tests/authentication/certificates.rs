//! Certificates: whom we trust, and who we are.

use std::path::PathBuf;

use protocol::spec::{ClusterSpec, SecretRef, TlsSpec};
use tests::front::authority::Certified;
use tests::front::{Authority, Front, Guard, Options};
use worker::connect::connect;

use super::{Rig, loads, refused, server, spec, target};

/// Sends what a client with this certificate sends.
fn with_identity(rig: &Rig, client: &Certified) -> TlsSpec {
    let certificate = rig.file("client.pem", &client.certificate);
    let key = rig.secret("client.key", &client.key);
    TlsSpec { client_certificate: Some(certificate), client_key: Some(key), ..rig.tls() }
}

#[tokio::test]
async fn a_server_is_believed_by_its_authority_only() {
    let rig = Rig::new();
    let front = Front::start(&Options::new(&server().url(), &rig.authority, Guard::Nothing)).unwrap();
    loads(&target(&spec(&front.url(), None, rig.tls())).await).await;
    let by_name = front.url().replace("127.0.0.1", "localhost");
    loads(&target(&spec(&by_name, None, rig.tls())).await).await;

    let passed = front.passed();
    let unknown = target(&spec(&front.url(), None, TlsSpec::default())).await;
    let advice = "an authority that this machine doesn't trust: name a file with the authority's certificate in \
                  target.tls.caFile";
    refused(&unknown, &[advice], &[]).await;
    // One of the same name but with another key, and one of another name.
    for name in ["migctl tests", "others"] {
        let other = Authority::new(name).unwrap().pem();
        let tls = TlsSpec { ca_file: Some(rig.file("other.pem", &other)), ..TlsSpec::default() };
        let advice = "an authority that neither source.tls.caFile nor this machine has";
        refused(&connect(&spec(&front.url(), None, tls), "source").await.unwrap(), &[advice], &[]).await;
    }
    assert_eq!(front.passed(), passed);

    let insecure = TlsSpec { insecure: true, ..TlsSpec::default() };
    loads(&target(&spec(&front.url(), None, insecure)).await).await;
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let rig = Rig::new();
    let options =
        Options { names: &["elsewhere.example"], ..Options::new(&server().url(), &rig.authority, Guard::Nothing) };
    let front = Front::start(&options).unwrap();
    let cluster = target(&spec(&front.url(), None, rig.tls())).await;
    let advice = "the server's certificate is for another host: use a name that it has in target.endpoint";
    refused(&cluster, &[advice, "elsewhere.example"], &[]).await;
    assert_eq!(front.passed(), 0);
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_it_is_wanted() {
    let rig = Rig::new();
    let clients = Authority::new("clients").unwrap();
    let options = Options { clients: Some(&clients), ..Options::new(&server().url(), &rig.authority, Guard::Nothing) };
    let front = Front::start(&options).unwrap();
    let client = clients.client("migctl").unwrap();
    loads(&target(&spec(&front.url(), None, with_identity(&rig, &client))).await).await;

    let passed = front.passed();
    let none = target(&spec(&front.url(), None, rig.tls())).await;
    let advice = "the server wants a client certificate: set target.tls.clientCertificate and target.tls.clientKey";
    refused(&none, &[advice], &[]).await;
    let other = Authority::new("others").unwrap().client("migctl").unwrap();
    let other = target(&spec(&front.url(), None, with_identity(&rig, &other))).await;
    refused(&other, &["the server doesn't take target.tls.clientCertificate"], &[]).await;
    assert_eq!(front.passed(), passed);
}

#[tokio::test]
async fn certificates_and_keys_that_do_not_fit_are_named_before_anything_is_sent() {
    let rig = Rig::new();
    let (client, other) = (rig.authority.client("migctl").unwrap(), rig.authority.client("other").unwrap());
    let error = |certificate: PathBuf, key: SecretRef, ca: PathBuf| {
        let tls = TlsSpec {
            ca_file: Some(ca),
            client_certificate: Some(certificate),
            client_key: Some(key),
            insecure: false,
        };
        let spec: ClusterSpec = spec("https://127.0.0.1:9200", None, tls);
        async move { connect(&spec, "target").await.unwrap_err().to_string() }
    };
    let ca = rig.file("ca.pem", &rig.authority.pem());
    let certificate = rig.file("client.pem", &client.certificate);
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\naHVudGVyMg==\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let broken = "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n";
    for (certificate, key, ca, said) in [
        (
            certificate.clone(),
            rig.secret("other.key", &other.key),
            ca.clone(),
            "target.tls.clientKey: it is not the key of target.tls.clientCertificate",
        ),
        (
            certificate.clone(),
            rig.secret("encrypted.key", encrypted),
            ca.clone(),
            "target.tls.clientKey: it holds no private key in PEM; one that is encrypted",
        ),
        (
            rig.file("key.pem", &client.key),
            rig.secret("client.key", &client.key),
            ca,
            "target.tls.clientCertificate: it holds no certificate in PEM",
        ),
        (
            certificate,
            rig.secret("client.key", &client.key),
            rig.file("broken.pem", broken),
            "target.tls.caFile: a certificate in it can't be used",
        ),
    ] {
        let error = error(certificate, key, ca).await;
        assert!(error.contains(said), "{said} is not in {error}");
        assert!(!error.contains("aHVudGVyMg"), "{error}");
    }
}

#[tokio::test]
async fn http_and_https_that_were_mixed_up_are_told() {
    let rig = Rig::new();
    let front = Front::start(&Options::new(&server().url(), &rig.authority, Guard::Nothing)).unwrap();
    let plain = target(&spec(&format!("http://127.0.0.1:{}", front.port()), None, TlsSpec::default())).await;
    let error = plain.info().await.unwrap_err().to_string();
    assert!(error.contains("if the server speaks TLS, write https:// in target.endpoint"), "{error}");

    let tls = target(&spec(&server().url().replace("http:", "https:"), None, rig.tls())).await;
    let error = tls.info().await.unwrap_err().to_string();
    assert!(error.contains("write http:// in target.endpoint"), "{error}");
}
