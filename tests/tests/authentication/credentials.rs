//! Credentials of each kind, right and wrong.

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use protocol::spec::{AuthSpec, ServerVersion};
use target::{Auth, Cluster, ClusterOptions, Tls, Url};
use tests::front::guard::Guard;
use tests::front::sigv4::Expected;
use tests::front::{Front, Options};
use worker::connect::connect;

use super::{Rig, bulk, loads, refused, server, spec, target};

const PASSWORD: &str = "hunter2-é:x";
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.e30.hunter2";
const KEY: &str = "aWQ6aHVudGVyMg==";
const WRONG: &str = "d3JvbmcyLXNlY3JldA==";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYhunter2";
const SESSION: &str = "IQoJb3JpZ2luX2VjEhunter2//+==";

fn basic(rig: &Rig, password: &str) -> AuthSpec {
    AuthSpec::Basic { username: "admin".into(), password: rig.secret("password", &format!("{password}\n")) }
}

fn bearer(rig: &Rig, token: &str) -> AuthSpec {
    AuthSpec::Bearer { token: rig.secret("token", token) }
}

fn api_key(rig: &Rig, key: &str) -> AuthSpec {
    AuthSpec::ApiKey { key: rig.secret("key", key) }
}

fn guard_basic(writes: bool) -> Guard {
    Guard::Basic { username: "admin".into(), password: PASSWORD.into(), writes }
}

#[tokio::test]
async fn passwords_tokens_and_keys_open_and_wrong_ones_are_named() {
    let rig = Rig::new();
    let place = |name: &str| rig.folder.path().join(name).display().to_string();
    for (guard, auth, name, said) in [
        (
            guard_basic(true),
            basic as fn(&Rig, &str) -> AuthSpec,
            "password",
            [
                "refused with 401 security_exception: unable to authenticate user [admin] for REST request [/",
                "check target.auth.basic (user admin), whose password is in file ",
            ],
        ),
        (
            Guard::Bearer(TOKEN.into()),
            bearer,
            "token",
            ["refused with 401 : \"Unauthorized\"", "check target.auth.bearer, whose token is in file "],
        ),
        (
            Guard::ApiKey(KEY.into()),
            api_key,
            "key",
            [
                "refused with 401 security_exception: unable to authenticate with provided credentials",
                "check target.auth.apiKey, whose key is in file ",
            ],
        ),
    ] {
        let right = match &guard {
            Guard::Bearer(token) => token.clone(),
            Guard::ApiKey(key) => key.clone(),
            _ => PASSWORD.to_owned(),
        };
        let front = Front::start(&Options::new(&server().url(), &rig.authority, guard)).unwrap();
        loads(&target(&spec(&front.url(), Some(auth(&rig, &right)), rig.tls())).await).await;
        assert!(front.passed() >= 6, "{said:?}");

        let passed = front.passed();
        let wrong = target(&spec(&front.url(), Some(auth(&rig, WRONG)), rig.tls())).await;
        refused(&wrong, &[said[0], said[1], &place(name)], &[&right, WRONG, "YWRtaW46"]).await;
        let nobody = target(&spec(&front.url(), None, rig.tls())).await;
        refused(&nobody, &["401", "the server wants to know who is asking: set target.auth"], &[&right]).await;
        assert_eq!(front.passed(), passed);
    }
}

#[tokio::test]
async fn a_user_who_may_not_write_is_told_so() {
    let rig = Rig::new();
    let front = Front::start(&Options::new(&server().url(), &rig.authority, guard_basic(false))).unwrap();
    let cluster = connect(&spec(&front.url(), Some(basic(&rig, PASSWORD)), rig.tls()), "source").await.unwrap();
    assert_eq!(cluster.info().await.unwrap().version.to_string(), "2.19.4");
    let error = bulk(&cluster, "orders").await.unwrap_err().to_string();
    for said in [
        "403 security_exception: no permissions for [indices:data/write/bulk] and User [name=admin",
        "check source.auth.basic (user admin), whose password is in file ",
        "and what may be done so on the server",
    ] {
        assert!(error.contains(said), "{said} is not in {error}");
    }
}

fn expected(service: &str, session_token: Option<&str>) -> Expected {
    Expected {
        region: "eu-central-1".into(),
        service: service.into(),
        access_key: "AKIDEXAMPLE".into(),
        secret_key: SECRET_KEY.into(),
        session_token: session_token.map(str::to_owned),
    }
}

