//! Signed requests that are sent again.

use std::sync::atomic::{AtomicU32, Ordering};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use target::{Auth, Cluster, ItemOutcome, TargetError};

use super::{Log, bulk};
use crate::server::{Reply, Server, error, written};

/// Other credentials each time; at first none can be fetched.
#[derive(Debug, Default)]
struct Renewed(AtomicU32);

impl ProvideCredentials for Renewed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        if number == 0 {
            let down = std::io::Error::other("the metadata service is down");
            return future::ProvideCredentials::ready(Err(CredentialsError::provider_error(down)));
        }
        let token = Some(format!("token{number}"));
        future::ProvideCredentials::ready(Ok(Credentials::new(format!("AKID{number}"), "hunter2", token, None, "test")))
    }
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_signed_anew() {
    let busy = || error(503, "unavailable_shards_exception", "not active");
    let server = Server::start([busy(), Reply::Close, written()]).await;
    let mut options = server.options();
    let credentials = SharedCredentialsProvider::new(Renewed::default());
    options.auth = Auth::SigV4 { region: "eu-central-1".into(), service: "aoss", credentials };
    let cluster = Cluster::connect(&options).unwrap();
    let log = Log::default();
    assert_eq!(bulk(&cluster, &["1"], &log).await.unwrap(), [ItemOutcome::Written]);

    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    for (number, request) in (1..).zip(requests) {
        let head = request.head.to_ascii_lowercase();
        for said in [
            format!("credential=akid{number}/"),
            "/eu-central-1/aoss/aws4_request".to_owned(),
            format!("x-amz-security-token: token{number}\r\n"),
            "x-amz-content-sha256: ".to_owned(),
            "signedheaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token,".to_owned(),
        ] {
            assert!(head.contains(&said), "{said} is not in {head}");
        }
        assert!(!head.contains("hunter2"), "{head}");
    }
    let reasons = log.reasons();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    let told = "see target.auth.sigv4 (region eu-central-1, service aoss)";
    assert!(reasons[0].contains("the metadata service is down") && reasons[0].contains(told), "{reasons:?}");
}

#[tokio::test]
async fn a_token_that_expired_stops_the_load_and_is_named() {
    let expired = Reply::Answer(403, r#"{"message":"The security token included in the request is expired"}"#.into());
    let server = Server::start([written(), expired]).await;
    let mut options = server.options();
    let credentials = SharedCredentialsProvider::new(Credentials::new("AKID", "hunter2", None, None, "test"));
    options.auth = Auth::SigV4 { region: "eu-central-1".into(), service: "es", credentials };
    let cluster = Cluster::connect(&options).unwrap();
    assert_eq!(bulk(&cluster, &["1"], &Log::default()).await.unwrap(), [ItemOutcome::Written]);
    let refused = bulk(&cluster, &["2"], &Log::default()).await.unwrap_err();
    assert!(matches!(refused, TargetError::Refused { status: 403, .. }), "{refused}");
    let text = refused.to_string();
    let told = "check target.auth.sigv4 (region eu-central-1, service es) and the AWS credentials";
    assert!(text.contains("included in the request is expired") && text.contains(told), "{text}");
}
