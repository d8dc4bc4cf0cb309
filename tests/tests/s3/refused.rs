//! What S3 does not give: its own code, and what to do about it.

use snapshot::{BlobStore, StoreErrorKind, Verdict};
use tests::s3::{ACCESS_KEY, Fault, S3Server, SECRET_KEY, environment};

use crate::{BUCKET, migctl, store, store_as};

#[tokio::test]
async fn keys_that_are_not_known_or_do_not_fit() {
    let server = S3Server::start().unwrap();
    server.bucket(BUCKET).unwrap();
    for (access_key, secret_key, expected) in [
        (
            "AKIASOMEBODY",
            SECRET_KEY,
            "s3://backups/prod can't be used: S3 says InvalidAccessKeyId (HTTP 403): The AWS Access Key Id you provided \
             does not exist in our records; the access key AKIASOMEBODY is not known there: check the credentials where \
             the worker runs",
        ),
        (
            ACCESS_KEY,
            "wrong",
            "s3://backups/prod can't be used: S3 says SignatureDoesNotMatch (HTTP 403); the secret key that belongs to \
             the access key AKIAMIGCTLTESTS is another one",
        ),
    ] {
        let store = store_as(&server, BUCKET, "prod", access_key, secret_key).await;
        for error in [store.list("").await.unwrap_err(), store.read("index-0", 9).await.unwrap_err()] {
            assert_eq!(error.to_string(), expected);
            assert_eq!((error.kind, error.verdict()), (StoreErrorKind::Unusable, Verdict::Stop));
        }
    }
}

#[tokio::test]
async fn what_amazon_refuses() {
    let server = S3Server::start().unwrap();
    server.bucket(BUCKET).unwrap();
    let store = store(&server, "prod").await;
    for (status, code, verdict, advice) in [
        (
            403,
            "AccessDenied",
            Verdict::Fail,
            "needs s3:ListBucket on arn:aws:s3:::backups and s3:GetObject on \
            arn:aws:s3:::backups/prod/*, and kms:Decrypt where",
        ),
        (403, "InvalidObjectState", Verdict::Fail, "restore the objects of the repository first"),
        (400, "ExpiredToken", Verdict::Stop, "the session of the access key AKIAMIGCTLTESTS has ended"),
        (403, "RequestTimeTooSkewed", Verdict::Stop, "the clock of this machine is wrong"),
        (301, "PermanentRedirect", Verdict::Stop, "the bucket is in the region eu-central-1: set the repository's"),
        (400, "AuthorizationHeaderMalformed", Verdict::Stop, "the bucket is in the region eu-central-1: set the"),
    ] {
        server.fail_next([Fault::Says(status, code)]);
        let error = store.read("index-0", 9).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!("S3 says {code} (HTTP {status}): The test wants {code}; ")), "{text}");
        assert!(text.contains("s3://backups/prod ") && text.contains(advice), "{text}");
        assert_eq!((error.verdict(), server.faults_left()), (verdict, 0), "{code}");
    }
}

#[test]
fn a_person_is_told() {
    let server = S3Server::start().unwrap();
    server.bucket(BUCKET).unwrap();
    let url = server.url();
    let ls = |environment: &[(&str, String)], repo: &str| {
        let ended = migctl(environment, &["snapshot", "ls", "--repo", repo, "--s3-endpoint", &url]);
        eprintln!("$ migctl snapshot ls --repo {repo}\n{ended}");
        assert!(ended.output.is_empty(), "{ended}");
        (ended.code, ended.errors)
    };
    let keys = server.environment();
    for (environment, repo, code, phrase) in [
        (
            vec![],
            "s3://backups",
            1,
            "s3://backups can't be used: no AWS credentials were found: looked at the environment",
        ),
        (
            environment(ACCESS_KEY, "wrong"),
            "s3://backups",
            1,
            "S3 says SignatureDoesNotMatch (HTTP 403); the secret key",
        ),
        (keys.clone(), "s3://backup", 1, "S3 says NoSuchBucket (HTTP 404)"),
        (keys.clone(), "s3://backups/prod", 1, "s3://backups/prod is no snapshot repository"),
        (
            keys.clone(),
            "/tmp",
            2,
            "--s3-region and --s3-endpoint are about a repository in S3, and \"/tmp\" is a directory",
        ),
    ] {
        let (ended, errors) = ls(&environment, repo);
        assert_eq!(ended, Some(code), "{errors}");
        assert!(errors.contains(phrase), "it doesn't say {phrase:?}");
    }
    let (_, errors) = ls(&keys, "s3://backup");
    assert!(errors.contains("there is no repository at s3://backup; check the path or bucket"), "{errors}");
    assert!(errors.contains("check the bucket's name, its region and the endpoint"), "{errors}");
}