fn signed(front: &Front, rig: &Rig, region: &str, service: &'static str, credentials: Credentials) -> Cluster {
    let credentials = SharedCredentialsProvider::new(credentials);
    let mut options = ClusterOptions::new(Url::parse(&front.url()).unwrap());
    options.auth = Auth::SigV4 { region: region.into(), service, credentials };
    options.tls = Tls { ca_pem: Some(rig.authority.pem().into_bytes()), ..Tls::default() };
    Cluster::connect(&options).unwrap()
}

fn credentials(key: &str, secret: &str, session_token: Option<&str>) -> Credentials {
    Credentials::new(key, secret, session_token.map(str::to_owned), None, "tests")
}

#[tokio::test]
async fn signatures_of_both_services_open_and_wrong_ones_are_told_apart() {
    let rig = Rig::new();
    for (service, session) in [("es", None), ("es", Some(SESSION)), ("aoss", Some(SESSION))] {
        let guard = Guard::SigV4(expected(service, session));
        let front = Front::start(&Options::new(&server().url(), &rig.authority, guard)).unwrap();
        let right = || credentials("AKIDEXAMPLE", SECRET_KEY, session);
        loads(&signed(&front, &rig, "eu-central-1", service, right())).await;

        let passed = front.passed();
        let other = if service == "es" { "aoss" } else { "es" };
        let told = format!("check target.auth.sigv4 (region eu-central-1, service {service}) and the AWS credentials");
        let wrong_key = credentials("AKIDEXAMPLE", WRONG, session);
        let wrong_id = credentials("AKIDOTHER", SECRET_KEY, session);
        let mut cases = vec![
            ("eu-central-1", service, wrong_key, "The request signature we calculated does not match"),
            ("eu-central-1", service, wrong_id, "The security token included in the request is invalid"),
            ("us-east-1", service, right(), "Credential should be scoped to a valid region"),
            ("eu-central-1", other, right(), "Credential should be scoped to correct service"),
        ];
        if session.is_some() {
            let old = credentials("AKIDEXAMPLE", SECRET_KEY, Some("IQoJold"));
            let none = credentials("AKIDEXAMPLE", SECRET_KEY, None);
            cases.push(("eu-central-1", service, old, "The security token included in the request is expired"));
            cases.push(("eu-central-1", service, none, "The security token included in the request is invalid"));
        }
        for (region, signed_for, credentials, said) in cases {
            let cluster = signed(&front, &rig, region, signed_for, credentials);
            let told = told
                .replace("region eu-central-1", &format!("region {region}"))
                .replace(&format!("service {service}"), &format!("service {signed_for}"));
            refused(&cluster, &["refused with 403", said, &told], &[SECRET_KEY, SESSION, WRONG]).await;
        }
        assert_eq!(front.passed(), passed);
    }
}

/// A chain whose places have nothing.
#[derive(Debug)]
struct Nothing;

impl ProvideCredentials for Nothing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("no place has any")))
    }
}

#[tokio::test]
async fn without_aws_credentials_nothing_is_sent() {
    let rig = Rig::new();
    let guard = Guard::SigV4(expected("es", None));
    let front = Front::start(&Options::new(&server().url(), &rig.authority, guard)).unwrap();
    let mut options = ClusterOptions::new(Url::parse(&front.url()).unwrap());
    let credentials = SharedCredentialsProvider::new(Nothing);
    options.auth = Auth::SigV4 { region: "eu-central-1".into(), service: "es", credentials };
    let cluster = Cluster::connect(&options).unwrap();
    refused(&cluster, &["no place has any", "check target.auth.sigv4 (region eu-central-1, service es)"], &[]).await;
    assert_eq!(front.passed(), 0);
}

#[tokio::test]
async fn a_server_that_does_not_tell_its_version_has_the_configured_one() {
    let rig = Rig::new();
    let options = Options { tells_nothing: true, ..Options::new(&server().url(), &rig.authority, guard_basic(true)) };
    let front = Front::start(&options).unwrap();
    let mut spec = spec(&front.url(), Some(basic(&rig, PASSWORD)), rig.tls());
    assert!(target(&spec).await.info().await.unwrap_err().to_string().contains("404"));

    let said: ServerVersion = "opensearch 2.19.4".parse().unwrap();
    spec.version = Some(said);
    loads(&target(&spec).await).await;
    spec.auth = Some(basic(&rig, WRONG));
    refused(&target(&spec).await, &["401", "check target.auth.basic"], &[WRONG]).await;

    // One that tells it is believed.
    let front = Front::start(&Options::new(&server().url(), &rig.authority, guard_basic(true))).unwrap();
    spec.auth = Some(basic(&rig, PASSWORD));
    spec.version = Some("elasticsearch 7.10.2".parse().unwrap());
    spec.endpoint = front.url();
    loads(&target(&spec).await).await;
}
